"""Refusals of the configuration name the line, whichever way the file is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.config import apply, check_slots, load
from wisblock_bridge.errors import ConfigError
from wisblock_bridge.modules import registry

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "line", "rest"),
    [
        ('# a comment\n\nlog_level = "loud"', 3, "key log_level"),
        ("endpont = 1", 1, "key endpont"),
        ('emulate = true\n[board]\n# x\nkind = "RAK1"', 4, "table [board], key kind"),
        ('board.kind = "RAK1"', 1, "table [board], key kind"),
        ('board = { kind = "RAK1" }', 1, "table [board], key kind"),
        ("[board]\n\nkund = 1", 3, "table [board], key kund"),
        ('["board"] # here\n"kind" = 5', 2, "table [board], key kind"),
        ("[board.free_lines]\nslots = 5", 2, "table [board.free_lines], key slots"),
        ("[board]\nfree_lines.slots = 5", 2, "table [board.free_lines], key slots"),
        ('[board.slot1.lines]\nIO1 = "slots:1"\nIO9 = "slots:1"', 3, "key IO9"),
        ('[board.slot1]\nserial_port = "x"', 2, "table [board.slot1], key serial_port"),
        ("[[slot]]\nnumber = 1\n\n[[slot]]\nnumber = 5", 5, "table [[slot]] (2.), key number"),
        ("[[slot]]\nnumber = 1\n[[slot]]\nmodule = 'x'", 3, "table [[slot]] (2.), key number"),
        ("[[slot]]\nnumber = 1\n[slot.addresses]\nINA219 = 999", 4, "key addresses.INA219"),
        ("[[slot]]\nnumber = 1\naddresses = { INA219 = 999 }", 3, "key addresses.INA219"),
        ("[[slot]]\nnumber = 2\nmodule = 'RAK16OOO'", 3, "table [[slot]] number 2, key module"),
        (
            "[[slot]]\nnumber = 2\nmodule = 'RAK16000'\naddresses.INA220 = 0x41",
            4,
            "table [[slot]] number 2, key addresses.INA220",
        ),
        ("[board]\nvariant = 'C'\nfree_lines.slot = [1]", 3, "table [board.free_lines], key slot"),
        (
            "[board]\nvariant = 'C'\nslot2.lines.IO1 = 'slots:77'",
            3,
            "table [board.slot2.lines], key IO1",
        ),
        ("[security]\nkeys = 'relative'", 2, "table [security], key keys"),
        ("[slot]\nnumber = 1", 1, "table slot"),
    ],
)
def test_a_refusal_names_the_line(tmp_path: Path, text: str, line: int, rest: str) -> None:
    file = tmp_path / "bridge.toml"
    file.write_text(text)

    def use() -> None:
        config = load(file=file, environment={})
        apply(BOARDS["rak7391-c"], config)
        check_slots(config, registry.load().modules)

    with pytest.raises(ConfigError) as caught:
        use()
    assert str(caught.value).startswith(f"{file}, ")
    assert str(caught.value).endswith(f" (line {line})")
    assert rest in str(caught.value)


def test_toml_that_is_none_names_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "bridge.toml"
    file.write_text("emulate = true\n[board\n")
    with pytest.raises(ConfigError, match=r"not valid TOML: .*line 2"):
        load(file=file, environment={})


def test_what_the_file_does_not_say_has_no_line(tmp_path: Path) -> None:
    file = tmp_path / "bridge.toml"
    file.write_text('log_level = "info"\n')
    with pytest.raises(ConfigError) as caught:
        load({"--log-level": "loud"}, file=file, environment={})
    assert "(line" not in str(caught.value)
