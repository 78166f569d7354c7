"""The kernel's side of /dev/gpiochipN, with any line controller of the project below it.

1. It does what drivers/gpio/gpiolib-cdev.c does with each ioctl of version 2: exclusive claims,
   as-is requests, EPERM for setting an input, ENXIO for edges without an interrupt.
2. It records every action with its line, in order, so that a test can tell a reconfigured claim
   from a new one.
"""

from __future__ import annotations

import errno
import itertools
import struct
import threading
import time
from dataclasses import dataclass, field
from enum import IntFlag
from typing import TYPE_CHECKING, TypeVar

from tests.preload.i2c_device import ERRNO_OF, Failures

from wisblock_bridge.buses.gpio import Bias
from wisblock_bridge.errors import BusError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wisblock_bridge.buses.gpio import LineController

T = TypeVar("T")

# include/uapi/linux/gpio.h: number and size of each structure's parts, 64-bit
GET_CHIPINFO, GET_LINEINFO, GET_LINE = 0x8044B401, 0xC100B405, 0xC250B407
SET_CONFIG, GET_VALUES, SET_VALUES = 0xC110B40D, 0xC010B40E, 0xC010B40F
NAME_SIZE, MAX_LINES, MAX_ATTRIBUTES = 32, 64, 10
CONFIG_SIZE, CONFIG_OFFSET = 272, 288
ATTRIBUTE_FLAGS, ATTRIBUTE_VALUES = 1, 2


class Flag(IntFlag):
    """GPIO_V2_LINE_FLAG_*."""

    USED = 1 << 0
    INPUT = 1 << 2
    OUTPUT = 1 << 3
    EDGE_RISING = 1 << 4
    EDGE_FALLING = 1 << 5
    PULL_UP = 1 << 8
    PULL_DOWN = 1 << 9


EDGES = Flag.EDGE_RISING | Flag.EDGE_FALLING
PULLS = Flag.PULL_UP | Flag.PULL_DOWN


@dataclass(frozen=True)
class Action:
    """Something done to a line: claim, output, input, set or release."""

    what: str
    offset: int
    level: int | None = None


@dataclass
class Claim:
    """Lines claimed by one request."""

    offsets: tuple[int, ...]
    flags: list[int]
    send_event: Callable[[bytes], None] | None = None
    attached: bool = False
    sequence: itertools.count[int] = field(default_factory=lambda: itertools.count(1))


