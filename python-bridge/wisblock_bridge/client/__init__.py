"""The Python client: ``Bridge().rak5801(slot=1).read().current``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.client.bridge import Bridge
from wisblock_bridge.client.emulator import Emulator
from wisblock_bridge.client.errors import (
    BadParamsError,
    BridgeFailedError,
    BusError,
    BusyError,
    ChecksumError,
    ClosingError,
    ComputerError,
    ExpiredError,
    ForbiddenError,
    HardwareError,
    HardwareTimeoutError,
    InUseError,
    NoBusError,
    NoDeviceError,
    NoPermissionError,
    NotReadyError,
    OfflineError,
    OutOfRangeError,
    RefusedError,
    RemoteError,
    RemoteExceptionError,
    ReplyTimeoutError,
    SlotConflictError,
    UnknownError,
    WrongChipError,
)
from wisblock_bridge.client.observing import Observed, Observing
from wisblock_bridge.client.proxies import ModuleProxy
from wisblock_bridge.client.results import Event, Result
from wisblock_bridge.client.streams import Readings, Subscription

if TYPE_CHECKING:
    from wisblock_bridge.client.aio import AsyncBridge

__all__ = [
    "AsyncBridge",
    "BadParamsError",
    "Bridge",
    "BridgeFailedError",
    "BusError",
    "BusyError",
    "ChecksumError",
    "ClosingError",
    "ComputerError",
    "Emulator",
    "Event",
    "ExpiredError",
    "ForbiddenError",
    "HardwareError",
    "HardwareTimeoutError",
    "InUseError",
    "ModuleProxy",
    "NoBusError",
    "NoDeviceError",
    "NoPermissionError",
    "NotReadyError",
    "Observed",
    "Observing",
    "OfflineError",
    "OutOfRangeError",
    "Readings",
    "RefusedError",
    "RemoteError",
    "RemoteExceptionError",
    "ReplyTimeoutError",
    "Result",
    "SlotConflictError",
    "Subscription",
    "UnknownError",
    "WrongChipError",
]


def __getattr__(name: str) -> object:
    """Import what asyncio needs when it is asked for: most programs do without."""
    if name == "AsyncBridge":
        from wisblock_bridge.client.aio import AsyncBridge  # noqa: PLC0415

        return AsyncBridge
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
