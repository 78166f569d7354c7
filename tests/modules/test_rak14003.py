"""RAK14003: on means lit, dark is where it begins and ends, and never more than is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from wisblock_bridge.modules.rak14003 import RAK14003

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.boards.board import BoardSpec


class Plugged(I2CSlot):
    """A RAK14003 in a slot; ``lit_ever`` notes each LED that lights up."""

    def __init__(
        self, spec: BoardSpec = GENERATION_C, slot: int = 1, *, opened: bool = True
    ) -> None:
        super().__init__(RAK14003, spec, slot)
        self.module = RAK14003(self.parts, self.clock, NoTimers())
        self.lit_ever: list[int] = []
        for number, wire in enumerate(self.emulated.wires):
            wire.listen(self._note(number))
        if opened:
            self.module.open()

    def _note(self, number: int) -> Callable[[int], None]:
        def note(level: int) -> None:
            if level == 0:
                self.lit_ever.append(number)

        return note

    @property
    def mask(self) -> int:
        mask: int = self.emulated.mask()
        return mask

    @property
    def latches(self) -> tuple[int, int]:
        register = self.emulated.silicon.register
        return register("OLAT", 0), register("OLAT", 1)

    def restart(self) -> None:
        """Power-up state, nothing fails, the module as new."""
        self.mend()
        self.emulated.silicon.power_cycle()
        self.module = RAK14003(self.parts, self.clock, NoTimers())
        self.module.open()
        self.lit_ever.clear()


@pytest.fixture
def plugged() -> Plugged:
    return Plugged()


def leave_lit(plugged: Plugged, *, banked: bool = False) -> None:
    """Leave LEDs 0 to 4 lit, as a crashed program might."""
    plugged.emulated.silicon.write(bytes.fromhex("14 E0 FF"))
    plugged.emulated.silicon.write(bytes.fromhex("00 00 FC"))
    if banked:
        plugged.emulated.silicon.write(bytes.fromhex("0A A0"))
    assert plugged.mask == 0x1F


# -- opening and closing ------------------------------------------------------------------------


@for_each("with_reset_line", [True, False])
@for_each("banked", [True, False])
def test_open_is_dark_whatever_was_left(*, with_reset_line: bool, banked: bool) -> None:
    plugged = Plugged(opened=False)
    leave_lit(plugged, banked=banked)
    plugged.lit_ever.clear()
    if not with_reset_line:
        plugged.parts["reset_pin"] = None
    plugged.module.open()
    assert plugged.mask == 0
    assert plugged.lit_ever == []
    register = plugged.emulated.silicon.register
    assert (register("IODIR", 0), register("IODIR", 1)) == (0x00, 0xFC)
    assert (plugged.latches[0], plugged.latches[1] & 0x03) == (0xFF, 0x03)


def test_open_of_a_fresh_chip_lights_nothing() -> None:
    plugged = Plugged(opened=False)
    plugged.module.open()
    assert plugged.lit_ever == []


@for_each("spec", [REVISION_VA, REVISION_VB])
@for_each("slot", [1, 2])
def test_on_a_hat(spec: BoardSpec, slot: int) -> None:
    plugged = Plugged(spec, slot)
    assert plugged.wire("IO4").level() == 1
    plugged.module.set(9, on=True)
    assert plugged.mask == 0x200


def test_close_is_dark(plugged: Plugged) -> None:
    plugged.module.bar(8)
    plugged.module.close()
    assert plugged.mask == 0


def test_close_is_dark_even_when_the_chip_does_not_answer(plugged: Plugged) -> None:
    plugged.module.bar(8)
    plugged.board.bus.fail(0x24, Fault(FaultKind.NACK))
    with pytest.raises(BusError):
        plugged.module.close()
    assert plugged.mask == 0
    assert plugged.drives("IO4") is None, "the pull-up ends the reset"


# -- what it does -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "word"),
    [  # as documented, 0xFFFF ^ (2 ** n - 1); pins 10 to 15 lead nowhere and do not count
        (0, "FF FF"),
        (1, "FE FF"),
        (5, "E0 FF"),
        (8, "00 FF"),
        (10, "00 FC"),
    ],
)
def test_documented_words_of_a_bar(plugged: Plugged, level: int, word: str) -> None:
    low, high = bytes.fromhex(word)
    readings = plugged.module.bar(level, beyond_limit=True)
    assert (plugged.latches[0], plugged.latches[1] & 0x03) == (low, high & 0x03)
    assert readings.values == {"level": level, "lit": level, "mask": (1 << level) - 1}
    assert plugged.mask == (1 << level) - 1


@pytest.mark.parametrize(
    ("level", "red", "green"),
    [
        (0, 0b00_0000_0000, 0b00_0000_0000),
        (1, 0b00_0000_0001, 0b10_0000_0000),
        (3, 0b00_0000_0111, 0b11_1000_0000),
        (8, 0b00_1111_1111, 0b11_1111_1100),
        (9, 0b01_1111_1110, 0b01_1111_1110),
        (10, 0b11_1111_1100, 0b00_1111_1111),
    ],
)
def test_a_bar_of_eight_at_most_ends_where_its_level_is(
    plugged: Plugged, level: int, red: int, green: int
) -> None:
    for start, mask in (("red", red), ("green", green)):
        readings = plugged.module.bar(level, start)  # type: ignore[arg-type]
        assert plugged.mask == mask
        assert readings.values == {"level": level, "lit": min(level, 8), "mask": mask}
        assert readings.quality is (Quality.GOOD if level <= 8 else Quality.UNCERTAIN)
        assert ("8 LEDs" in readings.note) == (level > 8)


def test_beyond_the_limit_it_says_so(plugged: Plugged) -> None:
    for readings, lit in (
        (plugged.module.bar(9, beyond_limit=True), 9),
        (plugged.module.pattern(0x3FF, beyond_limit=True), 10),
    ):
        assert readings.values["lit"] == lit
        assert readings.quality is Quality.UNCERTAIN
        assert f"{lit} LEDs are lit" in readings.note
    assert plugged.mask == 0x3FF


def test_each_led_by_itself(plugged: Plugged) -> None:
    for led in range(10):
        readings = plugged.module.set(led, on=True)
        assert readings.values == {"on": True, "lit": 1, "mask": 1 << led}
        assert plugged.mask == 1 << led
        assert plugged.quantity(f"on_{led}") is True
        assert plugged.module.set(led, on=False).values == {"on": False, "lit": 0, "mask": 0}
        assert plugged.mask == 0


def test_a_ninth_led_is_refused_before_anything_is_sent(plugged: Plugged) -> None:
    for led in range(8):
        plugged.module.set(led, on=True)
    before = plugged.bus.count
    with pytest.raises(BadParamsError, match="bears 8") as caught:
        plugged.module.set(9, on=True)
    assert caught.value.data["param"] == "on"
    assert plugged.bus.count == before
    assert plugged.mask == 0xFF
    assert plugged.module.set(7, on=True).quality is Quality.GOOD  # lit already
    assert plugged.module.set(9, on=True, beyond_limit=True).quality is Quality.UNCERTAIN
    assert plugged.mask == 0x2FF
    plugged.module.set(0, on=False)
    assert plugged.module.state().values == {"lit": 8, "mask": 0x2FE}


def test_a_pattern_of_nine_is_refused_before_anything_is_sent() -> None:
    operation = RAK14003.description.operations["pattern"]
    assert operation.check is not None
    with pytest.raises(BadParamsError, match="9 LEDs"):
        operation.check(operation.struct(mask=0x3FE))
    operation.check(operation.struct(mask=0x3FC))
    operation.check(operation.struct(mask=0x3FF, beyond_limit=True))


@pytest.mark.parametrize("mask", [0x000, 0x001, 0x155, 0x2AA, 0x3FC])
def test_patterns_and_state(plugged: Plugged, mask: int) -> None:
    plugged.module.bar(8)
    readings = plugged.module.pattern(mask)
    assert readings.values == {"mask": mask, "lit": mask.bit_count()}
    assert plugged.mask == mask == plugged.quantity("mask")
    assert plugged.module.state().values == readings.values


def test_state_is_what_the_module_holds(plugged: Plugged) -> None:
    plugged.emulated.silicon.write(bytes.fromhex("14 FE"))  # another program
    assert plugged.module.state().values == {"mask": 0x001, "lit": 1}


def test_a_picture_changes_without_anything_in_between(plugged: Plugged) -> None:
    plugged.module.pattern(0x0F)
    plugged.lit_ever.clear()
    plugged.module.pattern(0x3C)
    assert plugged.lit_ever == [4, 5]
    plugged.lit_ever.clear()
    plugged.module.set(0, on=False)
    assert plugged.lit_ever == []


def test_outputs() -> None:
    operations = RAK14003.description.operations
    assert operations["set"].output({"led": 7, "on": True}) == "led/7"
    assert operations["bar"].output({"level": 3}) == "*"
    assert operations["pattern"].output({"mask": 3}) == "*"
    # Pictures are shown in the order in which they come, dark ones too.
    assert not any(each.urgent for each in operations.values())


# -- lost clients -------------------------------------------------------------------------------


def test_make_safe_darkens_what_that_output_lit_last(plugged: Plugged) -> None:
    module = plugged.module
    module.bar(3)
    module.set(1, on=True)
    module.set(9, on=True)
    module.make_safe("*")
    assert plugged.mask == 0x202
    module.make_safe("led/1")
    assert plugged.mask == 0x200
    before = plugged.bus.count
    module.make_safe("led/1")
    module.make_safe("led/5")
    assert plugged.bus.count == before
    module.make_safe("led/9")
    assert plugged.mask == 0
    assert module.state().quality is Quality.GOOD


def test_a_lost_client_and_one_that_stays() -> None:
    with Rig() as rig:
        rig.invoke(b"lost", "RAK14003", 2, "bar", level=4)
        rig.advance(3.0)
        rig.invoke(b"stays", "RAK14003", 2, "set", led=2, on=True)
        rig.advance(3.0)
        assert rig.result(b"stays", "emulator.get", slot=2, quantity="mask")["value"] == 0x004
        rig.result(b"stays", "release", module="RAK14003", slot=2)
        assert rig.result(b"stays", "emulator.get", slot=2, quantity="mask")["value"] == 0


# -- failures -----------------------------------------------------------------------------------


def test_a_breakdown_of_the_supply_is_told_until_the_leds_are_set_again(plugged: Plugged) -> None:
    module = plugged.module
    module.pattern(0x00F)
    plugged.emulated.silicon.power_cycle()
    plugged.lit_ever.clear()
    readings = module.set(9, on=True)
    assert plugged.mask == 0x200
    assert plugged.lit_ever == [9]
    assert readings.values == {"on": True, "lit": 1, "mask": 0x200}
    assert readings.quality is Quality.UNCERTAIN
    assert "0, 1, 2, 3" in readings.note
    assert "0, 1, 2, 3" in module.state().note
    module.set(2, on=False)
    assert "0, 1, 3" in module.state().note
    plugged.emulated.silicon.power_cycle()
    assert module.bar(2).quality is Quality.GOOD
    assert plugged.mask == 0x003


ACTIONS: dict[str, Callable[[RAK14003], Result]] = {
    "bar": lambda module: module.bar(6),
    "set": lambda module: module.set(1, on=True),
    "set off": lambda module: module.set(9, on=False),
    "pattern": lambda module: module.pattern(0x155),
    "state": lambda module: module.state(),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_each_failure_is_told_and_what_follows_works(plugged: Plugged, name: str) -> None:
    def reset() -> None:
        plugged.restart()
        plugged.module.set(9, on=True)

    for number, error in each_failure(plugged.bus, lambda: ACTIONS[name](plugged.module), reset):
        assert error.where, number
        plugged.lit_ever.clear()
        plugged.module.open()  # as the worker does
        assert plugged.mask == 0, number
        assert plugged.lit_ever == [], number
        assert "9" in plugged.module.set(2, on=True).note, number
        assert plugged.mask == 0x004, number
        assert plugged.module.pattern(0x201).quality is Quality.GOOD, number
        assert plugged.mask == 0x201, number


def test_each_failure_of_open(plugged: Plugged) -> None:
    def reset() -> None:
        plugged.restart()
        leave_lit(plugged)
        plugged.lit_ever.clear()

    for number, _ in each_failure(plugged.bus, plugged.module.open, reset):
        plugged.module.open()
        assert plugged.mask == 0, number
        assert plugged.lit_ever == [], number
        assert plugged.module.set(2, on=True).values["mask"] == 0x004, number


def test_each_failure_of_make_safe(plugged: Plugged) -> None:
    def reset() -> None:
        plugged.restart()
        plugged.module.set(9, on=True)

    for number, _ in each_failure(plugged.bus, lambda: plugged.module.make_safe("led/9"), reset):
        plugged.module.open()
        plugged.module.make_safe("led/9")
        assert plugged.mask == 0, number
        assert plugged.module.state().quality is Quality.GOOD, number


def test_each_failure_of_close(plugged: Plugged) -> None:
    def reset() -> None:
        plugged.restart()
        plugged.module.bar(8)

    for number, _ in each_failure(plugged.bus, plugged.module.close, reset):
        assert plugged.mask == 0, number


# -- addresses and the slot ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "address", "holder"),
    [
        (GENERATION_A, 0x20, "PI4IOE5V96224"),
        (GENERATION_B, 0x23, "TPT29555"),
        (GENERATION_C, 0x26, "TPT29555"),
    ],
)
def test_an_address_of_the_board_is_refused_with_both_names(
    spec: BoardSpec, address: int, holder: str
) -> None:
    error = refusal(RAK14003, spec, MCP23017=address)
    assert error.where == "RAK14003 in slot 1"
    assert f"0x{address:02x}" in error.message
    assert holder in error.message


def test_unplugged_it_leaves_the_slot(plugged: Plugged) -> None:
    plugged.emulated.unplug()
    assert 0x24 not in plugged.board.bus.addresses
    with pytest.raises(BusError):
        plugged.module.bar(1)


def test_the_oldest_board_does_not_say_where_the_reset_line_is() -> None:
    plugged = Plugged(GENERATION_A)
    assert plugged.parts["reset_pin"] is None
    plugged.module.bar(3)
    assert plugged.mask == 0x007
    plugged.module.close()
    assert plugged.mask == 0
