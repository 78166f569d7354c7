"""The hardware of a soak run: it outlives every bridge, keeps a record, and fails on demand.

1. The bridge sees the kernel's devices; chips and wires are in this process.
2. Marked writes are recognised on the wire: the PWM chip's four registers hold a number that no
   other request bears.
3. Faults are switched by address, as ``emulator.fault`` does.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bridge.bridge_process import LONG_S, ROOT, environment
from tests.preload.boards import EmulatedComputer
from tests.preload.device_server import DeviceServer
from tests.preload.spi_device import STAND_INS, ChipSelect
from tests.preload.world import World
from tests.soak import descriptors
from tests.soak.serial_lines import MarkedUnit, PseudoTerminal

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.buses.emulated.uart import LineFault, LineFaultKind
from wisblock_bridge.buses.i2c import Write
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.emulation.board import EmulatedBoard
from wisblock_bridge.endpoint import is_served, parse_endpoint

if TYPE_CHECKING:
    from typing import IO

    from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine
    from wisblock_bridge.buses.i2c import Read

PWM_ADDRESS = 0x40
FIRST_CHANNEL = 0x06
"""Register of channel 0 of the PCA9685 (datasheet table 4, LED0_ON_L); four for each channel."""

MARKED_CHANNEL = 15

SERIAL_FAULTS = ("silence", "noise", "truncated", "late")
SELECT_FAULTS = ("nack", "eio", "stuck", "slow", "checksum")


@dataclass(frozen=True)
class Resources:
    """What a bridge occupies.

    Attributes:
        memory_kb: Resident memory, kB.
        threads: How many.
        descriptors: What it has open, by what it is.
    """

    memory_kb: int
    threads: int
    descriptors: Counter[str]


class Hardware:
    """A RAK7391 whose bridge comes and goes; use it with ``with``."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="wb-")
        folder = Path(self._folder.name)
        self.path = folder / "bridge.sock"
        self.endpoint = f"ipc://{self.path}"
        self.log = folder / "log"
        self._state = folder / "state"
        self.emulated = EmulatedBoard(BOARDS["rak7391-c"], SystemClock())
        world = World(folder / "world")
        self._world = world
        self._computer = EmulatedComputer(world, self.emulated)
        self._server = DeviceServer(world)
        self._lock = threading.RLock()
        self.writes: deque[tuple[float, int]] = deque()
        """Marked writes: clock reading (s) and tag."""
        self.faults: dict[int, float] = {}
        """Faults that are on, by address, and since when."""
        self.slot_faults: set[int] = set()
        """Slots whose serial line or chip select fails."""
        self.terminals: dict[int, PseudoTerminal] = {}
        self.units: dict[int, MarkedUnit] = {}
        """Units on the serial lines, by slot; they are heard while a RAK5802 is there."""
        for slot, spec in self.emulated.board.slots.items():
            line = self.emulated.serial_lines[spec.serial_port]
            self.units[slot] = MarkedUnit(line, self._written)
            link = world.root / spec.serial_port.lstrip("/")
            self.terminals[slot] = PseudoTerminal(line, link, self._lock)
            world.add_chip_select(ChipSelect(spec.spi_device, self.emulated.spi_bus))
        self._transfer = self.emulated.bus.transfer
        self.emulated.bus.transfer = self._recorded  # type: ignore[method-assign]
        self.process: subprocess.Popen[bytes] | None = None
        self.fresh: Counter[str] = Counter()
        """What the bridge had open when it began to serve."""
        self._log: IO[bytes] = self.log.open("ab")

    def __enter__(self) -> Hardware:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(LONG_S)
        for terminal in self.terminals.values():
            terminal.close()
        self._server.__exit__(None, None, None)
        self._log.close()
        self._folder.cleanup()

    # -- the bridge -------------------------------------------------------------------------------

    def start(self) -> float:
        """Start a bridge and wait until it serves; gives how long that took, s."""
        self._computer.adapter.transactions.clear()
        self.path.unlink(missing_ok=True)
        began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wisblock_bridge", "serve", "--endpoint", self.endpoint],
            env=environment()
            | {
                name: value
                for name, value in self._server.environment().items()
                if name.startswith(("LD_", "WISBLOCK_PRELOAD_"))
            }
            | {
                "XDG_STATE_HOME": str(self._state),
                "PYTHONPATH": f"{STAND_INS}:{environment()['PYTHONPATH']}",
            },
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
        )
        where = parse_endpoint(self.endpoint)
        while not is_served(where):
            if self.process.poll() is not None or time.monotonic() > began + LONG_S:
                raise AssertionError(f"the bridge does not serve:\n{self.log.read_text()[-3000:]}")
            time.sleep(0.005)
        took_s = time.monotonic() - began
        self.fresh = self.resources().descriptors
        return took_s

    def stop(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; gives the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(LONG_S)

    def pause(self) -> None:
        """Stop the bridge as a debugger does, or a computer that sleeps."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a paused bridge go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def resources(self) -> Resources:
        """Tell what the bridge occupies.

        A line that was read once stays claimed, so that the kernel does not change what the pin
        does: there are as many of these as lines, and they are not counted.
        """
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        said = dict(line.split(":", 1) for line in lines)
        devices = self._server.opened()
        found = descriptors.of_process(self.process.pid, self._world.root.parent, devices)
        return Resources(int(said["VmRSS"].split()[0]), int(said["Threads"]), found)

    def held_lines(self) -> str:
        """Tell which lines of which chip are claimed by whom, for people."""
        held = {key: chip.holders for key, chip in self._computer.chips.items()}
        return f"claimed lines are {held}"

    # -- the world --------------------------------------------------------------------------------

    def plug(self, module: str, slot: int) -> bool:
        """Put a module into a slot; False where its address is taken."""
        with self._lock:
            try:
                self.emulated.plug(module, slot)
            except Exception as error:
                if "address" not in str(error) and "devices" not in str(error):
                    raise
                return False
            if module == "RAK5802":
                self._line(slot).attach(self.units[slot])
            return True

    def unplug(self, slot: int) -> None:
        """Pull a module out."""
        with self._lock:
            self._line(slot).detach(self.units[slot])
            self.units[slot].manners.clear()
            self.emulated.unplug(slot)

    def modbus_answers(self) -> Counter[str]:
        """Tell how the units on the serial lines have answered, and how often."""
        return sum((each.answered for each in self.units.values()), Counter())

    def _line(self, slot: int) -> EmulatedSerialLine:
        return self.emulated.serial_lines[self.emulated.board.slots[slot].serial_port]

    def fail_slot(self, slot: int, kind: str, count: int | None) -> None:
        """Let the serial line or the chip select of a slot fail."""
        self.slot_faults.add(slot)
        if kind in SERIAL_FAULTS:
            self._line(slot).fail(LineFault(LineFaultKind(kind), count=count))
        else:
            self.emulated.fault_select(slot, Fault(FaultKind(kind), count=count))

    def heal_slots(self) -> None:
        """End the failures of serial lines and chip selects."""
        self.slot_faults.clear()
        for slot in self.emulated.board.slots:
            self._line(slot).fail(None)
            self.emulated.fault_select(slot, None)

    def fail(self, address: int, kind: str, count: int | None) -> None:
        """Let a chip fail."""
        self.faults[address] = time.monotonic()
        self.emulated.fault((address,), Fault(FaultKind(kind), count=count))

    def heal(self, address: int) -> None:
        """End a failure."""
        self.faults.pop(address, None)
        self.emulated.fault((address,), None)

    def trim(self) -> None:
        """Forget what the emulated adapter wrote down for other tests."""
        self._computer.adapter.transactions.clear()

    def _written(self, tag: int) -> None:
        self.writes.append((time.monotonic(), tag))

    def _recorded(self, address: int, *messages: Write | Read) -> bytes:
        with self._lock:
            answer = self._transfer(address, *messages)
            if address == PWM_ADDRESS and isinstance(first := messages[0], Write):
                tag = marked(first.data)
                if tag:
                    self.writes.append((time.monotonic(), tag))
        return answer


def marked(data: bytes) -> int:
    """Read the mark off what the PWM chip was told; 0 where there is none."""
    if len(data) != 5 or data[0] != FIRST_CHANNEL + 4 * MARKED_CHANNEL:
        return 0
    on, off = (int.from_bytes(data[at : at + 2], "little") for at in (1, 3))
    if on >= 4096 or off >= 4096:
        return 0  # full on or full off: the safe state
    return on << 12 | off


def steps_of(tag: int) -> tuple[int, int]:
    """Turn a mark into the counts of ``steps``."""
    return tag >> 12, tag & 0xFFF
