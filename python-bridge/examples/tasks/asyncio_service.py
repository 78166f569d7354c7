"""A service on asyncio: it measures, follows an input, and ends in good order on SIGTERM.

Each task has its own subscription; all of them share one connection.
"""

import asyncio
import signal
from contextlib import suppress

from wisblock_bridge.client import AsyncBridge, RemoteError


async def measure(bridge: AsyncBridge) -> None:
    """Print the loop current twice a second, and what went wrong."""
    readings = bridge.rak5801(slot=1).every(0.5).read()
    while True:
        try:
            async for result in readings:
                print(f"{result.current:.2f} mA", flush=True)
        except RemoteError as error:  # told once; the readings come again by themselves
            print(f"the loop: {error}", flush=True)


async def follow(bridge: AsyncBridge) -> None:
    """Print when the motion sensor changes."""
    async for event in bridge.rak12006(slot=2).events("motion"):
        if event.error is None:
            print("motion" if event.result.motion else "rest", flush=True)


async def main() -> None:
    """Run both until somebody wants the service to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncBridge(name="service") as bridge:
        tasks = [asyncio.create_task(measure(bridge)), asyncio.create_task(follow(bridge))]
        await stop.wait()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    print("ended", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
