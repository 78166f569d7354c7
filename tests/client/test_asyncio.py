"""What people who use asyncio expect of ``AsyncBridge``."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import LONG_S, BridgeProcess
from tests.bridge.fake_bridge import fake_bridge, good, greeting

from wisblock_bridge.client import AsyncBridge, OfflineError, ReplyTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


def on_a_bridge(
    endpoint: str, work: Callable[[AsyncBridge], Coroutine[Any, Any, None]], **params: Any
) -> None:
    async def main() -> None:
        async with AsyncBridge(endpoint, name="test", **params) as bridge:
            await work(bridge)

    asyncio.run(main(), debug=False)


def test_many_tasks_share_one_connection(served: BridgeProcess) -> None:
    async def work(bridge: AsyncBridge) -> None:
        adc = bridge.adc()
        found = await asyncio.gather(*(adc.read(channel=each % 4) for each in range(100)))
        assert len([each.voltage for each in found]) == 100

    on_a_bridge(served.endpoint, work)


def test_a_request_that_waits_holds_up_no_other_task(served: BridgeProcess) -> None:
    async def work(bridge: AsyncBridge) -> None:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticking = asyncio.create_task(tick())
        for _ in range(5):
            await bridge.rak5801(1).read(samples=8)
        ticking.cancel()
        assert ticks > 5

    on_a_bridge(served.endpoint, work)


class Silent:
    """A bridge that answers ``status`` and keeps everything else to itself."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.late: list[dict[str, Any]] = []

    def __call__(self, request: dict[str, Any]) -> list[Any]:
        self.heard.append(request)
        if request["method"] == "hello":
            return greeting(request)
        if request["method"] in {"status", "unsubscribe", "bye"}:
            return [good(request), *(good(each, subscription=7) for each in self.late)]
        return []


def test_a_timeout_of_asyncio_ends_a_request() -> None:
    async def work(bridge: AsyncBridge) -> None:
        begin = time.monotonic()
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.1):
                await bridge.rak5801(1).read()
        assert not isinstance(caught.value, ReplyTimeoutError)
        assert time.monotonic() - begin < 5.0
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bridge.scan(), 0.1)
        with pytest.raises(ReplyTimeoutError):  # our own, which is a TimeoutError as well
            await bridge.request("scan", timeout_s=0.1)
        await bridge.status()

    with fake_bridge(Silent()) as endpoint:
        on_a_bridge(endpoint, work, connect_timeout_s=LONG_S)


def test_a_cancelled_request_is_forgotten() -> None:
    async def work(bridge: AsyncBridge) -> None:
        for _ in range(300):  # more than may be in flight
            task = asyncio.create_task(bridge.scan())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await bridge.status()

    with fake_bridge(Silent()) as endpoint:
        on_a_bridge(endpoint, work, connect_timeout_s=LONG_S)


def test_a_cancelled_subscription_leaves_none_behind() -> None:
    silent = Silent()

    async def work(bridge: AsyncBridge) -> None:
        task = asyncio.create_task(bridge.rak5801(1).every(1.0).read().next())
        while not any(each["method"] == "subscribe" for each in silent.heard):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        silent.late = [each for each in silent.heard if each["method"] == "subscribe"]
        await bridge.status()
        silent.late = []
        async with asyncio.timeout(LONG_S):
            while not any(each["method"] == "unsubscribe" for each in silent.heard):
                await asyncio.sleep(0.01)
        ended = next(each for each in silent.heard if each["method"] == "unsubscribe")
        assert ended["params"] == {"subscription": 7}

    with fake_bridge(silent) as endpoint:
        on_a_bridge(endpoint, work, connect_timeout_s=LONG_S)


def test_a_waiting_loop_over_readings_can_be_cancelled(served: BridgeProcess) -> None:
    async def work(bridge: AsyncBridge) -> None:
        seen = 0

        async def watch() -> None:
            nonlocal seen
            async for _ in bridge.adc().every(0.02).read(channel=0):
                seen += 1

        task = asyncio.create_task(watch())
        async with asyncio.timeout(LONG_S):
            while seen < 3:
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(LONG_S):
            while True:
                sessions: Any = (await bridge.status())["sessions"]
                mine = next(each for each in sessions if each["client"] == "test")
                if mine["subscriptions"] == 0:
                    break
                await asyncio.sleep(0.01)

    on_a_bridge(served.endpoint, work)


def test_nothing_is_left_when_the_loop_ends(served: BridgeProcess) -> None:
    async def main() -> None:
        bridge = await AsyncBridge(served.endpoint).open()
        await bridge.adc().read(channel=0)
        before = len(asyncio.all_tasks())
        await bridge.close()
        await bridge.close()
        assert len(asyncio.all_tasks()) == before - 1
        with pytest.raises(OfflineError):
            await bridge.status()

    asyncio.run(main())


def test_before_it_is_opened_it_says_so(served: BridgeProcess) -> None:
    async def main() -> None:
        with pytest.raises(OfflineError, match="not open"):
            await AsyncBridge(served.endpoint).status()

    asyncio.run(main())


def test_a_bridge_of_another_loop_says_so_at_once(served: BridgeProcess) -> None:
    async def opened() -> AsyncBridge:
        bridge = AsyncBridge(served.endpoint)
        return await bridge.open()

    bridge = asyncio.run(opened())

    async def use() -> None:
        begin = time.monotonic()
        with pytest.raises(OfflineError, match="another event loop"):
            await bridge.status()
        with pytest.raises(OfflineError, match="another event loop"):
            await bridge.rak12006(1).events("motion").next()
        assert time.monotonic() - begin < 5.0
        await bridge.close()
        with pytest.raises(OfflineError, match="closed"):
            await bridge.open()

    asyncio.run(use())
