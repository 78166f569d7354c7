"""The bridge put together: from a configuration to a process that serves.

1. Everything is made here and handed to those who need it; nobody reaches for a global.
2. Start: socket bound last, after the outputs that a configuration names are safe. Stop: outputs
   first.
3. It knows how parts fit, not what they do.
"""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import socket
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from wisblock_bridge import __version__, discovery
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.config import apply, check_slots
from wisblock_bridge.config.listeners import Listener, listeners, load_keys
from wisblock_bridge.endpoint import prepare_endpoint, restrict_socket
from wisblock_bridge.errors import BridgeError
from wisblock_bridge.modules import registry
from wisblock_bridge.runtime.fault_log import defect
from wisblock_bridge.runtime.hardware import Hardware
from wisblock_bridge.runtime.sessions import Sessions
from wisblock_bridge.runtime.slots import SlotClosingError, SlotManager
from wisblock_bridge.runtime.state_store import (
    StateStore,
    default_directory,
    is_directory_configured,
)
from wisblock_bridge.server.dispatch import Dispatcher
from wisblock_bridge.server.layout import layout
from wisblock_bridge.server.loop import Server
from wisblock_bridge.server.occupancy import chips_in_use, places
from wisblock_bridge.server.scanner import Scanner
from wisblock_bridge.server.status import Counters, status
from wisblock_bridge.threads.mailbox import Mailbox
from wisblock_bridge.threads.timers import TimerQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.config import Config
    from wisblock_bridge.emulation.board import EmulatedBoard
    from wisblock_bridge.runtime.hardware import Transport
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.worker import Worker
    from wisblock_bridge.server.emulator_methods import EmulatorMethods
    from wisblock_bridge.server.log_buffer import LogBuffer
    from wisblock_bridge.server.metrics import Metrics
    from wisblock_bridge.wire.roles import Peer

log = logging.getLogger(__name__)

SAFE_FIRST_S = 60.0
"""How long the bridge waits, before it serves, for what a killed one left open to be safe. Each
attempt ends by the time-outs of its bus, however loaded this computer is; what takes longer than
this does not end at all, and must not keep the other modules from being served."""

START_EXTENSION_S = 10.0
"""How much more time to start the service manager is asked for while outputs are made safe."""

STOP_S = 4.0
"""How long modules get to bring their outputs to the safe state when the bridge stops."""


