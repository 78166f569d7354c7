"""What the Python client is like at a prompt and in a notebook, and how it fails."""

from __future__ import annotations

import gc
import inspect
import pydoc
import shutil
import tomllib
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, eventually

from wisblock_bridge import client
from wisblock_bridge.client import (
    AsyncBridge,
    BadParamsError,
    Bridge,
    HardwareError,
    InUseError,
    NoDeviceError,
    RefusedError,
    RemoteError,
    SlotConflictError,
    UnknownError,
)
from wisblock_bridge.client.errors import BY_CODE, error_of
from wisblock_bridge.client.results import to_error
from wisblock_bridge.errors import ErrorCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLAIN = pydoc.plaintext  # type: ignore[attr-defined]
THIRD_PARTY = ROOT / "python-bridge/examples/third_party_module"


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


@pytest.fixture
def bridge(served: BridgeProcess) -> Iterator[Bridge]:
    with Bridge(served.endpoint, name="test") as connected:
        yield connected
        for slot in (1, 2):
            for name in ("RAK5801", "RAK13007", "RAK13001"):
                connected.release(name, slot, force=True)


# -- errors ---------------------------------------------------------------------------------------


def test_every_code_of_the_wire_has_a_class_in_a_family() -> None:
    here = {ErrorCode.OFFLINE, ErrorCode.TIMEOUT_REPLY, ErrorCode.ABORTED}
    assert set(BY_CODE) == set(ErrorCode) - here
    for code, kind in BY_CODE.items():
        error = error_of(code, "What.", hint="Do.", where="Here", data={"n": 1})
        assert type(error) is kind
        assert isinstance(error, RemoteError)
        assert (error.code, error.hint, error.where, error.data) == (code, "Do.", "Here", {"n": 1})
        assert getattr(client, kind.__name__) is kind


def test_a_code_of_a_newer_bridge_is_a_plain_error() -> None:
    error = to_error({"code": "too_hot", "message": "Too hot."})
    assert type(error) is RemoteError
    assert error.wire_code == "too_hot"


def test_errors_are_caught_by_class_and_by_family(bridge: Bridge) -> None:
    with pytest.raises(BadParamsError) as refused:
        bridge.rak5801(1).read(samples=0)
    assert isinstance(refused.value, RefusedError)
    assert isinstance(refused.value, ValueError)
    assert refused.value.data["param"] == "samples"
    with pytest.raises(UnknownError):
        bridge.request("dance")
    bridge.adc().read(channel=0)
    bridge.emulator.fault("nack", bus="i2c-1", address=0x4B, count=20)
    try:
        with pytest.raises(NoDeviceError) as failed:
            bridge.adc().read(channel=0)
    finally:
        bridge.emulator.fault("nack", bus="i2c-1", address=0x4B, count=0)
    assert isinstance(failed.value, HardwareError)
    assert failed.value.hint
    assert "0x4b" in failed.value.where


def test_a_slot_that_another_program_uses_names_it(bridge: Bridge, served: BridgeProcess) -> None:
    with Bridge(served.endpoint, name="the other") as other:
        other.rak13007(1).set(on=True)
        with pytest.raises((SlotConflictError, InUseError), match="the other"):
            bridge.rak5801(1).read()


# -- what was driven is released ------------------------------------------------------------------


def relay(bridge: Bridge) -> bool:
    return bridge.rak13007(1).state().on


def test_a_module_is_released_at_the_end_of_its_with(bridge: Bridge, served: BridgeProcess) -> None:
    with Bridge(served.endpoint) as driver:
        with driver.rak13007(1) as module:
            module.set(on=True)
            assert relay(bridge) is True
        assert relay(bridge) is False
        with driver.rak13007(1, on_loss="hold") as module:
            module.set(on=True)
        assert relay(bridge) is True
    assert relay(bridge) is True
    bridge.release("RAK13007", 1, force=True)


def test_what_went_wrong_inside_is_not_hidden(served: BridgeProcess) -> None:
    def fail() -> None:
        with Bridge(served.endpoint) as bridge, bridge.rak13007(1) as module:
            module.set(on=True)
            bridge.close()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


# -- at a prompt ----------------------------------------------------------------------------------


def test_help_of_a_module_says_what_it_can_do(bridge: Bridge) -> None:
    words = pydoc.render_doc(bridge.rak5802, renderer=PLAIN)
    assert "read_holding_registers" in words
    assert "Modbus" in words
    words = pydoc.render_doc(type(bridge.rak5801(1)), renderer=PLAIN)
    assert "Measure the loop current, as the mean of 0.1 s." in words
    assert "samples: int | None = None" in words.replace("'", "")


