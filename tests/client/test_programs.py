"""The programs of docs/python.md and of the modules' pages, on an emulated board."""

from __future__ import annotations

import csv
import importlib.metadata
import importlib.util
import io
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
import warnings
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient
from tests.bridge.bridge_process import LONG_S, ROOT, environment, eventually

from wisblock_bridge.testing import EmulatedBoard, emulated_bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

pytestmark = pytest.mark.slow

SHORT = ROOT / "python-bridge/examples/short"
TASKS = ROOT / "python-bridge/examples/tasks"
CATALOGUE: dict[str, Any] = json.loads((ROOT / "node-red-nodes/catalogue.json").read_text())

SAID = {
    "adc": "V",
    "rak12004": "ppm",
    "rak12006": "rest",
    "rak12009": "ppm",
    "rak12015": "peak",
    "rak13001": "no voltage",
    "rak13003": "pin 8 is",
    "rak13004": "lamp: 25.0 %",
    "rak13005": "12 34 56",
    "rak13007": "on",
    "rak13300": "on the air",
    "rak13600": "dc:af:fd:02",
    "rak14003": "7 LEDs",
    "rak16000": "12.00 V",
    "rak16001": "input 0: 1.2",
    "rak17000": "60 %",
    "rak5801": "12.00 mA, loop ok",
    "rak5802": "25.65 °C",
    "rak5811": "2.5",
    "tpt29555": "LED: ",
}
"""What each of the short programs says, among other things."""


