"""Setting cards up: format for NDEF, password, lock for good.

1. Everything that can be known is looked at before the first byte is written.
2. What makes a change count is written last, and what was written is read back.
3. No password or key ever stands in an error.

Source: NFC Forum Type 2 Tag 1.1, section 2.5 (life cycle); NXP NTAG213/215/216 data sheet, sections
8.5 and 8.8; AN1304 and AN10787 (Mifare Classic).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532.ndef_memory import (
    Progress,
    interrupt,
    refuse_locked,
    verify,
    write_message,
)
from wisblock_bridge.chips.pn532.tag_types import FIRST_USER_PAGE
from wisblock_bridge.chips.pn532.type2 import (
    CAPABILITIES_PAGE,
    MAJOR_VERSION,
    NDEF_MAGIC,
    STATIC_LOCK_PAGE,
    Type2Tag,
)
from wisblock_bridge.errors import (
    BadParamsError,
    BridgeError,
    ForbiddenError,
    RemoteExceptionError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.chips.pn532.card import Card
    from wisblock_bridge.chips.pn532.tag_types import TagType

VERSION_1_0 = 0x10
NO_WRITE_ACCESS = 0x0F
OPEN = 0xFF
"""AUTH0 of a card that asks for no password."""
PROTECT_READING, CONFIGURATION_LOCKED = 0x80, 0x40
DELIVERED_PASSWORD, DELIVERED_PACK = b"\xff" * 4, bytes(2)
AUTH0_PAGE, ACCESS_PAGE, PASSWORD_PAGE, PACK_PAGE = range(4)


def put(card: Card, pages: Mapping[int, bytes], progress: Progress) -> None:
    """Write blocks or pages in order, and keep account."""
    for number, data in pages.items():
        progress.writing = number
        try:
            card.write(number, data)
        except BridgeError as error:
            interrupt(error, progress, f"while {card.unit_name} {number} was written")
            raise
        progress.writing = None
        progress.written.append(number)


def already_formatted() -> ForbiddenError:
    """Create the refusal for a card that holds NDEF already."""
    return ForbiddenError(
        "This card is formatted for NDEF already; nothing was written.",
        hint="Write it with write_ndef, or set erase to put an empty message on it.",
    )


def holds_data(where: str) -> ForbiddenError:
    """Create the refusal for a card that is not blank."""
    return ForbiddenError(
        f"This card is not blank: {where} holds data. Nothing was written.",
        hint="Set erase if it may be lost.",
    )


def format_tag(card: Type2Tag, *, erase: bool) -> Progress:
    """Format an Ultralight or NTAG.

    Args:
        card: The tag.
        erase: Whether what it holds may be lost.

    Returns:
        The pages written.

    Raises:
        ForbiddenError: It is formatted or not blank, or locked; nothing was written.
        RemoteExceptionError: Its type is not known, or its capability container can never be right.
    """
    kind = known(card)
    found = card.capabilities()
    wanted = bytes((NDEF_MAGIC, VERSION_1_0, kind.size, 0))
    formatted = found[0] == NDEF_MAGIC and found[1] >> 4 == MAJOR_VERSION
    if formatted and not erase:
        raise already_formatted()
    if not formatted and any(a & ~b for a, b in zip(found, wanted, strict=True)):
        raise RemoteExceptionError(
            f"This card cannot be formatted: page 3 holds {found.hex(' ')}, and its bits can never "
            "be cleared.",
            hint="Use another card.",
        )
    start = kind.start + bytes(-len(kind.start) % card.unit)
    pages = {
        FIRST_USER_PAGE + at // card.unit: start[at : at + card.unit]
        for at in range(0, len(start), card.unit)
    }
    if not erase:
        for page in range(FIRST_USER_PAGE, kind.last_user_page + 1):
            content = card.read(page)
            if any(content) and content != pages.get(page):  # as an interrupted try leaves it
                raise holds_data(f"page {page}")
    if not formatted:
        pages[CAPABILITIES_PAGE] = wanted  # last: it makes the card count as formatted
    refuse_locked(card, list(pages))
    progress = Progress(card.unit_name, list(pages))
    put(card, pages, progress)
    verify(card, pages, progress, for_ndef=False)
    return progress


def lock_tag(card: Type2Tag) -> Progress:
    """Make an Ultralight or NTAG read-only for good.

    Args:
        card: The tag.

    Returns:
        The pages written: capability container, dynamic lock bytes, static lock bytes.

    Raises:
        RemoteExceptionError: Its type is not known, or it did not keep what was written.
    """
    kind = known(card)
    found = card.capabilities()
    static = card.read(STATIC_LOCK_PAGE)
    pages: dict[int, bytes] = {}
    if found[0] == NDEF_MAGIC and not static[2] & 1 << CAPABILITIES_PAGE:
        pages[CAPABILITIES_PAGE] = found[:3] + bytes((found[3] | NO_WRITE_ACCESS,))
    if kind.lock_page is not None:
        bits = sum(1 << bit for bit in {each[0] for each in kind.lock_bits} | {*kind.block_bits})
        before = card.read(kind.lock_page)
        now = int.from_bytes(before[:3], "little") | bits
        pages[kind.lock_page] = now.to_bytes(3, "little") + before[3:]
    pages[STATIC_LOCK_PAGE] = static[:2] + b"\xff\xff"
    progress = Progress(card.unit_name, list(pages))
    put(card, pages, progress)
    verify(card, pages, progress, for_ndef=False)
    return progress


def protect_tag(
    card: Type2Tag, password: bytes, pack: bytes, first_page: int, *, reading: bool
) -> Progress:
    """Ask for a password from a page on.

    Args:
        card: The tag.
        password: 4 bytes.
        pack: 2 bytes that the card answers the right password with.
        first_page: First page that asks for it.
        reading: Whether reading asks for it too.

    Returns:
        The pages written.

    Raises:
        BadParamsError: The card has no such page.
        ForbiddenError: It is protected already, or its configuration is locked for good.
        RemoteExceptionError: It has no password, or did not keep what was written.
    """
    first = _configuration(card)
    kind = known(card)
    if first_page > kind.last_user_page:
        raise BadParamsError(
            f"first_page is {first_page}; the user memory of this card ends at page "
            f"{kind.last_user_page}.",
            data={"param": "first_page", "allowed": f"4...{kind.last_user_page}"},
        )
    mirror, access = card.read(first + AUTH0_PAGE), card.read(first + ACCESS_PAGE)
    if mirror[3] < OPEN:
        raise ForbiddenError(
            f"This card asks for a password already, from page {mirror[3]} on. Nothing was "
            "written.",
            hint="Take it away with unprotect first.",
        )
    _refuse_locked_configuration(access)
    rule = access[0] | PROTECT_READING if reading else access[0] & ~PROTECT_READING
    numbers = [first + each for each in (PASSWORD_PAGE, PACK_PAGE, ACCESS_PAGE, AUTH0_PAGE)]
    progress = Progress(card.unit_name, numbers)
    put(card, {numbers[0]: password, numbers[1]: pack + bytes(2)}, progress)
    card.show(password, pack)  # neither can be read back; nothing is closed yet
    last = {
        numbers[2]: bytes((rule,)) + access[1:],
        numbers[3]: mirror[:3] + bytes((first_page,)),
    }
    put(card, last, progress)
    card.show(password, pack)
    verify(card, last, progress, for_ndef=False)
    return progress


def unprotect_tag(card: Type2Tag) -> Progress:
    """Ask for a password no more; it has been shown.

    Args:
        card: The tag.

    Returns:
        The pages written.

    Raises:
        ForbiddenError: The configuration is locked for good.
        RemoteExceptionError: It has no password, or did not keep what was written.
    """
    first = _configuration(card)
    mirror, access = card.read(first + AUTH0_PAGE), card.read(first + ACCESS_PAGE)
    _refuse_locked_configuration(access)
    opened = {
        first + AUTH0_PAGE: mirror[:3] + bytes((OPEN,)),
        first + ACCESS_PAGE: bytes((access[0] & ~PROTECT_READING,)) + access[1:],
    }
    delivered = {
        first + PASSWORD_PAGE: DELIVERED_PASSWORD,
        first + PACK_PAGE: DELIVERED_PACK + bytes(2),
    }
    progress = Progress(card.unit_name, [*opened, *delivered])
    put(card, {**opened, **delivered}, progress)
    verify(card, opened, progress, for_ndef=False)
    return progress


def erase_message(card: Card) -> Progress:
    """Put an empty message on a card that is formatted."""
    return write_message(card, lambda _old: b"")


def known(card: Type2Tag) -> TagType:
    """Return the type of a tag.

    Raises:
        RemoteExceptionError: It is not known: where its lock bytes are is not known then.
    """
    kind = card.identify()
    if kind is None:
        raise RemoteExceptionError(
            "The type of this card is not known, and so not where its lock bytes and its "
            "configuration are. Nothing was written.",
            hint="NTAG210 to 216, NTAG203, NTAG I2C and Ultralight (plain, C, EV1) are known.",
        )
    return kind


def _configuration(card: Type2Tag) -> int:
    kind = known(card)
    if kind.configuration is None:
        raise RemoteExceptionError(
            f"This card ({kind.name}) has no password.",
            hint="NTAG210 to 216 and Ultralight EV1 have one.",
        )
    return kind.configuration


def _refuse_locked_configuration(access: bytes) -> None:
    if access[0] & CONFIGURATION_LOCKED:
        raise ForbiddenError(
            "The configuration of this card is locked for good (CFGLCK). Nothing was written.",
            hint="Use another card.",
        )
