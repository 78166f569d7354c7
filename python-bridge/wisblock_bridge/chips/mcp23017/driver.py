"""MCP23017, 16-bit I2C expander: the driver.

1. Registers of the datasheet on one side, pins 0...15 on the other; nothing about who uses a pin.
2. A chip in either register layout is brought to the one used here without touching an output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.buses.gpio import Direction
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.buses.shared_levels import SharedLevels
from wisblock_bridge.chips.latched_expander import RegisterExpander
from wisblock_bridge.errors import BusError, BusFault, WrongChipError

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

ALL_PINS = 0xFFFF

# Register addresses with IOCON.BANK = 0; each register is a pair, port A and port B.
INTERRUPT_ENABLE, INTERRUPT_FLAGS = 0x04, 0x0E
DIRECTION, POLARITY, CONTROL, PULL_UP, PINS, LATCH = 0x00, 0x02, 0x0A, 0x0C, 0x12, 0x14
CONTROL_IF_BANKED = 0x05
"""Where IOCON is with BANK = 1; with BANK = 0 this is GPINTENB, where 0 does no harm."""
REGISTER_COUNT = 22

KEEP_AGAIN_S = 1.0
"""The chip is told again what to keep so often: after a break of its supply it keeps nothing."""

_LEAVE_BANKED_LAYOUT = Write(bytes((CONTROL_IF_BANKED, 0x00)))
# Paired layout, two interrupt outputs, pointer counting on, slew rate controlled, INT driven and
# active low: all as after power-up.
_PLAIN_CONTROL = Write(bytes((CONTROL, 0x00)))
# IPOL, GPINTEN, DEFVAL and INTCON of both ports: true levels, no interrupts.
_TRUE_LEVELS_NO_INTERRUPTS = Write(bytes((POLARITY, *(0x00,) * 8)))
_NO_PULL_UPS = Write(bytes((PULL_UP, 0x00, 0x00)))

_FLAGS_TO_PINS = Write(bytes((INTERRUPT_FLAGS,)))
_THREE_PAIRS = Read(6)

_ALL_REGISTERS = Write(bytes((DIRECTION,)))
_PULL_UP_PAIR = Write(bytes((PULL_UP,)))
_INTERRUPT_ENABLE_PAIR = Write(bytes((INTERRUPT_ENABLE,)))
_EVERYTHING = Read(REGISTER_COUNT)


@dataclass(frozen=True, slots=True)
class Captured:
    """What the chip kept of the changes since it was asked last.

    Attributes:
        flags: Bit n is 1 when pin n was the first of its port to change.
        levels_then: Bit n is the level of pin n right after that change, on a port with a flag.
        levels: Bit n is the level of pin n now.
    """

    flags: int
    levels_then: int
    levels: int


class MCP23017(RegisterExpander):
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
        clock: Time of the changes that are seen.

    Source: Microchip MCP23017 datasheet DS20001952C, sections 3.2 "Serial interface" and 3.5
        "Configuration and control registers".
    """

    chip = "MCP23017"
    line_name = "pin"
    input_register, latch_register, direction_register = PINS, LATCH, DIRECTION

    def __init__(self, bus: I2CBus, address: int, clock: Clock) -> None:
        super().__init__(bus, address, clock)
        self._clock = clock
        self._shared_levels = SharedLevels(self._look, clock, self._take_kept)
        self._keeping = 0
        """Pins whose first change the chip keeps for those who look at it."""
        self._told_at = 0.0
        self._kept_flags = self._kept_levels = 0
        """What it kept, and nobody has taken yet."""
        self._pull_ups = 0
        self._resistors = 0
        """The pull-ups that were commanded since ``begin``; never read from the chip."""

    def begin(self) -> None:
        """Take over a chip in whatever state it is, without touching an output.

        Afterwards the register layout is the plain one, inputs are read as they are, interrupts and
        pull-ups are off. Latches and directions are as they were: ``latches``
        tells what an earlier owner left, and the caller decides what to do about it. A chip fresh
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

    def latches(self) -> int:
        """Ask the chip what its outputs are to be; a pin that differs from it is overloaded.

        Returns:
            Bit n is the latch of pin n, also while the pin is an input.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        self._learn()
        return self._read_pair(self._latch_pair)

    def is_reset(self) -> bool:
        """Check whether the chip stands as after power-up: inputs only, latches 0, no pull-ups.

        A chip that was configured and stands like this has lost its supply for a moment, or
        somebody used its reset pin. ``begin`` and the configuration are then due again. For a chip
        with an output one short transaction is enough.

        Returns:
            True when nothing of a configuration is left; also true when there never was one.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        self._learn()
        if self._read_pair(self._direction_pair) != ALL_PINS:
            return False
        if self._read_pair(_PULL_UP_PAIR) | self._read_pair(self._latch_pair):
            return False
        self._forget()
        return True

    def has_forgotten(self) -> bool:
        """Check whether anything that was commanded since ``begin`` is gone: one transaction.

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
        with self._lock:
            if not (self._driven or self._resistors):
                return False
            self._learn_locked()
            if self._driven:
                return bool(self._lost_locked(self._driven))
            if self._resistors & ~self._read_pair_locked(_PULL_UP_PAIR):
                self._known = False
                return True
            return False

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
            self._drive_locked(mask, levels)

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
            self._release_locked(mask)
            self._resistors = self._resistors & ~mask | pull_ups & mask

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
            self._set_locked(mask, levels)

    def begin_capture(self, mask: int) -> Captured:
        """Let the chip keep the first change of each port until it is asked for.

        It does so by its interrupt logic (GPINTEN with INTCON = 0: a change of level); the
        interrupt outputs follow, and nobody needs to be connected to them.

        Args:
            mask: Bit n is 1 for each pin n whose changes matter.

        Returns:
            The levels from which changes count.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        self._check_mask(mask)
        if self._keeping:
            self._levels_noted()
        with self._lock:
            self._learn_locked()
            self._keeping = 0  # the next look lets the chip keep again what it kept before
            self._store_locked(INTERRUPT_ENABLE, ALL_PINS, mask)
        return self.captured()

    def captured(self) -> Captured:
        """Take what the chip kept, which lets it keep the next change: one transaction of 84 bits.

        INTF, INTCAP and GPIO are read in this order. Reading INTCAP ends what is kept; a pulse that
        begins and ends between that and the reading of GPIO, some 200 µs later, is missed.

        Returns:
            The first change of each port since the last time, and the levels now.

        Raises:
            BusError: The chip did not answer.
        """
        found = self._read(_FLAGS_TO_PINS, _THREE_PAIRS)
        return Captured(_word(found[0:2]), _word(found[2:4]), _word(found[4:6]))

    def end_capture(self, mask: int) -> bool:
        """Keep no more changes.

        Args:
            mask: As it was given to ``begin_capture``.

        Returns:
            Whether the chip kept them until now; after a break of its supply, or a failure of the
            bus, it did not.

        Raises:
            BusError: The chip did not answer; the next command ends it.
            WrongChipError: What answers does not behave like an MCP23017.
        """
        with self._lock:
            self._learn_locked()
            kept = self._read_pair_locked(_INTERRUPT_ENABLE_PAIR) == mask
            self._store_locked(INTERRUPT_ENABLE, ALL_PINS, 0)
        return kept

    def keep_nothing(self) -> None:
        """Keep no changes for those who looked at pins: the interrupt outputs rest.

        Raises:
            BusError: The chip did not answer; the next command ends it.
        """
        with self._lock:
            if self._keeping:
                self._store_locked(INTERRUPT_ENABLE, ALL_PINS, 0)
                self._keeping = 0

    def level(self, offset: int) -> int:
        """Read the level at a pin, as ``RegisterExpander.level`` does.

        Reading ends what the chip keeps; for who looks at its pins it is noted.
        """
        self._mask(offset)
        self._learn()
        return self._levels_noted() >> offset & 1 if self._keeping else super().level(offset)

    def levels(self) -> int:
        """Read all pins, as ``RegisterExpander.levels`` does; what the chip kept is noted."""
        self._learn()
        return self._levels_noted() if self._keeping else super().levels()

    def _look(self, mask: int) -> int:
        """Read all pins for those who look at some, and let the chip keep the changes of these."""
        with self._lock:
            self._learn_locked()
            before, now = self._keeping, self._clock.monotonic()
            if before != mask or now - self._told_at >= KEEP_AGAIN_S:
                self._store_locked(INTERRUPT_ENABLE, ALL_PINS, mask)
                self._keeping, self._told_at = mask, now
        # What a pin was before the chip was told to keep its changes, nobody knows.
        return self._levels_noted(before & mask)

    def _levels_noted(self, mask: int = ALL_PINS) -> int:
        found = self.captured()
        new = found.flags & mask & ~self._kept_flags
        self._kept_flags |= new
        self._kept_levels |= found.levels_then & new
        return found.levels

    def _take_kept(self) -> tuple[int, int]:
        kept = self._kept_flags, self._kept_levels
        self._kept_flags = self._kept_levels = 0
        return kept

    def _drive_locked(self, mask: int, levels: int) -> None:
        super()._drive_locked(mask, levels)
        self._resistors &= ~mask

    def _learn_locked(self) -> None:
        """Make the register layout certain, then read what is set."""
        if self._known:
            return
        transfer, address = self._bus.transfer, self._address
        transfer(address, _LEAVE_BANKED_LAYOUT)
        transfer(address, _PLAIN_CONTROL)
        transfer(address, _TRUE_LEVELS_NO_INTERRUPTS)
        self._keeping = 0
        registers = transfer(address, _ALL_REGISTERS, _EVERYTHING)
        # Were the layout still BANK = 1, there would be IOCON among these, with its top bit set.
        if any(registers[POLARITY:PULL_UP]):
            raise self._not_this_chip(registers[POLARITY:PULL_UP])
        self._inputs = _word(registers[DIRECTION : DIRECTION + 2])
        self._pull_ups = _word(registers[PULL_UP : PULL_UP + 2])
        self._latch = _word(registers[LATCH : LATCH + 2])
        self._known = True

    def _not_an_output(self, inputs: int) -> BusError:
        pins = [str(pin) for pin in range(self.line_count) if inputs >> pin & 1]
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