@pytest.fixture
def board() -> Iterator[EmulatedBoard]:
    with emulated_bridge() as made:
        yield made


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"task_{name}", TASKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Running:
    """A task on a thread, and what it has printed so far."""

    def __init__(self, work: Callable[[], object], capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._said = ""
        self.error: BaseException | None = None

        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001  (raised where the test waits)
                self.error = error

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def said(self) -> str:
        self._said += self._capsys.readouterr().out
        if self.error is not None:
            raise self.error
        return self._said

    def end(self) -> str:
        self._thread.join(LONG_S)
        assert not self._thread.is_alive()
        return self.said()


# -- the modules' pages ---------------------------------------------------------------------------


def test_every_module_has_a_short_program_that_runs() -> None:
    assert {path.stem for path in SHORT.glob("*.py")} == {
        each["slug"] for each in CATALOGUE["modules"]
    }
    for path in sorted(SHORT.glob("*.py")):
        output = io.StringIO()
        # On a RAK7391 the clock has the address of a RAK12004 as it is delivered.
        carrier: Any = "RAK6421" if path.stem == "rak12004" else "RAK7391"
        with emulated_bridge(board=carrier) as board:
            module = path.stem.upper()
            if path.stem.startswith("rak"):
                board.plug(1, module)  # type: ignore[arg-type]
            if path.stem == "rak5801":
                board.slot1.current = 12.0
            with redirect_stdout(output):
                runpy.run_path(str(path), run_name="__main__")
        assert SAID[path.stem] in output.getvalue(), f"{path.name}: {output.getvalue()}"


# -- the ten tasks --------------------------------------------------------------------------------


def test_the_first_reading(board: EmulatedBoard, capsys: pytest.CaptureFixture[str]) -> None:
    board.plug(1, "RAK5801").current = 12.0
    runpy.run_path(str(TASKS / "first_reading.py"))
    assert capsys.readouterr().out == "12.00 mA is 50 %, the loop is ok\n"
    board.slot1.current = 1.0
    runpy.run_path(str(TASKS / "first_reading.py"))
    assert "but: " in capsys.readouterr().out
    board.fail(1, "nack")
    runpy.run_path(str(TASKS / "first_reading.py"))
    assert "does not work" in capsys.readouterr().out


def test_the_first_reading_without_a_bridge(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WISBLOCK_BRIDGE_ENDPOINT", f"ipc://{tmp_path}/none")
    runpy.run_path(str(TASKS / "first_reading.py"))
    assert "wisblock-bridge serve" in capsys.readouterr().out


def test_the_data_logger(
    board: EmulatedBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.plug(1, "RAK5801").current = 8.0
    logger = load("data_logger")
    logger.log(tmp_path / "log.csv", 5, 0.02)
    with (tmp_path / "log.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5
    assert all(float(row["current_ma"]) == pytest.approx(8.0, abs=0.01) for row in rows)
    assert all(row["time"].endswith("+00:00") for row in rows)
    monkeypatch.setitem(sys.modules, "pandas", None)  # as if it were not installed
    assert logger.summary(tmp_path / "log.csv") == "5 readings, 8.00 to 8.00 mA"


def test_the_gas_alarm(capsys: pytest.CaptureFixture[str]) -> None:
    with emulated_bridge(slot1="RAK12009", slot2="RAK13007") as board:
        board.slot1.ppm = 50.0
        board.bridge.rak12009(1).heater(on=True, warm_up_ms=0)  # as if it had been on for long
        alarm = Running(lambda: load("gas_alarm").watch(rounds=1, after_run_s=0.5), capsys)
        eventually(lambda: board.bridge.status()["slots"] != [], "it watches")
        board.slot1.ppm = 400.0
        eventually(lambda: "fan on" in alarm.said(), "the fan runs")
        eventually(lambda: board.slot2.contact, "the relay is on")
        board.slot1.ppm = 50.0
        assert alarm.end().endswith("fan off\n")
        eventually(lambda: not board.slot2.contact, "the fan is off")


def test_the_modbus_poller(board: EmulatedBoard, capsys: pytest.CaptureFixture[str]) -> None:
    board.plug(1, "RAK5802").temperature_42 = 21.5
    load("modbus_poller").poll(rounds=2, interval_s=0.01)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["unit 42: 35 %, 21.50 °C", "unit 43: 51 %, 30.05 °C"] * 2


def test_the_lora_echo(board: EmulatedBoard, capsys: pytest.CaptureFixture[str]) -> None:
    board.plug(1, "RAK13300")
    echo = Running(lambda: load("lora_echo").echo(packets=1), capsys)

    def sent() -> bool:
        board.slot1.incoming = b"ping"
        time.sleep(0.2)  # a packet is on the air for 36 ms; one behind the other would collide
        return board.slot1.packets_sent > 0

    eventually(sent, "it answers")
    assert board.slot1.last_sent.startswith(b"ping at -")
    assert echo.end().startswith("ping at -")


def test_the_nfc_door(board: EmulatedBoard, capsys: pytest.CaptureFixture[str]) -> None:
    board.plug(1, "RAK13600").present = False
    board.plug(2, "RAK13007")
    door = Running(lambda: load("nfc_door").watch(cards=2, open_ms=200), capsys)
    eventually(lambda: len(str(board.bridge.status()["slots"])) > 10, "it watches")
    board.slot1.present = True
    eventually(lambda: "welcome, Ada" in door.said(), "it opens")
    assert board.slot2.operations >= 1
    board.slot1.tag = "deadbeef"
    assert "unknown card deadbeef" in door.end()
    eventually(lambda: not board.slot2.contact, "it is closed")


def test_the_motor_with_a_soft_stop(
    board: EmulatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    board.plug(1, "RAK17000")
    motor = Running(lambda: load("motor_soft_stop").run(2.0), capsys)
    eventually(lambda: board.slot1.speed_A > 40.0, "it runs")
    assert motor.end().splitlines() == ["running at 70 %", "stopped: 0 %"]
    eventually(lambda: abs(board.slot1.speed_A) < 1.0, "it stands still")


def test_the_asyncio_service(board: EmulatedBoard) -> None:
    board.plug(1, "RAK5801").current = 16.0
    board.plug(2, "RAK12006").motion = True
    with subprocess.Popen(
        [sys.executable, str(TASKS / "asyncio_service.py")],
        env=environment(WISBLOCK_BRIDGE_ENDPOINT=board.endpoint),
        stdout=subprocess.PIPE,
        text=True,
    ) as service:
        assert service.stdout is not None
        said = {service.stdout.readline().strip() for _ in range(3)}
        service.send_signal(signal.SIGTERM)
        rest, _ = service.communicate(timeout=LONG_S)
    assert {"16.00 mA", "motion"} <= said
    assert rest.endswith("ended\n")
    assert service.returncode == 0


def test_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "python-bridge"))
    monkeypatch.delenv("WISBLOCK_BRIDGE_ENDPOINT", raising=False)
    notebook: Any = nbformat.reads((ROOT / "docs/python.ipynb").read_text(), as_version=4)  # type: ignore[no-untyped-call]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the notebook's machinery
        NotebookClient(notebook, timeout=LONG_S, kernel_name="python3").execute()
    shown = [
        output.get("data", {}).get("text/html", "") + output.get("text", "")
        + output.get("data", {}).get("text/plain", "")
        for cell in notebook.cells
        for output in cell.get("outputs", ())
    ]  # fmt: skip
    said = "\n".join(shown)
    assert "<svg" in said
    assert "<td>current</td>" in said
    assert "<td>mA</td>" in said
    assert "12.00 mA is 50 % at" in said
    assert "True\n\nFalse" in said or "True\nFalse" in said
    assert "NoDeviceError" in said


def test_the_tests_of_the_tank() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull,
         *plugin(), "--rootdir", str(TASKS), str(TASKS / "test_tank.py")],
        env=environment(),
        cwd=TASKS,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "3 passed" in finished.stdout


def plugin() -> list[str]:
    """Name the plug-in where this environment was made before there was one."""
    entries = importlib.metadata.entry_points(group="pytest11")
    known = any(each.value == "wisblock_bridge.testing.plugin" for each in entries)
    return [] if known else ["-p", "wisblock_bridge.testing.plugin"]
