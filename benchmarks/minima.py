"""The least that each operation of each module can put on its bus, and the data sheet's reason.

What counts as part of the least, because a value or an output would else be believed unseen:

* a register or pin that is written is read back;
* a chip whose outputs or settings a supply that fails for a moment takes away is looked at before
  what it says is given out (expanders: the direction registers; PCA9685: MODE1; converters: the
  config register);
* with the latch of an expander's line its direction is sent, as power-up makes all lines inputs.

Time is that of the bits at the bus's speed as delivered, plus what the chip needs by its data sheet
(of a card or a unit on a line: what the emulated one takes, which is stated). A chip that is asked
whether it is done is asked once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.bus_work import I2C_BIT_S, SPI_BIT_S, Step

if TYPE_CHECKING:
    from collections.abc import Sequence

BOARD = "rak7391-c"
WITHOUT_CLOCK = "rak6421-va"
"""It has no clock at the address of a RAK12004."""


@dataclass(frozen=True, slots=True)
class Move:
    """Something on a bus, or a wait.

    Attributes:
        transactions: How many.
        bits: On the wire.
        seconds: From begin to end.
    """

    transactions: int
    bits: int
    seconds: float

    def __add__(self, other: Move) -> Move:
        return Move(
            self.transactions + other.transactions,
            self.bits + other.bits,
            self.seconds + other.seconds,
        )

    def __mul__(self, count: int) -> Move:
        return Move(self.transactions * count, self.bits * count, self.seconds * count)


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least of one operation.

    Attributes:
        module: The module.
        step: Operation and parameters.
        least: What it takes.
        reason: By what.
        before: What is done before, unmeasured; the module is open and was used once anyway.
        board: Key of the board.
        refused: The emulated unit answers with an exception, which is a whole exchange, too.
    """

    module: str
    step: Step
    least: Move
    reason: str
    before: tuple[Step, ...] = ()
    board: str = BOARD
    refused: bool = False


def wait(seconds: float) -> Move:
    """Return a wait."""
    return Move(0, 0, seconds)


def i2c(bits: int) -> Move:
    """Return one I2C transaction."""
    return Move(1, bits, bits * I2C_BIT_S)


def w(length: int) -> Move:
    """Return a write of so many bytes, a register's pointer among them."""
    return i2c(11 + 9 * length)


def p(length: int) -> Move:
    """Return a pointer of one byte and a read of so many."""
    return i2c(30 + 9 * length)


def r(length: int) -> Move:
    """Return a read of so many bytes without a pointer."""
    return i2c(11 + 9 * length)


def spi(length: int) -> Move:
    """Return an SPI transfer."""
    return Move(1, 8 * length, 8 * length * SPI_BIT_S)


def total(*moves: Move) -> Move:
    """Add up."""
    return sum(moves, NONE)


NONE = Move(0, 0, 0.0)
MEMORY = "the bridge's own memory: nothing is asked"

# -- converters ------------------------------------------------------------------------------------

SINGLE = total(w(3), wait(0.010), p(2), p(2))
"""Start; 10 ms (SGM58031 at DR 100); config, which says done and shows the settings; result."""
IN_A_ROW = total(w(3), wait(1 / 800), p(2), w(3), p(2), p(2), w(3))
"""A first single conversion of the input (start, config), continuous mode, its first result; then,
after ``further`` results, the settings again, and the end of the mode."""


def further(window_s: float) -> Move:
    """Return the results of a window at 800 per second: 29 bits each, and the window's time."""
    count = round(window_s * 800)
    return Move(count, 29 * count, window_s)


CONVERTER = (
    "SGM58031: start, conversion time at DR 100 (10 ms), config register (done, settings as "
    "written), result"
)
TENTH = (
    "0.1 s, the shortest window of whole periods of 50 and 60 Hz: a conversion of the input, 80 "
    "results of the continuous mode (800/s) at 29 bits, settings read back, mode ended"
)
WINDOW = "the window asked for, in continuous mode (800 results/s at 29 bits), settings read back"
ADC121 = (
    "ADC121C021: one transaction; a result that is read starts the next conversion, and the first "
    "one is of before"
)

