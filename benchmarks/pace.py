"""Whether subscriptions keep the pace that was asked for.

A bridge on an emulated board whose bus takes the time of a real one at 100 kHz. A client
subscribes, waits until everything runs, and counts what comes in ten seconds: events over events
and the beats that were told as missed, which together must be what was asked for. Beside it another
client asks for another channel of the same converter, ten times a second at most; its median is
printed over what that takes alone. A machine that is busy with other things misses beats as well.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgpack
import zmq

from benchmarks.processes import ROOT, as_installed, fresh_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    Row = tuple[str, float, str, bool]

SECONDS = 10.0
SETTLE_S = 2.0
AT_LEAST = 0.99
LONGEST_S = 60
"""Without an answer for so long, a run ends: its bridge did not start, or it has ended."""


class Client:
    """A client in this process.

    Args:
        endpoint: The bridge.
    """

    def __init__(self, endpoint: str) -> None:
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVTIMEO, LONGEST_S * 1000)
        self._socket.connect(endpoint)
        self._number = 0
        self.events: list[dict[str, Any]] = []

    def ask(self, method: str, **params: object) -> Any:  # noqa: ANN401  (whatever the method gives)
        """Ask and wait; events that come meanwhile are kept.

        Args:
            method: What.
            **params: Its parameters.

        Returns:
            The result.
        """
        self._number += 1
        request = {"v": 1, "id": self._number, "method": method, "params": params}
        self._socket.send(msgpack.packb({**request, "timeout_ms": 20_000}))
        while True:
            message = msgpack.unpackb(self._socket.recv())
            if message.get("id") == self._number:
                assert message["ok"], message
                return message["result"]
            self.events.append(message)

    def listen(self, seconds: float) -> list[dict[str, Any]]:
        """Return the events that come in some seconds, each with ``"seen"``, ms since 1970.

        Args:
            seconds: How long.
        """
        found: list[dict[str, Any]] = []
        end = time.monotonic() + seconds
        last_ping = time.monotonic()
        while (left_s := end - time.monotonic()) > 0.0:
            if self._socket.poll(max(1, round(min(left_s, 0.5) * 1000))):
                message = msgpack.unpackb(self._socket.recv())
                if "event" in message:
                    found.append({**message, "seen": time.time() * 1000.0})
            if time.monotonic() - last_ping > 1.0:
                last_ping = time.monotonic()
                self._number += 1
                ping = {"v": 1, "id": self._number, "method": "ping"}
                self._socket.send(msgpack.packb(ping))
        return found

    def wait_for_event(self) -> dict[str, Any]:
        """Return the next event, with ``"seen"`` as ``listen`` gives it."""
        while True:
            message = msgpack.unpackb(self._socket.recv())
            if "event" in message:
                return {**message, "seen": time.time() * 1000.0}

    def close(self) -> None:
        """Disconnect."""
        self._socket.close()


@contextmanager
def timed_bridge(*options: str) -> Iterator[str]:
    """Run a bridge whose I2C bus takes its time, until the block ends.

    Args:
        *options: For ``wisblock-bridge serve``.

    Yields:
        Its endpoint.
    """
    endpoint = fresh_endpoint()
    serve = ["serve", "--emulate", "--endpoint", endpoint, *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.peers.timed_bridge", *serve],
        cwd=ROOT,
        env=as_installed(),
        stderr=subprocess.DEVNULL,
    )
    try:
        client = Client(endpoint)
        client.ask("ping")
        client.close()
        yield endpoint
    finally:
        process.terminate()
        process.wait()


def asking(endpoint: str, request: dict[str, object], seconds: float) -> list[float]:
    """Ask for a reading again and again, and return how long each took, s.

    Args:
        endpoint: The bridge.
        request: What to invoke.
        seconds: How long.
    """
    client = Client(endpoint)
    took = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        client.ask("invoke", **request)
        took.append(time.monotonic() - begin)
        time.sleep(0.1)
    client.close()
    return took


def kept(
    endpoint: str, requests: list[dict[str, object]], every_ms: int, other: dict[str, object]
) -> tuple[float, int, float]:
    """Subscribe to readings and count what comes.

    Args:
        endpoint: The bridge.
        requests: What to subscribe to.
        every_ms: The interval.
        other: What another client asks for meanwhile.

    Returns:
        Events over beats, the beats that were told as late, and the other client's median over
        what its reading takes without subscriptions.
    """
    alone = statistics.median(asking(endpoint, other, 2.0))
    client = Client(endpoint)
    client.ask("hello", client="bench", lease_ms=60_000)
    for request in requests:
        client.ask("subscribe", **request, every_ms=every_ms)
    client.listen(SETTLE_S)
    beside: list[float] = []
    thread = threading.Thread(target=lambda: beside.extend(asking(endpoint, other, SECONDS)))
    thread.start()
    events = client.listen(SECONDS)
    thread.join()
    client.close()
    late = sum(each.get("late", 0) for each in events)
    beats = len(requests) * SECONDS * 1000.0 / every_ms
    # What was counted as missed must be what is missing, but for the two ends of the ten seconds.
    assert abs(len(events) + late - beats) <= 1.5 * len(requests), (len(events), late, beats)
    return len(events) / (len(events) + late), late, statistics.median(beside) / alone


def rows(rounds: int) -> list[Row]:
    """Measure the two cases in which a bridge that measures for each subscription falls behind.

    Args:
        rounds: How often; the median counts.

    Returns:
        Name, figure, bar, and whether it is held.
    """
    channel: dict[str, object] = {
        "module": "ADC", "slot": "board", "operation": "read", "params": {"channel": 0},
    }  # fmt: skip
    loop: dict[str, object] = {"module": "RAK5801", "operation": "read", "params": {}}
    other: dict[str, object] = {**channel, "params": {"channel": 1}}
    cases = (
        ("20 x 10 Hz on one ADC channel", [channel] * 20, 100),
        ("8 x RAK5801 at 1 Hz", [{**loop, "slot": 1}] * 8, 1000),
        ("4 in each slot", [{**loop, "slot": 1}, {**loop, "slot": 2}] * 4, 1000),
    )
    found: list[Row] = []
    for name, requests, every_ms in cases:
        with timed_bridge() as endpoint:
            seen = [kept(endpoint, requests, every_ms, other) for _ in range(rounds)]
        share = statistics.median(each[0] for each in seen)
        turn = statistics.median(each[2] for each in seen)
        late = statistics.median(each[1] for each in seen)
        found += [
            (f"P {name}, delivered / asked", share, f">= {AT_LEAST}", share >= AT_LEAST),
            ("P   told as late, beats", late, "(for information)", True),
            ("P   another client's reading / alone", turn, "<= 4", turn <= 4),
        ]
    return found
