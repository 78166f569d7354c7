"""The digital lines and analog inputs of a slot, as a module uses them.

Each does what its name says on one line or one input; it holds no policy and no state of the
module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.buses.gpio import Bias, LineController
from wisblock_bridge.buses.shared_edges import SharedEdges
from wisblock_bridge.errors import BridgeError, BusError, NotReadyError, SupplyLostError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.buses.analog import AnalogConverter, Conversion, TimedConversion
    from wisblock_bridge.buses.gpio import EdgeSource
    from wisblock_bridge.buses.shared_levels import LevelReader


def lost_supply(chip: str, state: str) -> SupplyLostError:
    """Return the error for a chip that was reset.

    Args:
        chip: Its name, with address and bus.
        state: What that means for its outputs or results, in a few words.

    Returns:
        The error, to be raised.
    """
    return SupplyLostError(
        f"The chip has forgotten its settings: it lost its supply for a moment, or something reset "
        f"it; {state}.",
        hint="It is set up again. Outputs are in their safe state until they are commanded again. "
        "If it happens often, look for what draws the 3.3 V down: a relay, a heater, a motor.",
        where=chip,
    )


class DigitalLine:
    """One digital line of the slot, reserved for this module.

    Args:
        controller: Who drives the line.
        offset: Its number within the controller.
        place: What people call it ("IO1, line 1 of TPT29555 0x26 on i2c-1").
        on_expander: Whether it is a line of an expander, which goes on driving it when nobody
            holds it, and pulls it up when it is an input.
    """

    __slots__ = ("_controller", "_edges", "_offset", "_on_expander", "place")

    def __init__(
        self, controller: LineController, offset: int, place: str, *, on_expander: bool = False
    ) -> None:
        self._on_expander = on_expander
        self._controller = controller
        self._offset = offset
        self._edges = SharedEdges()
        self.place = place

    @property
    def spot(self) -> tuple[LineController, int]:
        """Who drives the line, and its number there."""
        return self._controller, self._offset

    @property
    def has_edges(self) -> bool:
        """Whether the kernel reports level changes of this line."""
        return self._controller.has_edges

    def drive(self, level: int) -> None:
        """Make the line an output at this level, without a glitch.

        Args:
            level: 0 or 1.

        Raises:
            BusError: The controller did not answer or another program holds the line.
        """
        try:
            self._controller.make_output(self._offset, level)
        except BridgeError as error:
            raise error.at(self.place) from error.__cause__

    def listen(self, bias: Bias = Bias.NONE) -> None:
        """Stop driving the line; one whose edges somebody takes is listened to already.

        Args:
            bias: Pull resistor wanted.

        Raises:
            BusError: The controller did not answer or another program holds the line.
        """
        if self._edges.in_use:
            return  # configured again, it would report no more edges, and nobody would notice
        try:
            self._controller.make_input(self._offset, bias)
        except BridgeError as error:
            raise error.at(self.place) from error.__cause__

    def level(self) -> int:
        """Read the level at the pin.

        Returns:
            0 or 1.

        Raises:
            BusError: The controller did not answer.
        """
        try:
            return self._controller.level(self._offset)
        except BridgeError as error:
            raise error.at(self.place) from error.__cause__

    def edges(self, bias: Bias = Bias.NONE, debounce_ms: float = 0.0) -> EdgeSource:
        """Listen to the changes of the line; only where ``has_edges``.

        Args:
            bias: Pull resistor wanted.
            debounce_ms: Changes that last less than this are not reported.

        Returns:
            The changes from now on; of several listeners, the first one's settings hold for all.

        Raises:
            BusError: The controller cannot report changes, or another program holds the line.
        """
        try:
            return self._edges.join(lambda: self._controller.edges(self._offset, bias, debounce_ms))
        except BridgeError as error:
            raise error.at(self.place) from error.__cause__

    def watch(self) -> LevelReader:
        """Look at the line together with everybody who looks at its expander.

        Returns:
            What tells its changes from now on, whenever it is asked.

        Raises:
            BusError: The controller did not answer.
        """
        try:
            return self._controller.watch(1 << self._offset)
        except BridgeError as error:
            raise error.at(self.place) from error.__cause__

    def let_go(self) -> None:
        """Return the line to the operating system as it is.

        On an expander it goes on driving its level: for lines whose safe state needs that.
        """
        self._controller.let_go(self._offset)

    def give_back(self) -> None:
        """Return the line; on an expander it becomes an input, so that the next module is free.

        For lines whose safe state is the expander's weak pull-up, too, or that matter to nobody.

        Raises:
            BusError: The controller did not answer; the line may still be driven.
        """
        try:
            if self._on_expander:
                self.listen()
        finally:
            self.let_go()

    def check_driven(self, *others: DigitalLine) -> None:
        """Check that an expander still drives this line and others as it was told to.

        One short transaction for each expander; none for lines of the processor, and none where
        the kernel drives the expander, which cannot be asked then.

        Args:
            others: Further lines of the module.

        Raises:
            SupplyLostError: The expander was reset: its lines are inputs.
            BusError: The expander did not answer.
        """
        groups: dict[LineController, dict[int, str]] = {}
        for each in (self, *others):
            controller, offset = each.spot
            groups.setdefault(controller, {})[offset] = each.place
        for controller, places in groups.items():
            lost = controller.outputs_lost(sum(1 << offset for offset in places))
            for offset, place in places.items():
                if lost >> offset & 1:
                    raise lost_supply(controller.name, "its lines are inputs").at(place)


class AnalogInput:
    """One analog input of the slot.

    Args:
        converter: The converter behind it.
        channel: Its channel there.
        place: What people call it ("AIN1, channel 1 of SGM58031 0x4b on i2c-1").
    """

    __slots__ = ("_channel", "_converter", "place")

    def __init__(self, converter: AnalogConverter, channel: int, place: str) -> None:
        self._converter = converter
        self._channel = channel
        self.place = place

    def read(self, full_scale: float = 4.096, *, fast: bool = False) -> Conversion:
        """Convert once.

        Args:
            full_scale: Range of the amplifier, V.
            fast: In the shortest time the converter knows, with more noise.

        Returns:
            The voltage and whether it was clipped.

        Raises:
            BusError: The converter did not answer.
            NotReadyError: The conversion did not end in time.
        """
        try:
            return self._converter.read(self._channel, full_scale, fast=fast)
        except BridgeError as error:
            raise error.at(self.place) from error.__cause__

    def sample(
        self, duration_s: float, proceed: Callable[[], object], full_scale: float = 4.096
    ) -> list[TimedConversion]:
        """Convert again and again, as fast as the converter can, for a while.

        Args:
            duration_s: Time from the first result to the last, at least.
            proceed: Called before each conversion; what it raises ends the measurement.
            full_scale: Range of the amplifier, V.

        Returns:
            The results in their order, two at least, each with its time.

        Raises:
            BusError: The converter did not answer.
            NotReadyError: A conversion did not end in time, or settings were lost.
        """
        try:
            return self._converter.sample(self._channel, duration_s, proceed, full_scale)
        except (BusError, NotReadyError) as error:
            raise error.at(self.place) from error.__cause__
