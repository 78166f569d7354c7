"""Who may do what: the one place that decides.

1. A role says how far a key reaches; what an operation needs follows from its description, never
   from its name.
2. It is asked before parameters are looked at, and its refusals are sentences.
3. Pure judgement: no socket, no file, no session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.errors import ForbiddenError
from wisblock_bridge.wire.roles import Role

if TYPE_CHECKING:
    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.wire.roles import Peer


def role_for(description: OperationDescription) -> Role:
    """Return the role that an operation or event needs.

    Args:
        description: Its description.

    Returns:
        ``READ`` when it changes nothing, else ``DRIVE``.
    """
    return Role.READ if description.reads_only else Role.DRIVE


def admit(peer: Peer, needed: Role, what: str) -> None:
    """Refuse a peer whose role does not suffice.

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
