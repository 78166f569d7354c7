"""Run the tests that use libraries on other versions than those of the development environment.

    python scripts/other_pythons.py bounds    the oldest libraries that pyproject.toml allows
    python scripts/other_pythons.py newest    the newest Python of this computer

Each has a virtual environment of its own below .run/, made again when pyproject.toml has changed.
The tests that are run are those of the seams to the libraries: buses, codecs, sockets, parsers, and
a bridge that serves.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

TESTS = (
    "tests/bridge/test_acceptor.py",
    "tests/bridge/test_client.py",
    "tests/bridge/test_client_faults.py",
    "tests/bridge/test_config.py",
    "tests/bridge/test_describe.py",
    "tests/bridge/test_keys.py",
    "tests/bridge/test_linux_gpio.py",
    "tests/bridge/test_linux_i2c.py",
    "tests/bridge/test_linux_uart.py",
    "tests/bridge/test_msgpack_rules.py",
    "tests/bridge/test_notify.py",
    "tests/bridge/test_parameters.py",
    "tests/bridge/test_remote.py",
    "tests/bridge/test_messages.py",
    "tests/bridge/test_security.py",
    "tests/bridge/test_service.py",
    "tests/modules/test_modbus.py",
    "tests/modules/test_ndef_records.py",
    "tests/modules/test_rak13600.py",
    "tests/modules/test_rak5802.py",
)

FIRST_MINOR = 11
"""Of Python 3; pyproject.toml, requires-python."""

BOUND = re.compile(r"^(?P<name>[A-Za-z0-9_-]+)\s*>=\s*(?P<version>[0-9.]+)")


def dependencies() -> list[str]:
    """Return what pyproject.toml names as dependencies of the bridge."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: list[str] = tomllib.load(file)["project"]["dependencies"]
    return found


def oldest(requirement: str) -> str:
    """Turn a requirement into one that only its lower bound fulfils.

    Args:
        requirement: "pymodbus>=3.9,<4", markers allowed.

    Returns:
        "pymodbus==3.9", with the same markers.
    """
    spec, semicolon, marker = requirement.partition(";")
    bound = BOUND.match(spec.strip())
    if bound is None:
        raise SystemExit(f"{requirement!r} in pyproject.toml has no lower bound")
    return f"{bound['name']}=={bound['version']}{semicolon}{marker}"


def newest_python() -> str:
    """Find the newest released CPython of this computer that the project supports.

    Returns:
        Its path: on PATH, or among the versions of pyenv.
    """
    names = [f"python3.{minor}" for minor in range(FIRST_MINOR, 40)]
    places = [shutil.which(name) for name in names]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    places += [str(found) for name in names for found in pyenv.glob(f"*/bin/{name}")]
    versions: dict[tuple[int, ...], str] = {}
    for place in filter(None, places):
        asked = subprocess.run(
            [place, "-c", "import json, sys; print(json.dumps(sys.version_info[:4]))"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if asked.returncode == 0:
            *numbers, level = json.loads(asked.stdout)
            if level == "final":
                versions[tuple(numbers)] = place
    if not versions:
        raise SystemExit("there is no Python 3.11 or newer on this computer")
    return versions[max(versions)]


def environment(name: str, python: str, pins: list[str]) -> Path:
    """Make a virtual environment, or take the one that was made for the same requirements.

    Args:
        name: Of its folder below .run/.
        python: The interpreter that it is for.
        pins: Requirements besides the project's own.

    Returns:
        Its interpreter.
    """
    folder = ROOT / ".run" / name
    made_for = folder / "made-for"
    facts = [python, *pins, (ROOT / "pyproject.toml").read_text(encoding="utf-8")]
    wanted = hashlib.sha256("\n".join(facts).encode()).hexdigest()
    inside = folder / "bin" / "python"
    if not made_for.exists() or made_for.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", folder], check=True)
        pip = [inside, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--upgrade", "pip", "setuptools>=77"], check=True)
        subprocess.run([*pip, "install", "--editable", f"{ROOT}[test]", *pins], check=True)
        made_for.write_text(wanted, encoding="utf-8")
    return inside


def main() -> int:
    """Run the tests.

    Returns:
        pytest's exit code.
    """
    match sys.argv[1:]:
        case ["bounds"]:
            pins = [oldest(each) for each in dependencies()]
            inside = environment("lower-bounds", sys.executable, pins)
        case ["newest"]:
            inside = environment("newest-python", newest_python(), [])
        case _:
            sys.stderr.write(__doc__ or "")
            return 2
    versions = subprocess.run(
        [inside, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    names = {oldest(each).partition("==")[0].lower() for each in dependencies()}
    used = [each for each in versions if each.partition("==")[0].lower() in names]
    python = subprocess.run([inside, "--version"], capture_output=True, text=True, check=True)
    sys.stdout.write(f"{python.stdout.strip()}: {', '.join(used)}\n")
    sys.stdout.flush()
    return subprocess.run([inside, "-m", "pytest", "-q", *TESTS], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
