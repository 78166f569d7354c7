"""Emulated Ultralight and NTAG cards.

1. A card knows its own memory and nothing of the reader, except how a refusal looks to it.
2. Values are typed from the cards' data sheets, never imported from the drivers.

Source: NXP NTAG210/212, NTAG213/215/216, NTAG203, MF0ICU1, MF0ICU2 and MF0ULx1 data sheets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor

from wisblock_bridge.chips.pn532.emulator import SilentCard

PAGE = 4
NO_ANSWER = 0x01


@dataclass(frozen=True, slots=True)
class Kind:
    """What a type of card is like when it is delivered.

    Attributes:
        pages: All of its pages that can be read.
        capabilities: Page 3.
        version: What GET_VERSION gives, or nothing where it is not known to the card.
        locks: Page of the dynamic lock bytes, or 0.
        lock_pages: How many pages a dynamic lock bit locks; 0 for the layout of Ultralight C.
        configuration: Page of AUTH0, or 0; ACCESS, PWD and PACK follow.
        start: The user memory's first bytes.
        triple_des: Whether it answers AUTHENTICATE.
    """

    pages: int
    capabilities: str = "00000000"
    version: str = ""
    locks: int = 0
    lock_pages: int = 0
    configuration: int = 0
    start: str = "00"
    triple_des: bool = False


KINDS = {
    "ultralight": Kind(16),
    "ultralight_c": Kind(44, locks=40, triple_des=True),
    "ultralight_ev1": Kind(20, version="0004030101000B03", configuration=16),
    "ultralight_ev1_128": Kind(
        41, version="0004030101000E03", locks=36, lock_pages=2, configuration=37
    ),
    "ntag203": Kind(42, "E1101200", locks=40, start="0103A010440300FE"),
    "ntag210": Kind(20, "E1100600", "0004040101000B03", configuration=16, start="0300FE"),
    "ntag212": Kind(41, "E1101000", "0004040101000E03", 36, 2, 37, "0103900A340300FE"),
    "ntag213": Kind(45, "E1101200", "0004040201000F03", 40, 2, 41, "0103A00C340300FE"),
    "ntag215": Kind(135, "E1103E00", "0004040201001103", 130, 16, 131, "0300FE"),
    "ntag216": Kind(231, "E1106D00", "0004040201001303", 226, 16, 227, "0300FE"),
    "ntag_i2c": Kind(231, "E1106D00", "0004040502011303", 226, 16, start="0300FE"),
}
BY_PAGES = {45: "ntag213", 135: "ntag215", 231: "ntag216"}
SPARSE = {16: 1, 20: 2, 24: 3, 28: 5, 32: 6, 36: 7}
"""Ultralight C and NTAG203: first page of four to the lock bit."""


class Type2Card:
    """An Ultralight or NTAG.

    Args:
        uid: 7 bytes.
        pages: 45, 135 or 231, for an NTAG213, 215 or 216.
        kind: A key of ``KINDS``, in place of ``pages``.

    Attributes:
        memory: All pages.
        dead: Pages that take a write and do not keep it: a fault.
        writes: Each page that was written, with its data, for tests.
    """

    def __init__(self, uid: bytes, pages: int = 45, kind: str = "") -> None:
        self.kind = KINDS[kind or BY_PAGES[pages]]
        self.uid = uid
        self.atqa, self.sak = b"\x00\x44", 0x00
        self.memory = bytearray(PAGE * self.kind.pages)
        self.dead: set[int] = set()
        self.writes: list[tuple[int, bytes]] = []
        first, second = uid[:3], uid[3:]
        self.memory[:9] = (
            first + bytes((0x88 ^ reduce(xor, first),)) + second + bytes((reduce(xor, second),))
        )
        self.memory[9] = 0x48
        self.memory[12:16] = bytes.fromhex(self.kind.capabilities)
        start = bytes.fromhex(self.kind.start)
        self.memory[16 : 16 + len(start)] = start
        if self.kind.configuration:
            at = PAGE * self.kind.configuration
            # No password asked for; PWD and PACK as delivered (data sheet, section 8.5.7).
            self.memory[at : at + 16] = bytes.fromhex("040000FF 00050000 FFFFFFFF 00000000")
        self._halted = False
        self._known = False

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
        self._known = False

    def command(self, data: bytes) -> bytes:
        """Answer a command; a card that refused once is silent until it is woken."""
        if self._halted:
            raise SilentCard(NO_ANSWER)
        answer = self._answer(data)
        if answer is None:
            self._halted = True
            raise SilentCard(NO_ANSWER)
        return answer

    def _answer(self, data: bytes) -> bytes | None:
        code, page = data[0], data[1] if len(data) > 1 else 0
        match code:
            case 0x60 if len(data) == 1 and self.kind.version:
                return bytes.fromhex(self.kind.version)
            case 0x1A if len(data) == 2 and self.kind.triple_des:  # noqa: PLR2004
                return b"\xaf" + bytes(range(8))
            case 0x1B if len(data) == 5 and self.kind.configuration:  # noqa: PLR2004
                return self._show(data[1:])
            case 0x30 if len(data) == 2 and page < self.kind.pages:  # noqa: PLR2004
                return self._read(page)
            case 0xA2 if len(data) == 6 and 2 <= page < self.kind.pages:  # noqa: PLR2004
                return self._write(page, data[2:])
        return None

    # -- the password -----------------------------------------------------------------------------

    def _configured(self, page: int, byte: int) -> int:
        return self.memory[PAGE * (self.kind.configuration + page) + byte]

    def _show(self, password: bytes) -> bytes | None:
        at = PAGE * (self.kind.configuration + 2)
        self._known = password == self.memory[at : at + 4]
        return bytes(self.memory[at + 4 : at + 6]) if self._known else None

    def _is_open(self, page: int, *, writing: bool) -> bool:
        if not self.kind.configuration or self._known or page < self._configured(0, 3):
            return True
        return not writing and not self._configured(1, 0) & 0x80

    def _read(self, page: int) -> bytes | None:
        if not self._is_open(page, writing=False):
            return None
        shown = bytearray(self.memory)
        if self.kind.configuration:  # PWD and PACK are never read
            at = PAGE * (self.kind.configuration + 2)
            shown[at : at + 6] = bytes(6)
        if not self._is_open(self.kind.pages - 1, writing=False):  # it rolls over before AUTH0
            shown = shown[: PAGE * self._configured(0, 3)]
        return bytes((shown * 4)[PAGE * page : PAGE * (page + 4)])

    # -- writing ----------------------------------------------------------------------------------

    def _write(self, page: int, data: bytes) -> bytes | None:
        if not self._is_open(page, writing=True) or self._is_locked(page):
            return None
        self.writes.append((page, data))
        at = PAGE * page
        old = self.memory[at : at + PAGE]
        if page == 2:  # noqa: PLR2004  (check byte and internal byte stay, lock bits are only set)
            # Block-locking bits freeze the lock bits of their pages (data sheet, section 8.5.2).
            frozen = old[2]
            kept_lower = (0x08 if frozen & 1 else 0) | (0xF0 if frozen & 2 else 0)
            kept_upper = (0x03 if frozen & 2 else 0) | (0xFC if frozen & 4 else 0)
            self.memory[at + 2] |= data[2] & ~kept_lower
            self.memory[at + 3] |= data[3] & ~kept_upper
        elif page == 3 or page == self.kind.locks:  # noqa: PLR2004, PLR1714  (bits are only set)
            self.memory[at : at + PAGE] = bytes(a | b for a, b in zip(old, data, strict=True))
        elif page not in self.dead:
            self.memory[at : at + PAGE] = data
        return b""

    def _is_locked(self, page: int) -> bool:
        if 3 <= page < 16:  # noqa: PLR2004
            return bool(self.memory[10 + page // 8] >> page % 8 & 1)
        at = PAGE * self.kind.locks
        if not at or not 16 <= page < self.kind.locks:  # noqa: PLR2004
            return False
        bits = int.from_bytes(self.memory[at : at + 2], "little")
        if self.kind.lock_pages:
            return bool(bits >> (page - 16) // self.kind.lock_pages & 1)
        return bool(bits >> SPARSE[page // 4 * 4] & 1)
