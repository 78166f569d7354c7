"""The files for the system: unit, groups, device rights and example fit the program."""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest
from tests.bridge.bridge_process import LONG_S, environment, eventually

from wisblock_bridge import endpoint
from wisblock_bridge.boards import BOARDS
from wisblock_bridge.cli import EXIT_USAGE, arguments
from wisblock_bridge.client import Bridge
from wisblock_bridge.config import DEFAULT_FILE, Config, apply, load, reading
from wisblock_bridge.keys import (
    ClientKeys,
    ClientList,
    default_directory,
    files,
    make_pair,
    make_server_pair,
)
from wisblock_bridge.server.daemon import STOP_S

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


def tool(name: str) -> str:
    """Find a program that README names among the packages for ``make test``."""
    found = shutil.which(name)
    assert found is not None, f"{name} is not installed: see README.md, the packages for make test"
    return found


def service() -> dict[str, str]:
    return dict(entries("Service"))


def test_the_unit_is_well_formed() -> None:
    parser = Unit(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.read_string(UNIT.read_text())
    assert parser.sections() == ["Unit", "Service", "Install"]
    verifier = tool("systemd-analyze")
    finished = subprocess.run(
        [verifier, "verify", str(UNIT)], capture_output=True, text=True, check=False, timeout=60
    )
    complaints = [
        line
        for line in (finished.stdout + finished.stderr).splitlines()
        if UNIT.name in line and "is not executable" not in line
    ]
    assert complaints == []


def test_the_service_comes_back_after_any_abort_and_soon() -> None:
    """systemd.service(5), systemd.unit(5): what starts more often than this is not a bridge."""
    found, unit = service(), dict(entries("Unit"))
    assert found["Restart"] == "on-failure"
    assert found["RestartSec"] == "20ms"  # of half a second to the first answer of the next one
    window_s, starts = int(unit["StartLimitIntervalSec"]), int(unit["StartLimitBurst"])
    quickest_life_s = 0.1  # the interpreter and pyzmq alone take longer to be imported
    assert starts > window_s / (0.02 + quickest_life_s)
    assert starts < window_s / (0.02 + 0.05)  # but what cannot be executed at all is given up
    assert int(found["LimitNOFILE"]) >= 65536


HARDENING = {
    "CapabilityBoundingSet": "", "NoNewPrivileges": "yes", "ProtectSystem": "strict",
    "ProtectHome": "yes", "ProtectProc": "invisible", "ProtectClock": "yes",
    "ProtectHostname": "yes", "ProtectControlGroups": "yes", "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes", "ProtectKernelTunables": "yes", "PrivateTmp": "yes",
    "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6", "IPAddressDeny": "any",
    "IPAddressAllow": "localhost", "RestrictNamespaces": "yes", "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes", "LockPersonality": "yes", "MemoryDenyWriteExecute": "yes",
    "SystemCallArchitectures": "native", "DynamicUser": "yes", "DevicePolicy": "closed",
}  # fmt: skip


def test_the_unit_keeps_the_service_small() -> None:
    found = service()
    assert {key: found.get(key) for key in HARDENING} == HARDENING
    filters = [value for name, value in entries("Service") if name == "SystemCallFilter"]
    assert filters == ["@system-service", "~@privileged @resources", "sched_setscheduler"]
    assert found["SystemCallErrorNumber"] == "EPERM"
    analyser = tool("systemd-analyze")
    # The threshold is ten times the exposure that is shown: 1.5 is "OK".
    finished = subprocess.run(
        [analyser, "security", "--offline=yes", "--no-pager", "--threshold=16", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stdout[-2000:]


def system_calls(filters: list[str]) -> set[str]:
    """The system calls that a unit lets through."""
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    groups: dict[str, list[str]] = {}
    members: list[str] = []
    for line in listed.splitlines():
        if line.startswith("@"):
            members = groups.setdefault(line.strip(), [])
        elif line.strip() and not line.lstrip().startswith("#"):
            members.append(line.strip())

    def calls(word: str) -> set[str]:
        if not word.startswith("@"):
            return {word}
        return set().union(*(calls(member) for member in groups[word]))

    # systemd.exec(5): the first filter makes it a list of what is allowed; @default always is.
    allowed = calls("@default")
    for line in filters:
        words: set[str] = set().union(*(calls(word) for word in line.lstrip("~").split()))
        allowed = allowed - words if line.startswith("~") else allowed | words
    return allowed


@pytest.mark.slow
def test_the_bridge_makes_no_system_call_that_the_unit_refuses(tmp_path: Path) -> None:
    """Wire, serial line, SPI, a client with keys: what the libraries call, and when they start."""
    assert "sched_setscheduler" in UNIT.read_text()
    strace = tool("strace")
    trace, directory = tmp_path / "trace", tmp_path / "keys"
    own = make_server_pair(directory)
    pair = make_pair()
    ClientList(directory).add("tests", pair.public, "admin")
    with socket.create_server(("127.0.0.1", 0)) as free:
        remote = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    words = [strace, "--follow-forks", "--quiet=all", f"--output={trace}", sys.executable, "-m",
             "wisblock_bridge", "serve", "--emulate", "--endpoint", f"ipc://{tmp_path}/b",
             "--remote-endpoint", remote]  # fmt: skip
    process = subprocess.Popen(words, env=environment(WISBLOCK_BRIDGE_KEYS=str(directory)))
    try:
        eventually(lambda: endpoint.is_served(endpoint.parse_endpoint(remote)), "it serves")
        with Bridge(remote, keys=ClientKeys(own.public, pair.public, pair.secret)) as bridge:
            bridge["RAK5801", 1].read(samples=1)
            bridge.release("RAK5801", 1)
            bridge["RAK5802", 1].read_holding_registers(unit=42)
            bridge["RAK13300", 2].rssi()
            bridge.scan()
    finally:
        # strace hands no signal on: its child is asked itself.
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGTERM)
        assert process.wait(LONG_S) == 0
    made = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(errors="replace"), re.MULTILINE))
    filters = [value for name, value in entries("Service") if name == "SystemCallFilter"]
    assert made >= {"read", "poll", "socket"}
    assert made - system_calls(filters) == set()


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


