"""Modbus over the real pyserial: scripted units at the far end of a pseudo-terminal.

Every kind of reply, in any order, on lines with and without an echo. What a unit says is chosen so
that a value that belongs to another question would show.
"""

from __future__ import annotations

import os
import random
import select
import threading
from typing import TYPE_CHECKING

import pytest
from tests.modules.modbus_bench import crc

from wisblock_bridge.buses.linux.uart import LinuxSerialPort
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.errors import BridgeError, ErrorCode
from wisblock_bridge.modules.modbus import frames
from wisblock_bridge.modules.modbus.master import Master

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.tally import Tally

    from wisblock_bridge.modules.modbus.frames import Request

pytestmark = pytest.mark.slow

QUIET_S = 0.05
SOON_S, UNPROVEN_S, PATIENT_S = 0.2, 3.0, 10.0


class Unit:
    """What is at the far end: it takes one frame at a time and says what it was told to say."""

    def __init__(self) -> None:
        self.far, self._near = os.openpty()
        self.path = os.ttyname(self._near)
        self.echo = False
        self.heard: list[bytes] = []
        self.has_said = threading.Event()
        self._length, self._answer = 0, b""
        self._stop_end, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def expect(self, length: int, answer: bytes) -> None:
        """Get ready for a frame of so many bytes."""
        self.heard.clear()
        self._length, self._answer = length, answer

    def say(self, data: bytes) -> None:
        os.write(self.far, data)

    def stop(self) -> None:
        os.write(self._stop, b"x")
        self._thread.join(30)
        for each in (self.far, self._near, self._stop, self._stop_end):
            os.close(each)

    def _run(self) -> None:
        frame = b""
        while self._stop_end not in select.select([self.far, self._stop_end], [], [])[0]:
            frame += os.read(self.far, 512)
            if len(frame) >= self._length:
                self.heard.append(frame)
                said = frame * self.echo + self._answer
                frame = b""
                if said:
                    self.say(said)
                self.has_said.set()


class AnsweredPort(LinuxSerialPort):
    """Waits after a request until the unit has answered: no busy computer makes it late."""

    def __init__(self, unit: Unit) -> None:
        super().__init__(unit.path)
        self._unit = unit

    def write(self, data: bytes) -> None:
        self._unit.has_said.clear()
        super().write(data)
        assert self._unit.has_said.wait(PATIENT_S)


@pytest.fixture
def unit() -> Iterator[Unit]:
    made = Unit()
    yield made
    made.stop()


@pytest.fixture
def master(unit: Unit, monkeypatch: pytest.MonkeyPatch) -> Iterator[Master]:
    monkeypatch.setattr("wisblock_bridge.modules.modbus.master.BROKEN_OFF_S", 0.2)
    port = AnsweredPort(unit)
    made = Master(port, SystemClock(), lambda _: None)
    made.configure(LineSettings(115200))
    made.late.quiet_s = QUIET_S
    yield made
    port.close()


def any_request(  # noqa: PLR0911  (a case for each function)
    chance: random.Random,
) -> tuple[Request, bytes, tuple[object, ...]]:
    """A request, its right reply, and what the reply says."""
    unit, address = chance.randint(1, 255), chance.randint(0, 60_000)
    count = chance.randint(1, 20)
    values = [chance.randrange(65536) for _ in range(count)]
    data = b"".join(each.to_bytes(2, "big") for each in values)
    match chance.choice([1, 3, 4, 5, 6, 15, 16, 22, 23]):
        case 1:
            bits = [chance.random() < 0.5 for _ in range(count)]
            packed = sum(bit << at for at, bit in enumerate(bits)).to_bytes(
                (count + 7) // 8, "little"
            )
            request = frames.read("coils", unit, address, count)
            return request, crc(bytes([unit, 1, len(packed)]) + packed), tuple(bits)
        case 3 | 4 as function:
            table: frames.Table = "holding_registers" if function == 3 else "input_registers"
            request = frames.read(table, unit, address, count)
            return request, crc(bytes([unit, function, len(data)]) + data), tuple(values)
        case 5:
            request = frames.write_coil(unit, address, on=chance.random() < 0.5)
            return request, request.frame, ()
        case 6:
            request = frames.write_register(unit, address, values[0])
            return request, request.frame, ()
        case 15:
            request = frames.write_coils(unit, address, [chance.random() < 0.5] * count)
            return request, crc(request.frame[:6]), ()
        case 16:
            request = frames.write_registers(unit, address, values)
            return request, crc(request.frame[:6]), ()
        case 22:
            request = frames.mask_write(unit, address, values[0], 7)
            return request, request.frame, ()
        case _:
            request = frames.read_write(unit, address, count, address, values)
            return request, crc(bytes([unit, 23, len(data)]) + data), tuple(values)


