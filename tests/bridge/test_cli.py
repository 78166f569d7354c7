"""The command line: its words, its exit codes, and what it prints, against a real bridge."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment, eventually
from tests.cases import for_each

import wisblock_bridge
from wisblock_bridge.cli import arguments, main
from wisblock_bridge.cli.watch import Table
from wisblock_bridge.client import Bridge, Event, RemoteError, Result
from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.modules import registry
from wisblock_bridge.wire import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMAND = [sys.executable, "-m", "wisblock_bridge"]
NOWHERE = "ipc:///tmp/wb-nobody/bridge.sock"


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("WISBLOCK_BRIDGE_"):
            monkeypatch.delenv(name)


class Outcome:
    """What a command printed, and its exit code."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code = code
        self.out = out
        self.err = err

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def command(*words: str) -> Outcome:
        try:
            code = main(list(words))
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return command


def at(served: BridgeProcess) -> tuple[str, str]:
    return "--endpoint", served.endpoint


# -- start-up -------------------------------------------------------------------------------------


def test_the_version_needs_no_library() -> None:
    program = (
        "import sys\n"
        "before = set(sys.modules)\n"  # measuring coverage imports some of them
        "from wisblock_bridge.cli import main\n"
        "code = main(['--version'])\n"
        "heavy = {'zmq', 'msgspec', 'msgpack', 'argparse', 'tomllib', 'dataclasses', 'logging'}\n"
        "print(code, sorted(heavy & set(sys.modules) - before))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=True,
    )
    assert finished.stdout.splitlines() == [
        f"wisblock-bridge {wisblock_bridge.__version__}",
        "0 []",
    ]


def test_help_needs_no_zeromq() -> None:
    program = (
        "import sys\n"
        "from wisblock_bridge.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print('zmq' in sys.modules, 'msgspec' in sys.modules)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=True,
    )
    assert finished.stdout.splitlines()[-1] == "False False"


# -- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("dance",),
        ("call", "RAK5801"),
        ("call", "RAK5801", "read", "--loud"),
        ("call", "RAK5801", "read", "--slot", "3"),
        ("watch", "RAK5801", "read", "--every", "soon"),
        ("watch", "RAK5801", "read", "--count", "0"),
        ("status", "now"),
        ("serve", "--board"),
    ],
)
def test_wrong_usage_is_code_2_and_a_sentence(run: Any, words: tuple[str, ...]) -> None:
    outcome = run(*words)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("wisblock-bridge: ")
    assert "--help" in outcome.err


def test_parameters_may_stand_anywhere_behind_the_operation() -> None:
    options = arguments.parse(
        ["call", "RAK5801", "read", "samples=8", "--slot", "2", "scale_low=0", "--json"]
    )
    assert options.params == ["samples=8", "scale_low=0"]
    assert (options.slot, options.json) == (2, True)
    options = arguments.parse(["call", "RAK5801", "read", "--slot", "board", "samples=8"])
    assert (options.params, options.slot) == (["samples=8"], "board")


@for_each(
    ("text", "seconds"), [("500ms", 0.5), ("1s", 1.0), ("2", 2.0), ("1.5m", 90.0), ("1h", 3600.0)]
)
def test_durations_as_people_write_them(text: str, seconds: float) -> None:
    assert arguments.duration_s(text) == pytest.approx(seconds)


# -- without a bridge -----------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("status",), ("call", "RAK5801", "read")])
def test_without_a_bridge_is_code_3_and_says_how_to_start_one(
    run: Any, command: tuple[str, ...]
) -> None:
    outcome = run(*command, "--endpoint", NOWHERE)
    assert outcome.code == 3
    assert "wisblock-bridge serve" in outcome.err


def test_the_catalogue_is_printed_the_same_way_every_time(run: Any, tmp_path: Path) -> None:
    loaded = registry.load()
    text = catalogue.as_text(loaded.data)
    assert json.loads(text) == loaded.data
    assert run("catalogue").out == text
    assert run("catalogue", "--out", str(tmp_path / "c.json")).out == ""
    assert (tmp_path / "c.json").read_text(encoding="utf-8") == text
    beside = json.loads((tmp_path / "fingerprint.json").read_text(encoding="utf-8"))
    assert beside == {"catalogue": loaded.sha256}


def test_the_catalogue_has_a_line_for_each_parameter_and_reading() -> None:
    text = catalogue.as_text(registry.load().data)
    for line in text.splitlines():
        assert line.count('"kind": "') <= 1
    assert re.search(r'^ {6}\{"name": "samples", .*\},?$', text, re.MULTILINE)


def test_modules_are_listed_without_a_bridge(run: Any) -> None:
    outcome = run("list", "--endpoint", NOWHERE)
    assert outcome.code == 0
    assert re.search(r"^RAK5801 +slot 1,2 +4-20 mA input +read", outcome.out, re.MULTILINE)
    shown = run("list", "rak5801", "--endpoint", NOWHERE).out
    assert "samples (int, 1...1024): How many conversions of about 10 ms" in shown
    assert "current (mA)" in shown
    assert run("list", "RAK5801", "--json", "--endpoint", NOWHERE).json["name"] == "RAK5801"


