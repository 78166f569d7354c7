"""Modbus RTU frames, made and taken apart by pymodbus.

1. Of pymodbus its messages, its sizes and its checksum are used, not its transport: that runs on
   asyncio and opens the port itself, while here one thread owns a port of the bridge.
2. pymodbus' framer drops what it cannot use without a word; here it is told what was wrong, so the
   search for a reply is done here.
3. pymodbus is imported with the first request, because it takes its time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Literal

from wisblock_bridge.errors import ChecksumError, RemoteExceptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pymodbus.framer.rtu import FramerRTU
    from pymodbus.pdu import ModbusPDU

Table = Literal["coils", "discrete_inputs", "holding_registers", "input_registers"]

BROADCAST = 0
"""The address that every unit listens to and none answers."""

EXCEPTION = 0x80
"""What a unit adds to the function when it refuses."""

SHORTEST = 5
"""A refusal: unit, function, reason, checksum. Every other reply is longer."""

LONGEST = 256
"""Longest frame (MODBUS over Serial Line 1.02, 2.5.1)."""

REASONS = {
    1: ("illegal function", "The unit does not know this kind of request."),
    2: ("illegal data address", "The unit has nothing at this address, or not so many of it."),
    3: ("illegal data value", "The unit does not accept this value or this count."),
    4: ("server device failure", "The unit failed while it did what was asked."),
    5: ("acknowledge", "The unit works on it and takes long; ask again later."),
    6: ("server device busy", "The unit is busy; ask again later."),
    7: ("negative acknowledge", "The unit cannot do what was asked."),
    8: ("memory parity error", "The unit found its memory damaged."),
    10: ("gateway path unavailable", "The gateway does not know the way to the unit."),
    11: ("gateway target device failed to respond", "The unit behind the gateway is silent."),
}
"""Name and meaning of the exceptions (MODBUS Application Protocol 1.1b3, 7)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a unit answered.

    Attributes:
        bits: Coils or discrete inputs that were read.
        registers: Registers that were read.
    """

    bits: tuple[bool, ...] = ()
    registers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One request and what its reply looks like.

    Attributes:
        unit: Who is asked; 0 for all.
        function: The function's code.
        address: Where the unit is to begin.
        count: How many bits or registers.
        frame: What goes over the line.
        reply_length: Length of the reply when the unit does as asked.
        echoes: The reply is the same as the request.
        reads: It changes nothing.
    """

    unit: int
    function: int
    address: int
    count: int
    frame: bytes
    reply_length: int
    echoes: bool
    reads: bool

    def looks_like(self, other: Request) -> bool:
        """Tell whether the replies to two requests cannot be told apart.

        Args:
            other: Another request.

        Returns:
            True when a reply to the one would pass as a reply to the other.
        """
        return self.reads and (self.unit, self.function, self.reply_length) == (
            other.unit,
            other.function,
            other.reply_length,
        )


@dataclass(frozen=True, slots=True)
class Search:
    """What a search for a reply has found.

    Attributes:
        frame: The reply, whole and undamaged; empty when there is none.
        missing: How many bytes more are needed at least.
        expected: Length of a reply that has begun; 0 when none has.
        damaged: A reply has come whose checksum is wrong.
    """

    frame: bytes = b""
    missing: int = SHORTEST
    expected: int = 0
    damaged: bool = False


def read(table: Table, unit: int, address: int, count: int) -> Request:
    """Ask for bits or registers.

    Args:
        table: Which of the unit's four tables.
        unit: 1...247.
        address: The first, 0...65535.
        count: How many: 1...2000 bits, 1...125 registers.

    Returns:
        The request.
    """
    from pymodbus.pdu import bit_message as bits  # noqa: PLC0415  (rule 3)
    from pymodbus.pdu import register_message as registers  # noqa: PLC0415

    of_bits = table in {"coils", "discrete_inputs"}
    make: type[ModbusPDU] = {
        "coils": bits.ReadCoilsRequest,
        "discrete_inputs": bits.ReadDiscreteInputsRequest,
        "holding_registers": registers.ReadHoldingRegistersRequest,
        "input_registers": registers.ReadInputRegistersRequest,
    }[table]
    size = (count + 7) // 8 if of_bits else 2 * count
    message = make(dev_id=unit, address=address, count=count)
    return _request(message, count, reply_length=SHORTEST + size, reads=True)


def write_coil(unit: int, address: int, on: bool) -> Request:  # noqa: FBT001  (it is the value)
    """Switch one coil.

    Args:
        unit: 0...247.
        address: Which, 0...65535.
        on: Its new state.

    Returns:
        The request.
    """
    from pymodbus.pdu.bit_message import WriteSingleCoilRequest  # noqa: PLC0415  (rule 3)

    message = WriteSingleCoilRequest(dev_id=unit, address=address, bits=[on])
    return _request(message, 1, echoes=True)


