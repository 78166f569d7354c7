"""The master of a Modbus RTU line: one request, one reply, one after the other.

1. Nobody else sends on the line while a request runs; whoever uses the master is one thread.
2. What a unit refuses is not asked again; what was lost or damaged is, as often as was wished.
3. A reply that comes too late is never taken for the reply to another request.

On 3: a reply to a read names neither request nor address. So after a read without reply, a read of
as many from the same unit at another address waits until the late reply has come, or until as much
time has passed again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError, BusError, BusFault, ChecksumError
from wisblock_bridge.modules.modbus import frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.uart import LineSettings, SerialPort
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.modules.modbus.frames import Reply, Request

BETWEEN_FRAMES_S = 0.00175
"""Shortest silence between two frames above 19200 baud; 3.5 characters below (MODBUS over Serial
Line 1.02, 2.5.1.1)."""

AFTER_BROADCAST_S = 0.1
"""Time that all units get to carry out a broadcast (2.4.1: 100 to 200 ms)."""

BROKEN_OFF_S = 0.1
"""Silence within a reply after which the rest is given up. The specification says 1.5 characters,
but an adapter on USB hands characters over in lumps, up to some 20 ms apart."""

LONGEST_LATE_S = 2.0
"""A late reply is waited for no longer than this."""

STRAY = 4096
"""Most that is taken off the line at once before a request."""

MOST_CHATTER = 1024
"""A line on which so much comes in place of a reply is not listened to any longer."""

WRITE_COIL = 5
"""Function of the request that switches one coil."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A reply that has not come.

    Attributes:
        request: To what.
        until: Clock reading until which it may come, s.
    """

    request: Request
    until: float


class Master:
    """The master of one line.

    Args:
        port: The line's port.
        clock: Time.
        overheard: Called with what came while nothing was asked.
    """

    def __init__(self, port: SerialPort, clock: Clock, overheard: Callable[[bytes], None]) -> None:
        self.hears_itself: bool | None = None
        """Whether what is sent comes back, as with a transceiver that keeps listening; None while
        nobody knows."""
        self.damaged = 0
        """Replies that came damaged, since the start."""
        self.silent = 0
        """Requests without reply, since the start."""
        self._port = port
        self._clock = clock
        self._overheard = overheard
        self._settings: LineSettings | None = None
        self._quiet_since = 0.0
        self._owed: Owed | None = None

    def configure(self, settings: LineSettings) -> None:
        """Set the line, opening the port if need be.

        Args:
            settings: How characters are sent.

        Raises:
            BusError: The port is missing, held, or cannot do that.
        """
        self._port.configure(settings)
        if settings != self._settings:
            self._settings = settings
            self._owed = None
        self._quiet_since = self._clock.monotonic()

    def ask(self, request: Request, timeout_s: float, retries: int) -> Reply:
        """Send a request and wait for the reply.

        Args:
            request: What to ask.
            timeout_s: How long a unit may take to answer, s.
            retries: How often to ask again when the reply is lost or damaged.

        Returns:
            The reply; an empty one to a broadcast.

        Raises:
            BusError: The unit did not answer (``no_acknowledge``), or the port has gone.
            ChecksumError: The reply was damaged or broke off.
            RemoteExceptionError: The unit refused.
        """
        if request.unit == frames.BROADCAST:
            self._send(request.frame)
            self._clock.sleep(AFTER_BROADCAST_S)
            self._port.discard_input()
            return frames.Reply()
        doubtful = self._await_owed(request)
        if request.echoes and self.hears_itself is None:
            self._find_out(request, timeout_s)
        for attempt in range(retries + 1):
            try:
                frame = self._exchange(request, timeout_s)
            except (BusError, ChecksumError) as error:
                silent = isinstance(error, BusError)
                gone = isinstance(error, BusError) and error.fault is not BusFault.NO_ACKNOWLEDGE
                if gone or attempt == retries:
                    raise
                doubtful = doubtful or silent
            else:
                self._settle(request, timeout_s, doubtful=doubtful)
                return frames.parse(frame, request)
        raise AssertionError(retries)  # the loop ends by return or raise

    def transceive(self, data: bytes, expect: int | None, timeout_s: float) -> bytes:
        """Send any bytes and take what comes back.

        Args:
            data: What to send.
            expect: How many bytes the answer has; None to take what comes until it is quiet.
            timeout_s: How long to wait for the answer, or for its first byte, s.

        Returns:
            The answer, without an echo of what was sent.

        Raises:
            BusError: The port has gone, or nothing came although an answer was expected.
            ChecksumError: Fewer bytes came than expected.
        """
        self._send(data)
        echo = len(data) if self.hears_itself else 0
        if expect is None:
            found = self._port.read(1 + echo, timeout_s)
            while more := self._port.read(STRAY, self._gap_s()) if found else b"":
                found += more
        else:
            found = self._port.read(expect + echo, timeout_s)
        self._quiet_since = self._clock.monotonic()
        if echo and found.startswith(data):
            found = found[echo:]
        if expect and not found:
            raise self._silence("Nothing came back", timeout_s)
        if expect and len(found) < expect:
            raise ChecksumError(
                f"{len(found)} of {expect} bytes came back: {found.hex(' ')}.",
                hint="The answer broke off, or it is shorter than expected.",
                where=self._port.name,
            )
        return found

    def take(self, gap_s: float) -> bytes:
        """Take what has come while nothing was asked, up to the first silence.

        Args:
            gap_s: Silence that ends it, s.

        Returns:
            What came, perhaps nothing.

        Raises:
            BusError: The port has gone.
        """
        found = self._port.read(STRAY, 0)
        while found and len(found) < STRAY:
            more = self._port.read(STRAY - len(found), gap_s)
            if not more:
                break
            found += more
        if found:
            self._quiet_since = self._clock.monotonic()
        return found

    # -- one request ------------------------------------------------------------------------------

    def _exchange(self, request: Request, timeout_s: float) -> bytes:
        self._send(request.frame)
        end = self._clock.monotonic() + timeout_s
        data, found = b"", frames.Search()
        while len(data) < MOST_CHATTER:
            begun = found.expected or found.damaged
            wait_s = self._gap_s() if begun else end - self._clock.monotonic()
            more = self._port.read(found.missing, max(0.0, wait_s))
            if not more:
                break
            data += more
            found = frames.search(self._without_echo(data, request), request)
            if found.frame:
                break
        self._quiet_since = self._clock.monotonic()
        if found.frame:
            return found.frame
        raise self._nothing(request, data, found, timeout_s)

    def _without_echo(self, data: bytes, request: Request) -> bytes:
        frame = request.frame
        if not request.echoes:
            if data.startswith(frame):
                self.hears_itself = True
            elif self.hears_itself is None and not frame.startswith(data):
                self.hears_itself = False
        if not self.hears_itself:
            return data
        if data.startswith(frame):
            return data[len(frame) :]
        return b"" if frame.startswith(data) else data

    def _nothing(
        self, request: Request, data: bytes, found: frames.Search, timeout_s: float
    ) -> BridgeError:
        """Say why there is no reply."""
        rest = self._without_echo(data, request)
        if found.damaged or found.expected:
            self.damaged += 1
            place = self._port.name
            hint = (
                "Check the wires, the resistors at the ends of the line, and baud rate and parity; "
                "a second master on the line has the same effect."
            )
            if found.damaged:
                said = f"came damaged: {rest.hex(' ')}"
            else:
                said = f"broke off: {found.expected - found.missing} of {found.expected} bytes"
            return ChecksumError(
                f"The reply of unit {request.unit} {said}.", hint=hint, where=place
            )
        self.silent += 1
        if self.hears_itself is None and not data:
            self.hears_itself = False
        self._owe(request, timeout_s)
        if rest:
            what = f"{len(rest)} bytes came, but no reply of unit {request.unit},"
            return self._silence(what, timeout_s)
        return self._silence(f"Unit {request.unit} did not answer", timeout_s)

    def _silence(self, what: str, timeout_s: float) -> BusError:
        return BusError(
            BusFault.NO_ACKNOWLEDGE,
            f"{what} within {timeout_s * 1000:.0f} ms.",
            hint="Check A and B (swapped?), ground, the unit's supply and address, and baud rate "
            "and parity of the line.",
            where=self._port.name,
        )

    # -- replies that are late --------------------------------------------------------------------

    def _owe(self, request: Request, timeout_s: float) -> None:
        if request.reads:
            late_s = min(timeout_s, LONGEST_LATE_S)
            self._owed = Owed(request, self._clock.monotonic() + late_s)

    def _settle(self, request: Request, timeout_s: float, *, doubtful: bool) -> None:
        """Note what is still owed after a reply: nothing, if it cannot have been an earlier one."""
        if doubtful:
            self._owe(request, timeout_s)
        elif self._owed is not None and self._owed.request.unit == request.unit:
            self._owed = None  # a unit answers in order

    def _await_owed(self, request: Request) -> bool:
        """Let a late reply pass that would be taken for the reply to this request.

        Args:
            request: What is to be asked.

        Returns:
            True when the late reply may pass for the reply: it says the same, a little earlier.
        """
        owed = self._owed
        if owed is None or not owed.request.looks_like(request):
            return False
        if owed.request.address == request.address:
            return self._clock.monotonic() < owed.until
        data, found = b"", frames.Search()
        while not found.frame and (left_s := owed.until - self._clock.monotonic()) > 0:
            data += self._port.read(found.missing, left_s)
            found = frames.search(data, owed.request)
        if data:
            self._quiet_since = self._clock.monotonic()
            self._overheard(data)
        self._owed = None
        return False

    def _find_out(self, request: Request, timeout_s: float) -> None:
        """Find out whether the line echoes, where the reply would look the same as an echo.

        What is to be written is read before, once; reads and their replies differ.
        """
        table: frames.Table = "coils" if request.function == WRITE_COIL else "holding_registers"
        question = frames.read(table, request.unit, request.address, 1)
        self._await_owed(question)
        with suppress(ChecksumError):  # something came, so it is known now
            self._exchange(question, timeout_s)

    def _send(self, data: bytes) -> None:
        settings = self._settings
        assert settings is not None  # noqa: S101  (a module configures before it asks)
        stray = self._port.read(STRAY, 0)
        if stray:
            if self._owed is not None and frames.search(stray, self._owed.request).frame:
                self._owed = None
            self._overheard(stray)
            self._quiet_since = self._clock.monotonic()
        silence_s = max(BETWEEN_FRAMES_S, 3.5 * settings.character_s)
        left_s = self._quiet_since + silence_s - self._clock.monotonic()
        if left_s > 0:
            self._clock.sleep(left_s)
        self._port.write(data)

    def _gap_s(self) -> float:
        assert self._settings is not None  # noqa: S101
        return BROKEN_OFF_S + 20 * self._settings.character_s
