"""The emulated RAK13005: a transceiver (TLE7259-3), and a LIN bus with nodes on it.

1. Without EN the transceiver neither sends nor hears; it hears itself whenever it sends (data sheet
   rev. 1.0, section 4).
2. A low line is let go after the time-out of its input, at the earliest after 8 ms (6.1.26).
3. The bus can be made to fail, and so can what nodes say; the transceiver cannot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from wisblock_bridge.buses.emulated.uart import RESTING
from wisblock_bridge.module_api.emulated import EmulatedModule, Quantity, SlotPins, Value
from wisblock_bridge.modules.lin.emulated_nodes import LinNodes, Published
from wisblock_bridge.modules.shared.emulated_serial import LineFaults, checked_bool, checked_bytes

if TYPE_CHECKING:
    from wisblock_bridge.buses.uart import LineSettings

DOMINANT_TIMEOUT_S = 0.008


class EmulatedRAK13005(EmulatedModule):
    """A RAK13005 with a bus of nodes: two that answer, one that listens, and another master.

    The identifier 0x10 is answered with 8 bytes and the classic checksum, 0x23 with 4 bytes and the
    enhanced one. Until the module sends something itself, another master sends the documented frame
    of the identifier 1 every 0.5 s.
    """

    product = "RAK13005"
    BUSES: ClassVar[tuple[str, ...]] = ("good", "no_supply", "dominant", "collision")

    def __init__(self, pins: SlotPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self.line = pins.serial
        self.nodes = LinNodes(
            lambda data, delay_s: self.line.talk(data, RESTING, delay_s=delay_s, speaker=self),
            pins.clock,
            {
                0x10: Published(bytes.fromhex("12 34 56 78 9A BC DE F0"), enhanced=False),
                0x23: Published(bytes.fromhex("4A 55 93 E5"), enhanced=True),
            },
        )
        self._enable = pins.wire("IO6")
        self._pull = self._enable.pull
        self._enable.pull = 0  # 15 to 60 kΩ to ground within the transceiver (6.1.17)
        self._faults = LineFaults(self.line)
        self._bus = "good"
        self._said = b""
        self.line.attach(self)
        self.line.echo = True
        self.line.returned = self._returned
        self.line.passing = self._pass_time

    # -- as the device on the port's line ---------------------------------------------------------

    def hear(self, data: bytes, settings: LineSettings) -> None:
        """Carry characters to the bus."""
        if self._carries:
            self.nodes.hear(data, settings)

    def hear_break(self, duration_s: float) -> None:
        """Carry a break to the bus, up to the time-out."""
        if self._carries:
            self.nodes.hear_break(min(duration_s, DOMINANT_TIMEOUT_S))

    def _pass_time(self) -> None:
        if self._carries and self.line.port.settings == RESTING:
            self.nodes.pass_time()

    @property
    def _is_on(self) -> bool:
        return self._enable.level() == 1

    @property
    def _carries(self) -> bool:
        return self._is_on and self._bus in {"good", "collision"}

    def _returned(self, data: bytes) -> bytes:
        """Return what of an echo reaches the port."""
        if not self._is_on or self._bus == "no_supply":
            return b""
        if self._bus == "dominant":
            return b"" if data.strip(b"\0") else b"\0"
        if self._bus == "collision" and data.strip(b"\0"):
            middle = len(data) // 2
            return data[:middle] + bytes([data[middle] & 0x0F & data[0]]) + data[middle + 1 :]
        return data

    # -- the emulator control ---------------------------------------------------------------------

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities: what nodes say and heard, and what is wrong."""
        nodes = self.nodes
        return (
            *(self._published(identifier) for identifier in nodes.published),
            Quantity("received_1", "none", 0, 8, 0, lambda: nodes.received.get(1, b"")),
            Quantity("nodes_asleep", "none", 0, 1, 0, lambda: nodes.asleep),
            Quantity("transceiver_on", "none", 0, 1, 0, lambda: self._is_on),
            Quantity(
                "other_master", "none", 0, 1, 0, lambda: bool(nodes.other_master), self._set_master
            ),
            Quantity(
                "bus",
                "none",
                0,
                0,
                0,
                lambda: self._bus,
                self._set_bus,
                choices=tuple(self.BUSES),
            ),
            self._faults.quantity(),
            Quantity("said", "none", 0, 0, 0, lambda: self._said, self._say, "packets"),
        )

    def unplug(self) -> None:
        """Leave the slot."""
        self._faults.set("none")
        self.line.detach(self)
        self.line.echo = False
        self.line.returned = self.line.passing = None
        self._enable.pull = self._pull

    def _published(self, identifier: int) -> Quantity:
        """Show what a node answers; the documented textbook example (0x23) stays as it is."""
        published = self.nodes.published[identifier]

        def put(value: Value) -> None:
            if not isinstance(value, bytes) or not 1 <= len(value) <= 8:  # noqa: PLR2004
                raise ValueError("1 to 8 bytes are wanted")
            published.data = value

        length = len(published.data)
        return Quantity(
            f"data_{identifier}",
            "none",
            length,
            length,
            0,
            lambda: published.data,
            None if published.enhanced else put,
        )

    def _set_master(self, value: Value) -> None:
        self.nodes.other_master = checked_bool(value)

    def _set_bus(self, value: Value) -> None:
        if value not in self.BUSES:
            raise ValueError(f"one of {', '.join(self.BUSES)} is wanted")
        self._bus = str(value)

    def _say(self, value: Value) -> None:
        self._said = data = checked_bytes(value)
        if self._is_on:
            self.line.talk(data, RESTING, speaker=self)
        elif data:  # all that a sleeping transceiver does: it takes its output low (section 4.5)
            self.line.talk_break()
