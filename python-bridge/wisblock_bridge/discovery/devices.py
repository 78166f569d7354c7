"""Check the devices of a board: do they exist, may this user open them, what else uses them?

1. A device is opened only where that changes nothing; opening a serial port moves its lines.
2. Every finding that is not good says what to do.
"""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.chips.tpt29555.identify import identify
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.discovery import serial_ports
from wisblock_bridge.discovery.findings import GROUP_ADVICE, Finding
from wisblock_bridge.discovery.identify import answers
from wisblock_bridge.environment.packages import missing, named, problem_of
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.boards.board import BoardSpec, ControllerSpec
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.buses.linux.gpio_controllers import Controller
    from wisblock_bridge.discovery.computer import Computer

SPI_ADVICE = (
    "Modules on SPI need it: put `dtparam=spi=on` into /boot/firmware/config.txt and restart the "
    "computer."
)


def bus_findings(board: BoardSpec, computer: Computer) -> Iterator[Finding]:
    """Check the I2C bus.

    Args:
        board: The carrier.
        computer: Whom to ask.

    Yields:
        One finding for the bus, one for each address that the kernel owns.
    """
    what = f"I2C bus {board.i2c_name}"
    try:
        computer.try_bus(board.i2c_number)
        answered = _touched(board, computer)
    except BusError as error:
        yield _of_error(what, error)
        return
    except ImportError as error:
        absent = missing(error)
        yield Finding(what, "missing", str(absent or error), PACKAGE_ADVICE)
        return
    yield Finding(what, "ok", f"/dev/{board.i2c_name} can be used.")
    if not answered:
        yield Finding(
            f"0x{board.converter.address:02x} on {board.i2c_name}",
            "missing",
            f"The board's converter ({board.converter.chip}) does not answer: analog modules "
            "cannot be read.",
            "Is this the right board (board.kind), and has it power? Another address of the "
            "converter is set with board.converter_address.",
        )
    expanders = {each.address for each in board.controllers.values()}
    for address, owner in board.taken_addresses.items():
        driver = computer.kernel_driver(board.i2c_number, address)
        if driver is not None:
            detail = f"The kernel's driver {driver} owns {owner}; the bridge leaves it alone."
            yield Finding(f"0x{address:02x} on {board.i2c_name}", "info", detail)
    for address in (board.converter.address, *board.converter.alternatives):
        driver = computer.kernel_driver(board.i2c_number, address)
        if driver is not None and address not in expanders:
            yield Finding(
                f"0x{address:02x} on {board.i2c_name}",
                "problem",
                f"The kernel's driver {driver} owns the converter: analog modules cannot be read.",
                "Take its `dtoverlay` line out of /boot/firmware/config.txt and restart.",
            )
            return


def _touched(board: BoardSpec, computer: Computer) -> bool:
    """Read a byte from the board's converter, which shows whether the bus works at all.

    Returns:
        Whether it answers; true where a driver of the kernel owns it, which is another finding.

    Raises:
        BusError: The bus is stuck, or its transfers break off.
    """
    bus = computer.bus(board.i2c_number)
    try:
        answers(bus, board.converter.address)
    except BusError as error:
        if error.fault is BusFault.NO_ACKNOWLEDGE:
            return False
        if error.fault is not BusFault.HELD:
            raise
    finally:
        bus.close()
    return True


def controller_findings(board: BoardSpec, computer: Computer) -> Iterator[Finding]:
    """Check the line controllers.

    Args:
        board: The carrier.
        computer: Whom to ask.

    Yields:
        One finding for each controller.
    """
    present = tuple(computer.controllers())
    absent = problem_of(named("gpiod"))
    for spec in board.controllers.values():
        found = _controller(spec, board, computer, present)
        if absent is not None and found.state != "ok":
            found = Finding(found.what, "missing", absent.message, absent.hint)
        yield found


