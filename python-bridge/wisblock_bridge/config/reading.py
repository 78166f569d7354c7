"""Read the configuration from flags, environment and file.

1. A flag overrides the environment, the environment the file, the file the default.
2. Values are checked alone here; ``discovery`` compares them with the hardware.
3. Every error names file, table and key, and a similar name when one is unknown.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.boards.board import LineRef
from wisblock_bridge.config import values
from wisblock_bridge.config.lines import lines_of, located
from wisblock_bridge.config.model import (
    BoardConfig,
    Config,
    MetricReading,
    SecurityConfig,
    SlotConfig,
)
from wisblock_bridge.endpoint import (
    CONFIG_FILE,
    CONFIG_VARIABLE,
    EndpointError,
    parse_endpoint,
)
from wisblock_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wisblock_bridge.config.lines import Place

log = logging.getLogger(__name__)

DEFAULT_FILE = CONFIG_FILE
FILE_VARIABLE = CONFIG_VARIABLE
PREFIX = "WISBLOCK_BRIDGE_"

PRODUCTS = tuple(dict.fromkeys(board.product for board in BOARDS.values()))
VARIANTS = {
    product: tuple(sorted(each.variant for each in BOARDS.values() if each.product == product))
    for product in PRODUCTS
}
PINS = tuple(f"IO{number}" for number in range(1, 7))
SLOTS = (1, 2)
LOG_LEVELS = ("debug", "info", "warning", "error")


def load(
    flags: Mapping[str, object] | None = None,
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    default_file: Path = DEFAULT_FILE,
) -> Config:
    """Return the configuration from flags, environment and file.

    Args:
        flags: Flag ("--endpoint") to value; None values count as not given.
        file: The file that the command line names; None to look in the usual places.
        environment: Environment variables; by default those of this process.
        default_file: Read when it exists and no other file is named.

    Returns:
        The effective configuration.

    Raises:
        ConfigError: Something cannot be used; the message says what, where and what would be right.
    """
    environment = os.environ if environment is None else environment
    path = _find_file(file, environment, default_file)
    if path is None:
        return _put_together({}, "no file", flags or {}, environment, {})
    text = _text_of(path)
    written = _parse(path, text)
    lines = lines_of(text)
    try:
        return _put_together(written, str(path), flags or {}, environment, lines)
    except ConfigError as error:
        raise ConfigError(located(str(error), str(path), lines)) from None


def _put_together(
    written: Mapping[str, object],
    name: str,
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    lines: Mapping[Place, int],
) -> Config:
    _check_keys(written, name)
    found: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for setting in _SETTINGS:
        for value, place in _candidates(setting, flags, environment, written, name):
            found[setting.key] = setting.read(value, place)
            origins[setting.key] = place
            break
    _settle_board(found, origins)
    _note_unknown(environment)
    board = values.table(written.get("board", {}), f"{name}, table board")
    top = {key: value for key, value in found.items() if "." not in key}
    inner = _of_table(found, "board")
    return Config(
        **top,
        board=BoardConfig(
            **inner,
            free_lines=_free_lines(board, name, origins),
            lines=_lines(board, name, origins),
            serial_ports=_serial_ports(board, name, origins),
        ),
        security=SecurityConfig(**_of_table(found, "security")),
        slots=_slots(written, name, origins),
        source=name,
        origins=MappingProxyType(origins),
        lines=MappingProxyType(dict(lines)),
    )


def _of_table(found: Mapping[str, Any], table: str) -> dict[str, Any]:
    """Return the values of one table, without its name as a prefix."""
    prefix = f"{table}."
    return {
        key.removeprefix(prefix): value for key, value in found.items() if key.startswith(prefix)
    }


# -- single values --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Setting:
    """One value that a flag, the environment or the file can give."""

    key: str
    read: Callable[[object, str], object]
    flag: str = ""
    aliases: tuple[str, ...] = ()
    is_text: bool = False

    @property
    def variable(self) -> str:
        name = self.key.rpartition(".")[2] if self.key != "board.kind" else "board"
        return PREFIX + name.upper()


def _endpoint(value: object, place: str) -> str:
    try:
        return parse_endpoint(values.text(value, place)).text
    except EndpointError as error:
        raise values.refuse(place, str(error)) from None


def _remote_endpoint(value: object, place: str) -> str:
    endpoint = _endpoint(value, place)
    if not endpoint.startswith("tcp://"):
        raise values.refuse(
            place,
            f'"{endpoint}" cannot be reached from other computers. Write it like '
            "tcp://0.0.0.0:5560, or leave it out.",
        )
    return endpoint


def _directory(value: object, place: str) -> Path:
    directory = Path(values.text(value, place)).expanduser()
    if not directory.is_absolute():
        raise values.refuse(place, f'"{directory}" is not a whole path from the root (/).')
    return directory


def _metric_readings(value: object, place: str) -> tuple[MetricReading, ...]:
    example = 'Write them like ["RAK5801 1 read current"]: module, slot, operation, reading.'
    entries = value.split(",") if isinstance(value, str) else value
    if not isinstance(entries, list):
        raise values.refuse(place, f"{value!r} is not a list. {example}")
    found = []
    for each in entries:
        words = each.split() if isinstance(each, str) else []
        match words:
            case [module, "1" | "2" as slot, operation, reading]:
                found.append(MetricReading(module, 1 if slot == "1" else 2, operation, reading))
            case [module, "board", operation, reading]:
                found.append(MetricReading(module, "board", operation, reading))
            case _:
                raise values.refuse(place, f"{each!r} names no reading. {example}")
    return tuple(found)


_SETTINGS = (
    _Setting("endpoint", _endpoint, "--endpoint", is_text=True),
    _Setting("remote_endpoint", _remote_endpoint, "--remote-endpoint", is_text=True),
    _Setting("emulate", values.boolean, "--emulate"),
    _Setting("swing_s", partial(values.number, low=0.0, high=86_400.0), "--swing"),
    _Setting("log_level", partial(values.choice, allowed=LOG_LEVELS), "--log-level", is_text=True),
    _Setting("metrics", values.host_and_port, is_text=True),
    _Setting("metrics_readings", _metric_readings, is_text=True),
    _Setting(
        "board.kind", partial(values.choice, allowed=("auto", *PRODUCTS)), "--board", is_text=True
    ),
    _Setting(
        "board.variant",
        partial(values.choice, allowed=[each for group in VARIANTS.values() for each in group]),
        "--variant",
        ("generation", "revision"),
        is_text=True,
    ),
    _Setting("board.i2c_number", partial(values.integer, low=0, high=255)),
    _Setting("board.converter_address", values.address),
    _Setting(
        "board.converter_chip",
        partial(values.choice, allowed=("SGM58031", "ADS1115")),
        is_text=True,
    ),
    _Setting("security.keys", _directory, is_text=True),
    _Setting("security.curve", values.boolean),
)
_TOP_KEYS = (
    *(each.key for each in _SETTINGS if "." not in each.key),
    "board",
    "security",
    "slot",
)
_SECURITY_KEYS = tuple(_of_table(dict.fromkeys(each.key for each in _SETTINGS), "security"))
_BOARD_KEYS = (
    *(each.key.removeprefix("board.") for each in _SETTINGS if each.key.startswith("board.")),
    "generation",
    "revision",
    "free_lines",
    "slot1",
    "slot2",
)
_WIRING_KEYS = ("lines", "serial_port")


def _candidates(
    setting: _Setting,
    flags: Mapping[str, object],
    environment: Mapping[str, str],
    written: Mapping[str, object],
    name: str,
) -> list[tuple[object, str]]:
    """Return the sources of a setting, the one with the highest precedence first."""

    def typed(text: object) -> object:
        return text if setting.is_text or not isinstance(text, str) else values.from_text(text)

    found: list[tuple[object, str]] = []
    if flags.get(setting.flag) is not None:
        found.append((typed(flags[setting.flag]), setting.flag))
    if environment.get(setting.variable):
        value = typed(environment[setting.variable])
        if setting.read is values.boolean:
            value = values.WORDS.get(environment[setting.variable].lower(), value)
        found.append((value, f"environment variable {setting.variable}"))
    table, _, key = setting.key.rpartition(".")
    keys = written.get(table, {}) if table else written
    keys = values.table(keys, f"{name}, table {table}")
    prefix = f"{name}, table [{table}]," if table else f"{name},"
    given = [each for each in (key, *setting.aliases) if each in keys]
    if len({str(keys[each]) for each in given}) > 1:
        raise values.refuse(
            f"{prefix} keys {' and '.join(given)}", "they mean the same and have different values."
        )
    found.extend((keys[each], f"{prefix} key {each}") for each in given[:1])
    return found


def _settle_board(found: dict[str, object], origins: dict[str, str]) -> None:
    """Derive the product from its variant, or refuse a pair that does not match."""
    variant = found.get("board.variant")
    if variant is None:
        return
    product = next(each for each, group in VARIANTS.items() if variant in group)
    kind = found.get("board.kind", "auto")
    if kind == "auto":
        found["board.kind"] = product
        origins["board.kind"] = f"follows from the variant ({origins['board.variant']})"
    elif kind != product:
        allowed = " or ".join(VARIANTS[str(kind)])
        raise values.refuse(
            origins["board.variant"],
            f"{variant} is a variant of the {product}, and the board is a {kind}, which has the "
            f"variants {allowed}.",
        )


def _note_unknown(environment: Mapping[str, str]) -> None:
    known = {FILE_VARIABLE, *(each.variable for each in _SETTINGS)}
    for name in environment:
        if name.startswith(PREFIX) and name not in known:
            log.warning(
                "the environment variable %s is not known. %s",
                name,
                values.nearest(name, sorted(known)),
            )


# -- the file -------------------------------------------------------------------------------------


def _find_file(
    named: Path | None, environment: Mapping[str, str], default_file: Path
) -> Path | None:
    if named is not None:
        return named
    if environment.get(FILE_VARIABLE):
        return Path(environment[FILE_VARIABLE])
    return default_file if default_file.exists() else None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise values.refuse(str(path), f"it cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise values.refuse(str(path), "it is not UTF-8 text.") from None


def _parse(path: Path, text: str) -> dict[str, object]:
    import tomllib  # noqa: PLC0415  (only where there is a file: it takes 20 ms)

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise values.refuse(str(path), f"it is not valid TOML: {error}.") from None


def _check_keys(written: Mapping[str, object], name: str) -> None:
    values.only_known(written, _TOP_KEYS, f"{name},")
    board = values.table(written.get("board", {}), f"{name}, table board")
    values.only_known(board, _BOARD_KEYS, f"{name}, table [board],")
    security = values.table(written.get("security", {}), f"{name}, table security")
    values.only_known(security, _SECURITY_KEYS, f"{name}, table [security],")


def _free_lines(
    board: Mapping[str, object], name: str, origins: dict[str, str]
) -> Mapping[str, frozenset[int]]:
    if "free_lines" not in board:
        return {}
    place = f"{name}, table [board.free_lines]"
    found: dict[str, frozenset[int]] = {}
    for key, lines in values.table(board["free_lines"], f"{name}, table board.free_lines").items():
        if not isinstance(lines, list):
            raise values.refuse(f"{place}, key {key}", f"{lines!r} is not a list like [6, 7].")
        found[key] = frozenset(values.integer(line, f"{place}, key {key}", 0, 63) for line in lines)
        origins[f"board.free_lines.{key}"] = f"{place}, key {key}"
    return found


def _lines(
    board: Mapping[str, object], name: str, origins: dict[str, str]
) -> Mapping[int, Mapping[str, LineRef]]:
    found: dict[int, Mapping[str, LineRef]] = {}
    for slot, outer in _wired_slots(board, name):
        if "lines" not in outer:
            continue
        place = f"{name}, table [board.slot{slot}.lines]"
        inner = values.table(outer["lines"], f"{name}, table board.slot{slot}.lines")
        values.only_known(inner, PINS, f"{place},")
        found[slot] = {pin: _line_ref(value, f"{place}, key {pin}") for pin, value in inner.items()}
        for pin in inner:
            origins[f"board.slot{slot}.lines.{pin}"] = f"{place}, key {pin}"
    return found


def _wired_slots(
    board: Mapping[str, object], name: str
) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Return the tables with the wiring of slots."""
    for slot in SLOTS:
        if f"slot{slot}" in board:
            outer = values.table(board[f"slot{slot}"], f"{name}, table board.slot{slot}")
            values.only_known(outer, _WIRING_KEYS, f"{name}, table [board.slot{slot}],")
            yield slot, outer


