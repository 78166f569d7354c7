"""A module describes itself: what is written in a signature comes out in the catalogue."""

from __future__ import annotations

import importlib
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from tests.bridge.probe import ON, VALUE, Probe
from tests.bridge.rig import load_catalogue
from tests.cases import for_each

from wisblock_bridge.module_api import (
    UNITS,
    EventSource,
    Module,
    Param,
    Product,
    ReadingSpec,
    Result,
    analog,
    board_converter,
    chip,
    event,
    line,
    operation,
    optional_line,
)
from wisblock_bridge.modules import registry
from wisblock_bridge.wire import catalogue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wisblock_bridge.module_api.signatures import ModuleDescription


class Shape(StrEnum):
    ROUND = "round"
    FLAT = "flat"


class Never(EventSource):
    """Nothing to see."""

    def look(self) -> Sequence[Result]:
        """Look."""
        return ()


class Everything(Module):
    """Do all there is.

    This is a second
    paragraph.

    And a third one.
    """

    product = Product("ALL", "all of it", "sensors", (1, 2), "all.svg", "https://example.org/")
    unconfirmed = ("Whether it works.",)

    first = line("IO1")
    second = optional_line("IO2")
    third = analog("AIN0")
    fourth = chip(lambda *_: None, "CHIP", 0x40, (0x41,))
    fifth = board_converter()

    @operation(
        gives=(VALUE, ON), main=VALUE, drives="{whole}", urgent={"word": "off"},
        payload_param="whole", default=True,
    )  # fmt: skip
    def act(  # noqa: PLR0917
        self,
        whole: Annotated[int, Param("A whole one.", unit="millisecond", low=1, high=9)],
        real: Annotated[float, Param("A real one.", low=-1.5, high=1.5)] = 0.5,
        truth: Annotated[bool, Param("A truth.", label="Really")] = False,  # noqa: FBT002
        word: Annotated[str, Param("A word.", low=1, high=4)] = "off",
        data: Annotated[bytes, Param("Bytes.", low=0, high=8)] = b"",
        some: Annotated[list[int], Param("Some.", low=0, high=3)] = [],  # noqa: B006
        shape: Annotated[Shape, Param("A shape.")] = Shape.FLAT,
        channel: Annotated[int | Literal["all"], Param("A channel.", low=0, high=3)] = "all",
        maybe: Annotated[float | None, Param("Perhaps.", low=0, high=1)] = None,
    ) -> Result:
        """Act on it.

        With details.

        Returns:
            Everything.
        """
        return self.readings(args=(whole, real, truth, word, data, some, shape, channel, maybe))

    @operation(gives=(), reads_only=True)
    def look(self) -> Result:
        """Only look."""
        return self.readings()

    @event(gives=(VALUE,), main=VALUE, polled=False)
    def seen(self) -> Never:
        """Tell what was seen."""
        return Never(1.0)


@pytest.fixture
def exported() -> dict[str, Any]:
    data = catalogue.export([Everything.description])
    modules: Any = data["modules"]
    found: dict[str, Any] = modules[0]
    return found


def test_the_product(exported: dict[str, Any]) -> None:
    assert {
        key: exported[key]
        for key in ("name", "slug", "title", "family", "slots", "icon", "reference")
    } == {
        "name": "ALL",
        "slug": "all",
        "title": "all of it",
        "family": "sensors",
        "slots": [1, 2],
        "icon": "all.svg",
        "reference": "https://example.org/",
    }
    assert exported["summary"] == "Do all there is."
    assert exported["details"] == ["This is a second paragraph.", "And a third one."]
    assert exported["unconfirmed"] == ["Whether it works."]


def test_needs(exported: dict[str, Any]) -> None:
    assert exported["needs"] == [
        {"kind": "line", "pin": "IO1"},
        {"kind": "line", "pin": "IO2"},
        {"kind": "analog", "pin": "AIN0"},
        {"kind": "chip", "chip": "CHIP", "address": 0x40, "alternatives": [0x41]},
        {"kind": "board", "part": "converter"},
    ]


def test_operations_and_events(exported: dict[str, Any]) -> None:
    act, look = exported["operations"]
    (seen,) = exported["events"]
    assert (act["name"], act["summary"], act["details"]) == ("act", "Act on it.", "With details.")
    assert (act["default"], act["reads_only"], act["main"]) == (True, False, "value")
    assert (act["drives"], act["payload_param"]) == ("{whole}", "whole")
    assert act["urgent"] == {"word": "off"}
    assert [each["name"] for each in act["readings"]] == ["value", "on"]
    assert (look["reads_only"], look["params"], look["readings"]) == (True, [], [])
    assert (seen["name"], seen["polled"], seen["main"]) == ("seen", False, "value")
    assert seen["occurrence"] is False


def test_events_are_distinguished_from_states() -> None:
    """By name: a card arrives or leaves, something was received; all others are states."""
    for name, cls in load_catalogue().modules.items():
        for each in cls.description.events.values():
            happens = each.name in {"arrived", "removed", "received", "frame"}
            assert each.occurrence is happens, f"{name}: {each.name}"


def test_parameters(exported: dict[str, Any]) -> None:
    found = {each["name"]: each for each in exported["operations"][0]["params"]}
    assert list(found) == [
        "whole", "real", "truth", "word", "data", "some", "shape", "channel", "maybe",
    ]  # fmt: skip
    assert found["whole"] == {
        "name": "whole",
        "label": "Whole",
        "summary": "A whole one.",
        "kind": "int",
        "item_kind": None,
        "required": True,
        "default": None,
        "choices": [],
        "unit": "millisecond",
        "low": 1,
        "high": 9,
    }
    assert [each["kind"] for each in found.values()] == [
        "int", "float", "bool", "str", "bytes", "list", "str", "int", "float",
    ]  # fmt: skip
    assert found["truth"]["label"] == "Really"
    assert (found["some"]["item_kind"], found["some"]["default"]) == ("int", [])
    assert (found["shape"]["choices"], found["shape"]["default"]) == (["round", "flat"], "flat")
    assert (found["channel"]["choices"], found["channel"]["default"]) == (["all"], "all")
    assert (found["maybe"]["required"], found["maybe"]["default"]) == (False, None)


