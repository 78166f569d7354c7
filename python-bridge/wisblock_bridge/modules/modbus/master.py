"""The master of a Modbus RTU line: one request, one reply, one after the other.

1. Nobody else sends on the line while a request runs; the master is used by one thread.
2. What a unit refuses is not asked again; what was lost or damaged is, as often as was wished.
3. A reply that comes too late is never taken for the reply to another request (``late``).
4. The master sends what it is asked to send and nothing else: it has no questions of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from wisblock_bridge.errors import (
    BridgeError,
    BusError,
    BusFault,
    ChecksumError,
    RemoteExceptionError,
)
from wisblock_bridge.modules.modbus import frames, replies
from wisblock_bridge.modules.modbus.echo import PACED, QUIET_CHARACTERS, Echo, window_s
from wisblock_bridge.modules.modbus.late import LateReplies

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

STRAY = 4096
"""Most that is taken off the line at once before a request."""

MOST_CHATTER = 1024
"""A line on which so much comes in place of a reply is not listened to any longer."""

EARLY_LOOK = 320
"""Longer than any frame, echo included; in more than this the reply is looked for at the end."""

UNPROVEN = (
    "One copy of the request came back. That is how the unit confirms it, and also how a line that "
    "echoes looks with a silent unit; which of the two is not known yet. A request that reads "
    "tells, or set `echo` with `line`."
)


class Master:
    """The master of one line.

    Args:
        port: The line's port.
        clock: Time.
        overheard: Called with what came while nothing was asked.
    """

    def __init__(self, port: SerialPort, clock: Clock, overheard: Callable[[bytes], None]) -> None:
        self.echo = Echo()
        """Whether what is sent comes back, as with a transceiver that keeps listening."""
        self.late = LateReplies(port, clock)
        """What may still come to earlier requests."""
        self.damaged = 0
        """Replies that came damaged, since the start."""
        self.silent = 0
        """Requests without reply, since the start."""
        self._port = port
        self._clock = clock
        self._overheard = overheard
        self._settings: LineSettings | None = None
        self._quiet_since = 0.0
        self._sending_since = 0.0
        self._paced = False
        self._unproven = b""
        """A write of which nothing but a copy came."""

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
            self.late.forget()
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
            return self._broadcast(request)
        self.late.wait(request.unit, self._strayed)
        doubtful = False
        for attempt in range(retries + 1):
            try:
                frame, note = self._exchange(request, timeout_s)
            except (BusError, ChecksumError, RemoteExceptionError) as error:
                silent = not isinstance(error, ChecksumError)
                if attempt == retries or not _may_be_lost(error, request):
                    raise
                doubtful = doubtful or silent
            else:
                if not doubtful and not note:
                    self.late.settle(request.unit)
                return replace(frames.parse(frame, request), note=note)
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
        self.late.wait(None, self._strayed)
        self._send(data)
        head = self._look_for_echo(data)
        echo = len(data) if self.echo.known else 0
        if expect is None:
            found = head + self._port.read(max(1, 1 + echo - len(head)), timeout_s)
            while more := self._port.read(STRAY, self._gap_s()) if found else b"":
                found += more
        else:
            found = head + self._port.read(max(0, expect + echo - len(head)), timeout_s)
            alike = min(len(found), len(data))
            if self.echo.known is None and found and found[:alike] == data[:alike]:
                # An echo, or a unit that returns what it gets: then there is no more.
                found += self._port.read(len(data), self._gap_s())
                echo = len(data) if len(found) == len(data) + expect else 0
        self._quiet_since = self._clock.monotonic()
        # An adapter hands an echo over late; and for an answer of 0 bytes nobody waited at all.
        silent = not found and expect != 0 and timeout_s >= BROKEN_OFF_S
        if echo and found.startswith(data):
            found = found[echo:]
        elif silent or not found.startswith(data[: len(found)]):
            self.echo.learn(heard=False)
        if expect and not found:
            self.late.owe(None, timeout_s)
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

    def _broadcast(self, request: Request) -> Reply:
        self._send(request.frame)
        self._look_for_echo(request.frame)
        self._clock.sleep(AFTER_BROADCAST_S)
        came = self._port.read(STRAY, 0)
        if came == request.frame:
            self.echo.learn(heard=True)
        elif not came and not self._paced:
            self.echo.learn(heard=False)
        self._quiet_since = self._clock.monotonic()
        return frames.Reply()

    def _exchange(self, request: Request, timeout_s: float) -> tuple[bytes, str]:
        """Send a request once.

        Returns:
            The reply, and what is uncertain about it.
        """
        self._send(request.frame)
        end = self._clock.monotonic() + timeout_s
        data = self._look_for_echo(request.frame)
        self._quiet_since = self._clock.monotonic()
        found = self._search(data, request)
        may_be_late = self.late.expected_of(request.unit)
        while not found.frame and len(data) < MOST_CHATTER:
            if self.echo.stood_alone and self._is_unproven(data, request):
                break
            part = self._is_part_of_echo(data, request)
            missing, begun = found.missing, bool(found.expected or found.damaged or part)
            if len(data) < EARLY_LOOK:
                rest = self._rest(data, request)
                more = replies.begun(rest, request, any_function=not may_be_late)
                if more:
                    missing, begun = min(missing, more), True
            # What has not begun is taken byte by byte: nobody knows how long it will be.
            wait_s = self._gap_s() if begun else end - self._clock.monotonic()
            came = self._port.read(missing if begun else 1, max(0.0, wait_s))
            # The silence before the next request begins here, not when this one is understood.
            self._quiet_since = self._clock.monotonic()
            if not came:
                break
            data += came
            found = self._search(data, request)
        if found.frame:
            copied = self.echo.after(data[: -len(found.frame)], request.frame) is not None
            self.echo.observe_reply(request, copied=copied)
            return found.frame, ""
        if self._is_unproven(data, request):
            if not self.echo.stood_alone:
                self.echo.stood_alone = True
                self.late.owe(request, timeout_s)
            self._unproven = request.frame
            return request.frame, UNPROVEN
        raise self._nothing(request, data, found, timeout_s)

    def _look_for_echo(self, sent: bytes) -> bytes:
        """See what comes before any unit can have begun to answer: that can only be an echo."""
        if not self._paced or self.echo.mode != "auto":
            return b""
        character_s = self._character_s
        came = self._port.read(len(sent), window_s(character_s))
        since_s = self._clock.monotonic() - self._sending_since
        if not came:
            self.echo.learn(heard=False)
        elif came == sent and since_s < (2 * len(sent) + QUIET_CHARACTERS) * character_s:
            self.echo.learn(heard=True)
        return came

    def _search(self, data: bytes, request: Request) -> frames.Search:
        """Look for the reply in what came, with and without an echo before it."""
        behind = self.echo.after(data, request.frame)
        if behind is None:
            if self._is_part_of_echo(data, request):
                return frames.Search(missing=len(request.frame) - len(data))
            return frames.search(data, request)
        found = frames.search(behind, request)
        if not found.frame and self.echo.known is False and request.repeatable:
            return frames.search(data, request)
        return found

    def _is_part_of_echo(self, data: bytes, request: Request) -> bool:
        """Return whether what came is the beginning of an echo, as far as anybody knows."""
        whole = request.frame
        return (
            self.echo.known is not False and 0 < len(data) < len(whole) and whole.startswith(data)
        )

    def _rest(self, data: bytes, request: Request) -> bytes:
        """Leave out the echo."""
        behind = self.echo.after(data, request.frame)
        return data if behind is None else behind

    def _is_unproven(self, data: bytes, request: Request) -> bool:
        """Return whether a copy of a write came that may be its confirmation."""
        return self.echo.known is None and request.repeatable and data.endswith(request.frame)

    def _nothing(
        self, request: Request, data: bytes, found: frames.Search, timeout_s: float
    ) -> BridgeError:
        """Return why there is no reply."""
        rest = self._rest(data, request)
        place = self._port.name
        other = replies.find(rest, request, place)
        if other is not None and other.own:
            if len(rest) == len(data):
                self.echo.learn(heard=False)
            return other.error
        if found.damaged or found.expected:
            self.damaged += 1
            hint = (
                "Check the wires, the resistors at the ends of the line, and baud rate and parity; "
                "a second master on the line has the same effect."
            )
            if found.damaged:
                said = f"came damaged: {rest.hex(' ')}"
            else:
                said = (
                    f"broke off: {found.expected - found.missing} of {found.expected} bytes, "
                    f"{rest.hex(' ')}"
                )
            return ChecksumError(
                f"The reply of unit {request.unit} {said}.",
                hint=hint,
                where=place,
                data={"bytes": rest},
            )
        self.silent += 1
        self.late.owe(request, timeout_s)
        if other is not None:
            return other.error
        if rest:
            self.damaged += 1
            return ChecksumError(
                f"{len(rest)} bytes came, but no reply of unit {request.unit}, within "
                f"{timeout_s * 1000:.0f} ms: {rest.hex(' ')}.",
                hint="Check baud rate and parity of the line, A and B (swapped?), and ground; "
                "noise beside a silent unit, or a second master, has the same effect.",
                where=place,
                data={"bytes": rest},
            )
        if not data:
            if timeout_s >= BROKEN_OFF_S:
                self.echo.learn(heard=False)
        elif request.counted:
            self.echo.learn(heard=True)  # no unit answers a read with the request
        return self._silence(f"Unit {request.unit} did not answer", timeout_s)

    def _silence(self, what: str, timeout_s: float) -> BusError:
        return BusError(
            BusFault.NO_ACKNOWLEDGE,
            f"{what} within {timeout_s * 1000:.0f} ms.",
            hint="Check A and B (swapped?), ground, the unit's supply and address, and baud rate "
            "and parity of the line.",
            where=self._port.name,
        )

    # -- the line ---------------------------------------------------------------------------------

    def _strayed(self, data: bytes) -> None:
        """Hand on what came unasked; a second copy of a write shows that the first was an echo."""
        if data == self._unproven and self.echo.known is None:
            self.echo.learn(heard=True)
        self._overheard(data)
        self._quiet_since = self._clock.monotonic()

    def _send(self, data: bytes) -> None:
        stray = self._port.read(STRAY, 0)
        if stray:
            self.late.notice(stray)
            self._strayed(stray)
        silence_s = max(BETWEEN_FRAMES_S, QUIET_CHARACTERS * self._character_s)
        left_s = self._quiet_since + silence_s - self._clock.monotonic()
        if left_s > 0:
            self._clock.sleep(left_s)
        self._sending_since = self._clock.monotonic()
        self._port.write(data)
        took_s = self._clock.monotonic() - self._sending_since
        self._paced = took_s >= PACED * len(data) * self._character_s

    @property
    def _character_s(self) -> float:
        assert self._settings is not None  # noqa: S101  (a module configures before it asks)
        return self._settings.character_s

    def _gap_s(self) -> float:
        return BROKEN_OFF_S + 20 * self._character_s


def _may_be_lost(error: BridgeError, request: Request) -> bool:
    """Return whether asking again may help: nothing came, or not from the unit that was asked."""
    if isinstance(error, BusError):
        return error.fault is BusFault.NO_ACKNOWLEDGE
    return isinstance(error, ChecksumError) or error.data.get("unit") != request.unit
