"""The bridge's end of the process that serves remote clients.

That process may end, stand still or run wild: nothing here waits for it once the bridge serves, and
what it ends with is that its clients have left.
"""

from __future__ import annotations

import errno
import logging
import selectors
import socket
import subprocess
import sys
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from wisblock_bridge.server.outbox import Sent
from wisblock_bridge.server.remote_records import (
    Kind,
    Record,
    RecordReader,
    RemoteMessage,
    send_records,
)
from wisblock_bridge.threads.backoff import Backoff
from wisblock_bridge.wire.zmtp import SeveralFrames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wisblock_bridge.threads.timers import Timer, TimerQueue

log = logging.getLogger(__name__)

START_S = 20.0
"""Importing libraries on a small computer that starts; the bridge serves nobody meanwhile."""

END_S = 1.0
FIRST_RESTART_S, LONGEST_RESTART_S = 1.0, 60.0
SERVED_WELL_S = 60.0
"""A process that lived so long does not count as one of a series that fails."""

CHECK_S = 1.0
SILENT_CHECKS, STARTING_CHECKS = 10, 30
"""Checks in a row at which nothing had come, though the process has something to say each second:
it hangs. They are counted, because the clock also goes on while this process is stopped itself."""

MAX_UNSENT_BYTES = 8 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
TURN_BYTES = 1024 * 1024
"""How much is read before others get their turn, while no message is complete."""
PIPE_BYTES = 64 * 1024
"""What the kernel keeps of what the process says: within it, its clients do not take turns."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class RemoteClients:
    """All clients on other computers.

    Args:
        selector: The loop's, as ``Acceptor`` describes it.
        timer_queue: What is to be done later.
        directory: Where the keys are.
        left: Called with the identity of a client that has gone.
        writable: Called with the identity of a client that takes something again.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        timer_queue: TimerQueue,
        directory: Path,
        left: Callable[[bytes], None],
        writable: Callable[[bytes], None],
    ) -> None:
        self._selector = selector
        self._timer_queue = timer_queue
        self._directory = directory
        self._left = left
        self._writable = writable
        self._endpoints: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: socket.socket | None = None
        self._interest = 0
        self._reader = RecordReader()
        self._messages: deque[tuple[bytes, RemoteMessage]] = deque()
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        self._full: set[bytes] = set()
        self._generation = 0
        self._started_at = 0.0
        self._silent_checks = 0
        self._watchdog: Timer | None = None
        self._tells: Timer | None = None
        self._restart: Timer | None = None
        self._backoff = Backoff(FIRST_RESTART_S, LONGEST_RESTART_S)
        self.keys_refused = 0
        """Connections that were turned away because their key is not on the list."""

    # -- the process ------------------------------------------------------------------------------

    def listen(self, endpoints: Sequence[str]) -> None:
        """Start the process and wait until it serves.

        Args:
            endpoints: "tcp://…", one or several.

        Raises:
            OSError: It cannot serve there.
        """
        self._endpoints = list(endpoints)
        endpoint = self._named
        pipe = self._start()
        pipe.settimeout(START_S)
        records: list[Record] = []
        try:
            while not records:
                data = pipe.recv(CHUNK_BYTES)
                if not data:
                    raise OSError(errno.ECHILD, f"{endpoint}: the process for it has ended")
                records = self._reader.receive(data)
        except TimeoutError as error:
            raise OSError(
                errno.ETIMEDOUT, f"{endpoint}: the process for it did not start in time"
            ) from error
        finally:
            pipe.settimeout(0)
        if records[0].kind is Kind.FAILED:
            number, _, reason = records[0].body.decode(errors="replace").partition(" ")
            raise OSError(int(number), reason)
        for record in records:
            self._handle(record)

    @property
    def _named(self) -> str:
        return " and ".join(self._endpoints)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIPE_BYTES)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  (our own module)
                [
                    sys.executable, "-m", "wisblock_bridge.server.remote_process",
                    str(theirs.fileno()), str(self._directory), *self._endpoints,
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )  # fmt: skip
        ours.settimeout(0)
        self._generation += 1
        self._pipe, self._reader = ours, RecordReader()
        self._started_at = self._timer_queue.clock.monotonic()
        self._silent_checks = SILENT_CHECKS - STARTING_CHECKS
        self._watchdog = self._timer_queue.after(CHECK_S, self._check_alive)
        self._interest = _READ
        self._selector.register(ours, _READ, self._ready)
        return ours

    def _start_again(self) -> None:
        self._restart = None
        try:
            self._start()
        except OSError as error:  # no process, no descriptor, no memory
            log.warning("remote clients cannot be served: %s", error.strerror)
            self._restart_later()

    def _check_alive(self) -> None:
        """End the process if it hangs."""
        if self._process is None:
            return
        # While messages wait here nothing more is read.
        self._silent_checks = 0 if self._messages else self._silent_checks + 1
        if self._silent_checks <= SILENT_CHECKS:
            self._watchdog = self._timer_queue.after(CHECK_S, self._check_alive)
            return
        log.warning("the process for remote clients does not answer and is ended")
        self._process.kill()
        self._ended()

    def _restart_later(self) -> float:
        wait_s = self._backoff.next_s()
        self._restart = self._timer_queue.after(wait_s, self._start_again)
        return wait_s

    def _ended(self) -> None:
        """The process has gone, and with it all of its clients."""
        pipe, self._pipe = self._pipe, None
        if pipe is None:
            return
        if self._interest:
            self._selector.unregister(pipe)
        self._interest = 0
        if self._watchdog is not None:
            self._watchdog.cancel()
        pipe.close()
        code = self._reap()
        if self._timer_queue.clock.monotonic() - self._started_at >= SERVED_WELL_S:
            self._backoff.reset()
        wait_s = self._restart_later()
        log.warning(
            "the process for remote clients has ended (%s); clients on this computer are not "
            "affected. It is started again in %.0f s",
            f"signal {-code}" if code < 0 else f"exit code {code}", wait_s,
        )  # fmt: skip
        self._unsent.clear()
        self._unsent_bytes = 0
        # Nothing waits for others: what they were to get had been handed over.
        full, self._full = self._full, set()
        for identity in full:
            self._left(identity)

    def _reap(self) -> int:
        process, self._process = self._process, None
        assert process is not None  # noqa: S101
        try:
            return process.wait(0.1)
        except subprocess.TimeoutExpired:
            process.kill()  # it has hung up, or spoke nonsense: it is of no use any more
            return process.wait()

    def close(self) -> None:
        """End the process; what was handed over is given a moment to leave."""
        for timer in (self._restart, self._watchdog, self._tells):
            if timer is not None:
                timer.cancel()
        pipe, self._pipe = self._pipe, None
        if pipe is None:
            return
        if self._interest:
            self._selector.unregister(pipe)
        with suppress(OSError):
            pipe.settimeout(END_S)
            while self._unsent:
                pipe.sendall(self._unsent.popleft())
        pipe.close()
        process, self._process = self._process, None
        assert process is not None  # noqa: S101
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    # -- messages ---------------------------------------------------------------------------------

    @property
    def has_messages(self) -> bool:
        """Whether messages wait to be handed over."""
        return bool(self._messages)

    def waiting_clients(self) -> set[bytes]:
        """Return the identities of the clients of whom a message was not handed over yet."""
        return {identity for identity, _ in self._messages}

    def take(self) -> tuple[bytes, RemoteMessage] | None:
        """Take the next message.

        Returns:
            The identity of who sent it, and the message; None when there is none.
        """
        if not self._messages:
            return None
        found = self._messages.popleft()
        if not self._messages:
            self._set_interest()
        return found

    def send(self, identity: bytes, frame: bytes) -> Sent:
        """Send a message at the next ``flush``, if the client takes it now.

        Args:
            identity: Which client.
            frame: The message.

        Returns:
            As for ``Acceptor.send``.
        """
        if self._pipe is None or identity[1:5] != self._generation.to_bytes(4, "big"):
            return Sent.GONE
        if identity in self._full or self._unsent_bytes > MAX_UNSENT_BYTES:
            self._full.add(identity)
            return Sent.FULL
        data = Record(Kind.SEND, identity[5:], frame).encode()
        self._unsent.append(memoryview(data))
        self._unsent_bytes += len(data)
        if self._unsent_bytes >= PIPE_BYTES:
            self.flush()
        return Sent.YES

    def flush(self) -> None:
        """Send what was gathered, as much as the process takes now; the rest follows by itself."""
        if self._unsent and not self._interest & _WRITE:
            self._write()

    def _ready(self) -> None:
        if self._unsent:
            self._write()
        if self._pipe is None:
            return
        if self._messages:
            self._set_interest()  # nothing more is read before these were handed over
        else:
            self._read(self._pipe)

    def _read(self, pipe: socket.socket) -> None:
        taken = 0
        try:
            while taken < TURN_BYTES and not self._messages:
                data = pipe.recv(CHUNK_BYTES)
                if not data:
                    self._ended()
                    return
                taken += len(data)
                self._silent_checks = 0
                for record in self._reader.receive(data):
                    self._handle(record)
        except BlockingIOError:
            return
        except (OSError, ValueError):
            self._ended()

    def _handle(self, record: Record) -> None:
        # What a client chose as its routing id begins with another byte, so that it is refused.
        chosen = record.identity[:1] != b"\0"
        identity = bytes((chosen,)) + self._generation.to_bytes(4, "big") + record.identity
        match record.kind:
            case Kind.MESSAGE:
                self._messages.append((identity, RemoteMessage.decode(record.body)))
            case Kind.SEVERAL_FRAMES:
                message = RemoteMessage.decode(record.body)
                frames = SeveralFrames(delimited=bool(message.length))
                self._messages.append((identity, replace(message, length=0, frames=frames)))
            case Kind.FULL:
                self._full.add(identity)
            case Kind.WRITABLE:
                self._full.discard(identity)
                self._writable(identity)
            case Kind.LEFT:
                self._full.discard(identity)
                self._left(identity)
            case _:
                self._handle_news(record)

    def _handle_news(self, record: Record) -> None:
        """Handle what is about the process itself."""
        if record.kind is Kind.REFUSED:
            self.keys_refused += 1
        elif record.kind is Kind.ALIVE:
            pass  # that it came is all that it says
        elif record.kind is Kind.SERVES:
            log.info("remote clients are served on %s", self._named)
        elif record.kind is Kind.FAILED:
            reason = record.body.decode(errors="replace").partition(" ")[2]
            log.warning("remote clients cannot be served: %s", reason)
        else:
            raise ValueError("the process for remote clients speaks as the bridge does")

    def _write(self) -> None:
        pipe, unsent = self._pipe, self._unsent
        if pipe is None:
            return
        try:
            self._unsent_bytes -= send_records(pipe, unsent)
        except OSError:
            self._ended()
            return
        if not unsent and self._full and self._tells is None:
            # Not at once: this may be part of an attempt to send, which is not over yet.
            self._tells = self._timer_queue.after(0.0, self._tell_writable)
        self._set_interest()

    def _tell_writable(self) -> None:
        """The pipe has room again; who is full for another reason is reported full again."""
        self._tells = None
        for identity in tuple(self._full):
            self._full.discard(identity)
            self._writable(identity)

    def _set_interest(self) -> None:
        pipe = self._pipe
        if pipe is None:
            return
        interest = (0 if self._messages else _READ) | (_WRITE if self._unsent else 0)
        if interest == self._interest:
            return
        if self._interest:
            self._selector.unregister(pipe)
        self._interest = interest
        if interest:
            self._selector.register(pipe, interest, self._ready)