# -- expanders -------------------------------------------------------------------------------------

PULSE_WINDOW_MS, LOOK_MS = 200, 10
LOOKS = "a look every 10 ms for as long as was asked for: one port"
MCP_LOOKS = (
    "the same of an MCP23017: changes since (INTF), levels then (INTCAP), pins; those of the other "
    "port lie between them"
)


def looks(one: Move, window_ms: float, every_ms: float) -> Move:
    """Return looks at a line for a while, whose time the window has in it."""
    count = round(window_ms / every_ms)
    return Move(one.transactions * count, one.bits * count, window_ms / 1000.0)


LINE = total(w(2), w(2))
LINE_READ = p(1)
EXPANDER = "TPT29555: latch and direction of one port, and the pins read back"
SAFE_LINE = "TPT29555: latch and direction of each line, in the safe order (sleep, then inputs)"
MCP_CHECK = p(2)
MCP = "MCP23017: directions (lost with the supply?), what was asked, and the pins read back"
PCA_CHECK = p(1)
PCA = "PCA9685: MODE1 (reset?), and the four registers of a channel"

# -- NFC -------------------------------------------------------------------------------------------

COMMAND_S, EXCHANGE_S, LOOK_S = 0.002, 0.004, 0.025
"""The emulated reader and card: a command, an exchange, looking for two cards (5 times 5 ms)."""


def nfc(parameters: int, answer: int, seconds: float) -> Move:
    """Return a command of the PN532.

    Args:
        parameters: Bytes behind its code.
        answer: Bytes behind the response's code.
        seconds: What reader and card take.
    """
    meanwhile = total(r(1), r(7), r(1))  # it works while these are on the bus
    left_s = max(0.0, seconds - meanwhile.seconds)
    return total(w(9 + parameters), meanwhile, wait(left_s), r(10 + answer))


FIND = nfc(2, 25, LOOK_S)
READ = nfc(3, 17, EXCHANGE_S)
WRITE = nfc(7, 1, EXCHANGE_S)
VERSION = nfc(1, 9, EXCHANGE_S)
PASSWORD = nfc(5, 3, EXCHANGE_S)
FIELD = nfc(2, 0, COMMAND_S)
PN532 = (
    "PN532: each command is a frame, a look at the ready byte, the ACK frame, a look, the response "
    "(user manual, 6.2); card: look for two cards"
)
PAGES = " of 4 pages, written pages and their read-back, field off"

# -- serial lines ----------------------------------------------------------------------------------

CHARACTER_S = 10 / 9600
GAP_S = 3.5 * CHARACTER_S
ANSWER_S = 0.005
"""What the emulated unit takes to begin its answer."""
RESPONSE_S = 0.0005


def modbus(sent: int, received: int) -> Move:
    """Return a request and its reply at 9600 baud 8N1: characters, the unit, and the silence."""
    characters = sent + received
    return Move(2, 10 * characters, characters * CHARACTER_S + GAP_S + ANSWER_S)


MODBUS = (
    "both frames, the unit's own time (5 ms here), and 3.5 characters of silence (MODBUS over "
    "Serial Line 1.02, 2.5.1.1)"
)
LIN = (
    "break of 13 bits and delimiter, header, data and checksum at 9600 baud, all of it heard "
    "again; the node's own time (0.5 ms here)"
)


def lin(sent: int, received: int, seconds: float = 0.0) -> Move:
    """Return a LIN frame: the break, what is sent, the same heard again, what a node says."""
    characters = 2 * sent + received
    time_s = 14 / 9600 + (sent + received) * CHARACTER_S + seconds
    return Move(4, 20 + 10 * characters, time_s)


# -- the radio -------------------------------------------------------------------------------------


def radio(*lengths: int) -> Move:
    """Return commands of the SX1262, before each of which BUSY is looked at."""
    return total(*(total(LINE_READ, spi(each)) for each in lengths))


ANSWERED = spi(3)
"""GetPacketType, by which a chip that was reset shows itself; it needs no look at BUSY."""
SX1262 = (
    "SX1262: a look at BUSY (a line of the expander) before each command of the data sheet's "
    "sequence (14), with errata 15.1 and 15.4; whether it was reset; "
)
AIR_S = 0.0361
"""8 bytes at SF7, 125 kHz, coding rate 4/5: 35.25 symbols."""


