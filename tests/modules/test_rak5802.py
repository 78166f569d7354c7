"""RAK5802: Modbus and any bytes over RS485, for several units and several clients."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import minimalmodbus
import pytest
import serial
from tests.bridge.rig import Rig
from tests.cases import for_each
from tests.fake_clock import FakeClock
from tests.tally import told

from wisblock_bridge.boards.rak6421 import REVISION_VA
from wisblock_bridge.buses.emulated.uart import EmulatedSerialLine
from wisblock_bridge.buses.uart import LineSettings
from wisblock_bridge.errors import BadParamsError, BusError, ErrorCode, OutOfRangeError
from wisblock_bridge.modules.modbus import frames
from wisblock_bridge.modules.modbus.params import check_reach
from wisblock_bridge.modules.modbus.rak5802 import RAK5802, remembered
from wisblock_bridge.modules.modbus.rak5802_emulated import EmulatedRAK5802, checksum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.tally import Tally

    from wisblock_bridge.buses.emulated.i2c import EmulatedI2CBus
    from wisblock_bridge.buses.emulated.wires import AnalogWire, Wire
    from wisblock_bridge.module_api import TimerHandle

Map = dict[str, Any]
WHO = b"flow"
PORT = "/dev/ttyUSB0"
SETTINGS = LineSettings(9600)


def of(text: str) -> bytes:
    return bytes.fromhex(text)


class Slot:
    """A slot with nothing but a serial line."""

    slot: int | str = 1

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.serial = EmulatedSerialLine(PORT, self.clock)

    def wire(self, pin: str) -> Wire:
        raise AssertionError(pin)

    def analog(self, pin: str) -> AnalogWire:
        raise AssertionError(pin)

    @property
    def i2c(self) -> EmulatedI2CBus:
        raise AssertionError("there is no chip on it")

    def address(self, chip: str, delivered: int) -> int:
        raise AssertionError((chip, delivered))

    def after(self, seconds: float, action: Callable[[], None]) -> TimerHandle:
        raise AssertionError((seconds, action))


class Plugged:
    """A RAK5802 in a slot, its emulated and its line."""

    def __init__(self) -> None:
        self.slot = Slot()
        self.line = self.slot.serial
        self.emulated = EmulatedRAK5802(self.slot)
        self.module = RAK5802({"port": self.line.port}, self.slot.clock, self.slot)
        self.module.open()

    def hear_itself(self) -> None:
        """Let the line echo."""
        self.line.echo = True

    def set(self, name: str, value: Any) -> None:
        quantity = next(each for each in self.emulated.quantities() if each.name == name)
        assert quantity.set is not None
        quantity.set(value)

    def get(self, name: str) -> object:
        return next(each for each in self.emulated.quantities() if each.name == name).get()

    @property
    def sent(self) -> list[bytes]:
        return list(self.line.transmissions)


@pytest.fixture
def plugged() -> Iterator[Plugged]:
    made = Plugged()
    yield made
    made.module.close()


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig() as made:
        made.result(WHO, "hello", client="test", version="1")
        yield made


# -- the documented unit --------------------------------------------------------------------------


def test_the_documented_flow(plugged: Plugged) -> None:
    """Coil toggled, then humidity and temperature, byte for byte."""
    module = plugged.module
    assert module.read_coils(42).values == {"bits": [False]}
    assert module.write_coil(42, on=True).values == {"on": True}
    assert module.read_coils(42).values == {"bits": [True]}
    assert plugged.get("led_42") is True
    assert module.read_holding_registers(42, 0, 2).values == {"registers": [35, 2565]}
    assert plugged.sent == [
        of("2A 01 00 00 00 01 FB D1"),
        of("2A 05 00 00 FF 00 8A 21"),
        of("2A 01 00 00 00 01 FB D1"),
        of("2A 03 00 00 00 02 C2 10"),
    ]


def test_two_units_share_the_line(plugged: Plugged) -> None:
    plugged.set("humidity_43", 60.9)
    plugged.set("temperature_43", 21.0)
    assert plugged.module.read_holding_registers(42, 0, 2).values["registers"] == [35, 2565]
    assert plugged.module.read_holding_registers(43, 0, 2).values["registers"] == [60, 2100]
    plugged.module.write_coil(43, on=True)
    assert (plugged.get("led_42"), plugged.get("led_43")) == (False, True)


def test_a_broadcast_reaches_both(plugged: Plugged) -> None:
    plugged.module.write_coil(0, on=True)
    assert (plugged.get("led_42"), plugged.get("led_43")) == (True, True)


def test_what_is_written_is_overwritten_by_the_sensor_after_five_seconds(plugged: Plugged) -> None:
    assert plugged.module.write_registers(42, [7, 8]).values == {"registers": [7, 8]}
    assert plugged.module.write_register(42, 9, 1).values == {"register": 9}
    assert plugged.module.read_holding_registers(42, 0, 2).values["registers"] == [7, 9]
    plugged.slot.clock.advance(5.0)
    assert plugged.module.read_holding_registers(42, 0, 2).values["registers"] == [35, 2565]


@pytest.mark.parametrize(
    "ask",
    [
        lambda module: module.read_discrete_inputs(42),
        lambda module: module.read_input_registers(42),
        lambda module: module.read_coils(42, 1),
        lambda module: module.read_holding_registers(42, 5, 2),
        lambda module: module.write_coil(42, address=1, on=True),
        lambda module: module.write_coils(42, [True, True]),
        lambda module: module.write_registers(42, [1, 2, 3]),
    ],
)
def test_what_the_unit_does_not_have(plugged: Plugged, ask: Callable[[RAK5802], object]) -> None:
    plugged.module.read_coils(42)
    with pytest.raises(Exception, match=r"illegal data address \(exception 2\)") as caught:
        ask(plugged.module)
    assert caught.value.code is ErrorCode.REMOTE_EXCEPTION  # type: ignore[attr-defined]
    assert len(plugged.sent) == 2


def test_several_coils(plugged: Plugged) -> None:
    assert plugged.module.write_coils(42, [True]).values == {"bits": [True]}
    assert plugged.sent == [of("2A 0F 00 00 00 01 01 01 AC FC")]
    assert plugged.get("led_42") is True


# -- another implementation of Modbus -------------------------------------------------------------


class Other(minimalmodbus.Instrument):  # type: ignore[misc]
    """MinimalModbus as the master of the emulated line; it takes no part in the bridge."""

    def __init__(self, line: EmulatedSerialLine, unit: int) -> None:
        with serial.serial_for_url("loop://") as unused:
            super().__init__(unused, unit)
        self._line = line

    def _communicate(self, request: bytes, number_of_bytes_to_read: int) -> bytes:
        self._line.port.write(request)
        return self._line.port.read(number_of_bytes_to_read, 1.0)


def pairs(
    module: RAK5802, other: Other, unit: int, chance: random.Random
) -> list[tuple[Callable[[], object], Callable[[], object]]]:
    """The same said by both: to the bridge's module, and to MinimalModbus."""
    value, two = chance.randrange(65536), [chance.randrange(65536) for _ in range(2)]
    on, first = chance.random() < 0.5, chance.randrange(2)
    return [
        (
            lambda: module.read_coils(unit).values["bits"],
            lambda: [bool(other.read_bit(0, functioncode=1))],
        ),
        (
            lambda: module.read_holding_registers(unit, 0, 2).values["registers"],
            lambda: other.read_registers(0, 2),
        ),
        (
            lambda: module.read_holding_registers(unit, first).values["registers"],
            lambda: other.read_registers(first, 1),
        ),
        (
            lambda: module.read_value(unit, 0, number_type="int32").values["value"],
            lambda: other.read_long(0, signed=True),
        ),
        (
            lambda: module.write_coil(unit, on=on).values["on"],
            lambda: other.write_bit(0, int(on)) or on,
        ),
        (
            lambda: module.write_coils(unit, [on]).values["bits"],
            lambda: other.write_bits(0, [int(on)]) or [on],
        ),
        (
            lambda: module.write_register(unit, value, first).values["register"],
            lambda: other.write_register(first, value, functioncode=6) or value,
        ),
        (
            lambda: module.write_registers(unit, two).values["registers"],
            lambda: other.write_registers(0, two) or two,
        ),
    ]


