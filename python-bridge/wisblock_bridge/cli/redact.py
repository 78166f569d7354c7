"""Remove from a report what others must not see: keys, user names, home directories.

1. Nothing else in the text is changed.
2. Keys are recognised from key files, from the environment and by the name in front of them.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

PREFIX = "WISBLOCK_"
NOBODY = {
    "root", "pi", "admin", "user", "daemon", "nobody", "wisblock", "wisblock-bridge", "node-red",
}  # fmt: skip
"""User names that identify nobody."""

_Z85 = r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]"
_QUOTED_KEY = re.compile(rf"[\"']({_Z85}{{40}})[\"']")
_NAMED_KEY = re.compile(rf"(?i)(\b\w*(?:secret|server|public)[-_ ]?key\w*\W{{1,4}}){_Z85}{{40}}")
_SECRET_VARIABLE = re.compile(r"_KEY$|SECRET|TOKEN|PASS")
_HOME = re.compile(r"/home/[^/\s:;,'\"]+")
_LARGEST_KEY_FILE = 1_000_000


class Redactor:
    """Removes keys, home directories and user names from text.

    Args:
        keys: Every key that is known.
        home: The home directory.
        user: The user's name; empty when unknown.
    """

    def __init__(self, keys: Iterable[str], home: str, user: str) -> None:
        self._keys = sorted({key for key in keys if key}, key=len, reverse=True)
        self._home = home.rstrip("/")
        self._user = "" if user in NOBODY or user.isdigit() else user

    def __call__(self, text: str) -> str:
        """Return the text without keys, home directories and the user's name."""
        for key in self._keys:
            text = text.replace(key, "<key>")
        text = _NAMED_KEY.sub(r"\1<key>", text)
        if self._home:
            text = re.sub(rf"{re.escape(self._home)}(?![\w.-])", "~", text)
        text = _HOME.sub("/home/<user>", text)
        if self._user:
            text = re.sub(rf"(?<![\w-]){re.escape(self._user)}(?![\w-])", "<user>", text)
        return text


def keys_in(paths: Iterable[Path]) -> Iterator[str]:
    """Return the keys in key files.

    Args:
        paths: Files, or directories of files; what cannot be read is left out.

    Yields:
        One key after another, secret and public ones alike.
    """
    for path in paths:
        try:
            if path.is_dir():
                yield from keys_in(sorted(each for each in path.iterdir() if each.is_file()))
            elif path.stat().st_size <= _LARGEST_KEY_FILE:
                yield from _QUOTED_KEY.findall(path.read_text(errors="replace"))
        except OSError:
            continue


def variables(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the project's environment variables, those with keys without their value.

    Args:
        environment: Environment variables; by default those of this process.

    Returns:
        Name to value, or to "set" for what is secret.
    """
    environment = os.environ if environment is None else environment
    return {
        name: "set" if _SECRET_VARIABLE.search(name) else value
        for name, value in sorted(environment.items())
        if name.startswith(PREFIX)
    }


def keys_of_environment(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the keys in the project's environment variables.

    Args:
        environment: Environment variables; by default those of this process.

    Returns:
        Their values.
    """
    environment = os.environ if environment is None else environment
    return [
        value
        for name, value in environment.items()
        if name.startswith(PREFIX) and _SECRET_VARIABLE.search(name)
    ]
