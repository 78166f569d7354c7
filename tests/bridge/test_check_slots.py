"""``check`` touches what it judges: the bus, the converter, and what configured modules need."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.bridge.bridge_process import ROOT, environment, eventually
from tests.bridge.fake_computers import Chip, FakeComputer, board_bus
from tests.preload.boards import Rak7391
from tests.preload.device_server import DeviceServer
from tests.preload.run import DriverProcess
from tests.preload.world import World

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.config import Config, load
from wisblock_bridge.discovery import checkup
from wisblock_bridge.discovery.checkup import check, is_good, shortfalls
from wisblock_bridge.discovery.findings import Finding
from wisblock_bridge.discovery.running import Running
from wisblock_bridge.environment import packages

if TYPE_CHECKING:
    from collections.abc import Mapping

LABELS = {"pinctrl-bcm2711": 58, "1-0026": 16, "1-0027": 16}


def configured(tmp_path: Path, text: str = "") -> Config:
    file = tmp_path / "bridge.toml"
    file.write_text(f'endpoint = "ipc://{tmp_path}/b"\n[board]\nvariant = "C"\n{text}')
    return load(file=file, environment={})


def slot(module: str, addresses: str = "") -> str:
    return f'[[slot]]\nnumber = 1\nmodule = "{module}"\n{addresses}'


def computer(
    *, drivers: Mapping[int, str] | None = None, holders: Mapping[int, str] | None = None
) -> FakeComputer:
    return FakeComputer(board_bus("rak7391-c"), labels=LABELS, drivers=drivers, holders=holders)


def bad(findings: list[Finding]) -> dict[str, str]:
    """Give what is missing or a problem, devices that this computer cannot have left out."""
    return {
        each.what: each.detail
        for each in findings
        if each.state in {"missing", "problem"} and "Python package" not in each.what
    }


def test_all_is_well_where_bus_and_converter_answer(tmp_path: Path) -> None:
    assert bad(check(configured(tmp_path), computer())) == {}


@pytest.mark.parametrize("kind", [FaultKind.STUCK, FaultKind.EIO])
def test_a_bus_that_fails_is_not_good(tmp_path: Path, kind: FaultKind) -> None:
    sick = computer()
    bus = board_bus("rak7391-c")
    for address in range(0x08, 0x78):
        bus.fail(address, Fault(kind))
    sick = FakeComputer(bus, labels=LABELS)
    findings = check(configured(tmp_path), sick)
    assert not is_good(findings)
    found = next(each for each in findings if each.what == "I2C bus i2c-1")
    assert found.state == "problem"
    assert found.advice


def test_a_converter_that_does_not_answer_is_missing(tmp_path: Path) -> None:
    bus = board_bus("rak7391-c")
    bus.detach(0x4B)
    findings = check(configured(tmp_path), FakeComputer(bus, labels=LABELS))
    assert "SGM58031" in bad(findings)["0x4b on i2c-1"]
    assert not is_good(findings)


def test_a_configured_module_that_is_not_there_is_missing(tmp_path: Path) -> None:
    findings = check(configured(tmp_path, slot("RAK16000")), computer())
    found = next(each for each in findings if each.what == "RAK16000 in slot 1")
    assert (found.state, "0x41" in found.detail) == ("missing", True)
    assert "wisblock-bridge scan" in found.advice
    assert not is_good(findings)


def test_a_configured_module_is_looked_for_at_its_own_address(tmp_path: Path) -> None:
    bus = board_bus("rak7391-c")
    bus.attach(0x45, Chip({}))
    there = FakeComputer(bus, labels=LABELS)
    text = slot("RAK16000", 'addresses = { INA219 = "0x45" }\n')
    findings = check(configured(tmp_path, text), there)
    assert "RAK16000 in slot 1" not in bad(findings)
    assert any(each.what == "RAK16000 in slot 1" and each.state == "ok" for each in findings)


def test_an_address_that_the_kernel_owns_is_a_problem(tmp_path: Path) -> None:
    held = computer(drivers={0x41: "ina2xx"})
    findings = check(configured(tmp_path, slot("RAK16000")), held)
    assert "ina2xx" in bad(findings)["RAK16000 in slot 1"]
    found = next(each for each in findings if each.what == "RAK16000 in slot 1")
    assert "dtoverlay" in found.advice


def test_a_line_that_a_stranger_holds_is_a_problem(tmp_path: Path) -> None:
    """RAK13001: the relay is at IO4, line 4 of the slots' expander."""
    held = computer(holders={4: "stranger"})
    findings = check(configured(tmp_path, slot("RAK13001")), held)
    found = next(each for each in findings if each.what == "RAK13001 in slot 1")
    assert found.state == "problem"
    assert "IO4" in found.detail
    assert "stranger" in found.detail
    assert found.advice
    assert bad(check(configured(tmp_path, slot("RAK13001")), computer(holders={5: "other"}))) == {}


def test_a_chip_without_supply_is_told_but_is_no_fault(tmp_path: Path) -> None:
    """RAK12009: its converter has its supply from the heater's switch."""
    findings = check(configured(tmp_path, slot("RAK12009")), computer())
    found = next(each for each in findings if each.what == "RAK12009 in slot 1")
    assert found.state == "info"
    assert "heater is off" in found.detail


