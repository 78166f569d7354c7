"""Operations on what registers stand for: numbers, texts, bit fields.

1. Which registers are meant and how they are read out is said here; how a frame is sent is the
   business of the module that has these operations.
2. Nothing is written that the registers cannot hold; nothing is read out that is no value.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from wisblock_bridge.describe import Quality, Readings, operation
from wisblock_bridge.errors import OutOfRangeError
from wisblock_bridge.modules import modbus_vocabulary as words
from wisblock_bridge.modules.modbus import frames
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
        ) -> Readings:
            """Pack values measured just now."""

    @operation(
        gives=(words.VALUE, words.REGISTERS),
        main=words.VALUE,
        reads_only=True,
        check=words.check_reach,
    )
    def read_value(  # noqa: PLR0913, PLR0917  (each is a field of its own)
        self,
        unit: words.Unit,
        address: words.Address = 0,
        table: words.Table = "holding_registers",
        number_type: words.Type = "uint16",
        word_order: words.WordOrder = "high_first",
        byte_order: words.ByteOrder = "high_first",
        factor: words.Factor = 1.0,
        offset: words.Offset = 0.0,
        timeout_ms: words.TimeoutMs = 1000,
        retries: words.Retries = 1,
    ) -> Readings:
        """Read one number of 16, 32 or 64 bits, signed or with a point, scaled as the manual says.

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
        gives=(words.VALUE, words.REGISTERS),
        main=words.VALUE,
        payload_param="value",
        check=words.check_value,
    )
    def write_value(  # noqa: PLR0913, PLR0917  (each is a field of its own)
        self,
        unit: words.UnitOrAll,
        value: words.Value,
        address: words.Address = 0,
        number_type: words.Type = "uint16",
        word_order: words.WordOrder = "high_first",
        byte_order: words.ByteOrder = "high_first",
        factor: words.Factor = 1.0,
        offset: words.Offset = 0.0,
        function: words.Function = 16,
        timeout_ms: words.TimeoutMs = 1000,
        retries: words.Retries = 0,
    ) -> Readings:
        """Write one number of 16, 32 or 64 bits, signed or with a point, scaled as for reading.

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
        if function == words.SINGLE_REGISTER:
            request = frames.write_register(unit, address, registers[0])
        else:
            request = frames.write_registers(unit, address, registers)
        return self._write(request, timeout_ms, retries, value=held, registers=registers)

    @operation(
        gives=(words.TEXT, words.REGISTERS),
        main=words.TEXT,
        reads_only=True,
        check=words.check_reach,
    )
    def read_text(
        self,
        unit: words.Unit,
        address: words.Address = 0,
        count: words.TextCount = 8,
        table: words.Table = "holding_registers",
        byte_order: words.ByteOrder = "high_first",
        encoding: words.Encoding = "ascii",
        timeout_ms: words.TimeoutMs = 1000,
        retries: words.Retries = 1,
    ) -> Readings:
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
        gives=(words.TEXT, words.REGISTERS),
        main=words.TEXT,
        payload_param="text",
        check=words.check_text,
    )
    def write_text(
        self,
        unit: words.UnitOrAll,
        text: words.Text,
        address: words.Address = 0,
        count: words.TextCount = 8,
        byte_order: words.ByteOrder = "high_first",
        encoding: words.Encoding = "ascii",
        timeout_ms: words.TimeoutMs = 1000,
        retries: words.Retries = 0,
    ) -> Readings:
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
        gives=(words.BITS, words.REGISTERS),
        main=words.BITS,
        reads_only=True,
        check=words.check_reach,
    )
    def read_bit_field(
        self,
        unit: words.Unit,
        address: words.Address = 0,
        width: words.Width = 16,
        table: words.Table = "holding_registers",
        word_order: words.WordOrder = "high_first",
        byte_order: words.ByteOrder = "high_first",
        timeout_ms: words.TimeoutMs = 1000,
        retries: words.Retries = 1,
    ) -> Readings:
        """Read the single bits of one, two or four registers, such as a status word.

        Returns:
            ``bits``, bit 0 (the lowest) first, and the ``registers`` that they were in.

        Raises:
            BusError: The unit did not answer.
            ChecksumError: Its answer was damaged or broke off.
            RemoteExceptionError: It refused, or answered something else.
        """
        request = frames.read(table, unit, address, width // words.REGISTER_BITS)
        registers = self._ask(request, timeout_ms, retries).registers
        whole = int.from_bytes(to_bytes(registers, word_order, byte_order), "big")
        bits = [bool(whole >> each & 1) for each in range(width)]
        return self.readings(bits=bits, registers=list(registers))

    @abstractmethod
    def _ask(self, request: Request, timeout_ms: float, retries: int) -> Reply:
        """Send a request and give the reply."""

    @abstractmethod
    def _write(
        self, request: Request, timeout_ms: float, retries: int, **values: object
    ) -> Readings:
        """Send a request that writes, and give what was written."""
