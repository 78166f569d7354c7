"""PCA9685 emulator: it does what the datasheet says, seen from the bus and from the outputs."""

from __future__ import annotations

import pytest
from tests.cases import for_each
from tests.chips.transactions import ScriptedBus
from tests.fake_clock import FakeClock

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus, NotAcknowledged
from wisblock_bridge.chips.pca9685.emulator import EmulatedAllCall, EmulatedPCA9685
from wisblock_bridge.chips.pca9685.identify import identify
from wisblock_bridge.errors import BusError, BusFault


@pytest.fixture
def chip(clock: FakeClock) -> EmulatedPCA9685:
    return EmulatedPCA9685(clock)


def read(chip: EmulatedPCA9685, address: int, length: int = 1) -> str:
    chip.write(bytes((address,)))
    return chip.read(length).hex(" ").upper()


def write(chip: EmulatedPCA9685, *lines: str) -> None:
    for data in lines:
        chip.write(bytes.fromhex(data))


AWAKE = "00 21"


@for_each(
    ("address", "value"),
    [
        (0x00, "11"),
        (0x01, "04"),
        (0x02, "E2"),
        (0x03, "E4"),
        (0x04, "E8"),
        (0x05, "E0"),
        (0x06, "00"),
        (0x07, "00"),
        (0x08, "00"),
        (0x09, "10"),
        (0x42, "00"),
        (0x45, "10"),
        (0xFA, "00"),
        (0xFD, "00"),
        (0xFE, "1E"),
    ],
)
def test_reset_values(chip: EmulatedPCA9685, address: int, value: str) -> None:
    assert read(chip, address) == value


def test_after_power_up_it_sleeps_and_all_is_off(chip: EmulatedPCA9685) -> None:
    assert chip.asleep
    assert chip.frequency_hz == 0.0
    assert [chip.duty(channel) for channel in range(16)] == [0.0] * 16
    write(chip, AWAKE)
    assert [chip.duty(channel) for channel in range(16)] == [0.0] * 16
    assert chip.frequency_hz == pytest.approx(196.9, abs=0.05)


def test_without_auto_increment_the_pointer_stays(chip: EmulatedPCA9685) -> None:
    assert read(chip, 0x00, 3) == "11 11 11"
    write(chip, "06 01 02 03")
    assert [read(chip, address) for address in (6, 7)] == ["03", "00"]


def test_with_auto_increment_it_counts_on(chip: EmulatedPCA9685) -> None:
    write(chip, "00 31 04")  # takes effect within the transfer that sets it
    write(chip, "06 01 02 03 04 05")
    assert read(chip, 0x06, 5) == "01 02 03 04 05"


def test_it_rolls_over_after_the_last_channel_and_after_the_prescaler(
    chip: EmulatedPCA9685,
) -> None:
    write(chip, "00 31")
    assert read(chip, 0x45, 3) == "10 31 04"
    assert read(chip, 0xFD, 4) == "00 1E 31 04"


@pytest.mark.parametrize("address", ["46", "80", "F9"])
def test_reserved_addresses_are_not_acknowledged(chip: EmulatedPCA9685, address: str) -> None:
    with pytest.raises(NotAcknowledged):
        write(chip, f"{address} 00")
    with pytest.raises(NotAcknowledged):
        write(chip, address)


def test_bits_that_do_not_exist_read_0(chip: EmulatedPCA9685) -> None:
    write(chip, "00 31", "01 FF FF", "06 FF FF FF FF")
    assert read(chip, 0x01, 2) == "1F FE"
    assert read(chip, 0x06, 4) == "FF 1F FF 1F"


@pytest.mark.parametrize(
    ("prescale", "hertz"),
    [
        ("FD", 24.03),
        ("79", 50.03),
        ("65", 59.84),
        ("1E", 196.9),
        ("0B", 508.6),
        ("03", 1525.9),
        ("00", 1525.9),  # the hardware does not go below 3
    ],
)
def test_prescaler(chip: EmulatedPCA9685, prescale: str, hertz: float) -> None:
    write(chip, f"FE {prescale}", AWAKE)
    assert chip.frequency_hz == pytest.approx(hertz, rel=3e-4)


def test_prescaler_is_locked_while_awake(chip: EmulatedPCA9685) -> None:
    write(chip, AWAKE, "FE 79")
    assert read(chip, 0xFE) == "1E"
    write(chip, "00 31", "FE 79")
    assert read(chip, 0xFE) == "79"


def test_the_oscillator_may_be_off_by_some_percent(clock: FakeClock) -> None:
    chip = EmulatedPCA9685(clock, 26e6)
    write(chip, "FE 79", AWAKE, "06 00 00 33 01")
    assert chip.frequency_hz == pytest.approx(52.03, abs=0.01)
    assert chip.duty(0) * 1e6 / chip.frequency_hz == pytest.approx(1440.6, abs=0.1)


