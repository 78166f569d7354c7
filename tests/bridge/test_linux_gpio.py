"""The real gpiod on emulated kernel devices: lines found, claimed, driven, lost and found again."""

from __future__ import annotations

import errno
import signal
import textwrap
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.preload.boards import EmulatedComputer, Rak6421OnPi5, Rak7391
from tests.preload.device_server import DeviceServer
from tests.preload.expander import Pca9555
from tests.preload.run import DriverProcess
from tests.preload.world import World

from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.buses.gpio import Bias
from wisblock_bridge.buses.linux.gpio import LinuxLines
from wisblock_bridge.buses.linux.gpio_controllers import Controller
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.errors import BusError, BusFault, ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.buses.gpio import LineController

GPIO = "wisblock_bridge.buses.linux.gpio:LinuxLines"
FIND = "wisblock_bridge.buses.linux.gpio_controllers:find_controller"
LIST = "wisblock_bridge.buses.linux.gpio_controllers:list_controllers"


@dataclass
class Bench:
    """A RAK7391, and a process on it that has the slots' expander and the lines of the SoC."""

    world: World
    board: Rak7391
    driver: DriverProcess

    def slots(self, method: str, *args: object) -> Any:
        return self.driver.call(f"slots.{method}", *args)

    def soc(self, method: str, *args: object) -> Any:
        return self.driver.call(f"soc.{method}", *args)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    world = World(tmp_path)
    board = Rak7391(world)
    with DeviceServer(world) as server, DriverProcess(server) as driver:
        name = "TPT29555 0x26 on i2c-1"
        driver.make("slots", GPIO, ["1-0026"], name, i2c_parent=(1, 0x26), has_edges=False)
        driver.make("soc", GPIO, ["pinctrl-bcm2711", "pinctrl-rp1"], has_edges=True)
        yield Bench(world, board, driver)


def test_it_is_a_line_controller_and_opens_nothing_before_its_first_use() -> None:
    lines: LineController = LinuxLines(["nowhere"], "the name", has_edges=False)
    assert (lines.name, lines.has_edges) == ("the name", False)
    assert LinuxLines(["pinctrl-bcm2711"], has_edges=True).name == "pinctrl-bcm2711"
    with pytest.raises(ValueError, match="at least one label"):
        LinuxLines([], has_edges=True)


# Finding


def test_the_controllers_of_a_rak7391(bench: Bench) -> None:
    assert bench.driver.call(LIST) == (
        Controller(Path("/dev/gpiochip0"), "pinctrl-bcm2711", 58),
        Controller(Path("/dev/gpiochip1"), "raspberrypi-exp-gpio", 8),
        Controller(Path("/dev/gpiochip2"), "1-0027", 16),
        Controller(Path("/dev/gpiochip3"), "1-0026", 16),
    )
    assert bench.slots("path") == Path("/dev/gpiochip3")
    assert (bench.slots("line_count"), bench.soc("line_count")) == (16, 58)


def test_a_chip_is_found_by_label_when_the_numbers_are_shuffled(tmp_path: Path) -> None:
    world = World(tmp_path)
    board = Rak7391(world, order=(12, 3, 0, 1))
    with DeviceServer(world) as server, DriverProcess(server) as driver:
        driver.make("slots", GPIO, ["1-0026"], has_edges=False)
        driver.make("soc", GPIO, ["pinctrl-bcm2711"], has_edges=True)
        driver.call("slots.make_output", 4, 0)
        driver.call("soc.make_output", 17, 1)
        assert driver.call("slots.path") == Path("/dev/gpiochip1")
        assert driver.call("soc.path") == Path("/dev/gpiochip12")
        assert board.slot_expander.pins[4].level() == 0
        assert board.pins[17].level() == 1
        assert [each.path.name for each in driver.call(LIST)] == [
            "gpiochip0",
            "gpiochip1",
            "gpiochip3",
            "gpiochip12",
        ]


def test_old_labels_are_told_apart_by_the_i2c_parent(tmp_path: Path) -> None:
    world = World(tmp_path)
    Rak7391(world, order=(0, 1, 3, 2), labels=("pca9555", "pca9555"))
    with DeviceServer(world) as server, DriverProcess(server) as driver:
        labels = ["1-0026", "pca9555"]
        assert driver.call(FIND, labels, (1, 0x26)) == Path("/dev/gpiochip2")
        assert driver.call(FIND, labels, (1, 0x27)) == Path("/dev/gpiochip3")
        assert driver.call(FIND, labels, (1, 0x23)) is None
        assert driver.call(FIND, labels) is None, "one of two alike must not be guessed"


