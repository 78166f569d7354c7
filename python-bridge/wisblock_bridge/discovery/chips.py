"""Which chips answer on the bus, and which modules they may belong to.

1. Only addresses that a known module or board part can have are looked at.
2. An address that the kernel owns is reported as such and left alone.
3. Every entry says how sure it is; two things that want one address are reported.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from wisblock_bridge.chips.identification import Identification
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.discovery.identify import answers, identifier
from wisblock_bridge.errors import BusError, BusFault
from wisblock_bridge.module_api.needs import ChipNeed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wisblock_bridge.boards.board import BoardSpec
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.module_api import Module
    from wisblock_bridge.module_api.needs import ChipInUse
    from wisblock_bridge.modules.registry import Known
    from wisblock_bridge.runtime.hardware import Hardware

CONFIDENCES = ("low", "medium", "high")
RAW_EXPANDER = "PI4IOE5V96224"
RAW_EXPANDER_ADDRESS = 0x20
"""Of the oldest RAK7391, and of a RAK13003 as delivered (PI4IOE5V96224 datasheet: any byte that is
written goes to the pins, so nothing may be written before it is known that it is another chip)."""

EXPANDERS_MODULE = "TPT29555"
CONVERTER_MODULE = "ADC"


@dataclass(frozen=True, slots=True)
class Found:
    """A chip that answers, or that the kernel owns.

    Attributes:
        bus: Name of the bus.
        address: 7-bit address.
        chip: Name of the chip; "" when it is not known.
        modules: Names of the modules that it may belong to.
        confidence: "high", "medium" or "low".
        note: What is to be known about it.
        in_use: Modules in use that expect their chip here, each with its slot.
        clashes: Names of modules whose chip, as delivered, cannot be here as well.
        warnings: What is wrong already, in sentences.
    """

    bus: str
    address: int
    chip: str
    modules: list[str]
    confidence: str
    note: str
    in_use: list[dict[str, object]] = field(default_factory=list)
    clashes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Candidate:
    """What may be at an address."""

    chip: str
    owner: str
    """In words, for a part of the board; empty for modules."""
    modules: list[str] = field(default_factory=list)
    as_delivered: list[str] = field(default_factory=list)


def scan(
    hardware: Hardware,
    catalogue: Known,
    clock: Clock | None = None,
    *,
    in_use: Iterable[ChipInUse] = (),
) -> list[dict[str, object]]:
    """Find which known chips answer on the board's I2C bus.

    Args:
        hardware: The board.
        catalogue: All modules.
        clock: Time.
        in_use: The chips of modules in use.

    Returns:
        One map for each address where something is: ``bus``, ``address``, ``chip``, ``modules``,
        ``confidence``, ``note``, ``in_use``, ``clashes`` and ``warnings``, in the order of
        addresses.

    Raises:
        BusError: The bus is missing, may not be used, or is stuck.
    """
    bus = hardware.uncounted_i2c()
    wanted = candidates(hardware.board, catalogue.modules)
    expected: dict[int, list[ChipInUse]] = {}
    for chip in in_use:
        expected.setdefault(chip.address, []).append(chip)
        here = wanted.setdefault(chip.address, [])
        if all(each.chip != chip.chip for each in here):  # the configuration may name any address
            here.append(_Candidate(chip.chip, "", [chip.module]))
    found: list[dict[str, object]] = []
    for address in sorted(wanted):
        with hardware.undisturbed(address):
            entry = _look(bus, address, wanted[address], clock or SystemClock())
        if entry is not None:
            found.append(asdict(_with_users(entry, expected.get(address, []))))
    return found


def candidates(
    board: BoardSpec, modules: Mapping[str, type[Module]]
) -> dict[int, list[_Candidate]]:
    """Return what may be at which address.

    Args:
        board: The carrier.
        modules: Name to class of every module.

    Returns:
        Address to candidates, parts of the board first.
    """
    wanted: dict[int, list[_Candidate]] = {}
    for controller in board.controllers.values():
        if controller.address is not None:
            part = _Candidate(controller.chip, f"the board's expander for {controller.key!r}")
            part.modules = [EXPANDERS_MODULE] if controller.chip == EXPANDERS_MODULE else []
            wanted.setdefault(controller.address, []).append(part)
    usual = board.converter.address
    for address in dict.fromkeys((usual, *board.converter.alternatives)):
        owner = "the board's converter"
        if address != usual:
            owner = f"a converter; the board's own is expected at 0x{usual:02x}"
        part = _Candidate(board.converter.chip, owner, [CONVERTER_MODULE])
        wanted.setdefault(address, []).append(part)
    for address, owner in board.taken_addresses.items():
        wanted.setdefault(address, []).append(_Candidate(owner.split()[-1], owner))
    for name, module in modules.items():
        for need in module.description.needs.values():
            if isinstance(need, ChipNeed):
                _add_module(wanted, name, need)
    return wanted


def _add_module(wanted: dict[int, list[_Candidate]], name: str, need: ChipNeed) -> None:
    for address in dict.fromkeys((need.address, *need.alternatives)):
        here = wanted.setdefault(address, [])
        candidate = next((each for each in here if each.chip == need.chip and not each.owner), None)
        if candidate is None:
            candidate = _Candidate(need.chip, "")
            here.append(candidate)
        candidate.modules.append(name)
        if address == need.address:
            candidate.as_delivered.append(name)


def _look(bus: I2CBus, address: int, wanted: list[_Candidate], clock: Clock) -> Found | None:
    try:
        candidate, identification = _identified(bus, address, wanted, clock)
    except BusError as error:
        if error.fault is BusFault.NO_ACKNOWLEDGE:
            return None
        if error.fault is BusFault.HELD:
            first = wanted[0]
            note = f"{error.message} The bridge uses it through the kernel where it can."
            return Found(bus.name, address, first.chip, first.modules, "medium", note)
        if error.fault is BusFault.IO:
            return Found(bus.name, address, "", [], "low", error.message)
        raise
    if candidate is None:
        return Found(bus.name, address, "", [], "low", identification.note)
    notes = [f"{candidate.owner[:1].upper()}{candidate.owner[1:]}."] if candidate.owner else []
    notes.append(identification.note)
    clashes = _clashes(candidate, wanted)
    if clashes:
        notes.append(_clash_note(clashes))
    return Found(
        bus.name,
        address,
        identification.chip,
        list(candidate.modules),
        identification.confidence,
        " ".join(note for note in notes if note),
        clashes=clashes,
    )


def _with_users(found: Found, users: list[ChipInUse]) -> Found:
    """Add who uses the address, and what is wrong with that."""
    warnings = [
        f"{user.module} in slot {user.slot} expects its {user.chip} at 0x{user.address:02x}, but "
        f"{_told(found)} there: is another module plugged in, or was its address changed?"
        for user in users
        if _contradicts(found, user)
    ]
    return replace(
        found,
        in_use=[{"module": user.module, "slot": user.slot} for user in users],
        clashes=[name for name in found.clashes if name not in {user.module for user in users}],
        warnings=warnings,
    )


def _contradicts(found: Found, user: ChipInUse) -> bool:
    """Whether what was found is certainly something else; what nobody knows contradicts nothing."""
    if found.chip:
        return found.chip != user.chip and found.confidence != "low"
    return False


def _told(found: Found) -> str:
    return f"{'an' if found.chip[0] in 'AEIMS' else 'a'} {found.chip} answers"


def _identified(
    bus: I2CBus, address: int, wanted: list[_Candidate], clock: Clock
) -> tuple[_Candidate | None, Identification]:
    """Ask each candidate's own function; what has none is believed last, for want of a better."""
    best: tuple[_Candidate | None, Identification] = (None, Identification("", "low", ""))
    silent: list[_Candidate] = []
    for candidate in _harmless_first(address, wanted):
        identify = identifier(candidate.chip)
        if identify is None:
            silent.append(candidate)
            continue
        identification = identify(bus, address, clock)
        surer = CONFIDENCES.index(identification.confidence) > CONFIDENCES.index(best[1].confidence)
        if best[0] is None or (identification.chip and surer):
            best = candidate if identification.chip else None, identification
        if identification.confidence == "high" or identification.chip == RAW_EXPANDER:
            break
    if best[0] is not None or not silent:
        return best
    answers(bus, address)
    note = "Something answers; it cannot be told what it is."
    others = " or ".join(each.chip for each in silent[1:])
    if others:
        note += f" It may also be: {others}."
    return silent[0], Identification(silent[0].chip, "low", note)


def _harmless_first(address: int, wanted: list[_Candidate]) -> list[_Candidate]:
    """Put the chip first that takes any byte for levels of its pins: it is asked by reading."""
    if any(each.chip == RAW_EXPANDER for each in wanted):
        return [each for each in wanted if each.chip == RAW_EXPANDER]
    if address != RAW_EXPANDER_ADDRESS:
        return wanted
    owner = "the expander of another generation of the RAK7391: is board.variant right?"
    return [_Candidate(RAW_EXPANDER, owner), *wanted]


def _clashes(present: _Candidate, wanted: list[_Candidate]) -> list[str]:
    """Return which modules cannot be plugged in as delivered, because their address is taken."""
    return sorted({name for each in wanted if each is not present for name in each.as_delivered})


def _clash_note(names: list[str]) -> str:
    return f"{' and '.join(names)}, as delivered, would clash with it: change the module's address."
