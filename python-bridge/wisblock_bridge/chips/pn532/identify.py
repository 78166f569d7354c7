"""Is it a PN532? Told by reading alone.

Nothing is written, not even a pointer: a command of this chip would be taken for register
contents by an I/O expander that can have the same address, and would make its pins outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read
from wisblock_bridge.chips.identification import Identification

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

LOOKS = 24
"""More than the registers of an expander that moves on with every byte read."""

_BYTE = Read(1)


def identify(bus: I2CBus, address: int, clock: Clock) -> Identification:  # noqa: ARG001
    """Check whether a PN532 answers at an address.

    Every read begins with the ready byte, 0 or 1, and it does not change while nobody asks for
    anything. An MCP23017 shows one register after another instead, and rarely are all of them 0.

    Args:
        bus: The bus to look at.
        address: 7-bit address.
        clock: Time; not needed here, taken so that all chips are looked for alike.

    Returns:
        The identification.

    Raises:
        BusError: Nobody answers at that address, or the bus failed.
    """
    seen = {bus.transfer(address, _BYTE)[0] for _ in range(LOOKS)}
    if seen <= {0, 1} and len(seen) == 1:
        note = "Every read begins with the same ready byte, as in a PN532 that nobody asks."
        return Identification("PN532", "medium", note)
    return Identification("", "low", "It does not begin each read with a ready byte.")
