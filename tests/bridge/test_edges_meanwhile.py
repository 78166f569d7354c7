"""An edge is reported while the same module counts pulses: it does not wait for the end of that."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from tests.bridge.bridge_process import BridgeProcess
from tests.bridge.wire_client import Map, RawClient

WINDOW_MS = 20_000
"""So long that what waits for its end fails a test; each test cuts it short."""


class Case(NamedTuple):
    """An input, the event that reports it, and a count of the same module."""

    board: tuple[str, ...]
    module: str
    slot: int | str
    event: str
    event_params: Map
    count_params: Map
    quantity: str
    main: str


EXPANDER, PROCESSOR = ("--board", "RAK7391"), ("--board", "RAK6421", "--variant", "VA")

CASES = [
    Case(EXPANDER, "RAK13001", 1, "input_changed", {}, {}, "active", "active"),
    Case(PROCESSOR, "RAK13001", 1, "input_changed", {"debounce_ms": 0}, {}, "active", "active"),
    Case(PROCESSOR, "RAK13001", 1, "input_changed", {"debounce_ms": 50}, {}, "active", "active"),
    Case(EXPANDER, "RAK12006", 1, "motion", {}, {"poll_ms": 1000}, "motion", "motion"),
    Case(
        EXPANDER, "TPT29555", "board", "change", {"expander": "board", "lines": [8]},
        {"expander": "board", "line": 9}, "board_8", "level",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.module} on {case.board[1]} {case.event_params}"
)
def test_an_edge_comes_before_the_end_of_a_count(case: Case) -> None:
    with (
        BridgeProcess(*case.board) as process,
        RawClient(process.endpoint) as client,
        RawClient(process.endpoint) as world,
    ):
        where = {"module": case.module, "slot": case.slot}
        client.result("hello", client="test", lease_ms=60_000)
        client.result("subscribe", **where, event=case.event, params=case.event_params)
        first = client.event()
        assert first["initial"]
        last = first["readings"][case.main]
        params = {**case.count_params, "window_ms": WINDOW_MS}
        count = client.send("invoke", 2 * WINDOW_MS, **where, operation="count", params=params)
        for _ in range(4):
            value = world.result("emulator.get", slot=case.slot, quantity=case.quantity)
            changed = 1 - int(value["value"])
            world.result("emulator.set", slot=case.slot, quantity=case.quantity, value=changed)
            seen = client.event()
            assert seen["readings"][case.main] != last
            last = seen["readings"][case.main]
        assert count not in client.replies, "the edges came after the count"
        # A stop still ends it at once: the looks in between have not taken that away.
        world.result("release", **where, force=True)
        assert not client.reply(count)["ok"]