@pytest.mark.parametrize(
    ("data", "share"),
    [
        ("00 00 65 00", 101 / 4096),
        ("00 00 FF 0F", 4095 / 4096),
        ("FF 01 FF 0B", 2560 / 4096),  # figure of the datasheet: 511 to 3071
        ("FF 07 FF 02", 2816 / 4096),  # and 2047 to 767, over the end of the cycle
        ("FE 13 12 03", 1.0),  # full on
        ("FE 13 12 13", 0.0),  # full off wins
        ("00 00 00 10", 0.0),
        ("05 00 05 00", 0.0),
    ],
)
def test_counts(chip: EmulatedPCA9685, data: str, share: float) -> None:
    write(chip, AWAKE, f"0E {data}")
    assert chip.duty(2) == share
    assert [chip.duty(channel) for channel in (1, 3)] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("off", "microseconds"),
    [("65 00", 492.9), ("CC 00", 995.5), ("32 01", 1493.3), ("99 01", 1995.9), ("FF 01", 2493.7)],
)
def test_pulses_of_the_vendors_servo_flow(
    chip: EmulatedPCA9685, off: str, microseconds: float
) -> None:
    write(chip, "FE 79", AWAKE, f"06 00 00 {off}")
    assert chip.duty(0) * 1e6 / chip.frequency_hz == pytest.approx(microseconds, abs=0.06)


def test_channels_that_do_not_pulse(chip: EmulatedPCA9685) -> None:
    write(chip, AWAKE, "06 00 10 00 00")
    assert [chip.duty(0), chip.duty(1)] == [1.0, 0.0]


def test_all_channels_at_once(chip: EmulatedPCA9685) -> None:
    write(chip, AWAKE, "FA 00 00 00 08")
    assert [chip.duty(channel) for channel in range(16)] == [0.5] * 16
    write(chip, "FD 10")
    assert [chip.duty(channel) for channel in range(16)] == [0.0] * 16
    assert read(chip, 0x06, 4) == "00 00 00 10"


def test_sleep_stops_and_restart_goes_on(chip: EmulatedPCA9685, clock: FakeClock) -> None:
    write(chip, AWAKE, "06 00 00 00 08")
    assert read(chip, 0x00) == "21"
    write(chip, "00 31")
    assert read(chip, 0x00) == "B1"
    assert chip.duty(0) == 0.0
    write(chip, AWAKE)
    assert read(chip, 0x00) == "A1"
    assert chip.duty(0) == 0.0
    write(chip, "00 A1")  # the oscillator does not run yet
    assert chip.duty(0) == 0.0
    clock.advance(500e-6)
    write(chip, "00 A1")
    assert read(chip, 0x00) == "21"
    assert chip.duty(0) == 0.5


def test_writing_0_to_restart_changes_nothing(chip: EmulatedPCA9685, clock: FakeClock) -> None:
    write(chip, AWAKE, "06 00 00 00 08", "00 31", AWAKE)
    clock.advance(1)
    write(chip, AWAKE)
    assert read(chip, 0x00) == "A1"


def test_an_orderly_shutdown_needs_no_restart(chip: EmulatedPCA9685) -> None:
    write(chip, AWAKE, "06 00 00 00 08", "FD 10", "00 31")
    assert read(chip, 0x00) == "31"


@pytest.mark.parametrize(
    ("mode_2", "data", "restart"),
    [
        ("04", "0A 00", False),
        ("04", "FD 00", False),
        ("0C", "0A 00", True),
        ("0C", "0A 00 00 00 04", False),
        ("0C", "FA 00 00 00 04", False),
        ("04", "02 E2", True),
        ("04", "FE 79", True),
    ],
)
def test_new_counts_end_restart_too(
    chip: EmulatedPCA9685, mode_2: str, data: str, *, restart: bool
) -> None:
    write(chip, AWAKE, "06 00 00 00 08", "00 31", f"01 {mode_2}", data)
    assert read(chip, 0x00) == ("B1" if restart else "31")


def test_external_clock_needs_sleep_and_stays(chip: EmulatedPCA9685) -> None:
    write(chip, AWAKE, "00 61")
    assert read(chip, 0x00) == "21"
    write(chip, "00 31", "00 71", "00 31")
    assert read(chip, 0x00) == "71"
    write(chip, AWAKE, "06 00 00 00 08")
    assert chip.duty(0) == 0.0
    chip.power_cycle()
    assert read(chip, 0x00) == "11"


