"""The emulated board and its back door."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from tests.bridge.rig import Rig
from tests.cases import for_each
from tests.fake_clock import FakeClock

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.boards.rak6421 import REVISION_VB
from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus, Fault, FaultKind
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.emulation.registry import EmulatedProducts
from wisblock_bridge.errors import BusError, InUseError
from wisblock_bridge.module_api.emulated import DemoWave

A = b"a"


def listed(rig: Rig, slot: int | str) -> dict[str, dict[str, Any]]:
    return {each["quantity"]: each for each in rig.result(A, "emulator.list", slot=slot)}


def test_an_empty_slot_takes_the_first_module_asked_for(rig: Rig) -> None:
    assert rig.ask(A, "emulator.list", slot=1)["error"]["code"] == "not_ready"
    rig.invoke(A, "RAK5801", 1, "read", samples=1)
    assert set(listed(rig, 1)) == {"current"}
    assert listed(rig, 1)["current"] == {
        "quantity": "current",
        "unit": "milliampere",
        "low": 0.0,
        "high": 22.0,
        "tolerance": 0.000834,
        "writable": True,
        "control": "slider",
        "value": 12.0,
    }
    rig.result(A, "release", module="RAK5801", slot=1)
    rig.invoke(A, "RAK5811", 1, "read", samples=1)
    assert set(listed(rig, 1)) == {"voltage"}


def test_what_was_plugged_in_by_hand_stays(rig: Rig) -> None:
    assert rig.result(A, "emulator.plug", slot=1, module="RAK5811") == {
        "slot": 1,
        "module": "RAK5811",
    }
    rig.result(A, "emulator.set", slot=1, quantity="voltage", value=5.0)
    reading = rig.invoke(A, "RAK5801", 1, "read", samples=1)
    assert reading["current"] == pytest.approx(3.0 / 149.9 * 1000, abs=0.001)
    assert rig.ask(A, "emulator.plug", slot=1, module="RAK5801")["error"]["code"] == "slot_conflict"


def test_unplugged_and_plugged_again(rig: Rig) -> None:
    rig.invoke(A, "RAK5801", 1, "read", samples=1)
    assert rig.result(A, "emulator.unplug", slot=1) == {"slot": 1, "module": None}
    reading = rig.invoke(A, "RAK5801", 1, "read", samples=1)
    assert (reading["current"], reading["loop"]) == (pytest.approx(0.0, abs=0.001), "open")
    rig.result(A, "emulator.plug", slot=1, module="RAK5801")
    assert rig.invoke(A, "RAK5801", 1, "read", samples=1)["current"] == pytest.approx(
        12.0, abs=0.001
    )


def test_plugging_refuses_nonsense(rig: Rig) -> None:
    for method, params in (
        ("emulator.plug", {"slot": 1, "module": "RAK99999"}),
        ("emulator.plug", {"slot": "board", "module": "RAK5801"}),
        ("emulator.plug", {"slot": 3, "module": "RAK5801"}),
        ("emulator.unplug", {"slot": 1, "module": "RAK5801"}),
        ("emulator.unplug", {"slot": 3}),
    ):
        assert rig.ask(A, method, **params)["error"]["code"] == "bad_params"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("nack", "no_device"),
        ("eio", "bus_error"),
        ("stuck", "timeout"),
        ("checksum", "checksum"),
        ("slow", "no_device"),
    ],
)
def test_the_line_of_a_serial_module_fails(rig: Rig, kind: str, code: str) -> None:
    def read() -> str:
        rig.clock.advance(5.0)  # what was late has come and gone
        number = rig.send_invoke(A, "RAK5802", 1, "read_coils", unit=42, retries=0)
        return rig.code(A, number)

    assert read() == "ok"
    reply = rig.result(A, "emulator.fault", slot=1, kind=kind, count=2)
    assert reply == {"addresses": [], "devices": ["/dev/ttyUSB0"]}
    assert [read(), read(), read()] == [code, code, "ok"]
    rig.result(A, "emulator.fault", slot=1, kind=kind, for_ms=9000)
    assert [read(), read()] == [code, "ok"]
    rig.result(A, "emulator.fault", slot=1, kind=kind)
    assert [read(), read(), read()] == [code] * 3
    rig.result(A, "emulator.fault", slot=1, kind=kind, count=0)
    assert read() == "ok"


@pytest.mark.parametrize("kind", ["nack", "eio", "stuck"])
def test_the_chip_select_of_a_radio_fails(rig: Rig, kind: str) -> None:
    """Nobody acknowledges on SPI: all ones and all zeros are what an empty place reads as."""
    rig.result(A, "emulator.plug", slot=2, module="RAK13300")
    rig.invoke(A, "RAK13300", 2, "configure", region="EU868")
    reply = rig.result(A, "emulator.fault", slot=2, kind=kind)
    assert reply == {"addresses": [], "devices": ["/dev/spidev0.1"]}
    error = rig.refused(A, "RAK13300", 2, "rssi")
    assert error["code"] in {"no_device", "bus_error", "timeout"}
    assert error["where"].startswith("RAK13300 in slot 2")
    assert error["hint"]
    rig.result(A, "emulator.fault", slot=2, kind=kind, count=0)
    assert rig.invoke(A, "RAK13300", 2, "rssi")["rssi"] < 0


def test_a_fault_hits_the_address_that_is_configured() -> None:
    """ADS7830: 0x48 as delivered, which is the board's own converter on a RAK6421."""
    with Rig(REVISION_VB, addresses={(1, "ADS7830"): 0x4A}) as rig:
        rig.result(A, "emulator.plug", slot=1, module="RAK16001")
        answer = rig.result(A, "emulator.fault", slot=1, kind="nack")
        assert answer == {"addresses": [0x4A]}
        assert rig.refused(A, "RAK16001", 1, "read")["code"] == "no_device"
        rig.invoke(A, "ADC", "board", "read", channel=0)


