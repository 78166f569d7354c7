"""The Modbus master: bytes as in the specification, and everything a line can do to them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.errors import (
    BusError,
    BusFault,
    ChecksumError,
    ErrorCode,
    RemoteExceptionError,
)
from wisblock_bridge.modules.modbus import frames
from wisblock_bridge.modules.modbus.master import Master
from wisblock_bridge.modules.modbus.numbers import number, register_count, scaled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.tally import Tally

    from wisblock_bridge.modules.modbus.frames import Request
    from wisblock_bridge.modules.modbus.numbers import NumberType, WordOrder

SETTINGS = LineSettings(9600)


def of(text: str) -> bytes:
    return bytes.fromhex(text)


READ_COIL = frames.read("coils", 42, 0, 1)
READ_BOTH = frames.read("holding_registers", 42, 0, 2)
READ_FIRST = frames.read("holding_registers", 42, 0, 1)
READ_SECOND = frames.read("holding_registers", 42, 1, 1)
COIL_ON = frames.write_coil(42, 0, on=True)
BOTH = of("2A 03 04 00 23 0A 05 56 58")
FIRST = of("2A 03 02 00 33 DC 57")
SECOND = of("2A 03 02 0B BD 5B 03")

REQUESTS = [
    (READ_COIL, "2A 01 00 00 00 01 FB D1"),
    (COIL_ON, "2A 05 00 00 FF 00 8A 21"),
    (frames.write_coil(42, 0, on=False), "2A 05 00 00 00 00 CB D1"),
    (READ_BOTH, "2A 03 00 00 00 02 C2 10"),
    (READ_FIRST, "2A 03 00 00 00 01 82 11"),
    (READ_SECOND, "2A 03 00 01 00 01 D3 D1"),
    (frames.read("holding_registers", 42, 5, 2), "2A 03 00 05 00 02 D2 11"),
    (frames.read("input_registers", 42, 0, 1), "2A 04 00 00 00 01 37 D1"),
    (frames.read("holding_registers", 1, 0, 10), "01 03 00 00 00 0A C5 CD"),
    (frames.write_register(42, 0, 0x1234), "2A 06 00 00 12 34 82 A6"),
    (frames.write_registers(42, 0, [1, 2]), "2A 10 00 00 00 02 04 00 01 00 02 AD 4A"),
    (frames.write_coils(42, 0, [True]), "2A 0F 00 00 00 01 01 01 AC FC"),
    # MODBUS Application Protocol 1.1b3, 6.16 and 6.17, with the unit 1 before and a checksum after.
    (frames.mask_write(1, 4, 0x00F2, 0x0025), "01 16 00 04 00 F2 00 25 67 EE"),
    (
        frames.read_write(1, 3, 6, 14, [0x00FF, 0x00FF, 0x00FF]),
        "01 17 00 03 00 06 00 0E 00 03 06 00 FF 00 FF 00 FF 46 91",
    ),
    (frames.read("holding_registers", 248, 0, 1), "F8 03 00 00 00 01 90 63"),
    (frames.read("holding_registers", 0x6E, 0x6000, 1), "6E 03 60 00 00 01 93 55"),
    (frames.read("holding_registers", 0x6E, 0x600F, 1), "6E 03 60 0F 00 01 A3 56"),
]

REPLIES: list[tuple[Request, str, Sequence[object]]] = [
    (READ_COIL, "2A 01 01 00 58 6C", (False,)),
    (READ_COIL, "2A 01 01 01 99 AC", (True,)),
    (READ_BOTH, "2A 03 04 00 33 0B BD 56 7F", (51, 3005)),
    (READ_BOTH, "2A 03 04 00 23 0A 05 56 58", (35, 2565)),
    (READ_BOTH, "2A 03 04 00 23 0A 06 16 59", (35, 2566)),
    (READ_BOTH, "2A 03 04 00 37 FD F3 D0 2A", (55, 0xFDF3)),
    (READ_FIRST, "2A 03 02 00 33 DC 57", (51,)),
    (READ_SECOND, "2A 03 02 0B BD 5B 03", (3005,)),
]

WRITTEN = [
    (COIL_ON, "2A 05 00 00 FF 00 8A 21"),
    (frames.write_register(42, 0, 0x1234), "2A 06 00 00 12 34 82 A6"),
    (frames.write_registers(42, 0, [1, 2]), "2A 10 00 00 00 02 47 D3"),
    (frames.write_coils(42, 0, [True]), "2A 0F 00 00 00 01 92 10"),
]

REFUSALS = [
    (READ_BOTH, "2A 83 02 B0 F9", "illegal data address", 2),
    (READ_BOTH, "2A 83 01 F0 F8", "illegal function", 1),
    (READ_COIL, "2A 81 02 B1 99", "illegal data address", 2),
    (COIL_ON, "2A 85 02 B3 59", "illegal data address", 2),
    (frames.read("input_registers", 42, 0, 1), "2A 84 01 F2 C8", "illegal function", 1),
]


class Unit:
    """Answers each frame with the next of its answers; an answer may come late or in pieces."""

    def __init__(self, line: EmulatedSerialLine) -> None:
        self.line = line
        self.answers: list[bytes | tuple[bytes, float] | list[tuple[bytes, float]]] = []

    def hear(self, data: bytes, settings: LineSettings) -> None:
        assert settings == SETTINGS
        assert data
        if not self.answers:
            return
        answer = self.answers.pop(0)
        framer = answer if isinstance(answer, list) else [answer]
        for piece in framer:
            said, delay_s = piece if isinstance(piece, tuple) else (piece, 0.005)
            self.line.talk(said, SETTINGS, delay_s=delay_s, speaker=self)

    def hear_break(self, duration_s: float) -> None:
        raise AssertionError(duration_s)


class Bench:
    """A master, its line, and a unit that says what the test wants."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.line = EmulatedSerialLine("/dev/ttyUSB0", self.clock)
        self.unit = Unit(self.line)
        self.line.attach(self.unit)
        self.overheard: list[bytes] = []
        self.master = Master(self.line.port, self.clock, self.overheard.append)
        self.master.configure(SETTINGS)

    def ask(
        self, request: Request, *answers: object, retries: int = 0, timeout_s: float = 1.0
    ) -> frames.Reply:
        self.unit.answers = list(answers)  # type: ignore[arg-type]
        return self.master.ask(request, timeout_s, retries)

    @property
    def sent(self) -> list[bytes]:
        return list(self.line.transmissions)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.line.port.close()


