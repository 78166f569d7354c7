"""Write the manual page of ``wisblock-bridge`` from its parser.

    python scripts/manual.py --out docs/wisblock-bridge.1     write it
    python scripts/manual.py                                  print it

What the command line can do is said once, where the parser is built; the page repeats it in the
form that ``man`` reads (man(7)). What is not in the parser stands below, as text.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge import __version__
from wisblock_bridge.cli.arguments import build_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "wisblock-bridge"

EXIT_CODES = (
    (0, "Done."),
    (1, "It failed, or check found something missing."),
    (2, "Wrong usage, or the configuration cannot be used."),
    (3, "No bridge is running."),
    (130, "Interrupted."),
    (141, "The output was closed."),
)

COMMON = {"config", "endpoint", "debug", "keys"}
"""Options that are described once; ``--keys`` is for commands that use a running bridge."""

ENVIRONMENT = (
    ("WISBLOCK_BRIDGE_ENDPOINT", "Address of the bridge, where --endpoint is not given."),
    ("WISBLOCK_BRIDGE_CONFIG", "The configuration file, where --config is not given."),
    ("COLUMNS", "Width of tables; without it the width of the terminal."),
)

FILES = (
    ("/etc/wisblock-bridge/wisblock-bridge.toml", "The configuration."),
    ("/run/wisblock-bridge/bridge.sock", "Where the service listens."),
)


def page() -> str:
    """Return the page."""
    parser = build_parser()
    lines = [
        f'.TH WISBLOCK-BRIDGE 1 "" "wisblock-bridge {__version__}" "User Commands"',
        ".SH NAME",
        f"{_plain(NAME)} \\- {_plain(_sentence(parser.description or ''))}",
        ".SH SYNOPSIS",
        f".B {_plain(NAME)}",
        "[\\fIoptions\\fR] \\fICOMMAND\\fR [\\fIargument\\fR ...]",
        ".SH DESCRIPTION",
        _plain(parser.description or ""),
        "Without hardware the same bridge serves an emulated board.",
        ".SH COMMANDS",
    ]
    for name, summary, command in _commands(parser):
        lines += _described(f"{NAME} {name}", summary, command)
        for action, of_action, each in _commands(command):
            lines += _described(f"{NAME} {name} {action}", of_action, each)
    lines += [".SH OPTIONS OF ALL COMMANDS"]
    (_, _, one) = next(each for each in _commands(parser) if each[0] == "status")
    for action in one._actions:  # noqa: SLF001
        if action.dest in COMMON:
            lines += [".TP", _option(action), _plain(action.help or "")]
    lines += [".SH EXIT STATUS"]
    for code, meaning in EXIT_CODES:
        lines += [".TP", f".B {code}", _plain(meaning)]
    for title, rows in (("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        lines.append(f".SH {title}")
        for name, meaning in rows:
            lines += [".TP", f".B {_plain(name)}", _plain(meaning)]
    lines += [".SH EXAMPLES", ".nf"]
    lines += [_plain(line.strip()) for line in (parser.epilog or "").splitlines()[1:]]
    lines.append(".fi")
    return "\n".join(lines) + "\n"


def _commands(
    parser: argparse.ArgumentParser,
) -> Iterator[tuple[str, str, argparse.ArgumentParser]]:
    """Yield the commands of a parser: name, summary, and what it takes."""
    for action in parser._actions:  # noqa: SLF001  (there is no other way to see them)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for name, each in action.choices.items():
                yield name, each.description or "", each


def _described(title: str, summary: str, parser: argparse.ArgumentParser) -> list[str]:
    shown = [
        action
        for action in parser._actions  # noqa: SLF001
        if action.help is not argparse.SUPPRESS
        and action.dest not in COMMON | {"help"}
        and not isinstance(action, argparse._SubParsersAction)  # noqa: SLF001
    ]
    words = " ".join(_usage(action) for action in shown if not action.option_strings)
    lines = [f'.SS "{_plain(title)}"', _plain(summary)]
    if words:
        lines += [".PP", f".B {_plain(title)}", words]
    for action in shown:
        lines += [".TP", _usage(action) if not action.option_strings else _option(action)]
        lines.append(_plain(action.help or ""))
    return lines


def _usage(action: argparse.Action) -> str:
    name = f"\\fI{_plain(_metavar(action))}\\fR"
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(
        str(action.nargs), name
    )


def _option(action: argparse.Action) -> str:
    names = ", ".join(f"\\fB{_plain(each)}\\fR" for each in action.option_strings)
    return names if action.nargs == 0 else f"{names} \\fI{_plain(_metavar(action))}\\fR"


def _metavar(action: argparse.Action) -> str:
    return str(action.metavar) if action.metavar else action.dest.upper()


def _sentence(text: str) -> str:
    """Return a description as the line that ``whatis`` shows."""
    return (text[:1].lower() + text[1:]).rstrip(".")


def _plain(text: str) -> str:
    """Escape what troff would take for a command."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def main() -> int:
    """Write or print the page."""
    parser = argparse.ArgumentParser(description="Write the manual page from the parser.")
    parser.add_argument("--out", type=Path)
    out = parser.parse_args().out
    if out is None:
        sys.stdout.write(page())
    else:
        out.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