def port_findings(board: BoardSpec, computer: Computer) -> Iterator[Finding]:
    """Check the serial ports and SPI devices of the slots.

    Args:
        board: The carrier.
        computer: Whom to ask.

    Yields:
        One finding for each device.
    """
    ports: dict[str, list[int]] = {}
    chip_selects: dict[str, list[int]] = {}
    for number, slot in board.slots.items():
        ports.setdefault(slot.serial_port, []).append(number)
        chip_selects.setdefault(slot.spi_device, []).append(number)
    for path, slots in ports.items():
        what = f"serial port of {_slots(slots)}"
        found = _port(Path(path), what, "dialout", serial_ports.advice(path), "pyserial")
        yield found
        if found.state == "ok":
            judgement = serial_ports.judged(what, path, computer)
            if judgement is not None:
                yield judgement
    for path, slots in chip_selects.items():
        yield _port(Path(path), f"SPI of {_slots(slots)}", "spi", SPI_ADVICE, "spidev")


PACKAGE_ADVICE = "Install wisblock-bridge again, with its dependencies."


def _controller(
    spec: ControllerSpec, board: BoardSpec, computer: Computer, present: tuple[Controller, ...]
) -> Finding:
    what = f"lines of {spec.key!r}"
    labels = " or ".join(spec.labels)
    for label in spec.labels:
        for each in present:
            if each.label == label:
                return Finding(what, "ok", f"{each.path} is labelled {label}.")
    refused = next((each for each in present if each.problem is not None), None)
    if refused is not None and refused.problem is not None:
        return _of_error(what, refused.problem)
    if spec.address is None:
        return Finding(
            what,
            "missing",
            f"No GPIO controller is labelled {labels}.",
            "Is this a Raspberry Pi? In a container, hand in /dev/gpiochip* (`--device`).",
        )
    place = f"{spec.chip} at 0x{spec.address:02x} on {board.i2c_name}"
    driver = computer.kernel_driver(board.i2c_number, spec.address)
    if driver is not None:
        return Finding(
            what,
            "info",
            f"The kernel's driver {driver} owns the {place}; the bridge goes through its GPIO "
            "controller, which bears another label.",
        )
    if spec.chip != "TPT29555":
        return Finding(
            what,
            "missing",
            f"The kernel does not show the {place}.",
            "It is only served through the kernel: load its overlay, or set board.variant.",
        )
    return _expander(what, place, computer.bus(board.i2c_number), spec.address)


def _expander(what: str, place: str, bus: I2CBus, address: int) -> Finding:
    """Check whether an expander that the kernel leaves alone is there."""
    try:
        found = identify(bus, address, SystemClock())
    except BusError as error:
        finding = _of_error(what, error)
        return replace(finding, detail=f"The {place} cannot be read: {error.message}")
    except ImportError as error:
        return Finding(what, "missing", str(missing(error) or error), PACKAGE_ADVICE)
    finally:
        bus.close()
    if not found.chip:
        return Finding(what, "problem", f"{place}: {found.note}", "Is board.variant right?")
    return Finding(what, "ok", f"The {place} answers; the bridge drives it itself.")


def _port(path: Path, what: str, group: str, advice: str, package: str) -> Finding:
    try:
        mode = path.stat().st_mode
    except OSError:
        return Finding(what, "info", f"{path} does not exist.", advice)
    if not stat.S_ISCHR(mode):
        return Finding(what, "problem", f"{path} is no device.", "Remove it and restart.")
    if not os.access(path, os.R_OK | os.W_OK):
        return Finding(
            what,
            "problem",
            f"This user may not use {path}.",
            GROUP_ADVICE.format(group=group, path=path),
        )
    absent = problem_of(named(package))
    if absent is not None:
        return Finding(what, "missing", f"{path} is there, but: {absent.message}", absent.hint)
    return Finding(what, "ok", f"{path} can be used.")


def _of_error(what: str, error: BusError) -> Finding:
    missing = error.fault in {BusFault.MISSING, BusFault.NO_ACKNOWLEDGE}
    return Finding(what, "missing" if missing else "problem", error.message, error.hint)


def _slots(numbers: list[int]) -> str:
    words = " and ".join(str(number) for number in numbers)
    return f"slot {words}" if len(numbers) == 1 else f"slots {words}"