def test_a_fault_of_a_module_that_has_lines_only_is_one_of_their_expander(rig: Rig) -> None:
    """A relay of a RAK7391 hangs on the expander at 0x26."""
    rig.invoke(A, "RAK13007", 1, "set", on=False)
    assert rig.result(A, "emulator.fault", slot=1, kind="nack") == {"addresses": [0x26]}
    assert rig.refused(A, "RAK13007", 1, "set", on=True)["code"] == "no_device"


@pytest.mark.parametrize(
    "value", [None, "x", b"x", [], {}, True, float("nan"), float("inf"), [[1]] * 9, "x" * 100_000]
)
def test_a_quantity_takes_numbers(rig: Rig, value: object) -> None:
    rig.result(A, "emulator.plug", slot=1, module="RAK5801")
    error = rig.ask(A, "emulator.set", slot=1, quantity="current", value=value)["error"]
    assert error["code"] == "bad_params"
    assert error["data"] == {"param": "value"}
    assert len(error["message"]) < 1200
    assert rig.result(A, "emulator.get", slot=1, quantity="current")["value"] == 12.0


def test_quantities_that_are_not_there(rig: Rig) -> None:
    for method, more in (("emulator.get", {}), ("emulator.set", {"value": 1})):
        error = rig.ask(A, method, slot="board", quantity="nonsense", **more)["error"]
        assert error["code"] == "bad_params"
        assert "voltage_0" in error["data"]["allowed"]


def test_the_world_at_the_pins(rig: Rig) -> None:
    rig.result(A, "emulator.set", slot="board", quantity="slots_3", value=0)
    assert rig.invoke(A, "TPT29555", "board", "read", expander="slots", line=3) == {"level": 0}
    rig.result(A, "emulator.set", slot="board", quantity="slots_3", value=-1)
    assert rig.invoke(A, "TPT29555", "board", "read", expander="slots", line=3) == {"level": 1}
    rig.invoke(A, "TPT29555", "board", "write", expander="board", line=7, level=0)
    assert rig.result(A, "emulator.get", slot="board", quantity="board_7")["value"] == 0
    for value in (2, "1", None, 0.5):
        error = rig.ask(A, "emulator.set", slot="board", quantity="slots_3", value=value)["error"]
        assert error["code"] == "bad_params"


def test_faults_over_the_wire(rig: Rig) -> None:
    def read() -> str:
        return rig.code(A, rig.send_invoke(A, "RAK5801", 1, "read", samples=1))

    assert read() == "ok"
    assert rig.result(A, "emulator.fault", slot=1, kind="nack", count=2) == {"addresses": [0x4B]}
    assert [read(), read(), read()] == ["no_device", "no_device", "ok"]
    rig.result(A, "emulator.fault", bus="i2c-1", address=0x26, kind="eio")
    assert rig.refused(A, "TPT29555", "board", "read", expander="slots", line=1)["code"] == (
        "bus_error"
    )
    rig.result(A, "emulator.fault", address=0x26, kind="eio", count=0)
    rig.invoke(A, "TPT29555", "board", "read", expander="slots", line=1)
    rig.result(A, "emulator.fault", slot=1, kind="stuck", for_ms=1000)
    assert read() == "timeout"
    rig.clock.advance(1.1)
    assert read() == "ok"
    addresses = rig.result(A, "emulator.fault", slot="board", kind="slow", count=1)["addresses"]
    assert addresses == [0x26, 0x27, 0x4B]


