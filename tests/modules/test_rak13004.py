"""RAK13004: what comes out of a channel is what was asked for, and nothing before or after."""

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
from wisblock_bridge.buses.i2c import Write
from wisblock_bridge.errors import BadParamsError, BusError
from wisblock_bridge.module_api import Quality, Result
from wisblock_bridge.modules.rak13004 import RAK13004

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.boards.board import BoardSpec

STEP_US = 4.88
"""25 MHz, prescaler 121, so one of 4096 steps at 50 Hz."""


class Plugged(I2CSlot):
    """A RAK13004 in a slot; ``glimpsed`` notes what came out whenever OE went low."""

    def __init__(
        self, spec: BoardSpec = GENERATION_C, slot: int = 1, *, opened: bool = True
    ) -> None:
        super().__init__(RAK13004, spec, slot)
        self.module = RAK13004(self.parts, self.clock, NoTimers())
        self.glimpsed: list[dict[int, float]] = []
        self.wire("IO6").listen(self._note)
        if opened:
            self.module.open()

    def _note(self, level: int) -> None:
        if level == 0:
            self.glimpsed.append(self.high)

    @property
    def high(self) -> dict[int, float]:
        """Channel to share of the time, of all pins that are ever high."""
        shares = ((number, self.emulated.share(number)) for number in range(16))
        return {number: share for number, share in shares if share}

    def registers(self, channel: int) -> str:
        silicon = self.emulated.silicon
        silicon.write(bytes((0x06 + 4 * channel,)))
        found: bytes = silicon.read(4)
        return found.hex(" ").upper()

    def prescaler(self) -> int:
        self.emulated.silicon.write(b"\xfe")
        found: bytes = self.emulated.silicon.read(1)
        return found[0]

    def restart(self) -> None:
        """Power-up state, nothing fails, the module as new."""
        self.mend()
        self.emulated.silicon.power_cycle()
        self.module = RAK13004(self.parts, self.clock, NoTimers())
        self.module.open()
        self.glimpsed.clear()


@pytest.fixture
def plugged() -> Plugged:
    return Plugged()


def leave_running(plugged: Plugged) -> None:
    """Leave channels 0 and 11 running at another frequency, outputs enabled, as after a crash."""
    write = plugged.emulated.silicon.write
    for line in ("00 31", "FE 05", "01 14", "00 21", "06 00 00 00 08", "32 00 10 00 00"):
        write(bytes.fromhex(line))
    plugged.hardware.controller("slots").make_output(6, 0)
    assert len(plugged.high) == 15  # inverted, so all are high but channel 11


# -- opening and closing ------------------------------------------------------------------------


def test_open_disables_first_and_leaves_nothing_running() -> None:
    plugged = Plugged(opened=False)
    leave_running(plugged)
    chip_at_disabling: list[float] = []
    plugged.wire("IO6").listen(
        lambda level: chip_at_disabling.append(plugged.emulated.silicon.duty(11)) if level else None
    )
    plugged.glimpsed.clear()
    plugged.module.open()
    assert chip_at_disabling == [1.0]  # not yet touched when OE went high
    assert plugged.drives("IO6") == 1
    assert all(plugged.emulated.silicon.duty(channel) == 0.0 for channel in range(16))
    assert plugged.prescaler() == 121
    assert plugged.glimpsed == []
    assert plugged.high == {}


@for_each(
    ("spec", "slot", "line"),
    [
        (GENERATION_A, 1, 6),
        (GENERATION_A, 2, 7),
        (GENERATION_B, 1, 6),
        (GENERATION_C, 1, 6),
        (GENERATION_C, 2, 14),
        (REVISION_VA, 1, 12),
        (REVISION_VA, 2, 22),
        (REVISION_VB, 1, 22),
        (REVISION_VB, 2, 18),
    ],
)
def test_the_enable_line_of_each_board(spec: BoardSpec, slot: int, line: int) -> None:
    plugged = Plugged(spec, slot)
    key = "soc" if spec.product == "RAK6421" else "slots"
    wire = plugged.board.wires[key, line]
    assert wire.level() == 1
    plugged.module.duty(3, 25.0)
    assert wire.level() == 0
    assert plugged.high == {3: 0.25}
    plugged.module.close()
    assert wire.level() == 1