@pytest.mark.parametrize(
    ("mode_2", "disabled"),
    [("04", 0.0), ("05", 1.0), ("06", None), ("07", None), ("00", 0.0), ("01", None), ("02", None)],
)
def test_output_enable(chip: EmulatedPCA9685, mode_2: str, disabled: float | None) -> None:
    write(chip, AWAKE, "06 00 00 00 04", f"01 {mode_2}")
    assert chip.output(0, 1) == disabled
    assert chip.output(0, 0) == 0.25


def test_inverted_outputs(chip: EmulatedPCA9685) -> None:
    write(chip, AWAKE, "06 00 00 00 04", "01 14")
    assert [chip.output(0, 0), chip.output(1, 0), chip.output(0, 1)] == [0.75, 1.0, 0.0]


def on_shared_address(chip: EmulatedPCA9685) -> bool:
    return chip.all_call_enabled


def test_the_shared_address(chip: EmulatedPCA9685) -> None:
    bus = EmulatedI2CBus("i2c-1", FakeClock())
    bus.attach(0x40, chip)
    shared = EmulatedAllCall(chip)
    bus.attach(0x70, shared)
    assert on_shared_address(chip)
    assert chip.all_call_address == 0x70
    # The wake-up command of the sensor at 0x70 switches channel 11 off.
    write(chip, AWAKE, "32 00 00 00 08")
    assert chip.duty(11) == 0.5
    shared.write(bytes.fromhex("35 17"))
    assert chip.duty(11) == 0.0
    shared.write(b"\x35")
    assert shared.read(1) == b"\x17"
    write(chip, "00 20")
    assert not on_shared_address(chip)
    with pytest.raises(NotAcknowledged):
        shared.write(b"\x35\x17")
    with pytest.raises(NotAcknowledged):
        shared.read(1)
    chip.power_cycle()
    assert on_shared_address(chip)


def test_the_shared_address_can_be_moved(chip: EmulatedPCA9685) -> None:
    write(chip, "05 D0")
    with pytest.raises(NotAcknowledged):
        EmulatedAllCall(chip, 0x70).read(1)
    assert EmulatedAllCall(chip, 0x68).read(1) == b"\xd0"


def test_power_cycle(chip: EmulatedPCA9685) -> None:
    write(chip, "00 31", "FE 79", AWAKE, "01 1F", "05 D0", "FA 00 00 00 08")
    chip.power_cycle()
    assert [read(chip, address) for address in (0, 1, 5, 9, 0xFE)] == ["11", "04", "E0", "10", "1E"]
    write(chip, AWAKE)
    assert [chip.duty(channel) for channel in range(16)] == [0.0] * 16


def test_an_address_without_data_changes_nothing(chip: EmulatedPCA9685) -> None:
    write(chip, "FE")
    chip.write(b"")
    assert chip.read(1) == b"\x1e"


@pytest.mark.parametrize(
    ("state", "confidence"),
    [
        ([], "high"),
        ([AWAKE, "06 00 00 00 08"], "high"),
        (["00 30", "01 1B", "FE FD", "00 20"], "high"),
        (["02 A0"], "low"),
    ],
)
def test_identify_knows_it_in_any_state_and_changes_nothing(
    chip: EmulatedPCA9685, state: list[str], confidence: str
) -> None:
    write(chip, *state)
    before = bytes(chip._registers)
    bus = EmulatedI2CBus("i2c-1", FakeClock())
    bus.attach(0x40, chip)
    identification = identify(bus, 0x40, FakeClock())
    assert (identification.chip, identification.confidence) == ("PCA9685", confidence)
    assert identification.note
    assert bytes(chip._registers) == before


@for_each(
    "values",
    [
        "39 39 39 39 39 39",  # an INA219 that shows the same register again
        "04 E2 E4 E8 E0 02",
        "E4 E2 E4 E8 E0 1E",
        "04 E3 E4 E8 E0 1E",
        "00 00 00 00 00 00",
        "FF FF FF FF FF FF",
    ],
)
def test_identify_something_else(values: str) -> None:
    pointers = ("01", "02", "03", "04", "05", "FE")
    lines = [f"{at} -> {value}" for at, value in zip(pointers, values.split(), strict=True)]
    with ScriptedBus(0x40, *lines) as bus:
        identification = identify(bus, 0x40, FakeClock())
    assert (identification.chip, identification.confidence) == ("", "low")
    assert identification.note


def test_identify_a_chip_that_refuses_registers() -> None:
    with ScriptedBus(0x40, "01 -> 00", "!02 -> 00", "00 -> 00") as bus:
        identification = identify(bus, 0x40, FakeClock())
    assert (identification.chip, identification.confidence) == ("", "low")
    assert "refuses" in identification.note


def test_identify_nobody() -> None:
    with pytest.raises(BusError) as caught:
        identify(EmulatedI2CBus("i2c-1", FakeClock()), 0x40, FakeClock())
    assert caught.value.fault is BusFault.NO_ACKNOWLEDGE
