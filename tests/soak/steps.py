"""All steps of a soak run, and how often each of them comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.soak.bus_steps import break_a_slot, pause_bridge, pull_adapter, use_a_bus, write_unit
from tests.soak.claim_steps import (
    displace_an_idle_module,
    release_a_shared_output,
    release_by_force,
    take_over_a_held_output,
)
from tests.soak.client_steps import (
    come,
    drive,
    kill_program,
    leave,
    look,
    observe,
    overtake,
    read,
    redeploy,
    subscribe,
    unsubscribe,
    vanish,
    write_marked,
)
from tests.soak.rude_steps import (
    flood,
    knock_and_run,
    read_nothing,
    speak_nonsense,
    stop_reading_nothing,
)
from tests.soak.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS: tuple[tuple[Callable[[Run], None], int], ...] = (
    (read, 30), (write_marked, 14), (overtake, 4), (drive, 12),
    (subscribe, 6), (observe, 2), (unsubscribe, 5), (come, 8), (leave, 3), (vanish, 3),
    (redeploy, 3), (look, 2), (kill_program, 1), (speak_nonsense, 4),
    (flood, 1), (read_nothing, 1), (stop_reading_nothing, 1), (knock_and_run, 1),
    (Run.change_module, 3), (Run.pull_and_put_back, 2), (Run.break_hardware, 4),
    (Run.mend_hardware, 4), (write_unit, 8), (use_a_bus, 6), (break_a_slot, 3), (pull_adapter, 2),
    (pause_bridge, 1), (release_by_force, 1), (release_a_shared_output, 2),
    (take_over_a_held_output, 2), (displace_an_idle_module, 1),
)  # fmt: skip
