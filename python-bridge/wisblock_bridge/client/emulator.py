"""The emulator control of the Python client."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.client.requests import Slot


class Emulator:
    """The emulator control of an emulated board: the physical quantities outside the chips.

    Args:
        request: Asks the bridge.
    """

    def __init__(self, request: Callable[..., object]) -> None:
        self._request = request

    def list(self, slot: Slot) -> list[dict[str, object]]:
        """Return the quantities of a slot."""
        return cast("list[dict[str, object]]", self._request("emulator.list", slot=slot))

    def get(self, slot: Slot, quantity: str) -> object:
        """Return a quantity, in its unit."""
        answer = self._request("emulator.get", slot=slot, quantity=quantity)
        return cast("dict[str, object]", answer)["value"]

    def set(self, slot: Slot, quantity: str, value: object) -> None:
        """Set a quantity, in its unit."""
        self._request("emulator.set", slot=slot, quantity=quantity, value=value)

    def plug(self, slot: Slot, module: str) -> None:
        """Plug a product into a slot."""
        self._request("emulator.plug", slot=slot, module=module)

    def unplug(self, slot: Slot) -> None:
        """Empty a slot."""
        self._request("emulator.unplug", slot=slot)

    def fault(self, kind: str, **params: object) -> None:
        """Make the hardware fail: ``slot`` or ``bus`` and ``address``, ``count`` or ``for_ms``."""
        self._request("emulator.fault", kind=kind, **params)
