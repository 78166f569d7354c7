"""How a module describes itself: an operation's signature is its parameter list.

1. Facts (names, units, limits, defaults, sentences) are written here once and read by dispatch,
   press, docs and tests.
2. Nothing here touches hardware or the wire.
3. Type, range and choice are checked by msgspec from the same annotations; nobody writes a second
   checker.
"""

from __future__ import annotations

import enum
import inspect
import types
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from string import Formatter
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    Protocol,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from wisblock_bridge.units import UNITS
from wisblock_bridge.wiring import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.wiring import Need

Slot = Literal[1, 2, "board"]

ALL = "all"
"""The word for all channels, all lines, all outputs."""

ALL_OUTPUTS = "*"
"""Name of the output of an operation that drives all of them at once."""


class Quality(StrEnum):
    """How far a value can be trusted; a bad value is an error instead."""

    GOOD = "good"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Product:
    """What the vendor sells.

    Attributes:
        name: The catalogue's name ("RAK5801").
        title: A few plain words for palette and headings ("4-20 mA input").
        family: The vendor's group: onboard, interface, sensors, wireless, display.
        slots: Where it fits: (1, 2), or ("board",) for what is soldered on.
        icon: Icon of the node, without path ("wisblock-gauge.svg").
        reference: Address of the vendor's page.
    """

    name: str
    title: str
    family: str
    slots: tuple[Slot, ...]
    icon: str
    reference: str

    @property
    def slug(self) -> str:
        """The name in file names and node types."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Param:
    """The facts about a parameter that its type does not tell.

    Attributes:
        summary: One sentence for form, help and docs.
        unit: Name from the vocabulary of units.
        low: Smallest value allowed (numbers), or fewest items (lists, bytes, text).
        high: Largest value allowed, or most items.
        label: What stands before the field in a form; the name, spelled out, if empty.
    """

    summary: str
    unit: str = "none"
    low: float | None = None
    high: float | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """A named value with a unit.

    Attributes:
        name: The name on the wire.
        summary: One sentence for help and docs.
        kind: "float", "int", "bool", "str", "bytes" or "list".
        unit: Name from the vocabulary of units.
        low: Smallest value that can be measured.
        high: Largest value that can be measured.
        step: Resolution: two values closer than this are the same.
        choices: The words that a text can be.
        optional: Only there when asked for (a scaled value).
    """

    name: str
    summary: str
    kind: Literal["float", "int", "bool", "str", "bytes", "list"] = "float"
    unit: str = "none"
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"reading {self.name}: {self.unit} is not in the vocabulary of units")


@dataclass(slots=True)
class Readings:
    """What an operation gives back.

    Attributes:
        values: Reading name to value, in the catalogue's unit.
        timestamp_ms: When it was measured, milliseconds since 1970.
        quality: How far it can be trusted.
        note: Why, when the quality is uncertain.
    """

    values: dict[str, object]
    timestamp_ms: float
    quality: Quality = Quality.GOOD
    note: str = ""


class Watch(ABC):
    """A running look-out for an event; it is used by the module's own worker thread only.

    Args:
        interval_s: Seconds between two looks; infinity where only the descriptor tells.
    """

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s

    @property
    def descriptor(self) -> int | None:
        """A descriptor that becomes readable when there is something to see, or None."""
        return None

    @abstractmethod
    def look(self) -> Sequence[Readings]:
        """Look once.

        Returns:
            At the first look the present state, afterwards what happened since.

        Raises:
            BridgeError: The hardware did not answer; the look-out goes on.
        """

    def close(self) -> None:  # noqa: B027  (most have nothing to close)
        """Look out no longer; closing twice is allowed."""


class Timers(Protocol):
    """Later work of a module, carried out by its own worker thread between requests."""

    def after(self, seconds: float, action: Callable[[], None]) -> TimerHandle:
        """Do something later.

        Args:
            seconds: How much later.
            action: What to do; its errors are logged.

        Returns:
            A handle to call it off.
        """
        ...


class Memory(Protocol):
    """What one module in one slot remembers across restarts, as plain data."""

    def recall(self) -> dict[str, object]:
        """Give what was remembered; empty when nothing was."""
        ...

    def remember(self, facts: Mapping[str, object]) -> None:
        """Keep facts instead of what was remembered before.

        Args:
            facts: Plain JSON types.

        Raises:
            BridgeError: They could not be written.
        """
        ...


class Forgetful:
    """A memory that ends with the process."""

    def __init__(self) -> None:
        self._facts: dict[str, object] = {}

    def recall(self) -> dict[str, object]:
        """Give what was remembered."""
        return dict(self._facts)

    def remember(self, facts: Mapping[str, object]) -> None:
        """Keep facts until the process ends.

        Args:
            facts: Anything.
        """
        self._facts = dict(facts)


class TimerHandle(Protocol):
    """Work that was put off."""

    def cancel(self) -> None:
        """Call it off; does nothing when it has been done."""
        ...


Kind = Literal["int", "float", "bool", "str", "bytes", "list"]


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
        payload_param: The one obvious parameter that ``msg.payload`` sets.
        default: A new node starts with it.
        check: Checks what concerns several parameters together; raises ``BadParamsError``.
        struct: The msgspec struct that a parameter map is decoded into.
    """

    name: str
    summary: str
    details: str
    params: tuple[ParamDescription, ...]
    gives: tuple[Reading, ...]
    main: str
    reads_only: bool
    drives: str
    urgent: bool | Mapping[str, object]
    polled: bool
    payload_param: str
    default: bool
    check: Callable[[Any], None] | None = field(repr=False)
    struct: type[msgspec.Struct] = field(repr=False)

    def output(self, params: Mapping[str, object]) -> str:
        """Tell which output a call drives.

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
        """Tell whether a call overtakes queued work.

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

    @property
    def default_operation(self) -> OperationDescription:
        """The operation that a new node starts with."""
        return next(
            (each for each in self.operations.values() if each.default),
            next(iter(self.operations.values())),
        )


