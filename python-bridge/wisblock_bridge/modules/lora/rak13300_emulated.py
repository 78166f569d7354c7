"""The emulated RAK13300: a radio with its antenna switch, in the air of its board.

1. What arrives, and how, is set in physical words: ambient noise, path loss, what becomes of the
   next packet.
2. A packet that a radio in the other slot sends arrives here as on the bench, less the path loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.chips.sx1262.emulator import EmulatedSX1262
from wisblock_bridge.module_api.emulated import DemoWave, EmulatedModule, Quantity, RadioPins, Value
from wisblock_bridge.modules.shared.emulated_switches import truth

if TYPE_CHECKING:
    from collections.abc import Callable

SWITCH_OFF_LOSS_DB = 30.0
"""What gets through an antenna switch without supply; nobody has measured it."""

FAR_AWAY_DBM = 14.0
FATES = ("arrives", "lost", "crc_error", "header_error", "collides")


class EmulatedRAK13300(EmulatedModule):
    """A RAK13300 with an antenna."""

    product = "RAK13300"

    def __init__(self, pins: RadioPins, demo_period_s: float = 0.0) -> None:
        super().__init__(pins, demo_period_s)
        self._radio_pins = pins
        name = f"SX1262 in slot {pins.slot}"
        self.radio = EmulatedSX1262(
            pins.wire("IO4"), pins.wire("IO5"), pins.wire("IO6"), pins.air, pins.clock, name
        )
        switch = pins.wire("IO3")
        self.radio.switch_loss_db = lambda: 0.0 if switch.level() else SWITCH_OFF_LOSS_DB
        self._ambient = DemoWave(-110.0, -115.0, -95.0, pins.clock, demo_period_s)
        self.radio.ambient = self._ambient.get
        self._incoming = b""
        pins.spi.attach(self.radio)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities of the emulator control."""
        radio = self.radio
        return (
            Quantity(
                "rssi",
                "decibel_milliwatt",
                -115.0,
                -20.0,
                0.5,
                self._ambient.get,
                self._ambient.set,
            ),
            _number("path_loss", "decibel", 0.0, 200.0, radio, "path_loss_db"),
            _number("crystal_error", "hertz", -20_000.0, 20_000.0, radio, "crystal_error_hz"),
            Quantity(
                "incoming", "none", 0, 255, 0, lambda: self._incoming, self._arrive, "packets"
            ),
            Quantity("next_packet", "none", 0, 0, 0, self._fate, self._set_fate, choices=FATES),
            Quantity("packets_sent", "none", 0, 0, 0, lambda: len(radio.sent)),
            Quantity("last_sent", "none", 0, 0, 0, self._last_sent),
            _flag("busy_stuck", radio, "stuck_busy"),
            _flag("transmitter_stuck", radio, "stuck_transmitter"),
            _flag("oscillator_dead", radio, "dead_oscillator"),
        )

    def unplug(self) -> None:
        """Leave the slot."""
        self._radio_pins.spi.detach()
        self.radio.leave()

    def power_cycle(self) -> bool:
        """Take the radio's supply away for a moment, as ``EmulatedModule.power_cycle`` says."""
        self.radio.power_cycle()
        return True

    def _arrive(self, value: Value) -> None:
        """Let somebody far away send a packet that this radio understands, beginning now."""
        if not isinstance(value, bytes) or not 0 < len(value) <= 255:  # noqa: PLR2004
            raise ValueError("1 to 255 bytes are wanted")
        self._incoming = value
        now = self.pins.clock.monotonic()
        self._radio_pins.air.begin(self.radio.wave(value, None, FAR_AWAY_DBM, now))

    def _fate(self) -> str:
        return self.radio.fates[0] if self.radio.fates else FATES[0]

    def _set_fate(self, value: Value) -> None:
        if not isinstance(value, str) or value not in FATES:
            raise ValueError(f"one of {', '.join(FATES)} is wanted")
        self.radio.fates[:] = [value]

    def _last_sent(self) -> bytes:
        return self.radio.sent[-1] if self.radio.sent else b""


def _number(
    name: str, unit: str, low: float, high: float, radio: EmulatedSX1262, attribute: str
) -> Quantity:
    def apply(value: Value) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("a number is wanted")  # noqa: TRY004  (what the emulator control expects)
        if not low <= value <= high:
            raise ValueError(f"{low:g} to {high:g} is wanted")
        setattr(radio, attribute, float(value))

    return Quantity(name, unit, low, high, 0.0, lambda: float(getattr(radio, attribute)), apply)


def _flag(name: str, radio: EmulatedSX1262, attribute: str) -> Quantity:
    def tell() -> bool:
        return bool(getattr(radio, attribute))

    def apply(value: bool) -> None:  # noqa: FBT001  (a setter)
        setattr(radio, attribute, value)

    change: Callable[[bool], None] = apply
    return truth(name, tell, change)
