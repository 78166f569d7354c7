"""The documents are true: what they link, name and claim is there.

1. Words are held against the code itself, never against a list kept here.
2. A failure names the document and what is wrong in it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from typing import TYPE_CHECKING

import pytest
from tests.bridge.bridge_process import LONG_S, ROOT, BridgeProcess, environment
from tests.cases import for_each

from wisblock_bridge import __version__
from wisblock_bridge.client import Bridge, RemoteError
from wisblock_bridge.errors import ErrorCode
from wisblock_bridge.runtime.job_queue import MAX_QUEUED
from wisblock_bridge.server import acceptor, outbox
from wisblock_bridge.wire import limits
from wisblock_bridge.wire.limits import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = ROOT / "python-bridge/wisblock_bridge"
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], key=lambda path: path.as_posix()
)
every_document = for_each(
    "document", DOCUMENTS, ids=[path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
)
PROTOCOL = ROOT / "docs/protocol.md"
ERRORS = ROOT / "docs/errors.md"
README = ROOT / "README.md"

GENERATED = {".venv", ".stamps", ".run", "node_modules", "examples", "dist", "build"}
"""Folders that `make` fills: a checkout need not have them."""

CLIENT_ONLY = {"aborted"}
"""Made by the JavaScript client, known to nobody else."""


@cache
def prose(document: Path) -> str:
    """A document without its fenced blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)


def fences(document: Path, language: str = "") -> list[str]:
    """The fenced blocks of a document, of one language or of all."""
    found = re.findall(
        r"^( *)```(\w*)\n(.*?)^\1```$", document.read_text(), flags=re.MULTILINE | re.DOTALL
    )
    return [body for _, name, body in found if not language or name == language]


def code(document: Path) -> list[str]:
    """What stands in backticks, and every line of the fenced blocks."""
    lines = [line.strip() for body in fences(document) for line in body.splitlines()]
    return [*re.findall(r"`([^`\n]+)`", prose(document)), *lines]


