"""The soak's stand-ins: a radio behind the stand-in of spidev, and a terminal below /dev."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest
from tests.fake_clock import FakeClock
from tests.preload.device_server import DeviceServer
from tests.preload.gpio_device import CONFIG_OFFSET, CONFIG_SIZE, GET_LINE, Chip, Flag
from tests.preload.run import DriverProcess
from tests.preload.spi_device import STAND_INS, ChipSelect
from tests.preload.world import World

from wisblock_bridge.buses.emulated.gpio import EmulatedLines
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.buses.emulated.spi import EmulatedSpiBus
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SELECT = "/dev/spidev0.1"


class Inverter:
    """A chip that answers each byte with its complement."""

    def transfer(self, data: bytes) -> bytes:
        return bytes(each ^ 0xFF for each in data)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world")


@pytest.fixture
def driver(world: World) -> Iterator[DriverProcess]:
    with DeviceServer(world) as server, DriverProcess(server) as made:
        made.run(f"import sys; sys.path.insert(0, {str(STAND_INS)!r}); result = None")
        yield made


def test_a_chip_select(world: World, driver: DriverProcess) -> None:
    bus = EmulatedSpiBus("spidev0", FakeClock())
    bus.attach(SELECT, Inverter())
    driver.make("spi", "wisblock_bridge.buses.linux.spi:LinuxSpiDevice", SELECT, 2_000_000)
    with pytest.raises(BusError) as caught:
        driver.call("spi.transfer", b"\x0f")
    assert caught.value.fault is BusFault.MISSING
    world.add_chip_select(ChipSelect(SELECT, bus))
    assert driver.call("spi.transfer", b"\x0f\xaa") == b"\xf0\x55"
    bus.fail(SELECT, Fault(FaultKind.EIO, count=1))
    with pytest.raises(BusError) as caught:
        driver.call("spi.transfer", b"\x0f")
    assert caught.value.fault is BusFault.IO
    world.unplug(SELECT)
    with pytest.raises(BusError) as caught:
        driver.call("spi.transfer", b"\x0f")
    assert caught.value.fault is BusFault.MISSING
    world.plug(SELECT)
    assert driver.call("spi.transfer", b"\x0f") == b"\xf0"


def test_a_serial_port_that_is_a_terminal(world: World, driver: DriverProcess) -> None:
    far, near = os.openpty()
    try:
        world.link("/dev/ttyUSB0", os.ttyname(near))
        driver.make("port", "wisblock_bridge.buses.linux.uart:LinuxSerialPort", "/dev/ttyUSB0")
        driver.call("port.configure", LineSettings(9600))
        os.write(far, b"soak")
        assert driver.call("port.read", 4, 30.0) == b"soak"
        driver.call("port.write", b"heard")
        assert os.read(far, 64) == b"heard"
        assert driver.run("import os; result = os.path.realpath('/dev/ttyUSB0')") == os.ttyname(
            near
        )
    finally:
        os.close(far)
        os.close(near)


@pytest.mark.parametrize("attached", [False, True])
def test_a_claim_whose_program_died_before_it_had_it_is_free_again(*, attached: bool) -> None:
    """The kernel closes the descriptor that the program never saw."""
    chip = Chip("pinctrl-rp1", EmulatedLines("pinctrl-rp1", 8, {}))
    file = chip.open()
    claim = bytearray(CONFIG_OFFSET + CONFIG_SIZE + 32)
    struct.pack_into("<2I", claim, 0, 3, 5)
    struct.pack_into("<Q", claim, CONFIG_OFFSET, Flag.INPUT)
    struct.pack_into("<I", claim, CONFIG_OFFSET + CONFIG_SIZE, 2)
    token, _ = file.ioctl_struct(GET_LINE, bytes(claim))
    chip.claims[token].attached = attached
    assert set(chip.holders) == {3, 5}
    file.close()
    assert set(chip.holders) == ({3, 5} if attached else set())
