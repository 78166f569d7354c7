"""The words of a LIN bus: readings, parameters, and what several parameters must keep together.

1. Names, limits and sentences stand here once; form, help and docs are generated from them.
2. Nothing here sends or hears.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.module_api import Param, ReadingSpec
from wisblock_bridge.modules.lin import frames
from wisblock_bridge.modules.lin.listening import KINDS
from wisblock_bridge.modules.lin.master import BreakMethod

SLOWEST, FASTEST = 2400, 20_000
"""Below, a break would be cut off by the transceiver's time-out of 8 ms; above, it is no LIN."""

DATA = ReadingSpec("data", "The data, 1 to 8 bytes.", kind="bytes")
CHECKSUM = ReadingSpec(
    "checksum", "The checksum that fitted.", kind="str", choices=("classic", "enhanced")
)
FRAME = ReadingSpec(
    "frame", "All its bytes: a zero for the break, 55, identifier, data, checksum.", kind="bytes"
)
FRAMES = ReadingSpec(
    "frames", "The whole frames, each with `ID`, `length`, `data` and `checksum`.", kind="list"
)
PROBLEMS = ReadingSpec(
    "problems", "What is no whole frame, each with `kind`, `words` and `raw`.", kind="list"
)
OTHERS = ReadingSpec("others", "Whole frames with another identifier.", kind="int", low=0)
REST = ReadingSpec(
    "rest", "Bytes at the end that may go on; put them before what comes next.", kind="bytes"
)
AWAKE = ReadingSpec("awake", "The transceiver is on, and takes part in the bus.", kind="bool")
RUNNING = ReadingSpec("running", "A schedule runs.", kind="bool")
SLOTS = ReadingSpec("slots", "Slots of the schedule.", kind="int", low=0, high=64)
ROUND = ReadingSpec("round", "How long the schedule takes once.", unit="millisecond", low=0.0)
ROUNDS = ReadingSpec("rounds", "How often the schedule was gone through.", kind="int", low=0)
LATE = ReadingSpec("late", "Slots of the schedule that began late.", kind="int", low=0)
SENT = ReadingSpec("sent", "Frames and headers sent.", kind="int", low=0)
UNANSWERED = ReadingSpec("unanswered", "Headers that no node answered.", kind="int", low=0)
DAMAGED = ReadingSpec("damaged", "Answers that came damaged.", kind="int", low=0)
BAUD = ReadingSpec("baud", "Baud rate.", kind="int", unit="baud", low=SLOWEST, high=FASTEST)
BREAK = ReadingSpec(
    "break_method",
    "How breaks are made; once one was sent, what `auto` came to.",
    kind="str",
    choices=get_args(BreakMethod),
)
KIND = ReadingSpec("kind", "What was heard.", kind="str", choices=KINDS)
ID = ReadingSpec("id", "The identifier.", kind="int", low=0, high=63)
RAW = ReadingSpec("raw", "All bytes as they were heard.", kind="bytes")

Identifier = Annotated[
    int,
    Param(
        "The identifier, 0 to 63, without parity.",
        low=0,
        high=63,
        label="Identifier",
        selects=True,
    ),
]
AnyIdentifier = Annotated[
    int | None,
    Param("Only this identifier; empty for all.", low=0, high=63, label="Identifier"),
]
Data = Annotated[bytes, Param("The data, 1 to 8 bytes.", low=1, high=8)]
Length = Annotated[int, Param("How many bytes of data the answer has.", low=1, high=8)]
AnyLength = Annotated[
    int | None,
    Param("How many bytes of data its frames have; empty to find out.", low=1, high=8),
]
ChecksumToSend = Annotated[
    Literal["classic", "enhanced"],
    Param("Classic (LIN 1.x, over the data) or enhanced (LIN 2.x, over the identifier too)."),
]
ChecksumToHear = Annotated[
    Literal["classic", "enhanced", "auto"],
    Param("Classic (LIN 1.x), enhanced (LIN 2.x), or either of them."),
]


Heard = Annotated[bytes, Param("What a serial port has heard.", low=0, high=65536)]
Table = Annotated[
    list[str],
    Param(
        'The slots, such as "20 ms request 0x10 8" and "20 ms send 0x01 00 FF"; '
        '"enhanced" at the end where the checksum is that.',
        label="Slots",
        fewest=1,
    ),
]
Baud = Annotated[
    int, Param("Bits per second; 9600, 10417 and 19200 are usual.", "baud", SLOWEST, FASTEST)
]
Break = Annotated[
    BreakMethod,
    Param(
        "How a break is made: a zero at 0.692 of the rate (low_rate) or at half of it (half_rate), "
        "or the port holds the line low (timed); auto takes the first that works."
    ),
]
Own = Annotated[bool, Param("Also report what this module itself sends.", label="Own frames too")]
Gap = Annotated[
    float,
    Param("Silence that ends a frame.", unit="millisecond", low=5, high=1000, label="Silence"),
]


def check_diagnostic(params: Any) -> None:  # noqa: ANN401  (the parameters of any of the operations)
    """Refuse a diagnostic frame that has not 8 bytes.

    Args:
        params: The parameters of a request.

    Raises:
        BadParamsError: The identifier is 0x3C or 0x3D and the length another one.
    """
    name = "length" if hasattr(params, "length") else "data"
    length = params.length if name == "length" else len(params.data)
    if params.id in frames.DIAGNOSTIC and length not in {None, frames.MOST_DATA}:
        raise BadParamsError(
            f"0x{params.id:02X} is a diagnostic frame: it has 8 bytes of data, not {length}.",
            hint="Fill up what is unused with 0xFF.",
            data={"param": name, "allowed": "8"},
        )
