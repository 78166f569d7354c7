"""Every actuator with a chip on the bus: pulled out and put back while it works.

1. Transactions are counted, not time: what a module that is gone costs others is bus traffic.
2. Products on lines alone cannot be missed: nothing on them answers.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.actuators import ACTUATORS, Actuator
from tests.bridge.rig import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.buses.i2c import Read, Write

A, B = b"a", b"b"
READS: dict[str, tuple[str, dict[str, Any]]] = {
    "RAK13003": ("read_all", {}),
    "RAK13004": ("state", {"channel": 0}),
    "RAK14003": ("state", {}),
    "RAK12009": ("read", {}),
}
ATTEMPT = {"RAK13003": 3, "RAK13004": 3, "RAK14003": 3, "RAK12009": 50}
"""Transactions that one attempt may take; the gas sensor's waits for its supply to come up."""

SECONDS = 60

each_actuator = pytest.mark.parametrize(
    "actuator",
    [each for each in ACTUATORS if each.module in READS],
    ids=[each.module for each in ACTUATORS if each.module in READS],
)


class Place:
    """A module in slot 1 that is read five times a second, and an expander beside it."""

    def __init__(self, rig: Rig, actuator: Actuator) -> None:
        self.rig = rig
        self.actuator = actuator
        self.transactions: Counter[int] = Counter()
        transfer = rig.board.bus.transfer

        def counted(address: int, *messages: Write | Read) -> bytes:
            self.transactions[address] += 1
            return transfer(address, *messages)

        rig.board.bus.transfer = counted  # type: ignore[method-assign]
        rig.board.plug(actuator.module, 1)
        operation, params = READS[actuator.module]
        self.mine = self._subscribe(A, actuator.module, 1, operation, params)
        self.neighbours = self._subscribe(B, "TPT29555", "board", "read_all", {"expander": "board"})

    def _subscribe(
        self, who: bytes, module: str, slot: object, operation: str, params: dict[str, Any]
    ) -> int:
        self.rig.result(who, "hello", client=who.decode(), lease_ms=60_000)
        number: int = self.rig.result(
            who, "subscribe", module=module, slot=slot, operation=operation, params=params,
            every_ms=200,
        )["subscription"]  # fmt: skip
        return number

    def drive(self) -> None:
        self.rig.invoke(
            A, self.actuator.module, 1, self.actuator.operation, **self.actuator.params
        )  # fmt: skip

    def live(self, seconds: int = SECONDS) -> tuple[Counter[int], list[Any], list[Any]]:
        """Let time pass; gives the transactions by address, and what both subscribers heard."""
        self.transactions.clear()
        heard = [len(self.rig.events(A, self.mine)), len(self.rig.events(B, self.neighbours))]
        for _ in range(seconds * 5):
            self.rig.result(A, "ping")
            self.rig.result(B, "ping")
            self.rig.advance(0.2)
        return (
            Counter(self.transactions),
            self.rig.events(A, self.mine)[heard[0] :],
            self.rig.events(B, self.neighbours)[heard[1] :],
        )


@pytest.fixture
def place(actuator: Actuator) -> Iterator[Place]:
    with Rig() as rig:
        yield Place(rig, actuator)


@each_actuator
def test_pulled_out_and_put_back(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "wisblock_bridge")
    actuator, rig = place.actuator, place.rig
    place.drive()
    assert actuator.look(rig.board) == actuator.driven
    place.live(1)  # what is opened has been opened, and the first values are told
    there, good, beside = place.live()
    assert min(len(good), len(beside)) >= SECONDS * 5
    assert {each["event"] for each in good} <= {READS[actuator.module][0]}

    rig.board.unplug(1)
    gone, bad, beside_bad = place.live()
    # Told once, asked ever less often, and the neighbour hears what it always hears.
    assert [each["error"]["code"] for each in bad] == ["no_device"]
    # (A wait of the module moves the fake clock on, so there may be some more.)
    assert len(beside_bad) >= len(beside)
    expander = 0x27
    assert gone[expander] * len(beside) == there[expander] * len(beside_bad)
    # Ten seconds between two attempts at last: half a dozen doublings, then six a minute.
    assert sum(gone.values()) - gone[expander] - gone[0x26] <= 11 * ATTEMPT[actuator.module]

    rig.board.plug(actuator.module, 1)
    if isinstance(actuator.seen, str):
        assert actuator.look(rig.board) == actuator.safe, "nothing drives it before it is asked"
    rig.advance(10.0)
    _, back, beside_back = place.live()
    assert {each["event"] for each in back} == {READS[actuator.module][0]}
    assert len(beside_back) >= len(beside)
    if actuator.module != "RAK12009":  # whose heater follows the readings
        assert actuator.look(rig.board) == actuator.safe, "what it drove is not restored by itself"
    place.drive()
    assert actuator.look(rig.board) == actuator.driven

    # The log has one line when it went, and one when it came back.
    told = [each.getMessage() for each in caplog.records if actuator.module in each.getMessage()]
    assert len([each for each in told if "No answer" in each]) == 1, told
    assert len([each for each in told if "works again" in each]) == 1, told
