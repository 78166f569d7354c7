"""The driver against bytes of the datasheet, and the module against the emulated one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
from wisblock_bridge.errors import BusError, SupplyLostError
from wisblock_rak12040.amg8833 import AMG8833
from wisblock_rak12040.rak12040 import RAK12040
from wisblock_rak12040.rak12040_emulated import EmulatedRAK12040

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.i2c import Read, Write
    from wisblock_bridge.module_api import TimerHandle


class Clock:
    """Time that nobody waits for."""

    def monotonic(self) -> float:
        return 0.0

    def timestamp_ms(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0.0


class Timers:
    """This module puts nothing off."""

    def after(self, seconds: float, action: Callable[[], None]) -> TimerHandle:
        raise AssertionError(f"{action} was put off by {seconds} s")


class Pins:
    """The pins of a slot, as far as this module uses them."""

    slot: int | str = 1

    def __init__(self) -> None:
        self.clock = Clock()
        self.i2c = EmulatedI2CBus("i2c-1", self.clock)

    def address(self, chip: str, delivered: int) -> int:
        assert chip == "AMG8833"
        return delivered


class Memory:
    """A bus with one chip whose registers hold fixed bytes."""

    name = "i2c-1"

    def __init__(self, register: int, data: str) -> None:
        self.register = register
        self.data = bytes.fromhex(data)

    def transfer(self, address: int, *messages: Write | Read) -> bytes:
        pointer, read = messages
        assert address == 0x68
        assert pointer.data == bytes((self.register,))  # type: ignore[union-attr]
        assert read.length == len(self.data)  # type: ignore[union-attr]
        return self.data

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def pins() -> Pins:
    return Pins()


@pytest.fixture
def emulated(pins: Pins) -> EmulatedRAK12040:
    return EmulatedRAK12040(pins)  # type: ignore[arg-type]


@pytest.fixture
def module(pins: Pins, emulated: EmulatedRAK12040) -> RAK12040:
    assert emulated.product == "RAK12040"
    made = RAK12040({"array": AMG8833(pins.i2c, 0x68, pins.clock)}, pins.clock, Timers())
    made.open()
    return made


def put(emulated: EmulatedRAK12040, name: str, value: float) -> None:
    setter = next(each for each in emulated.quantities() if each.name == name).set
    assert setter is not None
    setter(value)


@pytest.mark.parametrize(
    ("data", "temperature_c"),
    [
        ("FF 07", 127.9375),
        ("90 01", 25.0),
        ("04 00", 0.25),
        ("00 00", 0.0),
        ("04 08", -0.25),
        ("BB 0B", -59.6875),
    ],
)
def test_the_thermistor_is_sign_and_magnitude(data: str, temperature_c: float) -> None:
    assert AMG8833(Memory(0x0E, data), 0x68, Clock()).thermistor_c() == temperature_c


@pytest.mark.parametrize(
    ("data", "temperature_c"),
    [
        ("F4 01", 125.0),
        ("64 00", 25.0),
        ("01 00", 0.25),
        ("00 00", 0.0),
        ("FF 0F", -0.25),
        ("9C 0F", -25.0),
        ("24 0F", -55.0),
        ("64 F0", 25.0),
    ],
)
def test_a_pixel_is_a_twos_complement(data: str, temperature_c: float) -> None:
    assert AMG8833(Memory(0x80, data * 64), 0x68, Clock()).pixels_c() == [temperature_c] * 64


def test_what_is_in_front_is_read(module: RAK12040, emulated: EmulatedRAK12040) -> None:
    put(emulated, "hottest", 41.25)
    put(emulated, "coldest", -3.5)
    put(emulated, "sensor", -2.0625)
    values = module.read().values
    average_c = (2 * 41.25 - 62 * 3.5) / 64
    assert values == {"hottest": 41.25, "coldest": -3.5, "average": average_c, "sensor": -2.0625}
    pixels = module.frame().values["pixels"]
    assert isinstance(pixels, list)
    assert (len(pixels), pixels.count(41.25), pixels[27], pixels[0]) == (64, 2, 41.25, -3.5)


def test_a_reset_is_noticed(module: RAK12040, emulated: EmulatedRAK12040) -> None:
    module.check_supply()
    assert emulated.power_cycle()
    with pytest.raises(SupplyLostError):
        module.check_supply()
    module.open()
    module.check_supply()


def test_nobody_answers_once_it_is_unplugged(module: RAK12040, emulated: EmulatedRAK12040) -> None:
    emulated.unplug()
    with pytest.raises(BusError):
        module.read()
