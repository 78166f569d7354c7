"""PI4IOE5V96224, 24-bit quasi-bidirectional I2C expander: the emulator.

1. Bus side: bytes go to the latches of ports 0, 1, 2 in turn, and come from the pins in the same
   order. Emulator control: twenty-four wires and the interrupt.
2. Values are typed from the datasheet, never imported from the driver.
3. A latch cannot be read, and a latched 1 does not drive: somebody outside can pull the pin low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.buses.emulated.wires import Wire


class EmulatedPI4IOE5V96224:
    """An expander in memory whose pins end on wires.

    The strong pull-up that helps a rising pin for a moment is not emulated. The reset pin is not
    there: no board is known to use it.

    Args:
        wires: The twenty-four pins, IO0_0 first. The chip's weak source holds each wire that nobody
            drives.
        name: Under which name it drives wires.

    Source: Diodes PI4IOE5V96224 datasheet, sections on quasi-bidirectional ports, interrupt output
        and bus transactions.
    """

    def __init__(self, wires: Sequence[Wire], name: str = "PI4IOE5V96224") -> None:
        if len(wires) != 24:  # noqa: PLR2004  (three ports of eight pins)
            raise ValueError(f"a PI4IOE5V96224 has 24 pins, not {len(wires)}")
        self.name = name
        self.wires = tuple(wires)
        for wire in self.wires:
            wire.pull = 1
        self._latches = bytearray()
        self._seen = bytearray()
        self.power_cycle()

    def power_cycle(self) -> None:
        """Take the supply away and bring it back: all latches 1, so all pins are inputs."""
        self._latches = bytearray((0xFF, 0xFF, 0xFF))
        for port in range(3):
            self._drive(port)
        self._seen = bytearray(self._pins(port) for port in range(3))

    @property
    def latches(self) -> int:
        """What is latched, which the bus does not show: bit n is line n."""
        return int.from_bytes(self._latches, "little")

    @property
    def interrupt(self) -> bool:
        """Whether INT is pulled low: a pin differs from what was last read or written."""
        return any(self._pins(port) != self._seen[port] for port in range(3))

    def write(self, data: bytes) -> None:
        """Take latches of ports 0, 1, 2, 0, 1...: later ones replace earlier ones."""
        for index, byte in enumerate(data):
            port = index % 3
            self._latches[port] = byte
            self._drive(port)
            self._seen[port] = self._pins(port)

    def read(self, length: int) -> bytes:
        """Return the pins of ports 0, 1, 2, 0, 1...."""
        found = bytearray()
        for index in range(length):
            port = index % 3
            self._seen[port] = self._pins(port)
            found.append(self._seen[port])
        return bytes(found)

    def _pins(self, port: int) -> int:
        return sum(self.wires[8 * port + bit].level() << bit for bit in range(8))

    def _drive(self, port: int) -> None:
        for bit in range(8):
            latched = self._latches[port] >> bit & 1
            self.wires[8 * port + bit].drive(self.name, None if latched else 0)
