"""From the options of a command to a configuration and to a connection.

1. ``config`` decides the precedence; only the flags are collected here.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.cli.checkout import running_bridge
from wisblock_bridge.config import DEMO_SWING_S, Config, load

if TYPE_CHECKING:
    import argparse

    from wisblock_bridge.client import Bridge

FLAGS = {
    "--endpoint": "endpoint",
    "--remote-endpoint": "remote_endpoint",
    "--emulate": "emulate",
    "--board": "board",
    "--variant": "variant",
    "--log-level": "log_level",
}


def configuration(options: argparse.Namespace, *, serving: bool = False) -> Config:
    """Return the configuration.

    Args:
        options: Of the command.
        serving: The command starts a bridge itself, so a running one is not looked for.

    Returns:
        The effective configuration; if no endpoint is configured, that of the bridge which
        ``make run`` started in this checkout.

    Raises:
        ConfigError: Something cannot be used.
    """
    flags: dict[str, object] = {flag: getattr(options, name, None) for flag, name in FLAGS.items()}
    if getattr(options, "demo", False):
        flags["--emulate"] = True
        flags["--swing"] = DEMO_SWING_S
    config = load(flags, file=options.config)
    if config.endpoint is None and not serving:
        return replace(config, endpoint=running_bridge(Path.cwd()))
    return config


def connect(options: argparse.Namespace, *, timeout_s: float = 10.0) -> Bridge:
    """Connect to the running bridge.

    Args:
        options: Of the command.
        timeout_s: How long to wait for replies, s.

    Returns:
        The connection; use it with ``with``.

    Raises:
        ConfigError: The endpoint cannot be used.
        OfflineError: No bridge answers.
    """
    from wisblock_bridge.client import Bridge  # noqa: PLC0415  (not every command connects)
    from wisblock_bridge.endpoint import default_endpoint  # noqa: PLC0415

    return Bridge(
        configuration(options).endpoint or default_endpoint(),
        name="wisblock-bridge command line",
        timeout_s=timeout_s,
        keys=options.keys,
    )
