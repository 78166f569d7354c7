"""Serves an emulated board with the installed package, and calls an operation of every module."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from wisblock_bridge.client import Bridge, RemoteError
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.endpoint import is_served, parse_endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = "/usr/bin/wisblock-bridge"
LIMIT_S = 300.0
WITH_PARAMETERS: dict[str, tuple[str, dict[str, object]]] = {
    "RAK13005": ("build", {"id": 16, "data": b"\x01\x02"}),
    "RAK13300": ("configure", {"region": "EU868"}),
    "RAK5802": ("line", {}),
    "TPT29555": ("read_all", {"expander": "slots"}),
}
"""Operations of modules that have none without parameters, or none that touches the chip."""
BOARDS = ("RAK7391", "RAK6421")
"""Some modules are on one of them only: an address of theirs is taken on the other."""


def main() -> int:
    """Call them.

    Returns:
        The exit code.
    """
    failed: dict[str, str] = {}
    for board in BOARDS:
        tried = serve_and_call(board, None if not failed else set(failed))
        failed = {name: why for name, why in tried.items() if why}
    for name, why in failed.items():
        sys.stdout.write(f"{name} works on no board: {why}\n")
    return 1 if failed else 0


def serve_and_call(board: str, wanted: set[str] | None) -> dict[str, str]:
    """Serve an emulated board, and call an operation of modules.

    Args:
        board: "RAK7391".
        wanted: Which modules; None for all.

    Returns:
        Each module, and why it did not work; "" where it did.
    """
    with tempfile.TemporaryDirectory(prefix="wb-") as folder:
        endpoint = f"ipc://{Path(folder) / 'bridge.sock'}"
        serving = [PROGRAM, "serve", "--emulate", "--board", board, "--endpoint", endpoint]
        with subprocess.Popen(serving) as process:
            try:
                wait_for(endpoint)
                with Bridge(endpoint, timeout_s=LIMIT_S, connect_timeout_s=LIMIT_S) as bridge:
                    return call_each(bridge, wanted)
            finally:
                process.terminate()


def wait_for(endpoint: str) -> None:
    """Wait until the bridge serves.

    Args:
        endpoint: Where.

    Raises:
        SystemExit: It does not.
    """
    clock = SystemClock()
    deadline = clock.monotonic() + LIMIT_S
    while not is_served(parse_endpoint(endpoint), 1.0):
        if clock.monotonic() > deadline:
            raise SystemExit("the bridge does not serve")
        clock.sleep(0.2)


def call_each(bridge: Bridge, wanted: set[str] | None) -> dict[str, str]:
    """Call the first operation of each module that needs no parameter, and free its slot again.

    Args:
        bridge: The connection.
        wanted: Which modules; None for all.

    Returns:
        Each module, and why it did not work; "" where it did.
    """
    found: dict[str, str] = {}
    for module in cast("list[Mapping[str, Any]]", bridge.catalogue()["modules"]):
        name, slot = module["name"], module["slots"][0]
        if wanted is not None and name not in wanted:
            continue
        operation, params = easiest(module)
        try:
            result = bridge.invoke(name, slot, operation, params, timeout_s=LIMIT_S)
        except RemoteError as error:
            found[name] = str(error)
            sys.stdout.write(f"{name} not on the {bridge.board}: {error}\n")
        else:
            found[name] = ""
            sys.stdout.write(f"{name} {operation}: {dict(result.readings)}\n")
        finally:
            bridge.release(name, slot)
    return found


def easiest(module: Mapping[str, Any]) -> tuple[str, dict[str, object]]:
    """Return an operation that can be called, with its parameters.

    Args:
        module: Its entry in the catalogue.
    """
    if module["name"] in WITH_PARAMETERS:
        return WITH_PARAMETERS[module["name"]]
    for operation in module["operations"]:
        if not any(each["required"] for each in operation["params"]):
            return operation["name"], {}
    raise SystemExit(f"{module['name']} needs parameters: write them into {__file__}")


if __name__ == "__main__":
    sys.exit(main())