def _same(names: Sequence[str], step: Step, least: Move, reason: str) -> list[Minimum]:
    return [Minimum(name, step, least, reason) for name in names]


RELAY = [
    entry
    for name in ("RAK13001", "RAK13007")
    for entry in (
        Minimum(name, Step("set", {"on": True}), total(LINE, LINE_READ), EXPANDER),
        Minimum(name, Step("toggle"), total(LINE, LINE_READ), EXPANDER),
        Minimum(name, Step("pulse", {"ms": 100}), total(LINE, LINE_READ), EXPANDER),
        Minimum(name, Step("state"), LINE_READ, "TPT29555: one port"),
    )
]

GAS = [
    entry
    for name, board in (("RAK12004", WITHOUT_CLOCK), ("RAK12009", BOARD))
    for entry in (
        Minimum(name, Step("read"), p(34), ADC121, board=board),
        Minimum(
            name, Step("calibrate"), total(p(66) * 3, p(10)),
            f"{ADC121}; 100 results, at most 32 at once: the bus is free again after 6 ms",
            before=(Step("heater", {"on": True, "warm_up_ms": 0}),), board=board,
        ),
        Minimum(name, Step("calibration"), NONE, MEMORY, board=board),
        Minimum(
            name, Step("heater", {"on": True}), NONE, "on already: nothing is sent", board=board
        ),
        Minimum(
            name, Step("heater", {"on": False}),
            NONE if board == WITHOUT_CLOCK else LINE, SAFE_LINE,
            before=(Step("heater", {"on": True}),), board=board,
        ),
    )
]  # fmt: skip

LOOPS = [
    entry
    for name, actual in (("RAK5801", 12.0), ("RAK5811", 2.5))
    for entry in (
        Minimum(name, Step("read"), total(IN_A_ROW, further(0.1)), TENTH),
        Minimum(
            name, Step("read", {"samples": 32}), SINGLE * 32, f"32 times {CONVERTER}: as asked for"
        ),
        Minimum(
            name, Step("calibrate", {"point": "low", "actual": actual}),
            total(IN_A_ROW, further(0.1)), TENTH,
        ),
        Minimum(name, Step("calibration"), NONE, MEMORY),
        Minimum(name, Step("clear_calibration"), NONE, MEMORY),
    )
]  # fmt: skip

EXPANDERS = [
    Minimum(
        "RAK13003", Step("configure", {"pin": 0, "direction": "output"}),
        total(MCP_CHECK, w(2), w(2), p(1)), MCP,
    ),
    Minimum(
        "RAK13003", Step("configure", {"pin": 1, "direction": "input", "pull_up": True}),
        total(MCP_CHECK, w(2), w(2), p(1)), MCP,
    ),
    Minimum("RAK13003", Step("read", {"pin": 1}), total(MCP_CHECK, p(1)), MCP),
    Minimum("RAK13003", Step("read_all"), total(MCP_CHECK, p(2)), MCP),
    Minimum(
        "RAK13003", Step("write", {"pin": 0, "level": 1}), total(MCP_CHECK, w(2), p(1)), MCP,
        before=(Step("configure", {"pin": 0, "direction": "output"}),),
    ),
    Minimum(
        "RAK13003", Step("write_all", {"mask": 1, "levels": 0}),
        total(MCP_CHECK, w(2), p(2)), MCP,
        before=(Step("configure", {"pin": 0, "direction": "output"}),),
    ),
    Minimum(
        "RAK13003", Step("toggle", {"pin": 0}), total(MCP_CHECK, p(1), w(2), p(1)), MCP,
        before=(Step("configure", {"pin": 0, "direction": "output"}),),
    ),
    Minimum(
        "RAK13003", Step("reset"), total(w(3), w(3), p(2)),
        "MCP23017: pull-ups, directions, and the pins read back",
    ),
    Minimum("TPT29555", Step("read", {"expander": "board", "line": 7}), LINE_READ, "one port"),
    Minimum(
        "TPT29555", Step("read_all", {"expander": "board"}), total(p(2), p(2)),
        "TPT29555: pins and directions",
    ),
    Minimum(
        "TPT29555", Step("write", {"expander": "board", "line": 7, "level": 1}),
        total(LINE, LINE_READ), EXPANDER,
    ),
    Minimum(
        "TPT29555", Step("toggle", {"expander": "board", "line": 7}),
        total(LINE_READ, LINE, LINE_READ), EXPANDER,
    ),
    Minimum(
        "TPT29555", Step("pulse", {"expander": "board", "line": 7, "ms": 100}),
        total(LINE_READ, LINE, LINE_READ), EXPANDER,
    ),
    Minimum(
        "TPT29555", Step("release", {"expander": "board", "line": 7}), w(2),
        "TPT29555: the direction",
    ),
    Minimum("RAK12006", Step("read"), LINE_READ, "TPT29555: one port"),
    Minimum("RAK13001", Step("input"), LINE_READ, "TPT29555: one port"),
    *[
        Minimum("RAK14003", step, total(MCP_CHECK, w(3)), "MCP23017: directions, and both latches")
        for step in (
            Step("bar", {"level": 5}), Step("set", {"led": 0, "on": True}),
            Step("pattern", {"mask": 3}),
        )
    ],
    Minimum(
        "RAK14003", Step("state"), total(MCP_CHECK, p(2)), "MCP23017: directions, and both latches"
    ),
]  # fmt: skip

