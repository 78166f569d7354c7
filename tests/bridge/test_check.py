"""What is missing on a computer, asked on made-up ones and on preloaded devices."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.bridge.fake_computers import (
    FakeComputer,
    configured,
)
from tests.cases import for_each
from tests.fake_clock import FakeClock
from tests.preload.boards import EmulatedComputer, Rak7391
from tests.preload.device_server import DeviceServer
from tests.preload.run import DriverProcess, preloaded
from tests.preload.world import World

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.config import load
from wisblock_bridge.discovery.checkup import check, is_good
from wisblock_bridge.emulation.board import EmulatedBoard

# -- what is missing ------------------------------------------------------------------------------


def test_an_emulated_board_needs_no_hardware(tmp_path: Path) -> None:
    config = load(
        {"--emulate": True, "--endpoint": f"ipc://{tmp_path}/b"},
        environment={},
        default_file=tmp_path / "none",
    )
    findings = check(config, FakeComputer())
    assert is_good(findings)
    assert not any("I2C" in each.what for each in findings)


def test_a_computer_without_hardware_is_told_what_to_do() -> None:
    findings = check(configured(endpoint="ipc:///tmp/wb-none/b"), FakeComputer())
    by_name = {each.what: each for each in findings}
    assert not is_good(findings)
    assert by_name["I2C bus i2c-1"].state == "missing"
    assert "dtparam=i2c_arm=on" in by_name["I2C bus i2c-1"].advice
    assert by_name["lines of 'soc'"].state == "missing"
    assert by_name["board"].state == "info"
    assert all(each.advice for each in findings if each.state in {"missing", "problem"})


def test_a_configuration_that_does_not_fit_is_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('emulate = true\n[[slot]]\nnumber = 1\nmodule = "RAK1"')
    findings = check(load(file=file, environment={}), FakeComputer())
    problem = next(each for each in findings if each.what == "configuration")
    assert problem.state == "problem"
    assert "RAK1" in problem.detail


def test_serving_to_other_computers_is_a_finding() -> None:
    findings = check(configured(endpoint="tcp://10.0.0.5:5555"), FakeComputer())
    assert {each.what: each.state for each in findings}["endpoint"] == "problem"


# -- on the kernel's devices ----------------------------------------------------------------------


@for_each("key", BOARDS)
def test_every_board_is_found_through_the_kernel(key: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        EmulatedComputer(world, EmulatedBoard(BOARDS[key], FakeClock()))
        with DeviceServer(world) as server:
            finished = preloaded([sys.executable, "-c", DETECT], server)
    assert finished.returncode == 0, finished.stderr
    product, variant, converter = finished.stdout.split()
    expected = BOARDS[key]
    assert product == expected.product
    if expected.product == "RAK7391":  # the revision of a RAK6421 cannot be read
        assert variant == expected.variant
    assert converter == expected.converter.chip


DETECT = """
from wisblock_bridge import config, discovery
found = discovery.detect_board(config.Config()).board
print(found.product, found.variant, found.converter.chip)
"""


def test_what_the_kernel_owns_is_told_as_such_and_what_is_denied_too() -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        Rak7391(world)
        with DeviceServer(world) as server, DriverProcess(server) as driver:
            good = driver.run(CHECK)
            world.deny("/dev/i2c-1")
            world.deny("/dev/gpiochip0")
            denied = driver.run(CHECK)
    assert good["I2C bus i2c-1"][0] == "ok"
    assert good["0x51 on i2c-1"][0] == "info"
    assert "rtc-pcf85063" in good["0x51 on i2c-1"][1]
    assert good["lines of 'slots'"] == ("ok", "/dev/gpiochip3 is labelled 1-0026.", "")
    assert denied["I2C bus i2c-1"][0] == "problem"
    assert "group i2c" in denied["I2C bus i2c-1"][2]
    assert denied["lines of 'soc'"][0] == "problem"
    assert "group gpio" in denied["lines of 'soc'"][2]


CHECK = """
from wisblock_bridge import config
from wisblock_bridge.discovery.checkup import check
found = check(config.load({"--endpoint": "ipc:///tmp/wb-none/b"}, environment={}))
result = {each.what: (each.state, each.detail, each.advice) for each in found}
"""
