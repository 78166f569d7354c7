"""The Python client: a bridge with the methods of the protocol.

1. Thread-safe: any number of threads may send requests at the same time.
2. It knows the methods of the protocol, not what modules can do: that is in the catalogue.
3. Errors leave as ``RemoteError`` with the code, the place and the hint of the bridge.
"""

from __future__ import annotations

import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from wisblock_bridge.client.connection import Connection
from wisblock_bridge.client.durations import limit, seconds
from wisblock_bridge.client.emulator import Emulator
from wisblock_bridge.client.errors import OfflineError, RemoteError
from wisblock_bridge.client.identity import find_keys
from wisblock_bridge.client.modules import Modules, find_class
from wisblock_bridge.client.observing import Observing, observation
from wisblock_bridge.client.proxies import ModuleProxy
from wisblock_bridge.client.requests import invocation, releasing, subscription
from wisblock_bridge.client.results import R, Result, to_result
from wisblock_bridge.client.streams import Subscription
from wisblock_bridge.endpoint import client_endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from wisblock_bridge.client.requests import OnLoss, Slot
    from wisblock_bridge.keys import ClientKeys


class Bridge(Modules):
    """A connection to a bridge.

    ``with Bridge() as bridge: print(bridge.rak5801(slot=1).read().current)``

    Each module has a method here, which returns an object with its operations.
    ``bridge["NAME", 1]`` is any module by its name, also one that only the running bridge knows.

    Outputs that were driven go to their safe state when the connection is closed, when the program
    ends, and when it crashes, unless they were written with ``on_loss="hold"``. A background thread
    renews the lease, so a program that sleeps or computes keeps its outputs.

    Args:
        endpoint: Where the bridge is; None for the default.
        name: The name of this program in the bridge's status; by default its file name.
        lease_ms: How long the bridge waits for a request or a ping, 500...60000 ms.
        timeout_s: How long to wait for replies, s.
        connect_timeout_s: How long the bridge may take to reply to ``hello``, s.
        keys: The keys for a bridge on another computer: ``ClientKeys``, or the path of a file that
            ``wisblock-bridge keys add`` wrote. None for the environment variables
            ``WISBLOCK_SERVER_KEY``, ``WISBLOCK_PUBLIC_KEY`` and ``WISBLOCK_SECRET_KEY``, if they
            are set. A socket file (ipc) needs none.

    Raises:
        ConfigError: The endpoint or the keys cannot be used, or keys are needed and there are none.
        BadParamsError: A time is no number of seconds, or ``timeout_s`` is not greater than 0.
        OfflineError: No bridge answers there.
        RemoteError: The key is not authorised.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        name: str = "",
        lease_ms: int = 5000,
        timeout_s: float = 10.0,
        connect_timeout_s: float = 1.0,
        keys: ClientKeys | Path | str | None = None,
    ) -> None:
        where = client_endpoint(endpoint)
        shown = find_keys(where, keys)
        self._timeout_s = limit("timeout_s", timeout_s)
        self._connection = Connection(
            where,
            name or Path(sys.argv[0] or "python").name,
            lease_ms,
            seconds("connect_timeout_s", connect_timeout_s),
            shown,
        )
        self._described: tuple[str, dict[str, dict[str, Any]]] | None = None
        self._finalizer = weakref.finalize(self, self._connection.close)
        self.emulator = Emulator(self.request)

    @property
    def endpoint(self) -> str:
        """Where the bridge is."""
        return self._connection.endpoint.text

    @property
    def board(self) -> str:
        """Product name of the board."""
        return str(self._connection.hello.get("board", ""))

    @property
    def emulated(self) -> bool:
        """Whether the board is emulated."""
        return self._connection.hello.get("emulated") is True

    @property
    def version(self) -> str:
        """Version of the bridge."""
        return str(self._connection.hello.get("version", ""))

    @property
    def resumed(self) -> bool:
        """Whether the session survived the last loss of the connection, with its outputs."""
        return self._connection.hello.get("resumed") is True

    @property
    def catalogue_fingerprint(self) -> str:
        """SHA-256 of the bridge's catalogue."""
        return str(self._connection.hello.get("catalogue", ""))

    def module(
        self,
        name: str,
        slot: Slot = "board",
        *,
        on_loss: OnLoss = "safe",
        timeout_s: float | None = None,
    ) -> ModuleProxy:
        """Return a module, with other settings than ``bridge[name, slot]`` has.

        Args:
            name: "RAK5801".
            slot: 1, 2 or "board".
            on_loss: What its outputs do when this program disconnects: "safe" or "hold".
            timeout_s: How long its operations may take, s.

        Returns:
            The module; no request is sent yet.
        """
        kind = find_class(name)
        if kind is None:
            return ModuleProxy(self, name, slot, on_loss, timeout_s)
        return cast("ModuleProxy", kind(self, slot, on_loss, timeout_s))

    def request(self, method: str, *, timeout_s: float | None = None, **params: object) -> object:
        """Call any method of the protocol.

        Args:
            method: "status".
            timeout_s: How long to wait for the reply, s.
            **params: Its parameters.

        Returns:
            Its result, as received.

        Raises:
            RemoteError: The bridge refused, is not connected, or did not reply in time.
        """
        return self._connection.request(method, params, self._wait_s(timeout_s))

    def invoke(
        self,
        module: str,
        slot: Slot,
        operation: str,
        params: Mapping[str, object] | None = None,
        *,
        on_loss: OnLoss = "safe",
        timeout_s: float | None = None,
        kind: type[R] = cast("Any", Result),  # noqa: B008  (a class)
    ) -> R:
        """Call an operation of a module.

        Args:
            module: "RAK5801".
            slot: 1, 2 or "board".
            operation: "read".
            params: Its parameters.
            on_loss: What an output that this drives does when this program disconnects.
            timeout_s: How long to wait for the reply, s.
            kind: The class of the result.

        Returns:
            The readings.

        Raises:
            RemoteError: The bridge refused, the hardware failed, or no reply came.
        """
        wanted = invocation(module, slot, operation, params, on_loss)
        return self.ask(wanted, timeout_s, kind)

    def ask(self, wanted: Mapping[str, object], timeout_s: float | None, kind: type[R]) -> R:
        """Call an operation by the parameters of the method ``invoke``.

        Args:
            wanted: Module, slot, operation and whatever else belongs to it.
            timeout_s: How long to wait for the reply, s; None for the usual time.
            kind: The class of the result.

        Raises:
            RemoteError: The bridge refused, the hardware failed, or no reply came.
        """
        found = self._connection.request("invoke", wanted, self._wait_s(timeout_s))
        return to_result(found, kind)

    def _wait_s(self, timeout_s: float | None) -> float:
        return self._timeout_s if timeout_s is None else seconds("timeout_s", timeout_s)

    def subscribe(
        self,
        module: str,
        slot: Slot,
        *,
        event: str | None = None,
        operation: str | None = None,
        every_s: float | None = None,
        deadband: float | None = None,
        params: Mapping[str, object] | None = None,
        kind: type[R] = cast("Any", Result),  # noqa: B008  (a class)
    ) -> Subscription[R]:
        """Subscribe to an event, or to an operation's readings at an interval.

        Args:
            module: "RAK12006".
            slot: 1, 2 or "board".
            event: Name of the event.
            operation: Name of the operation, in place of an event.
            every_s: Interval of the operation, 0.01...86400 s.
            deadband: Report only changes greater than this, in the unit of the main reading.
            params: Parameters of the event or the operation.
            kind: The class of the results.

        Returns:
            The subscription, to be iterated over. It survives a restart of the bridge.

        Raises:
            RemoteError: The bridge refused, is not connected, or did not reply in time.
        """
        wanted = subscription(
            module,
            slot,
            event=event,
            operation=operation,
            every_s=every_s,
            deadband=deadband,
            params=params,
        )
        feed = self._connection.subscribe(wanted, self._timeout_s, kind)
        return Subscription(self._connection, feed, self._timeout_s, owner=self)

    def observe(
        self, modules: Sequence[str] | None = None, slots: Sequence[Slot] | None = None
    ) -> Observing:
        """Observe: every result, event, error, holder and state of health that concerns others.

        It opens no module and touches no hardware. Of each reading it tells the latest value, five
        times a second at most.

        Args:
            modules: Only these modules.
            slots: Only what is in these slots.

        Returns:
            What to iterate over. It survives a restart of the bridge.

        Raises:
            RemoteError: The bridge refused, is not connected, or did not reply in time.
        """
        feed = self._connection.observe(observation(modules, slots), self._timeout_s)
        return Observing(self._connection, feed, self._timeout_s, owner=self)

    def catalogue(self) -> dict[str, object]:
        """Return the catalogue: modules, operations, parameters, readings, units."""
        return cast("dict[str, object]", self.request("catalogue"))

    def describe(self, module: str) -> dict[str, Any] | None:
        """Return what the catalogue says of a module, which is asked for once.

        Args:
            module: "RAK5801".

        Returns:
            Its operations and events; None when there is no such module, or no bridge to ask.
        """
        if self._described is None or self._described[0] != self.catalogue_fingerprint:
            try:
                modules = cast("list[dict[str, Any]]", self.catalogue()["modules"])
            except RemoteError:
                return None
            by_name = {str(each["name"]): each for each in modules}
            self._described = (self.catalogue_fingerprint, by_name)
        return self._described[1].get(module)

    def status(self) -> dict[str, object]:
        """Return the state of the bridge."""
        return cast("dict[str, object]", self.request("status"))

    def log(self) -> list[dict[str, object]]:
        """Return the last lines of the bridge's log.

        Returns:
            The oldest first; each has ``at`` (milliseconds since 1970), ``level``, ``logger`` and
            ``text``.
        """
        found = cast("Mapping[str, object]", self.request("log"))
        return cast("list[dict[str, object]]", found["lines"])

    def scan(self) -> list[dict[str, object]]:
        """Return which chips answer on the board's bus."""
        return cast("list[dict[str, object]]", self.request("scan"))

    def release(
        self,
        module: str,
        slot: Slot,
        *,
        outputs: Sequence[str] | None = None,
        force: bool = False,
    ) -> None:
        """Release a module: outputs of this program become safe, unless they are to be held.

        When no other client uses the module and no output is held, it is closed. Other programs
        keep what they use and drive.

        Args:
            module: "RAK5801".
            slot: 1, 2 or "board".
            outputs: Make only these outputs safe, held or not, and keep the module open; "*" is
                everything that this program drives there.
            force: End the claims of all clients: module closed, outputs safe, slot free.
                With ``outputs``: make these safe, whichever client drives them.

        Raises:
            RemoteError: There is no such output, the hardware did not answer, or force is not
                permitted to this program.
        """
        self._connection.request(
            "release",
            releasing(module, slot, outputs=outputs, force=force),
            self._timeout_s,
        )

    def let_go(self, module: str, slot: Slot, *, failing: bool = False) -> None:
        """Release a module at the end of its ``with``, unless the connection is gone anyway.

        Args:
            module: "RAK5801".
            slot: 1, 2 or "board".
            failing: An exception is on its way already, which is not to be hidden by another one.

        Raises:
            RemoteError: The hardware did not answer.
        """
        try:
            self.release(module, slot)
        except OfflineError:
            pass  # the bridge makes outputs safe by itself
        except RemoteError:
            if not failing:
                raise

    def close(self) -> None:
        """End the session; closing twice is allowed."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Bridge({self.endpoint!r})"

    def _repr_html_(self) -> str:
        from html import escape  # noqa: PLC0415  (notebooks only)

        from wisblock_bridge.client.html import bridge_html  # noqa: PLC0415

        try:
            return bridge_html(self.endpoint, self.status())
        except RemoteError as error:  # it is closed, or the bridge is away
            return f"<p>{escape(repr(self))}: {escape(error.message)}</p>"