# -- bytes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("request_", "wire"), REQUESTS, ids=[wire for _, wire in REQUESTS])
def test_requests_on_the_wire(bench: Bench, request_: Request, wire: str) -> None:
    assert request_.frame == of(wire)
    bench.master.echo.learn(heard=False)
    with pytest.raises(BusError):
        bench.ask(request_)
    assert bench.sent == [of(wire)]


@pytest.mark.parametrize(("request_", "wire", "wanted"), REPLIES)
def test_replies_to_reads(
    bench: Bench, request_: Request, wire: str, wanted: Sequence[object]
) -> None:
    reply = bench.ask(request_, of(wire))
    assert (reply.bits or reply.registers) == wanted


@pytest.mark.parametrize(("request_", "wire"), WRITTEN)
def test_replies_to_writes(bench: Bench, request_: Request, wire: str) -> None:
    bench.master.echo.learn(heard=False)
    bench.ask(request_, of(wire))
    assert bench.sent == [request_.frame]


@pytest.mark.parametrize(("request_", "wire", "name", "code"), REFUSALS)
def test_refusals_are_decoded_and_not_asked_again(
    bench: Bench, request_: Request, wire: str, name: str, code: int
) -> None:
    bench.master.echo.learn(heard=False)
    with pytest.raises(RemoteExceptionError, match=rf"^Unit 42 refused: {name}") as caught:
        bench.ask(request_, of(wire), BOTH, retries=5)
    assert caught.value.code is ErrorCode.REMOTE_EXCEPTION
    assert caught.value.data["exception"] == code
    assert caught.value.data["name"] == name
    assert caught.value.hint
    assert len(bench.sent) == 1


def test_a_refusal_that_nobody_knows(bench: Bench) -> None:
    body = of("2A 83 63")
    crc = frames._framer().compute_CRC(body).to_bytes(2, "big")
    with pytest.raises(RemoteExceptionError, match=r"unknown exception \(exception 99\)"):
        bench.ask(READ_BOTH, body + crc)


def test_the_most_that_one_request_reads(bench: Bench) -> None:
    request = frames.read("holding_registers", 42, 0, 125)
    assert request.reply_length == 255
    body = of("2A 03 FA") + bytes(range(250))
    crc = frames._framer().compute_CRC(body).to_bytes(2, "big")
    reply = bench.ask(request, body + crc, timeout_s=0.05)  # its answer takes 0.27 s to be said
    assert len(reply.registers) == 125
    assert reply.registers[:2] == (0x0001, 0x0203)


# -- what a line can do ---------------------------------------------------------------------------


