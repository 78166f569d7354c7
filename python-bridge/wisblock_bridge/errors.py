"""All errors that a user of the bridge can get.

1. An error is raised where the facts are known; on its way up it only gains a place (``at``).
2. ``code`` is stable and goes over the wire; the sentence is for people and may be improved at any
   time.
3. This file imports nothing of the project.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


class ErrorCode(StrEnum):
    """The error codes of the wire, stable for the life of protocol version 1."""

    BAD_REQUEST = "bad_request"
    BAD_PARAMS = "bad_params"
    UNKNOWN_METHOD = "unknown_method"
    UNKNOWN_MODULE = "unknown_module"
    UNKNOWN_OPERATION = "unknown_operation"
    UNSUPPORTED_VERSION = "unsupported_version"
    EXPIRED = "expired"
    BUSY = "busy"
    SLOT_CONFLICT = "slot_conflict"
    IN_USE = "in_use"
    FORBIDDEN = "forbidden"

    NO_DEVICE = "no_device"
    BUS_ERROR = "bus_error"
    TIMEOUT = "timeout"
    CHECKSUM = "checksum"
    WRONG_CHIP = "wrong_chip"
    NOT_READY = "not_ready"
    OUT_OF_RANGE = "out_of_range"
    REMOTE_EXCEPTION = "remote_exception"

    NO_BUS = "no_bus"
    NO_PERMISSION = "no_permission"

    INTERNAL = "internal"
    CLOSING = "closing"

    OFFLINE = "offline"
    TIMEOUT_REPLY = "timeout_reply"
    ABORTED = "aborted"


class BridgeError(Exception):
    """Root of all errors that carry a wire code.

    Args:
        message: What happened, one sentence.
        hint: What the user can do about it, one or two sentences.
        where: The place, outermost first ("RAK5801 in slot 1, ADC 0x4b on i2c-1").
        data: Further facts for programs (plain MessagePack types).
    """

    code: ErrorCode = ErrorCode.INTERNAL

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        where: str = "",
        data: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where
        self.data: dict[str, object] = dict(data or {})

    def at(self, place: str) -> Self:
        """Prepend a place to ``where``.

        Args:
            place: What the error passes, for example "RAK5801 in slot 1".

        Returns:
            The same error, so that it can be raised on.
        """
        if not self.where or place.endswith(self.where):
            self.where = place
        elif not self.where.startswith(place):
            self.where = f"{place}, {self.where}"
        return self

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f" {self.hint}" if self.hint else ""
        return f"{place}{self.message}{hint}"


class RequestError(BridgeError):
    """The request is wrong: it was refused before anything was sent to the hardware."""


class BadRequestError(RequestError):
    """The frame is not a request: not a map, too large, too deep, wrong types in the envelope."""

    code = ErrorCode.BAD_REQUEST


class BadParamsError(RequestError):
    """A parameter is missing, unknown, of the wrong type or out of its range."""

    code = ErrorCode.BAD_PARAMS


class UnknownMethodError(RequestError):
    """The protocol has no such method."""

    code = ErrorCode.UNKNOWN_METHOD


class UnknownModuleError(RequestError):
    """This bridge has no module of that name."""

    code = ErrorCode.UNKNOWN_MODULE


class UnknownOperationError(RequestError):
    """The module has no operation or event of that name."""

    code = ErrorCode.UNKNOWN_OPERATION


class UnsupportedVersionError(RequestError):
    """The client speaks another major version of the protocol."""

    code = ErrorCode.UNSUPPORTED_VERSION


class ExpiredError(RequestError):
    """The request waited longer than its ``timeout_ms`` and was not started."""

    code = ErrorCode.EXPIRED


class BusyError(RequestError):
    """A queue is full: too many requests of this client or for this module are waiting."""

    code = ErrorCode.BUSY


class SlotConflictError(RequestError):
    """Another module is in that slot, or the module does not fit there."""

    code = ErrorCode.SLOT_CONFLICT


class InUseError(RequestError):
    """A line, an address or a port is held by another module or program, which is named."""

    code = ErrorCode.IN_USE


class ForbiddenError(RequestError):
    """Not allowed here: an emulator command on real hardware, a protected line."""

    code = ErrorCode.FORBIDDEN


class DeviceError(BridgeError):
    """The hardware did not respond as its datasheet says."""


class ChecksumError(DeviceError):
    """Data was damaged in transfer."""

    code = ErrorCode.CHECKSUM


class WrongChipError(DeviceError):
    """Something else answers at that address."""

    code = ErrorCode.WRONG_CHIP


class NotReadyError(DeviceError):
    """The device answers but does not finish an action."""

    code = ErrorCode.NOT_READY


class SupplyLostError(NotReadyError):
    """A chip answers but has lost its settings: its supply failed, or it was reset.

    The module is opened again, which sets the chip up and brings its outputs to their safe state.
    """


class OutOfRangeError(DeviceError):
    """The measurement is invalid: clipped, overloaded, beyond what the wiring can give."""

    code = ErrorCode.OUT_OF_RANGE


class RemoteExceptionError(DeviceError):
    """A device behind the module refused (Modbus exception, card authentication)."""

    code = ErrorCode.REMOTE_EXCEPTION


class BusFault(StrEnum):
    """How a bus can fail, independent of the operating system's error numbers."""

    NO_ACKNOWLEDGE = "no_acknowledge"
    """The addressed device did not answer."""
    IO = "io"
    """The transfer broke off: arbitration lost, protocol error, unspecific failure."""
    TIMEOUT = "timeout"
    """The bus is stuck or a device stretched the clock for too long."""
    HELD = "held"
    """The kernel or another process owns the address, line or port."""
    MISSING = "missing"
    """The device file or the GPIO chip does not exist."""
    PERMISSION = "permission"
    """The device file exists but this user may not open it."""
    UNSUPPORTED = "unsupported"
    """The controller cannot do what was asked (edge detection, pull resistors, transfer size)."""


class BusError(BridgeError):
    """A transfer, a line access or an open failed; raised by ``buses`` only.

    Args:
        fault: The portable kind; it decides the wire code.
        message: What happened, one sentence.
        hint: What the user can do.
        where: The bus, with address or line ("0x4b on i2c-1").
    """

    CODES: ClassVar[dict[BusFault, ErrorCode]] = {
        BusFault.NO_ACKNOWLEDGE: ErrorCode.NO_DEVICE,
        BusFault.IO: ErrorCode.BUS_ERROR,
        BusFault.TIMEOUT: ErrorCode.TIMEOUT,
        BusFault.HELD: ErrorCode.IN_USE,
        BusFault.MISSING: ErrorCode.NO_BUS,
        BusFault.PERMISSION: ErrorCode.NO_PERMISSION,
        BusFault.UNSUPPORTED: ErrorCode.BUS_ERROR,
    }

    def __init__(self, fault: BusFault, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message, hint=hint, where=where)
        self.fault = fault
        self.code = self.CODES[fault]


class InternalError(BridgeError):
    """A defect of the bridge; the traceback is in its log under the same number."""

    code = ErrorCode.INTERNAL


class ClosingError(BridgeError):
    """The bridge is stopping and did not start the request."""

    code = ErrorCode.CLOSING


class CutShortError(BridgeError):
    """A measurement or a wait was cancelled; no output was changed.

    Args:
        code: ``CLOSING`` where its module was closed, ``EXPIRED`` where a stop overtook it.
        message: What happened, one sentence.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class ConfigError(Exception):
    """The configuration cannot be used; the message names file, table and key."""
