"""What a chip's ``identify`` finds out by reading its registers.

1. An identification says how sure it is and why; a guess is not dressed up as knowledge.
2. ``identify`` only reads; the pointer is the only thing that is written.
3. A transfer holds one read, as its last message: a Raspberry Pi 4 can do no more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from wisblock_bridge.buses.i2c import I2CBus
from wisblock_bridge.clock import Clock

Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Identification:
    """Which chip it is, as far as can be determined.

    Attributes:
        chip: Its name, or "" when it is not one that was looked for.
        confidence: How sure that is.
        note: Why, in one sentence.
    """

    chip: str
    confidence: Confidence
    note: str


Identify = Callable[[I2CBus, int, Clock], Identification]
"""Called with bus, 7-bit address and clock; raises ``BusError`` when nobody answers."""
