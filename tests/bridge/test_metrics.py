"""Metrics: what is counted, that labels are bounded, and that the poll loop does not wait."""

from __future__ import annotations

import json
import re
import socket
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.bridge.bridge_process import ROOT, BridgeProcess, eventually
from tests.fake_clock import FakeClock

from wisblock_bridge.client import Bridge, RemoteError
from wisblock_bridge.config import load
from wisblock_bridge.errors import ConfigError
from wisblock_bridge.server.latency import Histogram, Latency

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Samples = dict[str, dict[tuple[tuple[str, str], ...], float]]
"""Name to labels to value."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Scraped:
    """A bridge with metrics."""

    def __init__(self, process: BridgeProcess, port: int) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}/metrics"

    def text(self) -> str:
        with urllib.request.urlopen(self.url, timeout=10) as answer:  # noqa: S310  (http, above)
            found: bytes = answer.read()
            return found.decode()

    def samples(self) -> Samples:
        found: Samples = {}
        for family in text_string_to_metric_families(self.text()):
            for sample in family.samples:
                labels = tuple(sorted(sample.labels.items()))
                found.setdefault(sample.name, {})[labels] = sample.value
        return found

    def value(self, name: str, **labels: str) -> float:
        return self.samples().get(name, {}).get(tuple(sorted(labels.items())), 0.0)


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    port = free_port()
    config = tmp_path_factory.mktemp("metrics") / "bridge.toml"
    config.write_text(
        f'metrics = "127.0.0.1:{port}"\n'
        'metrics_readings = ["RAK5801 1 read current", "RAK5811 2 read no_such_reading"]\n'
    )
    with BridgeProcess("--config", str(config)) as process:
        yield Scraped(process, port)


def test_requests_are_counted_by_method_and_code(scraped: Scraped) -> None:
    before = scraped.samples().get("wisblock_requests_total", {})
    with Bridge(scraped.process.endpoint) as bridge:
        for _ in range(3):
            bridge.invoke("RAK16000", 1, "read")
        with pytest.raises(RemoteError):
            bridge.invoke("RAK16000", 1, "dance")
        with pytest.raises(RemoteError):
            bridge.request("dance")
        bridge.release("RAK16000", 1)
    after = scraped.samples()["wisblock_requests_total"]

    def more(method: str, code: str) -> float:
        labels = (("code", code), ("method", method))
        return after.get(labels, 0.0) - before.get(labels, 0.0)

    assert more("invoke", "ok") >= 3
    assert more("invoke", "unknown_operation") == 1
    assert more("other", "unknown_method") == 1
    assert more("hello", "ok") >= 1


def test_latency_and_bus_time_are_plausible(scraped: Scraped) -> None:
    begun = time.monotonic()
    with Bridge(scraped.process.endpoint) as bridge:
        before = scraped.samples()
        for _ in range(5):
            bridge.invoke("RAK16001", 2, "read", {"samples": 4})
        bridge.release("RAK16001", 2)
    after, took = scraped.samples(), time.monotonic() - begun
    busy = (("bus", "i2c-1"), ("module", "RAK16001 in slot 2"))
    name = "wisblock_bus_busy_seconds_total"
    assert 0.0 < after[name][busy] - before.get(name, {}).get(busy, 0.0) < took
    invoke = (("method", "invoke"),)
    seconds = after["wisblock_request_seconds_sum"][invoke]
    assert 0.0 < seconds - before["wisblock_request_seconds_sum"][invoke] < took
    total = after["wisblock_request_seconds_count"][invoke]
    assert after["wisblock_request_seconds_bucket"][("le", "+Inf"), ("method", "invoke")] == total


def test_faults_are_counted_by_bus_and_module(scraped: Scraped) -> None:
    with Bridge(scraped.process.endpoint) as bridge:
        bridge.invoke("RAK16000", 1, "read")
        bridge.emulator.fault("nack", slot=1, count=50)
        with pytest.raises(RemoteError):
            bridge.invoke("RAK16000", 1, "read")
        bridge.emulator.fault("nack", slot=1, count=0)
        name = "wisblock_operation_errors_total"
        eventually(
            lambda: scraped.value(name, module="RAK16000", slot="1") > 0, "the fault is counted"
        )
        faults = scraped.samples()["wisblock_bus_errors_total"]
        assert any(dict(each)["module"] == "RAK16000 in slot 1" for each in faults)
        bridge.release("RAK16000", 1)


def test_sessions_and_restarts(scraped: Scraped) -> None:
    def sessions() -> float:
        return scraped.value("wisblock_sessions")

    eventually(lambda: sessions() == 0, "the clients of other tests have left")
    with Bridge(scraped.process.endpoint):
        eventually(lambda: sessions() == 1, "the client is counted")
    eventually(lambda: sessions() == 0, "the client has left")
    assert abs(scraped.value("wisblock_start_time_seconds") - time.time()) < 300
    assert scraped.value("wisblock_loop_lateness_seconds_count") >= 1


def test_readings_are_only_those_that_are_listed(scraped: Scraped) -> None:
    found = scraped.samples()
    listed = {"module": "RAK5801", "slot": "1", "operation": "read", "reading": "current"}
    assert found["wisblock_reading"] == {
        tuple(sorted(listed.items())): pytest.approx(12.0, abs=0.1)
    }
    assert sorted(found["wisblock_reading_valid"].values()) == [0.0, 1.0]


def test_labels_do_not_grow_with_what_clients_send(scraped: Scraped) -> None:
    with Bridge(scraped.process.endpoint) as bridge:
        for number in range(50):
            with pytest.raises(RemoteError):
                bridge.request(f"method-{number}")
            with pytest.raises(RemoteError):
                bridge.invoke(f"RAK{number}", 1, f"operation-{number}")
    text = scraped.text()
    assert "method-7" not in text
    assert "operation-7" not in text
    assert "RAK7 " not in text


def test_one_who_asks_nothing_holds_nobody_up(scraped: Scraped) -> None:
    with (
        socket.create_connection(("127.0.0.1", scraped.port)),
        Bridge(scraped.process.endpoint) as bridge,
    ):
        begun = time.monotonic()
        bridge.request("ping")
        assert time.monotonic() - begun < 2.0
        assert "wisblock_info" in scraped.text()  # after its patience has ended


def test_without_the_setting_nothing_listens() -> None:
    latency = Histogram((1.0,))
    latency.observe(0.5)
    with BridgeProcess() as process, Bridge(process.endpoint) as bridge:
        assert "metrics" not in json.dumps(bridge.log())


def test_a_taken_port_does_not_keep_the_bridge_from_serving(tmp_path: Path) -> None:
    config = tmp_path / "bridge.toml"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config.write_text(f'metrics = "127.0.0.1:{listener.getsockname()[1]}"\n')
        with BridgeProcess("--config", str(config)) as process, Bridge(process.endpoint) as bridge:
            bridge.request("ping")
            assert any("cannot be listened at" in str(line["text"]) for line in bridge.log())


def test_a_histogram_is_cumulative() -> None:
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 5.0):
        histogram.observe(seconds)
    rows, total_s = histogram.as_metric()
    assert rows == [("0.1", 2.0), ("1.0", 3.0), ("+Inf", 4.0)]
    assert total_s == pytest.approx(5.65)


def test_latency_counts_from_when_the_request_came() -> None:
    clock = FakeClock()
    latency = Latency(clock, ("invoke",))
    begun = clock.monotonic()
    clock.advance(0.25)
    latency.observe("invoke", "ok", begun)
    rows, total_s = latency.of_method["invoke"].as_metric()
    assert total_s == pytest.approx(0.25)
    assert dict(rows)["0.2"] == 0
    assert dict(rows)["0.5"] == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('metrics = "9464"', "is no address"),
        ('metrics = "localhost:99999"', "is no address"),
        ("metrics = 9464", "metrics"),
        ("metrics_readings = 5801", "is not a list"),
        ('metrics_readings = ["RAK5801 read current"]', "names no reading"),
        ('metrics_readings = ["RAK5801 3 read current"]', "names no reading"),
    ],
)
def test_wrong_settings(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "bridge.toml"
    file.write_text(f"{line}\n")
    with pytest.raises(ConfigError, match=words):
        load(file=file, environment={})


def test_readings_of_the_environment() -> None:
    variable = {
        "WISBLOCK_BRIDGE_METRICS_READINGS": "RAK5801 1 read current, ADC board read voltage"
    }
    found = load(environment=variable, default_file=ROOT / "no-such-file").metrics_readings
    assert [(each.module, each.slot, each.reading) for each in found] == [
        ("RAK5801", 1, "current"),
        ("ADC", "board", "voltage"),
    ]


def test_the_documents_name_what_there_is(scraped: Scraped) -> None:
    with Bridge(scraped.process.endpoint) as bridge:
        bridge.invoke("RAK16000", 1, "read")
        eventually(lambda: "wisblock_module_failing{" in scraped.text(), "a module is there")
        exported = set(re.findall(r"^# TYPE (\w+)", scraped.text(), flags=re.MULTILINE))
        bridge.release("RAK16000", 1)
    folder = ROOT / "docs/metrics"
    page = (folder / "README.md").read_text()
    written = set(re.findall(r"`(wisblock_\w+)`", page))
    assert written == {name for name in exported if not name.endswith("_created")}
    for file in ("alerts.yaml", "dashboard.json"):
        text = (folder / file).read_text()
        for used in re.findall(r"\bwisblock_\w+", text):
            base = re.sub(r"_(bucket|sum|count)$", "", used)
            assert {used, base} & exported, f"{file} uses {used}, which there is not"
    assert len(json.loads((folder / "dashboard.json").read_text())["panels"]) >= 8
