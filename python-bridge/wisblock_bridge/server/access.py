"""Who may do what: the one place that decides.

1. A role says how far a key reaches; what an operation needs follows from its description, never
   from its name.
2. It is asked before parameters are looked at, and its refusals are sentences.
3. Pure judgement: no socket, no file, no session.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from wisblock_bridge.errors import ForbiddenError

if TYPE_CHECKING:
    from wisblock_bridge.module_api.signatures import OperationDescription


class Role(IntEnum):
    """How far a key reaches; each role may do what the one before it may."""

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
        """The role as it is written in files and on the command line."""
        return self.name.lower()


ROLES = {role.word: role for role in Role if role is not Role.NONE}
"""The roles that a key can be given."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection.

    Attributes:
        key: Its public key; empty for programs of this computer, which need none.
        name: What the list of keys calls it.
        role: How far it reaches.
    """

    key: str
    name: str
    role: Role


LOCAL = Peer("", "", Role.ADMIN)
"""A program on this computer: who may open the socket is a matter of users and groups."""


def role_for(description: OperationDescription) -> Role:
    """Tell what an operation or event needs.

    Args:
        description: Its description.

    Returns:
        ``READ`` when it changes nothing, else ``DRIVE``.
    """
    return Role.READ if description.reads_only else Role.DRIVE


def admit(peer: Peer, needed: Role, what: str) -> None:
    """Let somebody do something, or refuse it.

    Args:
        peer: Who.
        needed: The role it takes.
        what: What it is, for the sentence: "RAK13007 set".

    Raises:
        ForbiddenError: The role does not reach that far.
    """
    if peer.role >= needed:
        return
    if peer.role is Role.NONE:
        raise removed()
    raise ForbiddenError(
        f'The key "{peer.name}" has the role {peer.role.word}; {what} needs the role '
        f"{needed.word}.",
        hint=f"If that is wanted, on the gateway: `wisblock-bridge keys role {peer.name} "
        f"{needed.word}`.",
        data={"key": peer.name, "role": peer.role.word, "needed": needed.word},
    )


def removed() -> ForbiddenError:
    """Make the refusal for a key that is not on the list any more.

    Returns:
        The error.
    """
    return ForbiddenError(
        "The key of this connection is not on the bridge's list any more.",
        hint="`wisblock-bridge keys list` on the gateway tells which keys are; "
        "`wisblock-bridge keys add` lists one.",
    )


def chosen_name() -> ForbiddenError:
    """Make the refusal for a connection with a key that chose its own routing id.

    Returns:
        The error.
    """
    return ForbiddenError(
        "A connection with a key may not choose its own routing id: messages of one client could "
        "reach another one by that.",
        hint="Leave ZMQ_ROUTING_ID (ZMQ_IDENTITY) of the DEALER unset.",
    )