def test_an_old_label_that_only_one_chip_bears_will_do(tmp_path: Path) -> None:
    world = World(tmp_path)
    Rak7391(world, labels=("1-0027", "pca9555"))
    with DeviceServer(world) as server, DriverProcess(server) as driver:
        assert driver.call(FIND, ["1-0026", "pca9555"]) == Path("/dev/gpiochip3")


def test_a_second_name_of_a_chip_is_not_a_second_chip(tmp_path: Path) -> None:
    world = World(tmp_path)
    Rak6421OnPi5(world)
    with DeviceServer(world) as server, DriverProcess(server) as driver:
        assert driver.call(LIST) == (Controller(Path("/dev/gpiochip0"), "pinctrl-rp1", 54),)
        labels = ["pinctrl-bcm2711", "pinctrl-rp1"]
        assert driver.call(FIND, labels) == Path("/dev/gpiochip0")
        driver.make("soc", GPIO, labels, has_edges=True)
        assert driver.call("soc.level", 17) == 0
        assert driver.call("soc.name") == "pinctrl-rp1", "what it is, not what it might have been"
        assert driver.run("import gpiod; result = gpiod.is_gpiochip_device('/dev/gpiochip4')")


def test_a_chip_that_is_not_there(bench: Bench) -> None:
    bench.driver.make("other", GPIO, ["1-0023"], i2c_parent=(1, 0x23), has_edges=False)
    with pytest.raises(BusError) as caught:
        bench.driver.call("other.level", 4)
    assert caught.value.code is ErrorCode.NO_BUS
    assert str(caught.value).startswith(
        "1-0023: There is no GPIO controller with the label 1-0023. `wisblock-bridge check` lists"
    )


def test_permission_denied_is_not_told_as_missing(bench: Bench) -> None:
    bench.world.deny("/dev/gpiochip3")
    assert bench.soc("level", 17) == 0, "the other chips stay usable"
    with pytest.raises(BusError) as caught:
        bench.slots("make_output", 4, 0)
    assert caught.value.code is ErrorCode.NO_PERMISSION
    assert str(caught.value) == (
        "gpiochip3: This user may not open /dev/gpiochip3. Let the user join the group gpio "
        "(`sudo usermod -aG gpio <user>`, log in again). In a container, hand in the device "
        "(`--device /dev/gpiochip3`) and the group (`--group-add`)."
    )
    code = """
        from wisblock_bridge.buses.linux.gpio_controllers import list_controllers
        result = [each.problem and each.problem.message for each in list_controllers()]
    """
    assert bench.driver.run(textwrap.dedent(code)) == [
        None,
        None,
        None,
        "This user may not open /dev/gpiochip3.",
    ]
    bench.world.allow("/dev/gpiochip3")
    bench.slots("make_output", 4, 0)


def test_lines_of_an_expander_are_looked_at_together(bench: Bench) -> None:
    """Held ones and free ones; the kernel offers no edges for them."""
    bench.slots("make_input", 3)
    begin = "reader = slots.watch(1 << 3 | 1 << 9); result = reader.levels"
    assert bench.driver.run(begin) == 1 << 3 | 1 << 9
    look = "result = [(each.line, each.level) for each in reader.look(0.0)]"
    assert bench.driver.run(look) == []
    pins = bench.board.slot_expander.pins
    for line in (3, 9, 10):
        pins[line].drive("outside", 0)
    assert bench.driver.run(look) == [(3, 0), (9, 0)]
    pins[9].drive("outside", None)
    assert bench.driver.run(look) == [(9, 1)]
    assert bench.driver.run("reader.close(); result = slots._shared_levels._readers") == []


# Driving


@pytest.mark.parametrize(("level", "seen"), [(0, [0]), (1, [])])
def test_an_expander_line_becomes_an_output_without_a_glitch(
    bench: Bench, level: int, seen: list[int]
) -> None:
    bench.slots("make_output", 4, level)
    assert bench.board.slot_expander.seen[4] == seen
    assert bench.board.slots.actions(4) == [("claim", None), ("output", level)]


def test_a_line_of_the_soc_becomes_an_output_without_a_glitch(bench: Bench) -> None:
    seen: list[int] = []
    bench.board.pins[17].listen(seen.append)
    bench.soc("make_output", 17, 1)
    bench.soc("make_output", 17, 0)
    assert seen == [1, 0]


