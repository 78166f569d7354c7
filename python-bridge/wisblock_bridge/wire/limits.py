"""The limits of the protocol (docs/protocol.md), which both sides keep.

They are exported with the catalogue; the nodes read them from there.
"""

from __future__ import annotations

MAX_MESSAGE_BYTES = 1024 * 1024
MAX_DEPTH = 16
MAX_ELEMENTS = 4096
"""Of maps and lists in one request, all together; twice what the longest list of a parameter needs.
It bounds the time that a request can take which is looked at value by value."""

DEFAULT_TIMEOUT_MS = 2000
MAX_TIMEOUT_MS = 60_000

DEFAULT_LEASE_MS = 5000
MIN_LEASE_MS = 500
MAX_LEASE_MS = 60_000

MAX_IN_FLIGHT = 256
"""Requests of one client that have no reply yet."""

MAX_SUBSCRIPTIONS = 256
"""Of one client."""

MIN_INTERVAL_MS = 10
MAX_INTERVAL_MS = 86_400_000
"""Between two readings of a subscription."""

MAX_OBSERVERS, MAX_OBSERVERS_OF_CLIENT = 64, 8
"""How often all clients together, and one of them, may observe."""

MAX_FILTER = 64
"""Modules, or slots, that one ``observe`` can name."""

MAX_OBSERVED = 256
"""Messages that wait for one observer; the oldest go first."""

MAX_VALUES, MAX_VALUE_BYTES = 64, 4096
"""Last values that ``status`` has of one module, and how long each of them may be."""

MAX_OUTPUTS = 64
"""Outputs that one ``release`` can name."""

MAX_CLIENT_NAME = 200
MAX_CLIENT_VERSION = 100
"""Characters that ``hello`` takes."""

MAX_NODE_NAME = 100
"""Characters of the name of the node that asks inside a client."""

LIMITS: dict[str, int] = {
    "message_bytes": MAX_MESSAGE_BYTES,
    "depth": MAX_DEPTH,
    "timeout_ms": MAX_TIMEOUT_MS,
    "default_timeout_ms": DEFAULT_TIMEOUT_MS,
    "lease_ms": MAX_LEASE_MS,
    "shortest_lease_ms": MIN_LEASE_MS,
    "default_lease_ms": DEFAULT_LEASE_MS,
    "in_flight": MAX_IN_FLIGHT,
    "subscriptions": MAX_SUBSCRIPTIONS,
    "shortest_interval_ms": MIN_INTERVAL_MS,
    "longest_interval_ms": MAX_INTERVAL_MS,
    "outputs": MAX_OUTPUTS,
    "node_name": MAX_NODE_NAME,
    "client_name": MAX_CLIENT_NAME,
    "client_version": MAX_CLIENT_VERSION,
}
