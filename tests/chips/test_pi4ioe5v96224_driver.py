"""PI4IOE5V96224 driver: three bytes each way, and what it believes of latches it cannot read."""

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
from wisblock_bridge.buses.gpio import Bias
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.chips.pi4ioe5v96224 import PI4IOE5V96224
from wisblock_bridge.chips.pi4ioe5v96224.emulator import EmulatedPI4IOE5V96224
from wisblock_bridge.errors import BusError, BusFault, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.gpio import LineController


class PointerlessBus(ScriptedBus):
    """A scripted bus for a chip that is read without writing a pointer first: "-> FF FF FF"."""

    def transfer(self, address: int, *messages: Write | Read) -> bytes:
        assert Write(b"") not in messages
        if isinstance(messages[0], Read):
            return super().transfer(address, Write(b""), *messages)
        return super().transfer(address, *messages)


def scripted(*lines: str) -> tuple[PointerlessBus, PI4IOE5V96224]:
    bus = PointerlessBus(0x20, *lines)
    return bus, PI4IOE5V96224(bus, 0x20, FakeClock())


@for_each(
    ("action", "lines"),
    [
        (lambda chip: chip.make_output(7, 0), ["7F FF FF"]),  # the LED on IO0_7 lights
        (lambda chip: chip.make_output(7, 1), ["FF FF FF"]),
        (lambda chip: chip.make_output(0, 0), ["FE FF FF"]),
        (lambda chip: chip.make_output(13, 0), ["FF DF FF"]),
        (lambda chip: chip.make_output(23, 0), ["FF FF 7F"]),
        (lambda chip: chip.make_outputs(0x8140C0, 0x804040), ["7F FF FE"]),
        (lambda chip: chip.make_input(7), ["FF FF FF"]),
        (lambda chip: chip.make_input(7, Bias.DOWN), ["FF FF FF"]),
        (lambda chip: chip.make_inputs(0xFFFFFF), ["FF FF FF"]),
        (lambda chip: chip.level(0), ["-> FF FF FF"]),
        (lambda chip: chip.levels(), ["-> FF FF FF"]),
        (lambda chip: chip.directions(), []),
    ],
)
def test_bytes_of_a_method(action: Callable[[PI4IOE5V96224], object], lines: list[str]) -> None:
    bus, chip = scripted(*lines)
    with bus:
        action(chip)


def test_each_write_sends_all_latches() -> None:
    bus, chip = scripted("7F FF FF", "7F DF FF", "FF DF FF", "7F DF FF", "7F FF FF", "7F FF FF")
    with bus:
        chip.make_output(7, 0)
        chip.make_output(13, 0)
        chip.write(7, 1)
        chip.write(7, 0)
        chip.make_input(13)
        chip.make_output(7, 0)


def test_what_was_read_is_never_written_back() -> None:
    # Lines 0 to 3 are inputs and held low from outside.
    bus, chip = scripted("7F FF FF", "-> 70 FF FF", "FF FF FF", "-> F0 FF FF", "7F FF FF")
    with bus:
        chip.make_output(7, 0)
        assert chip.levels() == 0xFFFF70
        chip.write(7, 1)
        assert chip.level(2) == 0
        chip.write(7, 0)


@for_each("offset", range(24))
def test_level_picks_its_bit(offset: int) -> None:
    alone = (1 << offset).to_bytes(3, "little").hex(" ")
    others = (0xFFFFFF ^ 1 << offset).to_bytes(3, "little").hex(" ")
    bus, chip = scripted(f"-> {alone}", f"-> {others}")
    with bus:
        assert chip.level(offset) == 1
        assert chip.level(offset) == 0


def test_levels_has_port_0_in_the_low_byte() -> None:
    bus, chip = scripted("-> 12 34 56")
    with bus:
        assert chip.levels() == 0x563412


def test_directions_are_what_this_driver_was_told() -> None:
    bus, chip = scripted("7F FF FF", "7F FF FF", "FF FF FF")
    with bus:
        assert chip.directions() == 0
        chip.make_output(7, 0)
        assert chip.directions() == 0x000080
        chip.make_output(8, 1)  # to the chip the same as an input
        assert chip.directions() == 0x000180
        chip.make_input(7)
        assert chip.directions() == 0x000100


def test_write_refuses_an_input() -> None:
    bus, chip = scripted()
    with bus, pytest.raises(BusError, match="Line 4 is an input") as caught:
        chip.write(4, 1)
    assert caught.value.fault is BusFault.UNSUPPORTED
    assert caught.value.hint
    assert caught.value.where == "PI4IOE5V96224 0x20 on i2c-1"


