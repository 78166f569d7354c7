"""SX1262 driver: every byte as the data sheet wants it, and an end to every wait."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.fake_clock import FakeClock

from wisblock_bridge.chips.sx1262 import SX1262, Irq, LoRa, Mode, longest_payload, time_on_air_ms
from wisblock_bridge.chips.sx1262.commands import (
    frequency_error_hz,
    frequency_word,
    image_calibration,
    irq,
    mode,
    packet_status,
    power,
)
from wisblock_bridge.errors import BusError, NotReadyError, SupplyLostError, WrongChipError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tally import Tally

REGISTERS = {0x0736: 0x0D, 0x0740: 0x14, 0x0741: 0x24, 0x0889: 0x01, 0x08D8: 0xC8, 0x0944: 0x00}


class Line:
    """A line that remembers what was driven, and reads what the test says."""

    def __init__(self, clock: FakeClock, level: Callable[[float], int] = lambda _: 0) -> None:
        self._clock = clock
        self._level = level
        self.driven: list[tuple[float, int]] = []

    def drive(self, level: int) -> None:
        self.driven.append((round(self._clock.monotonic() - 1000.0, 6), level))

    def level(self) -> int:
        return self._level(self._clock.monotonic())


class Script:
    """A chip select that writes down what it is sent, and answers like a radio with memory."""

    name = "/dev/spidev0.0"

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.registers = dict(REGISTERS)
        self.answers: dict[int, bytes] = {}
        self.irqs: list[int] = []
        self.packet_type = 0
        self.status = 0x22

    def transfer(self, data: bytes) -> bytes:
        self.sent.append(data.hex(" "))
        status = bytes([self.status])
        answer = bytearray(status * len(data))
        address = int.from_bytes(data[1:3], "big")
        if data[0] == 0x1D:
            for each in range(len(data) - 4):
                answer[4 + each] = self.registers.get(address + each, 0)
        elif data[0] == 0x0D:
            for each, value in enumerate(data[3:]):
                self.registers[address + each] = value
        elif data[0] == 0x12:
            answer[2:4] = (self.irqs.pop(0) if self.irqs else 0).to_bytes(2, "big")
        elif data[0] == 0x8A:
            self.packet_type = data[1]
        elif data[0] == 0x11:
            answer[2] = self.packet_type
        elif data[0] in self.answers:
            content = self.answers[data[0]]
            answer[len(data) - len(content) :] = content
        elif data[0] == 0x17:
            answer[2:4] = b"\0\0"
        return bytes(answer)

    def close(self) -> None:
        pass


class Bench:
    """A driver on a script."""

    def __init__(self, level: Callable[[float], int] = lambda _: 0) -> None:
        self.clock = FakeClock()
        self.spi = Script()
        self.reset = Line(self.clock)
        self.chip = SX1262(self.spi, self.reset, Line(self.clock, level), self.clock)

    def started(self, settings: LoRa) -> list[str]:
        self.chip.start()
        self.chip.configure(settings)
        self.spi.sent.clear()
        return self.spi.sent


PYTHON_EXAMPLE = LoRa(915e6, preamble=12, sync_word=0x3444, power_dbm=17)


def test_bring_up() -> None:
    bench = Bench()
    bench.chip.start()
    assert bench.spi.sent == [
        "80 00",
        "1d 07 40 00 00 00",
        "8a 01",  # before all else: with it, all that follows is known to be there
        "97 02 00 01 40",  # 1.8 V, 5 ms
        "07 00 00",
        "89 7f",
        "80 00",
        "17 00 00 00",
        "96 01",
        "9d 01",
        "1d 08 d8 00 00",
        "0d 08 d8 de",
        "0d 08 ac 96",
        "8f 00 00",
    ]
    (low_s, low), (high_s, high) = bench.reset.driven
    assert (low, high) == (0, 1)
    assert high_s - low_s >= 0.0001


def test_configure_as_the_vendors_example() -> None:
    bench = Bench()
    bench.chip.start()
    bench.spi.sent.clear()
    bench.chip.configure(PYTHON_EXAMPLE)
    assert bench.spi.sent == [
        "80 00",
        "98 e1 e9",
        "86 39 30 00 00",
        "95 02 03 00 01",
        "8e 16 04",
        "8b 07 04 01 00",
        "0d 07 40 34 44",
        "8c 00 0c 00 ff 01 00",
        "1d 07 36 00 00",
        "0d 07 36 0d",  # bit 2 stays set for standard IQ; the vendor's example clears it
        "1d 07 40 00 00 00",
        "11 00 00",
    ]


def test_transmit() -> None:
    bench = Bench()
    sent = bench.started(PYTHON_EXAMPLE)
    limit_s = bench.chip.begin_transmit(b"HeLoRa World!\0\x07")
    assert sent == [
        "80 00",
        "8f 00 00",
        "0e 00 48 65 4c 6f 52 61 20 57 6f 72 6c 64 21 00 07",
        "8c 00 0c 00 0f 01 00",
        "1d 07 36 00 00",
        "0d 07 36 0d",
        "1d 08 89 00 00",
        "0d 08 89 05",
        "08 02 01 02 01 00 00 00 00",
        "02 03 ff",
        "11 00 00",
        "83 00 89 9c",  # 50.432 ms and half a second
    ]
    assert limit_s == pytest.approx(0.550432)
    bench.spi.irqs = [0, 0x0001]
    assert bench.chip.take_irq() == Irq.NONE
    assert bench.chip.take_irq() == Irq.TX_DONE
    assert sent[-3:] == ["12 00 00 00", "12 00 00 00", "02 00 01"]


@pytest.mark.parametrize(("khz", "before", "after"), [(500.0, 5, "01"), (125.0, 1, "05")])
def test_modulation_quality_at_500_khz(khz: float, before: int, after: str) -> None:
    bench = Bench()
    sent = bench.started(LoRa(915e6, bandwidth_khz=khz))
    bench.spi.registers[0x0889] = before
    bench.chip.begin_transmit(b"x")
    assert f"0d 08 89 {after}" in sent


@pytest.mark.parametrize(("inverted", "before", "after"), [(False, 0x09, "0d"), (True, 0x0D, "09")])
def test_iq_polarity(*, inverted: bool, before: int, after: str) -> None:
    bench = Bench()
    sent = bench.started(LoRa(868.1e6, invert_iq=inverted))
    bench.spi.registers[0x0736] = before
    bench.chip.begin_receive()
    assert f"0d 07 36 {after}" in sent
    assert f"8c 00 08 00 ff 01 0{int(inverted)}" in sent


def test_receive_without_end() -> None:
    bench = Bench()
    sent = bench.started(PYTHON_EXAMPLE)
    bench.chip.begin_receive()
    assert sent[-4:] == [
        "08 02 62 02 62 00 00 00 00",
        "02 03 ff",
        "11 00 00",
        "82 ff ff ff",
    ]


@pytest.mark.parametrize(("seconds", "sent"), [(1.0, "82 00 fa 00"), (5.0, "82 04 e2 00")])
def test_receive_with_a_time_out(seconds: float, sent: str) -> None:
    bench = Bench()
    bench.started(PYTHON_EXAMPLE)
    bench.chip.begin_receive(seconds)
    assert bench.spi.sent[-1] == sent


def test_take_packet() -> None:
    bench = Bench()
    sent = bench.started(PYTHON_EXAMPLE)
    bench.spi.answers = {0x13: bytes((3, 0xFE)), 0x14: bytes((0xB6, 0xF8, 0xB6)), 0x1E: b"abc"}
    packet = bench.chip.take_packet()
    assert (packet.payload, packet.rssi_dbm, packet.snr_db) == (b"abc", -91.0, -2.0)
    assert sent == [
        "13 00 00 00",
        "14 00 00 00 00",
        "1d 07 6b 00 00 00 00",
        "1e fe 00 00 00 00",
        "11 00 00",
    ]


def test_the_timer_is_stopped_where_there_is_no_header() -> None:
    bench = Bench()
    sent = bench.started(LoRa(868.1e6, implicit_length=3))
    bench.spi.answers = {0x13: bytes((0, 0)), 0x1E: b"abc"}
    assert bench.chip.take_packet().payload == b"abc"
    assert sent[1:4] == ["0d 09 02 00", "1d 09 44 00 00", "0d 09 44 02"]


def test_sleep() -> None:
    busy: list[int] = []
    bench = Bench(lambda _: int(bool(busy) and bench.spi.sent[-1:] == ["84 00"]))
    sent = bench.started(PYTHON_EXAMPLE)
    busy.append(1)
    bench.chip.sleep()
    assert sent == ["80 00", "84 00"]
    with pytest.raises(NotReadyError):
        bench.chip.begin_receive()


# -- what can go wrong ----------------------------------------------------------------------------


def test_busy_that_falls_late_is_waited_for() -> None:
    bench = Bench(lambda now: int(now < 1000.0 + 0.9))
    bench.chip.start()
    assert 0.9 <= bench.clock.monotonic() - 1000.0 < 1.0


def test_busy_stuck_at_the_start() -> None:
    bench = Bench(lambda _: 1)
    with pytest.raises(NotReadyError, match="BUSY has been high for 1000 ms"):
        bench.chip.start()
    assert bench.spi.sent == []
    assert 1.0 <= bench.clock.monotonic() - 1000.0 < 1.1


def test_busy_stuck_later_ends_much_sooner() -> None:
    stuck = [0]
    bench = Bench(lambda _: stuck[0])
    bench.started(PYTHON_EXAMPLE)
    stuck[0] = 1
    before = bench.clock.monotonic()
    with pytest.raises(NotReadyError, match="no power"):
        bench.chip.begin_transmit(b"x")
    assert bench.clock.monotonic() - before < 0.15


@pytest.mark.parametrize("filled", [0x00, 0xFF])
def test_nothing_there(monkeypatch: pytest.MonkeyPatch, filled: int) -> None:
    bench = Bench()
    monkeypatch.setattr(bench.spi, "transfer", lambda data: bytes([filled]) * len(data))
    with pytest.raises(WrongChipError, match=r"Nothing answers: no SX1262 on /dev/spidev0\.0"):
        bench.chip.start()


def test_something_else_there() -> None:
    bench = Bench()
    bench.spi.registers[0x0740] = 0x12
    with pytest.raises(WrongChipError, match="read 12 24, not 14 24"):
        bench.chip.start()


@pytest.mark.parametrize(("errors", "words"), [(0x0020, "TCXO"), (0x0010, "calibration failed")])
def test_errors_of_the_device(errors: int, words: str) -> None:
    bench = Bench()
    bench.spi.answers = {0x17: errors.to_bytes(2, "big")}
    with pytest.raises(NotReadyError, match=words):
        bench.chip.start()


def test_activity_detection_that_never_ends() -> None:
    bench = Bench()
    sent = bench.started(PYTHON_EXAMPLE)
    with pytest.raises(NotReadyError, match="detection of activity"):
        bench.chip.detect_activity()
    assert "88 01 16 0a 00 00 00 00" in sent  # two symbols, 22, 10
    assert sent[-1] == "80 00"


# -- a chip that has lost its supply --------------------------------------------------------------


def test_a_chip_that_does_not_fall_asleep_is_told() -> None:
    bench = Bench()
    bench.started(PYTHON_EXAMPLE)
    with pytest.raises(NotReadyError, match="did not go to sleep"):
        bench.chip.sleep()


@pytest.mark.parametrize(
    ("use", "never"),
    [
        (lambda chip: chip.begin_transmit(b"x"), 0x83),
        (lambda chip: chip.begin_receive(), 0x82),
        (lambda chip: chip.detect_activity(), 0xC5),
    ],
    ids=["transmit", "receive", "activity"],
)
def test_a_forgetful_chip_is_not_sent_on_the_air(
    use: Callable[[SX1262], object], never: int
) -> None:
    bench = Bench()
    sent = bench.started(PYTHON_EXAMPLE)
    bench.spi.packet_type = 0
    with pytest.raises(SupplyLostError, match="forgotten its settings"):
        use(bench.chip)
    assert not [each for each in sent if int(each[:2], 16) == never]


@for_each("status", [0x22, 0x32, 0x42, 0x62])
def test_the_level_is_refused_unless_the_radio_listens(status: int) -> None:
    bench = Bench()
    bench.started(PYTHON_EXAMPLE)
    bench.spi.answers = {0x15: bytes([0xB6])}
    bench.spi.status = 0x52
    assert bench.chip.rssi_dbm() == -91.0
    bench.spi.status = status
    with pytest.raises(NotReadyError, match="stopped by itself") as stopped:
        bench.chip.rssi_dbm()
    assert not isinstance(stopped.value, SupplyLostError)
    bench.spi.packet_type = 0
    with pytest.raises(SupplyLostError):
        bench.chip.rssi_dbm()


def test_a_report_that_comes_between_mode_and_reports_is_no_failure() -> None:
    bench = Bench()
    sent = bench.started(PYTHON_EXAMPLE)
    bench.spi.irqs = [0, 0x0002]
    assert bench.chip.take_irq(Mode.RECEIVE) is Irq.RX_DONE  # in standby, for it was the only one
    assert sent == ["12 00 00 00", "12 00 00 00", "02 00 02"]
    with pytest.raises(NotReadyError, match="STANDBY_RC"):
        bench.chip.take_irq(Mode.RECEIVE)


def test_a_packet_read_from_a_forgetful_chip_is_none() -> None:
    bench = Bench()
    bench.started(PYTHON_EXAMPLE)
    bench.spi.answers = {0x13: bytes((0, 0)), 0x14: bytes(3)}
    bench.spi.packet_type = 0
    with pytest.raises(SupplyLostError):
        bench.chip.take_packet()


def test_a_sync_word_that_does_not_stay_is_told() -> None:
    bench = Bench()
    bench.chip.start()
    bench.spi.registers[0x0741] = 0x99
    put = bench.spi.transfer
    bench.spi.transfer = (  # type: ignore[method-assign]
        lambda data: bytes([0x22]) * len(data) if data[:3] == b"\x0d\x07\x40" else put(data)
    )
    with pytest.raises(NotReadyError, match="reads 0x1499, not 0x3444"):
        bench.chip.configure(PYTHON_EXAMPLE)


@pytest.mark.parametrize("filled", [0x00, 0xFF])
def test_a_setting_that_nobody_hears_is_told(filled: int) -> None:
    bench = Bench()
    bench.started(PYTHON_EXAMPLE)
    bench.spi.transfer = lambda data: bytes([filled]) * len(data)  # type: ignore[method-assign]
    with pytest.raises(BusError, match="does not answer"):
        bench.chip.configure(PYTHON_EXAMPLE)


# -- numbers --------------------------------------------------------------------------------------


@for_each(
    ("mhz", "word"),
    [
        (868.0, "36 40 00 00"),
        (868.1, "36 41 99 99"),
        (868.3, "36 44 cc cc"),
        (868.5, "36 48 00 00"),
        (869.525, "36 58 66 66"),
        (915.0, "39 30 00 00"),
        (903.9, "38 7e 66 66"),
        (923.2, "39 b3 33 33"),
        (433.175, "1b 12 cc cc"),
        (470.0, "1d 60 00 00"),
    ],
)
def test_frequency_words(mhz: float, word: str) -> None:
    assert frequency_word(mhz * 1e6).hex(" ") == word


@for_each(
    ("dbm", "row", "setting"),
    [
        (22, "04 07 00 01", 0x16),
        (20, "03 05 00 01", 0x16),
        (17, "02 03 00 01", 0x16),
        (14, "02 02 00 01", 0x16),
        (21, "04 07 00 01", 0x15),
        (10, "04 07 00 01", 0x0A),
        (0, "04 07 00 01", 0x00),
        (-9, "04 07 00 01", 0xF7),
    ],
)
def test_power(dbm: int, row: str, setting: int) -> None:
    params, value = power(dbm)
    assert (params.hex(" "), value) == (row, setting)


@for_each(
    ("mhz", "band"),
    [(433.2, "6b 6f"), (470.3, "75 81"), (780.0, "c1 c5"), (868.1, "d7 db"), (915.0, "e1 e9")],
)
def test_image_calibration(mhz: float, band: str) -> None:
    assert image_calibration(mhz * 1e6).hex(" ") == band


@pytest.mark.parametrize(
    ("rssi", "snr", "dbm", "db"),
    [(0xB6, 0xF8, -91.0, -2.0), (0xB6, 0x02, -91.0, 0.5), (0x00, 0xFE, 0.0, -0.5)],
)
def test_packet_status(rssi: int, snr: int, dbm: float, db: float) -> None:
    found = packet_status(rssi, snr)
    assert (found.rssi_dbm, found.snr_db) == (dbm, db)


def test_frequency_error() -> None:
    assert frequency_error_hz(bytes(3), 125.0) == 0.0
    assert frequency_error_hz(b"\x00\x03\xe8", 125.0) == pytest.approx(121.09, abs=0.01)
    assert frequency_error_hz(b"\x0f\xfc\x18", 125.0) == pytest.approx(-121.09, abs=0.01)


@for_each(
    ("length", "settings", "ms"),
    [
        (15, LoRa(915e6, preamble=12), 50.432),
        (15, LoRa(915e6), 46.336),
        (15, LoRa(915e6, spreading_factor=9, preamble=12), 181.248),
        (15, LoRa(915e6, spreading_factor=12, preamble=12), 1286.144),
        (51, LoRa(915e6, spreading_factor=12), 2465.792),
        (255, LoRa(915e6, preamble=12), 403.712),
        (20, LoRa(915e6, spreading_factor=10), 370.688),
        (15, LoRa(915e6, bandwidth_khz=500.0, spreading_factor=5, preamble=12), 3.920),
    ],
)
def test_time_on_air(length: int, settings: LoRa, ms: float) -> None:
    assert time_on_air_ms(settings, length) == pytest.approx(ms, abs=1e-9)


REAL_HZ = {
    7.81: 7812.5, 10.42: 10416.67, 15.63: 15625.0, 20.83: 20833.33, 31.25: 31250.0,
    41.67: 41666.67, 62.5: 62500.0, 125.0: 125000.0, 250.0: 250000.0, 500.0: 500000.0,
}  # fmt: skip
LOW_DATA_RATE_FROM = {
    7.81: 7, 10.42: 8, 15.63: 8, 20.83: 9, 31.25: 9, 41.67: 10, 62.5: 10, 125.0: 11, 250.0: 12,
}  # fmt: skip
"""The least spreading factor whose symbol takes 16.38 ms or longer, by hand."""


@for_each("factor", range(5, 13))
@for_each("khz", REAL_HZ)
def test_each_bandwidth_and_spreading_factor(factor: int, khz: float) -> None:
    settings = LoRa(868e6, bandwidth_khz=khz, spreading_factor=factor)
    symbol_ms = 2**factor / REAL_HZ[khz] * 1000
    slow = factor >= LOW_DATA_RATE_FROM.get(khz, 13)
    assert settings.symbol_ms == pytest.approx(symbol_ms, rel=1e-6)
    assert settings.low_data_rate is slow is (symbol_ms >= 16.38)
    bench = Bench()
    bench.chip.start()
    bench.chip.configure(settings)
    (modulation,) = [each for each in bench.spi.sent if each.startswith("8b ")]
    assert modulation.endswith(f" 01 0{int(slow)}")
    # data sheet 6.1.4: 4/5, preamble of 8, header, checksum, 20 bytes
    if factor <= 6:
        symbols = 8 + 6.25 + 8 + -(-(8 * 20 + 16 - 4 * factor + 20) // (4 * factor)) * 5
    else:
        bits = 8 * 20 + 16 - 4 * factor + 8 + 20
        symbols = 8 + 4.25 + 8 + -(-bits // (4 * (factor - 2 * slow))) * 5
    assert time_on_air_ms(settings, 20) == pytest.approx(symbols * symbol_ms, rel=1e-6)


@for_each(
    ("factor", "khz", "ms"),
    [
        (8, 15.63, 987.136),  # 60.25 symbols of 16.384 ms
        (7, 125.0, 56.576),  # 55.25 of 1.024 ms
        (12, 125.0, 1318.912),  # 40.25 of 32.768 ms
        (9, 20.83, 1234.944),  # 50.25 of 24.576 ms
        (6, 500.0, 7.968),  # 62.25 of 0.128 ms
        (12, 7.81, 21102.592),  # 40.25 of 524.288 ms
    ],
)
def test_time_on_air_by_hand(factor: int, khz: float, ms: float) -> None:
    settings = LoRa(868e6, bandwidth_khz=khz, spreading_factor=factor)
    assert time_on_air_ms(settings, 20) == pytest.approx(ms, abs=1e-3)


def test_longest_payload() -> None:
    settings = LoRa(915e6, spreading_factor=10)
    longest = longest_payload(settings, 400.0)
    assert time_on_air_ms(settings, longest) <= 400.0 < time_on_air_ms(settings, longest + 1)
    assert longest_payload(LoRa(915e6, spreading_factor=12), 400.0) == -1


# -- nonsense -------------------------------------------------------------------------------------


def test_random_bytes_are_read_or_refused(tally: Tally) -> None:
    source = random.Random(20251)  # noqa: S311  (nonsense, not secrets)
    for _ in range(10_000):
        data = source.randbytes(4)
        try:
            assert mode(data[0]) in {2, 3, 4, 5, 6}
        except ValueError:
            assert data[0] in {0x00, 0xFF} or (data[0] >> 4) & 7 in {0, 1, 7}
        assert int(irq(data[1], data[2])) & ~0x03FF == 0
        status = packet_status(data[1], data[2])
        assert -127.5 <= status.rssi_dbm <= 0.0
        assert -32.0 <= status.snr_db <= 31.75
        assert abs(frequency_error_hz(data[:3], 500.0)) < 260_000.0
    tally.add("bad_input", "random bytes as the SX1262's status", 10_000, seed="20251")


def test_a_chip_that_talks_nonsense_gives_only_documented_errors(tally: Tally) -> None:
    source = random.Random(20252)  # noqa: S311  (nonsense, not secrets)
    bench = Bench()

    def noise(data: bytes) -> bytes:
        return source.randbytes(len(data))

    bench.started(PYTHON_EXAMPLE)
    bench.spi.transfer = noise  # type: ignore[method-assign]
    outcomes = {"fine": 0, "refused": 0}
    for _ in range(2000):
        for ask in (
            bench.chip.take_irq,
            bench.chip.take_packet,
            bench.chip.rssi_dbm,
            bench.chip.errors,
            bench.chip.detect_activity,
        ):
            try:
                ask()
                outcomes["fine"] += 1
            except (BusError, NotReadyError):
                outcomes["refused"] += 1
    assert sum(outcomes.values()) == 10_000
    assert min(outcomes.values()) > 1000
    tally.add("bad_input", "random answers of the SX1262", 10_000, seed="20252")
