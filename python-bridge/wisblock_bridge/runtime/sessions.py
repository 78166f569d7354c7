"""Who is there, until when, and what each of them drives.

1. Pure bookkeeping: time is handed in, nothing is sent and no hardware is touched.
2. A session belongs to a client, not to a connection: its token resumes it on another one.
3. An output belongs to the session that wrote it last.
4. A session belongs to the key that opened it. Another key gets nothing of it, neither by its token
   nor by the name of its connection.
5. Two outputs may have parts in common ("pin/3" and "pins/255"): each part belongs to the session
   that wrote it last.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from wisblock_bridge.runtime.claims import Claim, Held, User, printable
from wisblock_bridge.wire.limits import DEFAULT_LEASE_MS
from wisblock_bridge.wire.roles import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.wire.roles import Peer


OnLoss = Literal["safe", "hold"]

TOKEN_BYTES = 18
"""From the kernel's generator, as those of ``secrets``, whose import brings all of OpenSSL."""


class Output(NamedTuple):
    """One output of one module.

    Attributes:
        place: The module.
        name: The output's name within the module.
    """

    place: Place
    name: str


@dataclass(slots=True, eq=False)
class Session:
    """One client.

    Attributes:
        identity: Its present connection, as the ROUTER socket names it.
        token: What it shows to get its session back.
        lease_s: How long it may be silent.
        last_heard: Clock reading of its last request, s.
        peer: Who it is, by the key of its connection.
        name: What it calls itself.
        version: Its own version.
        in_flight: Requests taken and not yet answered.
        outputs: What it drives, and what is to happen when it is lost.
        subscriptions: Numbers of its subscriptions.
        claims: What it uses.
        address: Where it is, for people: "process 812, user 1000", or an IP address.
        alive: False once it has ended; what it left in a queue is then not started.
        superseded_by: The former session of the same client, which was resumed.
    """

    identity: bytes
    token: str
    lease_s: float
    last_heard: float
    peer: Peer = LOCAL
    name: str = ""
    version: str = ""
    in_flight: int = 0
    outputs: dict[Output, OnLoss] = field(default_factory=dict)
    subscriptions: set[int] = field(default_factory=set)
    claims: dict[Place, Claim] = field(default_factory=dict)
    address: str = ""
    alive: bool = True
    superseded_by: Session | None = None

    @property
    def ends_at(self) -> float:
        """Clock reading at which the lease runs out, s."""
        return self.last_heard + self.lease_s

    @property
    def current(self) -> Session:
        """The session that counts for its client now: itself, or the one that superseded it."""
        session = self
        while session.superseded_by is not None:
            session = session.superseded_by
        return session


