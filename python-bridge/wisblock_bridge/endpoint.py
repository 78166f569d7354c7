"""Endpoints: the default one, and the rules for others.

1. Knows addresses, directories and their permissions; opens no ZeroMQ socket.
2. Client and server find their endpoint here, by one rule (``docs/protocol.md``, "Transport").
3. Every error says what was written and what would be right.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from wisblock_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "WISBLOCK_BRIDGE_ENDPOINT"
CONFIG_VARIABLE = "WISBLOCK_BRIDGE_CONFIG"
CONFIG_FILE = Path("/etc/wisblock-bridge/wisblock-bridge.toml")
SYSTEM_DIRECTORY = Path("/run/wisblock-bridge")
SOCKET_FILE = "bridge.sock"

SOCKET_MODE = 0o660
SHARED_DIRECTORY_MODE = 0o750
PRIVATE_DIRECTORY_MODE = 0o700

MAX_SOCKET_PATH_BYTES = 107
"""The kernel has room for 108, one of which ends the text (unix(7))."""

HIGHEST_PORT = 65535


class EndpointError(ConfigError):
    """The endpoint cannot be used."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A parsed endpoint.

    Attributes:
        transport: How it is reached.
        text: In ZeroMQ's form.
        path: Socket file; None for TCP and for abstract sockets.
        host: Host name or address without brackets; empty for ipc.
        port: 1...65535; 0 for ipc.
    """

    transport: Literal["ipc", "tcp"]
    text: str
    path: Path | None = None
    host: str = ""
    port: int = 0

    def asks_for_keys(self, *, curve: bool = False) -> bool:
        """Return whether a bridge serves here with encryption, and to listed keys only.

        Args:
            curve: Whether keys are also required for TCP on this computer.

        Returns:
            True beyond this computer, and with ``curve`` for all TCP.
        """
        return self.transport == "tcp" and (curve or not self.is_loopback)

    @property
    def is_loopback(self) -> bool:
        """Whether only programs of this computer can reach it."""
        return self.transport == "ipc" or self.host == "localhost" or is_loopback(self.host)


def is_loopback(address: str) -> bool:
    """Return whether an IP address is a loopback address.

    Args:
        address: IPv4 or IPv6; an IPv4 address within IPv6 ("::ffff:127.0.0.1", as a socket for both
            reports its IPv4 peers) counts as the IPv4 address.

    Returns:
        True for loopback addresses; False for all others, and for text that is not an address.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def default_endpoint(
    environment: Mapping[str, str] | None = None,
    *,
    uid: int | None = None,
    system_directory: Path = SYSTEM_DIRECTORY,
) -> str:
    """Return the endpoint to use when none is configured.

    Ask again before each attempt to connect: the service's directory appears when it starts.

    Args:
        environment: Environment variables; by default those of this process.
        uid: Number of the user; by default that of this process.
        system_directory: Where the service keeps its socket.

    Returns:
        What ``WISBLOCK_BRIDGE_ENDPOINT`` says, else an ``ipc://`` endpoint in the first directory
        that there is: the service's, the user's runtime directory, ``/tmp``.
    """
    environment = os.environ if environment is None else environment
    if environment.get(VARIABLE):
        return environment[VARIABLE]
    runtime = environment.get("XDG_RUNTIME_DIR")
    if system_directory.is_dir():
        directory = system_directory
    elif runtime:
        directory = Path(runtime) / "wisblock-bridge"
    else:
        directory = _temporary_directory(os.getuid() if uid is None else uid)
    return f"ipc://{directory}/{SOCKET_FILE}"


def parse_endpoint(text: str) -> Endpoint:
    """Parse an endpoint, strictly.

    Args:
        text: ``ipc:///path``, ``ipc://@name`` (an abstract socket), ``tcp://host:port`` or
            ``tcp://[::1]:port``.

    Returns:
        What it says.

    Raises:
        EndpointError: It is none of these; the message says what would be right.
    """
    written = text.strip()
    if written.startswith("ipc://"):
        return _parse_ipc(written, written.removeprefix("ipc://"))
    if written.startswith("tcp://"):
        return _parse_tcp(written, written.removeprefix("tcp://"))
    raise EndpointError(
        f'The endpoint "{written}" cannot be used: it must begin with ipc:// or tcp://.'
    )


