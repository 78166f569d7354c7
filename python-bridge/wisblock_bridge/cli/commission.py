"""``wisblock-bridge commission``: a guided check for somebody who has the board in hand.

1. One question or one measurement for each thing that is not confirmed on hardware.
2. Answers come from standard input, so a script can give them; its end means "not tried".
3. The result is a text that can be sent as an issue, and what the configuration needs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, cast

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.cli import commission_config, formatting, parse_params, settings
from wisblock_bridge.cli.call import slot_of
from wisblock_bridge.cli.commission_steps import (
    BOARD,
    NOTHING,
    Configured,
    Step,
    Target,
    relevant,
    steps_for,
    tried,
)
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.endpoint import CONFIG_FILE
from wisblock_bridge.wire.plain_text import ESCAPE, escaped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping, Sequence

    from wisblock_bridge.client import Bridge

WORDS = {"y": "yes", "yes": "yes", "n": "no", "no": "no", "s": "not tried", "": "not tried"}
NOT_TRIED = "not tried"
CLOSE = 0.01
"""A measured value within this share of the true one, or of 1 in its unit, is right."""

INTRODUCTION = """\
{product}, slot {slot}, on {board}.
Each point below has not been seen on hardware by the project yet. Answer y (yes), n (no) or
s (not tried); words after it are noted, as in "n only the second one". Ctrl-C ends without report.
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one point.

    Attributes:
        statement: The entry of ``unconfirmed``.
        done: What was done or measured.
        question: What was asked.
        answer: "yes", "no", "not tried", or a value.
        note: Words of the person.
        configured: What follows for the configuration.
    """

    statement: str
    done: str
    question: str
    answer: str
    note: str
    configured: Configured


def commission(options: argparse.Namespace) -> int:
    """Ask, measure, and write the report."""
    with settings.connect(options) as bridge:
        module = parse_params.find_module(bridge.catalogue(), options.module)
        target = Target(bridge, str(module["name"]), slot_of(module, options.slot))
        board = cast("Mapping[str, object]", bridge.status()["board"])
        points = list(_points(board, module))
        title = f"{board['title']}{' (emulated)' if board['emulated'] else ''}"
        _say(INTRODUCTION.format(product=target.module, slot=target.slot, board=title))
        findings = [
            _find_out(target, product, statement, f"{number}/{len(points)}")
            for number, (product, statement) in enumerate(points, 1)
        ]
        text = _report(bridge, target, title, findings)
    out = options.out or Path(f"commission-{target.module}-slot-{target.slot}.md")
    out.write_text(text, encoding="utf-8", errors=ESCAPE)
    _configure(options, target, findings)
    _say(f"The report is in {out}. Please send it: {_issues()}\n")
    return 0


def _points(board: Mapping[str, object], module: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield product and statement, of the board first."""
    key = f"{board['product']}-{board['variant']}".lower()
    for statement in BOARDS[key].unconfirmed if key in BOARDS else ():
        yield BOARD, statement
    for statement in cast("Sequence[str]", module["unconfirmed"]):
        if relevant(statement, str(board["product"])):
            yield str(module["name"]), statement


def _find_out(target: Target, product: str, statement: str, count: str) -> Finding:
    step = steps_for(product, statement)
    _say(f"\n{count}  {statement}\n")
    done, configured = tried(step, target)
    if done:
        _say(f"     {done}\n")
    if step.value:
        answer, note = _ask_value(step, done)
    else:
        answer, note = _ask(step.question)
    if answer == "no":
        configured = step.if_no
    return Finding(statement, done, step.question, answer, note, configured)


def _ask(question: str) -> tuple[str, str]:
    while True:
        first, _, rest = _answer(f"     {question} [y/n/s] ").partition(" ")
        if first.lower() in WORDS:
            return WORDS[first.lower()], rest.strip()
        _say("     Please begin with y, n or s.\n")


def _ask_value(step: Step, done: str) -> tuple[str, str]:
    while True:
        answer = _answer(f"     {step.question}, in {step.value}? [s: not tried] ")
        if WORDS.get(answer.lower()) == NOT_TRIED:
            return NOT_TRIED, ""
        try:
            true = float(answer.replace(",", "."))
            measured = float(done.split(" ", maxsplit=1)[0])
        except ValueError:
            if done.startswith("failed"):
                return "no", f"another instrument says {answer} {step.value}"
            _say("     Please type a number, or s.\n")
            continue
        right = abs(measured - true) <= CLOSE * max(abs(true), 1.0)
        return "yes" if right else "no", f"another instrument says {true:g} {step.value}"


def _answer(prompt: str) -> str:
    _say(prompt)
    return sys.stdin.readline().strip()


def _say(text: str) -> None:
    sys.stdout.write(escaped(text) if "\n" not in text else text)
    sys.stdout.flush()


def _report(bridge: Bridge, target: Target, title: str, findings: Sequence[Finding]) -> str:
    text = f"# {target.module} in slot {target.slot} of {title}\n\n"
    text += (
        f"wisblock-bridge {bridge.version}, {formatting.moment(SystemClock().timestamp_ms())}.\n"
    )
    if bridge.emulated:
        text += "**The board is emulated: this says nothing about hardware.**\n"
    for number, each in enumerate(findings, 1):
        text += f"\n## {number}. {each.statement}\n\n"
        if each.done:
            text += f"* done: {each.done}\n"
        text += f"* asked: {each.question}\n* answer: **{each.answer}**"
        text += f" ({each.note})\n" if each.note else "\n"
    return text


def _configure(options: argparse.Namespace, target: Target, findings: Sequence[Finding]) -> None:
    found = [each.configured for each in findings if each.configured is not NOTHING]
    lines = commission_config.lines_for(
        settings.configuration(options), target.module, target.slot, found
    )
    if not lines:
        return
    file = options.config or CONFIG_FILE
    _say(f"\nThis belongs into {file}:\n\n" + "".join(f"  {each}\n" for each in lines) + "\n")
    if _ask("Write it there?")[0] != "yes":
        return
    if commission_config.write(file, lines):
        _say("Written; it counts when the bridge starts again.\n")
    else:
        _say("It contradicts what is in the file, which was left as it is.\n")


def _issues() -> str:
    """Return where the project takes reports."""
    for each in metadata.metadata("wisblock-bridge").get_all("Project-URL") or ():
        name, _, url = each.partition(", ")
        if name == "Issues":
            return f"{url}/new?template=works-on-my-board.yml"
    return "to the project's issues"
