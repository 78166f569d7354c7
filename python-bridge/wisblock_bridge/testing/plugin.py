"""The pytest plug-in: fixtures for tests of programs that use a bridge.

pytest loads this file in every run where the package is installed, so it imports nothing yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wisblock_bridge.testing import EmulatedBoard


@pytest.fixture
def wisblock_board() -> Iterator[EmulatedBoard]:
    """An emulated RAK7391 that ``Bridge()`` finds, for one test: ``wisblock_board.plug(1, …)``."""
    from wisblock_bridge.testing import emulated_bridge  # noqa: PLC0415  (see above)

    with emulated_bridge() as board:
        yield board
