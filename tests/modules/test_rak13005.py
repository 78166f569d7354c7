"""RAK13005: the master of a LIN bus, its sleep, and everything that can go wrong on the wire."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.rig import Rig
from tests.modules.lin_slot import LinSlot, of

from wisblock_bridge.buses.emulated.uart import EmulatedSerialPort
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.errors import BridgeError, BusError, BusFault, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.tally import Tally

Map = dict[str, Any]
WHO = b"flow"
PORT = "/dev/ttyUSB0"
DOCUMENTED = bytes([0, 1, 2, 3, 255, 5, 6, 100])


@pytest.fixture
def slot() -> LinSlot:
    return LinSlot()


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig() as made:
        made.result(WHO, "hello", client="test", version="1")
        yield made


# -- frames over the bus --------------------------------------------------------------------------


def test_the_documented_frame_goes_over_the_bus_and_arrives(slot: LinSlot) -> None:
    readings = slot.make().send(1, DOCUMENTED)
    assert readings.values == {"frame": of("00 55 C1 00 01 02 03 FF 05 06 64 8A")}
    assert slot.sent == [of("00"), of("55 C1 00 01 02 03 FF 05 06 64 8A")]
    assert slot.get("received_1") == DOCUMENTED


def test_a_node_is_asked_and_answers(slot: LinSlot) -> None:
    module = slot.make()
    wanted = {"data": of("12 34 56 78 9A BC DE F0"), "checksum": "classic"}
    assert module.request(0x10).values == wanted
    slot.set("data_16", of("12 34 56 78"))
    assert module.request(0x10, 4).values["data"] == of("12 34 56 78")
    for checksum in ("enhanced", "auto"):
        readings = module.request(0x23, 4, checksum)
        assert readings.values == {"data": of("4A 55 93 E5"), "checksum": "enhanced"}
    assert slot.sent == [of(each) for each in ("00", "55 50") * 2 + ("00", "55 A3") * 2]


def test_building_and_parsing_use_no_bus(slot: LinSlot) -> None:
    """The documented builder and parser, byte for byte, with the port unplugged."""
    slot.set("line_fault", "unplugged")
    module = slot.make()
    frame = of("00 55 C1 00 01 02 03 FF 05 06 64 8A")
    assert module.build(1, DOCUMENTED).values == {"frame": frame}
    readings = module.parse(frame, 1, 8, "classic")
    assert readings.values == {
        "frames": [{"ID": 1, "length": 8, "data": DOCUMENTED, "checksum": "classic"}],
        "problems": [],
        "others": 0,
        "rest": b"",
    }
    assert (str(readings.quality), readings.note) == ("good", "")
    dirty = module.parse(b"\xa7" + frame + frame[:4])
    assert (str(dirty.quality), dirty.note) == ("uncertain", "1 bytes without a header: a7.")
    assert dirty.values["rest"] == frame[:4]
    assert (slot.line.port.accesses, slot.sent, slot.enable) == (0, [], 0)


# -- the break ------------------------------------------------------------------------------------


class Pulses:
    """Notes how long the line was low and at which rate characters came."""

    def __init__(self) -> None:
        self.low_s: list[float] = []
        self.characters: list[tuple[int, bytes]] = []

    def hear(self, data: bytes, settings: LineSettings) -> None:
        self.characters.append((settings.baud, data))
        if not any(data):
            self.low_s.append(9 / settings.baud)

    def hear_break(self, duration_s: float) -> None:
        self.low_s.append(duration_s)


@pytest.mark.parametrize(
    ("method", "bits"), [("auto", 13.0), ("low_rate", 13.0), ("half_rate", 18.0), ("timed", 13.0)]
)
@pytest.mark.parametrize("baud", [2400, 9600, 10417, 19200, 20000])
def test_every_break_is_real(slot: LinSlot, method: str, bits: float, baud: int) -> None:
    """At least 13 bits, and below the time-out of the transceiver, 8 ms at the earliest."""
    pulses = Pulses()
    slot.line.attach(pulses)
    module = slot.make()
    module.line(baud, method)
    module.send(1, DOCUMENTED)
    (low_s,) = pulses.low_s
    assert bits <= low_s * baud + 1e-9 < bits + 0.1
    assert low_s < 0.008
    assert pulses.characters[-1] == (baud, of("55 C1 00 01 02 03 FF 05 06 64 8A"))
    assert slot.line.port.settings == LineSettings(baud)
    assert module.state().values["break_method"] == ("low_rate" if method == "auto" else method)


class OtherPort:
    """A port whose way of making a break changes while the module is open."""

    def __init__(self, port: EmulatedSerialPort, monkeypatch: pytest.MonkeyPatch) -> None:
        self.impossible: set[int] = set()
        self.crooked: set[int] = set()
        self._configure, self._write = port.configure, port.write
        self._port = port
        monkeypatch.setattr(port, "configure", self.configure)

    def configure(self, settings: LineSettings) -> None:
        if settings.baud in self.impossible:
            raise BusError(BusFault.UNSUPPORTED, "It cannot be set like that.")
        self._configure(settings)
        if settings.baud in self.crooked:
            self._port._line.returned = lambda _: b"\xf0"
        else:
            self._port._line.returned = None


def test_a_way_to_make_breaks_that_is_possible_no_more_is_given_up(
    slot: LinSlot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another adapter answers to the same name after it was away."""
    port = OtherPort(slot.line.port, monkeypatch)
    module = slot.make()
    module.send(1, DOCUMENTED)
    assert module.state().values["break_method"] == "low_rate"
    port.impossible = {6643}
    module.send(1, DOCUMENTED)
    assert module.state().values["break_method"] == "half_rate"
    assert slot.get("received_1") == DOCUMENTED
    port.impossible = {4800}
    module.send(1, DOCUMENTED)
    assert module.state().values["break_method"] == "low_rate"