def test_an_unknown_module_gets_the_nearest(run: Any) -> None:
    outcome = run("list", "RAK5810", "--endpoint", NOWHERE)
    assert outcome.code == 1
    assert "Did you mean RAK58" in outcome.err


def test_an_emulated_board_can_be_scanned_without_a_bridge(run: Any) -> None:
    outcome = run("scan", "--emulate", "--variant", "B", "--json", "--endpoint", NOWHERE)
    assert [each["address"] for each in outcome.json] == [0x23, 0x27, 0x48]


@pytest.fixture
def _no_such_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WISBLOCK_BRIDGE_I2C_NUMBER", "250")


@pytest.mark.usefixtures("_no_such_bus")
def test_a_scan_without_hardware_says_what_to_do(run: Any) -> None:
    outcome = run("scan", "--endpoint", NOWHERE)
    assert outcome.code == 1
    assert "/dev/i2c-250 does not exist" in outcome.err
    assert "dtparam=i2c_arm=on" in outcome.err


def test_a_wrong_configuration_is_code_2(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text("emulat = true")
    outcome = run("serve", "--config", str(file))
    assert outcome.code == 2
    assert f"{file}, key emulat: there is no such key. Did you mean emulate?" in outcome.err


@pytest.mark.usefixtures("_no_such_bus")
def test_check_tells_what_is_missing_with_code_1(run: Any) -> None:
    outcome = run("check", "--endpoint", NOWHERE)
    assert outcome.code == 1
    assert "MISSING I2C bus i2c-250" in outcome.out
    assert "-> " in outcome.out
    good = run("check", "--emulate", "--json", "--endpoint", NOWHERE)
    assert good.code == 0
    assert {each["state"] for each in good.json} <= {"ok", "info"}


def test_check_shows_what_is_in_effect_and_why(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "x.toml"
    file.write_text(
        '[board]\nvariant = "C"\nconverter_address = 0x48\n[board.free_lines]\nboard = [6]\n'
        '[board.slot1.lines]\nIO4 = "slots:4"\n[[slot]]\nnumber = 1\nmodule = "RAK5801"\n'
        'addresses = { ADS7830 = "0x4a" }'
    )
    monkeypatch.setenv("WISBLOCK_BRIDGE_SWING_S", "5")
    shown = run("check", "--show", "--json", "--emulate", "--config", str(file)).json
    assert shown["configuration file"]["value"] == str(file)
    assert shown["emulate"] == {"value": "true", "origin": "--emulate"}
    assert shown["swing_s"]["origin"] == "environment variable WISBLOCK_BRIDGE_SWING_S"
    assert shown["board.variant"]["origin"] == f"{file}, table [board], key variant"
    assert shown["board.converter_address"]["value"] == "0x48"
    assert shown["board.free_lines.board"]["value"] == "[6]"
    assert shown["board.slot1.lines.IO4"]["value"] == "slots:4"
    assert shown["slot1.addresses.ADS7830"]["value"] == "0x4a"
    assert shown["slot1.addresses.ADS7830"]["origin"].endswith("key addresses")
    assert shown["log_level"] == {"value": "info", "origin": "default"}
    assert "board.variant" in run("check", "--show", "--config", str(file)).out


# -- with a bridge --------------------------------------------------------------------------------


def test_a_call_prints_values_with_units(run: Any, served: BridgeProcess) -> None:
    with Bridge(served.endpoint) as bridge:
        bridge["RAK5801", 1].read(samples=1)
        bridge.emulator.set(1, "current", 12.0)
    outcome = run("call", "RAK5801", "read", "--slot", "1", "samples=8", *at(served))
    assert outcome.code == 0
    assert outcome.out.splitlines() == [
        "current  12.00 mA",
        "percent  50.0 %",
        "loop     ok",
        "(emulated)",
    ]
    data = run("call", "rak5801", "read", "samples=8", "--json", *at(served)).json
    assert data["readings"]["current"] == pytest.approx(12.0, abs=0.002)
    assert (data["quality"], data["emulated"]) == ("good", True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("RAK5801", "raed"), "Did you mean read?"),
        (("RAK5801", "read", "sample=8"), "Did you mean samples?"),
        (("RAK5801", "read", "samples=x"), "'x' is not a whole number"),
        (("RAK5801", "read", "samples=0"), "1...1024"),
        (("RAK5801", "read", "samples=1", "samples=2"), "given twice"),
        (("TPT29555", "write", "expander=board", "line=0", "level=0"), "free to drive"),
        (("TPT29555", "write", "expander=bord", "line=0", "level=0"), "slots"),
    ],
)
def test_a_refusal_is_code_1_and_a_sentence(
    run: Any, served: BridgeProcess, words: tuple[str, ...], said: str
) -> None:
    outcome = run("call", *words, *at(served))
    assert outcome.code == 1
    assert said in outcome.err
    assert outcome.out == ""
    assert "Traceback" not in outcome.err


