"""The digital lines of Linux, through gpiod 2: those of the SoC and of expanders the kernel drives.

1. A controller is found by what it is (``gpio_controllers``), never by its number.
2. A line is claimed at its first use and kept; changing its direction reconfigures the claim and
   never lets go between.
3. Letting go does not make an output safe: the driver of an actuator brings it to its safe level
   first.

On 3: drivers/gpio/gpio-pca953x.c has no hook for a released line, so an expander keeps driving the
last level, and the kernel of Raspberry Pi OS keeps outputs of the SoC as well (pinctrl-bcm2835,
persist_gpio_outputs). A killed bridge leaves its relays as they are.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from wisblock_bridge.buses.gpio import Bias, no_edges
from wisblock_bridge.buses.linux import errno_faults
from wisblock_bridge.buses.linux.gpio_controllers import (
    DEV,
    GPIOD_ERRORS,
    as_os_error,
    find_controller,
)
from wisblock_bridge.buses.linux.gpio_edges import LinuxEdges, skip_edges
from wisblock_bridge.buses.shared_levels import SharedLevels
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import gpiod

    from wisblock_bridge.buses.gpio import EdgeSource
    from wisblock_bridge.buses.shared_levels import LevelReader
    from wisblock_bridge.clock import Clock

# include/uapi/linux/gpio.h, GPIO_MAX_NAME_SIZE, less the closing zero
MAX_CONSUMER_BYTES = 31

_GONE = frozenset({errno.ENODEV, errno.ESHUTDOWN, errno.EBADF})
_CLAIM_ATTEMPTS = 3


class LinuxLines:
    """One GPIO controller as the kernel offers it; opened at first use, found again after a loss.

    Args:
        labels: The labels it may have, the best first.
        name: What people call it; when not given, the label it was found by.
        i2c_parent: I2C bus number and address of the expander behind it, if it is one.
        has_edges: True for the lines of the SoC. False for an expander without interrupt: its
            inputs are polled, no pull resistors are requested, and its free lines can be read
            without disturbing anybody.
        consumer: What other programs see as the holder of the lines; cut to 31 bytes.
        dev: Where the device files are.
        sysfs: Where sysfs is mounted.
        clock: Time of the changes that are seen; the computer's own if none is given.
    """

    def __init__(
        self,
        labels: Sequence[str],
        name: str | None = None,
        *,
        i2c_parent: tuple[int, int] | None = None,
        has_edges: bool,
        consumer: str | None = None,
        dev: Path = DEV,
        sysfs: Path = errno_faults.SYSFS,
        clock: Clock | None = None,
    ) -> None:
        if not labels:
            raise ValueError("a GPIO controller needs at least one label to be found by")
        self._labels = tuple(labels)
        self._name = name or self._labels[0]
        self._named = name is not None
        self._i2c_parent = i2c_parent
        self._has_edges = has_edges
        consumer = consumer or f"wisblock-bridge {os.getpid()}"
        self._consumer = consumer.encode()[:MAX_CONSUMER_BYTES].decode(errors="ignore")
        self._dev = dev
        self._sysfs = sysfs
        self._lock = threading.RLock()
        self._chip: gpiod.Chip | None = None
        self._path = dev
        self._line_count = 0
        self._requests: dict[int, gpiod.LineRequest] = {}
        self._outputs: set[int] = set()
        self._last_edges: dict[int, int] = {}
        """The kernel's number of the last edge of a held line that was taken or skipped."""
        self._shared_levels = SharedLevels(self._levels_of, clock or SystemClock())

    @property
    def name(self) -> str:
        """What people call the controller."""
        return self._name

    @property
    def line_count(self) -> int:
        """Number of lines.

        Raises:
            BusError: The controller was never open and cannot be opened now.
        """
        with self._lock:
            if not self._line_count:
                self._opened()
            return self._line_count

    @property
    def has_edges(self) -> bool:
        """Whether the kernel reports level changes."""
        return self._has_edges

    @property
    def path(self) -> Path:
        """The device file, where it was found last.

        Raises:
            BusError: The controller cannot be opened.
        """
        with self._lock:
            self._opened()
            return self._path

    def level(self, offset: int) -> int:
        """Read the level at the pin, as ``LineController.level`` says.

        A line that the bridge does not hold yet is claimed as it is, direction and level unchanged,
        and kept: to give a line of the SoC back may change what the pin does (the BCM2711 makes a
        freed pin that is no output an input, whatever it was before).

        Args:
            offset: Line, 0...line_count-1.

        Returns:
            0 or 1.

        Raises:
            BusError: The controller did not answer, or somebody else holds the line; the holder is
                named.
        """
        with self._lock, self._line(offset):
            request = self._requests.get(offset) or self._claim(offset, self._settings())
            return _bit(request.get_value(offset))

    def levels(self) -> int:
        """Read all pins that may be read.

        Lines the bridge holds are always read. Free lines are read on an expander, all in one go,
        and left free; free lines of the SoC are not, since claiming a pin and giving it back takes
        it away from the I2C, SPI or UART it serves. Lines of other holders cannot be read at all;
        ``held_elsewhere`` names them.

        Returns:
            Bit n is the level of line n; 0 for lines that may not be read.

        Raises:
            BusError: The controller did not answer.
        """
        with self._lock:
            self._opened()
            return self._levels_of((1 << self._line_count) - 1)

    def directions(self) -> int:
        """Return which lines are outputs, held by any program.

        Returns:
            Bit n is 1 when line n is an output.

        Raises:
            BusError: The controller has gone.
        """
        import gpiod  # noqa: PLC0415  (rule 3 of the package: import time)

        return sum(
            1 << info.offset
            for info in self._infos()
            if info.direction is gpiod.line.Direction.OUTPUT
        )

    def outputs_lost(self, mask: int) -> int:  # noqa: ARG002
        """Return 0: the kernel answers from its own copy of an expander's registers."""
        return 0

    def held_elsewhere(self) -> dict[int, str]:
        """Return which lines other programs or drivers of the kernel hold.

        Returns:
            Line to holder; the holder is empty when it gave no name.

        Raises:
            BusError: The controller has gone.
        """
        return {
            info.offset: info.consumer or ""  # None for a nameless holder, whatever its type says
            for info in self._infos()
            if info.used and info.offset not in self._requests
        }

    def make_output(self, offset: int, level: int) -> None:
        """Drive a line, as ``LineController.make_output`` says; the kernel sets the latch first.

        Args:
            offset: Line, 0...line_count-1.
            level: 0 or 1.

        Raises:
            BusError: The controller did not answer, or somebody else holds the line; the holder is
                named.
        """
        settings = self._settings(level=level)
        with self._lock, self._line(offset):
            self._configure(offset, settings)
            self._outputs.add(offset)

    def make_input(self, offset: int, bias: Bias = Bias.NONE) -> None:
        """Stop driving a line and listen to it, as ``LineController.make_input`` says.

        Args:
            offset: Line, 0...line_count-1.
            bias: Pull resistor wanted; not asked for on an expander, whose pull-ups are fixed.

        Raises:
            BusError: The controller did not answer, or somebody else holds the line; the holder is
                named.
        """
        with self._lock, self._line(offset):
            self._configure(offset, self._settings(bias=bias))
            self._outputs.discard(offset)

    def edges(self, offset: int, bias: Bias = Bias.NONE, debounce_ms: float = 0.0) -> EdgeSource:
        """Make a line an input whose changes are reported, as ``LineController.edges`` says.

        Args:
            offset: Line, 0...line_count-1.
            bias: Pull resistor wanted.
            debounce_ms: Changes that last less than this are not reported.

        Returns:
            The changes from now on.

        Raises:
            BusError: This controller has no interrupt, did not answer, or somebody else holds the
                line.
        """
        if not self._has_edges:
            raise no_edges(self._name)
        settings = self._settings(bias=bias)
        import gpiod  # noqa: PLC0415  (rule 3 of the package: import time)

        settings.edge_detection = gpiod.line.Edge.BOTH
        settings.event_clock = gpiod.line.Clock.REALTIME
        settings.debounce_period = timedelta(milliseconds=debounce_ms)
        with self._lock, self._line(offset):
            former = self._requests.get(offset)
            if former is not None:  # which goes on counting, and keeps what nobody took
                skipped = skip_edges(former)
                self._last_edges[offset] = max(skipped, self._last_edges.get(offset, 0))
            self._configure(offset, settings)
            self._outputs.discard(offset)
            request, last = self._requests[offset], self._last_edges.get(offset, 0)

        def closed(last_number: int) -> None:
            if self._requests.get(offset) is request:
                self._last_edges[offset] = last_number
            self.make_input(offset, bias)

        return LinuxEdges(request, offset, self._name, closed, last)

    def watch(self, mask: int) -> LevelReader:
        """Look at some lines, as ``LineController.watch`` says.

        The kernel reads an expander once for each line that the bridge holds, and once for all
        those that it does not.

        Args:
            mask: Bit n is 1 for each line n.

        Returns:
            What tells their changes.

        Raises:
            BusError: The controller did not answer.
        """
        return self._shared_levels.join(mask)

    def write(self, offset: int, level: int) -> None:
        """Change the level of an output, as ``LineController.write`` says.

        On an expander the whole configuration is sent again: the kernel's plain "set value" of
        gpio-pca953x cannot report a failure up to Linux 6.14, so that a relay command lost on the
        bus would pass for done; and an expander that was without power for a moment has forgotten
        that the line is an output.

        Args:
            offset: Line, 0...line_count-1.
            level: 0 or 1.

        Raises:
            BusError: The line is an input, the controller did not answer, or somebody else holds
                the line.
        """
        settings = self._settings(level=level)
        with self._lock, self._line(offset):
            if not self._is_output(offset):
                raise BusError(
                    BusFault.UNSUPPORTED,
                    "The line is an input and was not changed.",
                    hint="Make it an output first.",
                    where=f"line {offset} of {self._name}",
                )
            request = self._requests.get(offset)
            if request is not None and self._has_edges:
                request.set_value(offset, settings.output_value)
            else:
                self._configure(offset, settings)
                self._outputs.add(offset)

    def let_go(self, offset: int) -> None:
        """Return a line to the operating system; an output may keep its level (rule 3).

        Args:
            offset: Line, 0...line_count-1; nothing happens when the bridge does not hold it.
        """
        with self._lock:
            self._outputs.discard(offset)
            request = self._requests.pop(offset, None)
            if request is not None:
                _release_quietly(request)

    def close(self) -> None:
        """Let go of every line and the controller; closing twice is allowed, later use reopens."""
        with self._lock:
            self._outputs.clear()
            self._drop()

    def _infos(self) -> tuple[gpiod.LineInfo, ...]:
        with self._lock:
            chip = self._opened()
            infos = []
            for offset in range(self._line_count):
                with self._line(offset):
                    infos.append(chip.get_line_info(offset))
            return tuple(infos)

    def _opened(self) -> gpiod.Chip:
        if self._chip is not None:
            return self._chip
        import gpiod  # noqa: PLC0415  (rule 3 of the package: import time)

        path = find_controller(self._labels, self._i2c_parent, dev=self._dev, sysfs=self._sysfs)
        if path is None:
            labels = " or ".join(self._labels)
            raise BusError(
                BusFault.MISSING,
                f"There is no GPIO controller with the label {labels}.",
                hint=errno_faults.GPIO_CHIP.absent.format(path="/dev/gpiochip0"),
                where=self._name,
            )
        try:
            chip = gpiod.Chip(str(path))
            info = chip.get_info()
        except GPIOD_ERRORS as error:
            cause = as_os_error(error)
            raise errno_faults.opening(cause, path, errno_faults.GPIO_CHIP) from error
        self._chip, self._path, self._line_count = chip, path, info.num_lines
        if not self._named:
            self._name = info.label
        return chip

    def _settings(
        self, *, level: int | None = None, bias: Bias | None = None
    ) -> gpiod.LineSettings:
        """Make an output (level given), an input (bias given), or a line as it is."""
        import gpiod  # noqa: PLC0415  (rule 3 of the package: import time)

        direction = gpiod.line.Direction
        if level is not None:
            return gpiod.LineSettings(direction=direction.OUTPUT, output_value=_value(level))
        if bias is None:
            return gpiod.LineSettings(direction=direction.AS_IS)
        biases = {
            Bias.NONE: gpiod.line.Bias.AS_IS,
            Bias.UP: gpiod.line.Bias.PULL_UP,
            Bias.DOWN: gpiod.line.Bias.PULL_DOWN,
        }
        wanted = biases[bias] if self._has_edges else gpiod.line.Bias.AS_IS
        return gpiod.LineSettings(direction=direction.INPUT, bias=wanted)

    def _configure(self, offset: int, settings: gpiod.LineSettings) -> None:
        request = self._requests.get(offset)
        if request is None:
            self._claim(offset, settings)
        else:
            request.reconfigure_lines({offset: settings})

    def _claim(self, offset: int, settings: gpiod.LineSettings) -> gpiod.LineRequest:
        request = self._opened().request_lines({offset: settings}, consumer=self._consumer)
        self._requests[offset] = request
        self._last_edges.pop(offset, None)  # a new claim counts from 1
        return request

    def _is_output(self, offset: int) -> bool:
        import gpiod  # noqa: PLC0415  (rule 3 of the package: import time)

        if offset in self._outputs:
            return True
        info = self._opened().get_line_info(offset)
        return info.direction is gpiod.line.Direction.OUTPUT

    def _levels_of(self, mask: int) -> int:
        """Read those lines of a mask that may be read."""
        with self._lock:
            self._opened()
            levels = held = 0
            for offset, request in tuple(self._requests.items()):
                held |= 1 << offset
                if mask >> offset & 1:
                    with self._line(offset):
                        levels |= _bit(request.get_value(offset)) << offset
            if mask & ~held and not self._has_edges:
                levels |= self._free_levels() & mask
            return levels

    def _free_levels(self) -> int:
        for _ in range(_CLAIM_ATTEMPTS):
            free = tuple(info.offset for info in self._infos() if not info.used)
            if not free:
                return 0
            try:
                with self._opened().request_lines(
                    {free: self._settings()}, consumer=self._consumer
                ) as request:
                    values = request.get_values(free)
            except GPIOD_ERRORS as error:
                if (
                    as_os_error(error).errno == errno.EBUSY
                ):  # somebody claimed one of them in between
                    continue
                with self._line(free[0]):
                    raise
            return sum(_bit(value) << offset for offset, value in zip(free, values, strict=True))
        raise BusError(
            BusFault.IO,
            "The lines were claimed and given back faster than they could be read.",
            hint="Another program is busy with this controller; `gpioinfo` shows who.",
            where=self._name,
        )

    @contextmanager
    def _line(self, offset: int) -> Iterator[None]:
        """Open the controller, and turn what gpiod raises about a line into a ``BusError``."""
        self._opened()
        if not 0 <= offset < self._line_count:
            raise ValueError(f"{self._name} has no line {offset}")
        try:
            yield
        except GPIOD_ERRORS as error:
            cause = as_os_error(error)
            holder = self._holder(offset) if cause.errno == errno.EBUSY else None
            if cause.errno in _GONE:
                self._drop()
            raise errno_faults.gpio_line(cause, offset, self._name, holder) from error

    def _holder(self, offset: int) -> str | None:
        try:
            return self._opened().get_line_info(offset).consumer or None
        except GPIOD_ERRORS:
            return None

    def _drop(self) -> None:
        """Forget the device and all claims; which lines are outputs stays known for its return."""
        requests, self._requests = self._requests, {}
        for request in requests.values():
            _release_quietly(request)
        chip, self._chip = self._chip, None
        if chip is not None:
            chip.close()


def _value(level: int) -> gpiod.line.Value:
    import gpiod  # noqa: PLC0415  (rule 3 of the package: import time)

    if level not in (0, 1):
        raise ValueError(f"a level is 0 or 1, not {level!r}")
    return gpiod.line.Value.ACTIVE if level else gpiod.line.Value.INACTIVE


def _bit(value: gpiod.line.Value) -> int:
    # By its number: before gpiod 2.2 both values count as true.
    return int(value.value)


def _release_quietly(request: gpiod.LineRequest) -> None:
    try:
        request.release()
    except GPIOD_ERRORS:
        return  # the device has gone, and the claim with it
