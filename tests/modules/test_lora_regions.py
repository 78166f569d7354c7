"""Where one may send, how strong and how long: regions, budgets, choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.cases import for_each

from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.modules.lora.airtime import AirtimeRecord, boot_id
from wisblock_bridge.modules.lora.duty_cycle import in_words
from wisblock_bridge.modules.lora.regions import REGIONS
from wisblock_bridge.modules.lora.settings import Chosen, Configuration, recall, resolve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_clock import FakeClock


def chosen(region: str, **more: Any) -> Configuration:
    return resolve(Chosen({"region": region, **more}))


@for_each(
    ("region", "mhz", "erp_dbm", "percent"),
    [
        ("EU868", 864.0, 14, 0.1),
        ("EU868", 866.0, 14, 1.0),
        ("EU868", 868.1, 14, 1.0),
        ("EU868", 868.8, 14, 0.1),
        ("EU868", 869.525, 27, 10.0),
        ("EU868", 869.8, 14, 1.0),
        ("EU433", 433.175, 10, 10.0),
        ("EU868", 868.0, 14, 1.0),  # in two sub-bands
        ("EU868", 865.0, 14, 0.1),  # in two, the stricter one counts
        ("EU868", 864.95, 14, 0.1),
    ],
)
def test_bands_of_europe(region: str, mhz: float, erp_dbm: float, percent: float) -> None:
    band = REGIONS[region].sub_band(mhz, 125.0)
    assert band is not None
    assert band.eirp_dbm == pytest.approx(erp_dbm + 2.15)
    budget, longest_ms = band.rule(125.0)
    assert budget is not None
    assert budget.airtime_ms == pytest.approx(3_600_000 * percent / 100)
    assert budget.window_s == 3600.0
    assert longest_ms is None


@for_each(
    ("region", "mhz", "khz"),
    [
        ("EU868", 915.0, 125.0),
        ("EU868", 868.65, 125.0),
        ("EU868", 869.3, 125.0),
        ("EU868", 868.58, 125.0),  # its upper edge is outside
        ("EU868", 869.525, 500.0),
        ("US915", 868.1, 125.0),
        ("US915", 902.05, 125.0),
        ("AU915", 915.0, 125.0),
        ("AS923", 914.0, 125.0),
        ("IN865", 868.0, 125.0),
        ("AS923-2", 923.0, 125.0),
        ("AS923-2", 919.9, 125.0),
        ("AS923-3", 921.0, 125.0),
        ("AS923-4", 916.9, 125.0),
        ("AS923-4", 920.0, 125.0),
        ("KR920", 920.7, 125.0),
        ("KR920", 923.5, 125.0),
        ("KR920", 922.1, 250.0),
        ("RU864", 865.5, 125.0),
        ("RU864", 868.5, 125.0),
        ("RU864", 869.3, 125.0),
        ("EU868", 863.1, 500.0),
        ("EU868", 869.65, 125.0),
        ("CN470", 433.0, 125.0),
        ("EU433", 434.78, 125.0),
    ],
)
def test_outside(region: str, mhz: float, khz: float) -> None:
    assert REGIONS[region].sub_band(mhz, khz) is None
    with pytest.raises(BadParamsError, match=region) as caught:
        chosen(region, frequency=mhz, bandwidth=khz)
    assert caught.value.data["param"] == "frequency"


@for_each(
    ("region", "khz", "budget_ms", "longest_ms"),
    [
        ("US915", 125.0, 400.0, 400.0),
        ("US915", 500.0, None, None),
        ("AU915", 125.0, None, 400.0),
        ("AU915", 500.0, None, None),
        ("AS923", 125.0, 36_000.0, 400.0),
        ("IN865", 125.0, None, None),
        ("CN470", 125.0, None, 1000.0),
        ("AS923-2", 125.0, 36_000.0, 400.0),
        ("AS923-3", 125.0, 36_000.0, 400.0),
        ("AS923-4", 125.0, 36_000.0, 400.0),
        ("KR920", 125.0, None, None),
        ("RU864", 125.0, 36_000.0, None),
    ],
)
def test_rules_elsewhere(
    region: str, khz: float, budget_ms: float | None, longest_ms: float | None
) -> None:
    found = chosen(region, bandwidth=khz)
    budget, longest = found.rule
    assert (budget.airtime_ms if budget else None) == budget_ms
    assert longest == longest_ms


@for_each("region", sorted(REGIONS))
def test_every_region_can_be_chosen_with_nothing_else(region: str) -> None:
    found = chosen(region)
    assert found.radio.power_dbm <= 14
    assert found.radio.sync_word == 0x1424


@for_each(
    ("region", "gain", "most"),
    [("EU868", 2.15, 14), ("EU868", 5.15, 11), ("EU868", 0.0, 16), ("AS923", 2.15, 13),
     ("EU433", 2.15, 10), ("US915", 2.15, 22), ("CN470", 2.15, 17)],
)  # fmt: skip
def test_power(region: str, gain: float, most: int) -> None:
    assert chosen(region, power=most, antenna_gain=gain).radio.power_dbm == most
    if most < 22:
        with pytest.raises(BadParamsError, match=f"at most {most} dBm") as caught:
            chosen(region, power=most + 1, antenna_gain=gain)
        assert caught.value.data["param"] == "power"
    assert chosen(region, antenna_gain=gain).radio.power_dbm == min(14, most)


@for_each(
    ("region", "mhz", "eirp_dbm", "percent"),
    [
        ("AS923", 923.2, 16, 1.0), ("AS923-2", 921.4, 16, 1.0), ("AS923-3", 916.6, 16, 1.0),
        ("AS923-4", 917.3, 16, 1.0), ("AS923-4", 917.5, 16, 1.0),
        ("KR920", 920.9, 10, None), ("KR920", 921.9, 10, None), ("KR920", 922.1, 14, None),
        ("KR920", 923.3, 14, None), ("KR920", 922.0, 10, None),
        ("RU864", 864.5, 16, 0.1), ("RU864", 867.0, 16, 1.0), ("RU864", 868.9, 16, 1.0),
        ("RU864", 869.1, 16, 1.0),
        ("IN865", 865.0625, 30, None), ("IN865", 867.9, 30, None),
    ],
)  # fmt: skip
def test_bands_of_asia_and_russia(
    region: str, mhz: float, eirp_dbm: float, percent: float | None
) -> None:
    band = REGIONS[region].sub_band(mhz, 125.0)
    assert band is not None
    assert band.eirp_dbm == eirp_dbm
    budget, _ = band.rule(125.0)
    assert (budget.percent if budget else None) == percent
    listening = band.listening
    assert (listening is not None) is (region == "KR920")
    if listening is not None:
        assert (listening.threshold_dbm, listening.duration_ms) == (-65.0, 6.0)


def test_a_channel_in_two_sub_bands_is_counted_in_both() -> None:
    found = chosen("EU868", frequency=868.0)
    assert {channel: budget.percent for channel, budget in found.budgets.items() if budget} == {
        "EU868 865-868 MHz": 1.0,
        "EU868 868-868.6 MHz": 1.0,
    }
    assert found.channel == "EU868 865-868 MHz and 868-868.6 MHz"
    strict = chosen("EU868", frequency=865.0)
    assert [each.percent for each in strict.budgets.values() if each] == [0.1, 1.0]
    assert strict.rule[0] is not None
    assert strict.rule[0].percent == 0.1
    assert list(chosen("EU868", frequency=868.1).budgets) == ["EU868 868-868.6 MHz"]


def test_the_vendors_python_example() -> None:
    radio = chosen("US915", preset="python_example").radio
    assert (radio.frequency_hz, radio.preamble, radio.sync_word) == (915e6, 12, 0x3444)
    assert (radio.power_dbm, radio.spreading_factor, radio.bandwidth_khz) == (17, 7, 125.0)
    assert (radio.coding_rate, radio.crc, radio.implicit_length) == (5, True, None)


def test_the_vendors_arduino_example_is_tamed_to_what_europe_allows() -> None:
    radio = chosen("EU868", preset="arduino_example").radio
    assert (radio.frequency_hz, radio.preamble, radio.sync_word) == (868.3e6, 8, 0x1424)
    assert radio.power_dbm == 14  # the program has 22


def test_the_python_example_is_refused_in_europe_unless_it_moves() -> None:
    with pytest.raises(BadParamsError, match="915 MHz"):
        chosen("EU868", preset="python_example")
    moved = chosen("EU868", preset="python_example", frequency=868.1).radio
    assert (moved.frequency_hz, moved.sync_word, moved.power_dbm) == (868.1e6, 0x3444, 14)


@for_each(
    ("more", "param"),
    [
        ({"bandwidth": 100.0}, "bandwidth"),
        ({"header": "implicit"}, "payload_length"),
        ({"spreading_factor": 5}, "preamble"),
        ({"variant": "L"}, "variant"),
        ({"antenna_gain": 30.0}, "antenna_gain"),
    ],
)
def test_what_does_not_go_together(more: dict[str, Any], param: str) -> None:
    with pytest.raises(BadParamsError) as caught:
        chosen("EU868", **more)
    assert caught.value.data["param"] == param


@for_each(
    "written",
    [None, [], {}, {"region": "XX"}, {"region": "EU868", "preamble": "many"},
     {"region": "EU868", "coding_rate": "4"}, {"region": "EU868", "power": -99},
     {"region": "EU868", "sync_word": "secret"}],
)  # fmt: skip
def test_nonsense_is_not_recalled(written: object) -> None:
    assert recall(written) is None


def test_what_was_written_is_recalled() -> None:
    assert recall({"region": "EU868", "power": 10}) == chosen("EU868", power=10)


@for_each(
    ("word", "registers"),
    [
        ("private", 0x1424), ("public", 0x3444), (0x12, 0x1424), (0x34, 0x3444), (0x2B, 0x24B4),
        (0x00, 0x0404), (0xFF, 0xF4F4), (0x100, 0x0100), (0x1424, 0x1424), (0xFFFF, 0xFFFF),
    ],
)  # fmt: skip
def test_sync_words(word: int | str, registers: int) -> None:
    assert chosen("EU868", sync_word=word).radio.sync_word == registers


# -- the ledger -----------------------------------------------------------------------------------


def test_one_percent_of_an_hour(clock: FakeClock) -> None:
    ledger = AirtimeRecord(clock)
    budget, _ = chosen("EU868").rule
    assert budget is not None
    first = clock.monotonic()
    for _ in range(713):  # 36 s / 50.432 ms
        assert ledger.wait_s("g1", budget, 50.432) == 0.0
        ledger.note("g1", 50.432)
        clock.advance(0.1)
    wait_s = ledger.wait_s("g1", budget, 50.432)
    assert wait_s == pytest.approx(first + 0.050432 + 3600.0 - clock.monotonic(), abs=1e-6)
    assert ledger.wait_s("g2", budget, 50.432) == 0.0
    clock.advance(wait_s)
    assert ledger.wait_s("g1", budget, 50.432) == 0.0


def test_a_long_packet_waits_for_several_short_ones(clock: FakeClock) -> None:
    ledger = AirtimeRecord(clock)
    budget, _ = chosen("US915").rule
    for _ in range(4):
        ledger.note("c", 100.0)
        clock.advance(1.0)
    assert ledger.wait_s("c", budget, 100.0) == pytest.approx(16.1)
    assert ledger.wait_s("c", budget, 300.0) == pytest.approx(18.1)
    assert ledger.wait_s("c", budget, 401.0) == float("inf")


def test_a_restart_gives_no_new_hour(clock: FakeClock) -> None:
    ledger = AirtimeRecord(clock)
    ledger.note("g1", 36_000.0)
    clock.advance(36.0 + 600.0)
    later = AirtimeRecord(clock)
    later.read(ledger.written())
    budget, _ = chosen("EU868").rule
    assert later.wait_s("g1", budget, 50.0) == pytest.approx(3000.0)
    clock.advance(3001.0)
    assert later.written() == {}


@for_each("written", [None, 7, {"g1": 7}, {"g1": [7, ["a", "b"], [1.0]]}])
def test_a_ledger_of_nonsense_is_empty(clock: FakeClock, written: object) -> None:
    ledger = AirtimeRecord(clock)
    ledger.read(written)
    assert ledger.written() == {}


def test_a_packet_from_the_future_counts_as_sent_now(clock: FakeClock) -> None:
    ledger = AirtimeRecord(clock)
    ledger.read({"g1": [[clock.timestamp_ms() + 1e9, 36_000.0]]})
    budget, _ = chosen("EU868").rule
    assert ledger.wait_s("g1", budget, 50.0) == pytest.approx(3600.0)


BORN = "b5f0"


class Wall:
    """A clock whose calendar can be set."""

    def __init__(self, monotonic_s: float, calendar_s: float) -> None:
        self.now_s, self.calendar_s = monotonic_s, calendar_s

    def monotonic(self) -> float:
        return self.now_s

    def timestamp_ms(self) -> float:
        return self.calendar_s * 1000.0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        self.calendar_s += seconds


IN_1970, IN_2026 = 40.0, 1_795_000_000.0


@for_each("calendar_s", [IN_1970, 0.0, IN_2026, IN_2026 + 86_400.0 * 365, -5.0])
def test_a_clock_that_is_set_makes_nothing_old(calendar_s: float) -> None:
    budget, _ = chosen("EU868").rule
    ledger = AirtimeRecord(Wall(40.0, IN_1970), BORN)
    ledger.note("g1", 36_000.0)
    later = AirtimeRecord(Wall(100.0, calendar_s), BORN)
    later.read(ledger.written())
    assert later.wait_s("g1", budget, 50.0) == pytest.approx(3600.0 + 36.0 - 60.0)


@for_each("calendar_s", [IN_1970, IN_2026 + 7200.0, IN_2026 - 1.0])
@for_each(("boot", "clock_s"), [("next", 30.0), ("next", 9000.0), (BORN, 30.0)])
def test_after_a_start_of_the_computer_only_the_time_since_counts(
    boot: str, clock_s: float, calendar_s: float
) -> None:
    budget, _ = chosen("EU868").rule
    before = Wall(8000.0, IN_2026)
    ledger = AirtimeRecord(before, BORN)
    ledger.note("g1", 36_000.0)
    before.sleep(636.0)
    later = AirtimeRecord(Wall(clock_s, calendar_s), boot)
    later.read(ledger.written())
    assert later.wait_s("g1", budget, 50.0) == pytest.approx(max(0.0, 3000.0 - clock_s))


def test_where_no_start_is_known_nothing_is_taken_for_the_same() -> None:
    budget, _ = chosen("EU868").rule
    ledger = AirtimeRecord(Wall(100.0, IN_2026), "")
    ledger.note("g1", 36_000.0)
    later = AirtimeRecord(Wall(500.0, IN_2026), "")
    later.read(ledger.written())
    assert later.wait_s("g1", budget, 50.0) == pytest.approx(3636.0 - 500.0)


def test_this_start_of_the_computer_has_a_name(tmp_path: Path) -> None:
    assert boot_id() == boot_id() != ""
    assert boot_id(tmp_path / "missing") == ""


@pytest.mark.parametrize(
    ("ended_s", "wait_s"), [(IN_2026 - 600.0, 3000.0), (IN_1970, 3600.0), (IN_2026 + 60.0, 3600.0)]
)
def test_what_earlier_versions_wrote_is_read(ended_s: float, wait_s: float) -> None:
    budget, _ = chosen("EU868").rule
    ledger = AirtimeRecord(Wall(2000.0, IN_2026), BORN)
    ledger.read({"g1": [[ended_s * 1000.0, 36_000.0]]})
    assert ledger.wait_s("g1", budget, 50.0) == pytest.approx(wait_s)


@for_each(
    "written",
    [
        {"boot": BORN, "at_s": 5.0, "channels": {"g1": [["x", 1.0], [float("nan"), 1.0], [1.0]]}},
        {"boot": BORN, "at_s": 5.0, "channels": {"g1": [[5.0, -1.0], [float("inf"), 1.0]]}},
        {"boot": BORN, "at_s": 5.0, "channels": {"g1": 7}},
        {"boot": BORN, "at_s": 5.0, "channels": 7},
    ],
)
def test_nonsense_of_this_version_is_left_out(written: object) -> None:
    ledger = AirtimeRecord(Wall(2000.0, IN_2026), BORN)
    ledger.read(written)
    assert ledger.written() == {}


def test_a_packet_that_ends_after_it_was_written_down_counts_as_sent_then() -> None:
    budget, _ = chosen("EU868").rule
    ledger = AirtimeRecord(Wall(2000.0, IN_2026), BORN)
    ledger.read({"boot": BORN, "at_s": 1900.0, "channels": {"g1": [[-500.0, 36_000.0]]}})
    assert ledger.wait_s("g1", budget, 50.0) == pytest.approx(3600.0 + 36.0 - 100.0)


def test_packets_one_after_another(clock: FakeClock) -> None:
    ledger = AirtimeRecord(clock)
    budget, _ = chosen("US915").rule
    assert ledger.waits_s({"c": budget}, (300.0, 300.0, 50.0, 401.0, 1.0)) == [
        0.0,
        pytest.approx(20.3),
        pytest.approx(20.3),
        float("inf"),
        float("inf"),
    ]


@for_each(
    ("seconds", "words"), [(0.04, "0.1 s"), (4.993, "5 s"), (61.0, "2 min"), (3599.0, "60 min")]
)
def test_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