def client_endpoint(configured: str | None = None) -> Endpoint:
    """Return the endpoint to connect to.

    Args:
        configured: What the user named; None for what the environment or the configuration file
            says, else the default.

    Returns:
        The endpoint.

    Raises:
        EndpointError: It cannot be used, or another user created its directory.
    """
    if not configured and not os.environ.get(VARIABLE):
        configured = configured_endpoint()
    endpoint = parse_endpoint(configured or default_endpoint())
    if endpoint.path is not None and endpoint.path.parent.exists():
        _check_owner(endpoint.path.parent)
    return endpoint


def configured_endpoint(
    environment: Mapping[str, str] | None = None, *, file: Path | None = None
) -> str | None:
    """Return the endpoint that the configuration file names.

    Args:
        environment: Environment variables; by default those of this process.
        file: The file when the environment names none; by default the usual one.

    Returns:
        The endpoint; None when there is no file, when it names none, or when it is the usual file
        and this user may not read it.

    Raises:
        EndpointError: The file is damaged, or the environment names one that cannot be read.
    """
    named = (os.environ if environment is None else environment).get(CONFIG_VARIABLE)
    path = Path(named) if named else file or CONFIG_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        if not named:
            return None
        raise EndpointError(f"{path}: it cannot be read: {error.strerror}.") from error
    import tomllib  # noqa: PLC0415  (only where there is a file: it takes 20 ms)

    try:
        endpoint = tomllib.loads(content.decode("utf-8-sig")).get("endpoint")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EndpointError(f"{path}: it is not valid TOML: {error}.") from None
    if endpoint is not None and not isinstance(endpoint, str):
        raise EndpointError(f"{path}, key endpoint: {endpoint!r} is not a text in quotes.")
    return endpoint


def prepare_endpoint(configured: str | None, *, encrypted: bool = False) -> str:
    """Prepare an endpoint for binding: check it and create its directory.

    Args:
        configured: What the user named; None for the default.
        encrypted: It will be served with encryption, and to listed keys only.

    Returns:
        The endpoint, ready for ``bind``; call ``restrict_socket`` with it afterwards.

    Raises:
        EndpointError: It cannot be used, it is not permitted, or another bridge serves there.
    """
    endpoint = parse_endpoint(configured or default_endpoint())
    if endpoint.path is not None:
        _make_directory(endpoint.path.parent)
    check_endpoint(endpoint, encrypted=encrypted)
    # libzmq binds to addresses and interfaces, not to names.
    return endpoint.text.replace("tcp://localhost:", "tcp://127.0.0.1:")


def check_endpoint(endpoint: Endpoint, *, encrypted: bool = False) -> None:
    """Check whether a bridge may serve at an endpoint; nothing is changed.

    Args:
        endpoint: Where.
        encrypted: It will be served with encryption, and to listed keys only.

    Raises:
        EndpointError: It is not permitted, or another bridge serves there already.
    """
    if not endpoint.is_loopback and not encrypted:
        raise EndpointError(
            f"The endpoint {endpoint.text} can be reached from other computers, and anybody who "
            "reaches it could switch relays. It is served with encryption (CURVE) and to listed "
            "keys only. Create keys with `wisblock-bridge keys server`, or use an ipc:// endpoint "
            "or tcp://127.0.0.1, and an SSH tunnel from elsewhere."
        )
    if endpoint.path is not None:
        _check_directory(endpoint.path.parent)
        _check_socket_file(endpoint.path)
    if is_served(endpoint):
        raise EndpointError(
            f"Another bridge already serves at {endpoint.text}, and only one can own the hardware. "
            "Stop it (sudo systemctl stop wisblock-bridge), or name another endpoint."
        )


def restrict_socket(endpoint: str) -> None:
    """Restrict a socket that has just been bound to owner and group.

    Args:
        endpoint: What ``prepare_endpoint`` returned.
    """
    path = parse_endpoint(endpoint).path
    if path is not None:
        path.chmod(SOCKET_MODE)


