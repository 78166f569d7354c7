"""Leases while a bus hangs, leases to the second, and what ends when its client is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.bridge.actuators import Actuator
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment, eventually
from tests.bridge.probe import Probe, Script
from tests.bridge.rig import Rig
from tests.bridge.test_kills import CLIENT, hardware
from tests.bridge.wire_client import RawClient

from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.client import Bridge
from wisblock_bridge.config import Config
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.state_store import LastRun, StateStore
from wisblock_bridge.runtime.worker import Worker
from wisblock_bridge.server import daemon

if TYPE_CHECKING:
    from tests.tally import Tally

pytestmark = pytest.mark.slow

A, B, C = b"a", b"b", b"c"


def test_heartbeats_run_on_while_a_module_hangs_for_twenty_seconds() -> None:
    Probe.script = script = Script()
    with Rig(modules={"PROBE": Probe}) as rig:
        rig.result(A, "hello", client="a", lease_ms=500)
        rig.invoke(A, "TPT29555", "board", "write", expander="board", line=7, level=0)
        stuck = rig.send_invoke(A, "PROBE", 1, "hang")
        assert script.entered.wait(60)
        late = rig.send_invoke(A, "PROBE", 1, "read", 2000)
        token = rig.result(A, "hello", client="a", lease_ms=500)["session"]
        for _ in range(50):
            rig.clock.advance(0.4)
            now = rig.clock.monotonic()
            assert rig.sessions.overdue(now) == [] or {
                each.identity for each in rig.sessions.overdue(now)
            } == {B}
            assert rig.result(A, "ping").keys() == {"clock_ms"}
            assert rig.result(B, "ping").keys() == {"clock_ms"}
            assert rig.invoke(B, "TPT29555", "board", "read", expander="board", line=7) == {
                "level": 0
            }
        assert rig.find(A, stuck) is None, "it hangs"
        script.gate.set()
        assert rig.code(A, stuck) == "ok"
        assert rig.code(A, late) == "expired"
        resumed = rig.result(C, "hello", client="a", resume=token)
        assert resumed["resumed"] is True, "the lease was kept all the time"


@pytest.mark.parametrize("lease_ms", [500, 1000, 5000, 60_000])
def test_a_lease_runs_out_when_it_says(rig: Rig, lease_ms: int) -> None:
    rig.result(A, "hello", client="a", lease_ms=lease_ms)
    rig.invoke(A, "TPT29555", "board", "write", expander="board", line=7, level=0)
    assert rig.sessions.next_end() == pytest.approx(rig.clock.monotonic() + lease_ms / 1000)
    rig.advance(lease_ms / 1000 * 0.99)
    assert rig.level("board", 7) == 0
    rig.advance(lease_ms / 1000 * 0.02)
    assert rig.level("board", 7) is None


# -- what ends by itself --------------------------------------------------------------------------

# The client is killed and its lease is long, so nothing but the module itself can end these.
MIDDLES = (
    Actuator("RAK13007", "pulse", {"ms": 1500}, "on", driven=True, safe=False),
    Actuator("RAK13001", "pulse", {"ms": 1500}, "on", driven=True, safe=False),
    Actuator(
        "TPT29555", "pulse", {"expander": "board", "line": 7, "ms": 1500},
        ("board", 7), driven=0, safe=1, slot="board",
    ),
    Actuator(
        "RAK17000", "drive", {"bridge": "A", "speed": 100, "ramp_ms": 300, "watchdog_ms": 1500},
        ("slots", 6), driven=1, safe=0,
    ),
)  # fmt: skip


@pytest.mark.parametrize("actuator", MIDDLES, ids=[each.module for each in MIDDLES])
def test_the_client_is_killed_in_the_middle(
    actuator: Actuator, monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    with hardware(actuator, monkeypatch) as (here, emulated):
        here.start()
        arguments = [
            here.endpoint, actuator.module, str(actuator.slot), actuator.operation,
            repr(actuator.params), "60000",
        ]  # fmt: skip
        with subprocess.Popen(
            [sys.executable, "-c", CLIENT, *arguments],
            env={**environment(), **os.environ}, cwd=ROOT, stdout=subprocess.PIPE, text=True,
        ) as client:  # fmt: skip
            assert client.stdout is not None
            assert client.stdout.readline() == "driven\n"
            client.kill()
        eventually(lambda: actuator.look(emulated) == actuator.safe, "it ends by itself")
        with Bridge(here.endpoint) as bridge:
            sessions = bridge.status()["sessions"]
        assert isinstance(sessions, list)
        assert any(each["outputs"] for each in sessions), "the lease had not run out"
    tally.add("kill", "client, SIGKILL in a pulse or a ramp", seen="ended by itself, as it would")


def test_a_lin_schedule_ends_when_its_client_is_killed(tally: Tally) -> None:
    table = {"table": ["20 ms send 0x01 00 FF", "20 ms request 0x10 8"]}
    with BridgeProcess() as bridge:
        arguments = [bridge.endpoint, "RAK13005", "1", "schedule", repr(table), "500"]
        with subprocess.Popen(
            [sys.executable, "-c", CLIENT, *arguments],
            env={**environment(), **os.environ}, cwd=ROOT, stdout=subprocess.PIPE, text=True,
        ) as client, RawClient(bridge.endpoint) as other:  # fmt: skip
            assert client.stdout is not None
            assert client.stdout.readline() == "driven\n"
            assert other.invoke("RAK13005", 1, "state")["readings"]["running"] is True
            client.kill()
            other.wait_until(
                lambda: not other.invoke("RAK13005", 1, "state")["readings"]["running"],
                "the schedule has ended",
            )
    tally.add("kill", "client, SIGKILL", seen="safe when its lease has run out")


# -- after a crash --------------------------------------------------------------------------------


def test_a_module_that_does_not_answer_keeps_nobody_from_being_safe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first act of a bridge, in the order in which modules had been opened."""
    relay = Actuator("RAK13007", "set", {"on": True}, "on", driven=True, safe=False)
    with hardware(relay, monkeypatch) as (here, emulated):
        emulated.plug("RAK13004", 2)
        bridge = here.start()
        with Bridge(here.endpoint, lease_ms=60_000) as client:
            client.invoke("RAK13004", 2, "duty", {"channel": 0, "percent": 50.0}, on_loss="hold")
            client.invoke("RAK13007", 1, "set", {"on": True}, on_loss="hold")
            client.invoke(
                "TPT29555", "board", "write", {"expander": "board", "line": 7, "level": 0},
                on_loss="hold",
            )  # fmt: skip
        bridge.kill()
        bridge.communicate()
        assert relay.look(emulated) == relay.driven
        emulated.fault((0x40,), Fault(FaultKind.STUCK))
        Path(here.endpoint.removeprefix("ipc://")).unlink()
        after = here.start()
        assert relay.look(emulated) == relay.safe
        assert emulated.wires["board", 7].level() == 1
        assert emulated.get(2, "percent_0") == 0.0, "its pin OE, where its chip hangs"
        emulated.fault((0x40,), None)
        log = ""
        while "is safe now" not in log:
            assert after.stderr is not None
            line = after.stderr.readline()
            assert line, f"the bridge has ended: {log}"
            log += line
        after.terminate()
        after.wait(LONG_S)
        told = [line for line in log.splitlines() if "left open by an earlier bridge" in line]
        places = [line.split("daemon: ")[1].split(" was")[0] for line in told]
        assert places == ["RAK13004 in slot 2", "RAK13007 in slot 1", "TPT29555 on the board"]
        assert log.index("left open") < log.index(" serves ")
        assert log.count("could not be made safe when it was closed") == 1
        assert "RAK13004 in slot 2 is safe now" in log


def test_a_slow_module_is_safe_before_anybody_is_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """However long it takes: a loaded computer is no reason to serve while a relay is on."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    LastRun(StateStore(tmp_path).of_bridge()).opened(Place("RAK13007", 1))
    joined: list[float] = []
    began = Worker.join

    def slow(worker: Worker, seconds: float) -> bool:
        """Report twice that it has not ended yet, as if this took 20 s."""
        joined.append(seconds)
        return len(joined) > 2 and began(worker, LONG_S)

    monkeypatch.setattr(Worker, "join", slow)
    told: list[str] = []
    monkeypatch.setattr(daemon, "notify", told.append)
    bridge = daemon.Daemon(Config(emulate=True, endpoint=f"ipc://{tmp_path}/bridge.sock"))
    bridge._make_safe_after_crash()
    assert bridge.slot_manager.find(Place("RAK13007", 1)) is None, (
        "it was opened, which is safe, and closed"
    )
    assert len(joined) == 3
    assert all(seconds > 5.0 for seconds in joined)
    assert told.count("EXTEND_TIMEOUT_USEC=20000000") == 3
    bridge._stop()