def test_what_says_which_of_several_things_is_meant() -> None:
    described = Everything.description
    act, seen = described.operations["act"], described.events["seen"]
    assert act.selecting_names == ("whole",), "it names the output"
    arguments: tuple[object, ...] = (3, 0.5, False, "off", b"", [], "flat", "all", None)
    assert act.about(arguments, {}) == (3,)
    assert act.selected((3,)) == {"whole": 3}
    assert (act.outcome, seen.outcome) == ("result", "event")
    adc = load_catalogue().modules["ADC"].description.operations["read"]
    assert adc.about((2, 1, 8), {}) == (2,), "the channel, not the gain"
    changes = load_catalogue().modules["TPT29555"].description.events["change"]
    assert changes.selecting_names == ("expander",)
    assert changes.about(("board", [3, 4], 100), {"line": 4, "level": 1}) == ("board", 4)
    exported: Any = catalogue.export([load_catalogue().modules["ADC"].description])["modules"]
    params = exported[0]["operations"][0]["params"]
    assert [each["name"] for each in params if each.get("selects")] == ["channel"]


def test_outputs_and_urgency() -> None:
    act = Everything.description.operations["act"]
    assert act.output({"whole": 3}) == "3"
    assert act.is_urgent({"word": "off", "whole": 1})
    assert not act.is_urgent({"word": "on"})
    look = Everything.description.operations["look"]
    assert (look.output({}), look.is_urgent({})) == ("", False)
    assert act.default
    assert Probe.description.operations["set"].output({"which": "b"}) == "b"


def test_an_invalid_declaration_is_rejected_at_once() -> None:
    with pytest.raises(ValueError, match="not in the vocabulary"):
        ReadingSpec("x", "X.", unit="furlong")
    with pytest.raises(TypeError, match="parameter loose needs Annotated"):

        class Loose(Module):
            """A module."""

            product = Everything.product

            @operation(gives=())
            def act(self, loose: int) -> Result:
                """Act."""
                return self.readings(loose=loose)

    with pytest.raises(ValueError, match="parameter odd: furlong"):

        class Odd(Module):
            """A module."""

            product = Everything.product

            @operation(gives=())
            def act(self, odd: Annotated[int, Param("Odd.", unit="furlong")]) -> Result:
                """Act."""
                return self.readings(odd=odd)


def test_readings_leave_out_what_is_not_there(clock: Any) -> None:
    readings = Everything({}, clock, None).readings(value=1.5, extra=None)  # type: ignore[arg-type]
    assert readings.values == {"value": 1.5}
    assert readings.timestamp_ms == clock.timestamp_ms()


# -- the real catalogue -----------------------------------------------------------------------

MODULES: Mapping[str, type[Module]] = load_catalogue().modules


def test_nothing_is_broken() -> None:
    assert load_catalogue().broken == {}
    assert set(MODULES) >= {"ADC", "RAK5801", "RAK5811", "TPT29555"}
    assert list(MODULES) == sorted(MODULES)


def test_it_is_plain_data() -> None:
    loaded = load_catalogue()
    assert json.loads(json.dumps(loaded.data, allow_nan=False)) == loaded.data
    assert loaded.sha256 == catalogue.fingerprint(loaded.data)
    changed = json.loads(json.dumps(loaded.data))
    changed["modules"][0]["title"] += "."
    assert catalogue.fingerprint(changed) != loaded.sha256
    assert registry.load().sha256 == loaded.sha256


def test_a_broken_module_file_is_reported_and_the_others_serve(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = importlib.import_module

    def fail(name: str) -> Any:
        if name.endswith(".rak5801"):
            raise SyntaxError("half a line")
        return real(name)

    monkeypatch.setattr(importlib, "import_module", fail)
    loaded = registry.load()
    assert loaded.broken == {"rak5801": "SyntaxError: half a line"}
    assert set(loaded.modules) == set(MODULES) - {"RAK5801"}
    assert "rak5801" in caplog.text


@for_each("description", [each.description for each in MODULES.values()],
                         ids=MODULES)  # fmt: skip
def test_every_description_is_complete(description: ModuleDescription) -> None:
    assert description.summary.endswith(".")
    assert description.operations
    operations = description.operations.values()
    assert sum(each.default for each in operations) == 1
    for each in (*operations, *description.events.values()):
        assert each.summary.endswith("."), each.name
        assert each.gives or not each.reads_only, each.name
        names = [reading.name for reading in each.gives]
        assert len(names) == len(set(names))
        assert not each.main or each.main in names
        params = {param.name for param in each.params}
        assert not each.payload_param or each.payload_param in params
        if not isinstance(each.urgent, bool):
            assert set(each.urgent) <= params
        if each.drives:
            assert not each.reads_only
            each.output(dict.fromkeys(params, 0))
        for param in each.params:
            assert param.facts.summary.endswith("."), param.name
            assert param.facts.unit in UNITS
            number = (param.item_kind or param.kind) in {"int", "float"}
            if number and not (param.choices and param.facts.low is None):
                assert param.facts.low is not None, f"{param.name} has no lower limit"
                assert param.facts.high is not None, f"{param.name} has no upper limit"
        for reading in each.gives:
            assert reading.summary.endswith("."), reading.name
            if reading.low is not None and reading.high is not None:
                assert reading.low < reading.high
