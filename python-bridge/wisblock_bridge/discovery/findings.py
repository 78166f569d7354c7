"""A finding of ``check``: a subject, its state, and what to do about it.

1. Data and text only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "missing", "problem", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked.

    Attributes:
        what: "I2C bus i2c-1".
        state: "ok"; "missing"; "problem": there, not usable; "info": good to know.
        detail: What was seen.
        advice: What to do; empty when there is nothing to do.
    """

    what: str
    state: State
    detail: str
    advice: str = ""


GROUP_ADVICE = (
    "Let the user join the group {group} (`sudo usermod -aG {group} <user>`, log in again). "
    "In a container, hand in the device (`--device {path}`) and the group (`--group-add`)."
)
