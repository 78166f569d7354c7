"""CURVE on the server's side: encryption, and only listed keys enter.

1. Imported only where an endpoint needs it: a bridge on a socket file pays nothing for it.
2. ZeroMQ does the cryptography and pyzmq's authenticator talks to it; here is only the question
   whether a key is on the list.
3. If anything goes wrong on the way to an answer, the answer is no.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import zmq
from zmq.auth.thread import ThreadAuthenticator

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.keys import ClientList, KeyPair

log = logging.getLogger(__name__)

DOMAIN = "wisblock-bridge"

MAX_REMEMBERED = 100
"""Unknown keys that are named in the log; a peer with ever new ones does not fill it."""


class CurveAuthenticator:
    """Lets listed keys in, and knows whose a message is.

    Args:
        context: The server's context.
        pair: The bridge's own keys.
        clients: Who may enter.
        refused: Called in the authenticator's thread when a key was turned away.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        pair: KeyPair,
        clients: ClientList,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        self._report_refusal = refused
        self._pair = pair
        self._clients = clients
        self._refused: set[str] = set()
        self.refusals = 0
        """Connections turned away because their key is not on the list."""
        self._authenticator = ThreadAuthenticator(context)
        # In this order: the thread of pyzmq 24 (Debian 12) has nothing to configure before.
        self._authenticator.start()
        self._authenticator.configure_curve_callback(DOMAIN, credentials_provider=self)

    def protect(self, socket: zmq.Socket[bytes]) -> None:
        """Let everything that is bound from now on be encrypted and for listed keys only.

        Args:
            socket: The server's socket.
        """
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self._pair.secret.encode())
        socket.setsockopt(zmq.ZAP_DOMAIN, DOMAIN.encode())
        # Without it a connection enters unasked when nobody is there to be asked.
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)

    def callback(self, _domain: str, key: bytes) -> bool:
        """Answer the authenticator, in its own thread.

        Args:
            _domain: Of the request; there is only one.
            key: A public key whose secret half the other end has proven to hold.

        Returns:
            Whether it may enter.
        """
        try:
            text = key.decode()
            if self._clients.find(text) is not None:
                return True
            self._note_refusal(text)
        except Exception:  # an authenticator that ended would let nobody in any more
            log.exception("a key could not be looked up")
        return False

    def close(self) -> None:
        """End the authenticator."""
        self._authenticator.stop()

    def _note_refusal(self, key: str) -> None:
        self.refusals += 1
        self._report_refusal()
        if key not in self._refused and len(self._refused) < MAX_REMEMBERED:
            self._refused.add(key)
            log.warning(
                "a client with the key %s was turned away: it is not on the list "
                "(`wisblock-bridge keys list`)",
                key,
            )
