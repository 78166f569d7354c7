"""PCA9685 driver: the exact bytes, the order, the waits, and what it believes after a failure."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.chips.transactions import Breaking, ScriptedBus, each_failure
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.chips.pca9685 import PCA9685, ChannelSteps
from wisblock_bridge.chips.pca9685.emulator import EmulatedAllCall, EmulatedPCA9685
from wisblock_bridge.errors import BusError, BusFault, ErrorCode, NotReadyError, WrongChipError

if TYPE_CHECKING:
    from collections.abc import Callable


def beginning(prescale: str = "79") -> list[str]:
    """Off the shared address and asleep, all off, totem pole; look; prescaler; wake; no RESTART."""
    return [
        "00 30",
        "FA 00 00 00 10",
        "01 04",
        "00 -> 30 04",
        f"FE {prescale}",
        f"FE -> {prescale}",
        "00 20",
        "00 -> 20",
    ]


def scripted(*lines: str) -> tuple[ScriptedBus, PCA9685, FakeClock]:
    bus, clock = ScriptedBus(0x40, *lines), FakeClock()
    return bus, PCA9685(bus, 0x40, clock), clock


def begun(*lines: str) -> tuple[ScriptedBus, PCA9685, FakeClock]:
    """A driver that began at 50 Hz, and has yet to send ``lines``."""
    bus, chip, clock = scripted(*beginning())
    chip.begin(50.0)
    clock.sleeps.clear()
    bus.expect(*lines)
    return bus, chip, clock


@for_each(
    ("wanted", "prescale", "actual"),
    [
        (24, "FD", 24.03),
        (50, "79", 50.03),
        (60, "65", 59.84),
        (200, "1E", 196.9),
        (500, "0B", 508.6),
        (1000, "05", 1017.25),
        (1526, "03", 1525.9),
    ],
)
def test_begin_and_its_frequency(wanted: float, prescale: str, actual: float) -> None:
    bus, chip, clock = scripted(*beginning(prescale))
    with bus:
        assert chip.begin(wanted) == pytest.approx(actual, rel=3e-4)
    assert clock.sleeps == [500e-6]


def test_begin_is_50_hz_when_nothing_is_said() -> None:
    bus, chip, _ = scripted(*beginning("79"))
    with bus:
        chip.begin()


@for_each("frequency_hz", [23.9, 1526.1, 0.0, -50.0, float("nan"), float("inf")])
def test_a_frequency_out_of_range_touches_nothing(frequency_hz: float) -> None:
    bus, chip, _ = begun()
    for action in (chip.begin, chip.set_frequency):
        with bus, pytest.raises(ValueError, match=r"24\.\.\.1526 Hz"):
            action(frequency_hz)


@for_each(
    ("look", "words"),
    [
        ("00 -> 11 11", "0x11 0x11"),  # mode not taken
        ("00 -> 31 04", "0x31 0x04"),  # still on the shared address
        ("00 -> 30 00", "0x30 0x00"),
        ("00 -> FF FF", None),
    ],
)
def test_begin_on_something_else(look: str, words: str | None) -> None:
    bus, chip, _ = scripted("00 30", "FA 00 00 00 10", "01 04", look)
    kind = WrongChipError if words else NotReadyError
    with bus, pytest.raises(kind, match=words or "EXTCLK") as caught:
        chip.begin()
    assert caught.value.hint
    assert caught.value.where == "PCA9685 0x40 on i2c-1"
    with pytest.raises(NotReadyError, match="not set up"):
        chip.set_duty(0, 0.5)


def test_begin_accepts_a_restart_bit_and_uses_it() -> None:
    bus, chip, clock = scripted(
        *beginning()[:3], "00 -> B0 04", "FE 79", "FE -> 79", "00 20", "00 -> A0", "00 A0"
    )
    with bus:
        chip.begin()
    assert clock.sleeps == [500e-6]


def test_a_prescaler_that_is_not_taken() -> None:
    bus, chip, _ = scripted(*beginning()[:5], "FE -> 1E")
    with bus, pytest.raises(NotReadyError, match="reads 30, not 121") as caught:
        chip.begin(50)
    assert caught.value.hint


# The flow of the vendor counts round(µs / (10^6 / 50 / 4096)) - 1 and sends these.
@for_each(
    ("off", "data"),
    [
        (101, "65 00"),
        (204, "CC 00"),
        (306, "32 01"),
        (409, "99 01"),
        (511, "FF 01"),
        (4095, "FF 0F"),
    ],
)
def test_steps_of_the_vendors_servo_flow(off: int, data: str) -> None:
    bus, chip, _ = begun(f"06 00 00 {data}")
    with bus:
        chip.set_steps(0, 0, off)


@for_each(
    ("microseconds", "data", "actual"),
    [
        (500, "66 00", 497.76),  # 102 steps of 4.88 µs
        (1000, "CD 00", 1000.40),
        (1500, "33 01", 1498.16),
        (2000, "9A 01", 2000.80),
        (2500, "00 02", 2498.56),
        (4.88, "01 00", 4.88),
        (19983, "FF 0F", 19983.6),
    ],
)
def test_pulses_at_50_hz(microseconds: float, data: str, actual: float) -> None:
    bus, chip, _ = begun(f"06 00 00 {data}")
    with bus:
        assert chip.set_pulse(0, microseconds) == pytest.approx(actual)


@for_each(
    ("action", "lines"),
    [
        (lambda chip: chip.set_duty(0, 0.0), ["06 00 00 00 10"]),
        (lambda chip: chip.set_duty(0, 1.0), ["06 00 10 00 00"]),
        (lambda chip: chip.set_duty(0, 0.5), ["06 00 00 00 08"]),
        (lambda chip: chip.set_duty(0, 0.25), ["06 00 00 00 04"]),
        (lambda chip: chip.set_duty(0, 1 / 4096), ["06 00 00 01 00"]),
        (lambda chip: chip.set_duty(0, 4095 / 4096), ["06 00 00 FF 0F"]),
        (lambda chip: chip.set_duty(0, 0.0001), ["06 00 00 00 10"]),  # nearest to 0
        (lambda chip: chip.set_duty(0, 0.9999), ["06 00 10 00 00"]),  # nearest to 1
        (lambda chip: chip.set_duty(15, 0.5), ["42 00 00 00 08"]),
        (lambda chip: chip.set_duty(7, 0.5), ["22 00 00 00 08"]),
        (lambda chip: chip.set_pulse(1, 0), ["0A 00 00 00 10"]),
        (lambda chip: chip.set_pulse(1, 2.4), ["0A 00 00 00 10"]),
        (lambda chip: chip.set_pulse(1, 19988.4), ["0A 00 10 00 00"]),
        (lambda chip: chip.set_steps(2, 4000, 100), ["0E A0 0F 64 00"]),
        (lambda chip: chip.set_steps(2, 7, 7), ["0E 00 00 00 10"]),
        (lambda chip: chip.set_steps(2, 1, 0), ["0E 01 00 00 00"]),
        (lambda chip: chip.off(), ["FD 10"]),
        (lambda chip: chip.off(0), ["09 10"]),
        (lambda chip: chip.off(15), ["45 10"]),
        (lambda chip: chip.read_channel(3), ["12 -> 00 00 00 10"]),
    ],
)
def test_bytes_of_a_method(action: Callable[[PCA9685], object], lines: list[str]) -> None:
    bus, chip, clock = begun(*lines)
    with bus:
        action(chip)
    assert clock.sleeps == []


def test_the_real_share_is_told() -> None:
    bus, chip, _ = begun("06 00 00 00 08", "06 00 00 55 05", "06 00 00 00 10", "06 00 10 00 00")
    with bus:
        shares = [chip.set_duty(0, share) for share in (0.5, 1 / 3, 0.0001, 1.0)]
    assert shares == [0.5, 1365 / 4096, 0.0, 1.0]


@for_each(
    ("line", "steps", "share"),
    [
        ("06 -> 00 00 33 01", ChannelSteps(0, 307, full_on=False, full_off=False), 307 / 4096),
        ("06 -> A0 0F 64 00", ChannelSteps(4000, 100, full_on=False, full_off=False), 196 / 4096),
        ("06 -> 00 10 00 00", ChannelSteps(0, 0, full_on=True, full_off=False), 1.0),
        ("06 -> 00 00 00 10", ChannelSteps(0, 0, full_on=False, full_off=True), 0.0),
        ("06 -> 05 10 07 10", ChannelSteps(5, 7, full_on=True, full_off=True), 0.0),
    ],
)
def test_read_channel(line: str, steps: ChannelSteps, share: float) -> None:
    bus, chip, _ = begun(line)
    with bus:
        found = chip.read_channel(0)
    assert found == steps
    assert found.share == share


def test_a_new_frequency_keeps_counts_and_restarts() -> None:
    bus, chip, clock = begun(
        "FE -> 79", "00 30", "FE 65", "FE -> 65", "00 20", "00 -> A0", "00 A0", "06 00 00 69 01"
    )
    with bus:
        assert chip.set_frequency(60) == pytest.approx(59.84, abs=0.01)
        assert chip.set_pulse(0, 1474) == pytest.approx(361 * 4.08)
    # The first wait is more than a cycle of 50 Hz, the second is the oscillator's.
    assert clock.sleeps[0] == pytest.approx(0.022, rel=0.01)
    assert clock.sleeps[1:] == [500e-6]


def test_the_same_frequency_does_not_interrupt() -> None:
    bus, chip, clock = begun("FE -> 79")
    with bus:
        assert chip.set_frequency(50.0) == pytest.approx(50.03, abs=0.01)
    assert clock.sleeps == []


def test_a_frequency_that_is_not_taken_is_told_and_outputs_come_back() -> None:
    bus, chip, _ = begun("FE -> 79", "00 30", "FE 65", "FE -> 79")
    with bus, pytest.raises(NotReadyError, match="reads 121, not 101"):
        chip.set_frequency(60)
    # The next command finds it asleep, with the old frequency, and wakes it.
    bus.expect("00 -> B0", "FE -> 79", "00 20", "00 -> A0", "00 A0", "06 00 00 33 01")
    with bus:
        chip.set_pulse(0, 1500)


@for_each("channel", [-1, 16, 70])
@for_each(
    "action",
    [
        PCA9685.off,
        PCA9685.read_channel,
        lambda chip, channel: chip.set_steps(channel, 0, 1),
        lambda chip, channel: chip.set_duty(channel, 0.5),
        lambda chip, channel: chip.set_pulse(channel, 100),
    ],
)
def test_a_channel_that_does_not_exist_touches_nothing(
    channel: int, action: Callable[[PCA9685, int], object]
) -> None:
    bus, chip, _ = begun()
    with bus, pytest.raises(ValueError, match=r"0\.\.\.15"):
        action(chip, channel)


@for_each(
    "action",
    [
        lambda chip: chip.set_steps(0, -1, 5),
        lambda chip: chip.set_steps(0, 0, 4096),
        lambda chip: chip.set_duty(0, -0.001),
        lambda chip: chip.set_duty(0, 1.001),
        lambda chip: chip.set_duty(0, float("nan")),
        lambda chip: chip.set_pulse(0, -1),
        lambda chip: chip.set_pulse(0, 19992),
        lambda chip: chip.set_pulse(0, float("nan")),
    ],
)
def test_a_value_out_of_range_touches_nothing(action: Callable[[PCA9685], object]) -> None:
    bus, chip, _ = begun()
    with bus, pytest.raises(ValueError, match="PCA9685 0x40"):
        action(chip)


NEEDS_BEGIN = pytest.mark.parametrize(
    "action",
    [
        lambda chip: chip.set_steps(0, 0, 1),
        lambda chip: chip.set_duty(0, 0.5),
        lambda chip: chip.set_pulse(0, 100),
        lambda chip: chip.set_frequency(60),
        lambda chip: chip.read_channel(0),
    ],
)


@NEEDS_BEGIN
def test_nothing_but_off_before_begin(action: Callable[[PCA9685], object]) -> None:
    bus, chip, _ = scripted("FD 10", "0D 10")
    with bus:
        with pytest.raises(NotReadyError, match="not set up") as caught:
            action(chip)
        assert caught.value.hint
        assert caught.value.where == "PCA9685 0x40 on i2c-1"
        assert chip.is_reset()
        chip.off()
        chip.off(1)


@NEEDS_BEGIN
@pytest.mark.parametrize("mode", ["11", "31", "00", "01", "28", "60", "FF"])
def test_nothing_but_off_after_the_chip_lost_its_mode(
    mode: str, action: Callable[[PCA9685], object]
) -> None:
    bus, chip, _ = begun(f"00 -> {mode}", "FD 10")
    with bus:
        assert chip.is_reset()
        assert chip.is_reset()  # nobody needs to be asked twice
        with pytest.raises(NotReadyError, match="not set up"):
            action(chip)
        chip.off()


def test_a_chip_as_it_was_left_is_not_reset() -> None:
    bus, chip, _ = begun("00 -> 20", "00 -> 20", "06 00 00 00 08")
    with bus:
        assert not chip.is_reset()
        assert not chip.is_reset()
        chip.set_duty(0, 0.5)


@for_each(
    ("lines", "action"),
    [
        (["!06 00 00 00 08"], lambda chip: chip.set_duty(0, 0.5)),
        (["!06 -> 00 00 00 08"], lambda chip: chip.read_channel(0)),
        (["!FD 10"], lambda chip: chip.off()),
        (["!00 -> 20"], lambda chip: chip.is_reset()),
        (["!FE -> 79"], lambda chip: chip.set_frequency(60)),
    ],
)
@for_each(
    ("answers", "expected"),
    [
        (["00 -> 20", "FE -> 65"], "06 00 00 70 01"),  # meanwhile at 60 Hz
        (["00 -> 30", "FE -> 79", "00 20", "00 -> 20"], "06 00 00 33 01"),
        (["00 -> A0", "FE -> 79", "00 20", "00 -> A0", "00 A0"], "06 00 00 33 01"),
        (["00 -> 11"], None),
    ],
)
def test_after_a_failure_the_chip_is_asked_again(
    lines: list[str],
    action: Callable[[PCA9685], object],
    answers: list[str],
    expected: str | None,
) -> None:
    bus, chip, _ = begun(*lines)
    with bus, pytest.raises(BusError) as caught:
        action(chip)
    assert caught.value.code is ErrorCode.NO_DEVICE
    bus.expect(*answers)
    if expected is None:
        with bus, pytest.raises(NotReadyError):
            chip.set_pulse(0, 1500)
    else:
        bus.expect(expected)
        with bus:
            chip.set_pulse(0, 1500)


class World:
    """A driver, a bus that can break, and an emulated chip that also sits at 0x70."""

    def __init__(self, oscillator_hz: float = 25e6) -> None:
        self.clock = FakeClock()
        self.silicon = EmulatedPCA9685(self.clock, oscillator_hz)
        bus = EmulatedI2CBus("i2c-1", self.clock)
        bus.attach(0x40, self.silicon)
        bus.attach(0x70, EmulatedAllCall(self.silicon))
        self.bus = Breaking(bus)
        self.chip = PCA9685(self.bus, 0x40, self.clock)

    def restart(self) -> None:
        """Power the chip up, and let an earlier owner leave it running, with its own ideas."""
        self.bus.break_at(None, BusFault.IO, delivered=False)
        self.silicon.power_cycle()
        self.silicon.write(bytes.fromhex("00 31"))
        self.silicon.write(bytes.fromhex("FE 10"))
        self.silicon.write(bytes.fromhex("00 21"))
        self.silicon.write(bytes.fromhex("0A 00 00 00 08"))  # channel 1 at a half
        self.silicon.write(bytes.fromhex("01 1F"))  # inverted, on acknowledge
        self.chip.close()

    def duties(self) -> dict[int, float]:
        return {at: self.silicon.duty(at) for at in range(16) if self.silicon.duty(at)}


def begin_and_drive(chip: PCA9685) -> None:
    chip.begin(50)
    chip.set_duty(2, 0.75)


@for_each(
    ("prepare", "action", "expected"),
    [
        (lambda _: None, lambda chip: chip.begin(50), {}),
        (begin_and_drive, lambda chip: chip.begin(50), {}),
        (begin_and_drive, lambda chip: chip.set_duty(3, 0.5), {2: 0.75, 3: 0.5}),
        (begin_and_drive, lambda chip: chip.set_steps(2, 0, 1024), {2: 0.25}),
        (begin_and_drive, lambda chip: chip.set_pulse(2, 19988.4), {2: 1.0}),
        (begin_and_drive, lambda chip: chip.set_frequency(100), {2: 0.75}),
        (begin_and_drive, lambda chip: chip.read_channel(2), {2: 0.75}),
        (begin_and_drive, lambda chip: chip.is_reset(), {2: 0.75}),
        (begin_and_drive, lambda chip: chip.off(2), {}),
        (lambda _: None, lambda chip: chip.off(), {}),
    ],
)
def test_failure_at_every_transaction(
    prepare: Callable[[PCA9685], object],
    action: Callable[[PCA9685], object],
    expected: dict[int, float],
) -> None:
    world = World()

    def reset() -> None:
        world.restart()
        prepare(world.chip)

    for number, error in each_failure(world.bus, lambda: action(world.chip), reset):
        assert error.where == "0x40 on i2c-1", number
        action(world.chip)  # once more: the chip is usable, and what was half done is done
        assert world.duties() == expected, number


@for_each("again", [False, True], ids=["first", "again"])
@for_each("number", range(8))
@for_each("delivered", [False, True])
def test_a_begin_that_broke_off_lets_nothing_run(
    number: int, *, delivered: bool, again: bool
) -> None:
    world = World()
    world.restart()
    if again:
        world.chip.begin()
        world.chip.set_duty(1, 0.5)
    world.bus.break_at(number, BusFault.IO, delivered=delivered)
    with pytest.raises(BusError):
        world.chip.begin()
    world.bus.break_at(None, BusFault.IO, delivered=False)
    with pytest.raises(NotReadyError):
        world.chip.set_duty(5, 0.5)
    # Whatever runs now ran before begin was called.
    assert set(world.duties()) <= ({1} if number == 0 else set())


@for_each("seed", range(40))
def test_begin_brings_any_state_to_the_known_one(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  (repeatable dice)
    world = World()
    world.silicon.write(bytes((0x00, 0x31)))
    world.silicon.write(bytes((0xFE, dice.randrange(256))))
    world.silicon.write(bytes((0x06, *dice.randbytes(64))))
    world.silicon.write(bytes((0x02, *dice.randbytes(4))))
    world.silicon.write(bytes((0x01, dice.getrandbits(8))))
    for _ in range(dice.randrange(3)):
        world.silicon.write(bytes((0x00, dice.getrandbits(8) & ~0x40)))
        world.clock.advance(dice.choice((0.0, 0.01)))
    frequency = world.chip.begin(50)
    assert not world.silicon.all_call_enabled
    assert world.duties() == {}
    assert [world.silicon.output(channel, 0) for channel in range(16)] == [0.0] * 16
    assert world.silicon.output(0, 1) == 0.0
    assert world.silicon.frequency_hz == pytest.approx(frequency)
    world.chip.set_duty(9, 0.5)
    assert world.duties() == {9: 0.5}
    assert not world.chip.is_reset()


def test_an_external_clock_is_told() -> None:
    world = World()
    world.silicon.write(bytes.fromhex("00 51"))
    with pytest.raises(NotReadyError, match="EXTCLK"):
        world.chip.begin()
    world.silicon.power_cycle()
    world.chip.begin()


def test_nobody_answers_at_0x70_after_the_first_transaction() -> None:
    world = World()
    for _, _ in each_failure(world.bus, world.chip.begin, world.restart):
        pass
    world.restart()
    assert world.silicon.all_call_enabled
    world.bus.break_at(1, BusFault.IO, delivered=False)
    with pytest.raises(BusError):
        world.chip.begin()
    assert not world.silicon.all_call_enabled


def test_a_breakdown_of_the_supply_is_noticed_and_put_right() -> None:
    world = World()
    world.chip.begin(100)
    world.chip.set_duty(4, 1.0)
    assert not world.chip.is_reset()
    world.silicon.power_cycle()
    assert world.duties() == {}
    assert world.chip.is_reset()
    with pytest.raises(NotReadyError):
        world.chip.set_duty(4, 1.0)
    world.chip.begin(100)
    world.chip.set_duty(4, 1.0)
    assert world.duties() == {4: 1.0}


def test_a_breakdown_right_after_a_failure_is_noticed_too() -> None:
    world = World()
    world.chip.begin()
    world.bus.break_at(0, BusFault.TIMEOUT, delivered=False)
    with pytest.raises(BusError):
        world.chip.set_duty(4, 1.0)
    world.bus.break_at(None, BusFault.IO, delivered=False)
    world.silicon.power_cycle()
    with pytest.raises(NotReadyError):
        world.chip.set_duty(4, 1.0)
    assert world.chip.is_reset()


@for_each("frequency_hz", [24, 50, 60, 333, 1000, 1526])
def test_frequency_and_pulses_travel_through(frequency_hz: float) -> None:
    world = World()
    world.chip.begin(200)
    world.chip.set_duty(0, 0.5)
    world.chip.set_steps(1, 3000, 1000)
    world.chip.set_duty(2, 1.0)
    real = world.chip.set_frequency(frequency_hz)
    assert world.silicon.frequency_hz == pytest.approx(real)
    assert world.duties() == {0: 0.5, 1: 2096 / 4096, 2: 1.0}
    cycle_us = 1e6 / real
    for channel in range(16):
        for tenths in range(11):
            wanted = cycle_us * tenths / 10
            told = world.chip.set_pulse(channel, wanted)
            assert abs(told - wanted) <= cycle_us / 4096 / 2 + 1e-9
            assert world.silicon.duty(channel) * cycle_us == pytest.approx(told)
    for channel in range(16):
        for share in (0.0, 0.001, 0.5, 0.999, 1.0):
            told = world.chip.set_duty(channel, share)
            assert abs(told - share) <= 1 / 8192
            assert world.silicon.duty(channel) == told == world.chip.read_channel(channel).share
        world.chip.off(channel)
        assert world.silicon.duty(channel) == 0.0
