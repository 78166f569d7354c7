"""RAK5802: RS485, as the master of a Modbus RTU line or with any bytes.

1. Facts of the product: its direction is switched by hardware, its line rests when nobody sends.
2. What frames mean is told by ``modbus``; this file has the operations and their limits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.describe import (
    Module,
    Param,
    Product,
    Quality,
    Reading,
    Readings,
    Watch,
    event,
    operation,
)
from wisblock_bridge.errors import BadParamsError, OutOfRangeError
from wisblock_bridge.modules.heard import Ear
from wisblock_bridge.modules.modbus import frames
from wisblock_bridge.modules.modbus.master import Master
from wisblock_bridge.modules.modbus.numbers import (
    NumberType,
    WordOrder,
    number,
    register_count,
    scaled,
)
from wisblock_bridge.wiring import serial_port

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.describe import Memory, Timers
    from wisblock_bridge.modules.modbus.frames import Reply, Request

Baud = Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200]
ParityName = Literal["none", "even", "odd"]

ADDRESSES = 65536

BITS = Reading("bits", "The states, the first address first.", kind="list")
REGISTERS = Reading(
    "registers", "The registers, 0 to 65535 each, the first address first.", kind="list"
)
ON = Reading("on", "The state that was written.", kind="bool")
REGISTER = Reading("register", "The register that was written.", kind="int", low=0, high=65535)
VALUE = Reading(
    "value", "The number, times the factor, plus the offset.", unit="engineering", digits=15
)
DATA = Reading("data", "The bytes that came.", kind="bytes")
BAUD = Reading("baud", "Baud rate.", kind="int", unit="baud", low=1200, high=115200)
PARITY = Reading("parity", "Parity bit.", kind="str", choices=("none", "even", "odd"))
STOP_BITS = Reading("stop_bits", "Stop bits.", kind="int", low=1, high=2)

Unit = Annotated[int, Param("Address of the unit on the line.", low=1, high=247)]
UnitOrAll = Annotated[
    int,
    Param("Address of the unit on the line; 0 is every unit, and none answers.", low=0, high=247),
]
Address = Annotated[
    int,
    Param(
        "The first one, counted from 0 as on the wire; where a manual counts from 1, 10001, 30001 "
        "or 40001, take that off.",
        low=0,
        high=65535,
    ),
]
BitCount = Annotated[int, Param("How many.", low=1, high=2000)]
RegisterCount = Annotated[int, Param("How many.", low=1, high=125)]
TimeoutMs = Annotated[
    float,
    Param(
        "How long the unit may take to begin its answer.",
        unit="millisecond",
        low=10,
        high=10_000,
        label="Answer within",
    ),
]
Retries = Annotated[
    int, Param("How often to ask again when an answer is lost or damaged.", low=0, high=5)
]


def check_reach(params: Any) -> None:  # noqa: ANN401  (the parameters of any of the operations)
    """Refuse what goes beyond the last address.

    Args:
        params: The parameters of a request.

    Raises:
        BadParamsError: The last one asked for would have an address above 65535.
    """
    items = getattr(params, "bits", getattr(params, "registers", None))
    if items is not None:
        count = len(items)
    else:
        count = getattr(params, "count", None) or register_count(params.number_type)
    if params.address + count > ADDRESSES:
        raise BadParamsError(
            f"{count} from address {params.address} on go beyond the last address, 65535.",
            data={"param": "address", "allowed": f"0 to {ADDRESSES - count}"},
        )


class RAK5802(Module):
    """Talk to devices on an RS485 line, with Modbus RTU or any other protocol.

    The bridge is the master of the line. Up to 16 devices ("units") are connected to it in a row, A
    to A, B to B and ground to ground, with 120 Ω at both ends of a long line. Several nodes,
    flows and programs may use the same line and different units: their requests take turns, in the
    order in which they came.

    The line is set to 9600 baud, no parity and 1 stop bit until "line" sets it otherwise; that is
    kept for the slot, also when the bridge starts anew.

    Addresses are those on the wire, counted from 0. What a unit refuses is an error with its reason
    and is not asked again. An answer that is lost or damaged is asked for once more where that only
    reads; a write is not repeated unless asked for, because its answer may have been lost and not
    the write.

    A coil or register that was written stays as it is when the program or the bridge ends: the
    module has no output of its own that could be made safe. If something depends on it, the unit
    needs a watchdog.
    """

    product = Product(
        "RAK5802",
        title="RS485, Modbus",
        family="interface",
        slots=(1, 2),
        icon="wisblock-serial.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak5802/overview/",
    )
    unconfirmed = (
        "That the module does not hear itself: an echo of what is sent is noticed and left out.",
        "That the supply of the module (3V3_S) is always on; IO2 is not touched.",
        "Which USB socket belongs to which slot of a RAK7391: see the section on the port.",
    )

    port = serial_port()

    def __init__(
        self,
        parts: Mapping[str, object],
        clock: Clock,
        timers: Timers,
        memory: Memory | None = None,
    ) -> None:
        super().__init__(parts, clock, timers, memory)
        self._settings = remembered(self.memory.recall())
        self._master: Master | None = None
        self._ear: Ear | None = None

    def open(self) -> None:
        """Open the port and set the line; nothing is sent."""
        self._line_master().configure(self._settings)

    def close(self) -> None:
        """Give the port back; the line rests."""
        self.port.close()

    @operation(gives=(BITS,), main=BITS, reads_only=True, check=check_reach)
    def read_coils(
        self,
        unit: Unit,
        address: Address = 0,
        count: BitCount = 1,
        timeout_ms: TimeoutMs = 1000,
        retries: Retries = 1,
    ) -> Readings:
        """Read coils: bits that can be switched (function 1).

        Returns:
            ``bits``, as many as asked for.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused.
        """
        return self._read("coils", unit, address, count, timeout_ms, retries)

    @operation(gives=(BITS,), main=BITS, reads_only=True, check=check_reach)
    def read_discrete_inputs(
        self,
        unit: Unit,
        address: Address = 0,
        count: BitCount = 1,
        timeout_ms: TimeoutMs = 1000,
        retries: Retries = 1,
    ) -> Readings:
        """Read discrete inputs: bits that can only be read (function 2).

        Returns:
            ``bits``, as many as asked for.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused.
        """
        return self._read("discrete_inputs", unit, address, count, timeout_ms, retries)

    @operation(gives=(REGISTERS,), main=REGISTERS, reads_only=True, default=True, check=check_reach)
    def read_holding_registers(
        self,
        unit: Unit,
        address: Address = 0,
        count: RegisterCount = 1,
        timeout_ms: TimeoutMs = 1000,
        retries: Retries = 1,
    ) -> Readings:
        """Read holding registers: numbers that can be written (function 3).

        Returns:
            ``registers``, as many as asked for.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused.
        """
        return self._read("holding_registers", unit, address, count, timeout_ms, retries)

    @operation(gives=(REGISTERS,), main=REGISTERS, reads_only=True, check=check_reach)
    def read_input_registers(
        self,
        unit: Unit,
        address: Address = 0,
        count: RegisterCount = 1,
        timeout_ms: TimeoutMs = 1000,
        retries: Retries = 1,
    ) -> Readings:
        """Read input registers: numbers that can only be read (function 4).

        Returns:
            ``registers``, as many as asked for.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused.
        """
        return self._read("input_registers", unit, address, count, timeout_ms, retries)

    @operation(gives=(VALUE, REGISTERS), main=VALUE, reads_only=True, check=check_reach)
    def read_value(  # noqa: PLR0913, PLR0917  (each is a field of its own)
        self,
        unit: Unit,
        address: Address = 0,
        table: Annotated[
            Literal["holding_registers", "input_registers"], Param("Which registers.")
        ] = "holding_registers",
        number_type: Annotated[
            NumberType, Param("What the registers hold; 32 bits take two of them.")
        ] = "uint16",
        word_order: Annotated[
            WordOrder, Param("Which of two registers comes first, the high or the low one.")
        ] = "high_first",
        factor: Annotated[
            float, Param("What the number is multiplied by.", low=-1e9, high=1e9)
        ] = 1.0,
        offset: Annotated[float, Param("What is added to it then.", low=-1e9, high=1e9)] = 0.0,
        timeout_ms: TimeoutMs = 1000,
        retries: Retries = 1,
    ) -> Readings:
        """Read one number: signed, of 32 bits or with a point, scaled as the unit's manual says.

        Returns:
            ``value``, and the ``registers`` that it was made of.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused.
            OutOfRangeError: The registers hold no finite number.
        """
        request = frames.read(table, unit, address, register_count(number_type))
        registers = self._ask(request, timeout_ms, retries).registers
        value = scaled(number(registers, number_type, word_order), factor, offset)
        if not math.isfinite(value):
            raise OutOfRangeError(
                f"The registers hold no finite number: {list(registers)}.",
                hint="Is the type right, and the order of the two registers?",
            )
        return self.readings(value=value, registers=list(registers))

    @operation(gives=(ON,), main=ON, payload_param="on")
    def write_coil(
        self,
        unit: UnitOrAll,
        on: Annotated[bool, Param("The new state.")],
        address: Address = 0,
        timeout_ms: TimeoutMs = 1000,
        retries: Retries = 0,
    ) -> Readings:
        """Switch one coil (function 5).

        Returns:
            ``on``, as the unit confirmed it.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused.
        """
        return self._write(frames.write_coil(unit, address, on), timeout_ms, retries, on=on)

    @operation(gives=(BITS,), main=BITS, payload_param="bits", check=check_reach)
    def write_coils(
        self,
        unit: UnitOrAll,
        bits: Annotated[list[bool], Param("The new states, 1 to 64 of them.")],
        address: Address = 0,
        timeout_ms: TimeoutMs = 1000,
        retries: Retries = 0,
    ) -> Readings:
        """Switch several coils at once (function 15).

        Returns:
            ``bits``, as they were written.

        Raises:
            BadParamsError: There are none.
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused.
        """
        if not bits:
            raise nothing_to_write("bits")
        return self._write(frames.write_coils(unit, address, bits), timeout_ms, retries, bits=bits)

    @operation(gives=(REGISTER,), main=REGISTER, payload_param="value")
    def write_register(
        self,
        unit: UnitOrAll,
        value: Annotated[int, Param("The new content.", low=0, high=65535)],
        address: Address = 0,
        timeout_ms: TimeoutMs = 1000,
        retries: Retries = 0,
    ) -> Readings:
        """Write one holding register (function 6).

        Returns:
            ``register``, as the unit confirmed it.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused.
        """
        request = frames.write_register(unit, address, value)
        return self._write(request, timeout_ms, retries, register=value)

    @operation(gives=(REGISTERS,), main=REGISTERS, payload_param="registers", check=check_reach)
    def write_registers(
        self,
        unit: UnitOrAll,
        registers: Annotated[
            list[int], Param("The new contents, 1 to 64 of them.", low=0, high=65535)
        ],
        address: Address = 0,
        timeout_ms: TimeoutMs = 1000,
        retries: Retries = 0,
    ) -> Readings:
        """Write several holding registers at once (function 16).

        Returns:
            ``registers``, as they were written.

        Raises:
            BadParamsError: There are none.
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused.
        """
        if not registers:
            raise nothing_to_write("registers")
        request = frames.write_registers(unit, address, registers)
        return self._write(request, timeout_ms, retries, registers=registers)

    @operation(gives=(DATA,), main=DATA, payload_param="data")
    def transceive(
        self,
        data: Annotated[bytes, Param("What to send, 1 to 1024 bytes.", low=1, high=1024)],
        expect: Annotated[
            int | None,
            Param("How many bytes the answer has; empty to take what comes.", low=0, high=4096),
        ] = None,
        timeout_ms: TimeoutMs = 1000,
    ) -> Readings:
        """Send any bytes and take what comes back, for units that do not speak Modbus.

        Without a number of bytes the answer ends at the first silence of about 0.1 s, and no answer
        is no error.

        Returns:
            ``data``, what came back.

        Raises:
            BusError: Nothing came although an answer was expected.
            ChecksumError: Fewer bytes came than expected.
        """
        found = self._line_master().transceive(data, expect, timeout_ms / 1000.0)
        return self.readings(data=found)

    @operation(gives=(BAUD, PARITY, STOP_BITS), main=BAUD, payload_param="baud")
    def line(
        self,
        baud: Annotated[Baud, Param("Bits per second.", unit="baud")] = 9600,
        parity: Annotated[ParityName, Param("Parity bit.")] = "none",
        stop_bits: Annotated[Literal[1, 2], Param("Stop bits.")] = 1,
    ) -> Readings:
        """Set the line, for all who use it; it is kept for this slot.

        All units on a line must be set alike. The standard's own setting is 19200 baud with even
        parity; many units come with 9600 baud without parity.

        Returns:
            ``baud``, ``parity`` and ``stop_bits`` as set.

        Raises:
            BusError: The port cannot do that.
        """
        settings = LineSettings(baud, parity, stop_bits)
        self._line_master().configure(settings)
        self._settings = settings
        self.memory.remember({"baud": baud, "parity": parity, "stop_bits": stop_bits})
        return self.kept(self.readings(baud=baud, parity=parity, stop_bits=stop_bits))

    @event(gives=(DATA,), main=DATA, polled=False, occurrence=True)
    def received(
        self,
        gap_ms: Annotated[
            float,
            Param("Silence after which what came is told.", unit="millisecond", low=5, high=200),
        ] = 20,
    ) -> Watch:
        """Tell what comes over the line while nobody asks anything.

        Answers to requests are not told. While a request runs, everything that comes belongs to it.

        Returns:
            The look-out.

        Raises:
            BusError: The port is missing.
        """
        self._line_master()
        assert self._ear is not None  # noqa: S101
        return self._ear.listen(gap_ms / 1000.0)

    def _read(
        self,
        table: frames.Table,
        unit: int,
        address: int,
        count: int,
        timeout_ms: float,
        retries: int,
    ) -> Readings:
        reply = self._ask(frames.read(table, unit, address, count), timeout_ms, retries)
        if table in {"coils", "discrete_inputs"}:
            return self.readings(bits=list(reply.bits))
        return self.readings(registers=list(reply.registers))

    def _write(
        self, request: Request, timeout_ms: float, retries: int, **values: object
    ) -> Readings:
        """Write, and give what the unit confirmed; uncertain where that may be an echo."""
        reply = self._ask(request, timeout_ms, retries)
        quality = Quality.UNCERTAIN if reply.note else Quality.GOOD
        return self.readings(quality, reply.note, **values)

    def _ask(self, request: Request, timeout_ms: float, retries: int) -> Reply:
        return self._line_master().ask(request, timeout_ms / 1000.0, retries)

    def _line_master(self) -> Master:
        if self._master is None:
            self._master = Master(self.port, self.clock, self._overheard)
            self._ear = Ear(self.port, self._master.take, lambda data: self.readings(data=data))
        return self._master

    def _overheard(self, data: bytes) -> None:
        if self._ear is not None:
            self._ear.tell(data)


def nothing_to_write(param: str) -> BadParamsError:
    """Refuse an empty list.

    Args:
        param: The parameter.

    Returns:
        The error, to be raised.
    """
    return BadParamsError(
        f"{param} is empty; at least one is wanted.", data={"param": param, "allowed": "1 to 64"}
    )


def remembered(facts: Mapping[str, object]) -> LineSettings:
    """Read what was remembered of a line; nonsense is as good as nothing.

    Args:
        facts: What the memory gave.

    Returns:
        The settings, those of the vendor's examples where there are none.
    """
    baud, parity, stop_bits = facts.get("baud"), facts.get("parity"), facts.get("stop_bits")
    if isinstance(baud, int) and parity in {"none", "even", "odd"} and stop_bits in {1, 2}:
        found: Any = (baud, parity, stop_bits)
        return LineSettings(*found)
    return LineSettings(9600)
