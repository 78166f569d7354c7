"""The emulator control of the Python client for asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wisblock_bridge.client.requests import Slot


class AsyncEmulator:
    """The emulator control of an emulated board, as ``Emulator`` is.

    Args:
        request: Asks the bridge.
    """

    def __init__(self, request: Callable[..., Awaitable[object]]) -> None:
        self._request = request

    async def list(self, slot: Slot) -> list[dict[str, object]]:
        """Return the quantities of a slot."""
        return cast("list[dict[str, object]]", await self._request("emulator.list", slot=slot))

    async def get(self, slot: Slot, quantity: str) -> object:
        """Return a quantity, in its unit."""
        answer = await self._request("emulator.get", slot=slot, quantity=quantity)
        return cast("dict[str, object]", answer)["value"]

    async def set(self, slot: Slot, quantity: str, value: object) -> None:
        """Set a quantity, in its unit."""
        await self._request("emulator.set", slot=slot, quantity=quantity, value=value)

    async def plug(self, slot: Slot, module: str) -> None:
        """Plug a product into a slot."""
        await self._request("emulator.plug", slot=slot, module=module)

    async def unplug(self, slot: Slot) -> None:
        """Empty a slot."""
        await self._request("emulator.unplug", slot=slot)

    async def fault(self, kind: str, **params: object) -> None:
        """Make the hardware fail: ``slot`` or ``bus`` and ``address``, ``count`` or ``for_ms``."""
        await self._request("emulator.fault", kind=kind, **params)
