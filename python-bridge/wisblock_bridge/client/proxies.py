"""Modules, subscriptions and the emulator control of the Python client.

1. They have no connection of their own: they call the bridge.
2. What modules can do is in the catalogue, not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from wisblock_bridge.client.bridge import Bridge
    from wisblock_bridge.client.connection import Connection
    from wisblock_bridge.client.feed import Feed
    from wisblock_bridge.client.results import Event, Result

Slot = Literal[1, 2, "board"]
OnLoss = Literal["safe", "hold"]


class ModuleProxy:
    """A module on a bridge: its operations are its methods, their parameters are given by name.

    Args:
        bridge: The bridge.
        name: "RAK5801".
        slot: 1, 2 or "board".
        on_loss: What its outputs do when this program disconnects.
        timeout_s: How long its operations may take, s; None for the bridge's usual time.
    """

    def __init__(
        self,
        bridge: Bridge,
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

    def __getattr__(self, operation: str) -> Callable[..., Result]:
        if operation.startswith("_"):
            raise AttributeError(operation)

        def call(**params: object) -> Result:
            return self.invoke(operation, params)

        call.__name__ = call.__qualname__ = operation
        return call

    def invoke(self, operation: str, params: Mapping[str, object] | None = None) -> Result:
        """Call an operation, as ``Bridge.invoke`` does.

        Args:
            operation: "read".
            params: Its parameters.
        """
        return self._bridge.invoke(
            self._name,
            self._slot,
            operation,
            params,
            on_loss=self._on_loss,
            timeout_s=self._timeout_s,
        )

    def every(
        self,
        seconds: float,
        operation: str = "read",
        *,
        deadband: float | None = None,
        **params: object,
    ) -> Subscription:
        """Subscribe to an operation's readings at an interval.

        Args:
            seconds: The interval, s.
            operation: Which.
            deadband: Report only changes greater than this.
            **params: Its parameters.

        Returns:
            The subscription, to be iterated over.
        """
        return self._bridge.subscribe(
            self._name,
            self._slot,
            operation=operation,
            every_s=seconds,
            deadband=deadband,
            params=params,
        )

    def events(self, event: str, **params: object) -> Subscription:
        """Subscribe to an event.

        Returns:
            The subscription, to be iterated over.
        """
        return self._bridge.subscribe(self._name, self._slot, event=event, params=params)

    def __repr__(self) -> str:
        return f"<{self._name} in slot {self._slot} of {self._bridge!r}>"


class Subscription:
    """The events of one subscription: iterate over it, or ask for the next one.

    Args:
        connection: The connection.
        feed: Where the events arrive.
        timeout_s: How long ending it may take, s.
    """

    def __init__(self, connection: Connection, feed: Feed, timeout_s: float) -> None:
        self._connection = connection
        self._feed = feed
        self._timeout_s = timeout_s

    def next(self, timeout_s: float | None = None) -> Event | None:
        """Wait for the next event.

        Args:
            timeout_s: How long, s; None without a limit.

        Returns:
            The event; None when the time is over or the subscription has ended.
        """
        return self._feed.take(timeout_s)

    def __iter__(self) -> Iterator[Event]:
        while (event := self._feed.take(None)) is not None:
            yield event

    def close(self) -> None:
        """End the subscription; closing twice is allowed."""
        if not self._feed.closed:
            self._connection.unsubscribe(self._feed, self._timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


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
