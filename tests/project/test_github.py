"""What the project's host reads: workflows, forms for issues, and who is asked."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from scripts import release_notes
from tests.cases import for_each
from tests.paths import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(each for each in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if each.stem != "config")
URLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]
every_workflow = for_each("file", WORKFLOWS, ids=[each.stem for each in WORKFLOWS])


def tool(name: str) -> str:
    """A tool of the project's own environment, or of this computer."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing: pip install {name}")
    return found


def run(*words: str | Path) -> None:
    finished = subprocess.run(words, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@every_workflow
def test_workflows_are_valid(file: Path) -> None:
    run(tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", file)


def test_dependabots_file_is_valid() -> None:
    schema = "vendor.dependabot"
    run(tool("check-jsonschema"), "--builtin-schema", schema, GITHUB / "dependabot.yml")


def test_zizmor_finds_nothing() -> None:
    run(tool("zizmor"), "--offline", "--quiet", "--persona=pedantic", "--no-progress", GITHUB)


@every_workflow
def test_actions_are_pinned_by_commit(file: Path) -> None:
    for used in re.findall(r"uses: (.+)$", file.read_text(), flags=re.MULTILINE):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", used), used


@every_workflow
def test_permissions_are_given_to_jobs_alone(file: Path) -> None:
    text = file.read_text()
    assert "\npermissions: {}\n" in text
    jobs = text.split("\njobs:\n")[1]
    assert len(re.findall(r"^    permissions:$", jobs, flags=re.MULTILINE)) == len(
        re.findall(r"^  [\w-]+:$", jobs, flags=re.MULTILINE)
    )


@every_workflow
def test_make_has_every_target(file: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    commands = re.findall(r"run: (?:sudo \S+ )?make ((?:[a-z-]+ ?)+)", file.read_text())
    for name in " ".join(commands).split():
        assert name in targets, f"make has no target {name}"


def test_ci_has_every_python_and_node_that_is_supported() -> None:
    text = (GITHUB / "workflows/ci.yml").read_text()
    assert 'python: ["3.11", "3.12", "3.13", "3.14"]' in text
    assert 'node: ["20", "22", "24"]' in text
    oldest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert oldest == ">=3.11"
    assert json.loads((ROOT / "package.json").read_text())["engines"]["node"] == ">=20"


@for_each("form", FORMS, ids=[each.stem for each in FORMS])
def test_forms_are_valid(form: Path) -> None:
    run(tool("check-jsonschema"), "--builtin-schema", "vendor.github-issue-forms", form)
    assert "required: true" in form.read_text()


def test_the_choice_of_forms_is_valid() -> None:
    schema = "vendor.github-issue-config"
    run(tool("check-jsonschema"), "--builtin-schema", schema, GITHUB / "ISSUE_TEMPLATE/config.yml")


def test_works_on_my_board_asks_for_module_slot_carrier_and_report() -> None:
    text = (GITHUB / "ISSUE_TEMPLATE/works-on-my-board.yml").read_text()
    assert re.findall(r"^    id: ([a-z]+)$", text, flags=re.MULTILINE) == [
        "module", "slot", "carrier", "computer", "commission", "report",
    ]  # fmt: skip


def test_the_projects_address_is_one() -> None:
    """pyproject.toml is the place; whatever else names it names the same."""
    home = URLS["Repository"]
    owner = home.removeprefix("https://github.com/").split("/")[0]
    assert URLS["Issues"] == f"{home}/issues"
    package = json.loads((ROOT / "package.json").read_text())
    assert package["repository"]["url"] == f"git+{home}.git"
    assert package["bugs"]["url"] == URLS["Issues"]
    assert package["name"].split("/")[0] == f"@{owner}"
    assert re.findall(r"@\S+", (GITHUB / "CODEOWNERS").read_text()) == [f"@{owner}"]
    for file in (ROOT / "README.md", ROOT / "SECURITY.md", GITHUB / "ISSUE_TEMPLATE/config.yml"):
        named = re.findall(
            r"https://github\.com/[\w.-]+/[\w.-]+?(?=\.git|[/\s>)]|$)", file.read_text()
        )
        assert set(named) == {home}, file.name


CHANGELOG = """\
# Changelog

## [0.2.0] - 2026-03-04

### Added

- this

## [0.1.0] - 2026-01-02

- that
"""


def test_notes_are_the_changelogs() -> None:
    assert release_notes.notes("v0.2.0", CHANGELOG, "0.2.0") == "### Added\n\n- this\n"
    assert release_notes.notes("v0.1.0", CHANGELOG, "0.1.0") == "- that\n"


@pytest.mark.parametrize(
    ("tag", "changelog", "words"),
    [
        ("v0.3.0", CHANGELOG, "the project has version 0.2.0"),
        ("v0.2.0", "# Changelog\n", "has no section"),
        ("v0.2.0", CHANGELOG.replace("2026-03-04", "not released yet"), "on which day"),
    ],
)
def test_what_is_not_ready_is_not_released(tag: str, changelog: str, words: str) -> None:
    with pytest.raises(SystemExit, match=words):
        release_notes.notes(tag, changelog, "0.2.0")
