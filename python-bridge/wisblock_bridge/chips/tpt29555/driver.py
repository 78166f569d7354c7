"""TPT29555, 16-bit I2C expander: the driver.

1. Registers of the datasheet on one side, ``buses.gpio.LineController`` on the other; nothing about
   who uses a line.
2. The latch is written before the direction, always: an output never starts at the wrong level.
3. What the chip was last told is remembered; after any failure that memory is dropped and read from
   the chip again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.gpio import Bias, no_edges
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.errors import BusError, BusFault
from wisblock_bridge.threads.fair_lock import FairLock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.buses.gpio import EdgeSource
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

LINE_COUNT = 16
ALL_LINES = 0xFFFF

# Command bytes; each register is a pair, port 0 and port 1, and a transfer of two bytes covers
# both.
INPUT, LATCH, POLARITY, CONFIGURATION = 0x00, 0x02, 0x04, 0x06

_INPUT_OF_PORT = (Write(bytes((INPUT,))), Write(bytes((INPUT + 1,))))
_INPUT_PAIR = _INPUT_OF_PORT[0]
_LATCH_PAIR = Write(bytes((LATCH,)))
_CONFIGURATION_PAIR = Write(bytes((CONFIGURATION,)))
_TRUE_LEVELS = Write(bytes((POLARITY, 0x00, 0x00)))
_ONE_BYTE = Read(1)
_TWO_BYTES = Read(2)


class TPT29555:
    """A 16-bit expander; line 0...7 is P0_0...P0_7, line 8...15 is P1_0...P1_7.

    The chip keeps latches and directions while it has supply, whatever happens to the computer. So
    the driver asks for them before its first change and leaves all other lines as they are. There
    is no reset pin and no interrupt line on the boards that carry it, so inputs are polled.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address, 0x20...0x27.
        clock: Time; not needed by this chip, taken so that all chips are built alike.

    Source: 3PEAK TPT29555 datasheet rev. A.1.2, register table; NXP PCA9555 datasheet, bus
        transactions.
    """

    has_edges = False
    line_count = LINE_COUNT

    def __init__(self, bus: I2CBus, address: int, clock: Clock) -> None:  # noqa: ARG002
        self._bus = bus
        self._address = address
        self.name = f"TPT29555 0x{address:02x} on {bus.name}"
        self._lock = FairLock()
        self._latch = 0
        self._inputs = 0
        """The configuration registers as a word: bit n is 1 when line n is an input."""
        self._driven = 0
        """Lines that were made outputs here; unlike those above it is never read from the chip."""
        self._levels = 0
        """What they were told, for the same purpose."""
        self._to_verify = 0
        """Lines whose latch is looked at with the next check: a supply that fails between the two
        writes that make an output leaves a latch of 1."""
        self._known = False

    def level(self, offset: int) -> int:
        """Read the level at a pin: one transaction of one byte.

        Args:
            offset: Line, 0...15.

        Returns:
            0 or 1, whatever the direction of the line.

        Raises:
            BusError: The chip did not answer.
        """
        if not 0 <= offset < LINE_COUNT:
            raise _no_such_line(self.name, offset)
        if not self._known:
            self._learn()
        try:
            port = self._bus.transfer(self._address, _INPUT_OF_PORT[offset >> 3], _ONE_BYTE)
        except BusError:
            self._forget()
            raise
        return port[0] >> (offset & 7) & 1

    def levels(self) -> int:
        """Read all pins: one transaction of two bytes.

        Returns:
            Bit n is the level of line n.

        Raises:
            BusError: The chip did not answer.
        """
        if not self._known:
            self._learn()
        return self._read_pair(_INPUT_PAIR)

    def directions(self) -> int:
        """Ask the chip which lines are outputs.

        Returns:
            Bit n is 1 when line n is an output.

        Raises:
            BusError: The chip did not answer.
        """
        return ~self._read_pair(_CONFIGURATION_PAIR) & ALL_LINES

    def outputs_lost(self, mask: int) -> int:
        """Look whether lines that were made outputs here are outputs no more.

        After power-up the configuration registers read 0xFF: all lines are inputs. What a line was
        told since the last check is compared as well, by a second transaction. Of a loss, what was
        known of the chip is dropped, so that no command sets lines again that belong to others.

        Args:
            mask: Bit n is 1 for each line n that is asked about.

        Returns:
            Bit n is 1 when line n was lost.

        Raises:
            BusError: The chip did not answer.
        """
        with self._lock:
            asked = self._driven & mask
            if not asked:
                return 0
            try:
                pair = self._bus.transfer(self._address, _CONFIGURATION_PAIR, _TWO_BYTES)
            except BusError:
                self._known = False
                raise
            lost = asked & int.from_bytes(pair, "little")
            if self._to_verify & asked and not lost:
                latch = int.from_bytes(
                    self._bus.transfer(self._address, _LATCH_PAIR, _TWO_BYTES), "little"
                )
                lost |= self._to_verify & asked & (latch ^ self._levels)
                self._to_verify &= ~asked | lost
            if lost:
                self._known = False
            return lost

    def held_elsewhere(self) -> Mapping[int, str]:
        """Tell which lines others hold: whoever has this driver has them all."""
        return {}

    def edges(self, offset: int, bias: Bias = Bias.NONE, debounce_ms: float = 0.0) -> EdgeSource:  # noqa: ARG002
        """Refuse: the chip's interrupt is not known to be wired on any board."""
        raise no_edges(self.name)

    def make_output(self, offset: int, level: int) -> None:
        """Drive a line.

        Latch and direction are sent even when nothing changes: the chip may have lost its supply.

        Args:
            offset: Line, 0...15.
            level: 0 or 1.

        Raises:
            BusError: The chip did not answer; whether the line changed is not known.
        """
        mask = self._mask(offset)
        self.make_outputs(mask, mask if level else 0)

    def make_outputs(self, mask: int, levels: int) -> None:
        """Drive several lines at once, each port in one step.

        Args:
            mask: Bit n is 1 for each line n that becomes an output.
            levels: Bit n is the level of line n; bits outside ``mask`` are ignored.

        Raises:
            BusError: The chip did not answer; whether the lines changed is not known.
        """
        with self._lock:
            self._learn_locked()
            self._latch = self._store_locked(LATCH, mask, self._latch & ~mask | levels & mask)
            self._inputs = self._store_locked(CONFIGURATION, mask, self._inputs & ~mask)
            self._driven |= mask
            self._told_locked(mask, levels)

    def make_input(self, offset: int, bias: Bias = Bias.NONE) -> None:  # noqa: ARG002
        """Stop driving a line; the chip's own weak pull-up holds it from then on.

        Args:
            offset: Line, 0...15.
            bias: Ignored: the pull-up is always there and there is no other resistor.

        Raises:
            BusError: The chip did not answer; whether the line changed is not known.
        """
        self.make_inputs(self._mask(offset))

    def make_inputs(self, mask: int) -> None:
        """Stop driving several lines at once.

        Args:
            mask: Bit n is 1 for each line n that becomes an input.

        Raises:
            BusError: The chip did not answer; whether the lines changed is not known.
        """
        with self._lock:
            self._learn_locked()
            self._inputs = self._store_locked(CONFIGURATION, mask, self._inputs | mask)
            self._driven &= ~mask

    def write(self, offset: int, level: int) -> None:
        """Change the level of a line that is an output already.

        Args:
            offset: Line, 0...15.
            level: 0 or 1.

        Raises:
            BusError: The chip did not answer, or the line is an input.
        """
        mask = self._mask(offset)
        with self._lock:
            self._learn_locked()
            if self._inputs & mask:
                raise BusError(
                    BusFault.UNSUPPORTED,
                    f"Line {offset} is an input and was not changed.",
                    hint="Make it an output first; without supply an expander forgets its outputs.",
                    where=self.name,
                )
            latch = self._latch | mask if level else self._latch & ~mask
            self._latch = self._store_locked(LATCH, mask, latch)
            self._told_locked(mask, latch)

    def let_go(self, offset: int) -> None:
        """Leave a line as it is: nobody but this driver knows about it.

        Args:
            offset: Line, 0...15.
        """

    def close(self) -> None:
        """Leave all lines as they are and forget what was known; the driver can be used again."""
        self._forget()

    def _mask(self, offset: int) -> int:
        if not 0 <= offset < LINE_COUNT:
            raise _no_such_line(self.name, offset)
        return 1 << offset

    def _told_locked(self, mask: int, levels: int) -> None:
        self._levels = self._levels & ~mask | levels & mask
        self._to_verify |= mask

    def _learn(self) -> None:
        with self._lock:
            self._learn_locked()

    def _learn_locked(self) -> None:
        """Find out what an earlier owner left behind, and end an inversion of inputs."""
        if self._known:
            return
        transfer, address = self._bus.transfer, self._address
        transfer(address, _TRUE_LEVELS)
        self._latch = int.from_bytes(transfer(address, _LATCH_PAIR, _TWO_BYTES), "little")
        self._inputs = int.from_bytes(transfer(address, _CONFIGURATION_PAIR, _TWO_BYTES), "little")
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

    def _read_pair(self, pointer: Write) -> int:
        try:
            pair = self._bus.transfer(self._address, pointer, _TWO_BYTES)
        except BusError:
            self._forget()
            raise
        return int.from_bytes(pair, "little")

    def _forget(self) -> None:
        # Waits for a sequence that is under way, so that the sequence cannot declare itself known
        # afterwards.
        with self._lock:
            self._known = False


def _no_such_line(name: str, offset: int) -> ValueError:
    return ValueError(f"{name} has lines 0...15, not {offset}")
