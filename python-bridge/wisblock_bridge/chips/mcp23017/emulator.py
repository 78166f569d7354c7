"""MCP23017, 16-bit I2C expander: the emulator.

1. Bus side: 21 registers in both layouts, the pointer in all four modes, interrupts as in the
   datasheet. Emulator control: sixteen wires, and ``register`` to look without side effects.
2. Values are typed from the datasheet, never imported from the driver.
3. A power cycle resets it, and so does its reset pin when that is connected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.emulated.i2c import NotAcknowledged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wisblock_bridge.buses.emulated.wires import Wire

# The order of the registers is the same in both layouts.
NAMES = (
    "IODIR",
    "IPOL",
    "GPINTEN",
    "DEFVAL",
    "INTCON",
    "IOCON",
    "GPPU",
    "INTF",
    "INTCAP",
    "GPIO",
    "OLAT",
)
_READ_ONLY = {"INTF", "INTCAP"}
_BANK, _MIRROR, _SEQOP, _ODR, _INTPOL = 0x80, 0x40, 0x20, 0x04, 0x02


class EmulatedMCP23017:
    """An expander in memory whose pins end on wires.

    What the datasheet leaves open: an address without a register is acknowledged, reads 0 and takes
    nothing; counting on in the layout BANK = 1 passes over such addresses one by one.

    Args:
        wires: The sixteen pins, GPA0 first.
        name: Under which name it drives wires.
        interrupts: The wires of INTA and INTB, where they are connected.
        reset: The wire of the reset pin, active low, where it is connected.

    Source: Microchip MCP23017 datasheet DS20001952C, sections 3.2, 3.5 and 3.6.
    """

    def __init__(
        self,
        wires: Sequence[Wire],
        name: str = "MCP23017",
        *,
        interrupts: tuple[Wire, Wire] | None = None,
        reset: Wire | None = None,
    ) -> None:
        if len(wires) != 16:  # noqa: PLR2004  (two ports of eight pins)
            raise ValueError(f"an MCP23017 has 16 pins, not {len(wires)}")
        self.name = name
        self.wires = tuple(wires)
        self._interrupts = interrupts
        self._reset = reset
        self._pulls_outside = [wire.pull for wire in wires]
        self._ports = {each: bytearray(2) for each in NAMES if each not in {"IOCON", "GPIO"}}
        self._control = 0
        self._seen = [0, 0]
        self._pointer = 0
        self.power_cycle()
        for number, wire in enumerate(self.wires):
            wire.listen(_Watch(self, number >> 3))
        if reset is not None:
            reset.listen(self._reset_changed)

    def power_cycle(self) -> None:
        """Take the supply away and bring it back: all pins become inputs without pull-up."""
        for name, ports in self._ports.items():
            ports[:] = b"\xff\xff" if name == "IODIR" else b"\x00\x00"
        self._control = 0
        self._pointer = 0
        for port in (0, 1):
            self._drive(port)
            self._seen[port] = self._pins(port)
        self._drive_interrupts()

    def register(self, name: str, port: int) -> int:
        """Look into a register without any effect on the chip.

        Args:
            name: As in the datasheet, without the letter of the port ("IODIR").
            port: 0 for A, 1 for B.

        Returns:
            Its eight bits.
        """
        if name == "IOCON":
            return self._control
        if name == "GPIO":
            return self._pins(port) ^ self._ports["IPOL"][port]
        return self._ports[name][port]

    def write(self, data: bytes) -> None:
        """Take a register address and data bytes, as ``EmulatedI2CDevice.write`` says."""
        self._check_reset()
        if not data:
            return
        self._pointer = data[0]
        for byte in data[1:]:
            self._store(byte)
            self._advance()

    def read(self, length: int) -> bytes:
        """Return registers from the last address on, counting as IOCON says."""
        self._check_reset()
        found = bytearray()
        for _ in range(length):
            found.append(self._fetch())
            self._advance()
        return bytes(found)

    def pins_changed(self, port: int) -> None:
        """Compare a port with what it was: is there an interrupt?

        Args:
            port: 0 for A, 1 for B.
        """
        pins = self._pins(port)
        changed, self._seen[port] = pins ^ self._seen[port], pins
        self._raise_interrupt(port, changed)

    def _raise_interrupt(self, port: int, changed: int) -> None:
        registers = self._ports
        level_wanted = registers["INTCON"][port]
        # DEFVAL is compared with the pin, whatever IPOL says about reading it.
        differs = self._pins(port) ^ registers["DEFVAL"][port]
        cause = registers["GPINTEN"][port] & (level_wanted & differs | ~level_wanted & changed)
        if cause and not registers["INTF"][port]:
            registers["INTF"][port] = cause
            registers["INTCAP"][port] = self.register("GPIO", port)
        self._drive_interrupts()

    def _clear_interrupt(self, port: int) -> None:
        self._ports["INTF"][port] = 0
        self._raise_interrupt(port, 0)

    def _reset_changed(self, level: int) -> None:
        if level == 0:
            self.power_cycle()

    def _check_reset(self) -> None:
        if self._reset is not None and self._reset.level() == 0:
            raise NotAcknowledged

    def _place(self) -> tuple[str, int] | None:
        """Which register the pointer stands on; None for an address without one."""
        if self._control & _BANK:
            port, number = self._pointer >> 4, self._pointer & 0x0F
        else:
            port, number = self._pointer & 1, self._pointer >> 1
        return (NAMES[number], port) if port < 2 and number < len(NAMES) else None  # noqa: PLR2004

    def _advance(self) -> None:
        banked, fixed = self._control & _BANK, self._control & _SEQOP
        if fixed:
            self._pointer ^= 0 if banked else 1
            return
        last = 0x1A if banked else 0x15
        self._pointer = self._pointer + 1 if self._pointer < last else 0

    def _fetch(self) -> int:
        place = self._place()
        if place is None:
            return 0
        name, port = place
        value = self.register(name, port)
        if name in {"INTCAP", "GPIO"}:
            self._clear_interrupt(port)
        return value

    def _store(self, byte: int) -> None:
        place = self._place()
        if place is None or place[0] in _READ_ONLY:
            return
        name, port = place
        if name == "IOCON":
            self._control = byte & 0xFE
            self._drive_interrupts()
            return
        self._ports["OLAT" if name == "GPIO" else name][port] = byte
        if name == "GPINTEN":
            self._ports["INTF"][port] &= byte
        self._drive(port)
        self.pins_changed(port)

    def _pins(self, port: int) -> int:
        return sum(self.wires[8 * port + bit].level() << bit for bit in range(8))

    def _drive(self, port: int) -> None:
        registers = self._ports
        for bit in range(8):
            number = 8 * port + bit
            wire = self.wires[number]
            is_input = registers["IODIR"][port] >> bit & 1
            pulled = is_input and registers["GPPU"][port] >> bit & 1
            wire.pull = 1 if pulled else self._pulls_outside[number]
            wire.drive(self.name, None if is_input else registers["OLAT"][port] >> bit & 1)

    def _drive_interrupts(self) -> None:
        if self._interrupts is None:
            return
        pending = [bool(flags) for flags in self._ports["INTF"]]
        if self._control & _MIRROR:
            pending = [any(pending)] * 2
        for wire, active in zip(self._interrupts, pending, strict=True):
            if self._control & _ODR:
                wire.drive(self.name, 0 if active else None)
            else:
                active_level = 1 if self._control & _INTPOL else 0
                wire.drive(self.name, active_level if active else 1 - active_level)


class _Watch:
    """Tells a chip that something happened on one of its ports."""

    def __init__(self, chip: EmulatedMCP23017, port: int) -> None:
        self._chip = chip
        self._port = port

    def __call__(self, _: int) -> None:
        self._chip.pins_changed(self._port)
