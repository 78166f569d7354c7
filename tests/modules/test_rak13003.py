"""RAK13003: pins do what they are told, never something else in between, and end as inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.rig import Rig
from tests.cases import for_each
from tests.chips.transactions import each_failure
from tests.modules.i2c_slot import I2CSlot, NoTimers, refusal

from wisblock_bridge.boards.rak6421 import REVISION_VA, REVISION_VB
from wisblock_bridge.boards.rak7391 import GENERATION_A, GENERATION_B, GENERATION_C
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.errors import BadParamsError, BusError
from wisblock_bridge.module_api import Quality, Result
from wisblock_bridge.modules.rak13003 import RAK13003

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.boards.board import BoardSpec

CHIP = "MCP23017"


class Plugged(I2CSlot):
    """A RAK13003 in slot 1, opened unless a test wants to do that itself."""

    def __init__(
        self, spec: BoardSpec = GENERATION_C, slot: int = 1, *, opened: bool = True
    ) -> None:
        super().__init__(RAK13003, spec, slot)
        self.module = RAK13003(self.parts, self.clock, NoTimers())
        self.history: list[tuple[int, int]] = []
        for number, wire in enumerate(self.emulated.wires):
            wire.listen(self._note(number))
        if opened:
            self.module.open()

    def _note(self, number: int) -> Callable[[int], None]:
        return lambda level: self.history.append((number, level))

    def drives_pin(self, number: int) -> int | None:
        level: int | None = self.emulated.wires[number].driver_of(CHIP)
        return level

    @property
    def driven(self) -> dict[int, int]:
        """Pin to level, of all pins that the chip drives."""
        levels = ((number, self.drives_pin(number)) for number in range(16))
        return {number: level for number, level in levels if level is not None}

    @property
    def of_driven(self) -> list[tuple[int, int]]:
        """The history of the pins that ``leave_driving`` drives; others float or are pulled."""
        return [each for each in self.history if each[0] in {0, 9}]

    def restart(self) -> None:
        """Power-up state, nothing fails, the module as new."""
        self.mend()
        self.emulated.silicon.power_cycle()
        self.module = RAK13003(self.parts, self.clock, NoTimers())
        self.module.open()
        self.history.clear()


@pytest.fixture
def plugged() -> Plugged:
    return Plugged()


def leave_driving(plugged: Plugged, *, banked: bool = False) -> None:
    """Leave the chip as a crashed program might: pins 0 and 9 driven, pull-ups on, inverted."""
    write = plugged.emulated.silicon.write
    write(bytes.fromhex("14 01 02"))
    write(bytes.fromhex("00 FE FD"))
    write(bytes.fromhex("0C F0 F0"))
    write(bytes.fromhex("02 FF FF"))
    if banked:
        write(bytes.fromhex("0A A0"))
    assert plugged.driven == {0: 1, 9: 1}


# -- opening and closing ------------------------------------------------------------------------


@pytest.mark.parametrize("banked", [False, True])
def test_open_makes_inputs_of_what_an_earlier_program_left(*, banked: bool) -> None:
    plugged = Plugged(opened=False)
    leave_driving(plugged, banked=banked)
    plugged.history.clear()
    plugged.module.open()
    assert plugged.driven == {}
    assert plugged.of_driven == [(0, 0), (9, 0)]  # let go, once, and nothing in between
    for name in ("IPOL", "GPPU", "GPINTEN", "IOCON"):
        assert [plugged.emulated.silicon.register(name, port) for port in (0, 1)] == [0, 0]


@for_each("spec", [GENERATION_C, REVISION_VA, REVISION_VB])
@for_each("slot", [1, 2])
def test_io4_is_left_alone(spec: BoardSpec, slot: int) -> None:
    """The reset is on pin 13 of the connector: IO4 is not connected and not held."""
    plugged = Plugged(spec, slot)
    assert plugged.drives("IO4") is None
    assert plugged.module.read_all().values == {"levels": 0, "directions": 0}
    plugged.module.close()
    assert plugged.drives("IO4") is None
    needs = RAK13003.description.needs.values()
    assert not any(getattr(need, "pin", "") == "IO4" for need in needs)


def test_open_frees_the_interrupt_lines(plugged: Plugged) -> None:
    plugged.board.expanders["slots"].write(bytes.fromhex("02 9F"))
    plugged.board.expanders["slots"].write(bytes.fromhex("06 9F"))  # IO5 and IO6 driven low
    plugged.hardware.controller("slots").close()
    assert plugged.wire("IO6").conflict
    plugged.module.open()
    assert (plugged.drives("IO5"), plugged.drives("IO6")) == (None, None)
    assert (plugged.wire("IO5").level(), plugged.wire("IO6").level()) == (1, 1)


def test_close_makes_inputs(plugged: Plugged) -> None:
    plugged.module.write(3, 1)
    plugged.module.configure(4, "input", pull_up=True)
    plugged.module.close()
    assert plugged.driven == {}
    assert [plugged.emulated.silicon.register("GPPU", port) for port in (0, 1)] == [0, 0]


def test_without_the_bus_nothing_makes_inputs_and_nothing_says_so(plugged: Plugged) -> None:
    plugged.module.write_all(0xFFFF, 0xAAAA)
    plugged.board.bus.fail(0x20, Fault(FaultKind.NACK))
    with pytest.raises(BusError):
        plugged.module.close()
    assert len(plugged.driven) == 16
    plugged.board.bus.fail(0x20, None)
    plugged.module.open()
    plugged.module.close()
    assert plugged.driven == {}


# -- what it does -------------------------------------------------------------------------------


def test_documented_bytes_of_an_output_that_goes_high(plugged: Plugged) -> None:
    plugged.module.write(0, 1)
    registers = plugged.emulated.silicon.register
    assert (registers("OLAT", 0), registers("IODIR", 0)) == (0x01, 0xFE)
    assert (registers("OLAT", 1), registers("IODIR", 1)) == (0x00, 0xFF)


def test_writing_makes_an_output_without_a_glitch(plugged: Plugged) -> None:
    plugged.module.configure(0, "input", pull_up=True)
    plugged.history.clear()
    assert plugged.module.write(0, 1).values == {"level": 1}
    assert plugged.history == []
    assert plugged.module.write(0, 0).values == {"level": 0}
    assert plugged.module.write(0, 1).values == {"level": 1}
    assert plugged.module.write_all(0x0003, 0x0003).values == {"levels": 0x0003}
    assert plugged.history == [(0, 0), (0, 1), (1, 1)]


@pytest.mark.parametrize("pin", range(16))
def test_every_pin_by_itself(plugged: Plugged, pin: int) -> None:
    assert plugged.module.write(pin, 1).values == {"level": 1}
    assert plugged.driven == {pin: 1}
    assert plugged.module.toggle(pin).values == {"level": 0}
    assert plugged.driven == {pin: 0}
    assert plugged.module.read_all().values == {"levels": 0, "directions": 1 << pin}
    plugged.module.configure(pin, "input")
    assert plugged.driven == {}
    plugged.set(f"level_{pin}", 1)
    assert plugged.module.read(pin).values == {"level": 1}
    plugged.set(f"level_{pin}", 0)
    assert plugged.module.read(pin).values == {"level": 0}


@pytest.mark.parametrize("levels", [0x0000, 0x0001, 0x8000, 0xA55A, 0xFFFF])
def test_round_trip_of_all_levels(plugged: Plugged, levels: int) -> None:
    plugged.set("levels", levels)
    readings = plugged.module.read_all()
    assert readings.values == {"levels": levels, "directions": 0}
    assert readings.quality is Quality.GOOD
    assert readings.timestamp_ms == plugged.clock.timestamp_ms()


def test_write_all_changes_what_the_mask_says_and_nothing_else(plugged: Plugged) -> None:
    plugged.module.write(2, 1)
    plugged.module.write(12, 1)
    plugged.history.clear()
    readings = plugged.module.write_all(0x0F01, 0xF5FF)
    assert plugged.driven == {2: 1, 12: 1, 0: 1, 8: 1, 9: 0, 10: 1, 11: 0}
    assert readings.values == {"levels": 0x1505}
    assert sorted(plugged.history) == [(0, 1), (8, 1), (10, 1)]


def test_configure(plugged: Plugged) -> None:
    assert plugged.module.configure(5, "output").values == {"direction": "output", "level": 0}
    assert plugged.driven == {5: 0}
    plugged.module.write(5, 1)
    assert plugged.module.configure(5, "input").values == {"direction": "input", "level": 0}
    assert plugged.module.configure(5, "input", pull_up=True).values == {
        "direction": "input",
        "level": 1,
    }
    assert plugged.module.configure(5, "output").values["level"] == 1  # what it had last


@pytest.mark.parametrize("pin", [7, 15])
def test_pins_that_newer_datasheets_call_outputs_only(plugged: Plugged, pin: int) -> None:
    readings = plugged.module.configure(pin, "input")
    assert readings.quality is Quality.UNCERTAIN
    assert f"Pin {pin}" in readings.note
    assert plugged.module.configure(pin, "output").quality is Quality.GOOD


def test_toggling_an_input_makes_an_output_of_it(plugged: Plugged) -> None:
    plugged.emulated.wires[6].pull = 1
    assert plugged.module.toggle(6).values == {"level": 0}
    assert plugged.driven == {6: 0}


def test_a_pin_that_does_not_follow_is_told_and_toggles_all_the_same(plugged: Plugged) -> None:
    plugged.set("level_4", 0)  # a short to ground
    readings = plugged.module.write(4, 1)
    assert readings.values == {"level": 0}
    assert readings.quality is Quality.UNCERTAIN
    assert "pin 4" in readings.note
    readings = plugged.module.write_all(0x0030, 0x0030)
    assert readings.values == {"levels": 0x0020}
    assert "pin 4" in readings.note
    assert "pin 5" not in readings.note
    plugged.module.toggle(4)
    assert plugged.drives_pin(4) == 0  # by its latch, not by what it reads


def test_reset_makes_everything_as_after_power_up(plugged: Plugged) -> None:
    plugged.module.write_all(0x0F0F, 0xFFFF)
    plugged.module.configure(4, "input", pull_up=True)
    assert plugged.module.reset().values == {"levels": 0}
    assert plugged.driven == {}
    assert plugged.module.read_all().values == {"levels": 0, "directions": 0}


def test_what_is_refused_before_anything_is_sent() -> None:
    operation = RAK13003.description.operations["configure"]
    assert operation.check is not None
    with pytest.raises(BadParamsError, match="pull-up is for inputs"):
        operation.check(operation.struct(pin=1, direction="output", pull_up=True))
    operation.check(operation.struct(pin=1, direction="input", pull_up=True))
    operation.check(operation.struct(pin=1, direction="output"))


def test_outputs_and_what_overtakes() -> None:
    operations = RAK13003.description.operations
    for name in ("configure", "write", "toggle"):
        assert operations[name].output({"pin": 7}) == "pin/7"
    assert operations["write_all"].output({"mask": 3, "levels": 0}) == "pins/3"
    assert [name for name, each in operations.items() if each.urgent] == ["reset"]
    assert operations["reset"].output({}) == "*"


# -- lost clients -------------------------------------------------------------------------------


def test_make_safe_lets_go_of_what_that_output_drove_last(plugged: Plugged) -> None:
    module = plugged.module
    module.write(1, 1)
    module.write(2, 1)
    module.write_all(0x000C, 0x000C)  # takes pin 2 over
    module.make_safe("pin/2")
    assert plugged.driven == {1: 1, 2: 1, 3: 1}
    module.make_safe("pins/12")
    assert plugged.driven == {1: 1}
    module.make_safe("*")
    assert plugged.driven == {1: 1}
    module.make_safe("pin/1")
    assert plugged.driven == {}
    before = plugged.bus.count
    module.make_safe("pin/1")
    module.make_safe("pin/14")
    assert plugged.bus.count == before


def test_a_lost_client_and_one_that_stays() -> None:
    with Rig() as rig:
        rig.invoke(b"lost", "RAK13003", 1, "write", pin=3, level=1)
        rig.invoke(b"lost", "RAK13003", 1, "write", pin=4, level=1, on_loss="hold")
        rig.advance(3.0)
        rig.invoke(b"stays", "RAK13003", 1, "write", pin=5, level=1)
        rig.advance(3.0)
        assert rig.result(b"stays", "emulator.get", slot=1, quantity="levels")["value"] == 0x30
        directions = rig.result(b"stays", "emulator.get", slot=1, quantity="directions")
        assert directions["value"] == 0x30
        rig.result(b"stays", "release", module="RAK13003", slot=1, force=True)
        directions = rig.result(b"stays", "emulator.get", slot=1, quantity="directions")
        assert directions["value"] == 0


# -- failures -----------------------------------------------------------------------------------


def test_a_breakdown_of_the_supply_is_told_until_the_pin_is_written(plugged: Plugged) -> None:
    module = plugged.module
    module.configure(0, "input", pull_up=True)
    module.write(3, 1)
    module.write(9, 1)
    plugged.emulated.silicon.power_cycle()
    readings = module.read(0)
    assert readings.values == {"level": 1}  # its pull-up is back
    assert readings.quality is Quality.GOOD
    assert plugged.driven == {}
    readings = module.read_all()
    assert readings.values == {"levels": 1, "directions": 0}
    assert readings.quality is Quality.UNCERTAIN
    assert "pins 3, 9" in readings.note
    assert "pin 9" in module.read(9).note
    assert module.write(3, 1).values == {"level": 1}
    assert plugged.driven == {3: 1}
    assert "pin 9" in module.read_all().note
    module.configure(9, "input")
    assert module.read_all().quality is Quality.GOOD


def test_pull_ups_come_back_as_long_as_the_pin_is_an_input(plugged: Plugged) -> None:
    module = plugged.module
    for pin in (0, 1):
        module.configure(pin, "input", pull_up=True)
    module.write(0, 0)
    module.open()  # after a failure of the bus, say
    assert module.read_all().values["levels"] == 0b10
    plugged.emulated.silicon.power_cycle()
    assert module.read_all().values["levels"] == 0b10
    module.reset()
    module.open()
    assert module.read_all().values["levels"] == 0


def test_a_breakdown_that_a_look_out_finds(plugged: Plugged) -> None:
    watch = plugged.module.changed([3])
    plugged.module.write(3, 1)
    assert [each.values for each in watch.look()] == [{"pin": 3, "level": 1}]
    plugged.emulated.silicon.power_cycle()
    (readings,) = watch.look()
    assert readings.values == {"pin": 3, "level": 0}
    assert readings.quality is Quality.UNCERTAIN
    assert "pin 3" in readings.note


ACTIONS: dict[str, Callable[[RAK13003], Result]] = {
    "configure input": lambda module: module.configure(1, "input", pull_up=True),
    "configure output": lambda module: module.configure(1, "output"),
    "read": lambda module: module.read(9),
    "read_all": lambda module: module.read_all(),
    "write": lambda module: module.write(1, 1),
    "write again": lambda module: module.write(9, 0),
    "write_all": lambda module: module.write_all(0x0303, 0x0101),
    "toggle": lambda module: module.toggle(9),
    "reset": lambda module: module.reset(),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_each_failure_is_told_and_what_follows_works(plugged: Plugged, name: str) -> None:
    def reset() -> None:
        plugged.restart()
        plugged.module.write(9, 1)

    def act() -> None:
        ACTIONS[name](plugged.module)

    for number, error in each_failure(plugged.bus, act, reset):
        assert error.where, number
        plugged.module.open()  # as the worker does
        assert plugged.driven == {}, number
        assert plugged.module.write(2, 1).values == {"level": 1}, number
        assert plugged.module.write(9, 1).values == {"level": 1}, number
        assert plugged.driven == {2: 1, 9: 1}, number


def test_each_failure_of_open(plugged: Plugged) -> None:
    def reset() -> None:
        plugged.restart()
        leave_driving(plugged)
        plugged.history.clear()

    for number, _ in each_failure(plugged.bus, plugged.module.open, reset):
        plugged.module.open()
        assert plugged.driven == {}, number
        assert plugged.of_driven == [(0, 0), (9, 0)], number
        assert plugged.module.write(2, 1).values == {"level": 1}, number


def test_each_failure_of_make_safe(plugged: Plugged) -> None:
    def reset() -> None:
        plugged.restart()
        plugged.module.write(9, 1)

    for number, _ in each_failure(plugged.bus, lambda: plugged.module.make_safe("pin/9"), reset):
        plugged.module.open()
        plugged.module.make_safe("pin/9")
        assert plugged.driven == {}, number
        assert plugged.module.read_all().quality is Quality.GOOD, number


def test_each_failure_of_close(plugged: Plugged) -> None:
    def reset() -> None:
        plugged.restart()
        plugged.module.write(9, 1)

    for number, _ in each_failure(plugged.bus, plugged.module.close, reset):
        plugged.module.open()
        plugged.module.close()
        assert plugged.driven == {}, number


# -- events -------------------------------------------------------------------------------------


def test_changes(plugged: Plugged) -> None:
    watch = plugged.module.changed([8, 0, 8], 20)
    assert watch.interval_s == 0.02
    assert [each.values for each in watch.look()] == [
        {"pin": 8, "level": 0},
        {"pin": 0, "level": 0},
    ]
    assert watch.look() == []
    plugged.set("level_8", 1)
    plugged.set("level_1", 1)
    assert [each.values for each in watch.look()] == [{"pin": 8, "level": 1}]
    everything = plugged.module.changed()
    assert [each.values["pin"] for each in everything.look()] == list(range(16))


def pulse(plugged: Plugged, *pins: int, rest: int = 0) -> None:
    """Something shorter than any look: the pins are again as they were."""
    for level in (1 - rest, rest):
        for pin in pins:
            plugged.set(f"level_{pin}", level)


def seen(watch: Any) -> list[tuple[object, object]]:
    return [(each.values["pin"], each.values["level"]) for each in watch.look()]


@pytest.mark.parametrize("rest", [0, 1])
@pytest.mark.parametrize("pin", [0, 6, 8, 15])
def test_a_pulse_between_two_looks_is_reported(plugged: Plugged, pin: int, rest: int) -> None:
    plugged.set(f"level_{pin}", rest)
    watch = plugged.module.changed([pin, 3])
    assert seen(watch) == [(pin, rest), (3, 0)]
    for _ in range(3):
        plugged.clock.advance(0.01)
        pulse(plugged, pin, rest=rest)
        plugged.clock.advance(0.002)
        assert seen(watch) == [(pin, 1 - rest), (pin, rest)]
        assert seen(watch) == []


def test_a_pulse_of_a_pin_that_nobody_looks_at_hides_none(plugged: Plugged) -> None:
    watch = plugged.module.changed([1])
    seen(watch)
    pulse(plugged, 0)
    pulse(plugged, 1)
    assert seen(watch) == [(1, 1), (1, 0)]


def test_each_listener_is_told_of_a_pulse(plugged: Plugged) -> None:
    first, second = plugged.module.changed([2, 9]), plugged.module.changed([9], 50)
    seen(first), seen(second)
    plugged.clock.advance(0.01)
    assert seen(first) == []
    plugged.clock.advance(0.01)
    pulse(plugged, 9)
    assert seen(first) == [(9, 1), (9, 0)]
    assert seen(second) == [(9, 1), (9, 0)]
    first.close()
    plugged.clock.advance(0.05)
    pulse(plugged, 2)
    pulse(plugged, 9)
    assert seen(second) == [(9, 1), (9, 0)]


@pytest.mark.parametrize("operation", ["read", "read_all", "write", "count"])
def test_a_pulse_is_not_lost_by_other_requests(plugged: Plugged, operation: str) -> None:
    """They read the pins too, which ends what the chip keeps."""
    watch = plugged.module.changed([4])
    seen(watch)
    pulse(plugged, 4)
    actions: dict[str, Callable[[], object]] = {
        "read": lambda: plugged.module.read(5),
        "read_all": plugged.module.read_all,
        "write": lambda: plugged.module.write(6, 1),
        "count": lambda: plugged.module.count(12, window_ms=20),
    }
    actions[operation]()
    plugged.clock.advance(0.01)
    assert seen(watch) == [(4, 1), (4, 0)]
    pulse(plugged, 4)
    assert seen(watch) in ([(4, 1), (4, 0)], []), "a count has the chip for itself"
    pulse(plugged, 4)
    assert seen(watch) == [(4, 1), (4, 0)]


def test_pulses_are_kept_again_after_a_break_of_the_supply(plugged: Plugged) -> None:
    watch = plugged.module.changed([4])
    seen(watch)
    plugged.emulated.silicon.power_cycle()
    plugged.clock.advance(1.1)
    assert seen(watch) == []
    plugged.clock.advance(0.01)
    pulse(plugged, 4)
    assert seen(watch) == [(4, 1), (4, 0)]


def test_released_it_keeps_no_more_and_raises_no_interrupt(plugged: Plugged) -> None:
    watch = plugged.module.changed([4])
    seen(watch)
    pulse(plugged, 4)
    assert plugged.wire("IO6").level() == 0, "INTA, which nobody needs to be connected to"
    watch.close()
    plugged.module.close()
    pulse(plugged, 4)
    assert plugged.wire("IO6").level() == 1
    assert plugged.emulated.silicon.register("GPINTEN", 0) == 0


def test_a_look_is_one_transaction(plugged: Plugged) -> None:
    watch = plugged.module.changed()
    watch.look()
    before = plugged.board.bus.transactions
    for _ in range(50):
        plugged.clock.advance(0.01)
        assert watch.look() == []
    assert plugged.board.bus.transactions - before == 50


# -- addresses and the slot ---------------------------------------------------------------------


@for_each(
    ("spec", "address", "holder"),
    [
        (GENERATION_A, 0x20, "PI4IOE5V96224"),
        (GENERATION_B, 0x23, "TPT29555"),
        (GENERATION_B, 0x27, "TPT29555"),
        (GENERATION_C, 0x26, "TPT29555"),
        (GENERATION_C, 0x27, "TPT29555"),
    ],
)
def test_an_address_of_the_board_is_refused_with_both_names(
    spec: BoardSpec, address: int, holder: str
) -> None:
    error = refusal(RAK13003, spec, MCP23017=address)
    assert error.where == "RAK13003 in slot 1"
    assert f"0x{address:02x}" in error.message
    assert holder in error.message


def test_as_delivered_it_does_not_fit_the_oldest_board() -> None:
    assert "RAK13003 in slot 1" in str(refusal(RAK13003, GENERATION_A))


def test_unplugged_it_leaves_the_slot(plugged: Plugged) -> None:
    plugged.emulated.unplug()
    assert 0x20 not in plugged.board.bus.addresses
    for pin in ("IO5", "IO6"):
        assert plugged.wire(pin).driver_of("RAK13003") is None
    with pytest.raises(BusError):
        plugged.module.read(0)


@for_each("value", [-1, 0x10000, True, 1.5])
def test_the_back_door_takes_levels_only(plugged: Plugged, value: Any) -> None:
    with pytest.raises(BadParamsError):
        plugged.set("levels", value)
    with pytest.raises(BadParamsError):
        plugged.set("level_0", 2)
