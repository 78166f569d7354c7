"""RAK6421 WisBlock Pi HAT in its two revisions, on any Raspberry Pi with a 40-pin header.

1. Sources: the vendor's examples of 2022 (board marked "VA"); for the newer wiring the vendor's pin
   map (RAKWireless/wismap, data/patches/rak6421.yml), with which a public radio configuration of
   2025 and the vendor's factory test agree.
2. Only the newer one has an identification EEPROM. Where none is read, the newer wiring is assumed,
   because it is the one that is sold, and the configuration decides.
"""

from __future__ import annotations

from wisblock_bridge.boards.board import (
    BoardSpec,
    ConverterSpec,
    LineRef,
    SlotSpec,
    soc,
    spi_lines,
)

_PINS = {
    "VA": (
        {"IO1": 17, "IO3": 13, "IO4": 16, "IO5": 6, "IO6": 12},
        {"IO1": 25, "IO3": 23, "IO4": 24, "IO5": 21, "IO6": 22},
    ),
    "VB": (
        {"IO1": 17, "IO2": 12, "IO3": 13, "IO4": 16, "IO5": 24, "IO6": 22},
        {"IO1": 25, "IO2": 26, "IO3": 23, "IO4": 24, "IO5": 19, "IO6": 18},
    ),
}
_TITLES = {"VA": "RAK6421 marked VA (2022)", "VB": "RAK6421, newer wiring (2025)"}
_SENSOR_LINES = {"A": (6, 12), "B": (13, 16), "C": (21, 22), "D": (23, 24)}
"""BCM numbers of pins 12 and 10 of each sensor connector, newer wiring (vendor's pin map)."""
_UNCONFIRMED = {
    "VA": (
        "IO2 of both slots is not documented; set it in [board.slot1.lines].",
        "The lines of the sensor slots are not documented.",
    ),
    "VB": ("How the EEPROM spells the name: RAK, 6421 Pi Hat is what other projects look for.",),
}


def _sensor_lines(variant: str, name: str) -> dict[str, LineRef]:
    first, second = _SENSOR_LINES[name]
    if variant == "VA":
        return {}
    return {"pin 12": LineRef("soc", first), "pin 10": LineRef("soc", second)}


def _board(variant: str) -> BoardSpec:
    return BoardSpec(
        key=f"rak6421-{variant.lower()}",
        product="RAK6421",
        variant=variant,
        title=_TITLES[variant],
        i2c_number=1,
        controllers={"soc": soc()},
        converter=ConverterSpec("ADS1115", 0x48),
        slots={
            number: SlotSpec(
                lines={
                    pin: LineRef("soc", line) for pin, line in _PINS[variant][number - 1].items()
                },
                analog={"AIN0": 2 * number - 2, "AIN1": 2 * number - 1},
                serial_port="/dev/serial0",
                spi_device=f"/dev/spidev0.{number - 1}",
                spi_lines=spi_lines(9 - number),
            )
            for number in (1, 2)
        },
        taken_addresses={},
        unconfirmed=_UNCONFIRMED[variant],
        sensor_slots={name: _sensor_lines(variant, name) for name in _SENSOR_LINES},
    )


REVISION_VA = _board("VA")
REVISION_VB = _board("VB")
RAK6421_BOARDS = (REVISION_VB, REVISION_VA)
"""The one that is sold comes first: it is the better guess."""
