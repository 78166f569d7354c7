"""A connection with keys: libzmq encrypts, on a thread of its own.

1. The only file of the client that knows libzmq. Its socket is used by one thread, which owns it.
2. What the rest of the client gets is one end of a socket pair, with ZMTP's frames on it.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import zmq
from zmq.utils.monitor import recv_monitor_message

from wisblock_bridge.client.errors import OfflineError
from wisblock_bridge.client.identity import turned_away, wrong_server_key
from wisblock_bridge.client.link import MAX_MESSAGE_BYTES, open_already
from wisblock_bridge.endpoint import is_served
from wisblock_bridge.wire.zmtp import ProtocolError, encode_header

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.client.errors import RemoteError
    from wisblock_bridge.endpoint import Endpoint
    from wisblock_bridge.keys import ClientKeys

HANDSHAKE_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
CHUNK_BYTES = 65536
PATIENCE_S = 2.0
"""How long either side may take nothing before the connection is given up."""


def open_encrypted(endpoint: Endpoint, keys: ClientKeys, timeout_s: float) -> socket.socket:
    """Connect with keys.

    Args:
        endpoint: Where the bridge is.
        keys: The keys.
        timeout_s: How long it may take, s.

    Raises:
        OfflineError: Nothing is there, or it does not answer in time.
        ForbiddenError: The key is not authorised, or the bridge has another key.
    """
    if not is_served(endpoint, timeout_s):
        raise OfflineError("No bridge is running there.", where=endpoint.text)
    ours, theirs = socket.socketpair()
    relay = _Relay(endpoint, keys, theirs)
    decided = relay.decided.wait(timeout_s)
    if decided and relay.refusal is None:
        return ours
    ours.close()
    raise (
        relay.refusal
        or relay.suspicion
        or OfflineError(f"No bridge said hello within {timeout_s:g} s.", where=endpoint.text)
    )


class _Relay:
    """The thread between the socket pair and libzmq; it ends when either side does."""

    def __init__(self, endpoint: Endpoint, keys: ClientKeys, near: socket.socket) -> None:
        self.decided = threading.Event()
        self.refusal: RemoteError | None = None
        self.suspicion: RemoteError | None = None
        self._endpoint = endpoint
        self._keys = keys
        self._near = near
        near.settimeout(PATIENCE_S)
        self._zmtp = open_already()
        threading.Thread(target=self._run, name="wisblock-bridge-keys", daemon=True).start()

    def _run(self) -> None:
        context = zmq.Context(io_threads=1)
        dealer = self._make_dealer(context)
        monitor = dealer.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | HANDSHAKE_FAILED
        )
        try:
            dealer.connect(self._endpoint.text)
            self._relay(dealer, monitor)
        except (OSError, zmq.ZMQError, ProtocolError) as error:
            self.suspicion = self.suspicion or OfflineError(
                f"The connection failed: {error}.", where=self._endpoint.text
            )
        finally:
            self._near.close()
            dealer.disable_monitor()
            monitor.close(linger=0)
            dealer.close(linger=200)  # a farewell may be on its way
            context.term()

    def _make_dealer(self, context: zmq.Context[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
        dealer = context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.IMMEDIATE, 1)
        dealer.setsockopt(zmq.IPV6, 1)
        dealer.setsockopt(zmq.RECONNECT_IVL, -1)  # another connection is another relay
        dealer.setsockopt(zmq.RCVHWM, 0)  # with a mark, a bridge that hangs up can end this process
        dealer.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        dealer.setsockopt(zmq.CURVE_SERVERKEY, self._keys.server.encode())
        dealer.setsockopt(zmq.CURVE_PUBLICKEY, self._keys.public.encode())
        dealer.setsockopt(zmq.CURVE_SECRETKEY, self._keys.secret.encode())
        return dealer

    def _relay(self, dealer: zmq.Socket[bytes], monitor: zmq.Socket[bytes]) -> None:
        poller = zmq.Poller()
        for source in (dealer, monitor, self._near):
            poller.register(source, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if dealer in ready:
                self._to_near(dealer)
            if self._near.fileno() in ready and not self._to_bridge(dealer):
                return
            if monitor in ready and not self._goes_on(recv_monitor_message(monitor, zmq.NOBLOCK)):
                self._to_near(dealer)  # what came before the end counts
                return

    def _to_near(self, dealer: zmq.Socket[bytes]) -> None:
        with suppress(zmq.Again):
            while True:
                frame = dealer.recv_multipart(zmq.NOBLOCK)[-1]
                self._near.sendall(encode_header(len(frame)) + frame)

    def _to_bridge(self, dealer: zmq.Socket[bytes]) -> bool:
        data = self._near.recv(CHUNK_BYTES)
        for frame in self._zmtp.receive_all(data) if data else ():
            if not isinstance(frame, bytes) or not dealer.poll(
                round(PATIENCE_S * 1000), zmq.POLLOUT
            ):
                return False
            dealer.send(frame, zmq.NOBLOCK)
        return bool(data)

    def _goes_on(self, message: Mapping[str, Any]) -> bool:
        """Take note of what happened to the connection; give whether it is still of any use."""
        event = message["event"]
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self.decided.set()
            return True
        if event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
            self.refusal = turned_away(self._endpoint)
            self.decided.set()
        elif event & HANDSHAKE_FAILED:
            self.suspicion = wrong_server_key(self._endpoint)
        return False
