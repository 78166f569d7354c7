"""What the bridge counts, for Prometheus (``metrics = "127.0.0.1:9464"``).

1. The poll loop only counts into plain numbers (``Latency``) and takes a snapshot each second;
   asking, formatting and answering happens on a thread of its own, one scrape at a time.
2. Every set of labels is bounded: methods, codes, faults, buses, and modules of this board.
3. Readings are exported only where the configuration lists them (``metric_readings``).
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, make_server

from wisblock_bridge import __version__
from wisblock_bridge.errors import ConfigError
from wisblock_bridge.runtime.fault_log import defect
from wisblock_bridge.server.latency import Histogram, Latency
from wisblock_bridge.server.metric_readings import CLIENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from wsgiref.simple_server import WSGIServer

    from prometheus_client import Metric

    from wisblock_bridge.runtime.hardware import Hardware
    from wisblock_bridge.runtime.sessions import Sessions
    from wisblock_bridge.runtime.slots import SlotManager
    from wisblock_bridge.server.metric_readings import Readings
    from wisblock_bridge.server.status import Counters
    from wisblock_bridge.threads.timers import TimerQueue

log = logging.getLogger(__name__)

LATENESS_BUCKETS_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
SNAPSHOT_S = 1.0
PATIENCE_S = 5.0
"""How long one who scrapes may take to ask, s."""


@dataclass(frozen=True, slots=True)
class ModuleSnapshot:
    """What is exported about one open module."""

    module: str
    slot: str
    operations: int
    errors: int
    failing: bool
    queued: int
    subscriptions: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What only the poll loop may look at."""

    sessions: int = 0
    modules: tuple[ModuleSnapshot, ...] = ()


