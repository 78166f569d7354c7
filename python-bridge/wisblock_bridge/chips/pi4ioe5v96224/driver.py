"""PI4IOE5V96224, 24-bit quasi-bidirectional I2C expander: the driver.

1. Three bytes of latches to write and three bytes of pins to read on one side,
   ``buses.gpio.LineController`` on the other; the chip has no registers.
2. Levels that were read are never written back: an input that is low from outside would be latched
   low and stay so.
3. Latches cannot be read, so this driver remembers them; after a failure it lets the pins decide
   between what was before and what was wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.latched_expander import ExpanderLines
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

ALL_LINES = 0xFFFFFF

_ALL_PORTS = Read(3)


class PI4IOE5V96224(ExpanderLines):
    """A 24-bit expander; line 0...7 is IO0_0...IO0_7, 8...15 is IO1_0..., 16...23 is IO2_0....

    A line latched 0 is pulled low with up to 25 mA. A line latched 1 is held high by a weak source
    only; it serves as an input, or as an output at 1 for what needs no current. So "input" and
    "output at 1" are the same to the chip, and only this driver knows which was meant.

    Latches keep their state while the chip has supply, and cannot be asked for. The driver takes
    them for all ones, the state after power-up, until it writes for the first time, and that first
    write makes it true: it sets every line to 1 but those it was asked to set to 0. After a crash
    this means: a line that the earlier process had left at 0 goes to 1, unless the first command
    of the new process sets that line to 0 again, which it then keeps without a gap. A line that
    must not rise for a moment is therefore to be among the first that is set; ``make_outputs`` sets
    several in one transfer. Reading alone writes nothing.

    Args:
        bus: The bus the chip is on.
        address: 7-bit address; 0x20 with all address pins at ground.
        clock: Time of the changes that are seen.

    Source: Diodes PI4IOE5V96224 datasheet, sections on quasi-bidirectional ports and bus
        transactions.
    """

    chip = "PI4IOE5V96224"
    line_count = 24

    def __init__(self, bus: I2CBus, address: int, clock: Clock) -> None:
        super().__init__(bus, address, clock)
        self._latch = ALL_LINES
        self._outputs = 0
        self._zeros = 0
        """Lines that were set to 0 here, whatever has become of them since."""
        self._written = False
        """Whether ``_latch`` has ever reached the chip."""
        self._attempt: tuple[int, int] | None = None
        """Latches and outputs of a write that failed, so that either may be true of each line."""

    def level(self, offset: int) -> int:
        """Read the level at a pin: one transaction of three bytes.

        Args:
            offset: Line, 0...23.

        Returns:
            0 or 1, whatever the direction of the line.

        Raises:
            BusError: The chip did not answer.
        """
        self._mask(offset)
        return self._read() >> offset & 1

    def levels(self) -> int:
        """Read all pins: one transaction of three bytes, which also ends an interrupt.

        Returns:
            Bit n is the level of line n.

        Raises:
            BusError: The chip did not answer.
        """
        return self._read()

    def directions(self) -> int:
        """Return which lines this driver was told to drive; the chip itself is not asked.

        It has no direction to tell: an output at 1 is to it the same as an input. Outputs that an
        earlier process left at 0 are not known, and are not listed.

        Returns:
            Bit n is 1 when line n was made an output here and not made an input since.

        Raises:
            BusError: An earlier command failed, so that the pins had to be asked, and the chip did
                not answer.
        """
        with self._lock:
            self._settle_locked()
            return self._outputs

    def make_outputs(self, mask: int, levels: int) -> None:
        """Drive several lines with one transfer.

        Args:
            mask: Bit n is 1 for each line n that becomes an output.
            levels: Bit n is the level of line n; bits outside ``mask`` are ignored.

        Raises:
            BusError: The chip did not answer; whether the lines changed is not known.
        """
        self._check_mask(mask)
        with self._lock:
            self._settle_locked()
            self._store_locked(self._latch & ~mask | levels & mask, self._outputs | mask)
            self._zeros = self._zeros & ~mask | mask & ~levels

    def make_inputs(self, mask: int) -> None:
        """Stop driving several lines with one transfer.

        Args:
            mask: Bit n is 1 for each line n that becomes an input.

        Raises:
            BusError: The chip did not answer; whether the lines changed is not known.
        """
        self._check_mask(mask)
        with self._lock:
            self._settle_locked()
            self._store_locked(self._latch | mask, self._outputs & ~mask)
            self._zeros &= ~mask

    def write(self, offset: int, level: int) -> None:
        """Change the level of a line that was made an output here.

        Args:
            offset: Line, 0...23.
            level: 0 or 1.

        Raises:
            BusError: The chip did not answer, or the line is an input.
        """
        mask = self._mask(offset)
        with self._lock:
            self._settle_locked()
            if not self._outputs & mask:
                raise BusError(
                    BusFault.UNSUPPORTED,
                    f"Line {offset} is an input and was not changed.",
                    hint="Make it an output first.",
                    where=self.name,
                )
            latch = self._latch | mask if level else self._latch & ~mask
            self._store_locked(latch, self._outputs)
            self._zeros = self._zeros & ~mask if level else self._zeros | mask

    def outputs_lost(self, mask: int) -> int:
        """Check whether lines that were set to 0 here are high: one transaction of three bytes.

        After power-up all latches are 1. A line at 1 cannot be lost: to the chip it is an input in
        any case. Lines that are high are taken for latched 1 from then on, so that no command to
        another line pulls them down again.

        Args:
            mask: Bit n is 1 for each line n that is asked about.

        Returns:
            Bit n is 1 when line n was lost, or is short-circuited.

        Raises:
            BusError: The chip did not answer.
        """
        with self._lock:
            asked = self._zeros & mask
            if not asked:
                return 0
            self._settle_locked()
            high = self._read()
            self._latch |= self._zeros & high
            return asked & high

    def close(self) -> None:
        """Leave all lines as they are.

        What is latched stays remembered, because the chip could not be asked for it again.
        """

    def _read(self) -> int:
        return int.from_bytes(self._bus.transfer(self._address, _ALL_PORTS), "little")

    def _settle_locked(self) -> None:
        """After a write that failed, find out per line whether it has reached the chip.

        Of the lines that were to change, those that are high are latched 1, since a latched 0
        would pull them down; of the others 0 is assumed, which leaves them as they are.
        """
        if self._attempt is None:
            return
        latch, outputs = self._attempt
        differing = self._latch ^ latch
        pins = self._read() if differing else 0
        now = self._latch & latch | differing & pins
        reached = now ^ self._latch
        self._outputs = self._outputs & ~reached | outputs & reached
        self._latch = now
        self._attempt = None

    def _store_locked(self, latch: int, outputs: int) -> None:
        try:
            self._bus.transfer(self._address, Write(latch.to_bytes(3, "little")))
        except BusError:
            # Before the first write nothing is known, so there is nothing to decide between.
            if self._written:
                self._attempt = (latch, outputs)
            raise
        self._latch, self._outputs, self._written = latch, outputs, True
