"""The parameters and readings of a Modbus master, and what is checked before anything is sent.

1. One name for one thing, whichever operation has it.
2. The counts are those of the standard (MODBUS Application Protocol 1.1b3, 6).
"""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal

from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.module_api import Param, ReadingSpec
from wisblock_bridge.modules.modbus.echo import EchoMode
from wisblock_bridge.modules.modbus.numbers import NumberType, Order, encode, register_count

BAUD_RATES = Literal[
    300, 600, 1200, 2400, 4800, 9600, 14400, 19200, 28800, 38400, 57600, 115200, 230400
]
ParityName = Literal["none", "even", "odd"]

ADDRESSES = 65536
REGISTER_BITS = 16
SINGLE_REGISTER = 6

BITS = ReadingSpec("bits", "The states, the first address first.", kind="list")
REGISTERS = ReadingSpec(
    "registers", "The registers, 0 to 65535 each, the first address first.", kind="list"
)
ON = ReadingSpec("on", "The state that was written.", kind="bool")
REGISTER = ReadingSpec("register", "The register that was written.", kind="int", low=0, high=65535)
VALUE = ReadingSpec(
    "value", "The number, times the factor, plus the offset.", unit="engineering", digits=15
)
DATA = ReadingSpec("data", "The bytes that came.", kind="bytes")
BAUD = ReadingSpec("baud", "Baud rate.", kind="int", unit="baud", low=300, high=230400)
PARITY = ReadingSpec("parity", "Parity bit.", kind="str", choices=("none", "even", "odd"))
STOP_BITS = ReadingSpec("stop_bits", "Stop bits.", kind="int", low=1, high=2)
DATA_BITS = ReadingSpec("data_bits", "Data bits.", kind="int", low=7, high=8)
ECHO_MODE = ReadingSpec(
    "echo_mode", "How an echo is known.", kind="str", choices=("auto", "on", "off")
)
QUIET = ReadingSpec(
    "quiet_ms", "How long a late answer is expected.", unit="millisecond", low=1000, high=60_000
)
TEXT = ReadingSpec("text", "The text.", kind="str")
AND_MASK = ReadingSpec("and_mask", "The bits that stayed.", kind="int", low=0, high=65535)
OR_MASK = ReadingSpec("or_mask", "What the others became.", kind="int", low=0, high=65535)

Unit = Annotated[
    int,
    Param(
        "Address of the unit on the line; above 247 the standard reserves them, some makers use "
        "them (248 is every PZEM meter).",
        low=1,
        high=255,
        selects=True,
    ),
]
UnitOrAll = Annotated[
    int,
    Param(
        "Address of the unit on the line; 0 is every unit, and none answers. Above 247 the "
        "standard reserves them, some makers use them.",
        low=0,
        high=255,
        selects=True,
    ),
]
Address = Annotated[
    int,
    Param(
        "The first one, counted from 0 as on the wire; where a manual counts from 1, 10001, 30001 "
        "or 40001, take that off.",
        low=0,
        high=65535,
        selects=True,
    ),
]
BitCount = Annotated[int, Param("How many.", low=1, high=2000)]
RegisterCount = Annotated[int, Param("How many.", low=1, high=125)]
TimeoutMs = Annotated[
    float,
    Param(
        "How long the unit may take to begin its answer.",
        unit="millisecond",
        low=10,
        high=10_000,
        label="Answer within",
    ),
]
Retries = Annotated[
    int, Param("How often to ask again when an answer is lost or damaged.", low=0, high=5)
]


