"""The last lines of the log, kept in memory for whoever asks the bridge what has happened.

1. It is bounded in lines and in the length of a line, whatever is logged.
2. It is one more reader of the log: what it keeps was written to the log as well.
"""

from __future__ import annotations

import logging
from collections import deque

MOST_LINES = 200
LONGEST_HEAD, LONGEST_TAIL = 1000, 2000
"""Of a line with its traceback, characters: the place stands first, what it was stands last."""


class LogRing(logging.Handler):
    """A log handler that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(message)s"))
        self._lines: deque[dict[str, object]] = deque(maxlen=MOST_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record."""
        try:
            text = self.format(record)
        except Exception:  # noqa: BLE001  (a record that cannot be formatted must not end anything)
            self.handleError(record)
            return
        if len(text) > LONGEST_HEAD + LONGEST_TAIL:
            text = f"{text[:LONGEST_HEAD]}…{text[-LONGEST_TAIL:]}"
        self._lines.append(
            {
                "at": record.created * 1000.0,
                "level": record.levelname.lower(),
                "logger": record.name,
                "text": text,
            }
        )

    def lines(self) -> list[dict[str, object]]:
        """Give what is remembered, the oldest first.

        Returns:
            For each line ``at`` (milliseconds since 1970), ``level``, ``logger`` and ``text``.
        """
        self.acquire()
        try:
            return list(self._lines)
        finally:
            self.release()
