"""Modules for asyncio; the generated classes in ``aio/modules`` derive from one here."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from wisblock_bridge.client.aio.streams import AsyncReadings, AsyncSubscription
from wisblock_bridge.client.requests import Given, OnLoss, Slot, chosen
from wisblock_bridge.client.results import R, Result

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from types import TracebackType

    from wisblock_bridge.client.aio.bridge import AsyncBridge


class AsyncModuleBase:
    """A module on a bridge, without its operations.

    With ``async with``, the module is released at the end: outputs that this program drives there
    go to their safe state, unless ``on_loss`` is "hold".

    Args:
        bridge: The bridge.
        name: "RAK5801".
        slot: 1, 2 or "board".
        on_loss: What its outputs do when this program disconnects.
        timeout_s: How long its operations may take, s; None for the bridge's usual time.
    """

    def __init__(
        self,
        bridge: AsyncBridge,
        name: str,
        slot: Slot,
        on_loss: OnLoss = "safe",
        timeout_s: float | None = None,
    ) -> None:
        self._bridge = bridge
        self._name = name
        self._slot: Slot = slot
        self._on_loss: OnLoss = on_loss
        self._timeout_s = timeout_s

    async def invoke(self, operation: str, params: Mapping[str, object] | None = None) -> Result:
        """Call an operation, as ``AsyncBridge.invoke`` does.

        Args:
            operation: "read".
            params: Its parameters.
        """
        return await self._bridge.invoke(
            self._name,
            self._slot,
            operation,
            params,
            on_loss=self._on_loss,
            timeout_s=self._timeout_s,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._bridge.let_go(self._name, self._slot, failing=error is not None)

    def __repr__(self) -> str:
        place = "on the board" if self._slot == "board" else f"in slot {self._slot}"
        return f"<{self._name} {place} of {self._bridge!r}>"

    def _repr_html_(self) -> str:
        from wisblock_bridge.client.html import module_html  # noqa: PLC0415  (notebooks only)

        return module_html(self, None)


class AsyncModuleProxy(AsyncModuleBase):
    """A module that is known by the bridge's catalogue only: its operations are its methods."""

    def __getattr__(self, operation: str) -> Callable[..., Awaitable[Result]]:
        if operation.startswith("_"):
            raise AttributeError(operation)

        async def call(**params: object) -> Result:
            return await self.invoke(operation, params)

        call.__name__ = call.__qualname__ = operation
        return call

    def every(
        self,
        seconds: float,
        operation: str = "read",
        *,
        deadband: float | None = None,
        **params: object,
    ) -> AsyncSubscription:
        """Subscribe to an operation's readings at an interval.

        Args:
            seconds: The interval, s.
            operation: Which.
            deadband: Report only changes greater than this.
            **params: Its parameters.
        """
        return self._bridge.subscribe(
            self._name,
            self._slot,
            operation=operation,
            every_s=seconds,
            deadband=deadband,
            params=params,
        )

    def events(self, event: str, **params: object) -> AsyncSubscription:
        """Subscribe to an event."""
        return self._bridge.subscribe(self._name, self._slot, event=event, params=params)


if TYPE_CHECKING:
    _TypedBase = AsyncModuleBase  # so that a misspelt operation is an error for type checkers
else:
    _TypedBase = AsyncModuleProxy  # so that operations of a newer bridge can be called


class AsyncTypedModule(_TypedBase):
    """What all generated classes of modules share.

    Args:
        bridge: The bridge.
        slot: Where the module is.
        on_loss: What its outputs do when this program disconnects.
        timeout_s: How long its operations may take, s; None for the bridge's usual time.
    """

    MODULE: ClassVar[str]
    EVENTS: ClassVar[Mapping[str, type[Result]]] = {}
    EVERY: ClassVar[type[AsyncEvery]]

    def __init__(
        self,
        bridge: AsyncBridge,
        slot: Slot,
        on_loss: OnLoss = "safe",
        timeout_s: float | None = None,
    ) -> None:
        super().__init__(bridge, self.MODULE, slot, on_loss, timeout_s)

    async def _do(self, operation: str, kind: type[R], given: Given) -> R:
        return await self._bridge.invoke(
            self._name,
            self._slot,
            operation,
            chosen(given),
            on_loss=self._on_loss,
            timeout_s=self._timeout_s,
            kind=kind,
        )

    if not TYPE_CHECKING:  # what is generated says these two exactly

        def every(self, seconds: float, *, deadband: float | None = None) -> AsyncEvery:
            """Take readings at an interval: ``async for value in module.every(1.0).read()``.

            Args:
                seconds: The interval, 0.01...86400 s.
                deadband: Report only changes greater than this, in the unit of the main reading.
            """
            return self.EVERY(self._bridge, (self._name, self._slot), seconds, deadband)

        def events(self, event: str, **params: object) -> AsyncSubscription:
            """Subscribe to an event: ``async for event in module.events(...)``."""
            return self._bridge.subscribe(
                self._name,
                self._slot,
                event=event,
                params=params,
                kind=self.EVENTS.get(event, Result),
            )


class AsyncEvery:
    """The readings of a module at an interval: call the operation on it.

    Args:
        bridge: The bridge.
        place: Name and slot of the module.
        seconds: The interval, s.
        deadband: Report only changes greater than this.
    """

    RESULTS: ClassVar[Mapping[str, type[Result]]] = {}

    def __init__(
        self, bridge: AsyncBridge, place: tuple[str, Slot], seconds: float, deadband: float | None
    ) -> None:
        self._bridge = bridge
        self._place = place
        self._seconds = seconds
        self._deadband = deadband

    def _readings(self, operation: str, kind: type[R], given: Given) -> AsyncReadings[R]:
        return AsyncReadings(
            self._bridge.subscribe(
                *self._place,
                operation=operation,
                every_s=self._seconds,
                deadband=self._deadband,
                params=chosen(given),
                kind=kind,
            )
        )