def test_it_leaves_the_shared_address_with_its_first_bytes() -> None:
    plugged = Plugged(opened=False)
    shared = plugged.board.bus
    shared.transfer(0x70, Write(b"\x00"))  # it answers there after power-up
    plugged.module.open()
    with pytest.raises(BusError):
        shared.transfer(0x70, Write(b"\x00"))
    # Sleep and auto-increment with ALLCALL off is the first thing that the chip gets.
    for number in range(2):
        plugged.emulated.silicon.power_cycle()
        plugged.board.bus.fail(0x40, Fault(FaultKind.NACK, skip=1 + number))
        with pytest.raises(BusError):
            plugged.module.open()
        plugged.board.bus.fail(0x40, None)
        assert not plugged.emulated.silicon.all_call_enabled


def test_close_disables_and_switches_off(plugged: Plugged) -> None:
    plugged.module.duty(0, 50.0)
    plugged.module.close()
    assert plugged.drives("IO6") is None, "the pull-ups disable the outputs"
    assert all(plugged.emulated.silicon.duty(channel) == 0.0 for channel in range(16))


def test_close_disables_when_the_chip_does_not_answer(plugged: Plugged) -> None:
    plugged.module.duty(0, 50.0)
    plugged.board.bus.fail(0x40, Fault(FaultKind.NACK))
    with pytest.raises(BusError):
        plugged.module.close()
    assert plugged.high == {}


def test_close_switches_off_when_the_enable_line_does_not_answer(plugged: Plugged) -> None:
    plugged.module.duty(0, 50.0)
    plugged.board.bus.fail(0x26, Fault(FaultKind.NACK))
    with pytest.raises(BusError):
        plugged.module.close()
    assert plugged.high == {}


# -- what it does -------------------------------------------------------------------------------


def test_the_first_command_enables_when_the_channel_is_set(plugged: Plugged) -> None:
    assert plugged.drives("IO6") == 1
    plugged.module.frequency(60.0)
    assert plugged.drives("IO6") == 1
    plugged.module.duty(2, 50.0)
    assert plugged.glimpsed == [{2: 0.5}]
    plugged.module.duty(3, 50.0)
    assert plugged.high == {2: 0.5, 3: 0.5}
    assert len(plugged.glimpsed) == 1


@pytest.mark.parametrize(
    ("percent", "registers"),
    [
        (0.0, "00 00 00 10"),
        (25.0, "00 00 00 04"),
        (50.0, "00 00 00 08"),  # the vendor's node sends one step less, 2047
        (99.99, "00 10 00 00"),
        (100.0, "00 10 00 00"),
    ],
)
def test_duty(plugged: Plugged, percent: float, registers: str) -> None:
    readings = plugged.module.duty(15, percent)
    assert plugged.registers(15) == registers
    assert readings.values["percent"] == pytest.approx(percent, abs=100 / 4096)
    assert plugged.quantity("percent_15") == pytest.approx(readings.values["percent"])
    assert readings.quality is Quality.GOOD


@pytest.mark.parametrize(
    ("wished", "off_count"), [(500, 102), (1000, 205), (1500, 307), (2000, 410), (2500, 512)]
)
def test_pulse_widths_of_the_documented_flow(
    plugged: Plugged, wished: float, off_count: int
) -> None:
    readings = plugged.module.pulse_width(0, wished)
    low, high = off_count & 0xFF, off_count >> 8
    assert plugged.registers(0) == f"00 00 {low:02X} {high:02X}"
    assert readings.values["microseconds"] == pytest.approx(wished, abs=STEP_US / 2 + 0.01)
    assert plugged.quantity("microseconds_0") == pytest.approx(readings.values["microseconds"])


def test_a_pulse_of_nothing_is_off(plugged: Plugged) -> None:
    plugged.module.pulse_width(0, 1500.0)
    assert plugged.module.pulse_width(0, 0.0).values == {"microseconds": 0.0, "percent": 0.0}
    assert plugged.high == {}


@pytest.mark.parametrize(
    ("angle", "wished"), [(-90, 500), (-45, 1000), (0, 1500), (45, 2000), (90, 2500)]
)
def test_servo_angles_of_the_documented_flow(plugged: Plugged, angle: float, wished: float) -> None:
    readings = plugged.module.servo(0, angle)
    assert plugged.quantity("microseconds_0") == pytest.approx(wished, abs=STEP_US / 2 + 0.01)
    assert readings.values["angle"] == pytest.approx(angle, abs=0.25)
    assert readings.values["microseconds"] == pytest.approx(wished, abs=STEP_US / 2 + 0.01)


