"""``@for_each``: a table of cases that one test works through.

It takes the place of ``pytest.mark.parametrize`` where a case needs no set-up of its own: the
fixtures are made once, every case is tried, and all failures are reported together, each with the
name of its case.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import TypeAlias

    Test: TypeAlias = Callable[..., None]
    Ids: TypeAlias = Iterable[str] | Callable[[Any], object]


def for_each(
    names: str | Sequence[str], rows: Iterable[object], ids: Ids | None = None
) -> Callable[[Test], Test]:
    """Run a test once per row, with the values of the row as arguments.

    Args:
        names: The arguments, as ``pytest.mark.parametrize`` takes them.
        rows: One value per row or, for several names, one tuple; ``pytest.param`` is understood.
        ids: Names of the cases for the report, or what makes one of a value.
    """
    arguments = [name.strip() for name in names.split(",")] if isinstance(names, str) else names
    single = isinstance(names, str) and len(arguments) == 1
    cases = _cases(arguments, list(rows), ids, single=single)
    if not cases:
        raise ValueError(f"no cases for {', '.join(arguments)}")

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def run(*args: object, **fixtures: object) -> None:
            failures: list[BaseException] = []
            for case, values in cases:
                try:
                    test(*args, **fixtures, **values)
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  (reported below)
                    error.add_note(f"case: {case}")
                    failures.append(error)
            if failures:
                raise BaseExceptionGroup(f"{len(failures)} of {len(cases)} cases failed", failures)

        signature = inspect.signature(test)
        left = [value for name, value in signature.parameters.items() if name not in arguments]
        run.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return run

    return decorate


def _cases(
    arguments: Sequence[str], rows: list[object], ids: Ids | None, *, single: bool
) -> list[tuple[str, dict[str, object]]]:
    given = [None] * len(rows) if ids is None or callable(ids) else list(ids)
    found = []
    for row, id_ in zip(rows, given, strict=True):
        case: object = id_
        if isinstance(row, type(pytest.param())):
            values, case = row.values, row.id or case
        else:
            values = (row,) if single else row  # type: ignore[assignment]
        named = dict(zip(arguments, values, strict=True))
        if case is None:
            case = "-".join(str((callable(ids) and ids(value)) or repr(value)) for value in values)
        found.append((str(case), named))
    return found
