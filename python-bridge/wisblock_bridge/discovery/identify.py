"""Which chip answers at an address: each chip's own ``identify``, found by the chip's name.

A new chip brings ``chips/<name>/identify.py`` and needs no line here.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from wisblock_bridge.buses.i2c import Read

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.chips.identification import Identify


def identifier(chip: str) -> Identify | None:
    """Return the function that identifies a chip.

    Args:
        chip: Its name.

    Returns:
        The function; None for chips of which it is only known whether they answer.
    """
    try:
        module = importlib.import_module(f"wisblock_bridge.chips.{chip.lower()}.identify")
    except ModuleNotFoundError:
        return None
    return cast("Identify", module.identify)


def answers(bus: I2CBus, address: int) -> None:
    """Check that a chip acknowledges, by reading a byte.

    Args:
        bus: The bus to look at.
        address: 7-bit address.

    Raises:
        BusError: Nobody answers, or the bus failed.
    """
    bus.transfer(address, Read(1))
