"""Puts a peer's socket behind CURVE, as libzmq and pyzmq's own authenticator do it.

1. Without ``--curve-secret`` the socket stays as it is.
2. Who may come in is what ``--allow`` lists, and nobody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import zmq
import zmq.auth.thread

if TYPE_CHECKING:
    import argparse


class Listed:
    """Says yes to the client keys on a list, for the authenticator."""

    def __init__(self, keys: list[str]) -> None:
        """Take the allowed public keys, as Z85 text."""
        self.keys = {key.encode() for key in keys}

    def callback(self, _domain: str, key: bytes) -> bool:
        """Tell whether this public key, as Z85 text, may come in."""
        return key in self.keys


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what is needed for CURVE to the command line of a peer."""
    parser.add_argument("--curve-secret", help="secret key of the server, as Z85 text")
    parser.add_argument("--allow", action="append", default=[], help="public key of a client")


def guard(socket: zmq.Socket[bytes], arguments: argparse.Namespace) -> None:
    """Make a socket that is not bound yet a CURVE server, if the command line says so."""
    if arguments.curve_secret is None:
        return
    authenticator = zmq.auth.thread.ThreadAuthenticator(socket.context)
    authenticator.start()
    authenticator.configure_curve_callback("*", credentials_provider=Listed(arguments.allow))
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_SECRETKEY, arguments.curve_secret.encode())