PWM = [
    Minimum("RAK13004", step, total(PCA_CHECK, w(5)), PCA)
    for step in (
        Step("duty", {"channel": 0, "percent": 25.0}),
        Step("pulse_width", {"channel": 0, "microseconds": 1500.0}),
        Step("steps", {"channel": 0, "on": 0, "off": 100}),
        Step("servo", {"channel": 0, "angle": 90.0}),
    )
] + [
    Minimum(
        "RAK13004", Step("frequency", {"hz": 50.0}), total(p(1), p(1)),
        "PCA9685: MODE1 and PRE_SCALE read back; the frequency is so already",
    ),
    Minimum("RAK13004", Step("enable", {"on": True}), PCA_CHECK, "PCA9685: MODE1 (reset?)"),
    Minimum(
        "RAK13004", Step("state", {"channel": 0}), total(PCA_CHECK, p(4)),
        "PCA9685: MODE1 (reset?), and the four registers of a channel",
    ),
    Minimum(
        "RAK13004", Step("off", {"channel": 0}), w(2), "PCA9685: one register; goes at once"
    ),
    Minimum("RAK13004", Step("off"), w(2), "PCA9685: ALL_LED_OFF_H; goes at once"),
]  # fmt: skip

CARDS = [
    Minimum("RAK13600", Step("firmware"), nfc(0, 4, COMMAND_S), PN532),
    Minimum("RAK13600", Step("field", {"on": True}), FIELD, PN532),
    Minimum("RAK13600", Step("field", {"on": False}), FIELD, PN532),
    Minimum("RAK13600", Step("present"), total(nfc(2, 13, 0.005), FIELD), PN532),
    Minimum("RAK13600", Step("read_tag"), total(FIND, VERSION, FIELD), PN532),
    Minimum("RAK13600", Step("read_block", {"block": 4}), total(FIND, READ, FIELD), PN532),
    Minimum(
        "RAK13600", Step("write_block", {"block": 4, "data": b"\x03\x00\xfe\x00"}),
        total(FIND, READ, READ, WRITE, READ, FIELD),
        f"{PN532}; capability container and lock bits (may it be written?), page, read-back",
    ),
    Minimum(
        "RAK13600", Step("read_ndef"), total(FIND, READ, READ, FIELD),
        f"{PN532}; two reads{PAGES}", before=(Step("write_ndef", {"records": ["Hello"]}),),
    ),
    Minimum(
        "RAK13600", Step("write_ndef", {"records": ["https://example.org/"]}),
        total(FIND, READ * 4, WRITE * 7, READ * 2, FIELD),
        f"{PN532}; container, old message, lock bits; length 0 first, then the message, then its "
        f"length (Type 2 Tag 1.1, 6.4.3); reads{PAGES}",
        before=(Step("write_ndef", {"records": ["https://example.com/"]}),),
    ),
    Minimum(
        "RAK13600", Step("format_ndef", {"erase": True}),
        total(FIND, VERSION, READ * 2, WRITE * 2, READ, FIELD),
        f"{PN532}; type, container and lock bits; reads{PAGES}",
    ),
    Minimum(
        "RAK13600", Step("transceive", {"data": b"\x60"}),
        total(FIND, nfc(2, 13, 0.005), nfc(1, 65, EXCHANGE_S), FIELD),
        f"{PN532}; selected first, as the command is sent once only; the length of its answer is "
        "not known",
    ),
    Minimum(
        "RAK13600", Step("protect", {"password": b"1234"}),
        total(FIND, VERSION, READ, WRITE * 2, PASSWORD, WRITE * 2, PASSWORD, READ * 2, FIELD),
        f"{PN532}; type, configuration, password and PACK, tried before it counts; reads{PAGES}",
        before=(Step("firmware"),),
    ),
    Minimum(
        "RAK13600", Step("unprotect", {"password": b"1234"}),
        total(FIND, VERSION, PASSWORD, READ, WRITE * 4, READ, FIELD),
        f"{PN532}; type, password, configuration; reads{PAGES}",
        before=(Step("firmware"),),  # the entry before has protected it
    ),
    Minimum(
        "RAK13600", Step("lock", {"confirm": True}),
        total(FIND, VERSION, READ * 3, WRITE * 3, READ * 3, FIELD),
        f"{PN532}; type, container, both lock bits; reads{PAGES}",
        before=(Step("firmware"),),
    ),
]  # fmt: skip

