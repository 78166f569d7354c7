"""MCP23017 driver: the exact bytes, the order, and what it believes after a failure."""

from __future__ import annotations

import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.chips.transactions import Breaking, ScriptedBus, each_failure
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.buses.emulated.wires import Wire
from wisblock_bridge.buses.gpio import Direction
from wisblock_bridge.chips.mcp23017 import MCP23017
from wisblock_bridge.chips.mcp23017.emulator import EmulatedMCP23017
from wisblock_bridge.errors import BusError, BusFault, ErrorCode, WrongChipError

if TYPE_CHECKING:
    from collections.abc import Callable


def registers(
    directions: str = "FF FF",
    latches: str = "00 00",
    pull_ups: str = "00 00",
    *,
    from_02_on: str = "00 00 00 00 00 00 00 00 00 00",
) -> str:
    """All registers from 00 on with BANK = 0, as after power-up but for what is said.

    IODIR, then IPOL, GPINTEN, DEFVAL, INTCON, IOCON, then GPPU, INTF, INTCAP, GPIO, OLAT.
    """
    return f"00 -> {directions} {from_02_on} {pull_ups} 00 00 00 00 00 00 {latches}"


def first_use(
    directions: str = "FF FF", latches: str = "00 00", pull_ups: str = "00 00"
) -> list[str]:
    """Out of BANK = 1, IOCON, IPOL to INTCON cleared, then a look at everything."""
    return ["05 00", "0A 00", "02" + " 00" * 8, registers(directions, latches, pull_ups)]


def scripted(*lines: str) -> tuple[ScriptedBus, MCP23017]:
    bus = ScriptedBus(0x20, *lines)
    return bus, MCP23017(bus, 0x20, FakeClock())


@for_each(
    ("action", "lines"),
    [
        (lambda chip: chip.make_outputs(0x0001, 0x0001), ["14 01", "00 FE"]),  # pin 0 high
        (lambda chip: chip.configure(0, Direction.OUTPUT, level=1), ["14 01", "00 FE"]),
        (lambda chip: chip.configure(0, Direction.OUTPUT), ["14 00", "00 FE"]),
        (lambda chip: chip.configure(9, Direction.OUTPUT, level=1), ["15 02", "01 FD"]),
        (lambda chip: chip.configure(15, Direction.OUTPUT, level=0), ["15 00", "01 7F"]),
        (lambda chip: chip.make_outputs(0x03FF, 0x03FF), ["14 FF 03", "00 00 FC"]),
        (lambda chip: chip.make_outputs(0x0101, 0xFEFE), ["14 00 00", "00 FE FE"]),
        (lambda chip: chip.configure(0, Direction.INPUT, pull_up=True), ["0C 01", "00 FF"]),
        (lambda chip: chip.configure(0, Direction.INPUT), ["0C 00", "00 FF"]),
        (lambda chip: chip.configure(12, Direction.INPUT, pull_up=True), ["0D 10", "01 FF"]),
        (lambda chip: chip.make_inputs(0xFFFF), ["0C 00 00", "00 FF FF"]),
        (lambda chip: chip.make_inputs(0x8001, 0xFFFF), ["0C 01 80", "00 FF FF"]),
        (lambda chip: chip.level(0), ["12 -> FF"]),
        (lambda chip: chip.level(7), ["12 -> FF"]),
        (lambda chip: chip.level(8), ["13 -> FF"]),
        (lambda chip: chip.level(15), ["13 -> FF"]),
        (lambda chip: chip.levels(), ["12 -> FF FF"]),
        (lambda chip: chip.latches(), ["14 -> 00 00"]),
        # GPINTEN of both ports; then INTF, INTCAP and GPIO of both ports in one transaction
        (lambda chip: chip.begin_capture(0x0201), ["04 01 02", "0E -> 00 00 00 00 01 00"]),
        (lambda chip: chip.end_capture(1 << 3), ["04 -> 08 00", "04 00 00"]),
    ],
)
def test_bytes_of_a_method(action: Callable[[MCP23017], object], lines: list[str]) -> None:
    bus, chip = scripted(*first_use(), *lines)
    with bus:
        action(chip)


def test_what_the_chip_kept_is_told_pin_by_pin() -> None:
    """Port A first in each pair: INTF, INTCAP, GPIO (datasheet, table 3-2)."""
    bus, chip = scripted(
        *first_use(), "04 08 01", "0E -> 00 00 00 00 00 00", "0E -> 08 01 0C 81 04 80"
    )
    with bus:
        chip.begin_capture(0x0108)
        kept = chip.captured()
    assert (kept.flags, kept.levels_then, kept.levels) == (0x0108, 0x810C, 0x8004)


