"""Where a bridge serves: without keys on this computer, with keys for others.

1. It says which endpoint is encrypted; binding is the server's, looking for trouble ``endpoint``'s.
2. Keys are read if an endpoint requires them, before any output is changed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from wisblock_bridge.endpoint import default_endpoint, parse_endpoint
from wisblock_bridge.errors import ConfigError

if TYPE_CHECKING:
    from wisblock_bridge.config import Config
    from wisblock_bridge.keys import ClientList, KeyPair

log = logging.getLogger(__name__)


class Listener(NamedTuple):
    """One endpoint to serve.

    Attributes:
        endpoint: Where.
        encrypted: It is encrypted, and listed keys only may enter.
    """

    endpoint: str
    encrypted: bool


def listeners(config: Config) -> list[Listener]:
    """Return the endpoints to serve.

    Returns:
        The endpoints, those without keys first: a socket's key options count for all
        that it is bound to afterwards.
    """
    main = parse_endpoint(config.endpoint or default_endpoint())
    found = [Listener(main.text, main.asks_for_keys(curve=config.security.curve))]
    if config.remote_endpoint is not None:
        found.append(Listener(config.remote_endpoint, encrypted=True))
    return found


def load_keys(config: Config) -> tuple[KeyPair, ClientList] | None:
    """Read the keys, if an endpoint requires them.

    Returns:
        The bridge's own pair and who may enter; None where no endpoint asks for keys.

    Raises:
        ConfigError: There are none, or they cannot be used.
    """
    guarded = [listener.endpoint for listener in listeners(config) if listener.encrypted]
    if not guarded:
        return None
    from wisblock_bridge.keys import ClientList, default_directory, server_pair  # noqa: PLC0415

    directory = config.security.keys or default_directory()
    pair = server_pair(directory)
    if pair is None:
        raise ConfigError(
            f"The endpoint {guarded[0]} is for other computers, and anybody who reaches it could "
            "switch relays. So it is served with encryption (CURVE) and to listed keys only, but "
            f"there are no keys in {directory}. Make them: `wisblock-bridge keys server`, then "
            "`wisblock-bridge keys add NAME --role drive` for each client. Or use an ipc:// "
            "endpoint or tcp://127.0.0.1, and an SSH tunnel from elsewhere."
        )
    clients = ClientList(directory)
    if not clients.read():
        log.warning(
            "no key is listed in %s, so no client can connect to %s: wisblock-bridge keys add",
            clients.path,
            guarded[0],
        )
    return pair, clients
