"""RAK14003: LED bar.

1. Facts of the product: ten LEDs that are lit when their pin is low, their colours, how many at
   once.
2. Registers are the chip's business.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack, suppress
from typing import Annotated, Literal, Protocol

from wisblock_bridge.chips.mcp23017 import MCP23017
from wisblock_bridge.errors import BadParamsError, BridgeError
from wisblock_bridge.module_api import (
    Module,
    Param,
    Product,
    Quality,
    ReadingSpec,
    Result,
    chip,
    lost_supply,
    operation,
    optional_line,
)
from wisblock_bridge.modules.shared.expander_pins import PinOwners, pins_in, pulse_reset

log = logging.getLogger(__name__)

DARK = "all LEDs are dark"

LED_COUNT = 10
ALL_LEDS = 0x3FF
ALL_PINS = 0xFFFF

MOST_LIT = 8
"""Ten LEDs take 170 mA (RAK14003 datasheet), so nine take 153 mA; all of it leaves the expander
through VSS, which bears 150 mA (MCP23017 datasheet DS20001952C, absolute maximum ratings).
"""

LEVEL = ReadingSpec("level", "How far the bar reaches.", kind="int", low=0, high=10, step=1)
LIT = ReadingSpec("lit", "How many LEDs are lit.", kind="int", low=0, high=10, step=1)
MASK = ReadingSpec(
    "mask", "Which LEDs are lit; bit n is LED n.", kind="int", low=0, high=0x3FF, step=1
)
ON = ReadingSpec("on", "Whether the LED is lit.", kind="bool")

BeyondLimit = Annotated[
    bool,
    Param(
        "Light more than eight LEDs at once when that is asked for, although it is beyond what the "
        "expander bears (150 mA).",
    ),
]


class Pattern(Protocol):
    """Parameters of ``pattern``."""

    mask: int
    beyond_limit: bool


def check_pattern(params: Pattern) -> None:
    """Refuse a pattern of more LEDs than the expander tolerates, unless that is wanted.

    Args:
        params: The checked parameters.

    Raises:
        BadParamsError: There are too many.
    """
    if params.mask.bit_count() > MOST_LIT and not params.beyond_limit:
        raise too_many(params.mask.bit_count(), "mask")


def too_many(count: int, param: str) -> BadParamsError:
    """Return the error for more LEDs than the expander tolerates.

    Args:
        count: How many would be lit.
        param: The parameter that asks for them.

    Returns:
        The error, to be raised.
    """
    return BadParamsError(
        f"{count} LEDs would be lit at once; the expander of the module bears {MOST_LIT} "
        f"(150 mA, about 17 mA each).",
        hint="Switch another one off first, or set beyond_limit at your own risk.",
        data={"param": param, "allowed": f"at most {MOST_LIT} LEDs"},
    )


class RAK14003(Module):
    """Light the ten LEDs of a bar.

    LED 0 and 1 are red, 2 to 4 yellow, 5 to 9 green. On means lit; all are dark until told
    otherwise, and dark again when the program that lit them is lost, unless it wished to hold.

    At most eight LEDs are lit at once: ten take 170 mA, and the expander on the module tolerates
    150 mA. A pattern of more, or a ninth LED, is refused. A bar of 9 or 10 shows its upper end: the
    first one or two LEDs go dark instead, so the end of the bar still tells the level; the reading
    is then marked as uncertain and its note says so. To light all ten at your own risk, set
    "beyond limit".

    The module is reset when it is first used, through IO4 where the board says which line that is.
    """

    product = Product(
        "RAK14003",
        title="LED bar",
        family="display",
        slots=(1, 2),
        icon="wisblock-led.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak14003/overview/",
    )
    unconfirmed = (
        "The current of an LED: 17 mA is a tenth of the 170 mA that the vendor states for all ten.",
    )

    expander = chip(MCP23017, "MCP23017", 0x24, (0x20, 0x21, 0x22, 0x23, 0x25, 0x26, 0x27))
    reset_pin = optional_line("IO4")

    def setup(self) -> None:
        """Start without any LED on."""
        # Not in ``open``: after a failure of the bus the module is opened again, and that LEDs went
        # dark by that is to be reported.
        self._owners = PinOwners()
        self._lit = 0
        self._lost = 0
        """LEDs that were lit before a failure made them dark."""

    def open(self) -> None:
        """Make all LEDs dark, whatever an earlier owner left."""
        pulse_reset(self.reset_pin, self.clock)
        self._start()

    @classmethod
    def parts_of(cls, output: str) -> frozenset[str]:
        """Return which LEDs an output consists of."""
        if output == "*":
            return frozenset(f"led/{led}" for led in range(LED_COUNT))
        return frozenset((output,))

    def rests(self, output: str) -> bool:
        """Return whether all LEDs of an output are dark."""
        return not self._owners.mask_of(output) & self._lit

    def check_supply(self) -> None:
        """Check whether the chip is as after power-up: its pins are inputs then, not outputs."""
        if self.expander.has_forgotten():
            raise lost_supply(self.expander.name, DARK)

    def make_safe(self, output: str) -> None:
        """Make the LEDs dark that an output lit last."""
        owned = self._owners.mask_of(output)
        if owned & self._lit:
            self._show(self._lit & ~owned)
        self._lost &= ~owned

    def close(self) -> None:
        """Make all LEDs dark; if the chip does not answer, reset it."""
        with ExitStack() as stack:
            if self.reset_pin is not None:
                stack.callback(self.reset_pin.give_back)
            stack.callback(self.expander.close)
            try:
                self.expander.make_inputs(ALL_PINS)
            except BridgeError:
                with suppress(BridgeError):
                    pulse_reset(self.reset_pin, self.clock)
                raise

    @operation(
        gives=(LEVEL, LIT, MASK),
        main=LEVEL,
        drives="*",
        payload_param="level",
        default=True,
    )
    def bar(
        self,
        level: Annotated[int, Param("How far the bar reaches; 0 is all dark.", low=0, high=10)],
        start: Annotated[
            Literal["red", "green"],
            Param("The end at which the bar begins: LED 0 (red) or LED 9 (green)."),
        ] = "red",
        beyond_limit: BeyondLimit = False,  # noqa: FBT002  (operations take them positionally)
    ) -> Result:
        """Show a level as a bar.

        Returns:
            ``level``, how many LEDs are ``lit``, and which as ``mask``.

        Raises:
            BusError: The module did not answer.
        """
        first = 0 if beyond_limit else max(0, level - MOST_LIT)
        picture = (1 << level) - (1 << first)
        if start == "green":
            picture = sum(1 << (LED_COUNT - 1 - led) for led in pins_in(picture))
        self._light(picture, ALL_LEDS, "*")
        note = ""
        if first:
            note = (
                f"A bar of {level} without its first {first}: the expander bears {MOST_LIT} LEDs "
                f"at once."
            )
        return self._seen(note, level=level)

    @operation(
        gives=(ON, LIT, MASK),
        main=ON,
        drives="led/{led}",
        payload_param="on",
    )
    def set(
        self,
        led: Annotated[
            int,
            Param("Number of the LED: 0 and 1 red, 2 to 4 yellow, 5 to 9 green.", low=0, high=9),
        ],
        on: Annotated[bool, Param("Whether it is lit.")],
        beyond_limit: BeyondLimit = False,  # noqa: FBT002  (operations take them positionally)
    ) -> Result:
        """Switch one LED on or off; the others stay as they are.

        Returns:
            ``on``, how many LEDs are ``lit``, and which as ``mask``.

        Raises:
            BadParamsError: It would be the ninth.
            BusError: The module did not answer.
        """
        mask = 1 << led
        count = (self._lit | mask).bit_count()
        if on and not self._lit & mask and count > MOST_LIT and not beyond_limit:
            raise too_many(count, "on")
        self._check_supply()
        self._light(self._lit | mask if on else self._lit & ~mask, mask, f"led/{led}")
        return self._seen(on=on)

    @operation(
        gives=(MASK, LIT),
        main=MASK,
        drives="*",
        payload_param="mask",
        check=check_pattern,
    )
    def pattern(
        self,
        mask: Annotated[
            int, Param("Which LEDs are lit: bit n is LED n; all others go dark.", low=0, high=0x3FF)
        ],
        beyond_limit: BeyondLimit = False,  # noqa: ARG002, FBT002  (``check_pattern`` looks at it)
    ) -> Result:
        """Show any pattern.

        Returns:
            ``mask``, and how many LEDs are ``lit``.

        Raises:
            BadParamsError: More than eight LEDs would be lit.
            BusError: The module did not answer.
        """
        self._light(mask, ALL_LEDS, "*")
        return self._seen()

    @operation(gives=(MASK, LIT), main=MASK, reads_only=True)
    def state(self) -> Result:
        """Ask the module which LEDs are lit.

        Returns:
            ``mask``, and how many LEDs are ``lit``.

        Raises:
            BusError: The module did not answer.
        """
        self._check_supply()
        self._lit = ~self.expander.latches() & ALL_LEDS
        return self._seen()

    def _start(self) -> None:
        self.expander.begin()
        self.expander.make_outputs(ALL_LEDS, ALL_LEDS)
        self._lost |= self._lit
        self._lit = 0

    def _check_supply(self) -> None:
        """Set the module up again if it lost its supply; its LEDs are dark then."""
        if self.expander.is_reset():
            self._start()
            self.supply_lost(lost_supply(self.expander.name, DARK))

    def _light(self, picture: int, touched: int, output: str) -> None:
        """Show a picture in which a command decides about some LEDs, and remember whose it is."""
        if touched == ALL_LEDS:
            self._check_supply()
        self._owners.own(touched, output)
        self._lost &= ~touched
        self._show(picture)

    def _show(self, picture: int) -> None:
        self.expander.write_levels(ALL_LEDS, ~picture & ALL_LEDS)
        self._lit = picture

    def _seen(self, note: str = "", **values: object) -> Result:
        lit = self._lit.bit_count()
        notes = [note] if note else []
        if lit > MOST_LIT:
            notes.append(f"{lit} LEDs are lit; the expander bears {MOST_LIT} at once.")
        if self._lost:
            notes.append(
                f"A failure of the supply or the bus made LEDs dark that were lit: "
                f"{', '.join(map(str, pins_in(self._lost)))}."
            )
        return self.readings(
            Quality.UNCERTAIN if notes else Quality.GOOD,
            " ".join(notes),
            lit=lit,
            mask=self._lit,
            **values,
        )