@for_each(
    "params",
    [
        {"kind": "nack"},
        {"kind": "melt", "slot": 1},
        {"slot": 1},
        {"kind": "nack", "address": 0x07},
        {"kind": "nack", "address": 0x78},
        {"kind": "nack", "address": 0x26, "bus": "i2c-9"},
        {"kind": "nack", "slot": 1, "count": -1},
        {"kind": "nack", "slot": 1, "for_ms": -1},
        {"kind": "nack", "slot": 1, "for_ms": float("nan")},
        {"kind": "nack", "slot": 1, "more": 1},
    ],
)
def test_faults_refuse_nonsense(rig: Rig, params: dict[str, Any]) -> None:
    assert rig.ask(A, "emulator.fault", **params)["error"]["code"] == "bad_params"
    rig.invoke(A, "RAK5801", 1, "read", samples=1)


def test_demo_mode_swings_until_a_value_is_set() -> None:
    clock = FakeClock(0.0)
    wave = DemoWave(12.0, 4.0, 20.0, clock, 10.0)
    values = []
    for _ in range(100):
        values.append(wave.get())
        clock.advance(0.1)
    assert min(values) == pytest.approx(4.0, abs=0.1)
    assert max(values) == pytest.approx(20.0, abs=0.1)
    assert max(abs(a - b) for a, b in itertools.pairwise(values)) < 0.6
    wave.set(7)
    clock.advance(3.0)
    assert wave.get() == 7.0
    assert DemoWave(12.0, 4.0, 20.0, clock).get() == 12.0


@for_each("board", BOARDS.values(), ids=BOARDS)
def test_every_board_can_be_emulated(board: Any) -> None:
    clock = FakeClock()
    made = EmulatedBoard(board, clock)
    assert board.converter.address in made.bus.addresses
    assert len([each for each in made.quantities("board") if each.unit == "volt"]) == 4
    plugged = 0
    for slot in (1, 2):
        for product in EmulatedProducts():
            on_bus = made.bus.addresses
            try:
                made.plug(product, slot)
            except InUseError as error:  # as on the bench: two chips at one address
                assert "two emulated devices at 0x" in error.message  # noqa: PT017
                assert (made.plugged(slot), made.bus.addresses) == (None, on_bus)
                continue
            plugged += 1
            assert made.plugged(slot) == product
            quantities = made.quantities(slot)
            assert quantities
            for each in quantities:
                assert each.low <= each.high
                assert each.tolerance >= 0
                each.get()
            made.unplug(slot)
            assert (made.plugged(slot), made.bus.addresses) == (None, on_bus)
            made.ask_for(product, slot)
            assert made.plugged(slot) is None, "a slot emptied by hand stays empty"
    assert plugged >= len(EmulatedProducts())


# -- the bus ----------------------------------------------------------------------------------


class Memory:
    """One byte."""

    def __init__(self) -> None:
        self.value = 7

    def write(self, data: bytes) -> None:
        self.value = data[0]

    def read(self, length: int) -> bytes:
        return bytes((self.value,)) * length


def made_bus(clock: FakeClock) -> EmulatedI2CBus:
    bus = EmulatedI2CBus("i2c-1", clock)
    bus.attach(0x11, Memory())
    return bus


def test_a_bus_delivers_and_counts(clock: FakeClock) -> None:
    bus = made_bus(clock)
    assert bus.transfer(0x11, Write(b"\x05"), Read(2)) == b"\x05\x05"
    assert bus.transactions == 1
    with pytest.raises(BusError, match=r"No answer\.") as caught:
        bus.transfer(0x12, Read(1))
    assert (caught.value.code, caught.value.where) == ("no_device", "0x12 on i2c-1")
    with pytest.raises(ValueError, match="two emulated devices"):
        bus.attach(0x11, Memory())
    bus.detach(0x11)
    assert bus.addresses == ()


def test_faults_skip_count_and_end(clock: FakeClock) -> None:
    bus = made_bus(clock)

    def works() -> bool:
        try:
            bus.transfer(0x11, Read(1))
        except BusError:
            return False
        return True

    bus.fail(0x11, Fault(FaultKind.EIO, skip=2, count=3))
    assert [works() for _ in range(7)] == [True, True, False, False, False, True, True]
    bus.fail(0x11, Fault(FaultKind.STUCK, until=clock.monotonic() + 1.0))
    assert not works()
    clock.advance(1.0)
    assert works()
    bus.fail(0x11, Fault(FaultKind.NACK))
    assert [works() for _ in range(3)] == [False] * 3
    bus.fail(0x11, None)
    assert works()
    bus.fail(0x11, Fault(FaultKind.SLOW, count=1))
    assert works()
    assert clock.sleeps == [0.05]
