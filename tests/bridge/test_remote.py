"""The process for remote clients, and the bridge's end of it."""

from __future__ import annotations

import os
import resource
import selectors
import signal
import socket
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Self

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.bridge_process import standing_still
from tests.fake_clock import FakeClock

from wisblock_bridge.clock import SystemClock
from wisblock_bridge.keys import ClientList, make_pair, make_server_pair
from wisblock_bridge.server.outbox import Sent
from wisblock_bridge.server.remote import RemoteClients
from wisblock_bridge.server.remote_records import (
    Kind,
    Record,
    RecordReader,
    RemoteMessage,
    send_records,
)
from wisblock_bridge.threads.timers import TimerQueue
from wisblock_bridge.wire.zmtp import SeveralFrames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wisblock_bridge.keys import KeyPair

LONG_S = 30.0

RECORDS = st.builds(
    Record, st.sampled_from(list(Kind)), st.binary(max_size=255), st.binary(max_size=2000)
)


@given(st.lists(RECORDS, max_size=6), st.lists(st.integers(1, 500), max_size=20))
def test_records_come_as_they_were_sent_however_the_stream_is_cut(
    records: list[Record], cuts: list[int]
) -> None:
    stream = b"".join(each.encode() for each in records)
    reader, found, at = RecordReader(), [], 0
    for cut in [*cuts, len(stream)]:
        found += reader.receive(stream[at : at + cut])
        at += cut
    assert found == records


@given(st.text(max_size=40), st.text(max_size=60), st.integers(0, 2**32 - 1), st.binary())
def test_messages_come_as_they_were_sent(key: str, address: str, length: int, start: bytes) -> None:
    sent = RemoteMessage(key, address, length, start)
    found = RemoteMessage.decode(sent.encode())
    assert (found.key, found.length, found.start) == (key, length, start)
    assert address.startswith(found.address.rstrip("\ufffd"))


@pytest.mark.parametrize("data", [b"\xff" * 6, b"\0\0\0\1\2\2", b"\0\0\0\0\x63\0"])
def test_nonsense_of_the_process_is_noticed(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"longer than|not a valid"):
        RecordReader().receive(data)


