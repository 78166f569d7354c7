"""What each section and each figure means, in the words of the page.

The keys of figures are patterns of their names (``fnmatch``). A test compares them with the names
in the code: each figure has words, and there are no words for a figure that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

COUNTED = "counted, not timed: the same on every computer and on any load"
TURNS = (
    "ratio of neighbouring turns on one core: a slower computer changes it little, other programs "
    "on that core do"
)
CPU = "processor time: other load changes it little"
BOTH_CORES = "needs both cores for itself: other programs make it worse"
TIME = "a time of this computer: it holds on a quiet one only"

QUICK_BUS = "the emulated chip answers at once, so all of it is bridge and Node.js"


@dataclass(frozen=True, slots=True)
class Said:
    """Words of one figure.

    Attributes:
        unit: "ratio", "ms", ...
        meaning: A sentence.
        compared_with: Where that differs from the section's.
    """

    unit: str
    meaning: str
    compared_with: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Words of one section.

    Attributes:
        title: Its heading.
        seconds: How long it takes with seven turns, about.
        compared_with: What its ratios are to.
        method: How it is measured.
        load: What other programs do to its figures.
        figures: Pattern of names, and words.
    """

    title: str
    seconds: float
    compared_with: str
    method: str
    load: str
    figures: dict[str, Said] = field(default_factory=dict)


UNKNOWN = Section("More figures", 60.0, "", "", "")