def test_begin_is_these_bytes_and_the_next_command_needs_no_more() -> None:
    bus, chip = scripted(*first_use(), "0C 00 00", "14 01", "00 FE")
    with bus:
        chip.begin()
        chip.make_outputs(1, 1)


def test_begin_keeps_latches_and_directions_and_ends_pull_ups() -> None:
    # Left behind: pins 0 and 9 outputs at 1, pull-ups on 4 and 5.
    bus, chip = scripted(*first_use("FE FD", "01 02", "30 00"), "0C 00 00", "14 03", "00 FC")
    with bus:
        chip.begin()
        chip.make_outputs(0x0002, 0x0002)


def test_begin_looks_again_each_time() -> None:
    bus, chip = scripted(
        *first_use(), "0C 00 00", *first_use("FE FF", "01 00"), "0C 00 00", "14 00"
    )
    with bus:
        chip.begin()
        chip.begin()
        chip.write_levels(0x0001, 0x0000)


@for_each(
    ("lit", "line"),
    [(0, "14 FF FF"), (1, "14 FE FF"), (5, "14 E0 FF"), (8, "14 00 FF"), (10, "14 00 FC")],
)
def test_a_bar_of_ten_leds_that_light_at_0(lit: int, line: str) -> None:
    bus, chip = scripted(*first_use("FF FF", "FF FF"), "14 FF FF", "00 00 FC", line)
    with bus:
        chip.make_outputs(0x03FF, 0x03FF)
        chip.write_levels(0x03FF, 0x03FF ^ ((1 << lit) - 1))


def test_one_port_is_one_byte() -> None:
    bus, chip = scripted(*first_use("00 00", "A5 5A"), "14 A4", "15 5B", "14 5B", "15 A4")
    with bus:
        chip.write_levels(0x0001, 0x0000)
        chip.write_levels(0x0100, 0x0100)
        chip.write_levels(0x00FF, 0x005B)
        chip.write_levels(0xFF00, 0xA400)


def test_outputs_are_computed_from_the_latch_though_a_pin_reads_otherwise() -> None:
    # Pin 1 is at 1 and held low from outside.
    bus, chip = scripted(*first_use("FC FF", "02 00"), "12 -> 00 00", "14 03")
    with bus:
        assert chip.levels() == 0
        chip.write_levels(0x0001, 0x0001)


def test_what_does_not_change_is_sent_all_the_same() -> None:
    bus, chip = scripted(*first_use(), *["14 01", "00 FE"] * 2, "14 01", *["0C 00", "00 FF"] * 2)
    with bus:
        chip.make_outputs(1, 1)
        chip.make_outputs(1, 1)
        chip.write_levels(0x0001, 0x0001)
        chip.make_inputs(1)
        chip.make_inputs(1)


@for_each("pin", range(16))
def test_level_picks_its_bit(pin: int) -> None:
    port, bit = divmod(pin, 8)
    high, low = (
        f"{0x12 + port:02X} -> {1 << bit:02X}",
        f"{0x12 + port:02X} -> {0xFF ^ 1 << bit:02X}",
    )
    bus, chip = scripted(*first_use(), high, low)
    with bus:
        assert chip.level(pin) == 1
        assert chip.level(pin) == 0


def test_words_have_port_a_in_the_low_byte() -> None:
    bus, chip = scripted(*first_use(), "12 -> 12 34", "14 -> 56 78")
    with bus:
        assert chip.levels() == 0x3412
        assert chip.latches() == 0x7856


@for_each(
    ("lines", "reset"),
    [
        (["00 -> FE FF"], False),
        (["00 -> FF 7F"], False),
        (["00 -> FF FF", "0C -> 00 00", "14 -> 00 00", *first_use()], True),
        (["00 -> FF FF", "0C -> 01 00", "14 -> 00 00"], False),
        (["00 -> FF FF", "0C -> 00 00", "14 -> 00 80"], False),
    ],
)
def test_is_reset(lines: list[str], *, reset: bool) -> None:
    bus, chip = scripted(*first_use("FE FF"), *lines, "12 -> 00 00")
    with bus:
        assert chip.is_reset() is reset
        chip.levels()


