"""What is in the way of a module: who has to give back a slot, a line, an address, a port.

1. It finds and refuses; closing is up to ``SlotManager``.
2. A module that nobody uses yields; a refusal names both sides and the holder's clients.
3. Used by the poll loop only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.errors import InUseError, SlotConflictError
from wisblock_bridge.module_api.needs import AnalogNeed, LineNeed, SpiNeed
from wisblock_bridge.runtime.board_expanders import DIRECT
from wisblock_bridge.runtime.claims import describe_users
from wisblock_bridge.runtime.reservations import Line, refusal
from wisblock_bridge.runtime.sessions import Output, Sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from wisblock_bridge.module_api import Module
    from wisblock_bridge.runtime.claims import User
    from wisblock_bridge.runtime.hardware import Hardware
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.reservations import Conflict, HeldError, Reservations, Resource
    from wisblock_bridge.runtime.worker import Worker


class SlotConflicts:
    """What stands in the way of what.

    Args:
        hardware: The board.
        reservations: Who holds what.
        fixed: What the configuration puts into a slot: slot to module name.
        workers: Returns the modules that are open.
        module_class: Returns the class of a module.
    """

    def __init__(
        self,
        hardware: Hardware,
        reservations: Reservations,
        fixed: Mapping[int, str],
        workers: Callable[[], Iterable[Worker]],
        module_class: Callable[[str], type[Module]],
    ) -> None:
        self._hardware = hardware
        self._reservations = reservations
        self._fixed = fixed
        self._workers = workers
        self._module_class = module_class
        self.sessions = Sessions()
        """Who uses what; nobody uses anything until the dispatcher hands over its own."""

    def is_yielding(self, worker: Worker) -> bool:
        """Return whether a module is closed as soon as another one needs what it holds.

        It is when nobody uses it, or when it was asked for and never answered.
        """
        if not self.sessions.is_used(worker.place):
            return True
        return not (
            worker.lifecycle.is_open or worker.unanswered or worker.queued or worker.watched
        )

    def _refuse(self, conflict: Conflict, worker: Worker, wanted_by: Place) -> InUseError:
        """Return the refusal of what a module holds that is used."""
        users = self.sessions.users(worker.place)
        output = _line_output(conflict) if worker.place == DIRECT else ""
        return InUseError(
            f"{conflict.wanted} is held by {worker.place}{_used_by(users)}.",
            hint=f"Use another slot or address, or free it: {command_to_free(worker, output)}.",
            where=str(wanted_by),
            data={"holder": str(worker.place), "clients": users},
        )

    def name_users(self, error: HeldError) -> None:
        """Add to a refusal that came from a module's thread who uses what is in its way.

        Args:
            error: The refusal.
        """
        worker = next((each for each in self._workers() if each.place == error.holder), None)
        if worker is not None:
            error.data["clients"] = self.sessions.users(worker.place)
            error.hint = f"Use the nodes of {worker.place}, or free it: {command_to_free(worker)}."

    def in_slot(self, place: Place) -> list[tuple[Worker, str]]:
        """Find who has to leave a slot.

        Args:
            place: The module that is wanted, and the slot.

        Returns:
            The worker that is there, and "" for the whole of it; nothing when the slot is free.

        Raises:
            SlotConflictError: A module that is used is there, or another one is configured.
        """
        name, slot = place
        if slot == "board":
            return []
        fixed = self._fixed.get(slot)
        if fixed is not None and fixed != name:
            raise SlotConflictError(
                f"Slot {slot} is configured for {fixed}, so {name} cannot be used there.",
                hint=f"Change [[slot]] number {slot} in the configuration.",
                data={"holder": fixed},
            )
        other = next((each for each in self._workers() if each.place.slot == slot), None)
        if other is None:
            return []
        if other.closing or self.is_yielding(other):
            return [(other, "")]
        users = self.sessions.users(other.place)
        shared = self._shared_pins(name, other.place.module)
        raise SlotConflictError(
            f"Slot {slot} holds {other.place.module}, so {name} cannot be used there{shared}."
            + (f" It is used by {describe_users(users)}." if users else ""),
            hint=f"Choose the other slot, or free this one: {command_to_free(other)}.",
            where=f"slot {slot}",
            data={"holder": other.place.module, "clients": users},
        )

    def in_conflict(self, place: Place, wanted: list[Resource]) -> list[tuple[Worker, str]]:
        """Find who has to give back what is wanted.

        Args:
            place: Who wants it.
            wanted: Lines, addresses, ports.

        Returns:
            Workers, each with the one output that it has to give back, or "" for all it has.

        Raises:
            InUseError: A module that is used, or the board itself, holds some of it.
        """
        found: dict[tuple[Worker, str], None] = {}
        for conflict in self._reservations.conflicts(place, wanted):
            workers = self._holding(conflict)
            if not workers:
                raise refusal(conflict, place)
            for worker in workers:
                if worker.closing or self.is_yielding(worker):
                    found[worker, ""] = None
                elif worker.place == DIRECT and not self._line_used(worker, conflict):
                    found[worker, _line_output(conflict)] = None
                else:
                    raise self._refuse(conflict, worker, place)
        closed = {worker for worker, output in found if not output}
        return [each for each in found if not each[1] or each[0] not in closed]

    def _holding(self, conflict: Conflict) -> list[Worker]:
        """Find the modules that hold something: lines of the SPI bus all that are on it."""
        holder = next((each for each in self._workers() if each.place == conflict.holder), None)
        if holder is None:
            return []
        specs = self._hardware.board.slots.values()
        shared = {ref for spec in specs for pin, ref in spec.spi_lines.items() if pin != "SPI_CS"}
        wanted = conflict.wanted
        if self.on_spi(holder) and isinstance(wanted, Line) and wanted.ref in shared:
            return [each for each in self._workers() if self.on_spi(each)]
        return [holder]

    def _line_used(self, worker: Worker, conflict: Conflict) -> bool:
        """Return whether a client drives a line directly, or is about to."""
        output = _line_output(conflict)
        whole = Output(worker.place, output)
        return (
            self.sessions.driver(whole) is not None
            or self.sessions.is_held(whole)
            or any(
                job.output == output and job.session.current.alive and job.is_claimed
                for job in worker.driving
            )
        )

    def _shared_pins(self, name: str, other: str) -> str:
        pins = sorted(_pins(self._module_class(name)) & _pins(self._module_class(other)))
        return f": both use {', '.join(pins)}" if pins else ""

    def on_spi(self, worker: Worker) -> bool:
        """Return whether a module is on the SPI bus."""
        needs = self._module_class(worker.place.module).description.needs.values()
        return any(isinstance(need, SpiNeed) for need in needs)


def command_to_free(worker: Worker, output: str = "") -> str:
    """Return the command that frees a module's place although it is used.

    Args:
        worker: The module's.
        output: The one output that is in the way; "" for the whole module.

    Returns:
        The command, in backticks.
    """
    only = f" --output {output}" if output else ""
    module, slot = worker.place
    return f"`wisblock-bridge release {module} --slot {slot}{only} --force`"


def _used_by(users: list[User]) -> str:
    return f", used by {describe_users(users)}" if users else ""


def _line_output(conflict: Conflict) -> str:
    wanted = conflict.wanted
    assert isinstance(wanted, Line)  # noqa: S101  (only lines are driven directly)
    return f"{wanted.ref.controller}/{wanted.ref.offset}"


def _pins(cls: type[Module]) -> set[str]:
    return {
        need.pin
        for need in cls.description.needs.values()
        if isinstance(need, LineNeed | AnalogNeed)
    }
