"""The serial port of the header is judged by the device that its name leads to."""

from __future__ import annotations

import pytest
from tests.bridge.fake_computers import FakeComputer, configured
from tests.fake_clock import FakeClock

from wisblock_bridge.discovery.board import detect_board
from wisblock_bridge.discovery.serial_ports import advice, judged


def ports(computer: FakeComputer, **board: str) -> set[str]:
    found = detect_board(configured(**board), computer, FakeClock()).board
    return {slot.serial_port for slot in found.slots.values()}


@pytest.mark.parametrize(
    "computer",
    [
        FakeComputer(hat="RAK 6421 Pi Hat", devices={"/dev/serial0": "/dev/ttyAMA10"}),
        FakeComputer(hat="RAK 6421 Pi Hat", labels={"pinctrl-rp1": 54}),
        FakeComputer(
            hat="RAK 6421 Pi Hat",
            labels={"pinctrl-rp1": 54},
            devices={"/dev/serial0": "/dev/ttyAMA0"},
        ),
    ],
    ids=["by the link", "by the controller", "by the controller, with another link"],
)
def test_on_a_pi_5_the_port_is_ttyama0(computer: FakeComputer) -> None:
    """raspberrypi/documentation, pull request 3294: serial0 is UART10, the debug connector."""
    assert ports(computer) == {"/dev/ttyAMA0"}
    assert "dtparam=uart0=on" in advice("/dev/ttyAMA0")


def test_elsewhere_the_port_stays() -> None:
    assert ports(FakeComputer(devices={"/dev/serial0": "/dev/ttyS0"}), board="RAK6421") == {
        "/dev/serial0"
    }
    pi_5 = FakeComputer(labels={"pinctrl-rp1": 54})
    assert ports(pi_5, board="RAK7391") == {"/dev/ttyUSB0", "/dev/ttyUSB1"}


def test_the_debug_connector_is_a_problem_whoever_named_it() -> None:
    computer = FakeComputer(devices={"/dev/serial0": "/dev/ttyAMA10"})
    finding = judged("serial port", "/dev/serial0", computer)
    assert finding is not None
    assert finding.state == "problem"
    assert "/dev/ttyAMA10" in finding.detail
    assert "/dev/ttyAMA0;" in finding.advice


def test_a_mini_uart_has_no_parity() -> None:
    """raspberrypi/documentation, "PL011 and mini UART": no parity, no break, no framing errors."""
    computer = FakeComputer(devices={"/dev/serial0": "/dev/ttyS0", "/dev/ttyS0": "/dev/ttyS0"})
    for path in ("/dev/serial0", "/dev/ttyS0"):
        finding = judged("serial port", path, computer)
        assert finding is not None
        assert "no parity" in finding.detail
        assert "dtoverlay=miniuart-bt" in finding.advice
        assert "disable-bt" in finding.advice


@pytest.mark.parametrize("target", ["/dev/ttyAMA0", "/dev/ttyUSB0"])
def test_other_ports_are_left_alone(target: str) -> None:
    computer = FakeComputer(devices={"/dev/serial0": target})
    assert judged("serial port", "/dev/serial0", computer) is None
