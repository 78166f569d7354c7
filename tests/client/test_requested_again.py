"""After a loss of the connection subscriptions are requested again, until they are granted."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import LONG_S, eventually
from tests.bridge.fake_bridge import fake_bridge, good, greeting

from wisblock_bridge.client import BusyError, OfflineError, SlotConflictError

if TYPE_CHECKING:
    from collections.abc import Callable

    Connect = Callable[..., Any]

pytestmark = pytest.mark.slow


def refusal(request: dict[str, Any], code: str) -> dict[str, Any]:
    error = {"code": code, "message": "It does not suit."}
    return {"v": 1, "id": request["id"], "ok": False, "error": error}


def event(number: int) -> dict[str, Any]:
    head = {"v": 1, "event": "motion", "subscription": number, "sequence": 1, "lost": 0}
    return head | {"readings": {"motion": True}, "timestamp": 1.0, "quality": "good"}


class Forgetful:
    """A bridge that loses its client once, when it is told to.

    Args:
        refusals: The codes with which it refuses what is requested again, one after another; None
            for an answer that comes with the next request only.
    """

    def __init__(self, *refusals: str | None) -> None:
        self.refusals = list(refusals)
        self.is_deaf = threading.Event()
        self.subscribed: list[dict[str, Any]] = []
        self.unsubscribed: list[int] = []
        self.kept: list[dict[str, Any]] = []
        self.hellos = 0

    def __call__(self, request: dict[str, Any]) -> list[Any]:
        method = request["method"]
        if method == "hello":
            self.hellos += 1
            self.is_deaf.clear()
            return greeting(request)
        if self.is_deaf.is_set():
            return []
        if method in {"subscribe", "observe"}:
            self.subscribed.append(request.get("params", {}))
            if self.hellos > 1 and self.refusals:
                code = self.refusals.pop(0)
                if code is not None:
                    return [refusal(request, code)]
                self.kept.append(good(request, subscription=70))
                return []
            number = len(self.subscribed)
            return [good(request, subscription=number), event(number)]
        if method == "unsubscribe":
            self.unsubscribed.append(request["params"]["subscription"])
        kept, self.kept = self.kept, []
        return [*kept, good(request)]


def test_what_was_refused_is_requested_again_and_told_once(connect: Connect) -> None:
    bridge_side = Forgetful("slot_conflict", "slot_conflict", "busy")
    with (
        fake_bridge(bridge_side) as endpoint,
        connect(endpoint, connect_timeout_s=LONG_S, lease_ms=500) as bridge,
        bridge.subscribe("RAK12006", 1, event="motion") as events,
    ):
        assert events.next(LONG_S).result["motion"] is True
        bridge_side.is_deaf.set()
        reasons = [events.next(LONG_S).error for _ in range(3)]
        assert [type(each) for each in reasons] == [OfflineError, SlotConflictError, BusyError]
        assert events.next(LONG_S).result["motion"] is True
        assert len(bridge_side.subscribed) == 5
        assert all(each == bridge_side.subscribed[0] for each in bridge_side.subscribed)


def test_an_observer_is_requested_again(connect: Connect) -> None:
    bridge_side = Forgetful("busy")
    with (
        fake_bridge(bridge_side) as endpoint,
        connect(endpoint, connect_timeout_s=LONG_S, lease_ms=500) as bridge,
        bridge.observe() as observed,
    ):
        assert observed.next(LONG_S).error is None
        bridge_side.is_deaf.set()
        assert isinstance(observed.next(LONG_S).error, OfflineError)
        assert isinstance(observed.next(LONG_S).error, BusyError)
        assert observed.next(LONG_S).error is None


def test_one_that_is_closed_while_it_is_requested_again_is_ended(connect: Connect) -> None:
    bridge_side = Forgetful(None)
    with (
        fake_bridge(bridge_side) as endpoint,
        connect(endpoint, connect_timeout_s=LONG_S, lease_ms=500) as bridge,
    ):
        with bridge.subscribe("RAK12006", 1, event="motion") as events:
            assert events.next(LONG_S).error is None
            bridge_side.is_deaf.set()
            assert isinstance(events.next(LONG_S).error, OfflineError)
            eventually(lambda: len(bridge_side.subscribed) == 2, "it is requested again")
        assert bridge_side.unsubscribed == []
        bridge.request("status", timeout_s=LONG_S)  # before its answer comes what was kept
        eventually(lambda: bridge_side.unsubscribed == [70], "it is ended")


def test_observers_that_nobody_refers_to_any_more_are_ended(connect: Connect) -> None:
    bridge_side = Forgetful()
    with (
        fake_bridge(bridge_side) as endpoint,
        connect(endpoint, connect_timeout_s=LONG_S) as bridge,
    ):
        for _ in range(9):  # one more than a client may have
            for observed in bridge.observe():
                assert observed.error is None
                break
        gc.collect()
        bridge.request("status", timeout_s=LONG_S)
        eventually(lambda: sorted(bridge_side.unsubscribed) == [*range(1, 10)], "all are ended")