def _serial_ports(
    board: Mapping[str, object], name: str, origins: dict[str, str]
) -> Mapping[int, str]:
    found: dict[int, str] = {}
    for slot, outer in _wired_slots(board, name):
        if "serial_port" not in outer:
            continue
        place = f"{name}, table [board.slot{slot}], key serial_port"
        path = values.text(outer["serial_port"], place)
        if not path.startswith("/dev/"):
            raise values.refuse(
                place,
                f'"{path}" is not a device file. `ls /dev/serial/by-path/*` shows those that keep '
                "their names.",
            )
        found[slot] = path
        origins[f"board.slot{slot}.serial_port"] = place
    return found


def _line_ref(value: object, place: str) -> LineRef:
    controller, _, offset = values.text(value, place).partition(":")
    if not controller or not offset.isdecimal():
        raise values.refuse(
            place,
            f'"{value}" is not a line. Write it like "slots:4": controller, colon, line number.',
        )
    return LineRef(controller, int(offset))


def _slots(
    written: Mapping[str, object], name: str, origins: dict[str, str]
) -> Mapping[int, SlotConfig]:
    entries = written.get("slot", [])
    if not isinstance(entries, list):
        raise values.refuse(
            f"{name}, table slot", "write each slot under its own [[slot]], in double brackets."
        )
    found: dict[int, SlotConfig] = {}
    for index, entry in enumerate(entries, start=1):
        place = f"{name}, table [[slot]] ({index}.),"
        keys = values.table(entry, f"{place} entry")
        values.only_known(keys, ("number", "module", "addresses"), place)
        if "number" not in keys:
            raise values.refuse(f"{place} key number", "it is missing: 1 or 2.")
        number = values.integer(keys["number"], f"{place} key number", SLOTS[0], SLOTS[-1])
        if number in found:
            raise values.refuse(f"{place} key number", f"slot {number} has an entry already.")
        module = values.text(keys["module"], f"{place} key module") if "module" in keys else None
        addresses = values.table(keys.get("addresses", {}), f"{place} table addresses")
        found[number] = SlotConfig(
            module,
            {
                chip: values.address(value, f"{place} key addresses.{chip}")
                for chip, value in addresses.items()
            },
        )
        for key in keys:
            origins[f"slot{number}.{key}"] = f"{place} key {key}"
    return found