@pytest.mark.parametrize(
    ("mask", "message"),
    [(0x0010, "Pin 4 is an input;"), (0x8031, "Pins 4, 5 and 15 are inputs;")],
)
def test_inputs_are_not_written(mask: int, message: str) -> None:
    bus, chip = scripted(*first_use("FE FF"))
    with bus, pytest.raises(BusError, match=message) as caught:
        chip.write_levels(mask, 0)
    assert caught.value.fault is BusFault.UNSUPPORTED
    assert caught.value.hint
    assert caught.value.where == "MCP23017 0x20 on i2c-1"


@for_each("pin", [-1, 16, 100])
@for_each(
    "action",
    [
        MCP23017.level,
        lambda chip, pin: chip.configure(pin, Direction.INPUT),
        lambda chip, pin: chip.configure(pin, Direction.OUTPUT),
    ],
)
def test_a_pin_that_does_not_exist_touches_nothing(
    pin: int, action: Callable[[MCP23017, int], object]
) -> None:
    bus, chip = scripted()
    with bus, pytest.raises(ValueError, match=r"0\.\.\.15"):
        action(chip, pin)


@for_each("mask", [-1, 0, 0x10000])
@for_each(
    "action",
    [
        MCP23017.make_inputs,
        lambda chip, mask: chip.make_outputs(mask, 0),
        lambda chip, mask: chip.write_levels(mask, 0),
    ],
)
def test_a_mask_that_does_not_fit_touches_nothing(
    mask: int, action: Callable[[MCP23017, int], object]
) -> None:
    bus, chip = scripted()
    with bus, pytest.raises(ValueError, match="mask"):
        action(chip, mask)


@for_each(
    "look",
    [
        registers(from_02_on="00 00 00 80 00 00 00 00 00 00"),  # still BANK = 1: IOCON at 05
        registers(
            from_02_on="00 00 00 00 00 00 00 00 40 40"
        ),  # IOCON does not take what is written
        registers(from_02_on="01 00 00 00 00 00 00 00 00 00"),
        registers(from_02_on="00 00 00 00 00 00 00 00 00 A5"),
        "00 ->" + " FF" * 22,
    ],
)
def test_a_chip_that_does_not_echo_gets_no_command(look: str) -> None:
    bus, chip = scripted(*["05 00", "0A 00", "02" + " 00" * 8, look] * 2)
    for action in (chip.begin, lambda: chip.make_outputs(1, 1)):
        with pytest.raises(WrongChipError, match="0x02 to 0x0b") as caught:
            action()
        assert caught.value.hint
        assert caught.value.where == "MCP23017 0x20 on i2c-1"
    bus.finish()


@for_each(
    ("lines", "action"),
    [
        (["!05 00"], lambda chip: chip.level(0)),
        (["05 00", "!0A 00"], lambda chip: chip.levels()),
        (["05 00", "0A 00", "!02" + " 00" * 8], lambda chip: chip.make_inputs(1)),
        ([*first_use()[:3], f"!{registers()}"], lambda chip: chip.make_outputs(1, 1)),
        ([*first_use(), "!0C 00 00"], lambda chip: chip.begin()),
        ([*first_use(), "!14 01"], lambda chip: chip.make_outputs(1, 1)),
        ([*first_use(), "14 01", "!00 FE"], lambda chip: chip.make_outputs(1, 1)),
        ([*first_use(), "!0C 00"], lambda chip: chip.make_inputs(1)),
        ([*first_use(), "0C 00", "!00 FF"], lambda chip: chip.make_inputs(1)),
        ([*first_use(), "!12 -> FF"], lambda chip: chip.level(4)),
        ([*first_use(), "!14 -> 00 00"], lambda chip: chip.latches()),
        ([*first_use(), "!00 -> FF FF"], lambda chip: chip.is_reset()),
    ],
)
def test_after_a_failure_the_chip_is_asked_again(
    lines: list[str], action: Callable[[MCP23017], object]
) -> None:
    bus, chip = scripted(*lines)
    with bus, pytest.raises(BusError) as caught:
        action(chip)
    assert caught.value.code is ErrorCode.NO_DEVICE
    # Meanwhile the chip stands differently: pin 1 is an output at 1, pin 2 pulled up. That is kept.
    bus.expect(*first_use("FD FF", "02 00", "04 00"), "14 12", "00 ED", "0C 0C", "00 ED")
    with bus:
        chip.make_outputs(0x0010, 0x0010)
        chip.make_inputs(0x0008, 0x0008)


