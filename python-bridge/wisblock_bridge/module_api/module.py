"""How a module describes itself: an operation's signature is its parameter list.

1. Facts (names, units, limits, defaults, sentences) are written here once and read by dispatch,
   generator, docs and tests.
2. Nothing here touches hardware or the wire.
3. How a signature becomes a description and a checker stands next door (``signatures``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar

from wisblock_bridge.module_api.precision import DIGITS
from wisblock_bridge.module_api.signatures import OPERATION_META, OperationMeta, describe_module
from wisblock_bridge.module_api.units import UNITS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.errors import SupplyLostError
    from wisblock_bridge.module_api.signatures import ModuleDescription

Slot = Literal[1, 2, "board"]


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
        low: Smallest value allowed (numbers, also those in a list), or fewest bytes or characters.
        high: Largest value allowed, or most bytes or characters.
        label: What stands before the field in a form; the name, spelled out, if empty.
        fewest: Fewest items of a list.
        most: Most items of a list.
    """

    summary: str
    unit: str = "none"
    low: float | None = None
    high: float | None = None
    label: str = ""
    fewest: int = 0
    most: int = 64


@dataclass(frozen=True, slots=True)
class ReadingSpec:
    """A named value with a unit.

    Attributes:
        name: The name on the wire.
        summary: One sentence for help and docs.
        kind: "float", "int", "bool", "str", "bytes" or "list".
        unit: Name from the vocabulary of units.
        low: Smallest value that can be measured.
        high: Largest value that can be measured.
        step: Resolution: two values closer than this are the same. Results carry the decimals that
            it supports (``precision``).
        choices: The words that a text can be.
        optional: Only there when asked for (a scaled value).
        digits: Significant digits of a result where no constant step can be told.
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
    digits: int = DIGITS

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"reading {self.name}: {self.unit} is not in the vocabulary of units")


@dataclass(slots=True)
class Result:
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


class EventSource(ABC):
    """A running look-out for an event; it is used by the module's own worker thread only.

    Args:
        interval_s: Seconds between two looks; infinity where only the descriptor tells. A look may
            change it for the looks that follow.
    """

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s

    @property
    def descriptor(self) -> int | None:
        """A descriptor that becomes readable when there is something to see, or None."""
        return None

    @abstractmethod
    def look(self) -> Sequence[Result]:
        """Look once.

        Returns:
            At the first look the present state, unless the event tells occurrences; afterwards what
            happened since.

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


class ModuleState(Protocol):
    """What one module in one slot remembers across restarts, as plain data."""

    @property
    def trouble(self) -> str:
        """Why what was remembered last could not be kept, as a sentence; empty when it was."""
        ...

    def recall(self) -> dict[str, object]:
        """Give what was remembered; empty when nothing was."""
        ...

    def remember(self, facts: Mapping[str, object]) -> None:
        """Keep facts instead of what was remembered before; ``trouble`` says whether that worked.

        Args:
            facts: Plain JSON types.
        """
        ...


class InMemoryState:
    """A memory that ends with the process, on purpose: nothing that is expected of it fails."""

    trouble = ""

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


F = TypeVar("F", bound="Callable[..., object]")


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
    mark = OperationMeta(
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

    def decorate(method: F) -> F:
        setattr(method, OPERATION_META, mark)
        return method

    return decorate


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
    mark = OperationMeta(
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

    def decorate(method: F) -> F:
        setattr(method, OPERATION_META, mark)
        return method

    return decorate


def _nobody_waits() -> None:
    """Nothing is more urgent, as long as no worker says so."""


def _nobody_listens(error: SupplyLostError) -> None:
    """Without a worker there is nobody to report a loss of supply to."""


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
    keeps_outputs: ClassVar[bool] = False
    """Opened again after a failure of the bus, it leaves its outputs as they are."""
    no_supply_check: ClassVar[str] = ""
    """Why a module with a chip need not, or cannot, be checked for a loss of its supply."""

    brakes: ClassVar[frozenset[str]] = frozenset()
    """Urgent operations that leave their output driven; all others bring it to its safe state."""

    def __init_subclass__(cls, **keywords: object) -> None:
        super().__init_subclass__(**keywords)
        if hasattr(cls, "product"):
            cls.description = describe_module(cls)

    def __init__(
        self,
        parts: Mapping[str, object],
        clock: Clock,
        timers: Timers,
        memory: ModuleState | None = None,
    ) -> None:
        self.parts = parts
        self.clock = clock
        self.timers = timers
        self.memory = memory if memory is not None else InMemoryState()
        self.check_cancelled: Callable[[], None] = _nobody_waits
        """To be called between two steps of a long measurement or wait: raises ``CutShortError``
        when the module is to be closed, or a stop has come.
        """
        self.supply_lost: Callable[[SupplyLostError], None] = _nobody_listens
        """To be called when an operation found a chip reset and has set it up again itself, all
        outputs being in their safe state: the loss is then reported as if a check had found it.
        """

    def open(self) -> None:
        """Bring the module to its safe state, before its first operation.

        Raises:
            BridgeError: The hardware did not answer.
        """

    def check_supply(self) -> None:
        """Check that the chips still have their settings, by one short transaction or none.

        Called on the module's thread once a second while an output is driven or a subscription
        runs, so that a chip which lost its supply is noticed without anybody asking.

        Raises:
            SupplyLostError: A chip was reset; the module is opened again.
            BridgeError: The hardware did not answer.
        """

    @classmethod
    def parts_of(cls, output: str) -> frozenset[str] | None:  # noqa: ARG003
        """Tell what an output consists of, where outputs of the module have parts in common.

        A part belongs to the output that was written last, and ``make_safe`` of an output leaves
        parts alone that another output has taken since.

        Args:
            output: Its name, as ``drives`` of an operation tells it.

        Returns:
            Its parts; None for a module whose outputs have nothing in common.
        """
        return None

    def rests(self, output: str) -> bool:  # noqa: ARG002
        """Tell whether an output is in its safe state, without asking the hardware.

        Asked after each command and each timer of the module: an output that came to rest by itself
        (a pulse is over, a move is done) is not driven by anybody any more.

        Args:
            output: Its name, as ``drives`` of an operation tells it.

        Returns:
            Whether it surely is.
        """
        return False

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

    def readings(self, quality: Quality = Quality.GOOD, note: str = "", **values: object) -> Result:
        """Pack values measured just now.

        Args:
            quality: How far they can be trusted.
            note: Why, when uncertain.
            **values: Reading name to value; None is left out.

        Returns:
            The readings with the present time.
        """
        return Result(
            {name: value for name, value in values.items() if value is not None},
            self.clock.timestamp_ms(),
            quality,
            note,
        )

    def kept(self, readings: Result) -> Result:
        """Say in a result that what it promises to keep across restarts could not be kept.

        Args:
            readings: The result of an operation that has just remembered something.

        Returns:
            The same: uncertain and with a note when the memory could not be written.
        """
        if self.memory.trouble:
            readings.quality = Quality.UNCERTAIN
            readings.note = f"{readings.note} {self.memory.trouble}".lstrip()
        return readings
