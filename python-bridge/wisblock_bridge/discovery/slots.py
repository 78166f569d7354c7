"""Check the configured modules: do they answer, and is what they need free?

1. A chip is checked by reading a byte; nothing is written.
2. While a bridge runs the bus is not used; that bridge's scan is taken instead.
3. Lines are inspected, not claimed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.buses.linux import errno_faults
from wisblock_bridge.discovery import serial_ports
from wisblock_bridge.discovery.devices import SPI_ADVICE
from wisblock_bridge.discovery.findings import Finding
from wisblock_bridge.discovery.identify import answers
from wisblock_bridge.errors import BusError, BusFault
from wisblock_bridge.module_api.needs import ChipNeed, LineNeed, PortNeed, SpiNeed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wisblock_bridge.boards.board import BoardSpec, LineRef
    from wisblock_bridge.config import Config
    from wisblock_bridge.discovery.computer import Computer
    from wisblock_bridge.discovery.running import Running
    from wisblock_bridge.module_api import Module

OURS = "wisblock-bridge"
"""How the lines of a bridge are labelled in the kernel."""


def slot_findings(
    config: Config, board: BoardSpec, computer: Computer, running: Running | None
) -> Iterator[Finding]:
    """Check what the configured modules need.

    Args:
        config: What is configured.
        board: The carrier.
        computer: Whom to ask.
        running: The bridge that serves already, if there is one.

    Yields:
        One finding for each thing that is missing or held by somebody else; one good one for a
        slot where there is none of these.
    """
    if running is not None:
        yield from _told(running)
    try:
        from wisblock_bridge.modules import registry  # noqa: PLC0415  (its packages may be missing)
    except ImportError:
        return
    wanted = {number: slot.module for number, slot in config.slots.items() if slot.module}
    if not wanted:
        return
    modules = registry.load().modules
    holders: dict[str, Mapping[int, str]] = {
        key: computer.holders(spec, board.i2c_number) for key, spec in board.controllers.items()
    }
    for number, name in sorted(wanted.items()):
        if name not in modules:
            continue
        look = _Slot(number, modules[name], board, computer, running)
        found = [
            *look.chips(config.slots[number].addresses),
            *look.lines(holders),
            *look.ports(),
        ]
        yield from found
        if not found:
            yield Finding(look.what, "ok", "What it needs is there and free.")


def _told(running: Running) -> Iterator[Finding]:
    if running.problem is not None:
        what = "the running bridge's bus"
        yield Finding(what, "problem", running.problem.message, running.problem.hint)
    for (module, slot), words in running.failing.items():
        yield Finding(
            f"{module} in slot {slot}",
            "problem",
            f"It fails in the running bridge: {words}",
            "`wisblock-bridge status` tells since when; the bridge goes on trying.",
        )


class _Slot:
    """One slot that the configuration names a module for."""

    def __init__(
        self,
        number: int,
        module: type[Module],
        board: BoardSpec,
        computer: Computer,
        running: Running | None,
    ) -> None:
        self.what = f"{module.product.name} in slot {number}"
        self._number = number
        self._needs = tuple(module.description.needs.values())
        self._board = board
        self._computer = computer
        self._running = running

    def chips(self, addresses: Mapping[str, int]) -> Iterator[Finding]:
        """Check whether the module's chips answer, and whether the kernel leaves them alone."""
        name = self._board.i2c_name
        for need in self._needs:
            if not isinstance(need, ChipNeed):
                continue
            address = addresses.get(need.chip, need.address)
            driver = self._computer.kernel_driver(self._board.i2c_number, address)
            if driver is not None:
                error = errno_faults.address_held(address, name, driver)
                yield Finding(self.what, "problem", f"{error.where}: {error.message}", error.hint)
                continue
            silent = self._silent(address)
            if silent is None:
                continue
            place = f"Its {need.chip} at 0x{address:02x} on {name}"
            if silent.fault is not BusFault.NO_ACKNOWLEDGE:
                yield Finding(self.what, "problem", f"{place}: {silent.message}", silent.hint)
            elif need.off_with:
                yield Finding(
                    self.what,
                    "info",
                    f"{place} does not answer, as is usual while its {need.off_with} is off.",
                )
            else:
                yield Finding(
                    self.what,
                    "missing",
                    f"{place} does not answer.",
                    "Is it plugged in, in this slot, and is its address right "
                    f"([[slot]] addresses.{need.chip})? `wisblock-bridge scan` shows what answers.",
                )

    def lines(self, holders: Mapping[str, Mapping[int, str]]) -> Iterator[Finding]:
        """Check whether somebody else holds lines that the module needs."""
        for pin, ref in self._wanted_lines():
            holder = holders.get(ref.controller, {}).get(ref.offset)
            if holder is None:
                continue
            if holder.startswith(OURS) and self._running is not None:
                continue
            if pin in self._board.slots[self._number].spi_lines and self._on_spi():
                continue  # the kernel's SPI driver holds them, as it should
            error = errno_faults.line_held(ref.offset, ref.controller, holder or None)
            yield Finding(
                self.what, "problem", f"{pin} ({error.where}): {error.message}", error.hint
            )

    def ports(self) -> Iterator[Finding]:
        """Check whether the module's serial port or chip select is there at all."""
        slot = self._board.slots[self._number]
        for need in self._needs:
            if isinstance(need, PortNeed):
                path, advice = slot.serial_port, serial_ports.advice(slot.serial_port)
            elif isinstance(need, SpiNeed):
                path, advice = slot.spi_device, SPI_ADVICE
            else:
                continue
            if not Path(path).exists():
                yield Finding(self.what, "missing", f"{path} does not exist.", advice)

    def _wanted_lines(self) -> Iterator[tuple[str, LineRef]]:
        slot = self._board.slots[self._number]
        for need in self._needs:
            if isinstance(need, LineNeed):
                ref = slot.lines.get(need.pin) or slot.spi_lines.get(need.pin)
                if ref is not None:
                    yield need.pin, ref

    def _on_spi(self) -> bool:
        return any(isinstance(need, SpiNeed) for need in self._needs)

    def _silent(self, address: int) -> BusError | None:
        """Return why nothing answers at an address; None when something does, or nobody knows."""
        if self._running is not None:
            known = self._running.addresses
            if known is None or address in known:
                return None
            return BusError(BusFault.NO_ACKNOWLEDGE, "No answer.")
        bus = self._computer.bus(self._board.i2c_number)
        try:
            answers(bus, address)
        except BusError as error:
            # A bus that is missing or stuck is a finding of its own.
            own = {BusFault.MISSING, BusFault.PERMISSION, BusFault.TIMEOUT}
            return None if error.fault in own else error
        except ImportError:
            return None
        finally:
            bus.close()
        return None
