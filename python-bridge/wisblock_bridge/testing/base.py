"""What the generated classes of quantities are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from wisblock_bridge.client.emulator import Emulator
    from wisblock_bridge.client.requests import Slot

T = TypeVar("T")


class Quantities:
    """The physical world at a slot: what is set here, the module measures.

    Args:
        emulator: The emulator control.
        slot: Which slot.
    """

    __slots__ = ("_emulator", "_slot")

    def __init__(self, emulator: Emulator, slot: Slot) -> None:
        self._emulator = emulator
        self._slot = slot

    def _get(self, name: str, kind: type[T]) -> T:
        value = self._emulator.get(self._slot, name)
        if kind is float and isinstance(value, int):
            value = float(value)
        if not isinstance(value, kind):
            raise TypeError(f"{name} is {value!r}, which is not {kind.__name__}.")
        return value

    def _set(self, name: str, value: object) -> None:
        self._emulator.set(self._slot, name, value)

    def __repr__(self) -> str:
        pairs = (f"{each['quantity']}" for each in self._emulator.list(self._slot))
        return f"<quantities of slot {self._slot}: {', '.join(pairs)}>"
