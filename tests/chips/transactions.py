"""The chip test harness: buses that know what they expect, and buses that break when told to.

1. A script lists all transactions in order: a wrong byte, one too many, one missing fails.
2. Bytes are written as in a datasheet: "02 EF" is sent, "-> FF FF" is answered.
3. Nothing here knows a chip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.errors import BusError, BusFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from tests.fake_clock import FakeClock

    from wisblock_bridge.buses.i2c import I2CBus

Message = Write | Read
ONLY = "only"


def transaction(line: str) -> tuple[tuple[Message, ...], bytes]:
    """Read one line of a script: "02 EF" writes, "00 -> FF FF" writes, then reads.

    Several of these joined by ";" are one transaction with repeated starts. "only -> FF" reads
    without a write before it, where "-> FF" writes no bytes and then reads.
    """
    messages: list[Message] = []
    answer = b""
    for part in line.split(";"):
        sent, arrow, received = part.partition("->")
        if sent.strip() != ONLY:
            messages.append(Write(bytes.fromhex(sent)))
        if arrow:
            part_answer = bytes.fromhex(received)
            messages.append(Read(len(part_answer)))
            answer += part_answer
    return tuple(messages), answer


class ScriptedBus:
    """A bus that carries out a script and nothing else.

    Used as a context manager: leaving it fails when a part of the script was never reached.

    Args:
        address: The only address that may be used.
        lines: The script. A line that starts with "!" fails as if nobody acknowledged.
    """

    name = "i2c-1"

    def __init__(self, address: int, *lines: str) -> None:
        self.address = address
        self.script = list(lines)
        self.position = 0

    def expect(self, *lines: str) -> None:
        """Add to the script."""
        self.script.extend(lines)

    def transfer(self, address: int, *messages: Message) -> bytes:
        assert address == self.address, f"address 0x{address:02x}, not 0x{self.address:02x}"
        assert self.position < len(self.script), f"not in the script: {messages}"
        line = self.script[self.position]
        self.position += 1
        expected, answer = transaction(line.lstrip("!"))
        assert messages == expected, f"step {self.position}: {messages}, script says {line!r}"
        if line.startswith("!"):
            raise BusError(BusFault.NO_ACKNOWLEDGE, "No answer.", where=self.name)
        return answer

    def close(self) -> None:
        """Nothing to close."""

    def finish(self) -> None:
        """Fail when the script was not carried out to its end."""
        assert self.position == len(self.script), f"never sent: {self.script[self.position :]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.finish()


class Breaking:
    """A bus before another bus, on which one transaction breaks.

    Args:
        bus: The bus that works.
    """

    def __init__(self, bus: I2CBus) -> None:
        self._bus = bus
        self.count = 0
        self._break_at: int | None = None
        self._fault = BusFault.IO
        self._delivered = False

    @property
    def name(self) -> str:
        return self._bus.name

    def break_at(self, number: int | None, fault: BusFault, *, delivered: bool) -> None:
        """Let one transaction from now on fail.

        Args:
            number: Which one, counted from 0; None for none.
            fault: How.
            delivered: Whether the chip takes the bytes all the same (the failure comes after them).
        """
        self.count, self._break_at, self._fault, self._delivered = 0, number, fault, delivered

    def transfer(self, address: int, *messages: Message) -> bytes:
        number, self.count = self.count, self.count + 1
        if number != self._break_at:
            return self._bus.transfer(address, *messages)
        if self._delivered:
            self._bus.transfer(address, *messages)
        raise BusError(self._fault, "Made to fail.", where=f"0x{address:02x} on {self.name}")

    def close(self) -> None:
        """Nothing to close."""


class AtSpeed:
    """A bus before another bus, on which bits take their time.

    Args:
        bus: The bus that answers.
        clock: Its time.
        bits_per_second: Of the bus.
    """

    def __init__(self, bus: I2CBus, clock: FakeClock, bits_per_second: float = 100_000.0) -> None:
        self._bus = bus
        self._clock = clock
        self._bit_s = 1.0 / bits_per_second

    @property
    def name(self) -> str:
        return self._bus.name

    def transfer(self, address: int, *messages: Message) -> bytes:
        """Nine bits for each byte and address, one for each start and the stop."""
        lengths = [len(each.data) if isinstance(each, Write) else each.length for each in messages]
        self._clock.advance((1 + sum(10 + 9 * each for each in lengths)) * self._bit_s)
        return self._bus.transfer(address, *messages)

    def close(self) -> None:
        """Nothing to close."""


def each_failure(
    bus: Breaking, action: Callable[[], object], reset: Callable[[], object]
) -> Iterator[tuple[int, BusError]]:
    """Let an action fail at its first transaction, then at its second, and so on to its last.

    Every failure is tried twice: before the chip got the bytes, and after it.

    Args:
        bus: The bus that the action uses.
        action: What is to fail.
        reset: Brings everything back to the start, before each try.

    Yields:
        The transaction that failed and the error that came out, right after it came out.
    """
    reset()
    bus.break_at(None, BusFault.IO, delivered=False)
    action()
    total = bus.count
    assert total > 0, "the action does not use the bus"
    for number in range(total):
        for delivered in (False, True):
            for fault in (BusFault.NO_ACKNOWLEDGE, BusFault.IO, BusFault.TIMEOUT):
                reset()
                bus.break_at(number, fault, delivered=delivered)
                try:
                    action()
                except BusError as error:
                    assert error.fault is fault  # noqa: PT017  (the caller judges the rest)
                    bus.break_at(None, fault, delivered=False)
                    yield number, error
                else:
                    raise AssertionError(f"transaction {number} failed and nobody was told")
