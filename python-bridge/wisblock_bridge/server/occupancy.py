"""What is where: sent to clients, so that they can see a conflict before it happens.

1. It reads what ``SlotManager`` and the board keep; it keeps nothing.
2. The poll loop calls it.
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
    """Return every chip of every module in use, and where it is expected."""
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
    slot_manager: SlotManager,
    plugged: Callable[[int], str | None] | None,
    about: Callable[[int], dict[str, object]] = lambda _slot: {},
) -> dict[str, object]:
    """Return who holds which address, and what else decides whether two modules conflict.

    Args:
        slot_manager: What is in use.
        plugged: Returns which product is in a slot; only an emulated board knows.
        about: Returns what else it knows of a slot.

    Returns:
        A part of the result of ``status``.
    """
    holders = ((each, slot_manager.reservations.holder(Address(each))) for each in ADDRESSES)
    slots = slot_manager.hardware.board.slots
    found: dict[str, object] = {
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
        found["plugged"] = [
            {"slot": slot, "module": plugged(slot), **about(slot)} for slot in slots
        ]
    return found
