"""Every module of the catalogue: what is set in the physical world comes out of its readings.

1. No module is named: what the emulator offers under a reading's name is measured by that reading.
2. The whole way is gone: ZeroMQ, MessagePack, dispatch, module, driver, emulated chip and back.
3. Parts of the board have no slot of their own; where their quantities are is told by ``PLACES``.
"""

from __future__ import annotations

import functools
import itertools
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.bridge.bridge_process import BridgeProcess
from tests.bridge.wire_client import RawClient

from wisblock_bridge.boards.rak7391 import GENERATION_C
from wisblock_bridge.modules import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

Map = dict[str, Any]
MODULES: list[Map] = registry.load_own().data["modules"]  # type: ignore[assignment]

PLACES = {
    "ADC": {"voltage": "voltage_{channel}"},
    "RAK13005": {"data": "data_{id}"},
    "RAK5802": {"value": "value_{unit}"},
    "TPT29555": {"level": "{expander}_{line}"},
}
"""Module to reading to quantity, for what has inputs that no product knows; parameters in braces:
what is soldered to the board, and what is on a line behind the product."""

CHOOSERS = ("channel", "pin", "line", "bridge")
"""Parameters that choose an input or output: quantity "voltage_3" for reading "voltage"."""

QUICK: Map = {"samples": 1, "ramp_ms": 0}
"""Parameters that only make things slower."""


@pytest.fixture(scope="module")
def started() -> Iterator[Callable[[str], BridgeProcess]]:
    """Give a bridge on a board; one process for each board."""
    variants = {"RAK7391": "C", "RAK6421": "VA"}
    with ExitStack() as running:
        yield functools.cache(
            lambda board: running.enter_context(
                BridgeProcess("--board", board, "--variant", variants[board])
            )
        )


@pytest.fixture
def wire(started: Callable[[str], BridgeProcess], board: str) -> Iterator[RawClient]:
    endpoint = started(board).endpoint
    with RawClient(endpoint) as made:
        yield made
    with RawClient(endpoint) as cleaner:
        for entry in cleaner.result("status")["slots"]:
            cleaner.result("release", module=entry["module"], slot=entry["slot"], force=True)
        for slot in (1, 2):
            cleaner.result("emulator.unplug", slot=slot)


class Way(NamedTuple):
    """One way to measure or to act: what to call, and which quantity it is about."""

    operation: Map
    params: Map
    reading: Map
    quantity: str


def domain(param: Map) -> list[Any]:
    """All values of a parameter that chooses an input."""
    if param["choices"]:
        return [each for each in param["choices"] if each != "all"]
    return list(range(int(param["low"]), int(param["high"]) + 1))


def ways(module: Map) -> Iterator[Way]:
    """All ways that lead from an operation to a quantity."""
    places = PLACES.get(module["name"], {})
    for operation in module["operations"]:
        params = {each["name"]: each for each in operation["params"]}
        quick = {name: value for name, value in QUICK.items() if name in params}
        needed = {name for name, each in params.items() if each["required"]}
        needed.discard(operation["payload_param"])
        for reading in operation["readings"]:
            name = reading["name"]
            templates = [places[name]] if name in places else [name]
            if not places:
                templates += [f"{name}_{{{each}}}" for each in CHOOSERS if each in params]
            for template in templates:
                chosen = [each for each in params if f"{{{each}}}" in template]
                if template.count("{") != len(chosen) or not needed <= set(chosen):
                    continue
                for values in itertools.product(*(domain(params[each]) for each in chosen)):
                    given = dict(zip(chosen, values, strict=True))
                    yield Way(operation, {**quick, **given}, reading, template.format(**given))


