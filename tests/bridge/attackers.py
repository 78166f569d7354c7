"""Clients that mean harm, each in a process of its own, and bridges for them to attack.

1. They speak to our own bridge, which they are allowed to enter: by its socket file, by its address
   on this computer, or with a key.
2. Somebody else drives a relay beside them, and is asked again and again how it is.
3. Run as a program it is a stock client whose heartbeats come every 10 ms:
   ``python -m tests.bridge.attackers ENDPOINT [KEYS]``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgpack
import zmq
from tests.bridge.bridge_process import ROOT, BridgeProcess, environment
from tests.bridge.raw_zmtp import RawPeer, frame
from tests.bridge.wire_client import RawClient

from wisblock_bridge.keys import ClientKeys, ClientList, make_pair, make_server_pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType

ATTACKER = ROOT / "tests" / "nodes" / "peers" / "attacker.js"

ENDPOINTS = ("ipc", "tcp", "remote")
ATTACKS = ("pings", "dear", "heartbeats")
"""Small messages with a PING after every hundred, and then the end; messages that are dear to
refuse until the process is killed; a stock client with short heartbeats that is killed."""

RELAY: dict[str, Any] = {"module": "RAK13007", "slot": 1}
ATTACK_S, AFTERMATH_S = 0.4, 0.3
HEARTBEAT_MS = 10
AGAIN_MS = 200

CHILD_HAS_ENDED = "the process for remote clients has ended"


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


def curve(keys: ClientKeys | None) -> dict[int, int | bytes]:
    """Return the options of a socket with these keys."""
    if keys is None:
        return {}
    return {
        zmq.CURVE_SERVERKEY: keys.server.encode(),
        zmq.CURVE_PUBLICKEY: keys.public.encode(),
        zmq.CURVE_SECRETKEY: keys.secret.encode(),
    }


def json_keys(keys: ClientKeys | None) -> str:
    """Return keys as the JavaScript client takes them, as an argument of a program."""
    if keys is None:
        return "{}"
    named = {"serverKey": keys.server, "publicKey": keys.public, "secretKey": keys.secret}
    return json.dumps(named)


def keys_of(text: str) -> ClientKeys | None:
    """Read such an argument."""
    named = json.loads(text)
    if not named:
        return None
    return ClientKeys(named["serverKey"], named["publicKey"], named["secretKey"])


class Target:
    """A bridge and one of its endpoints; use it with ``with``.

    Args:
        kind: One of ``ENDPOINTS``.

    Attributes:
        endpoint: The one that is attacked.
        local: One for this computer's programs: the same, or beside it.
        keys: What a client of it needs; None without encryption.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._folder = tempfile.TemporaryDirectory(prefix="wb-")
        self.keys: ClientKeys | None = None
        arguments: list[str] = []
        if kind == "remote":
            directory = Path(self._folder.name) / "keys"
            server, client = make_server_pair(directory), make_pair()
            ClientList(directory).add("somebody", client.public, "drive")
            self.keys = ClientKeys(server.public, client.public, client.secret)
            file = Path(self._folder.name) / "bridge.toml"
            self.endpoint = f"tcp://127.0.0.1:{free_port()}"
            file.write_text(
                f'remote_endpoint = "{self.endpoint}"\n[security]\nkeys = "{directory}"\n'
            )
            arguments = ["--config", str(file)]
        self.bridge = BridgeProcess(*arguments)
        if kind == "tcp":
            self.bridge.endpoint = f"tcp://127.0.0.1:{free_port()}"
        if kind != "remote":
            self.endpoint = self.bridge.endpoint
        self.local = self.bridge.endpoint

    def __enter__(self) -> Self:
        self.bridge.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.bridge.__exit__(kind, error, trace)
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        """Number of the bridge's process."""
        assert self.bridge.process is not None
        return self.bridge.process.pid

    def is_alive(self) -> bool:
        assert self.bridge.process is not None
        return self.bridge.process.poll() is None

    def connect(self) -> RawClient:
        """Return a client at the endpoint that is attacked."""
        return RawClient(self.endpoint, options=curve(self.keys))

    def child_deaths(self) -> int:
        """Return how often the process for remote clients has ended."""
        return self.bridge.log.read_text(errors="replace").count(CHILD_HAS_ENDED)

    def rss_mb(self) -> float:
        """Return the memory that the bridge's process occupies, MB."""
        return rss_mb(self.pid)

    def children(self) -> list[int]:
        """Return the processes that the bridge has started."""
        tasks = Path(f"/proc/{self.pid}/task")
        return [
            int(child)
            for task in tasks.iterdir()
            for child in (task / "children").read_text().split()
        ]


def rss_mb(pid: int) -> float:
    """Return the memory that a process occupies, MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


class Attacker:
    """A process that attacks once it is told to.

    Args:
        attack: One of ``ATTACKS``.
        target: Whom.
    """

    def __init__(self, attack: str, target: Target) -> None:
        texts = json_keys(target.keys)
        if attack == "heartbeats":
            command = [sys.executable, "-m", "tests.bridge.attackers", target.endpoint, texts]
        else:
            command = ["node", str(ATTACKER), attack, target.endpoint, texts]
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.ends_alone = attack == "pings"

    def await_ready(self) -> None:
        """Wait until it is connected."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        self._process.stdin.flush()

    def end(self, within_s: float = 10.0) -> None:
        """Kill it, or wait until it has ended where it does so."""
        if self.ends_alone:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(within_s)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


