"""What each method of the protocol takes.

1. Names, types and limits only: what a method does is the dispatcher's.
2. The back door's methods are not here; they are with what they open (``emulator_methods``).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from wisblock_bridge.runtime.sessions import LONGEST_LEASE_MS, SHORTEST_LEASE_MS
from wisblock_bridge.wire.messages import NO_PARAMS

FASTEST_MS = 10
SLOWEST_MS = 86_400_000
"""Between two readings of a subscription."""

MOST_OUTPUTS = 64
"""That one ``release`` can name."""

Kind = Literal["operation", "event"]

SlotParam = int | str
"""Any: the rack says in words what fits."""


class _Method(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Base of the parameters of a method: unknown keys are errors."""


class HelloParams(_Method, frozen=True):
    """Parameters of ``hello``."""

    client: Annotated[str, msgspec.Meta(max_length=200)] = ""
    version: Annotated[str, msgspec.Meta(max_length=100)] = ""
    lease_ms: Annotated[int, msgspec.Meta(ge=SHORTEST_LEASE_MS, le=LONGEST_LEASE_MS)] = 5000
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
    every_ms: Annotated[int, msgspec.Meta(ge=FASTEST_MS, le=SLOWEST_MS)] | None = None
    deadband: Annotated[float, msgspec.Meta(ge=0, le=1e12)] | None = None


class UnsubscribeParams(_Method, frozen=True):
    """Parameters of ``unsubscribe``."""

    subscription: int


class ReleaseParams(_Method, frozen=True):
    """Parameters of ``release``."""

    module: str
    slot: SlotParam
    outputs: (
        Annotated[
            list[Annotated[str, msgspec.Meta(max_length=100)]],
            msgspec.Meta(max_length=MOST_OUTPUTS),
        ]
        | None
    ) = None
    force: bool = False


class ScanParams(_Method, frozen=True):
    """Parameters of ``scan``."""

    bus: str | None = None
