"""The log when things fail: one line down, one line up; a defect once, under an id that is told."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest
from tests.bridge.probe import Probe, Script, no_answer, out_of_range
from tests.bridge.rig import Rig
from tests.fake_clock import FakeClock

from wisblock_bridge.boards.rak6421 import REVISION_VA
from wisblock_bridge.runtime.fault_log import MOST_DEFECTS, Defects, FaultLog, defect
from wisblock_bridge.server.log_buffer import LogBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wisblock_bridge.errors import BridgeError

A, B, C = b"a", b"b", b"c"
ID = re.compile(r"[0-9a-f]{6}")


@pytest.fixture
def script() -> Script:
    made = Script()
    Probe.script = made
    return made


@pytest.fixture
def rig(script: Script) -> Iterator[Rig]:
    with Rig(modules={"PROBE": Probe}) as made:
        yield made
        script.gate.set()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def fail_always(script: Script, make: Callable[[], Exception]) -> Callable[[], None]:
    """Let every call fail from now on; what it gives ends that."""
    former = script.call

    def call(what: str) -> None:
        script.calls.append(what)
        if what != "close":
            raise make()

    script.call = call  # type: ignore[method-assign]

    def end() -> None:
        script.call = former  # type: ignore[method-assign]

    return end


# -- down once, up once ---------------------------------------------------------------------------


def test_a_thousand_failures_are_one_line(
    rig: Rig, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    for who in (A, B, C):
        for number in range(2):
            rig.result(
                who, "subscribe", module="PROBE", slot=1, operation="read", every_ms=100,
                params={"word": f"{who.decode()}{number}"},
            )  # fmt: skip
        rig.result(who, "subscribe", module="PROBE", slot=1, event="changed")
    rig.settle()
    end = fail_always(script, no_answer)
    for number in range(500):
        who = (A, B, C)[number % 3]
        operation, params = (
            ("read", {"word": str(number)}) if number % 2 else ("set", {"which": "a", "on": True})
        )
        assert rig.refused(who, "PROBE", 1, operation, **params)["code"] == "no_device"
        rig.advance(1.0)
    (worker,) = rig.slot_manager
    assert worker.health.errors >= 1000
    assert lines(caplog) == ["PROBE in slot 1, 0x11 on i2c-1: No answer."]
    end()
    for _ in range(20):
        rig.advance(1.0)
    rig.invoke(A, "PROBE", 1, "read")
    assert lines(caplog)[1:] == ["PROBE in slot 1 works again"]


def test_a_bad_measurement_is_one_line(
    rig: Rig, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    rig.invoke(A, "PROBE", 1, "read")
    end = fail_always(script, out_of_range)
    for _ in range(1000):
        rig.refused(A, "PROBE", 1, "read")
    end()
    rig.invoke(B, "PROBE", 1, "read")
    assert lines(caplog) == ["PROBE in slot 1: Too much. Take less.", "PROBE in slot 1 works again"]


def test_the_serial_line(caplog: pytest.LogCaptureFixture) -> None:
    """A unit of Modbus that is silent for everybody, then is back."""
    with Rig(REVISION_VA, FakeClock()) as rig:
        rig.result(A, "emulator.plug", slot=1, module="RAK5802")
        read = {"unit": 42, "address": 0, "count": 1}
        rig.invoke(A, "RAK5802", 1, "read_holding_registers", **read)
        rig.result(
            C, "subscribe", module="RAK5802", slot=1, operation="read_holding_registers",
            params=read, every_ms=1000,
        )  # fmt: skip
        rig.settle()
        rig.result(A, "emulator.fault", slot=1, kind="nack")
        for number in range(300):
            rig.refused((A, B)[number % 2], "RAK5802", 1, "read_holding_registers", **read)
        assert len(lines(caplog)) == 1, lines(caplog)
        assert lines(caplog)[0].startswith("RAK5802 in slot 1")
        assert "did not answer" in lines(caplog)[0]
        rig.result(A, "emulator.fault", slot=1, kind="nack", count=0)
        rig.advance(61.0)
        rig.invoke(B, "RAK5802", 1, "read_holding_registers", **read)
        assert lines(caplog)[1:] == ["RAK5802 in slot 1 works again"]
        (bus,) = [each for each in rig.hardware.bus_counters if each.kind == "serial"]
        assert bus.transactions > 300


def test_the_spi_bus(caplog: pytest.LogCaptureFixture) -> None:
    with Rig(REVISION_VA, FakeClock()) as rig:
        rig.invoke(A, "RAK13300", 1, "rssi")
        rig.result(A, "subscribe", module="RAK13300", slot=1, event="received")
        rig.settle()
        rig.result(A, "emulator.fault", slot=1, kind="nack")
        for number in range(300):
            rig.refused((A, B)[number % 2], "RAK13300", 1, "rssi")
        assert len(lines(caplog)) == 1, lines(caplog)
        assert lines(caplog)[0].startswith("RAK13300 in slot 1")
        rig.result(A, "emulator.fault", slot=1, kind="nack", count=0)
        rig.advance(61.0)
        rig.invoke(B, "RAK13300", 1, "rssi")
        assert lines(caplog)[1:] == ["RAK13300 in slot 1 works again"]
        (bus,) = [each for each in rig.hardware.bus_counters if each.kind == "spi"]
        assert bus.transactions > 300


def test_one_unit_answers_and_the_other_does_not(caplog: pytest.LogCaptureFixture) -> None:
    """By turns, for ever: told twice, then no more until it has been quiet for a minute."""
    clock = FakeClock()
    log = FaultLog("RAK5802 in slot 1", clock)
    for _ in range(1000):
        log.failed(no_answer())
        clock.advance(0.5)
        if log.down:
            log.works()
        clock.advance(0.5)
    assert [each.split("(by turns")[0].strip() for each in lines(caplog)] == [
        "0x11 on i2c-1: No answer.",
        "RAK5802 in slot 1 works again",
        "0x11 on i2c-1: No answer.",
    ]
    assert "(by turns: the next line comes when it has worked for 60 s)" in lines(caplog)[2]
    clock.advance(60.0)
    log.works()
    assert lines(caplog)[3:] == ["RAK5802 in slot 1 works again"]
    clock.advance(60.0)
    log.failed(no_answer())
    assert lines(caplog)[4:] == ["0x11 on i2c-1: No answer."]


def test_an_output_that_cannot_be_made_safe(
    rig: Rig, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    """Tried for an hour: one line that the module fails, one that the output is not safe."""
    rig.result(A, "hello", lease_ms=500)
    rig.invoke(A, "PROBE", 1, "set", which="a", on=True)
    end = fail_always(script, no_answer)
    caplog.set_level(logging.INFO)
    for _ in range(360):
        rig.advance(10.0)
    assert script.calls.count("open") > 300
    assert lines(caplog) == [
        "PROBE in slot 1, 0x11 on i2c-1: No answer.",
        "PROBE in slot 1: a cannot be made safe (no_device) and is tried again until it is",
    ]
    end()
    rig.advance(10.0)
    told = [each.getMessage() for each in caplog.records if "PROBE" in each.getMessage()]
    assert told[2:] == ["PROBE in slot 1: a is safe now", "PROBE in slot 1 works again"]


# -- defects --------------------------------------------------------------------------------------


def the_id(error: dict[str, object]) -> str:
    assert error["code"] == "internal"
    data = error["data"]
    assert isinstance(data, dict)
    number = data["id"]
    assert ID.fullmatch(number)
    assert f"See the bridge's log for {number}." in str(error["message"])
    return str(number)


def traceback_under(number: str, caplog: pytest.LogCaptureFixture) -> str:
    (record,) = [each for each in caplog.records if number in each.getMessage()]
    assert record.exc_info is not None
    assert caplog.text.count(number) == 1
    return logging.Formatter().format(record)


def test_an_unforeseen_exception_is_found_in_the_log(
    rig: Rig, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    rig.invoke(A, "PROBE", 1, "read")
    script.failures.append(ZeroDivisionError("the detail"))
    error = rig.refused(A, "PROBE", 1, "read")
    text = traceback_under(the_id(error), caplog)
    assert "ZeroDivisionError: the detail" in text
    assert "in read\n" in text  # where it happened
    assert "the detail" not in str(error)
    (slot,) = rig.slot_manager
    assert (slot.health.errors, slot.health.latest_error is not None) == (1, True)


def test_a_defect_that_repeats_keeps_its_id_and_is_logged_once(
    rig: Rig, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    rig.invoke(A, "PROBE", 1, "read")
    end = fail_always(script, lambda: RuntimeError("again"))
    (number,) = {the_id(rig.refused(who, "PROBE", 1, "read")) for who in (A, B) * 500}
    assert "RuntimeError: again" in traceback_under(number, caplog)
    end()


def test_a_defect_of_a_subscription_has_an_id(
    rig: Rig, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    end = fail_always(script, lambda: LookupError("in the look"))
    number = rig.result(A, "subscribe", module="PROBE", slot=1, event="changed")["subscription"]
    rig.pump_until(lambda: bool(rig.events(A, number)), "the error is told")
    (event,) = rig.events(A, number)
    assert "LookupError: in the look" in traceback_under(the_id(event["error"]), caplog)
    end()


def test_a_defect_of_a_scan_has_an_id(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise KeyError("no such chip")

    monkeypatch.setattr(rig.hardware, "uncounted_i2c", broken)
    error = rig.error(A, rig.send(A, "scan"))
    assert "no such chip" in traceback_under(the_id(error), caplog)


def raise_it(error: Exception) -> None:
    raise error


def raise_it_elsewhere(error: Exception) -> None:
    raise error


def raised(kind: type[Exception], by: Callable[[Exception], None] = raise_it) -> Exception:
    try:
        by(kind("the words"))
    except kind as error:
        return error
    raise AssertionError(by)


def test_defects_are_told_apart_and_bounded(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    defects = Defects(lambda: now[0])
    first = defects.note(raised(ValueError), "here")
    assert defects.note(raised(ValueError), "here") == first
    others = {
        defects.note(raised(ValueError), "there"),
        defects.note(raised(ValueError, raise_it_elsewhere), "here"),
        defects.note(raised(KeyError), "here"),
    }
    assert len(others | {first}) == 4
    assert len(caplog.records) == 4
    now[0] = 3601.0
    assert defects.note(raised(ValueError), "here") != first
    assert len(caplog.records) == 5
    for number in range(2 * MOST_DEFECTS):
        defects.note(raised(ValueError), f"place {number}")
    assert len(defects._known) == MOST_DEFECTS


def test_an_error_without_a_traceback_is_a_defect_too() -> None:
    error: BridgeError = defect(RuntimeError("made, never raised"), "nowhere", Defects())
    assert ID.fullmatch(str(error.data["id"]))


# -- what is remembered ---------------------------------------------------------------------------


def test_the_ring_is_bounded_in_lines_and_length() -> None:
    log_buffer = LogBuffer()
    logger = logging.getLogger("tests.ring")
    logger.propagate = False
    logger.addHandler(log_buffer)
    try:
        for number in range(500):
            logger.warning("line %d %s", number, "x" * 100_000)
        logger.error("with a traceback", exc_info=raised(ValueError))
        logger.warning("cannot be written: %d", "not a number")
    finally:
        logger.removeHandler(log_buffer)
    kept = log_buffer.lines()
    assert len(kept) == 200
    assert all(len(str(each["text"])) <= 3001 for each in kept)
    assert "ValueError: the words" in str(kept[-1]["text"])
    assert (kept[-1]["level"], kept[-1]["logger"]) == ("error", "tests.ring")
