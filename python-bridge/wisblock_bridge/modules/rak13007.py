"""RAK13007: a relay for mains currents.

1. Facts of the product: its line, its contact. What a relay does is in ``shared.relay``.
2. Nothing of line numbers or expanders.
"""

from __future__ import annotations

from wisblock_bridge.module_api import Product, line
from wisblock_bridge.modules.shared.relay import UNCONFIRMED_AT_POWER_ON, RelayModule


class RAK13007(RelayModule):
    """Switch a load with a relay.

    The contact is rated for 30 V DC / 8 A or 150 V AC / 10 A with a resistive load, 30 V DC / 4 A
    or 250 V AC / 5 A with an inductive one. It closes within 10 ms and opens within 5 ms. At full
    load it is made for at most one switching in two seconds (1800 operations an hour).

    The relay is off before the first command, when the node or program that drives it has
    disconnected (unless it asked to hold), and when the bridge stops. After every command the line
    is read back, so a short of the line is reported; whether the contact moved cannot be seen.
    """

    product = Product(
        "RAK13007",
        title="relay",
        family="interface",
        slots=(1, 2),
        icon="wisblock-relay.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak13007/overview/",
    )
    unconfirmed = (UNCONFIRMED_AT_POWER_ON,)

    coil = line("IO4")
