"""The process that remote clients are connected to: libzmq, CURVE, and no hardware.

Whatever a peer does to libzmq ends this process and nothing else (docs/security.md): the bridge
ends the sessions of its clients when their leases run out, and starts it again. It passes on who
sent what, and decides only which keys get in.
"""

from __future__ import annotations

import errno
import logging
import os
import resource
import select
import signal
import socket
import sys
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

import zmq

from wisblock_bridge.clock import SystemClock
from wisblock_bridge.keys import ClientList, server_pair
from wisblock_bridge.server.curve import CurveAuthenticator
from wisblock_bridge.server.message_ages import GAP_S, MessageAges
from wisblock_bridge.server.remote_records import (
    Kind,
    Record,
    RecordReader,
    RemoteMessage,
    send_records,
)
from wisblock_bridge.wire.limits import MAX_MESSAGE_BYTES

MAX_MEMORY_BYTES = 1024 * 1024 * 1024
"""Of address space, of which libraries and the stacks of threads take some 300 MB."""

MAX_DISCARDED_BYTES = 16 * 1024 * 1024
SEND_HIGH_WATER_MARK = 32
RECEIVE_HIGH_WATER_MARK = 64
"""Messages that libzmq keeps for each client; what does not fit stays in the sender's computer."""

HANDSHAKE_MS = 5000
KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES = 10, 5, 3
"""The kernel's own heartbeat notices a computer that was switched off. ZMTP's is off."""

MAX_UNSENT_BYTES = 64 * 1024
"""For the bridge; while so much waits, nothing is received. Clients take turns in front of this
queue and not within it, so it is short."""

MAX_WAITING_BYTES = 8 * 1024 * 1024
"""For one client that does not read, beyond what the bridge sends before it knows."""

FIRST_RETRY_MS, LONGEST_RETRY_MS = 1, 20
"""Until a client that takes nothing is tried again: libzmq does not say when it does."""

LONGEST_SLEEP_MS = 100
"""So that a time for which this process was stopped is noticed, and the bridge hears of it."""

ALIVE_S = 1.0
"""The bridge hears from this process so often, whether or not there is anything to say."""

BIND_S, BIND_AGAIN_S = 2.0, 0.05
CHUNK_BYTES = 256 * 1024
BURST = 64


