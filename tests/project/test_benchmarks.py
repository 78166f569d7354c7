"""The benchmarks still run; how fast it is, is not asked here, as the computer may be busy."""

from __future__ import annotations

import sys

import pytest
from benchmarks import alternatives, lines, operations
from benchmarks.processes import bridge

from wisblock_bridge.module_api.needs import PortNeed
from wisblock_bridge.modules import registry

# Motors and relays have nothing to read but what the bridge remembers, or one line.
WITHOUT_READING = {"RAK17000"}


def test_a_reading_of_each_module_that_is_on_a_bus_is_chosen() -> None:
    chosen = {each.module for each in operations.chosen()}
    wanted = {
        name
        for name, module in registry.load().modules.items()
        if not any(isinstance(each, PortNeed) for each in module.description.needs.values())
    }
    assert chosen == wanted - WITHOUT_READING


@pytest.mark.slow
def test_a_line_is_polled_through_a_real_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "DURATION_S", 0.5)
    for row in (lines.modbus(9600), lines.lin(9600)):
        assert 0.1 < row[1] <= 1.02, row


@pytest.mark.slow
def test_what_needs_no_server_takes_turns_with_the_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alternatives, "SLICE_MS", 50)
    with bridge() as (_, endpoint):
        lanes = {"bridge": endpoint, "inProcess": "/dev/zero", "exec": sys.executable, "mqtt": ""}
        seen = alternatives.turns(2, 1, lanes)
        assert {name: len(slices) for name, slices in seen.items()} == {
            "bridge": 2, "inProcess": 2, "exec": 2,
        }  # fmt: skip
        middle = {name: min(each["p50"] for each in slices) for name, slices in seen.items()}
        assert middle["inProcess"] < middle["bridge"] < middle["exec"]
        many = alternatives.turns(1, 4, {"bridge": endpoint})
    assert many["bridge"][0]["perSecond"] > 10


@pytest.mark.slow
def test_the_whole_way_takes_longer_than_the_bus_alone() -> None:
    rows = {row[0]: row[1] for row in operations.rows(1)}
    assert len(rows) == len(operations.chosen())
    assert rows["8 RAK5801.read, the whole way"] > 1.0
