"""Who sends and who receives on a connection of the Python client, and what its thread does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment, eventually
from tests.bridge.fake_bridge import fake_bridge, good, greeting

from wisblock_bridge.client import Bridge, OfflineError, RemoteError, ReplyTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow


class Answers:
    """A bridge that answers ``status`` at once, ``scan`` when it is told to, and ``log`` never."""

    def __init__(self) -> None:
        self.held: list[dict[str, Any]] = []
        self.heard: list[str] = []
        self.release = threading.Event()

    def __call__(self, request: dict[str, Any]) -> list[Any]:
        method = request["method"]
        self.heard.append(method)
        if method == "hello":
            return greeting(request)
        if method == "scan":
            self.held.append(request)
            return []
        if method == "log":
            return []
        answers = [good(request, number=request["id"])]
        if self.release.is_set():
            answers += [good(each, number=each["id"]) for each in reversed(self.held)]
            self.held.clear()
        return answers


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def bridge(answers: Answers) -> Iterator[Bridge]:
    with (
        fake_bridge(answers) as endpoint,
        Bridge(endpoint, connect_timeout_s=LONG_S, timeout_s=LONG_S) as connected,
    ):
        yield connected


class Asking(threading.Thread):
    """A thread that asks once, and keeps what came of it."""

    def __init__(self, bridge: Bridge, method: str, timeout_s: float = LONG_S) -> None:
        super().__init__(daemon=True)
        self._bridge = bridge
        self._method = method
        self._timeout_s = timeout_s
        self.result: object = None
        self.error: RemoteError | None = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self._bridge.request(self._method, timeout_s=self._timeout_s)
        except RemoteError as error:
            self.error = error


# -- several threads ------------------------------------------------------------------------------


def test_a_thread_that_waits_holds_up_no_other(bridge: Bridge, answers: Answers) -> None:
    waiting = [Asking(bridge, "scan") for _ in range(5)]
    eventually(lambda: len(answers.held) == 5, "five requests wait")
    begin = time.monotonic()
    for _ in range(20):
        bridge.status()
    assert time.monotonic() - begin < 5.0
    answers.release.set()
    bridge.status()
    for thread in waiting:
        thread.join(LONG_S)
    numbers = [thread.result["number"] for thread in waiting]  # type: ignore[index]
    assert len(set(numbers)) == 5


def test_one_that_gives_up_while_it_receives_for_all_leaves_the_others_served(
    bridge: Bridge, answers: Answers
) -> None:
    leading = Asking(bridge, "log", timeout_s=0.3)
    eventually(lambda: "log" in answers.heard, "the first one waits")
    following = [Asking(bridge, "scan") for _ in range(3)]
    eventually(lambda: len(answers.held) == 3, "three more wait")
    leading.join(LONG_S)
    assert isinstance(leading.error, ReplyTimeoutError)
    assert isinstance(leading.error, TimeoutError)
    answers.release.set()
    # Nobody of those that wait sends anything any more; the answers come with somebody else's.
    bridge.request("status")
    for thread in following:
        thread.join(LONG_S)
        assert thread.result is not None


def test_every_answer_finds_its_caller_under_load(bridge: Bridge) -> None:
    found: list[tuple[object, object]] = []

    def work() -> None:
        for _ in range(200):
            result = bridge.request("status")
            found.append((threading.get_ident(), result["number"]))  # type: ignore[index]

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG_S)
    assert len(found) == len({number for _, number in found}) == 1600


def test_all_who_wait_are_told_at_once_when_the_bridge_goes() -> None:
    with BridgeProcess() as process:
        bridge = Bridge(process.endpoint, timeout_s=LONG_S)
        bridge.rak12006(1).read()
        threads = [Asking(bridge, "status") for _ in range(4)]
        for thread in threads:
            thread.join(LONG_S)
        assert process.process is not None
        process.process.send_signal(signal.SIGSTOP)
        waiting = [Asking(bridge, "status") for _ in range(4)]
        time.sleep(0.1)
        process.process.kill()
        begin = time.monotonic()
        for thread in waiting:
            thread.join(LONG_S)
        assert time.monotonic() - begin < 5.0
        assert all(isinstance(thread.error, OfflineError) for thread in waiting)
        assert all(isinstance(thread.error, ConnectionError) for thread in waiting)
        bridge.close()


def test_a_program_that_only_calls_does_not_wake_the_connections_own_thread(
    bridge: Bridge,
) -> None:
    own = next(each for each in threading.enumerate() if each.name == "wisblock-bridge")

    def switches() -> int:
        status = Path(f"/proc/self/task/{own.native_id}/status").read_text()
        line = next(each for each in status.splitlines() if each.startswith("voluntary"))
        return int(line.split()[1])

    before = switches()
    for _ in range(500):
        bridge.request("status")
    assert switches() - before < 20


def test_an_exception_out_of_a_signal_leaves_the_connection_usable(
    bridge: Bridge, answers: Answers
) -> None:
    class AlarmError(Exception):
        pass

    def alarm(*_: object) -> None:
        raise AlarmError

    before = signal.signal(signal.SIGALRM, alarm)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(AlarmError):
            bridge.request("log")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert answers.heard.count("log") == 1
    assert bridge.request("status") is not None


def test_long_messages_go_both_ways() -> None:
    def answer(request: dict[str, Any]) -> list[Any]:
        if request["method"] == "hello":
            return greeting(request)
        return [good(request, **request.get("params", {}))]

    text = "x" * 900_000
    with fake_bridge(answer) as endpoint, Bridge(endpoint, connect_timeout_s=LONG_S) as bridge:
        for _ in range(3):
            assert bridge.request("status", text=text) == {"text": text}


def test_the_lease_is_renewed_in_time_beside_callers(bridge: Bridge, answers: Answers) -> None:
    """Whoever calls may be the one that receives the answer to a ping."""
    with Bridge(bridge.endpoint, connect_timeout_s=LONG_S, lease_ms=600) as other:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            other.request("status")
        before = answers.heard.count("ping")
        time.sleep(1.5)  # seven pings are due
    assert answers.heard.count("ping") - before >= 3


# -- events ---------------------------------------------------------------------------------------


def test_events_come_while_nobody_calls_and_while_others_do() -> None:
    with BridgeProcess() as process, Bridge(process.endpoint) as bridge:
        with bridge.adc().every(0.02).read(channel=0) as readings:
            time.sleep(0.3)  # the thread of the connection takes them
            idle = [readings.next(LONG_S) for _ in range(10)]
            assert all(idle)
            stop = threading.Event()
            busy: list[object] = []

            def ask() -> None:
                while not stop.is_set():
                    busy.append(bridge.adc().read(channel=1).voltage)

            threads = [threading.Thread(target=ask) for _ in range(3)]
            for thread in threads:
                thread.start()
            begin = time.monotonic()
            beside = [readings.next(LONG_S) for _ in range(30)]
            took_s = time.monotonic() - begin
            stop.set()
            for thread in threads:
                thread.join(LONG_S)
            assert all(beside)
            assert len(busy) > 3
            assert took_s < 10.0  # 0.6 s were asked for
        assert readings.next(0) is None


# -- the process ends, or there are two -----------------------------------------------------------

FORKING = """
import os, sys
from wisblock_bridge.client import Bridge, OfflineError
bridge = Bridge(sys.argv[1], name="parent")
bridge.tpt29555().write(expander="board", line=6, level=0)
child = os.fork()
if child == 0:
    try:
        bridge.status()
    except OfflineError as error:
        print("child:", "after the fork" in str(error), flush=True)
    with Bridge(sys.argv[1], name="child") as own:
        print("own:", own.board, flush=True)
    sys.exit(0)
