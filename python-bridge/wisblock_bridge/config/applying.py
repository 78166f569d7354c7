"""Apply the configuration to the board, and check it against the known modules.

1. A board is data; applying the configuration returns a new board.
2. An error about something that a board lacks names the most similar thing that it has.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wisblock_bridge.config import values
from wisblock_bridge.config.lines import located
from wisblock_bridge.errors import ConfigError
from wisblock_bridge.module_api.needs import ChipNeed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.boards.board import BoardSpec, ControllerSpec, LineRef, SlotSpec
    from wisblock_bridge.config.model import BoardConfig, Config
    from wisblock_bridge.module_api import Module


def apply(board: BoardSpec, config: Config) -> BoardSpec:
    """Return a board changed by the configuration.

    Args:
        board: The board as it is known.
        config: What is configured.

    Returns:
        The board as it is to be used.

    Raises:
        ConfigError: The configuration names a controller or a line that this board does not have.
    """
    try:
        return _applied(board, config)
    except ConfigError as error:
        raise ConfigError(located(str(error), config.source, config.lines)) from None


def _applied(board: BoardSpec, config: Config) -> BoardSpec:
    wanted = config.board
    number = board.i2c_number if wanted.i2c_number is None else wanted.i2c_number
    converter = replace(
        board.converter,
        address=wanted.converter_address or board.converter.address,
        chip=wanted.converter_chip or board.converter.chip,
    )
    unknown = next((key for key in wanted.free_lines if key not in board.controllers), None)
    if unknown is not None:
        raise values.refuse(
            f"{config.source}, table [board.free_lines], key {unknown}",
            f"the {board.title} has no such expander. {values.nearest(unknown, board.controllers)}",
        )
    return replace(
        board,
        i2c_number=number,
        converter=converter,
        controllers={
            key: _moved(_freed(spec, wanted, config.source), board.i2c_number, number)
            for key, spec in board.controllers.items()
        },
        slots={
            slot: replace(
                _rewired(board, slot, spec, wanted.lines.get(slot, {}), config.source),
                serial_port=wanted.serial_ports.get(slot, spec.serial_port),
            )
            for slot, spec in board.slots.items()
        },
    )


def check_slots(config: Config, modules: Mapping[str, type[Module]]) -> None:
    """Check the slots of the configuration against the known modules.

    Args:
        config: What is configured.
        modules: Name to class of every module.

    Raises:
        ConfigError: A module or a chip is unknown, or does not fit the slot.
    """
    try:
        _check_slots(config, modules)
    except ConfigError as error:
        raise ConfigError(located(str(error), config.source, config.lines)) from None


def _check_slots(config: Config, modules: Mapping[str, type[Module]]) -> None:
    for number, slot in config.slots.items():
        place = f"{config.source}, table [[slot]] number {number}"
        if slot.module is not None:
            found = modules.get(slot.module)
            if found is None:
                raise values.refuse(
                    f"{place}, key module",
                    f"there is no module {slot.module}. {values.nearest(slot.module, modules)}",
                )
            if number not in found.product.slots:
                raise values.refuse(
                    f"{place}, key module",
                    f"{slot.module} is soldered to the board, not plugged in.",
                )
        candidates = [modules[slot.module]] if slot.module else list(modules.values())
        chips = {
            need.chip: need
            for each in candidates
            for need in each.description.needs.values()
            if isinstance(need, ChipNeed)
        }
        for chip in slot.addresses:
            if chip not in chips:
                raise values.refuse(
                    f"{place}, key addresses.{chip}",
                    f"{slot.module or 'no module'} has no such chip. {values.nearest(chip, chips)}",
                )


def _freed(spec: ControllerSpec, wanted: BoardConfig, source: str) -> ControllerSpec:
    lines = wanted.free_lines.get(spec.key)
    if lines is None:
        return spec
    beyond = [line for line in sorted(lines) if line >= spec.line_count]
    if beyond:
        raise values.refuse(
            f"{source}, table [board.free_lines], key {spec.key}",
            f"there is no line {beyond[0]}; lines go from 0 to {spec.line_count - 1}.",
        )
    return replace(spec, free_lines=lines)


def _moved(spec: ControllerSpec, former: int, number: int) -> ControllerSpec:
    """Linux labels an expander by its bus: another bus, another label."""
    labels = tuple(
        f"{number}-{label.removeprefix(f'{former}-')}" if label.startswith(f"{former}-") else label
        for label in spec.labels
    )
    return replace(spec, labels=labels)


def _rewired(
    board: BoardSpec, slot: int, spec: SlotSpec, lines: Mapping[str, LineRef], source: str
) -> SlotSpec:
    for pin, ref in lines.items():
        place = f"{source}, table [board.slot{slot}.lines], key {pin}"
        controller = board.controllers.get(ref.controller)
        if controller is None:
            raise values.refuse(
                place,
                f"the {board.title} has no controller {ref.controller}. "
                f"{values.nearest(ref.controller, board.controllers)}",
            )
        if ref.offset >= controller.line_count:
            raise values.refuse(
                place,
                f"{ref.controller} has no line {ref.offset}; lines go from 0 to "
                f"{controller.line_count - 1}.",
            )
    return replace(spec, lines={**spec.lines, **lines})
