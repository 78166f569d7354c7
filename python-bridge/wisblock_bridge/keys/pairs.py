"""Create, write and read key pairs.

1. Keys are ZeroMQ's own text form (Z85, 40 characters), everywhere.
2. A secret key is never shown: not in a repr, not in an error.
3. ZeroMQ is imported where a key is made or checked against its other half.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wisblock_bridge.keys import files
from wisblock_bridge.keys.files import KeysError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SERVER_FILE = "server.key"
KEY_LENGTH = 40
NAMES = ("server-key", "public-key", "secret-key")
VARIABLES = ("WISBLOCK_SERVER_KEY", "WISBLOCK_PUBLIC_KEY", "WISBLOCK_SECRET_KEY")

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
"""The characters of Z85, in the order of their values (ZeroMQ RFC 32)."""

_GROUP = 5
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A public key and the secret one that belongs to it.

    Attributes:
        public: May be given to anybody.
        secret: To be kept.
    """

    public: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClientKeys:
    """What a client needs to connect.

    Attributes:
        server: The bridge's public key.
        public: The client's own public key.
        secret: The client's own secret key.

    Raises:
        KeysError: One of them is not a key, or the client's two do not belong together.
    """

    server: str
    public: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        for value, name in zip((self.server, self.public, self.secret), NAMES, strict=True):
            check_key(value, name)
        check_pair(KeyPair(self.public, self.secret), "The client's keys")

    def as_text(self) -> str:
        """Return the keys as lines, to be pasted or kept in a file."""
        values = (self.server, self.public, self.secret)
        return "".join(f'{name} = "{value}"\n' for name, value in zip(NAMES, values, strict=True))


def check_key(key: str, what: str) -> str:
    """Refuse text that is not a key.

    Args:
        key: The text.
        what: What it was said to be: "public-key". The text itself is not repeated.

    Raises:
        KeysError: The text is not a key.
    """
    if len(key) != KEY_LENGTH:
        raise KeysError(
            f"The {what} has {len(key)} characters; a key has {KEY_LENGTH} (Z85, as "
            "`wisblock-bridge keys` prints it). Copy it again, whole and without quotes."
        )
    values = [_VALUES.get(character, -1) for character in key]
    if min(values) < 0:
        raise KeysError(
            f"Character {values.index(-1) + 1} of the {what} does not occur in keys. Copy it again."
        )
    for start in range(0, KEY_LENGTH, _GROUP):
        number = 0
        for value in values[start : start + _GROUP]:
            number = number * len(ALPHABET) + value
        if number >= 1 << 32:
            raise KeysError(f"The {what} is not a key: it cannot be decoded. Copy it again.")
    return key


def check_pair(pair: KeyPair, what: str) -> None:
    """Refuse two keys that do not belong together.

    Args:
        pair: Both.
        what: Whose they are, for the error message.

    Raises:
        KeysError: They do not.
    """
    import zmq  # noqa: PLC0415  (rule 3)

    if zmq.curve_public(pair.secret.encode()).decode() != pair.public:
        raise KeysError(
            f"{what} do not belong together: the public key is not the one of the secret key. "
            "Copy both again, from the same place."
        )


def make_pair() -> KeyPair:
    """Create a new pair."""
    import zmq  # noqa: PLC0415  (rule 3)

    public, secret = zmq.curve_keypair()
    return KeyPair(public.decode(), secret.decode())


def server_file(directory: Path) -> Path:
    """Return where the bridge's own pair is kept."""
    return directory / SERVER_FILE


def server_pair(directory: Path) -> KeyPair | None:
    """Read the bridge's own pair.

    Returns:
        The pair; None when none was made yet.

    Raises:
        KeysError: It cannot be used.
    """
    path = server_file(directory)
    try:
        found = files.read(path, secret=True)
    except FileNotFoundError:
        return None
    files.check_directory(directory)
    public, secret = files.only_texts(found, NAMES[1:], path)
    try:
        pair = KeyPair(check_key(public, NAMES[1]), check_key(secret, NAMES[2]))
        check_pair(pair, "The bridge's keys")
    except KeysError as error:
        raise KeysError(f"{path} is damaged. {error}") from None
    return pair


def own_pair(directory: Path) -> KeyPair:
    """Read the bridge's own pair, which must exist.

    Raises:
        KeysError: There is none, or it cannot be used.
    """
    pair = server_pair(directory)
    if pair is None:
        raise KeysError(
            f"This bridge has no keys yet: there is no {server_file(directory)}. Create "
            "them first: wisblock-bridge keys server"
        )
    return pair


def make_server_pair(directory: Path) -> KeyPair:
    """Create the bridge's own pair and write it to its file.

    Args:
        directory: Of the keys; made if there is none.

    Raises:
        KeysError: There is one already, or it cannot be written.
    """
    files.make_directory(directory)
    pair = make_pair()
    files.write(
        server_file(directory),
        "# The key pair of this bridge, made by `wisblock-bridge keys server`.\n"
        "# Never give this file away. What clients need is the public key.\n"
        f'public-key = "{pair.public}"\nsecret-key = "{pair.secret}"\n',
        replace=False,
    )
    return pair


def write_client_file(path: Path, keys: ClientKeys, name: str, role: str) -> None:
    """Write the keys that a client needs.

    Args:
        path: Where; there must be none yet.
        keys: Its keys.
        name: What the list calls it.
        role: Its role.

    Raises:
        KeysError: It cannot be written.
    """
    files.write(
        path,
        f'# Keys of the client "{name}" (role {role}), made by `wisblock-bridge keys add`.\n'
        "# This file is the client's identity: keep it on the client, and nowhere else.\n"
        + keys.as_text(),
        replace=False,
    )


def read_client_file(path: Path) -> ClientKeys:
    """Read the keys that a client needs.

    Args:
        path: A file that `wisblock-bridge keys add` wrote.

    Raises:
        KeysError: There is none, or it cannot be used.
    """
    try:
        found = files.read(path, secret=True)
    except FileNotFoundError:
        raise KeysError(
            f"There is no file {path}. `wisblock-bridge keys add NAME --role ROLE` on the gateway "
            "writes one."
        ) from None
    server, public, secret = files.only_texts(found, NAMES, path)
    try:
        return ClientKeys(server, public, secret)
    except KeysError as error:
        raise KeysError(f"{path}: {error}") from None


def client_keys_from_environment(environment: Mapping[str, str] | None = None) -> ClientKeys | None:
    """Read a client's keys from the environment.

    Args:
        environment: Environment variables; by default those of this process.

    Returns:
        The keys; None when no variable is set.

    Raises:
        KeysError: Some are missing, or one is not a key.
    """
    environment = os.environ if environment is None else environment
    values = [environment.get(name, "").strip() for name in VARIABLES]
    if not any(values):
        return None
    missing = [name for name, value in zip(VARIABLES, values, strict=True) if not value]
    if missing:
        raise KeysError(
            f"The environment variable {' and '.join(missing)} is missing; all three are needed: "
            f"{', '.join(VARIABLES)}."
        )
    try:
        return ClientKeys(*values)
    except KeysError as error:
        raise KeysError(f"Environment variables {', '.join(VARIABLES)}: {error}") from None


def check_name(name: str) -> str:
    """Refuse text that cannot be the name of a key.

    Raises:
        KeysError: The text cannot be a name.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise KeysError(
            f"{name[:80]!r} cannot be the name of a key. Use letters, digits, dots, dashes and "
            "underscores, 64 at most, the first one a letter or digit: office-2."
        )
    return name
