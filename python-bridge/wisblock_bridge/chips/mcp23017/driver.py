"""MCP23017, 16-bit I2C expander: the driver.

1. Registers of the datasheet on one side, pins 0...15 on the other; nothing about who uses a pin.
2. The latch is written before the direction and computed from the latch, never from the pins.
3. A chip in either register layout is brought to the one used here without touching an output.
4. What the chip was last told is remembered; after any failure that memory is dropped and read from
   the chip again.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from wisblock_bridge.buses.gpio import Direction
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.errors import BusError, BusFault, WrongChipError

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

LINE_COUNT = 16
ALL_PINS = 0xFFFF

# Register addresses with IOCON.BANK = 0; each register is a pair, port A and port B.
DIRECTION, POLARITY, CONTROL, PULL_UP, PINS, LATCH = 0x00, 0x02, 0x0A, 0x0C, 0x12, 0x14
CONTROL_IF_BANKED = 0x05
"""Where IOCON is with BANK = 1; with BANK = 0 this is GPINTENB, where 0 does no harm."""
REGISTER_COUNT = 22

_LEAVE_BANKED_LAYOUT = Write(bytes((CONTROL_IF_BANKED, 0x00)))
# Paired layout, two interrupt outputs, pointer counting on, slew rate controlled, INT driven and
# active low: all as after power-up.
_PLAIN_CONTROL = Write(bytes((CONTROL, 0x00)))
# IPOL, GPINTEN, DEFVAL and INTCON of both ports: true levels, no interrupts.
_TRUE_LEVELS_NO_INTERRUPTS = Write(bytes((POLARITY, *(0x00,) * 8)))
_NO_PULL_UPS = Write(bytes((PULL_UP, 0x00, 0x00)))

_ALL_REGISTERS = Write(bytes((DIRECTION,)))
_PINS_OF_PORT = (Write(bytes((PINS,))), Write(bytes((PINS + 1,))))
_PINS_PAIR = _PINS_OF_PORT[0]
_DIRECTION_PAIR = Write(bytes((DIRECTION,)))
_PULL_UP_PAIR = Write(bytes((PULL_UP,)))
_LATCH_PAIR = Write(bytes((LATCH,)))
_ONE_BYTE, _TWO_BYTES, _EVERYTHING = Read(1), Read(2), Read(REGISTER_COUNT)


class MCP23017:
    """A 16-bit expander; pin 0...7 is GPA0...GPA7, pin 8...15 is GPB0...GPB7.

    The chip keeps latches, directions and pull-ups while it has supply, whatever happens to the
    computer, and other programs leave it in another register layout (BANK = 1). So the driver
    first makes the layout certain, reads what is set, and from then on changes only what it is
    asked to. The first step is safe in both layouts: a 0 to address 0x05 ends the layout BANK = 1,
    and in the layout BANK = 0 it only ends interrupts of port B, which are not used here.

    Newer datasheets call pins 7 and 15 outputs only: they may be read, but a changing input there
    can disturb a transfer on the bus.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address, 0x20...0x27.
        clock: Time; not needed by this chip, taken so that all chips are built alike.

    Source: Microchip MCP23017 datasheet DS20001952C, sections 3.2 "Serial interface" and 3.5
        "Configuration and control registers".
    """

    line_count = LINE_COUNT

    def __init__(self, bus: I2CBus, address: int, clock: Clock) -> None:  # noqa: ARG002
        self._bus = bus
        self._address = address
        self.name = f"MCP23017 0x{address:02x} on {bus.name}"
        self._lock = threading.Lock()
        self._latch = 0
        self._inputs = ALL_PINS
        """The direction registers as a word: bit n is 1 when pin n is an input."""
        self._pull_ups = 0
        self._known = False
        # What was commanded since ``begin``; unlike the above it is never read from the chip.
        self._driven = 0
        self._levels = 0
        self._resistors = 0
        self._to_verify = 0
        """Outputs whose latch is looked at with the next check: a supply that fails between the
        two writes that make an output leaves a latch of 0."""

    def begin(self) -> None:
        """Take over a chip in whatever state it is, without touching an output.

        Afterwards the register layout is the plain one, inputs are read as they are, interrupts and
        pull-ups are off. Latches and directions are as they were: ``latches`` and ``directions``
        tell what an earlier owner left, and the caller decides what to do about it. A chip fresh
        from power-up has inputs only.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        with self._lock:
            self._driven = self._resistors = self._to_verify = 0
            self._known = False
            self._learn_locked()
            self._known = False
            self._bus.transfer(self._address, _NO_PULL_UPS)
            self._pull_ups = 0
            self._known = True

    def level(self, pin: int) -> int:
        """Read the level at a pin: one transaction of one byte.

        Args:
            pin: 0...15.

        Returns:
            0 or 1, whatever the direction of the pin.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        self._mask(pin)
        port = self._read(_PINS_OF_PORT[pin >> 3], _ONE_BYTE)
        return port[0] >> (pin & 7) & 1

    def levels(self) -> int:
        """Read all pins: one transaction of two bytes.

        Returns:
            Bit n is the level of pin n.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        return _word(self._read(_PINS_PAIR, _TWO_BYTES))

    def directions(self) -> int:
        """Ask the chip which pins are outputs.

        Returns:
            Bit n is 1 when pin n is an output.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        return ~_word(self._read(_DIRECTION_PAIR, _TWO_BYTES)) & ALL_PINS

    def latches(self) -> int:
        """Ask the chip what its outputs are to be; a pin that differs from it is overloaded.

        Returns:
            Bit n is the latch of pin n, also while the pin is an input.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        return _word(self._read(_LATCH_PAIR, _TWO_BYTES))

    def pull_ups(self) -> int:
        """Ask the chip which pull-ups are on; they act on inputs only.

        Returns:
            Bit n is 1 when the pull-up of pin n (about 100 kΩ) is on.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        return _word(self._read(_PULL_UP_PAIR, _TWO_BYTES))

    def is_reset(self) -> bool:
        """Look whether the chip stands as after power-up: inputs only, latches 0, no pull-ups.

        A chip that was configured and stands like this has lost its supply for a moment, or
        somebody used its reset pin. ``begin`` and the configuration are then due again. For a chip
        with an output one short transaction is enough.

        Returns:
            True when nothing of a configuration is left; also true when there never was one.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        if _word(self._read(_DIRECTION_PAIR, _TWO_BYTES)) != ALL_PINS:
            return False
        if any(self._read(_PULL_UP_PAIR, _TWO_BYTES) + self._read(_LATCH_PAIR, _TWO_BYTES)):
            return False
        self._forget()
        return True

    def has_forgotten(self) -> bool:
        """Look whether anything that was commanded since ``begin`` is gone: one transaction.

        After power-up IODIR reads 0xFF, GPPU and OLAT 0 (table 3-1 of the datasheet). Outputs are
        told by IODIR; those that were commanded since the last check by OLAT as well, with a
        second transaction; without outputs pull-ups are told by GPPU. ``begin`` is due when
        something is gone.

        Returns:
            True when a pin is an output no more, has another latch, or lost its pull-up; False
            without a transaction when nothing was commanded.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        driven, resistors = self._driven, self._resistors
        if driven:
            gone = _word(self._read(_DIRECTION_PAIR, _TWO_BYTES)) & driven
            if self._to_verify and not gone:
                latch = _word(self._read(_LATCH_PAIR, _TWO_BYTES))
                gone = (latch ^ self._levels) & self._to_verify
                self._to_verify = 0
        elif resistors:
            gone = ~_word(self._read(_PULL_UP_PAIR, _TWO_BYTES)) & resistors
        else:
            return False
        if gone:
            self._forget()
        return bool(gone)

    def configure(
        self, pin: int, direction: Direction, *, pull_up: bool = False, level: int | None = None
    ) -> None:
        """Make one pin an input or an output.

        Args:
            pin: 0...15.
            direction: Input or output.
            pull_up: Whether an input gets the pull-up; an output has none.
            level: Level that an output starts with, 0 or 1; None for the one in its latch, which
                is 0 after power-up. Ignored for an input.

        Raises:
            BusError: The chip did not answer; whether the pin changed is not known.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        mask = self._mask(pin)
        if direction is Direction.INPUT:
            self.make_inputs(mask, mask if pull_up else 0)
            return
        with self._lock:
            self._learn_locked()
            levels = self._latch if level is None else mask if level else 0
            self._make_outputs_locked(mask, levels)

    def make_outputs(self, mask: int, levels: int) -> None:
        """Drive several pins at once: all latches, then all directions.

        Both are sent even when nothing changes: the chip may have lost its supply.

        Args:
            mask: Bit n is 1 for each pin n that becomes an output.
            levels: Bit n is the level of pin n; bits outside ``mask`` are ignored.

        Raises:
            BusError: The chip did not answer; whether the pins changed is not known.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        self._check_mask(mask)
        with self._lock:
            self._learn_locked()
            self._make_outputs_locked(mask, levels)

    def make_inputs(self, mask: int, pull_ups: int = 0) -> None:
        """Stop driving several pins at once; their pull-ups are set first, so none floats between.

        Args:
            mask: Bit n is 1 for each pin n that becomes an input.
            pull_ups: Bit n is 1 when pin n gets its pull-up; bits outside ``mask`` are ignored.

        Raises:
            BusError: The chip did not answer; whether the pins changed is not known.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        self._check_mask(mask)
        with self._lock:
            self._learn_locked()
            resistors = self._pull_ups & ~mask | pull_ups & mask
            self._pull_ups = self._store_locked(PULL_UP, mask, resistors)
            self._inputs = self._store_locked(DIRECTION, mask, self._inputs | mask)
            self._resistors = self._resistors & ~mask | pull_ups & mask
            self._driven &= ~mask
            self._to_verify &= ~mask

    def write(self, pin: int, level: int) -> None:
        """Change the level of a pin that is an output already.

        Args:
            pin: 0...15.
            level: 0 or 1.

        Raises:
            BusError: The chip did not answer, or the pin is an input.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        mask = self._mask(pin)
        self.write_levels(mask, mask if level else 0)

    def write_levels(self, mask: int, levels: int) -> None:
        """Change several outputs in one transaction; one byte when they are all on one port.

        Args:
            mask: Bit n is 1 for each output n that is set.
            levels: Bit n is the level of pin n; bits outside ``mask`` are ignored.

        Raises:
            BusError: The chip did not answer, or one of the pins is an input.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        self._check_mask(mask)
        with self._lock:
            self._learn_locked()
            if self._inputs & mask:
                raise self._not_an_output(self._inputs & mask)
            self._latch = self._store_locked(LATCH, mask, self._latch & ~mask | levels & mask)
            self._told_locked(mask, levels)

    def close(self) -> None:
        """Leave all pins as they are and forget what was known; the driver can be used again."""
        self._forget()

    def _make_outputs_locked(self, mask: int, levels: int) -> None:
        self._latch = self._store_locked(LATCH, mask, self._latch & ~mask | levels & mask)
        self._inputs = self._store_locked(DIRECTION, mask, self._inputs & ~mask)
        self._driven |= mask
        self._resistors &= ~mask
        self._told_locked(mask, levels)

    def _told_locked(self, mask: int, levels: int) -> None:
        self._levels = self._levels & ~mask | levels & mask
        self._to_verify |= mask

    def _learn_locked(self) -> None:
        """Make the register layout certain, then read what is set."""
        if self._known:
            return
        transfer, address = self._bus.transfer, self._address
        transfer(address, _LEAVE_BANKED_LAYOUT)
        transfer(address, _PLAIN_CONTROL)
        transfer(address, _TRUE_LEVELS_NO_INTERRUPTS)
        registers = transfer(address, _ALL_REGISTERS, _EVERYTHING)
        # Were the layout still BANK = 1, there would be IOCON among these, with its top bit set.
        if any(registers[POLARITY:PULL_UP]):
            raise self._not_this_chip(registers[POLARITY:PULL_UP])
        self._inputs = _word(registers[DIRECTION : DIRECTION + 2])
        self._pull_ups = _word(registers[PULL_UP : PULL_UP + 2])
        self._latch = _word(registers[LATCH : LATCH + 2])
        self._known = True

    def _store_locked(self, register: int, mask: int, word: int) -> int:
        """Write the ports that the mask touches: one byte, or both in one word."""
        if not mask & 0xFF00:
            data = bytes((register, word & 0xFF))
        elif not mask & 0x00FF:
            data = bytes((register + 1, word >> 8))
        else:
            data = bytes((register, word & 0xFF, word >> 8))
        try:
            self._bus.transfer(self._address, Write(data))
        except BusError:
            self._known = False
            raise
        return word

    def _read(self, *messages: Write | Read) -> bytes:
        if not self._known:
            with self._lock:
                self._learn_locked()
        try:
            return self._bus.transfer(self._address, *messages)
        except BusError:
            self._forget()
            raise

    def _forget(self) -> None:
        # Waits for a sequence that is under way, so that the sequence cannot declare itself known
        # afterwards.
        with self._lock:
            self._known = False

    def _mask(self, pin: int) -> int:
        if not 0 <= pin < LINE_COUNT:
            raise ValueError(f"{self.name} has pins 0...15, not {pin}")
        return 1 << pin

    def _check_mask(self, mask: int) -> None:
        if not 0 < mask <= ALL_PINS:
            raise ValueError(f"{self.name} has pins 0...15; a mask of 0x{mask:x} does not fit")

    def _not_an_output(self, inputs: int) -> BusError:
        pins = [str(pin) for pin in range(LINE_COUNT) if inputs >> pin & 1]
        subject = (
            f"Pin {pins[0]} is an input" if len(pins) == 1 else f"Pins {_list(pins)} are inputs"
        )
        return BusError(
            BusFault.UNSUPPORTED,
            f"{subject}; nothing was changed.",
            hint="Make it an output first; without supply an expander forgets its outputs.",
            where=self.name,
        )

    def _not_this_chip(self, echo: bytes) -> WrongChipError:
        return WrongChipError(
            f"This does not behave like an MCP23017: registers 0x02 to 0x0b read {echo.hex(' ')} "
            f"right after 0 was written to them.",
            hint="Is another chip set to this address, or does another program use the expander?",
            where=self.name,
        )


def _word(pair: bytes) -> int:
    return int.from_bytes(pair, "little")


def _list(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
