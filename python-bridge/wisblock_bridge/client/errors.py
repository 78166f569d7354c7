"""The errors of the client, by family.

1. ``RemoteError`` is all of them; a family says whom it concerns; a class stands for one code.
2. Each carries ``code``, ``hint``, ``where`` and ``data`` as the bridge sent them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Mapping


class RemoteError(BridgeError):
    """The bridge refused or failed; see ``code``, ``message``, ``hint``, ``where``, ``data``.

    Args:
        message: What happened.
        code: The code on the wire.
        hint: What the user can do.
        where: The place.
        data: Further facts.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "internal",
        hint: str = "",
        where: str = "",
        data: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, where=where, data=data)
        self.wire_code = code
        try:
            self.code = ErrorCode(code)
        except ValueError:  # of a newer bridge
            self.code = ErrorCode.INTERNAL


class RefusedError(RemoteError):
    """The request was refused before anything was sent to the hardware."""


class BadParamsError(RefusedError, ValueError):
    """A parameter is missing, unknown, of the wrong type or out of its range."""


class UnknownError(RefusedError):
    """This bridge has no such method, module, operation or event."""


class ExpiredError(RefusedError):
    """The request could not start in time, and was not started."""


class BusyError(RefusedError):
    """Too many requests are waiting already."""


class SlotConflictError(RefusedError):
    """Another module is in that slot, or the module does not fit there."""


class InUseError(RefusedError):
    """A line, an address or a port is held by another module or program, which is named."""


class ForbiddenError(RefusedError):
    """The request is not permitted to this program, or not here."""


class HardwareError(RemoteError):
    """The hardware did not do what was asked."""


class NoDeviceError(HardwareError):
    """Nothing answers where the module should be."""


class BusError(HardwareError):
    """A transfer on the bus failed."""


class HardwareTimeoutError(HardwareError):
    """The bus, or a device behind the module, did not answer in time."""


class ChecksumError(HardwareError):
    """Data was damaged on its way."""


class WrongChipError(HardwareError):
    """Another chip answers at that address."""


class NotReadyError(HardwareError):
    """The device answers, but does not finish what it was asked to do."""


class OutOfRangeError(HardwareError):
    """The measurement is invalid: clipped, overloaded, or beyond what the wiring can give."""


class RemoteExceptionError(HardwareError):
    """A device behind the module refused: a Modbus exception, the authentication of a card."""


class ComputerError(RemoteError):
    """The bridge's computer does not let it use the hardware."""


class NoBusError(ComputerError):
    """A device file does not exist."""


class NoPermissionError(ComputerError):
    """A device file may not be opened by the bridge's user."""


class BridgeFailedError(RemoteError):
    """The bridge has a defect; the traceback is in its log."""


class ClosingError(RemoteError):
    """The bridge is stopping, or the module was closed meanwhile."""


START_HINT = (
    "Start it with `wisblock-bridge serve` (or `sudo systemctl start wisblock-bridge`); "
    "`wisblock-bridge check` reports what is missing."
)


class OfflineError(RemoteError, ConnectionError):
    """There is no connection; the request was not sent, or no reply came before it failed."""

    def __init__(self, message: str, *, hint: str = START_HINT, where: str = "") -> None:
        super().__init__(message, code=ErrorCode.OFFLINE, hint=hint, where=where)


class ReplyTimeoutError(RemoteError, TimeoutError):
    """The bridge did not reply in time; the request may still be carried out."""

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message, code=ErrorCode.TIMEOUT_REPLY, hint=hint, where=where)


BY_CODE: dict[str, type[RemoteError]] = {
    ErrorCode.BAD_REQUEST: RefusedError,
    ErrorCode.BAD_PARAMS: BadParamsError,
    ErrorCode.UNKNOWN_METHOD: UnknownError,
    ErrorCode.UNKNOWN_MODULE: UnknownError,
    ErrorCode.UNKNOWN_OPERATION: UnknownError,
    ErrorCode.UNSUPPORTED_VERSION: RefusedError,
    ErrorCode.EXPIRED: ExpiredError,
    ErrorCode.BUSY: BusyError,
    ErrorCode.SLOT_CONFLICT: SlotConflictError,
    ErrorCode.IN_USE: InUseError,
    ErrorCode.FORBIDDEN: ForbiddenError,
    ErrorCode.NO_DEVICE: NoDeviceError,
    ErrorCode.BUS_ERROR: BusError,
    ErrorCode.TIMEOUT: HardwareTimeoutError,
    ErrorCode.CHECKSUM: ChecksumError,
    ErrorCode.WRONG_CHIP: WrongChipError,
    ErrorCode.NOT_READY: NotReadyError,
    ErrorCode.OUT_OF_RANGE: OutOfRangeError,
    ErrorCode.REMOTE_EXCEPTION: RemoteExceptionError,
    ErrorCode.NO_BUS: NoBusError,
    ErrorCode.NO_PERMISSION: NoPermissionError,
    ErrorCode.INTERNAL: BridgeFailedError,
    ErrorCode.CLOSING: ClosingError,
}
"""What a code of the wire is raised as; another one, of a newer bridge, is a ``RemoteError``."""


def error_of(
    code: str,
    message: str,
    *,
    hint: str = "",
    where: str = "",
    data: Mapping[str, object] | None = None,
) -> RemoteError:
    """Make the error that stands for a code.

    Args:
        code: The code on the wire.
        message: What happened.
        hint: What the user can do.
        where: The place.
        data: Further facts.
    """
    kind = BY_CODE.get(code, RemoteError)
    return kind(message, code=code, hint=hint, where=where, data=data)
