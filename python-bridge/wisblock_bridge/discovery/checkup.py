"""Check everything that a bridge needs on this computer.

1. Nothing is changed, and no output is used.
2. There are always findings, whatever is wrong.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from wisblock_bridge.config import apply, check_slots
from wisblock_bridge.config.listeners import listeners, load_keys
from wisblock_bridge.discovery.board import configured_board, detect_board
from wisblock_bridge.discovery.computer import Computer, LinuxComputer
from wisblock_bridge.discovery.devices import (
    PACKAGE_ADVICE,
    bus_findings,
    controller_findings,
    port_findings,
)
from wisblock_bridge.discovery.findings import Finding
from wisblock_bridge.discovery.running import Running, ask
from wisblock_bridge.discovery.slots import slot_findings
from wisblock_bridge.discovery.state import state_finding
from wisblock_bridge.endpoint import check_endpoint, client_endpoint, is_served, parse_endpoint
from wisblock_bridge.environment.packages import PACKAGES, Package, problem_of, version
from wisblock_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.config import Config

ENTRY_POINT_ADVICE = "Update that package, or uninstall it; the other modules serve without it."

OLDEST_GPIOD = 2
"""Until 1.5 another project bore the name, with another interface."""


def check(config: Config, computer: Computer | None = None) -> list[Finding]:
    """Check everything that a bridge needs.

    Args:
        config: What is configured.
        computer: Whom to ask; this computer when not given.

    Returns:
        What was found, in the order in which it should be mended.
    """
    return list(_findings(config, computer or LinuxComputer()))


def shortfalls(
    config: Config, board: BoardSpec, computer: Computer | None = None
) -> Iterator[Finding]:
    """Return what is missing for a bridge that is about to serve on hardware.

    Args:
        config: What is configured.
        board: The carrier, as the bridge uses it.
        computer: Whom to ask; this computer when not given.

    Yields:
        What ``check`` calls missing or a problem.
    """
    computer = computer or LinuxComputer()
    found = (
        *(_package(each) for each in PACKAGES),
        *hardware_findings(board, computer),
        # Whether chips answer, the modules themselves find out, and report.
        *slot_findings(config, board, computer, Running(emulated=False)),
    )
    yield from (each for each in found if each.state in {"missing", "problem"})


def is_good(findings: list[Finding]) -> bool:
    """Return whether a bridge can work.

    Args:
        findings: Of ``check``.

    Returns:
        True when nothing is missing and nothing is a problem.
    """
    return all(each.state in {"ok", "info"} for each in findings)


def _findings(config: Config, computer: Computer) -> Iterator[Finding]:
    running, served = _served(config)
    yield Finding("Python", "ok", f"{sys.version.split()[0]} at {sys.executable}")
    for package in PACKAGES:
        if not (config.emulate and package.hardware):
            yield from _as_needed(running, [_package(package)], needed=not package.hardware)
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
        yield from _as_needed(running, hardware_findings(board, computer))
        if running is None or not running.emulated:
            yield from slot_findings(config, board, computer, running)
    yield state_finding(emulate=config.emulate)
    yield from served


def _as_needed(
    running: Running | None, findings: Iterable[Finding], *, needed: bool = False
) -> Iterator[Finding]:
    """Return findings about hardware, which the bridge that runs may not need at all."""
    for each in findings:
        if running is None or not running.emulated or needed or each.state in {"ok", "info"}:
            yield each
        else:
            detail = f"{each.detail} The running bridge is emulated and does not need it."
            yield replace(each, state="info", detail=detail)


def hardware_findings(board: BoardSpec, computer: Computer) -> Iterator[Finding]:
    """Check buses, controllers and ports.

    Args:
        board: The carrier.
        computer: Whom to ask.

    Yields:
        What was found, one after another.
    """
    yield from bus_findings(board, computer)
    yield from controller_findings(board, computer)
    yield from port_findings(board, computer)


def _package(package: Package) -> Finding:
    what = f"Python package {package.name}"
    problem = problem_of(package)
    if problem is not None:
        return Finding(what, "missing", problem.message, problem.hint)
    found = version(package)
    if package.name == "gpiod" and found and int(found.split(".")[0]) < OLDEST_GPIOD:
        return Finding(
            what,
            "problem",
            f"Version {found} belongs to another project of that name.",
            f"Install a later one: pip install 'gpiod>={OLDEST_GPIOD}'",
        )
    return Finding(what, "ok", found or "installed")


def _modules(config: Config) -> Iterator[Finding]:
    try:
        # its packages may be missing
        from wisblock_bridge.emulation.registry import EmulatedProducts  # noqa: PLC0415
        from wisblock_bridge.modules import registry  # noqa: PLC0415

        loaded = registry.load()
    except ImportError as error:
        yield Finding("modules", "missing", f"{error.name} is not installed.", PACKAGE_ADVICE)
        return
    if loaded.broken:
        for name, reason in loaded.broken.items():
            yield Finding(f"modules/{name}.py", "problem", reason, PACKAGE_ADVICE)
    for what, reason in loaded.rejected.items():
        yield Finding(f"module {what}", "problem", reason, ENTRY_POINT_ADVICE)
    for what, reason in EmulatedProducts().rejected.items():
        yield Finding(f"emulated module {what}", "problem", reason, ENTRY_POINT_ADVICE)
    names = [
        f"{name} (from {loaded.packages[name]})" if name in loaded.packages else name
        for name in loaded.modules
    ]
    yield Finding("modules", "ok", ", ".join(names))
    try:
        check_slots(config, loaded.modules)
    except ConfigError as error:
        yield Finding("configuration", "problem", str(error), "Correct the configuration.")
    else:
        yield Finding("configuration", "ok", config.source)


def _served(config: Config) -> tuple[Running | None, list[Finding]]:
    """Check the endpoint first: a bridge that runs there decides what is checked, and how."""
    main, *others = listeners(config)
    try:
        endpoint = client_endpoint(main.endpoint)
        keys = load_keys(config)
    except ConfigError as error:
        return None, [Finding("endpoint", "problem", str(error))]
    findings: list[Finding] = []
    if keys is not None:
        _, clients = keys
        names = ", ".join(f"{each.name} ({each.role.word})" for each in clients.read())
        findings.append(Finding("keys", "ok", f"{clients.path}: {names or 'nobody is listed'}."))
    if is_served(endpoint):
        running, finding = ask(endpoint.text)
        return running, [*findings, finding]
    try:
        check_endpoint(endpoint, encrypted=main.encrypted)
        for other in others:
            check_endpoint(parse_endpoint(other.endpoint), encrypted=other.encrypted)
    except ConfigError as error:
        return None, [*findings, Finding("endpoint", "problem", str(error))]
    free = Finding("endpoint", "ok", f"{endpoint.text} is free; no bridge is running.")
    return None, [*findings, free]
