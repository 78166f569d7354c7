"""Every module of the catalogue: what is set in the physical world comes out of its readings.

1. No module is named: what the emulator offers under a reading's name is measured by that reading.
2. The whole way is gone: ZeroMQ, MessagePack, dispatch, module, driver, emulated chip and back.
3. Parts of the board have no slot of their own; where their quantities are is told by ``PLACES``.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import BridgeProcess
from tests.bridge.wire_client import RawClient

from wisblock_bridge import catalogue

if TYPE_CHECKING:
    from collections.abc import Iterator

Map = dict[str, Any]
MODULES: list[Map] = catalogue.load().data["modules"]  # type: ignore[assignment]

PLACES = {"ADC": {"voltage": "voltage_{channel}"}, "TPT29555": {"level": "{expander}_{line}"}}
"""Module to reading to quantity, for what is soldered to the board; parameters in braces."""

QUICK: Map = {"samples": 1}
"""Parameters that only make a reading slower."""


@pytest.fixture(scope="module")
def bridge() -> Iterator[BridgeProcess]:
    with BridgeProcess() as made:
        yield made


@pytest.fixture
def wire(bridge: BridgeProcess) -> Iterator[RawClient]:
    with RawClient(bridge.endpoint) as made:
        yield made
    with RawClient(bridge.endpoint) as cleaner:
        for entry in cleaner.result("status")["slots"]:
            cleaner.result("release", module=entry["module"], slot=entry["slot"])
        for slot in (1, 2):
            cleaner.result("emulator.unplug", slot=slot)


def domain(param: Map) -> list[Any]:
    """All values of a parameter that chooses an input."""
    if param["choices"]:
        return [each for each in param["choices"] if each != "all"]
    assert param["kind"] == "int", param
    return list(range(int(param["low"]), int(param["high"]) + 1))


def calls(module: Map) -> Iterator[tuple[str, Map, Map, str]]:
    """All ways to measure: operation, parameters, reading, name of the quantity."""
    for operation in module["operations"]:
        if not operation["reads_only"]:
            continue
        params = {each["name"]: each for each in operation["params"]}
        quick = {name: value for name, value in QUICK.items() if name in params}
        for reading in operation["readings"]:
            templates = [PLACES.get(module["name"], {}).get(reading["name"], reading["name"])]
            if not PLACES.get(module["name"]):
                templates += [f"{reading['name']}_{{{name}}}" for name in params]
            for template in templates:
                chosen = [name for name in params if f"{{{name}}}" in template]
                needed = {name for name, each in params.items() if each["required"]}
                if template.count("{") != len(chosen) or not needed <= set(chosen):
                    continue
                for values in itertools.product(*(domain(params[name]) for name in chosen)):
                    given = dict(zip(chosen, values, strict=True))
                    yield operation["name"], {**quick, **given}, reading, template.format(**given)


def samples(reading: Map, quantity: Map) -> list[Any]:
    """Low, middle and high, of the reading's own type."""
    low, high = quantity["low"], quantity["high"]
    match reading["kind"]:
        case "bool":
            return [False, True, False]
        case "int":
            return sorted({int(low), int(low + high) // 2, int(high)})
        case "float":
            return [low, (low + high) / 2, high]
        case _:
            return list(reading["choices"])


CASES = [
    pytest.param(module, slot, id=f"{module['name']}-{slot}")
    for module in MODULES
    for slot in module["slots"]
]


@pytest.mark.parametrize(("module", "slot"), CASES)
def test_round_trip(wire: RawClient, module: Map, slot: int | str) -> None:
    name = module["name"]
    if slot != "board":
        wire.result("emulator.plug", slot=slot, module=name)
    offered = {each["quantity"]: each for each in wire.result("emulator.list", slot=slot)}
    measured: set[str] = set()
    for operation, params, reading, quantity in calls(module):
        if quantity not in offered or not offered[quantity]["writable"]:
            continue
        fact = offered[quantity]
        assert fact["unit"] == reading["unit"], f"{name}: {quantity} has two units"
        for value in samples(reading, fact):
            wire.result("emulator.set", slot=slot, quantity=quantity, value=value)
            result = wire.invoke(name, slot, operation, **params)
            found = result["readings"][reading["name"]]
            assert result["emulated"] is True
            if isinstance(value, float):
                assert found == pytest.approx(value, abs=fact["tolerance"]), (quantity, value)
            else:
                assert (type(found), found) == (type(value), value), quantity
            measured.add(quantity)
    assert measured, f"{name}: nothing that the emulator offers is measured by a reading"
    readings = {each["name"] for one in module["operations"] for each in one["readings"]}
    forgotten = (readings & set(offered)) - measured
    forgotten = {each for each in forgotten if offered[each]["writable"]}
    assert not forgotten, f"{name}: {forgotten} can be set but was never measured"
