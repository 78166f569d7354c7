"""RAK13300: a supply that dips at any moment; nothing is "good" that is not, and it comes back.

1. The dip falls after each single SPI transfer of each operation, at once and some time before the
   next one, so that BUSY is high in one case and the chip quietly in standby in the other.
2. What is told is compared with the emulated chips, never with what the module believes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.bridge.rig import Rig
from tests.cases import for_each
from tests.modules.radio_slots import RadioSlots

from wisblock_bridge.boards.rak6421 import RAK6421_BOARDS
from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.errors import BridgeError, BusError, NotReadyError, SupplyLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tally import Tally

    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.module_api import EventSource

LISTENING = 5
BACK_S = 2.0
PAYLOAD = b"HeLoRa World!\0\x07"
VA = next(each for each in RAK6421_BOARDS if each.variant == "VA")


class Dips:
    """A board on which the supply of the radio in slot 1 dips after a chosen transfer with it."""

    def __init__(self, board: BoardSpec = GENERATION_C) -> None:
        self.slots = RadioSlots(board)
        self.module, self.partner = self.slots.module(1), self.slots.module(2)
        for each in (self.module, self.partner):
            each.configure("US915", frequency=915.0)  # type: ignore[arg-type]
        self.radio = self.slots.emulated(1).radio
        self.transfers = 0
        self._at: int | None = None
        self._pause_s = 0.0
        through = self.slots.board.spi_bus.transfer

        def transfer(select: str, data: bytes) -> bytes:
            answer = through(select, data)
            if select == "/dev/spidev0.0":
                self.transfers += 1
                if self.transfers == self._at:
                    self.dip(self._pause_s)
            return answer

        self.slots.board.spi_bus.transfer = transfer  # type: ignore[method-assign]

    def dip(self, pause_s: float = 0.01) -> None:
        self.slots.board.power_cycle(1)
        self.slots.clock.advance(pause_s)

    def arm(self, step: int | None, pause_s: float) -> None:
        """Let the supply dip after so many transfers from now; at once for 0."""
        self.transfers, self._at, self._pause_s = 0, step, pause_s
        if step == 0:
            self.dip(pause_s)

    def recover(self, error: BridgeError) -> None:
        """Do what a worker does after an error."""
        if isinstance(error, BusError | SupplyLostError):
            self.module.open()

    def outcome(self, operation: Callable[[Dips], bool]) -> bool | BridgeError:
        """Carry it out: whether what it said is true, or its error."""
        try:
            return operation(self)
        except (NotReadyError, BusError) as error:
            self.recover(error)
            return error

    def send_to_it(self, payload: bytes) -> None:
        self.partner.send(payload)
        self.slots.clock.advance(0.2)

    def on_the_air(self, payload: bytes, in_s: float) -> None:
        """Let somebody far away send, in the way that was agreed."""
        clock = self.slots.clock
        wave = self.slots.emulated(2).radio.wave(payload, None, 14.0, clock.monotonic() + in_s)
        self.slots.board.air.begin(wave)


# -- each operation: what it does, and whether what it said is true -------------------------------


def configure(dips: Dips) -> bool:
    dips.module.configure("US915", frequency=915.0, power=5)  # type: ignore[arg-type]
    signal = dips.radio.signal
    # The private network's word is what the register holds after a reset, too.
    agreed = (signal.sync_word, signal.spreading_factor) == (0x1424, 7)
    lora = dips.radio.transfer(b"\x11\x00\x00")[2] == 1
    return lora and agreed and abs(signal.frequency_hz - 915e6) < 1.0


def send(dips: Dips) -> bool:
    dips.radio.sent.clear()
    assert dips.module.send(PAYLOAD).values["sent"] is True
    return dips.radio.sent == [PAYLOAD]


def receive(dips: Dips) -> bool:
    dips.slots.clock.advance(1.0)  # what an earlier attempt put on the air is over
    dips.on_the_air(PAYLOAD, 0.1)
    found = dips.module.receive(400).values
    return found["received"] is True and found["payload"] == PAYLOAD


def receive_none(dips: Dips) -> bool:
    return dips.module.receive(60).values["received"] is False


def cad(dips: Dips) -> bool:
    dips.on_the_air(bytes(255), 0.0)
    found = dips.module.cad().values["busy"]
    dips.slots.clock.advance(1.0)
    return found is True


def rssi(dips: Dips) -> bool:
    dips.slots.board.set(1, "rssi", -97.5)
    return dips.module.rssi().values["rssi"] == -97.5


def sleep(dips: Dips) -> bool:
    dips.module.sleep()
    asleep = dips.slots.pin(1, "IO5") == 1
    return asleep and dips.slots.pin(1, "IO3") == 0


def make_safe(dips: Dips) -> bool:
    dips.module.make_safe("radio")
    return dips.slots.board.air.level_dbm(dips.slots.emulated(2).radio, 125e3, 915e6) == -110.0


def check_supply(dips: Dips) -> bool:
    dips.module.check_supply()
    off = dips.slots.pin(1, "IO4") == 0
    return off or dips.radio.transfer(b"\x11\x00\x00")[2] == 1


OPERATIONS = (configure, send, receive, receive_none, cad, rssi, sleep, make_safe, check_supply)


@for_each("listening", [False, True], ids=["idle", "listening"])
@for_each("operation", OPERATIONS)
def test_a_dip_after_each_transfer_of_an_operation(
    operation: Callable[[Dips], bool], *, listening: bool, tally: Tally
) -> None:
    dips = Dips()
    watch = dips.module.received() if listening else None

    def ready() -> None:
        """Use the radio, so that it is awake, and listens where somebody is subscribed."""
        for _ in range(5):
            dips.slots.clock.advance(25.0)  # dwell time is none of this test's business
            try:
                dips.module.rssi()
                if watch is not None:
                    watch.look()
            except BridgeError as error:
                dips.recover(error)
            else:
                return
        raise AssertionError("it does not come back")

    ready()
    dips.arm(None, 0.0)
    assert operation(dips)
    steps = dips.transfers
    assert operation is make_safe or steps >= 1
    tried, seen = 0, ""
    for step in range(steps + 1):
        for pause_s in (0.0, 0.01):
            dips.arm(None, 0.0)
            ready()
            dips.arm(step, pause_s)
            tried += 1
            # The dip is told at most once: by the operation that meets it, or, where that had its
            # result already, by the next one. Behind the last transfer nothing can be noticed.
            first = dips.outcome(operation)
            dips.arm(None, 0.0)
            outcomes = [first, dips.outcome(operation), dips.outcome(operation)]
            failed = [each for each in outcomes if isinstance(each, BridgeError)]
            place = f"a dip after {step} of {steps} transfers: {outcomes}"
            assert len(failed) <= 1, place
            assert all(each.hint for each in failed), place
            assert first or step == steps, f"not true after {place}"
            assert all(outcomes[1:]), f"not true after {place}"
            seen = seen or "".join(map(str, failed))
    tally.add("fault", "radio: supply dips tried", tried, seen=seen)


@pytest.mark.parametrize("board", [GENERATION_C, VA], ids=["polled", "interrupt"])
def test_a_listener_is_never_deaf_for_long(board: BoardSpec, tally: Tally) -> None:
    dips = Dips(board)
    clock = dips.slots.clock
    watch: EventSource | None = None
    errors: list[BridgeError] = []
    heard: list[object] = []

    def look() -> float:
        """Do what a worker and a subscription do, and give the pause until the next look."""
        nonlocal watch
        try:
            if watch is None:
                watch = dips.module.received()
            heard.extend(each.values["payload"] for each in watch.look())
        except BridgeError as error:
            errors.append(error)
            dips.recover(error)
            assert watch is not None
            pause_s = watch.interval_s
            watch.close()
            watch = None
            return pause_s
        return watch.interval_s

    def run(seconds: float) -> None:
        end_s = clock.monotonic() + seconds
        while clock.monotonic() < end_s:
            clock.advance(look())

    run(1.0)
    # What one second with a packet in it costs, every transfer of which gets its dip.
    dips.arm(None, 0.0)
    dips.on_the_air(PAYLOAD, 0.1)
    run(1.0)
    assert heard == [PAYLOAD]
    steps = min(dips.transfers, 30)
    for step in range(steps + 1):
        for pause_s in (0.0, 0.01):
            errors.clear()
            heard.clear()
            dips.arm(step, pause_s)
            dips.on_the_air(PAYLOAD, 0.1)
            run(1.0)
            dips.arm(None, 0.0)
            run(BACK_S - 1.0)
            assert len(errors) <= 1, errors
            assert errors or heard == [PAYLOAD]
            assert dips.radio._mode == LISTENING, f"deaf after a dip at {step}"
            heard.clear()
            dips.slots.clock.advance(25.0)
            dips.send_to_it(b"again")
            run(1.1)
            assert heard == [b"again"]
    tally.add("fault", "radio: supply dips tried", 2 * (steps + 1))


def test_every_listener_is_told_once_and_packets_go_on() -> None:
    dips = Dips()
    first, second = dips.module.received(), dips.module.received()
    for each in (first, second):
        each.look()
    dips.dip()
    with pytest.raises(SupplyLostError, match="forgotten its settings"):
        first.look()
    first.close()
    dips.module.open()
    with pytest.raises(NotReadyError, match=r"did not listen for a moment.*forgotten"):
        second.look()
    assert second.look() == []
    dips.send_to_it(b"abc")
    assert [each.values["payload"] for each in second.look()] == [b"abc"]
    assert dips.module.counters().values == {
        "restarts": 1,
        "supply_losses": 1,
        "packets_sent": 0,
        "packets_received": 1,
        "packets_broken": 0,
    }


def test_setting_the_radio_hides_no_dip_from_those_who_listen() -> None:
    dips = Dips()
    watch = dips.module.received()
    watch.look()
    dips.dip()
    assert configure(dips)
    with pytest.raises(NotReadyError, match="forgotten"):
        watch.look()
    watch.look()
    dips.send_to_it(b"abc")
    assert [each.values["payload"] for each in watch.look()] == [b"abc"]
    assert dips.module.counters().values["supply_losses"] == 1
    # Nor does it lose what has come.
    dips.slots.clock.advance(25.0)
    dips.send_to_it(b"def")
    assert configure(dips)
    assert [each.values["payload"] for each in watch.look()] == [b"def"]


def test_what_came_before_the_dip_is_told_first() -> None:
    dips = Dips()
    watch = dips.module.received()
    watch.look()
    dips.send_to_it(b"before")
    dips.module.cad()  # fetches it
    watch.look()
    dips.send_to_it(b"before, too")
    dips.module.cad()
    dips.module.rssi()
    dips.dip()
    assert [each.values["payload"] for each in watch.look()] == [b"before, too"]
    with pytest.raises(NotReadyError, match="forgotten"):
        watch.look()


def test_the_check_of_the_supply_is_one_transfer_and_wakes_nobody() -> None:
    dips = Dips()
    module = dips.slots.module(1)
    dips.arm(None, 0.0)
    module.check_supply()
    assert dips.transfers == 0  # off
    watch = module.received()
    watch.look()
    dips.arm(None, 0.0)
    module.check_supply()
    assert dips.transfers == 1
    module.sleep()
    dips.arm(None, 0.0)
    module.check_supply()
    assert (dips.transfers, dips.slots.pin(1, "IO5")) == (0, 1)  # still asleep


def test_the_check_of_the_supply_notices_a_radio_that_stopped_listening() -> None:
    dips = Dips()
    watch = dips.module.received()
    watch.look()
    dips.radio.transfer(b"\x80\x00")  # as if by itself
    with pytest.raises(NotReadyError, match="stopped by itself") as stopped:
        dips.module.check_supply()
    assert not isinstance(stopped.value, SupplyLostError)
    with pytest.raises(NotReadyError, match="did not listen"):
        watch.look()
    watch.look()
    assert dips.radio._mode == LISTENING


def test_in_the_bridge_an_error_once_and_then_packets_again() -> None:
    with Rig() as rig:
        subscription = rig.result(
            b"a", "subscribe", module="RAK13300", slot=1, event="received", params={}
        )["subscription"]
        rig.advance(0.1)
        rig.result(b"a", "emulator.fault", slot=1, kind="power_cycle")
        for _ in range(100):
            rig.advance(0.02)
        rig.result(b"a", "emulator.set", slot=1, quantity="incoming", value=b"abc")
        for _ in range(30):
            rig.advance(0.02)
        error, packet = rig.events(b"a", subscription)
        assert error["error"]["code"] in {"not_ready", "no_device"}
        assert packet["readings"]["payload"] == b"abc"
