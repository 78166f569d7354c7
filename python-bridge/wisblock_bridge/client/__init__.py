"""The Python client: ``Bridge().rak5801(slot=1).read().current``."""

from __future__ import annotations

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
from wisblock_bridge.client.proxies import ModuleProxy
from wisblock_bridge.client.results import Event, Result
from wisblock_bridge.client.streams import Readings, Subscription

__all__ = [
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