class RemoteProcess:
    """The loop of the process.

    Args:
        pipe: To the bridge.
        directory: Where the keys are.
        endpoints: Where to serve.
    """

    def __init__(self, pipe: socket.socket, directory: Path, endpoints: list[str]) -> None:
        pipe.settimeout(0)
        self._pipe = pipe
        self._reader = RecordReader()
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        self._waiting: dict[bytes, deque[bytes]] = {}
        self._retry_ms = FIRST_RETRY_MS
        self._refused = 0
        self._ages = MessageAges()
        self._looked_at = SystemClock.monotonic()
        self._alive_at = self._looked_at
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        pair = server_pair(directory)
        if pair is None:
            raise OSError(f"there are no keys in {directory}")
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._authenticator = CurveAuthenticator(
            self._context, pair, ClientList(directory), lambda: os.eventfd_write(self._wakeup, 1)
        )
        self._router = self._context.socket(zmq.ROUTER)
        for option, value in {
            zmq.LINGER: 200,
            zmq.IPV6: 1,
            zmq.ROUTER_MANDATORY: 1,
            zmq.SNDHWM: SEND_HIGH_WATER_MARK,
            zmq.RCVHWM: RECEIVE_HIGH_WATER_MARK,
            zmq.MAXMSGSIZE: MAX_DISCARDED_BYTES,
            zmq.HANDSHAKE_IVL: HANDSHAKE_MS,
            zmq.TCP_KEEPALIVE: 1,
            zmq.TCP_KEEPALIVE_IDLE: KEEPALIVE_IDLE_S,
            zmq.TCP_KEEPALIVE_INTVL: KEEPALIVE_INTERVAL_S,
            zmq.TCP_KEEPALIVE_CNT: KEEPALIVE_PROBES,
        }.items():
            self._router.setsockopt(option, value)
        self._authenticator.protect(self._router)
        for endpoint in endpoints:
            self._bind(endpoint)

    def _bind(self, endpoint: str) -> None:
        """Bind; the process of a bridge that was killed a moment ago may be about to leave."""
        end = time.monotonic() + BIND_S
        while True:
            try:
                self._router.bind(endpoint)
            except zmq.ZMQError as error:
                if error.errno == errno.EADDRINUSE and time.monotonic() < end:
                    select.select([], [], [], BIND_AGAIN_S)
                    continue
                raise OSError(error.errno, f"{endpoint}: {error.strerror}") from error
            return

    def run(self) -> None:
        """Serve until the bridge hangs up."""
        self._tell(Record(Kind.SERVES))
        poller = zmq.Poller()
        poller.register(self._wakeup, zmq.POLLIN)
        registered: tuple[bool, bool] | None = None
        while True:
            takes, says = self._unsent_bytes < MAX_UNSENT_BYTES, bool(self._unsent)
            if registered != (takes, says):
                registered = (takes, says)
                poller.register(self._router, zmq.POLLIN if takes else 0)
                poller.register(self._pipe, zmq.POLLIN | (zmq.POLLOUT if says else 0))
            ready = dict(poller.poll(self._retry_ms if self._waiting else LONGEST_SLEEP_MS))
            if takes:
                self._look()
            if self._wakeup in ready:
                os.eventfd_read(self._wakeup)
            state = ready.get(self._pipe.fileno(), 0)
            if state & zmq.POLLIN and not self._read_pipe():
                return
            if self._router in ready:
                self._receive()
            self._retry()
            self._tell_refusals()
            self._tell_alive()
            self._write_pipe()

    def _look(self) -> float:
        """Notice that nobody has looked at the clients for a while; returns the clock reading."""
        now = SystemClock.monotonic()
        if now - self._looked_at > LONGEST_SLEEP_MS / 1000 + GAP_S:
            self._ages.note_gap(self._looked_at, now)
        self._looked_at = now
        return now

    def _tell_alive(self) -> None:
        now = SystemClock.monotonic()
        if now - self._alive_at >= ALIVE_S and not self._unsent:
            self._alive_at = now
            self._tell(Record(Kind.ALIVE))

    def close(self) -> None:
        """Close everything."""
        self._router.close()
        self._authenticator.close()
        self._context.term()

    # -- from clients -----------------------------------------------------------------------------

    def _receive(self) -> None:
        for _ in range(BURST):
            if self._unsent_bytes >= MAX_UNSENT_BYTES:
                return
            try:
                identity = self._router.recv(zmq.NOBLOCK)
            except zmq.Again:
                return
            first = self._router.recv(copy=False)
            if not first.more:
                self._pass_on(identity, first)
                continue
            while self._router.recv(copy=False).more:
                pass
            self._pass_on(identity, first, Kind.SEVERAL_FRAMES)

    def _pass_on(self, identity: bytes, frame: zmq.Frame, kind: Kind = Kind.MESSAGE) -> None:
        if kind is Kind.MESSAGE:
            data = frame.bytes
            length, start = len(data), data[:MAX_MESSAGE_BYTES]
        else:
            length, start = int(not len(frame)), b""
        message = RemoteMessage(
            _proven_key(frame),
            str(frame.get("Peer-Address")).removeprefix("::ffff:"),
            length,
            start,
            self._ages.since(identity, len(frame), self._look()),
        )
        self._tell(Record(kind, identity, message.encode()))

    def _tell_refusals(self) -> None:
        while self._refused < self._authenticator.refusals:
            self._refused += 1
            self._tell(Record(Kind.REFUSED))

    # -- to clients -------------------------------------------------------------------------------

    def _send(self, identity: bytes, frame: bytes) -> None:
        waiting = self._waiting.get(identity)
        if waiting is not None:
            waiting.append(frame)
            if sum(map(len, waiting)) > MAX_WAITING_BYTES:
                del self._waiting[identity]
                self._tell(Record(Kind.LEFT, identity))
            return
        sent = self._try_to_send(identity, frame)
        if sent is None:
            self._tell(Record(Kind.LEFT, identity))
        elif not sent:
            self._waiting[identity] = deque((frame,))
            self._retry_ms = FIRST_RETRY_MS
            self._tell(Record(Kind.FULL, identity))

    def _retry(self) -> None:
        self._retry_ms = min(2 * self._retry_ms, LONGEST_RETRY_MS)
        for identity, waiting in tuple(self._waiting.items()):
            while waiting:
                sent = self._try_to_send(identity, waiting[0])
                if sent is None:
                    waiting.clear()
                    self._tell(Record(Kind.LEFT, identity))
                elif sent:
                    waiting.popleft()
                    self._retry_ms = FIRST_RETRY_MS
                else:
                    break
            if not waiting:
                del self._waiting[identity]
                self._tell(Record(Kind.WRITABLE, identity))

    def _try_to_send(self, identity: bytes, frame: bytes) -> bool | None:
        """Send a message; False when the client takes nothing now, None when it has gone."""
        try:
            self._router.send(identity, zmq.SNDMORE | zmq.NOBLOCK)
            self._router.send(frame, zmq.NOBLOCK)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            return None
        return True

    # -- the bridge -------------------------------------------------------------------------------

    def _read_pipe(self) -> bool:
        """Carry out what the bridge says; False when it has hung up."""
        try:
            data = self._pipe.recv(CHUNK_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        for record in self._reader.receive(data):
            self._send(record.identity, record.body)
        return bool(data)

    def _tell(self, record: Record) -> None:
        data = record.encode()
        self._unsent.append(memoryview(data))
        self._unsent_bytes += len(data)

    def _write_pipe(self) -> None:
        self._unsent_bytes -= send_records(self._pipe, self._unsent)


def _proven_key(frame: zmq.Frame) -> str:
    """Return the key that a connection has proven; "", which is on no list, for none."""
    try:
        return str(frame.get("User-Id"))
    except zmq.ZMQError:
        return ""


def main(descriptor: int, directory: Path, endpoints: list[str]) -> int:
    """Run the process.

    Args:
        descriptor: The inherited end of the socket pair.
        directory: Where the keys are.
        endpoints: Where to serve.

    Returns:
        The exit code.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # the bridge ends it, after a last word to clients
    with suppress(OSError, ValueError):  # a sandbox may refuse
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    pipe = socket.socket(fileno=descriptor)
    try:
        process = RemoteProcess(pipe, directory, endpoints)
    except OSError as error:
        pipe.settimeout(None)
        with suppress(OSError):
            reason = f"{error.errno or 0} {error.strerror or error}"
            pipe.sendall(Record(Kind.FAILED, b"", reason.encode()).encode())
        return 1
    with suppress(BrokenPipeError, ConnectionResetError):  # the bridge has gone
        process.run()
    process.close()
    return 0


if __name__ == "__main__":
    code = main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
    sys.stderr.flush()
    os._exit(code)  # threads of libraries may not keep it