def samples(kind: str, choices: list[Any], low: float, high: float) -> list[Any]:
    """Low, middle and high, of the type that is wanted."""
    match kind:
        case "bool":
            return [False, True, False]
        case "int" if not choices:
            return sorted({int(low), int(low + high) // 2, int(high)})
        case "float":
            return [low, (low + high) / 2, high]
        case "bytes":  # limits are lengths
            return [bytes(int(high)), bytes(range(int(low))), b"\xff" * int(high)]
        case _:
            return list(choices)


def writes(way: Way) -> bool:
    """Whether the way's operation takes a value, beside what chooses the output."""
    name = way.operation["payload_param"]
    return bool(name) and name not in way.params


def equal(found: object, value: object, tolerance: float) -> bool:
    """Compare within the tolerance; a truth is no number and a whole number no fraction."""
    if isinstance(value, float):
        return bool(found == pytest.approx(value, abs=tolerance))
    return type(found) is type(value) and found == value


def measure(wire: RawClient, module: Map, slot: int | str, way: Way, fact: Map) -> None:
    """Set the quantity through the back door and read it through the module."""
    reading = way.reading
    for value in samples(reading["kind"], reading["choices"], fact["low"], fact["high"]):
        wire.result("emulator.set", slot=slot, quantity=way.quantity, value=value)
        result = wire.invoke(module["name"], slot, way.operation["name"], **way.params)
        assert result["emulated"] is True
        found = result["readings"][reading["name"]]
        assert equal(found, value, fact["tolerance"]), (way.quantity, value, found)


def shows(wire: RawClient, slot: int | str, quantity: str, value: object, tolerance: float) -> bool:
    """Whether the physical world is as told; what is mechanical takes a moment."""
    seen = wire.result("emulator.get", slot=slot, quantity=quantity)["value"]
    return equal(seen, value, tolerance)


def act(wire: RawClient, module: Map, slot: int | str, way: Way, fact: Map) -> None:
    """Drive an output through the module and look at it through the back door."""
    name = way.operation["payload_param"]
    param = next(each for each in way.operation["params"] if each["name"] == name)
    told: object = None
    for value in samples(param["kind"], param["choices"], param["low"], param["high"]):
        reply = wire.ask(
            "invoke",
            module=module["name"],
            slot=slot,
            operation=way.operation["name"],
            params={**way.params, name: value},
        )
        if reply["ok"]:
            told = reply["result"]["readings"][way.reading["name"]]
        else:  # too much together with something else; then nothing has changed
            assert reply["error"]["code"] == "bad_params", reply
            assert told is not None, reply
        wire.wait_until(
            functools.partial(shows, wire, slot, way.quantity, told, fact["tolerance"]),
            f"{way.quantity} is {told}",
        )


def clashes(module: Map) -> bool:
    """Whether an address of a module, as delivered, is taken on the RAK7391."""
    wanted = {need.get("address") for need in module["needs"]}
    return bool(wanted & set(GENERATION_C.taken_addresses))


CASES = [
    pytest.param("RAK6421" if clashes(module) else "RAK7391", module, slot,
                 id=f"{module['name']}-{slot}")
    for soldered in (True, False)  # first, because a module that was released leaves lines driven
    for module in MODULES
    for slot in module["slots"]
    if (slot == "board") is soldered
]  # fmt: skip


@pytest.mark.parametrize(("board", "module", "slot"), CASES)
def test_round_trip(wire: RawClient, board: str, module: Map, slot: int | str) -> None:
    name = module["name"]
    assert wire.result("hello")["board"] == board
    if slot != "board":
        wire.result("emulator.plug", slot=slot, module=name)
    offered = {each["quantity"]: each for each in wire.result("emulator.list", slot=slot)}
    done: set[str] = set()
    for way in ways(module):
        fact = offered.get(way.quantity)
        if fact is None:
            continue
        assert fact["unit"] == way.reading["unit"], f"{name}: {way.quantity} has two units"
        if way.operation["reads_only"] and fact["writable"]:
            measure(wire, module, slot, way, fact)
        elif not way.operation["reads_only"] and writes(way) and not fact["writable"]:
            act(wire, module, slot, way, fact)
        else:
            continue
        done.add(way.quantity)
    assert done, f"{name}: nothing that the emulator offers is measured or driven by an operation"
    readings = {each["name"] for one in module["operations"] for each in one["readings"]}
    forgotten = {each for each in readings & set(offered) if offered[each]["writable"]} - done
    assert not forgotten, f"{name}: {forgotten} can be set but was never measured"