def test_a_port_that_a_configured_module_needs_is_missing(tmp_path: Path) -> None:
    text = '[board.slot1]\nserial_port = "/dev/no-such-port"\n' + slot("RAK5802")
    findings = check(configured(tmp_path, text), computer())
    assert "/dev/no-such-port" in bad(findings)["RAK5802 in slot 1"]
    # without such a module it is good to know only
    text = '[board.slot1]\nserial_port = "/dev/no-such-port"\n'
    assert bad(check(configured(tmp_path, text), computer())) == {}


# -- beside a running bridge ----------------------------------------------------------------------


def beside(monkeypatch: pytest.MonkeyPatch, running: Running) -> None:
    good = Finding("endpoint", "ok", "A bridge is running.")
    monkeypatch.setattr(checkup, "is_served", lambda _: True)
    monkeypatch.setattr(checkup, "ask", lambda _: (running, good))


def test_beside_an_emulated_bridge_no_hardware_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside(monkeypatch, Running(emulated=True))
    findings = check(configured(tmp_path, slot("RAK16000")), FakeComputer())
    assert is_good(findings)
    bus = next(each for each in findings if each.what == "I2C bus i2c-1")
    assert "does not need it" in bus.detail


def test_beside_a_running_bridge_its_own_lines_are_no_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside(monkeypatch, Running(emulated=False))
    ours = computer(holders={4: "wisblock-bridge"})
    assert bad(check(configured(tmp_path, slot("RAK13001")), ours)) == {}
    theirs = computer(holders={4: "gpioset"})
    assert "gpioset" in str(bad(check(configured(tmp_path, slot("RAK13001")), theirs)))


def test_beside_a_running_bridge_what_it_found_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = configured(tmp_path, slot("RAK16000"))
    beside(monkeypatch, Running(emulated=False, addresses=frozenset({0x41})))
    assert bad(check(config, computer())) == {}
    beside(monkeypatch, Running(emulated=False, addresses=frozenset({0x40})))
    assert "0x41" in bad(check(config, computer()))["RAK16000 in slot 1"]
    failing: dict[tuple[str, object], str] = {("RAK16000", 1): "No answer."}
    beside(monkeypatch, Running(emulated=False, addresses=frozenset({0x41}), failing=failing))
    assert "No answer." in bad(check(config, computer()))["RAK16000 in slot 1"]


# -- packages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("package", packages.PACKAGES, ids=lambda each: each.name)
def test_a_missing_package_is_told_by_the_names_of_pip_and_apt(
    package: packages.Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = ModuleNotFoundError(f"No module named {package.module!r}", name=package.module)
    monkeypatch.setattr(
        checkup,
        "problem_of",
        lambda each: packages.missing(error) if each is package else None,
    )
    found = next(
        each
        for each in check(configured(tmp_path), computer())
        if each.what == f"Python package {package.name}"
    )
    assert found.state == "missing"
    assert f"pip install {package.name}" in found.advice
    assert package.debian in found.advice
    assert package.use in found.detail


# -- what a bridge that starts writes into its log ------------------------------------------------


def test_a_bridge_that_starts_names_what_check_calls_missing(tmp_path: Path) -> None:
    found = list(shortfalls(configured(tmp_path), BOARDS["rak7391-c"], FakeComputer()))
    assert {"I2C bus i2c-1", "lines of 'soc'"} <= {each.what for each in found}
    assert all(each.state in {"missing", "problem"} for each in found)


# -- through the kernel's devices -----------------------------------------------------------------


CHECK = """
from pathlib import Path
from wisblock_bridge import config
from wisblock_bridge.discovery.checkup import check
found = check(config.load(file=Path({file!r}), environment={{}}))
result = {{each.what: (each.state, each.detail, each.advice) for each in found}}
"""


def test_a_stranger_and_a_driver_are_seen_through_the_kernel(tmp_path: Path) -> None:
    configured(tmp_path, slot("RAK13001") + '[[slot]]\nnumber = 2\nmodule = "RAK16000"\n')
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        board = Rak7391(world)
        board.slots.holders[4] = "stranger"
        world.bind(1, 0x41, "ina2xx")
        with DeviceServer(world) as server, DriverProcess(server) as driver:
            found = driver.run(CHECK.format(file=str(tmp_path / "bridge.toml")))
    assert found["RAK13001 in slot 1"][0] == "problem"
    assert "stranger" in found["RAK13001 in slot 1"][1]
    assert "ina2xx" in found["RAK16000 in slot 2"][1]


def test_serving_without_hardware_is_told_in_the_log_once(tmp_path: Path) -> None:
    """On a computer without any bus: each line that ``check`` calls missing, and no more."""
    config = configured(tmp_path)
    log = tmp_path / "log"
    wanted = "WARNING wisblock_bridge.server.daemon: {}: "
    names = [
        each.what
        for each in check(config)
        if each.state in {"missing", "problem"} and each.what != "endpoint"
    ]
    assert names
    command = [sys.executable, "-m", "wisblock_bridge", "serve", "--config"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, str(tmp_path / "bridge.toml")], env=environment(), cwd=ROOT, stderr=stream
        )
        try:
            for name in names:
                line = wanted.format(name)
                eventually(lambda line=line: line in log.read_text(), line)  # type: ignore[misc]
        finally:
            process.terminate()
            process.wait(60)
    told = [line for line in log.read_text().splitlines() if " WARNING " in line]
    assert len(told) == len(names)
