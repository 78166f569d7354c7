"""The comparison of descriptors: one too many of a kind is enough, whatever else was closed."""

from __future__ import annotations

import os
import socket
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each
from tests.preload.device_server import CLAIM, EVENTS
from tests.soak.descriptors import leaked, named, of_process, sockets_of

if TYPE_CHECKING:
    from pathlib import Path

REST = Counter(
    {"pipe": 3, "anon_inode:[eventfd]": 5, "unix stream bridge.sock": 2, "/dev/i2c-1": 1}
)
TABLE = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 4711 /run/wb-x/bridge.sock
0000000000000000: 00000003 00000000 00000000 0001 03 4712 /run/wb-x/bridge.sock
0000000000000000: 00000003 00000000 00000000 0005 03 4713
0000000000000000: 00000002 00000000 00000000 0002 01 4714 @name
"""


@for_each(
    "what", [*REST, "terminal", "/dev/spidev0.0", "/dev/gpiochip1", "unix seqpacket", "/etc/passwd"]
)
def test_one_more_of_a_kind_is_a_leak(what: str) -> None:
    now = REST.copy()
    now[what] += 2 if what.startswith("/dev/") and what not in REST else 1
    now["pipe"] -= what != "pipe"  # one fewer of another kind hides nothing
    assert leaked(REST, now) == {what: 1}


def test_a_rest_like_the_first_is_none() -> None:
    assert leaked(REST, REST) == {}
    assert leaked(REST, REST - Counter({"pipe": 1})) == {}


@pytest.mark.parametrize("what", ["/dev/gpiochip2", "connection of /dev/spidev0.1"])
def test_a_device_file_that_stays_open_is_open_once(what: str) -> None:
    assert leaked(REST, REST + Counter({what: 1})) == {}
    assert leaked(REST, REST + Counter({what: 2})) == {what: 1}
    assert leaked(REST + Counter({what: 2}), REST + Counter({what: 2})) == {what: 1}


@for_each(
    ("link", "name"),
    [
        ("socket:[4711]", "unix stream bridge.sock"),
        ("socket:[4712]", "unix stream bridge.sock"),
        ("socket:[4713]", "unix seqpacket"),
        ("socket:[4714]", "unix datagram @name"),
        ("socket:[99]", "socket of another family"),
        ("pipe:[123]", "pipe"),
        ("anon_inode:[eventfd]", "anon_inode:[eventfd]"),
        ("/dev/pts/7", "terminal"),
        ("/dev/pts/7 (deleted)", "terminal that was pulled out"),
        ("/run/wb-x/world/dev/i2c-1", "/dev/i2c-1"),
        ("/run/wb-x/log", "/log"),
    ],
)
def test_names(link: str, name: str) -> None:
    assert named(link, sockets_of(TABLE), "/run/wb-x") == name


def test_what_a_process_opens_is_seen_by_its_kind(tmp_path: Path) -> None:
    before = of_process(os.getpid(), tmp_path, {})
    opened = [*os.pipe(), os.eventfd(0), os.open(tmp_path, os.O_RDONLY)]
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        assert leaked(before, of_process(os.getpid(), tmp_path, {})) == {
            "pipe": 2, "anon_inode:[eventfd]": 1, "": 1, "unix stream": 2,
        }  # fmt: skip
    finally:
        for each in opened:
            os.close(each)
        for end in ends:
            end.close()
    assert leaked(before, of_process(os.getpid(), tmp_path, {})) == {}


def test_connections_are_what_the_device_server_says(tmp_path: Path) -> None:
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        known = {CLAIM: 1, "/dev/i2c-1": 1}
        assert of_process(os.getpid(), tmp_path, known)["connection of /dev/i2c-1"] == 1
        assert "unix seqpacket" not in of_process(os.getpid(), tmp_path, known)
        assert of_process(os.getpid(), tmp_path, {EVENTS: 1})["unix seqpacket"] == 1
    finally:
        for end in ends:
            end.close()
