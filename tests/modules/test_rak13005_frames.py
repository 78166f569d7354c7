"""LIN frames: identifiers, checksums, and finding frames in whatever was heard.

Tables and vectors are typed from the LIN specification (2.2A) and from what the vendor documents.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.bridge.bridge_process import environment
from tests.cases import for_each

from wisblock_bridge.errors import ChecksumError
from wisblock_bridge.modules.lin import frames
from wisblock_bridge.modules.lin.framer import Framer, Kind, Segment
from wisblock_bridge.modules.lin.listening import explain, pack
from wisblock_bridge.modules.lin.parsing import parse

if TYPE_CHECKING:
    from tests.tally import Tally

PROTECTED = """
00:80 01:C1 02:42 03:03 04:C4 05:85 06:06 07:47 08:08 09:49 0A:CA 0B:8B 0C:4C 0D:0D 0E:8E 0F:CF
10:50 11:11 12:92 13:D3 14:14 15:55 16:D6 17:97 18:D8 19:99 1A:1A 1B:5B 1C:9C 1D:DD 1E:5E 1F:1F
20:20 21:61 22:E2 23:A3 24:64 25:25 26:A6 27:E7 28:A8 29:E9 2A:6A 2B:2B 2C:EC 2D:AD 2E:2E 2F:6F
30:F0 31:B1 32:32 33:73 34:B4 35:F5 36:76 37:37 38:78 39:39 3A:BA 3B:FB 3C:3C 3D:7D 3E:FE 3F:BF
"""

CHECKSUMS = [
    (0xC1, "00 01 02 03 FF 05 06 64", 0x8A, 0xC8),
    (0x50, "01 02", 0xFC, 0xAC),
    (0x50, "12 34 56 78", 0xEA, 0x9A),
    (0xA3, "4A 55 93 E5", 0xE6, 0x43),
    (0xC1, "FF 00", 0x00, 0x3E),
    (0xC1, "00 00", 0xFF, 0x3E),
]

DOCUMENTED = "00 55 C1 00 01 02 03 FF 05 06 64 8A"


def of(text: str) -> bytes:
    return bytes.fromhex(text)


def cut(text: str, cutter: Framer | None = None) -> list[Segment]:
    """Cut bytes that are followed by silence."""
    cutter = cutter or Framer()
    return [*cutter.feed(of(text)), *cutter.silence()]


def told(framer: list[Segment]) -> list[tuple[str, str]]:
    return [(str(each.kind), each.raw.hex(" ").upper()) for each in framer]


# -- identifiers and checksums --------------------------------------------------------------------


def test_every_protected_identifier() -> None:
    pairs = [each.split(":") for each in PROTECTED.split()]
    assert len(pairs) == 64
    for identifier, protected in pairs:
        assert frames.protect(int(identifier, 16)) == int(protected, 16)
    right = {int(protected, 16) for _, protected in pairs}
    assert {each for each in range(256) if frames.is_protected(each)} == right


@for_each(("protected", "data", "classic", "enhanced"), CHECKSUMS)
def test_checksums(protected: int, data: str, classic: int, enhanced: int) -> None:
    assert frames.checksum(of(data), protected, "classic") == classic
    assert frames.checksum(of(data), protected, "enhanced") == enhanced


def test_the_documented_frame() -> None:
    data = bytes([0, 1, 2, 3, 255, 5, 6, 100])
    assert frames.build(1, data, "classic") == of(DOCUMENTED)
    assert frames.build(1, data, "enhanced") == of("00 55 C1 00 01 02 03 FF 05 06 64 C8")


@pytest.mark.parametrize("model", ["classic", "enhanced"])
def test_diagnostic_frames_always_have_the_classic_checksum(model: frames.Model) -> None:
    sleep = of("00 55 3C 00 FF FF FF FF FF FF FF 00")
    assert frames.build(0x3C, frames.GO_TO_SLEEP, model) == sleep
    assert frames.models(0x3D, "auto") == ("classic",)


@for_each(
    ("length", "baud", "longest_ms"),
    [(2, 9600, 9.33), (4, 9600, 12.25), (8, 9600, 18.08), (2, 19200, 4.67), (8, 19200, 9.04)],
)
def test_how_long_a_frame_may_take(length: int, baud: int, longest_ms: float) -> None:
    assert frames.longest_frame_s(length, baud) * 1000 == pytest.approx(longest_ms, abs=0.006)


# -- frames in a stream ---------------------------------------------------------------------------


@for_each("begin", ["00 55", "55", "00 00 55"])
@for_each("length", [8, None])
def test_a_break_may_be_a_zero_two_or_none(begin: str, length: int | None) -> None:
    text = f"{begin} C1 00 01 02 03 FF 05 06 64 8A"
    cutter = Framer(1, length)
    (segment,) = cutter.feed(of(text))  # all eight bytes are there: no silence is waited for
    assert segment == Segment(Kind.FRAME, of(text), 1, of("00 01 02 03 FF 05 06 64"), "classic")
    assert not cutter.waiting


@for_each(("protected", "data", "classic", "enhanced"), CHECKSUMS)
def test_the_length_and_the_checksum_are_found_out(
    protected: int, data: str, classic: int, enhanced: int
) -> None:
    one = bytes([0, 0x55, protected]) + of(data) + bytes([classic])
    two = bytes([0, 0x55, protected]) + of(data) + bytes([enhanced])
    framer = cut((one + two + one).hex())
    assert [each.raw for each in framer] == [one, two, one]
    assert [each.model for each in framer] == ["classic", "enhanced", "classic"]
    assert {each.data for each in framer} == {of(data)}


@for_each(
    ("text", "wanted"),
    [
        # a lone header, and one that the next frame follows at once
        ("00 55 50", [("header", "00 55 50")]),
        ("00 55 50 00 55 50 01 02 FC", [("header", "00 55 50"), ("frame", "00 55 50 01 02 FC")]),
        # an answer of one byte is none: there is no checksum
        ("00 55 50 01", [("short", "00 55 50 01")]),
        ("00 55 50 01 02 FD", [("wrong_checksum", "00 55 50 01 02 FD")]),
        (
            "00 55 50 01 02 FD 00 55 50 01 02 FC",
            [("wrong_checksum", "00 55 50 01 02 FD"), ("frame", "00 55 50 01 02 FC")],
        ),
        # parity: with a break it is a damaged header, without it is noise
        ("00 55 41 01 02 FC", [("wrong_parity", "00 55 41 01 02 FC")]),
        ("55 41 01 02 FC", [("noise", "55 41 01 02 FC")]),
        # dirt before, between and behind
        ("A7 13 00 55 50 01 02 FC", [("noise", "A7 13"), ("frame", "00 55 50 01 02 FC")]),
        ("00 00 00 55 50 01 02 FC", [("wake_up", "00"), ("frame", "00 00 55 50 01 02 FC")]),
        ("80", [("wake_up", "80")]),
        ("FE", [("noise", "FE")]),
        ("", []),
        # data that look like a header, in a frame that is whole
        (
            "00 55 50 00 55 C1 00 01 02 03 04 DE",
            [("frame", "00 55 50 00 55 C1 00 01 02 03 04 DE")],
        ),
        # a diagnostic frame has eight bytes, whatever fits before
        (
            "00 55 3C 00 FF FF FF FF FF FF FF 00",
            [("frame", "00 55 3C 00 FF FF FF FF FF FF FF 00")],
        ),
        ("00 55 3C 00 FF", [("short", "00 55 3C 00 FF")]),
    ],
)
def test_what_is_heard(text: str, wanted: list[tuple[str, str]]) -> None:
    assert told(cut(text)) == wanted


def test_a_known_length_tells_short_from_damaged() -> None:
    assert told(cut("00 55 50 01 02 03", Framer(0x10, 8))) == [("short", "00 55 50 01 02 03")]
    # ... and does not concern another identifier
    assert told(cut("00 55 C1 FF 00 00", Framer(0x10, 8))) == [("frame", "00 55 C1 FF 00 00")]


def test_a_checksum_that_was_not_asked_for() -> None:
    enhanced = "00 55 50 01 02 AC"
    assert told(cut(enhanced, Framer(None, 2, "classic"))) == [("wrong_checksum", enhanced)]
    assert told(cut(enhanced, Framer(None, 2, "enhanced"))) == [("frame", enhanced)]


def test_a_go_to_sleep_command_is_told_as_such() -> None:
    (segment,) = cut("00 55 3C 00 FF FF FF FF FF FF FF 00")
    assert pack(segment, 1.0).values["kind"] == "sleep"


@for_each(
    ("text", "words"),
    [
        ("00 55 50", "Nobody answered the header of 0x10."),
        ("00 55 50 01", "The frame of 0x10 broke off after 1 bytes."),
        ("00 55 50 01 02 FD", r"ends with 0xFD, which is no checksum of it \(classic 0xFC, enh"),
        ("00 55 41 01", "The parity of the identifier 0x41 is wrong; 0x01 is sent as 0xC1: 00 55"),
        ("A7 13", "2 bytes without a header: a7 13."),
    ],
)
def test_what_is_wrong_is_said(text: str, words: str) -> None:
    (segment,) = cut(text)
    assert re.search(words, explain(segment))
    readings = pack(segment, 5.0)
    assert (str(readings.quality), readings.note) == ("uncertain", explain(segment))
    assert readings.values["raw"] == of(text)


# -- parsing what somebody has --------------------------------------------------------------------


def test_what_the_documented_parser_gave() -> None:
    found = parse(of(DOCUMENTED), 1, 8, "classic")
    data = bytes([0, 1, 2, 3, 255, 5, 6, 100])
    assert found.frames == [{"ID": 1, "length": 8, "data": data, "checksum": "classic"}]
    assert (found.problems, found.others, found.rest) == ([], 0, b"")


def test_a_frame_that_is_not_complete_is_the_rest() -> None:
    whole = of(DOCUMENTED)
    for at in range(1, len(whole)):
        found = parse(whole + whole[:at], 1, 8, "classic")
        assert len(found.frames) == 1
        assert found.rest == whole[:at]
        again = parse(found.rest + whole[at:], 1, 8, "classic")
        assert (len(again.frames), again.rest) == (1, b"")


def test_other_identifiers_are_counted() -> None:
    found = parse(of("00 55 50 01 02 FC") + of(DOCUMENTED), 1, None, "auto")
    assert (len(found.frames), found.others, found.problems) == (1, 1, [])


def test_damage_beside_a_frame_is_a_problem_and_alone_an_error() -> None:
    damaged = of("00 55 C1 00 01 02 03 FF 05 06 64 8B")
    found = parse(damaged + of(DOCUMENTED), 1, 8, "classic")
    assert len(found.frames) == 1
    assert [(each["kind"], each["raw"]) for each in found.problems] == [("wrong_checksum", damaged)]
    with pytest.raises(ChecksumError, match=r"0x8B, which is no checksum of it \(classic 0x8A"):
        parse(damaged, 1, 8, "classic")
    with pytest.raises(ChecksumError, match="parity of the identifier 0x41 is wrong"):
        parse(of("00 55 41 00 01 02 03 FF 05 06 64 8A"), 1, 8, "classic")


# -- anything at all ------------------------------------------------------------------------------


def some_bytes(chance: random.Random) -> bytes:
    """Random bytes, most of them with the look of frames."""
    parts = []
    for _ in range(chance.randrange(1, 5)):
        match chance.randrange(6):
            case 0:
                parts.append(chance.randbytes(chance.randrange(20)))
            case 1:
                parts.append(bytes(chance.randrange(4)))
            case 2:
                parts.append(b"\x00\x55" + chance.randbytes(chance.randrange(4)))
            case _:
                data = chance.randbytes(chance.randrange(1, 9))
                model = chance.choice(["classic", "enhanced"])
                frame = frames.build(chance.randrange(64), data, model)  # type: ignore[arg-type]
                if chance.random() < 0.4:
                    at = chance.randrange(len(frame))
                    frame = frame[:at] + chance.randbytes(1) + frame[at + chance.randrange(2) :]
                parts.append(frame[chance.choice([0, 0, 1]) :])
    return b"".join(parts)


@pytest.mark.slow
def test_ten_thousand_random_byte_strings_however_they_are_split(tally: Tally) -> None:
    """Nothing is lost, and the way in which bytes arrive makes no difference."""
    chance = random.Random(13005)  # noqa: S311
    for _ in range(10_000):
        data = some_bytes(chance)
        only = chance.choice([None, chance.randrange(64)])
        length = chance.choice([None, 2, 8])
        whole = Framer(only, length)
        wanted = [*whole.feed(data), *whole.silence()]
        assert b"".join(each.raw for each in wanted) == data
        for step in (1, chance.randrange(1, 9)):
            split = Framer(only, length)
            found = []
            for at in range(0, len(data), step):
                found += split.feed(data[at : at + step])
            assert [*found, *split.silence()] == wanted, data.hex(" ")
            assert not split.waiting
        for each in wanted:
            assert explain(each) or each.is_good
            pack(each, 0.0)
    tally.add("bad_input", "random bytes heard on a LIN bus, split anyhow", 10_000, seed="13005")


def test_every_split_of_some_byte_strings() -> None:
    chance = random.Random(9600)  # noqa: S311
    for _ in range(300):
        data = some_bytes(chance)
        wanted = cut(data.hex())
        for at in range(len(data) + 1):
            split = Framer()
            found = [*split.feed(data[:at]), *split.feed(data[at:]), *split.silence()]
            assert found == wanted, (at, data.hex(" "))


def test_ten_thousand_random_byte_strings_into_the_parser(tally: Tally) -> None:
    """Only documented errors, and every byte is accounted for."""
    chance = random.Random(7391)  # noqa: S311
    errors = 0
    for _ in range(10_000):
        data = some_bytes(chance)
        try:
            found = parse(data, chance.choice([None, 1]), chance.choice([None, 8]), "auto")
        except ChecksumError:
            errors += 1
            continue
        assert data.endswith(found.rest)
        assert all(each["words"] for each in found.problems)
    assert 100 < errors < 9_900
    tally.add("bad_input", "random bytes into the LIN parser", 10_000, seed="7391")


def test_nothing_of_the_hardware_is_imported() -> None:
    """Module, emulated and frames, on a computer that has neither pyserial nor gpiod nor smbus2."""
    program = (
        "import sys\n"
        "for name in ('serial', 'gpiod', 'smbus2', 'spidev'): sys.modules[name] = None\n"
        "from wisblock_bridge.modules.lin import rak13005, rak13005_emulated\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
