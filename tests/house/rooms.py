"""The plan of the house: which room may use which.

1. A room is a file or a folder of ``wisblock_bridge``; the longest name that fits is the room.
2. "uses" is what runs; "knows" is what only type checkers see. Who uses a room may know it too.
3. A new room is entered here together with its file: that is a decision, not a formality.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python-bridge" / "wisblock_bridge"
NAME = "wisblock_bridge"


@dataclass(frozen=True)
class Room:
    """What a room may import from the house and from elsewhere."""

    uses: str = ""
    knows: str = ""
    libraries: str = ""


ROOMS = {
    # ground floor: words that everybody may use
    "": Room(),
    "errors": Room(),
    "units": Room(),
    "clock": Room(),
    "bell": Room(),
    "mailbox": Room(),
    "fair_lock": Room(),
    "memory": Room(knows="describe"),
    "precision": Room(knows="describe"),
    "packages": Room("errors"),
    "plain_text": Room(),
    # buses: errno stays here, and so do the libraries of the hardware
    "buses": Room("errors"),
    "buses.linux": Room("buses errors fair_lock", "boards", "smbus2 gpiod serial spidev"),
    "buses.emulated": Room("buses errors clock fair_lock"),
    # chips: registers to SI, whatever product they are in
    "chips": Room("buses errors fair_lock wiring", "clock"),
    "chips.emulator": Room("buses.emulated chips.emulator", "clock"),
    "boards": Room(),
    # modules: the products
    "shared_edges": Room(knows="buses"),
    "wiring": Room("buses errors shared_edges", "clock"),
    "signatures": Room("precision units wiring", "describe", "msgspec"),
    "describe": Room("precision signatures units", "clock errors"),
    "modules": Room(
        "describe wiring errors chips buses modules.heard modules.lin modules.modbus",
        "clock",
    ),
    "modules.heard": Room("describe", "buses"),
    "modules.modbus": Room("buses errors", "clock", "pymodbus"),
    "modules.lin": Room("buses describe errors modules.heard", "clock"),
    "modules.emulated": Room("buses.emulated chips.emulator", "buses clock"),
    "catalogue": Room("describe units wiring modules", "signatures"),
    # the bridge
    "admission": Room("errors", "signatures"),
    "keys": Room("admission errors", libraries="zmq"),
    "curve": Room("admission endpoint", "keys", "zmq"),
    "doors": Room("endpoint errors keys", "config"),
    "messagepack": Room("errors"),
    "protocol": Room("errors messagepack", "describe", "msgspec"),
    "parameters": Room("errors protocol units", "signatures", "msgspec"),
    "claims": Room(knows="describe"),
    "reservations": Room("errors"),
    "sessions": Room("admission claims", "describe"),
    "delivery": Room("protocol", "sessions"),
    "agenda": Room(knows="clock"),
    "fault_log": Room("errors packages", "clock"),
    "log_ring": Room("plain_text"),
    "misfits": Room(knows="clock"),
    "versions": Room("packages", libraries="zmq"),
    "posts": Room(knows="claims describe errors protocol sessions signatures worker"),
    "watching": Room("errors posts", "agenda bell clock describe mailbox signatures"),
    "supply_watch": Room("describe errors", "agenda watching"),
    "worker": Room(
        "agenda bell errors fault_log posts protocol signatures supply_watch watching",
        "claims clock describe mailbox sessions",
    ),
    "hardware": Room("buses chips errors", "boards clock wiring"),
    "board_expanders": Room("boards errors", "buses hardware reservations"),
    "giving_way": Room(
        "board_expanders boards claims errors reservations sessions wiring",
        "describe hardware worker",
    ),
    "rack": Room(
        "board_expanders boards errors fault_log giving_way memory reservations wiring worker",
        "clock describe hardware mailbox posts",
    ),
    "places": Room("wiring", "rack"),
    "salvage": Room("errors rack worker", "clock describe"),
    "scanner": Room("errors fault_log protocol", "mailbox wiring"),
    "status": Room("admission protocol", "delivery describe errors hardware rack sessions"),
    "methods": Room("protocol sessions", libraries="msgspec"),
    "subscriptions": Room(
        "admission delivery errors fault_log methods protocol rack watching worker",
        "claims clock parameters posts sessions signatures status",
        "msgspec",
    ),
    "releases": Room(
        "admission claims errors sessions signatures",
        "describe methods posts rack subscriptions worker",
    ),
    "dispatch": Room(
        "admission claims errors fault_log methods misfits parameters posts protocol rack releases "
        "salvage sessions signatures subscriptions worker",
        "catalogue clock delivery describe emulator_methods scanner status",
        "msgspec",
    ),
    "server": Room(
        "admission claims curve delivery misfits scanner",
        "clock dispatch keys mailbox sessions",
        "zmq",
    ),
    "emulation": Room(
        "buses.emulated chips.emulator errors modules.emulated",
        "boards buses clock describe",
    ),
    "emulator_methods": Room(
        "buses.emulated errors precision protocol wiring",
        "clock describe emulation rack",
        "msgspec",
    ),
    "endpoint": Room("errors"),
    "config": Room("boards endpoint errors wiring", "describe"),
    "discovery": Room(
        "boards buses buses.linux catalogue chips client clock config doors endpoint errors memory "
        "packages wiring",
        "describe hardware",
    ),
    "bridge": Room(
        "boards buses.linux catalogue clock config discovery dispatch doors emulation "
        "emulator_methods endpoint errors fault_log hardware mailbox memory places rack scanner "
        "server sessions status worker",
        "admission describe log_ring",
    ),
    # in front of the house
    "client": Room("endpoint errors keys", libraries="zmq msgpack"),
    "cli": Room(
        "bridge buses.linux catalogue client clock config discovery emulation endpoint errors "
        "hardware keys log_ring packages plain_text versions wiring",
    ),
    "__main__": Room("cli"),
}


@dataclass(frozen=True)
class Import:
    """One name that a file imports."""

    file: Path
    line: int
    module: str
    """Dotted; within the house without the name of the package in front."""
    name: str
    inside: bool
    for_types: bool

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"


def files() -> list[Path]:
    """All files of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str:
    """Find the room of a module: "chips.ina219.emulator" is in "chips.emulator"."""
    parts = module.split(".")
    if parts[0] == "chips" and parts[-1] == "emulator":
        return "chips.emulator"
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in ROOMS:
            return name
    raise LookupError(f"the room {module} is not in the plan: enter it in tests/house/rooms.py")


def module_of(file: Path) -> str:
    """Name a file as others import it."""
    parts = list(file.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(file: Path) -> list[Import]:
    """Read the imports of a file, those within functions too."""
    return list(_imports(file, ast.parse(file.read_text()), for_types=False))


def _imports(file: Path, node: ast.AST, *, for_types: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            for statement in child.body:
                yield from _import(file, statement, for_types=True)
            continue
        yield from _import(file, child, for_types=for_types)
        yield from _imports(file, child, for_types=for_types)


def _import(file: Path, node: ast.AST, *, for_types: bool) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        found = [(alias.name, "") for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{file}: imports say the whole name"
        found = [(node.module or "", alias.name) for alias in node.names]
    else:
        return
    for module, name in found:
        first, _, rest = module.partition(".")
        inside = first == NAME
        if inside and (PACKAGE / rest.replace(".", "/")).is_dir():
            below = PACKAGE / rest.replace(".", "/") / name
            if below.is_dir() or below.with_suffix(".py").is_file():
                rest = f"{rest}.{name}".lstrip(".")
        yield Import(file, node.lineno, rest if inside else module, name, inside, for_types)
