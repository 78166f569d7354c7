"""Replies of every kind: echoes, odd units, wrong replies, late ones; never a good that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.modules.modbus_bench import UnitBench, of, whole

from wisblock_bridge.errors import (
    BridgeError,
    BusError,
    ChecksumError,
    ErrorCode,
    RemoteExceptionError,
)
from wisblock_bridge.modules.modbus import frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wisblock_bridge.modules.modbus.frames import Request

COIL = frames.write_coil(2, 0, on=True)
REGISTER = frames.write_register(1, 0, 7)
SEVERAL = frames.write_registers(13, 0, [1, 2])
READ = frames.read("holding_registers", 1, 0, 2)
READ_REPLY = whole("01 03 04 00 05 00 06")


@pytest.fixture
def make() -> Iterator[Callable[..., UnitBench]]:
    made: list[UnitBench] = []

    def build(*, echo: bool = False, paced: bool = True) -> UnitBench:
        made.append(UnitBench(echo=echo, paced=paced))
        return made[-1]

    yield build
    for each in made:
        each.line.port.close()


def ask(
    bench: UnitBench, request: Request, *answers: bytes | tuple[bytes, float], retries: int = 0
) -> frames.Reply:
    bench.answers = list(answers)
    return bench.master.ask(request, 1.0, retries)


def refused(bench: UnitBench, request: Request, *answers: bytes) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        ask(bench, request, *answers)
    return caught.value


def known(bench: UnitBench) -> bool | None:
    return bench.master.echo.known


# -- the echo -------------------------------------------------------------------------------------


@pytest.mark.parametrize("paced", [True, False])
@pytest.mark.parametrize("request_", [COIL, REGISTER, frames.mask_write(1, 4, 0xF2, 0x25)])
def test_the_first_write_is_sent_and_nothing_else(
    make: Callable[..., UnitBench], request_: Request, *, paced: bool
) -> None:
    """The unit knows no reads; nobody asked for one either."""
    bench = make(paced=paced)
    reply = ask(bench, request_, request_.frame)
    assert bench.heard == [request_.frame]
    assert bool(reply.note) is not paced  # a copy that proves nothing is told as what it is


def test_a_copy_that_proves_nothing_is_never_good(make: Callable[..., UnitBench]) -> None:
    """An echo and a silent unit, on a port that cannot tell when the copy came."""
    bench = make(echo=True, paced=False)
    assert "not known yet" in ask(bench, COIL).note
    assert refused(bench, READ).code is ErrorCode.NO_DEVICE  # an echo of a read is none of a unit
    assert known(bench) is True
    assert refused(bench, COIL).code is ErrorCode.NO_DEVICE
    assert ask(bench, COIL, COIL.frame).note == ""


def test_only_the_first_such_copy_is_waited_for(make: Callable[..., UnitBench]) -> None:
    """A flow that only writes is not held up by a whole time-out each time."""
    bench = make(paced=False)
    began = bench.clock.monotonic()
    assert ask(bench, COIL, COIL.frame).note
    assert bench.clock.monotonic() - began >= 1.0
    assert ask(bench, COIL, COIL.frame).note, "it still proves nothing"
    again = bench.clock.monotonic()
    assert ask(bench, COIL, COIL.frame).note
    assert bench.clock.monotonic() - again < 0.1
    assert ask(bench, READ, READ_REPLY).note == ""
    assert known(bench) is False
    assert ask(bench, COIL, COIL.frame).note == ""


def test_a_second_copy_that_comes_late_shows_an_echo(make: Callable[..., UnitBench]) -> None:
    bench = make(echo=True, paced=False)
    assert ask(bench, COIL).note  # the unit has no supply yet
    assert ask(bench, COIL, (COIL.frame, 0.02)).note  # now it has, and confirms
    bench.clock.advance(0.1)
    refused(bench, REGISTER)
    assert known(bench) is True


@pytest.mark.parametrize("paced", [True, False])
def test_a_unit_that_confirms_with_the_whole_request_spoils_nothing(
    make: Callable[..., UnitBench], *, paced: bool
) -> None:
    """MODBUS Application Protocol 6.12 wants the first eight bytes; some units send all."""
    bench = make(paced=paced)
    for _ in range(3):
        ask(bench, SEVERAL, SEVERAL.frame)
        ask(bench, REGISTER, REGISTER.frame)
        ask(bench, COIL, COIL.frame)
    assert len(bench.heard) == 9
    assert known(bench) is not True


@pytest.mark.parametrize("paced", [True, False])
def test_such_a_unit_on_a_line_that_echoes(make: Callable[..., UnitBench], *, paced: bool) -> None:
    bench = make(echo=True, paced=paced)
    ask(bench, READ, READ_REPLY)
    for _ in range(2):
        assert ask(bench, SEVERAL, SEVERAL.frame).note == ""
        assert ask(bench, REGISTER, REGISTER.frame).note == ""
    assert refused(bench, REGISTER).code is ErrorCode.NO_DEVICE
    assert refused(bench, SEVERAL).code is ErrorCode.NO_DEVICE


@pytest.mark.parametrize("paced", [True, False])
def test_an_echo_that_ends_is_noticed_and_one_that_begins(
    make: Callable[..., UnitBench], *, paced: bool
) -> None:
    bench = make(echo=True, paced=paced)
    ask(bench, READ, READ_REPLY)
    assert known(bench) is True
    bench.line.echo = False
    ask(bench, READ, READ_REPLY)
    assert known(bench) is False
    assert ask(bench, REGISTER, REGISTER.frame).note == ""
    bench.line.echo = True
    ask(bench, READ, READ_REPLY)
    assert refused(bench, REGISTER).code is ErrorCode.NO_DEVICE


def test_silence_and_a_broadcast_tell_of_the_echo(make: Callable[..., UnitBench]) -> None:
    bench = make(paced=False)
    refused(bench, COIL)
    assert known(bench) is False
    bench.line.echo = True
    ask(bench, frames.write_register(0, 0, 1))
    assert known(bench) is True


def test_who_knows_may_say_so(make: Callable[..., UnitBench]) -> None:
    bench = make(echo=True, paced=False)
    bench.master.echo.set("on")
    assert refused(bench, COIL).code is ErrorCode.NO_DEVICE
    assert ask(bench, COIL, COIL.frame).note == ""
    bench = make(paced=False)
    bench.master.echo.set("off")
    assert ask(bench, COIL, COIL.frame).note == ""


# -- whole, and something else --------------------------------------------------------------------

BITS = frames.read("coils", 1, 0, 10)

WRONG: list[tuple[Request, bytes, str, dict[str, object]]] = [
    (
        frames.write_register(8, 1, 500),
        whole("08 06 00 01 00 64"),
        "Unit 8 confirmed 100, not 500",
        {"confirmed": 100, "asked": 500},
    ),
    (
        frames.write_register(8, 1, 500),
        whole("08 06 00 02 01 F4"),
        "Unit 8 confirmed address 2, not 1",
        {"confirmed": 500, "confirmed_address": 2},
    ),
    (
        COIL,
        whole("02 05 00 00 00 00"),
        "Unit 2 confirmed off, not on",
        {"confirmed": False, "asked": True},
    ),
    (SEVERAL, whole("0D 10 00 00 00 01"), "Unit 13 confirmed 1 of 2", {"confirmed": 1}),
    (
        frames.write_coils(2, 3, [True] * 9),
        whole("02 0F 00 03 00 04"),
        "Unit 2 confirmed 4 of 9",
        {"confirmed": 4},
    ),
    (
        frames.mask_write(1, 4, 0xF2, 0x25),
        whole("01 16 00 04 00 F2 00 24"),
        "Unit 1 confirmed the masks 00f2 0024, not 00f2 0025",
        {"confirmed": [0xF2, 0x24]},
    ),
    (READ, whole("01 03 02 00 05"), "Unit 1 answered 1 of 2 registers", {"answered": 1}),
    (
        READ,
        whole("01 03 06 00 05 00 06 00 07"),
        "Unit 1 answered 3 registers, 2 were asked for",
        {"answered": 3},
    ),
    (
        READ,
        whole("01 03 06 00 05 00 06"),
        "The byte count of unit 1 says 6, 4 bytes of data came",
        {"byte_count": 6, "bytes": 4},
    ),
    (READ, whole("01 03 03 00 05 00"), "Unit 1 answered 3 bytes, 2 registers have 4", {}),
    (BITS, whole("01 01 01 FF"), "Unit 1 answered 1 bytes of bits, 10 bits have 2", {}),
    (READ, whole("01 04 04 00 05 00 06"), "Unit 1 answered function 4, 3 was asked for", {}),
    (READ, whole("01 84 02"), "Unit 1 refused function 4 (illegal data address), 3", {}),
    (
        frames.read_write(1, 0, 2, 8, [1]),
        whole("01 17 02 00 05"),
        "Unit 1 answered 1 of 2 registers",
        {"answered": 1},
    ),
]


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize(("request_", "reply", "words", "facts"), WRONG, ids=[w[2] for w in WRONG])
def test_a_whole_reply_that_says_something_else(
    make: Callable[..., UnitBench],
    request_: Request,
    reply: bytes,
    words: str,
    facts: dict[str, object],
    *,
    echo: bool,
) -> None:
    """It is shown, in words and in hex, and it is known long before the time is over."""
    bench = make(echo=echo)
    bench.answers = [reply]
    began = bench.clock.monotonic()
    with pytest.raises(RemoteExceptionError) as caught:
        bench.master.ask(request_, 10.0, 5)
    assert bench.clock.monotonic() - began < 0.5
    assert caught.value.message.startswith(words)
    assert caught.value.message.endswith(f": {reply.hex(' ')}.")
    assert caught.value.data["reply"] == reply
    assert caught.value.data["name"] == "unexpected reply"
    assert {key: caught.value.data[key] for key in facts} == facts
    assert caught.value.hint
    assert "swapped" not in caught.value.hint
    assert len(bench.heard) == 1  # it is an answer; asking again would not change it


def test_another_unit_is_passed_over_and_told_when_nothing_else_comes(
    make: Callable[..., UnitBench],
) -> None:
    bench = make()
    other = whole("05 03 04 00 01 00 02")
    assert ask(bench, READ, other + READ_REPLY).registers == (5, 6)
    error = refused(bench, READ, other)
    assert error.code is ErrorCode.REMOTE_EXCEPTION
    assert error.message.startswith("Unit 5 answered in place of unit 1: 05 03 04 00 01 00 02")
    assert ask(bench, READ, other, READ_REPLY, retries=1).registers == (5, 6)


def test_bytes_that_are_no_reply_are_shown_as_damaged(make: Callable[..., UnitBench]) -> None:
    bench = make()
    error = refused(bench, READ, of("AA BB CC DD EE"))
    assert isinstance(error, ChecksumError)
    assert "5 bytes came, but no reply of unit 1, within 1000 ms: aa bb cc dd ee" in error.message
    assert error.data["bytes"] == of("AA BB CC DD EE")
    error = refused(bench, READ, READ_REPLY[:-1] + b"\x00")
    assert isinstance(error, ChecksumError)
    assert error.data["bytes"] == READ_REPLY[:-1] + b"\x00"
    error = refused(bench, READ)
    assert isinstance(error, BusError)
    assert "A and B (swapped?)" in error.hint


# -- late ones ------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [READ, REGISTER, SEVERAL], ids=["read", "one", "several"])
def test_a_reply_within_a_second_of_a_short_time_out_is_never_the_next_ones(
    make: Callable[..., UnitBench], request_: Request
) -> None:
    """The very same question again: what comes then is its own answer, not the stale one."""
    bench = make()
    bench.answers = [(READ_REPLY, 0.8)]
    with pytest.raises(BusError, match="did not answer within 200 ms"):
        bench.master.ask(READ, 0.2, 0)
    fresh = whole("01 03 04 00 63 00 64")
    bench.answers = [fresh]
    assert bench.master.ask(READ, 0.2, 0).registers == (99, 100)
    assert bench.overheard == [READ_REPLY]
    if request_ is not READ:
        reply = request_.frame if request_ is REGISTER else request_.frame[:6]
        late = reply if request_ is REGISTER else whole(reply.hex())
        bench.answers = [(late, 0.8)]
        with pytest.raises(BusError, match="did not answer within 200 ms"):
            bench.master.ask(request_, 0.2, 0)
        bench.answers = []
        with pytest.raises(BusError, match="did not answer within 200 ms"):
            bench.master.ask(request_, 0.2, 0)
        assert bench.overheard[-1] == late


def test_a_slower_unit_gets_the_quiet_time_that_it_needs(make: Callable[..., UnitBench]) -> None:
    bench = make()
    bench.master.late.quiet_s = 5.0
    bench.answers = [(READ_REPLY, 4.0)]
    with pytest.raises(BusError):
        bench.master.ask(READ, 0.2, 0)
    bench.answers = [whole("01 03 04 00 63 00 64")]
    assert bench.master.ask(READ, 0.2, 0).registers == (99, 100)


def test_a_late_refusal_is_not_the_next_ones(make: Callable[..., UnitBench]) -> None:
    bench = make()
    bench.answers = [(whole("01 83 04"), 0.8)]
    with pytest.raises(BusError):
        bench.master.ask(READ, 0.2, 0)
    assert ask(bench, READ, READ_REPLY).registers == (5, 6)


def test_raw_bytes_that_come_late_are_not_the_next_answer(make: Callable[..., UnitBench]) -> None:
    bench = make()
    bench.answers = [(b"old", 0.8), b"new"]
    with pytest.raises(BusError):
        bench.master.transceive(b"?", 3, 0.2)
    assert bench.master.transceive(b"?", 3, 0.2) == b"new"
    assert bench.overheard == [b"old"]


@pytest.mark.parametrize("paced", [True, False])
def test_raw_bytes_on_a_line_that_echoes(make: Callable[..., UnitBench], *, paced: bool) -> None:
    bench = make(echo=True, paced=paced)
    bench.answers = [b"pong!"]
    assert bench.master.transceive(b"ping", 5, 1.0) == b"pong!"
    bench = make(paced=paced)
    bench.answers = [b"ping"]
    assert bench.master.transceive(b"ping", 4, 1.0) == b"ping"  # a unit that returns what it gets


def test_bytes_that_want_no_answer_prove_nothing(make: Callable[..., UnitBench]) -> None:
    """Nobody waited for an echo: a write that a dead unit never got must not be confirmed by it."""
    bench = make(echo=True, paced=False)
    assert bench.master.transceive(b"\x02reset", 0, 1.0) == b""
    assert known(bench) is None
    assert "not known yet" in ask(bench, COIL).note


@pytest.mark.parametrize("raw", [True, False])
def test_a_silence_that_is_shorter_than_an_adapter_takes_proves_nothing(
    make: Callable[..., UnitBench], *, raw: bool
) -> None:
    bench = make(paced=False)
    for timeout_s, proof in ((0.01, None), (0.2, False)):
        if raw:
            assert bench.master.transceive(b"?", None, timeout_s) == b""
        else:
            with pytest.raises(BusError):
                bench.master.ask(COIL, timeout_s, 0)
        assert known(bench) is proof
