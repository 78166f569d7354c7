"""Fixtures for all Python tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from tests.fake_clock import FakeClock
from tests.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable


# pytest-xdist sets it in its workers, and commands would fold their output.
os.environ.pop("COLUMNS", None)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until somebody sleeps."""
    return FakeClock()


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Tally:
    """Where a test tells what it has tried."""
    return Tally(record_property)
