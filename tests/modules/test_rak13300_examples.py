"""The example programs of the RAK13300 against a real bridge on an emulated board."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack

from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment

EXAMPLES = ROOT / "python-bridge/examples"


def start(served: BridgeProcess, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(EXAMPLES / words[0]), *words[1:]],
        env=environment(WISBLOCK_BRIDGE_ENDPOINT=served.endpoint),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(program: subprocess.Popen[str]) -> None:
    """End a program that a failed test left running, and close its pipes."""
    program.kill()
    program.communicate(timeout=LONG_S)


def test_what_the_transmitter_sends_the_receiver_prints() -> None:
    with BridgeProcess() as served, ExitStack() as ends:
        receiver = start(served, "rak13300_receiver.py", "--region", "US915", "--count", "2")
        ends.callback(end, receiver)
        assert receiver.stdout is not None
        assert receiver.stdout.readline() == "-- LoRa Receiver --\n"
        # The first packets may leave before the receiver's radio listens.
        transmitter = start(
            served, "rak13300_transmitter.py", "--region", "US915", "--interval", "0.3"
        )
        ends.callback(end, transmitter)
        printed, errors = receiver.communicate(timeout=LONG_S)
        assert receiver.returncode == 0, errors
        transmitter.kill()
        sent, _ = transmitter.communicate(timeout=LONG_S)
        lines = printed.splitlines()
        assert len(lines) == 4
        for text, status in zip(lines[::2], lines[1::2], strict=True):
            assert text.startswith("HeLoRa World!  ")
            assert status == "Packet status: RSSI = -43.00 dBm | SNR = 13.00 dB"
        assert sent.startswith("HeLoRa World!  0\nTransmit time: ")
        assert "Time on air: 50.43 ms" in sent


def test_without_a_region_the_transmitter_says_so() -> None:
    with BridgeProcess() as served:
        program = start(served, "rak13300_transmitter.py", "--count", "1")
        _, errors = program.communicate(timeout=LONG_S)
    assert program.returncode == 1
    assert "before a region was chosen" in errors
