"""Where the names of devices lead, while devices come and go.

1. ``os.path.realpath`` looks at a link twice: where udev removes the link in between, it raises, up
   to Python 3.12 at least. An adapter that is unplugged is no defect of the bridge.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ATTEMPTS = 3


def real_path(path: str | Path) -> str:
    """Follow the links of a path.

    Args:
        path: Any path; nothing needs to be there.

    Returns:
        Where it leads; the path itself when its links change faster than they can be followed.
    """
    for _ in range(ATTEMPTS):
        with suppress(OSError):
            return os.path.realpath(path)
    return os.path.abspath(path)  # noqa: PTH100  (Path.absolute keeps "..")


def entries(folder: Path) -> list[Path]:
    """List a folder of device files or of sysfs.

    Args:
        folder: It may go at any time.

    Returns:
        What is in it, sorted by name; nothing where there is no such folder.
    """
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []
