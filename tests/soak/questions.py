"""What a flow asks a module for, and what the answer has to be where that is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.soak.serial_lines import UNIT, registers

if TYPE_CHECKING:
    import random

Map = dict[str, Any]

SENSORS = (
    "RAK5801", "RAK5811", "RAK16000", "RAK16001", "RAK12015", "RAK12006", "RAK12004", "RAK13600",
    "RAK13600",
)  # fmt: skip
SERIAL = ("RAK5802", "RAK13005")
RADIO_MODULE = "RAK13300"
ANSWER_MS = (60, 150, 600)
"""How long a unit may take; one that is late takes 350 ms."""


@dataclass(frozen=True)
class Question:
    """An operation, its parameters, and what is read."""

    operation: str
    params: Map = field(default_factory=dict)
    expects: Map | None = None


def question(module: str, chance: random.Random) -> Question:
    """Choose what a module is asked for.

    Args:
        module: Its name.
        chance: What decides.
    """
    if module == "RAK5802":
        return _modbus(chance)
    return chance.choice(QUESTIONS.get(module, (Question("read"),)))


def _modbus(chance: random.Random) -> Question:
    address, count = chance.randrange(1000, 60_000), chance.randrange(1, 20)
    params = {
        "unit": UNIT, "address": address, "count": count, "timeout_ms": chance.choice(ANSWER_MS)
    }  # fmt: skip
    return Question("read_holding_registers", params, {"registers": registers(address, count)})


LIN = (
    Question(
        "request", {"id": 0x10, "length": 8}, {"data": bytes.fromhex("12 34 56 78 9A BC DE F0")}
    ),
    Question(
        "request", {"id": 0x23, "length": 4, "checksum": "enhanced"},
        {"data": bytes.fromhex("4A 55 93 E5")},
    ),
    Question("request", {"id": 0x11, "length": 2}),
    Question("send", {"id": 1, "data": b"\x01\x02"}),
    Question("state"),
    Question("schedule", {"table": ["100 ms request 0x10 8"]}),
    Question("schedule_stop"),
    Question("sleep"),
    Question("wake"),
)  # fmt: skip
RADIO = (
    Question("configure", {"region": "EU868"}),
    Question("settings"),
    Question("counters"),
    Question("send", {"payload": b"soak"}),
    Question("send", {"payload": b"soak", "when_full": "queue"}),
    Question("cad"),
    Question("receive", {"timeout_ms": 200}),
    Question("rssi"),
    Question("sleep"),
)
NFC = (
    Question("firmware"),
    Question("present"),
    Question("read_tag"),
    Question("read_block", {"block": 1}),
    Question("read_ndef"),
)
QUESTIONS = {
    "RAK13005": LIN,
    "RAK13300": RADIO,
    "RAK13600": NFC,
    "RAK13004": (Question("state", {"channel": 3}),),
    "RAK17000": (Question("state", {"bridge": "A"}),),
    **dict.fromkeys(("RAK13003", "RAK16001"), (Question("read_all"),)),
    **dict.fromkeys(("RAK13007", "RAK13001", "RAK14003"), (Question("state"),)),
}
"""What modules are asked for; those that are not here can ``read``."""
