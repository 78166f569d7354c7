"""A module that does what a test needs: it writes down calls, waits at a gate, fails on demand.

1. It uses no hardware; what it drives are entries of ``states``.
2. The test makes a ``Script`` for it before the module is asked for.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from wisblock_bridge.errors import BusError, BusFault, OutOfRangeError
from wisblock_bridge.module_api import (
    EventSource,
    Module,
    Param,
    Product,
    ReadingSpec,
    Result,
    event,
    operation,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass
class Script:
    """What happens to the module, and what is to happen."""

    calls: list[str] = field(default_factory=list)
    states: dict[str, bool] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    values: list[object] = field(default_factory=lambda: [1.0])
    entered: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)

    def next_value(self) -> object:
        """The last value stays for ever."""
        return self.values.pop(0) if len(self.values) > 1 else self.values[0]

    def call(self, what: str) -> None:
        self.calls.append(what)
        if self.failures:
            raise self.failures.pop(0)


def no_answer() -> BusError:
    return BusError(BusFault.NO_ACKNOWLEDGE, "No answer.", where="0x11 on i2c-1")


def out_of_range() -> OutOfRangeError:
    return OutOfRangeError("Too much.", hint="Take less.")


VALUE = ReadingSpec("value", "What the script says.")
WORD = ReadingSpec("word", "Beside it.", kind="str")
ON = ReadingSpec("on", "Whether it is on.", kind="bool")
Which = Annotated[Literal["a", "b"], Param("Which output.")]


class Probe(Module):
    """A module for tests.

    It has no hardware.
    """

    product = Product("PROBE", "probe", "onboard", (1, 2), "none.svg", "https://example.org/")
    keeps_outputs = True
    script: ClassVar[Script] = Script()

    def open(self) -> None:
        """Note it."""
        self.script.call("open")

    def close(self) -> None:
        """Note it; everything is off."""
        self.check_cancelled()  # which is nothing here
        self.script.states = dict.fromkeys(self.script.states, False)
        self.script.call("close")

    def make_safe(self, output: str) -> None:
        """Switch off."""
        self.check_cancelled()  # which is nothing here
        self.script.call(f"safe {output}")
        self.script.states[output] = False

    @operation(gives=(VALUE, WORD), main=VALUE, reads_only=True, default=True)
    def read(self, word: Annotated[str, Param("Any.", low=0, high=9)] = "w") -> Result:
        """Give the script's next value."""
        self.script.call(f"read {word}")
        return self.readings(value=self.script.next_value(), word=word)

    @operation(gives=())
    def hang(self) -> Result:
        """Wait at the gate."""
        self.script.call("hang")
        self.script.entered.set()
        assert self.script.gate.wait(60), "the test never opened the gate"
        return self.readings()

    @operation(gives=(VALUE,), main=VALUE, reads_only=True)
    def measure(self) -> Result:
        """Measure again and again until the gate is open, and give way in between."""
        self.script.call("measure")
        while not self.script.gate.wait(0.001):
            self.script.entered.set()
            self.check_cancelled()
        return self.readings(value=self.script.next_value())

    @operation(gives=(ON,), main=ON, drives="{which}", urgent={"on": False}, payload_param="on")
    def set(self, which: Which, on: Annotated[bool, Param("On or off.")]) -> Result:
        """Switch an output."""
        self.script.call(f"set {which} {on}")
        self.script.states[which] = on
        return self.readings(on=on)

    @operation(gives=())
    def later(
        self, ms: Annotated[int, Param("When.", unit="millisecond", low=0, high=10_000)]
    ) -> Result:
        """Note something later."""
        self.timers.after(ms / 1000.0, lambda: self.script.call(f"timer {ms}"))
        return self.readings()

    @event(gives=(VALUE,), main=VALUE, polled=True)
    def changed(
        self,
        poll_ms: Annotated[int, Param("How often.", unit="millisecond", low=10, high=10_000)] = 100,
    ) -> Look:
        """Tell each value that differs from the last."""
        self.script.call("changed")
        return Look(self, poll_ms / 1000.0)

    @event(gives=(VALUE,), main=VALUE, polled=True, occurrence=True)
    def happened(self) -> Look:
        """Tell each value that differs from the last, as something that happened."""
        return Look(self, 0.1)


class Look(EventSource):
    """Looks at the script's value."""

    def __init__(self, module: Probe, interval_s: float) -> None:
        super().__init__(interval_s)
        self._module = module
        self._last: object = None

    def look(self) -> Sequence[Result]:
        """Look once."""
        self._module.script.call("look")
        value = self._module.script.next_value()
        if value == self._last:
            return ()
        self._last = value
        return (self._module.readings(value=value),)
