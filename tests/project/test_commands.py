"""Every command of the documents is run by a test, or says that it cannot be, and why.

1. A command that only a board can answer is marked in the document itself: ``# needs a board``.
2. A test that is named here is there; a command that nobody writes any more is not named here.
"""

from __future__ import annotations

import re

from tests.paths import ROOT

DOCUMENTS = (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
MARK = "# needs a board"

LIFE = "project/test_deb.py::test_from_installing"
REMOTE = r"sudo wisblock-bridge keys (server|add|list|role|remove)"

RUN = {
    r"sudo apt install \./wisblock-bridge_\S+_arm64\.deb": LIFE,
    r"sudo apt purge wisblock-bridge": LIFE,
    r"sudo wisblock-bridge nodes install": "bridge/test_cli_nodes.py::test_they_go_into",
    r"sudo wisblock-bridge nodes remove": "bridge/test_cli_nodes.py::test_they_are_removed",
    REMOTE: LIFE,
    r"sudo mkdir -p /etc/systemd/system/wisblock-bridge.service.d": LIFE,
    r"sudo cp /usr/share/wisblock-bridge/remote-access.conf ": LIFE,
    r"make run": "editor/run.test.js::",
    r"\.venv/bin/wisblock-bridge serve --demo": "bridge/test_cli_checkout.py::test_a_command",
    r"\.venv/bin/wisblock-bridge emulator set": "bridge/test_cli_world.py::test_setting",
    r"\.venv/bin/wisblock-bridge list": "bridge/test_cli.py::test_modules_are_listed",
    r"\.venv/bin/wisblock-bridge call": "bridge/test_cli.py::test_a_call_prints",
    r"\.venv/bin/wisblock-bridge watch": "bridge/test_cli.py::test_watching_prints",
    r"make module NAME=RAK1901": "project/test_new_module.py::test_every",
    r"make dist( PLATFORM=aarch64 PYTHON_VERSION=3.11)?$": "project/test_dist.py::test_the_wheel",
    r"cd dist": "project/test_dist.py::test_everything_is_in_its_place",
    r"sudo \./install\.sh --node-red": "project/test_dist.py::test_everything_is_in_its_place",
    r"python3 -m venv /opt/wisblock-bridge": "project/test_dist.py::test_everything_is",
    r"cd ~/\.node-red && npm install --offline": "project/test_dist.py::test_the_nodes",
    r"wisblock-bridge status --endpoint tcp": "bridge/test_keys.py::test_from_nothing_to_a_client",
    r"wisblock-bridge call RAK(5801|13007)": "bridge/test_cli.py::test_a_call_prints",
    r"wisblock-bridge release": "bridge/test_cli_release.py::test_a_held",
    r"wisblock-bridge watch": "bridge/test_cli_watch.py::test_everything",
    r"wisblock-bridge emulator (plug|list|set|fault|unplug|demo)": "bridge/test_cli_world.py::",
    r"wisblock-bridge completion (bash|zsh)": "bridge/test_cli_completion.py::test_the_script",
    r"wisblock-bridge scan": "bridge/test_cli.py::test_an_emulated_board_can_be_scanned",
}
"""Commands, and the test that runs them."""

NOT_HERE = {
    r"git clone https": "needs the network, and the project's host",
    r"make check": "runs the tests, so no test runs it",
    r"cd docs/docker": "Docker is not on every computer; the recipes are checked by test_recipes",
    r"docker compose": "as above",
    r"pip install 'wisblock-bridge\[completion\]'": "needs the network, once the package is there",
    r"grep -o ": "of Debian's own tools alone",
    r"wisblock-bridge serve --demo --board RAK6421": "serves a module that is to be written",
    r"wisblock-bridge call RAK1901": "as above",
    r"sudo systemctl daemon-reload": "needs a system that systemd started",
}
"""Commands that no test runs, and why."""


def commands() -> list[tuple[str, str]]:
    """Document and command, of every fenced block of shell."""
    found = []
    for document in DOCUMENTS:
        for _, body in re.findall(
            r"^( *)```sh\n(.*?)^\1```$", document.read_text(), flags=re.MULTILINE | re.DOTALL
        ):
            lines = [line.strip() for line in body.splitlines()]
            found += [(document.name, line) for line in lines if line]
    assert found
    return found


def bare(command: str) -> str:
    """A command without what is said about it."""
    return re.sub(r"\s+# .*$", "", command)


def test_every_command_is_accounted_for() -> None:
    known = re.compile("|".join((*RUN, *NOT_HERE)))
    strange = [
        f"{document}: {command}"
        for document, command in commands()
        if MARK not in command and not known.match(bare(command))
    ]
    assert not strange, f"run them in a test, or mark them with {MARK}: {strange}"


def test_nothing_is_accounted_for_that_is_not_written() -> None:
    written = [bare(command) for _, command in commands()]
    for pattern in (*RUN, *NOT_HERE):
        assert any(re.match(pattern, each) for each in written), f"no document says {pattern}"


def test_the_tests_are_there() -> None:
    for place in RUN.values():
        file, _, name = place.partition("::")
        assert name in (ROOT / "tests" / file).read_text(), f"there is no {place}"


def test_from_download_to_first_value_in_five_commands() -> None:
    section = (ROOT / "README.md").read_text().split("\n## On a board\n")[1]
    block = re.search(r"^```sh\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    assert block is not None
    lines = block[1].splitlines()
    assert len(lines) <= 5
    assert " read " in lines[-1]
