"""What a look at a chip's registers says.

1. A verdict says how sure it is and why; a guess is not dressed up as knowledge.
2. Whoever identifies only reads; the pointer is the only thing that is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Identification:
    """Which chip it is, as far as can be told.

    Attributes:
        chip: Its name, or "" when it is not one that was looked for.
        confidence: How sure that is.
        note: Why, in one sentence.
    """

    chip: str
    confidence: Confidence
    note: str
