"""The real smbus2 on emulated kernel devices: bytes on the wire, and every way it can fail."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.preload.boards import EmulatedComputer, Rak6421OnPi5, Rak7391
from tests.preload.build import build_library
from tests.preload.device_server import DeviceServer
from tests.preload.i2c_device import FUNC_SMBUS_EMUL, Message
from tests.preload.run import ROOT, DriverProcess, preloaded
from tests.preload.world import World

from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.buses.i2c import Read, Write, check_transaction
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.errors import BusError, BusFault, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Registers:
    """A chip with sixteen bytes behind a pointer."""

    def __init__(self) -> None:
        self.values = bytearray(range(0xA0, 0xB0))
        self.pointer = 0

    def write(self, data: bytes) -> None:
        self.pointer = data[0]
        for value in data[1:]:
            self.values[self.pointer] = value
            self.pointer += 1

    def read(self, length: int) -> bytes:
        return bytes(self.values[self.pointer : self.pointer + length])


@dataclass
class Bench:
    """A RAK7391 with a chip at 0x48, and a process on it that has its I2C bus."""

    world: World
    board: Rak7391
    server: DeviceServer
    driver: DriverProcess
    chip: Registers

    def transfer(self, address: int, *messages: Write | Read) -> bytes:
        answer = self.driver.call("bus.transfer", address, *messages)
        assert isinstance(answer, bytes)
        return answer


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    world = World(tmp_path)
    board = Rak7391(world)
    chip = Registers()
    board.bus.attach(0x48, chip)
    with DeviceServer(world) as server, DriverProcess(server) as driver:
        driver.make("bus", "wisblock_bridge.buses.linux.i2c:LinuxI2CBus", 1)
        yield Bench(world, board, server, driver, chip)


def test_the_bytes_on_the_wire_are_the_bytes_of_the_messages(bench: Bench) -> None:
    assert bench.transfer(0x48, Write(b"\x03\x11\x22\x33")) == b""
    assert bench.transfer(0x48, Read(2)) == b"\xa6\xa7"
    assert bench.chip.values[3:6] == b"\x11\x22\x33"
    assert bench.board.adapter.transactions == [
        (Message(0x48, "write", b"\x03\x11\x22\x33"),),
        (Message(0x48, "read", b"\xa6\xa7"),),
    ]


def test_write_then_read_is_one_transaction_with_a_repeated_start(bench: Bench) -> None:
    assert bench.transfer(0x48, Write(b"\x01"), Read(3)) == b"\xa1\xa2\xa3"
    assert bench.board.adapter.transactions == [
        (Message(0x48, "write", b"\x01"), Message(0x48, "read", b"\xa1\xa2\xa3")),
    ]


def test_several_writes_and_a_read_are_one_transaction(bench: Bench) -> None:
    assert bench.transfer(0x48, Write(b"\x00\x05"), Write(b"\x00"), Read(1)) == b"\x05"
    assert len(bench.board.adapter.transactions) == 1


def test_the_longest_message_arrives_whole(bench: Bench) -> None:
    class Sink(Registers):
        def write(self, data: bytes) -> None:
            self.values[:] = data

        def read(self, length: int) -> bytes:
            return bytes(self.values[:length])

    bench.board.bus.attach(0x50, Sink())
    data = bytes(range(256)) * 32
    bench.transfer(0x50, Write(data))
    assert bench.transfer(0x50, Read(8192)) == data


def test_the_adapter_is_opened_at_the_first_transfer_and_once(bench: Bench) -> None:
    assert bench.board.adapter.opens == 0
    bench.transfer(0x48, Read(1))
    bench.transfer(0x48, Read(1))
    assert bench.board.adapter.opens == 1


def test_close_twice_and_use_again(bench: Bench) -> None:
    bench.transfer(0x48, Read(1))
    bench.driver.call("bus.close")
    bench.driver.call("bus.close")
    assert bench.transfer(0x48, Read(1)) == b"\xa0"
    assert bench.board.adapter.opens == 2


def test_names_and_paths(bench: Bench) -> None:
    assert bench.driver.call("bus.name") == "i2c-1"
    bench.world.link("/dev/i2c-slots", "i2c-1")
    factory = "wisblock_bridge.buses.linux.i2c:LinuxI2CBus"
    bench.driver.make("other", factory, "/dev/i2c-slots", "the slots' bus")
    assert bench.driver.call("other.name") == "the slots' bus"
    assert bench.driver.call("other.transfer", 0x48, Read(1)) == b"\xa0"
    with pytest.raises(BusError, match=r"0x26 on the slots' bus: .*driver pca953x"):
        bench.driver.call("other.transfer", 0x26, Read(1))


def test_nobody_at_the_address(bench: Bench) -> None:
    with pytest.raises(BusError, match=r"^0x49 on i2c-1: No answer\.") as caught:
        bench.transfer(0x49, Read(1))
    assert caught.value.code is ErrorCode.NO_DEVICE


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.EREMOTEIO, BusFault.NO_ACKNOWLEDGE),
        (errno.ENXIO, BusFault.NO_ACKNOWLEDGE),
        (errno.EIO, BusFault.IO),
        (errno.EAGAIN, BusFault.IO),
        (errno.EPROTO, BusFault.IO),
        (errno.ETIMEDOUT, BusFault.TIMEOUT),
        (errno.EBUSY, BusFault.HELD),
        (errno.ENODEV, BusFault.MISSING),
        (errno.EPERM, BusFault.PERMISSION),
        (errno.EOPNOTSUPP, BusFault.UNSUPPORTED),
        (errno.EINVAL, BusFault.UNSUPPORTED),
    ],
)
def test_each_error_of_the_kernel_and_the_transfer_after_it(
    bench: Bench, number: int, fault: BusFault
) -> None:
    bench.board.adapter.failures.plan(number, after=1)
    assert bench.transfer(0x48, Write(b"\x00"), Read(1)) == b"\xa0"
    with pytest.raises(BusError) as caught:
        bench.transfer(0x48, Write(b"\x00"), Read(1))
    assert caught.value.fault is fault
    assert caught.value.where == "0x48 on i2c-1"
    assert bench.transfer(0x48, Write(b"\x00"), Read(1)) == b"\xa0"
    assert len(bench.board.adapter.transactions) == 2


def test_an_address_of_the_kernel_is_refused_in_words_and_nothing_is_sent(bench: Bench) -> None:
    with pytest.raises(BusError) as caught:
        bench.transfer(0x26, Write(b"\x02\xff"))
    assert caught.value.fault is BusFault.HELD
    assert caught.value.code is ErrorCode.IN_USE
    assert str(caught.value) == (
        "0x26 on i2c-1: The address is owned by the kernel's driver pca953x. Two masters of one "
        "chip corrupt each other. Use the chip through the kernel, or take its `dtoverlay` line "
        "out of /boot/firmware/config.txt and restart the computer."
    )
    with pytest.raises(BusError, match="rtc-pcf85063"):
        bench.transfer(0x51, Read(1))
    assert bench.driver.call("bus.kernel_driver", 0x27) == "pca953x"
    assert bench.driver.call("bus.kernel_driver", 0x48) is None
    assert bench.board.adapter.transactions == []


def test_the_kernel_itself_refuses_only_i2c_slave_not_i2c_rdwr(bench: Bench) -> None:
    """Why the bridge must refuse: plain smbus2 gets through to a chip of the kernel's."""
    code = """
        import smbus2
        with smbus2.SMBus(1) as bus:
            try:
                bus.read_byte(0x26)
            except OSError as error:
                print("I2C_SLAVE", error.errno)
            message = smbus2.i2c_msg.read(0x26, 1)
            bus.i2c_rdwr(message)
            print("I2C_RDWR", len(bytes(message)))
    """
    done = preloaded([sys.executable, "-c", textwrap.dedent(code)], bench.server)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["I2C_SLAVE", str(errno.EBUSY), "I2C_RDWR", "1"]


