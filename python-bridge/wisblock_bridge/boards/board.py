"""The description of a carrier board: controllers, lines, channels and ports.

1. Data only: nothing here opens a device.
2. Every fact that is not confirmed on hardware is listed in ``unconfirmed`` and can be overridden.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class LineRef:
    """One digital line.

    Attributes:
        controller: Key of the controller on this board ("soc", "slots", "board").
        offset: Line number within the controller.
    """

    controller: str
    offset: int


@dataclass(frozen=True, slots=True)
class ControllerSpec:
    """A group of digital lines.

    Attributes:
        key: Its name on this board.
        chip: "soc" for the processor's own lines, else the expander chip.
        labels: Labels under which Linux may show it, best first.
        line_count: Number of lines.
        address: I2C address of an expander; None for the SoC.
        free_lines: Lines that users may drive directly; None for all that no module holds.
    """

    key: str
    chip: Literal["soc", "TPT29555", "PI4IOE5V96224"]
    labels: tuple[str, ...]
    line_count: int
    address: int | None = None
    free_lines: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class ConverterSpec:
    """The board's analog-to-digital converter.

    Attributes:
        chip: The chip expected.
        address: Its I2C address.
        alternatives: Addresses that solder options allow.
    """

    chip: Literal["ADS1115", "SGM58031"]
    address: int
    alternatives: tuple[int, ...] = (0x48, 0x49, 0x4A, 0x4B)


@dataclass(frozen=True, slots=True)
class SlotSpec:
    """One WisBlock slot.

    Attributes:
        lines: Pin ("IO1") to line; pins that lead nowhere known are missing.
        analog: Pin ("AIN1") to channel of the board's converter.
        serial_port: Device file of the slot's UART.
        spi_device: Device file of the slot's chip select.
        spi_lines: SPI pin ("SPI_CS", "SPI_CLK", "SPI_MOSI", "SPI_MISO") to line, for modules
            that use them as plain outputs.
    """

    lines: Mapping[str, LineRef]
    analog: Mapping[str, int]
    serial_port: str
    spi_device: str
    spi_lines: Mapping[str, LineRef] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BoardSpec:
    """One wiring of one carrier.

    Attributes:
        key: "rak7391-c".
        product: "RAK7391".
        variant: Generation or revision.
        title: For people.
        i2c_number: Linux number of the I2C bus of slots and on-board chips.
        controllers: Key to controller.
        converter: The analog-to-digital converter.
        slots: 1 and 2.
        taken_addresses: I2C address to its owner, for what is soldered on and no module here.
        sensor_slots: Name ("A") to the lines of its digital pins, as the connector numbers them.
        unconfirmed: What nobody has seen on hardware yet.
    """

    key: str
    product: str
    variant: str
    title: str
    i2c_number: int
    controllers: Mapping[str, ControllerSpec]
    converter: ConverterSpec
    slots: Mapping[int, SlotSpec]
    taken_addresses: Mapping[int, str]
    unconfirmed: tuple[str, ...] = ()
    sensor_slots: Mapping[str, Mapping[str, LineRef]] = field(default_factory=dict)

    @property
    def i2c_name(self) -> str:
        """The name of the bus in messages."""
        return f"i2c-{self.i2c_number}"


SOC_LABELS = ("pinctrl-bcm2711", "pinctrl-bcm2835", "pinctrl-rp1")
"""Pi 4 and CM4, earlier ones, Pi 5: the line numbers of the 40-pin header are the same on all."""


def soc() -> ControllerSpec:
    """Describe the processor's own lines, whichever Raspberry Pi it is.

    Returns:
        The controller; it is found by any of its labels.
    """
    return ControllerSpec("soc", "soc", SOC_LABELS, 54)


def spi_lines(chip_select: int) -> dict[str, LineRef]:
    """Describe the SPI pins as plain lines.

    Args:
        chip_select: BCM number of the slot's chip select.

    Returns:
        Pin name to line; clock and data are shared by both slots.
    """
    return {
        "SPI_CS": LineRef("soc", chip_select),
        "SPI_CLK": LineRef("soc", 11),
        "SPI_MOSI": LineRef("soc", 10),
        "SPI_MISO": LineRef("soc", 9),
    }
