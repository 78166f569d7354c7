"""Which board is it? Asked on made-up computers and through preloaded devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.bridge.fake_computers import (
    MODEL_OF_CM4,
    Chip,
    FakeComputer,
    MissingBus,
    board_bus,
    configured,
)
from tests.cases import for_each
from tests.fake_clock import FakeClock

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.buses.emulated.i2c import Fault, FaultKind
from wisblock_bridge.buses.i2c import Read, Write
from wisblock_bridge.config import Config, load
from wisblock_bridge.discovery import detect_board
from wisblock_bridge.discovery.computer import LinuxComputer
from wisblock_bridge.emulation.board import EmulatedBoard

if TYPE_CHECKING:
    from pathlib import Path


# -- which board ----------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["rak7391-c", "rak7391-b"])
def test_a_rak7391_is_known_by_its_expanders_on_the_bus(key: str) -> None:
    found = detect_board(Config(), FakeComputer(board_bus(key)), FakeClock())
    assert found.board == BOARDS[key]
    assert found.confidence == "likely"
    assert "expander TPT29555 answers at 0x27" in "; ".join(found.evidence)


def test_the_fan_controller_makes_it_certain() -> None:
    bus = board_bus("rak7391-c")
    bus.attach(0x2F, Chip({0xFD: 0x37, 0xFE: 0x5D}))
    found = detect_board(Config(), FakeComputer(bus), FakeClock())
    assert (found.board.variant, found.confidence) == ("C", "certain")
    assert any("EMC2301" in words for words in found.evidence)


@pytest.mark.parametrize(
    ("labels", "key"),
    [
        ({"1-0026": 16, "1-0027": 16}, "rak7391-c"),
        ({"1-0023": 16, "1-0027": 16}, "rak7391-b"),
        ({"gpioexp": 24}, "rak7391-a"),
    ],
)
def test_a_rak7391_is_known_by_the_kernels_labels(labels: dict[str, int], key: str) -> None:
    computer = FakeComputer(labels={"pinctrl-bcm2711": 58, **labels}, model=MODEL_OF_CM4)
    found = detect_board(Config(), computer, FakeClock())
    assert found.board.key == key
    assert found.confidence == "certain"


def test_older_kernels_call_all_expanders_alike_but_own_their_addresses() -> None:
    computer = FakeComputer(labels={"pca9555": 16}, drivers={0x26: "pca953x", 0x27: "pca953x"})
    found = detect_board(Config(), computer, FakeClock())
    assert (found.board.key, found.confidence) == ("rak7391-c", "certain")


def test_a_raspberry_pi_without_expanders_carries_a_rak6421_of_unknown_revision() -> None:
    computer = FakeComputer(
        board_bus("rak6421-vb"),
        model="Raspberry Pi 4 Model B Rev 1.4",
        labels={"pinctrl-bcm2711": 58},
    )
    found = detect_board(Config(), computer, FakeClock())
    assert found.board == BOARDS["rak6421-vb"]  # the one that is sold
    assert found.confidence == "guess"
    assert any("cannot be read" in words and "board.variant" in words for words in found.evidence)


@for_each("hat", ["RAK 6421 Pi Hat", "rak 6421 PI HAT", "RAK6421 WisBlock Pi HAT"])
@for_each("kind", ["auto", "RAK6421"])
def test_a_hat_that_tells_its_name_has_the_newer_wiring(hat: str, kind: str) -> None:
    """Vendor "RAK", product "6421 Pi Hat" (HAT+ EEPROM); the boards marked VA have none."""
    computer = FakeComputer(hat=hat, model="Raspberry Pi 4 Model B Rev 1.4")
    found = detect_board(configured(board=kind), computer, FakeClock())
    assert (found.board.key, found.confidence) == ("rak6421-vb", "certain")
    assert any(hat in words for words in found.evidence)


@for_each("hat", ["", "Other 6421 Pi Hat", "RAK 5146 Pi Hat", "Pi Hat"])
def test_the_hat_of_somebody_else_is_no_rak6421(hat: str) -> None:
    computer = FakeComputer(hat=hat, labels={"1-0026": 16, "1-0027": 16})
    found = detect_board(Config(), computer, FakeClock())
    assert (found.board.key, found.confidence) == ("rak7391-c", "certain")


def test_a_configured_revision_wins_over_the_eeprom() -> None:
    computer = FakeComputer(hat="RAK 6421 Pi Hat")
    found = detect_board(configured(variant="VA"), computer, FakeClock())
    assert found.board.key == "rak6421-va"


def test_without_a_bus_it_is_a_guess_with_a_reason_and_the_bus_is_asked_once() -> None:
    bus = MissingBus()
    found = detect_board(Config(), FakeComputer(bus, model=MODEL_OF_CM4), FakeClock())
    assert (found.board.key, found.confidence) == ("rak7391-c", "guess")
    assert any("/dev/i2c-1 does not exist" in words for words in found.evidence)
    assert bus.asked == 1


def test_a_stuck_bus_is_left_alone() -> None:
    bus = board_bus("rak7391-c")
    bus.attach(0x2F, Chip({}))
    bus.fail(0x2F, Fault(FaultKind.STUCK))
    before = bus.transactions
    found = detect_board(Config(), FakeComputer(bus), FakeClock())
    assert found.confidence == "guess"
    assert bus.transactions == before + 1


def test_a_configured_variant_is_not_argued_with() -> None:
    computer = FakeComputer(board_bus("rak7391-c"))
    found = detect_board(configured(variant="VB"), computer, FakeClock())
    assert found.board.key == "rak6421-vb"
    assert found.confidence == "certain"


def test_a_configured_product_narrows_the_search() -> None:
    computer = FakeComputer(board_bus("rak7391-b"))
    found = detect_board(configured(board="RAK7391"), computer, FakeClock())
    assert found.board.key == "rak7391-b"
    hat = detect_board(configured(board="RAK6421"), computer, FakeClock())
    assert hat.board.product == "RAK6421"


@for_each("address", [0x48, 0x49, 0x4A, 0x4B])
def test_the_converter_is_found_where_it_was_soldered(address: int) -> None:
    board = EmulatedBoard(BOARDS["rak6421-va"], FakeClock())
    board.bus.detach(0x48)
    board.bus.attach(address, board.converter)
    found = detect_board(configured(variant="VA"), FakeComputer(board.bus), FakeClock())
    assert found.board.converter.address == address
    assert found.board.converter.chip == "ADS1115"


def test_a_configured_converter_is_not_looked_for(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[board]\nvariant = "VA"\nconverter_address = 0x4a')
    found = detect_board(
        load(file=file, environment={}), FakeComputer(board_bus("rak6421-va")), FakeClock()
    )
    assert found.board == BOARDS["rak6421-va"]
    assert not any("answers" in words for words in found.evidence)


@for_each("key", BOARDS)
def test_detection_writes_nothing_but_pointers(key: str) -> None:
    bus = board_bus(key)
    sent: list[bytes] = []

    class Spy:
        name = bus.name

        def transfer(self, address: int, *messages: Write | Read) -> bytes:
            sent.extend(message.data for message in messages if isinstance(message, Write))
            assert [type(message) for message in messages].count(Read) == 1
            assert isinstance(messages[-1], Read)
            return bus.transfer(address, *messages)

        def close(self) -> None:
            pass

    detect_board(Config(), FakeComputer(Spy()), FakeClock())
    assert sent
    assert {len(data) for data in sent} == {1}


def test_this_computer_can_be_asked(tmp_path: Path) -> None:
    (tmp_path / "hat").mkdir()
    (tmp_path / "model").write_bytes(b"Raspberry Pi 5\0")
    (tmp_path / "hat/product").write_bytes(b"RAK6421\0")
    computer = LinuxComputer(tmp_path)
    assert (computer.model(), computer.hat()) == ("Raspberry Pi 5", "RAK6421")
    (tmp_path / "hat/vendor").write_bytes(b"RAK\0")
    (tmp_path / "hat/product").write_bytes(b"6421 Pi Hat\0")
    assert computer.hat() == "RAK 6421 Pi Hat"
    (tmp_path / "serial0").symlink_to("model")
    assert computer.target(f"{tmp_path}/serial0") == f"{tmp_path}/model"
    assert computer.target(f"{tmp_path}/nothing") is None
    assert LinuxComputer(tmp_path / "none").model() == ""
