"""The Python client for asyncio: ``async with AsyncBridge() as bridge``."""

from __future__ import annotations

from wisblock_bridge.client.aio.bridge import AsyncBridge
from wisblock_bridge.client.aio.proxies import AsyncModuleProxy
from wisblock_bridge.client.aio.streams import AsyncReadings, AsyncSubscription

__all__ = ["AsyncBridge", "AsyncModuleProxy", "AsyncReadings", "AsyncSubscription"]
