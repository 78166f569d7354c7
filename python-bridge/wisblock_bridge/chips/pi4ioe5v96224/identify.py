"""Could it be a PI4IOE5V96224? Told by reading.

Nothing is written, not even a pointer: this chip would put it on its pins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.i2c import Read
from wisblock_bridge.chips.identification import Identification

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

_FOUR_ROUNDS = Read(12)


def identify(bus: I2CBus, address: int, clock: Clock) -> Identification:  # noqa: ARG001
    """Check whether a PI4IOE5V96224 may be at an address.

    It has no registers and so no identity. It shows its three ports over and over again, which
    chips with registers do not, unless all they show is one and the same byte. A pin that changes
    during the look spoils it.

    Args:
        bus: The bus to look at.
        address: 7-bit address.
        clock: Time; not needed here, taken so that all chips are looked for alike.

    Returns:
        An identification, never of high confidence.

    Raises:
        BusError: Nobody answers at that address, or the bus failed.
    """
    answer = bus.transfer(address, _FOUR_ROUNDS)
    ports = answer[:3]
    if answer != ports * 4:
        note = "What it gives does not repeat every three bytes."
        return Identification("", "low", note)
    if len(set(ports)) == 1:
        note = "It gives one byte over and over again, as three equal ports do, and other chips."
        return Identification("PI4IOE5V96224", "low", note)
    note = "It gives the same three bytes over and over again, without registers."
    return Identification("PI4IOE5V96224", "medium", note)
