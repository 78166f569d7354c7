"""The serial port of a Raspberry Pi's header: which device it is, and its limits.

1. A port is judged by the device that its name leads to, never by its name.
2. Nothing is opened here.

Sources: raspberrypi/documentation, "Configure UARTs" (PL011 and mini UART; on a Raspberry Pi 5 the
primary UART is UART10, the three-pin debug connector) and its pull request 3294.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.discovery.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.discovery.computer import Computer

PRIMARY = "/dev/serial0"
HEADER_OF_PI_5 = "/dev/ttyAMA0"
DEBUG_CONNECTOR = "ttyAMA10"
MINI_UART = "ttyS0"
LABEL_OF_PI_5 = "pinctrl-rp1"

PI_5_ADVICE = (
    "Modules on the serial port need it: put `dtparam=uart0=on` into /boot/firmware/config.txt and "
    "restart the computer."
)
RASPI_CONFIG_ADVICE = (
    "Modules on the serial port need it: switch the port on and the console on it off "
    "(`sudo raspi-config`, Interface Options, Serial Port)."
)
MINI_UART_ADVICE = (
    "For parity, and for LIN: put `dtoverlay=miniuart-bt` (or `dtoverlay=disable-bt`) into "
    "/boot/firmware/config.txt and restart the computer; the port is then ttyAMA0."
)


def is_pi_5(computer: Computer) -> bool:
    """Return whether the header's serial port is UART0 of the RP1, as on a Raspberry Pi 5.

    Args:
        computer: Whom to ask.

    Returns:
        True by the label of its GPIO controller, or by where /dev/serial0 leads.
    """
    if Path(computer.target(PRIMARY) or "").name == DEBUG_CONNECTOR:
        return True
    return any(each.label == LABEL_OF_PI_5 for each in computer.controllers())


def with_usable_ports(
    board: BoardSpec, computer: Computer, note: Callable[[str], None]
) -> BoardSpec:
    """Return a board whose header port is the one that GPIO14 and GPIO15 lead to.

    Args:
        board: The board as it is known.
        computer: Whom to ask.
        note: Takes what was seen, in words.

    Returns:
        The board; on a Raspberry Pi 5 with /dev/ttyAMA0 in place of /dev/serial0.
    """
    if all(slot.serial_port != PRIMARY for slot in board.slots.values()) or not is_pi_5(computer):
        return board
    note(
        f"on a Raspberry Pi 5 the header's serial port is {HEADER_OF_PI_5}; {PRIMARY} is usually "
        "the debug connector"
    )
    slots = {
        number: replace(slot, serial_port=HEADER_OF_PI_5) if slot.serial_port == PRIMARY else slot
        for number, slot in board.slots.items()
    }
    return replace(board, slots=slots)


def advice(path: str) -> str:
    """Return what to do when a slot's serial port is not there.

    Args:
        path: Its device file.

    Returns:
        A sentence.
    """
    if path == HEADER_OF_PI_5:
        return PI_5_ADVICE
    if path == PRIMARY:
        return RASPI_CONFIG_ADVICE
    return "Modules on the serial port need it: is the board's USB hub up (`lsusb`, CH340)?"


def judged(what: str, path: str, computer: Computer) -> Finding | None:
    """Return a finding about an existing serial port, by the device that its name leads to.

    Args:
        what: Name of the finding.
        path: The device file that the slot uses.
        computer: Whom to ask.

    Returns:
        What is wrong with it, or None.
    """
    target = computer.target(path)
    name = Path(target or "").name
    way = path if target == path else f"{path} leads to {target}, which"
    if name == DEBUG_CONNECTOR:
        return Finding(
            what,
            "problem",
            f"{way} is the debug connector of a Raspberry Pi 5, not GPIO14 and GPIO15.",
            f"Use {HEADER_OF_PI_5}; it needs `dtparam=uart0=on` in /boot/firmware/config.txt.",
        )
    if name == MINI_UART:
        return Finding(
            what,
            "info",
            f"{way} is a mini UART: it has no parity, and does not see breaks or framing errors. "
            "Modbus works without parity only, LIN cannot be received.",
            MINI_UART_ADVICE,
        )
    return None
