"""Which chip answers at an address: each chip's own ``identify``, found by the chip's name.

1. Registers are read, never written; all that is sent is the pointer to them.
2. A transfer holds at most one read, as its last message: a Raspberry Pi 4 can do no more.
3. A new chip brings ``chips/<name>/identify.py`` and needs no line here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wisblock_bridge.buses.i2c import I2CBus, Read, Write
from wisblock_bridge.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Mapping

Confidence = Literal["high", "medium", "low"]

LOOKS = 3
"""How often a chip without identity is looked at: its inputs may change between two looks."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a look at the registers says.

    Attributes:
        chip: Name of the chip; "" when it is not what was looked for.
        confidence: How sure that is.
        note: Why, in one sentence.
    """

    chip: str
    confidence: Confidence
    note: str


Identify = Callable[[I2CBus, int, Clock], Identity]


class OneReadAtATime:
    """A bus whose transactions are cut behind each read: a Raspberry Pi 4 cannot go on after one.

    Args:
        bus: The bus.
    """

    def __init__(self, bus: I2CBus) -> None:
        self._bus = bus

    @property
    def name(self) -> str:
        """What people call the bus."""
        return self._bus.name

    def transfer(self, address: int, *messages: Write | Read) -> bytes:
        """Carry out a transaction in parts, as ``I2CBus.transfer`` says otherwise."""
        answer = b""
        part: list[Write | Read] = []
        for message in messages:
            part.append(message)
            if isinstance(message, Read):
                answer += self._bus.transfer(address, *part)
                part = []
        return answer + (self._bus.transfer(address, *part) if part else b"")

    def close(self) -> None:
        """Do nothing: the bus is closed by who opened it."""


def expander(bus: I2CBus, address: int, clock: Clock) -> Identity:  # noqa: ARG001  (one signature)
    """Tell a TPT29555 from what else may be there.

    It has no identity register. But reading on behind a register pair gives the same pair again
    (datasheet, "Reading the port registers": the pointer toggles within a pair), where an MCP23017
    goes on to the next registers.

    Args:
        bus: The bus to look at.
        address: 7-bit address.
        clock: Time.

    Returns:
        What it is.

    Raises:
        BusError: Nobody answers, or the bus failed.
    """
    for pointer in (6, 0):
        for _ in range(LOOKS):
            first, second, third, fourth = bus.transfer(address, Write(bytes((pointer,))), Read(4))
            if (first, second) == (third, fourth):
                break
        else:
            return Identity("", "medium", "It does not read like a TPT29555.")
    return Identity("TPT29555", "medium", "Its registers repeat in pairs, as those of a TPT29555.")


def fan_controller(bus: I2CBus, address: int, clock: Clock) -> Identity:  # noqa: ARG001
    """Tell the fan controller of a RAK7391 (EMC2301 datasheet, registers FDh and FEh).

    Args:
        bus: The bus to look at.
        address: 7-bit address.
        clock: Time.

    Returns:
        What it is.

    Raises:
        BusError: Nobody answers, or the bus failed.
    """
    product = bus.transfer(address, Write(b"\xfd"), Read(1))
    maker = bus.transfer(address, Write(b"\xfe"), Read(1))
    if (product, maker) == (b"\x37", b"\x5d"):
        return Identity("EMC2301", "high", "It tells product 0x37 and maker 0x5d.")
    return Identity(
        "", "low", f"It tells product 0x{product.hex()} and maker 0x{maker.hex()}, no EMC2301."
    )


_HERE: Mapping[str, Identify] = {"TPT29555": expander, "EMC2301": fan_controller}
_TOLD_BY = {"ADS1115": "SGM58031"}
"""The two converters are told apart by one function."""


def identifier(chip: str) -> Identify | None:
    """Find the function that recognises a chip.

    Args:
        chip: Its name.

    Returns:
        The function; None for chips of which it is only known whether they answer.
    """
    if chip in _HERE:
        return _HERE[chip]
    name = f"wisblock_bridge.chips.{_TOLD_BY.get(chip, chip).lower()}.identify"
    try:
        recognise = importlib.import_module(name).identify
    except ModuleNotFoundError:
        return None

    def identify(bus: I2CBus, address: int, clock: Clock) -> Identity:
        identification = recognise(OneReadAtATime(bus), address, clock)
        return Identity(identification.chip, identification.confidence, identification.note)

    return identify


def converter(bus: I2CBus, address: int, clock: Clock) -> Identity:
    """Tell an SGM58031 and an ADS1115 apart, as their own ``identify`` says.

    Args:
        bus: The bus to look at.
        address: 7-bit address.
        clock: Time.

    Returns:
        What it is.

    Raises:
        BusError: Nobody answers, or the bus failed.
    """
    recognise = identifier("SGM58031")
    assert recognise is not None  # noqa: S101
    return recognise(bus, address, clock)


def answers(bus: I2CBus, address: int) -> None:
    """Look whether anybody acknowledges, by reading a byte.

    Args:
        bus: The bus to look at.
        address: 7-bit address.

    Raises:
        BusError: Nobody answers, or the bus failed.
    """
    bus.transfer(address, Read(1))
