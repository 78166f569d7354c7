"""Which chips answer? Asked on emulated boards."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

import pytest
from tests.bridge.fake_computers import (
    Chip,
    board_bus,
)
from tests.fake_clock import FakeClock

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.buses.emulated.wires import Wire
from wisblock_bridge.chips.mcp23017.emulator import EmulatedMCP23017
from wisblock_bridge.discovery import scan
from wisblock_bridge.discovery.identify import identifier
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.errors import BusError, BusFault
from wisblock_bridge.module_api import Module, Product, Result, chip, operation
from wisblock_bridge.module_api.needs import ChipInUse
from wisblock_bridge.modules import registry
from wisblock_bridge.modules.registry import load
from wisblock_bridge.runtime.hardware import Hardware

if TYPE_CHECKING:
    from wisblock_bridge.chips.ads1115 import ADS1115


def mcp23017() -> EmulatedMCP23017:
    return EmulatedMCP23017([Wire(f"GP{line}") for line in range(16)])


# -- which chips ----------------------------------------------------------------------------------


def hardware(key: str) -> tuple[Hardware, EmulatedBoard]:
    clock = FakeClock()
    board = EmulatedBoard(BOARDS[key], clock)
    return Hardware(BOARDS[key], board, clock), board


class SixteenLines(Module):
    """A module with an expander."""

    product = Product("RAK13003", "16 lines", "interface", (1, 2), "x.svg", "https://example.org")
    expander = chip(lambda *_: object(), "MCP23017", 0x20, (0x24, 0x48))

    @operation(gives=())
    def nothing(self) -> Result:
        """Do nothing.

        Returns:
            Nothing.
        """
        return self.readings()


class SilentChip(SixteenLines):
    """A module with a chip that nobody can tell apart."""

    product = Product("RAK99999", "silent", "interface", (1, 2), "x.svg", "https://example.org")
    expander = chip(lambda *_: object(), "NOBODY1", 0x31, ())
    second = chip(lambda *_: object(), "NOBODY2", 0x31, ())


KNOWN = registry.Catalogue({"RAK13003": SixteenLines, "RAK99999": SilentChip}, {}, {}, "")


def scanned(key: str, **attach: object) -> dict[int, dict[str, object]]:
    machine, board = hardware(key)
    for name, device in attach.items():
        board.bus.attach(int(name.removeprefix("at_"), 16), cast("Chip", device))
    found = scan(machine, KNOWN, FakeClock())
    return {cast("int", each["address"]): each for each in found}


def test_a_scan_tells_chips_modules_and_how_sure_it_is() -> None:
    found = scanned("rak7391-c", at_20=mcp23017(), at_31=Chip({}))
    assert [hex(address) for address in found] == ["0x20", "0x26", "0x27", "0x31", "0x4b"]
    assert set(found[0x4B]) == {
        *("bus", "address", "chip", "modules", "confidence", "note"),
        *("in_use", "clashes", "warnings"),
    }
    assert (found[0x4B]["chip"], found[0x4B]["modules"]) == ("SGM58031", ["ADC"])
    assert found[0x4B]["confidence"] == "high"
    assert (found[0x26]["chip"], found[0x26]["modules"]) == ("TPT29555", ["TPT29555"])
    assert (found[0x20]["chip"], found[0x20]["modules"]) == ("MCP23017", ["RAK13003"])
    assert (found[0x31]["chip"], found[0x31]["confidence"]) == ("NOBODY1", "low")
    assert "NOBODY2" in str(found[0x31]["note"])


def test_a_scan_asks_known_addresses_only() -> None:
    machine, board = hardware("rak7391-c")
    stranger = Chip({})
    board.bus.attach(0x33, stranger)
    scan(machine, KNOWN, FakeClock())
    assert stranger.written == []
    assert 0x33 not in {each["address"] for each in scan(machine, KNOWN, FakeClock())}


def test_a_strapped_converter_is_told_apart_from_the_expected_place() -> None:
    machine, board = hardware("rak7391-c")
    board.bus.detach(0x4B)
    board.bus.attach(0x48, board.converter)
    found = {each["address"]: each for each in scan(machine, KNOWN, FakeClock())}
    assert "expected at 0x4b" in str(found[0x48]["note"])


class AtTheConverter(SixteenLines):
    """A module whose chip has the converter's address as delivered."""

    product = Product("RAK16001", "8 inputs", "interface", (1, 2), "x.svg", "https://example.org")
    expander = chip(lambda *_: object(), "ADS7830", 0x48, (0x49,))


