"""The wiring tables, typed again from the vendor's documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wisblock_bridge.boards import BOARDS

if TYPE_CHECKING:
    from wisblock_bridge.boards.board import BoardSpec

ALL = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def lines(board: BoardSpec, slot: int) -> dict[str, tuple[str, int]]:
    return {pin: (ref.controller, ref.offset) for pin, ref in board.slots[slot].lines.items()}


def test_five_wirings_are_known() -> None:
    assert set(BOARDS) == {"rak7391-a", "rak7391-b", "rak7391-c", "rak6421-va", "rak6421-vb"}


@ALL
def test_tables_are_sound(board: BoardSpec) -> None:
    assert board.key == f"{board.product}-{board.variant}".lower()
    assert (board.i2c_number, board.i2c_name) == (1, "i2c-1")
    assert set(board.slots) == {1, 2}
    assert set(board.controllers) == {spec.key for spec in board.controllers.values()}
    taken: list[tuple[str, int]] = []
    for slot in (1, 2):
        for controller, offset in lines(board, slot).values():
            assert offset < board.controllers[controller].line_count
            taken.append((controller, offset))
        assert set(board.slots[slot].lines) <= {f"IO{n}" for n in range(1, 7)}
        assert board.slots[slot].analog == {"AIN0": 2 * slot - 2, "AIN1": 2 * slot - 1}
        assert board.slots[slot].spi_device == f"/dev/spidev0.{slot - 1}"
    addresses = [
        *board.taken_addresses,
        board.converter.address,
        *(spec.address for spec in board.controllers.values() if spec.address is not None),
    ]
    assert len(addresses) == len(set(addresses))
    assert all(0x08 <= address <= 0x77 for address in addresses)
    assert board.unconfirmed
    shared = {each for each in taken if taken.count(each) > 1}
    # On the newer RAK6421, IO5 of slot 1 and IO4 of slot 2 are one line of the processor.
    assert shared == ({("soc", 24)} if board.variant == "VB" else set())


def test_expanders_and_converters_of_the_generations() -> None:
    """RAK7391 datasheet, I2C table; the vendor's examples by date."""
    found = {
        board.variant: (
            {
                spec.key: (spec.chip, spec.address)
                for spec in board.controllers.values()
                if spec.address is not None
            },
            (board.converter.chip, board.converter.address),
        )
        for board in BOARDS.values()
        if board.product == "RAK7391"
    }
    assert found == {
        "C": (
            {"slots": ("TPT29555", 0x26), "board": ("TPT29555", 0x27)},
            ("SGM58031", 0x4B),
        ),
        "B": (
            {"slots": ("TPT29555", 0x23), "board": ("TPT29555", 0x27)},
            ("ADS1115", 0x48),
        ),
        "A": ({"slots": ("PI4IOE5V96224", 0x20)}, ("ADS1115", 0x48)),
    }


@pytest.mark.parametrize("key", ["rak7391-b", "rak7391-c"])
def test_slot_lines_of_the_rak7391(key: str) -> None:
    assert lines(BOARDS[key], 1) == {f"IO{n}": ("slots", n) for n in range(1, 7)}
    assert lines(BOARDS[key], 2) == {f"IO{n}": ("slots", 8 + n) for n in range(1, 7)}
    assert BOARDS[key].controllers["board"].free_lines == frozenset({6, 7})
    assert BOARDS[key].controllers["slots"].free_lines is None


def test_lines_of_the_oldest_rak7391() -> None:
    board = BOARDS["rak7391-a"]
    assert lines(board, 1) == {"IO1": ("slots", 13), "IO6": ("slots", 6)}
    assert lines(board, 2) == {"IO1": ("slots", 14), "IO6": ("slots", 7)}
    assert 0x50 in board.taken_addresses


def test_lines_of_the_rak6421() -> None:
    """Numbers of the processor's lines, as the vendor's examples have them."""
    old, new = BOARDS["rak6421-va"], BOARDS["rak6421-vb"]
    assert {pin: offset for pin, (_, offset) in lines(old, 1).items()} == {
        "IO1": 17, "IO3": 13, "IO4": 16, "IO5": 6, "IO6": 12,
    }  # fmt: skip
    assert {pin: offset for pin, (_, offset) in lines(old, 2).items()} == {
        "IO1": 25, "IO3": 23, "IO4": 24, "IO5": 21, "IO6": 22,
    }  # fmt: skip
    assert {pin: offset for pin, (_, offset) in lines(new, 1).items()} == {
        "IO1": 17, "IO2": 12, "IO3": 13, "IO4": 16, "IO5": 24, "IO6": 22,
    }  # fmt: skip
    # RAKWireless/wismap, data/patches/rak6421.yml, slot IO_B: pins 29...32, 37, 38
    assert {pin: offset for pin, (_, offset) in lines(new, 2).items()} == {
        "IO1": 25, "IO2": 26, "IO3": 23, "IO4": 24, "IO5": 19, "IO6": 18,
    }  # fmt: skip
    for board in (old, new):
        assert set(board.controllers) == {"soc"}
        assert board.converter.address == 0x48
        assert board.controllers["soc"].labels == (
            "pinctrl-bcm2711",
            "pinctrl-bcm2835",
            "pinctrl-rp1",
        )


@ALL
def test_spi_pins_as_lines(board: BoardSpec) -> None:
    for slot, select in ((1, 8), (2, 7)):
        assert {pin: ref.offset for pin, ref in board.slots[slot].spi_lines.items()} == {
            "SPI_CS": select,
            "SPI_CLK": 11,
            "SPI_MOSI": 10,
            "SPI_MISO": 9,
        }
