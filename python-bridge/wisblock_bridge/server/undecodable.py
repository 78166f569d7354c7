"""Frames that nothing can be answered to: logged once for each client, and not too often.

1. A client that floods the bridge with such frames, under ever new names, fills no log.
2. Nothing here is asked while clients speak the protocol.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wisblock_bridge.server.log_limit import LogLimit

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.clock import Clock

MOST_REMEMBERED = 256
DELIMITED = (
    "it sends an empty delimiter, as a REQ socket does: use DEALER, and one frame for each request"
)
SEVERAL_FRAMES = "it sends several frames: a request is one frame behind the routing id"

log = logging.getLogger(__name__)


class UndecodableFrames:
    """The clients that do not speak the protocol.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._limit = LogLimit(clock)
        self._known: dict[bytes, None] = {}

    def note(self, identity: bytes, name: Callable[[], str], why: str) -> None:
        """Write down that a client sent what cannot be answered, unless that is known.

        Args:
            identity: Its connection.
            name: Returns what it calls itself; empty where it has not said.
            why: What is wrong, and what would be right.
        """
        if identity in self._known:
            return
        self._known[identity] = None
        while len(self._known) > MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        if not self._limit.allows():
            return
        log.info(
            "client %s gets no reply: %s; what it sends is dropped and counted (undecodable)",
            name() or "without a name",
            why,
        )
