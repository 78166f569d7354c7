"""The command line's commands, options and their help.

1. What a command does is imported when it is chosen.
2. ``NAME=VALUE`` may stand anywhere after the operation, among the options.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from wisblock_bridge import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    Run = Callable[[argparse.Namespace], int]
    Command = Callable[[str, str, str], argparse.ArgumentParser]

_USUAL_COLUMNS = 80

UNITS_S = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}

FAULTS = ("nack", "eio", "stuck", "checksum", "slow", "power_cycle", "off")
"""How emulated hardware can be made to fail (docs/protocol.md, section 10)."""

SHELLS = ("bash", "zsh")

EPILOG = """\
examples:
  wisblock-bridge serve --emulate --demo       no hardware needed
  wisblock-bridge check                        what is missing on this computer?
  wisblock-bridge list RAK5801                 what can it do?
  wisblock-bridge call RAK5801 read --slot 1 samples=8
  wisblock-bridge watch RAK5801 read --slot 1 --every 1s
  wisblock-bridge watch --all                  what all clients get
  wisblock-bridge emulator set 1 current=12    turn a knob of the emulated world
  wisblock-bridge docs RAK5801                 its page
"""


def _columns() -> int:
    """Return how many characters fit into a line of the terminal."""
    with suppress(ValueError):
        columns = int(os.environ.get("COLUMNS", ""))
        if columns > 0:
            return columns
    if sys.__stdout__ is not None:
        with suppress(ValueError, OSError):  # closed, or no terminal
            return os.get_terminal_size(sys.__stdout__.fileno()).columns or _USUAL_COLUMNS
    return _USUAL_COLUMNS


class Formatter(argparse.HelpFormatter):
    """Help as wide as the terminal.

    ``argparse`` finds the width with ``shutil``, for each parser that is made: that brings the
    libraries of three compressions into a bridge that serves.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


class RawFormatter(Formatter, argparse.RawDescriptionHelpFormatter):
    """The same, with the lines of the description as they are written."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors name the help."""

    as_json = False
    """Whether errors are written as JSON, too."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401
        options.setdefault("formatter_class", Formatter)
        super().__init__(*arguments, **options)

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 and a sentence."""
        from wisblock_bridge.wire.plain_text import escaped  # noqa: PLC0415  (only where it fails)

        hint = f"See `{self.prog} --help`."
        if Parser.as_json:
            from wisblock_bridge.cli import complaints, formatting  # noqa: PLC0415

            error = {"code": complaints.USAGE, "message": f"{message}.", "hint": hint}
            self.exit(2, formatting.to_json({"error": error}, indent=None) + "\n")
        self.exit(2, escaped(f"wisblock-bridge: {message}. {hint}") + "\n")


def parse(words: list[str]) -> argparse.Namespace:
    """Parse the command line.

    Args:
        words: As typed, without the program's name.

    Returns:
        The options; ``load()`` imports what runs the command.

    Raises:
        SystemExit: It cannot be understood (code 2), or help was asked for (code 0).
    """
    Parser.as_json = wants_json(words)
    parser = build_parser(serves=words[:1] == ["serve"])
    options, rest = parser.parse_known_args(_joined(words))
    if hasattr(options, "everything"):
        rest = _take_operation(options, rest)
    if rest:
        strange = [word for word in rest if word.startswith("-") or "=" not in word]
        if not hasattr(options, "params") or strange:
            parser.error(f"{(strange or rest)[0]!r} is not understood")
        options.params = [*options.params, *rest]
    return options


def _joined(words: list[str]) -> list[str]:
    """Join keys to their option: a key may begin with a dash and look like an option itself."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "--public-key":
            joined[-1] = f"--public-key={word}"
        else:
            joined.append(word)
    return joined


def _take_operation(options: argparse.Namespace, rest: list[str]) -> list[str]:
    """Take what is watched from between the options, wherever it stands.

    Returns:
        What is still not understood.
    """
    words = [word for word in (options.module, options.operation, *options.params) if word]
    words += [word for word in rest if not word.startswith("-")]
    names = [word for word in words if "=" not in word]
    options.params = [word for word in words if "=" in word]
    options.module = names.pop(0) if names else None
    options.operation = names.pop(0) if names else None
    if not options.everything and options.operation is None:
        options.fail("a module and an operation are wanted, or --all")
    if options.everything and (options.operation is not None or options.params):
        options.fail("--all takes a module at most, and no operation")
    if names:
        options.fail(f"{names[0]!r} is not understood")
    return [word for word in rest if word.startswith("-")]


def wants_json(words: list[str]) -> bool:
    """Return whether what a command says is to be JSON, its errors too."""
    return "--json" in words or "--jsonl" in words


def duration_s(text: str) -> float:
    """Parse a duration.

    Args:
        text: "500ms", "1s", "2m", or a number of seconds.

    Raises:
        argparse.ArgumentTypeError: The text cannot be parsed.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if match is None or match[2] not in UNITS_S:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration; write 500ms, 1s or 2m")
    return float(match[1]) * UNITS_S[match[2]]