def spoiled(  # noqa: PLR0911  (a case for each kind)
    kind: str, request: Request, right: bytes, chance: random.Random
) -> bytes:
    """What the unit says in place of the right reply."""
    body = bytearray(right[:-2])
    match kind:
        case "refusal":
            return crc(bytes([request.unit, request.function | 0x80, 6]))
        case "another unit":
            body[0] = body[0] % 255 + 1
        case "another value":
            body[-1] ^= 0x01
        case "another count":
            body[2] += 2
        case "one byte less":
            return crc(bytes([*body[:2], body[2] - 1, *body[3:-1]]))
        case "damaged":
            at = chance.randrange(len(right))
            return right[:at] + bytes([right[at] ^ 0x10]) + right[at + 1 :]
        case "broken off":
            return right[: chance.randint(2, len(right) - 1)]
        case "noise":
            return bytes(chance.choice([0x00, 0xFF]) for _ in range(chance.randint(1, 7)))
        case _:
            return b""
    return crc(bytes(body))


READS = ["right", "refusal", "another unit", "another count", "one byte less", "damaged"]
WRITES = ["right", "refusal", "another unit", "another value", "the whole request", "damaged"]
BOTH = ["broken off", "noise", "silence", "late"]

CODES = {
    "refusal": ErrorCode.REMOTE_EXCEPTION,
    "another unit": ErrorCode.REMOTE_EXCEPTION,
    "another value": ErrorCode.REMOTE_EXCEPTION,
    "another count": ErrorCode.REMOTE_EXCEPTION,
    "one byte less": ErrorCode.REMOTE_EXCEPTION,
    "damaged": ErrorCode.CHECKSUM,
    "broken off": ErrorCode.CHECKSUM,
    "noise": ErrorCode.CHECKSUM,
    "silence": ErrorCode.NO_DEVICE,
    "late": ErrorCode.NO_DEVICE,
}


def outcome(
    master: Master, request: Request, timeout_s: float
) -> tuple[frames.Reply, BridgeError | None]:
    try:
        return master.ask(request, timeout_s, 0), None
    except BridgeError as error:
        return frames.Reply(), error


@pytest.mark.parametrize("seed", range(4))
def test_replies_of_every_kind(unit: Unit, master: Master, seed: int, tally: Tally) -> None:
    chance = random.Random(seed)  # noqa: S311
    unit.echo = bool(seed % 2)
    seen = ""
    for _ in range(60):
        request, right, said = any_request(chance)
        kind = chance.choice([*(READS if request.counted else WRITES), *BOTH, "right", "right"])
        answer = spoiled(kind, request, right, chance)
        if kind in {"right", "the whole request"}:
            answer = right if kind == "right" else request.frame
        copies = unit.echo + (answer == request.frame)
        unproven = request.repeatable and master.echo.known is None and copies == 1
        unit.expect(len(request.frame), answer)
        quick = kind in {"silence", "late", "another unit", "noise", "damaged"}
        wait_s = SOON_S if quick else UNPROVEN_S if unproven else PATIENT_S
        reply, error = outcome(master, request, wait_s)
        if error is not None:
            assert error.code is CODES.get(kind), (kind, request, str(error))
            assert error.hint
            if kind not in {"refusal", "silence", "late"}:
                assert error.data.get("reply", error.data.get("bytes")) == answer
            seen = str(error) if kind == "another value" else seen
        else:
            assert kind in {"right", "the whole request"} or unproven, (kind, request)
            assert bool(reply.note) is (unproven and not (unit.echo and kind == "right"))
            assert (reply.bits or reply.registers) == said
        if kind == "late":
            unit.say(right)  # too late; the next request must not take it
        assert unit.heard == [request.frame]  # that, once, and nothing else
    tally.add("bad_input", "Modbus replies of every kind", 60, seen=seen, seed=str(seed))
