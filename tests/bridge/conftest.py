"""Fixtures of the bridge's own tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.bridge.bridge_process import BridgeProcess
from tests.bridge.rig import Rig
from tests.bridge.wire_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def rig() -> Iterator[Rig]:
    """An emulated RAK7391 behind a dispatcher in this process, its clock standing still."""
    with Rig() as made:
        yield made


@pytest.fixture(scope="module")
def bridge() -> Iterator[BridgeProcess]:
    """A bridge process that the tests of one file share."""
    with BridgeProcess() as made:
        yield made


@pytest.fixture
def wire(bridge: BridgeProcess) -> Iterator[RawClient]:
    """A client of that bridge; when it goes, both slots are free and nothing fails any more."""
    with RawClient(bridge.endpoint) as made:
        yield made
    with RawClient(bridge.endpoint) as cleaner:
        for slot in (1, 2, "board"):
            cleaner.result("emulator.fault", slot=slot, kind="nack", count=0)
        for entry in cleaner.result("status")["slots"]:
            cleaner.result("release", module=entry["module"], slot=entry["slot"], force=True)
