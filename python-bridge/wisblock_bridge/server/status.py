"""What the bridge reports about itself.

1. It reads what others keep; it keeps only the counters.
2. Everything is plain data, ready for the wire.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from wisblock_bridge import __version__
from wisblock_bridge.runtime.claims import holders
from wisblock_bridge.wire import messages
from wisblock_bridge.wire.roles import LOCAL, Role

if TYPE_CHECKING:
    from wisblock_bridge.errors import BridgeError
    from wisblock_bridge.runtime.hardware import Hardware
    from wisblock_bridge.runtime.lifecycle import Health
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.sessions import Session, Sessions
    from wisblock_bridge.runtime.slots import SlotManager
    from wisblock_bridge.server.latency import Latency
    from wisblock_bridge.server.outbox import Outbox
    from wisblock_bridge.wire.roles import Peer


MAX_SESSIONS_NAMED = 256
"""Of more clients, only the number is given."""


class Counters:
    """What is counted while the bridge runs."""

    def __init__(self) -> None:
        self.requests = 0
        self.refused = 0
        self.undecodable = 0
        self.operations = 0
        self.events = 0
        self.late = 0
        self.keys_refused = 0
        self.errors: Counter[str] = Counter()
        self.latency: Latency | None = None
        """Set where metrics are wanted."""

    def count_error(self, error: BridgeError) -> None:
        """Count an error by its code.

        Args:
            error: What happened.
        """
        self.errors[str(error.code)] += 1


def status(
    uptime_s: float,
    hardware: Hardware,
    slot_manager: SlotManager,
    sessions: Sessions,
    outbox: Outbox,
    counters: Counters,
    detection: dict[str, object],
    *,
    asked_by: Peer = LOCAL,
) -> dict[str, object]:
    """Return the state of the bridge.

    Args:
        uptime_s: Seconds since it was ready.
        hardware: The board.
        slot_manager: Its slots.
        sessions: The clients.
        outbox: The way out.
        counters: What was counted.
        detection: How the board was found out.
        asked_by: Who asks; only an administrator learns who the others are by their keys.

    Returns:
        The result of the method ``status``.
    """
    board = hardware.board
    with_keys = asked_by.role is Role.ADMIN
    return {
        "version": __version__,
        "uptime_s": uptime_s,
        "board": {
            "product": board.product,
            "variant": board.variant,
            "title": board.title,
            "emulated": hardware.emulated,
            **detection,
        },
        "slots": [*_slots(slot_manager, sessions), *_configured(slot_manager)],
        "buses": _buses(hardware),
        "sessions": [_session(each, with_keys) for each in _most_involved(sessions)],
        "sessions_total": sum(1 for _ in sessions),
        "counters": _counters(counters, outbox),
    }


def _buses(hardware: Hardware) -> list[dict[str, object]]:
    return [
        {
            "name": bus.name,
            "kind": bus.kind,
            "emulated": hardware.emulated,
            "transactions": bus.transactions,
            "failures": dict(bus.failures),
        }
        for bus in hardware.bus_counters
    ]


def _session(session: Session, with_keys: bool) -> dict[str, object]:  # noqa: FBT001
    return {
        "client": session.name,
        "version": session.version,
        "lease_ms": round(session.lease_s * 1000),
        "in_flight": session.in_flight,
        "subscriptions": len(session.subscriptions),
        "outputs": [
            {
                "module": output.place.module,
                "slot": output.place.slot,
                "output": output.name,
                "on_loss": policy,
            }
            for output, policy in session.outputs.items()
        ],
        **(_access(session.peer) if with_keys else {}),
    }


def _counters(counters: Counters, outbox: Outbox) -> dict[str, object]:
    return {
        "requests": counters.requests,
        "refused": counters.refused,
        "undecodable": counters.undecodable,
        "operations": counters.operations,
        "events": counters.events,
        "events_lost": outbox.events_lost,
        "late": counters.late,
        "unroutable": outbox.unroutable,
        "clients_given_up": outbox.clients_given_up,
        "keys_refused": counters.keys_refused,
        "errors": dict(counters.errors),
    }


def _most_involved(sessions: Sessions) -> list[Session]:
    """Return the clients to name: those with outputs first, then those with subscriptions.

    A program that connects again and again must not make this answer longer than clients take.
    """
    involved = sorted(
        sessions, key=lambda each: (bool(each.outputs), bool(each.subscriptions)), reverse=True
    )
    return involved[:MAX_SESSIONS_NAMED]


def _access(peer: Peer) -> dict[str, object]:
    return {
        "access": "key" if peer.key else "local",
        "key": peer.name or None,
        "role": peer.role.word,
    }


def _slots(slot_manager: SlotManager, sessions: Sessions) -> list[dict[str, object]]:
    return [
        {
            "slot": worker.place.slot,
            "module": worker.place.module,
            "open": worker.lifecycle.is_open,
            "queued": worker.queued,
            "subscriptions": worker.watched,
            "late": worker.late,
            **_health(worker.health),
            **_use(worker.place, slot_manager, sessions),
            "values": worker.values.report(),
        }
        for worker in slot_manager
    ]


def _health(health: Health) -> dict[str, object]:
    return {
        "operations": health.operations,
        "errors": health.errors,
        "failing": health.last_error is not None,
        "last_good": health.last_good_ms,
        "last_error": messages.fault(health.latest_error) if health.latest_error else None,
        "last_error_at": health.latest_error_ms,
    }


def _use(place: Place, slot_manager: SlotManager, sessions: Sessions) -> dict[str, object]:
    worker = slot_manager.find(place)
    return {
        **holders(sessions.users(place)),
        "idle": worker is not None and slot_manager.conflicts.is_yielding(worker),
    }


def _configured(slot_manager: SlotManager) -> list[dict[str, object]]:
    return [
        {"slot": place.slot, "module": place.module, "open": False}
        for place in slot_manager.configured()
        if slot_manager.find(place) is None
    ]
