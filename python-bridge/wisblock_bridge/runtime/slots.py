"""What is in the slots: one worker for each module in use, its wiring resolved and reserved.

1. Used by the poll loop only, except for ``_assemble``, which runs on worker threads.
2. Nothing here touches a bus: lines and chips are resolved by name, opened by the worker.
3. A module that nobody uses yields; a refusal names both sides and the holder's clients.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from wisblock_bridge.boards.board import LineRef
from wisblock_bridge.errors import (
    BadParamsError,
    BusError,
    BusFault,
    BusyError,
    UnknownModuleError,
)
from wisblock_bridge.module_api import AnalogInput, DigitalLine, Module, Slot
from wisblock_bridge.module_api.needs import (
    AnalogNeed,
    BoardNeed,
    ChipNeed,
    LineNeed,
    PortNeed,
    SpiNeed,
)
from wisblock_bridge.runtime.board_expanders import DIRECT, BoardExpanders
from wisblock_bridge.runtime.conflicts import SlotConflicts
from wisblock_bridge.runtime.fault_log import FaultLog
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.reservations import (
    Address,
    BoardPart,
    ChipSelect,
    Line,
    Port,
    Reservations,
)
from wisblock_bridge.runtime.state_store import LastRun
from wisblock_bridge.runtime.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api.needs import Need
    from wisblock_bridge.runtime.hardware import Hardware
    from wisblock_bridge.runtime.jobs import Job, WorkerMessage
    from wisblock_bridge.runtime.reservations import Resource
    from wisblock_bridge.runtime.state_store import StateStore
    from wisblock_bridge.threads.mailbox import Mailbox


class SlotClosingError(Exception):
    """What is wanted is being given back at this moment; ask again when that has been done.

    Args:
        wanted: What was asked for.
        worker: Whose module is being closed.
        output: The only output that it gives back; "" when the module is being closed.
    """

    def __init__(self, wanted: Place, worker: Worker, output: str = "") -> None:
        super().__init__(str(worker.place))
        self.wanted = wanted
        self.worker = worker
        self.output = output


class SlotManager:
    """The slots of one board.

    Args:
        hardware: The board's buses and controllers.
        modules: Name to class of every module known.
        fixed: What the configuration puts into a slot: slot to module name.
        addresses: I2C address by (slot, chip) where straps were changed.
        store: Where modules remember things across restarts; without one they forget.
        mailbox: Where the workers' messages go.
        clock: Time.
    """

    def __init__(
        self,
        hardware: Hardware,
        modules: Mapping[str, type[Module]],
        mailbox: Mailbox[WorkerMessage],
        clock: Clock,
        *,
        fixed: Mapping[int, str] | None = None,
        addresses: Mapping[tuple[int, str], int] | None = None,
        store: StateStore | None = None,
    ) -> None:
        self.hardware = hardware
        self.reservations = Reservations()
        self.fixed = dict(fixed or {})
        self._modules = modules
        self._mailbox = mailbox
        self.clock = clock
        self.observing: set[int] = set()
        """The subscriptions of those who observe; the workers look whether there are any."""
        self.addresses = dict(addresses or {})
        self._store = store
        self._last_run = LastRun(store.of_bridge()) if store is not None else None
        self._workers: dict[Place, Worker] = {}
        self._fault_logs: dict[Place, FaultLog] = {}
        self.conflicts = SlotConflicts(
            hardware, self.reservations, self.fixed, lambda: self, self.module_class
        )
        self._expanders = BoardExpanders(hardware, self.reservations)
        self._reserve_board()

    def __iter__(self) -> Iterator[Worker]:
        return iter(tuple(self._workers.values()))

    @property
    def modules(self) -> Mapping[str, type[Module]]:
        """Name to class of every module known."""
        return self._modules

    def module_class(self, name: str) -> type[Module]:
        """Return the class of a module.

        Raises:
            UnknownModuleError: This bridge has none of that name.
        """
        found = self._modules.get(name)
        if found is None:
            raise UnknownModuleError(
                f"This bridge has no module {name!r}.",
                hint="`wisblock-bridge list` shows all; is the bridge older than the nodes?",
                data={"known": list(self._modules)},
            )
        return found

    def place(self, name: str, slot: object) -> Place:
        """Return the place that a client or a file names.

        Args:
            name: Name of the module.
            slot: What is to be its slot.

        Raises:
            UnknownModuleError: There is no such module.
            BadParamsError: The module does not fit there.
        """
        fitting = self.module_class(name).product.slots
        if slot not in fitting:
            raise BadParamsError(
                f"{name} does not fit slot {slot!r}; it belongs to slot "
                f"{' or '.join(map(str, fitting))}.",
                data={"param": "slot", "allowed": list(fitting)},
            )
        return Place(name, slot)

    def configured(self) -> list[Place]:
        """Return what the configuration puts into slots."""
        return [self.place(name, slot) for slot, name in self.fixed.items()]

    def occupant(self, slot: Slot) -> Worker | None:
        """Return the worker whose module is in a slot, or None."""
        return next((each for place, each in self._workers.items() if place.slot == slot), None)

    def find(self, place: Place) -> Worker | None:
        """Return the worker of a module that is in use, or None."""
        return self._workers.get(place)

    def worker(self, place: Place, *, displace: bool = True) -> Worker:
        """Return the worker of a module, putting the module into its slot if that is free.

        A module that nobody uses yields: it is closed, and with it its outputs are safe.

        Args:
            place: The module and its slot.
            displace: Whether modules that nobody uses are to yield.

        Raises:
            UnknownModuleError: There is no such module.
            BadParamsError: The module does not fit there.
            SlotConflictError: Another module is there, and used.
            InUseError: A line or an address that it needs is held by one that is used.
            SlotClosingError: The slot, a line or an address is being given back just now.
        """
        found = self._workers.get(place)
        if found is not None:
            if found.closing:
                raise SlotClosingError(place, found)
            return found
        self.place(*place)
        cls = self.module_class(place.module)
        wanted = self._wanted(cls, place.slot)
        obstacles = [*self.conflicts.in_slot(place), *self.conflicts.in_conflict(place, wanted)]
        self._make_way(place, obstacles, displace)
        self.reservations.reserve(place, wanted)
        worker = Worker(
            place,
            lambda made: self._assemble(cls, made),
            self._mailbox,
            self.clock,
            self._fault_logs.setdefault(place, FaultLog(str(place), self.clock)),
            emulated=self.hardware.emulated,
            on_closed=lambda: self.no_longer_there(place),
            observing=self.observing,
        )
        self._workers[place] = worker
        return worker

    def left_open(self) -> list[Place]:
        """Return what an earlier bridge left open because it was killed, in that order."""
        entries = self._last_run.left_open() if self._last_run is not None else []
        return [place for place in entries if place.module in self._modules]

    def no_longer_there(self, place: Place) -> None:
        """Do not expect the next bridge to make a module safe: it was closed or pulled out."""
        if self._last_run is not None:
            self._last_run.closed(place)

    def forget(self, worker: Worker) -> None:
        """Take a worker that has ended out of its slot."""
        if self._workers.get(worker.place) is worker:
            del self._workers[worker.place]
            worker.dispose()
            self.reservations.give_back(worker.place)
            self._pass_on_spi()

    def make_way_for_line(self, worker: Worker, output: str) -> None:
        """Let a module that nobody uses give back a line that is to be driven directly.

        Args:
            worker: The expanders' worker; for others there is nothing to do.
            output: Which line, as ``drives`` of its operations names it.

        Raises:
            InUseError: A module that is used holds the line.
            SlotClosingError: The line is being given back just now.
        """
        if worker.place != DIRECT:
            return
        expander, _, number = output.partition("/")
        wanted = Line(LineRef(expander, int(number)))
        obstacles = self.conflicts.in_conflict(worker.place, [wanted])
        self._make_way(worker.place, obstacles, displace=True)

    def is_brake(self, name: str, job: Job) -> bool:
        """Return whether a stop of a module leaves its output driven."""
        return job.operation.name in self.module_class(name).brakes

    def parts_of(self, name: str, output: str) -> frozenset[str] | None:
        """Return what an output of a module consists of, where its outputs may overlap.

        Returns:
            Its parts; None where outputs of that module have nothing in common.
        """
        return self.module_class(name).parts_of(output)

    def _make_way(
        self,
        wanted: Place,
        obstacles: list[tuple[Worker, str]],
        displace: bool,  # noqa: FBT001
    ) -> None:
        """Close what is in the way, once it is known that all of it yields."""
        for worker, output in obstacles:
            if not displace and not worker.closing:
                raise BusyError(f"{worker.place} is there, and is not asked to yield.")
            if output:
                worker.make_safe(output)
            else:
                worker.close()
        if obstacles:
            raise SlotClosingError(wanted, *obstacles[0])

    def _reserve_board(self) -> None:
        board = self.hardware.board
        for address, owner in board.taken_addresses.items():
            self._reserve_address(address, owner)
        for controller in board.controllers.values():
            if controller.address is not None:
                self._reserve_address(controller.address, f"the board's expander {controller.chip}")
        self._reserve_address(
            board.converter.address, f"the board's converter {board.converter.chip}"
        )

    def _reserve_address(self, address: int, owner: str) -> None:
        self.reservations.reserve(BoardPart(owner), [Address(address)])

    def _wanted(self, cls: type[Module], slot: Slot) -> list[Resource]:
        wanted: list[Resource] = []
        for need in cls.description.needs.values():
            if isinstance(need, LineNeed):
                ref = self._line(slot, need.pin)
                if ref is not None:
                    wanted.append(Line(ref, need.pin))
            elif isinstance(need, ChipNeed):
                wanted.append(Address(self.addresses.get((int(slot), need.chip), need.address)))
            elif isinstance(need, PortNeed) and slot != "board":
                wanted.append(Port(*self.hardware.serial_device(slot)))
            elif isinstance(need, SpiNeed) and slot != "board":
                wanted += self._spi_wanted(slot)
        return wanted

    def _spi_wanted(self, slot: Literal[1, 2]) -> list[Resource]:
        """Return what a module on the SPI bus holds: its chip select, and as the first, the bus."""
        spec = self.hardware.board.slots[slot]
        wanted: list[Resource] = [ChipSelect(spec.spi_device)]
        users = {each.place for each in self._workers.values() if self.conflicts.on_spi(each)}
        for pin, ref in spec.spi_lines.items():
            line = Line(ref, pin)
            if pin == "SPI_CS" or self.reservations.holder(line) not in users:
                wanted.append(line)
        return wanted

    def _pass_on_spi(self) -> None:
        """Make another module on the SPI bus hold the lines that it shared with one that left."""
        for worker in self._workers.values():
            if worker.place.slot != "board" and self.conflicts.on_spi(worker):
                wanted = self._spi_wanted(worker.place.slot)
                self.reservations.reserve(worker.place, wanted)

    def _line(self, slot: Slot, pin: str) -> LineRef | None:
        if slot == "board":
            return None
        spec = self.hardware.board.slots[slot]
        return spec.lines.get(pin) or spec.spi_lines.get(pin)

    def _assemble(self, cls: type[Module], worker: Worker) -> Module:
        """Make a module with its needs met; runs on the worker's thread."""
        place = worker.place
        parts = {name: self._part(need, place.slot) for name, need in cls.description.needs.items()}
        if self._last_run is not None:
            self._last_run.opened(place)
        memory = self._store.of_module(*place) if self._store is not None else None
        return cls(parts, self.clock, worker, memory)

    def _part(self, need: Need, slot: Slot) -> object:
        board = self.hardware.board
        match need:
            case LineNeed(pin):
                ref = self._line(slot, pin)
                if ref is None:
                    if need.optional:
                        return None
                    raise BusError(
                        BusFault.MISSING,
                        f"Which line {pin} of slot {slot} is on a {board.title} is not known.",
                        hint=f'Configure it: [board.slot{slot}.lines] {pin} = "slots:4"',
                    )
                controller = self.hardware.controller(ref.controller)
                return DigitalLine(
                    controller,
                    ref.offset,
                    f"{pin}, line {ref.offset} of {controller.name}",
                    on_expander=board.controllers[ref.controller].address is not None,
                )
            case AnalogNeed(pin):
                assert slot != "board"  # noqa: S101  (only products in slots have analog pins)
                converter = self.hardware.converter()
                channel = board.slots[slot].analog[pin]
                return AnalogInput(
                    converter, channel, f"{pin}, channel {channel} of {converter.name}"
                )
            case ChipNeed():
                address = self.addresses.get((int(slot), need.chip), need.address)
                return need.make(self.hardware.i2c(), address, self.clock)
            case PortNeed() | SpiNeed():
                return self._bus_part(need, slot)
            case BoardNeed(part):
                return self._expanders if part == "expanders" else self.hardware.converter()

    def _bus_part(self, need: PortNeed | SpiNeed, slot: Slot) -> object:
        assert slot != "board"  # noqa: S101  (only products in slots have a port or a chip select)
        if isinstance(need, PortNeed):
            return self.hardware.serial_port(slot)
        return self.hardware.spi_device(slot, need.max_hz)
