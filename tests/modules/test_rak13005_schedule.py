"""RAK13005: the schedule of a master, and listening to what is on the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.rig import Rig
from tests.cases import for_each
from tests.modules.lin_slot import LinSlot, of

from wisblock_bridge.errors import BadParamsError
from wisblock_bridge.modules.lin.schedule import Slot, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator

Map = dict[str, Any]
WHO = b"flow"
PORT = "/dev/ttyUSB0"
DOCUMENTED = bytes([0, 1, 2, 3, 255, 5, 6, 100])
FRAME = "00 55 C1 00 01 02 03 FF 05 06 64 8A"
TABLE = ["20 ms send 0x01 00 01 02 03 FF 05 06 64", "30 ms request 0x10 8"]


@pytest.fixture
def slot() -> LinSlot:
    return LinSlot()


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig() as made:
        made.result(WHO, "hello", client="test", version="1")
        yield made


def told(watch: Any) -> list[Map]:
    return [each.values for each in watch.look()]


def heard(slot: LinSlot, watch: Any) -> list[Any]:
    """What there is to tell once it is silent."""
    found = []
    for _ in range(4):
        found += watch.look()
        slot.timers.pass_time(0.02)
    return found


def notes(watch: Any) -> list[tuple[str, str]]:
    return [(each.values["kind"], each.note) for each in watch.look()]


# -- the table ------------------------------------------------------------------------------------


def test_a_table_as_it_is_written() -> None:
    table = read_table(
        [
            "20 ms send 0x01 00 01 02 03 FF 05 06 64",
            "  10ms request 16 8 ENHANCED",
            "12.5 MS SEND 0X3c 00ffffffffffffff",
            "5 ms request 63 1 auto",
            "5 ms send 2 FE enhanced",
        ]
    )
    assert table == (
        Slot(0.02, 1, DOCUMENTED, 8, "classic"),
        Slot(0.01, 16, None, 8, "enhanced"),
        Slot(0.0125, 0x3C, of("00 FF FF FF FF FF FF FF"), 8, "classic"),
        Slot(0.005, 63, None, 1, "auto"),
        Slot(0.005, 2, b"\xfe", 1, "enhanced"),
    )


@for_each(
    ("line", "why"),
    [
        ("", "cannot be read"),
        ("20 send 1 00", "cannot be read"),
        ("20 ms ask 1 8", "cannot be read"),
        ("20 ms request " + "1" * 5000 + " 8", "cannot be read"),
        ("20 ms request 0x1 08", "wants the length"),
        ("20 ms send 0x1Z 00", "cannot be read"),
        ("0.5 ms send 1 00", "lasts 0.5 ms; 1 to 60000"),
        ("60001 ms send 1 00", "lasts 60001 ms"),
        ("20 ms send 0x40 00", "has the identifier 0x40; 0 to 63"),
        ("20 ms send 1", "wants 1 to 8 bytes"),
        ("20 ms send 1 0", "wants 1 to 8 bytes"),
        ("20 ms send 1 00 auto", "wants 1 to 8 bytes"),
        ("20 ms send 1 00 11 22 33 44 55 66 77 88", "wants 1 to 8 bytes"),
        ("20 ms request 1", "wants the length"),
        ("20 ms request 1 9", "wants the length"),
        ("20 ms request 1 8 fast", "wants the length"),
        ("20 ms request 0x3D 4", "is a diagnostic frame, which has 8 bytes"),
    ],
)
def test_a_slot_that_cannot_be(line: str, why: str) -> None:
    with pytest.raises(BadParamsError, match="Slot 2 of the table") as caught:
        read_table(["20 ms request 1 8", line])
    assert why in caught.value.message
    assert caught.value.data["param"] == "table[1]"


# -- running it -----------------------------------------------------------------------------------


def test_slots_follow_the_clock(slot: LinSlot) -> None:
    module = slot.make()
    readings = module.schedule(TABLE)
    assert readings.values == {"running": True, "slots": 2, "round": pytest.approx(50.0)}
    begin = slot.clock.monotonic()
    starts: list[float] = []
    carry_out = module._slots.carry_out

    def note(*slot_and_data: Any) -> float:
        starts.append(slot.clock.monotonic() - begin)
        return float(carry_out(*slot_and_data))

    module._schedule._carry_out = note
    slot.timers.pass_time(0.045)
    sent = [of(each) for each in ("00", "55 C1 00 01 02 03 FF 05 06 64 8A", "00", "55 50")]
    assert slot.sent == sent
    slot.timers.pass_time(9.955)
    wanted = [each for number in range(200) for each in (number * 0.05, number * 0.05 + 0.02)]
    assert starts[:400] == pytest.approx(wanted)  # nothing drifts
    state = module.state().values
    assert (state["rounds"], state["late"], state["running"]) == (200, 0, True)
    assert slot.get("received_1") == DOCUMENTED


def test_late_slots_are_not_made_up_for(slot: LinSlot) -> None:
    module = slot.make()
    module.schedule(TABLE)
    slot.timers.pass_time(0.101)
    sent = len(slot.sent)
    slot.clock.advance(1.0)  # something else kept the thread for 20 rounds
    slot.timers.pass_time(0.0)
    assert len(slot.sent) - sent <= 2 * 2  # the slot that was due, and the next one
    assert module.state().values["late"] == 1
    sent = len(slot.sent)
    slot.timers.pass_time(0.5)
    assert len(slot.sent) - sent == pytest.approx(2 * 20, abs=2)


def test_it_ends_when_it_is_stopped_replaced_or_its_client_is_gone(slot: LinSlot) -> None:
    module = slot.make()
    for end in (module.schedule_stop, lambda: module.make_safe("schedule"), module.sleep):
        module.schedule(TABLE)
        slot.timers.pass_time(0.1)
        end()
        slot.line.transmissions.clear()
        slot.timers.pass_time(1.0)
        assert slot.sent == []
        assert module.state().values["running"] is False
    module.schedule(TABLE)
    module.schedule(["100 ms request 0x10 8"])
    slot.timers.pass_time(0.35)
    assert slot.sent == [b"\0", of("55 50")] * 4
    module.close()
    slot.line.transmissions.clear()
    slot.timers.pass_time(1.0)
    assert slot.sent == []


def test_data_change_while_it_runs(slot: LinSlot) -> None:
    module = slot.make()
    module.schedule(TABLE)
    slot.timers.pass_time(0.05)
    assert module.schedule_data(1, b"12345678").values == {"running": True}
    slot.timers.pass_time(0.05)
    assert slot.get("received_1") == b"12345678"
    for identifier, data, why in (
        (2, b"1", "the schedule does not send it"),
        (16, b"12345678", "the schedule does not send it"),
        (1, b"1234", "sends 0x01 with 8 bytes, not 4"),
    ):
        with pytest.raises(BadParamsError, match=why):
            module.schedule_data(identifier, data)
    module.schedule_stop()
    with pytest.raises(BadParamsError, match="no schedule runs"):
        module.schedule_data(1, DOCUMENTED)


def test_slots_that_are_too_short_are_refused(slot: LinSlot) -> None:
    module = slot.make()
    with pytest.raises(BadParamsError, match=r"lasts 18 ms; a frame of 8 bytes may take 18\.1 ms"):
        module.schedule(["50 ms request 0x10 8", "18 ms request 0x10 8"])
    assert slot.sent == []
    module.schedule(["18.1 ms request 0x10 8"])
    with pytest.raises(BadParamsError, match=r"may take 36\.2 ms at 4800 baud"):
        module.line(4800)
    assert module.state().values["baud"] == 9600


def test_a_request_is_carried_out_between_two_slots(slot: LinSlot) -> None:
    module = slot.make()
    module.schedule(TABLE)
    slot.timers.pass_time(0.045)
    assert module.request(0x23, 4, "enhanced").values["data"] == of("4A 55 93 E5")
    slot.timers.pass_time(0.2)
    assert module.state().values["unanswered"] == 0


def test_it_goes_on_through_everything_and_tells_it_once(slot: LinSlot) -> None:
    module = slot.make()
    watch = module.frame()
    module.schedule(TABLE)
    slot.timers.pass_time(0.1)
    assert [each["kind"] for each in told(watch)] == ["answer", "answer"]
    slot.set("line_fault", "silence")
    slot.timers.pass_time(1.0)
    ((kind, note),) = notes(watch)
    assert kind == "no_answer"
    assert note.startswith("No node answered the identifier 0x10 within")
    slot.set("line_fault", "noise")
    slot.timers.pass_time(0.1)
    assert {kind for kind, _ in notes(watch)} == {"wrong_checksum"}
    slot.set("line_fault", "truncated")
    slot.timers.pass_time(0.1)
    (first, *_) = told(watch)
    assert (first["kind"], first["raw"]) == ("short", of("12 34 56 78"))
    slot.set("line_fault", "none")
    for bus, words in (("no_supply", "silent"), ("dominant", "stuck dominant")):
        slot.set("bus", bus)
        slot.timers.pass_time(1.0)
        found = [each for each in notes(watch) if each[0] == "failed"]
        assert len(found) == 1
        assert words in found[0][1]
        slot.set("bus", "good")
        slot.timers.pass_time(0.2)
        assert {each["kind"] for each in told(watch)} <= {"answer", "wake_up", "noise", "short"}
    slot.set("line_fault", "unplugged")
    slot.timers.pass_time(3.5)
    accesses = slot.line.port.accesses
    slot.timers.pass_time(10.0)
    assert slot.line.port.accesses - accesses < 60  # it does not hammer at a port that has gone
    slot.set("line_fault", "none")
    slot.timers.pass_time(1.2)
    kinds = [each["kind"] for each in told(watch)]
    assert (kinds[0], kinds[-1]) == ("failed", "answer")


# -- listening ------------------------------------------------------------------------------------


def test_the_other_master_is_heard_twice_a_second(slot: LinSlot) -> None:
    """The vendor's parser flow: the documented frame, every 500 ms."""
    watch = slot.make().frame(1, 8, "classic")
    assert slot.enable == 1
    found = []
    for _ in range(4):
        slot.timers.pass_time(0.5)
        found += told(watch)
    wanted = {"kind": "frame", "id": 1, "data": DOCUMENTED, "checksum": "classic"}
    assert found == [wanted | {"raw": of(FRAME)}] * 4
    assert slot.sent == []


