"""A stream to a bridge that speaks ZMTP, from the first byte to the end of the handshake.

1. Whoever calls does the I/O: there is no thread behind a link without keys.
2. One thread at a time may receive; any number may send, each a whole message.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

from wisblock_bridge.client.errors import OfflineError
from wisblock_bridge.client.identity import keys_needed
from wisblock_bridge.wire.zmtp import (
    GREETING_BYTES,
    SIGNATURE_BYTES,
    VERSION_BYTES,
    ClientConnection,
    MechanismError,
    ProtocolError,
    ServerConnection,
    encode_command,
    encode_header,
)

if TYPE_CHECKING:
    from wisblock_bridge.endpoint import Endpoint
    from wisblock_bridge.keys import ClientKeys
    from wisblock_bridge.wire.zmtp import Message

NOW = int(socket.MSG_DONTWAIT)
AT_ONCE = int(socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
"""As plain numbers: joining two flags takes longer than sending."""

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
CHUNK_BYTES = 65536
AS_FAR_AS_THE_VERSION = SIGNATURE_BYTES + VERSION_BYTES
SEND_LIMIT_S = 2.0
"""A bridge that has not taken a message within this is away."""

TICK_S = 0.25
"""For how long a thread sleeps in the kernel before it looks at its deadline again."""


class Link:
    """A connection on which both sides have said what they are.

    Args:
        stream: The connected socket; it belongs to this object from now on.
        zmtp: What was said on it so far.
    """

    def __init__(self, stream: socket.socket, zmtp: ClientConnection) -> None:
        stream.setblocking(True)  # noqa: FBT003  (its name is in its call)
        wake_every_tick(stream)
        self.stream = stream
        self._zmtp = zmtp
        self._sending = threading.Lock()
        self._poll = select.poll()
        self._poll.register(stream, select.POLLIN)
        self.early: list[bytes] = []
        """Messages that came with the end of the handshake."""

    def send(self, frame: bytes) -> None:
        """Send one message.

        Raises:
            OSError: The connection is gone, or the other side takes nothing.
        """
        self._send(encode_header(len(frame)) + frame)

    def _send(self, data: bytes) -> None:
        with self._sending:
            try:
                sent = self.stream.send(data, AT_ONCE)
            except BlockingIOError:
                sent = 0
            if sent < len(data):
                self._send_rest(memoryview(data)[sent:])

    def _send_rest(self, rest: memoryview) -> None:
        deadline = time.monotonic() + SEND_LIMIT_S
        poll = select.poll()
        poll.register(self.stream, select.POLLOUT)
        while rest:
            left_s = deadline - time.monotonic()
            if left_s <= 0.0 or not poll.poll(left_s * 1000.0):
                raise TimeoutError("the bridge takes nothing")
            try:
                rest = rest[self.stream.send(rest, AT_ONCE) :]
            except BlockingIOError:
                continue

    def receive(self, timeout_s: float) -> list[bytes] | None:
        """Wait for bytes, at most for a tick.

        Args:
            timeout_s: How long at most, s; 0 takes what is there.

        Returns:
            The messages that are complete; None when nothing came.

        Raises:
            OSError: The connection is gone.
        """
        flags = 0
        if timeout_s < TICK_S:
            if timeout_s > 0.0 and not self._poll.poll(timeout_s * 1000.0):
                return None
            flags = NOW
        try:
            data = self.stream.recv(CHUNK_BYTES, flags)
        except (BlockingIOError, TimeoutError):
            return None
        if not data:
            raise ConnectionResetError("the bridge disconnected")
        return self._feed(data)

    def _feed(self, data: bytes) -> list[bytes]:
        try:
            messages = self._zmtp.receive_all(data)
        except ProtocolError as error:
            raise ConnectionResetError(str(error)) from None
        answer = self._zmtp.bytes_to_send()
        if answer:
            self._send(answer)
        return [each for each in messages if isinstance(each, bytes)]

    def detach(self) -> tuple[socket.socket, ClientConnection]:
        """Give stream and protocol to an event loop, which does the I/O from now on."""
        self.stream.setblocking(False)  # noqa: FBT003
        return self.stream, self._zmtp

    def abort(self) -> None:
        """End the connection; whoever receives on it gets an error. From any thread."""
        try:
            self.stream.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has ended already

    def close(self) -> None:
        """Give the socket back; nobody may use the link any more."""
        with self._sending:
            self.stream.close()


def wake_every_tick(stream: socket.socket) -> None:
    """Let a thread that receives wake after each tick; a poll before each reply would cost more."""
    seconds, rest = divmod(TICK_S, 1.0)
    tick = (int(seconds), int(rest * 1e6))
    try:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", *tick))
    except OSError:  # 32 bits with a time of 64
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("qq", *tick))


def open_link(endpoint: Endpoint, keys: ClientKeys | None, timeout_s: float) -> Link:
    """Connect and shake hands.

    Args:
        endpoint: Where the bridge is.
        keys: The keys; None for a connection without encryption.
        timeout_s: How long it may take, s.

    Raises:
        OfflineError: Nothing is there, or what is there does not speak.
        ForbiddenError: Keys are needed, or these are not authorised.
    """
    if keys is not None:
        from wisblock_bridge.client.curve import open_encrypted  # noqa: PLC0415  (needs libzmq)

        return Link(open_encrypted(endpoint, keys, timeout_s), open_already())
    deadline = time.monotonic() + timeout_s
    try:
        stream = connect(endpoint, timeout_s)
    except OSError:
        raise OfflineError("No bridge is running there.", where=endpoint.text) from None
    try:
        return _shake_hands(stream, endpoint, deadline, timeout_s)
    except BaseException:
        stream.close()
        raise


def connect(endpoint: Endpoint, timeout_s: float) -> socket.socket:
    """Open the stream.

    Raises:
        OSError: Nothing is there.
    """
    if endpoint.transport == "tcp":
        stream = socket.create_connection((endpoint.host, endpoint.port), timeout_s)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream
    stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        stream.settimeout(timeout_s)
        stream.connect(
            str(endpoint.path) if endpoint.path else "\0" + endpoint.text.removeprefix("ipc://@")
        )
    except BaseException:
        stream.close()
        raise
    return stream


def _shake_hands(
    stream: socket.socket, endpoint: Endpoint, deadline: float, timeout_s: float
) -> Link:
    zmtp = ClientConnection(MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES)
    greeting = zmtp.bytes_to_send()
    messages: list[Message] = []
    received = 0
    try:
        # A bridge that asks for keys hangs up on the rest of the greeting; before that it says so.
        stream.sendall(greeting[:AS_FAR_AS_THE_VERSION])
        while not zmtp.is_open:
            left_s = deadline - time.monotonic()
            if left_s <= 0.0:
                raise _silent(endpoint, timeout_s)
            stream.settimeout(left_s)
            data = stream.recv(CHUNK_BYTES)
            if not data:
                raise ConnectionResetError("it hung up")
            before, received = received, received + len(data)
            messages = zmtp.receive_all(data)
            if before < GREETING_BYTES <= received:
                stream.sendall(greeting[AS_FAR_AS_THE_VERSION:])
            stream.sendall(zmtp.bytes_to_send())
    except MechanismError:
        raise keys_needed(endpoint) from None
    except OfflineError:
        raise
    except TimeoutError:
        raise _silent(endpoint, timeout_s) from None
    except (OSError, ProtocolError) as error:
        raise OfflineError(f"No bridge is there: {error}.", where=endpoint.text) from None
    link = Link(stream, zmtp)
    link.early = [each for each in messages if isinstance(each, bytes)]
    return link


def _silent(endpoint: Endpoint, timeout_s: float) -> OfflineError:
    return OfflineError(f"No bridge said hello within {timeout_s:g} s.", where=endpoint.text)


def open_already() -> ClientConnection:
    """Return the state of a connection whose handshake libzmq has done."""
    zmtp = ClientConnection(MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES)
    peer = ClientConnection(MAX_MESSAGE_BYTES, MAX_MESSAGE_BYTES)
    zmtp.receive(peer.bytes_to_send())
    zmtp.receive(encode_command(b"READY", ServerConnection.READY))
    zmtp.bytes_to_send()
    return zmtp
