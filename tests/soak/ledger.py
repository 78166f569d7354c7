"""What was asked and what came of it: the promises of the protocol, as rules that can be broken.

1. It is told everything and decides nothing; what breaks a promise raises ``BrokenPromise``.
2. Nothing of the bridge is imported here: what is known is ``docs/protocol.md``.
3. Limits of time are outer limits, far beyond what a loaded computer needs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Map = dict[str, Any]

NOT_STARTED = {
    "bad_request", "bad_params", "unknown_method", "unknown_module", "unknown_operation",
    "unsupported_version", "expired", "busy", "slot_conflict", "in_use", "forbidden", "closing",
}  # fmt: skip
HARDWARE = {
    "no_device", "bus_error", "timeout", "checksum", "wrong_chip", "not_ready", "out_of_range",
    "remote_exception", "no_bus", "no_permission",
}  # fmt: skip
KNOWN = NOT_STARTED | HARDWARE

LATE_S = 20.0
"""A request that is not answered, or a write that is made, so long after its time has come."""


class BrokenPromise(AssertionError):  # noqa: N818  (that is what it is)
    """The bridge did what it promised not to do, or did not do what it promised."""


@dataclass(slots=True)
class Asked:
    """A request.

    Attributes:
        client: Who asked.
        what: For people.
        sent_at: Clock reading, s.
        timeout_s: How long it may wait before it is started.
        allowed: Codes that may come; "ok" among them. Empty for any of the documented ones.
        tag: What its write can be recognised by on the wire; 0 for requests that write nothing.
        doubtful: The frame was damaged: perhaps no answer comes.
        ends: What the subscription is that it ends.
        begins: Whether it begins a subscription.
        expects: What the readings have to be, if it is carried out; nothing for whatever they are.
    """

    client: int
    what: str
    sent_at: float
    timeout_s: float = 2.0
    allowed: frozenset[str] = frozenset()
    tag: int = 0
    doubtful: bool = False
    ends: int = 0
    begins: bool = False
    expects: Map | None = None


@dataclass(slots=True)
class _Writer:
    """Who may still write, and until when.

    Attributes:
        asked: The request.
        refused: It was answered "not started".
        over_at: Clock reading after which nothing of it may be started, s.
    """

    asked: Asked
    refused: str = ""
    over_at: float = float("inf")
    seen: int = 0


@dataclass(slots=True)
class _Events:
    sequence: int = 0


@dataclass(slots=True)
class Totals:
    """What the summary tells."""

    sent: int = 0
    answered: int = 0
    good: int = 0
    modules: Counter[str] = field(default_factory=Counter)
    connection_lost: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    events: int = 0
    events_lost: int = 0
    writes_seen: int = 0
    readings_checked: int = 0
    bad_inputs: int = 0


class Ledger:
    """All requests, subscriptions and marked writes of a run."""

    def __init__(self) -> None:
        self.totals = Totals()
        self._open: dict[tuple[int, int | str], Asked] = {}
        self._writers: dict[int, _Writer] = {}
        self._events: dict[tuple[int, int], _Events] = {}
        self._ended: set[tuple[int, int]] = set()
        self.hear_hardware: Callable[[], None] = lambda: None
        """Hands over what the hardware has seen up to now."""

    # -- requests ---------------------------------------------------------------------------------

    def ask(self, request_id: int | str, asked: Asked) -> None:
        """Note a request that leaves now."""
        self._open[asked.client, request_id] = asked
        self.totals.sent += 1
        if asked.tag:
            over_at = asked.sent_at + asked.timeout_s + LATE_S
            self._writers[asked.tag] = _Writer(asked, over_at=over_at)

    def answer(self, client: int, reply: Map) -> None:
        """Hold a reply against its request."""
        if not (set(reply) == {"v", "id", "ok", "result" if reply.get("ok") else "error"}):
            raise BrokenPromise(f"a reply of another form: {reply!r:.300}")
        asked = self._open.pop((client, reply["id"]), None)
        if asked is None:
            raise BrokenPromise(
                f"client {client} got a second reply, or one to a request that it never made: "
                f"{reply!r:.300}"
            )
        self.totals.answered += 1
        code = "ok" if reply["ok"] else str(reply["error"]["code"])
        if code == "ok":
            self.totals.good += 1
            if asked.what.startswith("invoke "):
                self.totals.modules[asked.what.split()[1]] += 1
        else:
            if code not in KNOWN:
                raise BrokenPromise(f"{asked.what} was answered {reply['error']!r:.600}")
            (self.totals.refused if code in NOT_STARTED else self.totals.failed)[code] += 1
        if asked.allowed and code not in {*asked.allowed, "closing"}:
            raise BrokenPromise(
                f"{asked.what} was answered {reply!r:.300}; allowed are {sorted(asked.allowed)}"
            )
        self._judge_effect(asked, code, reply)
        if asked.begins and code == "ok":
            number = reply["result"]["subscription"]
            if (client, number) in self._events:
                raise BrokenPromise(f"subscription {number} was given to client {client} twice")
            self._events[client, number] = _Events()
        if asked.ends and code == "ok":
            self._ended.add((client, asked.ends))

    def _judge_effect(self, asked: Asked, code: str, reply: Map) -> None:
        if asked.tag:
            self.hear_hardware()
            self._judge_write(asked, code)
        if asked.expects is not None and code == "ok":
            self._judge_readings(asked, asked.expects, reply["result"]["readings"])

    def _judge_readings(self, asked: Asked, expects: Map, readings: Map) -> None:
        self.totals.readings_checked += 1
        wrong = {
            name: readings.get(name) for name in expects if readings.get(name) != expects[name]
        }
        if wrong:
            raise BrokenPromise(f"{asked.what} was answered {wrong!r:.400}; it is {expects!r:.400}")

    def overdue(self, now: float) -> None:
        """Look for requests that should have been answered long ago."""
        for (client, request_id), asked in self._open.items():
            if now > asked.sent_at + asked.timeout_s + LATE_S and not asked.doubtful:
                raise BrokenPromise(
                    f"no reply to request {request_id} of client {client} ({asked.what}), sent "
                    f"{now - asked.sent_at:.1f} s ago"
                )

    def waiting(self, clients: Iterable[int]) -> int:
        """Count the requests of some clients that have no answer yet."""
        wanted = set(clients)
        return sum(
            1
            for (client, _), asked in self._open.items()
            if client in wanted and not asked.doubtful
        )

    def part(self, client: int, not_after: float) -> None:
        """Note that a client has no connection any more.

        Args:
            client: Which.
            not_after: Clock reading after which nothing of what it asked may be started, s.
        """
        for key in [each for each in self._open if each[0] == client]:
            asked = self._open.pop(key)
            if asked.doubtful:
                self.totals.sent -= 1  # it was no request at all
            else:
                self.totals.connection_lost += 1
            writer = self._writers.get(asked.tag)
            if writer is not None:
                writer.over_at = min(writer.over_at, not_after)
        for known in (self._events, self._ended):
            for key in [each for each in known if each[0] == client]:
                known.pop(key) if isinstance(known, dict) else known.discard(key)

    # -- events -----------------------------------------------------------------------------------

    def event(self, client: int, event: Map) -> None:
        """Hold an event against its subscription."""
        key = client, event["subscription"]
        events = self._events.get(key)
        if events is None:
            raise BrokenPromise(f"client {client} got an event before the reply: {event!r:.300}")
        if key in self._ended:
            raise BrokenPromise(f"client {client} got an event it had ended: {event!r:.300}")
        wanted = events.sequence + 1 + event["lost"]
        if event["sequence"] != wanted:
            raise BrokenPromise(
                f"sequence {event['sequence']} after {events.sequence} with {event['lost']} lost, "
                f"subscription {event['subscription']} of client {client}"
            )
        events.sequence = event["sequence"]
        self.totals.events += 1
        self.totals.events_lost += event["lost"]
        if event["event"] == "error" and event["error"]["code"] not in KNOWN:
            raise BrokenPromise(f"an event reports {event['error']!r:.600}")

    def subscriptions(self, client: int) -> list[int]:
        """Tell the subscriptions of a client that run."""
        return [each[1] for each in self._events if each[0] == client and each not in self._ended]

    # -- what reached the hardware ----------------------------------------------------------------

    def write(self, tag: int, at: float) -> None:
        """Hold a marked write, as the hardware saw it, against the request it belongs to."""
        writer = self._writers.get(tag)
        if writer is None:
            raise BrokenPromise(f"the hardware was told {tag:#x}, which nobody had asked for")
        self.totals.writes_seen += 1
        writer.seen += 1
        what = f"{writer.asked.what} of client {writer.asked.client}"
        if writer.refused:
            raise BrokenPromise(f"{what} was answered {writer.refused} and carried out")
        if writer.seen > 1:
            raise BrokenPromise(f"{what} was carried out {writer.seen} times")
        if at > writer.over_at:
            raise BrokenPromise(
                f"{what} was carried out {at - writer.asked.sent_at:.1f} s after it was sent, "
                f"{at - writer.over_at:.1f} s too late"
            )

    def _judge_write(self, asked: Asked, code: str) -> None:
        writer = self._writers[asked.tag]
        if code in NOT_STARTED:
            if writer.seen:
                raise BrokenPromise(f"{asked.what} was carried out and then answered {code}")
            writer.refused = code
        elif code == "ok" and not writer.seen:
            raise BrokenPromise(f"{asked.what} was answered ok and never reached the hardware")