COMPLETIONS = {
    "bridge.rak58": {"rak5801", "rak5802", "rak5811"},
    "bridge.rak5801(1).cal": {"calibrate", "calibration"},
    "module.re": {"read"},
    "result.cur": {"current"},
    "foreign.re": {"read"},
}


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with the example of a module of another project, as if it were installed."""
    shutil.copytree(THIRD_PARTY / "wisblock_rak12040", tmp_path / "wisblock_rak12040")
    described = tomllib.loads((THIRD_PARTY / "pyproject.toml").read_text())["project"]
    info = tmp_path / "wisblock_rak12040-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: x\nVersion: 0.1.0\n")
    lines = []
    for group, entries in described["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.mark.slow
def test_ipython_completes_modules_operations_and_readings(installed: Path) -> None:
    with BridgeProcess(installed=installed) as process, Bridge(process.endpoint) as bridge:
        foreign = bridge["RAK12040", 1]
        assert "the average of the last frame" in (foreign.read.__doc__ or "")
        names = {"bridge": bridge, "module": bridge.rak5801(2), "foreign": foreign}
        names["result"] = bridge.rak5801(2).read(samples=1)
        shell = InteractiveShell.instance()
        shell.user_ns.update(names)
        shell.Completer.use_jedi = False
        shell.Completer.evaluation = "unsafe"
        for text, wanted in COMPLETIONS.items():
            with provisionalcompleter():
                found = list(shell.Completer.completions(text, len(text)))
            assert wanted <= {each.text.rsplit(".", 1)[-1] for each in found}, text


# -- in a notebook --------------------------------------------------------------------------------


def cells(html: str) -> list[str]:
    """The texts of a table's cells; what is not well-formed fails here."""
    root = ET.fromstring(f"<div>{html}</div>")  # noqa: S314  (our own)
    return ["".join(each.itertext()) for each in root.iter("td")]


def test_a_result_is_shown_with_its_units(bridge: Bridge) -> None:
    module = bridge.rak5801(1)
    module.read(samples=1)
    bridge.emulator.set(1, "current", 12.0)
    html = module.read()._repr_html_()
    found = cells(html)
    assert (found[0], found[2]) == ("current", "mA")
    assert float(found[1]) == pytest.approx(12.0, abs=0.01)
    assert "emulated" in html
    assert "good" in html


def test_a_module_is_shown_with_its_operations(bridge: Bridge) -> None:
    found = cells(bridge.rak5801(1)._repr_html_())
    assert found == cells(AsyncBridge(bridge.endpoint).rak5801(1)._repr_html_())
    assert "read(samples, scale_low, scale_high, damping_s)" in found
    assert "Measure the loop current, as the mean of 0.1 s." in found


def test_a_bridge_is_shown_with_its_board(bridge: Bridge) -> None:
    bridge.rak5801(1).read()
    bridge.rak13007(2).state()
    html = bridge._repr_html_()
    assert "<svg" in html
    rows = [cells(html)[number : number + 3] for number in range(0, len(cells(html)), 5)]
    assert ["1", "RAK5801", "open"] in rows
    assert ["2", "RAK13007", "open"] in rows
    words = "".join(ET.fromstring(f"<div>{html}</div>").itertext())  # noqa: S314
    assert "RAK7391" in words
    assert bridge.endpoint in words


def test_text_from_elsewhere_is_escaped(served: BridgeProcess) -> None:
    with Bridge(served.endpoint, name="<script>alert(1)</script>") as bridge:
        bridge.rak5801(1).read()
        assert "<script>" not in bridge._repr_html_()
        assert "&lt;script&gt;" in bridge._repr_html_()
        bridge.release("RAK5801", 1)


def test_signatures_are_those_of_the_operations(bridge: Bridge) -> None:
    assert next(iter(inspect.signature(bridge.rak5801(1).read).parameters)) == "samples"


# -- a bridge that nobody keeps -------------------------------------------------------------------


def test_what_is_taken_from_a_bridge_keeps_it(served: BridgeProcess, bridge: Bridge) -> None:
    def names() -> list[object]:
        return [each["client"] for each in bridge.status()["sessions"]]  # type: ignore[attr-defined]

    readings = Bridge(served.endpoint, name="dropped").rak5801(1).every(0.02).read()
    observing = Bridge(served.endpoint, name="dropped").observe()
    gc.collect()
    for _ in range(3):
        assert next(readings).loop == "ok"
    assert observing.next(LONG_S) is not None
    assert names().count("dropped") == 2
    del readings, observing
    gc.collect()
    eventually(lambda: "dropped" not in names(), "both are gone")


def test_a_closed_bridge_is_shown_with_the_reason(served: BridgeProcess) -> None:
    closed = Bridge(served.endpoint)
    closed.close()
    assert closed._repr_html_() == (
        f"<p>Bridge(&#x27;{served.endpoint}&#x27;): This connection is closed.</p>"
    )
