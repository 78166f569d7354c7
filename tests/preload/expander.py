"""A PCA9555-class expander on an emulated bus, and the kernel's driver for it.

1. ``Pca9555`` is the chip: eight registers (NXP PCA9555 datasheet, section 6.2), pins that end on
   wires.
2. ``KernelExpander`` is drivers/gpio/gpio-pca953x.c: cached registers, latch before direction,
   nothing done on release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.emulated.wires import Wire
from wisblock_bridge.buses.gpio import Bias, no_edges
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.errors import BusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.buses.gpio import EdgeSource
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.buses.shared_levels import LevelReader

INPUT, OUTPUT, POLARITY, CONFIGURATION = 0, 2, 4, 6
LINES = 16


class Pca9555:
    """The chip, as it is after power-up: all pins inputs, pulled up, all latches high."""

    def __init__(self) -> None:
        self.registers = [0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0xFF, 0xFF]
        self.pins = [Wire(f"P{line // 8}_{line % 8}") for line in range(LINES)]
        self.seen: list[list[int]] = [[] for _ in range(LINES)]
        for pin, seen in zip(self.pins, self.seen, strict=True):
            pin.listen(seen.append)
        self._pointer = 0

    def write(self, data: bytes) -> None:
        """Take a command byte and data that alternates within the register pair."""
        self._pointer = data[0] & 7
        for value in data[1:]:
            if self._pointer >= OUTPUT:
                self.registers[self._pointer] = value
                self._drive()
            self._pointer ^= 1

    def read(self, length: int) -> bytes:
        """Give register values, alternating within the pair."""
        values = bytearray()
        for _ in range(length):
            if self._pointer < OUTPUT:
                pins = self.pins[8 * self._pointer : 8 * self._pointer + 8]
                values.append(sum(pin.level() << bit for bit, pin in enumerate(pins)))
            else:
                values.append(self.registers[self._pointer])
            self._pointer ^= 1
        return bytes(values)

    def _drive(self) -> None:
        for line, pin in enumerate(self.pins):
            port, bit = divmod(line, 8)
            is_input = self.registers[CONFIGURATION + port] >> bit & 1
            level = self.registers[OUTPUT + port] >> bit & 1
            pin.drive("expander", None if is_input else level)


class KernelExpander:
    """The kernel's driver, bound to an expander.

    Args:
        bus: The bus the expander is on.
        address: Its address.
        reports_failed_set: False for kernels before 6.15, whose "set value" cannot report a
            failure.
    """

    has_edges = False
    line_count = LINES

    def __init__(self, bus: I2CBus, address: int, *, reports_failed_set: bool = False) -> None:
        self._bus = bus
        self._address = address
        self._reports_failed_set = reports_failed_set
        self._latch = bytearray(self._read(OUTPUT, 2))
        self._configuration = bytearray(self._read(CONFIGURATION, 2))
        bus.transfer(address, Write(bytes([POLARITY, 0, 0])))

    @property
    def name(self) -> str:
        """The label of kernels since 5.8 is the device's name."""
        return f"{self._bus.name.removeprefix('i2c-')}-{self._address:04x}"

    def level(self, offset: int) -> int:
        """Read one port."""
        port, bit = divmod(offset, 8)
        return self._read(INPUT + port, 1)[0] >> bit & 1

    def levels(self) -> int:
        """Read both ports at once."""
        return int.from_bytes(self._read(INPUT, 2), "little")

    def directions(self) -> int:
        """Tell from the cache which lines are outputs."""
        return 0xFFFF ^ int.from_bytes(self._configuration, "little")

    def outputs_lost(self, mask: int) -> int:  # noqa: ARG002
        """Return 0, as the kernel does: it answers from its cache."""
        return 0

    def held_elsewhere(self) -> Mapping[int, str]:
        """Tell which lines others hold: the device server keeps that account, not the chip."""
        return {}

    def watch(self, mask: int) -> LevelReader:  # noqa: ARG002
        """Refuse: the kernel offers nothing of the kind."""
        raise no_edges(self.name)

    def edges(self, offset: int, bias: Bias = Bias.NONE, debounce_ms: float = 0.0) -> EdgeSource:  # noqa: ARG002
        """Refuse: no board is known to wire the interrupt."""
        raise no_edges(self.name)

    def make_output(self, offset: int, level: int) -> None:
        """Write the latch, then the direction."""
        self._write(OUTPUT, self._latch, offset, level)
        self._write(CONFIGURATION, self._configuration, offset, 0)

    def make_input(self, offset: int, bias: Bias = Bias.NONE) -> None:
        """Write the direction; the chip has no other pull resistors than its own."""
        assert bias is Bias.NONE, "a PCA9555 cannot be asked for pull resistors"
        self._write(CONFIGURATION, self._configuration, offset, 1)

    def write(self, offset: int, level: int) -> None:
        """Write the latch; older kernels lose the failure."""
        try:
            self._write(OUTPUT, self._latch, offset, level)
        except BusError:
            if self._reports_failed_set:
                raise

    def let_go(self, offset: int) -> None:
        """Do nothing: the driver has no hook for a released line."""

    def close(self) -> None:
        """Do nothing."""

    def _write(self, register: int, cache: bytearray, offset: int, value: int) -> None:
        port, bit = divmod(offset, 8)
        byte = cache[port] & ~(1 << bit) | value << bit
        self._bus.transfer(self._address, Write(bytes([register + port, byte])))
        cache[port] = byte

    def _read(self, register: int, length: int) -> bytes:
        return self._bus.transfer(self._address, Write(bytes([register])), Read(length))
