"""The parsers that are fuzzed: each takes any bytes and raises nothing that is not documented.

1. A target swallows what its parser's documentation names, and nothing else.
2. Where an answer has a promise beyond that (a length, a range), the target asserts it.
3. The first bytes choose where a parser has choices, so that the fuzzer can reach them all.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from wisblock_bridge.chips.pn532 import frame as pn532_frame
from wisblock_bridge.chips.pn532 import ndef_area
from wisblock_bridge.chips.sx1262 import commands as sx1262
from wisblock_bridge.errors import (
    BadParamsError,
    BadRequestError,
    ChecksumError,
    RemoteExceptionError,
    RequestError,
)
from wisblock_bridge.modules import registry
from wisblock_bridge.modules.lin import framer, parsing, schedule
from wisblock_bridge.modules.modbus import frames as modbus
from wisblock_bridge.modules.modbus import numbers
from wisblock_bridge.modules.nfc import ndef_records
from wisblock_bridge.server.parameters import Checker
from wisblock_bridge.wire import messages, msgpack_rules
from wisblock_bridge.wire.zmtp import (
    FRAMES_AT_ONCE,
    MAX_COMMAND_BYTES,
    ProtocolError,
    ServerConnection,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_MESSAGE, MAX_DISCARDED = 600, 2000
"""Small, so that what is beyond them is reached within the length of an input."""

PAST_HANDSHAKE = (
    b"\xff" + bytes(8) + b"\x7f\x03\x01NULL" + bytes(48)
    + b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06DEALER"
)  # fmt: skip
"""RFC 37: a greeting of 64 bytes, and READY."""

MODELS = ("classic", "enhanced", "auto")


@cache
def checkers() -> tuple[Checker, ...]:
    """Make a checker for each operation and event of each module."""
    return tuple(
        Checker(each)
        for module in registry.load().modules.values()
        for each in (*module.description.operations.values(), *module.description.events.values())
    )


@cache
def requests() -> tuple[modbus.Request, ...]:
    """Make one Modbus request of each kind."""
    return (
        modbus.read("coils", 7, 10, 19),
        modbus.read("discrete_inputs", 7, 0, 2000),
        modbus.read("holding_registers", 7, 100, 2),
        modbus.read("input_registers", 247, 65_535, 125),
        modbus.write_coil(7, 5, on=True),
        modbus.write_coils(7, 5, [True] * 9),
        modbus.write_register(7, 5, 0xFF00),
        modbus.write_registers(7, 5, [1, 2, 3]),
    )


def request(data: bytes) -> None:
    """A frame from a client."""
    try:
        found = messages.decode(data)
    except messages.Undecodable as undecodable:
        identification = undecodable
    else:
        assert found.v == messages.VERSION
        assert messages.latest_start(found, 100.0) <= 160.0
        return
    assert isinstance(identification.error, RequestError)
    if identification.request_id is not None:
        assert (
            len(messages.encode_error(identification.request_id, identification.error))
            < len(data) + 4096
        )


def rules(data: bytes) -> None:
    """The wire's rules beyond the decoder."""
    try:
        msgpack_rules.examine(data)
    except BadRequestError:
        pass
    else:
        with suppress(UnicodeDecodeError):  # text is the decoder's business
            msgspec.msgpack.decode(data)  # what keeps the rules can be read
    value = msgpack_rules.value_of_key(data, b"\xa2id")
    assert value is None or value in data


def parameters(data: bytes) -> None:
    """The parameters of an operation."""
    if not data:
        return
    checker = checkers()[data[0] % len(checkers())]
    try:
        found = checker.check(msgspec.Raw(data[1:]))
    except BadParamsError as error:
        words = error.message
    else:
        assert isinstance(found, checker.description.struct)
        return
    assert len(words) < 4096


