"""What ``wisblock-bridge commission`` does about each thing that nobody has seen on hardware.

1. Each entry of ``unconfirmed``, of the board and of the module, gets one step.
2. A step acts or measures where the bridge can, and asks where only eyes and ears can tell.
3. An output is driven for a moment only, and is in its safe state before the answer is asked for
   or right after it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from wisblock_bridge.client import RemoteError
from wisblock_bridge.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wisblock_bridge.client import Bridge
    from wisblock_bridge.client.requests import Slot

BOARD = "board"
HOLD_S = 1.0
"""How long an output is driven to be seen or heard, s."""
EXPANDER_LINES = range(1, 7)
wait = SystemClock().sleep


@dataclass(frozen=True, slots=True)
class Target:
    """What is being commissioned.

    Attributes:
        bridge: The connection.
        module: "RAK5801".
        slot: Where it is.
    """

    bridge: Bridge
    module: str
    slot: Slot

    def call(self, operation: str, module: str = "", **params: object) -> Mapping[str, object]:
        """Call an operation of the module, or of one on the board."""
        slot: Slot = "board" if module else self.slot
        return self.bridge.invoke(module or self.module, slot, operation, params).readings


@dataclass(frozen=True, slots=True)
class Configured:
    """A part of the configuration that follows from an answer.

    Attributes:
        addresses: Chip to I2C address, of the module's slot.
        lines: Slot to pin to line.
    """

    addresses: Mapping[str, int] = field(default_factory=dict)
    lines: Mapping[int, Mapping[str, str]] = field(default_factory=dict)


NOTHING = Configured()


@dataclass(frozen=True, slots=True)
class Step:
    """How to find out about one statement.

    Attributes:
        product: The module, or "board".
        about: Found in the statement.
        question: For the person at the board; answered by yes, no, or not tried.
        act: Does or measures something, and returns what, and what it would configure.
        if_no: What the answer "no" configures.
        value: The answer is a number in this unit, which is compared with the measured one.
    """

    product: str
    about: str
    question: str
    act: Callable[[Target], tuple[str, Configured]] | None = None
    if_no: Configured = NOTHING
    value: str = ""


def steps_for(product: str, statement: str) -> Step:
    """Return how to find out about a statement.

    Args:
        product: The module, or "board".
        statement: An entry of ``unconfirmed``.
    """
    for step in STEPS:
        if step.product == product and re.search(step.about, statement):
            return step
    return Step(product, "", "Did you see whether this is so?")


def relevant(statement: str, board: str) -> bool:
    """Return whether a statement is about this board, or about any.

    Args:
        statement: An entry of ``unconfirmed``.
        board: "RAK7391".
    """
    named = set(re.findall(r"RAK7391|RAK6421", statement.partition(":")[0]))
    return not named or board in named


def tried(step: Step, target: Target) -> tuple[str, Configured]:
    """Act or measure; an error is a result, too.

    Returns:
        What was done or found, and what it would configure.
    """
    if step.act is None:
        return "", NOTHING
    try:
        return step.act(target)
    except RemoteError as error:
        return f"failed: {error}", NOTHING


def _blink(expander: str) -> Callable[[Target], tuple[str, Configured]]:
    def act(target: Target) -> tuple[str, Configured]:
        for line in (6, 7):
            for level in (0, 1, 0, 1):
                target.call("write", "TPT29555", expander=expander, line=line, level=level)
                wait(HOLD_S / 2)
            target.call("release", "TPT29555", expander=expander, line=line)
        return f"lines 6 and 7 of the expander {expander!r} were switched twice each", NOTHING

    return act


def _relay(target: Target) -> tuple[str, Configured]:
    try:
        target.call("set", on=True)
        wait(HOLD_S)
    finally:
        target.call("set", on=False)
    return f"the relay was on for {HOLD_S:g} s", NOTHING


def _motor(target: Target) -> tuple[str, Configured]:
    try:
        target.call("drive", bridge="A", speed=30)
        wait(HOLD_S)
    finally:
        target.call("stop")
    return f"motor A ran at +30 % for {HOLD_S:g} s", NOTHING


def _leds(target: Target) -> tuple[str, Configured]:
    try:
        target.call("bar", level=1)
        wait(HOLD_S)
    finally:
        target.call("bar", level=0)
    return f"the first LED was lit for {HOLD_S:g} s", NOTHING


def _reading(name: str, unit: str) -> Callable[[Target], tuple[str, Configured]]:
    def act(target: Target) -> tuple[str, Configured]:
        return f"{cast('float', target.call('read')[name]):.3f} {unit}", NOTHING

    return act


def _address(chip: str) -> Callable[[Target], tuple[str, Configured]]:
    def act(target: Target) -> tuple[str, Configured]:
        for answer in _answers(target):
            if answer["chip"] == chip and target.module in cast("list[str]", answer["modules"]):
                address = cast("int", answer["address"])
                found = f"{chip} answers at 0x{address:02x} ({answer['confidence']} confidence)"
                return found, Configured(addresses={chip: address})
        return f"no {chip} answers on the bus", NOTHING

    return act


def _chip_of_the_converter(target: Target) -> tuple[str, Configured]:
    for answer in _answers(target):
        if "ADC" in cast("list[str]", answer["modules"]):
            return f"{answer['chip']} at 0x{answer['address']:02x}: {answer['note']}", NOTHING
    return "the board's converter does not answer", NOTHING


def _answers(target: Target) -> Iterator[Mapping[str, object]]:
    yield from target.bridge.scan()


def _input(target: Target) -> tuple[str, Configured]:
    seen = set()
    for _ in range(10):
        seen.add(str(target.call("input")["active"]).lower())
        wait(HOLD_S / 2)
    return f"the input read {' and '.join(sorted(seen))} within 5 s", NOTHING


_ON_THE_OTHER = Configured(
    lines={slot: {f"IO{n}": f"board:{8 * (slot - 1) + n}" for n in EXPANDER_LINES}
           for slot in (1, 2)}
)  # fmt: skip

CLICKED = "Did you hear the relay click twice, and only now?"
STEPS = (
    Step(BOARD, "Which of the two expanders serves the slots",
         "Did LEDs of the board itself blink?", _blink(BOARD), if_no=_ON_THE_OTHER),
    Step("TPT29555", "0x26 serves the slots", "Did LEDs of the board itself blink?",
         _blink(BOARD), if_no=_ON_THE_OTHER),
    Step("RAK13001", "relay stays off", CLICKED, _relay),
    Step("RAK13001", "Where the isolated input is",
         "Was 12-24 V put on the input in these 5 s, and did the reading follow?", _input),
    Step("RAK13007", "relay stays off", CLICKED, _relay),
    Step("RAK14003", "current of an LED", "Did the first LED light up?", _leds),
    Step("RAK17000", "Which way a motor turns", "Did motor A turn clockwise?", _motor),
    Step("RAK17000", "Whether VBAT", "Did motor A turn at all?", _motor),
    Step("RAK5801", "VBAT", "Which current flows through the loop, by another instrument or a "
         "resistor", _reading("current", "mA"), value="mA"),
    Step("RAK5811", "VBAT", "Which voltage is at the input, by another instrument",
         _reading("voltage", "V"), value="V"),
    Step("RAK16001", "address as delivered", "Is the module as it was delivered?",
         _address("ADS7830")),
    Step("RAK12009", "address as delivered", "Is the module as it was delivered?",
         _address("ADC121C021")),
    Step("ADC", "identity register", "Is this the chip that is on the board?",
         _chip_of_the_converter),
)  # fmt: skip
