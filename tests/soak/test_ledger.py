"""What the soak must notice: another answer, a write too many, a write that never was."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cases import for_each
from tests.modules.modbus_bench import whole
from tests.soak.ledger import Asked, BrokenPromise, Ledger
from tests.soak.serial_lines import UNIT, MarkedUnit, registers

from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.clock import SystemClock

CLIENT, NUMBER, TAG = 1, 7, 0x123456


def asked(**more: Any) -> Ledger:
    ledger = Ledger()
    ledger.ask(NUMBER, Asked(CLIENT, "invoke RAK5802 something", 0.0, **more))
    return ledger


def answered(ledger: Ledger, readings: dict[str, object]) -> None:
    ledger.answer(CLIENT, {"v": 1, "id": NUMBER, "ok": True, "result": {"readings": readings}})


def test_an_answer_to_another_question() -> None:
    ledger = asked(expects={"registers": registers(2000, 2)})
    with pytest.raises(BrokenPromise, match="it is"):
        answered(ledger, {"registers": registers(2001, 2)})


def test_the_answer_to_this_question() -> None:
    ledger = asked(expects={"registers": registers(2000, 2)})
    answered(ledger, {"registers": registers(2000, 2), "more": 1})
    assert ledger.totals.readings_checked == 1
    assert ledger.totals.modules == {"RAK5802": 1}


def test_a_write_that_was_made_twice() -> None:
    ledger = asked(tag=TAG)
    ledger.write(TAG, 1.0)
    with pytest.raises(BrokenPromise, match="carried out 2 times"):
        ledger.write(TAG, 1.1)


def test_a_write_that_never_was() -> None:
    with pytest.raises(BrokenPromise, match="never reached the hardware"):
        answered(asked(tag=TAG), {})


@for_each(
    ("manner", "told", "written"),
    [
        ("right", "64 10 01 00 00 02", True),
        ("deaf", "", False),
        ("silent", "", True),
        ("other", "65 10 01 00 00 02", True),
        ("refusal", "64 90 04", False),
    ],
)
def test_the_unit_does_as_it_was_told(manner: str, told: str, *, written: bool) -> None:
    line = EmulatedSerialLine("/dev/ttyUSB0", SystemClock())
    line.port.configure(LineSettings(9600))
    heard: list[int] = []
    unit = MarkedUnit(line, heard.append)
    unit.manners.append(manner)
    line.attach(unit)
    try:
        line.transmit(whole(f"{UNIT:02x} 10 01 00 00 02 04 00 12 34 56"), LineSettings(9600))
        wanted = whole(told) if told else b""
        assert line.port.read(len(wanted) or 1, 0.05 if not wanted else 30.0) == wanted
        assert heard == ([TAG] if written else [])
        assert unit.answered == {manner: 1}
    finally:
        line.port.close()
