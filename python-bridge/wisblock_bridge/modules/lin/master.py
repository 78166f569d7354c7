"""The master of a LIN bus: breaks, headers, and what comes back.

1. A transceiver hears itself: whatever is sent must come back as it was sent, or the bus is at
   fault, and that is reported before anything else.
2. What comes while nothing is asked goes to the listeners.
3. It is used by one thread, and the bus is nobody else's meanwhile.

A character of zeros is a break of 9 bits, which is too short: 13 are wanted, and 11 are recognised
(LIN 2.2A, 2.3.1.1). So it is sent at a lower rate, or the port is told to hold the line low. A
port on USB says that all was sent before it was; the echo says it truly, so the rate is set back
once the echo is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.errors import BusError, BusFault, ChecksumError
from wisblock_bridge.modules.lin import frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.uart import SerialPort
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.errors import BridgeError
    from wisblock_bridge.modules.lin.frames import Answer, Model, ModelOrAuto

BreakMethod = Literal["auto", "low_rate", "half_rate", "timed"]

BREAK_BITS = 13
ZERO_BITS = 9
"""Dominant bits of a character of zeros: its start bit and eight others."""

LOW_RATE = 0.692
"""9 bits at this part of the rate are 13.01 bits; the stop bit is a delimiter of 1.4 bits."""

DELIMITER_BITS = 2

AUTOMATIC: tuple[BreakMethod, ...] = ("low_rate", "half_rate", "timed")

GRACE_S = 0.1
"""An adapter on USB hands characters over in lumps, on a busy computer late."""

AFTER_WAKE_UP_S = 0.1
"""Nodes are ready so long after a wake-up (LIN 2.2A, 2.6.2)."""

MOST_WAITING = 4096

POWER_HINT = (
    "Is 5.5 to 27 V at VIN of the terminal block? The bus has no supply of its own. Then check "
    "that the module sits in this slot, and which serial port the slot has."
)


class Master:
    """The master of one bus.

    Args:
        port: The port of the transceiver.
        clock: Time.
        overheard: Called with what came while nothing was asked.
        enabled: Tells whether the transceiver's enable input is high; asked when nothing comes
            back.
    """

    def __init__(
        self,
        port: SerialPort,
        clock: Clock,
        overheard: Callable[[bytes], None],
        enabled: Callable[[], bool] = lambda: True,
    ) -> None:
        self.sent = 0
        """Headers and frames sent, since the start."""
        self.unanswered = 0
        """Headers without an answer, since the start."""
        self.damaged = 0
        """Answers that broke off or did not fit their checksum, since the start."""
        self.break_in_use: BreakMethod | None = None
        """How breaks are made; None before the first one."""
        self._port = port
        self._clock = clock
        self._overheard = overheard
        self._enabled = enabled
        self._settings = LineSettings(9600)
        self._method: BreakMethod = "auto"
        self._ready_at = 0.0
        self._was_low = False
        self._unsettled = False

    def configure(self, baud: int, method: BreakMethod) -> None:
        """Set the rate, opening the port if need be.

        Args:
            baud: Bits per second.
            method: How breaks are made.

        Raises:
            BusError: The port is missing, held, or cannot do that.
        """
        settings = LineSettings(baud)
        self._port.configure(settings)
        self._settings, self._method, self.break_in_use = settings, method, None

    def send(self, identifier: int, data: bytes, model: Model) -> bytes:
        """Send a frame.

        Args:
            identifier: 0 to 63.
            data: 1 to 8 bytes.
            model: Which checksum.

        Returns:
            The frame as it went over the bus: break (as a zero), header, data, checksum.

        Raises:
            BusError: The bus did not carry it, or the port has gone.
        """
        self._transmit(frames.header(identifier) + frames.response(identifier, data, model))
        return frames.build(identifier, data, model)

    def request(
        self, identifier: int, length: int, model: ModelOrAuto, within_s: float | None = None
    ) -> Answer:
        """Send a header and take the answer.

        Args:
            identifier: 0 to 63.
            length: Bytes of data that the answer has.
            model: Which checksum it has.
            within_s: How long all of this may take, s; None for as long as it needs.

        Returns:
            The answer.

        Raises:
            BusError: Nobody answered (``no_acknowledge``), the bus did not carry the header, or the
                port has gone.
            ChecksumError: The answer broke off, or its checksum is another one.
        """
        begin = self._clock.monotonic()
        self._transmit(frames.header(identifier))
        limit_s = longest_s = frames.longest_response_s(length, self._settings.baud) + GRACE_S
        if within_s is not None:
            left_s = begin + within_s - self._clock.monotonic()
            limit_s = max(0.0, min(limit_s, left_s))
        self._unsettled = limit_s < longest_s  # an answer may still come
        body = self._port.read(length + 1, limit_s)
        if not body:
            self.unanswered += 1
            raise self._fault(
                BusFault.NO_ACKNOWLEDGE,
                f"No node answered the identifier 0x{identifier:02X} within "
                f"{limit_s * 1000:.0f} ms.",
                "Does a node publish this identifier, is it supplied and awake, and is the baud "
                "rate the same everywhere?",
            )
        self._unsettled = True
        found = frames.fitting(body, frames.protect(identifier), frames.models(identifier, model))
        if found is None or len(body) <= length:
            self.damaged += 1
            more = b""
            if len(body) > length and within_s is None:  # perhaps it is longer than was expected
                most = frames.MOST_DATA - length
                more = self._port.read(most, frames.LONGEST * most * self._settings.character_s)
            raise self._damaged(identifier, length, model, body, more)
        self._unsettled = False
        return frames.Answer(body[:-1], found, body)

    def wake_up(self) -> None:
        """Wake all nodes: a dominant pulse of 9 bits, 0.25 to 5 ms long at any rate allowed.

        The next frame waits until they are ready.

        Raises:
            BusError: The bus did not carry it, or the port has gone.
        """
        self._hand_over()
        self._unsettled = True
        self._port.write(frames.BREAK)
        self._compare(frames.BREAK, self._port.read(1, GRACE_S), broke=False)
        self._unsettled = False
        self._ready_at = self._clock.monotonic() + AFTER_WAKE_UP_S

    def pull(self) -> bytes:
        """Take what has come, without waiting.

        Returns:
            The bytes, perhaps none.

        Raises:
            BusError: The port has gone.
        """
        found = self._port.read(MOST_WAITING, 0)
        if found:
            self._was_low = found.endswith(b"\0")
        return found

    # -- one frame --------------------------------------------------------------------------------

    def _hand_over(self) -> None:
        """Hand what has come to the listeners, so that it is not taken for an echo."""
        found = self.pull()
        if self._unsettled:  # an answer to what failed may be under way
            found += self._port.read(
                MOST_WAITING, frames.longest_response_s(frames.MOST_DATA, self._settings.baud)
            )
            self._unsettled = False
        if found:
            self._overheard(found)

    def _transmit(self, data: bytes) -> None:
        self._hand_over()
        self._unsettled = True
        left_s = self._ready_at - self._clock.monotonic()
        if left_s > 0:
            self._clock.sleep(left_s)
        broke = self._break()
        self._port.write(data)
        self.sent += 1
        limit_s = frames.LONGEST * len(data) * self._settings.character_s + GRACE_S
        heard = self._port.read(len(data), limit_s)
        # The break may come back late, or twice; the data begin with the sync, which is no zero.
        zeros = len(heard) - len(heard.lstrip(b"\0"))
        if zeros:
            heard = heard[zeros:] + self._port.read(zeros, limit_s)
        self._compare(data, heard, broke=broke or zeros > 0)
        self._was_low = self._unsettled = False

    def _break(self) -> bool:
        """Send a break, and tell whether it came back."""
        chosen = AUTOMATIC if self._method == "auto" else (self._method,)
        if self.break_in_use in chosen:  # first, and not alone: the port may be another one by now
            chosen = (
                self.break_in_use,
                *(each for each in chosen if each != self.break_in_use),
            )
        for method in chosen:
            try:
                came_back = self._break_by(method)
            except BusError as error:
                if error.fault is not BusFault.UNSUPPORTED:
                    raise
                continue
            self.break_in_use = method
            return came_back
        raise self._fault(
            BusFault.UNSUPPORTED,
            f"{self._port.name} cannot make a LIN break by {' or '.join(chosen)}.",
            "Choose another break method (operation `line`); a port that can do none of them is of "
            "no use as the master of a bus.",
        )

    def _break_by(self, method: BreakMethod) -> bool:
        baud = self._settings.baud
        if method == "timed":
            self._port.send_break(BREAK_BITS / baud)
            self._clock.sleep(DELIMITER_BITS / baud)
            return False  # some ports tell it, some do not; it is left out of the echo
        rate = int(baud * LOW_RATE) if method == "low_rate" else baud // 2
        self._port.configure(LineSettings(rate))
        try:
            self._port.write(frames.BREAK)
            heard = self._port.read(1, ZERO_BITS / rate + GRACE_S)
        finally:
            self._port.configure(self._settings)
        if self._method == "auto" and heard.strip(b"\0"):
            # It may be the port that makes another rate of it; the next frame tries another way.
            at = AUTOMATIC.index(method) + 1
            self.break_in_use = AUTOMATIC[at % len(AUTOMATIC)]
        self._compare(frames.BREAK, heard, broke=False)
        return True

    # -- what is wrong ----------------------------------------------------------------------------

    def _compare(self, sent: bytes, heard: bytes, *, broke: bool) -> None:
        """Hold what came back against what was sent."""
        if heard == sent:
            return
        low = heard or broke or self._was_low
        if not heard.strip(b"\0") and low:
            raise self._fault(
                BusFault.IO,
                "The bus is stuck dominant: it is held low, and nothing that is sent comes back.",
                "Look for a short from BUS to GND, or a node that holds the bus.",
            )
        if not heard and not self._enabled():
            raise self._fault(
                BusFault.IO,
                "The transceiver is switched off: its line EN is low although it is driven high.",
                "Does something else hold that line? Is the module plugged in well?",
            )
        if not heard:
            raise self._fault(
                BusFault.IO,
                "The LIN bus is silent: nothing of what was sent came back.",
                POWER_HINT,
            )
        if sent.startswith(heard):
            raise self._fault(
                BusFault.IO,
                f"Only {len(heard)} of {len(sent)} bytes came back from the bus.",
                "The supply of the bus breaks down, or the cable has a bad contact.",
            )
        at = next(
            (at for at, (a, b) in enumerate(zip(sent, heard, strict=False)) if a != b), len(sent)
        )
        raise self._fault(
            BusFault.IO,
            f"Collision: 0x{sent[at]:02X} was sent as byte {at + 1} and 0x{heard[at]:02X} came "
            "back.",
            "Does another master send on this bus? There must be one only. A short to another wire "
            "or a wrong baud rate has the same effect.",
        )

    def _damaged(
        self, identifier: int, length: int, model: ModelOrAuto, body: bytes, more: bytes
    ) -> BridgeError:
        """Return what is wrong with an answer."""
        protected = frames.protect(identifier)
        longer = body + more
        if more and frames.fitting(longer, protected, frames.models(identifier, model)):
            return ChecksumError(
                f"The answer to 0x{identifier:02X} has {len(longer) - 1} bytes of data, {length} "
                f"were expected: {longer.hex(' ')}.",
                hint=f"It is whole: set the length to {len(longer) - 1}.",
                where=self._port.name,
                data={"kind": "wrong_checksum", "bytes": longer},
            )
        if more:
            self._overheard(more)
        if len(body) <= length:
            message = (
                f"The answer to 0x{identifier:02X} broke off: {len(body)} of {length + 1} bytes, "
                f"{body.hex(' ')}."
            )
            hint = "The node stopped, or the bus is disturbed."
            if len(body) > 1 and frames.fitting(body, protected, frames.models(identifier, "auto")):
                hint = f"It is a whole answer of {len(body) - 1} bytes: set the length to that."
            return ChecksumError(
                message,
                hint=hint,
                where=self._port.name,
                data={"kind": "short", "bytes": bytes(body)},
            )
        classic = frames.checksum(body[:-1], protected, "classic")
        enhanced = frames.checksum(body[:-1], protected, "enhanced")
        other = {classic: "classic", enhanced: "enhanced"}.get(body[-1])
        hint = "Two nodes answer at once, the bus is disturbed, or the length is another one."
        if other is not None and model != "auto" and identifier not in frames.DIAGNOSTIC:
            hint = f"It fits as {other}: set the checksum to that."
        return ChecksumError(
            f"The answer to 0x{identifier:02X} ends with the checksum 0x{body[-1]:02X}; these data "
            f"({body[:-1].hex(' ')}) have 0x{classic:02X} (classic) or 0x{enhanced:02X} "
            "(enhanced).",
            hint=hint,
            where=self._port.name,
            data={
                "kind": "wrong_checksum",
                "received": body[-1],
                "classic": classic,
                "enhanced": enhanced,
                "bytes": bytes(body),
            },
        )

    def _fault(self, fault: BusFault, message: str, hint: str) -> BusError:
        return BusError(fault, message, hint=hint, where=self._port.name)
