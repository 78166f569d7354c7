"""CURVE on the wire: who enters, who does not, and what strangers can do to those inside.

The peer is libzmq, or a plain TCP socket that says whatever it likes.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Any, Self

import pytest
import zmq
from tests.bridge.bridge_process import (
    LONG_S,
    ROOT,
    BridgeProcess,
    environment,
    eventually,
    standing_still,
)
from tests.bridge.wire_client import LIMIT_S, RawClient
from zmq.utils.monitor import recv_monitor_message

from wisblock_bridge import cli
from wisblock_bridge.cli import EXIT_USAGE
from wisblock_bridge.client import Bridge, OfflineError, RemoteError
from wisblock_bridge.endpoint import is_served, parse_endpoint
from wisblock_bridge.errors import ConfigError, ErrorCode
from wisblock_bridge.keys import (
    ClientKeys,
    ClientList,
    make_pair,
    make_server_pair,
    read_client_file,
)
from wisblock_bridge.keys.pairs import KeyPair, write_client_file
from wisblock_bridge.server.curve import CurveAuthenticator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.tally import Tally

pytestmark = pytest.mark.slow

Options = dict[int, int | bytes]

LINE: dict[str, Any] = {"expander": "slots", "line": 1}
WRITE = ("TPT29555", "board", "write")


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


class Gateway:
    """A bridge with a socket file for its own computer and a port with keys for others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.directory = folder / "keys"
        self.pair = make_server_pair(self.directory)
        self.clients = ClientList(self.directory)
        self.keys: dict[str, ClientKeys] = {}
        for role in ("read", "drive", "admin"):
            self.let_in(role, role)
        self.port = free_port()
        self.endpoint = f"tcp://127.0.0.1:{self.port}"
        file = folder / "bridge.toml"
        file.write_text(
            f'remote_endpoint = "{self.endpoint}"\n[security]\nkeys = "{self.directory}"\n'
        )
        self.process = BridgeProcess("--config", str(file), "--log-level", "debug")

    def let_in(self, name: str, role: str) -> ClientKeys:
        pair = make_pair()
        self.clients.add(name, pair.public, role)
        self.keys[name] = ClientKeys(self.pair.public, pair.public, pair.secret)
        return self.keys[name]

    def connect(self, name: str, **more: bytes) -> RawClient:
        options: Options = dict(curve(self.keys[name]))
        if "routing_id" in more:
            options[zmq.ROUTING_ID] = more["routing_id"]
        return RawClient(self.endpoint, options=options)

    def local(self) -> RawClient:
        return RawClient(self.process.endpoint)

    def counters(self) -> dict[str, Any]:
        with self.local() as client:
            counters: dict[str, Any] = client.result("status")["counters"]
            client.result("bye")
        return counters


def curve(keys: ClientKeys) -> Options:
    return {
        zmq.CURVE_SERVERKEY: keys.server.encode(),
        zmq.CURVE_PUBLICKEY: keys.public.encode(),
        zmq.CURVE_SECRETKEY: keys.secret.encode(),
    }


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    made = Gateway(tmp_path_factory.mktemp("gateway"))
    with made.process:
        yield made


@pytest.fixture
def local(gateway: Gateway) -> Iterator[RawClient]:
    with gateway.local() as client:
        yield client


# -- who enters -----------------------------------------------------------------------------------


def test_a_listed_key_enters_and_the_socket_file_stays_open(
    gateway: Gateway, local: RawClient
) -> None:
    with gateway.connect("drive") as remote:
        assert remote.result("hello", client="far")["board"] == "RAK7391"
        remote.invoke(*WRITE, **LINE, level=1)
        assert local.invoke("TPT29555", "board", "read", **LINE)["readings"]["level"] == 1
        told = {each["client"]: each for each in local.result("status")["sessions"]}
        assert (told["far"]["key"], told["far"]["role"]) == ("drive", "drive")
        assert "key" not in remote.result("status")["sessions"][0]
        remote.result("bye")