def test_other_lines_of_the_expander_do_not_move(bench: Bench) -> None:
    bench.slots("make_output", 4, 0)
    bench.slots("make_output", 12, 0)
    bench.slots("make_output", 5, 1)
    quiet = [line for line in range(16) if line not in {4, 12}]
    assert all(bench.board.slot_expander.seen[line] == [] for line in quiet)
    assert bench.board.board_expander.seen == [[]] * 16


def test_a_change_of_direction_never_lets_the_line_go(bench: Bench) -> None:
    for controller, line in (("slots", 4), ("soc", 17)):
        bench.driver.call(f"{controller}.make_output", line, 1)
        bench.driver.call(f"{controller}.make_input", line)
        bench.driver.call(f"{controller}.make_output", line, 0)
        chip = bench.board.slots if controller == "slots" else bench.board.soc
        assert chip.actions(line) == [
            ("claim", None),
            ("output", 1),
            ("input", None),
            ("output", 0),
        ]
    assert bench.board.slot_expander.seen[4] == [0]


def test_write_changes_the_held_line(bench: Bench) -> None:
    seen: list[int] = []
    bench.board.pins[17].listen(seen.append)
    bench.soc("make_output", 17, 0)
    for level in (1, 0, 0, 1):
        bench.soc("write", 17, level)
    assert seen == [1, 0, 1]
    assert bench.board.soc.actions(17) == [
        ("claim", None),
        ("output", 0),
        *[("set", level) for level in (1, 0, 0, 1)],
    ]


def test_an_input_is_not_written(bench: Bench) -> None:
    for method in ("make_input", "level"):
        bench.slots(method, 4)
        with pytest.raises(BusError) as caught:
            bench.slots("write", 4, 0)
        assert caught.value.fault is BusFault.UNSUPPORTED
        assert str(caught.value) == (
            "line 4 of TPT29555 0x26 on i2c-1: The line is an input and was not changed. "
            "Make it an output first."
        )
    with pytest.raises(BusError, match=r"line 5 .* is an input"):
        bench.slots("write", 5, 0)
    assert bench.board.slots.actions(5) == []
    assert bench.board.slot_expander.seen[4] == []


def test_an_output_that_an_earlier_bridge_left_can_be_written(bench: Bench) -> None:
    bench.slots("make_output", 4, 0)
    bench.slots("let_go", 4)
    assert bench.board.slot_expander.seen[4] == [0], "a released expander line keeps driving"
    bench.slots("write", 4, 0)
    assert bench.board.slot_expander.seen[4] == [0]
    bench.slots("write", 4, 1)
    assert bench.board.slot_expander.seen[4] == [0, 1]


def test_a_lost_write_to_an_expander_is_told_though_the_kernel_keeps_quiet(bench: Bench) -> None:
    bench.slots("make_output", 4, 0)
    bench.board.bus.detach(0x26)
    with pytest.raises(BusError) as caught:
        bench.slots("write", 4, 1)
    assert caught.value.code is ErrorCode.NO_DEVICE
    assert caught.value.where == "line 4 of TPT29555 0x26 on i2c-1"
    code = """
        import gpiod
        from gpiod.line import Direction, Value
        settings = gpiod.LineSettings(direction=Direction.AS_IS)
        with gpiod.request_lines("/dev/gpiochip3", config={5: settings}) as request:
            try:
                request.set_value(5, Value.ACTIVE)
                result = "no complaint"
            except OSError as error:
                result = error.errno
    """
    bench.board.slots.lines.directions = lambda: 1 << 5  # type: ignore[method-assign]
    assert bench.driver.run(textwrap.dedent(code)) == "no complaint", "what plain gpiod would say"


def test_a_write_restores_an_expander_that_was_without_power(bench: Bench) -> None:
    bench.slots("make_output", 4, 0)
    fresh = Pca9555()
    bench.board.bus.detach(0x26)
    bench.board.bus.attach(0x26, fresh)
    assert fresh.pins[4].level() == 1, "an input, pulled up, as after power-up"
    bench.slots("write", 4, 0)
    assert fresh.pins[4].level() == 0
    assert fresh.pins[4].driver_of("expander") == 0


def test_an_expander_that_does_not_answer(bench: Bench) -> None:
    bench.board.bus.detach(0x26)
    for method, args in (("make_output", (4, 1)), ("make_input", (4,)), ("level", (5,))):
        with pytest.raises(BusError, match="expander behind the line did not answer") as caught:
            bench.slots(method, *args)
        assert caught.value.code is ErrorCode.NO_DEVICE


