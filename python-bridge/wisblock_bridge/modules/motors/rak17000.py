"""RAK17000: two DC motors or one stepper motor.

1. Facts of the product: which slot pin is which input of the driver, what may run at the same time,
   what safe means. How a bridge makes a speed is in ``motor_bridge``, the phases in ``stepper``.
2. The chip select pin is asked for first: as long as the kernel's SPI has it, clock and data are
   left alone, because others may be using them.
3. The driver sleeps whenever neither bridge does anything.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

from wisblock_bridge.errors import BridgeError, BusError, BusFault
from wisblock_bridge.module_api import (
    DigitalLine,
    Module,
    Param,
    Product,
    Quality,
    ReadingSpec,
    Result,
    TimerHandle,
    event,
    line,
    operation,
)
from wisblock_bridge.modules.motors.h_bridge import BRAKE, COAST, Motion, MotorBridge
from wisblock_bridge.modules.motors.stepper import Mode, Move, Stepper
from wisblock_bridge.modules.shared.pushed_events import PushedEvents
from wisblock_bridge.modules.shared.safety_net import SafetyNet

if TYPE_CHECKING:
    from collections.abc import Iterator


WAKE_UP_S = 0.001
"""From nSLEEP high to outputs that follow their inputs (DRV8833 data sheet, t_WAKE)."""

STEPS_OUTPUT = "steps"
MOST_STEPS = 1_000_000

_CLAIMED = {BusFault.HELD, BusFault.MISSING, BusFault.PERMISSION}

SPEED = ReadingSpec(
    "speed",
    "Speed of the bridge: the one to be reached, or at this moment when read by `state`.",
    unit="percent",
    low=-100.0,
    high=100.0,
    step=0.1,
)
STATE = ReadingSpec(
    "state",
    "What the bridge does; asleep when neither of them does anything.",
    kind="str",
    choices=("asleep", "coast", "brake", "run", "step"),
)
STEPS = ReadingSpec(
    "steps",
    "Steps made; negative is backwards.",
    kind="int",
    unit="step",
    low=-MOST_STEPS,
    high=MOST_STEPS,
    step=1,
)
DURATION = ReadingSpec("duration", "How long the move will take.", unit="millisecond", low=0.0)

Bridge = Annotated[Literal["A", "B"], Param("Which motor: terminals A or B.", label="Motor")]


class RAK17000(Module):
    """Drive two DC motors or one stepper motor.

    Motors are fed from VBAT or from the terminal VIN (2.7 to 10.8 V, chosen by a jumper), 0.85 A
    each. Nothing tells that a motor is stalled or the driver too hot: its fault pin is not on the
    connector.

    Speeds are made by switching the inputs 50 times a second. On a RAK7391 the first input of
    bridge B hangs on an expander, too slow for that. So bridge B is pulsed on its second input
    only: forward it brakes between the pulses (slow decay, more torque at the same percentage), in
    reverse it coasts like bridge A (fast decay). On a RAK6421 both bridges coast.

    A run stops automatically when it is not renewed in time (`watchdog_ms`). When nothing runs, the
    driver sleeps and the motors coast; so it is before the first command, when the client that
    drives has disconnected (unless it asked to hold), and when the bridge stops.

    Three inputs are SPI pins, two of them common to both slots and the mini-PCIe sockets. The
    module cannot be used while the kernel's SPI is on, and only one RAK17000 per board can be.
    """

    product = Product(
        "RAK17000",
        title="motor driver",
        family="interface",
        slots=(1, 2),
        icon="wisblock-motor.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak17000/overview/",
    )
    brakes = frozenset({"brake"})
    unconfirmed = (
        (
            "Whether a motor turns on a RAK7391 between power-on and the start of the bridge: weak "
            "pull-ups may wake the driver. Keep the motors' supply off until the bridge runs."
        ),
        "Which way a motor turns at a positive speed; that depends on its wires.",
        "Whether VBAT (pins 1 and 2) is fed on a RAK7391, and with what voltage.",
    )

    sleep = line("IO6")
    a_in_1 = line("SPI_CLK")
    a_in_2 = line("SPI_CS")
    b_in_1 = line("IO3")
    b_in_2 = line("SPI_MOSI")

    def setup(self) -> None:
        """Create both motor bridges and the stepper, at rest."""
        self._net = SafetyNet(self.timers, self._halt)

        def bridge(in_1: DigitalLine, in_2: DigitalLine) -> MotorBridge:
            return MotorBridge(
                in_1,
                in_2,
                self.clock,
                self.timers,
                at_rest=self._sleep_if_idle,
                failed=self._net.make_safe_after_error,
            )

        self._bridges = {
            "A": bridge(self.a_in_1, self.a_in_2),
            "B": bridge(self.b_in_1, self.b_in_2),
        }
        self._stepper = Stepper(
            (self._bridges["A"], self._bridges["B"]),
            self.clock,
            self.timers,
            done=self._move_done,
            at_rest=self._sleep_if_idle,
            failed=self._net.make_safe_after_error,
        )
        self._watchdogs: dict[str, TimerHandle] = {}
        self._awake = False
        self._last_move = Result({"steps": 0}, self.clock.timestamp_ms())
        self._listeners: list[PushedEvents] = []

    def open(self) -> None:
        """Put the driver to sleep, then take its inputs low."""
        self._net.cancel()
        try:
            self._halt(sleep_first=True)
        except BridgeError:
            self._net.make_safe_after_error()
            raise

    @classmethod
    def parts_of(cls, output: str) -> frozenset[str]:
        """Return which bridges an output consists of: a stepper motor hangs on both."""
        return frozenset("AB") if output == STEPS_OUTPUT else frozenset((output,))

    def rests(self, output: str) -> bool:
        """Return whether what an output moves coasts."""
        moved = (output,) if output in self._bridges else tuple(self._bridges)
        return all(self._bridges[each].motion is Motion.COAST for each in moved)

    def check_supply(self) -> None:
        """Check whether the expander still drives the motor driver's lines."""
        self.sleep.check_driven(self.a_in_1, self.a_in_2, self.b_in_1, self.b_in_2)

    def make_safe(self, output: str) -> None:
        """Let coast what an output moves: a bridge, the stepper motor, or everything."""
        if output in self._bridges:
            if not self._is_stepping:  # somebody else's move is another output
                self._rest(output)
        elif output == STEPS_OUTPUT:
            if self._is_stepping:
                self._net.make_safe()
        else:
            self._net.make_safe()

    def close(self) -> None:
        """Let both motors coast, put the driver to sleep and return the lines."""
        self._net.cancel()
        with ExitStack() as steps:
            # An expander's pull-up would wake the driver; asleep, its inputs matter to nobody.
            steps.callback(self.sleep.let_go)
            for each in (self.b_in_2, self.b_in_1, self.a_in_2, self.a_in_1):
                steps.callback(each.give_back)
            self._halt()

    @operation(gives=(SPEED,), main=SPEED, drives="{bridge}", payload_param="speed", default=True)
    def drive(
        self,
        bridge: Bridge,
        speed: Annotated[
            float,
            Param(
                "Share of full speed; negative is reverse, 0 coasts.",
                unit="percent",
                low=-100.0,
                high=100.0,
            ),
        ],
        ramp_ms: Annotated[
            int,
            Param(
                "How long the change from the present speed takes.",
                unit="millisecond",
                low=0,
                high=600_000,
            ),
        ] = 0,
        watchdog_ms: Annotated[
            int,
            Param(
                "The motor coasts when no further drive comes for so long; 0 for no limit.",
                unit="millisecond",
                low=0,
                high=86_400_000,
            ),
        ] = 10_000,
        frequency: Annotated[
            float,
            Param("How often the inputs are switched.", unit="hertz", low=5.0, high=200.0),
        ] = 50.0,
    ) -> Result:
        """Run a DC motor; the same command again renews the run without disturbing it.

        A change of direction passes standstill for one period of the pulses. A move of the stepper
        motor is ended.

        Returns:
            ``speed``, to be reached after the ramp.

        Raises:
            BusError: A line could not be driven; both motors coast.
        """
        with self._secured():
            self._end_steps()
            one = self._bridges[bridge]
            if speed or one.motion is not Motion.COAST:
                self._wake()
                one.run(speed, ramp_ms / 1000.0, frequency)
            self._watch_over(bridge, watchdog_ms / 1000.0 if speed else 0.0)
        return self.readings(speed=speed)

    @operation(gives=(STATE,), main=STATE, drives="{bridge}", urgent=True)
    def brake(self, bridge: Bridge) -> Result:
        """Brake a DC motor: both its terminals are held low.

        The brake stays on, without a limit in time, until another command or until its client has
        disconnected. A move of the stepper motor is ended.

        Returns:
            ``state``, which is "brake".

        Raises:
            BusError: A line could not be driven; both motors coast.
        """
        with self._secured():
            self._end_steps()
            self._watch_over(bridge, 0.0)
            self._wake()
            self._bridges[bridge].put(Motion.BRAKE, BRAKE)
        return self.readings(state=self._state(bridge))

    @operation(gives=(STATE,), main=STATE, drives="{bridge}", urgent=True)
    def coast(self, bridge: Bridge) -> Result:
        """Let a DC motor run out: its terminals are open. A move of the stepper motor is ended.

        Returns:
            ``state``: "coast", or "asleep" when the other bridge does nothing either.

        Raises:
            BusError: A line could not be driven; it is tried until it can.
        """
        with self._secured():
            self._end_steps()
            self._rest(bridge)
        return self.readings(state=self._state(bridge))

    @operation(gives=(STATE,), main=STATE, drives="*", urgent=True)
    def stop(self) -> Result:
        """Let everything coast and put the driver to sleep; what is queued is not carried out.

        Returns:
            ``state``, which is "asleep".

        Raises:
            BusError: A line could not be driven; it is tried until it can.
        """
        self._net.make_safe()
        return self.readings(state="asleep")

    @operation(gives=(STEPS, DURATION), main=STEPS, drives=STEPS_OUTPUT, payload_param="steps")
    def step(
        self,
        steps: Annotated[
            int,
            Param(
                "How many steps; negative is backwards.",
                unit="step",
                low=-MOST_STEPS,
                high=MOST_STEPS,
            ),
        ],
        rate: Annotated[
            float, Param("Pace of the steps.", unit="steps_per_second", low=0.1, high=500.0)
        ] = 100.0,
        mode: Annotated[
            Mode,
            Param(
                "Full: both windings, most torque. Half: twice as many steps for a revolution. "
                "Wave: one winding at a time, least current."
            ),
        ] = Mode.FULL,
        hold: Annotated[  # noqa: FBT002  (of the wire)
            bool,
            Param("Keep the windings under current afterwards: the motor holds, and gets warm."),
        ] = False,
    ) -> Result:
        """Move a stepper motor; the answer comes at once, the event `done` at the end.

        Winding A is on terminals A, winding B on terminals B. A move that is under way is ended,
        and so are runs of DC motors.

        Returns:
            ``steps`` to be made and ``duration`` in ms.

        Raises:
            BusError: A line could not be driven; both motors coast.
        """
        move = Move(steps, rate, Mode(mode), hold)
        with self._secured():
            for bridge, each in self._bridges.items():
                self._watch_over(bridge, 0.0)
                if each.motion is not Motion.STEP:
                    each.put(Motion.COAST, COAST)
            self._wake()
            self._stepper.begin(move)
        return self.readings(steps=steps, duration=abs(steps) / rate * 1000.0)

    @operation(gives=(SPEED, STATE), main=SPEED, reads_only=True)
    def state(self, bridge: Bridge) -> Result:
        """Return what a bridge does at this moment.

        Returns:
            ``speed`` at this moment and ``state``.
        """
        return self.readings(speed=self._bridges[bridge].speed, state=self._state(bridge))

    @event(gives=(STEPS,), main=STEPS, polled=False)
    def done(self) -> PushedEvents:
        """Report when a move of the stepper motor has ended; the first message is the last move.

        A move that was stopped before its end is marked uncertain and says so in its note.

        Returns:
            The event source.
        """
        watch = PushedEvents(self._last_move, self._listeners.remove)
        self._listeners.append(watch)
        return watch

    @property
    def _is_stepping(self) -> bool:
        return any(each.motion is Motion.STEP for each in self._bridges.values())

    def _state(self, bridge: str) -> str:
        return str(self._bridges[bridge].motion) if self._awake else "asleep"

    @contextmanager
    def _secured(self) -> Iterator[None]:
        """Let everything coast when a command fails half-way."""
        self._net.cancel()
        try:
            yield
        except BridgeError:
            self._net.make_safe_after_error()
            raise

    def _wake(self) -> None:
        if not self._awake:
            self._awake = True  # even if it fails: then it is not known
            self.sleep.drive(1)
            self.clock.sleep(WAKE_UP_S)

    def _sleep_if_idle(self) -> None:
        idle = all(each.motion is Motion.COAST for each in self._bridges.values())
        if idle and self._awake:
            self.sleep.drive(0)
            self._awake = False

    def _rest(self, bridge: str) -> None:
        self._watch_over(bridge, 0.0)
        with self._secured():
            self._bridges[bridge].put(Motion.COAST, COAST)
            self._sleep_if_idle()

    def _watch_over(self, bridge: str, seconds: float) -> None:
        """Start the watchdog of a run again; 0 s ends it."""
        watchdog = self._watchdogs.pop(bridge, None)
        if watchdog is not None:
            watchdog.cancel()
        if seconds:
            self._watchdogs[bridge] = self.timers.after(seconds, lambda: self._rest(bridge))

    def _end_steps(self) -> None:
        self._stepper.end()
        if self._is_stepping:
            for each in self._bridges.values():
                each.put(Motion.COAST, COAST)

    def _move_done(self, move: Move, made: int) -> None:
        quality, note = Quality.GOOD, ""
        if made != move.steps:
            quality, note = Quality.UNCERTAIN, f"Stopped after {made} of {move.steps} steps."
        self._last_move = self.readings(quality, note, steps=made)
        for listener in self._listeners:
            listener.tell(self._last_move)

    def _halt(self, *, sleep_first: bool = False) -> None:
        """Take all inputs low and put the driver to sleep, each of them even if another fails."""
        for bridge in tuple(self._watchdogs):
            self._watch_over(bridge, 0.0)
        for each in self._bridges.values():
            each.end_run()
        failures: list[BridgeError] = []
        if sleep_first:
            _take_low(self.sleep, failures)
        _take_low(self.a_in_2, failures)
        if not any(isinstance(each, BusError) and each.fault in _CLAIMED for each in failures):
            _take_low(self.a_in_1, failures)
            _take_low(self.b_in_2, failures)
        _take_low(self.b_in_1, failures)
        if not sleep_first:
            _take_low(self.sleep, failures)
        for each in self._bridges.values():
            each.note_coasting(certain=not failures)
        self._awake = bool(failures)
        self._stepper.end()
        if failures:
            raise _explained(failures[0])


def _take_low(each: DigitalLine, failures: list[BridgeError]) -> None:
    try:
        each.drive(0)
    except BridgeError as error:
        failures.append(error)


def _explained(error: BridgeError) -> BridgeError:
    """Return what to do about a pin that the kernel's SPI holds."""
    if isinstance(error, BusError) and error.fault is BusFault.HELD and "SPI" in error.where:
        return BusError(
            error.fault,
            error.message,
            hint="The motor driver needs the SPI pins. Put `dtparam=spi=off` into "
            "/boot/firmware/config.txt and restart; then nothing else can use SPI.",
            where=error.where,
        )
    return error
