"""Query a running bridge, for ``check``.

1. While a bridge runs, only that bridge scans the bus.
2. There is always a finding.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from wisblock_bridge.discovery.findings import Finding
from wisblock_bridge.errors import BridgeError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wisblock_bridge.client import Bridge

    Entry = Mapping[str, object]

SCAN_S = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """A bridge that serves at the endpoint.

    Attributes:
        emulated: It needs no hardware.
        addresses: Where something answers on its bus; None when it was not allowed to be asked.
        problem: Why its bus cannot be looked at.
        failing: Module and slot to what it failed with last.
    """

    emulated: bool
    addresses: frozenset[int] | None = None
    problem: BridgeError | None = None
    failing: Mapping[tuple[str, object], str] = field(default_factory=dict)


def ask(endpoint: str) -> tuple[Running | None, Finding]:
    """Query what serves at an endpoint.

    Args:
        endpoint: Where somebody listens.

    Returns:
        What the bridge says, None when it is none or lets nobody in; and the finding about it.
    """
    try:
        from wisblock_bridge.client import Bridge  # noqa: PLC0415  (its packages may be missing)

        with Bridge(endpoint, name="wisblock-bridge check") as bridge:
            emulated = "an emulated " if bridge.emulated else "a "
            finding = Finding(
                "endpoint",
                "ok",
                f"A bridge, version {bridge.version}, is running on {endpoint} with {emulated}"
                f"{bridge.board}.",
            )
            return _asked(bridge), finding
    except ImportError as error:
        detail = f"{endpoint} is in use; {error.name} is not installed."
        return None, Finding("endpoint", "info", detail)
    except ConfigError as error:  # it lets nobody in without keys
        return None, Finding("endpoint", "info", f"{endpoint} is in use. {error}")
    except BridgeError as error:
        return None, Finding(
            "endpoint",
            "problem",
            f"Something listens on {endpoint}, but it does not answer as a bridge: {error.message}",
            "Stop it, or name another endpoint.",
        )


def _asked(bridge: Bridge) -> Running:
    if bridge.emulated:
        return Running(emulated=True)
    slots = cast("Sequence[Entry]", bridge.status().get("slots", ()))
    failing = {
        (str(each.get("module")), each.get("slot")): _words(each.get("last_error"))
        for each in slots
        if each.get("failing")
    }
    try:
        found = cast("Sequence[Entry]", bridge.request("scan", timeout_s=SCAN_S))
    except BridgeError as error:
        return Running(emulated=False, problem=error, failing=failing)
    addresses = frozenset(cast("int", each["address"]) for each in found)
    return Running(emulated=False, addresses=addresses, failing=failing)


def _words(error: object) -> str:
    return str(error.get("message", "")) if isinstance(error, dict) else ""
