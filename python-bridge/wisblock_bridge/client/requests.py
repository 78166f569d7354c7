"""The parameters of requests, as both bridges send them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from wisblock_bridge.client.durations import seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Slot = Literal[1, 2, "board"]
OnLoss = Literal["safe", "hold"]
Given = dict[str, tuple[object, object]]
"""Parameters by name: what was given, and the default."""


def chosen(given: Given) -> dict[str, object]:
    """Return the parameters that differ from their defaults.

    What is left out gets the bridge's default, which may be newer than this client.

    Args:
        given: By name, what was given and the default.
    """
    return {name: value for name, (value, default) in given.items() if value is not default}


def invocation(
    module: str,
    slot: Slot,
    operation: str,
    params: Mapping[str, object] | None,
    on_loss: OnLoss,
) -> dict[str, object]:
    """Return the parameters of ``invoke``."""
    wanted: dict[str, Any] = {"module": module, "slot": slot, "operation": operation}
    if params:
        wanted["params"] = dict(params)
    if on_loss != "safe":
        wanted["on_loss"] = on_loss
    return wanted


def subscription(
    module: str,
    slot: Slot,
    *,
    event: str | None,
    operation: str | None,
    every_s: float | None,
    deadband: float | None,
    params: Mapping[str, object] | None,
) -> dict[str, object]:
    """Return the parameters of ``subscribe``."""
    wanted: dict[str, Any] = {"module": module, "slot": slot}
    if event is not None:
        wanted["event"] = event
    if operation is not None:
        wanted["operation"] = operation
    if every_s is not None:
        wanted["every_ms"] = round(seconds("every_s", every_s) * 1000)
    if deadband is not None:
        wanted["deadband"] = float(deadband)
    if params:
        wanted["params"] = dict(params)
    return wanted


def releasing(
    module: str, slot: Slot, *, outputs: Sequence[str] | None, force: bool
) -> dict[str, object]:
    """Return the parameters of ``release``."""
    wanted: dict[str, Any] = {"module": module, "slot": slot}
    if outputs is not None:
        wanted["outputs"] = list(outputs)
    if force:
        wanted["force"] = True
    return wanted
