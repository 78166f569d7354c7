"""Parts of the command line: typed parameters, values for people, the log."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from typing import TYPE_CHECKING

import pytest
from tests.cases import for_each

from wisblock_bridge.cli import arguments, formatting, logs, parse_params
from wisblock_bridge.errors import BadParamsError

if TYPE_CHECKING:
    from collections.abc import Iterator

# -- the log --------------------------------------------------------------------------------------


@pytest.fixture
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in list(root.handlers):
        root.removeHandler(handler)
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(capture=False)


@pytest.mark.usefixtures("_root_logger")
def test_the_journal_gets_priorities_and_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryFile("w+") as stream:
        found = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        logs.set_up("debug", stream)
        log = logging.getLogger("test")
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            log.log(level, "line one\nline two")
        log.critical("end")
        stream.seek(0)
        lines = stream.read().splitlines()
    assert lines[:2] == ["<7>test: line one", "<7>line two"]
    assert [line[:3] for line in lines[2::2]] == ["<6>", "<4>", "<3>", "<2>"]


@pytest.mark.usefixtures("_root_logger")
def test_elsewhere_lines_have_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    with tempfile.TemporaryFile("w+") as stream:
        logs.set_up("warning", stream)
        logging.getLogger("test").info("not this")
        logging.getLogger("test").warning("this")
        stream.seek(0)
        text = stream.read()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d [\d:,]+ WARNING test: this\n", text)


# -- parts ----------------------------------------------------------------------------------------


def operation(*params: dict[str, object]) -> dict[str, object]:
    defaults: dict[str, object] = {"choices": [], "item_kind": None}
    return {"name": "do", "params": [defaults | each for each in params]}


@for_each(
    ("kind", "text", "value"),
    [
        ("int", "0x10", 16),
        ("int", "-3", -3),
        ("float", "2.5", 2.5),
        ("float", "1", 1.0),
        ("bool", "on", True),
        ("bool", "False", False),
        ("bool", "0", False),
        ("str", "a=b", "a=b"),
        ("bytes", "01ff", b"\x01\xff"),
        ("bytes", "0x01:ff", b"\x01\xff"),
        ("bytes", "text:hé", b"h\xc3\xa9"),
    ],
)
def test_parameters_have_the_catalogues_type(kind: str, text: str, value: object) -> None:
    found = parse_params.parameters(operation({"name": "p", "kind": kind}), [f"p={text}"])["p"]
    assert (type(found), found) == (type(value), value)


@for_each(
    ("item_kind", "text", "value"),
    [
        ("int", "[6,7]", [6, 7]),
        ("int", "6, 0x7", [6, 7]),
        ("bool", "on,off", [True, False]),
        ("str", '[{"text": "hello"}]', [{"text": "hello"}]),
        ("int", "", []),
    ],
)
def test_lists(item_kind: str, text: str, value: object) -> None:
    param: dict[str, object] = {"name": "p", "kind": "list", "item_kind": item_kind}
    assert parse_params.parameters(operation(param), [f"p={text}"]) == {"p": value}


def test_words_beside_numbers() -> None:
    param: dict[str, object] = {"name": "p", "kind": "int", "choices": ["all"]}
    assert parse_params.parameters(operation(param), ["p=all"]) == {"p": "all"}
    assert parse_params.parameters(operation(param), ["p=3"]) == {"p": 3}
    with pytest.raises(BadParamsError, match="Allowed are all"):
        parse_params.parameters(operation(param), ["p=none"])


@pytest.mark.parametrize("text", ["zz", "0x1", "text"])
def test_bytes_that_are_none(text: str) -> None:
    with pytest.raises(BadParamsError, match="bytes, like 01ff"):
        parse_params.parameters(operation({"name": "p", "kind": "bytes"}), [f"p={text}"])


UNITS = {"milliampere": {"symbol": "mA", "decimals": 2}, "none": {"symbol": "", "decimals": 0}}


@for_each(
    ("value", "unit", "text"),
    [
        (3.8123, "milliampere", "3.81 mA"),
        (0.25, "none", "0.25"),
        (7, "none", "7"),
        (True, "none", "yes"),
        (b"\x01\xff", "none", "01 ff"),
        ("ok", "none", "ok"),
        ([1, 2], "none", "[1, 2]"),
        (1.5, "furlong", "1.5"),
    ],
)
def test_values_as_people_read_them(value: object, unit: str, text: str) -> None:
    assert formatting.value(value, unit, UNITS) == text


@for_each(
    ("seconds", "text"),
    [(0.2, "0 s"), (12, "12 s"), (125, "2 min 5 s"), (90_061, "1 d 1 h"), (3600, "1 h")],
)
def test_durations_as_people_read_them(seconds: float, text: str) -> None:
    assert formatting.duration(seconds) == text


# -- the arguments --------------------------------------------------------------------------------


def test_a_bridge_that_starts_makes_the_parser_of_no_other_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["serve", "--emulate", "--endpoint", "ipc:///run/one.sock", "--log-level", "info"]
    whole = vars(arguments.build_parser().parse_args(words))
    made = []
    create = arguments.Parser.__init__

    def noted(self: arguments.Parser, **options: object) -> None:
        made.append(options["prog"])
        create(self, **options)

    monkeypatch.setattr(arguments.Parser, "__init__", noted)
    alone = vars(arguments.parse(words))
    assert made == ["wisblock-bridge", "wisblock-bridge serve"]
    assert {**alone, "load": None} == {**whole, "load": None}
    assert alone["load"]() is whole["load"]()
