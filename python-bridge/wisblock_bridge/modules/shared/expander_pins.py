"""What the products with an expander of their own share: who drove which pin, and its reset pin.

1. Masks of pins only; what a level means and what is safe is the product's business.
2. The owner of a pin is the output whose command drove it last, as a session owns an output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import DigitalLine

RESET_S = 10e-6
"""The MCP23017 wants its reset pin low for 1 µs (datasheet DS20001952C, table 2-1)."""


class PinOwners:
    """Which output of a module drove each pin last."""

    def __init__(self) -> None:
        self._owners: dict[int, str] = {}

    def own(self, mask: int, output: str) -> None:
        """Note that a command drives pins.

        Args:
            mask: Bit n is 1 for each pin n.
            output: The output that the command belongs to, as ``drives`` names it.
        """
        self._owners.update(dict.fromkeys(pins_in(mask), output))

    def mask_of(self, output: str) -> int:
        """Find the pins that an output drove last.

        Args:
            output: Its name.

        Returns:
            Bit n is 1 for each such pin n.
        """
        return sum(1 << pin for pin, owner in self._owners.items() if owner == output)


def pins_in(mask: int) -> list[int]:
    """List the pins of a mask.

    Args:
        mask: Bit n is 1 for each pin n.

    Returns:
        Their numbers, rising.
    """
    return [pin for pin in range(mask.bit_length()) if mask >> pin & 1]


def pulse_reset(pin: DigitalLine | None, clock: Clock) -> None:
    """Reset an expander through its reset pin and leave that pin high.

    It is left driven: on a Raspberry Pi most pins have a pull-down, which would hold the chip in
    reset.

    Args:
        pin: The reset pin, active low; None where the board does not say which line it is.
        clock: Time.

    Raises:
        BusError: The line could not be driven; the chip may be held in reset.
    """
    if pin is not None:
        pin.drive(0)
        clock.sleep(RESET_S)
        pin.drive(1)
