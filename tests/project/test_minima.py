"""No operation of any module takes much more than its data sheet's least: counted, not timed."""

from __future__ import annotations

import pytest
from benchmarks import least
from benchmarks.bus_work import bits
from benchmarks.minima import MINIMA, NONE, Move, modbus, nfc, p, r, w

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.modules import registry


def test_every_operation_of_every_module_is_in_the_table() -> None:
    there = {(each.module, each.step.name) for each in MINIMA}
    wanted = {
        (name, operation)
        for name, module in registry.load().modules.items()
        for operation in module.description.operations
    }
    assert there == wanted


def test_every_entry_says_by_what() -> None:
    assert all(len(each.reason) > 5 for each in MINIMA)


@pytest.mark.parametrize(
    ("messages", "expected", "move"),
    [
        ((Write(b"\x00\x01"),), 29, w(2)),  # facts: MCP23017 write one register
        ((Write(b"\x00"), Read(1)), 39, p(1)),  # read one register
        ((Write(b"\x00"), Read(2)), 48, p(2)),  # ADS1115 conversion read
        ((Write(b"\x01\xc3\x83"),), 38, w(3)),  # ADS1115 config write
        ((Write(b"\x06\x00\x00\x00\x04"),), 56, w(5)),  # PCA9685 one channel
        ((Read(2),), 29, r(2)),
    ],
)
def test_bits_of_known_transactions(
    messages: tuple[Write | Read, ...], expected: int, move: Move
) -> None:
    assert (bits(messages), move.bits) == (expected, expected)
    assert move.seconds == pytest.approx(expected / 100_000)


def test_a_modbus_exchange_of_one_register_at_9600_baud() -> None:
    """8 and 7 characters, 3.5 of silence, 5 ms of the unit: 150 bits, 24.3 ms."""
    move = modbus(8, 7)
    assert move.bits == 150
    assert move.seconds == pytest.approx(15 / 960 + 3.5 / 960 + 0.005)


def test_the_firmware_of_a_pn532() -> None:
    assert (nfc(0, 4, 0.0).transactions, nfc(0, 4, 0.0).bits) == (5, 343)


def test_transactions_bits_and_time() -> None:
    too_much = []
    for entry, work in least.measured():
        ratios = least.ratios(work, entry.least)
        if max(ratios) > 1.5:
            too_much.append((entry.module, entry.step, work, entry.least))
        if entry.least != NONE:
            # A figure far below the least would mean that the table asks for too much.
            assert min(ratios) > 0.7, (entry.module, entry.step, work, entry.least)
    assert too_much == []
