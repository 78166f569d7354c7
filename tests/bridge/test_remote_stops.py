"""The process for remote clients is killed or stands still: its clients' outputs are safe."""

from __future__ import annotations

import os
import signal
import time

import pytest
from tests.bridge.attackers import RELAY, Target
from tests.bridge.remote_scenarios import LEASE_MS, crash_again_and_again, lose
from tests.bridge.wire_client import RawClient

pytestmark = pytest.mark.slow

LOADED_S = 5.0
"""What a loaded computer may take beyond what is promised."""


@pytest.mark.parametrize(
    ("number", "stopped_s"), [(signal.SIGABRT, 0.0), (signal.SIGSTOP, 2.0)], ids=["dies", "stops"]
)
def test_what_a_remote_client_drives_is_safe_within_its_lease(
    number: signal.Signals, stopped_s: float
) -> None:
    found = lose(number, stopped_s)
    assert found.safe_s < LEASE_MS / 1000 + LOADED_S
    assert found.undisturbed
    assert found.slowest_ms < LOADED_S * 1000


def test_a_crash_loop_disturbs_nobody() -> None:
    found = crash_again_and_again(2)
    assert found.undisturbed
    assert found.slowest_ms < LOADED_S * 1000


def test_a_request_that_waited_in_the_stopped_process_has_expired() -> None:
    with Target("remote") as target, target.connect() as far, RawClient(target.local) as local:
        far.result("hello", client="far", lease_ms=60_000)
        local.result("hello", client="local", lease_ms=60_000)
        assert not local.result("invoke", **RELAY, operation="state")["readings"]["on"]
        (child,) = target.children()
        os.kill(child, signal.SIGSTOP)
        asked = far.send("invoke", 500, **RELAY, operation="set", params={"on": True})
        patient = far.send("invoke", 60_000, **RELAY, operation="state")
        time.sleep(1.0)
        os.kill(child, signal.SIGCONT)
        assert far.reply(asked)["error"]["code"] == "expired"
        assert far.reply(patient)["result"]["readings"]["on"] is False
        assert not local.result("invoke", **RELAY, operation="state")["readings"]["on"]
