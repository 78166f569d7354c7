"""How the typed classes of the Python client name, type and describe what a catalogue has.

1. Facts come from the catalogue's entries; what is the same for all modules is written here once.
"""

from __future__ import annotations

import json
import textwrap
from typing import Any

WIDTH = 100
MANY = 1_000_000
"""From here on, numbers are written with an exponent."""

Entry = dict[str, Any]

KINDS = {
    "float": "float", "int": "int", "bool": "bool", "str": "str", "bytes": "bytes",
    "list": "list[Any]",
}  # fmt: skip


# -- names and types ------------------------------------------------------------------------------


def class_name(module: Entry) -> str:
    """Return the name of a module's class: "Rak5801"."""
    return str(module["slug"]).capitalize()


def result_name(module: Entry, operation: Entry) -> str:
    """Return the name of the class of an operation's result: "Rak5801ReadResult"."""
    words = "".join(each.capitalize() for each in operation["name"].split("_"))
    return f"{class_name(module)}{words}Result"


def literal(values: list[object]) -> str:
    """Return the type of one of some values."""
    return f"Literal[{', '.join(json.dumps(each) for each in values)}]"


def reading_type(reading: Entry) -> str:
    """Return the type of a reading."""
    choices = reading["choices"]
    kind = literal(choices) if choices else KINDS[reading["kind"]]
    return f"{kind} | None" if reading["optional"] else kind


def param_type(param: Entry) -> str:
    """Return the type of a parameter."""
    choices, kind = param["choices"], param["kind"]
    if kind == "list":
        item = KINDS[param["item_kind"]]
        found = f"list[{item}] | tuple[{item}, ...]"
    elif not choices:
        found = KINDS[kind]
    elif kind == "str" or all(isinstance(each, int) for each in choices):
        found = literal(choices)
    else:
        found = f"{KINDS[kind]} | {literal(choices)}"
    return f"{found} | None" if not param["required"] and param["default"] is None else found


def default_text(param: Entry) -> str:
    """Return a parameter's default as Python writes it."""
    default = param["default"]
    if isinstance(default, list):
        return "()" if not default else repr(tuple(default))
    return json.dumps(default) if isinstance(default, str) else repr(default)


# -- words ----------------------------------------------------------------------------------------


def number(value: float) -> str:
    """Write a number for a sentence."""
    return f"{value:g}" if abs(value) >= MANY else str(value).removesuffix(".0")


def allowed(entry: Entry, units: Entry) -> str:
    """Return unit and range in brackets, with a space before them; "" when there is neither."""
    symbol = units[entry["unit"]]["symbol"]
    low, high, kind = entry["low"], entry["high"], entry["kind"]
    parts = []
    if "fewest" in entry:
        parts.append(f"{entry['fewest']} to {entry['most']} items")
    tail = f" {symbol}" if symbol else ""
    if kind in {"str", "bytes"} and high is not None:
        parts.append(
            f"{number(low or 0)} to {number(high)} {'characters' if kind == 'str' else kind}"
        )
    elif low is not None and high is not None:
        parts.append(f"{number(low)} to {number(high)}{tail}")
    elif low is not None:
        parts.append(f"at least {number(low)}{tail}")
    elif high is not None:
        parts.append(f"at most {number(high)}{tail}")
    elif symbol:
        parts.append(f"in {symbol}")
    return f" ({'; '.join(parts)})" if parts else ""


def sentence(entry: Entry, units: Entry) -> str:
    """Return an entry's summary with unit and range before its full stop."""
    return f"{entry['summary'].rstrip('.')}{allowed(entry, units)}."


def wrapped(text: str, indent: int, hanging: int = 0) -> list[str]:
    """Break a paragraph into lines."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )


def docstring(paragraphs: list[list[str]], indent: int) -> list[str]:
    """Return a docstring of paragraphs whose lines are broken already."""
    space = " " * indent
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += ["", *paragraph] if lines else paragraph
    text = "\n".join(lines).replace("\\", "\\\\").replace('"""', '\\"""')
    first, _, rest = text.lstrip().partition("\n")
    if not rest and len(first) + indent + 6 <= WIDTH and not first.endswith('"'):
        return [f'{space}"""{first}"""']
    return [f'{space}"""{first}', *(rest.split("\n") if rest else []), f'{space}"""']


def params_words(operation: Entry, units: Entry) -> list[list[str]]:
    """Return the paragraph on the parameters, in a list; nothing when there are none."""
    lines = []
    for each in operation["params"]:
        lines += wrapped(f"{each['name']}: {sentence(each, units)}", 12, 4)
    return [["        Args:", *lines]] if lines else []


def operation_words(operation: Entry, units: Entry, notes: list[str]) -> list[list[str]]:
    """Return the paragraphs of an operation's docstring."""
    paragraphs = [wrapped(operation["summary"], 8)]
    paragraphs += [wrapped(text, 8) for text in (operation["details"], *notes) if text]
    paragraphs += params_words(operation, units)
    names = []
    for each in operation["readings"]:
        symbol = units[each["unit"]]["symbol"]
        names.append(f"``{each['name']}``" + (f" ({symbol})" if symbol else ""))
    returns = ["        Returns:", *wrapped(f"{', '.join(names) or 'Nothing'}.", 12)]
    raises = ["        Raises:"]
    if operation["params"]:
        raises.append("            BadParamsError: A parameter is not what is allowed here.")
    raises += [
        "            HardwareError: The module does not answer, or not as it should.",
        "            RemoteError: The bridge refused, is not connected, or did not reply in time.",
    ]
    return [*paragraphs, returns, raises]


def repeated_words(module: Entry, operation: Entry, units: Entry) -> list[list[str]]:
    """Return the paragraphs of the docstring of an operation at an interval."""
    paragraphs = [
        wrapped(operation["summary"], 8),
        wrapped(
            "At the interval, until what is returned is closed or forgotten; "
            f"see ``{class_name(module)}.{operation['name']}``.",
            8,
        ),
    ]
    return [*paragraphs, *params_words(operation, units)]


def module_words(module: Entry) -> list[list[str]]:
    """Return the paragraphs of a module's docstring."""
    paragraphs = [[f"    {module['name']}: {module['title']}."], wrapped(module["summary"], 4)]
    paragraphs += [wrapped(each, 4) for each in module["details"]]
    operations = ["    Operations:"]
    for each in module["operations"]:
        operations += wrapped(f"{each['name']}: {each['summary']}", 8, 4)
    paragraphs.append(operations)
    if module["events"]:
        events = ["    Events:"]
        for each in module["events"]:
            events += wrapped(f"{each['name']}: {each['summary']}", 8, 4)
        paragraphs.append(events)
    paragraphs.append([f"    {module['reference']}"])
    return paragraphs


def has_words(module: Entry) -> str:
    """Return the sentence on what a module has."""
    operations = ", ".join(f"``{each['name']}``" for each in module["operations"])
    events = ", ".join(f"``{each['name']}``" for each in module["events"])
    return f"The module, with the operations {operations}{'; events: ' if events else ''}{events}."