def limit_s(text: str) -> float:
    """Parse a duration in which something can be done.

    Args:
        text: As for ``duration_s``, and greater than 0.

    Raises:
        argparse.ArgumentTypeError: The text cannot be parsed.
    """
    found = duration_s(text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is too short; write 500ms, 1s or 2m")
    return found


def place(text: str) -> int | str:
    """Parse a slot.

    Args:
        text: "1", "2" or "board".

    Raises:
        argparse.ArgumentTypeError: The text cannot be parsed.
    """
    if text not in {"1", "2", "board"}:
        raise argparse.ArgumentTypeError(f"{text!r} is not a slot; use 1, 2 or board")
    return int(text) if text.isdigit() else text


def place_or_address(text: str) -> int | str:
    """Parse what can be made to fail: a slot, or the address of a chip.

    Args:
        text: "1", "2", "board", or "0x4b".

    Returns:
        The slot; the address as it was typed.

    Raises:
        argparse.ArgumentTypeError: The text cannot be parsed.
    """
    if re.fullmatch(r"0x[0-9a-f]{1,2}", text.lower()):
        return text.lower()
    if text not in {"1", "2", "board"}:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a slot (1, 2 or board) nor an address such as 0x4b"
        )
    return place(text)


def positive(text: str) -> int:
    """Parse a count.

    Args:
        text: "10".

    Raises:
        argparse.ArgumentTypeError: The text cannot be parsed.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1")
    return int(text)


def build_parser(*, serves: bool = False) -> Parser:
    """Build the parser of the command line.

    Args:
        serves: For ``serve`` alone: a bridge that starts does not wait for the other commands.
    """
    parser = Parser(
        prog="wisblock-bridge",
        description="Serve the WisBlock modules of a RAK7391 or RAK6421, or use a running bridge.",
        epilog=EPILOG,
        formatter_class=RawFormatter,
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

    def client_command(name: str, summary: str, runner: str) -> argparse.ArgumentParser:
        added = command(name, summary, runner)
        added.add_argument(
            "--keys", type=Path, metavar="FILE", help="this client's keys, for tcp://"
        )
        return added

    _add_serve(command)
    if serves:
        return parser
    _add_check(command)
    _add_queries(client_command)
    _add_use(client_command)
    _add_reports(client_command)
    _add_catalogue(command)
    _add_emulator(client_command)
    _add_nodes(command("nodes", "Install the nodes in Node-RED, or remove them.", ""))
    _add_help(command)
    _add_keys(command("keys", "Create and list the keys of remote clients.", ""))
    return parser


def _add_serve(command: Command) -> None:
    serve = command("serve", "Serve the board's modules until stopped.", "serve:serve")
    _add_board(serve)
    serve.add_argument(
        "--demo", action="store_true", help="emulate, with values that change slowly"
    )
    serve.add_argument(
        "--remote-endpoint", metavar="ADDRESS", help="also serve here, encrypted and with keys"
    )
    serve.add_argument("--log-level", metavar="LEVEL", help="debug, info, warning or error")


def _add_check(command: Command) -> None:
    check = command(
        "check", "Report what is missing on this computer, and what to do.", "check:check"
    )
    _add_board(check)
    check.add_argument(
        "--show",
        action="store_true",
        help="show the configuration, and where each value comes from",
    )
    _add_json(check)


def _add_queries(command: Command) -> None:
    scan = command("scan", "List the chips that answer on the board's I2C bus.", "query:scan")
    _add_board(scan)
    _add_json(scan)

    listing = command("list", "List the modules, or describe one.", "query:list_modules")
    listing.add_argument("module", nargs="?", metavar="MODULE", help="such as RAK5801")
    _add_json(listing)


def _add_use(command: Command) -> None:
    call = command("call", "Call an operation of a module once.", "call:call")
    _add_operation(call)
    call.add_argument(
        "--hold", action="store_true", help="leave the output as it is when this command ends"
    )

    release = command(
        "release", "Release a module: make its outputs safe and free its slot.", "call:release"
    )
    release.add_argument("module", metavar="MODULE", help="such as RAK5801")
    release.add_argument("--slot", type=place, metavar="SLOT", help="1, 2 or board (default 1)")
    release.add_argument(
        "--force", action="store_true", help="also end the claims of other clients"
    )
    release.add_argument(
        "--output", nargs="+", action="extend", default=[], dest="outputs", metavar="NAME",
        help="make only these outputs safe; the module stays open",
    )  # fmt: skip
    _add_json(release)

    watch = command("watch", "Show a module's readings repeatedly, or its events.", "watch:watch")
    _add_operation(watch, optional=True)
    watch.set_defaults(fail=watch.error)
    watch.add_argument(
        "--all", action="store_true", dest="everything",
        help="show what all clients get, and who uses what; opens and touches nothing",
    )  # fmt: skip
    watch.add_argument(
        "--every", type=duration_s, default=1.0, metavar="TIME", help="500ms, 1s, 2m (default 1s)"
    )
    watch.add_argument("--event", action="store_true", help="the name after the module is an event")
    watch.add_argument("--deadband", type=float, help="show only changes greater than this")
    watch.add_argument("--count", type=positive, help="end after this many values")
    form = watch.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="a table for spreadsheets and programs")
    form.add_argument("--jsonl", action="store_true", help="a line of JSON for each value")


def _add_reports(command: Command) -> None:
    commission = command(
        "commission",
        "Check a module on a real board, guided: what nobody has confirmed on hardware yet.",
        "commission:commission",
    )
    commission.add_argument("module", metavar="MODULE", help="such as RAK5801")
    commission.add_argument("--slot", type=place, metavar="SLOT", help="1, 2 or board (default 1)")
    commission.add_argument(
        "--out", type=Path, metavar="FILE", help="report (default commission-MODULE-slot-SLOT.md)"
    )

    status = command("status", "Show the state of the running bridge.", "status:status")
    _add_json(status)

    report = command(
        "report", "Write a report that helps to find a fault, without keys.", "report:report"
    )
    _add_board(report)
    report.add_argument("--out", type=Path, metavar="FILE", help="write it to a file")


def _add_catalogue(command: Command) -> None:
    catalogue = command(
        "catalogue", "Print the description of all modules as JSON.", "query:print_catalogue"
    )
    catalogue.add_argument(
        "--out", type=Path, metavar="FILE", help="write it to a file, and its fingerprint beside it"
    )
    _add_json(catalogue)


def _add_emulator(command: Command) -> None:
    emulator = command("emulator", "Change the world around an emulated board.", "")
    actions = emulator.add_subparsers(metavar="ACTION", required=True, parser_class=Parser)

    def action(name: str, summary: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=summary, description=summary)
        _add_again(added, connected=True)
        runner = f"{name}_quantities" if name in {"list", "set"} else name
        added.set_defaults(load=lambda: _load(f"emulator:{runner}"))
        return added

    def at_slot(name: str, summary: str) -> argparse.ArgumentParser:
        added = action(name, summary)
        added.add_argument("slot", type=place, metavar="SLOT", help="1, 2 or board")
        return added

    listing = action("list", "List what is in the slots, and what can be set there.")
    listing.add_argument(
        "slot", nargs="?", type=place, metavar="SLOT", help="1, 2 or board (default 1 and 2)"
    )
    _add_json(listing)
    change = at_slot("set", "Set quantities of the world: a current, a contact, a card.")
    change.add_argument("params", nargs="+", metavar="NAME=VALUE", help="such as current=12")
    _add_json(change)
    plug = at_slot("plug", "Plug a module into an emulated slot.")
    plug.add_argument("module", metavar="MODULE", help="such as RAK5801")
    _add_json(plug)
    _add_json(at_slot("unplug", "Pull out what is in an emulated slot."))
    fault = action("fault", "Make the hardware fail, or end that.")
    fault.add_argument(
        "place", type=place_or_address, metavar="PLACE",
        help="1, 2, board, or the address of a chip such as 0x4b",
    )  # fmt: skip
    fault.add_argument(
        "kind", choices=FAULTS, metavar="KIND", help=f"{', '.join(FAULTS[:-1])}; off ends it"
    )
    fault.add_argument("--count", type=positive, help="how many transfers fail")
    fault.add_argument("--for", type=duration_s, dest="for_s", metavar="TIME", help="500ms, 2m")
    _add_json(fault)
    demo = action("demo", "Let quantities move, until interrupted; then put them back.")
    demo.add_argument(
        "slots", nargs="*", type=place, metavar="SLOT", help="1, 2 or board (default 1 and 2)"
    )
    demo.add_argument(
        "--period", type=duration_s, default=20.0, metavar="TIME",
        help="how long it takes up and down again (default 20s)",
    )  # fmt: skip
    demo.add_argument("--for", type=duration_s, dest="for_s", metavar="TIME", help="end by itself")
    _add_json(demo)


def _add_help(command: Command) -> None:
    docs = command("docs", "Print a module's page: operations, wiring, what to do.", "docs:docs")
    docs.add_argument("module", nargs="?", metavar="MODULE", help="such as RAK5801")
    _add_json(docs)
    completion = command(
        "completion", "Print a script that completes this command in a shell.",
        "completion:completion",
    )  # fmt: skip
    completion.add_argument("shell", choices=SHELLS, metavar="SHELL", help=" or ".join(SHELLS))


def _add_again(parser: argparse.ArgumentParser, *, connected: bool) -> None:
    """Add options of a command to its actions, because users type them last.

    If absent, the value before the action counts.
    """
    options: list[tuple[str, dict[str, Any]]] = [
        ("--config", {"type": Path}),
        ("--debug", {"action": "store_true"}),
    ]
    if connected:
        options += [("--endpoint", {}), ("--keys", {"type": Path})]
    for option, more in options:
        parser.add_argument(option, default=argparse.SUPPRESS, help=argparse.SUPPRESS, **more)


def _add_keys(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=Parser)

    def action(name: str, summary: str) -> argparse.ArgumentParser:
        added = actions.add_parser(name, help=summary, description=summary)
        _add_again(added, connected=False)
        runner = "list_clients" if name == "list" else name
        added.set_defaults(load=lambda: _load(f"keys:{runner}"))
        return added

    def named(name: str, summary: str) -> argparse.ArgumentParser:
        added = action(name, summary)
        added.add_argument("name", metavar="NAME", help="name of the key, such as office")
        return added

    _add_json(action("server", "Create this bridge's key pair, or show its public key."))
    add = named("add", "Add a client: create its keys, or add its own public key.")
    add.add_argument("--role", required=True, metavar="ROLE", help="read, drive or admin")
    add.add_argument(
        "--public-key", metavar="KEY", help="the client's own public key, if it has a pair"
    )
    add.add_argument("--out", type=Path, metavar="FILE", help="client file (default ./NAME.keys)")
    _add_json(add)
    _add_json(action("list", "List the keys that may connect."))
    role = named("role", "Change what a key may do, from its next request on.")
    role.add_argument("role", metavar="ROLE", help="read, drive or admin")
    _add_json(role)
    _add_json(named("remove", "Remove a key; its client is disconnected at its next request."))


def _add_nodes(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=Parser)
    for name, summary in (
        ("install", "Install the nodes in Node-RED's user directory, without network."),
        ("remove", "Remove the nodes from Node-RED's user directory."),
    ):
        action = actions.add_parser(name, help=summary, description=summary)
        action.add_argument(
            "--directory", type=Path, metavar="DIR",
            help="Node-RED's user directory (default: found, mostly ~/.node-red)",
        )  # fmt: skip
        action.set_defaults(load=lambda name=name: _load(f"nodes:{name}"))
        if name == "install":
            action.add_argument(
                "--archive", type=Path, metavar="FILE",
                help="the packed nodes (default: those that came with the bridge)",
            )  # fmt: skip
            action.add_argument(
                "--no-group", action="store_true", help="do not let Node-RED's user use the bridge"
            )


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


def _add_operation(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    count = "?" if optional else None
    parser.add_argument("module", metavar="MODULE", nargs=count, help="such as RAK5801")
    parser.add_argument("operation", metavar="OPERATION", nargs=count, help="such as read")
    parser.add_argument(
        "params", nargs="*", metavar="NAME=VALUE", default=[], help="such as samples=8"
    )
    parser.add_argument("--slot", type=place, metavar="SLOT", help="1, 2 or board (default 1)")
    parser.add_argument(
        "--timeout",
        type=limit_s,
        default=10.0,
        metavar="TIME",
        help="longest wait for a reply (default 10s)",
    )
    _add_json(parser)


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