def test_a_servo_of_less_travel(plugged: Plugged) -> None:
    for angle, wished in ((-90.0, 1000.0), (0.0, 1500.0), (90.0, 2000.0)):
        plugged.module.servo(7, angle, 1000.0, 2000.0)
        assert plugged.quantity("microseconds_7") == pytest.approx(wished, abs=STEP_US / 2 + 0.01)


def test_steps(plugged: Plugged) -> None:
    readings = plugged.module.steps(1, 1024, 3072)
    assert plugged.registers(1) == "00 04 00 0C"
    assert readings.values["percent"] == 50.0
    assert plugged.module.steps(1, 4000, 100).values["percent"] == pytest.approx(196 / 40.96)
    assert plugged.high == {1: 196 / 4096}
    assert plugged.module.steps(1, 5, 5).values["percent"] == 0.0
    assert plugged.high == {}


@pytest.mark.parametrize(
    ("wished", "prescaler", "real"),
    [
        (24.0, 253, 24.03),
        (50.0, 121, 50.03),
        (60.0, 101, 59.84),
        (200.0, 30, 196.9),
        (500.0, 11, 508.6),
        (1526.0, 3, 1525.9),
    ],
)
def test_frequencies(plugged: Plugged, wished: float, prescaler: int, real: float) -> None:
    plugged.module.duty(0, 25.0)
    readings = plugged.module.frequency(wished)
    assert plugged.prescaler() == prescaler
    assert readings.values["hz"] == pytest.approx(real, abs=0.06)
    assert plugged.quantity("hz") == pytest.approx(readings.values["hz"])
    assert plugged.high == {0: 0.25}  # the share is kept
    assert plugged.module.state(0).values["hz"] == readings.values["hz"]


def test_a_pulse_longer_than_a_cycle_is_refused_before_anything_is_sent(plugged: Plugged) -> None:
    plugged.module.frequency(1000.0)
    before = plugged.bus.count
    with pytest.raises(BadParamsError, match="does not fit into a cycle") as caught:
        plugged.module.pulse_width(0, 1500.0)
    assert caught.value.data["param"] == "microseconds"
    assert "lower frequency" in caught.value.hint
    with pytest.raises(BadParamsError, match="does not fit into a cycle") as caught:
        plugged.module.servo(0, 0.0)
    assert caught.value.data["param"] == "angle"
    assert plugged.bus.count == before
    assert plugged.module.pulse_width(0, 900.0).quality is Quality.GOOD


def test_a_cycle_is_the_longest_pulse(plugged: Plugged) -> None:
    assert plugged.module.pulse_width(0, 19_988.4).values["percent"] == 100.0
    with pytest.raises(BadParamsError):
        plugged.module.pulse_width(0, 20_000.0)


def test_a_servo_without_travel_is_refused() -> None:
    operation = RAK13004.description.operations["servo"]
    assert operation.check is not None
    for low, high in ((2000.0, 1000.0), (1500.0, 1500.0)):
        with pytest.raises(BadParamsError, match="has to be smaller"):
            operation.check(operation.struct(channel=0, angle=0.0, min_us=low, max_us=high))
    operation.check(operation.struct(channel=0, angle=0.0))


def test_off(plugged: Plugged) -> None:
    for channel in (0, 5, 15):
        plugged.module.duty(channel, 100.0)
    assert plugged.module.off(5).values == {"percent": 0.0}
    assert plugged.high == {0: 1.0, 15: 1.0}
    assert plugged.module.off("all").values == {"percent": 0.0}
    assert plugged.high == {}
    plugged.module.duty(1, 50.0)
    assert plugged.high == {1: 0.5}


def test_enable_off_stays_off_until_enable_on(plugged: Plugged) -> None:
    plugged.module.duty(0, 50.0)
    assert plugged.module.enable(on=False).values == {"on": False}
    assert plugged.high == {}
    readings = plugged.module.duty(1, 25.0)
    assert readings.quality is Quality.UNCERTAIN
    assert "disabled" in readings.note
    assert plugged.high == {}
    plugged.module.open()  # after a failure of the bus, say
    plugged.module.duty(1, 25.0)
    assert plugged.high == {}
    assert plugged.module.state(1).values["on"] is False
    assert plugged.module.enable(on=True).values == {"on": True}
    assert plugged.high == {1: 0.25}
    assert plugged.module.state(1).values["on"] is True


