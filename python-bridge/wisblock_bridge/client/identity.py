"""The keys of a client, and what a refused handshake means.

1. A connection beyond this computer is never opened without keys: anybody could use it.
2. A failed handshake, as ZeroMQ reports it, is turned into a sentence here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.client.errors import ForbiddenError
from wisblock_bridge.errors import ConfigError, ErrorCode

if TYPE_CHECKING:
    from wisblock_bridge.endpoint import Endpoint
    from wisblock_bridge.keys import ClientKeys

VARIABLES = ("WISBLOCK_SERVER_KEY", "WISBLOCK_PUBLIC_KEY", "WISBLOCK_SECRET_KEY")


def find_keys(endpoint: Endpoint, given: ClientKeys | Path | str | None) -> ClientKeys | None:
    """Return the keys to connect with.

    Args:
        endpoint: Where to.
        given: Keys, or the file they are in; None for those of the environment.

    Returns:
        The keys; None where none are needed and none are there.

    Raises:
        ConfigError: They cannot be used, or there are none and the endpoint needs them.
    """
    if endpoint.transport == "ipc":
        return None  # who may use a socket file is a matter of users and groups
    if given is None and not any(os.environ.get(name) for name in VARIABLES):
        if endpoint.asks_for_keys():
            raise ConfigError(
                f"The endpoint {endpoint.text} is on another computer, and a bridge lets nobody in "
                "from there without keys. On the gateway: `wisblock-bridge keys add NAME --role "
                f"ROLE`; here: --keys FILE, Bridge(…, keys=FILE), or {', '.join(VARIABLES)}."
            )
        return None
    from wisblock_bridge.keys import (  # noqa: PLC0415  (most clients need none)
        client_keys_from_environment,
        read_client_file,
    )

    if given is None:
        return client_keys_from_environment()
    return read_client_file(Path(given)) if isinstance(given, str | Path) else given


def turned_away(endpoint: Endpoint) -> ForbiddenError:
    """Return the error for a key that is not authorised."""
    return ForbiddenError(
        "The key is not authorised: it is not on the bridge's list.",
        code=ErrorCode.FORBIDDEN,
        hint="On the gateway, `wisblock-bridge keys list` shows the listed keys, and "
        "`wisblock-bridge keys add` lists one.",
        where=endpoint.text,
    )


def wrong_server_key(endpoint: Endpoint) -> ForbiddenError:
    """Return the error for a handshake with keys that failed."""
    return ForbiddenError(
        "The connection was closed while keys were exchanged.",
        code=ErrorCode.FORBIDDEN,
        hint="Is the server key the one that `wisblock-bridge keys server` prints on the gateway, "
        "and is the port that of its remote_endpoint?",
        where=endpoint.text,
    )


def keys_needed(endpoint: Endpoint) -> ForbiddenError:
    """Return the error for a connection without keys where keys are required."""
    return ForbiddenError(
        "The bridge at this endpoint requires keys.",
        code=ErrorCode.FORBIDDEN,
        hint="On the gateway: `wisblock-bridge keys add NAME --role ROLE`; here: --keys FILE, or "
        "Bridge(…, keys=FILE).",
        where=endpoint.text,
    )
