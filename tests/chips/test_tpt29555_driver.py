"""TPT29555 driver: the exact bytes, the order, and what it believes after a failure."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.chips.transactions import Breaking, ScriptedBus, each_failure
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.buses.emulated.wires import Wire
from wisblock_bridge.chips.tpt29555 import TPT29555
from wisblock_bridge.chips.tpt29555.emulator import EmulatedTPT29555
from wisblock_bridge.errors import BusError, BusFault, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.gpio import LineController

FIRST_USE = ("04 00 00", "02 -> FF FF", "06 -> FF FF")
"""Polarity true, then latches and directions as after power-up."""


def scripted(*lines: str) -> tuple[ScriptedBus, TPT29555]:
    bus = ScriptedBus(0x26, *lines)
    return bus, TPT29555(bus, 0x26, FakeClock())


@for_each(
    ("action", "lines"),
    [
        (lambda chip: chip.make_output(4, 0), ["02 EF", "06 EF"]),  # slot 1 IO4 prepared low
        (lambda chip: chip.make_output(12, 0), ["03 EF", "07 EF"]),  # slot 2 IO4
        (lambda chip: chip.make_output(1, 1), ["02 FF", "06 FD"]),  # slot 1 IO1 high
        (lambda chip: chip.make_output(14, 0), ["03 BF", "07 BF"]),  # slot 2 IO6 low
        (lambda chip: chip.make_output(7, 0), ["02 7F", "06 7F"]),  # LED on P0_7
        (lambda chip: chip.make_output(0, 1), ["02 FF", "06 FE"]),
        (lambda chip: chip.make_output(15, 0), ["03 7F", "07 7F"]),
        (lambda chip: chip.make_outputs(0x1010, 0x1000), ["02 EF FF", "06 EF EF"]),
        (lambda chip: chip.make_outputs(0x0012, 0x0002), ["02 EF", "06 ED"]),
        (lambda chip: chip.make_inputs(0xFFFF), ["06 FF FF"]),
        (lambda chip: chip.make_input(4), ["06 FF"]),
        (lambda chip: chip.make_input(12), ["07 FF"]),
        (lambda chip: chip.level(0), ["00 -> FF"]),
        (lambda chip: chip.level(7), ["00 -> FF"]),
        (lambda chip: chip.level(8), ["01 -> FF"]),
        (lambda chip: chip.level(15), ["01 -> FF"]),
        (lambda chip: chip.levels(), ["00 -> FF FF"]),
    ],
)
def test_bytes_of_a_method(action: Callable[[TPT29555], object], lines: list[str]) -> None:
    bus, chip = scripted(*FIRST_USE, *lines)
    with bus:
        action(chip)


def test_relay_on_and_off_is_one_byte_each() -> None:
    bus, chip = scripted(*FIRST_USE, "02 EF", "06 EF", "02 FF", "02 EF")
    with bus:
        chip.make_output(4, 0)
        chip.write(4, 1)
        chip.write(4, 0)


def test_what_does_not_change_is_sent_all_the_same() -> None:
    bus, chip = scripted(*FIRST_USE, "02 EF", "06 EF", "02 EF", "06 EF")
    with bus:
        chip.make_output(4, 0)
        chip.make_output(4, 0)


def test_other_lines_keep_what_an_earlier_process_left() -> None:
    # Line 1 was left an output at 1, line 12 an output at 0.
    bus, chip = scripted(
        "04 00 00", "02 -> FF EF", "06 -> FD EF", "02 EF", "06 ED", "03 ED", "07 ED"
    )
    with bus:
        chip.make_output(4, 0)
        chip.make_output(9, 0)


@for_each(
    ("offset", "line", "level"),
    [(0, "00 -> 01", 1), (0, "00 -> FE", 0), (5, "00 -> 20", 1), (15, "01 -> 80", 1)]
    + [(offset, f"{offset // 8:02X} -> {0xFF ^ 1 << offset % 8:02X}", 0) for offset in range(16)],
)
def test_level_picks_its_bit(offset: int, line: str, level: int) -> None:
    bus, chip = scripted(*FIRST_USE, line)
    with bus:
        assert chip.level(offset) == level


def test_levels_has_port_0_in_the_low_byte() -> None:
    bus, chip = scripted(*FIRST_USE, "00 -> 12 34")
    with bus:
        assert chip.levels() == 0x3412


def test_directions_are_asked_from_the_chip_and_1_means_output() -> None:
    bus, chip = scripted("06 -> EF FE")
    with bus:
        assert chip.directions() == 0x0110


def test_write_refuses_an_input() -> None:
    bus, chip = scripted(*FIRST_USE)
    with bus, pytest.raises(BusError, match="Line 4 is an input") as caught:
        chip.write(4, 1)
    assert caught.value.fault is BusFault.UNSUPPORTED
    assert caught.value.hint
    assert caught.value.where == "TPT29555 0x26 on i2c-1"


@for_each("offset", [-1, 16, 100])
@for_each(
    "action",
    [
        TPT29555.level,
        TPT29555.make_input,
        lambda chip, offset: chip.make_output(offset, 1),
        lambda chip, offset: chip.write(offset, 1),
    ],
)
def test_a_line_that_does_not_exist_touches_nothing(
    offset: int, action: Callable[[TPT29555, int], object]
) -> None:
    bus, chip = scripted()
    with bus, pytest.raises(ValueError, match=r"0\.\.\.15"):
        action(chip, offset)


def test_letting_go_and_closing_touch_nothing() -> None:
    bus, chip = scripted(*FIRST_USE, "02 EF", "06 EF")
    with bus:
        chip.make_output(4, 0)
        chip.let_go(4)
        chip.close()
        chip.close()


def test_it_is_a_line_controller() -> None:
    _, chip = scripted()
    controller: LineController = chip
    assert (controller.name, controller.line_count, controller.has_edges) == (
        "TPT29555 0x26 on i2c-1",
        16,
        False,
    )


@for_each(
    ("lines", "action"),
    [
        (["!04 00 00"], lambda chip: chip.level(0)),
        (["04 00 00", "!02 -> FF FF"], lambda chip: chip.make_output(4, 0)),
        ([*FIRST_USE[:2], "!06 -> FF FF"], lambda chip: chip.make_output(4, 0)),
        ([*FIRST_USE, "!02 EF"], lambda chip: chip.make_output(4, 0)),
        ([*FIRST_USE, "02 EF", "!06 EF"], lambda chip: chip.make_output(4, 0)),
        ([*FIRST_USE, "!06 FF"], lambda chip: chip.make_input(4)),
        ([*FIRST_USE, "!00 -> FF"], lambda chip: chip.level(4)),
        ([*FIRST_USE, "!00 -> FF FF"], lambda chip: chip.levels()),
        (["!06 -> FF FF"], lambda chip: chip.directions()),
    ],
)
def test_after_a_failure_the_chip_is_asked_again(
    lines: list[str], action: Callable[[TPT29555], object]
) -> None:
    bus, chip = scripted(*lines)
    with bus, pytest.raises(BusError) as caught:
        action(chip)
    assert caught.value.code is ErrorCode.NO_DEVICE
    # Meanwhile the chip stands differently: line 0 is an output at 0. That is kept.
    bus.expect("04 00 00", "02 -> FE FF", "06 -> FE FF", "02 EE", "06 EE")
    with bus:
        chip.make_output(4, 0)


class World:
    """A driver, a bus that can break, an emulated chip and its wires."""

    def __init__(self) -> None:
        self.wires = [Wire(f"P{number // 8}_{number % 8}") for number in range(16)]
        self.silicon = EmulatedTPT29555(self.wires)
        bus = EmulatedI2CBus("i2c-1", FakeClock())
        bus.attach(0x26, self.silicon)
        self.bus = Breaking(bus)
        self.chip = TPT29555(self.bus, 0x26, FakeClock())

    def restart(self) -> None:
        """Power the chip up and let an earlier owner drive line 2 low; the driver knows nothing."""
        self.bus.break_at(None, BusFault.IO, delivered=False)
        self.silicon.power_cycle()
        self.silicon.write(bytes.fromhex("02 FB"))
        self.silicon.write(bytes.fromhex("06 FB"))
        self.chip.close()

    def driven(self) -> dict[int, int]:
        """Which lines the silicon drives, and how."""
        levels = {at: wire.driver_of("TPT29555") for at, wire in enumerate(self.wires)}
        return {at: level for at, level in levels.items() if level is not None}


@for_each(
    ("prepare", "action", "expected"),
    [
        (lambda _: None, lambda chip: chip.make_output(4, 0), {2: 0, 4: 0}),
        (lambda _: None, lambda chip: chip.make_output(12, 1), {2: 0, 12: 1}),
        (lambda chip: chip.levels(), lambda chip: chip.make_output(4, 1), {2: 0, 4: 1}),
        (lambda _: None, lambda chip: chip.make_outputs(0x1010, 0x0010), {2: 0, 4: 1, 12: 0}),
        (lambda chip: chip.make_output(4, 1), lambda chip: chip.write(4, 0), {2: 0, 4: 0}),
        (lambda chip: chip.make_output(4, 1), lambda chip: chip.make_input(4), {2: 0}),
        (lambda chip: chip.make_output(4, 1), lambda chip: chip.make_inputs(0xFFFF), {}),
        (lambda _: None, lambda chip: chip.level(2), {2: 0}),
        (lambda _: None, lambda chip: chip.levels(), {2: 0}),
        (lambda _: None, lambda chip: chip.directions(), {2: 0}),
    ],
)
def test_failure_at_every_transaction(
    prepare: Callable[[TPT29555], object],
    action: Callable[[TPT29555], object],
    expected: dict[int, int],
) -> None:
    world = World()

    def reset() -> None:
        world.restart()
        prepare(world.chip)

    for number, error in each_failure(world.bus, lambda: action(world.chip), reset):
        assert error.where == "0x26 on i2c-1", number
        action(world.chip)  # once more: the chip is usable, and what was half done is done
        assert world.driven() == expected, number
        assert world.chip.level(2) == expected.get(2, 1)


def test_a_pin_never_starts_at_the_wrong_level() -> None:
    world = World()
    world.wires[4].pull = 0
    seen: list[int] = []
    world.wires[4].listen(seen.append)
    world.wires[4].drive("probe", None)
    seen.clear()
    world.chip.make_output(4, 0)
    assert seen == []


def test_inverted_inputs_of_an_earlier_owner_are_put_right() -> None:
    world = World()
    world.silicon.write(bytes.fromhex("04 FF FF"))
    world.wires[3].drive("outside", 0)
    assert [world.chip.level(3), world.chip.level(4)] == [0, 1]
    assert world.chip.levels() == 0xFFF7


def test_a_chip_that_lost_its_supply_is_put_right_by_the_next_command() -> None:
    world = World()
    world.chip.make_output(4, 0)
    world.silicon.power_cycle()
    assert world.driven() == {}
    world.chip.make_output(4, 0)
    assert world.driven() == {4: 0}


def test_levels_travel_through_for_every_line() -> None:
    world = World()
    for offset, wire in enumerate(world.wires):
        for level in (0, 1):
            wire.drive("outside", level)
            assert world.chip.level(offset) == level
            assert world.chip.levels() >> offset & 1 == level
        wire.drive("outside", None)
        for level in (0, 1):
            world.chip.make_output(offset, level)
            assert wire.level() == world.chip.level(offset) == level
            assert world.chip.directions() == 1 << offset
        world.chip.make_input(offset)
        assert world.chip.directions() == 0


def test_threads_on_one_port_do_not_undo_each_other() -> None:
    world = World()
    start = threading.Barrier(4)

    def blink(offset: int) -> list[int]:
        """Write 0 and 1 in turn, look at once whether the pin followed, tell where it did not."""
        start.wait(30)
        wrong = []
        for turn in range(200):
            world.chip.make_output(offset, turn & 1)
            if world.wires[offset].driver_of("TPT29555") != turn & 1:
                wrong.append(turn)
        return wrong

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(blink, range(4))) == [[], [], [], []]
    finally:
        sys.setswitchinterval(interval)
