"""What is where: told to clients, so that they can see a clash before it happens.

1. It reads what the rack and the board keep; it keeps nothing.
2. The poll loop calls it, as it does the rack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.module_api.needs import ChipInUse, ChipNeed
from wisblock_bridge.runtime.reservations import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.runtime.slots import SlotManager

ADDRESSES = range(0x08, 0x78)
"""Those that a device may have (I2C-bus specification, reserved addresses)."""


def chips_in_use(slot_manager: SlotManager) -> tuple[ChipInUse, ...]:
    """Tell which module in use expects which chip where.

    Args:
        slot_manager: What is in use.

    Returns:
        Every chip of every module in use.
    """
    return tuple(
        ChipInUse(
            slot_manager.addresses.get((worker.place.slot, need.chip), need.address),
            need.chip,
            worker.place.module,
            worker.place.slot,
        )
        for worker in slot_manager
        if worker.place.slot != "board"
        for need in slot_manager.module_class(worker.place.module).description.needs.values()
        if isinstance(need, ChipNeed)
    )


def places(
    slot_manager: SlotManager, plugged: Callable[[int], str | None] | None
) -> dict[str, object]:
    """Tell who holds which address, and what else decides whether two modules get along.

    Args:
        slot_manager: What is in use.
        plugged: Tells which product is in a slot; only an emulated board knows.

    Returns:
        A part of the result of ``status``.
    """
    holders = ((each, slot_manager.reservations.holder(Address(each))) for each in ADDRESSES)
    slots = slot_manager.hardware.board.slots
    told: dict[str, object] = {
        "addresses": [
            {"address": address, "holder": str(holder)} for address, holder in holders if holder
        ],
        "straps": [
            {"slot": slot, "chip": chip, "address": address}
            for (slot, chip), address in slot_manager.addresses.items()
        ],
        "serial_ports": [
            {"slot": slot, "device": slot_manager.hardware.serial_device(slot)[0]} for slot in slots
        ],
    }
    if plugged is not None:
        told["plugged"] = [{"slot": slot, "module": plugged(slot)} for slot in slots]
    return told
