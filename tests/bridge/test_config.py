"""The configuration: precedence, the words of refusals, and what becomes of a board."""

from __future__ import annotations

import logging
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.boards.board import LineRef
from wisblock_bridge.config import Config, apply, check_slots, load
from wisblock_bridge.endpoint import configured_endpoint
from wisblock_bridge.errors import ConfigError
from wisblock_bridge.keys.files import read as read_keys
from wisblock_bridge.modules import registry

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bridge.toml"


def read(file: Path, text: str, **flags: object) -> Config:
    file.write_text(text, encoding="utf-8")
    return load({f"--{name}": value for name, value in flags.items()}, file=file, environment={})


def refusal(file: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(file, text)
    return str(caught.value)


# -- precedence -----------------------------------------------------------------------------------


def test_nothing_said_means_defaults(tmp_path: Path) -> None:
    config = load(environment={}, default_file=tmp_path / "none")
    assert config == Config()
    assert (config.endpoint, config.emulate, config.swing_s) == (None, False, 0.0)
    assert (config.board.kind, config.board.variant) == ("auto", None)
    assert config.source == "no file"
    assert config.origins == {}


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().emulate = True  # type: ignore[misc]


def test_flag_over_environment_over_file_over_default(file: Path) -> None:
    file.write_text('[board]\nkind = "RAK6421"\nvariant = "VB"\n')
    environment = {"WISBLOCK_BRIDGE_VARIANT": "VA"}
    assert load(file=file, environment={}).board.variant == "VB"
    from_environment = load(file=file, environment=environment)
    assert from_environment.board.variant == "VA"
    assert from_environment.origins["board.variant"].endswith("WISBLOCK_BRIDGE_VARIANT")
    from_flag = load({"--variant": "vb"}, file=file, environment=environment)
    assert from_flag.board.variant == "VB"
    assert from_flag.origins["board.variant"] == "--variant"
    assert from_flag.origins["board.kind"] == f"{file}, table [board], key kind"


def test_a_flag_that_was_not_given_says_nothing(file: Path) -> None:
    assert read(file, "emulate = true", emulate=None).emulate is True


def test_the_file_is_found_in_the_environment_or_in_its_usual_place(file: Path) -> None:
    file.write_text("emulate = true")
    by_name = load(environment={"WISBLOCK_BRIDGE_CONFIG": str(file)})
    usual = load(environment={}, default_file=file)
    assert by_name.emulate
    assert usual.emulate
    assert by_name.source == usual.source == str(file)


@pytest.mark.parametrize(
    ("variable", "text", "attribute", "value"),
    [
        ("EMULATE", "1", "emulate", True),
        ("EMULATE", "yes", "emulate", True),
        ("EMULATE", "off", "emulate", False),
        ("EMULATE", "0", "emulate", False),
        ("SWING_S", "2.5", "swing_s", 2.5),
        ("SWING_S", "30", "swing_s", 30.0),
        ("LOG_LEVEL", "DEBUG", "log_level", "debug"),
        ("ENDPOINT", "ipc:///x/y", "endpoint", "ipc:///x/y"),
    ],
)
def test_the_environment_has_only_text(
    variable: str, text: str, attribute: str, value: object, tmp_path: Path
) -> None:
    environment = {f"WISBLOCK_BRIDGE_{variable}": text}
    config = load(environment=environment, default_file=tmp_path / "none")
    assert getattr(config, attribute) == value


@pytest.mark.parametrize(
    ("variable", "text", "attribute", "value"),
    [
        ("BOARD", "rak7391", "kind", "RAK7391"),
        ("VARIANT", "c", "variant", "C"),
        ("I2C_NUMBER", "3", "i2c_number", 3),
        ("CONVERTER_ADDRESS", "0x48", "converter_address", 0x48),
        ("CONVERTER_CHIP", "ads1115", "converter_chip", "ADS1115"),
    ],
)
def test_the_environment_can_name_the_board(
    variable: str, text: str, attribute: str, value: object, tmp_path: Path
) -> None:
    environment = {f"WISBLOCK_BRIDGE_{variable}": text}
    config = load(environment=environment, default_file=tmp_path / "none")
    assert getattr(config.board, attribute) == value


def test_an_unknown_variable_is_noted(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    with caplog.at_level(logging.WARNING):
        load(environment={"WISBLOCK_BRIDGE_ENDPIONT": "x"}, default_file=tmp_path / "none")
    assert "WISBLOCK_BRIDGE_ENDPIONT" in caplog.text
    assert "WISBLOCK_BRIDGE_ENDPOINT?" in caplog.text


# -- the file -------------------------------------------------------------------------------------

EVERYTHING = """
endpoint = "tcp://127.0.0.1:5555"
emulate = true
swing_s = 12
log_level = "debug"

[board]
kind = "RAK7391"
variant = "C"
i2c_number = 3
converter_address = 0x48
converter_chip = "ADS1115"

[board.free_lines]
board = [0, 6, 7]

[board.slot1.lines]
IO4 = "board:12"

[board.slot2]
serial_port = "/dev/serial/by-path/pci-0000:01:00.0-usb-0:1.2:1.0-port0"

[[slot]]
number = 2
module = "RAK5801"
addresses = { ADS7830 = "0x4a" }

[[slot]]
number = 1
"""


def test_everything_that_a_file_can_say(file: Path) -> None:
    config = read(file, EVERYTHING)
    assert config.endpoint == "tcp://127.0.0.1:5555"
    assert (config.emulate, config.swing_s, config.log_level) == (True, 12.0, "debug")
    board = config.board
    assert (board.kind, board.variant, board.i2c_number) == ("RAK7391", "C", 3)
    assert (board.converter_address, board.converter_chip) == (0x48, "ADS1115")
    assert board.free_lines == {"board": frozenset({0, 6, 7})}
    assert board.lines == {1: {"IO4": LineRef("board", 12)}}
    assert board.serial_ports == {
        2: "/dev/serial/by-path/pci-0000:01:00.0-usb-0:1.2:1.0-port0",
    }
    assert config.slots[2].module == "RAK5801"
    assert config.slots[2].addresses == {"ADS7830": 0x4A}
    assert config.slots[1].module is None
    assert config.origins["slot2.module"].endswith("table [[slot]] (1.), key module")


@pytest.mark.parametrize("word", ["variant", "generation", "revision"])
def test_three_words_for_the_variant(file: Path, word: str) -> None:
    assert read(file, f'[board]\n{word} = "B"').board.variant == "B"


def test_two_words_for_the_variant_must_agree(file: Path) -> None:
    assert read(file, '[board]\nvariant = "B"\ngeneration = "B"').board.variant == "B"
    words = refusal(file, '[board]\nvariant = "B"\ngeneration = "C"')
    assert "variant and generation" in words


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    """Editors of Windows write one; both readers of the file take it, and that of keys."""
    file = tmp_path / "bridge.toml"
    file.write_bytes(b'\xef\xbb\xbfendpoint = "ipc:///x/y"\nlog_level = "debug"\n')
    assert load(file=file, environment={}).log_level == "debug"
    assert configured_endpoint({}, file=file) == "ipc:///x/y"
    keys = tmp_path / "keys.toml"
    keys.write_bytes(b"\xef\xbb\xbfa = 1\n")
    keys.chmod(0o600)
    assert read_keys(keys, secret=True) == {"a": 1}


@pytest.mark.parametrize(
    ("variant", "product"), [("A", "RAK7391"), ("C", "RAK7391"), ("VA", "RAK6421")]
)
def test_a_variant_names_its_product(file: Path, variant: str, product: str) -> None:
    config = read(file, f'[board]\nvariant = "{variant}"')
    assert config.board.kind == product
    assert "follows" in config.origins["board.kind"]


def test_a_variant_of_the_other_product_is_refused(file: Path) -> None:
    words = refusal(file, '[board]\nkind = "RAK6421"\nvariant = "C"')
    assert "key variant" in words
    assert "VA or VB" in words


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("emulat = true", "key emulat", "Did you mean emulate?"),
        ("colour = 1", "key colour", "Known are: endpoint, remote_endpoint"),
        ('emulate = "yes"', "key emulate", "neither true nor false"),
        ("emulate = 1", "key emulate", "neither true nor false"),
        ("swing_s = -1", "key swing_s", "0 to 86400"),
        ("swing_s = nan", "key swing_s", "0 to 86400"),
        ("swing_s = true", "key swing_s", "not a number"),
        ('endpoint = "http://x"', "key endpoint", "ipc:// or tcp://"),
        ("endpoint = 5", "key endpoint", "text in quotes"),
        ('log_level = "loud"', "key log_level", "debug, info, warning, error"),
        ("board = 1", "table board", "not a table"),
        ('[board]\nkind = "RAK7931"', "table [board], key kind", "Did you mean RAK7391?"),
        ('[board]\nvarient = "C"', "table [board], key varient", "Did you mean variant?"),
        ('[board]\nvariant = "D"', "key variant", "not one of A, B, C"),
        ("[board]\ni2c_number = 1.5", "key i2c_number", "whole number from 0 to 255"),
        ("[board]\ni2c_number = true", "key i2c_number", "whole number"),
        ('[board]\nconverter_address = "0x90"', "key converter_address", "7-bit address is 0x48"),
        ('[board]\nconverter_address = "4b"', "key converter_address", "0x4b"),
        ("[board]\nconverter_address = 3", "key converter_address", "0x08 to 0x77"),
        ('[board]\nconverter_chip = "ADS1015"', "key converter_chip", "Did you mean ADS1115?"),
        ("[board]\nfree_lines = 6", "table board.free_lines", "not a table"),
        ("[board.free_lines]\nboard = 6", "[board.free_lines], key board", "list like [6, 7]"),
        ("[board.free_lines]\nboard = [99]", "[board.free_lines], key board", "0 to 63"),
        ("[board.slot1]\nline = 1", "[board.slot1], key line", "Did you mean lines?"),
        ('[board.slot1]\nserial_port = "ttyUSB0"', "key serial_port", "/dev/serial/by-path"),
        ("[board.slot1]\nserial_port = 1", "[board.slot1], key serial_port", "text in quotes"),
        ('[board.slot1.lines]\nIO9 = "slots:1"', "[board.slot1.lines], key IO9", "IO"),
        ('[board.slot1.lines]\nIO4 = "4"', "[board.slot1.lines], key IO4", "slots:4"),
        ('[board.slot1.lines]\nIO4 = "slots:x"', "[board.slot1.lines], key IO4", "slots:4"),
        ("[slot]\nnumber = 1", "table slot", "double brackets"),
        ('[[slot]]\nmodule = "RAK5801"', "[[slot]] (1.), key number", "missing"),
        ("[[slot]]\nnumber = 3", "[[slot]] (1.), key number", "1 to 2"),
        ("[[slot]]\nnumber = 1\n[[slot]]\nnumber = 1", "[[slot]] (2.), key number", "already"),
        ("[[slot]]\nnumber = 1\nmodul = 1", "[[slot]] (1.), key modul", "Did you mean module?"),
        ("[[slot]]\nnumber = 1\nmodule = 5801", "[[slot]] (1.), key module", "text in quotes"),
        (
            "[[slot]]\nnumber = 1\n[slot.addresses]\nADS7830 = 999",
            "key addresses.ADS7830",
            "7-bit I2C address",
        ),
        ("emulate = ", "", "not valid TOML"),
    ],
)
def test_a_refusal_names_file_table_key_and_what_would_be_right(
    file: Path, text: str, place: str, words: str
) -> None:
    message = refusal(file, text)
    assert str(file) in message
    assert place in message
    assert words in message


