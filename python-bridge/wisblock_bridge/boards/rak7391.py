"""RAK7391 WisGate Connect in its three generations.

1. Sources: the vendor's datasheet, its examples by date, and its image's boot configuration.
2. Slot line n of slot 1 is expander line n, of slot 2 line 8 + n, on generations B and C.
"""

from __future__ import annotations

from wisblock_bridge.boards.board import (
    BoardSpec,
    ControllerSpec,
    ConverterSpec,
    LineRef,
    SlotSpec,
    soc,
    spi_lines,
)

LED_LINES = frozenset({6, 7})
"""The only lines of the housekeeping expander that are safe to drive: the others wake or disable
mini-PCIe cards (datasheet of RAK7391, table of the expander U134)."""

_ON_BOARD = {
    0x2F: "the fan controller EMC2301",
    0x51: "the clock PCF85063A",
    0x60: "the crypto chip ATECC608A",
    0x70: "the on-board SHTC3",
}

_UNCONFIRMED = (
    "IO2 of the slots (expander lines 2 and 10) by pattern only; the bridge never drives it.",
    "Which of the two expanders serves the slots (0x26 by the vendor's scripts).",
    "Whether the expanders' interrupt is wired; inputs on them are polled.",
)


def _slot(number: int, lines: dict[str, LineRef]) -> SlotSpec:
    return SlotSpec(
        lines=lines,
        analog={"AIN0": 2 * number - 2, "AIN1": 2 * number - 1},
        serial_port=f"/dev/ttyUSB{number - 1}",
        spi_device=f"/dev/spidev0.{number - 1}",
        spi_lines=spi_lines(9 - number),
    )


def _expander_lines(number: int) -> dict[str, LineRef]:
    return {f"IO{n}": LineRef("slots", 8 * (number - 1) + n) for n in range(1, 7)}


def _two_expanders(variant: str, title: str, slots_at: int, converter: ConverterSpec) -> BoardSpec:
    def expander(key: str, address: int, free: frozenset[int] | None) -> ControllerSpec:
        return ControllerSpec(key, "TPT29555", (f"1-{address:04x}",), 16, address, free)

    return BoardSpec(
        key=f"rak7391-{variant.lower()}",
        product="RAK7391",
        variant=variant,
        title=title,
        i2c_number=1,
        controllers={
            "soc": soc(),
            "slots": expander("slots", slots_at, None),
            "board": expander("board", 0x27, LED_LINES),
        },
        converter=converter,
        slots={number: _slot(number, _expander_lines(number)) for number in (1, 2)},
        taken_addresses=_ON_BOARD,
        unconfirmed=_UNCONFIRMED,
    )


GENERATION_C = _two_expanders(
    "C", "RAK7391 since August 2022", 0x26, ConverterSpec("SGM58031", 0x4B)
)
GENERATION_B = _two_expanders(
    "B", "RAK7391 of May to August 2022", 0x23, ConverterSpec("ADS1115", 0x48)
)
GENERATION_A = BoardSpec(
    key="rak7391-a",
    product="RAK7391",
    variant="A",
    title="RAK7391 until May 2022",
    i2c_number=1,
    controllers={
        "soc": soc(),
        "slots": ControllerSpec("slots", "PI4IOE5V96224", ("gpioexp",), 24, 0x20),
    },
    converter=ConverterSpec("ADS1115", 0x48),
    slots={
        1: _slot(1, {"IO1": LineRef("slots", 13), "IO6": LineRef("slots", 6)}),
        2: _slot(2, {"IO1": LineRef("slots", 14), "IO6": LineRef("slots", 7)}),
    },
    taken_addresses={**_ON_BOARD, 0x50: "the board's EEPROM CAT24C32"},
    unconfirmed=("IO2 to IO5 of both slots are not documented; set them in [board.slot1.lines].",),
)

RAK7391_BOARDS = (GENERATION_C, GENERATION_B, GENERATION_A)