def test_both_masters_send_the_same_and_read_the_same(
    plugged: Plugged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests byte for byte, answers value for value, over a thousand random ones."""
    monkeypatch.setattr("wisblock_bridge.modules.modbus.rak5802_emulated.REFRESH_S", 1e9)
    chance = random.Random(7391)  # noqa: S311
    others = {unit: Other(plugged.line, unit) for unit in (42, 43)}
    plugged.module.read_coils(42)
    for _ in range(1000):
        unit = chance.choice([42, 43])
        ours, theirs = chance.choice(pairs(plugged.module, others[unit], unit, chance))
        plugged.line.transmissions.clear()
        assert ours() == theirs()
        assert len(plugged.sent) == 2
        assert plugged.sent[0] == plugged.sent[1]


def test_both_masters_understand_a_refusal(plugged: Plugged) -> None:
    other = Other(plugged.line, 42)
    with pytest.raises(minimalmodbus.IllegalRequestError, match="illegal data address"):
        other.read_registers(5, 2)
    with pytest.raises(Exception, match="illegal data address"):
        plugged.module.read_holding_registers(42, 5, 2)
    assert plugged.sent[0] == plugged.sent[1] == of("2A 03 00 05 00 02 D2 11")


@pytest.mark.parametrize("fault", ["noise", "truncated", "silence"])
def test_both_masters_notice_a_bad_line(plugged: Plugged, fault: str) -> None:
    plugged.set("line_fault", fault)
    with pytest.raises((minimalmodbus.InvalidResponseError, minimalmodbus.NoResponseError)):
        Other(plugged.line, 42).read_registers(0, 2)
    code = ErrorCode.NO_DEVICE if fault == "silence" else ErrorCode.CHECKSUM
    with pytest.raises(Exception, match=r"[Uu]nit 42") as caught:
        plugged.module.read_holding_registers(42, 0, 2)
    assert caught.value.code is code  # type: ignore[attr-defined]
    plugged.set("line_fault", "none")
    assert plugged.module.read_holding_registers(42, 0, 2).values["registers"] == [35, 2565]


# -- values ---------------------------------------------------------------------------------------


def test_a_value_with_factor_and_offset(plugged: Plugged) -> None:
    readings = plugged.module.read_value(42, 1, factor=0.01)
    assert readings.values == {"value": pytest.approx(25.65), "registers": [2565]}
    plugged.module.write_register(42, 0xFDF3, 1)
    signed = plugged.module.read_value(42, 1, number_type="int16", factor=0.01)
    assert signed.values["value"] == pytest.approx(-5.25)
    fahrenheit = plugged.module.read_value(42, 1, number_type="int16", factor=0.018, offset=32.0)
    assert fahrenheit.values["value"] == pytest.approx(22.55)


def test_registers_that_hold_no_number(plugged: Plugged) -> None:
    plugged.module.write_registers(42, [0x7FC0, 0x0000])
    with pytest.raises(OutOfRangeError, match=r"no finite number: \[32704, 0\]"):
        plugged.module.read_value(42, number_type="float32")


def test_below_zero_the_sketch_tells_nothing(plugged: Plugged) -> None:
    plugged.set("temperature_42", -5.25)
    assert plugged.module.read_holding_registers(42, 1).values["registers"] == [0]


# -- any bytes ------------------------------------------------------------------------------------


def test_raw_bytes_with_a_known_length(plugged: Plugged) -> None:
    readings = plugged.module.transceive(of("2A 03 00 00 00 02 C2 10"), 9)
    assert readings.values == {"data": of("2A 03 04 00 23 0A 05 56 58")}


def test_raw_bytes_until_it_is_quiet(plugged: Plugged) -> None:
    readings = plugged.module.transceive(of("2A 01 00 00 00 01 FB D1"))
    assert readings.values == {"data": of("2A 01 01 00 58 6C")}
    assert plugged.module.transceive(b"nobody", timeout_ms=50).values == {"data": b""}


def test_raw_bytes_fewer_than_expected(plugged: Plugged) -> None:
    with pytest.raises(Exception, match=r"6 of 9 bytes came back: 2a 01 01") as caught:
        plugged.module.transceive(of("2A 01 00 00 00 01 FB D1"), 9)
    assert caught.value.code is ErrorCode.CHECKSUM  # type: ignore[attr-defined]
    with pytest.raises(BusError, match="Nothing came back within 50 ms"):
        plugged.module.transceive(b"nobody", 1, 50)


def test_raw_bytes_without_their_echo(plugged: Plugged) -> None:
    plugged.hear_itself()
    plugged.module.read_coils(42)
    request = of("2A 03 00 00 00 02 C2 10")
    wanted = {"data": of("2A 03 04 00 23 0A 05 56 58")}
    assert plugged.module.transceive(request, 9).values == wanted
    assert plugged.module.transceive(request).values == wanted
    assert plugged.module.transceive(b"nobody", timeout_ms=50).values == {"data": b""}


def test_listening(plugged: Plugged) -> None:
    """The vendor's echo example: what arrives is shown, unreadable text included."""
    watch = plugged.module.received()
    other = plugged.module.received(gap_ms=50)
    assert watch.descriptor is not None
    assert watch.look() == []
    for said in (b"hello", "grüß".encode("latin-1")):
        plugged.set("said", said)
        assert [each.values for each in watch.look()] == [{"data": said}]
        assert [each.values for each in other.look()] == [{"data": said}]
    assert watch.look() == []
    other.close()
    other.close()
    plugged.set("said", b"again")
    plugged.module.read_coils(42)  # what came before a request is not lost
    assert [each.values for each in watch.look()] == [{"data": b"again"}]
    watch.close()
    assert watch.descriptor is None


# -- the line -------------------------------------------------------------------------------------


def test_the_line_is_set_and_kept(plugged: Plugged) -> None:
    readings = plugged.module.line(19200, "even", 1)
    assert readings.values == {
        "baud": 19200,
        "parity": "even",
        "stop_bits": 1,
        "data_bits": 8,
        "echo_mode": "auto",
        "quiet_ms": 1000.0,
    }
    assert plugged.line.port.settings == LineSettings(19200, "even", 1)
    with pytest.raises(BusError, match="baud rate and parity"):
        plugged.module.read_coils(42)
    again = RAK5802(
        {"port": plugged.line.port}, plugged.slot.clock, plugged.slot, plugged.module.memory
    )
    plugged.module.close()
    again.open()
    assert plugged.line.port.settings == LineSettings(19200, "even", 1)
    again.line()
    assert again.read_coils(42).values == {"bits": [False]}
    again.close()


@for_each(
    "facts",
    [
        {},
        {"baud": "fast"},
        {"baud": 9600, "parity": "sideways", "stop_bits": 1},
        {"baud": 9600, "parity": "none", "stop_bits": 3},
        {"baud": 19200, "parity": "none", "stop_bits": 1, "data_bits": 9},
        {"baud": 19200, "parity": "none", "stop_bits": 1, "echo": "loud"},
        {"baud": 19200, "parity": "none", "stop_bits": 1, "quiet_ms": "long"},
    ],
)
def test_nonsense_in_the_memory_is_as_good_as_nothing(facts: Map) -> None:
    assert remembered(facts) == (SETTINGS, "auto", 1.0)


def test_opening_and_closing_sends_nothing(plugged: Plugged) -> None:
    plugged.module.open()
    plugged.module.close()
    plugged.module.close()
    plugged.module.open()
    assert plugged.sent == []


def test_the_port_is_pulled_and_comes_back(rig: Rig, tally: Tally) -> None:
    assert rig.invoke(WHO, "RAK5802", 1, "read_coils", unit=42) == {"bits": [False]}
    rig.result(WHO, "emulator.set", slot=1, quantity="line_fault", value="unplugged")
    error = rig.refused(WHO, "RAK5802", 1, "read_coils", unit=42)
    assert error["code"] == "no_bus"
    assert error["where"] == f"RAK5802 in slot 1, {PORT}"
    tally.add(
        "fault", "serial adapter pulled out", seen="{where}: {message} {hint}".format(**error)
    )
    rig.result(WHO, "emulator.set", slot=1, quantity="line_fault", value="none")
    assert rig.invoke(WHO, "RAK5802", 1, "read_coils", unit=42) == {"bits": [False]}


@pytest.mark.parametrize("fault", ["noise", "truncated", "silence", "late"])
def test_each_failure_of_the_line_is_told_and_over_afterwards(
    rig: Rig, fault: str, tally: Tally
) -> None:
    rig.invoke(WHO, "RAK5802", 1, "read_coils", unit=42)
    rig.result(WHO, "emulator.set", slot=1, quantity="line_fault", value=fault)
    wanted = {"noise": "checksum", "truncated": "checksum"}.get(fault, "no_device")
    error = rig.refused(WHO, "RAK5802", 1, "read_holding_registers", unit=42, count=2, retries=0)
    assert error["code"] == wanted
    assert error["hint"]
    tally.add("fault", f"Modbus line: {fault}", seen=told(error))
    rig.result(WHO, "emulator.set", slot=1, quantity="line_fault", value="none")
    found = rig.invoke(WHO, "RAK5802", 1, "read_holding_registers", unit=43, count=2)
    assert found == {"registers": [51, 3005]}
    found = rig.invoke(WHO, "RAK5802", 1, "read_holding_registers", unit=42, count=2)
    assert found == {"registers": [35, 2565]}


# -- several clients ------------------------------------------------------------------------------


def test_clients_take_turns_on_one_line(rig: Rig) -> None:
    """In the order in which they came, whatever the others ask; no two want the same."""
    line = rig.board.serial_lines[PORT]
    rig.invoke(WHO, "RAK5802", 1, "read_coils", unit=42)
    line.transmissions.clear()
    others = [b"one", b"two", b"three"]
    for who in others:
        rig.result(who, "hello", client="test", version="1")
    sent: list[tuple[bytes, int, bytes]] = []
    wanted = ((0, 42, 0, 1), (1, 43, 0, 1), (2, 42, 0, 2), (0, 42, 1, 1), (1, 43, 1, 1))
    for client, unit, address, count in wanted:
        number = rig.send_invoke(
            others[client], "RAK5802", 1, "read_holding_registers",
            unit=unit, address=address, count=count,
        )  # fmt: skip
        request = frames.read("holding_registers", unit, address, count)
        sent.append((others[client], number, request.frame))
    answers = [rig.reply(who, number)["result"]["readings"] for who, number, _ in sent]
    assert list(line.transmissions) == [frame for _, _, frame in sent]
    assert [each["registers"] for each in answers] == [[35], [51], [35, 2565], [2565], [3005]]


def test_both_slots_of_a_rak6421_share_one_port() -> None:
    with Rig(REVISION_VA) as rig:
        rig.result(WHO, "hello", client="test", version="1")
        assert rig.invoke(WHO, "RAK5802", 1, "read_coils", unit=42) == {"bits": [False]}
        error = rig.refused(WHO, "RAK5802", 2, "read_coils", unit=42)
        assert error["code"] == "in_use"
        assert "Serial port /dev/serial0 is held by RAK5802 in slot 1" in error["message"]
        rig.result(WHO, "release", module="RAK5802", slot=1)
        assert rig.invoke(WHO, "RAK5802", 2, "read_coils", unit=42) == {"bits": [False]}


def test_the_slots_of_a_rak7391_have_a_port_each(rig: Rig) -> None:
    for slot in (1, 2):
        rig.invoke(WHO, "RAK5802", slot, "read_coils", unit=42)
    assert {key: len(line.transmissions) for key, line in rig.board.serial_lines.items()} == {
        "/dev/ttyUSB0": 1,
        "/dev/ttyUSB1": 1,
    }


def test_received_bytes_as_events(rig: Rig) -> None:
    asked = rig.result(WHO, "subscribe", module="RAK5802", slot=1, event="received", params={})
    number = asked["subscription"]
    rig.invoke(WHO, "RAK5802", 1, "line")
    rig.result(WHO, "emulator.set", slot=1, quantity="said", value=b"hello")
    rig.pump_until(lambda: bool(rig.events(WHO, number)), "an event")
    assert rig.events(WHO, number)[0]["readings"] == {"data": b"hello"}


# -- parameters -----------------------------------------------------------------------------------


@for_each(
    ("operation", "params", "wrong"),
    [
        ("read_coils", {}, "unit"),
        ("read_coils", {"unit": 0}, "unit"),
        ("read_coils", {"unit": 256}, "unit"),
        ("read_coils", {"unit": 1, "count": 2001}, "count"),
        ("read_coils", {"unit": 1, "count": 0}, "count"),
        ("read_holding_registers", {"unit": 1, "count": 126}, "count"),
        ("read_holding_registers", {"unit": 1, "address": 65536}, "address"),
        ("read_holding_registers", {"unit": 1, "address": 65535, "count": 2}, "address"),
        ("read_value", {"unit": 1, "address": 65535, "number_type": "float32"}, "address"),
        ("read_value", {"unit": 1, "number_type": "double"}, "number_type"),
        ("read_value", {"unit": 1, "address": 65533, "number_type": "int64"}, "address"),
        ("read_bit_field", {"unit": 1, "address": 65535, "width": 32}, "address"),
        ("read_text", {"unit": 1, "address": 65535, "count": 2}, "address"),
        ("write_registers", {"unit": 1, "registers": [0] * 124}, "registers"),
        ("write_coils", {"unit": 1, "bits": [True] * 1969}, "bits"),
        ("read_write_registers", {"unit": 1, "registers": [0] * 122}, "registers"),
        ("read_write_registers", {"unit": 1, "registers": [0], "count": 126}, "count"),
        ("read_write_registers", {"unit": 0, "registers": [0]}, "unit"),
        (
            "read_write_registers",
            {"unit": 1, "registers": [0, 1], "write_address": 65535},
            "write_address",
        ),
        ("mask_write_register", {"unit": 1, "and_mask": 65536, "or_mask": 0}, "and_mask"),
        ("write_value", {"unit": 1, "value": 70000}, "value"),
        ("write_value", {"unit": 1, "value": -1}, "value"),
        ("write_value", {"unit": 1, "value": 1.5}, "value"),
        ("write_value", {"unit": 1, "value": float("nan"), "number_type": "float32"}, "value"),
        ("write_value", {"unit": 1, "value": float("inf"), "number_type": "float32"}, "value"),
        ("write_value", {"unit": 1, "value": 1e39, "number_type": "float32"}, "value"),
        ("write_value", {"unit": 1, "value": 2.0**53 + 2, "number_type": "int64"}, "value"),
        ("write_value", {"unit": 1, "value": 1, "factor": 0}, "factor"),
        ("write_value", {"unit": 1, "value": 1, "number_type": "int32", "function": 6}, "function"),
        ("write_text", {"unit": 1, "text": "123", "count": 1}, "text"),
        ("write_text", {"unit": 1, "text": "Grüße"}, "text"),
        ("line", {"echo": "perhaps"}, "echo"),
        ("line", {"data_bits": 6}, "data_bits"),
        ("line", {"quiet_ms": 999}, "quiet_ms"),
        ("write_register", {"unit": 1, "value": 65536}, "value"),
        ("write_register", {"unit": 1, "value": -1}, "value"),
        ("write_registers", {"unit": 1, "registers": []}, "registers"),
        ("write_registers", {"unit": 1, "address": 65535, "registers": [1, 2]}, "address"),
        ("write_coils", {"unit": 1, "bits": []}, "bits"),
        ("write_coil", {"unit": 1, "on": 1}, "on"),
        ("transceive", {"data": b""}, "data"),
        ("line", {"baud": 301}, "baud"),
        ("line", {"parity": "mark"}, "parity"),
        ("read_coils", {"unit": 1, "timeout_ms": 9}, "timeout_ms"),
        ("read_coils", {"unit": 1, "retries": 6}, "retries"),
    ],
)
def test_wrong_parameters_send_nothing(rig: Rig, operation: str, params: Map, wrong: str) -> None:
    error = rig.ask(WHO, "invoke", module="RAK5802", slot=1, operation=operation, params=params)[
        "error"
    ]
    assert error["code"] == "bad_params"
    assert error["data"]["param"].split("[")[0] == wrong
    assert not rig.board.serial_lines[PORT].transmissions


def test_the_last_address_can_be_reached() -> None:
    struct = RAK5802.description.operations["read_holding_registers"].struct
    check_reach(struct(unit=1, address=65411, count=125))
    with pytest.raises(BadParamsError, match="beyond the last address, 65535"):
        check_reach(struct(unit=1, address=65412, count=125))


# -- the emulated unit ----------------------------------------------------------------------------


class PacketListener:
    """Hears what the units answer, as a third device on the line."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    def hear(self, data: bytes, settings: LineSettings) -> None:
        assert settings == SETTINGS
        self.heard.append(data)

    def hear_break(self, duration_s: float) -> None:
        raise AssertionError(duration_s)


def test_ten_thousand_random_frames_to_the_units(plugged: Plugged, tally: Tally) -> None:
    """No crash; an answer only to a whole frame for a unit that is there."""
    chance = random.Random(42)  # noqa: S311
    fanout = PacketListener()
    plugged.line.attach(fanout)
    for _ in range(10_000):
        body = chance.randbytes(chance.randrange(12))
        if chance.random() < 0.7:
            body = bytes([chance.choice([42, 43, 44]), chance.randrange(20)]) + body
        whole = chance.random() < 0.7 and len(body) >= 2
        if whole:
            body += checksum(body)
        fanout.heard.clear()
        plugged.line.port.write(body)
        answers = [each for each in fanout.heard if each is not body]
        assert len(answers) <= 1
        for answer in answers:
            assert body[0] in {42, 43}
            assert answer[0] == body[0]
            assert answer[1] & 0x7F == body[1] & 0x7F
            assert checksum(answer[:-2]) == answer[-2:]
        if whole and body[0] in {42, 43}:
            assert answers
    tally.add("bad_input", "random frames to an emulated Modbus unit", 10_000, seed="42")


def test_unplugged_units_are_silent(plugged: Plugged) -> None:
    plugged.hear_itself()
    plugged.emulated.unplug()
    assert plugged.line.echo is False
    with pytest.raises(BusError, match="did not answer"):
        plugged.module.read_coils(42)


@for_each(
    ("name", "value"),
    [("line_fault", "smoke"), ("echo", 1), ("said", "text"), ("humidity_42", "x")],
)
def test_nonsense_through_the_back_door(plugged: Plugged, name: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"wanted|must be"):
        plugged.set(name, value)