def test_roles_hold_on_the_wire(gateway: Gateway) -> None:
    with gateway.connect("read") as reader, gateway.connect("drive") as driver:
        refused = reader.refused(*WRITE, **LINE, level=1)
        assert refused["code"] == "forbidden"
        assert refused["data"] == {"key": "read", "role": "read", "needed": "drive"}
        assert reader.invoke("TPT29555", "board", "read", **LINE)
        assert driver.error("scan")["code"] == "forbidden"
        driver.result("bye")
    with gateway.connect("admin") as admin:
        assert len(admin.result("scan")) >= 2


def failure(endpoint: str, options: Options) -> int:
    """Connect and give the event that tells why it does not work."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 0)
        for option, value in options.items():
            dealer.setsockopt(option, value)
        monitor = dealer.get_monitor_socket(zmq.EVENT_ALL)
        try:
            dealer.connect(endpoint)
            dealer.send(b"\x83\xa1v\x01\xa2id\x01\xa6method\xa4ping")
            end = time.monotonic() + LIMIT_S
            while monitor.poll(int((end - time.monotonic()) * 1000)):
                event = int(recv_monitor_message(monitor)["event"])
                assert event != zmq.EVENT_HANDSHAKE_SUCCEEDED
                if event not in {
                    zmq.EVENT_CONNECTED, zmq.EVENT_CONNECT_DELAYED, zmq.EVENT_MONITOR_STOPPED
                }:  # fmt: skip
                    return event
        finally:
            dealer.disable_monitor()
            monitor.close(linger=0)
    raise AssertionError("the handshake neither failed nor succeeded")


def stranger(gateway: Gateway) -> ClientKeys:
    pair = make_pair()
    return ClientKeys(gateway.pair.public, pair.public, pair.secret)


def test_a_key_that_is_not_listed_is_turned_away(gateway: Gateway, tally: Tally) -> None:
    before = gateway.counters()
    keys = stranger(gateway)
    assert failure(gateway.endpoint, curve(keys)) == zmq.EVENT_HANDSHAKE_FAILED_AUTH
    after = gateway.counters()
    assert after["keys_refused"] >= before["keys_refused"] + 1
    assert after["requests"] - before["requests"] == 2  # of those who counted
    assert f"a client with the key {keys.public} was turned away" in gateway.process.log.read_text()
    with pytest.raises(RemoteError, match="key is not authorised") as refused:
        Bridge(gateway.endpoint, keys=keys)
    assert refused.value.code is ErrorCode.FORBIDDEN
    assert "wisblock-bridge keys add" in refused.value.hint
    tally.add("forged", "a key that is not on the list", 2)


def test_without_a_key_nobody_enters(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    before = gateway.counters()
    refusals = {zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL, zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL}
    assert failure(gateway.endpoint, {}) in refusals
    plain: Options = {zmq.PLAIN_USERNAME: b"admin", zmq.PLAIN_PASSWORD: b"admin"}
    assert failure(gateway.endpoint, plain) in refusals
    assert gateway.counters()["requests"] - before["requests"] == 2
    for name in ("WISBLOCK_SERVER_KEY", "WISBLOCK_PUBLIC_KEY", "WISBLOCK_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RemoteError, match="requires keys"):
        Bridge(gateway.endpoint)
    tally.add("forged", "no key, or a password instead", 3)


def test_an_unknown_server_key_is_told_as_such(gateway: Gateway, tally: Tally) -> None:
    listed = gateway.keys["drive"]
    keys = ClientKeys(make_pair().public, listed.public, listed.secret)
    assert failure(gateway.endpoint, curve(keys)) in {
        zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
        zmq.EVENT_DISCONNECTED,
        zmq.EVENT_CLOSED,
    }
    with pytest.raises(
        RemoteError, match="connection was closed while keys were exchanged"
    ) as failed:
        Bridge(gateway.endpoint, keys=keys)
    assert "wisblock-bridge keys server" in failed.value.hint
    tally.add("forged", "a wrong server key", 2)


def test_the_public_half_of_a_listed_key_is_not_enough(gateway: Gateway, tally: Tally) -> None:
    """Who knows a listed public key and not its secret key cannot prove to have it."""
    listed, own = gateway.keys["admin"], make_pair()
    options = curve(listed) | {zmq.CURVE_SECRETKEY: own.secret.encode()}
    before = gateway.counters()
    assert failure(gateway.endpoint, options) in {
        zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
        zmq.EVENT_HANDSHAKE_FAILED_AUTH,
        zmq.EVENT_DISCONNECTED,
        zmq.EVENT_CLOSED,
    }
    assert gateway.counters()["requests"] - before["requests"] == 2
    tally.add("forged", "a listed public key without its secret", 1)


# -- the list changes while it serves -------------------------------------------------------------


def test_a_key_enters_as_soon_as_it_is_listed(gateway: Gateway) -> None:
    keys = stranger(gateway)
    with pytest.raises(RemoteError):
        Bridge(gateway.endpoint, keys=keys)
    gateway.clients.add("late", keys.public, "read")
    with Bridge(gateway.endpoint, keys=keys) as bridge:
        assert bridge.board == "RAK7391"
    gateway.clients.remove("late")
    with pytest.raises(RemoteError):
        Bridge(gateway.endpoint, keys=keys)


def test_a_removed_key_is_cut_off_at_its_next_request(
    gateway: Gateway, local: RawClient, tally: Tally
) -> None:
    gateway.let_in("leaving", "drive")
    with gateway.connect("leaving") as leaving, gateway.connect("drive") as other:
        leaving.result("hello", client="leaving", lease_ms=60000)
        other.result("hello", client="staying")
        leaving.invoke(*WRITE, **LINE, level=0)

        def level() -> object:
            return local.invoke("TPT29555", "board", "read", **LINE)["readings"]["level"]

        assert level() == 0
        gateway.clients.remove("leaving")
        refused = leaving.error("ping")
        assert refused["code"] == "forbidden"
        assert "not on the bridge's list any more" in refused["message"]
        local.wait_until(lambda: level() == 1, "the output is safe, and pulled up")
        assert leaving.error("status")["code"] == "forbidden"
        assert other.result("ping").keys() == {"clock_ms"}
        names = {each["client"] for each in local.result("status")["sessions"]}
        assert "staying" in names
        assert "leaving" not in names
        other.result("bye")
    tally.add("forged", "a key that was taken off the list while connected", 1)


def test_a_removed_key_that_keeps_silent_is_told_nothing_more(
    gateway: Gateway, local: RawClient, tally: Tally
) -> None:
    """It listens only, and its lease is a minute: the next event is not for it any more."""
    gateway.let_in("listening", "read")
    with gateway.connect("listening") as listening:
        listening.result("hello", client="listening", lease_ms=60_000)
        listening.result(
            "subscribe", module="TPT29555", slot="board", operation="read", params=LINE,
            every_ms=100,
        )  # fmt: skip
        assert listening.event()["sequence"] == 1
        gateway.clients.remove("listening")

        def gone() -> bool:
            sessions = local.result("status")["sessions"]
            return "listening" not in {each["client"] for each in sessions}

        local.wait_until(gone, "its session has ended")
    tally.add("forged", "a key that was taken off the list while it listened", 1)


def test_a_python_client_whose_key_is_removed_is_told(gateway: Gateway) -> None:
    keys = gateway.let_in("parting", "read")
    with Bridge(gateway.endpoint, keys=keys) as bridge:
        assert bridge.status()["version"]
        gateway.clients.remove("parting")
        with pytest.raises(RemoteError) as refused:
            bridge.status()
        assert refused.value.code is ErrorCode.FORBIDDEN


def test_a_python_client_that_is_shut_out_is_told_and_tries_on(tmp_path: Path) -> None:
    gateway = Gateway(tmp_path)
    with gateway.process:
        keys = gateway.keys["read"]
        with Bridge(gateway.endpoint, keys=keys, connect_timeout_s=LONG_S) as bridge:
            gateway.clients.remove("read")
            gateway.process.stop()
            gateway.process.start()

            def told() -> str:
                try:
                    bridge.status()
                except RemoteError as error:
                    return str(error.code)
                return "ok"

            eventually(lambda: told() == "forbidden", "it is told that its key is not listed")
            gateway.clients.add("read", keys.public, "read")
            eventually(lambda: told() == "ok", "it is let in again")


def test_another_role_counts_at_once(gateway: Gateway) -> None:
    gateway.let_in("rising", "read")
    with gateway.connect("rising") as client:
        assert client.refused(*WRITE, **LINE, level=1)["code"] == "forbidden"
        gateway.clients.set_role("rising", "drive")
        assert client.invoke(*WRITE, **LINE, level=1)
        gateway.clients.set_role("rising", "read")
        assert client.refused(*WRITE, **LINE, level=1)["code"] == "forbidden"
    gateway.clients.remove("rising")


# -- whose a connection is ------------------------------------------------------------------------


def test_a_name_that_was_another_keys_opens_nothing(
    gateway: Gateway, local: RawClient, tally: Tally
) -> None:
    """The names that ZeroMQ gives begin with a zero; here both clients claim such a one."""
    name = b"\0\1\2\3\4"
    with gateway.connect("drive", routing_id=name) as owner:
        token = owner.result("hello", client="owner", lease_ms=60000)["session"]
        owner.invoke(*WRITE, **LINE, level=0)
        number = owner.result(
            "subscribe", module="TPT29555", slot="board", operation="read", every_ms=20,
            params=LINE,
        )["subscription"]  # fmt: skip
        owner.event()
    with gateway.connect("read", routing_id=name) as thief:
        hello = thief.result("hello", client="thief", resume=token)
        assert hello["resumed"] is False
        assert thief.error("unsubscribe", subscription=number)["code"] == "bad_params"
        thief.events.clear()
        thief.result("ping")
        assert thief.receive(0.2) is None
        owned = {each["client"]: each["outputs"] for each in local.result("status")["sessions"]}
        assert len(owned["owner"]) == 1
        assert owned["thief"] == []
        with gateway.connect("drive") as back:
            assert back.result("hello", client="owner", resume=token)["resumed"] is True
            back.result("bye")
        thief.result("bye")
    tally.add("forged", "a routing id that was another key's", 1)


def test_a_chosen_name_is_refused_in_words(gateway: Gateway, tally: Tally) -> None:
    with gateway.connect("admin", routing_id=b"me") as client:
        refused = client.error("hello")
        assert refused["code"] == "forbidden"
        assert "routing id" in refused["message"]
    tally.add("forged", "a routing id chosen by the client", 1)


# -- strangers ------------------------------------------------------------------------------------

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(20, b"\0") + bytes(32)
"""A client's greeting, ZMTP 3.1 (RFC 37): signature, version, mechanism, no server, filler."""

