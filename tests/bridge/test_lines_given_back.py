"""What a module that was closed leaves on the slot's lines, for the next module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.bridge.rig import Rig

    from wisblock_bridge.module_api import Slot

A = b"a"

# Lines of the slots' expander: IO1 to IO6 of slot 1 are 1 to 6, those of slot 2 are 9 to 14. What
# stays driven is what the expander's weak pull-up would switch on: a relay, a motor, a heater, a
# transceiver on a bus of others, the 12 V of a sensor.
LEFT = {
    ("RAK5801", "read"): {1: 0},
    ("RAK5811", "read"): {1: 0},
    ("RAK12006", "read"): {},
    ("RAK13001", "state"): {4: 0},
    ("RAK13003", "read_all"): {},
    ("RAK13004", "state"): {},
    ("RAK13005", "state"): {6: 0},
    ("RAK13007", "state"): {4: 0},
    ("RAK13300", "settings"): {},
    ("RAK14003", "state"): {},
    ("RAK17000", "stop"): {6: 0},
    ("RAK12009", "read"): {6: 0},
}
PARAMS = {"RAK13004": {"channel": 0}}


@pytest.mark.parametrize("slot", [1, 2])
@pytest.mark.parametrize(("module", "operation"), LEFT)
def test_lines_are_inputs_again_unless_their_level_is_what_is_safe(
    rig: Rig, module: str, operation: str, slot: Slot
) -> None:
    first = 0 if slot == 1 else 8
    rig.invoke(A, module, slot, operation, **PARAMS.get(module, {}))
    rig.result(A, "release", module=module, slot=slot)
    driven = {
        pin: level for pin in range(1, 7) if (level := rig.level("slots", first + pin)) is not None
    }
    assert driven == LEFT[module, operation]
