"""Errors of a command: a sentence, or with ``--json`` a line of JSON.

1. Errors go to standard error in both forms; standard output holds results only.
2. The codes are the protocol's, and three more for what never reaches a bridge.
"""

from __future__ import annotations

import sys

from wisblock_bridge.errors import BridgeError, ConfigError
from wisblock_bridge.wire.plain_text import escaped

USAGE, CONFIGURATION, SYSTEM = "usage", "configuration", "system"


def complain(error: Exception, words: str = "", *, as_json: bool) -> None:
    """Write an error to standard error.

    Args:
        error: What was raised.
        words: What to say instead of the error's own words.
        as_json: As a map with the key ``error``: ``code``, ``message`` and, where known, ``hint``,
            ``where`` and ``data``.
    """
    sys.stdout.flush()
    if not as_json:
        sys.stderr.write(f"wisblock-bridge: {escaped(words or str(error))}\n")
        return
    from wisblock_bridge.cli import formatting  # noqa: PLC0415  (only for programs)

    sys.stderr.write(formatting.to_json({"error": as_data(error, words)}, indent=None) + "\n")


def as_data(error: Exception, words: str = "") -> dict[str, object]:
    """Return an error in the form that it has on the wire.

    Args:
        error: What was raised.
        words: What to say instead of the error's own words.
    """
    if isinstance(error, BridgeError):
        data: dict[str, object] = {"code": str(error.code), "message": error.message}
        more = {"hint": error.hint, "where": error.where, "data": error.data}
        return data | {key: value for key, value in more.items() if value}
    if isinstance(error, ConfigError):
        code = CONFIGURATION
    else:
        code = SYSTEM if isinstance(error, OSError) else "internal"
    return {"code": code, "message": words or str(error)}