class World:
    """A driver, a bus that can break, an emulated chip and its wires."""

    def __init__(self, pull: int = 0) -> None:
        self.wires = [Wire(f"GP{'AB'[number // 8]}{number % 8}", pull) for number in range(16)]
        self.silicon = EmulatedMCP23017(self.wires)
        bus = EmulatedI2CBus("i2c-1", FakeClock())
        bus.attach(0x20, self.silicon)
        self.bus = Breaking(bus)
        self.chip = MCP23017(self.bus, 0x20, FakeClock())

    def restart(self) -> None:
        """Power the chip up and let an earlier owner drive pin 2 high and leave it in BANK = 1."""
        self.bus.break_at(None, BusFault.IO, delivered=False)
        self.silicon.power_cycle()
        for data in ("14 04", "00 FB", "0A A0"):
            self.silicon.write(bytes.fromhex(data))
        self.chip.close()

    def driven(self) -> dict[int, int]:
        """Which pins the silicon drives, and how."""
        levels = {at: wire.driver_of("MCP23017") for at, wire in enumerate(self.wires)}
        return {at: level for at, level in levels.items() if level is not None}

    def plain(self) -> bool:
        """Whether layout, polarity and interrupts are as after power-up."""
        names = ("IPOL", "GPINTEN", "DEFVAL", "INTCON", "IOCON")
        return not any(self.silicon.register(name, port) for name in names for port in (0, 1))


@for_each(
    ("prepare", "action", "expected"),
    [
        (lambda _: None, lambda chip: chip.begin(), {2: 1}),
        (lambda _: None, lambda chip: chip.make_outputs(0x0010, 0), {2: 1, 4: 0}),
        (lambda _: None, lambda chip: chip.make_outputs(0x1010, 0x1000), {2: 1, 4: 0, 12: 1}),
        (lambda chip: chip.begin(), lambda chip: chip.make_outputs(0x10, 0x10), {2: 1, 4: 1}),
        (lambda _: None, lambda chip: chip.configure(9, Direction.OUTPUT, level=1), {2: 1, 9: 1}),
        (
            lambda chip: chip.make_outputs(0x10, 0x10),
            lambda chip: chip.write_levels(0x0010, 0x0000),
            {2: 1, 4: 0},
        ),
        (lambda chip: chip.make_outputs(0x10, 0x10), lambda chip: chip.make_inputs(16), {2: 1}),
        (lambda chip: chip.make_outputs(0x10, 0x10), lambda chip: chip.make_inputs(0xFFFF), {}),
        (lambda _: None, lambda chip: chip.level(2), {2: 1}),
        (lambda _: None, lambda chip: chip.levels(), {2: 1}),
        (lambda _: None, lambda chip: chip.latches(), {2: 1}),
        (lambda _: None, lambda chip: chip.is_reset(), {2: 1}),
    ],
)
def test_failure_at_every_transaction(
    prepare: Callable[[MCP23017], object],
    action: Callable[[MCP23017], object],
    expected: dict[int, int],
) -> None:
    world = World()

    def reset() -> None:
        world.restart()
        prepare(world.chip)

    for number, error in each_failure(world.bus, lambda: action(world.chip), reset):
        assert error.where == "0x20 on i2c-1", number
        if 2 in expected:
            assert world.wires[2].level() == 1, number
        action(world.chip)  # once more: the chip is usable, and what was half done is done
        assert world.driven() == expected, number
        assert world.chip.level(2) == expected.get(2, 0)
        assert world.plain(), number


def _note(history: list[tuple[int, int]], pin: int, level: int) -> None:
    history.append((pin, level))


