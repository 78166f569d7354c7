"""The generated classes of the Python client: fresh, complete, and imported when they are used."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment, eventually

from wisblock_bridge.client import (
    Bridge,
    ModuleProxy,
    NoDeviceError,
    Result,
)
from wisblock_bridge.client.modules import NAMES, find_class
from wisblock_bridge.client.modules.rak5801 import Rak5801, Rak5801ReadResult
from wisblock_bridge.client.results import to_result

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOGUE: dict[str, Any] = json.loads((ROOT / "node-red-nodes/catalogue.json").read_text())


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )


# -- without a bridge -----------------------------------------------------------------------------


def test_what_is_generated_is_fresh() -> None:
    for script in ("generate_client.py", "include_examples.py"):
        finished = run(str(ROOT / "scripts" / script), "--check")
        assert finished.returncode == 0, finished.stderr


def test_every_module_has_a_class_with_its_operations_and_their_words() -> None:
    for module in CATALOGUE["modules"]:
        kind = find_class(module["name"])
        assert kind is not None
        assert module["name"] == kind.MODULE
        assert module["summary"] in " ".join(inspect.cleandoc(kind.__doc__ or "").split())
        assert hasattr(Bridge, module["slug"])
        for operation in module["operations"]:
            method = inspect.signature(getattr(kind, operation["name"]))
            assert set(method.parameters) - {"self"} == {
                each["name"] for each in operation["params"]
            }
            for param in operation["params"]:
                default = method.parameters[param["name"]].default
                if param["required"]:
                    assert default is inspect.Parameter.empty
                elif param["kind"] == "list":
                    assert list(default or ()) == (param["default"] or [])
                else:
                    assert default == param["default"]
            words = getattr(kind, operation["name"]).__doc__
            assert all(f"{each['name']}: " in words for each in operation["params"])
            assert all(f"``{each['name']}``" in words for each in operation["readings"])
        assert set(kind.EVENTS) == {each["name"] for each in module["events"]}
    assert set(NAMES) == {each["name"] for each in CATALOGUE["modules"]}


def test_units_and_ranges_are_said() -> None:
    words = Rak5801.calibrate.__doc__ or ""
    assert "actual: The current that really flows now (0 to 22 mA)." in words
    assert Rak5801ReadResult.percent.__doc__ is not None
    assert Rak5801ReadResult.percent.__doc__.endswith("(-25 to 112.5 %).")


def test_a_module_is_imported_when_it_is_used_and_not_before() -> None:
    finished = run(
        "-c",
        "import sys; from wisblock_bridge.client import Bridge\n"
        "mine = 'wisblock_bridge.client.modules.rak'\n"
        "print([name for name in sys.modules if name.startswith(mine)])\n"
        "from wisblock_bridge.client.modules import find_class; find_class('RAK5801')\n"
        "print([name for name in sys.modules if name.startswith(mine)])\n",
    )
    assert finished.stdout.splitlines() == ["[]", "['wisblock_bridge.client.modules.rak5801']"]


def test_a_result_without_a_reading_says_which_ones_it_has() -> None:
    result = to_result({"readings": {"percent": 50.0}}, Rak5801ReadResult)
    assert result.percent == 50.0
    assert result.value is None
    with pytest.raises(AttributeError, match=r"no reading 'current'; it has percent"):
        _ = result.current
    with pytest.raises(AttributeError):
        result.percent = 4.0  # type: ignore[misc]


# -- with one -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


@pytest.fixture
def bridge(served: BridgeProcess) -> Iterator[Bridge]:
    with Bridge(served.endpoint, name="test") as connected:
        for slot in (1, 2):
            for name in NAMES:
                if name.startswith("RAK"):
                    connected.release(name, slot, force=True)
        yield connected


def test_a_module_is_read_by_its_method(bridge: Bridge) -> None:
    module = bridge.rak5801(slot=1)
    module.read(samples=1)
    bridge.emulator.set(1, "current", 12.0)
    result = module.read(samples=8)
    assert isinstance(result, Rak5801ReadResult)
    assert result.current == pytest.approx(12.0, abs=0.002)
    assert result["percent"] == pytest.approx(50.0, abs=0.02)
    assert result.loop == "ok"
    assert result.quality == "good"
    assert result.value is None
    assert module.read(scale_low=0.0, scale_high=10.0).value == pytest.approx(5.0, abs=0.01)


def test_by_its_name_a_module_has_the_same_class(bridge: Bridge) -> None:
    assert type(bridge["RAK5801", 1]) is Rak5801
    assert ModuleProxy in Rak5801.__mro__
    assert type(bridge["ADC"]) is type(bridge.adc())
    assert bridge["ADC"].read(channel=0)["voltage"] == bridge.adc().read(channel=0).voltage


def test_what_only_the_bridge_knows_is_called_untyped(bridge: Bridge) -> None:
    unknown = bridge["RAK99999", 1]
    assert type(unknown) is ModuleProxy
    with pytest.raises(Exception, match="RAK99999"):
        unknown.read()
    # an operation that a newer bridge may have, of a module that is known
    with pytest.raises(Exception, match="no operation"):
        bridge.rak5801(1).measure_twice()  # type: ignore[attr-defined]


def test_readings_at_an_interval(bridge: Bridge) -> None:
    module = bridge.rak5801(1)
    module.read(samples=1)
    bridge.emulator.set(1, "current", 8.0)
    seen = []
    for value in module.every(0.02).read(samples=1):
        seen.append(value.current)
        if len(seen) == 3:
            break
    assert seen == pytest.approx([8.0] * 3, abs=0.01)
    with module.every(0.02) as events:
        event = events.next(LONG_S)
        assert event is not None
        assert isinstance(event.result, Rak5801ReadResult)
        assert event.initial
    with module.every(0.02, samples=1) as plain:
        event = plain.next(LONG_S)
        assert event is not None
        assert isinstance(event.result, Rak5801ReadResult)


def test_a_subscription_that_nobody_holds_ends(bridge: Bridge) -> None:
    def subscriptions() -> object:
        sessions = bridge.status()["sessions"]
        assert isinstance(sessions, list)
        return next(each["subscriptions"] for each in sessions if each["client"] == "test")

    for value in bridge.rak5801(1).every(0.05).read(samples=1):
        assert isinstance(value, Result)
        assert subscriptions() == 1
        break
    eventually(lambda: subscriptions() == 0, "it has ended")


def test_a_failure_is_raised_and_the_readings_after_it_still_come(bridge: Bridge) -> None:
    readings = bridge.adc().every(0.02).read(channel=0)
    assert next(readings).voltage >= 0
    bridge.emulator.fault("nack", bus="i2c-1", address=0x4B, count=20)
    with pytest.raises(NoDeviceError) as caught:
        for _ in readings:
            pass
    assert "0x4b" in caught.value.where
    bridge.emulator.fault("nack", bus="i2c-1", address=0x4B, count=0)
    assert next(readings).voltage >= 0
    readings.close()


def test_events_have_the_class_of_their_result(bridge: Bridge) -> None:
    with bridge.tpt29555().events("change", expander="slots", lines=[3]) as changes:
        first = changes.next(LONG_S)
        assert first is not None
        assert first.initial
        bridge.emulator.set("board", "slots_3", 0)
        changed = changes.next(LONG_S)
        bridge.emulator.set("board", "slots_3", -1)
    assert changed is not None
    assert (changed.result.line, changed.result.level) == (3, 0)
