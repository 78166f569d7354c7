"""Watching from the command line: everything, as a table for programs, and as lines of JSON."""

from __future__ import annotations

import csv
import io
import json
import queue
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, Self

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment
from tests.cases import for_each

from wisblock_bridge.cli import arguments, main
from wisblock_bridge.client import Bridge

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "wisblock_bridge"]


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


class Watching:
    """``watch`` as a process; its lines as they come."""

    def __init__(self, served: BridgeProcess, *words: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "watch", *words, "--endpoint", served.endpoint],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            cwd=ROOT,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def line(self, *, having: str = "") -> str:
        """Wait for a line with some words in it."""
        while having not in (line := self._lines.get(timeout=LONG_S)):
            pass
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LONG_S)
        self._reader.join(LONG_S)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture
def flows(served: BridgeProcess) -> Iterator[Bridge]:
    with Bridge(served.endpoint, name="flows") as bridge:
        for entry in bridge.status()["slots"]:  # type: ignore[attr-defined]
            bridge.release(entry["module"], entry["slot"], force=True)
        for slot in (1, 2):
            bridge.emulator.unplug(slot)
        bridge.emulator.plug(1, "RAK16001")
        yield bridge


def test_everything_is_shown_in_words(served: BridgeProcess, flows: Bridge) -> None:
    with Watching(served, "--all") as watching:
        assert watching.line(having="slot 1").endswith("RAK16001 slot 1  is plugged in")
        assert watching.line(having="slot 2").endswith("slot 2  is empty")
        flows["RAK16001", 1].read(channel=2)
        assert "used by flows (process" in watching.line(having="used by")
        line = watching.line(having="voltage=")
        assert line.split("  ")[1:3] == ["RAK16001 slot 1", "read channel=2"]
        assert line.endswith(" V")
        assert watching.line(having="works").endswith("RAK16001 slot 1  works")
        flows.emulator.fault("nack", slot=1)
        with pytest.raises(Exception, match="No answer"):
            flows["RAK16001", 1].read(channel=2)
        assert "read channel=2  error: " in watching.line(having="error")
        assert "fails: No answer." in watching.line(having="fails")
        flows.emulator.fault("nack", slot=1, count=0)
        flows.release("RAK16001", 1)
        assert watching.line(having="closed").endswith("RAK16001 slot 1  is closed")
        assert flows.status()["slots"] == [], "watching keeps nothing open"


def test_everything_as_json(served: BridgeProcess, flows: Bridge) -> None:
    with Watching(
        served, "RAK16001", "--all", "--slot", "1", "--jsonl", "--count", "1"
    ) as watching:
        assert json.loads(watching.line())["kind"] == "plugged"
        result = flows["RAK16001", 1].read(channel=3)
        line = json.loads(watching.line(having='"result"'))
        assert line["readings"] == result.readings
        assert (line["module"], line["slot"], line["params"]) == ("RAK16001", 1, {"channel": 3})
        assert {"v", "event", "subscription"}.isdisjoint(line)
        assert watching.process.wait(LONG_S) == 0


def test_everything_as_a_table(served: BridgeProcess, flows: Bridge) -> None:
    with Watching(served, "--all", "--csv") as watching:
        heading = watching.line()
        assert heading == "time,slot,module,name,about,reading,value,unit,quality"
        result = flows["RAK16001", 1].read(channel=3)
        row = next(csv.reader([watching.line()]))
        assert row[0].endswith("Z")
        assert row[1:] == [
            "1", "RAK16001", "read", "channel=3", "voltage", str(result["voltage"]), "V", "good",
        ]  # fmt: skip


def test_readings_as_a_table(
    capsys: pytest.CaptureFixture[str], served: BridgeProcess, flows: Bridge
) -> None:
    flows.emulator.plug(2, "RAK5801")
    words = ["RAK5801", "read", "--slot", "2", "samples=1", "--every", "20ms", "--count", "3"]
    assert main(["watch", *words, "--csv", "--endpoint", served.endpoint]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == [
        "time", "current (mA)", "percent (%)", "loop", "value", "calibrated", "quality", "note",
    ]  # fmt: skip
    assert len(rows) == 3
    for row in rows:
        assert float(row["current (mA)"]) == pytest.approx(12.0, abs=0.01)
        assert (row["loop"], row["value"], row["quality"]) == ("ok", "", "good")


@pytest.mark.usefixtures("flows")
def test_lines_of_json(capsys: pytest.CaptureFixture[str], served: BridgeProcess) -> None:
    words = ["RAK16001", "read", "--every", "20ms", "--count", "2", "--jsonl"]
    assert main(["watch", *words, "--endpoint", served.endpoint]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 2
    assert set(lines[0]["readings"]) >= {"voltage"}


def test_the_status_shows_the_last_values(
    capsys: pytest.CaptureFixture[str], served: BridgeProcess, flows: Bridge
) -> None:
    result = flows["RAK16001", 1].read(channel=3)
    assert main(["status", "--endpoint", served.endpoint]) == 0
    out = capsys.readouterr().out
    (line,) = [each for each in out.splitlines() if "read channel=3" in each]
    assert line.split("  ")[1] == "RAK16001 in slot 1"
    assert f"voltage={result['voltage']:.3f} V" in line
    assert " s ago" in line
    assert main(["report", "--endpoint", served.endpoint]) == 0
    assert "read channel=3" not in capsys.readouterr().out, "a report is shown to others"


def test_errors_are_json_where_lines_are(
    capsys: pytest.CaptureFixture[str], served: BridgeProcess
) -> None:
    words = ["RAK16001", "rad", "--jsonl", "--endpoint", served.endpoint]
    assert main(["watch", *words]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    error = json.loads(captured.err)["error"]
    assert error["code"] == "unknown_operation"
    assert error["hint"] == "Did you mean read?"


@for_each(
    "words",
    [
        [],
        ["RAK5801"],
        ["--all", "RAK5801", "read"],
        ["--all", "samples=3"],
        ["RAK5801", "read", "extra"],
        ["RAK5801", "read", "--csv", "--jsonl"],
    ],
)
def test_what_makes_no_sense_is_code_2(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        arguments.parse(["watch", *words])
    assert end.value.code == 2
    assert "watch" in capsys.readouterr().err


@for_each(
    "words",
    [
        ["RAK5801", "read", "samples=3", "--slot", "2"],
        ["--slot", "2", "RAK5801", "read", "samples=3"],
        ["RAK5801", "--slot", "2", "read", "samples=3"],
        ["RAK5801", "read", "--slot", "2", "samples=3"],
    ],
)
def test_words_may_stand_among_the_options(words: list[str]) -> None:
    options: Any = arguments.parse(["watch", *words])
    assert (options.module, options.operation, options.params, options.slot) == (
        "RAK5801",
        "read",
        ["samples=3"],
        2,
    )
    everything: Any = arguments.parse(["watch", "--all", "--slot", "1", "RAK5801"])
    assert (everything.module, everything.operation, everything.slot) == ("RAK5801", None, 1)