def test_a_clash_of_addresses_is_told_before_it_happens() -> None:
    machine, _ = hardware("rak6421-va")
    known = registry.Catalogue({"RAK16001": AtTheConverter}, {}, {}, "")
    found = {each["address"]: each for each in scan(machine, known, FakeClock())}
    assert "RAK16001, as delivered, would clash" in str(found[0x48]["note"])
    assert found[0x48]["clashes"] == ["RAK16001"]
    assert found[0x48]["warnings"] == []


def test_two_modules_that_want_one_address_are_told_by_name() -> None:
    """The RAK14003 has its MCP23017 at 0x24, where the PN532 of a RAK13600 has its only address."""
    machine, board = hardware("rak7391-c")
    board.plug("RAK14003", 1)
    (entry,) = [each for each in scan(machine, load(), FakeClock()) if each["address"] == 0x24]
    assert entry["chip"] == "MCP23017"
    assert entry["clashes"] == ["RAK13600"]
    assert "RAK13600, as delivered, would clash" in str(entry["note"])


def test_a_chip_that_is_not_the_expected_one_is_warned_of() -> None:
    machine, board = hardware("rak7391-c")
    board.plug("RAK14003", 1)
    wrong = ChipInUse(0x24, "PN532", "RAK13600", 2)
    found = {each["address"]: each for each in scan(machine, load(), FakeClock(), in_use=[wrong])}
    assert found[0x24]["in_use"] == [{"module": "RAK13600", "slot": 2}]
    assert found[0x24]["clashes"] == [], "it is there already"
    (warning,) = cast("list[str]", found[0x24]["warnings"])
    assert "RAK13600 in slot 2 expects its PN532 at 0x24, but an MCP23017 answers" in warning
    assert found[0x26]["in_use"] == found[0x26]["warnings"] == []


def test_the_chip_that_was_expected_is_nothing_to_warn_of() -> None:
    machine, board = hardware("rak7391-c")
    board.plug("RAK14003", 1)
    right = ChipInUse(0x24, "MCP23017", "RAK14003", 1)
    found = {each["address"]: each for each in scan(machine, load(), FakeClock(), in_use=[right])}
    assert found[0x24]["in_use"] == [{"module": "RAK14003", "slot": 1}]
    assert found[0x24]["warnings"] == []


@pytest.mark.parametrize(("volts", "confidence"), [(0.0, "low"), (0.4, "medium")])
def test_a_converter_without_registers_is_not_taken_for_the_boards_kind(
    volts: float, confidence: str
) -> None:
    """An ADS7830 with quiet inputs answers the same to every pointer: registers seem to repeat."""
    machine, board = hardware("rak7391-c")
    board.plug("RAK16001", 1)
    first, *others = [each.name for each in board.quantities(1) if each.set]
    for name in others:
        board.set(1, name, 0.0)
    board.set(1, first, volts)
    found = {each["address"]: each for each in scan(machine, load(), FakeClock())}
    assert found[0x48]["chip"] == "ADS7830"
    assert found[0x48]["confidence"] == confidence
    assert found[0x4B]["chip"] == "SGM58031"


@pytest.mark.parametrize("key", ["rak7391-b", "rak6421-va"])
def test_the_boards_ads1115_is_still_known(key: str) -> None:
    machine, _ = hardware(key)
    found = {each["address"]: each for each in scan(machine, load(), FakeClock())}
    assert (found[0x48]["chip"], found[0x48]["confidence"]) == ("ADS1115", "medium")