def zmtp(data: bytes) -> None:
    """What a peer of the local socket sends, in one piece and cut as its first bytes say."""
    if len(data) < 4:
        return
    cuts, stream = data[:4], data[4:]
    if cuts[3] & 1:  # past the handshake, which chance hardly ever finds
        stream = PAST_HANDSHAKE + stream
    whole = _zmtp_outcome([stream])
    pieces, at, turn = [], 0, 0
    while at < len(stream):
        size = cuts[turn % 3] + 1
        pieces.append(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert _zmtp_outcome(pieces) == whole


def _zmtp_outcome(pieces: list[bytes]) -> tuple[list[object], bytes, str]:
    """Return the messages, what is sent, and how the connection ended."""
    connection = ServerConnection(MAX_MESSAGE, MAX_DISCARDED)
    found: list[object] = []
    sent = b""
    try:
        for piece in pieces:
            given: bytes | None = piece
            while given is not None:
                messages_found = connection.receive(given)
                assert len(messages_found) <= FRAMES_AT_ONCE
                found += messages_found
                sent += connection.bytes_to_send()
                assert connection.held_bytes <= MAX_MESSAGE + len(piece) + 64 + MAX_COMMAND_BYTES
                given = b"" if connection.has_more else None
    except ProtocolError as error:
        end = str(error)
    else:
        end = "" if connection.is_open else "no handshake"
    for each in found:
        size = len(each) if isinstance(each, bytes) else len(getattr(each, "start", b""))
        assert size <= MAX_MESSAGE
    # What a ProtocolError leaves unsent, and the messages in front of it, go with the connection.
    return (found, sent, end) if not end else ([], b"", end)


def modbus_reply(data: bytes) -> None:
    """What comes over a serial line after a Modbus request."""
    if not data:
        return
    asked = requests()[data[0] % len(requests())]
    heard = data[1:]
    found = modbus.search(heard, asked)
    assert not found.frame or found.frame in heard
    if not found.frame:
        assert found.missing > 0
        return
    try:
        reply = modbus.parse(found.frame, asked)
    except (RemoteExceptionError, ChecksumError):
        return
    assert all(0 <= each <= 0xFFFF for each in reply.registers)
    if asked.reads and not asked.echoes:
        assert len(reply.bits) + len(reply.registers) == asked.count
    if len(reply.registers) == 2:
        numbers.number(reply.registers, "float32", "low_first")


def reader_frame(data: bytes) -> None:
    """What the NFC reader clocks out."""
    assert 0 <= pn532_frame.announced_length(data) <= len(data) + 65_536 + 16
    try:
        found = pn532_frame.parse(data)
    except ChecksumError:
        return
    assert len(found.data) <= len(data)


def card_area(data: bytes) -> None:
    """What is on a card."""
    area = ndef_area.Area(data.__getitem__, len(data), 16)
    with suppress(RemoteExceptionError):
        place = area.message()
        if place is not None:
            message(area.value(place))
    area = ndef_area.Area(data.__getitem__, len(data), 16)
    with suppress(RemoteExceptionError, BadParamsError):
        planned = ndef_area.plan(area, area.layout(), data[:20], 4)
        assert all(0 <= at < len(data) for at in (*planned.first, *planned.body))


def message(data: bytes) -> None:
    """An NDEF message."""
    try:
        found = ndef_records.spell(data)
    except RemoteExceptionError:
        return
    assert all(isinstance(each, str) for each in (*found.records, *found.kinds))


def radio_status(data: bytes) -> None:
    """What the radio chip answers."""
    if len(data) < 6:
        return
    try:
        sx1262.mode(data[0])
    except ValueError:
        assert data[0] in {0x00, 0xFF} or (data[0] >> 4) & 7 not in set(sx1262.Mode)
    sx1262.irq(data[1], data[2])
    status = sx1262.packet_status(data[3], data[4])
    assert -127.5 <= status.rssi_dbm <= 0
    assert -32 <= status.snr_db <= 31.75
    sx1262.frequency_error_hz(data[3:6], 125.0)


def lin_line(data: bytes) -> None:
    """What is heard on a LIN bus, in one piece and in two."""
    if len(data) < 3:
        return
    only = None if data[0] & 0x40 else data[0] & 0x3F
    length = data[1] % 9 or None
    model = MODELS[data[2] % 3]
    heard = data[3:]
    cutter = framer.Framer(only, length, model)  # type: ignore[arg-type]
    half = len(heard) // 2
    found = [*cutter.feed(heard[:half]), *cutter.feed(heard[half:]), *cutter.silence()]
    assert b"".join(each.raw for each in found) == heard
    try:
        parsing.parse(heard, only, length, model)  # type: ignore[arg-type]
    except ChecksumError:
        return


def lin_table(data: bytes) -> None:
    """A LIN schedule as a user wrote it."""
    lines = data.decode("utf-8", "replace").splitlines()
    try:
        table = schedule.read_table(lines)
    except BadParamsError:
        return
    assert len(table) == len(lines)


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (
        request, rules, parameters, modbus_reply, reader_frame, card_area, message, radio_status,
        lin_line, lin_table, zmtp,
    )
}  # fmt: skip