SERIAL = [
    Minimum("RAK5802", Step("read_coils", {"unit": 42}), modbus(8, 6), MODBUS),
    Minimum(
        "RAK5802", Step("read_discrete_inputs", {"unit": 42, "retries": 0}), modbus(8, 5),
        f"{MODBUS}; the emulated unit has none and says so", refused=True,
    ),
    Minimum("RAK5802", Step("read_holding_registers", {"unit": 42}), modbus(8, 7), MODBUS),
    Minimum(
        "RAK5802", Step("read_input_registers", {"unit": 42, "retries": 0}), modbus(8, 5),
        f"{MODBUS}; the emulated unit has none and says so", refused=True,
    ),
    Minimum("RAK5802", Step("write_coil", {"unit": 42, "on": True}), modbus(8, 8), MODBUS),
    Minimum("RAK5802", Step("write_coils", {"unit": 42, "bits": [True]}), modbus(10, 8), MODBUS),
    Minimum("RAK5802", Step("write_register", {"unit": 42, "value": 5}), modbus(8, 8), MODBUS),
    Minimum(
        "RAK5802", Step("write_registers", {"unit": 42, "registers": [5, 6]}), modbus(13, 8), MODBUS
    ),
    Minimum(
        "RAK5802", Step("mask_write_register", {"unit": 42, "and_mask": 1, "or_mask": 1}),
        modbus(10, 10), MODBUS,
    ),
    Minimum(
        "RAK5802", Step("read_write_registers", {"unit": 42, "registers": [1]}), modbus(15, 7),
        MODBUS,
    ),
    Minimum(
        "RAK5802",
        Step("transceive", {"data": bytes.fromhex("2a03000000018211"), "expect": 7}),
        modbus(8, 7), MODBUS,
    ),
    Minimum("RAK5802", Step("line"), NONE, "the port is set already"),
    Minimum("RAK5802", Step("read_value", {"unit": 42}), modbus(8, 7), MODBUS),
    Minimum("RAK5802", Step("write_value", {"unit": 42, "value": 3}), modbus(11, 8), MODBUS),
    Minimum("RAK5802", Step("read_text", {"unit": 42, "count": 1}), modbus(8, 7), MODBUS),
    Minimum(
        "RAK5802", Step("write_text", {"unit": 42, "text": "a", "count": 1}), modbus(11, 8), MODBUS
    ),
    Minimum("RAK5802", Step("read_bit_field", {"unit": 42}), modbus(8, 7), MODBUS),
    Minimum("RAK13005", Step("send", {"id": 2, "data": b"\x01\x02"}), lin(5, 0), LIN),
    Minimum(
        "RAK13005", Step("request", {"id": 0x23, "length": 4, "checksum": "enhanced"}),
        lin(2, 5, RESPONSE_S), LIN,
    ),
    Minimum("RAK13005", Step("build", {"id": 1, "data": b"\x01"}), NONE, "computed"),
    Minimum("RAK13005", Step("parse", {"data": b"\x01\x02"}), NONE, "computed"),
    Minimum("RAK13005", Step("state"), NONE, MEMORY),
    Minimum("RAK13005", Step("line"), NONE, "the port is set already"),
    Minimum(
        "RAK13005", Step("schedule", {"table": ["100 ms send 0x02 00"]}), NONE,
        "the table is kept, and carried out in the background",
    ),
    Minimum("RAK13005", Step("schedule_data", {"id": 2, "data": b"\x01"}), NONE, MEMORY),
    Minimum("RAK13005", Step("schedule_stop"), NONE, MEMORY),
    Minimum(
        "RAK13005", Step("sleep"), total(lin(11, 0), LINE, wait(0.001)),
        f"{LIN}; then the transceiver's line and its 1 ms",
        before=(Step("send", {"id": 2, "data": b"\x01\x02"}),),
    ),
    Minimum(
        "RAK13005", Step("wake"), Move(2, 20, 0.00104), "a wake-up pulse of one character, heard"
    ),
]  # fmt: skip

