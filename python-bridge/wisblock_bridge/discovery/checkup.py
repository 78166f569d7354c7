"""Everything that a bridge needs on this computer, looked at in one go.

1. Nothing is changed and no output is touched.
2. It always comes to an end with findings, whatever is wrong.
"""

from __future__ import annotations

import importlib.metadata
import sys
from typing import TYPE_CHECKING

from wisblock_bridge.config import apply, check_slots
from wisblock_bridge.discovery.board import configured_board, detect_board
from wisblock_bridge.discovery.computer import Computer, LinuxComputer
from wisblock_bridge.discovery.devices import (
    PACKAGE_ADVICE,
    bus_findings,
    controller_findings,
    port_findings,
)
from wisblock_bridge.discovery.findings import Finding
from wisblock_bridge.discovery.state import state_finding
from wisblock_bridge.doors import doors, load_keys
from wisblock_bridge.endpoint import check_endpoint, client_endpoint, is_served, parse_endpoint
from wisblock_bridge.errors import BridgeError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.config import Config

REQUIRED = ("pyzmq", "msgpack", "msgspec")
FOR_HARDWARE = ("smbus2", "gpiod")
OLDEST_GPIOD = 2
"""Until 1.5 another project bore the name, with another interface."""


def check(config: Config, computer: Computer | None = None) -> list[Finding]:
    """Look at everything that a bridge needs.

    Args:
        config: What is configured.
        computer: Whom to ask; this computer when not given.

    Returns:
        What was found, in the order in which it should be mended.
    """
    return list(_findings(config, computer or LinuxComputer()))


def is_good(findings: list[Finding]) -> bool:
    """Tell whether a bridge can work.

    Args:
        findings: Of ``check``.

    Returns:
        True when nothing is missing and nothing is a problem.
    """
    return all(each.state in {"ok", "info"} for each in findings)


def _findings(config: Config, computer: Computer) -> Iterator[Finding]:
    yield Finding("Python", "ok", f"{sys.version.split()[0]} at {sys.executable}")
    for package in REQUIRED if config.emulate else (*REQUIRED, *FOR_HARDWARE):
        yield _package(package)
    yield from _modules(config)
    if config.emulate:
        board = configured_board(config)
        yield Finding("board", "ok", f"Emulated: {board.title}. No hardware is looked at.")
    else:
        found = detect_board(config, computer)
        board = found.board
        detail = f"{board.title} ({found.confidence}): {'; '.join(found.evidence)}."
        if found.confidence == "guess":
            yield Finding("board", "info", detail, "Set board.kind and board.variant.")
        else:
            yield Finding("board", "ok", detail)
    try:
        board = apply(board, config)
    except ConfigError as error:
        yield Finding("configuration", "problem", str(error), "Correct the configuration.")
    if not config.emulate:
        yield from _hardware(board, computer)
    yield state_finding(emulate=config.emulate)
    yield from _endpoint(config)


def _hardware(board: BoardSpec, computer: Computer) -> Iterator[Finding]:
    yield from bus_findings(board, computer)
    yield from controller_findings(board, computer)
    yield from port_findings(board)


def _package(name: str) -> Finding:
    what = f"Python package {name}"
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(what, "missing", "It is not installed.", PACKAGE_ADVICE)
    if name == "gpiod" and int(version.split(".")[0]) < OLDEST_GPIOD:
        return Finding(
            what,
            "problem",
            f"Version {version} belongs to another project of that name.",
            f"Install a later one: pip install 'gpiod>={OLDEST_GPIOD}'",
        )
    return Finding(what, "ok", version)


def _modules(config: Config) -> Iterator[Finding]:
    try:
        from wisblock_bridge import catalogue  # noqa: PLC0415  (its packages may be missing)

        loaded = catalogue.load()
    except ImportError as error:
        yield Finding("modules", "missing", f"{error.name} is not installed.", PACKAGE_ADVICE)
        return
    if loaded.broken:
        for name, reason in loaded.broken.items():
            yield Finding(f"modules/{name}.py", "problem", reason, PACKAGE_ADVICE)
    yield Finding("modules", "ok", ", ".join(loaded.modules))
    try:
        check_slots(config, loaded.modules)
    except ConfigError as error:
        yield Finding("configuration", "problem", str(error), "Correct the configuration.")
    else:
        yield Finding("configuration", "ok", config.source)


def _endpoint(config: Config) -> Iterator[Finding]:
    main, *others = doors(config)
    try:
        endpoint = client_endpoint(main.endpoint)
        keys = load_keys(config)
    except ConfigError as error:
        yield Finding("endpoint", "problem", str(error))
        return
    if keys is not None:
        _, clients = keys
        names = ", ".join(f"{each.name} ({each.role.word})" for each in clients.read())
        yield Finding("keys", "ok", f"{clients.path}: {names or 'nobody is listed'}.")
    if is_served(endpoint):
        yield _running(endpoint.text)
        return
    try:
        check_endpoint(endpoint, encrypted=main.encrypted)
        for other in others:
            check_endpoint(parse_endpoint(other.endpoint), encrypted=other.encrypted)
    except ConfigError as error:
        yield Finding("endpoint", "problem", str(error))
        return
    yield Finding("endpoint", "ok", f"{endpoint.text} is free; no bridge is running.")


def _running(endpoint: str) -> Finding:
    try:
        from wisblock_bridge.client import Bridge  # noqa: PLC0415  (its packages may be missing)

        with Bridge(endpoint, name="wisblock-bridge check") as bridge:
            emulated = "an emulated " if bridge.emulated else "a "
            return Finding(
                "endpoint",
                "ok",
                f"A bridge, version {bridge.version}, is running on {endpoint} with {emulated}"
                f"{bridge.board}.",
            )
    except ImportError as error:
        return Finding("endpoint", "info", f"{endpoint} is in use; {error.name} is not installed.")
    except ConfigError as error:  # it lets nobody in without keys
        return Finding("endpoint", "info", f"{endpoint} is in use. {error}")
    except BridgeError as error:
        return Finding(
            "endpoint",
            "problem",
            f"Something listens on {endpoint}, but it does not answer as a bridge: {error.message}",
            "Stop it, or name another endpoint.",
        )
