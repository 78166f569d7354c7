"""Who uses which module: the claims of sessions, and the outputs that ended sessions hold.

1. Pure bookkeeping, used by the poll loop only: nothing is sent and no hardware is touched.
2. A claim belongs to one session and one module in one slot; it ends with ``release``, with the
   session, or when the module is closed.
3. What a client calls itself is kept without control characters: it is shown on terminals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_NODES = 8
"""Names of nodes that a claim remembers, the newest last."""

MAX_USERS_NAMED = 64
"""Of one module; of more, only the number is given."""


class User(TypedDict):
    """A client that uses a module, as ``data`` of a refusal and ``status`` name it.

    Attributes:
        client: What it calls itself; "" when it has not said.
        address: Where it is: "process 812, user 1000", or an IP address; "" when not known.
        nodes: Names of the nodes that asked, the newest last.
        held: Outputs that it left on when it disconnected.
        connected: Whether it is there.
    """

    client: str
    address: str
    nodes: list[str]
    held: list[str]
    connected: bool


@dataclass(slots=True, eq=False)
class Claim:
    """One session's claim on a module.

    Attributes:
        nodes: Who asked inside that client, the newest last.
        alive: False once it was given up; what is queued under it is then not started.
        superseded_by: The claim of the resumed session that it became part of.
    """

    nodes: list[str] = field(default_factory=list)
    alive: bool = True
    superseded_by: Claim | None = None

    @property
    def current(self) -> Claim:
        """The claim that counts now: itself, or the one it became part of."""
        claim = self
        while claim.superseded_by is not None:
            claim = claim.superseded_by
        return claim

    def note(self, node: str) -> bool:
        """Remember who asked.

        Args:
            node: Its name, as it came.

        Returns:
            Whether it was not remembered yet.
        """
        if self.nodes and self.nodes[-1] == node:
            return False
        name = printable(node)
        if not name:
            return False
        is_new = name not in self.nodes
        if not is_new:
            self.nodes.remove(name)
        self.nodes.append(name)
        del self.nodes[:-MOST_NODES]
        return is_new

    def join(self, later: Claim) -> None:
        """Take over the claim of a connection that this claim's session goes on with.

        Args:
            later: That claim.
        """
        later.superseded_by = self
        for node in later.nodes:
            self.note(node)


class Held(NamedTuple):
    """Whose output it was that stays as it is, because its session asked to hold it and ended."""

    client: str
    address: str


def printable(text: str) -> str:
    """Leave out what a terminal could take for a command.

    Args:
        text: What a client sent.

    Returns:
        The text without control characters and without spaces at its ends.
    """
    if not text.isprintable():
        text = "".join(each for each in text if each.isprintable())
    return text.strip()


def address_of_peer(peer_address: str) -> str:
    """Write libzmq's ``Peer-Address`` for people.

    Args:
        peer_address: "localhost:1000:1000:812" (user, group, process) of a socket file, or an IP
            address.

    Returns:
        "process 812, user 1000", or the IP address as it is written usually.
    """
    parts = peer_address.split(":")
    if len(parts) == 4 and parts[0] == "localhost":  # noqa: PLR2004  (the form above)
        return f"process {parts[3]}, user {parts[1]}"
    return printable(peer_address.removeprefix("::ffff:"))


def holders(users: Iterable[User]) -> dict[str, object]:
    """Write users as ``status`` has them, and as observers are told.

    Args:
        users: Who they are.

    Returns:
        ``claims`` of those who are connected, ``claims_total``, and ``held`` outputs.
    """
    known = list(users)
    claims = [
        {"client": user["client"], "address": user["address"], "nodes": user["nodes"]}
        for user in known
        if user["connected"]
    ]
    return {
        "claims": claims[:MAX_USERS_NAMED],
        "claims_total": len(claims),
        "held": [
            {"output": name, "client": user["client"], "address": user["address"]}
            for user in known
            for name in user["held"]
        ],
    }


def describe_users(users: Iterable[User]) -> str:
    """Name users in a sentence.

    Args:
        users: Who they are.

    Returns:
        'client "flows" (process 812, user 1000), nodes "pump", "light"; held output relay of …'.
    """
    sentences = []
    for user in users:
        client = f'client "{user["client"]}"' if user["client"] else "an unnamed client"
        where = f" ({user['address']})" if user["address"] else ""
        if user["held"]:
            names = ", ".join(user["held"])
            outputs = "output" if len(user["held"]) == 1 else "outputs"
            sentences.append(f"held {outputs} {names} of {client}{where}, which has disconnected")
        else:
            nodes = ", ".join(f'"{each}"' for each in user["nodes"])
            word = "node" if len(user["nodes"]) == 1 else "nodes"
            sentences.append(f"{client}{where}" + (f", {word} {nodes}" if nodes else ""))
    return "; ".join(sentences)
