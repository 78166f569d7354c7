"""Roles of keys, and the peer of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What a key may do; each role includes the one before it."""

    NONE = 0
    """Nothing at all: the key was taken off the list while its connection was open."""
    READ = 1
    """Look: operations and events that change nothing, status, catalogue."""
    DRIVE = 2
    """Also act: outputs, settings, whatever is sent on a wire or into the air."""
    ADMIN = 3
    """Also what concerns others: scan, the emulator, the release of what others use."""

    @property
    def word(self) -> str:
        """The role's name in files and on the command line."""
        return self.name.lower()


ROLES = {role.word: role for role in Role if role is not Role.NONE}
"""The roles that a key can be given."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection.

    Attributes:
        key: Its public key; empty for programs of this computer, which need none.
        name: What the list of keys calls it.
        role: Its role.
    """

    key: str
    name: str
    role: Role


LOCAL = Peer("", "", Role.ADMIN)
"""A program on this computer: who may open the socket is a matter of users and groups."""
