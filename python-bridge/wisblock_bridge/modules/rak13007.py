"""RAK13007: a relay for mains currents.

1. Facts of the product: its line, its contact. What a relay does is in ``relay``.
2. Nothing of line numbers or expanders.
"""

from __future__ import annotations

from wisblock_bridge.module_api import Module, Product, Result, line, operation
from wisblock_bridge.modules.shared.relay import ON, OUTPUT, On, PulseMs, Relay


class RAK13007(Module):
    """Switch a load with a relay.

    The contact bears 30 V DC / 8 A or 150 V AC / 10 A with a resistive load, 30 V DC / 4 A or
    250 V AC / 5 A with an inductive one. It closes within 10 ms and opens within 5 ms. At full load
    it is made for at most one switching in two seconds (1800 operations an hour).

    The relay is off before the first command, when the node or program that drives it is gone
    (unless it asked to hold), and when the bridge stops. After every command the line is read back,
    so a short of the line is told; whether the contact moved cannot be seen.
    """

    product = Product(
        "RAK13007",
        title="relay",
        family="interface",
        slots=(1, 2),
        icon="wisblock-relay.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak13007/overview/",
    )
    unconfirmed = (
        (
            "Whether the relay stays off on a RAK7391 between power-on and the start of the "
            "bridge: the expander's weak pull-up is on the line until then."
        ),
    )

    coil = line("IO4")

    def setup(self) -> None:
        """Create the relay on the line of its coil."""
        self._relay = Relay(self.coil, self.timers)

    def open(self) -> None:
        """Switch the relay off."""
        self._relay.release()

    def rests(self, output: str) -> bool:  # noqa: ARG002  (there is one)
        """Tell whether the relay is off."""
        return self._relay.rests

    def check_supply(self) -> None:
        """Look whether the expander still drives the relay's line."""
        self.coil.check_driven()

    def make_safe(self, output: str) -> None:  # noqa: ARG002  (there is one)
        """Switch the relay off."""
        self._relay.release()

    def close(self) -> None:
        """Switch the relay off and return its line."""
        self._relay.close()

    @operation(
        gives=(ON,),
        main=ON,
        drives=OUTPUT,
        urgent={"on": False},
        payload_param="on",
        default=True,
    )
    def set(self, on: On) -> Result:
        """Switch the relay on or off; a pulse that runs is over.

        Returns:
            ``on``, as read back from the line.

        Raises:
            BusError: The line could not be driven or read; the relay is switched off.
            NotReadyError: The line does not follow; the relay is switched off.
        """
        return self.readings(on=self._relay.switch(on=on))

    @operation(gives=(ON,), main=ON, drives=OUTPUT)
    def toggle(self) -> Result:
        """Switch the relay to its other state; a pulse that runs is over.

        Returns:
            ``on``, as read back from the line.

        Raises:
            BusError: The line could not be driven or read; the relay is switched off.
            NotReadyError: The line does not follow; the relay is switched off.
        """
        return self.readings(on=self._relay.toggle())

    @operation(gives=(ON,), main=ON, drives=OUTPUT, payload_param="ms")
    def pulse(self, ms: PulseMs) -> Result:
        """Switch the relay on for a while, then off; it ends even if the client is gone.

        A pulse during a pulse begins anew. Afterwards the relay is off, whatever it was before.

        Returns:
            ``on``, which is true now.

        Raises:
            BusError: The line could not be driven or read; the relay is switched off.
            NotReadyError: The line does not follow; the relay is switched off.
        """
        return self.readings(on=self._relay.pulse(ms / 1000.0))

    @operation(gives=(ON,), main=ON, reads_only=True)
    def state(self) -> Result:
        """Read the relay's line back.

        Returns:
            ``on``.

        Raises:
            BusError: The line could not be read.
            NotReadyError: The line is not as commanded.
        """
        return self.readings(on=self._relay.is_on())
