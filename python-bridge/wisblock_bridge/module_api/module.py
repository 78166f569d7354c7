"""The base class of all modules, and what an instance gets from its worker: timers and state.

A module is built with its needs met and never learns who met them; nothing here touches hardware or
the wire.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Protocol

from wisblock_bridge.module_api.fields import Product, Quality, Result
from wisblock_bridge.module_api.signatures import describe_module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.errors import SupplyLostError
    from wisblock_bridge.module_api.signatures import ModuleDescription

API_VERSION = 1
"""Version of what this package offers to modules of other projects. It goes up when a module that
was written for the version before would no longer work."""


class EventSource(ABC):
    """A running watcher of an event; it is used by the module's own worker thread only.

    Args:
        interval_s: Seconds between two looks; infinity where only the descriptor tells. A look may
            change it for the looks that follow.
    """

    look_at: float | None = None
    """Clock reading, s, at which to look although the interval is not over; each look may change
    it."""

    looks_meanwhile: bool = False
    """Whether a look disturbs no operation of the module that is under way. Then it is not kept
    waiting by one that takes long: the worker looks whenever that calls ``check_cancelled``."""

    def __init__(self, interval_s: float) -> None:
        self.interval_s = interval_s

    @property
    def descriptor(self) -> int | None:
        """A descriptor that becomes readable when there is something to see, or None."""
        return None

    @abstractmethod
    def look(self) -> Sequence[Result]:
        """Check once.

        Returns:
            At the first look the present state, unless the event tells occurrences; afterwards what
            happened since.

        Raises:
            BridgeError: The hardware did not answer; it goes on.
        """

    def close(self) -> None:  # noqa: B027  (most have nothing to close)
        """Stop watching; closing twice is allowed."""


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


class TimerHandle(Protocol):
    """Work that was put off."""

    def cancel(self) -> None:
        """Call it off; does nothing when it has been done."""
        ...


class ModuleState(Protocol):
    """What one module in one slot remembers across restarts, as plain data."""

    @property
    def problem(self) -> str:
        """Why what was remembered last could not be kept, as a sentence; empty when it was."""
        ...

    def recall(self) -> dict[str, object]:
        """Return what was remembered; empty when nothing was."""
        ...

    def remember(self, facts: Mapping[str, object]) -> None:
        """Keep facts instead of what was remembered before; ``problem`` says whether that worked.

        Args:
            facts: Plain JSON types.
        """
        ...


class InMemoryState:
    """A memory that ends with the process, on purpose: nothing that is expected of it fails."""

    problem = ""

    def __init__(self) -> None:
        self._facts: dict[str, object] = {}

    def recall(self) -> dict[str, object]:
        """Return what was remembered."""
        return dict(self._facts)

    def remember(self, facts: Mapping[str, object]) -> None:
        """Keep facts until the process ends.

        Args:
            facts: Anything.
        """
        self._facts = dict(facts)


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
    api_version: ClassVar[int | None] = None
    """The ``API_VERSION`` that a module of another project was written for, as a number; the
    bridge's own modules change together with it and need not state it."""
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
        self.setup()

    def setup(self) -> None:
        """Create what the module keeps, at the end of its construction; the hardware is not asked.

        Unlike ``open`` it is called once: what must survive a failure of the bus starts here.
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
        """Return what an output consists of, where outputs of the module have parts in common.

        A part belongs to the output that was written last, and ``make_safe`` of an output leaves
        parts alone that another output has taken since.

        Args:
            output: Its name, as ``drives`` of an operation names it.

        Returns:
            Its parts; None for a module whose outputs have nothing in common.
        """
        return None

    def rests(self, output: str) -> bool:  # noqa: ARG002
        """Return whether an output is in its safe state, without asking the hardware.

        Asked after each command and each timer of the module: an output that came to rest
        automatically (a pulse is over, a move is done) is not driven by anybody any more.

        Args:
            output: Its name, as ``drives`` of an operation names it.

        Returns:
            Whether it surely is.
        """
        return False

    def make_safe(self, output: str) -> None:
        """Bring one output to its safe state, because the client that drove it disconnected.

        Args:
            output: Its name, as ``drives`` of an operation names it.

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
        if self.memory.problem:
            readings.quality = Quality.UNCERTAIN
            readings.note = f"{readings.note} {self.memory.problem}".lstrip()
        return readings
