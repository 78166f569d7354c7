"""From the signature of a method to what the catalogue tells of it, and what checks its parameters.

1. It runs when a module's class is made; afterwards nothing here changes.
2. The words of a description are written next door (``describe``); here they are only read.
3. Type, range and choice are checked by msgspec from the annotations; nobody writes a second
   checker.
"""

from __future__ import annotations

import enum
import inspect
import types
from dataclasses import dataclass, field, replace
from enum import StrEnum
from operator import itemgetter
from string import Formatter
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from wisblock_bridge.module_api.needs import Part
from wisblock_bridge.module_api.precision import Precision
from wisblock_bridge.module_api.units import UNITS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wisblock_bridge.module_api.fields import Param, Product, ReadingSpec
    from wisblock_bridge.module_api.module import Module
    from wisblock_bridge.module_api.needs import Need

ALL = "all"
"""The word for all channels, all lines, all outputs."""

ALL_OUTPUTS = "*"
"""Name of the output of an operation that drives all of them at once."""

OPERATION_META = "__wisblock_mark__"
"""Where a method wears its mark."""

Kind = Literal["int", "float", "bool", "str", "bytes", "list"]


def _picker(positions: tuple[int, ...]) -> Callable[[tuple[object, ...]], tuple[object, ...]]:
    """Return what picks items out of a tuple, as a tuple, without running Python code."""
    if len(positions) > 1:
        return itemgetter(*positions)
    start = positions[0] if positions else 0
    return itemgetter(slice(start, start + len(positions)))


@dataclass(frozen=True, slots=True)
class ParamDescription:
    """A parameter as the catalogue tells it.

    Attributes:
        name: Name on the wire.
        kind: Its type; for lists, the type of the items is ``item_kind``.
        item_kind: Type of the items of a list.
        required: Whether it must be given.
        default: Value when it is not given; None for "not given".
        choices: The values allowed, when they are a few; beside a number, the words allowed instead
            of it.
        facts: Sentence, unit and limits.
        check: The msgspec type that checks it.
    """

    name: str
    kind: Kind
    item_kind: Kind | None
    required: bool
    default: object
    choices: tuple[str | int, ...]
    facts: Param
    check: object


@dataclass(frozen=True, slots=True)
class OperationDescription:
    """An operation or an event as the catalogue tells it.

    Attributes:
        name: Name on the wire.
        summary: First sentence of its docstring.
        details: The rest of the first part of its docstring.
        params: Its parameters, in order.
        gives: The readings it gives.
        main: The reading that stands for the whole, for ``msg.payload``.
        reads_only: It changes nothing, so it can be subscribed to.
        drives: Name of the output it drives, with parameters in braces ("{expander}/{line}"); empty
            if none.
        urgent: It overtakes queued work on its output: always, or when these parameters have these
            values.
        polled: Events only: level changes are found by looking, not by interrupt.
        occurrence: Events only: it tells that something happened, which is over then, and not how
            something is. No message of it is the present state.
        payload_param: The one obvious parameter that ``msg.payload`` sets.
        default: A new node starts with it.
        check: Checks what concerns several parameters together; raises ``BadParamsError``.
        struct: The msgspec struct that a parameter map is decoded into.
        precision: Gives the numbers of a result the precision of their steps.
        event: It is an event.
        selecting: Positions of the parameters that say which of several things is meant.
        select: Picks them out of the parameters in order.
        selecting_readings: Names of readings that say so: the line of a change.
    """

    name: str
    summary: str
    details: str
    params: tuple[ParamDescription, ...]
    gives: tuple[ReadingSpec, ...]
    main: str
    reads_only: bool
    drives: str
    urgent: bool | Mapping[str, object]
    polled: bool
    occurrence: bool
    payload_param: str
    default: bool
    check: Callable[[Any], None] | None = field(repr=False)
    struct: type[msgspec.Struct] = field(repr=False)
    precision: Precision = field(repr=False)
    event: bool = False
    selecting: tuple[int, ...] = ()
    select: Callable[[tuple[object, ...]], tuple[object, ...]] = field(
        default=_picker(()), repr=False
    )
    selecting_readings: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """What comes of it: an "event", or the "result" of an operation."""
        return "event" if self.event else "result"

    @property
    def selecting_names(self) -> tuple[str, ...]:
        """Names of the parameters that say which of several things is meant."""
        return tuple(self.params[each].name for each in self.selecting)

    def about(
        self, arguments: tuple[object, ...], readings: Mapping[str, object]
    ) -> tuple[object, ...]:
        """Return which of several things a call is about; values of one replace each other.

        Args:
            arguments: The checked parameters, in order.
            readings: What came of it.
        """
        picked = self.select(arguments)
        if not self.selecting_readings:
            return picked
        return (*picked, *(_plain(readings.get(each)) for each in self.selecting_readings))

    def selected(self, about: tuple[object, ...]) -> dict[str, object]:
        """Return the parameters that say what a call is about, by name.

        Args:
            about: What ``about`` returned.
        """
        if not self.selecting:
            return {}
        named = zip(self.selecting_names, about, strict=False)
        return {name: value for name, value in named if value is not None}

    def output(self, params: Mapping[str, object]) -> str:
        """Return which output a call drives.

        Args:
            params: The checked parameters.

        Returns:
            The output's name; ``ALL_OUTPUTS`` when a parameter in it is "all"; "" for none.
        """
        if "{" not in self.drives:
            return self.drives
        named = {name for _, name, _, _ in Formatter().parse(self.drives) if name}
        if any(params[name] == ALL for name in named):
            return ALL_OUTPUTS
        return self.drives.format(**params)

    def is_urgent(self, params: Mapping[str, object]) -> bool:
        """Return whether a call overtakes queued work.

        Args:
            params: The checked parameters.

        Returns:
            True for a stop or an off.
        """
        if isinstance(self.urgent, bool):
            return self.urgent
        return all(params.get(name) == value for name, value in self.urgent.items())


