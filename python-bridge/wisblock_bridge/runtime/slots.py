"""What is in the slots: one worker for each module in use, its wiring resolved and reserved.

1. Used by the poll loop only, except for ``_assemble``, which runs on worker threads.
2. Nothing here touches a bus: lines and chips are resolved by name, opened by the worker.
3. A module that nobody uses gives way; a refusal names both sides and the holder's clients.
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
from wisblock_bridge.runtime.reservations import Reservations
from wisblock_bridge.runtime.state_store import LastRun
from wisblock_bridge.runtime.worker import Worker, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api.needs import Need
    from wisblock_bridge.runtime.hardware import Hardware
    from wisblock_bridge.runtime.jobs import Job, Post
    from wisblock_bridge.runtime.reservations import Key
    from wisblock_bridge.runtime.state_store import StateStore
    from wisblock_bridge.threads.mailbox import Mailbox


class SlotClosingError(Exception):
    """What is wanted is being given back at this moment; ask again when that has been done.

    Args:
        worker: Whose module is being closed.
        output: The only output that it gives back; "" when the module is being closed.
    """

    def __init__(self, worker: Worker, output: str = "") -> None:
        super().__init__(worker.place)
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
        mailbox: Where workers post.
        clock: Time.
    """

    def __init__(
        self,
        hardware: Hardware,
        modules: Mapping[str, type[Module]],
        mailbox: Mailbox[Post],
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
        self._clock = clock
        self.addresses = dict(addresses or {})
        self._store = store
        self._last_run = LastRun(store.of_bridge()) if store is not None else None
        self._workers: dict[tuple[str, Slot], Worker] = {}
        self._fault_logs: dict[str, FaultLog] = {}
        self.way = SlotConflicts(
            hardware, self.reservations, self.fixed, lambda: self, self.module_class
        )
        self._expanders = BoardExpanders(hardware, self.reservations)
        self._reserve_board()

    def __iter__(self) -> Iterator[Worker]:
        return iter(tuple(self._workers.values()))

    def module_class(self, name: str) -> type[Module]:
        """Find a module by name.

        Args:
            name: "RAK5801".

        Returns:
            Its class.

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

    def occupant(self, slot: Slot) -> Worker | None:
        """Tell who is in a slot.

        Args:
            slot: 1 or 2.

        Returns:
            Its worker, or None.
        """
        return next((each for (_, where), each in self._workers.items() if where == slot), None)

    def find(self, name: str, slot: Slot) -> Worker | None:
        """Find the worker of a module that is in use.

        Args:
            name: Name of the module.
            slot: Where.

        Returns:
            Its worker, or None.
        """
        return self._workers.get((name, slot))

    def worker(self, name: str, slot: Slot, *, displace: bool = True) -> Worker:
        """Give the worker of a module, putting the module into its slot if that is free.

        A module that nobody uses gives way: it is closed, and with it its outputs are safe.

        Args:
            name: Name of the module.
            slot: Where.
            displace: Whether modules that nobody uses are to give way.

        Returns:
            Its worker.

        Raises:
            UnknownModuleError: There is no such module.
            BadParamsError: The module does not fit there.
            SlotConflictError: Another module is there, and used.
            InUseError: A line or an address that it needs is held by one that is used.
            SlotClosingError: The slot, a line or an address is being given back just now.
        """
        found = self._workers.get((name, slot))
        if found is not None:
            if found.closing:
                raise SlotClosingError(found)
            return found
        cls = self.module_class(name)
        if slot not in cls.product.slots:
            fits = " or ".join(map(str, cls.product.slots))
            raise BadParamsError(
                f"{name} does not fit slot {slot!r}; it belongs to slot {fits}.",
                data={"param": "slot", "allowed": list(cls.product.slots)},
            )
        place = place_of(name, slot)
        wanted = self._wanted(cls, slot)
        obstacles = [*self.way.in_slot(name, slot), *self.way.in_conflict(place, wanted)]
        self._make_way(obstacles, displace)
        self.reservations.reserve(place, wanted)
        worker = Worker(
            name,
            slot,
            lambda made: self._assemble(cls, slot, made),
            self._mailbox,
            self._clock,
            self._fault_logs.setdefault(place, FaultLog(place, self._clock)),
            emulated=self.hardware.emulated,
            leave=lambda: self._last_run.closed(name, slot) if self._last_run else None,
        )
        self._workers[name, slot] = worker
        return worker

    def left_open(self) -> list[tuple[str, Slot]]:
        """Tell which modules an earlier bridge left open, because it was killed.

        Returns:
            Name and slot of each, in the order in which they were opened.
        """
        entries = self._last_run.left_open() if self._last_run is not None else []
        return [(name, slot) for name, slot in entries if name in self._modules]

    def no_longer_there(self, module: str, slot: Slot) -> None:
        """Do not expect the next bridge to make a module safe: something else is in its slot.

        Args:
            module: Its name.
            slot: Where it was.
        """
        if self._last_run is not None:
            self._last_run.closed(module, slot)

    def forget(self, worker: Worker) -> None:
        """Take a worker that has ended out of its slot.

        Args:
            worker: Which.
        """
        if self._workers.get((worker.name, worker.slot)) is worker:
            del self._workers[worker.name, worker.slot]
            worker.dispose()
            self.reservations.give_back(worker.place)
            self._pass_on_spi()

    def make_way_for_line(self, worker: Worker, output: str) -> None:
        """Let a module that nobody uses give back a line that is to be driven directly.

        Args:
            worker: The expanders' worker; for others there is nothing to do.
            output: Which line, as ``drives`` of its operations tells it.

        Raises:
            InUseError: A module that is used holds the line.
            SlotClosingError: The line is being given back just now.
        """
        if worker.place != DIRECT:
            return
        expander, _, number = output.partition("/")
        key = ("line", LineRef(expander, int(number)))
        words = f"Line {number} of the {expander} expander"
        self._make_way(self.way.in_conflict(worker.place, [(key, words)]), displace=True)

    def is_brake(self, name: str, job: Job) -> bool:
        """Tell whether a stop leaves its output driven.

        Args:
            name: Name of the module.
            job: The stop.

        Returns:
            Whether it does.
        """
        return job.operation.name in self.module_class(name).brakes

    def parts_of(self, name: str, output: str) -> frozenset[str] | None:
        """Tell what an output consists of, where outputs of its module may overlap.

        Args:
            name: Name of the module.
            output: Name of the output.

        Returns:
            Its parts; None where outputs of that module have nothing in common.
        """
        return self.module_class(name).parts_of(output)

    def _make_way(self, obstacles: list[tuple[Worker, str]], displace: bool) -> None:  # noqa: FBT001
        """Close what is in the way, once it is known that all of it gives way."""
        for worker, output in obstacles:
            if not displace and not worker.closing:
                raise BusyError(f"{worker.place} is there, and is not asked to give way.")
            if output:
                worker.make_safe(output)
            else:
                worker.close()
        if obstacles:
            raise SlotClosingError(*obstacles[0])

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
        self.reservations.reserve(owner, [(("address", address), f"I2C address 0x{address:02x}")])

    def _wanted(self, cls: type[Module], slot: Slot) -> list[tuple[Key, str]]:
        wanted: list[tuple[Key, str]] = []
        for need in cls.description.needs.values():
            if isinstance(need, LineNeed):
                ref = self._line(slot, need.pin)
                if ref is not None:
                    words = f"{need.pin} (line {ref.offset} of {ref.controller})"
                    wanted.append((("line", ref), words))
            elif isinstance(need, ChipNeed):
                address = self.addresses.get((int(slot), need.chip), need.address)
                wanted.append((("address", address), f"I2C address 0x{address:02x}"))
            elif isinstance(need, PortNeed) and slot != "board":
                device, path = self.hardware.serial_device(slot)
                wanted.append((("port", device), f"Serial port {path}"))
            elif isinstance(need, SpiNeed) and slot != "board":
                wanted += self._spi_wanted(slot)
        return wanted

    def _spi_wanted(self, slot: Literal[1, 2]) -> list[tuple[Key, str]]:
        """Tell what a module on the SPI bus holds: its chip select, and as the first, the bus."""
        spec = self.hardware.board.slots[slot]
        wanted: list[tuple[Key, str]] = [(("spi", spec.spi_device), spec.spi_device)]
        users = {each.place for each in self._workers.values() if self.way.on_spi(each)}
        for pin, ref in spec.spi_lines.items():
            if pin == "SPI_CS" or self.reservations.holder(("line", ref)) not in users:
                wanted.append((("line", ref), f"{pin} (line {ref.offset} of {ref.controller})"))
        return wanted

    def _pass_on_spi(self) -> None:
        """Let another module on the SPI bus hold the lines that it shared with one that left."""
        for worker in self._workers.values():
            if worker.slot != "board" and self.way.on_spi(worker):
                self.reservations.reserve(worker.place, self._spi_wanted(worker.slot))

    def _line(self, slot: Slot, pin: str) -> LineRef | None:
        if slot == "board":
            return None
        spec = self.hardware.board.slots[slot]
        return spec.lines.get(pin) or spec.spi_lines.get(pin)

    def _assemble(self, cls: type[Module], slot: Slot, worker: Worker) -> Module:
        """Make a module with its needs met; runs on the worker's thread."""
        parts = {name: self._part(need, slot) for name, need in cls.description.needs.items()}
        if self._last_run is not None:
            self._last_run.opened(cls.product.name, slot)
        memory = self._store.of_module(cls.product.name, slot) if self._store is not None else None
        return cls(parts, self._clock, worker, memory)

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
                return need.make(self.hardware.i2c(), address, self._clock)
            case PortNeed() | SpiNeed():
                return self._bus_part(need, slot)
            case BoardNeed(part):
                return self._expanders if part == "expanders" else self.hardware.converter()

    def _bus_part(self, need: PortNeed | SpiNeed, slot: Slot) -> object:
        assert slot != "board"  # noqa: S101  (only products in slots have a port or a chip select)
        if isinstance(need, PortNeed):
            return self.hardware.serial_port(slot)
        return self.hardware.spi_device(slot, need.max_hz)