def test_silence(bench: Bench) -> None:
    began = bench.clock.monotonic()
    with pytest.raises(BusError) as caught:
        bench.ask(READ_BOTH)
    assert str(caught.value) == (
        "/dev/ttyUSB0: Unit 42 did not answer within 1000 ms. Check A and B (swapped?), ground, "
        "the unit's supply and address, and baud rate and parity of the line."
    )
    assert caught.value.code is ErrorCode.NO_DEVICE
    assert 1.0 < bench.clock.monotonic() - began < 1.1
    assert bench.master.silent == 1


def test_silence_is_asked_again_as_often_as_wished(bench: Bench) -> None:
    assert bench.ask(READ_BOTH, b"", b"", BOTH, retries=2).registers == (35, 2565)
    assert len(bench.sent) == 3
    with pytest.raises(BusError, match="did not answer"):
        bench.ask(READ_BOTH, b"", b"", retries=1)
    assert len(bench.sent) == 5


@pytest.mark.parametrize("position", range(9))
def test_one_wrong_bit_anywhere(bench: Bench, position: int) -> None:
    spoiled = bytearray(BOTH)
    spoiled[position] ^= 0x08
    with pytest.raises((ChecksumError, BusError)) as caught:
        bench.ask(READ_BOTH, bytes(spoiled))
    assert caught.value.code in {ErrorCode.CHECKSUM, ErrorCode.NO_DEVICE}
    if position >= 3:
        assert caught.value.code is ErrorCode.CHECKSUM
        assert "came damaged: 2a 03 04" in str(caught.value)
    assert bench.ask(READ_BOTH, bytes(spoiled), BOTH, retries=1).registers == (35, 2565)


@pytest.mark.parametrize("length", range(1, 9))
def test_a_reply_that_breaks_off(bench: Bench, length: int) -> None:
    with pytest.raises((ChecksumError, BusError)) as caught:
        bench.ask(READ_BOTH, BOTH[:length])
    if length >= 2:
        assert f"broke off: {length} of 9 bytes" in str(caught.value)
        assert caught.value.code is ErrorCode.CHECKSUM
    assert bench.ask(READ_BOTH, BOTH[:length], BOTH, retries=1).registers == (35, 2565)


def test_a_broken_reply_is_given_up_long_before_the_time_is_over(bench: Bench) -> None:
    began = bench.clock.monotonic()
    with pytest.raises(ChecksumError):
        bench.ask(READ_BOTH, BOTH[:7], timeout_s=10.0)
    assert bench.clock.monotonic() - began < 0.5


@pytest.mark.parametrize("noise", ["00", "FF FF", "2A", "2A 2A 03", "2A 83", "55 2A 03 04 00"])
def test_noise_before_a_reply(bench: Bench, noise: str) -> None:
    assert bench.ask(READ_BOTH, of(noise) + BOTH).registers == (35, 2565)


def test_a_reply_in_pieces(bench: Bench) -> None:
    """An adapter on USB hands it over in lumps."""
    framer = [(BOTH[:1], 0.005), (BOTH[1:6], 0.02), (BOTH[6:], 0.02)]
    assert bench.ask(READ_BOTH, framer).registers == (35, 2565)


def test_the_reply_of_another_unit_is_passed_over(bench: Bench) -> None:
    other = of("2B 03 04 00 01 00 02")
    other += frames._framer().compute_CRC(other).to_bytes(2, "big")
    assert bench.ask(READ_BOTH, other + BOTH).registers == (35, 2565)
    with pytest.raises(RemoteExceptionError) as caught:
        bench.ask(READ_BOTH, other)
    assert caught.value.message == (f"Unit 43 answered in place of unit 42: {other.hex(' ')}.")
    assert caught.value.data["reply"] == other


def test_a_late_reply_of_another_shape_is_passed_over(bench: Bench) -> None:
    with pytest.raises(BusError, match="did not answer"):
        bench.ask(READ_FIRST, (FIRST, 1.2))
    assert bench.ask(READ_BOTH, (BOTH, 0.4)).registers == (35, 2565)


def test_a_late_reply_is_never_taken_for_that_of_another_address(bench: Bench) -> None:
    with pytest.raises(BusError, match="did not answer"):
        bench.ask(READ_FIRST, (FIRST, 1.2))
    assert bench.ask(READ_SECOND, SECOND).registers == (3005,)
    assert bench.overheard == [FIRST]


