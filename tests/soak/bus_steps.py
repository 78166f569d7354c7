"""Steps on serial lines and SPI, and pauses of the whole bridge."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.soak.client_steps import write_marked
from tests.soak.hardware import SELECT_FAULTS, SERIAL_FAULTS
from tests.soak.questions import ANSWER_MS, RADIO_MODULE, SERIAL
from tests.soak.run import SAFE_S
from tests.soak.serial_lines import MANNERS, MARKED_REGISTER, UNIT

if TYPE_CHECKING:
    from tests.soak.run import Run

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 3.0
PATIENCE_MS = (0, 1, 20, 100, 500)


def write_unit(run: Run) -> None:
    """Somebody writes numbers that nobody else writes to a Modbus unit, which answers anyhow."""
    client = run.some_client()
    for slot in (1, 2):
        if run.in_slot[slot] != "RAK5802":
            continue
        for _ in range(run.chance.choice((1, 3, 8))):
            tag = run.next_tag()
            run.hardware.units[slot].manners.extend(run.chance.choices(MANNERS, k=2))
            params = {
                "unit": UNIT, "address": MARKED_REGISTER, "registers": [tag >> 16, tag & 0xFFFF],
                "timeout_ms": run.chance.choice(ANSWER_MS),
            }  # fmt: skip
            timeout_ms = run.chance.choice((0, 20, 2000, 10_000))
            client.invoke(
                "RAK5802", slot, "write_registers", params, timeout_ms=timeout_ms, tag=tag
            )
            run.ask_module(client, slot, 10_000)


def use_a_bus(run: Run) -> None:
    """Somebody has a lot to say over a serial line, or with a radio."""
    client = run.some_client()
    questions = run.chance.randrange(2, 7)
    for slot in (1, 2):
        if run.in_slot[slot] in {*SERIAL, RADIO_MODULE}:
            for _ in range(questions):
                run.ask_module(client, slot, 10_000)


def break_a_slot(run: Run) -> None:
    """The serial line or the chip select of a slot fails, in one way or another."""
    slot = run.chance.choice((1, 2))
    serial, spi = run.chance.choice(SERIAL_FAULTS), run.chance.choice(SELECT_FAULTS)
    count = run.chance.choice((None, 1, 3))
    if run.in_slot[slot] in SERIAL:
        run.hardware.fail_slot(slot, serial, count)
    elif run.in_slot[slot] == RADIO_MODULE:
        run.hardware.fail_slot(slot, spi, count)
    else:
        return
    run.counts["faults"] += 1


def pull_adapter(run: Run) -> None:
    """The USB adapter of a slot's serial port is pulled out and put back."""
    slot = run.chance.choice((1, 2))
    away_s = run.chance.choice((0.02, 0.3))
    client = run.some_client()
    if run.in_slot[slot] not in SERIAL:
        return
    run.ask_module(client, slot, 2000)
    terminal = run.hardware.terminals[slot]
    terminal.pull()
    try:
        run.ask_module(client, slot, 2000)
        run.pump(away_s)
    finally:
        terminal.put_back()
    run.counts["serial adapters pulled"] += 1


def pause_bridge(run: Run) -> None:
    """The bridge stands still while requests wait and a client that drives something dies."""
    length_s = run.chance.triangular(SHORTEST_PAUSE_S, LONGEST_PAUSE_S, SHORTEST_PAUSE_S)
    patience = [run.chance.choice(PATIENCE_MS) for _ in range(12)]
    drivers = list(run.drivers.values())
    place = run.chance.random()
    begun = time.monotonic()
    run.hardware.pause()
    try:
        run.pump(0.05)
        for number, timeout_ms in enumerate(patience):
            client = run.some_client()
            if number % 3:
                run.ask_module(client, 1 + number % 2, timeout_ms)
            else:
                params = {"channel": number % 4}
                client.invoke("ADC", "board", "read", params, timeout_ms=timeout_ms)
        if "marked" in run.drivers:
            write_marked(run)
        if drivers:
            run.counts["clients killed"] += 1
            run.lose(drivers[int(place * len(drivers))], "its client was killed during a pause")
        # What a bridge that stands still owes cannot be paid before it goes on.
        for owed in run.owed:
            owed.latest += length_s
        run.pump(length_s - (time.monotonic() - begun))
    finally:
        run.hardware.go_on()
    now = time.monotonic()
    for owed in run.owed:
        owed.latest = max(owed.latest, now + SAFE_S)
    run.counts["pauses"] += 1
    run.paused_s += now - begun