GARBAGE = [
    b"",
    b"\0",
    b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n",
    bytes(range(256)) * 16,
    b"\xff" * 4096,
    GREETING[:11],
    GREETING,
    GREETING.replace(b"CURVE", b"NULL\0"),
    GREETING.replace(b"CURVE", b"PLAIN"),
    GREETING.replace(b"CURVE", b"GSSAP"),
    GREETING[:-32] + b"\x01" + bytes(31),
    GREETING + b"\x04\xc8\x05HELLO" + bytes(194),
    GREETING + b"\x04\xc8\x05HELLO\x01\0" + os.urandom(192),
    GREETING + b"\x04\xff\x05HELLO" + bytes(249),
    GREETING + b"\x06" + b"\xff" * 8 + b"\x05HELLO",
    GREETING + b"\x06" + b"\x7f" + b"\xff" * 7,
    GREETING + b"\x04\x05\x08INITIATE",
    GREETING + b"\x04\x1a\x05READY" + bytes(20),
    GREETING + b"\x00\x05hello" * 50,
    GREETING + b"\x04\x09\x07MESSAGE\0",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_harms_nobody(
    gateway: Gateway, local: RawClient, garbage: bytes, tally: Tally
) -> None:
    before = local.result("status")["counters"]
    with gateway.connect("drive") as remote:
        remote.result("hello")
        with closing(socket.create_connection(("127.0.0.1", gateway.port))) as stranger_socket:
            stranger_socket.settimeout(LONG_S)
            with suppress(ConnectionError):
                stranger_socket.sendall(garbage)
            assert remote.result("ping").keys() == {"clock_ms"}
            assert local.result("ping").keys() == {"clock_ms"}
        remote.result("bye")
    after = local.result("status")["counters"]
    assert after["requests"] - before["requests"] == 5
    assert after["undecodable"] == before["undecodable"]
    tally.add("forged", "garbage in place of a handshake", 1)


def test_what_a_remote_client_asked_for_while_the_bridge_was_stopped_has_expired(
    gateway: Gateway,
) -> None:
    """The process for remote clients goes on meanwhile, and passes on when a message came."""
    assert gateway.process.process is not None
    with gateway.connect("drive") as remote:
        remote.result("hello", lease_ms=60_000)
        with standing_still(gateway.process.process.pid):
            late = remote.send(
                "invoke", timeout_ms=500, module=WRITE[0], slot=WRITE[1], operation=WRITE[2],
                params={**LINE, "level": 1},
            )  # fmt: skip
            patient = remote.send("ping", timeout_ms=30_000)
            time.sleep(2.0)
        assert remote.reply(late)["error"]["code"] == "expired"
        assert remote.reply(patient)["ok"]
        remote.result("bye")


def test_200_half_open_handshakes_do_not_stop_others(gateway: Gateway, tally: Tally) -> None:
    with ExitStack() as stack, gateway.connect("drive") as before:
        assert before.result("ping").keys() == {"clock_ms"}
        for number in range(200):
            opened = stack.enter_context(
                closing(socket.create_connection(("127.0.0.1", gateway.port)))
            )
            # A third says nothing, a third greets, a third begins to exchange keys.
            opened.sendall((b"", GREETING, GREETING + b"\x04\xc8\x05HELLO")[number % 3])
        with gateway.local() as local, gateway.connect("read") as later:
            for client in (before, local, later):
                for _ in range(20):
                    assert client.result("ping").keys() == {"clock_ms"}
        before.result("bye")
    tally.add("forged", "handshakes begun and not finished", 200)


class Tap:
    """A relay between a client and the bridge that keeps what the client says, or changes it."""

    def __init__(self, port: int, flip: int | None = None) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self.said = b""
        self._flip = flip
        self._target = port
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._server.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            if not select.select([self._server], [], [], 0.05)[0]:
                continue
            client, _ = self._server.accept()
            with (
                closing(client),
                closing(socket.create_connection(("127.0.0.1", self._target))) as bridge,
                suppress(ConnectionError),
            ):
                self._relay(client, bridge)

    def _relay(self, client: socket.socket, bridge: socket.socket) -> None:
        passed = 0
        while not self._stop.is_set():
            for source in select.select([client, bridge], [], [], 0.05)[0]:
                data = source.recv(65536)
                if not data:
                    return
                if source is bridge:
                    client.sendall(data)
                    continue
                self.said += data
                if self._flip is not None and passed <= self._flip < passed + len(data):
                    changed = bytearray(data)
                    changed[self._flip - passed] ^= 1
                    data = bytes(changed)
                passed += len(data)
                bridge.sendall(data)


def test_a_recorded_conversation_says_nothing_when_it_is_repeated(
    gateway: Gateway, local: RawClient, tally: Tally
) -> None:
    with Tap(gateway.port) as tap:
        with RawClient(tap.endpoint, options=curve(gateway.keys["drive"])) as client:
            client.result("hello")
            client.invoke("TPT29555", "board", "toggle", **LINE)
            client.result("bye")
        recorded = tap.said
    assert recorded.startswith(b"\xff")
    assert b"CURVE" in recorded
    assert b"toggle" not in recorded
    before = local.result("status")["counters"]
    for _ in range(3):
        with closing(socket.create_connection(("127.0.0.1", gateway.port))) as replay:
            replay.settimeout(LONG_S)
            answer = b""
            with suppress(ConnectionError):
                replay.sendall(recorded)
                while data := replay.recv(65536):
                    answer += data
        assert b"READY" not in answer
    after = local.result("status")["counters"]
    assert after["requests"] == before["requests"] + 1
    assert after["operations"] == before["operations"]
    tally.add("forged", "a recorded conversation, repeated", 3)


HELLO_AT, INITIATE_AT = 64, 64 + 202
"""Where the two commands of a client begin: after the greeting, after a HELLO of 2 + 200 bytes."""


@pytest.mark.parametrize(
    "position",
    [
        HELLO_AT + 8,  # version
        HELLO_AT + 92,  # transient key; what is before it is padding, which nobody looks at
        HELLO_AT + 150,  # signature
        HELLO_AT + 201,
        INITIATE_AT + 13,  # cookie
        INITIATE_AT + 60,
        INITIATE_AT + 115,  # nonce
        INITIATE_AT + 200,  # vouch
    ],
)
def test_an_altered_handshake_fails(gateway: Gateway, position: int, tally: Tally) -> None:
    before = gateway.counters()
    with Tap(gateway.port, flip=position) as tap:
        assert failure(tap.endpoint, curve(gateway.keys["admin"])) in {
            zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL,
            zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL,
            zmq.EVENT_DISCONNECTED,
            zmq.EVENT_CLOSED,
        }
        assert len(tap.said) > position
    assert gateway.counters()["requests"] - before["requests"] == 2
    tally.add("forged", "one bit of a handshake changed", 1)


def test_nobody_enters_when_nobody_can_be_asked(tmp_path: Path) -> None:
    """ZeroMQ would let everybody in whose encryption is right, were it not told otherwise."""
    own, client = make_server_pair(tmp_path / "keys"), make_pair()
    clients = ClientList(tmp_path / "keys")
    clients.add("a", client.public, "admin")
    keys = ClientKeys(own.public, client.public, client.secret)
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        authenticator = CurveAuthenticator(context, own, clients)
        authenticator.protect(router)
        port = router.bind_to_random_port("tcp://127.0.0.1")
        authenticator.close()
        with pytest.raises(RemoteError):
            Bridge(f"tcp://127.0.0.1:{port}", keys=keys)
        assert not router.poll(0)


def test_a_doorkeeper_that_stumbles_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(ClientList):
        def __init__(self) -> None:
            pass

        def find(self, public_key: str) -> None:
            raise RuntimeError(public_key)

    with zmq.Context() as context:
        authenticator = CurveAuthenticator(context, KeyPair("", ""), Broken())
        assert authenticator.callback("", make_pair().public.encode()) is False
        assert authenticator.callback("", b"\xff") is False
        authenticator.close()
    assert "a key could not be looked up" in caplog.text


def test_a_plain_port_beside_one_with_keys_lets_this_computer_in(tmp_path: Path) -> None:
    plain, remote = f"tcp://127.0.0.1:{free_port()}", f"tcp://127.0.0.1:{free_port()}"
    pair = make_server_pair(tmp_path / "keys")
    own = make_pair()
    ClientList(tmp_path / "keys").add("far", own.public, "read")
    file = tmp_path / "bridge.toml"
    file.write_text(f'remote_endpoint = "{remote}"\n[security]\nkeys = "{tmp_path}/keys"\n')
    process = BridgeProcess("--config", str(file))
    process.endpoint = plain
    with process:
        with Bridge(plain, name="near") as bridge:
            assert bridge["RAK13007", 1].set(on=True)["on"] is True
        keys = ClientKeys(pair.public, own.public, own.secret)
        with Bridge(remote, keys=keys, name="far") as bridge:
            assert bridge.board == "RAK7391"


def test_the_authenticator_runs_before_it_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pyzmq 24, which is Debian 12's, its thread has nothing to configure before."""
    done: list[str] = []

    class Authenticator:
        def __init__(self, _context: object) -> None:
            pass

        def start(self) -> None:
            done.append("start")

        def configure_curve_callback(self, *_: object, **__: object) -> None:
            done.append("configure")

    monkeypatch.setattr("wisblock_bridge.server.curve.ThreadAuthenticator", Authenticator)
    with zmq.Context() as context:
        CurveAuthenticator(context, KeyPair("", ""), ClientList(tmp_path))
    assert done == ["start", "configure"]


# -- secrets stay secret --------------------------------------------------------------------------


def test_no_secret_is_ever_told(gateway: Gateway, local: RawClient) -> None:
    with Bridge(gateway.endpoint, keys=gateway.keys["admin"], name="curious") as bridge:
        told = str(bridge.status()) + str(bridge.catalogue()) + repr(bridge)
        told += str(local.result("status"))
    told += gateway.process.log.read_text()
    told += str(subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, check=True))
    assert gateway.pair.secret not in told
    for keys in gateway.keys.values():
        assert keys.secret not in told
    token = local.result("hello")["session"]
    assert token not in str(local.result("status")) + gateway.process.log.read_text()


