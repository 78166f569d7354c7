"""Formatting a Mifare Classic for NDEF.

1. All sectors are opened and looked at before the first block is written.
2. The keys of sector 0 come last: until then the card does not count as formatted, and formatting
   it can be begun again.

Source: NXP AN1304 (NDEF), AN10787 (MAD); MF1S50yyX data sheet, section 8.7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532.card_setup import (
    already_formatted,
    erase_message,
    holds_data,
    put,
)
from wisblock_bridge.chips.pn532.classic import (
    FACTORY_KEY,
    LARGE,
    MAD_2,
    MAD_KEY,
    NDEF_KEY,
    first_block,
    trailer_of,
)
from wisblock_bridge.chips.pn532.mifare_directory import (
    NDEF_APPLICATION,
    check_value,
    rights,
)
from wisblock_bridge.chips.pn532.ndef_memory import Progress, interrupt, read_message
from wisblock_bridge.chips.pn532.status import AUTHENTICATION, CardError
from wisblock_bridge.errors import BridgeError, RemoteExceptionError

if TYPE_CHECKING:
    from wisblock_bridge.chips.pn532.card import KeyType
    from wisblock_bridge.chips.pn532.classic import MifareClassic

MAD_ACCESS = bytes.fromhex("78 77 88")
NDEF_ACCESS = bytes.fromhex("7F 07 88 40")
"""Access bits, and the general purpose byte: version 1.0, read and write access."""
MAD_1_ONLY, WITH_MAD_2 = 0xC1, 0xC2
"""General purpose byte of sector 0: a directory, several applications, its version."""
FACTORY_CONDITION, NDEF_CONDITION = "001", "011"
"""Of a trailer: key A, or key B, may write all of it."""
EMPTY = bytes.fromhex("03 00 FE") + bytes(13)


def format_classic(card: MifareClassic, blocks: int, *, erase: bool) -> Progress:
    """Format a card that has its factory keys.

    Args:
        card: The card.
        blocks: How many it has.
        erase: Whether what it holds may be lost.

    Returns:
        The blocks written.

    Raises:
        ForbiddenError: It is formatted or not blank; nothing was written.
        RemoteExceptionError: It has other keys or access rights; nothing was written.
    """
    try:
        formatted = bool(card.ndef_units())
    except CardError as error:
        if error.gone and error.status != AUTHENTICATION:
            raise
        formatted = False
    except RemoteExceptionError:
        formatted = False
    if formatted:
        if not erase:
            raise already_formatted()
        return erase_message(card)
    sectors = [each for each in range(40) if first_block(each) < blocks]
    keys = {each: _open(card, each) for each in sectors}
    plan = _blocks(sectors, large=blocks == LARGE)
    if not erase:
        _refuse_data(card, sectors, keys, plan)
    progress = Progress(card.unit_name, list(plan))
    for number, data in plan.items():
        sector = next(each for each in sectors if trailer_of(first_block(each)) >= number)
        try:
            card.unlock(number, *keys[sector])
        except BridgeError as error:
            interrupt(error, progress, f"before block {number} was written")
            raise
        put(card, {number: data}, progress)
        if number == trailer_of(number):
            card.forget()
    _verify(card, sectors, progress)
    return progress


def _blocks(sectors: list[int], *, large: bool) -> dict[int, bytes]:
    """Return what is written, in order: an empty message, keys, directories, key of sector 0."""
    ndef = [each for each in sectors if each not in {0, MAD_2}]
    plan = {first_block(1): EMPTY}
    for each in ndef:
        plan[trailer_of(first_block(each))] = NDEF_KEY + NDEF_ACCESS + FACTORY_KEY
    entries = (NDEF_APPLICATION if each in ndef else bytes(2) for each in range(1, 16))
    first = b"\x01" + b"".join(entries)
    directory = bytes((check_value(first),)) + first
    plan |= {1: directory[:16], 2: directory[16:]}
    if large:
        second = b"\x01" + NDEF_APPLICATION * 23
        directory = bytes((check_value(second),)) + second
        at = first_block(MAD_2)
        plan |= {at + part: directory[16 * part : 16 * part + 16] for part in range(3)}
        plan[trailer_of(at)] = MAD_KEY + MAD_ACCESS + bytes(1) + FACTORY_KEY
    general = bytes((WITH_MAD_2 if large else MAD_1_ONLY,))
    plan[trailer_of(0)] = MAD_KEY + MAD_ACCESS + general + FACTORY_KEY
    return plan


def _open(card: MifareClassic, sector: int) -> tuple[bytes, KeyType]:
    """Find the key that may write all of a sector."""
    block = first_block(sector)
    ways: tuple[tuple[bytes, KeyType, str], ...] = (
        (FACTORY_KEY, "A", FACTORY_CONDITION),
        (FACTORY_KEY, "B", NDEF_CONDITION),
    )
    for key, key_type, condition in ways:
        try:
            card.unlock(block, key, key_type)
            found = rights(card.read(trailer_of(block)))
        except CardError as error:
            if not (error.status == AUTHENTICATION or error.gone):
                raise
            card.wake()
            continue
        if found.conditions[3] == condition:
            return key, key_type
    raise RemoteExceptionError(
        f"Sector {sector} of this card does not have its factory key, or its access rights do not "
        "let it be formatted. Nothing was written.",
        hint="Only a card as it comes from the factory can be formatted.",
        data={"sector": sector},
    )


def _refuse_data(
    card: MifareClassic,
    sectors: list[int],
    keys: dict[int, tuple[bytes, KeyType]],
    plan: dict[int, bytes],
) -> None:
    """Refuse a card that holds anything but what an interrupted try leaves."""
    for sector in sectors:
        begin = first_block(sector)
        card.unlock(begin, *keys[sector])
        for block in range(max(1, begin), trailer_of(begin)):
            content = card.read(block)
            if any(content) and content != plan.get(block):
                raise holds_data(f"block {block}")


def _verify(card: MifareClassic, sectors: list[int], progress: Progress) -> None:
    """See that everything opens with the public keys and holds an empty message."""
    try:
        units = card.ndef_units()
        expected = {each for each in sectors if each not in {0, MAD_2}}
        missing = expected - {
            sector for sector in sectors for unit in units if first_block(sector) == unit
        }
        for sector in sorted(expected - missing):
            trailer = trailer_of(first_block(sector))
            card.unlock(trailer, NDEF_KEY, "A")
            if card.read(trailer)[6:10] != NDEF_ACCESS:
                missing.add(sector)
        message = read_message(card)
    except BridgeError as error:
        interrupt(error, progress, "when it was read back")
        raise
    if missing or message != b"":
        raise RemoteExceptionError(
            f"The card did not keep all of it: sectors {sorted(missing)} read back differently. "
            f"{progress}",
            hint="The card may be worn out.",
            data={**progress.data, "sectors": sorted(missing)},
        )