class Metrics:
    """Counts, and answers Prometheus.

    Args:
        hardware: The board, whose buses count.
        slot_manager: The slots.
        sessions: The clients.
        counters: Counters of the status; gets ``latency``.
        timer_queue: Of the poll loop.
        methods: The methods of the protocol.
        readings: The readings that are exported.
    """

    def __init__(
        self,
        hardware: Hardware,
        slot_manager: SlotManager,
        sessions: Sessions,
        counters: Counters,
        timer_queue: TimerQueue,
        methods: Sequence[str],
        readings: Readings,
    ) -> None:
        self._hardware = hardware
        self._slot_manager = slot_manager
        self._sessions = sessions
        self._counters = counters
        self._timer_queue = timer_queue
        self._clock = timer_queue.clock
        self._readings = readings
        self._lateness = Histogram(LATENESS_BUCKETS_S)
        self._snapshot = Snapshot()
        self._started_s = self._clock.timestamp_ms() / 1000.0
        self._server: WSGIServer | None = None
        hardware.time_transactions()
        counters.latency = self._latency = Latency(self._clock, methods)
        self._tick(self._clock.monotonic())

    def _tick(self, due: float) -> None:
        """Take a snapshot, and note how late the poll loop is with it."""
        now = self._clock.monotonic()
        self._lateness.observe(max(0.0, now - due))
        self._snapshot = Snapshot(
            sum(each.name != CLIENT for each in self._sessions),
            tuple(
                ModuleSnapshot(
                    worker.place.module,
                    str(worker.place.slot),
                    worker.health.operations,
                    worker.health.errors,
                    worker.health.last_error is not None,
                    worker.queued,
                    worker.watched,
                )
                for worker in self._slot_manager
            ),
        )
        self._timer_queue.after(SNAPSHOT_S, lambda: self._tick(now + SNAPSHOT_S))

    def serve(self, host: str, port: int) -> None:
        """Answer whoever scrapes, on a thread of its own.

        Args:
            host: An address of this computer.
            port: TCP port; 0 for any.

        Raises:
            OSError: It is taken or not permitted.
            ConfigError: The package is missing.
        """
        try:
            from prometheus_client import CollectorRegistry, make_wsgi_app  # noqa: PLC0415  (an extra)
        except ImportError:
            raise ConfigError(
                "metrics needs the package prometheus-client. "
                "Install it: pip install 'wisblock-bridge[metrics]'"
            ) from None
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        self._server = make_server(host, port, make_wsgi_app(registry), handler_class=_QuietHandler)
        log.info("metrics: http://%s:%d/metrics", host, self._server.server_port)
        threading.Thread(target=self._answer, name="metrics", daemon=True).start()

    @property
    def port(self) -> int:
        """The TCP port; 0 when nothing listens."""
        return 0 if self._server is None else self._server.server_port

    def _answer(self) -> None:
        assert self._server is not None  # noqa: S101
        try:
            self._server.serve_forever()
        except Exception as error:  # noqa: BLE001  (the bridge goes on without metrics)
            defect(error, "the metrics")

    def close(self) -> None:
        """Answer nobody any more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    # -- on the thread of who scrapes -------------------------------------------------------------

    def collect(self) -> Iterator[Metric]:
        """Yield everything, as a collector of ``prometheus_client`` does."""
        yield from self._of_bridge()
        yield from self._of_requests()
        yield from self._of_modules()
        yield from self._of_buses()
        yield from self._of_readings()

    def _of_bridge(self) -> Iterator[Metric]:
        from prometheus_client.core import (  # noqa: PLC0415  (an extra)
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        info = GaugeMetricFamily(
            "wisblock_info", "The bridge and its board.", labels=("version", "board", "emulated")
        )
        board, emulated = self._hardware.board.key, str(self._hardware.emulated).lower()
        info.add_metric((__version__, board, emulated), 1)
        yield info
        yield GaugeMetricFamily(
            "wisblock_start_time_seconds",
            "When the bridge started; changes() of it counts restarts.",
            self._started_s,
        )
        yield GaugeMetricFamily(
            "wisblock_sessions", "Clients that are connected.", self._snapshot.sessions
        )
        lateness = HistogramMetricFamily(
            "wisblock_loop_lateness_seconds", "How late the poll loop is with a timer, each second."
        )
        lateness.add_metric((), *self._lateness.as_metric())
        yield lateness
        for name, text in (
            ("refused", "Requests that were refused before they were looked at."),
            ("undecodable", "Messages that are no requests."),
            ("events", "Events that were sent."),
        ):
            yield CounterMetricFamily(f"wisblock_{name}", text, getattr(self._counters, name))

    def _of_requests(self) -> Iterator[Metric]:
        from prometheus_client.core import (  # noqa: PLC0415  (an extra)
            CounterMetricFamily,
            HistogramMetricFamily,
        )

        requests = CounterMetricFamily(
            "wisblock_requests", "Requests that were answered.", labels=("method", "code")
        )
        for labels, count in dict(self._latency.codes).items():
            requests.add_metric(labels, count)
        yield requests
        latency = HistogramMetricFamily(
            "wisblock_request_seconds", "From a request to its reply.", labels=("method",)
        )
        for method, histogram in self._latency.of_method.items():
            latency.add_metric((method,), *histogram.as_metric())
        yield latency

    def _of_modules(self) -> Iterator[Metric]:
        from prometheus_client.core import (  # noqa: PLC0415  (an extra)
            CounterMetricFamily,
            GaugeMetricFamily,
        )

        labels = ("module", "slot")
        kinds: tuple[tuple[type, str, str, Callable[[ModuleSnapshot], float]], ...] = (
            (CounterMetricFamily, "operations", "Operations that worked.",
             lambda each: each.operations),
            (CounterMetricFamily, "operation_errors", "Operations that failed.",
             lambda each: each.errors),
            (GaugeMetricFamily, "module_failing", "1 while its last operation failed.",
             lambda each: each.failing),
            (GaugeMetricFamily, "jobs_queued", "Requests that wait.", lambda each: each.queued),
            (GaugeMetricFamily, "subscriptions", "Subscriptions.",
             lambda each: each.subscriptions),
        )  # fmt: skip
        for kind, name, text, value in kinds:
            family = kind(f"wisblock_{name}", text, labels=labels)
            for each in self._snapshot.modules:
                family.add_metric((each.module, each.slot), float(value(each)))
            yield family

    def _of_buses(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415  (an extra)

        busy = CounterMetricFamily(
            "wisblock_bus_busy_seconds", "Time in transactions.", labels=("bus", "module")
        )
        transactions = CounterMetricFamily(
            "wisblock_bus_transactions", "Transactions, tried.", labels=("bus",)
        )
        failures = CounterMetricFamily(
            "wisblock_bus_errors", "Transactions that failed.", labels=("bus", "module", "fault")
        )
        for bus in self._hardware.bus_counters:
            transactions.add_metric((bus.name,), bus.transactions)
            for user, seconds in dict(bus.busy_s).items():
                busy.add_metric((bus.name, user), seconds)
            for (user, fault), count in dict(bus.failures_of).items():
                failures.add_metric((bus.name, user, fault), count)
        yield from (busy, transactions, failures)

    def _of_readings(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415  (an extra)

        labels = ("module", "slot", "operation", "reading")
        readings = GaugeMetricFamily("wisblock_reading", "Readings that are listed.", labels=labels)
        valid = GaugeMetricFamily("wisblock_reading_valid", "1 if there is one.", labels=labels)
        for each, value in self._readings.take():
            names = (each.module, str(each.slot), each.operation, each.reading)
            if value is not None:
                readings.add_metric(names, value)
            valid.add_metric(names, float(value is not None))
        yield from (readings, valid)


class _QuietHandler(WSGIRequestHandler):
    """Writes no line for every scrape, and does not wait for one who asks nothing."""

    timeout = PATIENCE_S

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base's name)
        """Write into the log of the bridge, for those who look for it."""
        log.debug(format, *args)
