"""A bridge of either kind, for tests of what both do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.client.facade import LoopThread

from wisblock_bridge.client import Bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(params=["threads", "asyncio"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Make a bridge of either kind, to be used with ``with``."""
    if request.param == "threads":
        yield Bridge
    else:
        with LoopThread() as loop:
            yield loop.connect