def test_a_refusal_of_the_environment_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="environment variable WISBLOCK_BRIDGE_EMULATE"):
        load(environment={"WISBLOCK_BRIDGE_EMULATE": "maybe"}, default_file=tmp_path / "none")


def test_a_file_that_is_not_there_or_not_text_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(file=tmp_path / "none.toml", environment={})
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(file=tmp_path / "binary", environment={})


# -- a board with what is said about it -----------------------------------------------------------


def test_a_board_without_words_stays_as_it_is() -> None:
    for board in BOARDS.values():
        assert apply(board, Config()) == board


def test_what_is_said_changes_the_board_and_not_the_original(file: Path) -> None:
    original = BOARDS["rak7391-c"]
    board = apply(original, read(file, EVERYTHING))
    assert board.slots[1].serial_port == "/dev/ttyUSB0"
    assert board.slots[2].serial_port.endswith("usb-0:1.2:1.0-port0")
    assert board.i2c_number == 3
    assert board.i2c_name == "i2c-3"
    assert board.controllers["slots"].labels == ("3-0026",)
    assert board.controllers["soc"].labels == original.controllers["soc"].labels
    assert (board.converter.address, board.converter.chip) == (0x48, "ADS1115")
    assert board.controllers["board"].free_lines == frozenset({0, 6, 7})
    assert board.slots[1].lines["IO4"] == LineRef("board", 12)
    assert board.slots[1].lines["IO1"] == original.slots[1].lines["IO1"]
    assert board.slots[2].lines == original.slots[2].lines
    assert original.slots[1].lines["IO4"] == LineRef("slots", 4)
    assert original.controllers["slots"].labels == ("1-0026",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[board.free_lines]\nslot = [1]", "key slot: .*Did you mean slots"),
        ("[board.free_lines]\nboard = [16]", "no line 16; lines go from 0 to 15"),
        ('[board.slot2.lines]\nIO4 = "slot:4"', "slot2.lines.*IO4.*Did you mean slots"),
        ('[board.slot2.lines]\nIO4 = "slots:16"', "no line 16; lines go from 0 to 15"),
    ],
)
def test_what_a_board_does_not_have_is_refused(file: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        apply(BOARDS["rak7391-c"], read(file, text))


def test_slots_are_held_against_the_modules_there_are(file: Path) -> None:
    modules = registry.load().modules
    check_slots(read(file, '[[slot]]\nnumber = 1\nmodule = "RAK5801"'), modules)
    for text, words in (
        ('module = "RAK5810"', "key module: .*Did you mean RAK58"),
        ('module = "TPT29555"', "soldered to the board"),
        ('module = "RAK5801"\naddresses = { ADS1115 = 72 }', "addresses.ADS1115.*no such chip"),
    ):
        with pytest.raises(ConfigError, match=words):
            check_slots(read(file, f"[[slot]]\nnumber = 1\n{text}"), modules)
