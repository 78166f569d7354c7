"""TPT29555, 16-bit I2C expander: the driver.

Registers of the datasheet on one side, ``buses.gpio.LineController`` on the other; nothing about
who uses a line.
"""

from __future__ import annotations

from wisblock_bridge.buses.i2c import Write
from wisblock_bridge.chips.latched_expander import ExpanderLines, RegisterExpander
from wisblock_bridge.errors import BusError, BusFault

ALL_LINES = 0xFFFF

# Command bytes; each register is a pair, port 0 and port 1.
INPUT, LATCH, POLARITY, CONFIGURATION = 0x00, 0x02, 0x04, 0x06

_TRUE_LEVELS = Write(bytes((POLARITY, 0x00, 0x00)))


class TPT29555(RegisterExpander, ExpanderLines):
    """A 16-bit expander; line 0...7 is P0_0...P0_7, line 8...15 is P1_0...P1_7.

    The chip keeps latches and directions while it has supply, whatever happens to the computer. So
    the driver asks for them before its first change and leaves all other lines as they are. There
    is no reset pin and no interrupt line on the boards that carry it, so inputs are polled.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address, 0x20...0x27.
        clock: Time of the changes that are seen.

    Source: 3PEAK TPT29555 datasheet rev. A.1.2, register table; NXP PCA9555 datasheet, bus
        transactions.
    """

    chip = "TPT29555"
    input_register, latch_register, direction_register = INPUT, LATCH, CONFIGURATION

    def directions(self) -> int:
        """Ask the chip which lines are outputs.

        Returns:
            Bit n is 1 when line n is an output.

        Raises:
            BusError: The chip did not answer.
        """
        return ~self._read_pair(self._direction_pair) & ALL_LINES

    def outputs_lost(self, mask: int) -> int:
        """Check whether lines that were made outputs here are outputs no more.

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
            return self._lost_locked(asked) if asked else 0

    def make_inputs(self, mask: int) -> None:
        """Stop driving several lines at once.

        Args:
            mask: Bit n is 1 for each line n that becomes an input.

        Raises:
            BusError: The chip did not answer; whether the lines changed is not known.
        """
        self._check_mask(mask)
        with self._lock:
            self._learn_locked()
            self._release_locked(mask)

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
            self._set_locked(mask, mask if level else 0)

    def _learn_locked(self) -> None:
        """Read what an earlier owner left behind, and end an inversion of inputs."""
        if self._known:
            return
        self._bus.transfer(self._address, _TRUE_LEVELS)
        self._latch = self._read_pair_locked(self._latch_pair)
        self._inputs = self._read_pair_locked(self._direction_pair)
        self._known = True
