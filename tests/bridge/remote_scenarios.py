"""What happens to the process for remote clients, while one of them drives an output."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bridge.attackers import RELAY, Neighbour, Target
from tests.bridge.bridge_process import eventually
from tests.bridge.wire_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Callable

LEASE_MS = 1000
FAR_RELAY = {**RELAY, "slot": 2}
FIRST_RESTART_S = 1.0


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        safe_s: After how long the output was safe.
        back_s: After how long the remote client was answered again, counted from where it could be.
        slowest_ms: The longest that a neighbour on the bridge's computer waited.
        undisturbed: The neighbour's relay stayed on, and the bridge alive.
    """

    safe_s: float
    back_s: float
    slowest_ms: float
    undisturbed: bool


def seconds_until(condition: Callable[[], bool], what: str) -> float:
    begin = time.monotonic()
    eventually(condition, what)
    return time.monotonic() - begin


def answers(client: RawClient) -> bool:
    """Ask, and return whether there is an answer soon: what was sent to a dead one is lost."""
    asked = client.send("ping")
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        client.receive(0.05)
        if client.replies.pop(asked, None) is not None:
            return True
    return False


def lose(number: int, stopped_s: float = 0.0) -> Outcome:
    """Send a signal to the process while a remote client drives a relay through it.

    Args:
        number: The signal.
        stopped_s: With SIGSTOP, when it goes on; 0 for never.

    Returns:
        What came of it.
    """
    with Target("remote") as target, RawClient(target.local) as watcher, target.connect() as far:
        far.result("hello", client="far", lease_ms=LEASE_MS)
        watcher.result("hello", client="watcher", lease_ms=60_000)
        far.result("invoke", **FAR_RELAY, operation="set", params={"on": True})

        def is_off() -> bool:
            state = watcher.result("invoke", **FAR_RELAY, operation="state")
            return not state["readings"]["on"]

        assert not is_off()
        with Neighbour(target.local) as neighbour:
            far.result("ping")
            (child,) = target.children()
            begin = time.monotonic()
            os.kill(child, number)
            safe_s = seconds_until(is_off, "the output is safe")
            if stopped_s:
                time.sleep(max(0.0, begin + stopped_s - time.monotonic()))
                os.kill(child, signal.SIGCONT)
            back_s = seconds_until(lambda: answers(far), "the remote client is answered")
            undisturbed = target.is_alive() and not neighbour.off
            return Outcome(safe_s, back_s, neighbour.slowest_ms(begin), undisturbed)


def crash_again_and_again(times: int) -> Outcome:
    """Kill the process whenever it has started.

    Args:
        times: How often.

    Returns:
        What came of it.
    """
    with Target("remote") as target, Neighbour(target.local) as neighbour:
        begin = time.monotonic()
        for _ in range(times):
            eventually(lambda: bool(target.children()), "the process is started")
            (child,) = target.children()
            os.kill(child, signal.SIGABRT)
            eventually(lambda: child not in target.children(), "its end is noticed")  # noqa: B023
        with target.connect() as far:
            back_s = seconds_until(lambda: answers(far), "a remote client is answered")
        undisturbed = target.is_alive() and not neighbour.off
        return Outcome(0.0, back_s, neighbour.slowest_ms(begin), undisturbed)
