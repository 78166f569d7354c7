"""The Python client for asyncio: a bridge with the methods of the protocol."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from wisblock_bridge.client.aio.connection import AsyncConnection
from wisblock_bridge.client.aio.emulator import AsyncEmulator
from wisblock_bridge.client.aio.modules import AsyncModules, find_class
from wisblock_bridge.client.aio.proxies import AsyncModuleProxy
from wisblock_bridge.client.aio.streams import AsyncObserving, AsyncSubscription
from wisblock_bridge.client.durations import limit, seconds
from wisblock_bridge.client.errors import OfflineError, RemoteError
from wisblock_bridge.client.identity import find_keys
from wisblock_bridge.client.observing import observation
from wisblock_bridge.client.requests import invocation, releasing, subscription
from wisblock_bridge.client.results import R, Result, to_result
from wisblock_bridge.endpoint import client_endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from wisblock_bridge.client.requests import OnLoss, Slot
    from wisblock_bridge.keys import ClientKeys


class AsyncBridge(AsyncModules):
    """A connection to a bridge, for asyncio.

    ``async with AsyncBridge() as bridge: print((await bridge.rak5801(slot=1).read()).current)``

    It has what ``Bridge`` has; what waits there is awaited here, by any number of tasks of one
    loop. A task renews the lease, so a program that blocks its loop for longer than the lease loses
    its outputs. A cancelled request may have been carried out.

    Args:
        endpoint: Where the bridge is; None for the default.
        name: The name of this program in the bridge's status; by default its file name.
        lease_ms: How long the bridge waits for a request or a ping, 500...60000 ms.
        timeout_s: How long to wait for replies, s.
        connect_timeout_s: How long the bridge may take to reply to ``hello``, s.
        keys: As for ``Bridge``.

    Raises:
        ConfigError: The endpoint or the keys cannot be used, or keys are needed and there are none.
        BadParamsError: A time is no number of seconds, or ``timeout_s`` is not greater than 0.
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
        self._connection = AsyncConnection(
            where,
            name or Path(sys.argv[0] or "python").name,
            lease_ms,
            find_keys(where, keys),
        )
        self._timeout_s = limit("timeout_s", timeout_s)
        self._connect_timeout_s = seconds("connect_timeout_s", connect_timeout_s)

    async def open(self) -> Self:
        """Connect, as ``async with`` does.

        Raises:
            OfflineError: No bridge answers there.
            RemoteError: The key is not authorised.
        """
        await self._connection.open(self._connect_timeout_s)
        return self

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
    ) -> AsyncModuleProxy:
        """Return a module by its name; no request is sent yet.

        Args:
            name: "RAK5801".
            slot: 1, 2 or "board".
            on_loss: What its outputs do when this program disconnects: "safe" or "hold".
            timeout_s: How long its operations may take, s.
        """
        kind = find_class(name)
        if kind is None:
            return AsyncModuleProxy(self, name, slot, on_loss, timeout_s)
        return cast("AsyncModuleProxy", kind(self, slot, on_loss, timeout_s))

    async def request(
        self, method: str, *, timeout_s: float | None = None, **params: object
    ) -> object:
        """Call any method of the protocol.

        Args:
            method: "status".
            timeout_s: How long to wait for the reply, s.
            **params: Its parameters.

        Raises:
            RemoteError: The bridge refused, is not connected, or did not reply in time.
        """
        return await self._connection.request(method, params, self._wait_s(timeout_s))

    async def invoke(
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

        Raises:
            RemoteError: The bridge refused, the hardware failed, or no reply came.
        """
        wanted = invocation(module, slot, operation, params, on_loss)
        found = await self._connection.request("invoke", wanted, self._wait_s(timeout_s))
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
    ) -> AsyncSubscription[R]:
        """Subscribe to an event, or to an operation's readings at an interval.

        The subscription begins when it is first waited for, or with ``async with``. It survives a
        restart of the bridge.

        Args:
            module: "RAK12006".
            slot: 1, 2 or "board".
            event: Name of the event.
            operation: Name of the operation, in place of an event.
            every_s: Interval of the operation, 0.01...86400 s.
            deadband: Report only changes greater than this, in the unit of the main reading.
            params: Parameters of the event or the operation.
            kind: The class of the results.
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
        return AsyncSubscription(self._connection, wanted, self._timeout_s, kind)

    def observe(
        self, modules: Sequence[str] | None = None, slots: Sequence[Slot] | None = None
    ) -> AsyncObserving:
        """Observe what concerns others, as ``Bridge.observe`` does.

        It begins when it is first waited for, or with ``async with``.

        Args:
            modules: Only these modules.
            slots: Only what is in these slots.
        """
        return AsyncObserving(self._connection, observation(modules, slots), self._timeout_s)

    @property
    def emulator(self) -> AsyncEmulator:
        """The emulator control; only on an emulated board."""
        return AsyncEmulator(self.request)

    async def catalogue(self) -> dict[str, object]:
        """Return the catalogue: modules, operations, parameters, readings, units."""
        return cast("dict[str, object]", await self.request("catalogue"))

    async def status(self) -> dict[str, object]:
        """Return the state of the bridge."""
        return cast("dict[str, object]", await self.request("status"))

    async def log(self) -> list[dict[str, object]]:
        """Return the last lines of the bridge's log, the oldest first."""
        found = cast("Mapping[str, object]", await self.request("log"))
        return cast("list[dict[str, object]]", found["lines"])

    async def scan(self) -> list[dict[str, object]]:
        """Return which chips answer on the board's bus."""
        return cast("list[dict[str, object]]", await self.request("scan"))

    async def release(
        self,
        module: str,
        slot: Slot,
        *,
        outputs: Sequence[str] | None = None,
        force: bool = False,
    ) -> None:
        """Release a module, as ``Bridge.release`` does.

        Args:
            module: "RAK5801".
            slot: 1, 2 or "board".
            outputs: Make only these outputs safe, held or not, and keep the module open.
            force: End the claims of all clients: module closed, outputs safe, slot free.

        Raises:
            RemoteError: There is no such output, the hardware did not answer, or force is not
                permitted to this program.
        """
        await self._connection.request(
            "release",
            releasing(module, slot, outputs=outputs, force=force),
            self._timeout_s,
        )

    async def let_go(self, module: str, slot: Slot, *, failing: bool = False) -> None:
        """Release a module at the end of its ``async with``, as ``Bridge.let_go`` does.

        Args:
            module: "RAK5801".
            slot: 1, 2 or "board".
            failing: An exception is on its way already.
        """
        try:
            await self.release(module, slot)
        except OfflineError:
            pass  # the bridge makes outputs safe by itself
        except RemoteError:
            if not failing:
                raise

    async def close(self) -> None:
        """End the session; closing twice is allowed."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncBridge({self.endpoint!r})"
