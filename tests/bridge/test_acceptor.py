"""The acceptor by itself: real sockets, no bridge."""

from __future__ import annotations

import os
import resource
import selectors
import socket
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
import zmq
from tests.bridge.raw_zmtp import GREETING, READY, RawPeer, frame, ping
from tests.fake_clock import FakeClock

from wisblock_bridge.server import acceptor as module
from wisblock_bridge.server.acceptor import Acceptor, Connection
from wisblock_bridge.server.outbox import Outbox, Sent
from wisblock_bridge.threads.timers import TimerQueue
from wisblock_bridge.wire.zmtp import Oversized, SeveralFrames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wisblock_bridge.wire.zmtp import Message

LONG_S = 20.0


class Bench:
    """An acceptor with a loop around it."""

    def __init__(self, folder: Path) -> None:
        self.endpoint = f"ipc://{folder}/socket"
        self.selector = selectors.DefaultSelector()
        self.clock = FakeClock()
        self.peers: list[socket.socket] = []
        self.left: list[bytes] = []
        self.writable: list[bytes] = []
        self.timers = TimerQueue(self.clock)
        self.when_left: Callable[[bytes], None] = lambda _identity: None
        self.when_writable: Callable[[bytes], None] = lambda _identity: None
        self.acceptor = Acceptor(self.selector, self.timers, self._has_left, self._is_writable)
        self.acceptor.listen(self.endpoint)
        self.taken: list[tuple[Connection, Message]] = []
        self.ages: list[float | None] = []
        self.answers: Callable[[Connection, Message], None] = lambda *_: None

    def _has_left(self, identity: bytes) -> None:
        self.left.append(identity)
        self.when_left(identity)

    def _is_writable(self, identity: bytes) -> None:
        self.writable.append(identity)
        self.when_writable(identity)

    def turn(self, wait_s: float = 0.0) -> int:
        """One turn of the loop; how many descriptors were ready."""
        for action in self.timers.due():
            action()
        ready = self.selector.select(wait_s)
        for key, _ in ready:
            if key.fd in self.selector.get_map():  # an earlier one may have closed it
                key.data()
        while (found := self.acceptor.take()) is not None:
            connection, message, since = found
            self.ages.append(since)
            self.taken.append((connection, message))
            self.answers(connection, message)
        return len(ready)

    def until(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + LONG_S
        while not condition():
            assert time.monotonic() < end, "never"
            self.turn(0.01)

    def messages(self) -> list[Message]:
        return [message for _, message in self.taken]

    def echo(self) -> None:
        """Answer each message with itself."""

        def answer(connection: Connection, message: Message) -> None:
            assert isinstance(message, bytes)
            self.acceptor.send(connection.identity, message)

        self.answers = answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for peer in self.peers:
            peer.close()
        self.acceptor.close()
        self.selector.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench(tmp_path) as made:
        yield made


class StockClients:
    """DEALER sockets of libzmq."""

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._made: list[zmq.Socket[bytes]] = []

    def connect(
        self,
        endpoint: str,
        routing_id: bytes = b"",
        options: dict[int, int] | None = None,
        kind: int = zmq.DEALER,
    ) -> zmq.Socket[bytes]:
        made = self._context.socket(kind)
        self._made.append(made)
        if routing_id:
            made.setsockopt(zmq.ROUTING_ID, routing_id)
        for option, value in (options or {}).items():
            made.setsockopt(option, value)
        made.connect(endpoint)
        return made

    def close(self) -> None:
        for each in self._made:
            each.close(linger=0)
        self._context.term()


@pytest.fixture
def stock() -> Iterator[StockClients]:
    made = StockClients()
    yield made
    made.close()


def raw(bench: Bench) -> socket.socket:
    """A connection that has said nothing."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.connect(bench.endpoint.removeprefix("ipc://"))
    made.settimeout(0)
    bench.peers.append(made)
    return made


def greeted(bench: Bench) -> socket.socket:
    """A connection past its handshake."""
    made = raw(bench)
    made.sendall(GREETING + READY)
    number = len(bench.acceptor)
    bench.until(lambda: len(bench.acceptor) > number)
    for _ in range(3):
        bench.turn(0.01)
    return made


def test_a_stock_client_is_answered(bench: Bench, stock: StockClients) -> None:
    bench.echo()
    client = stock.connect(bench.endpoint)
    for body in (b"", b"a", bytes(255), bytes(256), bytes(300_000)):
        client.send(body)
        bench.until(lambda: client.poll(0))
        assert client.recv() == body


def test_several_stock_clients_get_their_own_answers(bench: Bench, stock: StockClients) -> None:
    bench.echo()
    # What they choose as routing id means nothing here.
    clients = [stock.connect(bench.endpoint, b"the same") for _ in range(20)]
    for number, client in enumerate(clients):
        for each in range(5):
            client.send(f"{number} {each}".encode())
    for number, client in enumerate(clients):
        for each in range(5):
            bench.until(partial(client.poll, 0))
            assert client.recv() == f"{number} {each}".encode()
    assert len({connection.identity for connection, _ in bench.taken}) == 20


def test_a_peer_that_speaks_zmtp_3_0_and_greets_step_by_step(bench: Bench) -> None:
    """As libzmq 4.0 does (RFC 23): the signature, then what follows from the other side's."""
    bench.echo()
    peer = raw(bench)
    heard = b""

    def hear(length: int) -> None:
        nonlocal heard
        end = time.monotonic() + LONG_S
        while len(heard) < length:
            assert time.monotonic() < end
            bench.turn(0.01)
            with suppress(BlockingIOError):
                heard += peer.recv(1000)

    peer.sendall(b"\xff" + bytes(7) + b"\x01\x7f")
    hear(11)
    assert heard[:1] == b"\xff"
    assert heard[9:11] == b"\x7f\x03"
    peer.sendall(b"\x03")
    hear(12)
    peer.sendall(b"\x00" + b"NULL".ljust(20, b"\0") + bytes(32))
    hear(64 + 30)
    assert heard[64:72] == b"\x04\x1c\x05READY"
    properties = b"\x0bSocket-Type\0\0\0\x06DEALER" + b"\x08Identity\0\0\0\0"
    peer.sendall(frame(b"\x05READY" + properties, command=True))
    peer.sendall(frame(b"abc") + frame(bytes(300)))
    hear(64 + 30 + 5 + 309)
    assert heard[94:] == b"\x00\x03abc" + b"\x02" + (300).to_bytes(8, "big") + bytes(300)


def test_a_stock_client_with_heartbeats_stays_connected(bench: Bench, stock: StockClients) -> None:
    bench.echo()
    client = stock.connect(bench.endpoint, options={zmq.HEARTBEAT_IVL: 20})
    for _ in range(3):
        client.send(b"abc")
        bench.until(lambda: client.poll(0))
        assert client.recv() == b"abc"
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            bench.turn(0.01)
    assert len({connection.identity for connection, _ in bench.taken}) == 1


def test_a_req_socket_is_recognised(bench: Bench, stock: StockClients) -> None:
    client = stock.connect(bench.endpoint, kind=zmq.REQ)
    client.send(b"abc")
    bench.until(lambda: bench.taken)
    assert bench.messages() == [SeveralFrames(delimited=True)]


def test_over_tcp(stock: StockClients, bench: Bench) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bench.echo()
    bench.acceptor.listen(f"tcp://127.0.0.1:{port}")
    client = stock.connect(f"tcp://127.0.0.1:{port}")
    client.send(b"abc")
    bench.until(lambda: client.poll(0))
    assert client.recv() == b"abc"
    assert bench.taken[0][0].address == "127.0.0.1"


def test_an_endpoint_that_is_taken(bench: Bench) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        endpoint = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(OSError, match=rf"{endpoint}: Address already in use"):
            bench.acceptor.listen(endpoint)


def test_a_socket_file_that_was_left_behind_is_replaced_and_ours_removed(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as former:
        former.bind(str(path))
    assert path.exists()
    with Bench(tmp_path) as bench:
        bench.until(lambda: greeted(bench) is not None)
    assert not path.exists()


def test_who_is_connected_is_known(bench: Bench) -> None:
    greeted(bench).sendall(frame(b"abc"))
    bench.until(lambda: bench.taken)
    assert bench.taken[0][0].address == f"process {os.getpid()}, user {os.getuid()}"


def test_messages_of_several_peers_take_turns(bench: Bench) -> None:
    first, second = greeted(bench), greeted(bench)
    first.sendall(frame(b"1") * 50)
    second.sendall(frame(b"2") * 3)
    bench.until(lambda: len(bench.taken) == 53)
    order = b"".join(each for each in bench.messages() if isinstance(each, bytes))
    assert order[:6] in {b"121212", b"212121"}


def test_what_a_peer_sent_before_it_left_is_handed_over_with_its_end(bench: Bench) -> None:
    peer = greeted(bench)
    peer.sendall(frame(b"a") + frame(b"b"))
    peer.close()
    bench.until(lambda: len(bench.taken) == 2)
    assert bench.messages() == [b"a", b"b"]
    assert bench.acceptor.has_left(bench.taken[0][0]), "known before any of it is driven"
    bench.until(lambda: len(bench.left) == 1)
    assert len(bench.acceptor) == 0
    assert bench.acceptor.send(bench.left[0], b"late") is Sent.GONE


def test_the_end_is_known_though_much_lies_in_front_of_it(bench: Bench) -> None:
    peer = greeted(bench)
    peer.sendall(frame(bytes(10_000)) * 15)
    peer.close()
    known: list[bool] = []
    bench.answers = lambda connection, _message: known.append(bench.acceptor.has_left(connection))
    bench.until(lambda: len(known) == 15)
    assert set(known) == {True}
    bench.until(lambda: len(bench.left) == 1)


def test_a_peer_that_is_there_has_not_left(bench: Bench) -> None:
    peer = greeted(bench)
    peer.sendall(frame(bytes(10_000)) * 15)
    bench.until(lambda: len(bench.taken) == 15)
    assert not bench.acceptor.has_left(bench.taken[-1][0])
    peer.shutdown(socket.SHUT_WR)
    bench.until(lambda: len(bench.left) == 1)


@pytest.mark.parametrize("flood", [frame(b"") * 20_000, ping() * 7_000], ids=["messages", "pings"])
def test_a_flood_of_small_frames_costs_others_no_more_than_a_few_of_them(
    bench: Bench, flood: bytes
) -> None:
    flooding, other = greeted(bench), greeted(bench)
    flooding.sendall(flood)
    for key, _ in bench.selector.select(1.0):
        key.data()
    other.sendall(frame(b"abc"))
    found = []
    for _ in range(3):
        for key, _ in bench.selector.select(0.0):
            key.data()
        found.append(bench.acceptor.take())
    assert b"abc" in [each[1] for each in found if each is not None]
    assert max(len(each.messages) for each in bench.acceptor._connections.values()) <= 64
    assert sum(each.unsent_bytes for each in bench.acceptor._connections.values()) < 3000


def test_pings_without_messages_are_all_answered(bench: Bench) -> None:
    peer = greeted(bench)
    peer.settimeout(0)
    peer.sendall(ping() * 500 + frame(b"abc"))
    bench.until(lambda: bench.messages() == [b"abc"])
    answers = peer.recv(100_000)
    assert answers.endswith(frame(b"\x04PONG", command=True) * 500)


def test_unfinished_messages_count_and_the_largest_is_cut(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_RECEIVED_BYTES", 200_000)
    large, small = greeted(bench), greeted(bench)
    for peer, length in ((large, 150_000), (small, 60_000)):
        data = frame(bytes(length + 1))[:-1]
        bench.until(lambda: len(bench.acceptor) == 2)
        peer.sendall(data)
        for _ in range(20):
            bench.turn(0.01)
    assert len(bench.acceptor) == 1
    small.sendall(b"x")
    bench.until(lambda: bench.taken)
    assert len(bench.taken[0][1]) == 60_001  # type: ignore[arg-type]
    assert bench.acceptor._received_bytes == 0


def test_what_was_read_before_a_stop_is_as_old(bench: Bench) -> None:
    peer = greeted(bench)
    peer.sendall(frame(b"a") * 200)
    for key, _ in bench.selector.select(1.0):
        key.data()
    since = bench.clock.monotonic()
    bench.clock.advance(5.0)
    bench.acceptor.note_stop(since, bench.clock.monotonic())
    bench.until(lambda: len(bench.ages) == 200)
    assert set(bench.ages) == {since}


@pytest.mark.parametrize("said", [b"", GREETING[:5], GREETING, GREETING + READY])
def test_connect_and_close(bench: Bench, said: bytes) -> None:
    before = descriptors()
    for _ in range(300):
        peer = raw(bench)
        peer.sendall(said)
        peer.close()
        bench.turn()
    bench.until(lambda: not len(bench.acceptor))
    assert descriptors() == before


def descriptors() -> list[int]:
    """What this process has open, its own look at it included."""
    return sorted(int(each.name) for each in Path("/proc/self/fd").iterdir())


def test_a_handshake_has_to_end_in_time(bench: Bench) -> None:
    silent, half, good = raw(bench), raw(bench), raw(bench)
    half.sendall(GREETING)
    good.sendall(GREETING + READY)
    bench.until(lambda: len(bench.acceptor) == 3)
    for _ in range(3):
        bench.turn(0.01)
    bench.clock.sleep(4.9)
    bench.turn()
    assert len(bench.acceptor) == 3
    bench.clock.sleep(0.2)
    bench.turn()
    assert len(bench.acceptor) == 1
    for each in (silent, half):
        assert each.recv(100)[:1] in {b"\xff", b""}
    good.sendall(frame(b"abc"))
    bench.until(lambda: bench.messages() == [b"abc"])


def test_who_breaks_the_protocol_is_cut_off_alone(bench: Bench) -> None:
    good, bad = greeted(bench), greeted(bench)
    bad.sendall(frame(b"before") + b"\xff\xff")
    good.sendall(frame(b"abc"))
    bench.until(lambda: len(bench.acceptor) == 1)
    bench.until(lambda: b"abc" in bench.messages())
    assert bench.acceptor.cut_off == 1
    assert bad.recv(1000).startswith(GREETING)
    assert bad.recv(1000) == b""


def test_messages_that_cannot_be_answered_are_reported(bench: Bench) -> None:
    peer = greeted(bench)
    body = bytes(1024 * 1024 + 1)
    peer.settimeout(0.2)
    data = memoryview(b"\x01\x00\x00\x01a" + frame(body))
    while data:
        try:
            data = data[peer.send(data) :]
        except TimeoutError:
            bench.turn()
        bench.turn()
    bench.until(lambda: len(bench.taken) == 2)
    assert bench.messages() == [SeveralFrames(delimited=True), Oversized(body[:-1], len(body))]


def test_a_peer_that_does_not_read_is_full_and_then_writable(bench: Bench) -> None:
    peer = greeted(bench)
    peer.sendall(frame(b"abc"))
    bench.until(lambda: bench.taken)
    identity = bench.taken[0][0].identity
    sent = 0
    while bench.acceptor.send(identity, b"x" * 10_000) is Sent.YES:
        sent += 1
    assert 0 < sent < 1000
    assert bench.writable == []
    got = b""
    end = time.monotonic() + LONG_S
    while len(got) < 64 + 30 + sent * 10_009:
        assert time.monotonic() < end
        bench.turn()
        try:
            got += peer.recv(1_000_000)
        except BlockingIOError:
            continue
    assert got.endswith(frame(b"x" * 10_000) * sent)
    bench.until(lambda: bench.writable)
    assert bench.acceptor.send(identity, b"again") is Sent.YES


def known(bench: Bench, peer: socket.socket) -> bytes:
    """The identity of a peer, which says something for it."""
    bench.taken.clear()
    peer.sendall(frame(b"abc"))
    bench.until(lambda: bench.taken)
    return bench.taken[0][0].identity


def received(peer: socket.socket, bench: Bench, count: int) -> bytes:
    """What a peer gets, so many bytes."""
    got = b""
    end = time.monotonic() + LONG_S
    while len(got) < count:
        assert time.monotonic() < end, "never"
        bench.turn()
        with suppress(BlockingIOError):
            got += peer.recv(1_000_000)
    return got


def test_what_is_gathered_goes_out_at_once_and_in_order(bench: Bench) -> None:
    peer, other = greeted(bench), greeted(bench)
    first, second = known(bench, peer), known(bench, other)
    greeting = received(peer, bench, 64 + 30)
    for number in range(50):
        assert bench.acceptor.put(first, b"%d" % number) is Sent.YES
        assert bench.acceptor.put(second, b"other") is Sent.YES
    with pytest.raises(BlockingIOError):
        peer.recv(1000)
    bench.acceptor.flush()
    assert peer.recv(1_000_000) == b"".join(frame(b"%d" % number) for number in range(50))
    assert received(other, bench, 64 + 30 + 50 * 7).endswith(frame(b"other") * 50)
    assert len(greeting) == 64 + 30


def test_a_long_message_does_not_overtake_what_is_gathered(bench: Bench) -> None:
    peer = greeted(bench)
    identity = known(bench, peer)
    received(peer, bench, 64 + 30)
    assert bench.acceptor.put(identity, b"first") is Sent.YES
    assert bench.acceptor.put(identity, b"x" * 5000) is Sent.YES
    assert bench.acceptor.put(identity, b"last") is Sent.YES
    bench.acceptor.flush()
    expected = frame(b"first") + frame(b"x" * 5000) + frame(b"last")
    assert received(peer, bench, len(expected)) == expected


def test_a_pong_does_not_overtake_what_is_gathered(bench: Bench) -> None:
    peer = greeted(bench)
    identity = known(bench, peer)
    received(peer, bench, 64 + 30)
    assert bench.acceptor.put(identity, b"first") is Sent.YES
    peer.sendall(ping())
    expected = frame(b"first") + frame(b"\x04PONG", command=True)
    assert received(peer, bench, len(expected)) == expected


def test_no_more_is_gathered_for_a_peer_than_is_sent_in_one_piece(bench: Bench) -> None:
    peer = greeted(bench)
    identity = known(bench, peer)
    received(peer, bench, 64 + 30)
    for _ in range(17):
        assert bench.acceptor.put(identity, b"x" * 1000) is Sent.YES
    assert peer.recv(1_000_000) == frame(b"x" * 1000) * 17


def test_a_peer_that_does_not_read_gets_nothing_gathered_any_more(bench: Bench) -> None:
    peer = greeted(bench)
    identity = known(bench, peer)
    sent = 0
    while bench.acceptor.put(identity, b"x" * 1000) is Sent.YES:
        sent += 1
        assert sent < 10_000
    got = received(peer, bench, 64 + 30 + sent * 1009)
    assert got.endswith(frame(b"x" * 1000) * sent)
    assert bench.writable == [identity]


def test_what_is_gathered_for_a_peer_that_leaves_harms_nobody(bench: Bench) -> None:
    peer, other = greeted(bench), greeted(bench)
    first, second = known(bench, peer), known(bench, other)
    bench.acceptor.put(first, b"too late")
    bench.acceptor.put(second, b"other")
    peer.close()
    bench.acceptor.flush()
    bench.until(lambda: bench.left == [first])
    assert bench.acceptor.put(first, b"gone") is Sent.GONE
    assert received(other, bench, 64 + 30 + 7).endswith(frame(b"other"))


def test_a_peer_that_dies_while_what_waits_for_it_is_sent_ends_alone(bench: Bench) -> None:
    """It had made room, so what waits is being sent, and is gone before the second piece."""
    peer, other = greeted(bench), greeted(bench)
    identity, second = known(bench, peer), known(bench, other)
    outbox = Outbox(bench.acceptor.put, bench.left.append, bench.timers)
    while not outbox.pending:
        outbox.reply(identity, b"x" * 1000)
    for _ in range(200):
        outbox.reply(identity, b"waits" * 100)
    bench.acceptor.flush()

    def dies(_identity: bytes) -> None:
        peer.close()
        outbox.retry()

    bench.when_writable = dies
    bench.when_left = outbox.drop
    with suppress(BlockingIOError):
        while peer.recv(1_000_000):
            pass
    bench.until(lambda: identity in bench.left and not outbox.pending)
    assert outbox.unroutable > 0
    outbox.reply(second, b"other")
    bench.acceptor.flush()
    assert received(other, bench, 64 + 30 + 7).endswith(frame(b"other"))


def test_who_turns_out_to_be_gone_is_reported_as_gone(bench: Bench) -> None:
    peer = greeted(bench)
    identity = known(bench, peer)
    peer.close()
    said = {bench.acceptor.put(identity, b"x" * 1000) for _ in range(17)}
    assert said == {Sent.YES, Sent.GONE}


def test_a_peer_that_asks_for_pongs_and_does_not_read_them_is_cut_off(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_UNSENT_BYTES", 10_000)
    peer = greeted(bench)
    end = time.monotonic() + LONG_S
    while len(bench.acceptor):
        assert time.monotonic() < end
        try:
            peer.send(ping() * 1000)
        except BlockingIOError:
            pass
        except OSError:
            break
        bench.turn()
    bench.until(lambda: not len(bench.acceptor))


def test_all_peers_together_may_send_so_much_and_no_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is handed over meanwhile: a loop that is busy elsewhere."""
    monkeypatch.setattr(module, "MAX_RECEIVED_BYTES", 100_000)
    peers = [greeted(bench) for _ in range(4)]
    for peer in peers:
        peer.sendall(frame(bytes(40_000)))
    for key, _ in bench.selector.select(1.0):
        key.data()
    assert len(bench.acceptor) < 4
    assert bench.acceptor.cut_off == 4 - len(bench.acceptor)


def test_too_many_connections_are_refused_and_later_ones_admitted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS_PER_USER", 10)
    peers = [raw(bench) for _ in range(15)]
    bench.until(lambda: bench.acceptor.refused == 5)
    assert len(bench.acceptor) == 10
    for peer in peers:
        peer.close()
    bench.until(lambda: not len(bench.acceptor))
    good = greeted(bench)
    good.sendall(frame(b"abc"))
    bench.until(lambda: bench.messages() == [b"abc"])


def test_some_descriptors_are_left_for_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    good = greeted(bench)
    peers = [raw(bench) for _ in range(60)]
    free = [os.open("/dev/null", os.O_RDONLY) for _ in range(21)]  # the lowest that there are
    for number in free:
        os.close(number)
    monkeypatch.setattr(module, "_descriptor_limit", lambda: max(free) + 32)
    bench.until(lambda: len(bench.acceptor) + bench.acceptor.refused == 61)
    assert len(bench.acceptor) == 21
    assert caplog.text.count("further ones are refused") <= 10
    for peer in peers:
        peer.close()
    bench.until(lambda: len(bench.acceptor) == 1)
    good.sendall(frame(b"abc"))
    bench.until(lambda: bench.messages() == [b"abc"])


def test_without_descriptors_it_waits_until_somebody_leaves(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None are left for others: these have taken them."""
    monkeypatch.setattr(module, "RESERVED_DESCRIPTORS", 0)
    good = greeted(bench)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    fillers: list[int] = []
    peers = []
    try:
        peers = [raw(bench) for _ in range(40)]
        highest = max(descriptors())
        while not fillers or fillers[-1] < highest:  # there may be numbers free below
            fillers.append(os.open("/dev/null", os.O_RDONLY))
        resource.setrlimit(resource.RLIMIT_NOFILE, (fillers[-1] + 5, hard))
        for _ in range(10):
            bench.turn(0.01)
        connected = len(bench.acceptor)
        assert 1 < connected < 41
        assert bench.turn(0.05) == 0, "it does not spin"
        good.sendall(frame(b"abc"))
        bench.until(lambda: bench.messages() == [b"abc"])
        for peer in peers[:20]:
            peer.close()
        bench.until(lambda: len(bench.acceptor) == 21)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for number in fillers:
            os.close(number)


def test_closing_sends_what_waits(bench: Bench) -> None:
    peer = greeted(bench)
    peer.sendall(frame(b"abc"))
    bench.until(lambda: bench.taken)
    assert bench.acceptor.send(bench.taken[0][0].identity, b"last") is Sent.YES
    assert bench.acceptor.put(bench.taken[0][0].identity, b"gathered") is Sent.YES
    bench.acceptor.close()
    assert peer.recv(1000).endswith(frame(b"last") + frame(b"gathered"))
    assert peer.recv(1000) == b""


def test_what_a_peer_kept_in_its_own_queue_through_a_stop_is_as_old(bench: Bench) -> None:
    """The kernel had no room for it; that it comes late may be due to ourselves."""
    peer = greeted(bench)
    peer.sendall(frame(b"x" * 500) * 200)
    since = bench.clock.monotonic()
    bench.clock.advance(1.0)
    bench.acceptor.note_stop(since, bench.clock.monotonic())
    bench.answers = lambda *_: bench.clock.advance(0.0075)  # 200 of them: 1.5 s of work
    bench.until(lambda: len(bench.ages) == 200)
    assert set(bench.ages) == {since}
    bench.answers = lambda *_: None
    bench.ages.clear()
    peer.sendall(frame(b"later"))
    bench.until(lambda: bench.ages)
    assert bench.ages == [since], "while it had no chance to send"
    bench.clock.advance(2.5)
    peer.sendall(frame(b"new"))
    bench.until(lambda: len(bench.ages) == 2)
    assert bench.ages[1] is None, "it has paused"


def test_a_peer_that_never_pauses_is_believed_again(bench: Bench) -> None:
    peer = greeted(bench)
    peer.sendall(frame(b"x" * 500) * 200)
    since = bench.clock.monotonic()
    bench.clock.advance(8.0)
    bench.acceptor.note_stop(since, bench.clock.monotonic())
    bench.until(lambda: len(bench.ages) == 200)
    bench.ages.clear()
    for number in range(10):
        bench.clock.advance(1.0)
        peer.sendall(frame(b"on and on"))
        bench.until(lambda: len(bench.ages) > number)  # noqa: B023
    assert bench.ages == [since] * 8 + [None] * 2, "as long as the stop has lasted"


def test_a_peer_with_room_in_the_kernel_kept_nothing_back(bench: Bench) -> None:
    peer = greeted(bench)
    peer.sendall(frame(b"x" * 500) * 3)
    since = bench.clock.monotonic()
    bench.clock.advance(1.0)
    bench.acceptor.note_stop(since, bench.clock.monotonic())
    bench.until(lambda: len(bench.ages) == 3)
    peer.sendall(frame(b"new"))
    bench.until(lambda: len(bench.ages) == 4)
    assert bench.ages == [since] * 3 + [None]


def test_what_waited_through_a_second_stop_is_as_old_as_that_one(bench: Bench) -> None:
    peer = greeted(bench)
    for _ in range(2):
        peer.sendall(frame(b"waits"))
        since = bench.clock.monotonic()
        bench.clock.advance(1.0)
        bench.acceptor.note_stop(since, bench.clock.monotonic())
        bench.until(lambda: bench.ages)
        assert bench.ages == [since]
        bench.ages.clear()
        bench.clock.advance(60.0)


def test_a_flood_costs_others_their_turn_at_most_once(bench: Bench) -> None:
    flood, polite = greeted(bench), greeted(bench)
    data = frame(b"x" * 10) * 4000
    flood.sendall(data)
    bench.selector.select(0.1)
    polite.sendall(frame(b"polite"))
    bench.until(lambda: b"polite" in bench.messages())
    place = bench.messages().index(b"polite")
    counted = Counter(bench.messages()[:place])
    assert counted[b"x" * 10] <= 4000
    assert sum(counted.values()) == place


def refusing(bench: Bench, turns: int) -> socket.socket:
    """A peer whose messages, but those that others send, are turned away as often as it rests."""

    def refuse(connection: Connection, message: Message) -> None:
        assert isinstance(message, bytes)
        if message.startswith(b"flood"):
            bench.acceptor.rest(connection)

    bench.answers = refuse
    made = greeted(bench)
    made.sendall(b"".join(frame(b"flood %d" % number) for number in range(turns)))
    return made


def test_a_peer_of_which_all_is_refused_rests_now_and_then(bench: Bench) -> None:
    refusing(bench, 10)
    other = greeted(bench)
    for until in (2, 4, 6, 8):
        bench.until(lambda until=until: len(bench.taken) == until)  # type: ignore[misc]
        for _ in range(3):
            bench.turn(0.01)
        assert len(bench.taken) == until
        assert not bench.acceptor.has_messages, "the loop may sleep"
        assert len(bench.acceptor.waiting_peers()) == 1, "its lease is renewed all the same"
        bench.clock.advance(0.0011)
    bench.until(lambda: len(bench.taken) == 10)
    assert bench.messages() == [b"flood %d" % number for number in range(10)]
    other.sendall(frame(b"polite"))
    bench.until(lambda: len(bench.taken) == 11)


def test_others_are_served_while_a_peer_rests(bench: Bench) -> None:
    flooding = refusing(bench, 100)
    other = greeted(bench)
    bench.until(lambda: len(bench.taken) == 2)
    other.sendall(frame(b"polite"))
    flooding.sendall(frame(b"flood and more"))
    bench.until(lambda: b"polite" in bench.messages())
    assert len(bench.taken) == 3


def test_a_peer_that_has_left_does_not_rest(bench: Bench) -> None:
    refusing(bench, 100).close()
    bench.until(lambda: bench.left)
    assert len(bench.taken) == 100


def test_a_peer_that_is_cut_off_while_it_rests(bench: Bench) -> None:
    refusing(bench, 100)
    bench.until(lambda: len(bench.taken) == 2)
    bench.acceptor.cut(bench.taken[0][0].identity)
    bench.clock.advance(1.0)
    for _ in range(3):
        bench.turn(0.01)
    assert len(bench.taken) == 2
    assert not bench.acceptor.has_messages


def test_a_raw_peer_of_the_other_tests_gets_in(tmp_path: Path) -> None:
    import threading  # noqa: PLC0415  (here only: this peer's handshake blocks)

    with Bench(tmp_path) as bench:
        done = threading.Event()

        def come() -> None:
            with RawPeer(bench.endpoint) as peer:
                peer.send(frame(b"abc"))
                done.wait(LONG_S)

        thread = threading.Thread(target=come)
        thread.start()
        bench.until(lambda: bench.messages() == [b"abc"])
        done.set()
        thread.join(LONG_S)
