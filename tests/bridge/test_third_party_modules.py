"""Modules of other projects: the example package, installed, and packages that are broken."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment

from wisblock_bridge.cli import main
from wisblock_bridge.client import Bridge
from wisblock_bridge.config import Config
from wisblock_bridge.discovery.checkup import check
from wisblock_bridge.emulation.registry import EmulatedProducts
from wisblock_bridge.modules import registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EXAMPLE = ROOT / "python-bridge/examples/third_party_module"
PACKAGE = "wisblock-rak12040 0.1.0"
CATALOGUE = ROOT / "node-red-nodes/catalogue.json"


# -- the example, installed -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example: building it leaves files beside its sources."""
    return shutil.copytree(EXAMPLE, tmp_path_factory.mktemp("example") / "package")


@pytest.fixture(scope="module")
def installed(copied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed the example, without network."""
    folder = tmp_path_factory.mktemp("installed")
    run(
        *("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"),
        *("--no-deps", "--no-build-isolation", "--target", str(folder), str(copied)),
    )
    return folder


@pytest.fixture(scope="module")
def served(installed: Path) -> Iterator[BridgeProcess]:
    with BridgeProcess(installed=installed) as bridge:
        yield bridge


def run(*words: str, path: Path | None = None) -> str:
    """Run Python, with a folder of further packages, and return what it printed."""
    variables = environment()
    if path is not None:
        variables["PYTHONPATH"] += f":{path}"
    finished = subprocess.run(
        [sys.executable, *words],
        env=variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def test_its_own_tests_pass(copied: Path) -> None:
    said = run(
        *("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(copied)),
        *("--override-ini", "pythonpath=.", str(copied / "tests")),
        path=copied,
    )
    assert " passed" in said


def test_it_is_served_and_described(served: BridgeProcess) -> None:
    with Bridge(served.endpoint) as bridge:
        modules = cast("list[dict[str, Any]]", bridge.catalogue()["modules"])
        entry = next(each for each in modules if each["name"] == "RAK12040")
        assert entry["package"] == PACKAGE
        assert [each["name"] for each in entry["operations"]] == ["read", "frame"]
        assert [each["name"] for each in modules if "package" in each] == ["RAK12040"]
        module = bridge["RAK12040", 1]
        assert module.read()["hottest"] == pytest.approx(36.5)
        bridge.request("emulator.set", slot=1, quantity="hottest", value=50.25)
        assert module.read()["hottest"] == pytest.approx(50.25)
        assert cast("list[float]", module.frame()["pixels"])[27] == pytest.approx(50.25)
        slots = cast("dict[str, Any]", bridge.request("status"))["slots"]
        assert [(each["module"], each["slot"]) for each in slots] == [("RAK12040", 1)]


def test_the_fingerprint_is_that_of_the_nodes(served: BridgeProcess) -> None:
    nodes = json.loads((ROOT / "node-red-nodes/fingerprint.json").read_text())
    with Bridge(served.endpoint) as bridge:
        assert bridge.catalogue_fingerprint == nodes["catalogue"] == registry.load_own().sha256


def test_the_commands_show_it(served: BridgeProcess, installed: Path) -> None:
    for endpoint in (served.endpoint, f"ipc://{installed}/nobody.sock"):
        words = ("-m", "wisblock_bridge", "list", "--endpoint", endpoint)
        listed = run(*words, path=installed)
        assert f"infrared array (from {PACKAGE})" in listed
        assert f"from the package {PACKAGE}" in run(*words, "RAK12040", path=installed)
    checked = run("-m", "wisblock_bridge", "check", "--emulate", path=installed)
    assert f"RAK12040 (from {PACKAGE})" in checked
    exported = installed.parent / "catalogue.json"
    run("-m", "wisblock_bridge", "catalogue", "--out", str(exported), path=installed)
    assert json.loads(exported.read_text()) == json.loads(CATALOGUE.read_text())


def test_a_scan_finds_its_chip(served: BridgeProcess) -> None:
    with Bridge(served.endpoint) as bridge:
        bridge["RAK12040", 1].read()
        found = cast("list[dict[str, Any]]", bridge.scan())
    assert [each["modules"] for each in found if each["address"] == 0x68] == [["RAK12040"]]


# -- packages that are broken ---------------------------------------------------------------------

GOOD = """
from wisblock_bridge.module_api import Module, Product, ReadingSpec, Result, operation
from wisblock_bridge.module_api.emulated import EmulatedModule, Quantity

LEVEL = ReadingSpec("level", "A level.", kind="int")

class Base(Module):
    api_version = 1

    @operation(gives=(LEVEL,), reads_only=True)
    def read(self) -> Result:
        '''Return a level.'''
        return self.readings(level=1)

def product(name, slots=(1, 2)):
    return Product(name, "title", "sensors", slots, "wisblock-gauge.svg", "https://example.com")

class Emulated(EmulatedModule):
    def quantities(self):
        return ()

    def unplug(self):
        pass
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Install a package of one file, as far as ``importlib.metadata`` can tell."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made = []

    def make(name: str, source: str = "", group: str = "modules", **points: str) -> None:
        made.append(name)
        (tmp_path / f"{name}.py").write_text(GOOD + source)
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = "".join(f"{key} = {value}\n" for key, value in points.items())
        (folder / "entry_points.txt").write_text(f"[wisblock_bridge.{group}]\n{lines}")
        # The path of this process is new to the registry, whatever was installed before.
        monkeypatch.setattr(sys, "path", [*sys.path, str(folder / "none")])

    yield make
    for each in made:
        sys.modules.pop(each, None)


def module(name: str, body: str = "", slots: str = "(1, 2)") -> str:
    """The source of a class whose product has that name."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"\nclass {name}(Base):\n    product = product({name!r}, {slots})\n{lines}\n"


def test_broken_ones_are_reported_and_the_others_serve(
    install: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    own = registry.load_own()
    install("whole", module("RAK90001"), RAK90001="whole:RAK90001")
    install("inside", module("RAK90002") + module("RAK90003"), RAK90003="inside")
    install("ours", module("RAK5801"), RAK5801="ours:RAK5801")
    install("ours_again", module("RAK5811"), rak5811="ours_again:RAK5811")
    install("one", module("RAK90010"), RAK90010="one:RAK90010")
    install("two", module("RAK90010"), RAK90010="two:RAK90010")
    install("syntax", "\nthis is no Python\n", RAK90011="syntax:RAK90011")
    install("leaves", "\nraise SystemExit(3)\n", RAK90012="leaves:RAK90012")
    install("absent", "", RAK90013="absent:RAK90013")
    install(
        "other", "\nclass RAK90014:\n    product = product('RAK90014')\n", RAK90014="other:RAK90014"
    )
    install("named", module("RAK90016"), RAK90015="named:RAK90016")
    install("newer", module("RAK90017", "api_version = 2"), RAK90017="newer:RAK90017")
    install("silent", module("RAK90018", "api_version = None"), RAK90018="silent:RAK90018")
    install("slots", module("RAK90019", slots="(1, 7)"), RAK90019="slots:RAK90019")
    install("lower", module("rak90020"), rak90020="lower:rak90020")
    install("idle", module("RAK90021", "read = None"), RAK90021="idle:RAK90021")
    install("plain", module("RAK90022", "unconfirmed = ({1},)"), RAK90022="plain:RAK90022")
    loaded = registry.load()
    assert set(loaded.modules) == {*own.modules, "RAK90001", "RAK90003"}
    assert loaded.packages == {"RAK90001": "whole 1.0", "RAK90003": "inside 1.0"}
    assert (loaded.sha256, loaded.broken) == (own.sha256, {})
    reasons = {what.split()[2]: reason for what, reason in loaded.rejected.items()}
    expected = {
        "ours": "RAK5801 is a module of the bridge itself",
        "ours_again": "RAK5811 is a module of the bridge itself",
        "one": "used 2 times: by ",
        "two": "used 2 times: by ",
        "syntax": "SyntaxError",
        "leaves": "SystemExit: 3",
        "absent": "AttributeError",
        "other": "no Module named RAK90014",
        "named": "no Module named RAK90015",
        "newer": "api_version is 2; this bridge has version 1",
        "silent": "api_version is None",
        "slots": "are not slots of a board",
        "lower": "capitals and digits",
        "idle": "has no operation",
        "plain": "not JSON serializable",
    }
    assert set(reasons) == set(expected)
    for package, words in expected.items():
        assert words in reasons[package], package
        assert f"of {package} 1.0 cannot be used" in caplog.text


def test_an_emulation_is_found_in_a_group_of_its_own(install: Callable[..., None]) -> None:
    own = set(EmulatedProducts())
    emulated = "\nclass {0}(Emulated):\n    product = '{0}'\n"
    group = "emulated_modules"
    install("whole", emulated.format("RAK90001"), group, RAK90001="whole")
    install("broken", "\nraise OSError('no')\n", group, RAK90002="broken:RAK90002")
    install(
        "half",
        emulated.format("RAK90003") + "    unplug = EmulatedModule.unplug\n",
        group,
        RAK90003="half",
    )
    install("ours", emulated.format("RAK5801"), group, RAK5801="ours:RAK5801")
    products = EmulatedProducts()
    assert set(products) == own | {"RAK90001"}
    assert len(products) == len(own) + 1
    assert "RAK90001" in products
    assert products["RAK90001"].product == "RAK90001"
    assert products["RAK5801"].__module__ == "wisblock_bridge.modules.rak5801_emulated"
    reasons = {what.split()[2]: reason for what, reason in products.rejected.items()}
    assert reasons == {
        "broken": "OSError: no",
        "half": "TypeError: RAK90003 has no method unplug",
        "ours": "RAK5801 is a module of the bridge itself.",
    }


def test_check_names_what_is_broken(install: Callable[..., None]) -> None:
    install("newer", module("RAK90017", "api_version = 2"), RAK90017="newer:RAK90017")
    install("mute", "\nraise OSError('no')\n", "emulated_modules", RAK90017="mute")
    findings = {each.what: each for each in check(Config(emulate=True))}
    for what in ("module RAK90017 of newer 1.0", "emulated module RAK90017 of mute 1.0"):
        assert findings[what].state == "problem"
        assert "uninstall" in findings[what].advice
    assert findings["modules"].state == "ok"


def test_list_without_a_bridge_serves_the_others(
    install: Callable[..., None], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    install("syntax", "\nthis is no Python\n", RAK90011="syntax:RAK90011")
    assert main(["list", "--endpoint", f"ipc://{tmp_path}/nobody.sock"]) == 0
    assert "RAK5801" in capsys.readouterr().out


def test_a_damaged_file_of_any_package_is_reported(
    install: Callable[..., None], tmp_path: Path
) -> None:
    install("whole", module("RAK90001"), RAK90001="whole:RAK90001")
    (tmp_path / "whole-1.0.dist-info" / "entry_points.txt").write_text(
        "[wisblock_bridge.modules]\nRAK90001\n"
    )
    loaded = registry.load()
    assert set(loaded.modules) == set(registry.load_own().modules)
    assert list(loaded.rejected) == ["entry points wisblock_bridge.modules"]


def test_without_such_a_package_nobody_asks_for_entry_points(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(**keywords: object) -> None:
        raise AssertionError(f"entry points were asked for: {keywords}")

    monkeypatch.setattr(importlib.metadata, "entry_points", fail)
    assert registry.load().packages == {}
    assert EmulatedProducts().rejected == {}
