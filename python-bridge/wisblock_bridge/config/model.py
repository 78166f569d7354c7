"""The configuration as data.

1. Frozen: a configuration never changes.
2. A value that is None or missing leaves the choice to the board or to discovery.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wisblock_bridge.boards.board import LineRef

DEMO_SWING_S = 30.0
"""Period of the slow changes of ``serve --demo``."""

Kind = Literal["auto", "RAK7391", "RAK6421"]


@dataclass(frozen=True, slots=True)
class BoardConfig:
    """The configuration of the carrier board.

    Attributes:
        kind: "auto", or its product name.
        variant: Generation or revision; None to find out.
        i2c_number: Linux number of the I2C bus of the slots; None for the board's usual one.
        converter_address: I2C address of the analog-to-digital converter; None for the usual one.
        converter_chip: "ADS1115" or "SGM58031"; None for the usual one.
        free_lines: Expander to the lines that flows may drive directly.
        lines: Slot to pin to line, where the wiring differs: {1: {"IO4": LineRef("slots", 4)}}.
        serial_ports: Slot to device file of its serial port, where it is not the usual one.
    """

    kind: Kind = "auto"
    variant: str | None = None
    i2c_number: int | None = None
    converter_address: int | None = None
    converter_chip: Literal["ADS1115", "SGM58031"] | None = None
    free_lines: Mapping[str, frozenset[int]] = field(default_factory=dict)
    lines: Mapping[int, Mapping[str, LineRef]] = field(default_factory=dict)
    serial_ports: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SlotConfig:
    """The configuration of a slot.

    Attributes:
        module: The product that is plugged in; None when any may be asked for.
        addresses: Chip to I2C address, where straps were changed.
    """

    module: str | None = None
    addresses: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SecurityConfig:
    """The configuration of keys.

    Attributes:
        keys: Directory of the keys; None for the usual one.
        curve: TCP on this computer is encrypted and asks for keys, too.
    """

    keys: Path | None = None
    curve: bool = False


@dataclass(frozen=True, slots=True)
class MetricReading:
    """A reading that is exported for Prometheus: "RAK5801 1 read current"."""

    module: str
    slot: Literal[1, 2, "board"]
    operation: str
    reading: str


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration.

    Attributes:
        endpoint: Where to serve; None for the default.
        remote_endpoint: Where to serve with encryption and keys, too; None for nowhere.
        emulate: The board is emulated.
        swing_s: Period of slow changes on an emulated board, s; 0 for none.
        log_level: "debug", "info", "warning" or "error".
        metrics: Where Prometheus may ask, "127.0.0.1:9464"; None for nowhere.
        metrics_readings: Readings that it gets.
        board: The carrier.
        security: Keys.
        slots: Slot to what is said about it.
        source: The configuration file, or "no file".
        origins: Key to where its value came from; keys that are missing have their default.
        lines: Table and key to the line of the file on which they stand.
    """

    endpoint: str | None = None
    remote_endpoint: str | None = None
    emulate: bool = False
    swing_s: float = 0.0
    log_level: str = "info"
    metrics: str | None = None
    metrics_readings: tuple[MetricReading, ...] = ()
    board: BoardConfig = field(default_factory=BoardConfig)
    security: SecurityConfig = field(default_factory=SecurityConfig)
    slots: Mapping[int, SlotConfig] = field(default_factory=dict)
    source: str = "no file"
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    lines: Mapping[tuple[str, str], int] = field(default_factory=dict, compare=False, repr=False)