@for_each("seed", range(60))
def test_from_any_state_to_a_known_one_without_touching_an_output(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  (repeatable dice)
    world = World()
    # Registers 00 to 09 and 0C to 15 with any content, and IOCON last, BANK and SEQOP both ways.
    world.silicon.write(bytes((0x00, *dice.randbytes(10))))
    world.silicon.write(bytes((0x0C, *dice.randbytes(10))))
    iocon = (seed & 3) << 6 & 0x80 | (seed & 1) << 5 | dice.getrandbits(8) & 0x5E
    world.silicon.write(bytes((0x0A, iocon)))
    for pin in range(16):
        if dice.random() < 0.3:
            world.wires[pin].drive("outside", dice.getrandbits(1))
    outputs = world.driven()
    latches = [world.silicon.register("OLAT", port) for port in (0, 1)]
    history: list[tuple[int, int]] = []
    for pin in outputs:
        world.wires[pin].listen(partial(_note, history, pin))

    world.chip.begin()

    assert history == []
    assert world.driven() == outputs
    assert world.plain()
    assert [world.silicon.register("GPPU", port) for port in (0, 1)] == [0, 0]
    assert world.chip.latches() == latches[0] | latches[1] << 8
    assert world.chip.levels() == sum(wire.level() << pin for pin, wire in enumerate(world.wires))


def test_the_states_of_the_property_test_cover_both_layouts_and_both_pointers() -> None:
    seen = {((seed & 3) << 6 & 0x80, (seed & 1) << 5) for seed in range(60)}
    assert seen == {(0x00, 0x00), (0x00, 0x20), (0x80, 0x00), (0x80, 0x20)}


@for_each("level", [0, 1])
@for_each("pin", [0, 4, 8, 15])
def test_a_pin_never_starts_at_the_wrong_level(pin: int, level: int) -> None:
    world = World(pull=level)  # a resistor outside holds the level that the output is to have
    world.silicon.write(bytes((0x14, *(0xFF * (1 - level),) * 2)))  # latches the wrong way
    world.chip.begin()
    seen: list[int] = []
    world.wires[pin].listen(seen.append)
    world.chip.configure(pin, Direction.OUTPUT, level=level)
    assert world.wires[pin].driver_of("MCP23017") == level
    assert seen == []


def test_a_pin_that_gets_its_pull_up_does_not_fall_in_between() -> None:
    world = World()
    world.chip.configure(3, Direction.OUTPUT, level=1)
    seen: list[int] = []
    world.wires[3].listen(seen.append)
    world.chip.configure(3, Direction.INPUT, pull_up=True)
    assert world.wires[3].driver_of("MCP23017") is None
    assert world.wires[3].level() == 1
    world.chip.configure(3, Direction.OUTPUT, level=1)
    assert seen == []


def test_a_chip_that_lost_its_supply_is_noticed_and_put_right() -> None:
    world = World()
    world.chip.begin()
    assert world.chip.is_reset()
    world.chip.make_outputs(0x0011, 0x0010)
    assert not world.chip.is_reset()
    world.silicon.power_cycle()
    assert world.driven() == {}
    assert world.chip.is_reset()
    world.chip.begin()
    world.chip.make_outputs(0x0011, 0x0010)
    assert world.driven() == {0: 0, 4: 1}
    assert not world.chip.is_reset()


def test_a_lost_pull_up_is_noticed_too() -> None:
    world = World()
    world.chip.begin()
    world.chip.configure(5, Direction.INPUT, pull_up=True)
    assert not world.chip.is_reset()
    world.silicon.power_cycle()
    assert world.chip.is_reset()


def test_a_loaded_output_does_not_flip_its_neighbours() -> None:
    world = World()
    world.chip.make_outputs(0x00FF, 0x00FF)
    world.wires[6].drive("short to ground", 0)
    world.chip.write_levels(0x0001, 0x0000)
    world.wires[6].drive("short to ground", None)
    assert world.chip.levels() & 0xFF == 0xFE
    assert world.chip.latches() & 0xFF == 0xFE


def test_levels_travel_through_for_every_pin() -> None:
    world = World()
    world.chip.begin()
    for pin, wire in enumerate(world.wires):
        for level in (0, 1):
            wire.drive("outside", level)
            assert world.chip.level(pin) == level
            assert world.chip.levels() == level << pin
        wire.drive("outside", None)
        for level in (0, 1):
            world.chip.configure(pin, Direction.OUTPUT, level=level)
            assert wire.level() == world.chip.level(pin) == level
            assert world.driven() == {pin: level}
            assert world.chip.latches() >> pin & 1 == level
        for pull_up in (True, False):
            world.chip.configure(pin, Direction.INPUT, pull_up=pull_up)
            assert world.chip.level(pin) == pull_up
            assert world.silicon.register("GPPU", pin >> 3) == pull_up << (pin & 7)
        assert world.driven() == {}


def test_threads_on_one_port_do_not_undo_each_other() -> None:
    world = World()
    world.chip.begin()
    start = threading.Barrier(4)

    def blink(pin: int) -> list[int]:
        """Write 0 and 1 in turn, look at once whether the pin followed, tell where it did not."""
        start.wait(30)
        wrong = []
        for turn in range(200):
            world.chip.make_outputs(1 << pin, (turn & 1) << pin)
            if world.wires[pin].driver_of("MCP23017") != turn & 1:
                wrong.append(turn)
        return wrong

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(blink, range(4))) == [[], [], [], []]
    finally:
        sys.setswitchinterval(interval)
