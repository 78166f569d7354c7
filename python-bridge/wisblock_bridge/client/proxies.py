"""Modules of the Python client; the generated classes in ``client/modules`` derive from one here.

1. They have no connection of their own: they call the bridge.
2. What modules can do is in the catalogue and in what is generated from it, not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self

from wisblock_bridge.client.requests import Given, OnLoss, Slot, chosen
from wisblock_bridge.client.results import Event, R, R_co, Result
from wisblock_bridge.client.streams import Readings, Subscription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from wisblock_bridge.client.bridge import Bridge


class ModuleBase:
    """A module on a bridge, without its operations.

    With ``with``, the module is released at the end: outputs that this program drives there go to
    their safe state, unless ``on_loss`` is "hold".

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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bridge.let_go(self._name, self._slot, failing=error is not None)

    def __repr__(self) -> str:
        place = "on the board" if self._slot == "board" else f"in slot {self._slot}"
        return f"<{self._name} {place} of {self._bridge!r}>"

    def _repr_html_(self) -> str:
        from wisblock_bridge.client.html import module_html  # noqa: PLC0415  (notebooks only)

        return module_html(self, None)


class ModuleProxy(ModuleBase):
    """A module that is known by the bridge's catalogue only: its operations are its methods.

    Their parameters are given by name, and results are mappings.
    """

    def __getattr__(self, operation: str) -> Callable[..., Result]:
        if operation.startswith("_"):
            raise AttributeError(operation)

        def call(**params: object) -> Result:
            return self.invoke(operation, params)

        call.__name__ = call.__qualname__ = operation
        call.__doc__ = self._words_of(operation)
        return call

    def __dir__(self) -> list[str]:
        described = self._bridge.describe(self._name)
        operations = described["operations"] if described else ()
        return sorted({*super().__dir__(), *(each["name"] for each in operations)})

    def _words_of(self, operation: str) -> str | None:
        """Return the documentation of an operation, as the bridge's catalogue has it."""
        described = self._bridge.describe(self._name)
        for each in described["operations"] if described else ():
            if each["name"] == operation:
                params = [f"    {param['name']}: {param['summary']}" for param in each["params"]]
                parts = [each["summary"], each["details"], "\n".join(["Args:", *params])]
                return "\n\n".join(part for part in parts[: 3 if params else 2] if part)
        return None

    def _repr_html_(self) -> str:
        from wisblock_bridge.client.html import module_html  # noqa: PLC0415  (notebooks only)

        return module_html(self, self._bridge.describe(self._name))

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


class Every:
    """The readings of a module at an interval: call the operation on it.

    Args:
        bridge: The bridge.
        place: Name and slot of the module.
        seconds: The interval, s.
        deadband: Report only changes greater than this.
    """

    RESULTS: ClassVar[Mapping[str, type[Result]]] = {}

    def __init__(
        self, bridge: Bridge, place: tuple[str, Slot], seconds: float, deadband: float | None
    ) -> None:
        self._bridge = bridge
        self._place = place
        self._seconds = seconds
        self._deadband = deadband

    def _subscribe(self, operation: str, kind: type[R], given: Given) -> Subscription[R]:
        return self._bridge.subscribe(
            *self._place,
            operation=operation,
            every_s=self._seconds,
            deadband=self._deadband,
            params=chosen(given),
            kind=kind,
        )

    def _readings(self, operation: str, kind: type[R], given: Given) -> Readings[R]:
        return Readings(self._subscribe(operation, kind, given))


class EveryRead(Every, Generic[R_co]):
    """As ``Every``; it is also the subscription to ``read`` itself."""

    def __init__(
        self, bridge: Bridge, place: tuple[str, Slot], seconds: float, deadband: float | None
    ) -> None:
        super().__init__(bridge, place, seconds, deadband)
        self._begun: Subscription[Any] | None = None

    def _subscription(self) -> Subscription[R_co]:
        if self._begun is None:
            self._begun = self._subscribe("read", self.RESULTS["read"], {})
        return self._begun

    def next(self, timeout_s: float | None = None) -> Event[R_co] | None:
        """Wait for the next event.

        Args:
            timeout_s: How long, s; None without a limit.

        Returns:
            The event; None when the time is over or the subscription has ended.
        """
        return self._subscription().next(timeout_s)

    def __iter__(self) -> Iterator[Event[R_co]]:
        return iter(self._subscription())

    def close(self) -> None:
        """End the subscription; closing twice is allowed."""
        if self._begun is not None:
            self._begun.close()

    def __enter__(self) -> Self:
        self._subscription()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


if TYPE_CHECKING:
    _TypedBase = ModuleBase  # so that a misspelt operation is an error for type checkers
else:
    _TypedBase = ModuleProxy  # so that operations of a newer bridge can be called


class TypedModule(_TypedBase):
    """What all generated classes of modules share.

    Args:
        bridge: The bridge.
        slot: Where the module is.
        on_loss: What its outputs do when this program disconnects.
        timeout_s: How long its operations may take, s; None for the bridge's usual time.
    """

    MODULE: ClassVar[str]
    EVENTS: ClassVar[Mapping[str, type[Result]]] = {}
    EVERY: ClassVar[type[Every]] = Every

    def __init__(
        self,
        bridge: Bridge,
        slot: Slot,
        on_loss: OnLoss = "safe",
        timeout_s: float | None = None,
    ) -> None:
        super().__init__(bridge, self.MODULE, slot, on_loss, timeout_s)
        self._wanted = {"module": self.MODULE, "slot": slot}
        if on_loss != "safe":
            self._wanted["on_loss"] = on_loss

    def _do(self, operation: str, kind: type[R], given: Given) -> R:
        wanted: dict[str, object] = {**self._wanted, "operation": operation}
        if params := chosen(given):
            wanted["params"] = params
        return self._bridge.ask(wanted, self._timeout_s, kind)

    if not TYPE_CHECKING:  # what is generated says these two exactly

        def every(
            self,
            seconds: float,
            operation: str = "",
            *,
            deadband: float | None = None,
            **params: object,
        ) -> Every | Subscription:
            """Take readings at an interval: ``every(1.0).read()``.

            Args:
                seconds: The interval, 0.01...86400 s.
                operation: Which; without one, and without parameters, call it on what is returned.
                deadband: Report only changes greater than this, in the unit of the main reading.
                **params: Parameters of the operation.

            Returns:
                The operations that can be taken at an interval; what they return is iterated over.
            """
            if not operation and not params:
                return self.EVERY(self._bridge, (self._name, self._slot), seconds, deadband)
            operation = operation or "read"
            return self._bridge.subscribe(
                self._name,
                self._slot,
                operation=operation,
                every_s=seconds,
                deadband=deadband,
                params=params,
                kind=self.EVERY.RESULTS.get(operation, Result),
            )

        def events(self, event: str, **params: object) -> Subscription:
            """Subscribe to an event; iterate over what is returned, or ask for the next one."""
            return self._bridge.subscribe(
                self._name,
                self._slot,
                event=event,
                params=params,
                kind=self.EVENTS.get(event, Result),
            )
