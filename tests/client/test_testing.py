"""``wisblock_bridge.testing``: an emulated board for the tests of users."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import tomllib
from typing import TYPE_CHECKING

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, environment, eventually

from wisblock_bridge.client import BadParamsError, Bridge, HardwareError, OfflineError
from wisblock_bridge.testing import EmulatedBoard, emulated_bridge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def board() -> Iterator[EmulatedBoard]:
    with emulated_bridge(slot1="RAK5801") as made:
        yield made


def test_what_is_set_is_measured(board: EmulatedBoard) -> None:
    board.slot1.current = 12.0
    assert board.bridge.rak5801(1).read().current == pytest.approx(12.0, abs=0.002)
    assert board.slot1.current == 12.0
    board.onboard.voltage_0 = 1.5
    assert board.bridge.adc().read(channel=0).voltage == pytest.approx(1.5, abs=0.001)


def test_what_is_driven_can_be_seen(board: EmulatedBoard) -> None:
    board.plug(2, "RAK13007")
    with board.bridge.rak13007(2) as relay:
        relay.set(on=True)
        eventually(lambda: board.slot2.contact, "the contact closes")
        assert board.slot2.operations == 1
    eventually(lambda: not board.slot2.contact, "it opens")


def test_a_module_is_plugged_in_place_of_another(board: EmulatedBoard) -> None:
    board.plug(2, "RAK5811").voltage = 3.0
    assert board.bridge.rak5811(2).read().voltage == pytest.approx(3.0, abs=0.002)
    board.bridge.release("RAK5811", 2)
    board.plug(2, "RAK12006").motion = True
    assert board.bridge.rak12006(2).read().motion is True
    board.bridge.release("RAK12006", 2)
    board.unplug(2)


def test_what_there_is_not_is_refused(board: EmulatedBoard) -> None:
    with pytest.raises(AttributeError):
        board.slot1.curent = 12.0  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        board.slot1.contact = True  # type: ignore[misc]
    with pytest.raises(BadParamsError, match="no quantity 'voltage' at slot 1"):
        board.slot1.voltage = 1.0


def test_hardware_fails_and_works_again(board: EmulatedBoard) -> None:
    module = board.bridge.rak5801(1)
    module.read()
    board.fail(1, "nack")
    with pytest.raises(HardwareError):
        module.read()
    board.work_again(1)
    board.slot1.current = 5.0
    assert module.read().current == pytest.approx(5.0, abs=0.002)


def test_a_program_finds_it_without_an_endpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WISBLOCK_BRIDGE_ENDPOINT", f"ipc://{tmp_path}/before")
    with emulated_bridge(slot2="RAK5811") as board:
        board.slot2.voltage = 2.0
        with Bridge() as bridge:
            assert bridge.endpoint == board.endpoint
            assert bridge.emulated
            assert bridge.rak5811(2).read().voltage == pytest.approx(2.0, abs=0.002)
        with emulated_bridge(as_default=False, board="RAK6421") as other:
            assert os.environ["WISBLOCK_BRIDGE_ENDPOINT"] == board.endpoint
            assert other.bridge.board == "RAK6421"
            assert board.bridge.board == "RAK7391"
    assert os.environ["WISBLOCK_BRIDGE_ENDPOINT"] == f"ipc://{tmp_path}/before"
    with pytest.raises(OfflineError):
        Bridge(board.endpoint)


def test_nothing_is_left_of_it() -> None:
    interval_s = sys.getswitchinterval()
    with emulated_bridge():
        pass
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(3):
        with emulated_bridge(slot1="RAK5801") as board:
            board.bridge.rak5801(1).read()
        del board
    gc.collect()
    assert threading.active_count() == threads
    assert len(os.listdir("/proc/self/fd")) <= files  # noqa: PTH208
    assert sys.getswitchinterval() == pytest.approx(interval_s, abs=1e-5)


USERS_TEST = """
from wisblock_bridge.client import Bridge


def is_full():
    with Bridge() as bridge:
        return bridge.rak5801(1).read().percent > 90


def test_the_tank_is_full_at_20_milliampere(wisblock_board):
    wisblock_board.plug(1, "RAK5801").current = 20.0
    assert is_full()
    wisblock_board.slot1.current = 4.0
    assert not is_full()


def test_each_test_has_a_board_of_its_own(wisblock_board):
    assert wisblock_board.bridge.status()["slots"] == []
"""


@pytest.mark.slow
def test_the_fixture_is_there_where_the_package_is_installed(tmp_path: Path) -> None:
    described = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    info = tmp_path / "installed/wisblock_bridge-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wisblock-bridge\nVersion: 0.1.0\n")
    entries = described["entry-points"]["pytest11"]
    lines = ["[pytest11]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "test_tank.py").write_text(USERS_TEST)
    variables = environment()
    variables["PYTHONPATH"] = f"{tmp_path / 'installed'}:{variables['PYTHONPATH']}"
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "."],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "2 passed" in finished.stdout