class Daemon:
    """A bridge that is ready to serve.

    Args:
        config: What is configured.
        log_buffer: What remembers the last lines of the log; without one, nothing does.
    """

    def __init__(self, config: Config, log_buffer: LogBuffer | None = None) -> None:
        self._clock = SystemClock()
        self._started = self._clock.monotonic()
        self._config = config
        self.catalogue = registry.serving()
        check_slots(config, self.catalogue.modules)
        self.board, self._detection = self._find_board()
        self._emulated: EmulatedBoard | None = None
        self.hardware = Hardware(self.board, self._transport(), self._clock)
        self._mailbox: Mailbox[object] = Mailbox()
        self._timer_queue = TimerQueue(self._clock)
        self._sessions = Sessions()
        self._counters = Counters()
        self.slot_manager = SlotManager(
            self.hardware,
            self.catalogue.modules,
            self._mailbox,  # type: ignore[arg-type]
            self._clock,
            fixed={number: slot.module for number, slot in config.slots.items() if slot.module},
            store=self._store(),
            addresses=self._addresses(),
        )
        keys = load_keys(config)
        self._listed = None if keys is None else keys[1]
        self._emulator = self._emulator_methods()
        self._server = Server(self._mailbox, self._sessions, self._timer_queue)
        self._dispatcher = Dispatcher(
            self.catalogue,
            self.slot_manager,
            self._sessions,
            self._server.outbox,
            self._timer_queue,
            self._counters,
            Scanner(
                lambda in_use: discovery.scan(self.hardware, self.catalogue, in_use=in_use),
                lambda: chips_in_use(self.slot_manager),
                self._mailbox,
            ),
            self._emulator,
        )
        self._dispatcher.status = self._status
        self._dispatcher.log_lines = log_buffer.lines if log_buffer is not None else list
        self._metrics = self._measured()
        listed = self._listed
        if listed is not None:
            self._dispatcher.is_listed = lambda peer: listed.find(peer.key) is not None

    def serve(self) -> int:
        """Serve until SIGTERM or SIGINT.

        Returns:
            The exit code, 0.

        Raises:
            OSError: The endpoint is taken or not permitted.
            ConfigError: The endpoint cannot be used.
        """
        self._server.stop_at(signal.SIGTERM, signal.SIGINT)
        allow_many_descriptors()
        # First of all: a second bridge would otherwise make the outputs of the first one safe.
        entrances = [
            Listener(prepare_endpoint(each.endpoint, encrypted=each.encrypted), each.encrypted)
            for each in listeners(self._config)
        ]
        self._make_safe_after_crash()
        self._make_configured_safe()
        self._export()
        self._listen(entrances)
        log.info(
            "wisblock-bridge %s serves %s%s on %s",
            __version__,
            "an emulated " if self.hardware.emulated else "",
            self.board.title,
            " and on ".join(
                f"{each.endpoint}, with keys" if each.encrypted else each.endpoint
                for each in entrances
            ),
        )
        if not self._config.emulate:
            # On a thread of its own: a bus that is stuck takes seconds to say so.
            threading.Thread(target=self._note_shortfalls, name="shortfalls", daemon=True).start()
        notify(f"READY=1\nSTATUS={self._in_short()}")
        gc.freeze()  # what is there now stays until the end
        gc.enable()
        try:
            self._notify_watchdog(watchdog_interval_s())
            self._server.run(self._dispatcher)
        finally:
            self._stop()
        return 0

    def serve_beside(self, on_ready: Callable[[], None]) -> None:
        """Serve an emulated board on this thread, beside whatever else the process does.

        The process stays as it is: no signal handler, no limit, no message to a service manager.

        Args:
            on_ready: Called when clients can connect.

        Raises:
            OSError: The endpoint is taken or not permitted.
            ConfigError: The endpoint cannot be used.
        """
        endpoint = prepare_endpoint(self._config.endpoint)
        self._make_configured_safe()
        self._listen([Listener(endpoint, encrypted=False)])
        on_ready()
        try:
            self._server.run(self._dispatcher)
        finally:
            self._stop()

    def stop(self) -> None:
        """Let ``serve_beside`` end; from any thread."""
        self._server.stop()

    def _listen(self, entrances: list[Listener]) -> None:
        """Listen everywhere; at the socket file last, which is what others wait for."""
        if self._listed is not None:
            encrypted = [each.endpoint for each in entrances if each.encrypted]
            self._server.listen_remote(encrypted, self._listed)
        for each in entrances:
            if not each.encrypted:
                self._server.listen(each.endpoint)
                restrict_socket(each.endpoint)

    def _measured(self) -> Metrics | None:
        """Return what measures, if metrics are wanted."""
        if self._config.metrics is None:
            return None
        from wisblock_bridge.server.metric_readings import Readings  # noqa: PLC0415  (not always)
        from wisblock_bridge.server.metrics import Metrics  # noqa: PLC0415  (not always)

        own = next((each for each in listeners(self._config) if not each.encrypted), None)
        wanted = self._config.metrics_readings if own is not None else ()
        if wanted != self._config.metrics_readings:
            log.warning("metrics_readings needs an endpoint without keys: no reading is exported")
        return Metrics(
            self.hardware,
            self.slot_manager,
            self._sessions,
            self._counters,
            self._timer_queue,
            self._dispatcher.method_names,
            Readings(str(own.endpoint) if own is not None else "", wanted),
        )

    def _export(self) -> None:
        """Let Prometheus ask; without that, the bridge serves all the same."""
        if self._metrics is None or self._config.metrics is None:
            return
        host, _, port = self._config.metrics.rpartition(":")
        try:
            self._metrics.serve(host.strip("[]"), int(port))
        except OSError as error:
            log.error("metrics: %s cannot be listened at: %s", self._config.metrics, error)  # noqa: TRY400  (said in full)

    def _note_shortfalls(self) -> None:
        """Write into the log, once, what ``check`` calls missing."""
        from wisblock_bridge.discovery.checkup import shortfalls  # noqa: PLC0415  (not emulated)

        try:
            for each in shortfalls(self._config, self.board):
                log.warning("%s: %s %s", each.what, each.detail, each.advice)
        except Exception as error:  # noqa: BLE001  (serving goes on, whatever is wrong here)
            defect(error, "the look for what is missing")

    def _notify_watchdog(self, interval_s: float | None) -> None:
        """Let the service manager know that the loop runs, and again after each interval."""
        if interval_s is not None:
            notify(f"WATCHDOG=1\nSTATUS={self._in_short()}")
            self._timer_queue.after(interval_s, lambda: self._notify_watchdog(interval_s))

    def _stop(self) -> None:
        notify("STOPPING=1")
        log.info("stopping: bringing outputs to their safe state")
        self._dispatcher.stopping = True
        workers = list(self.slot_manager)
        for worker in workers:
            worker.close()
        deadline = time.monotonic() + STOP_S
        for worker in workers:
            if not worker.join(max(0.0, deadline - time.monotonic())):
                log.error("%s did not close in time", worker.place)
        self._server.receive_messages(self._dispatcher)
        self._server.finish(self._dispatcher)
        if self._metrics is not None:
            self._metrics.close()
        self._server.close()
        self.hardware.close()

    def _make_safe_after_crash(self) -> None:
        """Make safe what a killed bridge left open: expanders keep driving their outputs.

        What was open is opened in the order in which it had been, which brings it to its safe
        state, and closed again, so that its slot is free; two of one slot after each other. The
        bridge serves nobody before each of them has been tried; what failed is tried again later.
        """
        left = self.slot_manager.left_open()
        for place in left:
            log.warning("%s was left open by an earlier bridge: making it safe", place)
        deadline = self._clock.monotonic() + SAFE_FIRST_S
        while left:
            left_now, left = left, []
            for worker in self._open_and_close(left_now, left):
                if not self._await_end(worker, deadline):
                    log.error("%s could not be made safe in time", worker.place)
            self._server.receive_messages(self._dispatcher)
            if self._clock.monotonic() >= deadline:
                for place in left:
                    self._dispatcher.pending_safe_states.add(place)
                break

    def _await_end(self, worker: Worker, deadline: float) -> bool:
        """Wait for a module to be closed, and ask the service manager for the time it takes.

        Args:
            worker: Its worker.
            deadline: Clock reading after which nobody waits any more, s.

        Returns:
            Whether it has been closed.
        """
        ended = False
        while not ended and (left_s := deadline - self._clock.monotonic()) > 0.0:
            notify(f"EXTEND_TIMEOUT_USEC={round(2e6 * START_EXTENSION_S)}")
            ended = worker.join(min(left_s, START_EXTENSION_S))
        return ended or worker.join(0.0)

    def _open_and_close(self, places: list[Place], waiting: list[Place]) -> list[Worker]:
        """Open and close modules; those whose slot another one of them has are left waiting."""
        workers = []
        for place in places:
            try:
                worker = self.slot_manager.worker(place, displace=False)
            except SlotClosingError:
                waiting.append(place)
            except BridgeError as error:
                log.warning("%s: %s", place, error)
            else:
                worker.open_and_close(quiet=False)
                workers.append(worker)
        return workers

    def _make_configured_safe(self) -> None:
        """Open what the configuration names: its outputs are safe before anybody can ask."""
        for slot, module in self.slot_manager.fixed.items():
            if self._emulated is not None:
                self._emulated.plug(module, slot)
            self.slot_manager.worker(self.slot_manager.place(module, slot)).prepare()

    def _find_board(self) -> tuple[BoardSpec, dict[str, object]]:
        config = self._config
        if config.emulate:
            board = discovery.configured_board(config)
            return apply(board, config), {"confidence": "certain", "evidence": ["it is emulated"]}
        found = discovery.detect_board(config)
        log.info(
            "board: %s (%s: %s)", found.board.title, found.confidence, "; ".join(found.evidence)
        )
        return apply(found.board, config), {
            "confidence": found.confidence,
            "evidence": list(found.evidence),
        }

    def _transport(self) -> Transport:
        if self._config.emulate:
            from wisblock_bridge.emulation.board import EmulatedBoard  # noqa: PLC0415  (not needed on hardware)

            self._emulated = EmulatedBoard(
                self.board, self._clock, self._config.swing_s, self._addresses()
            )
            return self._emulated
        from wisblock_bridge.buses.linux.transport import LinuxTransport  # noqa: PLC0415

        return LinuxTransport()

    def _addresses(self) -> dict[tuple[int, str], int]:
        return {
            (number, chip): address
            for number, slot in self._config.slots.items()
            for chip, address in slot.addresses.items()
        }

    def _store(self) -> StateStore | None:
        """Find where to remember things; an emulated board forgets unless a directory is named."""
        keep = is_directory_configured() or not self._config.emulate
        return StateStore(default_directory()) if keep else None

    def _emulator_methods(self) -> EmulatorMethods | None:
        if self._emulated is None:
            return None
        from wisblock_bridge.server.emulator_methods import EmulatorMethods  # noqa: PLC0415

        return EmulatorMethods(self._emulated, self.slot_manager, self._clock)

    def _in_short(self) -> str:
        """Write a line for the service manager's status."""
        workers = list(self.slot_manager)
        failing = sum(worker.health.last_error is not None for worker in workers)
        return (
            f"serving {self.board.title}: modules in use {len(workers)}, failing {failing}, "
            f"clients {sum(1 for _ in self._sessions)}"
        )

    def _status(self, asked_by: Peer) -> dict[str, object]:
        self._counters.keys_refused = self._server.keys_refused
        found = status(
            self._clock.monotonic() - self._started,
            self.hardware,
            self.slot_manager,
            self._sessions,
            self._server.outbox,
            self._counters,
            self._detection,
            asked_by=asked_by,
        )
        emulated, control = self._emulated, self._emulator
        found["layout"] = layout(self.slot_manager, emulated.level if emulated else None)
        if emulated is None or control is None:
            return {**found, **places(self.slot_manager, None)}
        return {**found, **places(self.slot_manager, emulated.plugged, control.about)}


def run(config: Config, log_buffer: LogBuffer | None = None) -> int:
    """Build a bridge and serve.

    Args:
        config: What is configured.
        log_buffer: What remembers the last lines of the log.

    Returns:
        The exit code.

    Raises:
        OSError: The endpoint is taken or not permitted.
        ConfigError: The configuration cannot be used.
    """
    return Daemon(config, log_buffer).serve()


def notify(message: str) -> None:
    """Send a message to the service manager, if there is one (sd_notify protocol).

    Args:
        message: Assignments, a line each.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.sendto(message.encode(), address)


def allow_many_descriptors() -> None:
    """Raise the limit of open files to what is allowed at all.

    libzmq ends the process when it can't accept a connection for want of a descriptor
    (``ipc_listener.cpp``), and the usual limit of 1024 can be used up by one client.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # a sandbox may refuse; the old limit stays
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def watchdog_interval_s() -> float | None:
    """Return how often the service manager wants a message from us.

    Returns:
        Half its limit, s; None when it does not watch this process.
    """
    limit = os.environ.get("WATCHDOG_USEC")
    pid = os.environ.get("WATCHDOG_PID")
    if not limit or (pid and pid != str(os.getpid())):
        return None
    return int(limit) / 2_000_000.0
