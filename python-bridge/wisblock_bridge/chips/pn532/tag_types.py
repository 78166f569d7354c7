"""Which Type 2 tag it is: what GET_VERSION says, and what each type keeps where.

1. Data from NXP's data sheets; a type that is not in them is not guessed.

Source: NXP data sheets NTAG210/212, NTAG213/215/216, NTAG I2C, NTAG203, MF0ULx1 (Ultralight EV1),
MF0ICU2 (Ultralight C), MF0ICU1 (Ultralight): memory organisation, lock bytes, configuration pages,
GET_VERSION.
"""

from __future__ import annotations

from dataclasses import dataclass

GET_VERSION, AUTHENTICATE, PWD_AUTH = 0x60, b"\x1a\x00", 0x1B
NXP = 0x04

FIRST_USER_PAGE = 4
FIRST_DYNAMIC_PAGE = 16


@dataclass(frozen=True, slots=True)
class TagType:
    """A type of tag.

    Attributes:
        name: Its name.
        last_user_page: Last page of the user memory.
        lock_page: Page of the dynamic lock bytes, or None.
        lock_bits: For each dynamic lock bit, by its number from bit 0 of the first byte on, the
            first and the last page that it locks.
        block_bits: The bits that make lock bits permanent, by the same numbers.
        configuration: First of its four configuration pages (AUTH0, ACCESS, PWD, PACK), or None.
        size: Size byte of the capability container.
        start: What the data area begins with when it is delivered or formatted.
    """

    name: str
    last_user_page: int
    size: int
    lock_page: int | None = None
    lock_bits: tuple[tuple[int, int, int], ...] = ()
    block_bits: tuple[int, ...] = ()
    configuration: int | None = None
    start: bytes = b"\x03\x00\xfe"

    def locking(self, page: int) -> int | None:
        """Return the number of the dynamic lock bit of a page, or None."""
        for bit, first, last in self.lock_bits:
            if first <= page <= last:
                return bit
        return None


def _every(pages: int, last: int) -> tuple[tuple[int, int, int], ...]:
    """Bits that lock this many pages each, from page 16 on."""
    firsts = range(FIRST_DYNAMIC_PAGE, last + 1, pages)
    return tuple((bit, first, min(first + pages - 1, last)) for bit, first in enumerate(firsts))


_SPARSE = ((1, 16, 19), (2, 20, 23), (3, 24, 27), (5, 28, 31), (6, 32, 35), (7, 36, 39))
"""Ultralight C and NTAG203: bits 0 and 4 make the others permanent."""

NTAG210 = TagType("ntag210", 15, 0x06, configuration=0x10)
NTAG212 = TagType(
    "ntag212",
    35,
    0x10,
    0x24,
    _every(2, 35),
    tuple(range(16, 21)),
    0x25,
    bytes.fromhex("01 03 90 0A 34 03 00 FE"),
)
NTAG213 = TagType(
    "ntag213",
    39,
    0x12,
    0x28,
    _every(2, 39),
    tuple(range(16, 22)),
    0x29,
    bytes.fromhex("01 03 A0 0C 34 03 00 FE"),
)
NTAG215 = TagType("ntag215", 129, 0x3E, 0x82, _every(16, 129), tuple(range(16, 20)), 0x83)
NTAG216 = TagType("ntag216", 225, 0x6D, 0xE2, _every(16, 225), tuple(range(16, 23)), 0xE3)
NTAG_I2C = TagType("ntag_i2c", 225, 0x6D, 0xE2, _every(16, 225))
NTAG203 = TagType(
    "ntag203",
    39,
    0x12,
    0x28,
    _SPARSE,
    (0, 4),
    start=bytes.fromhex("01 03 A0 10 44 03 00 FE"),
)
ULTRALIGHT = TagType("ultralight", 15, 0x06)
ULTRALIGHT_C = TagType("ultralight_c", 39, 0x12, 0x28, _SPARSE, (0, 4))
ULTRALIGHT_EV1 = TagType("ultralight_ev1", 15, 0x06, configuration=0x10)
ULTRALIGHT_EV1_LARGE = TagType(
    "ultralight_ev1", 35, 0x10, 0x24, _every(2, 35), tuple(range(16, 21)), 0x25
)

_VERSIONS = {
    (0x04, 1, 0x0B): NTAG210,
    (0x04, 1, 0x0E): NTAG212,
    (0x04, 1, 0x0F): NTAG213,
    (0x04, 1, 0x11): NTAG215,
    (0x04, 1, 0x13): NTAG216,
    (0x03, 1, 0x0B): ULTRALIGHT_EV1,
    (0x03, 1, 0x0E): ULTRALIGHT_EV1_LARGE,
}
"""Product, major version and storage size, as GET_VERSION gives them."""
I2C_SUBTYPE = 0x05
I2C_SIZES = (0x13, 0x15)

NAMES = (
    *("ultralight", "ultralight_c", "ultralight_ev1", "ntag203", "ntag210", "ntag212"),
    *("ntag213", "ntag215", "ntag216", "ntag_i2c"),
)


def by_size(capabilities: bytes) -> TagType | None:
    """Return the type that a capability container stands for, where the tag can't be asked.

    Args:
        capabilities: 4 bytes: magic, version, size in units of 8 bytes, access.

    Returns:
        The NTAG21x or Ultralight of that size, or None.
    """
    known = (ULTRALIGHT, NTAG213, NTAG215, NTAG216)
    return next((each for each in known if each.size == capabilities[2]), None)


def by_version(version: bytes) -> TagType | None:
    """Return the type from what GET_VERSION gave.

    Args:
        version: 8 bytes: 0, vendor, product, subtype, major, minor, storage size, protocol.

    Returns:
        The type, or None when it is not known.
    """
    if len(version) != 8 or version[1] != NXP:  # noqa: PLR2004
        return None
    product, subtype, major, size = version[2], version[3], version[4], version[6]
    if product == 0x04 and subtype == I2C_SUBTYPE:  # noqa: PLR2004
        return NTAG_I2C if size in I2C_SIZES else None
    return _VERSIONS.get((product, major, size))
