"""Semtech SX1262, a LoRa transceiver for 150...960 MHz with up to 22 dBm.

Sources: Semtech SX1261/2 data sheet rev. 1.2, with the workarounds of its chapter 15; AN1200.48 for
the detection of activity.
"""

from wisblock_bridge.chips.sx1262.air_time import LoRa, longest_payload, time_on_air_ms
from wisblock_bridge.chips.sx1262.commands import Irq, Mode, sync_word_registers
from wisblock_bridge.chips.sx1262.driver import SX1262, Packet
from wisblock_bridge.chips.sx1262.link import Pin

__all__ = [
    "SX1262",
    "Irq",
    "LoRa",
    "Mode",
    "Packet",
    "Pin",
    "longest_payload",
    "sync_word_registers",
    "time_on_air_ms",
]
