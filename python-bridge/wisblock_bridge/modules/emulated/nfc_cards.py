"""Emulated NFC cards: what lies on the antenna of an emulated reader.

1. A card knows its own memory and nothing of the reader, except how a refusal looks to it.
2. Values are typed from the cards' data sheets, never imported from the drivers.
3. Access bits are not modelled: a sector opens with either key for everything.

Source: NXP MF1S50yyX, MF1S70yyX and NTAG213/215/216 data sheets.
"""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532.emulator import SilentCard

if TYPE_CHECKING:
    from wisblock_bridge.chips.pn532.emulator import CardInField

FACTORY_KEY = b"\xff" * 6
MAD_KEY = bytes.fromhex("A0A1A2A3A4A5")
NDEF_KEY = bytes.fromhex("D3F7D3F7D3F7")
FACTORY_ACCESS = bytes.fromhex("FF078069")
MAD_ACCESS = bytes.fromhex("787788C1")
NDEF_ACCESS = bytes.fromhex("7F078840")

BLOCK, PAGE = 16, 4
CAPABILITIES = {45: 0x12, 135: 0x3E, 231: 0x6D}
"""Pages to the size byte of the capability container."""
NO_ANSWER, BAD_KEY = 0x01, 0x14


class ClassicCard:
    """A Mifare Classic.

    Args:
        uid: 4 bytes.
        blocks: 64 (1K) or 256 (4K).

    Attributes:
        memory: All of it, trailers with their keys included.
        dead: Blocks that take a write and do not keep it: a fault.
    """

    def __init__(self, uid: bytes, blocks: int = 64) -> None:
        self.uid = uid
        self.atqa, self.sak = (b"\x00\x04", 0x08) if blocks == 64 else (b"\x00\x02", 0x18)  # noqa: PLR2004
        self.memory = bytearray(BLOCK * blocks)
        self.dead: set[int] = set()
        check = reduce(xor, uid)
        self.memory[:BLOCK] = uid + bytes((check, self.sak, 0x04, 0x00)) + b"EMULATED"
        for trailer in {_trailer(block) for block in range(blocks)}:
            self.put(trailer, FACTORY_KEY + FACTORY_ACCESS + FACTORY_KEY)
        self._sector: int | None = None
        self._halted = False

    def put(self, block: int, data: bytes) -> None:
        """Set a block of the memory, as if from the factory."""
        self.memory[BLOCK * block : BLOCK * block + len(data)] = data

    def format_ndef(self, message: bytes, first: int = 1) -> None:
        """Format for NDEF from a sector to the last of a 1K card, as a telephone does.

        Args:
            message: What it holds.
            first: First sector; those before it stay as they were.
        """
        directory = bytearray(32)
        for sector in range(first, 16):
            directory[2 * sector : 2 * sector + 2] = b"\x03\xe1"
            self.put(4 * sector + 3, NDEF_KEY + NDEF_ACCESS + FACTORY_KEY)
        directory[1] = 0x01
        directory[0] = _mad_crc(bytes(directory[1:]))
        self.put(1, bytes(directory))
        self.put(3, MAD_KEY + MAD_ACCESS + FACTORY_KEY)
        content = bytes((0x03, len(message))) + message + b"\xfe"
        blocks = [4 * sector + block for sector in range(first, 16) for block in range(3)]
        for index in range(0, len(content), BLOCK):
            self.put(blocks[index // BLOCK], content[index : index + BLOCK])

    def select(self) -> None:
        """Be woken, as ``CardInField.select`` says."""
        self._sector, self._halted = None, False

    def command(self, data: bytes) -> bytes:
        """Answer a command; whoever refused once is silent until it is woken."""
        if self._halted or len(data) < 2:  # noqa: PLR2004
            raise SilentCard(NO_ANSWER)
        code, block = data[0], data[1]
        if BLOCK * block >= len(self.memory):
            self._refuse(NO_ANSWER)
        if code in {0x60, 0x61} and len(data) == 12:  # noqa: PLR2004
            self._authenticate(block, data[2:8], data[8:], second=code == 0x61)  # noqa: PLR2004
            return b""
        if self._sector != _trailer(block):
            self._refuse(NO_ANSWER)
        if code == 0x30 and len(data) == 2:  # noqa: PLR2004
            content = bytes(self.memory[BLOCK * block : BLOCK * (block + 1)])
            return bytes(6) + content[6:] if block == _trailer(block) else content
        if code == 0xA0 and len(data) == 18 and block:  # noqa: PLR2004
            if block not in self.dead:
                self.put(block, data[2:])
            return b""
        self._refuse(NO_ANSWER)
        return b""

    def _authenticate(self, block: int, key: bytes, uid: bytes, *, second: bool) -> None:
        trailer = _trailer(block)
        at = BLOCK * trailer + (10 if second else 0)
        if uid != self.uid or key != self.memory[at : at + 6]:
            self._refuse(BAD_KEY)
        self._sector = trailer

    def _refuse(self, status: int) -> None:
        self._sector, self._halted = None, True
        raise SilentCard(status)


class Type2Card:
    """An NTAG213, 215 or 216.

    Args:
        uid: 7 bytes.
        pages: 45, 135 or 231.

    Attributes:
        memory: All pages.
        dead: Pages that take a write and do not keep it: a fault.
    """

    def __init__(self, uid: bytes, pages: int = 45) -> None:
        self.uid = uid
        self.atqa, self.sak = b"\x00\x44", 0x00
        self.memory = bytearray(PAGE * pages)
        self.dead: set[int] = set()
        first, second = uid[:3], uid[3:]
        self.memory[:9] = (
            first + bytes((0x88 ^ reduce(xor, first),)) + second + bytes((reduce(xor, second),))
        )
        self.memory[9] = 0x48
        self.memory[12:16] = bytes((0xE1, 0x10, CAPABILITIES[pages], 0x00))
        self.memory[16:24] = bytes.fromhex("0103A00C340300FE")
        self._halted = False

    def format_ndef(self, message: bytes) -> None:
        """Put a message at the beginning of the user memory.

        Args:
            message: What it holds.
        """
        content = bytes((0x03, len(message))) + message + b"\xfe"
        self.memory[16 : 16 + len(content)] = content

    def select(self) -> None:
        """Be woken, as ``CardInField.select`` says."""
        self._halted = False

    def command(self, data: bytes) -> bytes:
        """Answer a command."""
        if self._halted or len(data) < 2 or PAGE * data[1] >= len(self.memory):  # noqa: PLR2004
            self._halted = True
            raise SilentCard(NO_ANSWER)
        code, at = data[0], PAGE * data[1]
        if code == 0x30 and len(data) == 2:  # noqa: PLR2004
            return bytes((self.memory * 2)[at : at + 4 * PAGE])  # it rolls over at the end
        if code == 0xA2 and len(data) == 6 and data[1] >= 2:  # noqa: PLR2004
            if data[1] == 3:  # noqa: PLR2004  (one-time programmable: bits are only set)
                old = self.memory[at : at + PAGE]
                self.memory[at : at + PAGE] = bytes(
                    a | b for a, b in zip(old, data[2:], strict=True)
                )
            elif data[1] not in self.dead:
                self.memory[at : at + PAGE] = data[2:]
            return b""
        self._halted = True
        raise SilentCard(NO_ANSWER)


Card = ClassicCard | Type2Card

SIZES = {"classic1k": 64, "classic4k": 256, "ntag213": 45, "ntag215": 135, "ntag216": 231}
"""Kinds of cards to their blocks or pages."""


def new_card(kind: str, uid: bytes) -> Card:
    """Make a card as it comes from the factory.

    Args:
        kind: A key of ``SIZES``, or "" for a Classic 1K (4 bytes) or an NTAG213 (7 bytes).
        uid: Its identifier.

    Returns:
        The card.

    Raises:
        ValueError: There is no such kind, or the UID does not fit it.
    """
    kind = kind or ("ntag213" if len(uid) == 7 else "classic1k")  # noqa: PLR2004
    if kind not in SIZES:
        raise ValueError(f"there is no card {kind}; there are {', '.join(SIZES)}")
    wanted = 7 if kind.startswith("ntag") else 4
    if len(uid) != wanted:
        raise ValueError(f"the UID of a {kind} has {wanted} bytes, not {len(uid)}")
    size = SIZES[kind]
    return ClassicCard(uid, size) if kind.startswith("classic") else Type2Card(uid, size)


def _trailer(block: int) -> int:
    return block | (3 if block < 128 else 15)  # noqa: PLR2004


def _mad_crc(data: bytes) -> int:
    """CRC-8 of the application directory (NXP AN10787: polynomial 1D, preset C7)."""
    crc = 0xC7
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x1D) & 0xFF if crc & 0x80 else crc << 1
    return crc


if TYPE_CHECKING:

    def _is_a_card(card: Card) -> CardInField:
        """Let the type checker hold the cards against what the reader expects."""
        return card
