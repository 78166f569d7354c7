"""The parameters of each method of the protocol.

1. Names, types and limits only; the dispatcher implements the methods.
2. Those of the emulator control are in ``emulator_methods``.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from wisblock_bridge.wire.limits import (
    MAX_CLIENT_NAME,
    MAX_CLIENT_VERSION,
    MAX_FILTER,
    MAX_INTERVAL_MS,
    MAX_LEASE_MS,
    MAX_OUTPUTS,
    MIN_INTERVAL_MS,
    MIN_LEASE_MS,
)
from wisblock_bridge.wire.messages import NO_PARAMS

Kind = Literal["operation", "event"]

SlotParam = int | str
"""Any: the slot manager reports what is wrong with it."""


class _Method(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Base of the parameters of a method: unknown keys are errors."""


class HelloParams(_Method, frozen=True):
    """Parameters of ``hello``."""

    client: Annotated[str, msgspec.Meta(max_length=MAX_CLIENT_NAME)] = ""
    version: Annotated[str, msgspec.Meta(max_length=MAX_CLIENT_VERSION)] = ""
    lease_ms: Annotated[int, msgspec.Meta(ge=MIN_LEASE_MS, le=MAX_LEASE_MS)] = 5000
    resume: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class NoParams(_Method, frozen=True):
    """A method without parameters."""


class InvokeParams(_Method, frozen=True):
    """Parameters of ``invoke``."""

    module: str
    slot: SlotParam
    operation: str
    params: msgspec.Raw = NO_PARAMS
    on_loss: Literal["safe", "hold"] = "safe"


class SubscribeParams(_Method, frozen=True):
    """Parameters of ``subscribe``."""

    module: str
    slot: SlotParam
    event: str | None = None
    operation: str | None = None
    params: msgspec.Raw = NO_PARAMS
    every_ms: Annotated[int, msgspec.Meta(ge=MIN_INTERVAL_MS, le=MAX_INTERVAL_MS)] | None = None
    deadband: Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None = None


class UnsubscribeParams(_Method, frozen=True):
    """Parameters of ``unsubscribe``."""

    subscription: int


class ObserveParams(_Method, frozen=True):
    """Parameters of ``observe``."""

    modules: (
        Annotated[
            list[Annotated[str, msgspec.Meta(max_length=100)]],
            msgspec.Meta(min_length=1, max_length=MAX_FILTER),
        ]
        | None
    ) = None
    slots: Annotated[list[SlotParam], msgspec.Meta(min_length=1, max_length=MAX_FILTER)] | None = (
        None
    )


class ReleaseParams(_Method, frozen=True):
    """Parameters of ``release``."""

    module: str
    slot: SlotParam
    outputs: (
        Annotated[
            list[Annotated[str, msgspec.Meta(max_length=100)]],
            msgspec.Meta(max_length=MAX_OUTPUTS),
        ]
        | None
    ) = None
    force: bool = False


class ScanParams(_Method, frozen=True):
    """Parameters of ``scan``."""

    bus: str | None = None
