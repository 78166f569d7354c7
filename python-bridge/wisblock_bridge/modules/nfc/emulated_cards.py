"""Emulated NFC cards: what lies on the antenna of an emulated reader.

1. A card knows its own memory and nothing of the reader, except how a refusal looks to it.
2. Values are typed from the cards' data sheets, never imported from the drivers.
3. Increment, decrement and transfer of value blocks are not modelled.

Source: NXP MF1S50yyX and MF1S70yyX data sheets, sections 8.6 and 8.7; AN10787, AN1304.
"""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532.emulator import SilentCard
from wisblock_bridge.modules.nfc.emulated_type2 import KINDS, Type2Card

if TYPE_CHECKING:
    from wisblock_bridge.chips.pn532.emulator import CardInField

FACTORY_KEY = b"\xff" * 6
MAD_KEY = bytes.fromhex("A0A1A2A3A4A5")
NDEF_KEY = bytes.fromhex("D3F7D3F7D3F7")
FACTORY_ACCESS = bytes.fromhex("FF078069")
MAD_ACCESS = bytes.fromhex("787788C1")
NDEF_ACCESS = bytes.fromhex("7F078840")

BLOCK = 16
NO_ANSWER, BAD_KEY = 0x01, 0x14

_NEVER = {"111": ""}
READ = dict.fromkeys(("000", "010", "100", "110", "001"), "AB") | {"011": "B", "101": "B"} | _NEVER
WRITE = {"000": "AB", "010": "", "100": "B", "110": "B", "001": "", "011": "B", "101": ""} | _NEVER
"""Access conditions of a data block (C1, C2, C3) to the keys that may (data sheet, table 8)."""
TRAILER = {
    "000": ("A", "", "A"),
    "010": ("", "", ""),
    "100": ("B", "", "B"),
    "110": ("", "", ""),
    "001": ("A", "A", "A"),
    "011": ("B", "B", "B"),
    "101": ("", "B", ""),
    "111": ("", "", ""),
}
"""Who may write key A, access bits and key B of a trailer (data sheet, table 7)."""
B_IS_DATA = {"000", "010", "001"}
"""Conditions of a trailer under which key B can be read. The data sheet says that it opens nothing
then; the cards of the vendor's flow, which uses key B as delivered, do open, and so do these.
"""


class ClassicCard:
    """A Mifare Classic.

    Args:
        uid: 4 bytes.
        blocks: 20 (Mini), 64 (1K) or 256 (4K).

    Attributes:
        memory: All of it, trailers with their keys included.
        dead: Blocks that take a write and do not keep it: a fault.
        writes: Each block that was written, with its data, for tests.
    """

    def __init__(self, uid: bytes, blocks: int = 64) -> None:
        self.uid = uid
        _, self.atqa, self.sak = next(each for each in CLASSICS.values() if each[0] == blocks)
        self.memory = bytearray(BLOCK * blocks)
        self.dead: set[int] = set()
        check = reduce(xor, uid)
        self.memory[:BLOCK] = uid + bytes((check, self.sak, 0x04, 0x00)) + b"EMULATED"
        for trailer in {_trailer(block) for block in range(blocks)}:
            self.put(trailer, FACTORY_KEY + FACTORY_ACCESS + FACTORY_KEY)
        self.writes: list[tuple[int, bytes]] = []
        self._sector: int | None = None
        self._key = ""
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
        """Answer a command; a card that refused once is silent until it is woken."""
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
            return self._read(block)
        if code == 0xA0 and len(data) == 18 and block and self._may(block, WRITE):  # noqa: PLR2004
            self.writes.append((block, data[2:]))
            if block not in self.dead:
                self._store(block, data[2:])
            return b""
        self._refuse(NO_ANSWER)
        return b""

    # -- access rights (data sheet, section 8.7) --------------------------------------------------

    def _condition(self, block: int) -> str:
        """Return C1, C2 and C3 of a block."""
        trailer = _trailer(block)
        at = BLOCK * trailer + 6
        _, second, third = self.memory[at : at + 3]
        group = block % 4 if block < 128 else min(block % 16 // 5, 3)  # noqa: PLR2004
        return f"{second >> 4 + group & 1}{third >> group & 1}{third >> 4 + group & 1}"

    def _is_whole(self, block: int) -> bool:
        at = BLOCK * _trailer(block) + 6
        first, second, third = self.memory[at : at + 3]
        return (first ^ (third << 4 | second >> 4)) & 0xFF == 0xFF and (  # noqa: PLR2004
            second ^ third >> 4
        ) & 0x0F == 0x0F  # noqa: PLR2004

    def _may(self, block: int, table: dict[str, str]) -> bool:
        if not self._is_whole(block):
            return False
        if block == _trailer(block):
            return table is not WRITE or any(
                self._key in TRAILER[self._condition(block)][part] for part in range(3)
            )
        return self._key in table[self._condition(block)]

    def _read(self, block: int) -> bytes:
        if not self._may(block, READ):
            self._refuse(NO_ANSWER)
        content = bytes(self.memory[BLOCK * block : BLOCK * (block + 1)])
        if block != _trailer(block):
            return content
        shown = content[10:] if self._condition(block) in B_IS_DATA else bytes(6)
        return bytes(6) + content[6:10] + shown

    def _store(self, block: int, data: bytes) -> None:
        if block != _trailer(block):
            self.put(block, data)
            return
        rights = TRAILER[self._condition(block)]
        at = BLOCK * block
        for part, (begin, end) in enumerate(((0, 6), (6, 10), (10, 16))):
            if self._key in rights[part]:
                self.memory[at + begin : at + end] = data[begin:end]

    def _authenticate(self, block: int, key: bytes, uid: bytes, *, second: bool) -> None:
        trailer = _trailer(block)
        at = BLOCK * trailer + (10 if second else 0)
        if uid != self.uid[-4:] or key != self.memory[at : at + 6]:
            self._refuse(BAD_KEY)
        self._sector = trailer
        self._key = "B" if second else "A"

    def _refuse(self, status: int) -> None:
        self._sector, self._halted = None, True
        raise SilentCard(status)


Card = ClassicCard | Type2Card

CLASSICS = {
    "classic_mini": (20, b"\x00\x04", 0x09),
    "classic1k": (64, b"\x00\x04", 0x08),
    "classic4k": (256, b"\x00\x02", 0x18),
}
"""Kinds to blocks, ATQA and SAK."""
SIZES = (*CLASSICS, *KINDS)
"""Kinds of cards that can be made."""


def new_card(kind: str, uid: bytes) -> Card:
    """Create a card as it comes from the factory.

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
    wanted = 7 if kind in KINDS else 4
    if len(uid) != wanted:
        raise ValueError(f"the UID of a {kind} has {wanted} bytes, not {len(uid)}")
    return Type2Card(uid, kind=kind) if kind in KINDS else ClassicCard(uid, CLASSICS[kind][0])


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