def test_a_break_that_comes_back_crooked_makes_the_next_another_one(
    slot: LinSlot, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = OtherPort(slot.line.port, monkeypatch)
    module = slot.make()
    module.send(1, DOCUMENTED)
    port.crooked = {6643}
    with pytest.raises(BusError, match="0xF0 came back"):
        module.send(1, DOCUMENTED)
    module.send(1, DOCUMENTED)
    assert module.state().values["break_method"] == "half_rate"


def test_a_longer_answer_than_expected_is_told_as_what_it_is(slot: LinSlot) -> None:
    module = slot.make()
    with pytest.raises(BridgeError) as caught:
        module.request(0x10, 4)
    assert caught.value.code is ErrorCode.CHECKSUM
    assert "has 8 bytes of data, 4 were expected: 12 34 56 78 9a bc de f0" in caught.value.message
    assert caught.value.hint == "It is whole: set the length to 8."
    assert module.request(0x10).values["data"] == of("12 34 56 78 9A BC DE F0")


def test_an_answer_that_a_short_slot_cut_off_is_not_the_next_ones(slot: LinSlot) -> None:
    """What is still under way is let pass; it is neither an echo nor a collision."""
    module = slot.make()
    master = module._use()
    with pytest.raises(BusError, match="No node answered") as caught:
        master.request(0x10, 8, "classic", 0.005)
    assert caught.value.code is ErrorCode.NO_DEVICE
    assert module.request(0x23, 4, "auto").values["data"] == of("4A 55 93 E5")


def test_the_rate_is_the_one_of_the_vendors_library(slot: LinSlot) -> None:
    pulses = Pulses()
    slot.line.attach(pulses)
    slot.make().send(1, DOCUMENTED)
    assert pulses.characters[0] == (6643, b"\0")


def test_a_zero_at_the_buss_own_rate_is_no_break(slot: LinSlot) -> None:
    """What the documented builder sends: nine bits, too short for a node that goes by the book."""
    slot.make().state()
    slot.make().wake()
    slot.line.port.write(of("00 55 C1 00 01 02 03 FF 05 06 64 8A"))
    assert slot.get("received_1") == b""


def refuse(
    monkeypatch: pytest.MonkeyPatch, rates: Callable[[int], bool], *, breaks: bool = False
) -> None:
    """Let the port know some rates only, and no breaks if so wished."""
    configure, send_break = EmulatedSerialPort.configure, EmulatedSerialPort.send_break

    def limited(self: EmulatedSerialPort, settings: LineSettings) -> None:
        if not rates(settings.baud):
            raise BusError(BusFault.UNSUPPORTED, "cannot be set like that")
        configure(self, settings)

    def timed(self: EmulatedSerialPort, duration_s: float) -> None:
        if breaks:
            raise BusError(BusFault.UNSUPPORTED, "cannot be set like that")
        send_break(self, duration_s)

    monkeypatch.setattr(EmulatedSerialPort, "configure", limited)
    monkeypatch.setattr(EmulatedSerialPort, "send_break", timed)


@pytest.mark.parametrize(
    ("rates", "wanted"),
    [((9600, 4800), "half_rate"), ((9600,), "timed"), ((9600, 6643), "low_rate")],
)
def test_the_break_is_chosen_by_what_the_port_can_do(
    slot: LinSlot, monkeypatch: pytest.MonkeyPatch, rates: tuple[int, ...], wanted: str
) -> None:
    refuse(monkeypatch, lambda baud: baud in rates)
    module = slot.make()
    assert module.request(0x10).values["data"] == of("12 34 56 78 9A BC DE F0")
    assert module.state().values["break_method"] == wanted


def test_a_port_that_can_make_no_break(slot: LinSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, lambda baud: baud == 9600, breaks=True)
    module = slot.make()
    with pytest.raises(BusError, match="cannot make a LIN break by low_rate or half_rate or t"):
        module.request(0x10)
    module.line(9600, "timed")
    with pytest.raises(BusError, match="cannot make a LIN break by timed") as caught:
        module.request(0x10)
    assert "Choose another break method" in caught.value.hint


@pytest.mark.parametrize(
    ("method", "zeros"),
    [("low_rate", 1), ("low_rate", 2), ("timed", 0), ("timed", 1), ("timed", 2)],
)
def test_a_break_may_come_back_twice_or_not_at_all(slot: LinSlot, method: str, zeros: int) -> None:
    """With low_rate the echo of the break is waited for; a timed one some ports do not report."""
    slot.line.returned = lambda data: data if data.strip(b"\0") else bytes(zeros)
    module = slot.make()
    module.line(9600, method)
    assert module.request(0x10).values["data"] == of("12 34 56 78 9A BC DE F0")


# -- the transceiver ------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [1, 2])
def test_the_transceiver_is_on_only_while_the_bus_is_used(number: int) -> None:
    slot = LinSlot(number)
    module = slot.make()
    assert slot.enable == 0
    slot.levels.clear()
    module.request(0x10)
    assert slot.enable == 1
    module.open()  # again, as after a failure of the bus: nothing is dropped
    assert slot.levels == [("IO6", 1)]  # MCU_WK was high by its pull-up already
    module.close()
    module.close()
    assert slot.get("transceiver_on") is False
    assert slot.levels == [("IO6", 1), ("IO6", 0)]
    assert slot.line.port.descriptor is None


def test_a_transceiver_that_a_killed_bridge_left_on_is_switched_off() -> None:
    slot = LinSlot()
    slot.make().request(0x10)
    again = slot.make()
    assert slot.enable == 0
    again.close()
    assert slot.get("transceiver_on") is False


def test_it_is_not_spoken_to_before_it_is_on(slot: LinSlot) -> None:
    module = slot.make()
    slot.clock.sleeps.clear()
    module.request(0x10)
    assert slot.clock.sleeps[0] == pytest.approx(0.001)  # at least 150 µs after EN
    slot.board.slots[1].wire("IO6").drive("outside", 0)
    with pytest.raises(BusError, match="switched off: its line EN is low although"):
        module.request(0x10)


def test_sleep_and_wake(slot: LinSlot) -> None:
    module = slot.make()
    module.request(0x10)
    slot.line.transmissions.clear()
    assert module.sleep().values == {"awake": False}
    assert slot.sent == [of("00"), of("55 3C 00 FF FF FF FF FF FF FF 00")]
    assert (slot.get("nodes_asleep"), slot.get("transceiver_on")) == (True, False)
    assert module.state().values["awake"] is False
    slot.line.transmissions.clear()
    assert module.wake().values == {"awake": True}
    assert slot.sent == [b"\0"]
    assert (slot.get("nodes_asleep"), slot.get("transceiver_on")) == (False, True)
    before = slot.clock.monotonic()
    assert module.request(0x10).values["data"] == of("12 34 56 78 9A BC DE F0")
    assert slot.clock.monotonic() - before > 0.1  # nodes may take so long


def test_nodes_that_sleep_do_not_answer(slot: LinSlot) -> None:
    module = slot.make()
    module.sleep()
    with pytest.raises(BusError, match="No node answered the identifier 0x10"):
        module.request(0x10)  # its break wakes the nodes, too late for this header


# -- what can go wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["low_rate", "half_rate", "timed"])
@pytest.mark.parametrize(
    ("bus", "words", "hint"),
    [
        ("no_supply", "The LIN bus is silent: nothing of what was sent came back", "27 V at VIN"),
        ("dominant", "The bus is stuck dominant", "short from BUS to GND"),
        ("collision", "Collision: 0x50 was sent as byte 2 and 0x00 came back", "another master"),
    ],
)
def test_a_bus_that_fails(
    slot: LinSlot, method: str, bus: str, words: str, hint: str, tally: Tally
) -> None:
    module = slot.make()
    module.line(9600, method)
    module.request(0x10)
    slot.set("bus", bus)
    with pytest.raises(BusError, match=re.escape(words)) as caught:
        module.request(0x10)
    assert hint in caught.value.hint
    tally.add("fault", f"LIN bus: {bus}", 2, seen=str(caught.value))
    assert (caught.value.code, caught.value.where) == (ErrorCode.BUS_ERROR, PORT)
    with pytest.raises(BusError):
        module.send(0x10, DOCUMENTED)
    slot.set("bus", "good")
    assert module.request(0x10).values["data"] == of("12 34 56 78 9A BC DE F0")


def test_half_of_an_echo(slot: LinSlot) -> None:
    module = slot.make()
    module.request(0x10)
    slot.line.returned = lambda data: data[: (len(data) + 1) // 2]
    with pytest.raises(BusError, match="Only 6 of 11 bytes came back from the bus"):
        module.send(1, DOCUMENTED)


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("silence", ErrorCode.NO_DEVICE, r"No node answered the identifier 0x10 within 113 ms"),
        ("late", ErrorCode.NO_DEVICE, r"No node answered the identifier 0x10 within 113 ms"),
        ("truncated", ErrorCode.CHECKSUM, r"0x10 broke off: 4 of 9 bytes, 12 34 56 78"),
        ("noise", ErrorCode.CHECKSUM, r"\(12 34 56 78 8a bc de f0\) have 0x.. \(classic\) or 0x"),
    ],
)
def test_an_answer_that_fails(
    slot: LinSlot, fault: str, code: ErrorCode, words: str, tally: Tally
) -> None:
    module = slot.make()
    module.request(0x10)
    slot.set("line_fault", fault)
    with pytest.raises(BridgeError, match=words) as caught:
        module.request(0x10)
    assert caught.value.code is code
    assert caught.value.hint
    tally.add("fault", f"LIN answer: {fault}", seen=str(caught.value))
    slot.set("line_fault", "none")
    slot.clock.advance(2.0)  # what came late is over
    assert module.request(0x10).values["data"] == of("12 34 56 78 9A BC DE F0")
    counters = module.state().values
    assert counters["unanswered"] + counters["damaged"] == 1