# Reading


def test_the_level_is_that_of_the_pin_not_of_the_latch(bench: Bench) -> None:
    bench.slots("make_output", 4, 1)
    assert bench.slots("level", 4) == 1
    bench.board.slot_expander.pins[4].drive("a short to ground", 0)
    assert bench.slots("level", 4) == 0


def test_reading_an_unclaimed_line_claims_it_as_it_is_and_keeps_it(bench: Bench) -> None:
    bench.board.slots.lines.make_output(5, 0)
    assert (bench.slots("level", 4), bench.slots("level", 5)) == (1, 0)
    assert bench.slots("level", 5) == 0
    assert bench.board.slots.actions(4) == [("claim", None)]
    assert bench.board.slots.actions(5) == [("claim", None)], "still the output it was"
    assert bench.slots("directions") == 1 << 5
    assert set(bench.board.slots.holders) == {4, 5}


def test_levels_and_directions_of_an_expander(bench: Bench) -> None:
    bench.slots("make_output", 1, 0)
    bench.slots("make_output", 14, 1)
    bench.slots("make_input", 9)
    bench.board.slot_expander.pins[9].drive("a closed contact", 0)
    bench.board.slot_expander.pins[12].drive("a closed contact", 0)
    assert bench.slots("levels") == 0xFFFF & ~(1 << 1 | 1 << 9 | 1 << 12)
    assert bench.slots("directions") == 1 << 1 | 1 << 14
    assert set(bench.board.slots.holders) == {1, 9, 14}, "free lines are left free"


def test_free_lines_of_an_expander_are_read_in_one_go(bench: Bench) -> None:
    bench.slots("path")
    before = bench.board.bus.transactions
    assert bench.slots("levels") == 0xFFFF
    assert bench.board.bus.transactions == before + 1


def test_lines_held_elsewhere_are_left_out_of_levels_and_named(bench: Bench) -> None:
    bench.board.slots.holders |= {3: "mpcie3-disable", 7: ""}
    assert bench.slots("levels") == 0xFFFF & ~(1 << 3 | 1 << 7)
    assert bench.slots("held_elsewhere") == {3: "mpcie3-disable", 7: ""}
    bench.slots("make_input", 4)
    assert bench.slots("held_elsewhere") == {3: "mpcie3-disable", 7: ""}
    bench.board.slots.holders |= dict.fromkeys(set(range(16)) - {4}, "everything")
    assert bench.slots("levels") == 1 << 4


def test_levels_of_the_soc_leave_pins_that_serve_something_else_alone(bench: Bench) -> None:
    bench.board.pins[2].drive("SDA", 1)
    bench.board.pins[17].drive("a contact", 1)
    bench.soc("make_input", 17)
    bench.soc("make_input", 22)
    assert bench.soc("levels") == 1 << 17
    assert {each.offset for each in bench.board.soc.history} == {17, 22}


@pytest.mark.parametrize("bias", list(Bias))
def test_pull_resistors_are_asked_for_on_the_soc_only(bench: Bench, bias: Bias) -> None:
    bench.soc("make_input", 17, bias)
    assert bench.board.soc.biases[17] is bias
    bench.slots("make_input", 4, bias)
    assert bench.board.slots.biases[4] is Bias.NONE


# Holders


def test_a_line_held_by_somebody_else_is_in_use_and_the_holder_is_named(bench: Bench) -> None:
    bench.board.slots.holders[4] = "relay daemon"
    for method, args in (("make_output", (4, 1)), ("make_input", (4,)), ("level", (4,))):
        with pytest.raises(BusError) as caught:
            bench.slots(method, *args)
        assert caught.value.code is ErrorCode.IN_USE
        assert str(caught.value) == (
            'line 4 of TPT29555 0x26 on i2c-1: The line is held by "relay daemon". Stop the '
            "program that uses the line, or take its `dtoverlay` out of config.txt."
        )
    assert bench.board.slots.actions(4) == []
    with pytest.raises(BusError, match=r'line 8 of pinctrl-bcm2711: .* held by "spi0 CS0"'):
        bench.soc("make_output", 8, 1)
    bench.board.slots.holders[5] = ""
    with pytest.raises(BusError, match="held by another program or a driver of the kernel"):
        bench.slots("level", 5)
    del bench.board.slots.holders[4]
    bench.slots("make_output", 4, 1)


