"""Clients that ask a stopped bridge for far more than it can take, so that their own queues fill.

Run as a program it is one of them, in a process that can be killed:
``python -m tests.bridge.full_queue KIND ENDPOINT COUNT TIMEOUT_MS KEYS``.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgpack
from tests.bridge.attackers import RELAY, Target, curve, json_keys, keys_of, say_ready
from tests.bridge.bridge_process import ROOT, environment
from tests.bridge.raw_zmtp import RawPeer, frame
from tests.bridge.wire_client import RawClient

from wisblock_bridge.client import Bridge, RemoteError

if TYPE_CHECKING:
    from wisblock_bridge.keys import ClientKeys

KINDS = ("raw", "pyzmq", "python", "javascript")
ON = {**RELAY, "operation": "set", "params": {"on": True}}
OTHER_RELAY = {**RELAY, "slot": 2}
COUNT, THREADS = 3000, 300
TIMEOUT_MS, PATIENT_MS = 500, 60_000
ANSWERED_S = 60.0
LEASE_MS = 3000


class FullQueue:
    """One of these clients.

    Args:
        kind: One of ``KINDS``.
        target: The bridge.
        timeout_ms: Of its requests.
    """

    def __init__(self, kind: str, target: Target, timeout_ms: int = TIMEOUT_MS) -> None:
        more = [target.endpoint, str(COUNT), str(timeout_ms), json_keys(target.keys)]
        program = ROOT / "tests" / "nodes" / "peers" / "full-queue.js"
        python = [sys.executable, "-m", "tests.bridge.full_queue", kind]
        self._process = subprocess.Popen(
            [*(["node", str(program)] if kind == "javascript" else python), *more],
            cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def await_ready(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def answers(self) -> dict[str, int]:
        """Wait for its end, and return how often there was which answer."""
        printed, _ = self._process.communicate(timeout=ANSWERED_S)
        found: dict[str, int] = json.loads(printed)
        return found

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@dataclass
class Outcome:
    """What came of a stop.

    Attributes:
        answers: For each kind, how often there was which answer.
        switched: The relay that all of them wanted on was on at some time.
        lease_held: Who had pinged in the stop still drove its output.
    """

    answers: dict[str, dict[str, int]] = field(default_factory=dict)
    switched: bool = False
    lease_held: bool = False


def stop(target: Target, seconds: float) -> Outcome:
    """Stop a bridge while clients of all kinds fill their queues, and one is killed.

    Args:
        target: The bridge.
        seconds: For how long.

    Returns:
        What came of it.
    """
    found = Outcome()
    # Bytes with encryption are more than this language can say here.
    kinds = [kind for kind in KINDS if kind != "raw" or target.keys is None]
    with ExitStack() as stack:
        watcher = stack.enter_context(RawClient(target.local))
        pinging = stack.enter_context(RawClient(target.local))
        watcher.result("hello", client="watcher", lease_ms=60_000)
        clients = {kind: FullQueue(kind, target) for kind in kinds}
        # Remote clients that have gone are known by their leases only.
        left = () if target.keys else ("raw", "pyzmq")
        gone = [FullQueue(kind, target, PATIENT_MS) for kind in left]
        for each in (*clients.values(), *gone):
            each.await_ready()
        watcher.result("invoke", **RELAY, operation="set", params={"on": False})
        pinging.result("hello", client="pinging", lease_ms=LEASE_MS)
        pinging.result("invoke", **OTHER_RELAY, operation="set", params={"on": True})
        os.kill(target.pid, signal.SIGSTOP)
        stopped_at = time.monotonic()
        try:
            pinging.send("ping")
            for each in (*clients.values(), *gone):
                each.begin()
            time.sleep(seconds / 2)
            for each in gone:
                each.kill()
            time.sleep(max(0.0, stopped_at + seconds - time.monotonic()))
        finally:
            os.kill(target.pid, signal.SIGCONT)
        other = pinging.result("invoke", **OTHER_RELAY, operation="state", timeout_ms=60_000)
        found.lease_held = bool(other["readings"]["on"])
        gathered = threading.Thread(
            target=lambda: found.answers.update(
                {kind: client.answers() for kind, client in clients.items()}
            )
        )
        gathered.start()
        while gathered.is_alive():
            found.switched = found.switched or _is_on(watcher)
        gathered.join()
        found.switched = found.switched or _is_on(watcher)
    return found


def _is_on(watcher: RawClient) -> bool:
    state = watcher.result("invoke", **RELAY, operation="state", timeout_ms=60_000)
    return bool(state["readings"]["on"])


# -- the programs ---------------------------------------------------------------------------------


def _requests(count: int, timeout_ms: int) -> list[bytes]:
    request: dict[str, Any] = {"v": 1, "method": "invoke", "params": ON, "timeout_ms": timeout_ms}
    return [msgpack.packb({**request, "id": f"f{number}"}) for number in range(count)]


def _code(reply: dict[str, Any]) -> str:
    return "ok" if reply["ok"] else str(reply["error"]["code"])


def ask_raw(endpoint: str, count: int, timeout_ms: int) -> Counter[str]:
    """Write as the socket takes it; what it does not take waits here."""
    answers: Counter[str] = Counter()
    with RawPeer(endpoint) as peer:
        say_ready()
        sys.stdin.readline()
        waiting = memoryview(b"".join(map(frame, _requests(count, timeout_ms))))
        unread = b""
        end = time.monotonic() + ANSWERED_S
        while sum(answers.values()) < count and time.monotonic() < end:
            writes = [peer.socket] if waiting else []
            can_read, can_write, _ = select.select([peer.socket], writes, [], 0.1)
            if can_write:
                waiting = waiting[peer.socket.send(waiting, socket.MSG_DONTWAIT) :]
            if can_read:
                unread += peer.socket.recv(1 << 20)
            while len(unread) >= 9:
                is_long = unread[0] & 2
                start = 9 if is_long else 2
                end_of = start + (int.from_bytes(unread[1:9], "big") if is_long else unread[1])
                if len(unread) < end_of:
                    break
                answers[_code(msgpack.unpackb(unread[start:end_of]))] += 1
                unread = unread[end_of:]
    return answers


def ask_pyzmq(endpoint: str, count: int, timeout_ms: int, keys: ClientKeys | None) -> Counter[str]:
    """Leave the queue to libzmq."""
    answers: Counter[str] = Counter()
    with RawClient(endpoint, options=curve(keys)) as client:
        client.result("ping")
        say_ready()
        sys.stdin.readline()
        for each in _requests(count, timeout_ms):
            client.send_frames(each)
        for number in range(count):
            answers[_code(client.reply(f"f{number}", ANSWERED_S))] += 1
    return answers


def ask_python(endpoint: str, timeout_ms: int, keys: ClientKeys | None) -> Counter[str]:
    """Ask from many threads through the client of the package."""
    answers: Counter[str] = Counter()
    with Bridge(endpoint, keys=keys, lease_ms=60_000) as bridge:
        bridge.request("invoke", **RELAY, operation="state")

        def ask() -> None:
            try:
                bridge.request("invoke", **ON, node="n" * 100, timeout_s=timeout_ms / 1000)
            except RemoteError as error:
                answers[str(error.code)] += 1
            else:
                answers["ok"] += 1

        threads = [threading.Thread(target=ask) for _ in range(THREADS)]
        say_ready()
        sys.stdin.readline()
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    return answers


def main(kind: str, endpoint: str, count: int, timeout_ms: int, keys: ClientKeys | None) -> None:
    if kind == "raw":
        answers = ask_raw(endpoint, count, timeout_ms)
    elif kind == "pyzmq":
        answers = ask_pyzmq(endpoint, count, timeout_ms, keys)
    else:
        answers = ask_python(endpoint, timeout_ms, keys)
    sys.stdout.write(json.dumps(answers) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), keys_of(sys.argv[5]))
