"""The configuration, and where each value came from."""

from __future__ import annotations

from wisblock_bridge.config.applying import apply, check_slots
from wisblock_bridge.config.model import (
    DEMO_SWING_S,
    BoardConfig,
    Config,
    SecurityConfig,
    SlotConfig,
)
from wisblock_bridge.config.reading import DEFAULT_FILE, load

__all__ = [
    "DEFAULT_FILE",
    "DEMO_SWING_S",
    "BoardConfig",
    "Config",
    "SecurityConfig",
    "SlotConfig",
    "apply",
    "check_slots",
    "load",
]
