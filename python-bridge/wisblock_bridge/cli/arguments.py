"""The words of the command line: commands, options and their help.

1. Words only: what a command does is imported when it is chosen.
2. ``NAME=VALUE`` may stand anywhere behind the operation, as people type it.
"""

from __future__ import annotations

import argparse
import importlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from wisblock_bridge import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[[argparse.Namespace], int]

UNITS_S = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}

EPILOG = """\
examples:
  wisblock-bridge serve --emulate --demo       no hardware needed
  wisblock-bridge check                        what is missing on this computer?
  wisblock-bridge list RAK5801                 what can it do?
  wisblock-bridge call RAK5801 read --slot 1 samples=8
  wisblock-bridge watch RAK5801 read --slot 1 --every 1s
"""


class Parser(argparse.ArgumentParser):
    """A parser whose refusals name the help."""

    as_json = False
    """Whether refusals are for programs, too."""

    def error(self, message: str) -> NoReturn:
        """Refuse what was typed, with exit code 2."""
        from wisblock_bridge.wire.plain_text import escaped  # noqa: PLC0415  (only where it fails)

        hint = f"See `{self.prog} --help`."
        if Parser.as_json:
            from wisblock_bridge.cli import complaints, formatting  # noqa: PLC0415

            error = {"code": complaints.USAGE, "message": f"{message}.", "hint": hint}
            self.exit(2, formatting.to_json({"error": error}, indent=None) + "\n")
        self.exit(2, escaped(f"wisblock-bridge: {message}. {hint}") + "\n")


def parse(words: list[str]) -> argparse.Namespace:
    """Understand the command line.

    Args:
        words: As typed, without the program's name.

    Returns:
        The options; ``load()`` imports what runs the command.

    Raises:
        SystemExit: It cannot be understood (code 2), or help was asked for (code 0).
    """
    Parser.as_json = "--json" in words
    parser = _parser()
    options, rest = parser.parse_known_args(_joined(words))
    if rest:
        strange = [word for word in rest if word.startswith("-") or "=" not in word]
        if not hasattr(options, "params") or strange:
            parser.error(f"{(strange or rest)[0]!r} is not understood")
        options.params = [*options.params, *rest]
    return options


def _joined(words: list[str]) -> list[str]:
    """Tie keys to their option: a key may begin with a dash, and would be taken for another one."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "--public-key":
            joined[-1] = f"--public-key={word}"
        else:
            joined.append(word)
    return joined


def duration_s(text: str) -> float:
    """Read a duration.

    Args:
        text: "500ms", "1s", "2m", or a number of seconds.

    Returns:
        Seconds.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if match is None or match[2] not in UNITS_S:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 500ms, 1s or 2m")
    return float(match[1]) * UNITS_S[match[2]]


