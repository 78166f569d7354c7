"""Steps about who uses a module: sections 6 and 7 of the protocol.

A step that needs to know what has come of it waits for the reply, for some seconds at the most, and
lets the world go on meanwhile. Where the hardware did not do as it was told, nothing is concluded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.soak.ledger import HARDWARE, BrokenPromise
from tests.soak.run import DRIVEN, MARKED

if TYPE_CHECKING:
    from tests.bridge.actuators import Actuator
    from tests.soak.client import Client
    from tests.soak.run import Run

NO_HOLDER = frozenset({"ok", "expired", "busy", "closing", "forbidden", *HARDWARE})
"""What may be said to a newcomer whose place nobody has a claim on; a radio may have no region."""

REFUSED = "RAK12004"
"""Its address is that of the clock of this board: it is never let in."""

RELEASED = frozenset({"ok", "busy", *HARDWARE})


def release_by_force(run: Run) -> None:
    """Somebody releases by force what others use: everything of it is made safe."""
    slot = run.chance.choice((1, 2, "board"))
    module = "TPT29555" if slot == "board" else run.in_slot[int(slot)]
    client = run.some_client()
    place = run.chance.random()
    if not module or (slot == "board" and run.has_programs):
        return
    others = [each for each in run.clients if each is not client]
    for each in others[int(place * len(others)) :][:3]:
        if slot == "board":
            params = {"expander": "slots", "line": 0}
            each.invoke(module, "board", "read", params, timeout_ms=2000)
        else:
            run.ask_module(each, int(slot), 2000)
    run.release(client, module, slot)
    _owe_forced(run, module, slot)
    run.counts["released by force"] += 1


def _owe_forced(run: Run, module: str, slot: int | str) -> None:
    key = "marked" if slot == 2 else module
    if run.drivers.pop(key, None) is not None:
        run.owe(MARKED if key == "marked" else DRIVEN[key], "a release by force", 2.0)


def release_a_shared_output(run: Run) -> None:
    """Two switch the same output on, and the first one releases: it stays on for the other."""
    found = _free_output(run)
    if found is None:
        return
    actuator, (first, second) = found
    if not (_drive(run, first, actuator) and _drive(run, second, actuator)):
        _give_up(run, actuator, first, second)
        return
    if not _let_go(run, first, actuator):
        _give_up(run, actuator, first, second)
        return
    _stays_on(run, actuator, "another client released that had driven it before")
    run.drivers[actuator.module] = second
    run.counts["outputs shared when one released"] += 1


def take_over_a_held_output(run: Run) -> None:
    """An output that its client left on is taken over, and is the newcomer's then."""
    found = _free_output(run)
    if found is None:
        return
    actuator, (first, second) = found
    if not (_drive(run, first, actuator, on_loss="hold") and _let_go(run, first, actuator)):
        _give_up(run, actuator, first, second)
        return
    _stays_on(run, actuator, "it was released with hold")
    if not _drive(run, second, actuator):
        _give_up(run, actuator, first, second)
        return
    run.drivers[actuator.module] = second
    run.counts["held outputs taken over"] += 1


def displace_an_idle_module(run: Run) -> None:
    """A module that nobody has a claim on any more gives way to another one in its slot."""
    slot = run.chance.choice((1, 1, 2))
    newcomer = run.choose_module(slot)
    former = run.in_slot[slot]
    if not former or former == newcomer or REFUSED in {former, newcomer}:
        return
    run.mend_hardware()
    host = run.client(lease_s=5.0)
    # Whoever has a claim loses it: also those that have gone and whose lease still runs.
    released = {"module": former, "slot": slot, "force": True}
    forced = run.until_answered(host, host.ask("release", released, allowed=RELEASED))
    _owe_forced(run, former, slot)
    visitor = run.client(lease_s=5.0)
    asked = run.until_answered(visitor, run.ask_module(visitor, slot, 2000))
    bye = run.until_answered(visitor, visitor.ask("bye", {}))
    if forced is None or not forced["ok"] or asked is None or not asked["ok"] or bye is None:
        return
    run.pull(slot)
    if not run.put(slot, newcomer):
        run.put(slot, former)
        return
    host = run.client(lease_s=5.0)
    number = run.ask_module(host, slot, 4000, allowed=NO_HOLDER)
    answer = run.until_answered(host, number)
    if answer is not None and answer["ok"]:
        run.counts["idle modules displaced"] += 1


def _free_output(run: Run) -> tuple[Actuator, tuple[Client, Client]] | None:
    """Find an output that nobody drives, and two clients; everything is mended."""
    module = run.chance.choice(("TPT29555", run.in_slot[1], run.in_slot[1]))
    actuator = DRIVEN.get(module)
    run.mend_hardware()
    if actuator is None or (module == "TPT29555" and run.has_programs):
        return None
    if any(each.actuator is actuator for each in run.owed):
        return None
    former = run.drivers.pop(module, None)
    if former is not None and not _let_go(run, former, actuator):
        run.owe(actuator, "its client released it", former.lease_s)
        return None
    return actuator, (run.client(lease_s=5.0), run.client(lease_s=5.0))


def _drive(run: Run, client: Client, actuator: Actuator, on_loss: str = "safe") -> bool:
    run.was_asked |= actuator.slot == 1
    number = client.invoke(
        actuator.module, actuator.slot, actuator.operation, actuator.params,
        timeout_ms=4000, on_loss=on_loss,
    )  # fmt: skip
    answer = run.until_answered(client, number)
    return answer is not None and bool(answer["ok"])


def _let_go(run: Run, client: Client, actuator: Actuator) -> bool:
    number = client.ask(
        "release", {"module": actuator.module, "slot": actuator.slot}, allowed=RELEASED
    )
    answer = run.until_answered(client, number)
    return answer is not None and bool(answer["ok"])


def _give_up(run: Run, actuator: Actuator, *clients: Client) -> None:
    """It did not come so far: whatever is on is released by force and becomes safe."""
    for client in clients[1:]:
        run.release(client, actuator.module, actuator.slot)
    run.owe(actuator, "a release by force", 2.0)
    run.counts["steps given up"] += 1


def _stays_on(run: Run, actuator: Actuator, why: str) -> None:
    seen = actuator.look(run.hardware.emulated)
    if seen != actuator.driven:
        raise BrokenPromise(
            f"{actuator.module} shows {seen!r} after {why}; it was to stay {actuator.driven!r}"
        )