def test_the_device_file_is_missing(bench: Bench) -> None:
    bench.world.unplug("/dev/i2c-1")
    with pytest.raises(BusError, match=r"^i2c-1: /dev/i2c-1 does not exist\.") as caught:
        bench.transfer(0x48, Read(1))
    assert caught.value.code is ErrorCode.NO_BUS
    assert "dtparam=i2c_arm=on" in caught.value.hint


def test_the_adapter_is_pulled_and_plugged_in_again(bench: Bench) -> None:
    assert bench.transfer(0x48, Read(1)) == b"\xa0"
    bench.world.unplug("/dev/i2c-1")
    with pytest.raises(BusError, match="has gone: the adapter was removed") as caught:
        bench.transfer(0x48, Read(1))
    assert caught.value.fault is BusFault.MISSING
    with pytest.raises(BusError, match="does not exist"):
        bench.transfer(0x48, Read(1))
    bench.world.plug("/dev/i2c-1")
    assert bench.transfer(0x48, Read(1)) == b"\xa0"


def test_the_adapter_comes_back_before_anybody_noticed(bench: Bench) -> None:
    bench.transfer(0x48, Read(1))
    bench.world.unplug("/dev/i2c-1")
    bench.world.plug("/dev/i2c-1")
    with pytest.raises(BusError, match="has gone"):
        bench.transfer(0x48, Read(1))
    assert bench.transfer(0x48, Read(1)) == b"\xa0"


