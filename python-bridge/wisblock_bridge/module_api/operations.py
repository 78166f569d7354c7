"""The decorators that make a method an operation or an event; its signature is the parameter list.

How a signature becomes a description and a checker stands in ``signatures``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from wisblock_bridge.module_api.signatures import OPERATION_META, OperationMeta

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wisblock_bridge.module_api.fields import ReadingSpec


F = TypeVar("F", bound="Callable[..., object]")


def _marked(meta: OperationMeta) -> Callable[[F], F]:
    def decorate(method: F) -> F:
        setattr(method, OPERATION_META, meta)
        return method

    return decorate


def operation(
    *,
    gives: tuple[ReadingSpec, ...],
    main: ReadingSpec | None = None,
    reads_only: bool = False,
    drives: str = "",
    urgent: bool | Mapping[str, object] = False,
    payload_param: str = "",
    default: bool = False,
    check: Callable[[Any], None] | None = None,
) -> Callable[[F], F]:
    """Mark a method as something the module does when asked.

    Args:
        gives: The readings it returns.
        main: The one that stands for the whole.
        reads_only: It changes nothing.
        drives: Name of the output it drives; parameter names in braces are filled in.
        urgent: It overtakes queued work on its output: True, or the parameter values that make it
            so.
        payload_param: The one obvious parameter.
        default: A new node starts with it.
        check: Called with the checked parameters (as attributes) before anything is queued; raises
            ``BadParamsError`` where several of them do not go together.

    Returns:
        The decorator.
    """
    return _marked(
        OperationMeta(
            event=False,
            gives=gives,
            main=main.name if main else "",
            reads_only=reads_only,
            drives=drives,
            urgent=urgent,
            polled=False,
            occurrence=False,
            payload_param=payload_param,
            default=default,
            check=check,
        )
    )


def event(
    *,
    gives: tuple[ReadingSpec, ...],
    main: ReadingSpec | None = None,
    polled: bool,
    occurrence: bool = False,
    check: Callable[[Any], None] | None = None,
) -> Callable[[F], F]:
    """Mark a method as something the module tells unasked; the method returns a ``EventSource``.

    Args:
        gives: The readings of one event.
        main: The one that stands for the whole.
        polled: Changes are found by looking at an interval, so short ones can be missed.
        occurrence: It tells that something happened (a card came, a frame was received), and not
            how something is; so there is no present state to begin with.
        check: As for ``operation``.

    Returns:
        The decorator.
    """
    return _marked(
        OperationMeta(
            event=True,
            gives=gives,
            main=main.name if main else "",
            reads_only=True,
            drives="",
            urgent=False,
            polled=polled,
            occurrence=occurrence,
            payload_param="",
            default=False,
            check=check,
        )
    )