SECTIONS: dict[str, Section] = {
    "1": Section(
        "The whole way of a request",
        16,
        "a ROUTER socket of pyzmq that sends back what it gets, asked by the npm package zeromq",
        "Node.js asks for a line of an expander of an emulated board; the bridge reads the chip "
        f"through its driver ({QUICK_BUS}). Bridge, echo and Node.js share one core; bridge and "
        "echo take turns of 250 ms, and the median of the ratios of neighbouring turns counts.",
        TURNS,
        {
            "round trip, median / raw echo": Said(
                "ratio", "How much longer a read takes than the shortest message over ZeroMQ."
            ),
            "round trip, p99 / raw echo": Said(
                "ratio", "The same for the slowest of a hundred reads."
            ),
            "ping, median / raw echo": Said(
                "ratio",
                "A request that touches no module, such as the one that renews a lease. "
                "Below 1 because the client of the nodes needs less time than the npm package.",
            ),
            "throughput, 64 outstanding / raw echo": Said(
                "ratio", "Reads per second when 64 are asked for at once, over echoes per second."
            ),
        },
    ),
    "2": Section(
        "What a user would take instead",
        30,
        "the bridge in the same run: theirs over ours for round trips, ours over theirs for "
        "throughput",
        "Node.js asks each of them for a reading and parses the answer, one request at a time and "
        "then 64 at once, in turns of 250 ms on one core. The bridge reads an emulated chip "
        "through its driver, with queue, claims and checks; the others answer with a constant. "
        "Libraries have their defaults: websockets and aiohttp (connections are kept), paho-mqtt "
        "behind mosquitto with QoS 0; clients are those of Node-RED's own nodes.",
        TURNS,
        {
            "a byte read in Node.js's own process / round trip": Said(
                "ratio",
                "The floor of reading a chip inside Node-RED: i2c-bus needs compiled "
                "code and a kernel with a bus, so this is an asynchronous read of one byte from "
                "/dev/zero, the same call to the kernel without bus and chip. It has no other "
                "clients, no claims, no safe state, and a stuck bus is Node-RED's problem.",
            ),
            "a byte read in Node.js's own process *: with 390 us of a bus on both sides": Said(
                "ratio",
                "The same with what both wait for on hardware: a register's read takes "
                "390 us at 100 kHz, which is added to both times.",
            ),
            "WebSocket / round trip": Said("ratio", "A WebSocket server with its defaults."),
            "WebSocket without compression / round trip": Said(
                "ratio", "The same where client and server agree not to compress."
            ),
            "HTTP POST / round trip": Said("ratio", "An HTTP server, connections are kept."),
            "MQTT through a broker / round trip": Said(
                "ratio", "A question on one topic and its answer on another, through a broker."
            ),
            "one python3 process per request / round trip": Said(
                "ratio",
                "An exec node that starts a bare interpreter for each reading, as the "
                "vendor's flows do; a script that imports something takes longer.",
            ),
            "throughput, 64 outstanding / *": Said(
                "ratio", "Reads per second of the bridge over answers per second of the server."
            ),
        },
    ),
    "4": Section(
        "A busy neighbour on the same bus",
        27,
        "the same read while another bridge is as busy",
        "An expander is read while a converter on the same bus is asked without pause; for the "
        "read alone the same load runs on another bridge, so the computer is equally awake. All "
        "on one core, in turns.",
        TURNS,
        {
            "expander beside a busy converter, median": Said(
                "ratio", "What a conversion that takes long costs whoever reads another chip."
            ),
            "expander beside a busy converter, p99": Said(
                "ratio", "The same for the slowest of a hundred reads."
            ),
            "the same, four deep / one deep": Said(
                "ratio",
                "Whether more requests for the converter make the others wait longer.",
                "the same with one conversion asked for at a time",
            ),
        },
    ),
    "5": Section(
        "Losses",
        3,
        "none may be lost",
        "A client sends 20 000 requests as fast as it can, far beyond what it may have in flight, "
        "and counts the replies.",
        COUNTED,
        {"replies lost or doubled": Said("replies", "Each request is answered once.")},
    ),
    "6": Section(
        "Start and rest",
        22,
        "a bare interpreter, started and measured beside it",
        "A bridge with compiled files, as pip installs it, is started five times until it "
        "listens; then its memory, its wake-ups in five seconds without clients, and its share of "
        "a core with twenty subscriptions at 1 Hz for ten seconds, from /proc.",
        TIME,
        {
            "ready after, s from the start of its process": Said(
                "s",
                "From the start of the process until a client can connect.",
                "the bar, a time",
            ),
            "the same / start and end of a bare interpreter": Said(
                "ratio", "The same as a multiple of what Python itself needs, for other computers."
            ),
            "idle memory / bare interpreter": Said("ratio", "Resident memory without clients."),
            "wake-ups in 5 idle seconds": Said(
                "wake-ups", "Nothing runs while nobody asks.", "none may be needed"
            ),
            "twenty subscriptions at 1 Hz, share of a core": Said(
                "share", "What twenty modules on a dashboard cost.", "the bar, a share"
            ),
        },
    ),
    "7": Section(
        "After a crash",
        10,
        "the bar, a time",
        "The bridge is killed with SIGKILL and started again after the pause that the shipped "
        "unit sets, at different moments of a client's attempts to connect. The time runs from "
        "the kill to the client's first answer; what systemd itself needs is not in it.",
        TIME,
        {
            "kill -9 to the first answer, worst of *": Said(
                "s", "How long a flow is without the bridge when it is killed."
            )
        },
    ),
    "8": Section(
        "A reading of each module, the whole way",
        20,
        "the least time that the module's data sheet allows",
        "The round trip from Node.js on an emulated board, whose chips take their time, plus what "
        "the bits of this operation take at the bus's speed (counted). Nothing is subtracted. "
        "Where the least is below 2 ms, bridge and Node.js take longer than the bus, and the "
        "figure only informs.",
        TIME,
        {
            "*, the whole way": Said(
                "ratio", "How much longer a reading takes in a flow than the hardware needs for it."
            )
        },
    ),
    "9": Section(
        "A slow neighbour in the other slot",
        32,
        "the same reads alone",
        "A RAK5801 is read for two seconds at a time, alone and beside a module that waits, in "
        "turns on one core.",
        TURNS,
        {
            "RAK5801 beside *, p99": Said(
                "ratio", "The slowest of a hundred reads beside a module that waits, over alone."
            )
        },
    ),
    "P": Section(
        "The pace of subscriptions",
        47,
        "what was asked for",
        "A bus that takes the time of a real one at 100 kHz. A client subscribes and counts what "
        "comes in ten seconds, while another one asks for another channel of the same converter.",
        BOTH_CORES,
        {
            "*, delivered / asked": Said("ratio", "Events that came, over those asked for."),
            "*told as late, beats": Said(
                "beats", "Beats that were missed, which the events say.", "those asked for"
            ),
            "*another client's reading / alone": Said(
                "ratio",
                "What the subscriptions cost somebody who asks for one reading.",
                "the same reading without subscriptions",
            ),
        },
    ),
    "E": Section(
        "From an edge at an input to the message",
        36,
        "the bar, a time",
        "A bus that takes the time of a real one at 100 kHz; the emulator changes the input at "
        "random moments. The time runs from before that is asked for to the event at a local "
        "client. On a RAK7391 inputs are read every 10 ms, and a RAK13001 has 10 ms of debouncing.",
        TIME,
        {
            "*, edge to message, median ms": Said("ms", "How long a change takes, as a rule."),
            "*, worst of *, ms": Said("ms", "How long the slowest change took."),
        },
    ),
    "Z": Section(
        "From an edge at an input to the next node in Node-RED",
        40,
        "the bar, a time",
        "A bus that takes the time of a real one at 100 kHz, and Node-RED as a process of its own; "
        "the emulator changes the input at random moments. The time runs from just before that to "
        "the message at the node behind the module's node, which has its defaults.",
        TIME,
        {
            "*, edge to Node-RED, median ms": Said("ms", "How long a change takes, as a rule."),
            "*, worst of *, ms": Said("ms", "How long the slowest change took."),
        },
    ),
    "L": Section(
        "Clients that are a burden",
        55,
        "the same reads without the burden",
        "An expander is read in slices of 250 ms, without and beside each burden, in turns. The "
        "bridge may use both cores; whoever measures and the burden share the second one.",
        BOTH_CORES,
        {
            "p99 beside *": Said(
                "ratio", "The slowest of a hundred reads of a polite client beside this burden."
            ),
            "*requests/s that the bridge took meanwhile": Said(
                "requests/s", "How much of the flood the bridge answered.", "what was offered"
            ),
            "lease of 1 s, largest deviation": Said(
                "share",
                "How exactly outputs become safe after a client has gone silent.",
                "the lease",
            ),
        },
    ),
    "M": Section(
        "Each operation against its data sheet",
        2,
        "the least that the data sheet allows",
        "Driver and emulated chip are the product's own, the clock is not: it goes on with every "
        "bit and every wait. The figure is the largest of three ratios: transactions, bits, time. "
        "What is read back after a write is part of the least.",
        COUNTED,
        {"*(*)": Said("ratio", "How much more the operation does on its bus than the chip needs.")},
    ),
    "S": Section(
        "Serial lines",
        13,
        "what the baud rate allows",
        "A pseudo-terminal whose far end takes the time of a line. Two units (Modbus) or two "
        "identifiers (LIN) are polled in turn for two seconds; the median exchange counts.",
        TIME,
        {
            "* at * baud, share of the line": Said(
                "share", "How much of the time that it has the line is used."
            )
        },
    ),
    "Y": Section(
        "The Python client",
        9,
        "an echo between two Python programs with pyzmq, in turns on one core",
        "The same read by the client and by a bare DEALER socket with MessagePack, and a raw "
        "echo, in turns of 250 ms. Imports are whole interpreters.",
        TURNS,
        {
            "read by the Python client / raw py-py echo": Said(
                "ratio", "How much longer a read takes than the shortest message in Python."
            ),
            "*the same request by a bare DEALER / raw py-py echo": Said(
                "ratio", "How much of that is the bridge."
            ),
            "*Python client / bare DEALER": Said(
                "ratio", "How much of that is the client.", "the same request by hand"
            ),
            "import of the client, ms of CPU over pyzmq's": Said(
                "ms", "What a program pays once for importing the client.", "the import of pyzmq"
            ),
            "*import of the client / import of pyzmq": Said(
                "ratio", "The same as a ratio.", "the import of pyzmq"
            ),
        },
    ),
    "C": Section(
        "Many clients",
        34,
        "a raw ROUTER echo with as many clients",
        "Plain sockets in one process, each with one request in flight; bridge and echo take "
        "turns of 250 ms on one core.",
        TURNS,
        {
            "* of * clients / raw echo of as many": Said(
                "ratio", "Answers per second for all clients together."
            ),
            "p99 beside a flood, all on one core / alone": Said(
                "ratio",
                "The slowest of a hundred reads of a polite client beside one that sends "
                "50 000 requests a second.",
                "the same reads without the flood",
            ),
        },
    ),
    "K": Section(
        "Encryption",
        9,
        "the same bridge over plain tcp",
        "A read with CURVE keys, whose process for remote clients is in it, and over plain tcp, "
        "in turns of 250 ms on one core.",
        TURNS,
        {
            "round trip with CURVE / plain tcp, median": Said("ratio", "What keys cost a request."),
            "throughput with CURVE, 64 outstanding / plain tcp": Said(
                "ratio", "What keys cost when 64 requests are asked for at once."
            ),
        },
    ),
    "N": Section(
        "In Node-RED",
        14,
        "a function node that hands its message on",
        "2000 messages at a time go through a module's node and through a function node to the "
        "same end, in turns; processor time of Node-RED's process.",
        CPU,
        {
            "CPU of a function node, us per message": Said(
                "us", "What Node-RED itself needs for a message.", "nothing"
            ),
            "CPU of a module's node beyond that, us": Said(
                "us", "What a module's node needs above that: request, reply, status line."
            ),
        },
    ),
}

