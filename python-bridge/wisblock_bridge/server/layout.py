"""How the board is laid out: its slots, their pins, and who holds each of them.

1. It reads the board's data and what is reserved; it keeps nothing and touches no hardware.
2. Plain data, in the names of the board: the words for people are made where they are shown.
3. The poll loop calls it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.module_api.needs import AnalogNeed
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.reservations import ChipSelect, Line, Port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wisblock_bridge.boards.board import BoardSpec, LineRef, SlotSpec
    from wisblock_bridge.runtime.reservations import Holder, Resource
    from wisblock_bridge.runtime.slots import SlotManager

    LevelOf = Callable[[LineRef], int]

Pin = dict[str, object]


def layout(slot_manager: SlotManager, level_of: LevelOf | None = None) -> list[dict[str, object]]:
    """Return the slots of the board with their pins.

    Args:
        slot_manager: What is in use.
        level_of: Returns the level of a line; only an emulated board knows it without asking a
            chip.

    Returns:
        One entry for each slot: ``slot``, ``kind`` ("io" or "sensor") and ``pins``.
    """
    board = slot_manager.hardware.board
    pins = _Pins(slot_manager, level_of)
    found: list[dict[str, object]] = [
        {"slot": slot, "kind": "io", "pins": pins.of_io_slot(slot, spec)}
        for slot, spec in board.slots.items()
    ]
    found += [
        {"slot": name, "kind": "sensor", "pins": pins.of_sensor_slot(lines)}
        for name, lines in board.sensor_slots.items()
    ]
    return found


class _Pins:
    """The pins of one board."""

    def __init__(self, slot_manager: SlotManager, level_of: LevelOf | None) -> None:
        self._slot_manager = slot_manager
        self._board: BoardSpec = slot_manager.hardware.board
        self._level_of = level_of

    def of_io_slot(self, slot: int, spec: SlotSpec) -> list[Pin]:
        device, path = self._slot_manager.hardware.serial_device(slot)
        converter = self._board.converter
        return [
            *self._lines(spec.lines),
            *(
                {
                    "pin": pin,
                    "kind": "analog",
                    "chip": converter.chip,
                    "address": converter.address,
                    "channel": channel,
                    **self._analog_holder(slot, pin),
                }
                for pin, channel in spec.analog.items()
            ),
            {
                "pin": "TXD1, RXD1",
                "kind": "serial",
                "device": device,
                **self._holder(Port(device, path)),
            },
            *self._lines(spec.spi_lines, ChipSelect(spec.spi_device)),
            self._bus(),
        ]

    def of_sensor_slot(self, lines: Mapping[str, LineRef]) -> list[Pin]:
        return [*self._lines(lines), self._bus()]

    def _bus(self) -> Pin:
        return {"pin": "SDA, SCL", "kind": "i2c", "device": self._board.i2c_name}

    def _lines(
        self, lines: Mapping[str, LineRef], chip_select: ChipSelect | None = None
    ) -> list[Pin]:
        found = []
        for pin, ref in lines.items():
            controller = self._board.controllers[ref.controller]
            entry: Pin = {"pin": pin, "kind": "line", "chip": controller.chip, "line": ref.offset}
            if controller.address is not None:
                entry["address"] = controller.address
            if chip_select is not None and pin == "SPI_CS":
                entry["device"] = chip_select.device
            entry |= self._holder(Line(ref))
            if self._level_of is not None:
                entry["level"] = self._level_of(ref)
            found.append(entry)
        return found

    def _holder(self, resource: Resource) -> Pin:
        holder = self._slot_manager.reservations.holder(resource)
        return {} if holder is None else _held_by(holder)

    def _analog_holder(self, slot: int, pin: str) -> Pin:
        """Return the module that measures a pin: inputs of the converter are not reserved."""
        for worker in self._slot_manager:
            module, place = self._slot_manager.module_class(worker.place.module), worker.place
            needs = module.description.needs.values()
            if place.slot == slot and any(
                isinstance(each, AnalogNeed) and each.pin == pin for each in needs
            ):
                return _held_by(place)
        return {}


def _held_by(holder: Holder) -> Pin:
    words: Pin = {"holder": str(holder)}
    if isinstance(holder, Place):
        words["held_by"] = {"module": holder.module, "slot": holder.slot}
    return words
