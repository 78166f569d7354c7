"""Parse ``name=value`` into an operation's parameters, with the catalogue's types.

1. Only the form is checked here; the bridge checks ranges and combinations.
2. Errors name the parameter, what was given and what is expected.
"""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, cast

from wisblock_bridge.errors import BadParamsError, UnknownModuleError, UnknownOperationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Entry = Mapping[str, object]

WORDS = {"true": True, "on": True, "yes": True, "1": True} | {
    "false": False,
    "off": False,
    "no": False,
    "0": False,
}
WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "on or off",
    "bytes": "bytes, like 01ff or text:hello",
    "list": "a list, like 6,7",
    "str": "a text",
}


def find_module(catalogue: Entry, name: str) -> Entry:
    """Return a module's entry in the catalogue, ignoring case.

    Args:
        catalogue: The catalogue.
        name: "RAK5801".

    Raises:
        UnknownModuleError: There is none; the most similar name is suggested.
    """
    modules = {str(each["name"]): each for each in entries(catalogue, "modules")}
    for known, entry in modules.items():
        if known.lower() == name.lower():
            return entry
    raise UnknownModuleError(f"There is no module {name!r}.", hint=nearest(name, list(modules)))


def find_operation(module: Entry, name: str, *, event: bool = False) -> Entry:
    """Return the entry of an operation or event.

    Args:
        module: Its entry.
        name: "read".
        event: Look for an event.

    Raises:
        UnknownOperationError: There is none; the most similar name is suggested.
    """
    kind = "event" if event else "operation"
    known = {str(each["name"]): each for each in entries(module, f"{kind}s")}
    if name not in known:
        raise UnknownOperationError(
            f"{module['name']} has no {kind} {name!r}.", hint=nearest(name, list(known))
        )
    return known[name]


def entries(entry: Entry, key: str) -> Sequence[Entry]:
    """Return a list of entries of the catalogue."""
    return cast("Sequence[Entry]", entry.get(key, ()))


def units_of(catalogue: Entry) -> dict[tuple[str, str, str], str]:
    """Return the names of the units of all readings, by module, operation or event, and reading."""
    return {
        (str(module["name"]), str(entry["name"]), str(reading["name"])): str(reading["unit"])
        for module in entries(catalogue, "modules")
        for kind in ("operations", "events")
        for entry in entries(module, kind)
        for reading in entries(entry, "readings")
    }


def parameters(operation: Entry, words: Sequence[str]) -> dict[str, object]:
    """Parse the parameters of a call.

    Args:
        operation: Its entry in the catalogue.
        words: "samples=8".

    Returns:
        Name to value.

    Raises:
        BadParamsError: A parameter is unknown, repeated or malformed.
    """
    known = {str(each["name"]): each for each in entries(operation, "params")}
    found: dict[str, object] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise BadParamsError(f"{word!r} is not a parameter.", hint="Write it like samples=8.")
        if name not in known:
            raise BadParamsError(
                f"{operation['name']} has no parameter {name!r}.", hint=nearest(name, list(known))
            )
        if name in found:
            raise BadParamsError(f"The parameter {name} is given twice.")
        found[name] = value(known[name], text)
    return found


def value(param: Entry, text: str) -> object:
    """Parse one value.

    Args:
        param: What is known of it: ``name``, ``kind``, ``choices`` and, of a list, ``item_kind``.
        text: As typed.

    Raises:
        BadParamsError: It is none.
    """
    for choice in cast("Sequence[object]", param.get("choices", ())):
        if text == str(choice):
            return choice
    kind = str(param["kind"])
    try:
        if kind == "list":
            return _list(text, str(param.get("item_kind") or "str"))
        return _single(text, kind)
    except ValueError:
        choices = ", ".join(str(each) for each in cast("Sequence[object]", param["choices"]))
        raise BadParamsError(
            f"{param['name']}: {text!r} is not {WANTED.get(kind, kind)}.",
            hint=f"Allowed are {choices}." if choices else "",
        ) from None


def _single(text: str, kind: str) -> object:
    match kind:
        case "int":
            return int(text, 0)
        case "float":
            return float(text)
        case "bool":
            if text.lower() not in WORDS:
                raise ValueError(text)
            return WORDS[text.lower()]
        case "bytes":
            if text.startswith("text:"):
                return text.removeprefix("text:").encode()
            return bytes.fromhex(text.removeprefix("0x").replace(":", " "))
        case _:
            return text


def _list(text: str, item_kind: str) -> list[object]:
    stripped = text.strip()
    if stripped.startswith("[") and any(mark in stripped for mark in '"{'):
        found = json.loads(stripped)
        if not isinstance(found, list):
            raise ValueError(text)
        return found
    items = stripped.removeprefix("[").removesuffix("]")
    return [_single(item.strip(), item_kind) for item in items.split(",") if item.strip()]


def nearest(name: str, known: list[str]) -> str:
    """Return the hint for a name that there is not: the most similar one, or all."""
    by_folded = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), by_folded, n=1)
    if close:
        return f"Did you mean {by_folded[close[0]]}?"
    return f"There are: {', '.join(known)}." if known else "It has none."