@pytest.mark.parametrize("step", range(1, 12))
def test_a_frame_in_two_parts_is_one(slot: LinSlot, step: int) -> None:
    slot.let_other_master(speak=False)
    watch = slot.make().frame()
    frame = of(FRAME)
    slot.set("said", frame[:step])
    assert told(watch) == []
    slot.timers.pass_time(0.02)
    slot.set("said", frame[step:])
    (found,) = told(watch)
    assert found["raw"] == frame


def test_silence_ends_what_has_no_other_end(slot: LinSlot) -> None:
    slot.let_other_master(speak=False)
    module = slot.make()
    watch, slow = module.frame(), module.frame(gap_ms=500)
    slot.set("said", of("00 55 50 01 02 FC"))
    assert told(watch) == []
    slot.timers.pass_time(0.029)
    assert told(watch) == []
    slot.timers.pass_time(0.002)
    (found,) = told(watch)
    assert (found["id"], found["data"]) == (0x10, of("01 02"))
    assert told(slow) == []
    slot.timers.pass_time(0.5)
    assert len(told(slow)) == 1


def test_nothing_is_dropped(slot: LinSlot) -> None:
    slot.let_other_master(speak=False)
    watch = slot.make().frame()
    for said, kind in (
        ("A7 13", "noise"),
        ("00 55 41 01 02 FC", "wrong_parity"),
        ("00 55 50 01 02 FD", "wrong_checksum"),
        ("00 55 50", "header"),
        ("00 55 50 01", "short"),
        ("80", "wake_up"),
        ("00 55 3C 00 FF FF FF FF FF FF FF 00", "sleep"),
    ):
        slot.set("said", of(said))
        (found,) = heard(slot, watch)
        assert (found.values["kind"], found.values["raw"]) == (kind, of(said))
        assert bool(found.note) == (kind not in {"wake_up", "sleep"})