OSCILLATOR_S, CALIBRATION_S, POWER_ON_S = 0.005, 0.0035, 0.0035
"""The oscillator (TCXO) starts in 5 ms, all blocks are calibrated in 3.5, power-up takes 3.5."""
CONFIGURED = (2, 6, 2, 5, 3, 2, 2, 4, 2, 2, 5, 4, 4, 3, 2, 3, 5, 5, 3, 5, 5, 7, 5, 4, 6)
"""Standby, sync word, packet type, oscillator, errors cleared, calibration; standby, errors,
regulator, antenna switch, erratum 15.2, current limit, buffer; standby, band, frequency, amplifier,
power, modulation, sync word, packet, erratum 15.4, and the sync word read back."""
LISTENING = (2, 3, 7, 5, 4, 9, 3)
"""Standby, buffer, packet, erratum 15.4, interrupts, and the old ones cleared."""

RADIO = [
    Minimum(
        "RAK13300", Step("configure", {"region": "EU868"}),
        total(
            ANSWERED, LINE * 2, wait(0.002 + POWER_ON_S), radio(*CONFIGURED),
            wait(CALIBRATION_S + OSCILLATOR_S), ANSWERED, LINE,
        ),
        f"{SX1262}reset by its line, 25 commands, calibration, antenna switch on",
    ),
    Minimum("RAK13300", Step("settings"), NONE, MEMORY),
    Minimum("RAK13300", Step("counters"), NONE, MEMORY),
    Minimum(
        "RAK13300", Step("send", {"payload": b"12345678"}),
        total(
            radio(2, 3, 10, 7, 5, 4, 5, 4, 9, 3), ANSWERED, radio(4), wait(OSCILLATOR_S + AIR_S),
            spi(4), spi(3),
        ),
        f"{SX1262}8 bytes at SF7 are 36 ms in the air",
    ),
    Minimum(
        "RAK13300", Step("cad"),
        total(radio(2, 8, 9, 3), ANSWERED, radio(1), wait(OSCILLATOR_S + 0.0026), spi(4), spi(3)),
        f"{SX1262}2.5 symbols at SF7",
    ),
    Minimum(
        "RAK13300", Step("receive", {"timeout_ms": 100}),
        total(
            radio(*LISTENING), ANSWERED, radio(4), spi(4) * 20, wait(0.09), radio(2),
        ),
        f"{SX1262}the time asked for; asked every 5 ms, as an expander gives no interrupt",
    ),
    Minimum(
        "RAK13300", Step("rssi"),
        total(
            radio(*LISTENING), ANSWERED, radio(4), wait(OSCILLATOR_S + 0.005), radio(3), radio(2)
        ),
        f"{SX1262}5 ms until the level is settled",
    ),
    Minimum(
        "RAK13300", Step("sleep"), total(radio(2, 2), wait(0.0005), LINE * 2),
        f"{SX1262}then its lines", before=(Step("configure", {"region": "EU868"}),),
    ),
]  # fmt: skip