@dataclass(frozen=True, slots=True)
class _Mark:
    """What a decorator left on a method until the class is described."""

    event: bool
    gives: tuple[Reading, ...]
    main: str
    reads_only: bool
    drives: str
    urgent: bool | Mapping[str, object]
    polled: bool
    payload_param: str
    default: bool
    check: Callable[[Any], None] | None


F = TypeVar("F", bound="Callable[..., object]")
_MARK = "__wisblock_mark__"


def operation(
    *,
    gives: tuple[Reading, ...],
    main: Reading | None = None,
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
    mark = _Mark(
        event=False,
        gives=gives,
        main=main.name if main else "",
        reads_only=reads_only,
        drives=drives,
        urgent=urgent,
        polled=False,
        payload_param=payload_param,
        default=default,
        check=check,
    )

    def decorate(method: F) -> F:
        setattr(method, _MARK, mark)
        return method

    return decorate


def event(
    *,
    gives: tuple[Reading, ...],
    main: Reading | None = None,
    polled: bool,
    check: Callable[[Any], None] | None = None,
) -> Callable[[F], F]:
    """Mark a method as something the module tells unasked; the method returns a ``Watch``.

    Args:
        gives: The readings of one event.
        main: The one that stands for the whole.
        polled: Changes are found by looking at an interval, so short ones can be missed.
        check: As for ``operation``.

    Returns:
        The decorator.
    """
    mark = _Mark(
        event=True,
        gives=gives,
        main=main.name if main else "",
        reads_only=True,
        drives="",
        urgent=False,
        polled=polled,
        payload_param="",
        default=False,
        check=check,
    )

    def decorate(method: F) -> F:
        setattr(method, _MARK, mark)
        return method

    return decorate


class Module:
    """Base of all modules: a product, its wiring and its sensible operations.

    The docstring of a subclass is the product's help: first sentence, then paragraphs. An instance
    lives in one slot and is used by one thread. A subclass without ``product`` is what several
    products share; it is not described itself, its operations and needs are theirs.

    Args:
        parts: The needs of the class, met: name to thing.
        clock: Time.
        timers: Later work on the same thread.
        memory: What the module is to remember across restarts.
    """

    product: ClassVar[Product]
    description: ClassVar[ModuleDescription]
    unconfirmed: ClassVar[tuple[str, ...]] = ()
    """What nobody has seen on real hardware yet; told to the user."""

    def __init_subclass__(cls, **keywords: object) -> None:
        super().__init_subclass__(**keywords)
        if hasattr(cls, "product"):
            cls.description = _describe(cls)

    def __init__(
        self,
        parts: Mapping[str, object],
        clock: Clock,
        timers: Timers,
        memory: Memory | None = None,
    ) -> None:
        self.parts = parts
        self.clock = clock
        self.timers = timers
        self.memory = memory if memory is not None else Forgetful()

    def open(self) -> None:
        """Bring the module to its safe state, before its first operation.

        Raises:
            BridgeError: The hardware did not answer.
        """

    def make_safe(self, output: str) -> None:
        """Bring one output to its safe state, because who drove it is gone.

        Args:
            output: Its name, as ``drives`` of an operation tells it.

        Raises:
            BridgeError: The hardware did not answer.
        """

    def close(self) -> None:
        """Bring everything to its safe state and let go of lines; the hardware may be gone already.

        Raises:
            BridgeError: The hardware did not answer.
        """

    def readings(
        self, quality: Quality = Quality.GOOD, note: str = "", **values: object
    ) -> Readings:
        """Pack values measured just now.

        Args:
            quality: How far they can be trusted.
            note: Why, when uncertain.
            **values: Reading name to value; None is left out.

        Returns:
            The readings with the present time.
        """
        return Readings(
            {name: value for name, value in values.items() if value is not None},
            self.clock.timestamp_ms(),
            quality,
            note,
        )


def _describe(cls: type[Module]) -> ModuleDescription:
    summary, details = _paragraphs(cls.__doc__ or "")
    operations: dict[str, OperationDescription] = {}
    events: dict[str, OperationDescription] = {}
    members: dict[str, Any] = {}
    for base in cls.__mro__:  # the product's own comes first, then what it shares with others
        members = members | {key: each for key, each in vars(base).items() if key not in members}
    for name, member in members.items():
        mark = getattr(member, _MARK, None)
        if isinstance(mark, _Mark):
            (events if mark.event else operations)[name] = _describe_operation(name, member, mark)
    needs = {name: part.need for name, part in members.items() if isinstance(part, Part)}
    return ModuleDescription(
        cls.product, summary, details, operations, events, needs, cls.unconfirmed
    )


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
    name: str, method: Callable[..., object], mark: _Mark
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
        mark.payload_param,
        mark.default,
        mark.check,
        struct,
    )


def _describe_param(name: str, hint: object, default: object) -> ParamDescription:
    if get_origin(hint) is not Annotated:
        raise TypeError(f"parameter {name} needs Annotated[type, Param(...)]")
    base, *extras = get_args(hint)
    facts = next(extra for extra in extras if isinstance(extra, Param))
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
                    list[Annotated[item, _limits(item_kind, facts)]], msgspec.Meta(max_length=64)
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
