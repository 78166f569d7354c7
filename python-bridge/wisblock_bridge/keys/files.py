"""Files that hold keys: who may read them, who may write them, and how they are replaced.

1. A file is written under another name and moved: it is never half written, and others can never
   read it.
2. A file that others could have read (secrets) or written (lists) is refused; the error says
   what to do.
3. The content of a file is never part of a message.
"""

from __future__ import annotations

import os
import pwd
import secrets
import stat
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM_DIRECTORY = Path("/etc/wisblock-bridge/keys")
SERVICE_USER = "wisblock-bridge"
"""Of the systemd unit; keys that root makes in the system's directory are made for it."""

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
LARGEST_BYTES = 1024 * 1024

OTHERS_READ = 0o077
OTHERS_WRITE = 0o022


class KeysError(ConfigError):
    """A key or a file of keys cannot be used."""


def default_directory(
    environment: Mapping[str, str] | None = None, *, uid: int | None = None
) -> Path:
    """Return where keys are kept by default.

    Args:
        environment: Environment variables; by default those of this process.
        uid: Number of the user; by default that of this process.

    Returns:
        Beside the service's configuration for root and for the service; else in the user's own
        directory for configuration.
    """
    environment = os.environ if environment is None else environment
    given = environment.get("CONFIGURATION_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given) / SYSTEM_DIRECTORY.name
    if (os.geteuid() if uid is None else uid) == 0:
        return SYSTEM_DIRECTORY
    own = environment.get("XDG_CONFIG_HOME")
    base = Path(own) if own else Path(environment.get("HOME") or Path.home()) / ".config"
    return base / "wisblock-bridge" / SYSTEM_DIRECTORY.name


def make_directory(directory: Path) -> None:
    """Create a directory for keys, private to its owner, if there is none.

    Raises:
        KeysError: It cannot be made, or others may write to the one that is there.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(mode=DIRECTORY_MODE)
        directory.chmod(DIRECTORY_MODE)
        if directory == SYSTEM_DIRECTORY and os.geteuid() == 0:
            with suppress(KeyError):
                user = pwd.getpwnam(SERVICE_USER)
                os.chown(directory, user.pw_uid, user.pw_gid)
    except FileExistsError:
        check_directory(directory)
    except OSError as error:
        raise KeysError(
            f"The directory {directory} for keys cannot be created: {error.strerror}."
            + _as_root(directory)
        ) from error


def check_directory(directory: Path) -> None:
    """Refuse a directory in which others could replace files.

    Raises:
        KeysError: It is not a directory, or others may write to it.
    """
    try:
        found = directory.stat()
    except OSError as error:
        raise KeysError(
            f"{directory} cannot be checked: {error.strerror}.{_as_root(directory)}"
        ) from error
    if not stat.S_ISDIR(found.st_mode):
        raise KeysError(f"{directory} is not a directory. Name another one for the keys.")
    if found.st_mode & OTHERS_WRITE:
        raise KeysError(
            f"Others may write to {directory} (mode {stat.S_IMODE(found.st_mode):04o}), and could "
            f"add their own keys. Make it private: chmod 700 {directory}"
        )


def read(path: Path, *, secret: bool) -> dict[str, object]:
    """Read a file of keys.

    Args:
        path: Which.
        secret: It holds a secret key, so others may not read it; else they may not write it.

    Returns:
        Its keys and values; the file is TOML.

    Raises:
        FileNotFoundError: There is none.
        KeysError: It cannot be read, others had access to it, or it is damaged.
    """
    try:
        # Do not wait for a writer if it is a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            _check(path, os.fstat(file.fileno()), secret=secret)
            content = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeysError(
            f"{path} cannot be read by this user: {error.strerror}.{_as_root(path)}"
        ) from error
    if len(content) > LARGEST_BYTES:
        raise KeysError(f"{path} is larger than {LARGEST_BYTES} bytes: that is not a key file.")
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        raise KeysError(
            f"{path} is damaged: it is not valid TOML. Restore a copy, or remove it and create it "
            "again with `wisblock-bridge keys`."
        ) from None


def write(path: Path, text: str, *, replace: bool) -> None:
    """Write a file of keys, whole or not at all; its owner is that of the directory.

    Args:
        path: Which.
        text: Its content.
        replace: Whether there may be one already.

    Raises:
        KeysError: It cannot be written, or there is one already.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(beside, flags, FILE_MODE)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), FILE_MODE)
                _hand_over(file.fileno(), path.parent)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                beside.replace(path)
            else:
                os.link(beside, path)
        finally:
            beside.unlink(missing_ok=True)
        _note_directory(path.parent)
    except FileExistsError:
        raise KeysError(
            f"{path} exists already and was not changed. Remove it first, or name another file."
        ) from None
    except OSError as error:
        raise KeysError(f"{path} cannot be written: {error.strerror}.{_as_root(path)}") from error


def only_texts(found: Mapping[str, object], names: tuple[str, ...], path: Path) -> list[str]:
    """Return texts from a file that was read.

    Args:
        found: Its keys and values.
        names: Which; nothing else may be there.
        path: The file, for the error message.

    Returns:
        Their values, in that order.

    Raises:
        KeysError: One is missing, is not text, or there are others.
    """
    values = [found.get(name) for name in names]
    if set(found) != set(names) or not all(isinstance(value, str) for value in values):
        raise KeysError(
            f"{path} is damaged: it must hold {' and '.join(names)}, each a text in quotes, and "
            "nothing else."
        )
    return [str(value) for value in values]


def _check(path: Path, found: os.stat_result, *, secret: bool) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise KeysError(f"{path} is not a file.")
    mode = stat.S_IMODE(found.st_mode)
    if secret and mode & OTHERS_READ:
        raise KeysError(
            f"{path} holds a secret key, and others may read it (mode {mode:04o}). Make it "
            f"private: chmod 600 {path}. If others had access to this computer meanwhile, make "
            "new keys."
        )
    if mode & OTHERS_WRITE:
        raise KeysError(
            f"Others may write to {path} (mode {mode:04o}), and could add themselves. Check "
            f"it, then: chmod 600 {path}"
        )
    own = os.geteuid()
    if own not in {0, found.st_uid} and found.st_uid != 0:
        raise KeysError(
            f"{path} belongs to another user (number {found.st_uid}), who could change it at any "
            f"time. Change its owner to the user of the bridge: sudo chown {own} {path}"
        )


def _hand_over(descriptor: int, directory: Path) -> None:
    """Give what root wrote to the owner of the directory: the service must read it."""
    if os.geteuid() == 0:
        owner = directory.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _note_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _as_root(path: Path) -> str:
    if os.geteuid() == 0:
        return ""
    if SYSTEM_DIRECTORY in {path, path.parent}:
        return " These are the keys of the installed service: use sudo."
    return ""
