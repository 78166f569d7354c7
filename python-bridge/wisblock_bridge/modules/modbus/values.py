"""Operations on what registers stand for: numbers, texts, bit fields.

1. Which registers are meant and how they are read out is said here; how a frame is sent is the
   business of the module that has these operations.
2. Nothing is written that the registers cannot hold; nothing is read out that is no value.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from wisblock_bridge.errors import OutOfRangeError
from wisblock_bridge.module_api import Quality, Result, operation
from wisblock_bridge.modules.modbus import frames, params
from wisblock_bridge.modules.modbus.numbers import (
    EXACT,
    encode,
    from_bytes,
    number,
    register_count,
    scaled,
    to_bytes,
)

if TYPE_CHECKING:
    from wisblock_bridge.modules.modbus.frames import Reply, Request

PADDING = "\0 "


class ModbusValues(ABC):
    """Reads and writes what registers stand for; a part of a module, and none itself."""

    if TYPE_CHECKING:  # what the module has

        def readings(
            self, quality: Quality = Quality.GOOD, note: str = "", **values: object
        ) -> Result:
            """Pack values measured just now."""

    @operation(
        gives=(params.VALUE, params.REGISTERS),
        main=params.VALUE,
        reads_only=True,
        check=params.check_reach,
    )
    def read_value(  # noqa: PLR0913, PLR0917  (each is a field of its own)
        self,
        unit: params.Unit,
        address: params.Address = 0,
        table: params.Table = "holding_registers",
        number_type: params.Type = "uint16",
        word_order: params.WordOrder = "high_first",
        byte_order: params.ByteOrder = "high_first",
        factor: params.Factor = 1.0,
        offset: params.Offset = 0.0,
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 1,
    ) -> Result:
        """Read a number of 16, 32 or 64 bits, signed or floating point, scaled as the manual says.

        A whole number of 64 bits beyond 9007199254740992 is rounded, and uncertain.

        Returns:
            ``value``, and the ``registers`` that it was made of.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
            OutOfRangeError: The registers hold no finite number.
        """
        request = frames.read(table, unit, address, register_count(number_type))
        registers = self._ask(request, timeout_ms, retries).registers
        raw = number(registers, number_type, word_order, byte_order)
        value = scaled(raw, factor, offset, number_type)
        if not math.isfinite(value):
            raise OutOfRangeError(
                f"The registers hold no finite number: {list(registers)}.",
                hint="Is the type right, and the order of the registers and of their bytes?",
            )
        if isinstance(raw, int) and abs(raw) > EXACT:
            note = f"The registers hold {raw}; a number with more than 53 bits is rounded."
            return self.readings(Quality.UNCERTAIN, note, value=value, registers=list(registers))
        return self.readings(value=value, registers=list(registers))

    @operation(
        gives=(params.VALUE, params.REGISTERS),
        main=params.VALUE,
        payload_param="value",
        check=params.check_value,
    )
    def write_value(  # noqa: PLR0913, PLR0917  (each is a field of its own)
        self,
        unit: params.UnitOrAll,
        value: params.Value,
        address: params.Address = 0,
        number_type: params.Type = "uint16",
        word_order: params.WordOrder = "high_first",
        byte_order: params.ByteOrder = "high_first",
        factor: params.Factor = 1.0,
        offset: params.Offset = 0.0,
        function: params.Function = 16,
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 0,
    ) -> Result:
        """Write a number of 16, 32 or 64 bits, signed or floating point, scaled as for reading.

        The registers get (value - offset) / factor; where they hold whole numbers and there is a
        factor or an offset, the nearest. It is written with function 16, all registers at once, or
        with function 6 where one register suffices and the unit knows no other. A whole number of
        64 bits goes up to 9007199254740992; write_registers writes any.

        Returns:
            ``value`` as the registers stand for it now, and the ``registers``.

        Raises:
            BadParamsError: The registers cannot hold the value.
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or confirmed something else.
        """
        registers, held = encode(value, number_type, word_order, byte_order, factor, offset)
        if function == params.SINGLE_REGISTER:
            request = frames.write_register(unit, address, registers[0])
        else:
            request = frames.write_registers(unit, address, registers)
        return self._write(request, timeout_ms, retries, value=held, registers=registers)

    @operation(
        gives=(params.TEXT, params.REGISTERS),
        main=params.TEXT,
        reads_only=True,
        check=params.check_reach,
    )
    def read_text(
        self,
        unit: params.Unit,
        address: params.Address = 0,
        count: params.TextCount = 8,
        table: params.Table = "holding_registers",
        byte_order: params.ByteOrder = "high_first",
        encoding: params.Encoding = "ascii",
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 1,
    ) -> Result:
        """Read a text, two characters in each register, without zeros and spaces at its end.

        Returns:
            ``text``, and the ``registers`` that it was made of.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
            OutOfRangeError: The registers hold no text of this encoding.
        """
        request = frames.read(table, unit, address, count)
        registers = self._ask(request, timeout_ms, retries).registers
        data = to_bytes(registers, "high_first", byte_order)
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            raise OutOfRangeError(
                f"The registers hold no {encoding} text: {data.hex(' ')}.",
                hint="Is the encoding right, and the address?",
            ) from None
        return self.readings(text=text.rstrip(PADDING), registers=list(registers))

    @operation(
        gives=(params.TEXT, params.REGISTERS),
        main=params.TEXT,
        payload_param="text",
        check=params.check_text,
    )
    def write_text(
        self,
        unit: params.UnitOrAll,
        text: params.Text,
        address: params.Address = 0,
        count: params.TextCount = 8,
        byte_order: params.ByteOrder = "high_first",
        encoding: params.Encoding = "ascii",
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 0,
    ) -> Result:
        """Write a text, two characters in each register, the rest filled with zeros (function 16).

        Returns:
            ``text`` and ``registers``, as they were written.

        Raises:
            BadParamsError: The registers cannot hold the text.
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or confirmed something else.
        """
        data = text.encode(encoding).ljust(2 * count, b"\0")
        registers = from_bytes(data, "high_first", byte_order)
        request = frames.write_registers(unit, address, registers)
        return self._write(request, timeout_ms, retries, text=text, registers=registers)

    @operation(
        gives=(params.BITS, params.REGISTERS),
        main=params.BITS,
        reads_only=True,
        check=params.check_reach,
    )
    def read_bit_field(
        self,
        unit: params.Unit,
        address: params.Address = 0,
        width: params.Width = 16,
        table: params.Table = "holding_registers",
        word_order: params.WordOrder = "high_first",
        byte_order: params.ByteOrder = "high_first",
        timeout_ms: params.TimeoutMs = 1000,
        retries: params.Retries = 1,
    ) -> Result:
        """Read the single bits of one, two or four registers, such as a status word.

        Returns:
            ``bits``, bit 0 (the lowest) first, and the ``registers`` that they were in.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
        """
        request = frames.read(table, unit, address, width // params.REGISTER_BITS)
        registers = self._ask(request, timeout_ms, retries).registers
        whole = int.from_bytes(to_bytes(registers, word_order, byte_order), "big")
        bits = [bool(whole >> each & 1) for each in range(width)]
        return self.readings(bits=bits, registers=list(registers))

    @abstractmethod
    def _ask(self, request: Request, timeout_ms: float, retries: int) -> Reply:
        """Send a request and give the reply."""

    @abstractmethod
    def _write(self, request: Request, timeout_ms: float, retries: int, **values: object) -> Result:
        """Send a request that writes, and give what was written."""
