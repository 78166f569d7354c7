"""The command line: ``wisblock-bridge``.

1. What a command needs is imported when it runs; ``--version`` needs nothing.
2. Errors end here: as a sentence on standard error and an exit code, without a traceback.
3. Only this package prints.
"""

from __future__ import annotations

import io
import os
import sys

from wisblock_bridge import __version__

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_OFFLINE = 3
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


def main(arguments: list[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Without the program's name; by default those of this process.

    Returns:
        0 done; 1 it failed, or ``check`` found something missing; 2 wrong usage or configuration;
        3 no bridge is running; 130 interrupted; 141 the output was closed.
    """
    words = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in words
    _open_what_is_closed()
    try:
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would try to flush once more at exit, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:
        if debug:
            raise
        from wisblock_bridge.cli.arguments import wants_json  # noqa: PLC0415  (rule 1)

        return _explain(error, as_json=wants_json(words))
    return code


def _run(words: list[str]) -> int:
    if words in (["--version"], ["-V"]):
        sys.stdout.write(f"wisblock-bridge {__version__}\n")
        return 0
    _let_nothing_stop_output()
    from wisblock_bridge.cli.arguments import parse  # noqa: PLC0415  (rule 1)

    options = parse(words)
    run = options.load()
    code: int = run(options)
    return code


def _explain(error: Exception, *, as_json: bool) -> int:
    """Report an error, and return the exit code."""
    from wisblock_bridge.cli.complaints import complain  # noqa: PLC0415  (rule 1)
    from wisblock_bridge.environment.packages import missing  # noqa: PLC0415
    from wisblock_bridge.errors import BridgeError, ConfigError, ErrorCode  # noqa: PLC0415

    code, words = EXIT_FAILED, ""
    match error:
        case ConfigError():
            code = EXIT_USAGE
        case BridgeError():
            if error.code is ErrorCode.OFFLINE:
                code = EXIT_OFFLINE
        case ImportError():
            absent = missing(error)
            if absent is not None:
                error = absent
            else:
                words = f"the package {error.name} is missing. Install wisblock-bridge again."
        case OSError():
            place = f"{error.filename}: " if error.filename else ""
            words = f"{place}{error.strerror or error}."
        case _:
            words = (
                f"a defect of wisblock-bridge ({type(error).__name__}: {error}). "
                "Run it again with --debug and report what it shows."
            )
    complain(error, words, as_json=as_json)
    return code


def _open_what_is_closed() -> None:
    """Let a command that was started without standard streams write into nothing.

    Otherwise Python has none, and the descriptors would go to whatever is opened next: a socket.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))


def _let_nothing_stop_output() -> None:
    """Escape characters that the terminal's encoding does not have.

    A command that has acted must not fail because a unit cannot be written in ASCII.
    """
    from wisblock_bridge.wire.plain_text import ESCAPE  # noqa: PLC0415  (registers it)

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ESCAPE)
