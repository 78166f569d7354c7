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

SPECIFIED = 8
"""A confirmation of a write; that of a mask is two bytes longer."""

LONGEST = 256
"""Longest frame (MODBUS over Serial Line 1.02, 2.5.1)."""

COUNTED = frozenset({1, 2, 3, 4, 23})
"""Functions whose reply says how many bytes of data it has."""

SINGLE = frozenset({5, 6, 22})
"""Functions whose reply is the same as the request (6.5, 6.6 and 6.16)."""

SEVERAL = frozenset({15, 16})
"""Functions whose reply is the beginning of the request; some units send all of it."""

MASK = 22

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
        note: What is uncertain about it.
    """

    bits: tuple[bool, ...] = ()
    registers: tuple[int, ...] = ()
    note: str = ""


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

    @property
    def counted(self) -> bool:
        """Whether the reply says how many bytes of data it has."""
        return self.function in COUNTED

    @property
    def repeatable(self) -> bool:
        """Whether a unit may answer with the request itself."""
        return self.function in SINGLE or self.function in SEVERAL

    def confirms(self, frame: bytes) -> bool:
        """Return whether a confirmation says what was asked for.

        Args:
            frame: A whole reply of this unit to this function.

        Returns:
            True when address and value, or address and count, are those of the request.
        """
        said = self.reply_length - 2
        return frame[:said] == self.frame[:said]


@dataclass(frozen=True, slots=True)
class Search:
    """What a search for a reply has found.

    Attributes:
        frame: The reply, whole and undamaged; empty when there is none.
        missing: How many bytes more are needed at least.
        expected: Length of a reply that has begun; 0 when none has.
        damaged: A reply has come whose checksum is wrong.
        end: Where in the bytes the reply ends; 0 when there is none.
    """

    frame: bytes = b""
    missing: int = SHORTEST
    expected: int = 0
    damaged: bool = False
    end: int = 0


def read(table: Table, unit: int, address: int, count: int) -> Request:
    """Ask for bits or registers.

    Args:
        table: Which of the unit's four tables.
        unit: 1...255.
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
        unit: 0...255.
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
        unit: 0...255.
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
        unit: 0...255.
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
        unit: 0...255.
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


def mask_write(unit: int, address: int, and_mask: int, or_mask: int) -> Request:
    """Change some bits of a holding register; the unit does it in one step.

    The register becomes (register AND and_mask) OR (or_mask AND NOT and_mask).

    Args:
        unit: 0...255.
        address: Which, 0...65535.
        and_mask: Bits that stay, 0...65535.
        or_mask: Bits that are set where they do not stay, 0...65535.

    Returns:
        The request.
    """
    from pymodbus.pdu.register_message import MaskWriteRegisterRequest  # noqa: PLC0415  (rule 3)

    message = MaskWriteRegisterRequest(
        dev_id=unit, address=address, and_mask=and_mask, or_mask=or_mask
    )
    return _request(message, 1, reply_length=10, echoes=True)


def read_write(
    unit: int, address: int, count: int, write_address: int, registers: Sequence[int]
) -> Request:
    """Write several holding registers and read several, the writing first.

    Args:
        unit: 1...255.
        address: The first to read, 0...65535.
        count: How many to read, 1...125.
        write_address: The first to write, 0...65535.
        registers: 1 to 121 of them, 0...65535 each.

    Returns:
        The request.
    """
    from pymodbus.pdu import register_message  # noqa: PLC0415  (rule 3)

    message = register_message.ReadWriteMultipleRegistersRequest(
        dev_id=unit,
        read_address=address,
        read_count=count,
        write_address=write_address,
        write_registers=list(registers),
    )
    asked = _request(message, count, reply_length=SHORTEST + 2 * count)
    return replace(asked, address=address)


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
        if request.function in SEVERAL and data.startswith(request.frame, begin):
            return Search(request.frame, 0, end=begin + len(request.frame))
        length = _length(data, begin, request)
        if not length:
            continue
        frame = data[begin : begin + length]
        if len(frame) < length:
            if not best.expected:
                best = replace(best, missing=length - len(frame), expected=length)
        elif not is_intact(frame):
            best = replace(best, damaged=True)
        elif request.counted or length == SHORTEST or request.confirms(frame):
            return Search(frame, 0, end=begin + length)
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
    if not request.counted:
        return Reply()
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
    """Return how long a reply that begins here is; 0 when none can."""
    unit, function = data[begin], data[begin + 1]
    if unit != request.unit:
        return 0
    if function == request.function | EXCEPTION:
        return SHORTEST
    if function != request.function:
        return 0
    size = data[begin + 2 : begin + 3]
    if request.counted and size and size[0] != request.reply_length - SHORTEST:
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
    reply_length: int = SPECIFIED,
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