@dataclass(frozen=True, slots=True)
class ModuleDescription:
    """A module as the catalogue tells it."""

    product: Product
    summary: str
    details: tuple[str, ...]
    operations: Mapping[str, OperationDescription]
    events: Mapping[str, OperationDescription]
    needs: Mapping[str, Need]
    unconfirmed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperationMeta:
    """What a decorator left on a method until the class is described."""

    event: bool
    gives: tuple[ReadingSpec, ...]
    main: str
    reads_only: bool
    drives: str
    urgent: bool | Mapping[str, object]
    polled: bool
    occurrence: bool
    payload_param: str
    default: bool
    check: Callable[[Any], None] | None


def describe_module(cls: type[Module]) -> ModuleDescription:
    """Describe a module from its class.

    Args:
        cls: The class; its marked methods are its operations and events.

    Returns:
        What the catalogue tells of it.

    Raises:
        TypeError: A parameter has no ``Param``.
        ValueError: A unit is not in the vocabulary.
    """
    summary, details = _paragraphs(cls.__doc__ or "")
    operations: dict[str, OperationDescription] = {}
    events: dict[str, OperationDescription] = {}
    members: dict[str, Any] = {}
    for base in cls.__mro__:  # the product's own comes first, then what it shares with others
        members = members | {key: each for key, each in vars(base).items() if key not in members}
    for name, member in members.items():
        mark = getattr(member, OPERATION_META, None)
        if isinstance(mark, OperationMeta):
            (events if mark.event else operations)[name] = _describe_operation(name, member, mark)
    needs = {name: part.need for name, part in members.items() if isinstance(part, Part)}
    selecting = _selecting((*operations.values(), *events.values()))
    for known in (operations, events):
        for name, each in known.items():
            known[name] = _with_selection(each, selecting)
    return ModuleDescription(
        cls.product, summary, details, operations, events, needs, cls.unconfirmed
    )


def _selecting(described: tuple[OperationDescription, ...]) -> set[str]:
    """Return the names that say which of several things of a module is meant."""
    marked = {param.name for each in described for param in each.params if param.facts.selects}
    named = {name for each in described for _, name, _, _ in Formatter().parse(each.drives) if name}
    return marked | named


def _with_selection(each: OperationDescription, selecting: set[str]) -> OperationDescription:
    positions = tuple(
        position
        for position, param in enumerate(each.params)
        if param.name in selecting and param.kind != "list"
    )
    return replace(
        each,
        selecting=positions,
        select=_picker(positions),
        selecting_readings=tuple(
            reading.name
            for reading in each.gives
            if each.event and reading.name in selecting and reading.kind != "list"
        ),
    )


def _plain(value: object) -> object:
    """Return a value as a part of a key, whatever a module has put there."""
    return value if isinstance(value, str | int | float | bytes | None) else repr(value)


