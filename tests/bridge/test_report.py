"""``status`` with its counters; ``report``: all that a support request needs, and no secrets."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import LONG_S, BridgeProcess, environment
from tests.cases import for_each

from wisblock_bridge.cli import main, redact
from wisblock_bridge.cli.status import as_text
from wisblock_bridge.client import Bridge
from wisblock_bridge.client.errors import RemoteError
from wisblock_bridge.environment.versions import operating_system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.bridge.rig import Rig

A = b"a"
KEY = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")

Report = Any


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("WISBLOCK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def report(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*words: str, command: str = "report") -> str:
        assert main([command, *words]) == 0
        return capsys.readouterr().out

    return run


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as made:
        yield made


def section(text: str, title: str) -> str:
    found: str = text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    return found


# -- counters -------------------------------------------------------------------------------------


def bus(rig: Rig, kind: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [
        each for each in status(rig)["buses"] if each["kind"] == kind
    ]  # fmt: skip
    assert len(found) == 1, found
    return found[0]


def status(rig: Rig) -> dict[str, Any]:
    from wisblock_bridge.server.status import status as tell  # noqa: PLC0415  (the name)

    return tell(1.0, rig.hardware, rig.slot_manager, rig.sessions, rig.outbox, rig.counters, {})


def test_transactions_and_failures_are_counted_by_bus(rig: Rig) -> None:
    assert bus(rig, "i2c")["transactions"] == 0
    rig.invoke(A, "RAK5801", 1, "read", samples=4)
    assert bus(rig, "i2c") == {
        "name": "i2c-1",
        "kind": "i2c",
        "emulated": True,
        "transactions": rig.transactions,
        "failures": {},
    }
    rig.result(A, "emulator.fault", address=0x4B, kind="nack", count=1)
    rig.refused(A, "RAK5801", 1, "read")
    rig.result(A, "emulator.fault", address=0x4B, kind="eio", count=2)
    rig.refused(A, "RAK5801", 1, "read")
    rig.refused(A, "RAK5801", 1, "read")
    failures = bus(rig, "i2c")["failures"]
    assert failures["no_acknowledge"] == 1
    assert failures["io"] >= 1
    assert set(failures) == {"no_acknowledge", "io"}
    assert bus(rig, "i2c")["transactions"] == rig.transactions


def test_a_scan_is_no_failure(rig: Rig) -> None:
    """It asks at every address, and most of them are nobody's."""
    rig.result(A, "scan")
    assert rig.transactions > 0
    assert bus(rig, "i2c")["failures"] == {}


def test_serial_ports_and_chip_selects_are_counted_each(rig: Rig) -> None:
    rig.result(A, "emulator.plug", slot=1, module="RAK5802")
    rig.result(A, "emulator.plug", slot=2, module="RAK13300")
    rig.invoke(A, "RAK5802", 1, "read_holding_registers", unit=42)
    rig.invoke(A, "RAK13300", 2, "rssi")
    assert bus(rig, "serial")["name"] == "/dev/ttyUSB0"
    assert bus(rig, "serial")["transactions"] >= 2  # sent, and answered
    assert bus(rig, "spi")["name"] == "/dev/spidev0.1"
    assert bus(rig, "spi")["transactions"] > 0
    before = bus(rig, "serial")
    rig.result(A, "emulator.fault", slot=1, kind="eio")
    rig.refused(A, "RAK5802", 1, "read_holding_registers", unit=42)
    assert sum(bus(rig, "serial")["failures"].values()) > sum(before["failures"].values())
    assert bus(rig, "i2c")["failures"] == {}


def test_a_module_counts_operations_and_remembers_its_last_error(rig: Rig) -> None:
    for _ in range(3):
        rig.invoke(A, "RAK5801", 1, "read", samples=1)
    rig.result(A, "emulator.fault", address=0x4B, kind="nack", count=1)
    failed_at = rig.clock.timestamp_ms()
    rig.refused(A, "RAK5801", 1, "read")
    (slot,) = status(rig)["slots"]
    assert (slot["operations"], slot["errors"], slot["failing"]) == (3, 1, True)
    rig.invoke(A, "RAK5801", 1, "read", samples=1)
    (slot,) = status(rig)["slots"]
    assert (slot["operations"], slot["errors"], slot["failing"]) == (4, 1, False)
    assert slot["last_error"].code == "no_device"
    assert failed_at <= slot["last_error_at"] <= rig.clock.timestamp_ms()
    rig.refused(A, "RAK5801", 1, "read", samples=4096)
    (slot,) = status(rig)["slots"]
    assert (slot["operations"], slot["errors"]) == (4, 1)  # a wrong request is not its failure


