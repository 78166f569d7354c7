"""How long a call waits: odd durations are errors in words, and no time sends nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import LONG_S
from tests.bridge.fake_bridge import fake_bridge, good, greeting

from wisblock_bridge.client import BadParamsError, ReplyTimeoutError
from wisblock_bridge.client.durations import limit, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    Connect = Callable[..., Any]

ODD = [math.nan, "5", b"5", [5.0], {}]


@pytest.mark.parametrize("given", ODD, ids=repr)
@pytest.mark.parametrize("convert", [seconds, limit])
def test_what_is_no_number_is_refused(
    convert: Callable[[str, object], float], given: object
) -> None:
    with pytest.raises(
        BadParamsError, match=r"timeout_s is .*; allowed: a number of seconds"
    ) as bad:
        convert("timeout_s", given)
    assert isinstance(bad.value, ValueError)
    assert bad.value.data == {"param": "timeout_s"}


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (2, 2.0),
        (0.25, 0.25),
        (0, 0.0),
        (-1.5, 0.0),
        (-math.inf, 0.0),
        (-(10**400), 0.0),
        (math.inf, 1_000_000.0),
        (1e300, 1_000_000.0),
        (10**400, 1_000_000.0),
    ],
)
def test_numbers_become_what_can_be_waited_for(given: float, found: float) -> None:
    assert seconds("timeout_s", given) == found
    if found:
        assert limit("timeout_s", given) == found
    else:
        with pytest.raises(BadParamsError, match="greater than 0"):
            limit("timeout_s", given)


class Heard:
    """A bridge that keeps what it hears."""

    def __init__(self) -> None:
        self.methods: list[str] = []

    def __call__(self, request: dict[str, Any]) -> list[Any]:
        self.methods.append(request["method"])
        if request["method"] == "hello":
            return greeting(request)
        if request["method"] == "subscribe":
            number = len(self.methods)
            head = {"v": 1, "event": "motion", "subscription": number, "sequence": 1, "lost": 0}
            return [good(request, subscription=number), head | {"readings": {"motion": True}}]
        return [good(request, readings={"motion": True}, timestamp=1.0, quality="good")]


@pytest.mark.slow
def test_odd_times_send_nothing(connect: Connect) -> None:
    heard = Heard()
    with fake_bridge(heard) as endpoint, connect(endpoint, connect_timeout_s=LONG_S) as bridge:
        for given in ODD:
            with pytest.raises(BadParamsError, match="timeout_s is"):
                bridge.request("status", timeout_s=given)
            with pytest.raises(BadParamsError, match="timeout_s is"):
                bridge.module("RAK12006", 1, timeout_s=given).read()
            with pytest.raises(BadParamsError, match="every_s is"):
                bridge.subscribe("RAK12006", 1, operation="read", every_s=given)
        for given in (0, -1, -math.inf):
            with pytest.raises(ReplyTimeoutError, match="no time left for status"):
                bridge.request("status", timeout_s=given)
            with pytest.raises(ReplyTimeoutError, match="no time left for invoke"):
                bridge.module("RAK12006", 1, timeout_s=given).read()
        assert set(heard.methods) <= {"hello", "ping"}
        assert bridge.request("status", timeout_s=math.inf)
        assert bridge.module("RAK12006", 1, timeout_s=1e300).read()["motion"] is True


@pytest.mark.slow
def test_odd_times_of_a_bridge(connect: Connect) -> None:
    heard = Heard()
    with fake_bridge(heard) as endpoint:
        for given in (*ODD, 0, -1):
            with (
                pytest.raises(BadParamsError, match="timeout_s is"),
                connect(endpoint, timeout_s=given),
            ):
                pytest.fail("it is refused")
        for given in ODD:
            with (
                pytest.raises(BadParamsError, match="connect_timeout_s is"),
                connect(endpoint, connect_timeout_s=given),
            ):
                pytest.fail("it is refused")
        assert heard.methods == []
        with connect(endpoint, timeout_s=math.inf, connect_timeout_s=math.inf) as bridge:
            assert bridge.request("status")


@pytest.mark.slow
def test_odd_times_to_wait_for_an_event(connect: Connect) -> None:
    with (
        fake_bridge(Heard()) as endpoint,
        connect(endpoint, connect_timeout_s=LONG_S) as bridge,
        bridge.subscribe("RAK12006", 1, event="motion") as events,
    ):
        for given in ODD:
            with pytest.raises(BadParamsError, match="timeout_s is"):
                events.next(given)
        assert events.next(math.inf).result["motion"] is True
        assert events.next(-1.0) is None