class Neighbour:
    """Somebody who drives a relay through all of it, and asks for its state without rest.

    Args:
        endpoint: Of the bridge, on this computer.
        pause_s: Between an answer and the next question.
    """

    def __init__(self, endpoint: str, pause_s: float = 0.005) -> None:
        self._client = RawClient(endpoint)
        self._client.result("hello", client="neighbour", lease_ms=60_000)
        self._client.result("invoke", **RELAY, operation="set", params={"on": True})
        self._pause_s = pause_s
        self._times: list[tuple[float, float]] = []
        self._waits_since = 0.0
        """When the question was asked that has no answer yet; 0 where there is none."""
        self.off = 0
        """Answers that said that the relay is off, or none."""
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._ends.wait(self._pause_s):
            self._waits_since = begin = time.monotonic()
            asked = self._client.send("invoke", 60_000, **RELAY, operation="state")
            reply = self._client.reply(asked)
            self._times.append((begin, time.monotonic()))
            self._waits_since = 0.0
            if not reply["ok"] or reply["result"]["readings"]["on"] is not True:
                self.off += 1

    def slowest_ms(self, since: float, resumed: float = 0.0) -> float:
        """Return the longest time that an answer took.

        Args:
            since: What was answered before this moment does not count.
            resumed: The bridge was stopped until then: what was asked before counts from here.
        """
        waits_since = self._waits_since
        times = [*self._times, *([(waits_since, time.monotonic())] if waits_since else ())]
        return 1000 * max(
            (end - max(begin, resumed) for begin, end in times if end >= max(since, resumed)),
            default=0.0,
        )

    def median_ms(self) -> float:
        times = sorted(end - begin for begin, end in tuple(self._times))
        return times[len(times) // 2] * 1000

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.set()
        self._thread.join()
        self._client.close()


def attack_once(attack: str, target: Target, neighbour: Neighbour, stop_s: float = 0.0) -> float:
    """Attack a bridge.

    Args:
        attack: How.
        target: Whom.
        neighbour: Who waits for answers meanwhile.
        stop_s: For how long the bridge is stopped meanwhile.

    Returns:
        The longest that the neighbour waited, ms.
    """
    attacker = Attacker(attack, target)
    attacker.await_ready()
    begin, resumed = time.monotonic(), 0.0
    if stop_s:
        os.kill(target.pid, signal.SIGSTOP)
        attacker.begin()
        time.sleep(stop_s / 2)
        attacker.end(within_s=stop_s / 4)
        time.sleep(max(0.0, begin + stop_s - time.monotonic()))
        os.kill(target.pid, signal.SIGCONT)
        resumed = time.monotonic()
    else:
        attacker.begin()
        if not attacker.ends_alone:
            time.sleep(ATTACK_S)
        attacker.end()
    time.sleep(AFTERMATH_S)
    return neighbour.slowest_ms(begin, resumed)


READ: dict[str, Any] = {
    "module": "TPT29555", "slot": "board", "operation": "read",
    "params": {"expander": "slots", "line": 0},
}  # fmt: skip


class LogLines:
    """What a bridge has written down."""

    def __init__(self, target: Target) -> None:
        self._lines = target.bridge.log.read_text(errors="replace").splitlines()

    def naming(self, text: str) -> list[str]:
        """Return the lines that have this in them."""
        return [line for line in self._lines if text in line]


def readers(endpoint: str, number: int = 2) -> AbstractContextManager[None]:
    """Others read as fast as they are answered."""
    return _others("--read", endpoint, number)


def large_senders(endpoint: str, number: int) -> AbstractContextManager[None]:
    """Others send requests of 1 MiB as fast as they can."""
    return _others("--large", endpoint, number)


@contextmanager
def _others(kind: str, endpoint: str, number: int) -> Iterator[None]:
    """Others do something without rest, each in a process of its own."""
    command = [sys.executable, "-m", "tests.bridge.attackers", kind, endpoint]
    started = [
        subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE)
        for _ in range(number)
    ]
    try:
        for each in started:
            assert each.stdout is not None
            assert each.stdout.readline() == b"ready\n"
        yield
    finally:
        for each in started:
            each.kill()
            each.wait()
            assert each.stdout is not None
            each.stdout.close()


def say_ready() -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def read_without_rest(endpoint: str) -> None:
    """Read one request after the other, until killed."""
    with RawClient(endpoint) as client:
        client.result("invoke", **READ)
        say_ready()
        while True:
            client.reply(client.send("invoke", 60_000, **READ))


def send_large_without_rest(endpoint: str) -> None:
    """Send the largest requests that there may be, until killed."""
    request = {"v": 1, "id": 1, "method": "ping", "more": bytes(1024 * 1024 - 100)}
    with RawPeer(endpoint) as peer:
        peer.socket.settimeout(None)
        data = frame(msgpack.packb(request))
        peer.send(data)
        say_ready()
        while True:
            peer.send(data)


def beat_and_flood(endpoint: str, keys: ClientKeys | None) -> None:
    """Send without reading, with heartbeats, until killed."""
    dealer = zmq.Context().socket(zmq.DEALER)
    dealer.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
    dealer.setsockopt(zmq.RCVHWM, 1)
    for option, value in curve(keys).items():
        dealer.setsockopt(option, value)
    dealer.connect(endpoint)
    request = {"v": 1, "id": 1, "method": "ping"}
    dealer.send(msgpack.packb(request))
    while not dealer.poll(AGAIN_MS):  # a connection that missed a heartbeat takes its request along
        dealer.send(msgpack.packb(request))
    say_ready()
    sys.stdin.readline()
    number = 1
    while True:
        number += 1
        dealer.send(msgpack.packb({**request, "id": number}))


if __name__ == "__main__":
    if sys.argv[1] == "--read":
        read_without_rest(sys.argv[2])
    elif sys.argv[1] == "--large":
        send_large_without_rest(sys.argv[2])
    else:
        beat_and_flood(sys.argv[1], keys_of(sys.argv[2]))