WAKE_UPS = (
    "A read is handed to the thread of its bus and back. On one core these two wake-ups cost more "
    "than decoding, checking and encoding together, and a raw echo has none of them."
)
WORK = "Each request is decoded, checked, carried out and encoded in Python; an echo does nothing."
CORES = "Bridge, burden and whoever measures share two cores, and the system shares them out."
SCHEDULING = (
    "It is the worst case of a time: one wake-up that the system delays is enough, of the bridge, "
    "of the emulated world or of whoever measures."
)

REASONS: dict[tuple[str, str], str] = {
    ("1", "round trip, *"): WAKE_UPS,
    ("1", "throughput, 64 outstanding / raw echo"): WORK,
    ("4", "expander beside a busy converter, *"): (
        "Both chips are on one bus: a read waits for the transaction that is on it."
    ),
    ("6", "ready after, s from the start of its process"): (
        "It is a time of this computer: about a third of it is the interpreter with pyzmq and "
        "msgspec, most of the rest the import of the bridge's own code."
    ),
    ("6", "idle memory / bare interpreter"): (
        "Most of what is above the interpreter are pyzmq with libzmq (6 MB) and msgspec (3 MB)."
    ),
    ("7", "kill -9 to the first answer, worst of *"): SCHEDULING,
    ("8", "*, the whole way"): (
        "The round trip through Node.js and bridge is added to what the driver does on the bus, "
        "which the section of the data sheets shows alone."
    ),
    ("E", "*, worst of *, ms"): SCHEDULING,
    ("L", "p99 beside *"): CORES,
    ("S", "* at * baud, share of the line"): (
        "The far end is a process as well, and what the system wakes it late counts against the "
        "bridge."
    ),
    ("Y", "read by the Python client / raw py-py echo"): WAKE_UPS,
    ("C", "* of * clients / raw echo of as many"): WORK,
    ("C", "p99 beside a flood, all on one core / alone"): (
        "On one core the system shares it out among the flood's process, the bridge and whoever "
        "measures."
    ),
    ("K", "round trip with CURVE / plain tcp, median"): (
        "Node-RED's side encrypts in plain JavaScript (tweetnacl), as nothing may have to be "
        "compiled; and the process for remote clients is one more wake-up each way."
    ),
    ("N", "CPU of a module's node beyond that, us"): (
        "Request and reply go through MessagePack and a socket in Node-RED's own process, and "
        "the status below the node is sent to the editor."
    ),
}
"""Why a bar can be missed; printed only where it is."""


def about(section: str) -> Section:
    """Return the words of a section, which a new one may not have yet."""
    return SECTIONS.get(section, UNKNOWN)


def of_figure(section: str, name: str) -> Said:
    """Return the words of a figure.

    Args:
        section: Key of its section.
        name: Its name.

    Returns:
        Its words; empty ones for a new figure that has none yet.
    """
    for pattern, said in about(section).figures.items():
        if fnmatchcase(name, pattern):
            return said
    return Said("", "")


def reason(section: str, name: str) -> str:
    """Return why a figure misses its bar, or nothing where that is not known.

    Args:
        section: Key of its section.
        name: Its name.
    """
    for (key, pattern), words in REASONS.items():
        if key == section and fnmatchcase(name, pattern):
            return words
    return ""