def test_status_prints_the_counters() -> None:
    text = as_text(
        {
            "buses": [
                {"name": "i2c-1", "kind": "i2c", "transactions": 1234, "failures": {}},
                {"name": "/dev/ttyUSB0", "kind": "serial", "transactions": 7,
                 "failures": {"io": 2, "missing": 1}},
            ],
            "slots": [
                {"slot": 1, "module": "RAK5801", "open": True, "operations": 12, "errors": 3,
                 "failing": True, "last_error": {"message": "No answer."},
                 "last_error_at": 1_700_000_000_000.0},
                {"slot": 2, "module": "RAK13300", "open": False},
            ],
        }
    )  # fmt: skip
    assert re.search(r"i2c-1 +i2c +1234 transactions +no failures", text)
    assert re.search(r"/dev/ttyUSB0 +serial +7 transactions +failures: io 2, missing 1", text)
    assert re.search(r"slot 1 +RAK5801 +open +12 operations +3 errors +FAILS, last at 2023", text)
    assert "No answer." in text
    assert re.search(r"slot 2 +RAK13300 +not open\n", text)


def test_an_older_bridge_tells_less() -> None:
    assert as_text({"buses": [{"name": "i2c-1", "kind": "i2c"}]}).startswith("wisblock-bridge")


# -- the log, asked for ---------------------------------------------------------------------------


def test_the_bridge_gives_its_last_lines(served: BridgeProcess) -> None:
    with Bridge(served.endpoint) as bridge:
        first, *_ = bridge.log()
    assert first["level"] == "info"
    assert "serves an emulated RAK7391" in str(first["text"])
    assert isinstance(first["at"], float)


# -- the report -----------------------------------------------------------------------------------

TITLES = (
    "Versions", "Configuration in effect", "Environment", "What `check` finds",
    "Device files and rights", "The running bridge",
)  # fmt: skip


