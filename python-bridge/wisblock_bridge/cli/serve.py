"""``wisblock-bridge serve``."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from wisblock_bridge.cli import logs, settings

if TYPE_CHECKING:
    import argparse


def serve(options: argparse.Namespace) -> int:
    """Serve until stopped.

    Raises:
        ConfigError: The configuration cannot be used, or another bridge serves at the endpoint.
    """
    # Starting makes many objects that live as long as the process: looking for garbage among them
    # only takes time, now and later. ``daemon.run`` switches it on again.
    gc.disable()
    config = settings.configuration(options, serving=True)
    log_buffer = logs.set_up(config.log_level)
    from wisblock_bridge.server import daemon  # noqa: PLC0415  (what it logs is wanted)

    return daemon.run(config, log_buffer)
