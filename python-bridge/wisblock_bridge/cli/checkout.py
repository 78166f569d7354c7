"""The bridge of ``make run``: commands run in its checkout find it automatically.

1. ``make run`` writes its endpoint into ``.run/endpoint``; the file is only used if it belongs to
   this user, as the socket does.
2. It counts only where nothing is configured, and only while that bridge runs.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from wisblock_bridge.endpoint import EndpointError, is_served, parse_endpoint

if TYPE_CHECKING:
    from pathlib import Path

NOTE = ".run/endpoint"


def running_bridge(folder: Path) -> str | None:
    """Return the endpoint of the bridge that runs in a checkout.

    Args:
        folder: Where to look, and in the folders above it.

    Returns:
        Its endpoint; None where no bridge of this user's runs.
    """
    for place in (folder, *folder.parents):
        with suppress(OSError, UnicodeDecodeError, EndpointError):
            text = _noted(place / NOTE)
            if text and is_served(parse_endpoint(text)):
                return text
    return None


def _noted(note: Path) -> str:
    with note.open(encoding="utf-8") as file:
        facts = os.fstat(file.fileno())
        foreign = facts.st_uid != os.getuid() or facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return "" if foreign else file.readline(1000).strip()
