"""Ten thousand byte strings with a fixed seed into each parser; memory bounded by the input."""

from __future__ import annotations

import random
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from tests.fuzz.seeds import NASTY, SEEDS
from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

each_target = pytest.mark.parametrize("name", TARGETS)

STRINGS = 10_000
SEED = 5
BYTES_PER_BYTE = 300
"""A small integer becomes an object; a text of one letter, a bool in a tuple and so on as well."""

AT_REST = 256 * 1024
"""Whatever the input: sentences, tracebacks, caches."""


def inputs(name: str, count: int) -> Iterator[bytes]:
    """Half of them anything, half of them good ones with some damage."""
    chance = random.Random(f"{SEED} {name}")  # noqa: S311
    for number in range(count):
        if number % 2:
            yield chance.randbytes(chance.randrange(200))
            continue
        damaged = bytearray(chance.choice(SEEDS[name]))
        for _ in range(chance.randrange(4)):
            at = chance.randrange(len(damaged) + 1)
            which = chance.randrange(4)
            if which == 0:
                damaged[at:at] = chance.randbytes(chance.randrange(1, 9))
            elif which == 1:
                del damaged[at : at + chance.randrange(1, 9)]
            elif damaged:
                damaged[min(at, len(damaged) - 1)] = chance.randrange(256)
            else:
                damaged += b"\x00"
        yield bytes(damaged)


@each_target
def test_ten_thousand_strings(name: str) -> None:
    target = TARGETS[name]
    for data in (*SEEDS[name], *inputs(name, STRINGS)):
        try:
            target(data)
        except BaseException as error:
            error.add_note(f"{name} was given {data.hex()}")
            raise


def peak(target: Callable[[bytes], None], data: bytes) -> int:
    """Measure what a parser allocates on top of what there is."""
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    target(data)
    return tracemalloc.get_traced_memory()[1] - before


@each_target
def test_memory_is_bounded_by_the_input(name: str) -> None:
    target = TARGETS[name]
    for data in (*SEEDS[name], *NASTY):
        target(data)  # imports and caches
    tracemalloc.start()
    try:
        for data in (*inputs(name, 500), *NASTY, *(b"\x00\x00" + each for each in NASTY)):
            used = peak(target, data)
            limit = AT_REST + BYTES_PER_BYTE * len(data)
            assert used <= limit, f"{used} bytes for {len(data)}: {data[:40].hex()}…"
    finally:
        tracemalloc.stop()