def test_state(plugged: Plugged) -> None:
    plugged.module.duty(4, 12.5)
    values = plugged.module.state(4).values
    assert values["percent"] == 12.5
    assert values["microseconds"] == pytest.approx(512 * STEP_US)
    assert values["hz"] == pytest.approx(50.03, abs=0.01)
    assert plugged.module.state(5).values["percent"] == 0.0


def test_outputs_and_what_overtakes() -> None:
    operations = RAK13004.description.operations
    for name in ("duty", "pulse_width", "steps", "servo", "off"):
        assert operations[name].output({"channel": 7}) == "channel/7"
    assert operations["off"].is_urgent({"channel": "all"})
    assert operations["enable"].is_urgent({"on": False})
    assert not operations["enable"].is_urgent({"on": True})
    assert [name for name, each in operations.items() if each.urgent] == ["off", "enable"]


# -- lost clients -------------------------------------------------------------------------------


def test_make_safe(plugged: Plugged) -> None:
    module = plugged.module
    module.duty(1, 10.0)
    module.duty(12, 50.0)
    module.make_safe("channel/12")
    assert plugged.high == {1: 410 / 4096}
    for nobody in ("channel/all", "*"):
        module.make_safe(nobody)
    assert plugged.high == {1: 410 / 4096}
    module.enable(on=True)
    module.make_safe("enable")
    assert plugged.high == {}
    module.duty(1, 50.0)  # whoever commands next has them enabled again
    assert plugged.high == {1: 0.5}
    module.enable(on=False)
    module.make_safe("enable")
    module.duty(1, 50.0)
    assert plugged.high == {}


def test_a_lost_client_and_one_that_stays() -> None:
    with Rig() as rig:
        rig.invoke(b"lost", "RAK13004", 2, "servo", channel=3, angle=10.0)
        rig.invoke(b"lost", "RAK13004", 2, "duty", channel=4, percent=50.0, on_loss="hold")
        rig.advance(3.0)
        rig.invoke(b"stays", "RAK13004", 2, "duty", channel=5, percent=100.0)
        rig.advance(3.0)

        def percent(channel: int) -> float:
            name = f"percent_{channel}"
            value = rig.result(b"stays", "emulator.get", slot=2, quantity=name)["value"]
            assert isinstance(value, float)
            return value

        assert [percent(channel) for channel in (3, 4, 5)] == [0.0, 50.0, 100.0]
        assert rig.level("slots", 14) == 0
        rig.result(b"stays", "release", module="RAK13004", slot=2, force=True)
        assert rig.board.wires["slots", 14].level() == 1
        assert rig.level("slots", 14) is None, "it is the pull-up that disables them"
        assert [percent(channel) for channel in (3, 4, 5)] == [0.0, 0.0, 0.0]


# -- failures -----------------------------------------------------------------------------------


def test_a_breakdown_of_the_supply_leaves_everything_off_and_is_told(plugged: Plugged) -> None:
    module = plugged.module
    module.frequency(60.0)
    for channel in (0, 1, 2):
        module.duty(channel, 50.0)
    module.off(2)
    module.duty(3, 50.0)
    module.duty(3, 0.0)
    plugged.emulated.silicon.power_cycle()
    plugged.glimpsed.clear()
    readings = module.duty(0, 25.0)
    assert plugged.glimpsed == [{0: 0.25}]  # disabled before, and only this one after
    assert plugged.prescaler() == 101
    assert not plugged.emulated.silicon.all_call_enabled
    assert readings.values["percent"] == 25.0
    assert readings.quality is Quality.UNCERTAIN
    assert "that were on: 1." in readings.note
    assert module.state(0).quality is Quality.GOOD
    assert module.state(1).quality is Quality.UNCERTAIN
    assert module.state(2).quality is Quality.GOOD
    module.duty(1, 25.0)
    assert module.state(1).quality is Quality.GOOD


def test_a_breakdown_ends_with_all_off(plugged: Plugged) -> None:
    plugged.module.duty(0, 50.0)
    plugged.emulated.silicon.power_cycle()
    plugged.module.off()
    assert plugged.module.state(0).quality is Quality.GOOD


