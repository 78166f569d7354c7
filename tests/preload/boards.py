"""Whole computers for a world: what ``gpiodetect`` and ``i2cdetect`` would show on them.

1. Chip labels, line counts and kernel drivers are those of the vendor's image; the numbers are only
   an order.
2. ``EmulatedComputer`` puts a board of the product's own emulation behind kernel devices, so that
   the whole bridge can be run as on hardware.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.preload.expander import KernelExpander, Pca9555
from tests.preload.gpio_device import Chip
from tests.preload.i2c_device import Adapter

from wisblock_bridge.buses.emulated.gpio import EmulatedLines
from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.buses.emulated.wires import Wire
from wisblock_bridge.clock import SystemClock

if TYPE_CHECKING:
    from tests.preload.world import World

    from wisblock_bridge.emulation.board import EmulatedBoard


class Rak7391:
    """A current RAK7391 as Linux shows it: both expanders are owned by the kernel.

    Args:
        world: Where to put it.
        order: The numbers of the four chips, SoC first, for computers that count differently.
        labels: Labels of the two expanders, the board's first.
    """

    def __init__(
        self,
        world: World,
        *,
        order: tuple[int, int, int, int] = (0, 1, 2, 3),
        labels: tuple[str, str] = ("1-0027", "1-0026"),
    ) -> None:
        self.bus = EmulatedI2CBus("i2c-1", SystemClock())
        self.board_expander, self.slot_expander = Pca9555(), Pca9555()
        self.bus.attach(0x27, self.board_expander)
        self.bus.attach(0x26, self.slot_expander)
        self.adapter = Adapter(
            1, self.bus, {0x26: "pca953x", 0x27: "pca953x", 0x51: "rtc-pcf85063"}
        )
        self.pins = {line: Wire(f"GPIO{line}", pull=0) for line in range(58)}
        firmware: dict[int, Wire] = {}
        self.soc = Chip(
            "pinctrl-bcm2711", EmulatedLines("pinctrl-bcm2711", 58, self.pins), {8: "spi0 CS0"}
        )
        self.firmware = Chip(
            "raspberrypi-exp-gpio", EmulatedLines("raspberrypi-exp-gpio", 8, firmware)
        )
        self.board = Chip(labels[0], KernelExpander(self.bus, 0x27))
        self.slots = Chip(labels[1], KernelExpander(self.bus, 0x26))
        world.add_adapter(self.adapter)
        world.add_chip(order[0], self.soc)
        world.add_chip(order[1], self.firmware)
        world.add_chip(order[2], self.board, parent=(1, 0x27))
        world.add_chip(order[3], self.slots, parent=(1, 0x26))
        for line, wire in self.pins.items():
            wire.listen(partial(self.soc.report_edge, line))


class Rak6421OnPi5:
    """A RAK6421 on a Raspberry Pi 5: one chip of 54 lines, linked under its former number."""

    def __init__(self, world: World) -> None:
        self.bus = EmulatedI2CBus("i2c-1", SystemClock())
        self.adapter = Adapter(1, self.bus, last_read_only=False)
        self.pins = {line: Wire(f"GPIO{line}", pull=0) for line in range(54)}
        self.soc = Chip("pinctrl-rp1", EmulatedLines("pinctrl-rp1", 54, self.pins))
        world.add_adapter(self.adapter)
        world.add_chip(0, self.soc)
        world.link("/dev/gpiochip4", "gpiochip0")


class EmulatedComputer:
    """A board of the product's own emulation behind kernel devices.

    Args:
        world: Where to put it.
        emulated: The board, with whatever is plugged into its slots.
    """

    def __init__(self, world: World, emulated: EmulatedBoard) -> None:
        board = emulated.board
        expanders = {
            spec.key: spec.address
            for spec in board.controllers.values()
            if spec.address is not None
        }
        self.emulated = emulated
        self.adapter = Adapter(
            board.i2c_number, emulated.bus, dict.fromkeys(expanders.values(), "pca953x")
        )
        self.chips: dict[str, Chip] = {}
        world.add_adapter(self.adapter)
        # The vendor's image shows the SoC first and the board's expander before that of the slots.
        for number, key in enumerate(
            sorted(board.controllers, key=["soc", "board", "slots"].index)
        ):
            spec = board.controllers[key]
            lines = emulated.lines(spec, board.i2c_number)
            if lines is not None:
                chip = Chip(spec.labels[0], lines)
            else:
                assert spec.address is not None
                kernel = KernelExpander(emulated.bus, spec.address)
                chip = Chip(kernel.name, kernel)
            self.chips[key] = chip
            behind = None if spec.address is None else (board.i2c_number, spec.address)
            world.add_chip(number, chip, parent=behind)
        for (key, offset), wire in emulated.wires.items():
            if key not in expanders:
                wire.listen(partial(self.chips[key].report_edge, offset))
