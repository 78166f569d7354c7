"""Setting NFC cards up: format, password, lock for good, and commands of your own.

1. What cannot be taken back is done only when it is confirmed.
2. Which bytes that takes is known next door (``chips.pn532``).
"""

from __future__ import annotations

from wisblock_bridge.chips.pn532.card_setup import (
    format_tag,
    lock_tag,
    protect_tag,
    unprotect_tag,
)
from wisblock_bridge.chips.pn532.cards import block_count
from wisblock_bridge.chips.pn532.classic import MifareClassic
from wisblock_bridge.chips.pn532.classic_setup import format_classic
from wisblock_bridge.chips.pn532.type2 import Type2Tag
from wisblock_bridge.errors import BadParamsError, RemoteExceptionError
from wisblock_bridge.module_api import Result, operation
from wisblock_bridge.modules.nfc.params import (
    DATA,
    UID,
    WRITTEN,
    Command,
    Confirm,
    Erase,
    FirstPage,
    ForReading,
    NewPack,
    NewPassword,
    Pack,
    Password,
)
from wisblock_bridge.modules.nfc.reader import NfcReader


def check_confirmed(params: object) -> None:
    """Refuse to lock a card unless that is confirmed.

    Args:
        params: The checked parameters, ``confirm`` among them.

    Raises:
        BadParamsError: It is not.
    """
    if not getattr(params, "confirm", False):
        raise not_confirmed()


def not_confirmed() -> BadParamsError:
    """Create the refusal of what cannot be taken back."""
    return BadParamsError(
        "confirm is false: a card that was locked can never be written again.",
        hint="Set confirm to true if that is what you want.",
        data={"param": "confirm", "allowed": "true"},
    )


class CardSetup(NfcReader):
    """The operations that set a card up."""

    @operation(gives=(WRITTEN, UID), main=WRITTEN)
    def format_ndef(self, erase: Erase = False) -> Result:  # noqa: FBT002  (of the wire)
        """Format a blank card for NDEF: Ultralight, NTAG, or Mifare Classic with factory keys.

        It holds an empty message then. A Mifare Classic gets its application directory and the
        public keys; key B stays the factory key. A card that is formatted or not blank is refused
        unless ``erase`` is set.

        Returns:
            ``written``, the blocks or pages, and ``uid``.

        Raises:
            ForbiddenError: It is formatted, not blank, or locked; nothing was written.
            NotReadyError: No card lies on the reader.
            RemoteExceptionError: It cannot be formatted, or was taken away.
            BusError: The reader did not answer.
        """
        with self._on_card() as (link, card):
            if isinstance(card, MifareClassic):
                progress = format_classic(card, block_count(link.target), erase=erase)
            else:
                progress = format_tag(_tag(card), erase=erase)
        return self.readings(written=progress.written, uid=link.target.uid)

    @operation(gives=(WRITTEN, UID), main=WRITTEN)
    def protect(
        self,
        password: NewPassword,
        pack: NewPack = None,
        first_page: FirstPage = 4,
        reading: ForReading = False,  # noqa: FBT002  (of the wire)
    ) -> Result:
        """Let an NTAG or Ultralight EV1 ask for a password before it is written.

        A password that is forgotten cannot be found out; ``unprotect`` takes it away. The radio
        carries it as it is.

        Returns:
            ``written``, the pages, and ``uid``.

        Raises:
            BadParamsError: The card has no such page.
            ForbiddenError: It asks for a password already, or its configuration is locked.
            NotReadyError: No card lies on the reader.
            RemoteExceptionError: It has no password, or was taken away.
            BusError: The reader did not answer.
        """
        with self._on_card() as (link, card):
            progress = protect_tag(
                _tag(card), password, pack or bytes(2), first_page, reading=reading
            )
        return self.readings(written=progress.written, uid=link.target.uid)

    @operation(gives=(WRITTEN, UID), main=WRITTEN)
    def unprotect(self, password: NewPassword, pack: Pack = None) -> Result:
        """Take the password away from an NTAG or Ultralight EV1; it is as delivered then.

        Returns:
            ``written``, the pages, and ``uid``.

        Raises:
            ForbiddenError: Its configuration is locked.
            NotReadyError: No card lies on the reader.
            RemoteExceptionError: The card refused the password, has none, or was taken away.
            BusError: The reader did not answer.
        """
        with self._on_card(password, pack) as (link, card):
            progress = unprotect_tag(_tag(card))
        return self.readings(written=progress.written, uid=link.target.uid)

    @operation(gives=(WRITTEN, UID), main=WRITTEN, check=check_confirmed)
    def lock(self, confirm: Confirm, password: Password = None, pack: Pack = None) -> Result:
        """Make an Ultralight or NTAG read-only for good. This can never be taken back.

        Returns:
            ``written``, the pages with the capability container and the lock bits, and ``uid``.

        Raises:
            BadParamsError: ``confirm`` is false; nothing was sent.
            NotReadyError: No card lies on the reader.
            RemoteExceptionError: Its type is not known, or it was taken away; the message says what
                was written.
            BusError: The reader did not answer.
        """
        if not confirm:  # ``check`` says so before anything is queued; here for direct callers
            raise not_confirmed()
        with self._on_card(password, pack) as (link, card):
            progress = lock_tag(_tag(card))
        return self.readings(written=progress.written, uid=link.target.uid)

    @operation(gives=(DATA, UID), main=DATA, payload_param="data")
    def transceive(self, data: Command) -> Result:
        """Send a command of your own to the card, and give its answer. Nothing is checked.

        The reader adds the CRC. A Mifare Classic's keys are not for this: use ``read_block``.

        Returns:
            ``data``, the answer, and ``uid``.

        Raises:
            NotReadyError: No card lies on the reader.
            RemoteExceptionError: The card refused, or was taken away.
            BusError: The reader did not answer.
        """
        with self._card_there() as link:
            link.select_again()  # a command that nobody knows here is never sent twice
            answer = link.communicate(data)
        return self.readings(data=answer, uid=link.target.uid)


def _tag(card: object) -> Type2Tag:
    if not isinstance(card, Type2Tag):
        raise RemoteExceptionError(
            "This is for Ultralight and NTAG; a Mifare Classic has keys and access bits instead.",
            hint="Write its sector trailers with write_block and allow_protected.",
        )
    return card
