"""RAK13005: a LIN bus, as its master or as a listener.

1. Facts of the product: which pins enable the transceiver, and when.
2. What frames mean, how they are sent and heard is told by ``lin``; this file has the operations
   and their limits.
3. Building and parsing frames touch neither port nor bus.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, get_args

from wisblock_bridge.errors import SupplyLostError
from wisblock_bridge.module_api import (
    EventSource,
    Module,
    Product,
    Quality,
    Result,
    event,
    line,
    operation,
    serial_port,
)
from wisblock_bridge.modules.lin import frames, params, parsing
from wisblock_bridge.modules.lin.framer import Framer
from wisblock_bridge.modules.lin.listening import SLEEP, FrameEvents
from wisblock_bridge.modules.lin.master import BreakMethod, Master
from wisblock_bridge.modules.lin.schedule import Schedule, check_durations, read_table
from wisblock_bridge.modules.lin.schedule_slots import LinEvents, ScheduleSlots
from wisblock_bridge.modules.shared.serial_listener import SerialFanout

if TYPE_CHECKING:
    from collections.abc import Mapping


MODE_CHANGE_S = 0.001
"""Between two changes of EN, and from EN high to the first bit; the transceiver wants 150 µs and
mistakes pulses of 25 to 50 µs (TLE7259-3 data sheet, tMODE and flash mode)."""

SCHEDULE = "schedule"
METHODS: tuple[BreakMethod, ...] = get_args(BreakMethod)


class RAK13005(Module):
    """Send and ask for frames on a LIN bus as its master, or listen to what others send.

    The bus needs a supply of its own, 5.5 to 27 V at VIN, and one master with a pull-up of 1 kΩ: on
    this module resistor R5 makes it one. At most one master sends; to listen it takes none.

    Frames begin with a real break of 13 bits or more; a zero sent at the bus's own rate, as the
    vendor's builder node does it, has 9 and is no break to most nodes. Everything that is sent is
    held against its echo, so a bus without supply, a short and a second master are reported as
    such.

    Checksums are classic or enhanced; diagnostic frames (0x3C, 0x3D) always have the classic one.
    The bus runs at 9600 baud until "line" sets it otherwise; that is kept for the slot.

    The transceiver is off until the bus is used, and off again when the module is released or the
    bridge stops. A schedule ends with the client that began it, unless that asked to hold.
    """

    product = Product(
        "RAK13005",
        title="LIN bus",
        family="interface",
        slots=(1, 2),
        icon="wisblock-lin.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak13005/overview/",
    )
    unconfirmed = (
        "Which of R4 (peripheral) and R5 (controller) is fitted when the module is delivered.",
        (
            "How exactly the USB serial ports of a RAK7391 make the low rate of a break. If nodes "
            'do not answer, try another break method with "line".'
        ),
        "Which USB socket belongs to which slot of a RAK7391: see the section on the port.",
    )

    port = serial_port()
    keeps_outputs = True

    enable = line("IO6")
    wake_pin = line("IO5")

    def setup(self) -> None:
        """Recall the bit rate, and create the master and its schedule."""
        self._baud, self._break = remembered(self.memory.recall())
        self._master = Master(
            self.port, self.clock, self._overheard, lambda: self.enable.level() == 1
        )
        self._fanout = SerialFanout(self.port, self._take, lambda data: self.readings(raw=data))
        self._events = LinEvents(self._fanout, self.clock)
        self._slots = ScheduleSlots(self._use, self._events)
        self._schedule = Schedule(self.clock, self.timers, self._slots.carry_out)
        self._awake = False

    def open(self) -> None:
        """Keep the transceiver off until it is used; one in use stays so, also after a failure."""
        if self._awake:
            self.wake_pin.drive(1)
            self.enable.drive(1)
        else:
            self.enable.drive(0)

    def check_supply(self) -> None:
        """Check whether the expander still drives the lines of the transceiver."""
        try:
            self.enable.check_driven(self.wake_pin)
        except SupplyLostError:
            self._schedule.end()
            self._awake = False
            raise

    def make_safe(self, output: str) -> None:
        """End the schedule: the client that began it disconnected."""
        if output in {SCHEDULE, "*"}:
            self._schedule.end()

    def close(self) -> None:
        """End the schedule, switch the transceiver off, return port and lines."""
        self._schedule.end()
        self._awake = False
        with ExitStack() as steps:
            steps.callback(self.port.close)
            steps.callback(self.wake_pin.give_back)
            steps.callback(self.enable.let_go)  # low: awake, it could disturb the bus
            self.enable.drive(0)

    # -- frames -----------------------------------------------------------------------------------

    @operation(
        gives=(params.FRAME,),
        main=params.FRAME,
        payload_param="data",
        check=params.check_diagnostic,
    )
    def send(
        self,
        id: params.Identifier,  # noqa: A002
        data: params.Data,
        checksum: params.ChecksumToSend = "classic",
    ) -> Result:
        """Send a frame: break, header, data and checksum.

        Returns:
            ``frame``, as it went over the bus.

        Raises:
            BusError: The bus did not carry it: no supply, a short, a second master.
        """
        sent = self._use().send(id, data, checksum)
        self._events.sent(id, data, checksum, sent)
        return self.readings(frame=sent)

    @operation(
        gives=(params.DATA, params.CHECKSUM),
        main=params.DATA,
        reads_only=True,
        default=True,
        check=params.check_diagnostic,
    )
    def request(
        self,
        id: params.Identifier,  # noqa: A002
        length: params.Length = 8,
        checksum: params.ChecksumToHear = "classic",
    ) -> Result:
        """Send a header and give what a node answers.

        Returns:
            ``data``, and which ``checksum`` fitted.

        Raises:
            BusError: No node answered, or the bus did not carry the header.
            ChecksumError: The answer broke off, or its checksum is another one.
        """
        answer = self._use().request(id, length, checksum)
        self._events.answered(id, answer)
        return self.readings(data=answer.data, checksum=answer.model)

    @operation(
        gives=(params.FRAME,),
        main=params.FRAME,
        reads_only=True,
        payload_param="data",
        check=params.check_diagnostic,
    )
    def build(
        self,
        id: params.Identifier,  # noqa: A002
        data: params.Data,
        checksum: params.ChecksumToSend = "classic",
    ) -> Result:
        """Make the bytes of a frame, without any bus: what the vendor's builder node does.

        Returns:
            ``frame``: 00 for the break, 55, protected identifier, data, checksum.
        """
        return self.readings(frame=frames.build(id, data, checksum))

    @operation(
        gives=(params.FRAMES, params.PROBLEMS, params.OTHERS, params.REST),
        main=params.FRAMES,
        reads_only=True,
        payload_param="data",
        check=params.check_diagnostic,
    )
    def parse(
        self,
        data: params.Heard,
        id: params.AnyIdentifier = None,  # noqa: A002
        length: params.AnyLength = None,
        checksum: params.ChecksumToHear = "auto",
    ) -> Result:
        """Find the frames in bytes, without any bus: what the vendor's parser node does.

        A break may be a zero, two or none. Nothing is left out: every byte is in a frame, a problem
        or the rest, or belongs to a frame with another identifier.

        Returns:
            ``frames``, ``problems``, ``others`` and ``rest``; uncertain when there are problems.

        Raises:
            ChecksumError: A checksum or a parity is wrong, and there is no whole frame.
        """
        found = parsing.parse(data, id, length, checksum)
        return self.readings(
            Quality.UNCERTAIN if found.problems else Quality.GOOD,
            str(found.problems[0]["words"]) if found.problems else "",
            frames=found.frames,
            problems=found.problems,
            others=found.others,
            rest=found.rest,
        )

    # -- the schedule -----------------------------------------------------------------------------

    @operation(
        gives=(params.RUNNING, params.SLOTS, params.ROUND),
        main=params.RUNNING,
        drives=SCHEDULE,
        payload_param="table",
    )
    def schedule(
        self,
        table: params.Table,
    ) -> Result:
        """Run a schedule over and over, instead of the one that ran; `frame` reports the answers.

        Slots follow the clock; one that comes late is not made up for. Other requests are carried
        out between two slots. It runs until it is stopped or its client has disconnected.

        Returns:
            ``running``, the number of ``slots`` and how long a ``round`` takes.

        Raises:
            BadParamsError: A slot cannot be read, or is shorter than its frame.
            BusError: The port is missing.
        """
        slots = read_table(table)
        check_durations(slots, self._baud)
        self._use()
        self._slots.begin()
        self._schedule.begin(slots)
        return self._schedule_readings()

    @operation(gives=(params.RUNNING,), main=params.RUNNING, payload_param="data")
    def schedule_data(self, id: params.Identifier, data: params.Data) -> Result:  # noqa: A002
        """Change what the running schedule sends with an identifier, from its next slot on.

        Returns:
            ``running``, which is true.

        Raises:
            BadParamsError: No schedule runs, or it sends no such frame.
        """
        self._schedule.update(id, data)
        return self.readings(running=True)

    @operation(gives=(params.RUNNING,), main=params.RUNNING, drives=SCHEDULE, urgent=True)
    def schedule_stop(self) -> Result:
        """Stop the schedule after the frame that is under way.

        Returns:
            ``running``, which is false.
        """
        self._schedule.end()
        return self.readings(running=False)

    # -- sleep, and the line ----------------------------------------------------------------------

    @operation(gives=(params.AWAKE,), main=params.AWAKE)
    def sleep(self) -> Result:
        """Send all nodes to sleep, and switch the transceiver off; a schedule ends.

        Subscribers still hear of a node that wakes the bus. The next frame switches the
        transceiver on; the nodes want a `wake` before it.

        Returns:
            ``awake``, which is false.

        Raises:
            BusError: The bus did not carry the command; the transceiver stays on.
        """
        self._schedule.end()
        data = frames.GO_TO_SLEEP
        sent = self._use().send(frames.MASTER_REQUEST, data, "classic")
        self._events.sent(frames.MASTER_REQUEST, data, "classic", sent, SLEEP)
        self._take_all()
        self.enable.drive(0)
        self._awake = False
        self.clock.sleep(MODE_CHANGE_S)
        return self.readings(awake=False)

    @operation(gives=(params.AWAKE,), main=params.AWAKE)
    def wake(self) -> Result:
        """Wake all nodes; the next frame waits for the 100 ms that they may take.

        Returns:
            ``awake``, which is true.

        Raises:
            BusError: The bus did not carry the pulse: no supply, a short.
        """
        self._use().wake_up()
        return self.readings(awake=True)

    @operation(gives=(params.BAUD, params.BREAK), main=params.BAUD, payload_param="baud")
    def line(
        self,
        baud: params.Baud = 9600,
        break_method: params.Break = "auto",
    ) -> Result:
        """Set the bus's rate and how breaks are made, for all who use it; kept for this slot.

        A schedule that runs must have slots long enough for the new rate.

        Returns:
            ``baud`` and ``break_method`` as set.

        Raises:
            BadParamsError: The schedule that runs is too fast for this rate.
            BusError: The port cannot do that.
        """
        check_durations(self._schedule.table, baud)
        if self._awake:
            self._master.configure(baud, break_method)
        self._baud, self._break = baud, break_method
        self.memory.remember({"baud": baud, "break_method": break_method})
        return self.kept(self.readings(baud=baud, break_method=break_method))

    @operation(
        gives=(
            params.AWAKE,
            params.RUNNING,
            params.SLOTS,
            params.ROUNDS,
            params.LATE,
            params.SENT,
            params.UNANSWERED,
            params.DAMAGED,
            params.BAUD,
            params.BREAK,
        ),
        reads_only=True,
    )
    def state(self) -> Result:
        """Return how the bus is used, and how well it works; nothing is sent.

        Returns:
            The state of transceiver, schedule and line, and counters since the start.
        """
        return self.readings(
            awake=self._awake,
            running=bool(self._schedule.table),
            slots=len(self._schedule.table),
            rounds=self._schedule.rounds,
            late=self._schedule.late,
            sent=self._master.sent,
            unanswered=self._master.unanswered,
            damaged=self._master.damaged,
            baud=self._baud,
            break_method=self._master.break_in_use or self._break,
        )

    @event(
        gives=(params.KIND, params.ID, params.DATA, params.CHECKSUM, params.RAW),
        polled=False,
        occurrence=True,
    )
    def frame(
        self,
        id: params.AnyIdentifier = None,  # noqa: A002
        length: params.AnyLength = None,
        checksum: params.ChecksumToHear = "auto",
        own: params.Own = False,  # noqa: FBT002
        gap_ms: params.Gap = 30,
    ) -> EventSource:
        """Report every frame on the bus, and everything that is none.

        Nothing is dropped: what is damaged is reported with its bytes, uncertain, and the reason in
        the note. Answers to requests and to the schedule are reported too. A node without answer,
        and a bus that fails, are reported once by the schedule, until they are back.

        Returns:
            The event source.

        Raises:
            BusError: The port is missing.
        """
        self._use()
        watch = FrameEvents(
            self._fanout,
            Framer(id, length, checksum),
            id,
            own,
            gap_ms / 1000.0,
            self.clock,
            self.timers,
        )
        self._fanout.join(watch)
        return watch

    # -- within -----------------------------------------------------------------------------------

    def _use(self) -> Master:
        """Switch the transceiver on, if it is not."""
        if not self._awake:
            self._master.configure(self._baud, self._break)
            self.wake_pin.drive(1)
            self.enable.drive(1)
            self._awake = True
            self.clock.sleep(MODE_CHANGE_S)
            self.port.discard_input()
        return self._master

    def _take(self, _gap_s: float) -> bytes:
        found = self._master.pull()
        if found:
            self._use()  # asleep, it hears nothing but that a node wakes the bus
        return found

    def _take_all(self) -> None:
        """Let listeners hear what came until now."""
        found = self._master.pull()
        if found:
            self._overheard(found)

    def _overheard(self, data: bytes) -> None:
        self._fanout.tell(data)

    def _schedule_readings(self) -> Result:
        table = self._schedule.table
        return self.readings(
            running=bool(table),
            slots=len(table),
            round=sum(each.duration_s for each in table) * 1000.0,
        )


def remembered(facts: Mapping[str, object]) -> tuple[int, BreakMethod]:
    """Read what was remembered of a bus; nonsense is as good as nothing.

    Args:
        facts: What the memory gave.

    Returns:
        Baud rate and break method; 9600 and "auto" where there are none.
    """
    baud, method = facts.get("baud"), facts.get("break_method")
    known = {str(each): each for each in METHODS}.get(str(method))
    if known and isinstance(baud, int) and params.SLOWEST <= baud <= params.FASTEST:
        return baud, known
    return 9600, "auto"