def test_debug_shows_where_an_error_comes_from(served: BridgeProcess) -> None:
    with pytest.raises(BadParamsError):
        main(["call", "RAK5801", "read", "samples=x", "--debug", *at(served)])


def test_an_output_stays_only_when_asked(run: Any, served: BridgeProcess) -> None:
    drive = ("call", "TPT29555", "write", "expander=board", "line=6", "level=0", *at(served))
    with Bridge(served.endpoint) as bridge:

        def outputs() -> object:
            return bridge["TPT29555"].read_all(expander="board")["directions"]

        assert run(*drive).code == 0
        eventually(lambda: outputs() == 0, "the line is an input again")
        assert run(*drive, "--hold").code == 0
        time.sleep(0.2)
        assert outputs() == 1 << 6
        bridge["TPT29555"].release(expander="board", line=6)


def test_status_for_people_and_programs(run: Any, served: BridgeProcess) -> None:
    run("call", "ADC", "read", "channel=0", *at(served))
    text = run("status", *at(served)).out
    assert "board: emulated RAK7391" in text
    assert re.search(r"slot board +ADC +open", text)
    assert "wisblock-bridge command line" in text
    assert run("status", "--json", *at(served)).json["board"]["product"] == "RAK7391"


def test_scan_and_check_know_the_running_bridge(run: Any, served: BridgeProcess) -> None:
    scanned = run("scan", *at(served)).out
    assert "0x4b on i2c-1  SGM58031" in scanned
    # Their converter has its supply from the heater's switch.
    assert "RAK12004 and RAK12009 cannot be seen while their heater is off." in scanned
    assert "is running on" in run("check", "--emulate", *at(served)).out


def test_watching_prints_a_line_for_each_value(run: Any, served: BridgeProcess) -> None:
    words = ("watch", "ADC", "read", "channel=1", "--every", "20ms", "--count", "3", *at(served))
    lines = run(*words).out.splitlines()
    assert len(lines) == 3
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z  voltage=\S+ V", line) for line in lines)
    data = [json.loads(line) for line in run(*words, "--json").out.splitlines()]
    assert [each["sequence"] for each in data] == sorted(each["sequence"] for each in data)


def test_watching_events(run: Any, served: BridgeProcess) -> None:
    words = ("watch", "TPT29555", "change", "--event", "expander=slots", "lines=[2,3]")
    outcome = run(*words, "--count", "1", *at(served))
    assert outcome.code == 0
    assert "line=" in outcome.out


def test_watching_on_a_terminal_keeps_a_table_in_its_place(served: BridgeProcess) -> None:
    words = ("watch", "RAK5801", "read", "samples=1", "--every", "20ms", "--count", "4")
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *words, *at(served)], env=environment(), cwd=ROOT, stdout=child
    )
    os.close(child)
    text = b""
    deadline = time.monotonic() + LONG_S
    while time.monotonic() < deadline:
        if select.select([parent], [], [], 0.1)[0]:
            try:
                text += os.read(parent, 65536)
            except OSError:  # the other end is closed
                break
    os.close(parent)
    assert process.wait(LONG_S) == 0
    assert text.count(b"lowest") == 4
    assert text.count(b"\x1b[6A") == 3  # up over head, heading, three readings and state
    assert b"RAK5801 read, slot 1" in text


def test_a_table_of_changing_height_leaves_nothing_behind() -> None:
    stream = io.StringIO()
    table = Table("x", {"readings": []}, {}, stream)
    table.show(Event("read", Result({"a": 1, "b": 2})))
    table.show(Event("error", error=RemoteError("Broken.")))
    table.show(Event("read", Result({"a": 3}), lost=2, late=5))
    text = stream.getvalue()
    assert "Broken." in text
    assert "2 lost, 5 missed" in text
    assert "late: 5 missed before this one" in text
    assert text.count("\x1b[5A") == 2
    rows = [line.split() for line in text.replace("\x1b[2K", "\n").splitlines()]
    assert ["a", "3", "1", "3"] in rows


def interrupted(served: BridgeProcess, *words: str) -> subprocess.CompletedProcess[str]:
    process = subprocess.Popen(
        [*COMMAND, *words, *at(served)],
        env=environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LONG_S)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def test_interrupting_a_watch_is_its_normal_end(served: BridgeProcess) -> None:
    finished = interrupted(served, "watch", "ADC", "read", "channel=0", "--every", "20ms")
    assert finished.returncode == 0
    assert finished.stderr == ""


def test_a_reader_that_goes_away_is_no_error(served: BridgeProcess) -> None:
    process = subprocess.Popen(
        [*COMMAND, "watch", "ADC", "read", "channel=0", "--every", "10ms", *at(served)],
        env=environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(LONG_S) == 141
    assert process.stderr.read() == b""
    process.stderr.close()
