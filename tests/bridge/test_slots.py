"""What is in the slots: lines, addresses and products, each held by one, each refusal named."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pytest
from tests.bridge.probe import Probe, Script
from tests.bridge.rig import Rig
from tests.cases import for_each

from wisblock_bridge.boards.rak6421 import REVISION_VA
from wisblock_bridge.boards.rak7391 import GENERATION_A, GENERATION_B, GENERATION_C
from wisblock_bridge.module_api import Module, Param, Product, Result, chip, line, operation
from wisblock_bridge.runtime.place import Place
from wisblock_bridge.runtime.slots import SlotClosingError

A, B = b"a", b"b"


def chip_module(name: str, at: int) -> type[Module]:
    """Make a module with a chip of its own that nobody ever talks to."""

    class WithChip(Module):
        """A module with a chip."""

        product: ClassVar[Product] = Product(
            name, "chip", "onboard", (1, 2), "none.svg", "https://example.org/"
        )
        part = chip(lambda _bus, address, _clock: address, "CHIP", at)

        @operation(gives=(), default=True)
        def touch(self, times: Annotated[int, Param("Any.", low=0, high=9)] = 0) -> Result:
            """Touch nothing."""
            return self.readings(address=self.part, times=times)

    return WithChip


class Relay(Module):
    """Drive the line that the analog inputs keep free."""

    product = Product("RELAY", "relay", "onboard", (1, 2), "none.svg", "https://example.org/")
    io4 = line("IO4")

    @operation(gives=(), default=True, drives="relay")
    def on(self) -> Result:
        """Switch on."""
        self.io4.drive(1)
        return self.readings()


def test_one_address_for_one_module() -> None:
    modules = {"CHIP1": chip_module("CHIP1", 0x40), "CHIP2": chip_module("CHIP2", 0x40)}
    with Rig(modules=modules) as rig:
        assert rig.invoke(A, "CHIP1", 1, "touch")["address"] == 0x40
        for name, slot in (("CHIP2", 2), ("CHIP1", 2)):
            error = rig.refused(A, name, slot, "touch")  # type: ignore[arg-type]
            assert (error["code"], error["where"]) == ("in_use", f"{name} in slot 2")
            assert "0x40" in error["message"]
            assert error["data"]["holder"] == "CHIP1 in slot 1"
        rig.result(A, "release", module="CHIP1", slot=1)
        assert rig.invoke(A, "CHIP2", 2, "touch")["address"] == 0x40


@for_each(
    ("address", "owner"),
    [
        (0x26, "the board's expander TPT29555"),
        (0x27, "the board's expander TPT29555"),
        (0x4B, "the board's converter SGM58031"),
        (0x70, "the on-board SHTC3"),
        (0x2F, "the fan controller EMC2301"),
    ],
)
def test_addresses_of_the_board_are_taken(address: int, owner: str) -> None:
    with Rig(modules={"CHIP1": chip_module("CHIP1", address)}) as rig:
        error = rig.refused(A, "CHIP1", 1, "touch")
        assert error["code"] == "in_use"
        assert error["data"] == {"holder": owner}
        assert f"0x{address:02x}" in error["message"]
        assert not list(rig.slot_manager)


def test_a_relay_and_an_analog_input_in_one_slot_are_refused_by_name() -> None:
    with Rig(modules={"RELAY": Relay}) as rig:
        rig.invoke(A, "RAK5801", 1, "read", samples=1)
        error = rig.refused(B, "RELAY", 1, "on")
        assert error["code"] == "slot_conflict"
        for word in ("RAK5801", "RELAY", "IO4"):
            assert word in error["message"]
        rig.invoke(B, "RELAY", 2, "on")
        assert rig.level("slots", 12) == 1
        assert rig.level("slots", 4) is None


def test_lines_of_a_module_are_refused_to_others_by_name() -> None:
    with Rig() as rig:
        rig.invoke(A, "RAK5801", 1, "read", samples=1)
        before = rig.transactions
        for number in (1, 4):
            for name, more in (("write", {"level": 0}), ("pulse", {"ms": 5}), ("release", {})):
                error = rig.refused(
                    B, "TPT29555", "board", name, expander="slots", line=number, **more
                )
                assert error["code"] == "in_use"
                assert error["data"]["holder"] == "RAK5801 in slot 1"
                assert error["where"] == "TPT29555 on the board"
        assert rig.transactions == before
        # Reading is allowed, and the other slot's lines are free.
        assert rig.invoke(B, "TPT29555", "board", "read", expander="slots", line=1)["level"] == 1
        rig.invoke(B, "TPT29555", "board", "write", expander="slots", line=9, level=0)


def test_a_line_that_a_flow_drives_is_refused_to_a_module() -> None:
    with Rig() as rig:
        rig.invoke(A, "TPT29555", "board", "write", expander="slots", line=1, level=0)
        error = rig.refused(A, "RAK5801", 1, "read", samples=1)
        assert (error["code"], error["where"]) == ("in_use", "RAK5801 in slot 1")
        assert error["data"]["holder"] == "TPT29555 on the board"
        assert "IO1 (line 1 of slots)" in error["message"]
        rig.invoke(A, "TPT29555", "board", "release", expander="slots", line=1)
        rig.invoke(A, "RAK5801", 1, "read", samples=1)


def test_lines_of_the_board_are_protected() -> None:
    with Rig() as rig:
        for number in (*range(6), *range(8, 16)):
            error = rig.refused(
                A, "TPT29555", "board", "write", expander="board", line=number, level=0
            )
            assert error["code"] == "forbidden"
            assert "6, 7" in error["message"]
            assert rig.level("board", number) is None
        for number in (6, 7):
            rig.invoke(A, "TPT29555", "board", "write", expander="board", line=number, level=0)


def test_a_configured_slot_takes_nothing_else() -> None:
    with Rig(fixed={1: "RAK5801"}) as rig:
        error = rig.refused(A, "RAK5811", 1, "read")
        assert (error["code"], error["data"]) == ("slot_conflict", {"holder": "RAK5801"})
        rig.invoke(A, "RAK5801", 1, "read", samples=1)
        rig.invoke(A, "RAK5811", 2, "read", samples=1)


def test_straps_that_were_changed() -> None:
    with Rig(modules={"CHIP1": chip_module("CHIP1", 0x40)}) as rig:
        rig.slot_manager.addresses[2, "CHIP"] = 0x41
        assert rig.invoke(A, "CHIP1", 2, "touch")["address"] == 0x41
        assert rig.invoke(A, "CHIP1", 1, "touch")["address"] == 0x40


def test_both_slots_work_beside_each_other() -> None:
    with Rig() as rig:
        for slot, value in ((1, 5.0), (2, 17.0)):
            rig.invoke(A, "RAK5801", slot, "read", samples=1)  # type: ignore[arg-type]
            rig.result(A, "emulator.set", slot=slot, quantity="current", value=value)
        readings = [rig.invoke(A, "RAK5801", slot, "read", samples=1) for slot in (1, 2)]
        assert [each["current"] for each in readings] == pytest.approx([5.0, 17.0], abs=0.001)


def test_an_older_board_lacks_lines_and_says_so() -> None:
    with Rig(GENERATION_A) as rig:
        error = rig.refused(A, "TPT29555", "board", "read", expander="board", line=1)
        assert error["code"] == "no_bus"
        assert error["hint"]
        error = rig.refused(A, "RAK5811", 1, "read", samples=1)
        assert error["code"] == "no_bus"
        assert "IO4" in error["message"]
        assert "board.slot1.lines" in error["hint"]
        # IO4 can be missed by this one.
        assert rig.invoke(A, "RAK5801", 1, "read", samples=1)["current"] == pytest.approx(
            12.0, abs=0.001
        )


@pytest.mark.parametrize("board", [GENERATION_B, GENERATION_C, REVISION_VA], ids=lambda b: b.key)
def test_the_analog_modules_work_on_every_board(board: object) -> None:
    with Rig(board) as rig:  # type: ignore[arg-type]
        for slot in (1, 2):
            assert rig.invoke(A, "RAK5801", slot, "read", samples=1)["current"] == pytest.approx(
                12.0, abs=0.001
            )
            rig.result(A, "release", module="RAK5801", slot=slot)


def test_a_worker_that_closes_is_waited_for() -> None:
    Probe.script = Script()
    with Rig(modules={"PROBE": Probe}) as rig:
        worker = rig.slot_manager.worker(Place("PROBE", 1))
        assert rig.slot_manager.worker(Place("PROBE", 1)) is worker
        assert rig.slot_manager.occupant(1) is worker
        assert rig.slot_manager.find(Place("PROBE", 2)) is None
        worker.close()
        with pytest.raises(SlotClosingError) as caught:
            rig.slot_manager.worker(Place("PROBE", 1))
        assert caught.value.worker is worker
        rig.pump_until(lambda: rig.slot_manager.find(Place("PROBE", 1)) is None, "it has ended")
        assert rig.slot_manager.worker(Place("PROBE", 1)) is not worker