def test_a_reply_that_never_comes_is_waited_for_once(bench: Bench) -> None:
    with pytest.raises(BusError, match="did not answer"):
        bench.ask(READ_FIRST)
    began = bench.clock.monotonic()
    assert bench.ask(READ_SECOND, SECOND).registers == (3005,)
    assert 1.0 < bench.clock.monotonic() - began < 1.2
    began = bench.clock.monotonic()
    assert bench.ask(READ_FIRST, FIRST).registers == (51,)
    assert bench.clock.monotonic() - began < 0.1


def test_another_unit_need_not_wait_for_a_late_reply(bench: Bench) -> None:
    with pytest.raises(BusError, match="did not answer"):
        bench.ask(READ_FIRST, (FIRST, 1.2))
    other = of("2B 03 02 00 07")
    other += frames._framer().compute_CRC(other).to_bytes(2, "big")
    began = bench.clock.monotonic()
    assert bench.ask(frames.read("holding_registers", 43, 1, 1), other).registers == (7,)
    assert bench.clock.monotonic() - began < 0.3


def test_after_a_repeated_request_the_second_reply_is_not_taken_for_another(bench: Bench) -> None:
    """Both answers come: the first too late for the first request, the second after the reply."""
    assert bench.ask(READ_FIRST, (FIRST, 1.2), (FIRST, 0.9), retries=1).registers == (51,)
    assert bench.ask(READ_SECOND, SECOND).registers == (3005,)


def test_a_late_reply_to_the_same_read_counts_and_the_next_is_awaited(bench: Bench) -> None:
    with pytest.raises(BusError, match="did not answer"):
        bench.ask(READ_FIRST, (FIRST, 1.2))
    assert bench.ask(READ_FIRST, (FIRST, 0.7)).registers == (51,)
    assert bench.ask(READ_SECOND, SECOND).registers == (3005,)


def test_a_late_confirmation_of_another_write_is_passed_over(bench: Bench) -> None:
    bench.master.echo.learn(heard=False)
    with pytest.raises(BusError, match="did not answer"):
        bench.ask(frames.write_register(42, 0, 0x1234), (of("2A 06 00 00 12 34 82 A6"), 1.2))
    other = frames.write_register(42, 1, 7)
    bench.ask(other, (other.frame, 0.4))


def test_what_came_before_the_request_is_not_its_reply(bench: Bench) -> None:
    bench.line.talk(FIRST, SETTINGS)
    bench.clock.advance(1.0)
    with pytest.raises(BusError, match="did not answer"):
        bench.ask(READ_FIRST)
    assert bench.overheard == [FIRST]


def test_wrong_speed_is_no_reply(bench: Bench) -> None:
    class Fast(Unit):
        def hear(self, data: bytes, settings: LineSettings) -> None:  # noqa: ARG002
            self.line.talk(BOTH, LineSettings(19200), speaker=self)

    bench.line.detach(bench.unit)
    bench.line.attach(Fast(bench.line))
    with pytest.raises(ChecksumError, match="9 bytes came, but no reply of unit 42"):
        bench.ask(READ_BOTH)


def test_endless_chatter_does_not_hold_up(bench: Bench) -> None:
    with pytest.raises(ChecksumError):
        bench.ask(READ_BOTH, of("2A 03 04 00") * 4000)


@pytest.mark.parametrize("request_", [READ_COIL, READ_BOTH, *(each for each, _ in WRITTEN)])
def test_an_echo_of_the_request_is_left_out(bench: Bench, request_: Request) -> None:
    bench.line.echo = True
    answers = {READ_COIL: of("2A 01 01 01 99 AC"), READ_BOTH: BOTH}
    answers |= {each: of(wire) for each, wire in WRITTEN}
    bench.ask(request_, answers[request_])
    assert bench.master.echo.known is True


@pytest.mark.parametrize("request_", [READ_BOTH, *(each for each, _ in WRITTEN)])
def test_an_echo_is_not_taken_for_a_reply(bench: Bench, request_: Request) -> None:
    bench.line.echo = True
    for _ in range(2):
        with pytest.raises(BusError, match="Unit 42 did not answer"):
            bench.ask(request_)
    assert bench.master.echo.known is True


def test_a_broadcast_is_not_answered(bench: Bench) -> None:
    request = frames.write_register(0, 0, 1)
    assert bench.ask(request) == frames.Reply()
    assert bench.sent == [request.frame]
    assert bench.clock.sleeps[-1] >= 0.1


