"""The last lines of the log, kept in memory for clients that ask what has happened.

1. It is bounded in lines and in the length of a line, whatever is logged.
2. It is one more reader of the log: what it keeps was written to the log as well.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

from wisblock_bridge.wire.plain_text import escaped, escaped_lines

MOST_LINES = 200
LONGEST_HEAD, LONGEST_TAIL = 1000, 2000
"""Of a line with its traceback, characters: the place stands first, what it was stands last."""


class SafeFormatter(logging.Formatter):
    """Lines that hold names of clients and texts of devices, without what a terminal would obey."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        """Format the message: what was put into it cannot begin another line."""
        record.message = _message(record)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802  (logging's)
        """Format a traceback, whose lines stay."""
        return escaped_lines(super().formatException(ei))


class _Shown:
    """Anything that is put into a message, by its escaped words."""

    def __init__(self, what: object) -> None:
        self._what = what

    def __str__(self) -> str:
        return escaped(str(self._what))

    def __repr__(self) -> str:
        return escaped(repr(self._what))


def _message(record: logging.LogRecord) -> str:
    """Compose a message as ``getMessage`` does; only its own words may have several lines."""
    args = record.args
    if isinstance(args, tuple):
        args = tuple(_safe(each) for each in args)
    elif args:
        args = {name: _safe(each) for name, each in args.items()}
    words = str(record.msg)
    return escaped_lines(words % args if args else words)


def _safe(what: object) -> object:
    return what if isinstance(what, int | float) else _Shown(what)


class LogBuffer(logging.Handler):
    """A log handler that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(SafeFormatter("%(message)s"))
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
