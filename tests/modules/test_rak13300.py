"""RAK13300: what one radio sends, the other receives; and nothing leaves that may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from tests.bridge.rig import Rig
from tests.modules.radio_slots import RadioSlots

from wisblock_bridge.boards.rak6421 import RAK6421_BOARDS
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.errors import (
    BadParamsError,
    BridgeError,
    BusError,
    BusyError,
    ClosingError,
    DeviceError,
    ForbiddenError,
    NotReadyError,
)
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.reservations import Holder, Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tally import Tally

    from wisblock_bridge.module_api import Result
    from wisblock_bridge.modules.lora.rak13300 import RAK13300


@pytest.fixture
def slots() -> RadioSlots:
    return RadioSlots()


@pytest.fixture
def pair(slots: RadioSlots) -> tuple[RAK13300, RAK13300]:
    made = slots.module(1), slots.module(2)
    for each in made:
        each.configure("US915", preset="python_example")  # type: ignore[arg-type]
    return made


def no_command_was_lost(slots: RadioSlots) -> bool:
    return [slots.emulated(slot).radio.lost_commands for slot in (1, 2)] == [0, 0]


# -- what it is for -------------------------------------------------------------------------------


def test_from_slot_to_slot(slots: RadioSlots, pair: tuple[RAK13300, RAK13300]) -> None:
    sender, receiver = pair
    watch = receiver.received()
    assert watch.look() == []
    sent = sender.send(b"HeLoRa World!\0\x07").values
    assert sent == {"time_on_air": pytest.approx(50.432), "duty_wait": 0.0, "sent": True}
    (found,) = watch.look()
    assert found.values == {
        "payload": b"HeLoRa World!\0\x07",
        "rssi": -43.0,  # 17 dBm less 60 dB
        "snr": 13.0,
        "frequency_error": 0.0,
        "intact": True,
        "broken": 0,
    }
    assert watch.look() == []
    watch.close()
    assert no_command_was_lost(slots)


@pytest.mark.parametrize(("here", "there"), [("private", 0x12), (0x34, "public"), (0x2B, 0x24B4)])
def test_one_byte_as_sync_word_reaches_who_has_the_same(
    slots: RadioSlots, here: int | Literal["private"], there: int | Literal["public"]
) -> None:
    sender, receiver = slots.module(1), slots.module(2)
    sender.configure("EU868", sync_word=here)  # type: ignore[arg-type]
    receiver.configure("EU868", sync_word=there)  # type: ignore[arg-type]
    watch = receiver.received()
    watch.look()
    sender.send(b"abc")
    assert [each.values["payload"] for each in watch.look()] == [b"abc"]


def test_receive(slots: RadioSlots, pair: tuple[RAK13300, RAK13300]) -> None:
    slots.board.set(2, "incoming", b"from far away")
    slots.clock.advance(0.02)  # its preamble is over before the radio listens
    found = pair[1].receive(1000).values
    assert found == {"received": False, "broken": 0}
    watch = pair[1].received()
    watch.look()
    slots.board.set(2, "incoming", b"from far away")
    found = pair[1].receive(1000).values
    assert (found["received"], found["payload"]) == (True, b"from far away")
    assert [each.values["payload"] for each in watch.look()] == [b"from far away"]


def test_receive_waits_as_long_as_told_and_no_longer(
    slots: RadioSlots, pair: tuple[RAK13300, RAK13300]
) -> None:
    before = slots.clock.monotonic()
    transfers = slots.board.spi_bus.transfers
    assert pair[0].receive(2000).values["received"] is False
    assert slots.clock.monotonic() - before == pytest.approx(2.0, abs=0.05)
    # a short question every 5 ms, and no look at BUSY with it
    assert slots.board.spi_bus.transfers - transfers < 500


def test_receive_gives_way(slots: RadioSlots, pair: tuple[RAK13300, RAK13300]) -> None:
    begun = slots.clock.monotonic()
    slots.desks[1].waiting = lambda: int(slots.clock.monotonic() > begun + 0.5)
    assert pair[0].receive(60_000).values["received"] is False
    assert slots.clock.monotonic() - begun == pytest.approx(0.5, abs=0.05)


def test_broken_packets(slots: RadioSlots, pair: tuple[RAK13300, RAK13300]) -> None:
    sender, receiver = pair
    strict, curious = receiver.received(), receiver.received(broken_too=True)
    strict.look()
    for fate in ("lost", "crc_error", "header_error"):
        slots.board.set(2, "next_packet", fate)
        sender.send(b"abc")
        assert strict.look() == []
    (told,) = curious.look()
    assert told.values["intact"] is False
    assert told.values["payload"] != b"abc"
    sender.send(b"abc")
    (good,) = strict.look()
    assert (good.values["payload"], good.values["broken"]) == (b"abc", 2)


def test_a_good_packet_behind_a_broken_one_stays_good(
    slots: RadioSlots, pair: tuple[RAK13300, RAK13300]
) -> None:
    watch = pair[1].received()
    watch.look()
    slots.board.set(2, "next_packet", "header_error")
    pair[0].send(b"abc")
    pair[0].send(b"def")
    slots.clock.advance(0.1)
    (told,) = watch.look()  # both are reported at once
    assert (told.values["payload"], told.values["broken"]) == (b"def", 1)
    counted = pair[1].counters().values
    assert (counted["packets_received"], counted["packets_broken"]) == (1, 1)
    assert pair[0].counters().values["packets_sent"] == 2


def test_collision(slots: RadioSlots, pair: tuple[RAK13300, RAK13300]) -> None:
    watch = pair[1].received()
    watch.look()
    slots.board.set(2, "path_loss", 57.0)
    slots.board.set(2, "incoming", b"at the same time")
    pair[0].send(b"abc")
    slots.clock.advance(0.2)
    assert watch.look() == []


def test_activity(slots: RadioSlots, pair: tuple[RAK13300, RAK13300]) -> None:
    assert pair[0].cad().values == {"busy": False}
    slots.board.set(1, "incoming", bytes(100))
    assert pair[0].cad().values == {"busy": True}


@pytest.mark.parametrize("dbm", [-115.0, -90.5, -20.0])
def test_level_of_the_channel(slots: RadioSlots, dbm: float) -> None:
    module = slots.module(1)
    slots.board.set(1, "rssi", dbm)
    assert module.rssi().values == {"rssi": dbm}


def test_without_a_header(slots: RadioSlots) -> None:
    sender, receiver = slots.module(1), slots.module(2)
    for each in (sender, receiver):
        each.configure("EU868", header="implicit", payload_length=4)  # type: ignore[arg-type]
    watch = receiver.received()
    watch.look()
    sender.send(b"abcd")
    assert [each.values["payload"] for each in watch.look()] == [b"abcd"]
    with pytest.raises(BadParamsError, match="4 bytes, this one 5"):
        sender.send(b"abcde")


def test_listening_goes_on_after_everything_else(
    slots: RadioSlots, pair: tuple[RAK13300, RAK13300]
) -> None:
    sender, receiver = pair
    watch = receiver.received()
    watch.look()
    others: tuple[Callable[[], object], ...] = (
        receiver.rssi,
        receiver.cad,
        lambda: receiver.send(b"own"),
        lambda: receiver.receive(50),
        lambda: receiver.make_safe("radio"),
        lambda: receiver.configure("US915", preset="python_example"),  # type: ignore[arg-type]
    )
    for number, other in enumerate(others):
        other()
        watch.look()
        sender.send(bytes([number]))
        slots.clock.advance(5.0)
        assert [each.values["payload"] for each in watch.look()] == [bytes([number])], number


def test_on_a_board_with_interrupts_the_radio_tells_by_itself() -> None:
    slots = RadioSlots(next(each for each in RAK6421_BOARDS if each.variant == "VA"))
    sender, receiver = slots.module(1), slots.module(2)
    for each in (sender, receiver):
        each.configure("EU868")  # type: ignore[arg-type]
    watch, second = receiver.received(), receiver.received()
    assert watch.descriptor is not None
    assert second.descriptor is None
    assert (watch.interval_s, second.interval_s) == (0.5, 0.02)
    watch.look()
    sender.send(b"abc")
    assert slots.pin(2, "IO6") == 1
    assert len(watch.look()) == len(second.look()) == 1
    assert slots.pin(2, "IO6") == 0
    watch.close()
    watch.close()
    third = receiver.received()
    assert third.descriptor is not None
    third.close()


# -- what may be sent -----------------------------------------------------------------------------


def test_nothing_is_sent_before_a_region_was_chosen(slots: RadioSlots) -> None:
    module = slots.module(1)
    transfers = slots.board.spi_bus.transfers
    with pytest.raises(ForbiddenError, match="before a region was chosen"):
        module.send(b"abc")
    assert slots.board.spi_bus.transfers == transfers
    assert module.settings().values["region"] == ""


def test_settings(slots: RadioSlots) -> None:
    module = slots.module(1)
    told = module.configure("EU868", frequency=869.525, power=22)  # type: ignore[arg-type]
    assert told.values == module.settings().values
    assert told.values == {
        "region": "EU868",
        "frequency": 869.525,
        "bandwidth": 125.0,
        "spreading_factor": 7,
        "power": 22,
        "longest_payload": 255,
        "duty_cycle": 10.0,
    }


def test_the_duty_cycle_is_kept_and_the_refusal_says_when(slots: RadioSlots) -> None:
    module = slots.module(1)
    module.configure("EU868", spreading_factor=12)  # type: ignore[arg-type]
    # of 2465.792 ms each, in 36 s
    waits = [module.send(bytes(51)).values["duty_wait"] for _ in range(14)]
    assert waits[:-1] == [0.0] * 13
    assert waits[-1] == pytest.approx(3_600_000 - 13 * 2470, abs=400)
    with pytest.raises(ForbiddenError, match=r"1 % of each hour\) is used up; .* in 60 min") as no:
        module.send(bytes(51))
    assert no.value.data["wait_ms"] == pytest.approx(waits[-1], abs=400)
    assert len(slots.emulated(1).radio.sent) == 14
    slots.clock.advance(float(str(no.value.data["wait_ms"])) / 1000.0)
    assert module.send(bytes(51)).values["sent"] is True


def test_dwell_time(slots: RadioSlots) -> None:
    module = slots.module(1)
    told = module.configure("US915", spreading_factor=10).values  # type: ignore[arg-type]
    longest = told["longest_payload"]
    assert isinstance(longest, int)
    with pytest.raises(ForbiddenError, match=r"allows 400 ms") as caught:
        module.send(bytes(longest + 1))
    assert f"at most {longest} bytes" in caught.value.hint
    assert module.send(bytes(longest)).values["sent"] is True
    with pytest.raises(ForbiddenError, match="400 ms within 20 s"):
        module.send(bytes(longest))


def test_delayed_packets_leave_when_they_may(slots: RadioSlots) -> None:
    module = slots.module(1)
    module.configure("US915")  # type: ignore[arg-type]
    module.send(bytes(200))
    late = module.send(b"later", when_full="queue").values
    assert late["sent"] is True  # it still fits
    told = [module.send(bytes([number]) * 100, when_full="queue").values for number in (1, 2)]
    assert [each["sent"] for each in told] == [False, False]
    assert told[0]["duty_wait"] == pytest.approx(20_000, abs=500)
    slots.desks[1].pass_time(19.0)
    assert len(slots.emulated(1).radio.sent) == 2
    slots.desks[1].pass_time(2.0)
    assert [each[0] for each in slots.emulated(1).radio.sent[2:]] == [1, 2]


def test_a_delayed_packet_is_told_to_wait_for_those_before_it(slots: RadioSlots) -> None:
    module = slots.module(1)
    module.configure("US915")  # type: ignore[arg-type]
    airtime = module.send(bytes(200)).values["time_on_air"]
    began = slots.clock.monotonic()
    assert isinstance(airtime, float)
    told = [module.send(bytes(200), when_full="queue").values["duty_wait"] for _ in range(3)]
    for number, wait in enumerate(told, start=1):
        assert wait == pytest.approx(number * 20_000 + (number - 1) * airtime, abs=50)
    for number in (1, 2, 3):
        due_s = began + number * 20.0 + (number - 1) * airtime / 1000.0
        slots.desks[1].pass_time(due_s - 0.5 - slots.clock.monotonic())
        assert len(slots.emulated(1).radio.sent) == number
        slots.desks[1].pass_time(1.0)
        assert len(slots.emulated(1).radio.sent) == number + 1


def test_a_channel_in_two_sub_bands_uses_up_both(slots: RadioSlots) -> None:
    module = slots.module(1)
    module.configure("EU868", frequency=868.0, spreading_factor=12)  # type: ignore[arg-type]
    for _ in range(14):
        module.send(bytes(51))
    for mhz in (866.0, 868.3, 868.0):
        module.configure("EU868", frequency=mhz, spreading_factor=12)  # type: ignore[arg-type]
        with pytest.raises(ForbiddenError, match="used up"):
            module.send(bytes(51))
    module.configure("EU868", frequency=869.525, spreading_factor=12)  # type: ignore[arg-type]
    assert module.send(bytes(51)).values["sent"] is True


def test_in_korea_one_listens_before_one_talks(slots: RadioSlots) -> None:
    module = slots.module(1)
    module.configure("KR920")  # type: ignore[arg-type]
    slots.board.set(1, "rssi", -65.0)
    before = slots.clock.monotonic()
    sent = module.send(b"abc").values
    assert (sent["sent"], sent["duty_wait"]) == (True, 0.0)
    assert slots.clock.monotonic() - before >= 0.006
    slots.board.set(1, "rssi", -64.0)
    with pytest.raises(ForbiddenError, match=r"-64 dBm, and at most -65 dBm") as taken:
        module.send(b"abc")
    assert taken.value.data == {"wait_ms": 100, "rssi": -64.0}
    assert len(slots.emulated(1).radio.sent) == 1
    late = [module.send(data, when_full="queue").values for data in (b"1st", b"2nd")]
    assert [each["sent"] for each in late] == [False, False]
    slots.desks[1].pass_time(5.0)
    assert len(slots.emulated(1).radio.sent) == 1
    slots.board.set(1, "rssi", -90.0)
    slots.desks[1].pass_time(1.0)
    assert slots.emulated(1).radio.sent[1:] == [b"1st", b"2nd"]


@pytest.mark.parametrize("end", ["make_safe", "sleep", "close"])
def test_delayed_packets_are_dropped(slots: RadioSlots, end: str) -> None:
    module = slots.module(1)
    module.configure("US915")  # type: ignore[arg-type]
    module.send(bytes(200))
    for _ in range(16):
        assert module.send(bytes(200), when_full="queue").values["sent"] is False
    with pytest.raises(BusyError, match="16 packets"):
        module.send(bytes(200), when_full="queue")
    if end == "make_safe":
        module.make_safe("radio")
    else:
        getattr(module, end)()
    slots.desks[1].pass_time(1000.0)
    assert len(slots.emulated(1).radio.sent) == 1


def test_a_restart_remembers_the_choice_and_what_was_sent(slots: RadioSlots) -> None:
    module = slots.module(1)
    module.configure("US915", spreading_factor=9, power=5)  # type: ignore[arg-type]
    module.send(bytes(50))
    before = module.settings().values
    slots.desks[1].pass_time(1.0)
    module.close()
    again = slots.module(1)
    assert again.settings().values == before
    with pytest.raises(ForbiddenError, match="used up"):
        again.send(bytes(50))
    slots.clock.advance(20.0)
    again.send(bytes(50))
    assert len(slots.emulated(1).radio.sent) == 2


def test_what_was_sent_is_written_down_without_a_close(slots: RadioSlots) -> None:
    module = slots.module(1)
    module.configure("US915")  # type: ignore[arg-type]
    module.send(b"abc")
    assert slots.memories[1].recall()["sent"] == {}
    slots.desks[1].pass_time(31.0)
    assert slots.memories[1].recall()["sent"] != {}


# -- safety ---------------------------------------------------------------------------------------


def test_opened_it_is_off(slots: RadioSlots) -> None:
    slots.module(1)
    assert (slots.pin(1, "IO4"), slots.pin(1, "IO3")) == (0, 0)
    assert slots.board.spi_bus.transfers == 0


def test_in_use_the_antenna_switch_has_its_supply(slots: RadioSlots) -> None:
    module = slots.module(1)
    module.rssi()
    assert (slots.pin(1, "IO4"), slots.pin(1, "IO3")) == (1, 1)
    module.sleep()
    assert slots.pin(1, "IO3") == 0
    assert slots.pin(1, "IO5") == 1  # asleep
    module.rssi()
    assert slots.pin(1, "IO3") == 1
    module.close()
    assert (slots.pin(1, "IO3"), slots.pin(1, "IO5")) == (0, 1)


def test_a_sleeping_radio_is_not_woken_by_those_who_listen(
    slots: RadioSlots, pair: tuple[RAK13300, RAK13300]
) -> None:
    watch = pair[1].received()
    watch.look()
    pair[1].sleep()
    transfers = slots.board.spi_bus.transfers
    assert watch.look() == []
    assert slots.board.spi_bus.transfers == transfers
    pair[1].rssi()
    pair[0].send(b"abc")
    assert [each.values["payload"] for each in watch.look()] == [b"abc"]


def test_a_new_bridge_resets_a_radio_that_a_killed_one_left(slots: RadioSlots) -> None:
    module = slots.module(1)
    module.received().look()
    slots.module(1)
    assert (slots.pin(1, "IO4"), slots.pin(1, "IO3")) == (0, 0)


def test_a_close_breaks_a_transmission_off(slots: RadioSlots) -> None:
    module = slots.module(1)
    module.configure("EU868", spreading_factor=12)  # type: ignore[arg-type]
    slots.desks[1].closing = True
    before = slots.clock.monotonic()
    with pytest.raises(ClosingError):
        module.send(bytes(51))
    assert slots.clock.monotonic() - before < 0.3
    assert slots.emulated(1).radio.sent == []
    module.close()
    assert slots.pin(1, "IO3") == 0


# -- what can go wrong ----------------------------------------------------------------------------


def test_busy_stuck(slots: RadioSlots, pair: tuple[RAK13300, RAK13300], tally: Tally) -> None:
    slots.board.set(1, "busy_stuck", value=True)
    before = slots.clock.monotonic()
    with pytest.raises(NotReadyError, match="BUSY"):
        pair[0].send(b"abc")
    with pytest.raises(NotReadyError, match="1000 ms") as caught:
        pair[0].rssi()
    tally.add("fault", "radio: BUSY stuck", 2, seen=str(caught.value))
    assert slots.clock.monotonic() - before < 2.0
    slots.board.set(1, "busy_stuck", value=False)
    assert pair[0].send(b"abc").values["sent"] is True


def test_a_transmission_that_does_not_end(
    slots: RadioSlots, pair: tuple[RAK13300, RAK13300], tally: Tally
) -> None:
    slots.board.set(1, "transmitter_stuck", value=True)
    before = slots.clock.monotonic()
    with pytest.raises(NotReadyError, match="did not finish") as caught:
        pair[0].send(b"abc")
    tally.add("fault", "radio: a transmission that does not end", seen=str(caught.value))
    assert slots.clock.monotonic() - before < 1.0
    slots.board.set(1, "transmitter_stuck", value=False)
    assert pair[0].send(b"abc").values["sent"] is True


def test_a_dead_oscillator(slots: RadioSlots, tally: Tally) -> None:
    slots.board.set(1, "oscillator_dead", value=True)
    module = slots.module(1)
    with pytest.raises(NotReadyError, match="TCXO") as caught:
        module.rssi()
    tally.add("fault", "radio: oscillator dead", seen=str(caught.value))
    assert slots.pin(1, "IO3") == 0


def test_an_empty_slot(slots: RadioSlots) -> None:
    module = slots.module(1)
    slots.board.unplug(1)
    with pytest.raises(DeviceError, match="missing"):
        module.rssi()
    module.close()


def everything(slots: RadioSlots, module: RAK13300) -> list[Result]:
    """Use every operation once."""
    module.open()
    found = [module.configure("IN865"), module.send(b"abc")]  # type: ignore[arg-type]
    found += [module.rssi(), module.cad(), module.receive(20)]
    watch = module.received()
    try:
        watch.look()
        slots.board.set(1, "incoming", b"x")
        slots.clock.advance(0.1)
        found += watch.look()
    finally:
        watch.close()
    module.sleep()
    return found


SPI_WORDS = {
    FaultKind.EIO: "transfer broken off",
    FaultKind.NACK: "all ones",
    FaultKind.STUCK: "all zeros",
}


@pytest.mark.parametrize("kind", SPI_WORDS)
def test_a_failure_at_each_transfer_in_turn(kind: FaultKind, tally: Tally) -> None:
    slots = RadioSlots()
    module = slots.module(1)
    select = "/dev/spidev0.0"
    everything(slots, module)
    steps = slots.board.spi_bus.transfers
    assert len(everything(slots, module)) == 6
    outcomes, seen = {"failed": 0, "unnoticed": 0}, ""
    for step in range(steps):
        slots.board.spi_bus.fail(select, Fault(kind, step, 1))
        try:
            everything(slots, module)
            outcomes["unnoticed"] += 1
        except (BusError, DeviceError) as error:
            assert error.hint  # noqa: PT017  (what is raised differs from step to step)
            assert select in error.where  # noqa: PT017
            seen = seen or str(error)
            outcomes["failed"] += 1
        slots.board.spi_bus.fail(select, None)
        assert len(everything(slots, module)) == 6, f"does not work after a failure at {step}"
    # A write that nobody heard is not noticed: there is no acknowledge on SPI.
    # The end of a look-out and going to sleep do not fail: the radio is reset instead.
    assert outcomes["failed"] >= (steps - 4 if kind is FaultKind.EIO else 10), outcomes
    tally.add("fault", f"{SPI_WORDS[kind]}, at each SPI transfer in turn", steps, seen=seen)


@pytest.mark.parametrize("kind", [FaultKind.NACK, FaultKind.EIO])
def test_a_failure_of_the_expander_at_each_transaction_in_turn(kind: FaultKind) -> None:
    slots = RadioSlots()
    module = slots.module(1)
    before = slots.board.bus.transactions
    everything(slots, module)
    steps = slots.board.bus.transactions - before
    for step in range(0, steps, 3):
        slots.board.bus.fail(0x26, Fault(kind, step, 1))
        try:
            everything(slots, module)
        except BridgeError as error:
            assert isinstance(error, BusError)  # noqa: PT017
        slots.board.bus.fail(0x26, None)
        assert len(everything(slots, module)) == 6, f"does not work after a failure at {step}"


def test_closing_works_while_nothing_answers(slots: RadioSlots) -> None:
    module = slots.module(1)
    module.configure("EU868")  # type: ignore[arg-type]
    module.rssi()
    slots.board.spi_bus.fail("/dev/spidev0.0", Fault(FaultKind.EIO))
    module.close()
    assert (slots.pin(1, "IO4"), slots.pin(1, "IO3")) == (0, 0)  # held in reset instead


# -- in the bridge --------------------------------------------------------------------------------


def test_both_slots_share_the_bus_and_nobody_else_gets_its_lines() -> None:
    with Rig() as rig:
        slots: tuple[Literal[1, 2], ...] = (1, 2)
        for slot in slots:
            assert rig.invoke(b"a", "RAK13300", slot, "rssi")["rssi"] == -110.0
        lines = rig.board.board.slots[1].spi_lines

        def holders() -> list[Holder | None]:
            reservations = rig.slot_manager.reservations
            pins = ("SPI_CS", "SPI_CLK", "SPI_MOSI", "SPI_MISO")
            return [reservations.holder(Line(lines[pin])) for pin in pins]

        assert holders() == [Place("RAK13300", 1)] * 4
        rig.result(b"a", "release", module="RAK13300", slot=1)
        assert holders() == [None] + [Place("RAK13300", 2)] * 3
        rig.result(b"a", "release", module="RAK13300", slot=2)
        assert holders() == [None] * 4


def test_what_a_region_does_not_allow_is_refused_before_anything_is_sent() -> None:
    with Rig() as rig:
        error = rig.refused(b"a", "RAK13300", 1, "configure", region="EU868", frequency=915.0)
        assert error["code"] == "bad_params"
        assert error["data"]["param"] == "frequency"
        assert rig.board.spi_bus.transfers == 0