def test_the_service_can_read_the_keys_and_others_cannot() -> None:
    user = service()["User"]
    assert user == files.SERVICE_USER
    users = [
        line.split()[1]
        for line in (SYSTEM / "sysusers.conf").read_text().splitlines()
        if line.startswith("u ")
    ]
    assert users == [user]
    lines = [
        line.split()
        for line in (SYSTEM / "tmpfiles.conf").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    keys = str(files.SYSTEM_DIRECTORY)
    assert ["d", keys, "0700", user, user, "-"] in lines
    assert ["Z", keys, "-", user, user, "-"] in lines
    # In the service, the default is that directory, although it is not root.
    directory = {"CONFIGURATION_DIRECTORY": f"/etc/{service()['ConfigurationDirectory']}"}
    assert default_directory(directory, uid=990) == files.SYSTEM_DIRECTORY


def test_systemd_makes_user_and_directory_as_written(tmp_path: Path) -> None:
    programs = [tool("systemd-sysusers"), tool("systemd-tmpfiles")]
    if os.geteuid() != 0:
        return  # both want root; the lines themselves are looked at above
    keys = tmp_path / "etc/wisblock-bridge/keys"
    keys.mkdir(parents=True)
    (keys / "server.key").touch(mode=0o600)
    root = f"--root={tmp_path}"
    for command in (
        [programs[0], root, str(SYSTEM / "sysusers.conf")],
        [programs[1], root, "--create", str(SYSTEM / "tmpfiles.conf")],
    ):
        subprocess.run([str(word) for word in command], check=True, timeout=60)
    passwd = (tmp_path / "etc/passwd").read_text().splitlines()
    uid = next(int(line.split(":")[2]) for line in passwd if line.startswith("wisblock-bridge:"))
    assert (keys.stat().st_uid, keys.stat().st_mode & 0o777) == (uid, 0o700)
    key = (keys / "server.key").stat()
    assert (key.st_uid, key.st_mode & 0o777) == (uid, 0o600)


def test_other_computers_reach_the_service_only_where_that_was_asked_for() -> None:
    rules = [(name, value) for name, value in entries("Service") if name.startswith("IPAddress")]
    assert rules == [("IPAddressDeny", "any"), ("IPAddressAllow", "localhost")]
    more = (SYSTEM / "remote-access.conf").read_text()
    allowed = re.findall(r"^IPAddressAllow=(.*)$", more, flags=re.MULTILINE)
    assert len(allowed) == 1
    networks = [ipaddress.ip_network(each) for each in allowed[0].split()]
    assert all(network.is_private or network.is_link_local for network in networks)


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


@pytest.mark.parametrize("table", ["", "board", "security"])
def test_the_example_names_every_key(table: str) -> None:
    data = tomllib.loads(uncommented())
    if table == "security":
        assert set(data[table]) == set(reading._SECURITY_KEYS)
    elif table:
        known = set(reading._BOARD_KEYS) - {"generation", "revision"}
        assert set(data["board"]) == known
    else:
        assert set(data) == set(reading._TOP_KEYS)


def test_the_example_names_every_variable() -> None:
    text = EXAMPLE.read_text()
    for setting in reading._SETTINGS:
        assert setting.variable in text
    assert reading.FILE_VARIABLE in text
