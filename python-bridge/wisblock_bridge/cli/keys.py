"""``wisblock-bridge keys``: the keys of this bridge, and of the clients that may connect to it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.cli import formatting, settings
from wisblock_bridge.keys import (
    ClientKeys,
    ClientList,
    KeysError,
    default_directory,
    make_pair,
    make_server_pair,
    own_pair,
    server_file,
    server_pair,
    write_client_file,
)
from wisblock_bridge.wire.plain_text import escaped

if TYPE_CHECKING:
    import argparse

    from wisblock_bridge.keys.client_list import Client


def server(options: argparse.Namespace) -> int:
    """Create the bridge's key pair, or show the public key of the existing one."""
    directory = _directory(options)
    pair = server_pair(directory)
    made = pair is None
    if pair is None:
        pair = make_server_pair(directory)
    file = server_file(directory)
    if options.json:
        data = {"public_key": pair.public, "file": str(file), "made": made}
        sys.stdout.write(formatting.to_json(data) + "\n")
        return 0
    sys.stdout.write(f'server-key = "{pair.public}"\n')
    sys.stderr.write(
        f"{'created' if made else 'these keys exist already, in'} {escaped(str(file))}\n"
        "Add clients with `wisblock-bridge keys add NAME --role ROLE`.\n"
    )
    return 0


def add(options: argparse.Namespace) -> int:
    """Add a client.

    Raises:
        KeysError: The client cannot be added, or its file cannot be written.
    """
    directory = _directory(options)
    own = own_pair(directory)
    clients = ClientList(directory)
    if options.public_key is not None:
        if options.out is not None:
            raise KeysError(
                "--out and --public-key exclude each other: the client has its secret key already."
            )
        client = clients.add(options.name, options.public_key.strip(), options.role)
        if options.json:
            _print_json(client, server_key=own.public)
            return 0
        sys.stdout.write(f'server-key = "{own.public}"\n')
        sys.stderr.write(f"{escaped(client.name)} may connect, role {client.role.word}\n")
        return 0
    file = options.out or Path(f"{options.name}.keys")
    pair = make_pair()
    client = clients.add(options.name, pair.public, options.role)
    keys = ClientKeys(own.public, pair.public, pair.secret)
    try:
        write_client_file(file, keys, client.name, client.role.word)
    except KeysError:
        clients.remove(client.name)  # nobody holds its secret key
        raise
    if options.json:
        _print_json(client, server_key=own.public, secret_key=pair.secret, file=str(file))
        return 0
    sys.stdout.write(keys.as_text())
    sys.stderr.write(
        f"{escaped(client.name)} may connect, role {client.role.word}. "
        "Its keys are shown only once: paste the three lines into the bridge node\n"
        "of Node-RED, or move "
        f"{escaped(str(file))} to the client and keep no copy here.\n"
    )
    return 0


def list_clients(options: argparse.Namespace) -> int:
    """List the keys that may connect."""
    clients = ClientList(_directory(options)).read()
    if options.json:
        sys.stdout.write(formatting.to_json([_as_data(each) for each in clients]) + "\n")
    elif clients:
        sys.stdout.write(
            formatting.table([(each.name, each.role.word, each.public_key) for each in clients])
        )
    else:
        sys.stdout.write("no key is listed, so no other computer can connect\n")
    return 0


def role(options: argparse.Namespace) -> int:
    """Change what a key may do."""
    client = ClientList(_directory(options)).set_role(options.name, options.role)
    if options.json:
        _print_json(client)
        return 0
    sys.stdout.write(f"{escaped(client.name)} now has the role {client.role.word}\n")
    return 0


def remove(options: argparse.Namespace) -> int:
    """Remove a key."""
    client = ClientList(_directory(options)).remove(options.name)
    if options.json:
        _print_json(client)
        return 0
    sys.stdout.write(f"{escaped(client.name)} is removed; it is disconnected at its next request\n")
    return 0


def _as_data(client: Client) -> dict[str, str]:
    return {"name": client.name, "role": client.role.word, "public_key": client.public_key}


def _print_json(client: Client, **more: str) -> None:
    sys.stdout.write(formatting.to_json({**_as_data(client), **more}) + "\n")


def _directory(options: argparse.Namespace) -> Path:
    return settings.configuration(options).security.keys or default_directory()