@for_each("offset", [-1, 24, 100])
@for_each(
    "action",
    [
        PI4IOE5V96224.level,
        PI4IOE5V96224.make_input,
        lambda chip, offset: chip.make_output(offset, 1),
        lambda chip, offset: chip.write(offset, 1),
    ],
)
def test_a_line_that_does_not_exist_touches_nothing(
    offset: int, action: Callable[[PI4IOE5V96224, int], object]
) -> None:
    bus, chip = scripted()
    with bus, pytest.raises(ValueError, match=r"0\.\.\.23"):
        action(chip, offset)


@pytest.mark.parametrize("mask", [-1, 0, 0x1000000])
def test_a_mask_that_does_not_fit_touches_nothing(mask: int) -> None:
    bus, chip = scripted()
    for action in (chip.make_inputs, lambda mask: chip.make_outputs(mask, 0)):
        with bus, pytest.raises(ValueError, match="mask"):
            action(mask)


def test_letting_go_and_closing_touch_nothing_and_forget_nothing() -> None:
    bus, chip = scripted("7F FF FF", "7F FE FF")
    with bus:
        chip.make_output(7, 0)
        chip.let_go(7)
        chip.close()
        chip.close()
        chip.make_output(8, 0)


def test_it_is_a_line_controller() -> None:
    _, chip = scripted()
    controller: LineController = chip
    assert (controller.name, controller.line_count, controller.has_edges) == (
        "PI4IOE5V96224 0x20 on i2c-1",
        24,
        False,
    )
    assert controller.held_elsewhere() == {}


def test_before_the_first_write_a_failure_leaves_nothing_to_ask() -> None:
    bus, chip = scripted("!7F FF FF", "FF FE FF")
    with bus:
        with pytest.raises(BusError) as caught:
            chip.make_output(7, 0)
        assert caught.value.code is ErrorCode.NO_DEVICE
        assert chip.directions() == 0
        chip.make_output(8, 0)


@for_each(
    ("action", "failing", "pins", "following", "outputs"),
    [
        # To 0: a pin that is high shows that nothing arrived.
        (lambda chip: chip.make_output(8, 0), "7F FE FF", "7F FF FF", "7F FF FB", 0x040080),
        (lambda chip: chip.make_output(8, 0), "7F FE FF", "7F FE FF", "7F FE FB", 0x040180),
        # To 1: a pin that is high shows that it arrived; else it stays as it is.
        (lambda chip: chip.write(7, 1), "FF FF FF", "FF FF FF", "FF FF FB", 0x040080),
        (lambda chip: chip.write(7, 1), "FF FF FF", "7F FF FF", "7F FF FB", 0x040080),
        (lambda chip: chip.make_input(7), "FF FF FF", "FF FF FF", "FF FF FB", 0x040000),
        (lambda chip: chip.make_input(7), "FF FF FF", "7F FF FF", "7F FF FB", 0x040080),
        # A line at 0 that is high, because the supply broke down, stays meant to be 0.
        (lambda chip: chip.make_output(8, 0), "7F FE FF", "FF FF FF", "7F FF FB", 0x040080),
        # Only the first port arrived.
        (lambda chip: chip.make_outputs(0x101, 0), "7E FE FF", "7E FF FF", "7E FF FB", 0x040081),
        # Inputs that are low from outside do not matter.
        (lambda chip: chip.make_output(8, 0), "7F FE FF", "70 FE 0F", "7F FE FB", 0x040180),
    ],
)
def test_after_a_failure_the_pins_tell_what_arrived(
    action: Callable[[PI4IOE5V96224], object],
    failing: str,
    pins: str,
    following: str,
    outputs: int,
) -> None:
    bus, chip = scripted("7F FF FF", f"!{failing}", f"-> {pins}", following)
    with bus:
        chip.make_output(7, 0)
        with pytest.raises(BusError):
            action(chip)
        chip.make_output(18, 0)
        assert chip.directions() == outputs


def test_a_failure_that_changed_nothing_needs_no_look() -> None:
    bus, chip = scripted("7F FF FF", "!7F FF FF", "7F FE FF")
    with bus:
        chip.make_output(7, 0)
        with pytest.raises(BusError):
            chip.make_output(7, 0)
        chip.make_output(8, 0)


def test_a_look_that_fails_is_repeated() -> None:
    bus, chip = scripted("7F FF FF", "!7F FE FF", "!-> 7F FE FF", "-> 7F FE FF", "7F FE FE")
    with bus:
        chip.make_output(7, 0)
        for _ in range(2):
            with pytest.raises(BusError):
                chip.make_output(8, 0)
        chip.make_output(16, 0)


