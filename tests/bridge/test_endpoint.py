"""The rule for endpoints: the default, what is allowed, and who may use the socket."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each

from wisblock_bridge import endpoint as module
from wisblock_bridge.endpoint import (
    EndpointError,
    client_endpoint,
    configured_endpoint,
    default_endpoint,
    is_served,
    parse_endpoint,
    prepare_endpoint,
    restrict_socket,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: the kernel has room for 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="wb-") as made:
        yield Path(made)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_environment_wins() -> None:
    environment = {"WISBLOCK_BRIDGE_ENDPOINT": "tcp://127.0.0.1:5555", "XDG_RUNTIME_DIR": "/run/x"}
    assert default_endpoint(environment) == "tcp://127.0.0.1:5555"


def test_the_directory_of_the_service_comes_first(folder: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": "/run/user/7"}
    assert default_endpoint(environment, system_directory=folder) == f"ipc://{folder}/bridge.sock"


def test_then_the_users_runtime_directory(folder: Path) -> None:
    found = default_endpoint({"XDG_RUNTIME_DIR": "/run/user/7"}, system_directory=folder / "none")
    assert found == "ipc:///run/user/7/wisblock-bridge/bridge.sock"


def test_then_a_private_directory(folder: Path) -> None:
    found = default_endpoint({}, uid=1234, system_directory=folder / "none")
    assert found == "ipc:///tmp/wisblock-bridge-1234/bridge.sock"


def test_the_directory_of_the_service_is_that_of_the_unit() -> None:
    assert Path("/run/wisblock-bridge") == module.SYSTEM_DIRECTORY


@for_each(
    ("text", "transport", "host", "port"),
    [
        ("ipc:///run/x.sock", "ipc", "", 0),
        ("ipc://@name", "ipc", "", 0),
        ("tcp://127.0.0.1:5555", "tcp", "127.0.0.1", 5555),
        ("tcp://[::1]:1", "tcp", "::1", 1),
        (" tcp://pi.local:65535 ", "tcp", "pi.local", 65535),
    ],
)
def test_what_can_be_named(text: str, transport: str, host: str, port: int) -> None:
    found = parse_endpoint(text)
    assert (found.transport, found.host, found.port) == (transport, host, port)
    assert found.text == text.strip()


@for_each(
    ("text", "words"),
    [
        ("", "ipc:// or tcp://"),
        ("http://x", "ipc:// or tcp://"),
        ("/run/x.sock", "ipc:// or tcp://"),
        ("ipc://", "names no socket"),
        ("ipc://@", "names no socket"),
        ("ipc://run/x.sock", "ipc:///run/x.sock"),
        ("ipc:///" + "x" * 107, "108 bytes long"),
        ("ipc:///a\0b", "NUL"),
        ("tcp://127.0.0.1", "a host, a colon and a port"),
        ("tcp://::1:5555", "in brackets"),
        ("tcp://127.0.0.1:0", "1 to 65535"),
        ("tcp://127.0.0.1:65536", "1 to 65535"),
        ("tcp://a;b:1", "a host, a colon and a port"),
    ],
)
def test_what_cannot_be_named_is_refused_with_what_would_be_right(text: str, words: str) -> None:
    with pytest.raises(EndpointError, match=words.replace("[", r"\[")):
        parse_endpoint(text)


def test_a_path_of_107_bytes_is_the_longest() -> None:
    path = "/" + "x" * 106
    assert parse_endpoint(f"ipc://{path}").path == Path(path)


@for_each(
    ("text", "loopback"),
    [
        ("tcp://127.0.0.1:1", True),
        ("tcp://127.9.9.9:1", True),
        ("tcp://[::1]:1", True),
        ("tcp://[::ffff:127.0.0.1]:1", True),
        ("tcp://[::ffff:8.8.8.8]:1", False),
        ("tcp://localhost:1", True),
        ("ipc:///x", True),
        ("tcp://8.8.8.8:1", False),
        ("tcp://192.168.1.5:1", False),
        ("tcp://[::]:1", False),
        ("tcp://*:1", False),
        ("tcp://eth0:1", False),
    ],
)
def test_which_endpoints_stay_on_this_computer(text: str, *, loopback: bool) -> None:
    assert parse_endpoint(text).is_loopback is loopback


@for_each("host", ["*", "192.168.1.5", "eth0", "[::]"])
def test_serving_to_other_computers_is_refused_in_words(host: str) -> None:
    with pytest.raises(EndpointError, match=r"CURVE.*SSH tunnel"):
        prepare_endpoint(f"tcp://{host}:5555")


@for_each("host", ["*", "192.168.1.5", "eth0", "[::]"])
def test_which_endpoints_ask_for_keys(host: str) -> None:
    endpoint = f"tcp://{host}:5560"
    assert parse_endpoint(endpoint).asks_for_keys()
    assert parse_endpoint("tcp://127.0.0.1:1").asks_for_keys() is False
    assert parse_endpoint("tcp://127.0.0.1:1").asks_for_keys(curve=True)
    assert parse_endpoint("ipc:///x").asks_for_keys(curve=True) is False


def test_the_configuration_file_names_the_endpoint(folder: Path) -> None:
    file = folder / "x.toml"
    found = partial(configured_endpoint, {}, file=file)
    assert found() is None
    file.write_text("emulate = true\n")
    assert found() is None
    file.write_text('endpoint = "ipc:///from/file"\n')
    assert found() == "ipc:///from/file"
    other = folder / "other.toml"
    other.write_text('endpoint = "ipc:///from/other"\n')
    named = {"WISBLOCK_BRIDGE_CONFIG": str(other)}
    assert configured_endpoint(named, file=file) == "ipc:///from/other"


@pytest.mark.parametrize("content", [b"endpoint = ", b"\xff", b"endpoint = 3"])
def test_a_damaged_configuration_file_is_refused_in_words(folder: Path, content: bytes) -> None:
    file = folder / "x.toml"
    file.write_bytes(content)
    with pytest.raises(EndpointError, match=str(file)):
        configured_endpoint({}, file=file)
    with pytest.raises(EndpointError, match="cannot be read"):
        configured_endpoint({"WISBLOCK_BRIDGE_CONFIG": str(folder / "none.toml")})


def test_the_name_of_this_computer_becomes_its_address() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    assert prepare_endpoint(f"tcp://localhost:{port}") == f"tcp://127.0.0.1:{port}"


def test_the_directory_is_made_for_owner_and_group(folder: Path) -> None:
    former = os.umask(0o077)
    try:
        prepare_endpoint(f"ipc://{folder}/a/b/bridge.sock")
    finally:
        os.umask(former)
    assert mode(folder / "a/b") == 0o750


def test_a_directory_that_is_there_keeps_its_mode(folder: Path) -> None:
    folder.chmod(0o711)
    prepare_endpoint(f"ipc://{folder}/bridge.sock")
    assert mode(folder) == 0o711


def test_the_private_directory_is_private(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    private = folder / "wisblock-bridge-7"
    monkeypatch.setattr(module, "_temporary_directory", lambda _: private)
    monkeypatch.setattr(module, "SYSTEM_DIRECTORY", folder / "none")
    monkeypatch.delenv("WISBLOCK_BRIDGE_ENDPOINT", raising=False)
    prepare_endpoint(f"ipc://{private}/bridge.sock")
    assert mode(private) == 0o700


def test_a_private_directory_of_somebody_else_is_not_trusted() -> None:
    name = Path(tempfile.gettempdir()) / f"wisblock-bridge-test-{os.getpid()}"
    name.symlink_to("/var")
    try:
        with pytest.raises(EndpointError, match="not made by this user"):
            client_endpoint(f"ipc://{name}/bridge.sock")
    finally:
        name.unlink()


def test_a_private_directory_open_to_all_is_not_trusted() -> None:
    name = Path(tempfile.gettempdir()) / f"wisblock-bridge-test-{os.getpid()}"
    name.mkdir()
    name.chmod(0o777)
    try:
        with pytest.raises(EndpointError, match="chmod 700"):
            client_endpoint(f"ipc://{name}/bridge.sock")
    finally:
        name.rmdir()


def test_a_directory_that_cannot_be_made_is_told(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(EndpointError, match="is a file, not a directory"):
        prepare_endpoint(f"ipc://{folder}/file/sub/bridge.sock")
    with pytest.raises(EndpointError, match="is a file, not a directory"):
        prepare_endpoint(f"ipc://{folder}/file/bridge.sock")


def test_a_file_at_the_path_is_left_alone(folder: Path) -> None:
    file = folder / "precious"
    file.write_text("precious")
    with pytest.raises(EndpointError, match="left unchanged"):
        prepare_endpoint(f"ipc://{file}")
    assert file.read_text() == "precious"


def listener(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()
    return server


def test_a_second_bridge_is_refused(folder: Path) -> None:
    path = folder / "bridge.sock"
    with closing(listener(path)), pytest.raises(EndpointError, match="Another bridge"):
        prepare_endpoint(f"ipc://{path}")


def test_a_second_bridge_on_tcp_is_refused() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        text = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        assert is_served(parse_endpoint(text))
        with pytest.raises(EndpointError, match="Another bridge"):
            prepare_endpoint(text)
    assert not is_served(parse_endpoint(text))


def test_an_abstract_socket_can_be_asked() -> None:
    text = f"ipc://@wisblock-test-{os.getpid()}"
    assert not is_served(parse_endpoint(text))
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind("\0" + text.removeprefix("ipc://@"))
        server.listen()
        assert is_served(parse_endpoint(text))


def test_what_a_dead_bridge_left_behind_does_not_matter(folder: Path) -> None:
    path = folder / "bridge.sock"
    listener(path).close()
    assert path.exists()
    assert prepare_endpoint(f"ipc://{path}") == f"ipc://{path}"


def test_the_socket_is_for_owner_and_group(folder: Path) -> None:
    path = folder / "bridge.sock"
    with closing(listener(path)):
        path.chmod(0o777)
        restrict_socket(f"ipc://{path}")
        assert mode(path) == 0o660
    restrict_socket("tcp://127.0.0.1:5555")
