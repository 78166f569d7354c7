"""The files for the system: unit, groups, device rights and example fit the program."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

from wisblock_bridge import endpoint
from wisblock_bridge.boards import BOARDS
from wisblock_bridge.bridge import STOP_S
from wisblock_bridge.cli import EXIT_USAGE, arguments
from wisblock_bridge.config import DEFAULT_FILE, Config, apply, load, reading

SYSTEM = Path(__file__).resolve().parents[2] / "python-bridge/system"
UNIT = SYSTEM / "wisblock-bridge.service"
EXAMPLE = SYSTEM / "wisblock-bridge.toml"


class Unit(ConfigParser):
    """A unit file: keys keep their case and may occur more than once."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def entries(section: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    inside = ""
    for line in UNIT.read_text().splitlines():
        if line.startswith("["):
            inside = line.strip("[]")
        elif inside == section and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.append((name, value))
    return found


def service() -> dict[str, str]:
    return dict(entries("Service"))


def test_the_unit_is_well_formed() -> None:
    parser = Unit(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.read_string(UNIT.read_text())
    assert parser.sections() == ["Unit", "Service", "Install"]
    verifier = shutil.which("systemd-analyze")
    if verifier is not None:
        finished = subprocess.run(
            [verifier, "verify", str(UNIT)], capture_output=True, text=True, check=False, timeout=60
        )
        complaints = [
            line
            for line in (finished.stdout + finished.stderr).splitlines()
            if UNIT.name in line and "is not executable" not in line
        ]
        assert complaints == []


def test_the_unit_starts_a_command_that_there_is() -> None:
    program, *words = service()["ExecStart"].split()
    assert Path(program).name == "wisblock-bridge"
    arguments.parse(words)


def test_the_unit_knows_how_the_program_talks() -> None:
    found = service()
    assert found["Type"] == "notify"
    assert int(found["TimeoutStopSec"]) > STOP_S
    assert int(found["WatchdogSec"]) > 0
    assert found["RestartPreventExitStatus"] == str(EXIT_USAGE)


def test_the_unit_makes_the_directories_that_the_program_looks_in() -> None:
    found = service()
    assert Path("/run") / found["RuntimeDirectory"] == endpoint.SYSTEM_DIRECTORY
    assert int(found["RuntimeDirectoryMode"], 8) == endpoint.SHARED_DIRECTORY_MODE
    assert Path("/etc") / found["ConfigurationDirectory"] == DEFAULT_FILE.parent
    # The group may use the socket, nobody else.
    assert int(found["UMask"], 8) == 0o007
    assert EXAMPLE.name == DEFAULT_FILE.name


def test_every_kind_of_device_of_every_board_is_allowed() -> None:
    allowed = {value.split()[0] for name, value in entries("Service") if name == "DeviceAllow"}
    assert service()["DevicePolicy"] == "closed"
    assert {"char-i2c", "char-gpiochip", "char-spi"} <= allowed
    for board in BOARDS.values():
        for slot in board.slots.values():
            if match := re.match(r"/dev/(tty[A-Z]+)\d", slot.serial_port):
                assert f"char-{match[1]}" in allowed
    # /dev/serial0 leads to one of these two, depending on the Raspberry Pi.
    assert {"char-ttyAMA", "char-ttyS"} <= allowed
    assert "PrivateDevices" not in service()


def test_the_drivers_are_loaded_before_their_classes_are_allowed() -> None:
    unit = dict(entries("Unit"))
    for key in ("Wants", "After"):
        assert {"modprobe@i2c_dev.service", "modprobe@spidev.service"} <= set(unit[key].split())


def test_groups_exist_before_the_unit_names_them() -> None:
    made = {
        line.split()[1]
        for line in (SYSTEM / "sysusers.conf").read_text().splitlines()
        if line.startswith("g ")
    }
    found = service()
    assert set(found["SupplementaryGroups"].split()) | {found["Group"]} == made


def test_device_files_get_the_groups_of_the_unit() -> None:
    rules = (SYSTEM / "60-wisblock-bridge.rules").read_text()
    groups = {
        match[1]: match[2]
        for match in re.finditer(r'SUBSYSTEM=="([^"]+)".*GROUP="([^"]+)", MODE="0660"', rules)
    }
    assert groups == {"i2c-dev": "i2c", "spidev": "spi", "gpio": "gpio"}
    assert set(groups.values()) <= set(service()["SupplementaryGroups"].split())
    assert "0666" not in rules


def uncommented() -> str:
    """The example with every line in effect that is commented out."""
    return re.sub(r"^#(?=[a-zA-Z0-9\[])", "", EXAMPLE.read_text(), flags=re.MULTILINE)


def test_the_example_says_nothing_until_it_is_edited() -> None:
    config = load(file=EXAMPLE, environment={})
    assert config == Config(source=str(EXAMPLE))


def test_every_line_of_the_example_is_right(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text(uncommented())
    config = load(file=file, environment={})
    assert config.slots[1].module == "RAK5801"
    assert config.slots[1].addresses == {"ADS7830": 0x4A}
    board = apply(BOARDS["rak7391-c"], config)
    assert board == BOARDS["rak7391-c"]  # the examples are the defaults


@pytest.mark.parametrize("table", ["", "board"])
def test_the_example_names_every_key(table: str) -> None:
    data = tomllib.loads(uncommented())
    if table:
        known = set(reading._BOARD_KEYS) - {"generation", "revision"}
        assert set(data["board"]) == known
    else:
        assert set(data) == set(reading._TOP_KEYS)


def test_the_example_names_every_variable() -> None:
    text = EXAMPLE.read_text()
    for setting in reading._SETTINGS:
        assert setting.variable in text
    assert reading.FILE_VARIABLE in text