def test_an_address_of_the_configuration_is_looked_at_too() -> None:
    machine, board = hardware("rak7391-c")
    board.bus.attach(0x33, mcp23017())
    strapped = ChipInUse(0x33, "MCP23017", "RAK13003", 2)
    found = {each["address"]: each for each in scan(machine, KNOWN, FakeClock(), in_use=[strapped])}
    assert (found[0x33]["chip"], found[0x33]["modules"]) == ("MCP23017", ["RAK13003"])


def test_the_oldest_expander_is_never_written_to() -> None:
    machine, board = hardware("rak7391-a")
    raw = Chip({0: 0x5A, 1: 0x5A, 2: 0x5A})
    raw.read = lambda length: bytes((1, 2, 3))[:] * (length // 3)  # type: ignore[method-assign]
    board.bus.detach(0x20)
    board.bus.attach(0x20, raw)
    found = {each["address"]: each for each in scan(machine, KNOWN, FakeClock())}
    assert found[0x20]["chip"] == "PI4IOE5V96224"
    assert raw.written == []


def test_the_oldest_expander_is_not_written_to_on_a_board_taken_for_another() -> None:
    raw = Chip({})
    raw.read = lambda length: bytes((1, 2, 3)) * (length // 3)  # type: ignore[method-assign]
    found = scanned("rak7391-c", at_20=raw)
    assert found[0x20]["chip"] == "PI4IOE5V96224"
    assert "board.variant" in str(found[0x20]["note"])
    assert raw.written == []


def test_one_broken_transfer_does_not_end_a_scan() -> None:
    machine, board = hardware("rak7391-c")
    board.bus.fail(0x26, Fault(FaultKind.EIO))
    found = {each["address"]: each for each in scan(machine, KNOWN, FakeClock())}
    assert found[0x26]["chip"] == ""
    assert 0x4B in found


def test_a_stuck_bus_ends_a_scan() -> None:
    machine, board = hardware("rak7391-c")
    board.bus.fail(0x26, Fault(FaultKind.STUCK))
    with pytest.raises(BusError) as caught:
        scan(machine, KNOWN, FakeClock())
    assert caught.value.fault is BusFault.TIMEOUT


def test_an_expander_and_other_chips_are_told_apart() -> None:
    clock = FakeClock()
    bus = board_bus("rak7391-c")
    bus.attach(0x20, mcp23017())
    bus.attach(0x2F, Chip({0xFD: 0x36, 0xFE: 0x5D}))
    expander, fan_controller = identifier("TPT29555"), identifier("EMC2301")
    assert expander is not None
    assert fan_controller is not None
    assert expander(bus, 0x26, clock).chip == "TPT29555"
    assert expander(bus, 0x20, clock).chip == ""
    assert fan_controller(bus, 0x2F, clock).chip == ""
    assert identifier("SX1262") is None  # it is not on an I2C bus


def test_a_measurement_that_is_under_way_does_not_see_the_scan() -> None:
    """Its results carry no register's number: a stranger's pointer would make settings of them."""
    board_hardware, board = hardware("rak7391-c")
    board.slots[1].analog("AIN1").connect(lambda: 1.5)
    converter = board_hardware.converter()
    found: list[list[dict[str, object]]] = []
    looks = iter(range(1000))

    def look() -> None:
        found.append(scan(board_hardware, registry.load()))

    def proceed() -> None:
        if next(looks) == 20:
            threads.append(threading.Thread(target=look))
            threads[0].start()
            # It runs until it has to wait for the converter, or to its end.
            while threads[0].is_alive() and not cast("ADS1115", converter)._lock.contended:
                pass

    threads: list[threading.Thread] = []
    measured = converter.sample(1, 0.1, proceed)
    threads[0].join(30)
    assert {each.volts for each in measured} == {1.5}
    assert 0x4B in [each["address"] for each in found[0]]