def is_served(endpoint: Endpoint, timeout_s: float = 1.0) -> bool:
    """Return whether something accepts connections at an endpoint.

    Args:
        endpoint: Where.
        timeout_s: How long to wait, s.

    Returns:
        True when a connection was accepted; whether it is a bridge is not checked.
    """
    if endpoint.transport == "tcp":
        host = "localhost" if endpoint.host == "*" else endpoint.host
        try:
            with socket.create_connection((host, endpoint.port), timeout_s):
                return True
        except OSError:
            return False
    name = str(endpoint.path) if endpoint.path else "\0" + endpoint.text.removeprefix("ipc://@")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(timeout_s)
        try:
            probe.connect(name)
        except OSError:
            return False
    return True


def _temporary_directory(uid: int) -> Path:
    return Path(f"/tmp/wisblock-bridge-{uid}")  # noqa: S108  (its owner is checked before it is used)


def _parse_ipc(text: str, address: str) -> Endpoint:
    if address in {"", "@"}:
        raise EndpointError(
            f'The endpoint "{text}" names no socket. '
            f"Write it like ipc://{SYSTEM_DIRECTORY}/{SOCKET_FILE}."
        )
    if "\0" in address:
        raise EndpointError("The endpoint contains a NUL character. Remove it.")
    size = len(os.fsencode(address))
    if size > MAX_SOCKET_PATH_BYTES:
        raise EndpointError(
            f'The socket path in "{text}" is {size} bytes long; at most {MAX_SOCKET_PATH_BYTES} '
            "are possible. Choose a shorter one."
        )
    if address.startswith("@"):
        return Endpoint("ipc", text)
    if not address.startswith("/"):
        raise EndpointError(
            f'The endpoint "{text}" has a relative path. '
            f"Write the whole path, with three slashes: ipc:///{address}."
        )
    return Endpoint("ipc", text, Path(address))


_HOST_AND_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^:\[\]/\s;@]+)):(\d{1,5})")


def _parse_tcp(text: str, address: str) -> Endpoint:
    match = _HOST_AND_PORT.fullmatch(address)
    if match is None:
        if address.count(":") > 1 and not address.startswith("["):
            reason = "An IPv6 address stands in brackets: tcp://[::1]:5555."
        else:
            reason = "Write it like tcp://127.0.0.1:5555: a host, a colon and a port."
        raise EndpointError(f'The endpoint "{text}" is not a host and a port. {reason}')
    port = int(match[3])
    if not 1 <= port <= HIGHEST_PORT:
        raise EndpointError(
            f'The port {match[3]} in "{text}" does not exist. Ports go from 1 to {HIGHEST_PORT}.'
        )
    return Endpoint("tcp", text, host=match[1] or match[2], port=port)


def _make_directory(directory: Path) -> None:
    private = directory == _temporary_directory(os.getuid())
    mode = PRIVATE_DIRECTORY_MODE if private else SHARED_DIRECTORY_MODE
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=mode)
        directory.chmod(mode)  # whatever the umask is
    except FileExistsError:
        if not directory.is_dir():
            raise EndpointError(
                f"{directory} is a file, not a directory. Name another endpoint."
            ) from None
    except OSError as error:
        raise EndpointError(
            f"The directory {directory} for the bridge's socket cannot be made: {error.strerror}. "
            "Name another endpoint."
        ) from error


def _check_directory(directory: Path) -> None:
    if not directory.exists():
        return
    _check_owner(directory)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise EndpointError(
            f"This user may not write to {directory}, which belongs to the installed service. "
            "Stop the service and start the bridge as its user, or name another endpoint "
            "(--endpoint ipc:///tmp/my-bridge/bridge.sock)."
        )


def _check_owner(directory: Path) -> None:
    """Refuse a directory under /tmp that another user created to impersonate ours."""
    if not directory.name.startswith("wisblock-bridge-") or str(directory.parent) != "/tmp":  # noqa: S108
        return
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {0, os.getuid()}:
        raise EndpointError(
            f"{directory} was not made by this user, so what listens there may not be the bridge. "
            "Remove it, or name another endpoint."
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise EndpointError(
            f"Other users may write to {directory}. Make it private: chmod 700 {directory}"
        )


def _check_socket_file(path: Path) -> None:
    """Refuse a path that is not a socket: what is there is removed before the bridge listens."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    except OSError as error:
        raise EndpointError(f"{path} cannot be checked: {error.strerror}.") from error
    if not stat.S_ISSOCK(found.st_mode):
        raise EndpointError(
            f"{path} exists and is not a socket, so it was left unchanged. Name another endpoint."
        )