def test_no_report_holds_a_key(
    gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "admin.keys"
    write_client_file(file, gateway.keys["admin"], "admin", "admin")
    where = ["--endpoint", gateway.endpoint, "--keys", str(file)]
    assert cli.main(["report", "--config", str(gateway.folder / "bridge.toml"), *where]) == 0
    report = capsys.readouterr().out
    assert "RAK7391" in report
    for secret in (gateway.pair.secret, *(each.secret for each in gateway.keys.values())):
        assert secret not in report


def test_the_status_tells_people_whose_key_it_is(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    with gateway.connect("drive") as remote:
        remote.result("hello", client="press")
        assert cli.main(["status", "--endpoint", gateway.process.endpoint]) == 0
        shown = capsys.readouterr().out
        assert "key drive (drive)" in next(each for each in shown.splitlines() if "press" in each)
        remote.result("bye")


# -- starting -------------------------------------------------------------------------------------


def serve(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wisblock_bridge", "serve", "--emulate", *words],
        env=environment(**more), cwd=ROOT, capture_output=True, text=True, timeout=LONG_S,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("option", ["--endpoint", "--remote-endpoint"])
def test_beyond_this_computer_it_serves_with_keys_only(tmp_path: Path, option: str) -> None:
    where = {"XDG_RUNTIME_DIR": str(tmp_path), "WISBLOCK_BRIDGE_KEYS": str(tmp_path / "keys")}
    refused = serve(option, f"tcp://0.0.0.0:{free_port()}", **where)
    assert refused.returncode == EXIT_USAGE
    assert "wisblock-bridge keys server" in refused.stderr
    assert f"no keys in {tmp_path / 'keys'}" in refused.stderr
    make_server_pair(tmp_path / "keys")
    (tmp_path / "keys/server.key").chmod(0o644)
    refused = serve(option, f"tcp://0.0.0.0:{free_port()}", **where)
    assert refused.returncode == EXIT_USAGE
    assert "others may read it" in refused.stderr
    (tmp_path / "keys/server.key").chmod(0o600)
    (tmp_path / "keys/clients.toml").write_text("[[client")
    refused = serve(option, f"tcp://0.0.0.0:{free_port()}", **where)
    assert refused.returncode == EXIT_USAGE
    assert "not valid TOML" in refused.stderr


def test_a_remote_endpoint_is_one_for_others(tmp_path: Path) -> None:
    refused = serve("--remote-endpoint", f"ipc://{tmp_path}/x.sock")
    assert refused.returncode == EXIT_USAGE
    assert "cannot be reached from other computers" in refused.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "*", "[::]"])  # noqa: S104
def test_all_addresses_of_this_computer(tmp_path: Path, host: str) -> None:
    pair = make_server_pair(tmp_path / "keys")
    client = make_pair()
    ClientList(tmp_path / "keys").add("a", client.public, "read")
    port = free_port()
    file = tmp_path / "x.toml"
    file.write_text(
        f'remote_endpoint = "tcp://{host}:{port}"\n[security]\nkeys = "{tmp_path / "keys"}"\n'
    )
    near = "[::1]" if host == "[::]" else "127.0.0.1"
    with BridgeProcess("--config", str(file)):
        keys = ClientKeys(pair.public, client.public, client.secret)
        eventually(lambda: is_served(parse_endpoint(f"tcp://{near}:{port}")), "it serves there")
        with Bridge(f"tcp://{near}:{port}", keys=keys, connect_timeout_s=LONG_S) as bridge:
            assert bridge.emulated


def test_tcp_on_this_computer_asks_for_keys_when_told_so(tmp_path: Path) -> None:
    pair, client = make_server_pair(tmp_path / "keys"), make_pair()
    ClientList(tmp_path / "keys").add("a", client.public, "admin")
    keys = ClientKeys(pair.public, client.public, client.secret)
    write_client_file(tmp_path / "a.keys", keys, "a", "admin")
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    file = tmp_path / "x.toml"
    file.write_text(f'[security]\ncurve = true\nkeys = "{tmp_path / "keys"}"\n')
    process = subprocess.Popen(
        [
            sys.executable, "-m", "wisblock_bridge", "serve", "--emulate",
            "--config", str(file), "--endpoint", endpoint,
        ],
        env=environment(), cwd=ROOT, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        with ExitStack() as stack:

            def connected() -> bool:
                with suppress(OfflineError):
                    stack.enter_context(Bridge(endpoint, keys=tmp_path / "a.keys"))
                    return True
                return False

            eventually(connected, "the bridge lets the key in")
            with pytest.raises(RemoteError, match="requires keys"):
                Bridge(endpoint)
    finally:
        process.terminate()
        process.communicate(timeout=LONG_S)


def test_a_bridge_on_a_socket_file_pays_nothing() -> None:
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"  # measuring coverage imports some of them
        "from wisblock_bridge.server.daemon import Daemon\n"
        "from wisblock_bridge.config import Config\n"
        "made = Daemon(Config(emulate=True, endpoint='ipc:///tmp/never-bound'))\n"
        "print({'asyncio', 'zmq.auth', 'tomllib', 'wisblock_bridge.keys',"
        " 'wisblock_bridge.server.curve'} & set(sys.modules) - before)\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=LONG_S, check=True,
    )  # fmt: skip
    assert finished.stdout == "set()\n"


# -- clients --------------------------------------------------------------------------------------


def test_the_python_client_takes_keys_in_three_ways(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = gateway.keys["drive"]
    file = tmp_path / "drive.keys"
    write_client_file(file, keys, "drive", "drive")
    for given in (keys, file, str(file)):
        with Bridge(gateway.endpoint, keys=given) as bridge:
            assert bridge["TPT29555"].read(**LINE)["level"] in {0, 1}
    monkeypatch.setenv("WISBLOCK_SERVER_KEY", keys.server)
    monkeypatch.setenv("WISBLOCK_PUBLIC_KEY", keys.public)
    with pytest.raises(ConfigError, match="WISBLOCK_SECRET_KEY is missing"):
        Bridge(gateway.endpoint)
    monkeypatch.setenv("WISBLOCK_SECRET_KEY", keys.secret)
    with Bridge(gateway.endpoint) as bridge:
        assert bridge.emulated
    with Bridge(gateway.process.endpoint) as bridge:  # a socket file asks for none
        assert bridge.emulated


def test_no_connection_without_keys_is_tried_beyond_this_computer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("WISBLOCK_SERVER_KEY", "WISBLOCK_PUBLIC_KEY", "WISBLOCK_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match=r"lets nobody in from there without keys.*keys add"):
        Bridge("tcp://192.0.2.1:5560")


def test_the_command_line_from_another_computer(
    gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "read.keys"
    write_client_file(file, gateway.keys["read"], "read", "read")
    where = ["--endpoint", gateway.endpoint, "--keys", str(file)]
    assert cli.main(["status", *where]) == 0
    assert "RAK7391" in capsys.readouterr().out
    read = ["call", "TPT29555", "read", "expander=slots", "line=1"]
    assert cli.main([*read, *where]) == 0
    capsys.readouterr()
    toggle = ["call", "TPT29555", "toggle", "expander=slots", "line=1"]
    assert cli.main([*toggle, *where]) == 1
    assert "wisblock-bridge keys role read drive" in capsys.readouterr().err
    assert cli.main(["scan", *where]) == 1
    assert "needs the role admin" in capsys.readouterr().err
    file.chmod(0o644)
    assert cli.main(["status", *where]) == EXIT_USAGE
    assert "others may read it" in capsys.readouterr().err
    assert read_client_file.__doc__


def test_the_client_finds_the_endpoint_of_the_configuration_file(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "client.toml"
    file.write_text(f'endpoint = "{gateway.process.endpoint}"\n')
    monkeypatch.delenv("WISBLOCK_BRIDGE_ENDPOINT", raising=False)
    monkeypatch.setenv("WISBLOCK_BRIDGE_CONFIG", str(file))
    with Bridge() as bridge:
        assert bridge.endpoint == gateway.process.endpoint
    monkeypatch.setenv("WISBLOCK_BRIDGE_ENDPOINT", "ipc:///nobody/here")
    with pytest.raises(OfflineError, match="nobody/here"):
        Bridge()
