"""What the bridge writes to its log.

1. Lines for the journal have a priority, because it adds the time; others have the time.
2. Chosen once, when the process starts to serve.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO

from wisblock_bridge.server.log_buffer import LogBuffer, SafeFormatter

PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
)
DEBUG_PRIORITY = 7


class JournalFormatter(SafeFormatter):
    """Lines for the journal: each begins with its priority (sd-daemon(3))."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record; every line of a traceback carries the priority."""
        priority = next(
            (number for level, number in PRIORITIES if record.levelno >= level), DEBUG_PRIORITY
        )
        lines = super().format(record).splitlines() or [""]
        return "\n".join(f"<{priority}>{line}" for line in lines)


def set_up(level: str, stream: TextIO | None = None) -> LogBuffer:
    """Set up logging.

    Args:
        level: "debug", "info", "warning" or "error".
        stream: Where to; by default standard error.

    Returns:
        The buffer with the last lines.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    if _is_journal(stream):
        handler.setFormatter(JournalFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(SafeFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    root = logging.getLogger()
    for former in tuple(root.handlers):
        root.removeHandler(former)
    log_buffer = LogBuffer()
    root.addHandler(handler)
    root.addHandler(log_buffer)
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    return log_buffer


def _is_journal(stream: TextIO) -> bool:
    """Return whether this stream leads to the journal (systemd.exec(5), JOURNAL_STREAM)."""
    journal = os.environ.get("JOURNAL_STREAM", "")
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return journal == f"{found.st_dev}:{found.st_ino}"