def test_a_second_bridge_is_told_to_be_one(bench: Bench) -> None:
    bench.slots("make_output", 4, 0)
    bench.driver.make("second", GPIO, ["1-0026"], has_edges=False)
    with pytest.raises(BusError, match="A second bridge is running: stop it") as caught:
        bench.driver.call("second.level", 4)
    assert f'"wisblock-bridge {bench.driver.process.pid}"' in caught.value.message


def test_the_consumer_is_told_and_cut_to_what_the_kernel_takes(bench: Bench) -> None:
    consumer = "wisblock-bridge in the cellar, shelf 4"
    bench.driver.make("other", GPIO, ["1-0027"], has_edges=False, consumer=consumer)
    bench.driver.call("other.level", 6)
    assert bench.board.board.holders == {6: "wisblock-bridge in the cellar, "}


def test_let_go_and_close(bench: Bench) -> None:
    bench.slots("make_output", 4, 0)
    bench.slots("make_output", 5, 0)
    bench.slots("let_go", 4)
    bench.slots("let_go", 4)
    bench.slots("let_go", 9)
    assert set(bench.board.slots.holders) == {5}
    bench.slots("close")
    bench.slots("close")
    assert bench.board.slots.holders == {}
    assert bench.board.slot_expander.pins[4].level() == 0, "released, still driving"
    bench.slots("make_output", 4, 1)
    assert bench.board.slots.actions(4)[-2:] == [("claim", None), ("output", 1)]


def test_a_killed_process_loses_its_claims_but_its_outputs_stay(bench: Bench) -> None:
    released = threading.Event()
    bench.board.slots.on_release = released.set
    bench.slots("make_output", 4, 0)
    bench.driver.process.send_signal(signal.SIGKILL)
    assert released.wait(30)
    assert bench.board.slots.holders == {}
    assert bench.board.slot_expander.pins[4].level() == 0


# Loss


def test_the_chip_goes_away_and_comes_back(bench: Bench) -> None:
    bench.slots("make_output", 4, 0)
    bench.slots("make_input", 5)
    bench.world.unplug("/dev/gpiochip3")
    with pytest.raises(BusError, match="has gone: it was removed") as caught:
        bench.slots("write", 4, 1)
    assert caught.value.code is ErrorCode.NO_BUS
    with pytest.raises(BusError, match="There is no GPIO controller with the label 1-0026"):
        bench.slots("write", 4, 1)
    bench.world.plug("/dev/gpiochip3")
    bench.slots("write", 4, 1)
    assert bench.slots("level", 5) == 1
    assert bench.board.slot_expander.seen[4] == [0, 1]
    assert set(bench.board.slots.holders) == {4, 5}


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.ENODEV, BusFault.MISSING),
        (errno.EPERM, BusFault.UNSUPPORTED),
        (errno.EINVAL, BusFault.UNSUPPORTED),
        (errno.ENXIO, BusFault.UNSUPPORTED),
        (errno.EREMOTEIO, BusFault.NO_ACKNOWLEDGE),
        (errno.ETIMEDOUT, BusFault.TIMEOUT),
        (errno.EOPNOTSUPP, BusFault.UNSUPPORTED),
        (errno.EACCES, BusFault.PERMISSION),
        (errno.EIO, BusFault.IO),
    ],
)
def test_each_error_of_the_kernel(bench: Bench, number: int, fault: BusFault) -> None:
    chip = bench.board.slots
    for method, args in (("make_output", (4, 0)), ("level", (4,)), ("write", (4, 1))):
        chip.failures.plan(number)
        with pytest.raises(BusError) as caught:
            bench.slots(method, *args)
        assert caught.value.fault is fault
        assert caught.value.where == "line 4 of TPT29555 0x26 on i2c-1"
        bench.slots("make_output", 4, 0)


def test_an_error_while_free_lines_are_read(bench: Bench) -> None:
    bench.board.slots.failures.plan(errno.EIO)
    with pytest.raises(BusError) as caught:
        bench.slots("levels")
    assert caught.value.fault is BusFault.IO
    bench.board.slots.failures.plan(errno.EBUSY)
    assert bench.slots("levels") == 0xFFFF, "somebody was quicker; looked again"
    bench.board.slots.failures.plan(errno.EBUSY, count=3)
    with pytest.raises(BusError, match="faster than they could be read"):
        bench.slots("levels")