def test_the_other_checksum_and_another_length_are_named(slot: LinSlot) -> None:
    module = slot.make()
    with pytest.raises(
        BridgeError, match=r"0x43; these data .* 0xE6 \(classic\) or 0x43"
    ) as caught:
        module.request(0x23, 4)
    assert caught.value.hint == "It fits as enhanced: set the checksum to that."
    with pytest.raises(BridgeError, match="5 of 9 bytes") as caught:
        module.request(0x23, 8)
    assert caught.value.hint == "It is a whole answer of 4 bytes: set the length to that."


def test_the_port_goes_at_every_step_and_comes_back(slot: LinSlot) -> None:
    """Each use of the port in turn fails; told in words each time, and over afterwards."""
    module = slot.make()
    module.request(0x10)
    port: Any = slot.line.port
    look, steps = port._look, 0
    told: list[tuple[BusFault, str]] = []
    while True:
        left = steps

        def failing() -> None:
            nonlocal left
            if left == 0:
                slot.line.plugged = False
            left -= 1
            look()

        port._look = failing
        try:
            module.request(0x10)
        except BusError as error:
            told.append((error.fault, error.message))
        else:
            break
        finally:
            port._look = look
            slot.line.plugged = True
        module.open()
        slot.clock.advance(0.1)
        assert module.request(0x10).values["data"] == of("12 34 56 78 9A BC DE F0")
        steps += 1
    assert len(told) == steps > 6
    assert set(told) == {(BusFault.MISSING, f"{PORT} has gone: the adapter was unplugged.")}


def test_ten_thousand_random_echoes_and_answers(slot: LinSlot, tally: Tally) -> None:
    """Whatever comes back, the master tells it in documented errors."""
    chance = random.Random(1305)  # noqa: S311
    module = slot.make()
    module.request(0x10)
    slot.emulated.nodes.published[0x10].data = b"\x01"
    slot.line.returned = lambda data: (
        data if chance.random() < 0.6 else chance.randbytes(chance.randrange(len(data) + 2))
    )
    good = 0
    for _ in range(10_000):
        slot.emulated.nodes.published[0x10].data = chance.randbytes(chance.randrange(1, 9))
        try:
            module.request(0x10, chance.randrange(1, 9), "auto")
            good += 1
        except BridgeError as error:
            assert error.code in {ErrorCode.BUS_ERROR, ErrorCode.CHECKSUM, ErrorCode.NO_DEVICE}  # noqa: PT017
            assert error.hint  # noqa: PT017
    assert 50 < good < 9_000
    tally.add("bad_input", "random echoes and answers on a LIN bus", 10_000, seed="1305")