def test_only_one_identifier_but_no_problem_is_hidden(slot: LinSlot) -> None:
    slot.let_other_master(speak=False)
    watch = slot.make().frame(id=0x10)
    slot.set("said", of(FRAME) + of("00 55 50 01 02 FC") + of("A7"))
    assert [each.values["kind"] for each in heard(slot, watch)] == ["wrong_checksum"]
    slot.set("said", of(FRAME) + of("00 55 50 01 02 FC"))
    assert [each.values["kind"] for each in heard(slot, watch)] == ["frame"]
    slot.set("said", of("A7"))
    assert [each.values["kind"] for each in heard(slot, watch)] == ["noise"]


def test_own_frames_are_told_to_who_wants_them(slot: LinSlot) -> None:
    slot.let_other_master(speak=False)
    module = slot.make()
    watch, own = module.frame(), module.frame(own=True)
    slot.set("said", of("00 55 50"))
    watch.look()
    module.send(1, DOCUMENTED)
    module.request(0x10)
    raw = of("00 55 50 12 34 56 78 9A BC DE F0") + b"\x61"
    assert [each["kind"] for each in told(watch)] == ["header", "answer"]
    header, sent, answer = told(own)
    assert header["kind"] == "header"
    wanted = {"kind": "sent", "id": 1, "data": DOCUMENTED, "checksum": "classic"}
    assert sent == wanted | {"raw": of(FRAME)}
    assert (answer["kind"], answer["raw"][:11]) == ("answer", raw[:11])
    own.close()
    own.close()
    module.send(1, DOCUMENTED)
    assert told(watch) == []


