"""What the drivers of expanders with latches have in common; the registers are each chip's own.

1. An expander keeps its latches while it has supply, whatever happens to the computer: a driver
   leaves all lines as they are but those it is asked to change.
2. The latch is written before the direction, always: an output never starts at the wrong level.
3. What the chip was last told is remembered; after any failure that memory is dropped and read from
   the chip again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from wisblock_bridge.buses.gpio import Bias, no_edges
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.buses.shared_levels import SharedLevels
from wisblock_bridge.errors import BusError
from wisblock_bridge.threads.fair_lock import FairLock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.buses.gpio import EdgeSource
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.buses.shared_levels import LevelReader
    from wisblock_bridge.clock import Clock

_ONE_BYTE = Read(1)
_TWO_BYTES = Read(2)


class LatchedExpander(ABC):
    """Base of all expanders; its lines count from 0.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address.
        clock: Time of the changes that are seen.
    """

    chip: ClassVar[str]
    line_count: ClassVar[int]
    line_name: ClassVar[str] = "line"
    """What the datasheet calls a line, for messages."""

    def __init__(self, bus: I2CBus, address: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self.name = f"{self.chip} 0x{address:02x} on {bus.name}"
        self._lock = FairLock()
        self._latch = 0
        """The latches as they were last told or read: bit n is that of line n."""
        self._shared_levels = SharedLevels(lambda _: self.levels(), clock)

    @abstractmethod
    def levels(self) -> int:
        """Read all pins: one transaction.

        Returns:
            Bit n is the level of line n.

        Raises:
            BusError: The chip did not answer.
        """

    def watch(self, mask: int) -> LevelReader:
        """Look at some lines, as ``LineController.watch`` says: one transaction serves everybody.

        Args:
            mask: Bit n is 1 for each line n.

        Returns:
            What tells their changes.

        Raises:
            BusError: The chip did not answer.
        """
        self._check_mask(mask)
        return self._shared_levels.join(mask)

    @abstractmethod
    def make_outputs(self, mask: int, levels: int) -> None:
        """Drive several lines at once.

        Args:
            mask: Bit n is 1 for each line n that becomes an output.
            levels: Bit n is the level of line n; bits outside ``mask`` are ignored.

        Raises:
            BusError: The chip did not answer; whether the lines changed is not known.
        """

    def _mask(self, offset: int) -> int:
        if not 0 <= offset < self.line_count:
            raise ValueError(f"{self.name} has {self._lines()}, not {offset}")
        return 1 << offset

    def _check_mask(self, mask: int) -> None:
        if not 0 < mask < 1 << self.line_count:
            raise ValueError(f"{self.name} has {self._lines()}; a mask of 0x{mask:x} does not fit")

    def _lines(self) -> str:
        return f"{self.line_name}s 0...{self.line_count - 1}"


class ExpanderLines(LatchedExpander):
    """An expander as a ``LineController``, whose lines have a fixed pull-up and no interrupt."""

    has_edges = False

    @abstractmethod
    def make_inputs(self, mask: int) -> None:
        """Stop driving several lines at once.

        Args:
            mask: Bit n is 1 for each line n that becomes an input.

        Raises:
            BusError: The chip did not answer; whether the lines changed is not known.
        """

    def make_output(self, offset: int, level: int) -> None:
        """Drive a line.

        Everything is sent even when nothing changes: the chip may have lost its supply.

        Args:
            offset: Line, from 0.
            level: 0 or 1.

        Raises:
            BusError: The chip did not answer; whether the line changed is not known.
        """
        mask = self._mask(offset)
        self.make_outputs(mask, mask if level else 0)

    def make_input(self, offset: int, bias: Bias = Bias.NONE) -> None:  # noqa: ARG002
        """Stop driving a line; the chip's own weak pull-up holds it from then on.

        Args:
            offset: Line, from 0.
            bias: Ignored: the pull-up is always there and there is no other resistor.

        Raises:
            BusError: The chip did not answer; whether the line changed is not known.
        """
        self.make_inputs(self._mask(offset))

    def held_elsewhere(self) -> Mapping[int, str]:
        """Return no lines: the owner of this driver has them all."""
        return {}

    def edges(self, offset: int, bias: Bias = Bias.NONE, debounce_ms: float = 0.0) -> EdgeSource:  # noqa: ARG002
        """Refuse: the chip's interrupt is not known to be wired on any board."""
        raise no_edges(self.name)

    def let_go(self, offset: int) -> None:
        """Leave a line as it is: nobody but this driver knows about it.

        Args:
            offset: Line, from 0.
        """