Table = Annotated[
    Literal["holding_registers", "input_registers"], Param("Which registers.", selects=True)
]
Type = Annotated[
    NumberType, Param("What the registers hold; 32 bits take two of them, 64 bits four.")
]
WordOrder = Annotated[
    Order, Param("Which of several registers comes first, the one with the high or the low bits.")
]
ByteOrder = Annotated[
    Order,
    Param(
        "Which byte of a register comes first. With the order of the registers: ABCD is high_first "
        "twice, CDAB has the low register first, BADC the low byte, DCBA both."
    ),
]
Factor = Annotated[float, Param("What the registers' number is multiplied by.", low=-1e9, high=1e9)]
Offset = Annotated[float, Param("What is added to it then.", low=-1e9, high=1e9)]
Value = Annotated[
    float,
    Param(
        "What the registers shall stand for: their number, times the factor, plus the offset.",
        low=-sys.float_info.max,
        high=sys.float_info.max,
    ),
]
Function = Annotated[
    Literal[16, 6],
    Param(
        "Function that writes: 16 (several registers), or 6 for a unit that knows no other; 6 "
        "writes one register only."
    ),
]
Width = Annotated[Literal[16, 32, 64], Param("How many bits; 16 take one register.")]
Bits = Annotated[list[bool], Param("The new states.", fewest=1, most=1968)]
Registers = Annotated[list[int], Param("The new contents.", low=0, high=65535, fewest=1, most=123)]
RegistersBeside = Annotated[
    list[int], Param("The new contents.", low=0, high=65535, fewest=1, most=121)
]
WriteAddress = Annotated[
    int, Param("The first one that is written, counted as the other.", low=0, high=65535)
]
TextCount = Annotated[
    int, Param("How many registers the text takes, two characters each.", low=1, high=123)
]
Text = Annotated[
    str, Param("The text; what is left of the registers is filled with zeros.", low=0, high=246)
]
Encoding = Annotated[Literal["ascii", "utf-8", "latin-1"], Param("How characters are written.")]
AndMask = Annotated[int, Param("The bits that stay as they are.", low=0, high=65535)]
OrMask = Annotated[
    int, Param("What the other bits become: 1 where they shall be set.", low=0, high=65535)
]
Baud = Annotated[BAUD_RATES, Param("Bits per second.", unit="baud")]
Parity = Annotated[ParityName, Param("Parity bit.")]
StopBits = Annotated[Literal[1, 2], Param("Stop bits.")]
DataBits = Annotated[
    Literal[8, 7], Param("Data bits; Modbus RTU has 8, and with 7 only raw bytes can be sent.")
]
EchoOf = Annotated[
    EchoMode,
    Param(
        "Whether the line returns what is sent. auto finds out; on or off where units are only "
        "written to, and a write is uncertain because nothing has told yet."
    ),
]
QuietMs = Annotated[
    float,
    Param(
        "After a request without an answer: how long a late answer is waited for before the same "
        "unit is asked again. More for units that are slower than that.",
        unit="millisecond",
        low=1000,
        high=60_000,
        label="Late answers within",
    ),
]


def check_reach(params: Any) -> None:  # noqa: ANN401  (the parameters of any of the operations)
    """Refuse what goes beyond the last address.

    Args:
        params: The parameters of a request.

    Raises:
        BadParamsError: The last one asked for would have an address above 65535.
    """
    items = getattr(params, "bits", getattr(params, "registers", None))
    if items is not None:
        count = len(items)
    elif hasattr(params, "number_type"):
        count = register_count(params.number_type)
    else:
        count = getattr(params, "count", 0) or params.width // REGISTER_BITS
    if params.address + count > ADDRESSES:
        raise BadParamsError(
            f"{count} from address {params.address} on go beyond the last address, 65535.",
            data={"param": "address", "allowed": f"0 to {ADDRESSES - count}"},
        )


def check_both_reaches(params: Any) -> None:  # noqa: ANN401  (the parameters of read and write)
    """Refuse what goes beyond the last address, in reading or in writing.

    Args:
        params: The parameters of a request.

    Raises:
        BadParamsError: One of them would reach beyond 65535.
    """
    for name, count in (
        ("address", params.count),
        ("write_address", len(params.registers)),
    ):
        if getattr(params, name) + count > ADDRESSES:
            raise BadParamsError(
                f"{count} from {name} {getattr(params, name)} on go beyond the last address, "
                "65535.",
                data={"param": name, "allowed": f"0 to {ADDRESSES - count}"},
            )


def check_value(params: Any) -> None:  # noqa: ANN401  (the parameters of ``write_value``)
    """Refuse a value that the registers cannot hold, and one register's function for several.

    Args:
        params: The parameters of a request.

    Raises:
        BadParamsError: It says which, and what is allowed.
    """
    check_reach(params)
    count = register_count(params.number_type)
    if params.function == SINGLE_REGISTER and count > 1:
        raise BadParamsError(
            f"function is {SINGLE_REGISTER}; {params.number_type} takes {count} registers; "
            "allowed: 16.",
            data={"param": "function", "allowed": "16"},
        )
    encode(
        params.value,
        params.number_type,
        params.word_order,
        params.byte_order,
        params.factor,
        params.offset,
    )


def check_text(params: Any) -> None:  # noqa: ANN401  (the parameters of ``write_text``)
    """Refuse a text that the registers cannot hold.

    Args:
        params: The parameters of a request.

    Raises:
        BadParamsError: It has too many characters, or some that the encoding does not know.
    """
    check_reach(params)
    try:
        length = len(params.text.encode(params.encoding))
    except UnicodeEncodeError as error:
        raise BadParamsError(
            f"text has the character {params.text[error.start]!r}; allowed: {params.encoding}.",
            data={"param": "text", "allowed": params.encoding},
        ) from None
    if length > 2 * params.count:
        raise BadParamsError(
            f"text has {length} bytes; allowed: {2 * params.count} in {params.count} registers.",
            data={"param": "text", "allowed": f"{2 * params.count} bytes"},
        )
