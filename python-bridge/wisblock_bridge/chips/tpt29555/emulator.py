"""TPT29555, 16-bit I2C expander: the emulator.

1. Bus side: the eight registers, their reset values and the toggling inside a pair. Emulator
   control: sixteen wires.
2. Values are typed from the datasheet, never imported from the driver.
3. Only a power cycle resets it, as with the silicon: there is no reset pin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.emulated.i2c import NotAcknowledged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.buses.emulated.wires import Wire


class EmulatedTPT29555:
    """An expander in memory whose pins end on wires.

    A command byte above 7 is not acknowledged; the datasheet leaves open what the silicon does with
    it. The interrupt output is not there: no board is known to use it.

    Args:
        wires: The sixteen pins, P0_0 first. The chip's weak pull-up holds each wire that nobody
            drives.
        name: Under which name it drives wires.

    Source: 3PEAK TPT29555 datasheet rev. A.1.2, register table; NXP PCA9555 datasheet, bus
        transactions.
    """

    def __init__(self, wires: Sequence[Wire], name: str = "TPT29555") -> None:
        if len(wires) != 16:  # noqa: PLR2004  (two ports of eight pins)
            raise ValueError(f"a TPT29555 has 16 pins, not {len(wires)}")
        self.name = name
        self.wires = tuple(wires)
        for wire in self.wires:
            wire.pull = 1
        # Most significant pin first, so that a port is collected by shifting.
        self._ports = (self.wires[7::-1], self.wires[15:7:-1])
        self._registers = bytearray()
        self._pointer = 0
        self.power_cycle()

    def power_cycle(self) -> None:
        """Take the supply away and bring it back: all pins become inputs, all latches 1."""
        #                              input       latch       polarity    configuration
        self._registers = bytearray((0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00, 0xFF, 0xFF))
        self._pointer = 0
        self._drive(0)
        self._drive(1)

    def write(self, data: bytes) -> None:
        """Take a command byte and data bytes, as ``EmulatedI2CDevice.write`` says."""
        if not data:
            return
        command = data[0]
        if command > 0x07:  # noqa: PLR2004  (the last register)
            raise NotAcknowledged
        self._pointer = command
        for index in range(1, len(data)):
            if command >= 0x02:  # noqa: PLR2004  (writes to the input registers have no effect)
                self._registers[command] = data[index]
                self._drive(command & 1)
            command ^= 1

    def read(self, length: int) -> bytes:
        """Return registers from the last command byte on, toggling inside the pair."""
        command = self._pointer
        if length == 1:
            return bytes((self._value(command),))
        return bytes(self._value(command ^ (index & 1)) for index in range(length))

    def _value(self, command: int) -> int:
        if command > 1:
            return self._registers[command]
        value = 0
        for wire in self._ports[command]:
            value = value << 1 | wire.level()
        return value ^ self._registers[0x04 + command]

    def _drive(self, port: int) -> None:
        latch, inputs = self._registers[0x02 + port], self._registers[0x06 + port]
        for bit in range(8):
            level = None if inputs >> bit & 1 else latch >> bit & 1
            wire = self.wires[8 * port + bit]
            if wire.driver_of(self.name) != level:
                wire.drive(self.name, level)
