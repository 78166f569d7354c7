"""How old the messages are that a socket hands over after nobody had looked at it for a while.

libzmq does not say when a message came. One that is taken out of its socket right away has just
come; after a gap (the process was stopped, or had no room) it may be as old as the gap, and so may
be what its sender could not get rid of meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass

GAP_S = 0.25
"""Nobody looked for so long, beyond what is usual: what lies there may be as old."""

PAUSE_S = 2.0
"""Until what had waited in the kernel has come through; a client that has sent nothing for so long,
though it could have, has nothing left in a queue of its own. Far more than a computer with work to
do keeps a program waiting."""

FULL_BYTES, FULL_MESSAGES = 16 * 1024, 64
"""A client that had sent less than either before the end of the gap could send all that it had. The
kernel has room for 208 KiB (net.core.wmem_default), but counts each write of a peer as 768 bytes at
least, and pages that are only partly used: of a program that writes blocks of 8 KiB, connections
were seen full with 48 KiB in them."""


@dataclass(slots=True)
class _Backlog:
    """What a client has sent since a gap without a pause."""

    last_at: float
    messages: int = 0
    length: int = 0


class MessageAges:
    """Since when messages of a socket may have waited."""

    def __init__(self) -> None:
        self._since = 0.0
        self._ended_at = 0.0
        self._until = 0.0
        self._backlogs: dict[bytes, _Backlog] = {}

    def note_gap(self, since: float, now: float) -> None:
        """Take note that nobody has looked at the socket.

        Args:
            since: Clock reading when somebody had looked last, s.
            now: Clock reading, s.
        """
        if now >= self._until:
            self._since = since
            self._backlogs.clear()
        self._ended_at = now
        self._until = now + max(now - since, PAUSE_S)

    def since(self, identity: bytes, length: int, now: float) -> float:
        """Return the clock reading since when a message may have waited, s.

        Args:
            identity: Who sent it.
            length: How long it is, bytes.
            now: Clock reading, at which it was taken out of the socket, s.
        """
        if now >= self._until:
            self._backlogs.clear()
            return now
        backlog = self._backlogs.get(identity)
        if now - self._ended_at > PAUSE_S:
            if backlog is None:
                return now
            was_full = backlog.length >= FULL_BYTES or backlog.messages >= FULL_MESSAGES
            if not was_full or now - backlog.last_at > PAUSE_S:
                del self._backlogs[identity]
                return now
        if backlog is None:
            backlog = self._backlogs[identity] = _Backlog(now)
        backlog.last_at = now
        backlog.messages += 1
        backlog.length += length
        return self._since
