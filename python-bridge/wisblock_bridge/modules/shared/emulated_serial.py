"""What emulated products on a serial line share: the faults of that line, as a quantity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.emulated.uart import LineFault, LineFaultKind
from wisblock_bridge.module_api.emulated import Quantity, Value

if TYPE_CHECKING:
    from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine

LINE_FAULTS = ("none", *LineFaultKind, "unplugged")


class LineFaults:
    """The fault that a line has, set from outside.

    Args:
        line: The line.
    """

    def __init__(self, line: EmulatedSerialLine) -> None:
        self._line = line
        self._fault = "none"

    def quantity(self) -> Quantity:
        """Return the quantity that sets it."""
        return Quantity(
            "line_fault",
            "none",
            0,
            0,
            0,
            lambda: self._fault,
            self.set,
            choices=tuple(str(each) for each in LINE_FAULTS),
        )

    def set(self, value: Value) -> None:
        """Set the fault.

        Args:
            value: One of ``LINE_FAULTS``.

        Raises:
            ValueError: It is none of them.
        """
        if value not in LINE_FAULTS:
            raise ValueError(f"one of {', '.join(LINE_FAULTS)} is wanted")
        self._fault = str(value)
        self._line.plugged = value != "unplugged"
        wrong = value not in {"none", "unplugged"}
        self._line.fail(LineFault(LineFaultKind(str(value))) if wrong else None)


def checked_bytes(value: Value) -> bytes:
    """Return a value that has to be bytes.

    Raises:
        ValueError: It is something else; ``emulator.set`` reports the sentence.
    """
    if not isinstance(value, bytes):
        raise ValueError("bytes are wanted")  # noqa: TRY004
    return value


def checked_bool(value: Value) -> bool:
    """Return a value that has to be true or false.

    Raises:
        ValueError: It is something else; ``emulator.set`` reports the sentence.
    """
    if not isinstance(value, bool):
        raise ValueError("true or false is wanted")  # noqa: TRY004
    return value
