"""What the operations of an NFC reader take and give: names, limits and sentences.

1. Facts for forms, help and documents only; nothing is done here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from wisblock_bridge.chips.pn532.cards import CARD_TYPES
from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.module_api import Param, ReadingSpec

VERSION = ReadingSpec("version", "Firmware of the reader chip, for example 1.6.", kind="str")
PRESENT = ReadingSpec("present", "Whether a card lies on the reader.", kind="bool")
UID = ReadingSpec("uid", "Identifier of the card, 4, 7 or 10 bytes.", kind="bytes")
TYPE = ReadingSpec("type", "Kind of card.", kind="str", choices=CARD_TYPES)
ATQA = ReadingSpec("atqa", "First answer of the card (SENS_RES), two bytes.", kind="bytes")
SAK = ReadingSpec(
    "sak", "Second answer of the card (SEL_RES).", kind="int", low=0, high=255, step=1
)
DATA = ReadingSpec("data", "16 bytes of a block, or 4 of a page.", kind="bytes")
WRITTEN = ReadingSpec("written", "The blocks or pages that were written.", kind="list")
RECORDS = ReadingSpec(
    "records",
    "The records as text, in the form that write_ndef takes.",
    kind="list",
)
KINDS = ReadingSpec("kinds", "For each record uri, text, mime, smart_poster or other.", kind="list")
DETAILS = ReadingSpec(
    "details",
    "For each record what its text cannot carry (identifier, encoding, chunks), in the form that "
    "write_ndef takes; empty for the usual way.",
    kind="list",
)
MESSAGE = ReadingSpec("message", "The whole message as it stands on the card.", kind="bytes")
ON = ReadingSpec("on", "Whether the radio field is on.", kind="bool")

Block = Annotated[
    int,
    Param(
        "Block of a Mifare Classic, or page of an Ultralight or NTAG.",
        low=0,
        high=255,
        selects=True,
    ),
]
Key = Annotated[
    bytes | None,
    Param(
        "Key of a Mifare Classic, 6 bytes; the factory key (six times FF) if none is given. Other "
        "cards need none.",
        low=6,
        high=6,
    ),
]
Which = Annotated[Literal["A", "B"], Param("Which of the sector's two keys it is.")]
PollMs = Annotated[
    int, Param("How often to look for cards.", unit="millisecond", low=50, high=60_000)
]
GoneMs = Annotated[
    int,
    Param(
        "How long a card must be missed before it counts as gone.",
        unit="millisecond",
        low=0,
        high=60_000,
    ),
]


Content = Annotated[
    bytes, Param("What is written: 16 bytes to a block, 4 to a page.", low=4, high=16)
]
Unguarded = Annotated[
    bool,
    Param(
        "Write block 0, a sector trailer, lock bits or configuration too. A wrong byte there can "
        "spoil the card for good."
    ),
]
Records = Annotated[
    list[str],
    Param(
        "The records: an address as it is, other text as it is, text in another language as "
        "text:de:Hallo, a file as data:image/png;base64,... An empty list empties the card.",
        high=8000,
    ),
]
Details = Annotated[
    list[str] | None,
    Param(
        "For each record how it is to stand on the card, as read_ndef gives it: id=..., "
        "encoding=utf-16be, prefix=0, long, chunks=4,4, with semicolons between them.",
        high=8000,
    ),
]
WaitMs = Annotated[
    int, Param("How long to wait for a card.", unit="millisecond", low=0, high=10_000)
]
Keep = Annotated[bool, Param("Keep the field on, or let it go off when it is not needed.")]


Password = Annotated[
    bytes | None,
    Param("Password of an NTAG or Ultralight EV1, 4 bytes; none if none is given.", low=4, high=4),
]
Pack = Annotated[
    bytes | None,
    Param(
        "What the card has to answer the password with (PACK), 2 bytes; not compared if none is "
        "given.",
        low=2,
        high=2,
    ),
]
NewPassword = Annotated[bytes, Param("The password, 4 bytes.", low=4, high=4)]
NewPack = Annotated[
    bytes | None,
    Param(
        "What the card answers the password with (PACK), 2 bytes; zeros if none is given.",
        low=2,
        high=2,
    ),
]
FirstPage = Annotated[
    int, Param("First page that asks for the password.", low=4, high=225, label="First page")
]
ForReading = Annotated[
    bool, Param("Ask for the password before reading too.", label="For reading too")
]
Erase = Annotated[bool, Param("What the card holds may be lost.")]
Confirm = Annotated[bool, Param("Yes, the card shall never be written again.")]
Command = Annotated[
    bytes, Param("The command, without its CRC, for example 60 (GET_VERSION).", low=1, high=250)
]


def check_data(params: object) -> None:
    """Refuse data that is neither a block nor a page long.

    Args:
        params: The checked parameters, ``data`` among them.

    Raises:
        BadParamsError: It is not 4 or 16 bytes long.
    """
    length = len(getattr(params, "data", b""))
    if length not in {4, 16}:
        raise BadParamsError(
            f"data is {length} bytes long; allowed: 16 for a block of a Mifare Classic, 4 for a "
            "page of an Ultralight or NTAG.",
            data={"param": "data", "allowed": "4 or 16 bytes"},
        )
