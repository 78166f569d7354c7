"""The far end of ``run.DriverProcess``: it does what it is told over its standard input.

1. It imports of the project only what a question names, so that it sees what a real program would.
"""

from __future__ import annotations

import importlib
import io
import os
import pickle
import sys
import traceback
from typing import Any


def answer(question: tuple[Any, ...], kept: dict[str, Any]) -> Any:
    """Carry out one question."""
    match question:
        case ("make", name, factory, args, kwargs):
            kept[name] = _found(factory, kept)(*args, **kwargs)
            return None
        case ("call", target, args, kwargs):
            return _found(target, kept)(*args, **kwargs)
        case ("run", code):
            kept.pop("result", None)
            exec(code, kept)  # noqa: S102  (the code is the test's)
            return kept.get("result")
        case _:
            raise AssertionError(question)


def _found(target: str, kept: dict[str, Any]) -> Any:
    module, colon, name = target.partition(":")
    if colon:
        return getattr(importlib.import_module(module), name)
    name, _, attribute = target.partition(".")
    found = getattr(kept[name], attribute)
    return found if callable(found) else lambda: found


def told(error: Exception) -> tuple[str, Any]:
    """Put an exception into a form that can travel."""
    if hasattr(error, "fault"):
        names = ("fault", "message", "hint", "where")
        return "bus error", {name: getattr(error, name) for name in names}
    if isinstance(error, ValueError):
        return "value error", str(error)
    if isinstance(error, OSError):
        return "os error", (error.errno, error.strerror)
    return "defect", traceback.format_exc()


def main() -> None:
    """Answer questions until there are no more."""
    questions = sys.stdin.buffer
    answers = io.FileIO(os.dup(sys.stdout.fileno()), "w")
    os.dup2(
        sys.stderr.fileno(), sys.stdout.fileno()
    )  # what is printed must not disturb the answers
    kept: dict[str, Any] = {}
    while True:
        try:
            question = pickle.load(questions)  # noqa: S301  (our own parent)
        except EOFError:
            return
        try:
            outcome = ("value", answer(question, kept))
        except Exception as error:  # noqa: BLE001  (all of them go back to the test)
            outcome = told(error)
        answers.write(pickle.dumps(outcome))


if __name__ == "__main__":
    main()
