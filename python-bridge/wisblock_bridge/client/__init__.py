"""The Python client: ``Bridge()["RAK5801", 1].read()``."""

from __future__ import annotations

from wisblock_bridge.client.bridge import Bridge
from wisblock_bridge.client.observing import Observed, Observing
from wisblock_bridge.client.proxies import Emulator, ModuleProxy, Subscription
from wisblock_bridge.client.results import (
    Event,
    OfflineError,
    RemoteError,
    ReplyTimeoutError,
    Result,
)

__all__ = [
    "Bridge",
    "Emulator",
    "Event",
    "ModuleProxy",
    "Observed",
    "Observing",
    "OfflineError",
    "RemoteError",
    "ReplyTimeoutError",
    "Result",
    "Subscription",
]