def test_records_are_sent_in_pieces_as_the_pipe_takes_them() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(0)
        theirs.settimeout(10.0)
        records = [Record(Kind.SEND, b"%d" % number, bytes(3000)) for number in range(300)]
        unsent = deque(memoryview(each.encode()) for each in records)
        total = sum(map(len, unsent))
        found: list[Record] = []
        sent, reader = 0, RecordReader()
        while len(found) < len(records):
            sent += send_records(ours, unsent)
            assert sum(map(len, unsent)) == total - sent
            found += reader.receive(theirs.recv(65536))
        assert found == records
        assert not unsent
        theirs.close()
        unsent.append(memoryview(b"x"))
        with pytest.raises(OSError, match="pipe"):
            send_records(ours, unsent)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Bench:
    """The bridge's end, with a loop around it, and clients with keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server_pair = make_server_pair(folder)
        self.client_pair = make_pair()
        ClientList(folder).add("someone", self.client_pair.public, "drive")
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"
        self.selector = selectors.DefaultSelector()
        self.clock = FakeClock()
        self.left: list[bytes] = []
        self.writable: list[bytes] = []
        self.timers = TimerQueue(self.clock)
        self.remote = RemoteClients(
            self.selector, self.timers, folder, self.left.append, self.writable.append
        )
        self.taken: list[tuple[bytes, RemoteMessage]] = []
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.sockets: list[zmq.Socket[bytes]] = []

    def turn(self, wait_s: float = 0.0) -> None:
        for action in self.timers.due():
            action()
        self.remote.flush()
        for key, _ in self.selector.select(wait_s):
            key.data()
        while (found := self.remote.take()) is not None:
            self.taken.append(found)

    def until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + LONG_S
        while not condition():
            assert time.monotonic() < end, "never"
            self.turn(0.01)

    def restarts_at(self) -> float | None:
        """When the process is started again; None while there is one."""
        timer = self.remote._restart
        return None if timer is None else timer.due

    def client(self, pair: KeyPair | None = None, routing_id: bytes = b"") -> zmq.Socket[bytes]:
        pair = pair or self.client_pair
        made = self.context.socket(zmq.DEALER)
        self.sockets.append(made)
        made.setsockopt(zmq.CURVE_SERVERKEY, self.server_pair.public.encode())
        made.setsockopt(zmq.CURVE_PUBLICKEY, pair.public.encode())
        made.setsockopt(zmq.CURVE_SECRETKEY, pair.secret.encode())
        if routing_id:
            made.setsockopt(zmq.ROUTING_ID, routing_id)
        made.connect(self.endpoint)
        return made

    @property
    def process(self) -> int:
        assert self.remote._process is not None
        return self.remote._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self.sockets:
            each.close(linger=0)
        self.context.term()
        self.remote.close()
        self.selector.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path) as made:
        made.remote.listen([made.endpoint])
        yield made


def test_a_message_comes_with_key_and_address_and_is_answered(bench: Bench) -> None:
    client = bench.client()
    client.send(b"abc")
    bench.until(lambda: bench.taken)
    ((identity, message),) = bench.taken
    now = SystemClock.monotonic()
    assert now - LONG_S < message.received_at <= now
    assert replace(message, received_at=0.0) == RemoteMessage(
        bench.client_pair.public, "127.0.0.1", 3, b"abc"
    )
    assert identity[0] == 0, "it has chosen no name"
    for body in (b"", b"answer", bytes(1_000_000)):
        assert bench.remote.send(identity, body) is Sent.YES
        bench.until(lambda: client.poll(0))
        assert client.recv() == body


def test_a_chosen_name_is_recognised(bench: Bench) -> None:
    bench.client(routing_id=b"somebody").send(b"abc")
    bench.until(lambda: bench.taken)
    assert bench.taken[0][0][0] != 0


def test_a_key_that_is_not_listed_is_turned_away(bench: Bench) -> None:
    bench.client(make_pair()).send(b"abc")
    bench.until(lambda: bench.remote.keys_refused)
    assert bench.taken == []


def test_messages_that_cannot_be_answered_are_reported(bench: Bench) -> None:
    client = bench.client()
    client.send_multipart([b"", b"abc"])
    client.send_multipart([b"a", b"b", b"c"])
    body = bytes(range(256)) * 4097
    client.send(body)
    bench.until(lambda: len(bench.taken) == 3)
    first, second, third = (message for _, message in bench.taken)
    assert (first.frames, first.key) == (SeveralFrames(delimited=True), bench.client_pair.public)
    assert second.frames == SeveralFrames(delimited=False)
    assert third.frames is None
    assert (third.length, third.start) == (len(body), body[: 1024 * 1024])


def test_a_client_that_does_not_read_is_full_and_then_writable(bench: Bench) -> None:
    client = bench.client()
    client.setsockopt(zmq.RCVHWM, 1)
    slow = bench.client()
    slow.send(b"abc")
    bench.until(lambda: bench.taken)
    identity = bench.taken[0][0]
    sent = 0
    end = time.monotonic() + LONG_S
    while bench.remote.send(identity, bytes(100_000)) is Sent.YES:
        sent += 1
        bench.turn()
        assert time.monotonic() < end
        assert sent < 5000
    for _ in range(sent):
        bench.until(lambda: slow.poll(0))
        assert len(slow.recv()) == 100_000
    bench.until(lambda: bench.writable)
    assert bench.remote.send(identity, b"again") is Sent.YES
    bench.until(lambda: slow.poll(0))
    assert slow.recv() == b"again"


def test_that_there_is_room_again_is_not_reported_out_of_an_attempt_to_send(bench: Bench) -> None:
    client = bench.client()
    client.send(b"abc")
    bench.until(lambda: bench.taken)
    identity = bench.taken[0][0]
    bench.remote._full.add(b"\0" + identity[1:5] + b"somebody else")
    assert bench.remote.send(identity, b"answer") is Sent.YES
    assert bench.writable == []
    bench.until(lambda: len(bench.writable) == 1)
    assert bench.remote._full == set()


def test_a_client_that_has_gone_is_reported(bench: Bench) -> None:
    client = bench.client()
    client.send(b"abc")
    bench.until(lambda: bench.taken)
    identity = bench.taken[0][0]
    client.close(linger=0)
    end = time.monotonic() + LONG_S
    while not bench.left:
        assert time.monotonic() < end
        bench.remote.send(identity, b"late")
        bench.turn(0.01)
    assert set(bench.left) == {identity}


def test_a_process_that_is_killed_is_started_again(bench: Bench) -> None:
    client = bench.client()
    client.send(b"first")
    bench.until(lambda: bench.taken)
    before = bench.taken[0][0]
    assert bench.restarts_at() is None
    os.kill(bench.process, signal.SIGABRT)
    bench.until(bench.restarts_at)
    assert bench.remote.send(before, b"late") is Sent.GONE
    bench.clock.sleep(0.9)
    bench.turn()
    assert bench.restarts_at(), "not yet"
    bench.clock.sleep(0.2)
    client.send(b"second")
    bench.until(lambda: len(bench.taken) == 2)
    after = bench.taken[1][0]
    assert after != before, "nobody gets what was meant for somebody else"
    assert bench.remote.send(before, b"late") is Sent.GONE
    assert bench.remote.send(after, b"answer") is Sent.YES
    bench.until(lambda: client.poll(0))
    assert client.recv() == b"answer"


def test_a_process_that_fails_again_and_again_is_started_less_often(bench: Bench) -> None:
    pauses = []
    for _ in range(4):
        os.kill(bench.process, signal.SIGKILL)
        bench.until(bench.restarts_at)
        due = bench.restarts_at()
        assert due is not None
        pauses.append(round(due - bench.clock.monotonic(), 3))
        bench.clock.sleep(pauses[-1])
        bench.until(lambda: bench.remote._process is not None)
    assert pauses == [1.0, 2.0, 4.0, 8.0]


def test_a_process_that_stands_still_holds_up_nothing(bench: Bench) -> None:
    client = bench.client()
    client.send(b"abc")
    bench.until(lambda: bench.taken)
    identity = bench.taken[0][0]
    with standing_still(bench.process):
        sent = 0
        while bench.remote.send(identity, bytes(500_000)) is Sent.YES:
            sent += 1
            assert sent < 100
        began = time.monotonic()
        bench.turn()
        assert time.monotonic() - began < 1.0
    for _ in range(sent):
        bench.until(lambda: client.poll(0))
        assert len(client.recv()) == 500_000
    bench.until(lambda: bench.writable)


def test_a_process_that_hangs_is_ended_and_started_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    former = bench.process
    for _ in range(20):
        bench.clock.sleep(1.0)
        bench.turn()
    bench.until(lambda: bench.remote._silent_checks == 0)  # it speaks each second
    os.kill(former, signal.SIGSTOP)
    bench.clock.sleep(100.0)
    bench.turn()
    assert bench.restarts_at() is None, "the bridge was stopped itself: that is one check"
    for _ in range(12):
        bench.clock.sleep(1.0)
        bench.turn()
    bench.until(lambda: bench.restarts_at() is not None or bench.process != former)
    bench.clock.sleep(1.1)
    bench.until(lambda: bench.restarts_at() is None and bench.process != former)
    assert "does not answer and is ended" in caplog.text
    assert "signal 9" in caplog.text
    client = bench.client()
    client.send(b"abc")
    bench.until(lambda: bench.taken)


def test_a_process_that_is_not_listened_to_does_not_hang(bench: Bench) -> None:
    client, former = bench.client(), bench.process
    client.send(b"first")
    bench.until(lambda: bench.taken)
    client.send(b"second")
    end = time.monotonic() + LONG_S
    while not bench.remote.has_messages:
        assert time.monotonic() < end
        for key, _ in bench.selector.select(0.01):
            key.data()
    for _ in range(60):  # the bridge has other things to do
        bench.clock.sleep(1.0)
        for action in bench.timers.due():
            action()
    assert bench.process == former
    bench.until(lambda: len(bench.taken) == 2)


def test_what_came_while_the_process_was_stopped_is_as_old(bench: Bench) -> None:
    client = bench.client()
    client.send(b"first")
    bench.until(lambda: bench.taken)
    os.kill(bench.process, signal.SIGSTOP)
    stopped_at = SystemClock.monotonic()
    client.send(b"old")
    time.sleep(1.0)
    os.kill(bench.process, signal.SIGCONT)
    bench.until(lambda: len(bench.taken) == 2)
    assert bench.taken[1][1].received_at <= stopped_at
    time.sleep(2.1)
    client.send(b"new")
    bench.until(lambda: len(bench.taken) == 3)
    assert bench.taken[2][1].received_at > stopped_at + 3.0


def test_what_came_while_the_bridge_took_nothing_is_as_old(bench: Bench) -> None:
    client = bench.client()
    client.setsockopt(zmq.SNDHWM, 0)
    client.send(b"first")
    bench.until(lambda: bench.taken)
    stopped_at = SystemClock.monotonic()
    for _ in range(1000):
        client.send(bytes(4000))
    time.sleep(1.5)  # in which the bridge does not read
    bench.until(lambda: len(bench.taken) == 1001)
    ages = [message.received_at for _, message in bench.taken[1:]]
    assert max(ages) < stopped_at + 1.0


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as other, Bench(tmp_path) as bench:
        other.bind(("127.0.0.1", int(bench.endpoint.rpartition(":")[2])))
        other.listen()
        with pytest.raises(OSError, match="Address already in use"):
            bench.remote.listen([bench.endpoint])


def test_its_memory_is_bounded_and_it_ends_with_the_bridge(bench: Bench) -> None:
    soft, hard = resource.prlimit(bench.process, resource.RLIMIT_AS)
    assert soft == hard == 1024**3
    process = bench.remote._process
    assert process is not None
    assert bench.remote._pipe is not None
    bench.remote._pipe.shutdown(socket.SHUT_RDWR)  # as if the bridge had been killed
    assert process.wait(LONG_S) == 0
