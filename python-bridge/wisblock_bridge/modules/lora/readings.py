"""What a LoRa radio tells: its readings, with units and ranges.

1. Descriptions only, no code.
"""

from __future__ import annotations

from wisblock_bridge.module_api import ReadingSpec
from wisblock_bridge.modules.lora.regions import REGIONS

REGION = ReadingSpec(
    "region", "The region chosen; empty before.", kind="str", choices=("", *map(str, REGIONS))
)
FREQUENCY = ReadingSpec(
    "frequency", "Centre of the channel.", unit="megahertz", low=150.0, high=960.0, step=1e-6
)
BANDWIDTH = ReadingSpec(
    "bandwidth", "Width of the channel.", unit="kilohertz", low=7.81, high=500.0
)
SPREADING_FACTOR = ReadingSpec("spreading_factor", "Spreading factor.", kind="int", low=5, high=12)
POWER = ReadingSpec(
    "power", "Power at the antenna connector.", kind="int", unit="decibel_milliwatt", low=-9,
    high=22, step=1,
)  # fmt: skip
DUTY_CYCLE = ReadingSpec(
    "duty_cycle",
    "Share of the time that one may send, where the region limits it.",
    unit="percent",
    low=0.0,
    high=100.0,
    optional=True,
)
LONGEST = ReadingSpec(
    "longest_payload", "Most bytes that one packet may have.", kind="int", low=-1, high=255
)

TIME_ON_AIR = ReadingSpec(
    "time_on_air", "How long the packet occupies the channel.", unit="millisecond", low=0.0,
    step=0.001,
)  # fmt: skip
DUTY_WAIT = ReadingSpec(
    "duty_wait",
    "How long until such a packet may be sent again; of a queued one, until it is sent.",
    unit="millisecond",
    low=0.0,
)
SENT = ReadingSpec("sent", "True when the packet has left, false when it is queued.", kind="bool")

PAYLOAD = ReadingSpec("payload", "The bytes of the packet.", kind="bytes", optional=True)
RSSI = ReadingSpec(
    "rssi", "Strength of the signal.", unit="decibel_milliwatt", low=-127.5, high=0.0, step=0.5
)
PACKET_RSSI = ReadingSpec(
    "rssi", "Strength of the packet.", unit="decibel_milliwatt", low=-127.5, high=0.0, step=0.5,
    optional=True,
)  # fmt: skip
SNR = ReadingSpec(
    "snr", "How far the packet was above the noise.", unit="decibel", low=-32.0, high=32.0,
    step=0.25, optional=True,
)  # fmt: skip
FREQUENCY_ERROR = ReadingSpec(
    "frequency_error", "How far the sender's frequency is above the own one.", unit="hertz",
    optional=True,
)  # fmt: skip
RECEIVED = ReadingSpec("received", "Whether a packet came.", kind="bool")
BROKEN = ReadingSpec(
    "broken", "How many packets came with a wrong checksum or header since the last good one.",
    kind="int", low=0, step=1,
)  # fmt: skip
INTACT = ReadingSpec("intact", "Whether the checksum is right, or there is none.", kind="bool")
BUSY = ReadingSpec("busy", "Whether somebody else is sending.", kind="bool")

RESTARTS = ReadingSpec(
    "restarts", "How often the radio was started again because something had gone wrong.",
    kind="int", low=0, step=1,
)  # fmt: skip
SUPPLY_LOSSES = ReadingSpec(
    "supply_losses", "How often of these it had been reset, as after a dip of its supply.",
    kind="int", low=0, step=1,
)  # fmt: skip
PACKETS_SENT = ReadingSpec("packets_sent", "Packets that have left.", kind="int", low=0, step=1)
PACKETS_RECEIVED = ReadingSpec("packets_received", "Packets that came intact.", kind="int", low=0,
                           step=1)  # fmt: skip
PACKETS_BROKEN = ReadingSpec(
    "packets_broken", "Packets that came with a wrong checksum or header.", kind="int", low=0,
    step=1,
)  # fmt: skip

CONFIGURED = (REGION, FREQUENCY, BANDWIDTH, SPREADING_FACTOR, POWER, LONGEST, DUTY_CYCLE)
EVENT = (PAYLOAD, PACKET_RSSI, SNR, FREQUENCY_ERROR, INTACT, BROKEN)
