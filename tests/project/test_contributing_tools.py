"""What a contributor's own tools read: the commit hooks and the devcontainer."""

from __future__ import annotations

import json
import re
import subprocess

from tests.paths import ROOT

HOOKS = (ROOT / ".pre-commit-config.yaml").read_text()
DEVCONTAINER = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text())
DOCKERFILE = (ROOT / ".devcontainer/Dockerfile").read_text()


def test_the_hooks_run_what_make_lint_runs() -> None:
    entries = re.findall(r"^ +entry: (.+)$", HOOKS, flags=re.MULTILINE)
    assert len(entries) == HOOKS.count("- id: ") == HOOKS.count("language: system")
    lint = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert lint is not None
    for entry in entries:
        tool = entry.replace("--no-install ", "").removeprefix(".venv/bin/").split(" --")[0]
        assert tool in lint[1], f"make lint does not run {tool}"


def test_the_devcontainer_prepares_what_make_run_needs() -> None:
    assert (ROOT / ".devcontainer" / DEVCONTAINER["build"]["dockerfile"]).is_file()
    assert f"useradd --create-home --uid 1000 --shell /bin/bash {DEVCONTAINER['remoteUser']}" in (
        DOCKERFILE
    )
    make, *targets = DEVCONTAINER["postCreateCommand"].split()
    assert make == "make"
    asked = subprocess.run(
        ["make", "--dry-run", "--always-make", "run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for target in targets:
        assert f"touch {target}" in asked.stdout, f"make run does not need {target}"
    port = re.search(r'process\.env\.PORT \?\? "(\d+)"', (ROOT / "scripts/run.mjs").read_text())
    assert port is not None
    assert DEVCONTAINER["forwardPorts"] == [int(port[1])]


def test_the_devcontainer_has_the_packages_that_the_readme_names() -> None:
    readme = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| `make (?:run|test)` \| (.+) \|$", readme, flags=re.MULTILINE)
    named = set(re.findall(r"`([a-z0-9-]+)`", " ".join(rows))) | {"nodejs", "npm"}
    installed = set(re.findall(r"[a-z][a-z0-9-]+", DOCKERFILE.split("recommends")[1]))
    assert len(named) > len(rows) > 0
    assert named <= installed, f"the Dockerfile does not install {named - installed}"
