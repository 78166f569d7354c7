"""The methods ``emulator.*``: the physical world of an emulated board, for people and for tests.

1. They exist on emulated boards only.
2. They touch memory, no bus and no module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.module_api.needs import AnalogNeed, ChipNeed, LineNeed, PortNeed, SpiNeed
from wisblock_bridge.module_api.precision import to_digits
from wisblock_bridge.wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wisblock_bridge.clock import Clock
    from wisblock_bridge.emulation.board import EmulatedBoard
    from wisblock_bridge.module_api import Slot
    from wisblock_bridge.module_api.emulated import Quantity, Value
    from wisblock_bridge.runtime.slots import SlotManager
    from wisblock_bridge.server.observers import Observers

LONGEST_VALUE = 4096
"""Bytes or characters of a value that ``emulator.list`` gives; a longer one is left out."""

MOST_CHOICES = 64

ProductSlot = Literal[1, 2]
AnySlot = Literal[1, 2, "board"]


class _Params(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """Base of the parameters of a method: unknown keys are errors."""


class ListParams(_Params, frozen=True):
    """Parameters of ``emulator.list``."""

    slot: AnySlot


class GetParams(_Params, frozen=True):
    """Parameters of ``emulator.get``."""

    slot: AnySlot
    quantity: str


class SetParams(_Params, frozen=True):
    """Parameters of ``emulator.set``."""

    slot: AnySlot
    quantity: str
    value: Any


class PlugParams(_Params, frozen=True):
    """Parameters of ``emulator.plug``."""

    slot: ProductSlot
    module: str


class UnplugParams(_Params, frozen=True):
    """Parameters of ``emulator.unplug``."""

    slot: ProductSlot
    module: str | None = None


class FaultParams(_Params, frozen=True):
    """Parameters of ``emulator.fault``."""

    kind: Literal["nack", "eio", "stuck", "checksum", "slow", "power_cycle"]
    slot: AnySlot | None = None
    bus: str | None = None
    address: Annotated[int, msgspec.Meta(ge=0x08, le=0x77)] | None = None
    count: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    for_ms: Annotated[float, msgspec.Meta(ge=0, le=86_400_000)] | None = None


class EmulatorMethods:
    """The control of one emulated board.

    Args:
        board: The emulated board.
        slot_manager: What is in use in its slots.
        clock: Time.

    Attributes:
        ask_for: Plugs a module into a slot, where an emulated slot would take it of itself.
    """

    def __init__(self, board: EmulatedBoard, slot_manager: SlotManager, clock: Clock) -> None:
        self._board = board
        self._slot_manager = slot_manager
        self._clock = clock
        self.ask_for = board.ask_for
        self.methods: dict[str, Callable[[msgspec.Raw], object]] = {
            "emulator.list": self._method("emulator.list", ListParams, self._list),
            "emulator.get": self._method("emulator.get", GetParams, self._get),
            "emulator.set": self._method("emulator.set", SetParams, self._set),
            "emulator.plug": self._method("emulator.plug", PlugParams, self._plug),
            "emulator.unplug": self._method("emulator.unplug", UnplugParams, self._unplug),
            "emulator.fault": self._method("emulator.fault", FaultParams, self._fault),
        }

    def watch(self, observers: Observers) -> None:
        """Let observers know what is plugged in.

        Args:
            observers: Those to tell.
        """
        board = self._board
        observers.plugged = lambda: {slot: board.plugged(slot) for slot in board.slots}
        board.on_plugged = observers.plugged_changed

    @staticmethod
    def _method(
        name: str, params: type[Any], answer: Callable[[Any], object]
    ) -> Callable[[msgspec.Raw], object]:
        decoder = messages.MapDecoder(params)
        return lambda raw: answer(messages.decode_params(raw, decoder, name))

    def _list(self, params: ListParams) -> object:
        return [_described(each) for each in self._board.quantities(params.slot)]

    def about(self, slot: int) -> dict[str, object]:
        """Return what fits a slot, and how what is in it can be made to fail.

        Args:
            slot: 1 or 2.
        """
        return {
            "fits": self._fits(slot),
            "faults": self._faults(slot),
            "fault": self._fault_of(slot),
        }

    def _fits(self, slot: int) -> list[str]:
        classes = self._slot_manager.modules
        return [
            name
            for name in self._board.products
            if name in classes and slot in classes[name].product.slots
        ]

    def _faults(self, slot: int) -> list[str]:
        """Return the kinds of faults that do something to what is in a slot."""
        module = self._board.plugged(slot)
        if module is None:
            return []
        kinds: list[str] = []
        if any(isinstance(each, PortNeed | SpiNeed) for each in self._needs(module)):
            kinds = [str(each) for each in FaultKind]
        elif self._of_module(slot, module):
            kinds = [str(each) for each in FaultKind if each is not FaultKind.CHECKSUM]
        return [*kinds, *(["power_cycle"] if self._board.forgets(slot) else [])]

    def _fault_of(self, slot: int) -> str | None:
        """Return the kind of fault that is on for what is in a slot."""
        module = self._board.plugged(slot)
        if module is None:
            return None
        needs = tuple(self._needs(module))
        kind: FaultKind | None = None
        if any(isinstance(each, PortNeed) for each in needs):
            kind = self._board.fault_of_line(slot)
        elif any(isinstance(each, SpiNeed) for each in needs):
            kind = self._board.fault_of_select(slot)
        else:
            on = (self._board.bus.fault_at(each) for each in self._of_module(slot, module))
            kind = next((each for each in on if each is not None), None)
        return None if kind is None else str(kind)

    def _get(self, params: GetParams) -> object:
        return {"quantity": params.quantity, "value": self._value(params.slot, params.quantity)}

    def _set(self, params: SetParams) -> object:
        self._board.set(params.slot, params.quantity, params.value)
        return {"quantity": params.quantity, "value": self._value(params.slot, params.quantity)}

    def _value(self, slot: Slot, quantity: str) -> object:
        """Return a quantity as readings are given: without the noise of computing it."""
        return _shown(self._board.get(slot, quantity))

    def _plug(self, params: PlugParams) -> object:
        self._board.plug(params.module, params.slot)
        return {"slot": params.slot, "module": params.module}

    def _unplug(self, params: UnplugParams) -> object:
        plugged = self._board.plugged(params.slot)
        if params.module is not None and params.module != plugged:
            raise BadParamsError(
                f"The emulated slot {params.slot} holds {plugged or 'nothing'}, not "
                f"{params.module}.",
                data={"param": "module", "allowed": plugged},
            )
        self._board.unplug(params.slot)
        return {"slot": params.slot, "module": None}

    def _fault(self, params: FaultParams) -> object:
        if params.kind == "power_cycle":
            return self._power_cycle(params)
        now = self._clock.monotonic()
        until = None if params.for_ms is None else now + params.for_ms / 1000.0
        fault = None if params.count == 0 else Fault(FaultKind(params.kind), 0, params.count, until)
        devices = self._fault_devices(params, fault)
        addresses = () if devices else self._addresses(params)
        self._board.fault(addresses, fault)
        answer: dict[str, object] = {"addresses": list(addresses)}
        return {**answer, "devices": devices} if devices else answer

    def _power_cycle(self, params: FaultParams) -> object:
        """Take the supply away for a moment, once and now."""
        for name in ("bus", "address", "count", "for_ms"):
            if getattr(params, name) is not None:
                raise BadParamsError(
                    f"power_cycle takes a slot and nothing else, so no {name}.",
                    data={"param": name},
                )
        if params.slot is None:
            raise BadParamsError("power_cycle wants a slot.", data={"param": "slot"})
        addresses = self._board.power_cycle(params.slot) or self._own_addresses(params.slot)
        return {"addresses": list(addresses)}

    def _fault_devices(self, params: FaultParams, fault: Fault | None) -> list[str]:
        """Let the serial port or the chip select fail that the module in a slot lives on."""
        if params.slot not in {1, 2} or params.address is not None:
            return []
        slot = int(params.slot)
        module = self._board.plugged(slot)
        devices: list[str] = []
        for need in () if module is None else self._needs(module):
            if isinstance(need, PortNeed):
                devices.append(self._board.fault_line(slot, fault))
            elif isinstance(need, SpiNeed):
                devices.append(self._board.fault_select(slot, fault))
        return devices

    def _own_addresses(self, slot: Slot) -> tuple[int, ...]:
        """Return the addresses at which the chips of the module in a slot answer."""
        module = None if slot == "board" else self._board.plugged(slot)
        needs = () if module is None else self._needs(module)
        return tuple(
            self._slot_manager.addresses.get((int(slot), each.chip), each.address)
            for each in needs
            if isinstance(each, ChipNeed)
        )

    def _needs(self, module: str) -> Iterable[object]:
        return self._slot_manager.module_class(module).description.needs.values()

    def _addresses(self, params: FaultParams) -> tuple[int, ...]:
        if params.address is not None:
            if params.bus not in {None, self._board.bus.name}:
                raise BadParamsError(
                    f"There is no bus {params.bus!r}.",
                    data={"param": "bus", "allowed": [self._board.bus.name]},
                )
            return (params.address,)
        if params.slot is None:
            raise BadParamsError(
                "Either slot, or bus and address are wanted.", data={"param": "slot"}
            )
        spec = self._board.board
        if params.slot == "board":
            expanders = [
                each.address for each in spec.controllers.values() if each.address is not None
            ]
            return (*expanders, spec.converter.address)
        module = self._board.plugged(params.slot)
        if module is None:
            return (spec.converter.address,)
        return self._of_module(params.slot, module)

    def _of_module(self, slot: int, module: str) -> tuple[int, ...]:
        """Return the chips through which a module is reached: its own, else those of the board."""
        spec, needs = self._board.board, tuple(self._needs(module))
        own = tuple(
            self._slot_manager.addresses.get((slot, each.chip), each.address)
            for each in needs
            if isinstance(each, ChipNeed)
        )
        if own:
            return own
        if any(isinstance(each, AnalogNeed) for each in needs):
            return (spec.converter.address,)
        lines = (
            spec.slots[slot].lines.get(each.pin) for each in needs if isinstance(each, LineNeed)
        )
        behind = (spec.controllers[each.controller].address for each in lines if each is not None)
        return tuple(dict.fromkeys(each for each in behind if each is not None))


def _described(quantity: Quantity) -> dict[str, object]:
    """Return a quantity as ``emulator.list`` has it."""
    value = quantity.get()
    found: dict[str, object] = {
        "quantity": quantity.name,
        "unit": quantity.unit,
        "low": quantity.low,
        "high": quantity.high,
        "tolerance": quantity.tolerance,
        "writable": quantity.writable,
        "control": quantity.control_for(value),
    }
    if not isinstance(value, str | bytes) or len(value) <= LONGEST_VALUE:
        found["value"] = _shown(value)
    if quantity.choices:
        found["choices"] = list(quantity.choices[:MOST_CHOICES])
    return found


def _shown(value: Value) -> object:
    return to_digits(value) if isinstance(value, float) else value
