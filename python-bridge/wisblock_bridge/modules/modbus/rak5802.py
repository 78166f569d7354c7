"""RAK5802: RS485, as the master of a Modbus RTU line or with any bytes.

1. Facts of the product: its direction is switched by hardware, its line rests when nobody sends.
2. What frames mean is told by ``modbus``; this file has the operations and their limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.module_api import (
    EventSource,
    Module,
    Param,
    Product,
    Quality,
    Result,
    event,
    operation,
    serial_port,
)
from wisblock_bridge.modules.modbus import frames, params
from wisblock_bridge.modules.modbus.late import QUIET_S
from wisblock_bridge.modules.modbus.master import Master
from wisblock_bridge.modules.modbus.values import ModbusValues
from wisblock_bridge.modules.shared.serial_listener import SerialFanout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.modules.modbus.echo import EchoMode
    from wisblock_bridge.modules.modbus.frames import Reply, Request

UNCLEAN = 7
"""Data bits with which raw bytes can be sent, and no Modbus RTU."""


class RAK5802(Module, ModbusValues):
    """Talk to devices on an RS485 line, with Modbus RTU or any other protocol.

    The bridge is the master of the line. Up to 16 devices ("units") are connected to it in a row, A
    to A, B to B and ground to ground, with 120 Ω at both ends of a long line. Several nodes,
    flows and programs may use the same line and different units: their requests take turns, in the
    order in which they came.

    The line is set to 9600 baud, no parity and 1 stop bit until "line" sets it otherwise; that is
    kept for the slot, also when the bridge starts again.

    Addresses are those on the wire, counted from 0. What a unit refuses is an error with its reason
    and is not asked again; an answer to something else is an error that quotes it. An answer
    that is lost or damaged is asked for once more where that only reads; a write is not repeated
    unless asked for, because its answer may have been lost and not the write.

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
        (
            "That the module does not hear itself: an echo is noticed and left out. Until a "
            "request has told whether there is one, a write may be uncertain; see the section on "
            "the echo."
        ),
        (
            "That the supply of the module (3V3_S) is always on with a RAK7391, as it is with a "
            "RAK6421; IO2 is not touched."
        ),
        "Which USB socket belongs to which slot of a RAK7391: see the section on the port.",
    )

    port = serial_port()

    def setup(self) -> None:
        """Recall the settings of the line; the port is opened later."""
        self._settings, self._echo, self._quiet_s = remembered(self.memory.recall())
        self._master: Master | None = None
        self._fanout: SerialFanout | None = None

    def open(self) -> None:
        """Open the port and set the line; nothing is sent."""
        self._line_master().configure(self._settings)

    def close(self) -> None:
        """Release the port; the line rests."""
        self.port.close()

    @operation(gives=(params.BITS,), main=params.BITS, reads_only=True, check=params.check_reach)
    def read_coils(
        self,
        unit: params.Unit,
        address: params.Address = 0,
        count: params.BitCount = 1,
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 1,
    ) -> Result:
        """Read coils: bits that can be switched (function 1).

        Returns:
            ``bits``, as many as asked for.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
        """
        return self._read("coils", unit, address, count, timeout_ms, retries)

    @operation(gives=(params.BITS,), main=params.BITS, reads_only=True, check=params.check_reach)
    def read_discrete_inputs(
        self,
        unit: params.Unit,
        address: params.Address = 0,
        count: params.BitCount = 1,
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 1,
    ) -> Result:
        """Read discrete inputs: bits that can only be read (function 2).

        Returns:
            ``bits``, as many as asked for.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
        """
        return self._read("discrete_inputs", unit, address, count, timeout_ms, retries)

    @operation(
        gives=(params.REGISTERS,),
        main=params.REGISTERS,
        reads_only=True,
        default=True,
        check=params.check_reach,
    )
    def read_holding_registers(
        self,
        unit: params.Unit,
        address: params.Address = 0,
        count: params.RegisterCount = 1,
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 1,
    ) -> Result:
        """Read holding registers: numbers that can be written (function 3).

        Returns:
            ``registers``, as many as asked for.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
        """
        return self._read("holding_registers", unit, address, count, timeout_ms, retries)

    @operation(
        gives=(params.REGISTERS,), main=params.REGISTERS, reads_only=True, check=params.check_reach
    )
    def read_input_registers(
        self,
        unit: params.Unit,
        address: params.Address = 0,
        count: params.RegisterCount = 1,
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 1,
    ) -> Result:
        """Read input registers: numbers that can only be read (function 4).

        Returns:
            ``registers``, as many as asked for.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
        """
        return self._read("input_registers", unit, address, count, timeout_ms, retries)

    @operation(gives=(params.ON,), main=params.ON, payload_param="on")
    def write_coil(
        self,
        unit: params.UnitOrAll,
        on: Annotated[bool, Param("The new state.")],
        address: params.Address = 0,
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 0,
    ) -> Result:
        """Switch one coil (function 5).

        Returns:
            ``on``, as the unit confirmed it.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
        """
        return self._write(frames.write_coil(unit, address, on), timeout_ms, retries, on=on)

    @operation(
        gives=(params.BITS,), main=params.BITS, payload_param="bits", check=params.check_reach
    )
    def write_coils(
        self,
        unit: params.UnitOrAll,
        bits: params.Bits,
        address: params.Address = 0,
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 0,
    ) -> Result:
        """Switch several coils at once (function 15).

        Returns:
            ``bits``, as they were written.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
        """
        return self._write(frames.write_coils(unit, address, bits), timeout_ms, retries, bits=bits)

    @operation(gives=(params.REGISTER,), main=params.REGISTER, payload_param="value")
    def write_register(
        self,
        unit: params.UnitOrAll,
        value: Annotated[int, Param("The new content.", low=0, high=65535)],
        address: params.Address = 0,
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 0,
    ) -> Result:
        """Write one holding register (function 6).

        Returns:
            ``register``, as the unit confirmed it.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
        """
        request = frames.write_register(unit, address, value)
        return self._write(request, timeout_ms, retries, register=value)

    @operation(
        gives=(params.REGISTERS,),
        main=params.REGISTERS,
        payload_param="registers",
        check=params.check_reach,
    )
    def write_registers(
        self,
        unit: params.UnitOrAll,
        registers: params.Registers,
        address: params.Address = 0,
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 0,
    ) -> Result:
        """Write several holding registers at once (function 16).

        Returns:
            ``registers``, as they were written.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
        """
        request = frames.write_registers(unit, address, registers)
        return self._write(request, timeout_ms, retries, registers=registers)

    @operation(gives=(params.AND_MASK, params.OR_MASK), main=params.OR_MASK)
    def mask_write_register(
        self,
        unit: params.UnitOrAll,
        and_mask: params.AndMask,
        or_mask: params.OrMask,
        address: params.Address = 0,
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 0,
    ) -> Result:
        """Change some bits of a holding register and leave the others (function 22).

        The unit does it in one step: the register becomes (register AND and_mask) OR (or_mask AND
        NOT and_mask). To set bit 3, and_mask is 65527 and or_mask 8; to clear it, or_mask is 0.

        Returns:
            ``and_mask`` and ``or_mask``, as the unit confirmed them.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or confirmed something else.
        """
        request = frames.mask_write(unit, address, and_mask, or_mask)
        return self._write(request, timeout_ms, retries, and_mask=and_mask, or_mask=or_mask)

    @operation(
        gives=(params.REGISTERS,),
        main=params.REGISTERS,
        payload_param="registers",
        check=params.check_both_reaches,
    )
    def read_write_registers(
        self,
        unit: params.Unit,
        registers: params.RegistersBeside,
        write_address: params.WriteAddress = 0,
        address: params.Address = 0,
        count: params.RegisterCount = 1,
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 0,
    ) -> Result:
        """Write several holding registers and read several in one request (function 23).

        The unit writes first, then reads.

        Returns:
            ``registers``, as many as asked for.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
        """
        request = frames.read_write(unit, address, count, write_address, registers)
        return self.readings(registers=list(self._ask(request, timeout_ms, retries).registers))

    @operation(gives=(params.DATA,), main=params.DATA, payload_param="data")
    def transceive(
        self,
        data: Annotated[bytes, Param("What to send, 1 to 1024 bytes.", low=1, high=1024)],
        expect: Annotated[
            int | None,
            Param("How many bytes the answer has; empty to take what comes.", low=0, high=4096),
        ] = None,
        timeout_ms: params.TimeoutMs = 1000,
    ) -> Result:
        """Send any bytes and take what comes back, for units that do not speak Modbus.

        Without a number of bytes the answer ends at the first silence of about 0.1 s, and no answer
        is no error.

        Returns:
            ``data``, what came back.

        Raises:
            BusError: Nothing came although an answer was expected.
            ChecksumError: Fewer bytes came than expected.
        """
        if self._settings.data_bits == UNCLEAN and not data.isascii():
            raise BadParamsError(
                f"data has bytes above 0x7F, the line has {UNCLEAN} data bits; allowed: 00...7f.",
                data={"param": "data", "allowed": "bytes 00...7f"},
            )
        found = self._line_master().transceive(data, expect, timeout_ms / 1000.0)
        return self.readings(data=found)

    @operation(
        gives=(
            params.BAUD,
            params.PARITY,
            params.STOP_BITS,
            params.DATA_BITS,
            params.ECHO_MODE,
            params.QUIET,
        ),
        main=params.BAUD,
        payload_param="baud",
    )
    def line(
        self,
        baud: params.Baud = 9600,
        parity: params.Parity = "none",
        stop_bits: params.StopBits = 1,
        data_bits: params.DataBits = 8,
        echo: params.EchoOf = "auto",
        quiet_ms: params.QuietMs = QUIET_S * 1000.0,
    ) -> Result:
        """Set the line, for all who use it; it is kept for this slot.

        All units on a line must be set alike. The standard's own setting is 19200 baud with even
        parity; many units come with 9600 baud without parity.

        Returns:
            The settings of the line.

        Raises:
            BusError: The port cannot do that.
        """
        settings = LineSettings(baud, parity, stop_bits, data_bits)
        master = self._line_master()
        master.configure(settings)
        self._settings, self._echo, self._quiet_s = settings, echo, quiet_ms / 1000.0
        self._tune(master)
        kept: dict[str, object] = {
            "baud": baud,
            "parity": parity,
            "stop_bits": stop_bits,
            "data_bits": data_bits,
            "quiet_ms": quiet_ms,
        }
        self.memory.remember(kept | {"echo": echo})
        return self.kept(self.readings(Quality.GOOD, "", **kept, echo_mode=echo))

    @event(gives=(params.DATA,), main=params.DATA, polled=False, occurrence=True)
    def received(
        self,
        gap_ms: Annotated[
            float,
            Param(
                "Silence after which what came is reported.", unit="millisecond", low=5, high=200
            ),
        ] = 20,
    ) -> EventSource:
        """Report what comes over the line while nobody asks anything.

        Answers to requests are not reported. While a request runs, everything that comes belongs to
        it.

        Returns:
            The event source.

        Raises:
            BusError: The port is missing.
        """
        self._line_master()
        assert self._fanout is not None  # noqa: S101
        return self._fanout.listen(gap_ms / 1000.0)

    def _read(
        self,
        table: frames.Table,
        unit: int,
        address: int,
        count: int,
        timeout_ms: float,
        retries: int,
    ) -> Result:
        reply = self._ask(frames.read(table, unit, address, count), timeout_ms, retries)
        if table in {"coils", "discrete_inputs"}:
            return self.readings(bits=list(reply.bits))
        return self.readings(registers=list(reply.registers))

    def _write(self, request: Request, timeout_ms: float, retries: int, **values: object) -> Result:
        """Write, and give what the unit confirmed; uncertain where that may be an echo."""
        reply = self._ask(request, timeout_ms, retries)
        quality = Quality.UNCERTAIN if reply.note else Quality.GOOD
        return self.readings(quality, reply.note, **values)

    def _ask(self, request: Request, timeout_ms: float, retries: int) -> Reply:
        if self._settings.data_bits == UNCLEAN:
            raise BadParamsError(
                f"The line has {UNCLEAN} data bits; Modbus RTU has 8.",
                hint="Set data_bits to 8 with `line`; with 7, `transceive` sends raw bytes.",
                data={"param": "data_bits", "allowed": "8"},
            )
        return self._line_master().ask(request, timeout_ms / 1000.0, retries)

    def _line_master(self) -> Master:
        if self._master is None:
            self._master = Master(self.port, self.clock, self._overheard)
            self._tune(self._master)
            self._fanout = SerialFanout(
                self.port, self._master.take, lambda data: self.readings(data=data)
            )
        return self._master

    def _tune(self, master: Master) -> None:
        master.echo.set(self._echo)
        master.late.quiet_s = self._quiet_s

    def _overheard(self, data: bytes) -> None:
        if self._fanout is not None:
            self._fanout.tell(data)


def remembered(facts: Mapping[str, object]) -> tuple[LineSettings, EchoMode, float]:
    """Read what was remembered of a line; nonsense is as good as nothing.

    Args:
        facts: What the memory gave.

    Returns:
        The settings, how an echo is known, and how long late answers are waited for, s; those of
        the vendor's examples and the usual ones where there are none.
    """
    baud, parity, stop_bits = facts.get("baud"), facts.get("parity"), facts.get("stop_bits")
    data_bits, echo = facts.get("data_bits", 8), facts.get("echo", "auto")
    quiet_ms = facts.get("quiet_ms", QUIET_S * 1000.0)
    if (
        isinstance(baud, int)
        and parity in {"none", "even", "odd"}
        and stop_bits in {1, 2}
        and data_bits in {7, 8}
        and echo in {"auto", "on", "off"}
        and isinstance(quiet_ms, int | float)
        and quiet_ms >= QUIET_S * 1000.0
    ):
        found: Any = (baud, parity, stop_bits, data_bits)
        how: Any = echo
        return LineSettings(*found), how, quiet_ms / 1000.0
    return LineSettings(9600), "auto", QUIET_S
