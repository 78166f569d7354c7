"""What the author of a module imports, and nothing else.

A module is a subclass of ``Module`` with a ``Product``: it declares its needs (``line``, ``chip``),
and each method marked as an ``operation`` or an ``event`` is described by its own signature. What
emulates a product imports ``module_api.emulated`` besides, which is not part of these names: a
module never sees what emulates it.
"""

from wisblock_bridge.module_api.fields import (
    Param,
    Product,
    Quality,
    ReadingSpec,
    Result,
    Slot,
)
from wisblock_bridge.module_api.lines import AnalogInput, DigitalLine, lost_supply
from wisblock_bridge.module_api.module import (
    API_VERSION,
    EventSource,
    InMemoryState,
    Module,
    ModuleState,
    TimerHandle,
    Timers,
)
from wisblock_bridge.module_api.needs import (
    Expanders,
    Part,
    analog,
    board_converter,
    board_expanders,
    chip,
    line,
    optional_line,
    serial_port,
    spi_device,
)
from wisblock_bridge.module_api.operations import event, operation
from wisblock_bridge.module_api.signatures import ALL, ALL_OUTPUTS
from wisblock_bridge.module_api.units import UNITS

__all__ = [
    "ALL",
    "ALL_OUTPUTS",
    "API_VERSION",
    "UNITS",
    "AnalogInput",
    "DigitalLine",
    "EventSource",
    "Expanders",
    "InMemoryState",
    "Module",
    "ModuleState",
    "Param",
    "Part",
    "Product",
    "Quality",
    "ReadingSpec",
    "Result",
    "Slot",
    "TimerHandle",
    "Timers",
    "analog",
    "board_converter",
    "board_expanders",
    "chip",
    "event",
    "line",
    "lost_supply",
    "operation",
    "optional_line",
    "serial_port",
    "spi_device",
]
