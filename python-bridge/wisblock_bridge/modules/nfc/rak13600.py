"""RAK13600: NFC reader.

1. Facts of the product: when its field is on, what a user may do with a card, what is protected.
2. Nothing of frames, commands or a card's bytes.
3. The field is on while somebody listens, while an operation needs it, or when it was asked for; at
   all other times it is off.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from wisblock_bridge.chips.pn532 import CardError
from wisblock_bridge.chips.pn532.cards import type_of
from wisblock_bridge.chips.pn532.classic import FACTORY_KEY
from wisblock_bridge.chips.pn532.link import CardLink
from wisblock_bridge.chips.pn532.ndef_memory import (
    read_message,
    verify,
    write_message,
    write_unit,
)
from wisblock_bridge.errors import (
    BadParamsError,
    BridgeError,
    ForbiddenError,
    RemoteExceptionError,
)
from wisblock_bridge.module_api import (
    Product,
    Quality,
    Result,
    event,
    operation,
)
from wisblock_bridge.modules.nfc import ndef_records
from wisblock_bridge.modules.nfc.params import (
    ATQA,
    DATA,
    DETAILS,
    KINDS,
    MESSAGE,
    ON,
    PRESENT,
    RECORDS,
    SAK,
    TYPE,
    UID,
    VERSION,
    WRITTEN,
    Block,
    Content,
    Details,
    GoneMs,
    Keep,
    Key,
    Pack,
    Password,
    PollMs,
    Records,
    Unguarded,
    WaitMs,
    Which,
    check_data,
)
from wisblock_bridge.modules.nfc.setup import CardSetup
from wisblock_bridge.modules.nfc.watcher import CardEvents, Sighting, Sightings

if TYPE_CHECKING:
    from collections.abc import Sequence


FIELD = "field"


class RAK13600(CardSetup):
    """Read and write NFC cards: Mifare Classic, Ultralight and NTAG.

    The antenna has to be plugged in, and the card to lie on it. What comes and goes is reported by
    the events ``arrived`` and ``removed``, once each.

    The radio field costs about 100 mA. It is on only while somebody listens, while an operation
    needs it, or after it was switched on by hand.

    Block 0 and the sector trailers of a Mifare Classic, and what an Ultralight or NTAG keeps
    outside its user memory, are not written unless that is asked for: one wrong byte there can
    spoil the card for good.
    """

    product = Product(
        "RAK13600",
        title="NFC reader",
        family="wireless",
        slots=(1, 2),
        icon="wisblock-nfc.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak13600/overview/",
    )
    unconfirmed = (
        (
            "Which pin resets the reader: the vendor's three documents disagree. The bridge uses "
            "none of them and needs none."
        ),
        "How long one look for a card takes (about 5 ms is assumed).",
        (
            "Whether a card that is found while a second one is looked for needs to be selected "
            "again; the bridge does so when it does not answer."
        ),
    )

    def setup(self) -> None:
        """Create the watch for cards."""
        super().setup()
        self._sightings = Sightings(self._sight, self.clock)

    # -- the reader -------------------------------------------------------------------------------

    @operation(gives=(VERSION,), main=VERSION, reads_only=True)
    def firmware(self) -> Result:
        """Read the firmware of the reader chip.

        Returns:
            ``version``.

        Raises:
            BusError: The reader did not answer.
            WrongChipError: Something else answers.
        """
        found = self.reader.firmware()
        return self.readings(version=f"{found.version}.{found.revision}")

    @operation(gives=(ON,), main=ON, drives=FIELD, urgent={"on": False}, payload_param="on")
    def field(self, on: Keep) -> Result:
        """Keep the radio field on, or let it go off; while somebody listens it stays on.

        Returns:
            ``on``.

        Raises:
            BusError: The reader did not answer.
        """
        self._held = on
        if on:
            self.reader.set_field(on=True)
        else:
            self._rest()
        return self.readings(on=on or bool(self._listeners))

    # -- cards ------------------------------------------------------------------------------------

    @operation(gives=(PRESENT,), main=PRESENT, reads_only=True)
    def present(self) -> Result:
        """Return whether a card lies on the reader now.

        Returns:
            ``present``.

        Raises:
            BusError: The reader did not answer.
        """
        with self._powered():
            return self.readings(present=bool(self.reader.find()))

    @operation(gives=(UID, TYPE, ATQA, SAK), main=UID, default=True)
    def read_tag(
        self,
        timeout_ms: WaitMs = 500,
    ) -> Result:
        """Wait for a card and tell what it is.

        Returns:
            ``uid``, ``type``, ``atqa``, ``sak``.

        Raises:
            NotReadyError: No card came in time.
            RemoteExceptionError: Several cards lie on the reader.
            BusError: The reader did not answer.
        """
        with self._powered():
            link = self._only_card(timeout_ms / 1000.0)
            kind = type_of(link)
            card = link.target
        return self.readings(uid=card.uid, type=kind, atqa=card.atqa, sak=card.sak)

    @operation(gives=(DATA, UID), main=DATA, payload_param="block")
    def read_block(
        self,
        block: Block,
        key: Key = None,
        key_type: Which = "A",
        password: Password = None,
        pack: Pack = None,
    ) -> Result:
        """Read a block of a Mifare Classic, or a page of an Ultralight or NTAG.

        Returns:
            ``data``, 16 or 4 bytes, and ``uid``.

        Raises:
            NotReadyError: No card lies on the reader.
            RemoteExceptionError: The card refused the key, was taken away, or is of another kind.
            BusError: The reader did not answer.
        """
        with self._on_card(password, pack) as (link, card):
            self._check_block(link, card, block)
            card.unlock(block, key or FACTORY_KEY, key_type)
            data = card.read(block)
        return self.readings(data=data, uid=link.target.uid)

    @operation(gives=(WRITTEN, UID), main=WRITTEN, payload_param="data", check=check_data)
    def write_block(
        self,
        block: Block,
        data: Content,
        key: Key = None,
        key_type: Which = "A",
        allow_protected: Unguarded = False,  # noqa: FBT002  (of the wire)
        password: Password = None,
        pack: Pack = None,
    ) -> Result:
        """Write a block of a Mifare Classic, or a page of an Ultralight or NTAG, and read it back.

        A trailer does not read back as it was written, so it is not compared.

        Returns:
            ``written``, the block, and ``uid``.

        Raises:
            ForbiddenError: The block is protected; nothing was written.
            BadParamsError: The data is not as long as a block of this card.
            NotReadyError: No card lies on the reader.
            RemoteExceptionError: The card refused the key or was taken away; the message says what
                was written.
            BusError: The reader did not answer.
        """
        with self._on_card(password, pack) as (link, card):
            self._check_block(link, card, block)
            if len(data) != card.unit:
                raise BadParamsError(
                    f"data is {len(data)} bytes long; a {card.unit_name} of this card has "
                    f"{card.unit}.",
                    data={"param": "data", "allowed": card.unit},
                )
            reason = card.guard(block)
            if reason and not allow_protected:
                raise ForbiddenError(
                    f"{card.unit_name.capitalize()} {block} is protected: {reason}. Nothing was "
                    "written.",
                    hint="If that is what you want, set allow_protected.",
                )
            card.unlock(block, key or FACTORY_KEY, key_type)
            progress = write_unit(card, block, data)
            if not reason:
                verify(card, {block: data}, progress, for_ndef=False)
        return self.readings(written=progress.written, uid=link.target.uid)

    @operation(gives=(RECORDS, KINDS, DETAILS, MESSAGE, UID), main=RECORDS)
    def read_ndef(self, password: Password = None, pack: Pack = None) -> Result:
        """Read the NDEF message of a card: addresses, text, files.

        Returns:
            ``records``, ``kinds`` and ``details`` in order, ``message``, ``uid``; no records when
            the card is empty. A record that cannot be read is given as bytes, with a note.

        Raises:
            NotReadyError: No card lies on the reader.
            RemoteExceptionError: The card is not formatted for NDEF, was taken away, or holds
                something that is no message.
            BusError: The reader did not answer.
        """
        with self._on_card(password, pack) as (link, card):
            message = read_message(card)
        if message is None:
            raise RemoteExceptionError(
                "This card is not formatted for NDEF.",
                hint="Format it once with format_ndef or with a telephone, or read its blocks.",
                where=self.reader.name,
            )
        found = ndef_records.spell(message)
        return self.readings(
            Quality.UNCERTAIN if found.note else Quality.GOOD,
            found.note,
            records=found.records,
            kinds=found.kinds,
            details=found.details,
            message=message,
            uid=link.target.uid,
        )

    @operation(gives=(WRITTEN, UID), main=WRITTEN, payload_param="records")
    def write_ndef(
        self,
        records: Records,
        details: Details = None,
        password: Password = None,
        pack: Pack = None,
    ) -> Result:
        """Write an NDEF message to a card that is formatted for it, and read it back.

        Until all of it is written the card holds an empty message, never half of one. Everything
        else that stands on the card is kept. Without ``details``, a record that the card holds
        already is kept as it stands.

        Returns:
            ``written``, the blocks or pages, and ``uid``.

        Raises:
            BadParamsError: A record cannot be read, or the message is too long for the card.
            ForbiddenError: The card says that it may not be written; nothing was.
            NotReadyError: No card lies on the reader.
            RemoteExceptionError: The card is not formatted for NDEF or was taken away; the message
                says what was written.
            BusError: The reader did not answer.
        """
        ndef_records.message(records, details)
        with self._on_card(password, pack) as (link, card):
            progress = write_message(
                card, lambda old: ndef_records.message(records, details, kept=old)
            )
        return self.readings(written=sorted(progress.written), uid=link.target.uid)

    # -- events -----------------------------------------------------------------------------------

    @event(gives=(UID, TYPE), main=UID, polled=True, occurrence=True)
    def arrived(self, poll_ms: PollMs = 250, gone_ms: GoneMs = 500) -> CardEvents:
        """Report when a card comes; a card that lies there is reported first, and then not again.

        Returns:
            The event source.
        """
        return self._watch(arrivals=True, poll_ms=poll_ms, gone_ms=gone_ms)

    @event(gives=(UID,), main=UID, polled=True, occurrence=True)
    def removed(self, poll_ms: PollMs = 250, gone_ms: GoneMs = 500) -> CardEvents:
        """Report when a card goes.

        Returns:
            The event source.
        """
        return self._watch(arrivals=False, poll_ms=poll_ms, gone_ms=gone_ms)

    def _watch(self, *, arrivals: bool, poll_ms: int, gone_ms: int) -> CardEvents:
        watch = CardEvents(
            self._sightings,
            self.clock,
            arrivals=arrivals,
            poll_ms=poll_ms,
            gone_ms=gone_ms,
            leave=self._listens_no_more,
        )
        self._listeners.add(watch)
        return watch

    def _listens_no_more(self, watch: CardEvents) -> None:
        self._listeners.discard(watch)
        if self._listeners:
            return
        self._sightings.forget()
        with suppress(BridgeError):  # the next operation opens the reader again, with its field off
            self._rest()

    def _sight(self, known: dict[bytes, Sighting]) -> Sequence[Sighting]:
        """Check once; what is known already is not asked again what it is."""
        sightings: list[Sighting] = []
        asked = False
        for each in self.reader.find(limit=2):
            sighting = known.get(each.uid)
            if sighting is None:
                link = CardLink(self.reader, each)
                if asked:  # the first may have refused a question: both are selected again
                    with suppress(CardError):
                        link.select_again()
                sighting = Sighting(each.uid, type_of(link))
                asked = True
            sightings.append(sighting)
        return sightings
