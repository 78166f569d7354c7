"""Check whether this computer can keep what modules store across restarts.

1. It writes an unnamed file and removes what it created: only a write shows whether writing works.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wisblock_bridge.discovery.findings import Finding
from wisblock_bridge.runtime.state_store import (
    default_directory,
    is_directory_configured,
    why_not_writable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

WHAT = "state directory"


def state_finding(*, emulate: bool, environment: Mapping[str, str] = os.environ) -> Finding:
    """Find where a bridge started by this user would keep calibrations and settings.

    Args:
        emulate: The board is an emulated one, which forgets unless it is told where to keep
            things.
        environment: Of this process.

    Returns:
        Which directory it is, and whether files can be written there.
    """
    if emulate and not is_directory_configured(environment):
        return Finding(
            WHAT, "ok", "An emulated board keeps nothing, unless STATE_DIRECTORY says where."
        )
    directory = default_directory(environment)
    reason = why_not_writable(directory)
    if not reason:
        return Finding(WHAT, "ok", f"{directory} can be written.")
    return Finding(
        WHAT,
        "problem",
        f"{directory} cannot be written ({reason}): calibrations, line settings and what was sent "
        "are lost at each restart.",
        "Let the bridge's user write there, or name another directory in STATE_DIRECTORY.",
    )
