"""RAK13004: 16 PWM channels.

1. Facts of the product: its output enable pin, what servos want, what is safe.
2. Registers are the chip's business; it confirms the frequency, and widths follow from that.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Annotated, Literal, Protocol

from wisblock_bridge.chips.pca9685 import PCA9685
from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.module_api import (
    Module,
    Param,
    Product,
    Quality,
    ReadingSpec,
    Result,
    chip,
    line,
    lost_supply,
    operation,
)

log = logging.getLogger(__name__)

OFF = "all channels are off"

USUAL_HZ = 50.0
"""What servos expect, and what the vendor's flow sets."""

LONGEST_PULSE_US = 41_700
"""A little more than one cycle at 24 Hz; what really fits is checked against the frequency set."""

LEFT, RIGHT = -90.0, 90.0

PERCENT = ReadingSpec(
    "percent",
    "Share of the time that the channel is high.",
    unit="percent",
    low=0.0,
    high=100.0,
    step=100.0 / 4096,
)
MICROSECONDS = ReadingSpec(
    "microseconds",
    "How long the channel is high in each cycle.",
    unit="microsecond",
    low=0.0,
    high=LONGEST_PULSE_US,
    step=0.16,
)
"""A step at the highest frequency: 4 cycles of 25 MHz (PCA9685 datasheet, PRE_SCALE at least 3)."""
ANGLE = ReadingSpec(
    "angle", "Where the servo is told to go.", unit="degree", low=LEFT, high=RIGHT, step=0.01
)
HZ = ReadingSpec("hz", "Frequency of all channels.", unit="hertz", low=23.9, high=1526.0)
ON = ReadingSpec("on", "Whether the outputs are enabled.", kind="bool")

Channel = Annotated[int, Param("Number of the channel.", low=0, high=15)]
Step = Annotated[int, Param("Step of the cycle, of 4096.", unit="step", low=0, high=4095)]
ServoWidth = Annotated[
    float,
    Param(
        "Width of the pulse at this end of the servo's travel.",
        unit="microsecond",
        low=100.0,
        high=10_000.0,
    ),
]


class Servo(Protocol):
    """Parameters of ``servo``."""

    min_us: float
    max_us: float


def check_servo(params: Servo) -> None:
    """Refuse a travel without an extent, or one that is upside down.

    Args:
        params: The checked parameters.

    Raises:
        BadParamsError: The shorter pulse is not shorter.
    """
    if params.min_us >= params.max_us:
        raise BadParamsError(
            f"min_us is {params.min_us:g} and max_us {params.max_us:g}; min_us has to be smaller.",
            hint="A servo that turns the other way takes the negative angle.",
            data={"param": "min_us", "allowed": "less than max_us"},
        )


