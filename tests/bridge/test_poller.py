"""What the loop sleeps in: it reports what is ready, and nothing else."""

from __future__ import annotations

import selectors
import socket
import time
from typing import TYPE_CHECKING

import pytest

from wisblock_bridge.server.poller import Poller

if TYPE_CHECKING:
    from collections.abc import Iterator

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, other = socket.socketpair()
    with ours, other:
        yield ours, other


def test_what_can_be_read_is_reported_with_its_data(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, other = pair
    with Poller() as poller:
        poller.register(ours, READ, "ours")
        poller.register(other.fileno(), READ, "other")
        assert poller.select(0.0) == []
        other.send(b"x")
        assert [(key.data, key.fileobj) for key, _ in poller.select()] == [("ours", ours)]


def test_what_can_be_written_is_reported_where_that_is_waited_for(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, other = pair
    with Poller() as poller:
        poller.register(ours, READ)
        assert poller.select(0.0) == []
        poller.unregister(ours)
        poller.register(ours, READ | WRITE)
        assert [key.fd for key, _ in poller.select(0.0)] == [ours.fileno()]
        poller.unregister(ours)
        assert poller.select(0.0) == []
        assert dict(poller.get_map()) == {}
        assert other.fileno() >= 0


def test_the_end_of_a_peer_is_reported(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, other = pair
    with Poller() as poller:
        poller.register(ours, READ, "ours")
        other.close()
        assert [key.data for key, _ in poller.select(0.0)] == ["ours"]


def test_it_waits_at_least_so_long(pair: tuple[socket.socket, socket.socket]) -> None:
    with Poller() as poller:
        poller.register(pair[0], READ)
        begun = time.monotonic()
        assert poller.select(0.0202) == []
        assert time.monotonic() - begun >= 0.02


def test_what_is_unknown_is_refused(pair: tuple[socket.socket, socket.socket]) -> None:
    with Poller() as poller:
        with pytest.raises(KeyError):
            poller.unregister(pair[0])
        poller.register(pair[0], READ)
        with pytest.raises(FileExistsError):
            poller.register(pair[0], WRITE)
        assert poller.get_key(pair[0]).events == READ