@cache
def anchors(document: Path) -> set[str]:
    """The anchors that a code host makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(document), flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|\]\([^)]*\)", "", each).lower()).replace(" ", "-")
        for each in headings
    }


@cache
def tracked() -> frozenset[str]:
    """Every file of the project, relative to its root, and every folder that holds one."""
    found: set[str] = set()
    for path in ROOT.rglob("*"):
        relative = path.relative_to(ROOT)
        if GENERATED & set(relative.parts[:-1]) - {"examples"} or "node_modules" in relative.parts:
            continue
        found.add(relative.as_posix())
    return frozenset(found)


# -- what they name is there --------------------------------------------------------------------


@every_document
def test_links_lead_somewhere(document: Path) -> None:
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        leads_to = (document.parent / path).resolve() if path else document
        if not leads_to.exists() or (
            anchor and leads_to.suffix == ".md" and anchor not in anchors(leads_to)
        ):
            wrong.append(target)
    assert not wrong, f"{document.name} links what is not there: {wrong}"


def is_there(word: str, document: Path) -> bool:
    """Whether a path is a file or a folder, seen from any place that a document may mean."""
    homes = (ROOT, document.parent, PACKAGE, ROOT / "node-red-nodes")
    return any((home / word).exists() for home in homes)


@every_document
def test_paths_in_backticks_exist(document: Path) -> None:
    tops = {path.name for path in (*ROOT.iterdir(), *PACKAGE.iterdir())} | {"lib"}
    wrong = []
    for word in re.findall(r"`([^`\n]+)`", prose(document)):
        first, slash, _ = word.partition("/")
        if re.search(r"[ <>*{$…]|NNNN|^/|://", word) or (first in GENERATED and slash):
            continue
        if slash and first in tops:
            if not is_there(word, document):
                wrong.append(word)
        elif re.fullmatch(r"[\w.-]+\.(py|m?js|cjs|toml|service|rules|conf|md|yaml)", word) and (
            not any(name == word or name.endswith(f"/{word}") for name in tracked())
        ):
            wrong.append(word)
    assert not wrong, f"{document.name} names files that are not there: {wrong}"


def test_the_drawn_tree_is_the_tree() -> None:
    drawing = next(body for body in fences(ROOT / "docs/architecture.md") if "pyproject" in body)
    names = {path.rsplit("/", 1)[-1] for path in tracked()}
    drawn = re.findall(
        r"(?<![\w.*])([a-z][\w-]*(?:\.(?:py|m?js|json|toml|md)(?!\w)|/(?= )))", drawing
    )
    missing = [name for name in drawn if name.rstrip("/") not in names | GENERATED]
    assert not missing, f"architecture.md draws what is not there: {missing}"
    rooms = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"}
    forgotten = sorted(rooms - set(drawn))
    assert not forgotten, f"architecture.md does not draw {forgotten}"


def command_line(*words: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "wisblock_bridge", *words],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


COMMANDS = r"wisblock-bridge ((?:keys|emulator) [a-z]+|[a-z]+)([^#|&]*)"


def test_commands_and_their_options_exist() -> None:
    known = set(re.findall(r"^    (\w+) ", command_line("--help"), flags=re.MULTILINE))
    assert "serve" in known
    asked: dict[str, set[str]] = {}
    for document in DOCUMENTS:
        for line in code(document):
            for command, rest in re.findall(COMMANDS, line):
                if line.startswith(("sudo sys", "sudo user", "systemctl", "docker", "journal")):
                    continue
                assert command.split()[0] in known, (
                    f"{document.name}: there is no `{command}` in `{line}`"
                )
                asked.setdefault(command, set()).update(re.findall(r"(?<!\S)--[a-z-]+", rest))
    for command, options in asked.items():
        help_text = command_line(*command.split(), "--help")
        for option in options:
            assert option in help_text, f"`wisblock-bridge {command}` has no {option}"


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for document in DOCUMENTS:
        for line in code(document):
            for target in re.findall(r"(?:^|[ (])make ([a-z-]+)", line):
                assert target in targets, f"{document.name}: make has no target {target}"


def test_the_readme_names_what_ci_installs() -> None:
    installed = re.search(r"packages=\(([^)]*)\)", (ROOT / ".ci/run").read_text())
    assert installed is not None
    for package in installed[1].split():
        assert f"`{package}`" in README.read_text(), f"README.md does not name {package}"


# -- what they say is so ------------------------------------------------------------------------


@pytest.mark.parametrize("document", [PROTOCOL, ERRORS], ids=["protocol.md", "errors.md"])
def test_every_error_code_is_explained(document: Path) -> None:
    explained: set[str] = set()
    for row in re.findall(r"^\| (`[^|]*) \|", document.read_text(), flags=re.MULTILINE):
        explained.update(re.findall(r"`(\w+)`", row))
    codes = {str(each) for each in ErrorCode} | CLIENT_ONLY
    assert not codes - explained, f"{document.name} does not explain {codes - explained}"
    text = document.read_text()
    if document == PROTOCOL:
        text = text[text.index("## 3.") : text.index("## 4.")]
    strange = {
        each
        for row in re.findall(r"^\| (`[^|]*) \|", text, flags=re.MULTILINE)
        for each in re.findall(r"`(\w+)`", row)
    }
    assert not strange - codes, f"{document.name} explains {strange - codes}, which nobody sends"


LIMITS = [
    ("requests in flight, of one client", f"| {limits.MAX_IN_FLIGHT} |"),
    ("requests waiting for one module", f"| {MAX_QUEUED} |"),
    ("subscriptions of one client", f"| {limits.MAX_SUBSCRIPTIONS} |"),
    ("`timeout_ms`", f"| 0 to {limits.MAX_TIMEOUT_MS}, default {limits.DEFAULT_TIMEOUT_MS} |"),
    (
        "`lease_ms`",
        (f"| {limits.MIN_LEASE_MS} to {limits.MAX_LEASE_MS}, default {limits.DEFAULT_LEASE_MS} |"),
    ),
    ("`every_ms`", f"| {limits.MIN_INTERVAL_MS} to {limits.MAX_INTERVAL_MS} |"),
    ("frame", f"| {limits.MAX_MESSAGE_BYTES // 2**20} MiB, {MAX_DEPTH} levels |"),
    ("members of maps and lists", f"| {limits.MAX_ELEMENTS} in a frame"),
    (
        "events of one subscription waiting for a slow client",
        f"| {outbox.MAX_WAITING_EVENTS} |",
    ),
    (
        "replies waiting for a client that does not read",
        f"| {outbox.MAX_WAITING_REPLY_BYTES // 2**20} MiB |",
    ),
    ("replies waiting for all clients", f"| {outbox.MAX_WAITING_BYTES // 2**20} MiB |"),
    (
        "requests of programs on the bridge's computer that were read and wait",
        f"| {acceptor.MAX_RECEIVED_BYTES // 2**20} MiB |",
    ),
    (
        "connections of programs on the bridge's computer",
        (
            f"| {acceptor.MAX_CONNECTIONS}, {acceptor.MAX_CONNECTIONS_PER_USER} of one user, "
            f"all but {acceptor.RESERVED_DESCRIPTORS} of the descriptors of the process |"
        ),
    ),
]


@for_each(("what", "limit"), LIMITS, ids=[what for what, _ in LIMITS])
def test_limits_are_those_of_the_code(what: str, limit: str) -> None:
    assert f"| {what} {limit}" in PROTOCOL.read_text()


def test_versions_agree() -> None:
    python = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    node = json.loads((ROOT / "package.json").read_text())["version"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["version"]
    newest = re.search(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert newest is not None
    assert {python, node, locked, newest[1]} == {__version__}
    packed = re.findall(r"node-red-wisblock-([\d.]+)\.tgz", README.read_text())
    assert packed
    assert set(packed) == {__version__}


def test_the_readme_lists_every_module() -> None:
    table = README.read_text().split("\n## Modules\n")[1].split("\n## ")[0]
    rows = {
        name: (page, slots)
        for name, page, slots in re.findall(
            r"^\| \[(\w+)\]\((\S+)\) \| .* \| ([^|]+) \|$", table, flags=re.MULTILINE
        )
    }
    exported = json.loads((ROOT / "node-red-nodes/catalogue.json").read_text())
    modules = {each["name"]: each for each in exported["modules"]}
    for name, module in modules.items():
        slots = ", ".join(map(str, module["slots"]))
        wanted = (f"docs/modules/{module['slug']}.md", slots)
        assert name in rows, (
            f"README.md, section Modules, lacks | [{name}]({wanted[0]}) | … | {slots} |"
        )
        assert rows[name] == wanted
    assert not rows.keys() - modules.keys(), "README.md lists modules that are not there"


# -- their examples run -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[BridgeProcess]:
    with BridgeProcess() as process:
        yield process


EXAMPLES = [
    pytest.param(body, id=f"{document.name}-{number}")
    for document in (README, PROTOCOL)
    for number, body in enumerate(fences(document, "python"), 1)
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_run(served: BridgeProcess, example: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", example],
        env=environment(WISBLOCK_BRIDGE_ENDPOINT=served.endpoint),
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "12.00" in finished.stdout or "11.99" in finished.stdout or "7.5" in finished.stdout


def test_every_method_is_in_the_protocol(served: BridgeProcess) -> None:
    with Bridge(served.endpoint) as bridge, pytest.raises(RemoteError) as refused:
        bridge.request("what is there")
    known = refused.value.data["known"]
    assert isinstance(known, list)
    section = PROTOCOL.read_text().split("\n## 4. Methods\n")[1].split("\n##")[0]
    documented = re.findall(r"^\| `([\w.]+)` \|", section, flags=re.MULTILINE)
    assert sorted(documented) == sorted(known)
