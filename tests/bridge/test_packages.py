"""A Python package that is missing is told as such, wherever it is needed."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import ROOT, environment
from tests.bridge.probe import Probe, Script
from tests.bridge.rig import Rig
from tests.cases import for_each

from wisblock_bridge.environment.packages import PACKAGES, Package, missing, problem_of
from wisblock_bridge.errors import BridgeError, ErrorCode
from wisblock_bridge.keys import ClientKeys
from wisblock_bridge.keys.pairs import make_pair, write_client_file
from wisblock_bridge.runtime.fault_log import defect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

A = b"a"
EACH = pytest.mark.parametrize("package", PACKAGES, ids=lambda each: each.name)


@pytest.fixture
def script() -> Script:
    made = Script()
    Probe.script = made
    return made


@pytest.fixture
def rig(script: Script) -> Iterator[Rig]:
    with Rig(modules={"PROBE": Probe}) as made:
        yield made
        script.gate.set()


def block(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each in [each for each in sys.modules if each.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, each)
    monkeypatch.setitem(sys.modules, name, None)


@EACH
def test_in_a_module_it_is_no_bus_and_no_defect(
    package: Package, rig: Rig, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    rig.invoke(A, "PROBE", 1, "read")
    for _ in range(3):
        script.failures.append(
            ModuleNotFoundError(f"No module named {package.module!r}", name=package.module)
        )
        error = rig.error(A, rig.send_invoke(A, "PROBE", 1, "read"))
        assert error["code"] == ErrorCode.NO_BUS
        assert package.name in error["message"]
        assert f"pip install {package.name}" in error["hint"]
        assert package.debian in error["hint"]
        assert error["where"] == "PROBE in slot 1"
        assert error["data"]["package"] == package.name
    (record,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert record.exc_info is None


@pytest.mark.parametrize(
    ("module", "operation", "params", "blocked"),
    [
        ("RAK5802", "read_coils", {"unit": 1, "address": 0, "count": 1}, "pymodbus"),
    ],
)
def test_the_libraries_of_modules(
    module: str,
    operation: str,
    params: dict[str, Any],
    blocked: str,
    rig: Rig,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    block(monkeypatch, blocked)
    error = rig.error(A, rig.send_invoke(A, module, 1, operation, **params))
    assert (error["code"], error["where"]) == (ErrorCode.NO_BUS, f"{module} in slot 1")


@for_each(
    ("blocked", "use"),
    [
        ("smbus2", "i2c.LinuxI2CBus(1).transfer(0x48, Read(1))"),
        ("gpiod", "gpio.LinuxLines(['x'], has_edges=True).make_output(1, 0)"),
        ("spidev", "spi.LinuxSpiDevice('/dev/spidev0.0', 1000000).transfer(b'x')"),
        ("serial", "uart.LinuxSerialPort('/dev/ttyUSB0').configure(LineSettings(9600))"),
    ],
)
def test_the_libraries_of_buses(blocked: str, use: str) -> None:
    code = f"""
import sys
import tomllib
sys.modules[{blocked!r}] = None
from wisblock_bridge.buses.i2c import Read
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.buses.linux import gpio, i2c, spi, uart
from wisblock_bridge.runtime.fault_log import defect
from pathlib import Path
import wisblock_bridge.buses.linux.gpio_controllers as found
found._chip_names = lambda folder: ["gpiochip0"]
try:
    {use}
except Exception as error:
    print(defect(error, "here").code)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("no_bus\n", "")


def test_another_version_is_told_with_what_python_said() -> None:
    error = ImportError("cannot import name 'FramerRTU'", name="pymodbus.framer.rtu")
    found = missing(error)
    assert found is not None
    assert "cannot import name 'FramerRTU'" in found.message


@pytest.mark.parametrize(
    "error", [ImportError("x", name="wisblock_bridge.gone"), ImportError("x"), ValueError("x")]
)
def test_what_is_ours_stays_a_defect(error: Exception) -> None:
    assert missing(error) is None
    assert defect(error, "here").code is ErrorCode.INTERNAL


@EACH
def test_what_is_installed_has_no_problem(
    package: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    block(monkeypatch, package.module)
    found = problem_of(package)
    assert isinstance(found, BridgeError)
    assert found.code is ErrorCode.NO_BUS


def test_the_command_line_names_what_is_missing(tmp_path: Path) -> None:
    keys = tmp_path / "office.keys"
    server, own = make_pair(), make_pair()
    write_client_file(keys, ClientKeys(server.public, own.public, own.secret), "office", "read")
    code = "import sys; sys.modules['zmq'] = None\nfrom wisblock_bridge.cli import main\n"
    words = ["status", "--endpoint", "tcp://127.0.0.1:1", "--keys", str(keys)]
    done = subprocess.run(
        [sys.executable, "-c", code + f"sys.exit(main({words!r}))"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "pip install pyzmq" in done.stderr
    assert "python3-zmq" in done.stderr


def test_the_list_is_that_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.split(r"[<>=; ]", each)[0]: each for each in project["dependencies"]}
    assert set(wanted) == {each.name for each in PACKAGES}
    # what uname says on 32-bit Raspberry Pi OS: a 64-bit kernel below it says armv8l
    for machine in ("aarch64", "armv8l", "armv7l", "armv6l"):
        assert f"platform_machine == '{machine}'" in wanted["spidev"]