class RegisterExpander(LatchedExpander):
    """An expander of 16 lines with registers in pairs, one for each port of 8 lines.

    A transfer of two bytes covers both ports; in a direction register a 1 is an input.
    """

    line_count = 16

    input_register: ClassVar[int]
    latch_register: ClassVar[int]
    direction_register: ClassVar[int]

    def __init__(self, bus: I2CBus, address: int, clock: Clock) -> None:
        super().__init__(bus, address, clock)
        self._input_of_port = (
            Write(bytes((self.input_register,))),
            Write(bytes((self.input_register + 1,))),
        )
        self._latch_pair = Write(bytes((self.latch_register,)))
        self._direction_pair = Write(bytes((self.direction_register,)))
        self._inputs = 0xFFFF
        """The direction registers as a word: bit n is 1 when line n is an input."""
        self._known = False
        """Whether the shadow registers are what the chip holds."""
        # What was commanded here; unlike the above it is never read from the chip.
        self._driven = 0
        self._levels = 0
        self._to_verify = 0
        """Outputs whose latch is looked at with the next check: a supply that fails between the
        two writes that make an output leaves the latch as after power-up."""

    @abstractmethod
    def _learn_locked(self) -> None:
        """Read what an earlier owner left behind, unless it is known."""

    def level(self, offset: int) -> int:
        """Read the level at a pin: one transaction of one byte.

        Args:
            offset: Line, 0...15.

        Returns:
            0 or 1, whatever the direction of the line.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like this chip.
        """
        self._mask(offset)
        self._learn()
        return self._read(self._input_of_port[offset >> 3], _ONE_BYTE)[0] >> (offset & 7) & 1

    def levels(self) -> int:
        """Read all pins: one transaction of two bytes.

        Returns:
            Bit n is the level of line n.

        Raises:
            BusError: The chip did not answer.
            WrongChipError: What answers does not behave like this chip.
        """
        self._learn()
        return self._read_pair(self._input_of_port[0])

    def make_outputs(self, mask: int, levels: int) -> None:
        """Drive several lines at once: all latches, then all directions.

        Both are sent even when nothing changes: the chip may have lost its supply.

        Args:
            mask: Bit n is 1 for each line n that becomes an output.
            levels: Bit n is the level of line n; bits outside ``mask`` are ignored.

        Raises:
            BusError: The chip did not answer; whether the lines changed is not known.
            WrongChipError: What answers does not behave like this chip.
        """
        self._check_mask(mask)
        with self._lock:
            self._learn_locked()
            self._drive_locked(mask, levels)

    def close(self) -> None:
        """Leave all lines as they are and forget what was known; the driver can be used again."""
        self._forget()

    def _drive_locked(self, mask: int, levels: int) -> None:
        self._set_locked(mask, levels)
        self._inputs = self._store_locked(self.direction_register, mask, self._inputs & ~mask)
        self._driven |= mask

    def _set_locked(self, mask: int, levels: int) -> None:
        latch = self._latch & ~mask | levels & mask
        self._latch = self._store_locked(self.latch_register, mask, latch)
        self._levels = self._levels & ~mask | levels & mask
        self._to_verify |= mask

    def _release_locked(self, mask: int) -> None:
        self._inputs = self._store_locked(self.direction_register, mask, self._inputs | mask)
        self._driven &= ~mask
        self._to_verify &= ~mask

    def _lost_locked(self, asked: int) -> int:
        """Find which outputs are outputs no more, or have another latch than they were told.

        After power-up all lines are inputs. The latches are read, in a second transaction, only
        for what was commanded since the last check.
        """
        lost = asked & self._read_pair_locked(self._direction_pair)
        if self._to_verify & asked and not lost:
            latch = self._read_pair_locked(self._latch_pair)
            lost |= self._to_verify & asked & (latch ^ self._levels)
            self._to_verify &= ~asked | lost
        if lost:
            self._known = False
        return lost

    def _learn(self) -> None:
        if not self._known:
            with self._lock:
                self._learn_locked()

    def _read(self, *messages: Write | Read) -> bytes:
        try:
            return self._bus.transfer(self._address, *messages)
        except BusError:
            self._forget()
            raise

    def _read_pair(self, pointer: Write) -> int:
        return int.from_bytes(self._read(pointer, _TWO_BYTES), "little")

    def _read_pair_locked(self, pointer: Write) -> int:
        try:
            pair = self._bus.transfer(self._address, pointer, _TWO_BYTES)
        except BusError:
            self._known = False
            raise
        return int.from_bytes(pair, "little")

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

    def _forget(self) -> None:
        # Waits for a sequence that is under way, so that the sequence cannot declare itself known
        # afterwards.
        with self._lock:
            self._known = False