def test_frames_are_apart_by_3_5_characters(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.ask(READ_BOTH, BOTH)
    ended = bench.clock.monotonic()
    starts: list[float] = []
    monkeypatch.setattr(bench.line.port, "write", lambda _: starts.append(bench.clock.monotonic()))
    with pytest.raises(BusError):
        bench.ask(READ_BOTH)
    assert starts[0] - ended >= 3.5 * 10 / 9600 - 1e-9


@pytest.mark.parametrize("step", range(1, 6))
def test_the_port_is_pulled_at_any_step_and_comes_back(bench: Bench, step: int) -> None:
    port, steps = bench.line.port, iter(range(1, 1000))
    look = port._look

    def pulled_then() -> None:
        if next(steps) == step:
            bench.line.plugged = False
        look()

    port._look = pulled_then  # type: ignore[method-assign]
    with pytest.raises(BusError, match="the adapter was unplugged") as caught:
        bench.ask(READ_BOTH, BOTH, retries=5)
    assert caught.value.fault is BusFault.MISSING
    port._look = look  # type: ignore[method-assign]
    with pytest.raises(BusError, match="the adapter was unplugged"):
        bench.ask(READ_BOTH, BOTH)
    bench.line.plugged = True
    bench.master.configure(SETTINGS)
    assert bench.ask(READ_BOTH, BOTH, retries=0).registers == (35, 2565)


# -- any bytes ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_ten_thousand_random_answers(bench: Bench, tally: Tally) -> None:
    """Only documented errors, nothing that was not whole, and no wait without end."""
    chance = random.Random(5802)  # noqa: S311
    requests = [READ_COIL, READ_BOTH, *(each for each, _ in WRITTEN)]
    bench.master.echo.learn(heard=False)
    taken = 0
    for _ in range(10_000):
        request = chance.choice(requests)
        answer = chance.randbytes(chance.randrange(24))
        if chance.random() < 0.5:  # begins like a reply
            answer = bytes([request.unit, request.function | chance.choice([0, 0x80])]) + answer
        if chance.random() < 0.3:  # with a checksum that is right
            answer += frames._framer().compute_CRC(answer).to_bytes(2, "big")
        began = bench.clock.monotonic()
        try:
            bench.ask(request, answer, timeout_s=0.1)
            taken += 1
        except (BusError, ChecksumError, RemoteExceptionError):
            pass
        assert bench.clock.monotonic() - began < 2.0  # a second of it for a late reply
    assert taken < 100
    tally.add("bad_input", "random bytes as a Modbus reply", 10_000, seed="5802")


@for_each("request_", [READ_COIL, READ_BOTH, *(each for each, _ in WRITTEN)])
def test_a_search_finds_every_reply_in_any_dirt(request_: Request) -> None:
    chance = random.Random(42)  # noqa: S311
    replies = {request.frame: of(wire) for request, wire, _ in REPLIES}
    replies |= {request.frame: of(wire) for request, wire in WRITTEN}
    reply = replies[request_.frame]
    for _ in range(1000):
        dirt = chance.randbytes(chance.randrange(40))
        assert frames.search(dirt + reply, request_).frame == reply
        part = frames.search(dirt + reply[:-1], request_)
        assert part.missing >= 1
        assert not part.frame


# -- numbers --------------------------------------------------------------------------------------


@for_each(
    ("registers", "number_type", "word_order", "wanted"),
    [
        ([0xFDF3], "int16", "high_first", -525.0),
        ([0xFDF3], "uint16", "high_first", 65011.0),
        ([0x0001, 0x86A0], "uint32", "high_first", 100000.0),
        ([0x86A0, 0x0001], "uint32", "low_first", 100000.0),
        ([0xFFFF, 0xFFFE], "int32", "high_first", -2.0),
        ([0x42F6, 0xE979], "float32", "high_first", 123.456),
        ([0xE979, 0x42F6], "float32", "low_first", 123.456),
    ],
)
def test_numbers(
    registers: list[int], number_type: NumberType, word_order: WordOrder, wanted: float
) -> None:
    assert register_count(number_type) == len(registers)
    assert number(registers, number_type, word_order) == pytest.approx(wanted, rel=1e-6)


@for_each(
    ("raw", "factor", "offset", "value"),
    [
        (2783.0, 0.01, 0.0, 27.83),
        (3.0, 0.1, 0.0, 0.3),
        (-2147483648.0, 1.0, 0.0, -2147483648.0),
        (4294967295.0, 0.001, 0.0, 4294967.295),
        (2565.0, 0.018, 32.0, 78.17),
        (230.10000610351562, 1.0, 0.0, 230.1),  # the float of 32 bits that is nearest to 230.1
        (230.10000610351562, 0.1, 0.0, 23.01),
    ],
)
def test_a_scaled_number_is_as_people_write_it(
    raw: float, factor: float, offset: float, value: float
) -> None:
    assert scaled(raw, factor, offset) == value