def test_a_driver_bound_while_the_adapter_was_away_is_noticed(bench: Bench) -> None:
    bench.transfer(0x48, Read(1))
    bench.world.unplug("/dev/i2c-1")
    with pytest.raises(BusError):
        bench.transfer(0x48, Read(1))
    bench.world.bind(1, 0x48, "ads1015")
    bench.world.plug("/dev/i2c-1")
    with pytest.raises(BusError, match="the kernel's driver ads1015"):
        bench.transfer(0x48, Read(1))


def test_a_driver_that_is_bound_later_is_noticed_at_once_and_so_is_its_end(bench: Bench) -> None:
    """`echo ina219 0x48 > new_device` while the bridge uses the address: it has two masters."""
    assert bench.transfer(0x48, Read(1)) == b"\xa0"
    bench.world.bind(1, 0x48, "ina2xx")
    sent = len(bench.board.adapter.transactions)
    with pytest.raises(BusError, match="the kernel's driver ina2xx") as caught:
        bench.transfer(0x48, Read(1))
    assert caught.value.fault is BusFault.HELD
    assert len(bench.board.adapter.transactions) == sent
    bench.world.unbind(1, 0x48)
    assert bench.transfer(0x48, Read(1)) == b"\xa0"


def test_permission_denied_and_granted(bench: Bench) -> None:
    bench.world.deny("/dev/i2c-1")
    with pytest.raises(BusError) as caught:
        bench.driver.call("bus.open")
    assert caught.value.code is ErrorCode.NO_PERMISSION
    assert "usermod -aG i2c" in caught.value.hint
    bench.world.allow("/dev/i2c-1")
    bench.driver.call("bus.open")
    assert bench.transfer(0x48, Read(1)) == b"\xa0"


def test_an_smbus_only_adapter_is_refused(bench: Bench) -> None:
    bench.board.adapter.functions = FUNC_SMBUS_EMUL
    with pytest.raises(BusError, match="SMBus-only adapter") as caught:
        bench.transfer(0x48, Read(1))
    assert caught.value.fault is BusFault.UNSUPPORTED
    assert bench.board.adapter.transactions == []


def test_transfers_of_many_threads_do_not_mix(bench: Bench) -> None:
    code = """
        import threading
        from wisblock_bridge.buses.i2c import Read, Write
        wrong = []
        def work(register):
            for _ in range(40):
                answer = bus.transfer(0x48, Write(bytes([register])), Read(1))
                if answer != bytes([0xA0 + register]):
                    wrong.append(register)
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        result = wrong
    """
    assert bench.driver.run(textwrap.dedent(code)) == []
    assert len(bench.board.adapter.transactions) == 320
    assert bench.board.adapter.opens == 1