def test_a_breakdown_that_a_reading_finds(plugged: Plugged) -> None:
    plugged.module.duty(0, 50.0)
    plugged.emulated.silicon.power_cycle()
    readings = plugged.module.state(0)
    assert (readings.values["percent"], readings.values["on"]) == (0.0, False)
    assert readings.quality is Quality.UNCERTAIN
    assert plugged.drives("IO6") == 1


ACTIONS: dict[str, Callable[[RAK13004], Result]] = {
    "duty": lambda module: module.duty(0, 50.0),
    "pulse_width": lambda module: module.pulse_width(0, 1500.0),
    "steps": lambda module: module.steps(0, 100, 200),
    "servo": lambda module: module.servo(0, 45.0),
    "frequency": lambda module: module.frequency(200.0),
    "off": lambda module: module.off(9),
    "off all": lambda module: module.off(),
    "enable": lambda module: module.enable(on=True),
    "state": lambda module: module.state(9),
}


@pytest.mark.parametrize("enabled", [False, True])
@pytest.mark.parametrize("name", ACTIONS)
def test_each_failure_is_told_and_what_follows_works(
    plugged: Plugged, name: str, *, enabled: bool
) -> None:
    def reset() -> None:
        plugged.restart()
        if enabled:
            plugged.module.duty(9, 100.0)

    for number, error in each_failure(plugged.bus, lambda: ACTIONS[name](plugged.module), reset):
        assert error.where, number
        plugged.glimpsed.clear()
        plugged.module.open()  # as the worker does
        assert plugged.high == {}, number
        assert plugged.drives("IO6") == 1, number
        assert plugged.glimpsed == [], number
        readings = plugged.module.duty(1, 25.0)
        assert plugged.high == {1: 0.25}, number
        assert plugged.glimpsed == [{1: 0.25}], number
        assert readings.values["percent"] == 25.0, number
        if enabled:
            assert plugged.module.duty(9, 100.0).values["percent"] == 100.0, number
            assert plugged.high == {1: 0.25, 9: 1.0}, number


def test_each_failure_of_disabling_ends_disabled(plugged: Plugged) -> None:
    def reset() -> None:
        plugged.restart()
        plugged.module.duty(9, 100.0)

    for number, _ in each_failure(plugged.bus, lambda: plugged.module.enable(on=False), reset):
        plugged.module.open()
        plugged.module.duty(9, 100.0)
        assert plugged.high == {}, number


def test_each_failure_of_open(plugged: Plugged) -> None:
    def reset() -> None:
        plugged.restart()
        leave_running(plugged)
        plugged.glimpsed.clear()

    for number, _ in each_failure(plugged.bus, plugged.module.open, reset):
        plugged.module.open()
        assert plugged.high == {}, number
        assert plugged.glimpsed == [], number
        plugged.module.duty(1, 25.0)
        assert plugged.high == {1: 0.25}, number


def test_each_failure_of_make_safe(plugged: Plugged) -> None:
    def reset() -> None:
        plugged.restart()
        plugged.module.duty(9, 100.0)

    for number, _ in each_failure(
        plugged.bus, lambda: plugged.module.make_safe("channel/9"), reset
    ):
        plugged.module.open()
        plugged.module.make_safe("channel/9")
        assert plugged.high == {}, number
        assert plugged.module.duty(1, 25.0).quality is Quality.GOOD, number


def test_each_failure_of_close_leaves_nothing_high(plugged: Plugged) -> None:
    def reset() -> None:
        plugged.restart()
        plugged.module.duty(9, 100.0)

    for number, _ in each_failure(plugged.bus, plugged.module.close, reset):
        assert plugged.high == {}, number


# -- addresses and the slot ---------------------------------------------------------------------


def test_an_address_that_is_taken_is_refused_with_both_names() -> None:
    error = refusal(RAK13004, GENERATION_C, PCA9685=0x70)
    assert error.where == "RAK13004 in slot 1"
    assert "0x70" in error.message
    assert "SHTC3" in error.message


def test_unplugged_it_leaves_the_slot() -> None:
    plugged = Plugged(REVISION_VA)
    plugged.emulated.unplug()
    assert not {0x40, 0x70} & set(plugged.board.bus.addresses)
    assert plugged.wire("IO6").pull == 0
    with pytest.raises(BusError):
        plugged.module.duty(0, 50.0)
