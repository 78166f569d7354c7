"""What RAK5801 and RAK5811 have in common: enable pin, settling, a line to keep free, failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.chips.transactions import each_failure
from tests.modules.analog_slot import AnalogSlot, NoTimers

from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.errors import BadParamsError, BusError, BusFault, NotReadyError
from wisblock_bridge.module_api import DigitalLine
from wisblock_bridge.modules.rak5801 import RAK5801
from wisblock_bridge.modules.rak5801_emulated import EmulatedRAK5801
from wisblock_bridge.modules.rak5811 import RAK5811
from wisblock_bridge.modules.rak5811_emulated import EmulatedRAK5811

if TYPE_CHECKING:
    from wisblock_bridge.chips.tpt29555 import TPT29555


class Plugged:
    """A product in slot 1, its emulated and its board."""

    def __init__(
        self, product: type[RAK5801 | RAK5811], emulated: type[EmulatedRAK5801 | EmulatedRAK5811]
    ) -> None:
        self.board = AnalogSlot()
        self.emulated = emulated(self.board)
        self.module = product(self.board.parts, self.board.clock, NoTimers())

    def measure(self) -> object:
        """The one reading of the emulated's one quantity."""
        (quantity,) = self.emulated.quantities()
        return self.module.read(samples=1).values[quantity.name]


@pytest.fixture(params=[(RAK5801, EmulatedRAK5801), (RAK5811, EmulatedRAK5811)])
def plugged(request: pytest.FixtureRequest) -> Plugged:
    return Plugged(*request.param)


def test_round_trip_over_the_range_of_the_emulated_product(plugged: Plugged) -> None:
    plugged.module.open()
    (quantity,) = plugged.emulated.quantities()
    assert quantity.set is not None
    for step in range(41):
        value = quantity.low + (quantity.high - quantity.low) * step / 40
        quantity.set(value)
        assert quantity.get() == value
        assert plugged.measure() == pytest.approx(value, abs=quantity.tolerance)


def test_open_frees_io4_before_it_switches_on_and_waits(plugged: Plugged) -> None:
    board = plugged.board
    board.restart()
    board.expander.write(bytes.fromhex("02 ED"))  # an earlier owner drives IO1 low too
    board.expander.write(bytes.fromhex("06 ED"))
    assert (board.drives("IO1"), board.drives("IO4")) == (0, 0)
    io4_at_switch_on: list[int | None] = []
    board.wire("IO1").listen(lambda _: io4_at_switch_on.append(board.drives("IO4")))
    plugged.module.open()
    assert (board.drives("IO1"), board.drives("IO4")) == (1, None)
    assert io4_at_switch_on == [None]
    assert board.clock.sleeps == [0.1]


def test_close_switches_off(plugged: Plugged) -> None:
    plugged.module.open()
    assert plugged.board.analog("AIN1").volts() > 0.1
    plugged.module.close()
    assert (plugged.board.drives("IO1"), plugged.board.drives("IO4")) == (0, None)
    assert plugged.board.analog("AIN1").volts() == 0.0


def test_off_after_any_failure_of_open(plugged: Plugged) -> None:
    board = plugged.board
    for number, error in each_failure(board.bus, plugged.module.open, board.restart):
        assert error.where.startswith(("IO1", "IO4")), number
        plugged.module.close()
        assert board.drives("IO1") == 0, number
        plugged.module.open()
        assert (board.drives("IO1"), board.drives("IO4")) == (1, None), number
        assert plugged.measure() == pytest.approx(plugged.emulated.quantities()[0].get(), abs=0.001)


def test_off_after_a_failure_of_close_and_another_try(plugged: Plugged) -> None:
    board = plugged.board

    def reset() -> None:
        board.restart()
        plugged.module.open()

    for number, _ in each_failure(board.bus, plugged.module.close, reset):
        plugged.module.close()
        assert (board.drives("IO1"), board.drives("IO4")) == (0, None), number


def test_off_even_when_a_line_cannot_be_returned(plugged: Plugged) -> None:
    @dataclass
    class CannotLetGo:
        inner: TPT29555

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

        def let_go(self, offset: int) -> None:
            raise BusError(BusFault.IO, f"Line {offset} cannot be returned.")

    board = plugged.board
    plugged.module.open()
    for name, offset in (("enable", 1), ("channel_0", 4)):
        board.parts[name] = DigitalLine(CannotLetGo(board.lines), offset, name)  # type: ignore[arg-type]
    with pytest.raises(BusError):
        plugged.module.close()
    assert board.drives("IO1") == 0


def test_failures_of_the_converter_come_out_and_end(plugged: Plugged) -> None:
    board = plugged.board
    plugged.module.open()
    board.i2c.fail(0x4B, Fault(FaultKind.NACK, count=1))
    with pytest.raises(BusError):
        plugged.measure()
    board.silicon.never_ready = True
    with pytest.raises(NotReadyError):
        plugged.measure()
    board.silicon.never_ready = False
    assert plugged.measure() == pytest.approx(plugged.emulated.quantities()[0].get(), abs=0.001)


def test_half_a_scale_is_refused_before_anything_is_sent(plugged: Plugged) -> None:
    operation = plugged.module.description.operations["read"]
    assert operation.check is not None
    before = plugged.board.i2c.transactions
    for half in ({"scale_low": 0.0}, {"scale_high": 1.0}):
        with pytest.raises(BadParamsError, match="belong together"):
            operation.check(operation.struct(**half))
    for whole in ({}, {"scale_low": 0.0, "scale_high": 1.0}):
        operation.check(operation.struct(**whole))
    assert plugged.board.i2c.transactions == before


def test_the_time_is_that_of_the_measurement(plugged: Plugged) -> None:
    plugged.module.open()
    readings = plugged.module.read(samples=32)
    assert readings.timestamp_ms == plugged.board.clock.timestamp_ms()


def test_unplugged_it_leaves_the_pin(plugged: Plugged) -> None:
    plugged.module.open()
    plugged.emulated.unplug()
    assert plugged.board.analog("AIN1").volts() == 0.0