class RAK13004(Module):
    """Drive 16 channels of pulse width modulation: servos, LEDs, dimmers.

    Everything is off and the outputs are disabled until the first command to a channel; that
    command enables them. "Enable" with off disables all outputs at once and keeps them so until
    "enable" with on: commands are then carried out, but nothing comes out.

    All channels have one frequency, 50 Hz at first. When it changes, every channel keeps its share
    of the time, so pulses change their width: send positions of servos again.

    A channel goes off when the program that drove it is lost, unless it wished to hold. After a
    breakdown of the supply or a failure of the bus all channels are off and disabled; only what is
    commanded again comes back, and readings say which channels wait for that.

    Power servos from outside: the 3.3 V of the module is not made for motors. The clock of the chip
    is true to some 5 %, and so are frequency and widths.
    """

    product = Product(
        "RAK13004",
        title="16 PWM outputs",
        family="interface",
        slots=(1, 2),
        icon="wisblock-pwm.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak13004/overview/",
    )
    unconfirmed = (
        "Whether the chip disturbs the board's SHTC3: until first used it also answers at 0x70.",
    )

    output_enable = line("IO6")
    pwm = chip(PCA9685, "PCA9685", 0x40, (0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47))

    def setup(self) -> None:
        """Start at the usual frequency, with all channels off."""
        # Not in ``open``: after a failure of the bus the module is opened again. The frequency is a
        # setting that later commands rely on, and who disabled the outputs wants them to stay so.
        self._wanted_hz = USUAL_HZ
        self._hz = USUAL_HZ
        self._disabled = False
        """Somebody disabled the outputs; a command to a channel does not enable them then."""
        self._enabled = False
        self._running: set[int] = set()
        self._lost: set[int] = set()
        """Channels that were on before a failure switched them off."""

    def open(self) -> None:
        """Disable the outputs, then bring the chip in whatever state to all channels off."""
        self._disable()
        self._hz = self.pwm.begin(self._wanted_hz)
        self._lost |= self._running
        self._running.clear()

    def check_supply(self) -> None:
        """Check whether the chip is as after power-up, and whether OE is still driven."""
        if self.pwm.has_forgotten():
            raise lost_supply(self.pwm.name, OFF)
        self.output_enable.check_driven()

    def make_safe(self, output: str) -> None:
        """Switch off a channel, or disable the outputs if their enabling was asked for."""
        kind, _, channel = output.partition("/")
        if kind == "enable":
            self._disable()
        elif channel.isdigit():
            self._off(int(channel))

    def close(self) -> None:
        """Disable the outputs and switch all channels off, as far as the hardware answers."""
        with ExitStack() as stack:
            stack.callback(self.output_enable.give_back)
            stack.callback(self.pwm.close)
            stack.callback(self.pwm.off)
            self._disable()

    @operation(
        gives=(PERCENT, MICROSECONDS),
        main=PERCENT,
        drives="channel/{channel}",
        payload_param="percent",
        default=True,
    )
    def duty(
        self,
        channel: Channel,
        percent: Annotated[
            float,
            Param(
                "Share of the time that the channel is high.", unit="percent", low=0.0, high=100.0
            ),
        ],
    ) -> Result:
        """Set the share of the time that a channel is high; 0 is off, 100 always on.

        Returns:
            The real ``percent`` and ``microseconds``: there are 4096 steps.

        Raises:
            BusError: The module did not answer.
        """
        self._check_supply()
        self._command(channel)
        return self._commanded(channel, self.pwm.set_duty(channel, percent / 100.0))

    @operation(
        gives=(MICROSECONDS, PERCENT),
        main=MICROSECONDS,
        drives="channel/{channel}",
        payload_param="microseconds",
    )
    def pulse_width(
        self,
        channel: Channel,
        microseconds: Annotated[
            float,
            Param(
                "How long the channel is high in each cycle: at most one cycle, 20000 at 50 Hz.",
                unit="microsecond",
                low=0.0,
                high=LONGEST_PULSE_US,
            ),
        ],
    ) -> Result:
        """Set how long a channel is high in each cycle; 0 is off.

        Returns:
            The real ``microseconds`` and ``percent``: there are 4096 steps.

        Raises:
            BadParamsError: The pulse is longer than a cycle.
            BusError: The module did not answer.
        """
        return self._commanded(channel, self._pulse(channel, microseconds, "microseconds"))

    @operation(gives=(PERCENT, MICROSECONDS), main=PERCENT, drives="channel/{channel}")
    def steps(self, channel: Channel, on: Step, off: Step) -> Result:
        """Set at which step of the cycle a channel goes high, and at which it goes low.

        An ``off`` that is smaller than ``on`` lies in the next cycle. Two equal steps are off.

        Returns:
            The ``percent`` and ``microseconds`` that come of it.

        Raises:
            BusError: The module did not answer.
        """
        self._check_supply()
        self._command(channel)
        self.pwm.set_steps(channel, on, off)
        return self._commanded(channel, (off - on) % 4096 / 4096)

    @operation(
        gives=(ANGLE, MICROSECONDS, PERCENT),
        main=ANGLE,
        drives="channel/{channel}",
        payload_param="angle",
        check=check_servo,
    )
    def servo(
        self,
        channel: Channel,
        angle: Annotated[
            float,
            Param("Position: 0 is the middle of the travel.", unit="degree", low=LEFT, high=RIGHT),
        ],
        min_us: ServoWidth = 500.0,
        max_us: ServoWidth = 2500.0,
    ) -> Result:
        """Turn a servo to an angle.

        The pulse is ``min_us`` at -90° and ``max_us`` at 90°. Many servos travel less; stay within
        what yours allows, or they work against their stop.

        Returns:
            The real ``angle``, ``microseconds`` and ``percent``: there are 4096 steps.

        Raises:
            BadParamsError: ``min_us`` is not the smaller one, or the pulse is longer than a cycle.
            BusError: The module did not answer.
        """
        wanted_us = min_us + (angle - LEFT) / (RIGHT - LEFT) * (max_us - min_us)
        share = self._pulse(channel, wanted_us, "angle")
        real = LEFT + (share * 1e6 / self._hz - min_us) / (max_us - min_us) * (RIGHT - LEFT)
        return self._commanded(channel, share, min(max(real, LEFT), RIGHT))

    @operation(gives=(HZ,), main=HZ, payload_param="hz")
    def frequency(
        self,
        hz: Annotated[
            float,
            Param("Frequency of all channels.", unit="hertz", low=24.0, high=1526.0),
        ],
    ) -> Result:
        """Change the frequency of all channels; each keeps its share of the time.

        The outputs pause for a little more than one cycle. It stays until it is changed again, the
        module is released or the bridge is started again; then it is 50 Hz.

        Returns:
            The real frequency ``hz``: there are 253 of them.

        Raises:
            BusError: The module did not answer.
            NotReadyError: The chip does not take the frequency.
        """
        self._check_supply()
        self._hz = self.pwm.set_frequency(hz)
        self._wanted_hz = hz
        return self._seen(hz=self._hz)

    @operation(
        gives=(PERCENT,),
        main=PERCENT,
        drives="channel/{channel}",
        urgent=True,
        payload_param="channel",
    )
    def off(
        self,
        channel: Annotated[
            int | Literal["all"], Param("Number of the channel, or all of them.", low=0, high=15)
        ] = "all",
    ) -> Result:
        """Switch a channel off, or all of them, at once.

        Returns:
            ``percent``, which is 0.

        Raises:
            BusError: The module did not answer.
        """
        if isinstance(channel, int):
            self._off(channel)
        else:
            self.pwm.off()
            self._running.clear()
            self._lost.clear()
        return self._seen(percent=0.0)

    @operation(gives=(ON,), main=ON, drives="enable", urgent={"on": False}, payload_param="on")
    def enable(
        self, on: Annotated[bool, Param("Whether the outputs are to follow their channels.")]
    ) -> Result:
        """Enable or disable all outputs at once, whatever their channels are set to.

        Disabled outputs are low, and stay so until they are enabled by this operation.

        Returns:
            ``on``.

        Raises:
            BusError: The module did not answer.
        """
        if on:
            self._check_supply()
            self._disabled = False
            self._enable()
        else:
            self._disabled = True
            self._disable()
        return self._seen(on=on)

    @operation(gives=(PERCENT, MICROSECONDS, HZ, ON), main=PERCENT, reads_only=True)
    def state(self, channel: Channel) -> Result:
        """Ask the module what a channel is set to.

        Returns:
            ``percent`` and ``microseconds`` as set, the frequency ``hz``, and whether the outputs
            are enabled as ``on``.

        Raises:
            BusError: The module did not answer.
        """
        self._check_supply()
        share = self.pwm.read_channel(channel).share
        return self._seen(
            {channel},
            percent=share * 100.0,
            microseconds=share * 1e6 / self._hz,
            hz=self._hz,
            on=self._enabled,
        )

    def _check_supply(self) -> None:
        """Set the chip up again if it lost its supply: disabled and all channels off."""
        if self.pwm.is_reset():
            self.open()
            self.supply_lost(lost_supply(self.pwm.name, OFF))

    def _command(self, channel: int) -> None:
        """Note, before it is sent, that a channel may be on: a failure may leave it so."""
        self._running.add(channel)
        self._lost.discard(channel)

    def _pulse(self, channel: int, microseconds: float, param: str) -> float:
        """Set a pulse that is known to fit, and give its real share of the time."""
        cycle_us = 1e6 / self._hz
        if microseconds > cycle_us:
            raise BadParamsError(
                f"A pulse of {microseconds:.0f} µs does not fit into a cycle of {cycle_us:.0f} µs "
                f"({self._hz:.1f} Hz).",
                hint="Choose a lower frequency for all channels, or a shorter pulse.",
                data={"param": param, "allowed": f"a pulse of 0...{cycle_us:.0f} µs"},
            )
        self._check_supply()
        self._command(channel)
        return self.pwm.set_pulse(channel, microseconds) / cycle_us

    def _commanded(self, channel: int, share: float, angle: float | None = None) -> Result:
        """Enable the outputs once a channel has what it was told, and pack the readings."""
        if share == 0.0:
            self._running.discard(channel)
        if not self._disabled:
            self._enable()
        return self._seen(
            note="" if self._enabled else "The outputs are disabled; enable them to see it.",
            angle=angle,
            percent=share * 100.0,
            microseconds=share * 1e6 / self._hz,
        )

    def _off(self, channel: int) -> None:
        self.pwm.off(channel)
        self._running.discard(channel)
        self._lost.discard(channel)

    def _enable(self) -> None:
        if not self._enabled:
            self.output_enable.drive(0)
            self._enabled = True

    def _disable(self) -> None:
        self.output_enable.drive(1)
        self._enabled = False

    def _seen(self, about: set[int] | None = None, note: str = "", **values: object) -> Result:
        lost = self._lost if about is None else self._lost & about
        if lost:
            channels = ", ".join(map(str, sorted(lost)))
            note = (
                f"{note} A failure of the supply or the bus switched channels off that were on: "
                f"{channels}. Command them again."
            ).strip()
        return self.readings(Quality.UNCERTAIN if note else Quality.GOOD, note, **values)