COUNTING = [
    *(
        Minimum(
            module, Step(operation, {**more, "window_ms": PULSE_WINDOW_MS, "poll_ms": LOOK_MS}),
            looks(p(1), PULSE_WINDOW_MS, LOOK_MS), LOOKS,
        )
        for operation in ("count", "frequency")
        for module, more in (
            ("RAK13001", {}), ("RAK12006", {}), ("TPT29555", {"expander": "board", "line": 7}),
        )
    ),
    *(
        Minimum(
            "RAK13003",
            Step(operation, {"pin": 1, "window_ms": PULSE_WINDOW_MS, "poll_ms": LOOK_MS}),
            looks(p(5), PULSE_WINDOW_MS, LOOK_MS), MCP_LOOKS,
        )
        for operation in ("count", "frequency")
    ),
    *(
        Minimum(
            "RAK12015", Step(operation, {"window_ms": PULSE_WINDOW_MS}),
            total(IN_A_ROW, further(PULSE_WINDOW_MS / 1000.0)), WINDOW,
        )
        for operation in ("count", "frequency")
    ),
]  # fmt: skip

SENSORS = [
    Minimum("ADC", Step("read"), SINGLE, CONVERTER),
    Minimum("ADC", Step("read_differential"), SINGLE, CONVERTER),
    Minimum("RAK12015", Step("read"), total(IN_A_ROW, further(0.25)), WINDOW),
    Minimum(
        "RAK16000", Step("read"), total(w(3), wait(0.001212), p(2), p(2)),
        "INA219: start, 2 x 586 us and 40 us to wake, bus voltage with the flag, current (0 after "
        "a reset)",
    ),
    Minimum("RAK16001", Step("read"), p(1), "ADS7830: command and result are one transaction"),
    Minimum("RAK16001", Step("read_all"), p(1) * 8, "ADS7830: one command for each input"),
    Minimum(
        "RAK16001", Step("read_differential"), p(1) * 2,
        "ADS7830: the pair, and the lower input, beyond 0.2 V of which nothing is promised",
    ),
    Minimum(
        "RAK16001", Step("calibrate", {"channel": 0, "point": "low", "actual": 1.2}), p(1) * 64,
        "ADS7830: 64 samples, as by default",
    ),
    Minimum("RAK16001", Step("calibration"), NONE, MEMORY),
    Minimum("RAK16001", Step("clear_calibration", {"channel": 0}), NONE, MEMORY),
    Minimum(
        "RAK17000", Step("drive", {"bridge": "A", "speed": 50.0}), total(LINE, wait(0.001)),
        f"{SAFE_LINE}; 1 ms to wake (DRV8833); pulses run in the background",
        before=(Step("stop"),),
    ),
    Minimum(
        "RAK17000", Step("brake", {"bridge": "A"}), total(LINE, wait(0.001)),
        f"{SAFE_LINE}; 1 ms to wake (DRV8833)", before=(Step("stop"),),
    ),
    Minimum(
        "RAK17000", Step("coast", {"bridge": "A"}), LINE, SAFE_LINE,
        before=(Step("brake", {"bridge": "A"}),),
    ),
    Minimum("RAK17000", Step("stop"), LINE * 2, SAFE_LINE),
    Minimum(
        "RAK17000", Step("step", {"steps": 1}), total(LINE * 2, wait(0.001)),
        f"{SAFE_LINE}; 1 ms to wake (DRV8833)", before=(Step("stop"),),
    ),
    Minimum("RAK17000", Step("state", {"bridge": "A"}), NONE, MEMORY),
]  # fmt: skip

MINIMA = (*COUNTING, *SENSORS, *GAS, *LOOPS, *RELAY, *EXPANDERS, *PWM, *CARDS, *SERIAL, *RADIO)