def write_coils(unit: int, address: int, bits: Sequence[bool]) -> Request:
    """Switch several coils.

    Args:
        unit: 0...247.
        address: The first, 0...65535.
        bits: Their new states.

    Returns:
        The request.
    """
    from pymodbus.pdu.bit_message import WriteMultipleCoilsRequest  # noqa: PLC0415  (rule 3)

    message = WriteMultipleCoilsRequest(dev_id=unit, address=address, bits=list(bits))
    return _request(message, len(bits))


def write_register(unit: int, address: int, value: int) -> Request:
    """Write one holding register.

    Args:
        unit: 0...247.
        address: Which, 0...65535.
        value: 0...65535.

    Returns:
        The request.
    """
    from pymodbus.pdu.register_message import WriteSingleRegisterRequest  # noqa: PLC0415  (rule 3)

    message = WriteSingleRegisterRequest(dev_id=unit, address=address, registers=[value])
    return _request(message, 1, echoes=True)


def write_registers(unit: int, address: int, registers: Sequence[int]) -> Request:
    """Write several holding registers.

    Args:
        unit: 0...247.
        address: The first, 0...65535.
        registers: 0...65535 each.

    Returns:
        The request.
    """
    from pymodbus.pdu import register_message  # noqa: PLC0415  (rule 3)

    message = register_message.WriteMultipleRegistersRequest(
        dev_id=unit, address=address, registers=list(registers)
    )
    return _request(message, len(registers))


def search(data: bytes, request: Request) -> Search:
    """Look for the reply to a request among everything that has come.

    What is not the reply is passed over: noise, replies of other units, late replies to earlier
    requests. A reply to a write says what was written where; one to a read says only how much it
    is, so an earlier read of as much cannot be told apart here.

    Args:
        data: What came since the request was sent.
        request: What was asked.

    Returns:
        What was found; never an error, whatever the bytes are.
    """
    best = Search()
    for begin in range(len(data) - 1):
        length = _length(data, begin, request)
        if not length:
            continue
        frame = data[begin : begin + length]
        if len(frame) < length:
            if not best.expected:
                best = replace(best, missing=length - len(frame), expected=length)
        elif not is_intact(frame):
            best = replace(best, damaged=True)
        elif request.reads or length == SHORTEST or frame[:6] == request.frame[:6]:
            return Search(frame, 0, length)
    if best.expected:
        return best
    # The last byte may be the first of the reply.
    started = data[-1:] == bytes([request.unit])
    return Search(b"", SHORTEST - started, 0, best.damaged)


def parse(frame: bytes, request: Request) -> Reply:
    """Take a reply apart.

    Args:
        frame: A whole reply, as ``search`` gave it.
        request: What was asked.

    Returns:
        What it says.

    Raises:
        RemoteExceptionError: The unit refused.
        ChecksumError: The reply contradicts itself.
    """
    message = _framer().decoder.decode(frame[1:-2])
    if message is None:
        raise ChecksumError(
            f"Unit {request.unit} sent a reply that cannot be read: {frame.hex(' ')}.",
            hint="It does not keep to the Modbus specification.",
        )
    if message.isError():
        raise _refusal(message.exception_code, request)
    if request.function <= 2:  # noqa: PLR2004  (the two that read bits)
        return Reply(bits=tuple(message.bits[: request.count]))
    return Reply(registers=tuple(message.registers))


def is_intact(frame: bytes) -> bool:
    """Check the checksum at the end of a frame.

    Args:
        frame: At least four bytes.

    Returns:
        Whether it is right.
    """
    return _framer().compute_CRC(frame[:-2]) == int.from_bytes(frame[-2:], "big")


def _length(data: bytes, begin: int, request: Request) -> int:
    """Tell how long a reply that begins here is; 0 when none can."""
    unit, function = data[begin], data[begin + 1]
    if unit != request.unit:
        return 0
    if function == request.function | EXCEPTION:
        return SHORTEST
    if function != request.function:
        return 0
    size = data[begin + 2 : begin + 3]
    if request.reads and size and size[0] != request.reply_length - SHORTEST:
        return 0
    return request.reply_length


def _refusal(code: int, request: Request) -> RemoteExceptionError:
    name, hint = REASONS.get(
        code, ("unknown exception", "The unit's manual may tell what it means.")
    )
    return RemoteExceptionError(
        f"Unit {request.unit} refused: {name} (exception {code}).",
        hint=hint,
        data={
            "exception": code,
            "name": name,
            "unit": request.unit,
            "function": request.function,
            "address": request.address,
        },
    )


def _request(
    message: ModbusPDU,
    count: int,
    *,
    reply_length: int = 8,
    echoes: bool = False,
    reads: bool = False,
) -> Request:
    return Request(
        message.dev_id,
        message.function_code,
        message.address,
        count,
        _framer().buildFrame(message),
        reply_length,
        echoes,
        reads,
    )


@cache
def _framer() -> FramerRTU:
    from pymodbus.framer.rtu import FramerRTU  # noqa: PLC0415  (rule 3)
    from pymodbus.pdu import DecodePDU  # noqa: PLC0415  (rule 3)

    return FramerRTU(DecodePDU(is_server=False))
