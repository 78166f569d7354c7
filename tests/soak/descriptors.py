"""What a process has open, by what it is; and what of it is too much.

1. A descriptor is called by its device file, its kind of socket, or whatever the kernel calls it.
2. A device file of a bus or a GPIO chip stays open from its first use on, by design, and once.
3. Lines of a GPIO chip that stay claimed by design are counted apart: as many as there are lines.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.preload.device_server import CLAIM, EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

SOCKET = re.compile(r"socket:\[(\d+)\]$")
KINDS = {"0001": "stream", "0002": "datagram", "0005": "seqpacket"}
KEPT = re.compile(r"/dev/(i2c-|gpiochip|spidev)")
"""Device files that stay open from their first use on, once each."""

DEVICE_SOCKET = "unix seqpacket"
"""What stands for an open device: the server knows which."""


def named(link: str, sockets: Mapping[str, str], folder: str) -> str:
    """Name a descriptor.

    Args:
        link: Where ``/proc/PID/fd/N`` leads.
        sockets: What the sockets of this computer are, by number.
        folder: What names of files begin with that are not worth telling.

    Returns:
        Its name, without what differs between two of a kind.
    """
    found = SOCKET.match(link)
    if found is not None:
        return sockets.get(found[1], "socket of another family")
    if link.startswith("pipe:"):
        return "pipe"
    if link.startswith("/dev/pts/"):
        return "terminal" + " that was pulled out" * link.endswith(" (deleted)")
    return link.removeprefix(folder).removeprefix("/world")


def sockets_of(table: str) -> dict[str, str]:
    """Read ``/proc/net/unix``: number to kind, with the name of the socket file if there is one."""
    found: dict[str, str] = {}
    for line in table.splitlines()[1:]:
        _, _, _, _, kind, _, number, *path = line.split()
        name = Path(path[0]).name if path else ""
        found[number] = f"unix {KINDS.get(kind, kind)} {name}".strip()
    return found


def of_process(number: int, folder: Path, devices: Mapping[str, int]) -> Counter[str]:
    """Count what a process has open.

    Args:
        number: The process.
        world: The directory whose files stand for device files.
        devices: What the device server says that the process has open.

    Returns:
        Name to how many; claims of lines are not among them.
    """
    links = []
    place = f"/proc/{number}/fd"
    for each in os.listdir(place):  # noqa: PTH208  (names are all that is wanted)
        with suppress(FileNotFoundError):  # closed meanwhile
            links.append(os.readlink(f"{place}/{each}"))  # noqa: PTH115
    sockets = sockets_of(Path("/proc/net/unix").read_text())
    found = Counter(named(link, sockets, str(folder)) for link in links)
    # Each of them is a connection to the device server, which knows what it stands for.
    unknown = found.pop(DEVICE_SOCKET, 0) - sum(devices.values())
    if unknown > 0:
        found[DEVICE_SOCKET] = unknown
    for what, count in devices.items():
        if what not in {CLAIM, EVENTS}:
            found[f"connection of {what}"] += count
    return found


def leaked(first: Counter[str], now: Counter[str]) -> dict[str, int]:
    """Tell what a process has too many of at a rest.

    Args:
        first: What it had open when nobody had used it yet.
        now: What it has open.

    Returns:
        Name to how many too many.
    """
    allowed = first.copy()
    for what in now:
        if KEPT.search(what):
            allowed[what] = 1
    return dict(now - allowed)
