"""ADC: volts at the four inputs, gain by gain, over the real driver on an emulated board."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from tests.bridge.rig import Rig

from wisblock_bridge.boards.rak7391 import GENERATION_B, GENERATION_C

A = b"a"


@pytest.fixture(params=[GENERATION_C, GENERATION_B], ids=["SGM58031", "ADS1115"])
def rig(request: pytest.FixtureRequest) -> Any:
    with Rig(request.param) as made:
        yield made


def put(rig: Rig, channel: int, volts: float) -> None:
    rig.result(A, "emulator.set", slot="board", quantity=f"voltage_{channel}", value=volts)


def read(rig: Rig, **params: Any) -> Any:
    return rig.invoke(A, "ADC", "board", "read", **params)["voltage"]


def difference(rig: Rig, **params: Any) -> Any:
    return rig.invoke(A, "ADC", "board", "read_differential", **params)["voltage"]


@pytest.mark.parametrize("volts", [0.0, 0.559625, 3.3, -0.000125])
def test_documented_voltages_come_out_exactly(rig: Rig, volts: float) -> None:
    put(rig, 0, volts)
    assert read(rig) == pytest.approx(volts, abs=1e-9)


@pytest.mark.parametrize("channel", range(4))
def test_channels_are_kept_apart(rig: Rig, channel: int) -> None:
    for number in range(4):
        put(rig, number, 0.5 + number / 4)
    assert read(rig, channel=channel) == pytest.approx(0.5 + channel / 4, abs=0.000125)


@pytest.mark.parametrize(
    ("gain", "full_scale"),
    [("2/3", 6.144), (1, 4.096), (2, 2.048), (4, 1.024), (8, 0.512), (16, 0.256)],
)
def test_gains(rig: Rig, gain: Any, full_scale: float) -> None:
    step = full_scale / 32768
    for share in (0.0, 0.1, 0.5):
        put(rig, 2, share * full_scale)
        assert read(rig, channel=2, gain=gain) == pytest.approx(share * full_scale, abs=step)
    if full_scale < 3.3:
        put(rig, 2, full_scale)
        error = rig.refused(A, "ADC", "board", "read", channel=2, gain=gain)
        assert error["code"] == "out_of_range"
        assert "smaller gain" in error["hint"]
        assert error["where"].startswith("ADC on the board")


def test_now_and_then_above_the_supply_is_uncertain(rig: Rig) -> None:
    volts = itertools.cycle([0.5, 3.5])
    rig.board._inputs[0].connect(lambda: next(volts))
    result = rig.reply(A, rig.send_invoke(A, "ADC", "board", "read", samples=4))["result"]
    assert result["readings"]["voltage"] == pytest.approx(2.0, abs=0.001)
    assert result["quality"] == "uncertain"
    assert "3.3 V" in result["note"]


@pytest.mark.parametrize(("volts", "quality"), [(-0.002, "good"), (-0.003, "uncertain")])
def test_below_ground_is_uncertain(rig: Rig, volts: float, quality: str) -> None:
    put(rig, 0, volts)
    result = rig.reply(A, rig.send_invoke(A, "ADC", "board", "read"))["result"]
    assert result["readings"]["voltage"] == pytest.approx(volts, abs=0.000125)
    assert result["quality"] == quality


def test_above_the_supply_is_uncertain(rig: Rig) -> None:
    put(rig, 0, 3.5)
    result = rig.reply(A, rig.send_invoke(A, "ADC", "board", "read"))["result"]
    assert result["quality"] == "uncertain"
    assert "3.3 V" in result["note"]
    assert result["readings"]["voltage"] == pytest.approx(3.5, abs=0.000125)


@pytest.mark.parametrize("pair", [(0, 1), (0, 3), (1, 3), (2, 3)])
def test_pairs(rig: Rig, pair: tuple[int, int]) -> None:
    for channel, volts in enumerate((1.0, 0.25, 2.0, 3.0)):
        put(rig, channel, volts)
    expected = (1.0, 0.25, 2.0, 3.0)[pair[0]] - (1.0, 0.25, 2.0, 3.0)[pair[1]]
    found = difference(rig, positive=pair[0], negative=pair[1])
    assert found == pytest.approx(expected, abs=0.00025)


def test_pairs_that_cannot_be_formed(rig: Rig) -> None:
    possible = {(0, 1), (0, 3), (1, 3), (2, 3)}
    before = rig.transactions
    for positive in range(4):
        for negative in range(4):
            if (positive, negative) not in possible:
                error = rig.refused(
                    A, "ADC", "board", "read_differential", positive=positive, negative=negative
                )
                assert error["code"] == "bad_params"
                assert "0-1, 0-3, 1-3, 2-3" in error["message"]
    assert rig.transactions == before


def test_samples_are_averaged(rig: Rig) -> None:
    volts = iter([1.0, 2.0, 3.0])
    rig.board._inputs[0].connect(lambda: next(volts))
    assert read(rig, samples=3) == pytest.approx(2.0, abs=0.000125)


def test_it_goes_on_beside_a_module_in_a_slot(rig: Rig) -> None:
    """Both use the same converter, on different inputs."""
    put(rig, 2, 1.25)
    first = rig.send_invoke(A, "RAK5801", 1, "read", samples=20)
    numbers = [rig.send_invoke(A, "ADC", "board", "read", channel=2) for _ in range(20)]
    for number in numbers:
        voltage = rig.reply(A, number)["result"]["readings"]["voltage"]
        assert voltage == pytest.approx(1.25, abs=0.000125)
    current = rig.reply(A, first)["result"]["readings"]["current"]
    assert current == pytest.approx(12.0, abs=0.001)
