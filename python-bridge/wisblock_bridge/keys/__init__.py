"""Keys of the bridge and of its clients, and the files they are kept in."""

from __future__ import annotations

from wisblock_bridge.keys.client_list import Client, ClientList
from wisblock_bridge.keys.files import KeysError, default_directory
from wisblock_bridge.keys.pairs import (
    ClientKeys,
    KeyPair,
    client_keys_from_environment,
    make_pair,
    make_server_pair,
    own_pair,
    read_client_file,
    server_file,
    server_pair,
    write_client_file,
)

__all__ = [
    "Client",
    "ClientKeys",
    "ClientList",
    "KeyPair",
    "KeysError",
    "client_keys_from_environment",
    "default_directory",
    "make_pair",
    "make_server_pair",
    "own_pair",
    "read_client_file",
    "server_file",
    "server_pair",
    "write_client_file",
]
