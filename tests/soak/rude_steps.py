"""Steps of bad clients: nonsense, floods, readers that do not read, broken connections."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import msgpack
from tests.soak.client import Client
from tests.soak.ledger import Asked

if TYPE_CHECKING:
    from tests.soak.run import Run


def speak_nonsense(run: Run) -> None:
    """Frames that are no requests."""
    client = run.some_client()
    for _ in range(run.chance.randrange(1, 30)):
        run.ledger.totals.bad_inputs += 1
        which = run.chance.randrange(4)
        if which == 0:
            # A first byte that begins no map: nothing in it can be an id.
            client.send_frames(b"\xc1" + run.chance.randbytes(run.chance.randrange(200)))
        elif which == 1:
            client.send_frames(b"", run.chance.randbytes(5))
        elif which == 2:
            _damaged(run, client)
        else:
            _refused(run, client)


def _damaged(run: Run, client: Client) -> None:
    number = f"damaged {run.chance.getrandbits(60)}"
    frame = bytearray(msgpack.packb({"id": number, "v": 1, "method": "ping", "params": {}}))
    frame[run.chance.randrange(len(number) + 6, len(frame))] = run.chance.randrange(256)
    asked = Asked(client.number, "a damaged frame", time.monotonic(), doubtful=True)
    client.send(bytes(frame), number, asked)


def _refused(run: Run, client: Client) -> None:
    method, params, code = run.chance.choice(
        (
            ("nothing", {}, "unknown_method"),
            ("invoke", {"module": "X", "slot": 1, "operation": "y"}, "unknown_module"),
            ("invoke", {"module": "ADC", "slot": 1, "operation": "read"}, "bad_params"),
            ("invoke", {"module": "ADC"}, "bad_params"),
            (
                "subscribe",
                {"module": "ADC", "slot": "board", "event": "x"},
                "unknown_operation",
            ),
            ("unsubscribe", {"subscription": -5}, "bad_params"),
            ("observe", {"slots": [9]}, "bad_params"),
            ("observe", {"modules": ["X"]}, "unknown_module"),
            ("emulator.list", {"slot": 1}, "forbidden"),
            ("hello", {"lease_ms": 1}, "bad_params"),
        )
    )
    client.ask(method, params, allowed=frozenset({code, "busy", "expired"}))


def flood(run: Run) -> None:
    """A client sends far more than it may have in flight."""
    client = run.some_client()
    run.counts["floods"] += 1
    params = {"expander": "board", "line": 0}
    for _ in range(run.chance.choice((300, 1000, 2000))):
        client.invoke("TPT29555", "board", "read", params, timeout_ms=10_000)


def read_nothing(run: Run) -> None:
    """A client wants everything and takes nothing for a while."""
    if len(run.slow) > 1:
        return
    client = Client(
        run.context, run.hardware.endpoint, run.ledger, 5.0, reads=False
    )  # fmt: skip
    for _ in range(10):
        params = {
            "module": "TPT29555", "slot": "board", "operation": "read_all",
            "params": {"expander": "slots"}, "every_ms": 10,
        }  # fmt: skip
        client.ask("subscribe", params)
    run.slow.append((client, time.monotonic() + run.chance.choice((1.0, 8.0, 15.0))))


def stop_reading_nothing(run: Run) -> None:
    """The slow ones are closed."""
    for client, _ in run.slow:
        client.close(time.monotonic())
    run.slow.clear()


def knock_and_run(run: Run) -> None:
    """Connections that are opened and dropped, with and without words."""
    for number in range(20):
        if number % 2:
            raw = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            raw.settimeout(0)
            try:
                raw.connect(str(run.hardware.path))
                raw.send(run.chance.randbytes(run.chance.randrange(1, 80)))
            except OSError:
                run.counts["connections refused"] += 1
            raw.close()
        else:
            client = Client(run.context, run.hardware.endpoint, run.ledger, 2.0)
            client.close(time.monotonic())
    run.counts["connections dropped"] += 20
