"""Fixtures for all Python tests."""

from __future__ import annotations

import pytest
from tests.fake_clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still until somebody sleeps."""
    return FakeClock()
