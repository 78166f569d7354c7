"""The list of authorised keys, with the role of each.

1. A change of the file takes effect at the next lookup, without a restart.
2. A list that cannot be trusted or parsed authorises no key, and is reported in the log once.
3. Two threads use it: the authenticator's and the poll loop's.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.keys import files
from wisblock_bridge.keys.files import KeysError
from wisblock_bridge.keys.pairs import check_key, check_name, server_pair
from wisblock_bridge.wire.roles import ROLES, Peer, Role

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger(__name__)

FILE = "clients.toml"
NAMES = ("name", "public_key", "role")

_Signature = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Client:
    """One entry of the list.

    Attributes:
        name: Its name; part of refusals and of the status.
        public_key: Its public key.
        role: Its role.
    """

    name: str
    public_key: str
    role: Role


class ClientList:
    """The list of one directory.

    Args:
        directory: Where the keys are.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE
        self._directory = directory
        self._lock = threading.Lock()
        self._seen: _Signature | None = None
        self._peers: Mapping[str, Peer] = {}
        self._trouble = ""

    # -- for the bridge ---------------------------------------------------------------------------

    def find(self, public_key: str) -> Peer | None:
        """Return the client with a key, as the file is now.

        Args:
            public_key: The key, proven to be the other end's.

        Returns:
            Who it is; None when it is not on the list.
        """
        signature = self._signature()
        if signature != self._seen:
            with self._lock:
                self._look(signature)
        return self._peers.get(public_key)

    def _signature(self) -> _Signature | None:
        try:
            found: os.stat_result = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size, found.st_mode, found.st_uid

    def _look(self, signature: _Signature | None) -> None:
        try:
            clients = self.read()
        except KeysError as error:
            clients = []
            if str(error) != self._trouble:
                log.error("no client can connect with a key: %s", error)  # noqa: TRY400  (a sentence)
            self._trouble = str(error)
        else:
            if self._trouble:
                log.info("the list of keys can be used again: %s", self.path)
            self._trouble = ""
        known = self._peers
        peers = {each.public_key: Peer(each.public_key, each.name, each.role) for each in clients}
        # Who has not changed stays the same object: sessions compare by identity first.
        self._peers = {
            key: known[key] if known.get(key) == peer else peer for key, peer in peers.items()
        }
        self._seen = signature

    # -- for the command line ---------------------------------------------------------------------

    def read(self) -> list[Client]:
        """Read the list.

        Returns:
            Its entries, in order; none when there is no file.

        Raises:
            KeysError: It cannot be used; the message says which entry.
        """
        try:
            found = files.read(self.path, secret=False)
        except FileNotFoundError:
            return []
        files.check_directory(self._directory)
        entries = found.get("client", [])
        if set(found) - {"client"} or not isinstance(entries, list):
            raise KeysError(
                f"{self.path} is damaged: it must contain only [[client]] entries, in double "
                "brackets."
            )
        clients: list[Client] = []
        for number, entry in enumerate(entries, start=1):
            client = self._entry(entry, f"{self.path}, entry {number}")
            _check_new(client, clients, f"{self.path}, entry {number}: ")
            clients.append(client)
        return clients

    def add(self, name: str, public_key: str, role: str) -> Client:
        """Add a key.

        Args:
            name: What to call it.
            public_key: The key.
            role: "read", "drive" or "admin".

        Raises:
            KeysError: The name is taken, the key is listed already or invalid, there is no such
                role, or the file cannot be used.
        """
        client = Client(check_name(name), check_key(public_key, "public key"), find_role(role))
        own = server_pair(self._directory)
        if own is not None and own.public == public_key:
            raise KeysError(
                "That is the public key of this bridge, not of a client. Every client has its own "
                "pair."
            )
        files.make_directory(self._directory)
        clients = self.read()
        _check_new(client, clients, "")
        self._write([*clients, client])
        return client

    def set_role(self, name: str, role: str) -> Client:
        """Change the role of a key, from its next request on.

        Args:
            name: Its name.
            role: "read", "drive" or "admin".

        Returns:
            The new entry.

        Raises:
            KeysError: There is no such name or role, or the file cannot be used.
        """
        wanted = find_role(role)
        clients = self.read()
        former = self._named(name, clients)
        changed = Client(name, former.public_key, wanted)
        self._write([changed if each is former else each for each in clients])
        return changed

    def remove(self, name: str) -> Client:
        """Remove a key; its connections are refused from their next request on.

        Returns:
            The entry that was removed.

        Raises:
            KeysError: There is no such name, or the file cannot be used.
        """
        clients = self.read()
        former = self._named(name, clients)
        self._write([each for each in clients if each is not former])
        return former

    def _named(self, name: str, clients: list[Client]) -> Client:
        for each in clients:
            if each.name == name:
                return each
        names = ", ".join(each.name for each in clients) or "none"
        raise KeysError(f"No key is called {name[:80]!r}. There are: {names}.")

    def _entry(self, entry: object, place: str) -> Client:
        if not isinstance(entry, dict):
            raise KeysError(f"{place} is not a table. Write each client under its own [[client]].")
        values = [entry.get(name) for name in NAMES]
        if set(entry) != set(NAMES) or not all(isinstance(value, str) for value in values):
            raise KeysError(
                f"{place} must hold {', '.join(NAMES)}, each a text in quotes, and nothing else."
            )
        name, public_key, role = (str(value) for value in values)
        try:
            return Client(check_name(name), check_key(public_key, "public_key"), find_role(role))
        except KeysError as error:
            raise KeysError(f"{place}: {error}") from None

    def _write(self, clients: list[Client]) -> None:
        lines = [
            "# The keys that may connect to this bridge, kept by `wisblock-bridge keys`.",
            "# role: read < drive < admin. A change takes effect at once, without a restart.",
        ]
        for each in clients:
            lines += [
                "",
                "[[client]]",
                f'name = "{each.name}"',
                f'public_key = "{each.public_key}"',
                f'role = "{each.role.word}"',
            ]
        files.write(self.path, "\n".join(lines) + "\n", replace=True)


def find_role(word: str) -> Role:
    """Return a role by its name.

    Args:
        word: "read", "drive" or "admin".

    Raises:
        KeysError: There is no such role.
    """
    role = ROLES.get(word)
    if role is None:
        raise KeysError(
            f"There is no role {word[:40]!r}. There are {', '.join(ROLES)}; each may do what the "
            "one before it may."
        )
    return role


def _check_new(client: Client, clients: list[Client], place: str) -> None:
    for each in clients:
        if each.name == client.name:
            raise KeysError(
                f'{place}The name "{client.name}" is taken. Choose another one, or remove that '
                f"key first: wisblock-bridge keys remove {client.name}"
            )
        if each.public_key == client.public_key:
            raise KeysError(
                f'{place}That key is listed already, as "{each.name}". '
                "Every client has its own pair."
            )