os.waitpid(child, 0)
print("still driven:", bridge.tpt29555().read_all(expander="board").directions, flush=True)
"""


def test_a_fork_leaves_the_connection_to_the_parent() -> None:
    with BridgeProcess() as process:
        finished = subprocess.run(
            [sys.executable, "-c", FORKING, process.endpoint],
            env=environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=True,
        )
    told = finished.stdout.splitlines()
    assert told == ["child: True", "own: RAK7391", f"still driven: {1 << 6}"], finished.stderr


def test_a_program_that_ends_without_closing_says_good_bye() -> None:
    program = (
        "import sys\nfrom wisblock_bridge.client import Bridge\n"
        "bridge = Bridge(sys.argv[1], name='brief', lease_ms=60000)\n"
        "bridge.tpt29555().write(expander='board', line=6, level=0)\n"
        "readings = bridge.adc().every(0.05).read(channel=0)\nnext(readings)\n"
    )
    with BridgeProcess() as process, Bridge(process.endpoint) as watcher:
        begin = time.monotonic()
        finished = subprocess.run(
            [sys.executable, "-c", program, process.endpoint],
            env=environment(),
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=True,
        )
        assert finished.stderr == ""
        assert time.monotonic() - begin < 20.0
        eventually(
            lambda: watcher.tpt29555().read_all(expander="board").directions == 0, "it is safe"
        )
        assert "brief" not in str(watcher.status()["sessions"])


def test_nothing_is_left_of_a_closed_connection(bridge: Bridge) -> None:
    def open_files() -> int:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  (a path for each is not needed)

    def round_trip() -> None:
        with Bridge(bridge.endpoint, connect_timeout_s=LONG_S) as other:
            other.request("status")

    round_trip()
    before, threads = open_files(), threading.active_count()
    for _ in range(20):
        round_trip()
    assert threading.active_count() == threads
    assert open_files() <= before + 20  # those of the peer in this process may lag behind
