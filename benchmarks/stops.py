"""The bridge is stopped for a while, and clients fill their queues meanwhile."""

from __future__ import annotations

import json

from tests.bridge.attackers import ENDPOINTS, Target
from tests.bridge.full_queue import stop

STOPS_S = (1.0, 8.0, 30.0)


def rows() -> list[tuple[str, str, bool]]:
    """Try everything.

    Returns:
        What was tried, what came of it, and whether that is as it should be.
    """
    found = []
    for seconds in STOPS_S:
        for kind in ENDPOINTS:
            with Target(kind) as target:
                came = stop(target, seconds)
                good = target.is_alive() and came.lease_held and not came.switched
                good = good and all("ok" not in each for each in came.answers.values())
                lease = "held" if came.lease_held else "lost"
                relay = "switched" if came.switched else "not switched"
                answers = json.dumps(came.answers).replace('"', "")
                what = f"stopped for {seconds:g} s, {kind}"
                found.append((what, f"relay {relay}, lease {lease}, {answers}", good))
    return found