def test_with_a_bridge(
    report: Callable[..., str], served: BridgeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WISBLOCK_BRIDGE_LOG_LEVEL", "debug")
    monkeypatch.setenv("SOMETHING_ELSE", "not ours")
    with Bridge(served.endpoint) as bridge:
        bridge["RAK5801", 1].read(samples=1)
        bridge.request("emulator.fault", address=0x4B, kind="nack", count=1)
        with pytest.raises(RemoteError):
            bridge["RAK5801", 1].read(samples=1)
    text = report("--endpoint", served.endpoint)
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == list(TITLES)
    for name in ("pyzmq", "libzmq", "msgpack", "smbus2", "gpiod", "pyserial", "spidev", "kernel"):
        assert re.search(rf"^{name} +\S", section(text, "Versions"), flags=re.MULTILINE)
    assert re.search(r"^log_level +debug +.*WISBLOCK_BRIDGE_LOG_LEVEL", text, flags=re.MULTILINE)
    assert re.search(r"^endpoint +ipc://\S+ +--endpoint", text, flags=re.MULTILINE)
    assert "not ours" not in text
    assert "SOMETHING_ELSE" not in text
    assert "I2C bus i2c-1" in section(text, "What `check` finds")
    assert re.search(r"^srw\S+ .*bridge.sock +this user may", text, flags=re.MULTILINE)
    told = section(text, "The running bridge")
    assert "board: emulated RAK7391" in told
    assert "last error at" in told or "FAILS, last at" in told
    assert "0x4b on i2c-1  SGM58031" in told
    assert "warning wisblock_bridge.runtime.fault_log: RAK5801 in slot 1" in told


def test_without_a_bridge(report: Callable[..., str], tmp_path: Path) -> None:
    text = report("--endpoint", f"ipc://{tmp_path}/nobody.sock", "--emulate")
    told = section(text, "The running bridge")
    assert "No bridge is running." in told
    assert "0x4b on i2c-1  SGM58031" in told  # looked at from here
    text = report("--endpoint", f"ipc://{tmp_path}/nobody.sock")
    assert re.search(r"no_bus|0x\w\w on i2c-1|No known chip", section(text, "The running bridge"))


@pytest.mark.slow
def test_with_a_bridge_that_does_not_answer(
    report: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody listens and says nothing: the bus is left alone, it may be in use."""
    monkeypatch.setattr("wisblock_bridge.cli.report.ANSWER_S", 0.2)
    with BridgeProcess() as made:
        made.stop()
        with socket.socket(socket.AF_UNIX) as listener:
            made.path.unlink(missing_ok=True)
            listener.bind(str(made.path))
            listener.listen()
            told = section(report("--emulate", "--endpoint", made.endpoint), "The running bridge")
    assert "A bridge is running but does not answer" in told
    assert "the bus was not scanned" in told
    assert "0x4b" not in told


AS_NOBODY = """
import os, sys
from wisblock_bridge.cli import main
words = sys.argv[1:]
main(words)  # what it imports may not be readable for nobody
sys.stdout.write("\\n== as nobody\\n")
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.exit(main(words))
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", ["socket", "directory"])
def test_without_the_right_to_ask(tmp_path: Path, place: str) -> None:
    with BridgeProcess() as made:
        folder = made.path.parent
        folder.chmod(0o755)
        barred = made.path if place == "socket" else folder
        barred.chmod(0)
        try:
            finished = subprocess.run(
                [sys.executable, "-c", AS_NOBODY, "report", "--endpoint", made.endpoint],
                env=environment(HOME=str(tmp_path)),
                capture_output=True,
                text=True,
                timeout=LONG_S,
                check=False,
            )
        finally:
            folder.chmod(0o700)
    assert finished.returncode == 0, finished.stderr
    told = section(finished.stdout.split("== as nobody")[1], "The running bridge")
    assert "This user may not use" in told
    assert "the bus was not scanned" in told


def test_with_a_configuration_that_cannot_be_used(
    report: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("nonsense = 3\n")
    text = report("--config", str(file), "--emulate")
    assert "It cannot be used; what follows is about the defaults" in text
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == list(TITLES)


def test_into_a_file(report: Callable[..., str], served: BridgeProcess, tmp_path: Path) -> None:
    out = tmp_path / "report.md"
    assert report("--endpoint", served.endpoint, "--out", str(out)) == ""
    assert out.read_text().startswith("# wisblock-bridge report, 20")


# -- what it must not say -------------------------------------------------------------------------


def all_keys(directory: Path) -> set[str]:
    found: set[str] = set()
    for file in directory.rglob("*"):
        if file.is_file():
            found.update(re.findall(rf'"({KEY.pattern})"', file.read_text()))
    return found


@pytest.mark.slow
def test_no_key_ever(
    report: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Server pair, listed clients, a client's file, the environment, whoever says it."""
    keys = tmp_path / "keys"
    monkeypatch.setenv("WISBLOCK_BRIDGE_KEYS", str(keys))
    client = tmp_path / "office.keys"
    assert main(["keys", "server"]) == 0
    assert main(["keys", "add", "office", "--role", "read", "--out", str(client)]) == 0
    made = all_keys(tmp_path)
    assert len(made) == 4, "server's public and secret key, the client's public and secret key"
    secret = re.findall(rf'secret-key = "({KEY.pattern})"', client.read_text())[0]
    monkeypatch.setenv("WISBLOCK_SECRET_KEY", secret)
    monkeypatch.setenv("WISBLOCK_PUBLIC_KEY", "k" * 40)
    capsys.readouterr()
    with BridgeProcess() as made_bridge, Bridge(made_bridge.endpoint, name=f"has {secret}"):
        text = report("--endpoint", made_bridge.endpoint, "--keys", str(client))
    for key in made | {"k" * 40}:
        assert key not in text
    assert "has <key>" in text  # a client that calls itself by its key
    assert re.search(r"^WISBLOCK_SECRET_KEY +set$", text, flags=re.MULTILINE)
    assert "WISBLOCK_BRIDGE_KEYS  ~/keys" in text
    for file in keys.iterdir():
        assert file.name in text  # rights and owner of the files are told, not what is in them
        assert stat.filemode(file.stat().st_mode) in text


def test_user_and_home_are_not_named(
    report: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wisblock_bridge.cli.report._owner", lambda _number: "marianne")
    text = report("--endpoint", f"ipc://{tmp_path}/marianne.sock", "--emulate")
    assert "marianne" not in text
    assert str(tmp_path) not in text
    assert "ipc://~/<user>.sock" in text


@for_each(
    ("written", "shown"),
    [
        ("/home/anna/x.toml", "~/x.toml"),
        ("/home/annabel/x.toml", "/home/<user>/x.toml"),
        ("/home/bob", "/home/<user>"),
        ("anna cannot", "<user> cannot"),
        ("anna's, joanna, annabel, anna-2", "<user>'s, joanna, annabel, anna-2"),
        (f'secret-key = "{"x" * 40}"', 'secret-key = "<key>"'),
        (f"the public_key: {'y' * 40}", "the public_key: <key>"),
        ("AB" * 20, "<key>"),
        ("0x4b on i2c-1", "0x4b on i2c-1"),
    ],
)
def test_redactor(written: str, shown: str) -> None:
    assert redact.Redactor(["AB" * 20, ""], "/home/anna/", "anna")(written) == shown


@for_each("user", ["root", "pi", "wisblock", "1000", ""])
def test_names_that_identify_nobody_stay(user: str) -> None:
    assert redact.Redactor([], "", user)("root pi wisblock 1000") == "root pi wisblock 1000"


def test_key_files_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "good").write_text(f'key = "{"z" * 40}"\n')
    (tmp_path / "large").write_text(f'key = "{"q" * 40}"\n' + " " * 1_000_001)
    assert list(redact.keys_in([tmp_path, tmp_path / "nowhere"])) == ["z" * 40]


def test_the_name_of_the_system(tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    assert operating_system(file) == "unknown"
    file.write_text('ID=debian\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
    assert operating_system(file) == "Debian GNU/Linux 12 (bookworm)"
