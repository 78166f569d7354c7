"""An ``AsyncBridge`` that is used like a ``Bridge``, so that the same tests run on both."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import TYPE_CHECKING, Any, Self

from wisblock_bridge.client import AsyncBridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONG_S = 60.0


class Facade:
    """Whatever is asynchronous, waited for on a loop that runs on a thread of its own."""

    def __init__(self, inner: Any, run: Callable[[Any], Any]) -> None:
        self.__dict__.update(inner=inner, run=run)

    def _wrapped(self, value: Any) -> Any:
        if inspect.isawaitable(value):
            value = self.run(value)
        if type(value).__module__.startswith("wisblock_bridge.client.aio"):
            return self if value is self.inner else Facade(value, self.run)
        return value

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.inner, name)
        if not callable(value):
            return self._wrapped(value)
        return lambda *args, **params: self._wrapped(value(*args, **params))

    def __getitem__(self, place: Any) -> Any:
        return self._wrapped(self.inner[place])

    def __iter__(self) -> Iterator[Any]:
        while True:
            try:
                yield self.run(self.inner.__anext__())
            except StopAsyncIteration:
                return

    def __next__(self) -> Any:
        return next(iter(self))

    def __enter__(self) -> Self:
        self.run(self.inner.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        self.run(self.inner.__aexit__(*error))


class LoopThread:
    """A loop on a thread, for as long as a ``with``."""

    def __enter__(self) -> Self:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def run(self, awaitable: Any) -> Any:
        async def wait() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(wait(), self.loop).result(LONG_S)

    def connect(self, *args: Any, **params: Any) -> Any:
        """Make a bridge on the loop; ``with`` connects it."""

        async def make() -> AsyncBridge:
            return AsyncBridge(*args, **params)

        return Facade(self.run(make()), self.run)

    def __exit__(self, *error: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(LONG_S)
        self.loop.close()
