"""``wisblock-bridge report``: everything that helps to find a fault, in one text.

1. There is always a report, whatever is wrong; it says what could not be determined.
2. It only reads, and does not scan the bus while a bridge may be using it.
3. It holds no keys, no user name, no home directory, and only this project's environment variables.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from wisblock_bridge.cli import formatting, redact, settings
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.errors import BridgeError, ConfigError, ErrorCode
from wisblock_bridge.wire.plain_text import ESCAPE, escaped, escaped_lines

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from wisblock_bridge.client import Bridge
    from wisblock_bridge.config import Config

ANSWER_S = 5.0
SCAN_S = 30.0
"""How long a bridge may take, s."""

DEVICES = (
    "i2c-*", "spidev*", "gpiochip*", "serial0", "serial1", "ttyAMA*", "ttyUSB*", "ttyACM*",
    "serial/by-path/*",
)  # fmt: skip

INTRODUCTION = """\
# wisblock-bridge report, {now}

For a support request. It contains no keys. Read it before you send it: it describes this computer,
what is plugged in, and the last lines of the bridge's log.
"""


def report(options: argparse.Namespace) -> int:
    """Write the report.

    Returns:
        0: errors are part of the report.
    """
    text = build(options)
    if options.out is None:
        sys.stdout.write(text)
        return 0
    options.out.write_text(text, encoding="utf-8", errors=ESCAPE)
    sys.stderr.write(f"The report is in {options.out}.\n")
    return 0


def build(options: argparse.Namespace) -> str:
    """Collect everything and return the text.

    Returns:
        The report, without keys and names.
    """
    config, problem = _configuration(options)
    sections: list[tuple[str, Callable[[], str]]] = [
        ("Versions", _versions),
        ("Configuration in effect", lambda: _effective(config, problem)),
        ("Environment", lambda: formatting.table(list(redact.variables().items())) or "nothing\n"),
        ("What `check` finds", lambda: _check(config)),
        ("Device files and rights", lambda: _rights(config)),
        ("The running bridge", lambda: _bridge(options, config)),
    ]
    text = INTRODUCTION.format(now=formatting.moment(SystemClock().timestamp_ms()))
    for title, find in sections:
        text += f"\n## {title}\n\n{_fenced(_tried(find))}"
    return _redactor(options, config)(text)


def _tried(find: Callable[[], str]) -> str:
    """Return the text of a section, or why it failed."""
    try:
        return find()
    except BridgeError as error:
        return escaped(f"{error.code}: {error}") + "\n"
    except Exception as error:  # noqa: BLE001  (a report is needed most when something is wrong)
        return escaped(f"This could not be determined: {type(error).__name__}: {error}") + "\n"


def _fenced(text: str) -> str:
    return f"````\n{text.rstrip()}\n````\n"


def _configuration(options: argparse.Namespace) -> tuple[Config, str]:
    """Return the configuration; the defaults if it cannot be used."""
    from wisblock_bridge.config import Config  # noqa: PLC0415

    try:
        return settings.configuration(options), ""
    except (ConfigError, OSError) as error:
        return Config(), f"It cannot be used; what follows is about the defaults: {error}\n"


def _redactor(options: argparse.Namespace, config: Config) -> redact.Redactor:
    places = [*_key_directories(config), *([options.keys] if options.keys is not None else [])]
    keys = [
        *redact.keys_in(places),
        *redact.keys_of_environment(),
    ]
    return redact.Redactor(keys, os.environ.get("HOME", ""), _owner(os.getuid()))


def _versions() -> str:
    from wisblock_bridge.environment.versions import versions  # noqa: PLC0415

    return formatting.table(list(versions().items()))


def _effective(config: Config, problem: str) -> str:
    from wisblock_bridge.cli.check import effective  # noqa: PLC0415

    return problem + formatting.table(effective(config))


def _check(config: Config) -> str:
    from wisblock_bridge.cli.check import as_text  # noqa: PLC0415
    from wisblock_bridge.discovery import checkup  # noqa: PLC0415

    return as_text(checkup.check(config))


# -- who may do what on this computer -------------------------------------------------------------


def _rights(config: Config) -> str:
    names = sorted(_group(number) for number in {os.getgid(), *os.getgroups()})
    text = f"this user's groups: {', '.join(names)}\n"
    return text + formatting.table([_file_row(path) for path in _files(config)])


def _files(config: Config) -> Iterable[Path]:
    from wisblock_bridge.endpoint import client_endpoint  # noqa: PLC0415

    for pattern in DEVICES:
        yield from sorted(Path("/dev").glob(pattern))
    socket = client_endpoint(config.endpoint).path
    if socket is not None:
        yield from (socket.parent, socket)
    if config.source.startswith("/"):
        yield Path(config.source)
    for keys in _key_directories(config):
        yield keys
        if os.access(keys, os.R_OK | os.X_OK):
            yield from sorted(keys.iterdir())


def _key_directories(config: Config) -> Sequence[Path]:
    """Return the key directories of this user and of the service."""
    from wisblock_bridge.keys import default_directory  # noqa: PLC0415

    own = config.security.keys or default_directory()
    return tuple(dict.fromkeys((own, default_directory(uid=0))))


def _file_row(path: Path) -> tuple[str, ...]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return "", "", "", str(path), "is not there"
    except OSError as error:
        return "", "", "", str(path), str(error.strerror)
    may = [
        word
        for mode, word in ((os.R_OK, "read"), (os.W_OK, "write"))
        if os.access(path, mode)
    ]  # fmt: skip
    return (
        stat.filemode(found.st_mode),
        _owner(found.st_uid),
        _group(found.st_gid),
        str(path),
        f"this user may {' and '.join(may)}" if may else "this user may not use it",
    )


def _owner(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


# -- what the bridge says -------------------------------------------------------------------------


def _bridge(options: argparse.Namespace, config: Config) -> str:
    barred = _barred(config)
    if barred:
        return barred
    try:
        with settings.connect(options, timeout_s=ANSWER_S) as bridge:
            return "\n".join(f"--- {title}\n{_tried(find)}" for title, find in _questions(bridge))
    except BridgeError as error:
        if error.code is not ErrorCode.OFFLINE or _is_there(config):
            return (
                escaped(f"A bridge is running but does not answer: {error.code}: {error}")
                + "\nSo the bus was not scanned either.\n"
            )
    scanned = _tried(lambda: _scanned_here(options))
    return f"No bridge is running.\n\n--- scan, without a bridge\n{scanned}"


def _questions(bridge: Bridge) -> Sequence[tuple[str, Callable[[], str]]]:
    from wisblock_bridge.cli.status import as_text  # noqa: PLC0415

    return (
        ("status", lambda: as_text(bridge.status())),
        ("status, as received", lambda: formatting.to_json(bridge.status()) + "\n"),
        ("scan", lambda: _scanned(bridge)),
        ("the last lines of its log", lambda: _log(bridge)),
    )


def _chips(found: Sequence[Mapping[str, object]]) -> str:
    from wisblock_bridge.cli import query  # noqa: PLC0415

    table = formatting.table([query.chip_row(each) for each in found]) or "No known chip answers.\n"
    return f"{table}{query.unseen()}\n"


def _scanned(bridge: Bridge) -> str:
    found = bridge.request("scan", timeout_s=SCAN_S)
    return _chips(cast("Sequence[Mapping[str, object]]", found))


def _scanned_here(options: argparse.Namespace) -> str:
    from wisblock_bridge.cli import query  # noqa: PLC0415

    return _chips(query.scan_here(options))


def _log(bridge: Bridge) -> str:
    lines = (
        escaped_lines(
            f"{formatting.moment(float(str(each['at'])))} {each['level']} {each['logger']}: "
            f"{each['text']}"
        )
        + "\n"
        for each in bridge.log()
    )
    return "".join(lines) or "nothing\n"


def _barred(config: Config) -> str:
    """Return why this user cannot use the bridge's socket, or ""."""
    from wisblock_bridge.endpoint import client_endpoint  # noqa: PLC0415

    path = client_endpoint(config.endpoint).path
    if path is None:
        return ""
    try:
        path.stat()
    except PermissionError:
        pass
    except OSError:
        return ""
    else:
        if os.access(path, os.R_OK | os.W_OK):
            return ""
    return (
        f"This user may not use {path}: join the group wisblock, or use sudo for this report.\n"
        "So the bus was not scanned either.\n"
    )


def _is_there(config: Config) -> bool:
    from wisblock_bridge.endpoint import client_endpoint, is_served  # noqa: PLC0415

    return is_served(client_endpoint(config.endpoint))
