"""The recipes for containers, as far as they can be tried without an engine.

1. What they name is there: files, groups, devices, variables, commands, volumes.
2. The commands of the bridge's recipe are carried out, in folders in place of the image's.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.test_system_files import service
from tests.paths import ROOT

from wisblock_bridge import endpoint, keys
from wisblock_bridge.boards import BOARDS
from wisblock_bridge.cli import arguments
from wisblock_bridge.config import load, reading
from wisblock_bridge.keys.files import SYSTEM_DIRECTORY
from wisblock_bridge.server.daemon import STOP_S

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "docs/docker"
BRIDGE = FOLDER / "Containerfile.bridge"
NODE_RED = FOLDER / "Containerfile.node-red"
BASE = "compose.yaml"
COMPOSE = sorted(each.name for each in FOLDER.glob("compose*.yaml"))
EVERY_COMPOSE = pytest.mark.parametrize("name", COMPOSE)
LIMIT_S = 300.0
Map = dict[str, Any]

YAML = (
    "process.stdout.write(JSON.stringify(require('js-yaml').load(require('fs').readFileSync(0))))"
)


@cache
def compose(name: str) -> Map:
    """A compose file as data; a key that is there twice is an error."""
    finished = subprocess.run(
        ["node", "-e", YAML],
        cwd=ROOT,
        input=(FOLDER / name).read_bytes(),
        capture_output=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr.decode()
    parsed: Map = json.loads(finished.stdout)
    return parsed


def instructions(file: Path) -> list[tuple[str, str]]:
    """The instructions of a Containerfile: continued lines joined, comments left out."""
    text = "".join(
        line for line in file.read_text().splitlines(keepends=True) if not line.startswith("#")
    )
    joined = re.sub(r"\\\n\s*", "", text)
    return [
        (word, rest)
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


def of(file: Path, wanted: str) -> list[str]:
    return [rest for word, rest in instructions(file) if word == wanted]


def volumes_of(image: Path) -> list[str]:
    return [each for line in of(image, "VOLUME") for each in json.loads(line)]


# -- compose --------------------------------------------------------------------------------------


@EVERY_COMPOSE
def test_what_is_built_is_there(name: str) -> None:
    for service_name, each in compose(name)["services"].items():
        build = each.get("build")
        if build is None:
            assert name != BASE
            assert service_name in compose(BASE)["services"], "an addition to a service"
            continue
        context = (FOLDER / build["context"]).resolve()
        assert context == ROOT
        assert (context / build["dockerfile"]).is_file()


@EVERY_COMPOSE
def test_volumes_are_declared_and_are_where_the_image_has_them(name: str) -> None:
    found = compose(name)
    used = set()
    for service_name, each in found["services"].items():
        for volume in each.get("volumes", ()):
            source, target = volume.split(":")[:2]
            assert re.fullmatch(r"\w[\w-]*", source), f"{source} is no named volume"
            used.add(source)
            if service_name == "bridge":
                assert target in volumes_of(BRIDGE)
    assert used == set(found.get("volumes", ()))


def test_both_containers_share_the_socket() -> None:
    for name in ("compose.yaml", "compose.emulated.yaml"):
        for each in compose(name)["services"].values():
            assert f"socket:{endpoint.SYSTEM_DIRECTORY}" in each["volumes"]


@EVERY_COMPOSE
def test_variables_are_known_and_their_values_are_right(name: str) -> None:
    known = {setting.variable for setting in reading._SETTINGS}
    for each in compose(name)["services"].values():
        environment = {
            variable: re.sub(r"\$\{\w+:-(.*?)\}", r"\1", value)
            for variable, value in each.get("environment", {}).items()
        }
        assert set(environment) <= known
        load(environment=environment)


@EVERY_COMPOSE
def test_commands_are_understood(name: str) -> None:
    for each in compose(name)["services"].values():
        if "command" in each:
            arguments.parse(each["command"])
    for line in (FOLDER / name).read_text().splitlines():
        if match := re.match(r"#.* run --rm bridge (.+)", line):
            arguments.parse(shlex.split(match[1]))


def test_every_device_of_every_board_can_be_handed_in() -> None:
    text = "".join((FOLDER / name).read_text() for name in COMPOSE)
    handed = set(re.findall(r"/dev/[\w.-]+", text))
    for board in BOARDS.values():
        wanted = {f"/dev/{board.i2c_name}"}
        for slot in board.slots.values():
            wanted |= {slot.serial_port, slot.spi_device}
        assert wanted <= handed, f"{board.title}: {wanted - handed}"
    devices = [
        device
        for name in COMPOSE
        for each in compose(name)["services"].values()
        for device in each.get("devices", ())
    ]
    assert len(devices) == len(set(devices))
    assert all(re.fullmatch(r"/dev/[\w.-]+", device) for device in devices)


def test_every_group_of_the_unit_is_joined_by_number() -> None:
    """Names differ between host and image, numbers count."""
    joined: dict[str, str] = {}
    for name in COMPOSE:
        text = (FOLDER / name).read_text()
        for group in compose(name)["services"]["bridge"].get("group_add", ()):
            match = re.fullmatch(
                r"\$\{(\w+)_GID:\?the number of the group (\w+), see above\}", group
            )
            assert match is not None, group
            assert match[1].lower() == match[2]
            assert re.search(rf"{match[1]}_GID=\$\(getent group {match[2]} \|", text), name
            joined[match[2]] = name
    assert set(joined) == set(service()["SupplementaryGroups"].split())


def test_node_red_is_in_the_group_of_the_image() -> None:
    makes = " ".join(of(BRIDGE, "RUN"))
    (group,) = re.findall(r"groupadd --gid (\d+) (\w+)", makes)
    assert group[1] == service()["Group"]
    assert f"useradd --uid {group[0]} --gid {group[0]} " in makes
    for name in ("compose.yaml", "compose.emulated.yaml"):
        assert compose(name)["services"]["node-red"]["group_add"] == [group[0]]


def test_the_bridge_gets_time_to_make_outputs_safe() -> None:
    for name in ("compose.yaml", "compose.emulated.yaml"):
        grace = compose(name)["services"]["bridge"]["stop_grace_period"]
        assert int(grace.removesuffix("s")) > STOP_S


def test_the_remote_endpoint_is_published_and_has_keys() -> None:
    bridge = compose("compose.remote.yaml")["services"]["bridge"]
    port = bridge["environment"]["WISBLOCK_BRIDGE_REMOTE_ENDPOINT"].rpartition(":")[2]
    assert bridge["ports"] == [f"{port}:{port}"]
    assert bridge["volumes"] == [f"keys:{SYSTEM_DIRECTORY}"]
    for each in compose("compose.yaml")["services"].values():
        for published in each.get("ports", ()):
            assert published.startswith("127.0.0.1:"), "open to other computers"


# -- images ---------------------------------------------------------------------------------------


def test_the_images_directories_are_those_of_the_program() -> None:
    made = re.findall(r"(?<= )/(?:run|var|etc)/\S+", " ".join(of(BRIDGE, "RUN")))
    assert sorted(made) == sorted(volumes_of(BRIDGE))
    variables = dict(word.split("=", 1) for word in shlex.split(of(BRIDGE, "ENV")[0]))
    assert variables["STATE_DIRECTORY"] in made
    assert keys.default_directory(variables, uid=10391) == SYSTEM_DIRECTORY
    assert str(SYSTEM_DIRECTORY) in made
    assert str(endpoint.SYSTEM_DIRECTORY) in made


def test_the_images_commands_are_understood() -> None:
    assert json.loads(of(BRIDGE, "ENTRYPOINT")[0]) == ["wisblock-bridge"]
    arguments.parse(json.loads(of(BRIDGE, "CMD")[0]))
    program, *words = json.loads(of(BRIDGE, "HEALTHCHECK")[0].split(" CMD ", 1)[1])
    assert program == "wisblock-bridge"
    arguments.parse(words)


def test_the_images_python_is_one_that_is_supported() -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    least = tuple(int(part) for part in needed.removeprefix(">=").split("."))
    used = {
        tuple(int(part) for part in match[1].split("."))
        for line in of(BRIDGE, "FROM")
        if (match := re.search(r"/python:([\d.]+)-", line))
    }
    assert len(used) == 1, "wheels of one Python do not fit another"
    assert used.pop() >= least


def copied(file: Path) -> list[str]:
    return [word for line in of(file, "COPY") for word in line.split()[:-1]]


@pytest.mark.parametrize("file", [BRIDGE, NODE_RED], ids=["bridge", "node-red"])
def test_what_is_copied_is_there_and_not_ignored(file: Path) -> None:
    let_in = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), flags=re.MULTILINE)
    for source in copied(file):
        first = source.split("/")[0]
        assert first in let_in
        assert first == "dist" or (ROOT / source).exists()
    named = set(re.findall(r"^([^!#].*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    assert "*" in named


def test_the_nodes_are_called_as_make_dist_calls_them() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    packed = f"{package['name'].lstrip('@').replace('/', '-')}-{package['version']}.tgz"
    (install,) = of(NODE_RED, "RUN")
    (wanted,) = re.findall(r"/(wisblock\S+\.tgz)", install)
    assert re.fullmatch(wanted.replace("*", ".*"), packed)
    assert copied(NODE_RED) == ["dist/*.tgz"]


@pytest.mark.slow
def test_the_bridges_recipe_installs_it(tmp_path: Path) -> None:
    """Both stages, one folder in place of each image; what is downloaded may come from a cache."""
    source, wheels = tmp_path / "src", tmp_path / "wheels"
    source.mkdir()
    for each in copied(BRIDGE):
        here = ROOT / each
        if here.is_dir():
            shutil.copytree(here, source / each, ignore=shutil.ignore_patterns("*.egg-info"))
        else:
            shutil.copy(here, source)
    build, install, _make_user = of(BRIDGE, "RUN")
    assert build.startswith("pip wheel ")
    mount, command = re.fullmatch(r"--mount=(\S+) +(pip install .+)", install).groups()  # type: ignore[union-attr]
    assert "target=/wheels" in mount

    def pip(python: Path | str, line: str) -> None:
        words = shlex.split(line.replace("--no-cache-dir ", "").replace("/wheels", str(wheels)))
        assert words.pop(0) == "pip"
        finished = subprocess.run(
            [python, "-m", "pip", "--disable-pip-version-check", *words],
            cwd=source,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr

    pip(sys.executable, build)
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "image"], check=True)
    pip(tmp_path / "image/bin/python", command)
    (entry,) = json.loads(of(BRIDGE, "ENTRYPOINT")[0])
    said = subprocess.run(
        [tmp_path / "image/bin" / entry, "list"], capture_output=True, text=True, check=True
    ).stdout
    assert "RAK5801" in said


# -- the page -------------------------------------------------------------------------------------


def test_the_page_lists_every_recipe() -> None:
    text = (FOLDER / "README.md").read_text()
    listed = set(re.findall(r"^\| \[([\w.-]+)\]\(\1\) \|", text, flags=re.MULTILINE))
    assert listed == {each.name for each in FOLDER.iterdir()} - {"README.md"}


def test_commands_name_files_that_are_there() -> None:
    for page in FOLDER.iterdir():
        for name in re.findall(r"(?:-f|--file) (\S+)", page.read_text()):
            if name.startswith(("compose", "docs/")):
                assert (FOLDER / name).is_file() or (ROOT / name).is_file(), f"{page.name}: {name}"