def test_lines_and_levels_that_do_not_exist(bench: Bench) -> None:
    with pytest.raises(ValueError, match="TPT29555 0x26 on i2c-1 has no line 16"):
        bench.slots("make_output", 16, 0)
    with pytest.raises(ValueError, match="has no line -1"):
        bench.slots("level", -1)
    with pytest.raises(ValueError, match="a level is 0 or 1, not 2"):
        bench.slots("make_output", 4, 2)
    assert bench.board.slots.history == []


def test_many_threads_share_the_controller(bench: Bench) -> None:
    code = """
        import threading
        wrong = []
        def work(line):
            for turn in range(30):
                slots.make_output(line, turn & 1)
                if slots.level(line) != turn & 1:
                    wrong.append(line)
        threads = [threading.Thread(target=work, args=(line,)) for line in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        result = wrong
    """
    assert bench.driver.run(textwrap.dedent(code)) == []
    assert sum(each.what == "claim" for each in bench.board.slots.history) == 8


# The whole of it


def test_the_hardware_of_a_board_works_through_the_kernel(tmp_path: Path) -> None:
    world = World(tmp_path)
    emulated = EmulatedBoard(GENERATION_C, SystemClock())
    computer = EmulatedComputer(world, emulated)
    emulated.slots[1].analog("AIN1").connect(lambda: 2.5)
    code = """
        from wisblock_bridge.boards.rak7391 import GENERATION_C
        from wisblock_bridge.buses.linux.transport import LinuxTransport
        from wisblock_bridge.clock import SystemClock
        from wisblock_bridge.runtime.hardware import Hardware
        hardware = Hardware(GENERATION_C, LinuxTransport(), SystemClock())
        slots = hardware.controller("slots")
        slots.make_output(1, 1)
        slots.make_output(12, 0)
        result = (slots.name, slots.levels(), hardware.converter().read(1).volts)
    """
    with DeviceServer(world) as server, DriverProcess(server) as driver:
        name, levels, volts = driver.run(textwrap.dedent(code))
        assert set(computer.chips["slots"].holders) == {1, 12}
    assert (name, levels) == ("TPT29555 0x26 on i2c-1", 0xEFFF)
    assert volts == pytest.approx(2.5, abs=0.001)
    assert emulated.wires["slots", 12].level() == 0


@pytest.mark.parametrize("taken", [True, False])
def test_a_later_listener_hears_of_no_edge_from_before(bench: Bench, *, taken: bool) -> None:
    """The kernel goes on numbering the edges of a line that is held, and keeps those not taken."""
    take = """
        import select
        found = []
        while not found:
            assert select.select([edges.descriptor], [], [], 30)[0]
            found = edges.read()
        result = [(each.level, each.missed) for each in found]
    """
    pin = bench.board.pins[23]
    bench.driver.run("edges = soc.edges(23)")
    for _ in range(3):
        pin.drive("a sensor", 1)
        pin.drive("a sensor", 0)
    if taken:
        bench.driver.run(textwrap.dedent(take))
    bench.driver.run("edges.close()")
    pin.drive("a sensor", 1)
    pin.drive("a sensor", 0)
    bench.driver.run("edges = soc.edges(23)")
    pin.drive("a sensor", 1)
    assert bench.driver.run(textwrap.dedent(take)) == [(1, 0)]
    bench.driver.run("edges.close(); soc.let_go(23); edges = soc.edges(23)")
    pin.drive("a sensor", 0)
    assert bench.driver.run(textwrap.dedent(take)) == [(0, 0)], "a new claim counts from 1"


# The ground under it


def test_plain_gpiod_gets_edges_from_the_soc_and_none_from_an_expander(bench: Bench) -> None:
    code = """
        import gpiod
        from gpiod.line import Direction, Edge
        settings = gpiod.LineSettings(direction=Direction.INPUT, edge_detection=Edge.BOTH)
        request = gpiod.request_lines("/dev/gpiochip0", config={23: settings})
        try:
            gpiod.request_lines("/dev/gpiochip3", config={4: settings})
        except OSError as error:
            result = error.errno
    """
    assert bench.driver.run(textwrap.dedent(code)) == errno.ENXIO
    bench.board.pins[23].drive("a sensor", 1)
    bench.board.pins[23].drive("a sensor", 0)
    code = """
        events = []
        while len(events) < 2 and request.wait_edge_events(30):
            events += request.read_edge_events()
        result = [(e.event_type.name, e.line_offset, e.line_seqno) for e in events]
    """
    assert bench.driver.run(textwrap.dedent(code)) == [
        ("RISING_EDGE", 23, 1),
        ("FALLING_EDGE", 23, 2),
    ]