def test_the_limits_are_told_before_anything_is_sent(bench: Bench) -> None:
    too_much = (
        ((), "A transaction needs at least one message."),
        ((Read(1), Write(b"\0")), "A read must be the last message"),
        ((Write(b"\0"), Read(1), Read(1)), "A read must be the last message"),
        ((Write(bytes(8193)),), "8193 bytes are more than the 8192 one message takes."),
        ((Read(8193),), "8193 bytes are more than the 8192 one message takes."),
        ((Read(0),), "A read of no bytes cannot be sent."),
        ((Write(b"\0"),) * 43, "43 messages are more than the 42 the kernel takes."),
    )
    for messages, words in too_much:
        with pytest.raises(BusError, match=words) as caught:
            bench.transfer(0x48, *messages)
        assert caught.value.fault is BusFault.UNSUPPORTED
        assert caught.value.where == "0x48 on i2c-1"
    assert bench.board.adapter.transactions == []
    assert bench.board.adapter.opens == 0


@for_each("address", [-1, 0x00, 0x07, 0x78, 0x100])
def test_an_address_that_no_device_can_have(address: int) -> None:
    with pytest.raises(ValueError, match="not a 7-bit device address"):
        check_transaction("i2c-1", address, (Read(1),))


def test_the_rules_are_those_of_the_bcm2711_on_a_pi_5_too(tmp_path: Path) -> None:
    world = World(tmp_path)
    board = Rak6421OnPi5(world)
    board.bus.attach(0x48, Registers())
    with DeviceServer(world) as server, DriverProcess(server) as driver:
        driver.make("bus", "wisblock_bridge.buses.linux.i2c:LinuxI2CBus", 1)
        assert driver.call("bus.transfer", 0x48, Write(b"\x02"), Read(1)) == b"\xa2"
        with pytest.raises(BusError, match="A read must be the last message"):
            driver.call("bus.transfer", 0x48, Read(1), Write(b"\x02"))


def test_a_driver_of_the_project_reads_a_converter_through_the_kernels_devices(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    emulated = EmulatedBoard(GENERATION_C, SystemClock())
    computer = EmulatedComputer(world, emulated)
    emulated.slots[1].analog("AIN1").connect(lambda: 1.2345)
    code = """
        from wisblock_bridge.buses.linux.i2c import LinuxI2CBus
        from wisblock_bridge.chips.sgm58031 import SGM58031
        from wisblock_bridge.clock import SystemClock
        result = SGM58031(LinuxI2CBus(1), 0x4B, SystemClock()).read(1).volts
    """
    with DeviceServer(world) as server, DriverProcess(server) as driver:
        volts = driver.run(textwrap.dedent(code))
    assert volts == pytest.approx(1.2345, abs=0.001)
    messages = [each for transaction in computer.adapter.transactions for each in transaction]
    assert {each.address for each in messages} == {0x4B}


def test_a_command_runs_on_a_whole_board() -> None:
    code = """
        import smbus2
        with smbus2.SMBus(1) as bus:
            print(bool(bus.funcs & smbus2.I2cFunc.I2C))
    """
    command = [sys.executable, "-m", "tests.preload.run", "rak6421-va", "--", sys.executable]
    done = subprocess.run(
        [*command, "-c", textwrap.dedent(code)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "python-bridge")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_a_missing_compiler_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(RuntimeError, match=r"need a C compiler .* install gcc or clang"):
        build_library()


def test_smbus2_and_gpiod_are_not_imported_before_a_device_is_opened() -> None:
    code = """
        import sys
        from wisblock_bridge.buses.linux import gpio, i2c
        i2c.LinuxI2CBus(1)
        gpio.LinuxLines(["pinctrl-bcm2711"], has_edges=True)
        print(sorted({"smbus2", "gpiod", "ctypes"} & set(sys.modules)))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "python-bridge")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
