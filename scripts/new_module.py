"""Write the skeletons of everything that a new module needs.

    make module NAME=RAK1901 CHIP=SHTC3
    python scripts/new_module.py RAK1901 SHTC3 --address 0x70

Every place where something has to be written says "WRITE THIS:". The tests of a skeleton fail, and
tests/project/test_completeness.py names each file in which the words are left.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parents[1]
SKELETONS = Path(__file__).resolve().parent / "skeletons"
FAMILIES = ("display", "interface", "sensors", "wireless")

PRODUCT_NAME = re.compile(r"[A-Z]+[0-9]+")
CHIP_NAME = re.compile(r"[A-Z][A-Z0-9]+")
LOWEST_ADDRESS, HIGHEST_ADDRESS = 0x08, 0x77
"""Of I2C; what is below and above is reserved."""

FILES = {
    "chip_init.py.in": "python-bridge/wisblock_bridge/chips/{chip}/__init__.py",
    "chip_driver.py.in": "python-bridge/wisblock_bridge/chips/{chip}/driver.py",
    "chip_emulator.py.in": "python-bridge/wisblock_bridge/chips/{chip}/emulator.py",
    "chip_identify.py.in": "python-bridge/wisblock_bridge/chips/{chip}/identify.py",
    "module.py.in": "python-bridge/wisblock_bridge/modules/{name}.py",
    "module_emulated.py.in": "python-bridge/wisblock_bridge/modules/{name}_emulated.py",
    "test_chip_driver.py.in": "tests/chips/test_{chip}_driver.py",
    "test_chip_emulator.py.in": "tests/chips/test_{chip}_emulator.py",
    "test_module.py.in": "tests/modules/test_{name}.py",
    "example.py.in": "python-bridge/examples/{name}_read.py",
    "short_example.py.in": "python-bridge/examples/short/{name}.py",
    "flow.json.in": "flows/{family}/{NAME} read.json",
    "page.md.in": "docs/modules/{name}.md",
}
"""Skeleton to the file that is made of it, in the order in which they are best written."""


class RefusedError(Exception):
    """Nothing was written; the message says why."""


def facts(name: str, chip: str, address: int | None, family: str, root: Path) -> dict[str, str]:
    """Return what stands in the skeletons in place of its names.

    Args:
        name: Name of the product.
        chip: Name of its chip.
        address: 7-bit I2C address of the chip; None for one that is not known yet.
        family: The vendor's group.
        root: The project.

    Returns:
        Placeholder to text.

    Raises:
        RefusedError: Something is not as it must be.
    """
    if not PRODUCT_NAME.fullmatch(name):
        raise RefusedError(f"NAME must be like RAK1901, not {name!r}.")
    if not CHIP_NAME.fullmatch(chip):
        raise RefusedError(f"CHIP must be in capitals and digits, like SHTC3, not {chip!r}.")
    if address is not None and not LOWEST_ADDRESS <= address <= HIGHEST_ADDRESS:
        raise RefusedError(f"ADDRESS must be 0x08 to 0x77, not {address:#04x}.")
    if (root / "python-bridge/wisblock_bridge/chips" / chip.lower()).exists():
        raise RefusedError(
            f"There is a driver for the {chip} already, so there is less to write: begin with a "
            "copy of a module that has a chip, for example modules/rak16000.py."
        )
    page = (root / "docs/modules/adc.md").read_text(encoding="utf-8")
    begin, end = re.findall(r"^<!-- \w+: (?:begin|end) .*-->$", page, flags=re.MULTILINE)[:2]
    source = "7-bit address as delivered."
    return {
        "NAME": name,
        "name": name.lower(),
        "CHIP": chip,
        "chip": chip.lower(),
        "address": f"0x{LOWEST_ADDRESS if address is None else address:02x}",
        "address_source": f"WRITE THIS: {source}" if address is None else source,
        "family": family,
        "digits": re.sub(r"\D", "", name).ljust(14, "0"),
        "begin": begin,
        "end": end,
    }


def write(root: Path, values: dict[str, str]) -> list[Path]:
    """Write all files, or none when one of them is there already.

    Args:
        root: The project.
        values: Placeholder to text.

    Returns:
        The files.

    Raises:
        RefusedError: A file is there already.
    """
    files = {root / path.format(**values): skeleton for skeleton, path in FILES.items()}
    present = [str(path.relative_to(root)) for path in files if path.exists()]
    if present:
        raise RefusedError(f"These files are there already: {', '.join(present)}.")
    for path, skeleton in files.items():
        text = (SKELETONS / skeleton).read_text(encoding="utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(values), encoding="utf-8")
    return list(files)


def left_to_do(files: list[Path], root: Path, values: dict[str, str]) -> str:
    """Return what the author has to do now."""
    name, upper = values["name"], values["NAME"]
    lines = ["Written; in each file, look for WRITE THIS:", ""]
    lines += [f"  {path.relative_to(root)}" for path in files]
    lines += [
        "",
        "Left to do (docs/add-a-module.md walks through it):",
        "",
        f"  1. Write the chip and its tests: pytest tests/chips -k {values['chip']}",
        f"  2. Write the module and its emulation: pytest tests/modules/test_{name}.py",
        f"  3. Try it: wisblock-bridge serve --demo, wisblock-bridge call {upper} read --slot 1",
        f'  4. package.json, "node-red", "nodes": "{name}": "node-red-nodes/{name}/{name}.js"',
        "  5. Generate the node, its help and the tables of its page (see CONTRIBUTING.md)",
        "  6. Look at the flow in the editor: make run",
        f"  7. Finish the page docs/modules/{name}.md; add a row to README.md, and what the",
        "     tests name: docs/modules/README.md, docs/from-the-vendors-flows.md, its colour",
        "  8. pytest tests/project, npx mocha tests/nodes: they name what is still missing",
    ]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the skeletons.

    Args:
        arguments: Of the command line; those of this process when not given.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(description="Write the skeletons of a new module.")
    parser.add_argument("name", help="name of the product, for example RAK1901")
    parser.add_argument("chip", help="name of its chip, for example SHTC3")
    parser.add_argument(
        "--address", type=lambda text: int(text, 0), help="7-bit I2C address, for example 0x70"
    )
    parser.add_argument("--family", choices=FAMILIES, default="sensors", help="the vendor's group")
    parser.add_argument("--root", type=Path, default=ROOT, help="where the project is")
    options = parser.parse_args(arguments)
    try:
        values = facts(options.name, options.chip, options.address, options.family, options.root)
        files = write(options.root, values)
    except RefusedError as error:
        sys.stderr.write(f"Nothing was written: {error}\n")
        return 1
    sys.stdout.write(left_to_do(files, options.root, values))
    return 0


if __name__ == "__main__":
    sys.exit(main())