class Chip:
    """A GPIO chip.

    Args:
        label: Its label.
        lines: What drives the lines.
        held: Lines that somebody else holds, with the holder's name.
        keeps_outputs: Whether a released output stays one (an expander; the SoC with Raspberry Pi
            OS).
    """

    def __init__(
        self,
        label: str,
        lines: LineController,
        held: Mapping[int, str] | None = None,
        *,
        keeps_outputs: bool = True,
    ) -> None:
        self.label = label
        self.lines = lines
        self.holders = dict(held or {})
        self.keeps_outputs = keeps_outputs
        self.number = 0
        self.failures = Failures()
        self.history: list[Action] = []
        self.biases: dict[int, Bias] = {}
        self.claims: dict[int, Claim] = {}
        self.lock = threading.RLock()
        self.on_release: Callable[[], None] = lambda: None

    def open(self) -> ChipFile:
        """Open the device file."""
        return ChipFile(self)

    def actions(self, offset: int) -> list[tuple[str, int | None]]:
        """Tell what was done to one line."""
        return [(each.what, each.level) for each in self.history if each.offset == offset]

    def report_edge(self, offset: int, level: int) -> None:
        """Tell whoever waits for edges that a level has changed."""
        wanted = Flag.EDGE_RISING if level else Flag.EDGE_FALLING
        with self.lock:
            for claim in self.claims.values():
                if offset not in claim.offsets or claim.send_event is None:
                    continue
                if claim.flags[claim.offsets.index(offset)] & wanted:
                    number = next(claim.sequence)
                    head = (time.monotonic_ns(), 1 if level else 2, offset, number, number)
                    claim.send_event(struct.pack("<QIIII24x", *head))

    def configure(self, offset: int, flags: int, level: int) -> None:
        """Bring one line into a direction; without a direction it stays as it is."""
        if flags & EDGES and not self.lines.has_edges:
            raise OSError(errno.ENXIO, "no interrupt for that line")
        if flags & Flag.OUTPUT:
            self.history.append(Action("output", offset, level))
            self._talk(lambda: self.lines.make_output(offset, level))
        elif flags & Flag.INPUT:
            bias = {0: Bias.NONE, Flag.PULL_UP: Bias.UP, Flag.PULL_DOWN: Bias.DOWN}[flags & PULLS]
            self.biases[offset] = bias
            self.history.append(Action("input", offset))
            self._talk(lambda: self.lines.make_input(offset, bias))

    def set(self, offset: int, level: int) -> None:
        """Set the level of an output."""
        if not self.lines.directions() >> offset & 1:
            raise OSError(errno.EPERM, "setting an input")
        self.history.append(Action("set", offset, level))
        self._talk(lambda: self.lines.write(offset, level))

    def get(self, offsets: list[int]) -> list[int]:
        """Read several lines: all of them in one go when there is more than one."""
        if len(offsets) == 1:
            return [self._talk(lambda: self.lines.level(offsets[0]))]
        levels = self._talk(self.lines.levels)
        return [levels >> offset & 1 for offset in offsets]

    def release(self, token: int) -> None:
        """Take a claim back."""
        with self.lock:
            claim = self.claims.pop(token, None)
            for offset in claim.offsets if claim else ():
                self.holders.pop(offset, None)
                self.history.append(Action("release", offset))
                if not self.keeps_outputs:
                    self.lines.make_input(offset)
        self.on_release()

    def _talk(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except BusError as error:
            raise OSError(ERRNO_OF[error.fault], str(error)) from error


class ChipFile:
    """One opening of the device file."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        self._newest = 0

    def ioctl_number(self, _request: int, _argument: int) -> tuple[int, bytes]:
        """Refuse: no ioctl of a chip is of this form."""
        raise OSError(errno.ENOTTY, "no such ioctl")

    def ioctl_struct(self, request: int, data: bytes) -> tuple[int, bytes]:
        """Answer one ioctl of the chip."""
        chip = self._chip
        with chip.lock:
            if request == GET_CHIPINFO:
                name = f"gpiochip{chip.number}".encode()
                return 0, struct.pack("<32s32sI", name, chip.label.encode(), chip.lines.line_count)
            if request == GET_LINEINFO:
                return 0, self._line_info(data)
            if request == GET_LINE:
                chip.failures.next()
                self._newest = self._claim(data)
                return self._newest, b""
        raise OSError(errno.ENOTTY, "no such ioctl")

    def i2c_rdwr(self, _count: int, _data: bytes) -> tuple[int, bytes]:
        """Refuse: this is no I2C adapter."""
        raise OSError(errno.ENOTTY, "no such ioctl")

    def close(self) -> None:
        """Leave claims alone, but for one whose program died before it had its descriptor."""
        with self._chip.lock:
            claim = self._chip.claims.get(self._newest)
            if claim is not None and not claim.attached:
                self._chip.release(self._newest)

    def _line_info(self, data: bytes) -> bytes:
        chip = self._chip
        (offset,) = struct.unpack_from("<I", data, 2 * NAME_SIZE)
        if offset >= chip.lines.line_count:
            raise OSError(errno.EINVAL, "no such line")
        flags = Flag.OUTPUT if chip.lines.directions() >> offset & 1 else Flag.INPUT
        if offset in chip.holders:
            flags |= Flag.USED
        consumer = chip.holders.get(offset, "").encode()
        return struct.pack("<32s32sIIQ", b"", consumer, offset, 0, flags) + bytes(176)

    def _claim(self, data: bytes) -> int:
        chip = self._chip
        all_offsets = struct.unpack_from(f"<{MAX_LINES}I", data)
        (count,) = struct.unpack_from("<I", data, CONFIG_OFFSET + CONFIG_SIZE)
        consumer = data[256 : 256 + NAME_SIZE].split(b"\0")[0].decode()
        offsets = all_offsets[:count]
        if not 1 <= count <= MAX_LINES or any(each >= chip.lines.line_count for each in offsets):
            raise OSError(errno.EINVAL, "no such line")
        if any(offset in chip.holders for offset in offsets):
            raise OSError(errno.EBUSY, "held")
        config = data[CONFIG_OFFSET : CONFIG_OFFSET + CONFIG_SIZE]
        flags = [unpack_config(config, index)[0] for index in range(count)]
        for index, offset in enumerate(offsets):
            chip.history.append(Action("claim", offset))
            chip.configure(offset, *unpack_config(config, index))
        token = next(_tokens)
        chip.claims[token] = Claim(offsets, flags)
        chip.holders |= dict.fromkeys(offsets, consumer or "?")
        return token


class ClaimFile:
    """The descriptor of claimed lines."""

    def __init__(self, chip: Chip, token: int) -> None:
        self._chip = chip
        self._token = token

    def ioctl_number(self, _request: int, _argument: int) -> tuple[int, bytes]:
        """Refuse: no ioctl of a claim is of this form."""
        raise OSError(errno.EINVAL, "no such ioctl")

    def ioctl_struct(self, request: int, data: bytes) -> tuple[int, bytes]:
        """Answer one ioctl of the claim."""
        chip = self._chip
        with chip.lock:
            claim = chip.claims.get(self._token)
            if claim is None:
                raise OSError(errno.ENODEV, "the chip has gone")
            chip.failures.next()
            if request == SET_CONFIG:
                for index, offset in enumerate(claim.offsets):
                    flags, level = unpack_config(data, index)
                    chip.configure(offset, flags, level)
                    claim.flags[index] = flags
                return 0, data
            if request not in {GET_VALUES, SET_VALUES}:
                raise OSError(errno.EINVAL, "no such ioctl")
            bits, mask = struct.unpack("<QQ", data)
            chosen = [index for index in range(len(claim.offsets)) if mask >> index & 1]
            if request == SET_VALUES:
                for index in chosen:
                    chip.set(claim.offsets[index], bits >> index & 1)
                return 0, data
            values = chip.get([claim.offsets[index] for index in chosen])
            bits = sum(value << index for index, value in zip(chosen, values, strict=True))
            return 0, struct.pack("<QQ", bits, mask)

    def i2c_rdwr(self, _count: int, _data: bytes) -> tuple[int, bytes]:
        """Refuse: this is no I2C adapter."""
        raise OSError(errno.ENOTTY, "no such ioctl")

    def close(self) -> None:
        """Give the lines back, as the kernel does for a closed file or a dead process."""
        self._chip.release(self._token)


_tokens = itertools.count(1)


def unpack_config(config: bytes, index: int) -> tuple[int, int]:
    """Find flags and output level of the line at ``index`` in a struct gpio_v2_line_config."""
    flags, count = struct.unpack_from("<QI", config)
    level = 0
    found: set[int] = set()
    for attribute in range(min(count, MAX_ATTRIBUTES)):
        kind, value, mask = struct.unpack_from("<I4xQQ", config, 32 + 24 * attribute)
        if not mask >> index & 1 or kind in found:
            continue
        found.add(kind)
        if kind == ATTRIBUTE_FLAGS:
            flags = value
        elif kind == ATTRIBUTE_VALUES:
            level = value >> index & 1
    return flags, level