def test_what_comes_just_before_a_frame_of_ours_is_not_lost(slot: LinSlot) -> None:
    slot.let_other_master(speak=False)
    module = slot.make()
    watch = module.frame()
    slot.set("said", of(FRAME))
    assert module.request(0x10).values["data"] == of("12 34 56 78 9A BC DE F0")
    assert [each["kind"] for each in told(watch)] == ["frame", "answer"]


def test_a_node_wakes_a_sleeping_bus(slot: LinSlot) -> None:
    slot.let_other_master(speak=False)
    module = slot.make()
    watch = module.frame()
    module.sleep()
    assert watch.look() == []
    assert slot.enable == 0
    slot.set("said", of("00"))
    assert [each.values["kind"] for each in heard(slot, watch)] == ["wake_up"]
    assert slot.enable == 1


# -- through the bridge ---------------------------------------------------------------------------


def test_a_frame_is_an_occurrence_and_never_initial(rig: Rig) -> None:
    rig.result(WHO, "emulator.plug", slot=1, module="RAK13005")
    rig.result(WHO, "emulator.set", slot=1, quantity="other_master", value=False)
    asked = rig.result(WHO, "subscribe", module="RAK13005", slot=1, event="frame", params={})
    number = asked["subscription"]
    rig.invoke(WHO, "RAK13005", 1, "state")
    rig.result(WHO, "emulator.set", slot=1, quantity="said", value=of(FRAME))
    rig.pump_until(lambda: bool(rig.events(WHO, number)), "an event")
    (event,) = rig.events(WHO, number)
    assert event["readings"]["data"] == DOCUMENTED
    assert not event.get("initial")


def test_a_schedule_ends_with_its_client(rig: Rig) -> None:
    other = b"other"
    rig.result(other, "hello", client="other", version="1")
    rig.invoke(other, "RAK13005", 1, "schedule", table=TABLE)
    assert rig.invoke(WHO, "RAK13005", 1, "state")["running"] is True
    rig.result(other, "bye")
    rig.settle()
    assert rig.invoke(WHO, "RAK13005", 1, "state")["running"] is False
    rig.invoke(other, "RAK13005", 1, "schedule", table=TABLE, on_loss="hold")
    rig.result(other, "bye")
    rig.settle()
    assert rig.invoke(WHO, "RAK13005", 1, "state")["running"] is True
    assert rig.invoke(WHO, "RAK13005", 1, "schedule_stop") == {"running": False}