def _paragraphs(docstring: str) -> tuple[str, tuple[str, ...]]:
    """Split a docstring into first sentence and paragraphs, without its sections."""
    text = inspect.cleandoc(docstring)
    for heading in ("Args:", "Returns:", "Raises:", "Source:"):
        text = text.split(f"\n{heading}")[0]
    first, *rest = [" ".join(block.split()) for block in text.split("\n\n") if block.strip()] or [
        ""
    ]
    return first, tuple(rest)


def _describe_operation(
    name: str, method: Callable[..., object], mark: OperationMeta
) -> OperationDescription:
    summary, details = _paragraphs(method.__doc__ or "")
    # What an event returns may be defined further down in its file, so only the parameters are
    # read.
    annotated = {key: hint for key, hint in method.__annotations__.items() if key != "return"}
    carrier = types.SimpleNamespace(__annotations__=annotated)
    names = getattr(method, "__globals__", {})
    hints = get_type_hints(carrier, globalns=names, include_extras=True)
    params = tuple(
        _describe_param(each.name, hints[each.name], each.default)
        for each in inspect.signature(method).parameters.values()
        if each.name != "self"
    )
    fields: list[tuple[str, type] | tuple[str, type, object]] = []
    for param in params:
        check: Any = param.check
        fields.append((param.name, check) if param.required else (param.name, check, param.default))
    struct = msgspec.defstruct(
        f"{name.title()}Params",
        fields,
        kw_only=True,
        forbid_unknown_fields=True,
        frozen=True,
        gc=False,
    )
    return OperationDescription(
        name,
        summary,
        " ".join(details),
        params,
        mark.gives,
        mark.main,
        mark.reads_only,
        mark.drives,
        mark.urgent,
        mark.polled,
        mark.occurrence,
        mark.payload_param,
        mark.default,
        mark.check,
        struct,
        Precision(mark.gives),
        event=mark.event,
    )


def _describe_param(name: str, hint: object, default: object) -> ParamDescription:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"parameter {name} needs Annotated[type, Param(...)]")
    base, facts = get_args(hint)[:2]
    if facts.unit not in UNITS:
        raise ValueError(f"parameter {name}: {facts.unit} is not in the vocabulary of units")
    required = default is inspect.Parameter.empty
    alternatives = get_args(base) if get_origin(base) in {Union, types.UnionType} else (base,)
    kind: Kind | None = None
    item_kind: Kind | None = None
    choices: list[str | int] = []
    checks: list[object] = []
    for alternative in alternatives:
        if alternative is type(None):
            checks.append(None)
        elif get_origin(alternative) is Literal:
            choices.extend(get_args(alternative))
            checks.append(alternative)
            kind = kind or ("int" if isinstance(get_args(alternative)[0], int) else "str")
        elif isinstance(alternative, type) and issubclass(alternative, StrEnum):
            choices.extend(str(member) for member in alternative)
            checks.append(alternative)
            kind = kind or "str"
        elif get_origin(alternative) is list:
            kind, item_kind = "list", _KINDS[get_args(alternative)[0]]
            item: Any = get_args(alternative)[0]
            checks.append(
                Annotated[
                    list[Annotated[item, _limits(item_kind, facts)]],
                    msgspec.Meta(min_length=facts.fewest, max_length=facts.most),
                ]
            )
        else:
            kind = _KINDS[alternative]
            checks.append(Annotated[alternative, _limits(kind, facts)])
    assert kind is not None, name  # noqa: S101
    check = checks[0] if len(checks) == 1 else Union[tuple(checks)]  # noqa: UP007
    value = None if required else (str(default) if isinstance(default, enum.Enum) else default)
    return ParamDescription(name, kind, item_kind, required, value, tuple(choices), facts, check)


_KINDS: dict[object, Kind] = {int: "int", float: "float", bool: "bool", str: "str", bytes: "bytes"}


def _limits(kind: Kind, facts: Param) -> msgspec.Meta:
    low, high = facts.low, facts.high
    if kind in {"int", "float"}:
        return msgspec.Meta(ge=_whole(low, kind), le=_whole(high, kind))
    if kind in {"str", "bytes"}:
        return msgspec.Meta(min_length=_whole(low, "int"), max_length=_whole(high, "int"))
    return msgspec.Meta()


def _whole(limit: float | None, kind: Kind) -> Any:  # noqa: ANN401  (int or float, as msgspec wants it)
    return limit if limit is None or kind != "int" else int(limit)
