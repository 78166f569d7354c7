"""Many connections, and clients that send much or read nothing, beside a neighbour."""

from __future__ import annotations

import os
import resource
import socket
import time
from contextlib import suppress

import msgpack
from tests.bridge.attackers import LogLines, Neighbour, Target, large_senders
from tests.bridge.raw_zmtp import GREETING, RawPeer, frame

Row = tuple[str, str, bool]

LONGEST_ANSWER_MS = 100.0
HOLD_S = 2.0
SILENT, CATALOGUES = 20, 400
LARGE_S = 10.0
SENT_S = 20.0


def descriptors(pid: int) -> int:
    """Count what a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208


def connect(target: Target) -> socket.socket | None:
    """Connect to the socket file without waiting; None where the kernel's queue is full."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.settimeout(0)
    try:
        made.connect(target.local.removeprefix("ipc://"))
    except OSError:
        made.close()
        return None
    return made


def crowd(limit: int, number: int) -> Row:
    """More connections than there are descriptors, held, and then gone.

    Args:
        limit: Descriptors that the bridge may have.
        number: Connections.

    Returns:
        What came of it.
    """
    with Target("ipc") as target, Neighbour(target.local) as neighbour:
        resource.prlimit(target.pid, resource.RLIMIT_NOFILE, (limit, limit))
        time.sleep(0.5)
        open_before, before_mb = descriptors(target.pid), target.rss_mb()
        begin = time.monotonic()
        held = []
        while len(held) < number and time.monotonic() < begin + HOLD_S:
            made = connect(target)
            if made is None:
                time.sleep(0.001)
            else:
                held.append(made)
        time.sleep(HOLD_S)
        during_ms, most = neighbour.slowest_ms(begin), descriptors(target.pid)
        gone = time.monotonic()
        for each in held:
            each.close()
        time.sleep(HOLD_S)
        after_ms, after_mb = neighbour.slowest_ms(gone), target.rss_mb()
        left = descriptors(target.pid)
        good = target.is_alive() and not neighbour.off and left <= open_before
        good = good and max(during_ms, after_ms) <= LONGEST_ANSWER_MS and after_mb < before_mb + 5
        return (
            f"{len(held)} connections at {limit} descriptors",
            (
                f"slowest {during_ms:.0f} ms, after {after_ms:.0f} ms; {most} descriptors, then "
                f"{left}; {before_mb:.1f} MB, then {after_mb:.1f} MB"
            ),
            good,
        )


def come_and_go(number: int, said: bytes) -> Row:
    """Connect, say something, close.

    Args:
        number: How often.
        said: What is said.

    Returns:
        What came of it.
    """
    with Target("ipc") as target, Neighbour(target.local) as neighbour:
        time.sleep(0.5)
        open_before, before_mb, begin = descriptors(target.pid), target.rss_mb(), time.monotonic()
        done = 0
        while done < number:
            made = connect(target)
            if made is None:
                time.sleep(0.001)
                continue
            with made, suppress(OSError):
                made.send(said)
            done += 1
        time.sleep(0.5)
        slowest_ms, after_mb, left = (
            neighbour.slowest_ms(begin),
            target.rss_mb(),
            descriptors(target.pid),
        )
        good = target.is_alive() and not neighbour.off and slowest_ms <= LONGEST_ANSWER_MS
        return (
            f"{number} times connect{', greet' if said else ''} and close",
            (
                f"slowest {slowest_ms:.0f} ms; {left - open_before:+} descriptors; "
                f"{before_mb:.1f} MB, then {after_mb:.1f} MB"
            ),
            good and left <= open_before and after_mb < before_mb + 5,
        )


def silent() -> Row:
    """Clients that ask for much and read nothing."""
    with Target("ipc") as target, Neighbour(target.local) as neighbour:
        time.sleep(0.5)
        before_mb, begin, peak_mb = target.rss_mb(), time.monotonic(), 0.0
        peers = [RawPeer(target.local) for _ in range(SILENT)]
        waiting = {}
        for number, peer in enumerate(peers):
            hello = {"v": 1, "id": 0, "method": "hello", "params": {"client": f"silent {number}"}}
            requests = [
                {"v": 1, "id": each + 1, "method": "catalogue"} for each in range(CATALOGUES)
            ]
            data = b"".join(frame(msgpack.packb(each)) for each in (hello, *requests))
            peer.socket.settimeout(0)
            waiting[number] = memoryview(data)
        cut: set[int] = set()
        end = time.monotonic() + SENT_S
        while len(cut) < SILENT and time.monotonic() < end:
            for number, peer in enumerate(peers):
                if number in cut:
                    continue
                try:
                    if waiting[number]:
                        waiting[number] = waiting[number][peer.socket.send(waiting[number]) :]
                    else:
                        peer.socket.send(b"")
                        peer.socket.send(frame(b"\x04PING\0\0", command=True))
                except BlockingIOError:
                    pass
                except OSError:
                    cut.add(number)
            peak_mb = max(peak_mb, target.rss_mb())
            time.sleep(0.005)
        time.sleep(1.5)
        slowest_ms, after_mb = neighbour.slowest_ms(begin), target.rss_mb()
        lines = LogLines(target).naming("silent 0")
        for peer in peers:
            peer.socket.close()
        good = len(cut) == SILENT and len(lines) == 1 and slowest_ms <= LONGEST_ANSWER_MS
        good = good and all(f"silent {number}" in lines[0] for number in range(SILENT))
        return (
            f"{SILENT} clients that ask for {CATALOGUES} catalogues and do not read",
            (
                f"{len(cut)} cut; slowest {slowest_ms:.0f} ms; {len(lines)} lines; "
                f"{before_mb:.1f} MB, {peak_mb - before_mb:+.1f} at most, then {after_mb:.1f} MB"
            ),
            good and target.is_alive() and not neighbour.off and peak_mb < before_mb + 40,
        )


def large() -> Row:
    """Two clients that send requests of 1 MiB as fast as they can."""
    with Target("ipc") as target, Neighbour(target.local) as neighbour:
        time.sleep(0.5)
        begin, peak_mb = time.monotonic(), 0.0
        with large_senders(target.local, 2):
            while time.monotonic() < begin + LARGE_S:
                peak_mb = max(peak_mb, target.rss_mb())
                time.sleep(0.01)
        slowest_ms = neighbour.slowest_ms(begin)
        return (
            "2 clients with requests of 1 MiB",
            f"{peak_mb:.1f} MB at most; slowest {slowest_ms:.0f} ms",
            target.is_alive() and not neighbour.off and peak_mb < 150,
        )


def rows() -> list[Row]:
    """Try everything.

    Returns:
        What was tried, what came of it, and whether that is as it should be.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the other ends are here
    try:
        return [
            crowd(64, 150),
            crowd(1024, 1400),
            come_and_go(3000, b""),
            come_and_go(2000, GREETING),
            silent(),
            large(),
        ]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
