"""The readings that the configuration lists for Prometheus, asked for when somebody scrapes.

1. An ordinary client asks, on the thread of who scrapes; its session ends with the answer.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from wisblock_bridge.client import Bridge
from wisblock_bridge.errors import BridgeError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wisblock_bridge.client.requests import Slot
    from wisblock_bridge.config.model import MetricReading

log = logging.getLogger(__name__)

READING_S = 2.0
"""How long a reading may take, s."""
CLIENT = "wisblock-bridge metrics"


class Readings:
    """Asks for the readings that the configuration lists; on the thread of who scrapes.

    Args:
        endpoint: Of this bridge, without keys.
        wanted: Which.
    """

    def __init__(self, endpoint: str, wanted: Sequence[MetricReading]) -> None:
        self._endpoint = endpoint
        self._wanted = wanted

    def take(self) -> list[tuple[MetricReading, float | None]]:
        """Return each of them; None where there is none.

        The session ends with it: a module that nobody else uses yields its slot at once.
        """
        if not self._wanted:
            return []
        try:
            with Bridge(self._endpoint, name=CLIENT, timeout_s=READING_S) as bridge:
                return list(self._values(bridge))
        except (BridgeError, ConfigError) as error:
            log.debug("metrics: %s", error)
            return [(each, None) for each in self._wanted]

    def _values(self, bridge: Bridge) -> Iterator[tuple[MetricReading, float | None]]:
        results: dict[tuple[str, Slot, str], Mapping[str, object]] = {}
        for each in self._wanted:
            place = (each.module, each.slot, each.operation)
            if place not in results:
                try:
                    results[place] = bridge.invoke(*place).readings
                except BridgeError as error:
                    log.debug("metrics: %s %s: %s", each.module, each.operation, error)
                    results[place] = {}
            value = results[place].get(each.reading)
            yield each, float(value) if isinstance(value, int | float) else None
