"""Moments as people and programs read them.

1. Words only: what time it is, is handed in.
"""

from __future__ import annotations

from datetime import UTC, datetime


def date_of(timestamp_ms: float) -> str:
    """Write a moment for people and programs.

    Args:
        timestamp_ms: Milliseconds since 1970.

    Returns:
        ISO 8601 in UTC, to the second.
    """
    return datetime.fromtimestamp(timestamp_ms / 1000.0, UTC).isoformat(timespec="seconds")
