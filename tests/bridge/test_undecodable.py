"""Clients that do not speak the protocol are named in the log, once and not too often."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

import msgpack
import pytest
import zmq
from tests.bridge.bridge_process import BridgeProcess, eventually
from tests.bridge.rig import Rig
from tests.fake_clock import FakeClock

from wisblock_bridge.client import Bridge
from wisblock_bridge.server.undecodable import UndecodableFrames

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

A = b"a"


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig() as made:
        yield made


def test_a_req_socket_is_told_to_be_a_dealer_and_others_what_is_wrong() -> None:
    with BridgeProcess() as process, zmq.Context() as context:
        with context.socket(zmq.REQ) as client:
            client.linger = 0
            client.connect(process.endpoint)
            client.send(msgpack.packb({"v": 1, "id": 1, "method": "ping"}))
            eventually(lambda: "DEALER" in process.log.read_text(), "the log names the REQ socket")
            assert not client.poll(0)
        with context.socket(zmq.DEALER) as client:
            client.linger = 0
            client.connect(process.endpoint)
            for _ in range(20):
                client.send(b"\xc1")
                client.send_multipart([msgpack.packb({"v": 1}), b"more"])
            client.send(msgpack.packb({"v": 1, "id": 1, "method": "ping"}))
            assert client.poll(60_000)
        lines = [each for each in process.log.read_text().splitlines() if "gets no reply" in each]
    assert len(lines) == 2
    assert "empty delimiter" in lines[0]
    assert "empty delimiter" not in lines[1]
    assert all(" INFO " in each for each in lines)


def test_one_line_for_each_client_by_its_name(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "wisblock_bridge.server.undecodable")
    rig.result(A, "hello", client="office")
    for _ in range(3):
        rig.dispatcher.handle(A, b"\xff\xff")
        rig.dispatcher.handle(b"other", b"")
    told = [each.getMessage() for each in caplog.records]
    assert [re.findall(r"client (.+?) gets", each) for each in told] == [
        ["office"],
        ["without a name"],
    ]


def test_ever_new_clients_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "wisblock_bridge.server.undecodable")
    clock = FakeClock()
    undecodable = UndecodableFrames(clock)
    for number in range(5000):
        undecodable.note(str(number).encode(), lambda: "x", "it is wrong")
    assert len(caplog.records) == 10
    clock.advance(61.0)
    undecodable.note(b"late", lambda: "x", "it is wrong")
    assert len(caplog.records) == 11


# -- names that are too long ----------------------------------------------------------------------


@pytest.mark.parametrize(("field", "most"), [("client", 200), ("version", 100), ("resume", 100)])
def test_a_text_that_is_too_long_is_refused_by_its_name(rig: Rig, field: str, most: int) -> None:
    long: dict[str, Any] = {field: "x" * (most + 1)}
    error = rig.ask(A, "hello", **long)["error"]
    assert error["code"] == "bad_params"
    assert error["message"] == (
        f"The parameters of hello do not fit: {field}: at most {most} characters are allowed."
    )
    assert error["data"] == {"param": field}
    if field != "resume":
        longest: dict[str, Any] = {field: "ü" * most}
        assert rig.ask(A, "hello", **longest)["ok"]


@pytest.mark.parametrize("letter", ["n", "ü", "😀"])
def test_our_client_cuts_its_own_name(letter: str) -> None:
    with BridgeProcess() as process, Bridge(process.endpoint, name=letter * 5000) as bridge:
        sessions = bridge.status()["sessions"]
        assert isinstance(sessions, list)
        assert [each["client"] for each in sessions] == [letter * 200]
