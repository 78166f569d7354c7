"""RAK13003: 16 inputs and outputs.

1. Facts of the product: its interrupt pins, what becomes of a pin when something fails.
2. Registers are the chip's business; what is wired to the pins is the user's.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Annotated, Literal, Protocol

from wisblock_bridge.buses.gpio import Direction
from wisblock_bridge.chips.mcp23017 import MCP23017
from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.module_api import (
    Module,
    Param,
    Product,
    Quality,
    ReadingSpec,
    Result,
    chip,
    event,
    lost_supply,
    operation,
    optional_line,
)
from wisblock_bridge.modules.shared.expander_pins import PinOwners, pins_in
from wisblock_bridge.modules.shared.level_changes import LevelChanges
from wisblock_bridge.modules.shared.line_watcher import PollMs  # noqa: TC001  (read at run time)
from wisblock_bridge.modules.shared.pulse_counter import (
    FREQUENCY,
    PULSES,
    CountPollMs,
    PulseEdge,
    PulseTrain,
    WindowMs,
    report,
    steps,
)

log = logging.getLogger(__name__)

INPUTS = "its pins are inputs"
FORGOT = (
    "The supply of the chip broke down while it counted, or another program used the chip: pulses "
    "may be missing, or have been made by that."
)

PIN_COUNT = 16
ALL_PINS = 0xFFFF
DOUBTFUL_INPUTS = (7, 15)
"""GPA7 and GPB7, which Microchip calls outputs only since 2022."""

LEVEL = ReadingSpec("level", "Level at the pin: 1 is high.", kind="int", low=0, high=1, step=1)
PIN = ReadingSpec("pin", "Number of the pin.", kind="int", low=0, high=15, step=1)
LEVELS = ReadingSpec(
    "levels", "All levels; bit n is pin n.", kind="int", low=0, high=0xFFFF, step=1
)
DIRECTIONS = ReadingSpec(
    "directions", "Which pins are outputs; bit n is pin n.", kind="int", low=0, high=0xFFFF, step=1
)
DIRECTION = ReadingSpec(
    "direction", "Which way the pin works.", kind="str", choices=("input", "output")
)

Pin = Annotated[
    int, Param("Number of the pin: 0 to 7 are PA0 to PA7, 8 to 15 are PB0 to PB7.", low=0, high=15)
]
Level = Annotated[Literal[0, 1], Param("0 is low, 1 is high (3.3 V).")]


class Configuration(Protocol):
    """Parameters of ``configure``."""

    direction: str
    pull_up: bool


def check_configuration(params: Configuration) -> None:
    """Refuse a pull-up for an output, which would have none.

    Args:
        params: The checked parameters.

    Raises:
        BadParamsError: A pull-up is wanted for an output.
    """
    if params.pull_up and params.direction == "output":
        raise BadParamsError(
            "A pull-up is for inputs; an output drives both levels by itself.",
            data={"param": "pull_up", "allowed": "false for an output"},
        )


class RAK13003(Module):
    """Read and drive 16 digital pins.

    All pins are inputs without pull-up until told otherwise. Writing to a pin makes it an output;
    the level is in place before the pin begins to drive, so there is no glitch. An output gives at
    most 25 mA, all together 125 mA; inputs tolerate 3.3 V.

    A pin that a program drives becomes an input again when that program is lost, unless it was
    written with the wish to hold. After a breakdown of the supply or a failure of the bus all pins
    are inputs: pull-ups come back by themselves, outputs do not, and what you read of such a pin
    says so until it is written again.

    The bridge does not use the reset pin of the chip: it is on pin 13 of the connector, which both
    slots share. So pins stay driven when the bus fails while the module is released, until the bus
    works again; that is tried for a minute.

    Changes are found by looking at all pins in one transaction, 100 times a second while somebody
    listens: the module's interrupt lines (IO5 and IO6) are kept free of other drivers and are not
    used, because the expanders of a RAK7391 would have to be looked at just as often. When pulses
    are counted the chip itself keeps those that are shorter.

    Two of these modules need different addresses. 0x26 and 0x27 belong to the expanders of a
    current RAK7391, 0x23 and 0x27 to those of an older one and 0x20, the address as delivered, to
    that of the oldest.
    """

    product = Product(
        "RAK13003",
        title="16 digital I/O",
        family="interface",
        slots=(1, 2),
        icon="wisblock-expander.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak13003/overview/",
    )
    unconfirmed = (
        "Pins 7 and 15 as inputs: datasheets since 2022 call them outputs only.",
        (
            "Reset on pin 13 (RESET), as the data sheet and the vendor's pin list have it; the "
            "microcontroller examples pulse IO4 instead. The bridge uses neither."
        ),
    )

    expander = chip(MCP23017, "MCP23017", 0x20, (0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27))
    interrupt_a = optional_line("IO6")
    interrupt_b = optional_line("IO5")

    def setup(self) -> None:
        """Start without any pin configured."""
        # Not in ``open``: after a failure of the bus the module is opened again, and what it was
        # told must not be forgotten.
        self._owners = PinOwners()
        self._outputs = 0
        self._pull_ups = 0
        self._lost = 0
        """Pins that were outputs before a failure made inputs of them."""

    def open(self) -> None:
        """Make all pins inputs whatever an earlier owner left, and free the interrupt lines."""
        self.expander.begin()
        self.expander.make_inputs(ALL_PINS, self._pull_ups)
        self._outputs_are_lost()
        for line in (self.interrupt_a, self.interrupt_b):
            if line is not None:
                line.listen()

    @classmethod
    def parts_of(cls, output: str) -> frozenset[str]:
        """Return which pins an output consists of."""
        kind, _, number = output.partition("/")
        if kind == "pins":
            return frozenset(f"pin/{pin}" for pin in pins_in(int(number)))
        return frozenset((output,))

    def rests(self, output: str) -> bool:
        """Return whether all pins of an output are inputs."""
        return not self._owners.mask_of(output) & self._outputs

    def check_supply(self) -> None:
        """Check whether the chip is as after power-up, if there is anything for it to forget."""
        if self.expander.has_forgotten():
            raise lost_supply(self.expander.name, INPUTS)

    def make_safe(self, output: str) -> None:
        """Make inputs of the pins that an output drove last."""
        owned = self._owners.mask_of(output)
        self._let_go_of(owned & self._outputs)
        self._lost &= ~owned

    def close(self) -> None:
        """Make all pins inputs; there is no other way than the bus."""
        with ExitStack() as stack:
            for line in (self.interrupt_a, self.interrupt_b):
                if line is not None:
                    stack.callback(line.give_back)
            stack.callback(self.expander.close)
            stack.callback(self.expander.keep_nothing)
            self.expander.make_inputs(ALL_PINS)

    @operation(
        gives=(DIRECTION, LEVEL),
        main=DIRECTION,
        drives="pin/{pin}",
        payload_param="direction",
        check=check_configuration,
    )
    def configure(
        self,
        pin: Pin,
        direction: Annotated[
            Literal["input", "output"],
            Param(
                "Which way the pin works. An output starts with the level that it had last, which "
                "is low after power-up; to start with another one, write to the pin instead."
            ),
        ],
        pull_up: Annotated[  # noqa: FBT002  (parameters of an operation are positional)
            bool,
            Param("Whether an input gets the chip's pull-up resistor (about 100 kΩ)."),
        ] = False,
    ) -> Result:
        """Make a pin an input or an output.

        Returns:
            ``direction`` and the ``level`` at the pin.

        Raises:
            BadParamsError: A pull-up is wanted for an output.
            BusError: The module did not answer.
        """
        self._check_supply()
        mask = 1 << pin
        if direction == "output":
            self._own(mask, f"pin/{pin}")
            self.expander.configure(pin, Direction.OUTPUT)
            return self._seen(direction=direction, level=self.expander.level(pin))
        self.expander.configure(pin, Direction.INPUT, pull_up=pull_up)
        self._outputs &= ~mask
        self._lost &= ~mask
        self._pull_ups = self._pull_ups | mask if pull_up else self._pull_ups & ~mask
        doubt = (
            f"Pin {pin} as an input: newer datasheets of the chip call it an output only."
            if pin in DOUBTFUL_INPUTS
            else ""
        )
        return self._seen(doubt, direction=direction, level=self.expander.level(pin))

    @operation(gives=(LEVEL,), main=LEVEL, reads_only=True, default=True)
    def read(self, pin: Pin) -> Result:
        """Read the level at a pin, whichever way it works.

        Returns:
            ``level``, 0 or 1.

        Raises:
            BusError: The module did not answer.
        """
        self._check_supply()
        return self._seen(about=1 << pin, level=self.expander.level(pin))

    @operation(gives=(LEVELS, DIRECTIONS), main=LEVELS, reads_only=True)
    def read_all(self) -> Result:
        """Read all levels at one moment.

        Returns:
            ``levels`` and ``directions``, bit n for pin n.

        Raises:
            BusError: The module did not answer.
        """
        self._check_supply()
        return self._seen(levels=self.expander.levels(), directions=self._outputs)

    @operation(gives=(PULSES,), main=PULSES, reads_only=True)
    def count(
        self,
        pin: Pin,
        edge: PulseEdge = "rising",
        window_ms: WindowMs = 1000,
        poll_ms: CountPollMs = 10,
    ) -> Result:
        """Count the pulses at a pin.

        The chip keeps a pulse that is shorter than ``poll_ms`` until it is looked at. Of several
        pulses between two looks one is seen, so more than one in ``poll_ms`` are missed, and a
        pulse of less than 0.2 ms can be missed when it falls into the reading itself.

        Returns:
            ``pulses``.

        Raises:
            BusError: The module did not answer.
        """
        return self._counted(pin, edge, window_ms, poll_ms, frequency=False)

    @operation(gives=(FREQUENCY, PULSES), main=FREQUENCY, reads_only=True)
    def frequency(
        self,
        pin: Pin,
        edge: PulseEdge = "rising",
        window_ms: WindowMs = 1000,
        poll_ms: CountPollMs = 10,
    ) -> Result:
        """Measure the frequency of the pulses at a pin.

        What can be missed is the same as for ``count``.

        Returns:
            ``frequency`` in Hz, and ``pulses``.

        Raises:
            BusError: The module did not answer.
        """
        return self._counted(pin, edge, window_ms, poll_ms, frequency=True)

    @operation(gives=(LEVEL,), main=LEVEL, drives="pin/{pin}", payload_param="level")
    def write(self, pin: Pin, level: Level) -> Result:
        """Drive a pin to a level; an input becomes an output without a glitch.

        Returns:
            ``level``, as read back from the pin; uncertain when the pin does not follow.

        Raises:
            BusError: The module did not answer.
        """
        self._check_supply()
        return self._drive_pin(pin, level)

    @operation(gives=(LEVELS,), main=LEVELS, drives="pins/{mask}", payload_param="levels")
    def write_all(
        self,
        mask: Annotated[
            int,
            Param("Which pins: bit n is 1 for each pin n that is driven.", low=1, high=0xFFFF),
        ],
        levels: Annotated[
            int,
            Param(
                "Their levels: bit n is pin n; bits of other pins do not count.", low=0, high=0xFFFF
            ),
        ],
    ) -> Result:
        """Drive several pins at once; inputs among them become outputs without a glitch.

        Returns:
            ``levels`` of all pins, as read back; uncertain when a pin does not follow.

        Raises:
            BusError: The module did not answer.
        """
        self._check_supply()
        self._drive(mask, levels, f"pins/{mask}")
        seen = self.expander.levels()
        return self._seen(_overloaded(mask & (seen ^ levels)), levels=seen)

    @operation(gives=(LEVEL,), main=LEVEL, drives="pin/{pin}")
    def toggle(self, pin: Pin) -> Result:
        """Invert a pin: an output changes, an input becomes an output with the other level.

        Returns:
            ``level``, as read back from the pin; uncertain when the pin does not follow.

        Raises:
            BusError: The module did not answer.
        """
        self._check_supply()
        if self._outputs >> pin & 1:
            # What it was told, not what the pin reads: a heavy load would make it stay.
            level = self.expander.latches() >> pin & 1
        else:
            level = self.expander.level(pin)
        return self._drive_pin(pin, 1 - level)

    @operation(gives=(LEVELS,), main=LEVELS, drives="*", urgent=True)
    def reset(self) -> Result:
        """Make all pins inputs without pull-ups, as after power-up.

        It goes before everything that is queued for the module's pins.

        Returns:
            ``levels``, bit n for pin n.

        Raises:
            BusError: The module did not answer.
        """
        self._pull_ups = 0
        self.expander.make_inputs(ALL_PINS)
        self._outputs = self._lost = 0
        return self._seen(levels=self.expander.levels())

    @event(gives=(PIN, LEVEL), main=LEVEL, polled=True)
    def changed(
        self,
        pins: Annotated[
            list[int], Param("Numbers of the pins to look at; none means all.", low=0, high=15)
        ] = [],  # noqa: B006  (the description copies it; nobody changes it)
        poll_ms: PollMs = 10,
    ) -> LevelChanges:
        """Report when a pin changes its level; the first message of each pin is its present level.

        Returns:
            The event source.
        """
        watched = tuple(dict.fromkeys(pins)) or tuple(range(PIN_COUNT))
        return LevelChanges(
            self.expander.watch,
            self._changed,
            watched,
            poll_ms / 1000.0,
            self.clock,
            self._check_supply,
        )

    def _counted(
        self, pin: int, edge: str, window_ms: int, poll_ms: int, *, frequency: bool
    ) -> Result:
        self._check_supply()
        mask, whole = 1 << pin, False
        kept = self.expander.begin_capture(mask)
        train = PulseTrain(int(edge == "rising"), kept.levels >> pin & 1)
        try:
            for _ in steps(self, window_ms / 1000.0, poll_ms / 1000.0):
                train.looks += 1
                kept, now_ms = self.expander.captured(), self.clock.monotonic() * 1000.0
                if kept.flags >> pin & 1:
                    train.take(kept.levels_then >> pin & 1, now_ms)
                train.take(kept.levels >> pin & 1, now_ms)
        finally:
            whole = self.expander.end_capture(mask)
        found = report(self, train, poll_ms, frequency=frequency, kept=True)
        if not whole:
            self._check_supply()
            found.quality, found.note = Quality.UNCERTAIN, f"{FORGOT} {found.note}"
        return found

    def _changed(self, pin: int, level: int, timestamp_ms: float) -> Result:
        found = self._seen(about=1 << pin, pin=pin, level=level)
        found.timestamp_ms = timestamp_ms
        return found

    def _check_supply(self) -> None:
        """Find out whether the chip forgot what it was told, and make the best of it."""
        if not (self._outputs or self._pull_ups) or not self.expander.is_reset():
            return
        self.expander.begin()
        if self._pull_ups:
            self.expander.make_inputs(self._pull_ups, self._pull_ups)
        self._outputs_are_lost()
        self.supply_lost(lost_supply(self.expander.name, INPUTS))

    def _outputs_are_lost(self) -> None:
        self._lost |= self._outputs
        self._outputs = 0

    def _own(self, mask: int, output: str) -> None:
        """Note who drives pins, before they are driven: a failure may leave them driven."""
        self._owners.own(mask, output)
        self._outputs |= mask
        self._pull_ups &= ~mask
        self._lost &= ~mask

    def _drive(self, mask: int, levels: int, output: str) -> None:
        inputs = mask & ~self._outputs
        self._own(mask, output)
        if inputs:
            self.expander.make_outputs(mask, levels)
        else:
            self.expander.write_levels(mask, levels)

    def _drive_pin(self, pin: int, level: int) -> Result:
        mask = 1 << pin
        self._drive(mask, mask if level else 0, f"pin/{pin}")
        seen = self.expander.level(pin)
        return self._seen(_overloaded(mask if seen != level else 0), level=seen)

    def _let_go_of(self, mask: int) -> None:
        if mask:
            self.expander.make_inputs(mask)
            self._outputs &= ~mask

    def _seen(self, doubt: str = "", about: int = ALL_PINS, **values: object) -> Result:
        """Pack readings, with what is to be said about pins that are outputs no more."""
        lost = self._lost & about
        if lost:
            told = _pins(lost)
            doubt = (
                f"{doubt} A failure of the supply or the bus made inputs of what were outputs: "
                f"{told}. Write again."
            ).strip()
        return self.readings(Quality.UNCERTAIN if doubt else Quality.GOOD, doubt, **values)


def _pins(mask: int) -> str:
    numbers = ", ".join(map(str, pins_in(mask)))
    return f"{'pins' if mask & (mask - 1) else 'pin'} {numbers}"


def _overloaded(mask: int) -> str:
    if not mask:
        return ""
    return (
        f"Not at the level that it is driven to: {_pins(mask)}. The load is too heavy, or "
        f"something outside holds it."
    )
