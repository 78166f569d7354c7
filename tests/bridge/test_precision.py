"""Numbers are rounded to the precision of their step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import pytest
from tests.bridge.bridge_process import BridgeProcess
from tests.bridge.probe import Probe, Script
from tests.bridge.rig import Rig
from tests.bridge.wire_client import RawClient
from tests.cases import for_each

from wisblock_bridge.module_api import ReadingSpec
from wisblock_bridge.module_api.precision import Precision, decimals_of, to_digits
from wisblock_bridge.modules import registry
from wisblock_bridge.modules.modbus.rak5802 import RAK5802

if TYPE_CHECKING:
    from collections.abc import Iterator


@for_each(
    ("step", "decimals"),
    [
        (0.0008, 4),
        (0.000834, 4),
        (0.1, 1),
        (0.5, 1),
        (0.25, 2),
        (1.0, 0),
        (20.0, 0),
        (0.004, 3),
        (0.001, 3),
        (3.0 / 256, 3),
        (5.0 / 4096, 4),
        (0.00021, 5),
        (0.256 / 32768, 6),
        (1e-06, 6),
    ],
)
def test_decimals_of_a_step(step: float, decimals: int) -> None:
    assert decimals_of(step) == decimals
    for number in range(1, 200):  # neighbours stay apart, and near to where they were
        exact = number * step
        assert abs(round(exact, decimals) - exact) <= step / 10 + 1e-12


@for_each(
    ("value", "told"),
    [
        (1 / 3, 0.333333),
        (-2 / 3 * 1e-7, -6.66667e-08),
        (1234567.891, 1234568.0),
        (999999.96, 1000000.0),
        (0.1 + 0.2, 0.3),
        (-0.0, 0.0),
        (math.inf, math.inf),
    ],
)
def test_six_digits_where_no_step_is_known(value: float, told: float) -> None:
    assert repr(to_digits(value)) == repr(told)


@for_each(
    ("value", "told"),
    [
        (19.750588934289524, 19.7506),
        (168.39999999999998, 168.4),
        (30.412800000000004, 30.4128),
        (-0.00001, 0.0),
        (12, 12),
        (True, True),
        ("0.30000000000000004", "0.30000000000000004"),
        ([0.1 + 0.2, 7, "x"], [0.3, 7, "x"]),
        ([1, 2], [1, 2]),
    ],
)
def test_values_of_a_reading(value: object, told: object) -> None:
    kinds: tuple[Literal["float", "list"], ...] = ("float", "list")
    for kind in kinds:
        precision = Precision([ReadingSpec("value", "Something.", kind=kind, step=0.0008)])
        values: dict[str, object] = {"value": value, "other": 0.1 + 0.2}
        precision.apply(values)
        assert repr(values) == repr({"value": told, "other": 0.1 + 0.2})


def test_a_number_of_another_computer_keeps_what_it_holds() -> None:
    values: dict[str, object] = {"value": 1684 * 0.1, "registers": [1, 2]}
    RAK5802.description.operations["read_value"].precision.apply(values)
    assert values == {"value": 168.4, "registers": [1, 2]}
    values = {"value": 123456789012345.0}
    RAK5802.description.operations["read_value"].precision.apply(values)
    assert values == {"value": 123456789012345.0}


@pytest.fixture
def rig() -> Iterator[Rig]:
    Probe.script = Script(values=[0.1 + 0.2])
    with Rig(modules={"PROBE": Probe}) as made:
        yield made


def test_replies_and_events_are_clean(rig: Rig) -> None:
    result = rig.invoke(b"a", "PROBE", 1, "read", word="w")
    assert repr(result["value"]) == "0.3"
    for asked in (
        {"operation": "read", "params": {"word": "w"}, "every_ms": 1000},
        {"event": "changed"},
    ):
        number = rig.result(b"a", "subscribe", module="PROBE", slot=1, **asked)["subscription"]
        rig.pump_until(lambda number=number: bool(rig.events(b"a", number)), "an event")  # type: ignore[misc]
        assert repr(rig.events(b"a", number)[0]["readings"]["value"]) == "0.3"


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess("--board", "RAK7391") as made:
        yield made


def clean(value: object) -> bool:
    """Return whether a number has digits that a person would write, and no negative zero."""
    if not isinstance(value, float):
        return True
    digits = repr(abs(value)).split("e")[0].replace(".", "").strip("0")
    return len(digits) <= 10 and repr(value) != "-0.0"


MODULES: list[dict[str, Any]] = registry.load().data["modules"]  # type: ignore[assignment]


@pytest.mark.parametrize("name", ["RAK5801", "RAK5811", "RAK16000", "RAK16001", "RAK12009"])
def test_no_noise_on_the_wire(served: BridgeProcess, name: str) -> None:
    with RawClient(served.endpoint) as wire:
        operations = next(each for each in MODULES if each["name"] == name)["operations"]
        quick = {"samples": 3}
        wire.result("emulator.plug", slot=1, module=name)
        for quantity in wire.result("emulator.list", slot=1):
            if not isinstance(quantity["low"], float) or not quantity["writable"]:
                continue
            for share in (1 / 3, 0.7390163, 0.11):
                value = quantity["low"] + share * (quantity["high"] - quantity["low"])
                name_of = quantity["quantity"]
                set_to = wire.result("emulator.set", slot=1, quantity=name_of, value=value)
                assert clean(set_to["value"])
                assert clean(wire.result("emulator.get", slot=1, quantity=name_of)["value"])
                for operation in operations:
                    if operation["reads_only"]:
                        known = {each["name"] for each in operation["params"]}
                        given: dict[str, Any] = quick if "samples" in known else {}
                        found = wire.invoke(name, 1, operation["name"], **given)["readings"]
                        assert all(clean(number) for number in found.values()), found
        wire.result("release", module=name, slot=1)
        wire.result("emulator.unplug", slot=1)