class Sessions:
    """All clients that the bridge knows."""

    def __init__(self) -> None:
        self._by_identity: dict[bytes, Session] = {}
        self._by_token: dict[str, Session] = {}
        self._owner: dict[Output, Session] = {}
        self._held: dict[Output, Held] = {}
        self._resting: set[Output] = set()
        """Those that are in their safe state, though a session owns them."""
        self._parts: dict[Output, frozenset[str]] = {}
        """What is left of outputs that have parts in common with others of their module."""
        self.began: Callable[[Session], None] = lambda _session: None
        """Called with a new session, whose lease begins."""
        self.detached: Callable[[bytes], None] = lambda _identity: None
        """Called with the name of a connection that another key has taken over."""
        self.changed: Callable[[Place], None] = lambda _place: None
        """Called when a claim or a held output of a module begins or ends."""

    def __len__(self) -> int:
        return len(self._by_identity)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._by_identity.values()))

    def of(
        self,
        identity: bytes,
        now: float,
        peer: Peer = LOCAL,
        address: Callable[[], str] | None = None,
    ) -> Session:
        """Find or make the session of a connection, and renew its lease.

        Args:
            identity: The connection.
            now: Clock reading, s.
            peer: Who is at its other end.
            address: Returns where that is; called only for a new session.

        Returns:
            Its session; a client that never said hello gets one with the default lease.
        """
        session = self._by_identity.get(identity)
        if session is not None and session.peer is not peer:
            if session.peer.key == peer.key:
                session.peer = peer  # it was given another role
            else:
                self._detach(session)
                session = None
        if session is None:
            token = os.urandom(TOKEN_BYTES).hex()
            session = Session(identity, token, DEFAULT_LEASE_MS / 1000.0, now, peer)
            if address is not None:
                session.address = address()
            self._by_identity[identity] = session
            self._by_token[token] = session
            self.began(session)
        else:
            session.last_heard = now
        return session

    def at(self, identity: bytes) -> Session | None:
        """Return the session of a connection; None when it has none."""
        return self._by_identity.get(identity)

    def renew(self, identity: bytes, now: float) -> None:
        """Renew the lease of a client whose requests were read and wait for their turn.

        Args:
            identity: The connection.
            now: Clock reading, s.
        """
        session = self._by_identity.get(identity)
        if session is not None:
            session.last_heard = now

    def resume(self, session: Session, token: str) -> Session | None:
        """Resume the former session of a client that returned.

        Args:
            session: The session of its new connection.
            token: The token it shows.

        Returns:
            The former session, now on the new connection; None when there is none, or when it is
            another key's.
        """
        former = self._by_token.get(token)
        if former is None or former.peer.key != session.peer.key:
            return None
        if former is not session:
            self._by_identity.pop(former.identity, None)
            self._by_token.pop(session.token, None)
            session.superseded_by = former
            former.in_flight = session.in_flight
            former.identity = session.identity
            former.last_heard = session.last_heard
            former.peer = session.peer
            former.address = session.address
            for output, policy in session.outputs.items():
                former.outputs[output] = policy
                self._owner[output] = former
            for place, claim in session.claims.items():
                if place in former.claims:
                    former.claims[place].join(claim)
                else:
                    former.claims[place] = claim
            self._by_identity[session.identity] = former
            for place in former.claims:
                self.changed(place)
        return former

    def take_over(self, identity: bytes, peer: Peer) -> Session | None:
        """Find the session on a connection, and detach it if it is another key's.

        Args:
            identity: The connection.
            peer: Who is at its other end; its lease is not renewed.

        Returns:
            The session of that key; None when it has none.
        """
        session = self._by_identity.get(identity)
        if session is not None and session.peer.key != peer.key:
            self._detach(session)
            return None
        return session

    def may_hear(self, session: Session, identity: bytes) -> bool:
        """Return whether an answer for a session may go out on a connection.

        Args:
            session: Whose answer it is.
            identity: The connection on which it was asked for.

        Returns:
            False when a connection of another key has that name by now.
        """
        if session.identity == identity:
            return True
        holder = self._by_identity.get(identity)
        return holder is None or holder.peer.key == session.peer.key

    def _detach(self, session: Session) -> None:
        """Take a session off its connection, whose name another key has by now.

        It lives on until its lease runs out or its own client asks for it; until then it has a name
        that no connection can have, because no client knows it.
        """
        del self._by_identity[session.identity]
        self.detached(session.identity)
        session.identity = b"\0detached " + session.token.encode()
        session.in_flight = 0
        self._by_identity[session.identity] = session

    # -- claims -----------------------------------------------------------------------------------

    def claim(self, session: Session, place: Place) -> Claim:
        """Return a session's claim on a module, making it if there is none."""
        claim = session.claims.get(place)
        if claim is None:
            claim = Claim()
            self.begin_claim(session, place, claim)
        return claim

    def begin_claim(self, session: Session, place: Place, claim: Claim) -> None:
        """Note that a session uses a module from now on."""
        session.claims[place] = claim
        self.changed(place)

    def unclaim(self, session: Session, place: Place) -> Claim | None:
        """End a session's claim on a module; its outputs are another matter.

        Args:
            session: Whose claim.
            place: The module.

        Returns:
            The claim that ended; None when there was none.
        """
        claim = session.claims.pop(place, None)
        if claim is not None:
            claim.alive = False
            self.changed(place)
        return claim

    def users(self, place: Place) -> list[User]:
        """Return who keeps a module from yielding.

        Args:
            place: The module.

        Returns:
            The clients that have a claim on it, and those that left an output held.
        """
        found: list[User] = [
            {
                "client": printable(session.name),
                "address": session.address,
                "nodes": list(session.claims[place].nodes),
                "held": [],
                "connected": True,
            }
            for session in self._by_identity.values()
            if place in session.claims
        ]
        held: dict[Held, list[str]] = {}
        for output, whose in self._held.items():
            if output.place == place:
                held.setdefault(whose, []).append(output.name)
        found += [
            {
                "client": whose.client,
                "address": whose.address,
                "nodes": [],
                "held": names,
                "connected": False,
            }
            for whose, names in held.items()
        ]
        return found

    def is_used(self, place: Place) -> bool:
        """Return whether a module has a claim or a held output, so that it does not yield."""
        return any(place in session.claims for session in self._by_identity.values()) or any(
            output.place == place for output in self._held
        )

    def forget_module(self, place: Place) -> None:
        """Note that a module was closed: its outputs are safe by that, and nobody uses it.

        Args:
            place: The module.
        """
        self.forget_outputs(place)
        for session in self._by_identity.values():
            self.unclaim(session, place)

    # -- outputs ----------------------------------------------------------------------------------

    def drive(
        self,
        session: Session,
        output: Output,
        on_loss: OnLoss,
        parts: frozenset[str] | None = None,
    ) -> None:
        """Note that a session wrote an output.

        Args:
            session: Who.
            output: What.
            on_loss: What is to happen when the session is lost.
            parts: What it consists of, where outputs of its module may overlap.
        """
        owner = self._owner.get(output)
        if owner is not session:
            if owner is not None:
                owner.outputs.pop(output, None)
            self._owner[output] = session
        if self._held:
            self._end_hold(output)
        self._resting.discard(output)
        session.outputs[output] = on_loss
        if parts is not None:
            self._take_parts(output, parts)

    def rest(self, output: Output) -> None:
        """Note that an output is in its safe state: its session owns it, and holds nothing.

        Args:
            output: Which.
        """
        self._end_hold(output)
        if output in self._owner:
            self._resting.add(output)

    def hold(self, session: Session, output: Output) -> bool:
        """Note that an output stays as it is although its session does not use it any more.

        Args:
            session: Who wrote it last.
            output: What.

        Returns:
            Whether it is held from now on; not when it is in its safe state anyway.
        """
        if output in self._resting:
            self.forget_output(output)
            return False
        owner = self._owner.pop(output, None)
        if owner is not None:
            owner.outputs.pop(output, None)
        self._held[output] = Held(printable(session.name), session.address)
        self.changed(output.place)
        return True

    def _end_hold(self, output: Output) -> None:
        if self._held.pop(output, None) is not None:
            self.changed(output.place)

    def driver(self, output: Output) -> Session | None:
        """Return the session that wrote an output last.

        Returns:
            None when no session drives the output, or when it is held.
        """
        return self._owner.get(output)

    def is_held(self, output: Output) -> bool:
        """Return whether an output is held though its session has ended."""
        return output in self._held

    def outputs_of(self, place: Place, session: Session | None = None) -> list[str]:
        """Return which outputs of a module are driven or held.

        Args:
            place: The module.
            session: By whom; None for any session.

        Returns:
            Their names.
        """
        outputs = (*self._owner, *self._held) if session is None else tuple(session.outputs)
        return [output.name for output in outputs if output.place == place]

    def forget_output(self, output: Output) -> None:
        """Note that an output is in its safe state, so that nobody drives it.

        Args:
            output: Which.
        """
        owner = self._owner.pop(output, None)
        if owner is not None:
            owner.outputs.pop(output, None)
        self._end_hold(output)
        self._parts.pop(output, None)
        self._resting.discard(output)

    def forget_outputs(self, place: Place, names: Container[str] | None = None) -> None:
        """Note that outputs of a module are safe: it was closed, or lost its settings.

        Args:
            place: The module.
            names: Names of the outputs; None for all.
        """
        for output in (*self._owner, *self._held):
            if output.place == place and (names is None or output.name in names):
                self.forget_output(output)

    def _take_parts(self, output: Output, parts: frozenset[str]) -> None:
        """Take the parts of an output from other outputs of its module, of any session."""
        self._parts[output] = parts
        for other in (*self._owner, *self._held):
            if other.place == output.place and other != output:
                left = self._parts.get(other, frozenset((other.name,))) - parts
                if left:
                    self._parts[other] = left
                else:
                    self.forget_output(other)

    def end(self, session: Session) -> list[Output]:
        """End a session, its claims and what it drives; what it asked to hold is held from now on.

        Args:
            session: Which.

        Returns:
            The outputs to make safe now.
        """
        session.alive = False
        if self._by_identity.get(session.identity) is session:
            del self._by_identity[session.identity]
        self._by_token.pop(session.token, None)
        for place in tuple(session.claims):
            self.unclaim(session, place)
        unsafe = [output for output, policy in session.outputs.items() if policy == "safe"]
        for output, policy in tuple(session.outputs.items()):
            if policy == "hold":
                self.hold(session, output)
            else:
                self._owner.pop(output, None)
                self._parts.pop(output, None)
                self._resting.discard(output)
        return unsafe

    def overdue(self, now: float) -> list[Session]:
        """Find the sessions whose lease has run out.

        Args:
            now: Clock reading, s.

        Returns:
            Those sessions, not yet ended. A request still being worked on does not hold a lease.
        """
        return [session for session in self._by_identity.values() if session.ends_at <= now]

    def next_end(self) -> float | None:
        """Return when the next lease runs out, as a clock reading, s; None without sessions."""
        return min((session.ends_at for session in self._by_identity.values()), default=None)