class World:
    """A driver, a bus that can break, an emulated chip and its wires."""

    def __init__(self) -> None:
        self.wires = [Wire(f"IO{number // 8}_{number % 8}") for number in range(24)]
        self.silicon = EmulatedPI4IOE5V96224(self.wires)
        self.i2c = EmulatedI2CBus("i2c-1", FakeClock())
        self.i2c.attach(0x20, self.silicon)
        self.restart()

    def restart(self) -> None:
        """A fresh driver on a chip on which an earlier owner left lines 2 and 4 at 0."""
        self.silicon.power_cycle()
        self.silicon.write(bytes.fromhex("EB FF FF"))
        self.bus = Breaking(self.i2c)
        self.chip = PI4IOE5V96224(self.bus, 0x20, FakeClock())

    def low(self) -> list[int]:
        return [at for at in range(24) if self.wires[at].driver_of("PI4IOE5V96224") == 0]


@for_each(
    ("prepare", "action", "expected"),
    [
        (lambda _: None, lambda chip: chip.make_output(4, 0), [4]),
        (lambda _: None, lambda chip: chip.make_output(12, 1), []),
        (lambda _: None, lambda chip: chip.levels(), [2, 4]),
        (lambda _: None, lambda chip: chip.level(4), [2, 4]),
        (lambda chip: chip.make_output(4, 0), lambda chip: chip.make_output(20, 0), [4, 20]),
        (lambda chip: chip.make_output(4, 0), lambda chip: chip.write(4, 1), []),
        (lambda chip: chip.make_output(4, 0), lambda chip: chip.make_input(4), []),
        (lambda chip: chip.make_output(4, 0), lambda chip: chip.make_outputs(0x810, 0x10), [11]),
        (lambda chip: chip.make_output(4, 0), lambda chip: chip.outputs_lost(0x10), [4]),
    ],
)
def test_failure_at_every_transaction(
    prepare: Callable[[PI4IOE5V96224], object],
    action: Callable[[PI4IOE5V96224], object],
    expected: list[int],
) -> None:
    world = World()
    breaking = world.bus

    def reset() -> None:
        world.silicon.power_cycle()
        world.silicon.write(bytes.fromhex("EB FF FF"))
        breaking.break_at(None, BusFault.IO, delivered=False)
        world.chip = PI4IOE5V96224(breaking, 0x20, FakeClock())
        prepare(world.chip)

    for number, error in each_failure(breaking, lambda: action(world.chip), reset):
        assert error.where == "0x20 on i2c-1", number
        try:
            action(world.chip)
        except BusError as refused:
            # Its becoming an input had arrived after all.
            assert refused.fault is BusFault.UNSUPPORTED  # noqa: PT017
        assert world.low() == expected, number


def test_reading_first_leaves_what_an_earlier_process_left() -> None:
    world = World()
    assert world.chip.level(4) == 0
    assert world.chip.levels() == 0xFFFFEB
    assert world.low() == [2, 4]


def test_the_first_write_keeps_a_line_low_without_a_gap_and_releases_the_others() -> None:
    world = World()
    seen: list[int] = []
    world.wires[4].listen(seen.append)
    world.chip.make_output(4, 0)
    assert seen == []
    assert world.low() == [4]


def test_no_other_line_moves() -> None:
    world = World()
    world.chip.make_outputs(0x0F0F0F, 0x050505)
    seen: list[int] = []
    for offset, wire in enumerate(world.wires):
        if offset not in (7, 16):
            wire.listen(seen.append)
    world.wires[20].drive("outside", 0)
    seen.clear()
    for _ in range(3):
        world.chip.make_output(7, 0)
        world.chip.write(16, 0)
        world.chip.levels()
        world.chip.write(16, 1)
        world.chip.make_input(7)
    assert seen == []
    assert world.silicon.latches >> 20 & 1 == 1


def test_a_breakdown_of_the_supply_is_noticed_and_put_right_by_the_next_command() -> None:
    world = World()
    world.chip.make_outputs(0x000300, 0x000100)
    assert world.chip.outputs_lost(0x000300) == 0
    world.silicon.power_cycle()
    assert world.chip.outputs_lost(0x000300) == 0x000200
    world.chip.make_outputs(0x000300, 0x000100)
    assert world.low() == [9]
    assert world.chip.outputs_lost(0x000300) == 0


def test_levels_travel_through_for_every_line() -> None:
    world = World()
    world.chip.make_inputs(0xFFFFFF)
    for offset, wire in enumerate(world.wires):
        for level in (0, 1):
            wire.drive("outside", level)
            assert world.chip.level(offset) == level
            assert world.chip.levels() == 0xFFFFFF ^ (1 - level) << offset
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
            if world.wires[offset].level() != turn & 1:
                wrong.append(turn)
        return wrong

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(blink, range(4))) == [[], [], [], []]
    finally:
        sys.setswitchinterval(interval)