def place(text: str) -> int | str:
    """Read a slot.

    Args:
        text: "1", "2" or "board".

    Returns:
        The slot as the protocol has it.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if text not in {"1", "2", "board"}:
        raise argparse.ArgumentTypeError(f"{text!r} is no slot; there are 1, 2 and board")
    return int(text) if text.isdigit() else text


def positive(text: str) -> int:
    """Read a number of times.

    Args:
        text: "10".

    Returns:
        The number.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def _parser() -> Parser:
    parser = Parser(
        prog="wisblock-bridge",
        description="Serves the WisBlock modules of a RAK7391 or RAK6421, or asks who does.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "-V", "--version", action="version", version=f"wisblock-bridge {__version__}"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, summary: str, runner: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        added.add_argument("--config", type=Path, metavar="FILE", help="configuration file (TOML)")
        added.add_argument("--endpoint", metavar="ADDRESS", help="ipc:///path or tcp://host:port")
        added.add_argument("--debug", action="store_true", help="show where an error comes from")
        added.set_defaults(load=lambda: _load(runner))
        return added

    def asking(name: str, summary: str, runner: str) -> argparse.ArgumentParser:
        added = command(name, summary, runner)
        added.add_argument(
            "--keys", type=Path, metavar="FILE", help="this client's keys, for tcp://"
        )
        return added

    serve = command("serve", "Serve the board's modules until stopped.", "serve:serve")
    _add_board(serve)
    serve.add_argument("--demo", action="store_true", help="emulated, and its values change slowly")
    serve.add_argument(
        "--remote-endpoint", metavar="ADDRESS", help="serve here besides, encrypted and with keys"
    )
    serve.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error")

    check = command(
        "check", "Tell what is missing on this computer, and what to do.", "check:check"
    )
    _add_board(check)
    check.add_argument("--show", action="store_true", help="show what is configured, and by whom")
    _add_json(check)

    scan = asking("scan", "Tell which chips answer on the board's I2C bus.", "query:scan")
    _add_board(scan)
    _add_json(scan)

    listing = asking(
        "list", "Tell which modules there are, or what one can do.", "query:list_modules"
    )
    listing.add_argument("module", nargs="?", metavar="MODULE", help="such as RAK5801")
    _add_json(listing)

    call = asking("call", "Let a module do something, once.", "call:call")
    _add_operation(call)
    call.add_argument(
        "--hold", action="store_true", help="leave the output as it is when this command ends"
    )

    release = asking("release", "Close a module: outputs safe, slot free.", "call:release")
    release.add_argument("module", metavar="MODULE", help="such as RAK5801")
    release.add_argument("--slot", type=place, metavar="SLOT", help="1, 2 or board (default 1)")
    release.add_argument(
        "--force", action="store_true", help="whoever uses it: ends the claims of all clients"
    )
    release.add_argument(
        "--output", nargs="+", action="extend", default=[], dest="outputs", metavar="NAME",
        help="make only these outputs safe; the module stays open",
    )  # fmt: skip

    watch = asking("watch", "Show what a module reads, again and again.", "watch:watch")
    _add_operation(watch)
    watch.add_argument(
        "--every", type=duration_s, default=1.0, metavar="TIME", help="500ms, 1s, 2m (default 1s)"
    )
    watch.add_argument(
        "--event", action="store_true", help="the word behind the module is an event"
    )
    watch.add_argument("--deadband", type=float, help="show only changes greater than this")
    watch.add_argument("--count", type=positive, help="end after so many values")

    status = asking("status", "Tell how the running bridge is.", "status:status")
    _add_json(status)

    report = asking(
        "report", "Put everything into a file that helps to find a fault; no keys.", "report:report"
    )
    _add_board(report)
    report.add_argument("--out", type=Path, metavar="FILE", help="write it to a file")

    catalogue = command(
        "catalogue", "Print the description of all modules as JSON.", "query:print_catalogue"
    )
    catalogue.add_argument(
        "--out", type=Path, metavar="FILE", help="write it to a file, and its fingerprint beside it"
    )

    _add_keys(command("keys", "Make and list the keys of remote clients.", ""))
    return parser


def _add_keys(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=Parser)

    def action(name: str, summary: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=summary, description=summary)
        # Here, too, because people type them last; not given, the word before the action counts.
        for option, more in (("--config", {"type": Path}), ("--debug", {"action": "store_true"})):
            added.add_argument(option, default=argparse.SUPPRESS, help=argparse.SUPPRESS, **more)
        runner = "list_clients" if name == "list" else name
        added.set_defaults(load=lambda: _load(f"keys:{runner}"))
        return added

    def named(name: str, summary: str) -> argparse.ArgumentParser:
        added = action(name, summary)
        added.add_argument("name", metavar="NAME", help="what the key is called, such as office")
        return added

    _add_json(action("server", "Make this bridge's own pair of keys, or show its public key."))
    add = named("add", "Let a client in: make its keys, or list a public key that it has.")
    add.add_argument("--role", required=True, metavar="ROLE", help="read, drive or admin")
    add.add_argument("--public-key", metavar="KEY", help="the client's own, if it made its keys")
    add.add_argument("--out", type=Path, metavar="FILE", help="client file (default ./NAME.keys)")
    _add_json(action("list", "Tell which keys may connect."))
    role = named("role", "Change what a key may do, from its next request on.")
    role.add_argument("role", metavar="ROLE", help="read, drive or admin")
    named("remove", "Let a key in no longer; it is cut off at its next request.")


def _load(runner: str) -> Run:
    module, _, name = runner.partition(":")
    run: Run = getattr(importlib.import_module(f"wisblock_bridge.cli.{module}"), name)
    return run


def _add_board(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--emulate",
        action="store_const",
        const=True,
        help="no hardware: the same drivers on emulated chips",
    )
    parser.add_argument("--board", metavar="BOARD", help="RAK7391, RAK6421 or auto")
    parser.add_argument("--variant", metavar="VARIANT", help="A, B or C; VA or VB")


def _add_operation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("module", metavar="MODULE", help="such as RAK5801")
    parser.add_argument("operation", metavar="OPERATION", help="such as read")
    parser.add_argument(
        "params", nargs="*", metavar="NAME=VALUE", default=[], help="such as samples=8"
    )
    parser.add_argument("--slot", type=place, metavar="SLOT", help="1, 2 or board (default 1)")
    parser.add_argument(
        "--timeout",
        type=duration_s,
        default=10.0,
        metavar="TIME",
        help="longest wait for a reply (default 10s)",
    )
    _add_json(parser)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
