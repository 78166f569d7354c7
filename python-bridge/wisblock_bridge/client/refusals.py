"""Subscriptions that the bridge refused when they were requested again: when to try next.

1. After a loss of the connection another client may be in the slot, or the bridge be busy: that
   passes, so it is tried again until the bridge agrees. What no repetition mends is not.
2. No thread, no timer and no lock: the conversation has them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wisblock_bridge.errors import ErrorCode
from wisblock_bridge.threads.backoff import Backoff

if TYPE_CHECKING:
    from wisblock_bridge.client.errors import RemoteError
    from wisblock_bridge.client.feed import Feed

FIRST_S, LONGEST_S = 0.5, 10.0

LASTING = frozenset(
    (
        ErrorCode.BAD_REQUEST,
        ErrorCode.BAD_PARAMS,
        ErrorCode.UNKNOWN_METHOD,
        ErrorCode.UNKNOWN_MODULE,
        ErrorCode.UNKNOWN_OPERATION,
        ErrorCode.UNSUPPORTED_VERSION,
        ErrorCode.FORBIDDEN,
    )
)


@dataclass(slots=True)
class _Refusal:
    """What is known of one subscription that was refused.

    Attributes:
        code: Why, the last time.
        due: Clock reading at which it is requested again, s.
    """

    code: str = ""
    due: float = math.inf
    pauses: Backoff = field(default_factory=lambda: Backoff(FIRST_S, LONGEST_S))


class Refusals:
    """All subscriptions of one client that were refused.

    Attributes:
        due: Clock reading at which one of them is to be requested again, s; any thread may look.
    """

    def __init__(self) -> None:
        self._by_feed: dict[Feed, _Refusal] = {}
        self.due = math.inf

    def note(self, feed: Feed, error: RemoteError, now: float) -> bool:
        """Take note of a refusal.

        Args:
            feed: Of the subscription.
            error: Why.
            now: Clock reading, s.

        Returns:
            Whether it was refused for another reason the last time, or not at all.
        """
        refusal = self._by_feed.setdefault(feed, _Refusal())
        is_news, refusal.code = refusal.code != error.wire_code, error.wire_code
        if error.wire_code not in LASTING:
            refusal.due = now + refusal.pauses.next_s()
        self._look()
        return is_news

    def take(self, now: float) -> list[Feed]:
        """Return what is to be requested again; it is due no more until it is refused again.

        Args:
            now: Clock reading, s.
        """
        found = [(feed, each) for feed, each in self._by_feed.items() if each.due <= now]
        for _, each in found:
            each.due = math.inf
        self._look()
        return [feed for feed, _ in found]

    def forget(self, feed: Feed) -> None:
        """Forget a subscription: it was granted, or nobody wants it any more."""
        if self._by_feed.pop(feed, None) is not None:
            self._look()

    def clear(self) -> None:
        """Forget everything: the connection is lost, or a new one."""
        self._by_feed.clear()
        self.due = math.inf

    def _look(self) -> None:
        self.due = min((each.due for each in self._by_feed.values()), default=math.inf)
