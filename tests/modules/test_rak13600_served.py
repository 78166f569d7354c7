"""RAK13600 behind a real bridge: events of cards that come and go, and the example program."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment

from wisblock_bridge.client import Bridge

if TYPE_CHECKING:
    from collections.abc import Iterator

BLAIR = bytes.fromhex("DCAFFD02")
BROWN = bytes.fromhex("BCF024B5")
EXAMPLE = ROOT / "python-bridge/examples/rak13600_greeting.py"


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


@pytest.fixture
def bridge(served: BridgeProcess) -> Iterator[Bridge]:
    with Bridge(served.endpoint, name="test") as connected:
        connected.emulator.unplug(1)
        connected.emulator.plug(1, "RAK13600")
        yield connected
        connected.release("RAK13600", 1)


def test_events(bridge: Bridge) -> None:
    reader = bridge["RAK13600", 1]
    with reader.events("arrived", poll_ms=50, gone_ms=50) as came:
        arrivals = iter(came)
        first = next(arrivals)
        assert first.result is not None
        assert (first.result["uid"], first.result["type"]) == (BLAIR, "mifare_classic_1k")
        with reader.events("removed", poll_ms=50, gone_ms=50) as went:
            bridge.emulator.set(1, "tag", "bcf024b5")
            second, gone = next(arrivals), next(iter(went))
            assert second.result is not None
            assert gone.result is not None
            assert (second.result["uid"], gone.result["uid"]) == (BROWN, BLAIR)
            assert bridge.emulator.get(1, "on") is True


def test_bytes_and_records_over_the_wire(bridge: Bridge) -> None:
    reader = bridge["RAK13600", 1]
    data = bytes(range(16))
    assert reader.write_block(block=4, data=data, key_type="B")["written"] == [4]
    assert reader.read_block(block=4)["data"] == data
    reader.write_ndef(records=["https://www.rakwireless.com", "text:de:Hallo"])
    assert reader.read_ndef()["records"] == ["https://www.rakwireless.com", "text:de:Hallo"]
    assert bridge.emulator.get(1, "on") is False


def test_the_example(bridge: Bridge, served: BridgeProcess) -> None:
    bridge.emulator.set(1, "tag", "dcaffd02,04a1b2c3d4e580")
    finished = subprocess.run(
        [sys.executable, str(EXAMPLE), "--slot", "1", "--count", "2"],
        env=environment(WISBLOCK_BRIDGE_ENDPOINT=served.endpoint),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    assert lines[:3] == [
        "Press Ctrl+C to exit!",
        "Found PN532 with firmware version: 1.6",
        "Waiting for RFID/NFC card...",
    ]
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf"{stamp} Hello, Mrs Blair!", lines[3])
    assert re.fullmatch(rf"{stamp} Unregistered card 0x04a1b2c3d4e580!", lines[4])
