"""Detect the board.

1. Reads only: device-tree text, labels of GPIO controllers, registers of known chips.
2. What cannot be read is reported, and an assumption is marked as one.
3. A board named in the configuration is accepted; only its converter is searched for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from wisblock_bridge.boards import BOARDS
from wisblock_bridge.boards.board import SOC_LABELS
from wisblock_bridge.boards.rak6421 import RAK6421_BOARDS
from wisblock_bridge.boards.rak7391 import RAK7391_BOARDS
from wisblock_bridge.clock import SystemClock
from wisblock_bridge.discovery.computer import Computer, LinuxComputer
from wisblock_bridge.discovery.identify import identifier
from wisblock_bridge.discovery.serial_ports import with_usable_ports
from wisblock_bridge.errors import BridgeError, BusError, BusFault

if TYPE_CHECKING:
    from wisblock_bridge.boards.board import BoardSpec, ControllerSpec
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.chips.identification import Identification
    from wisblock_bridge.clock import Clock
    from wisblock_bridge.config import Config

Confidence = Literal["certain", "likely", "guess"]

FAN_CONTROLLER = 0x2F
"""Soldered to every RAK7391 and to no HAT."""


@dataclass(frozen=True, slots=True)
class Detection:
    """The board, and how it was detected.

    Attributes:
        board: Its wiring, with the converter that was found; without what else is configured.
        confidence: How sure that is.
        evidence: What was seen, in words.
    """

    board: BoardSpec
    confidence: Confidence
    evidence: tuple[str, ...]


def configured_board(config: Config) -> BoardSpec:
    """Return the board that an emulation takes: what is configured, else the current RAK7391.

    Args:
        config: What is configured.

    Returns:
        Its wiring.
    """
    wanted = config.board
    product = "RAK7391" if wanted.kind == "auto" else wanted.kind
    return next(
        each
        for each in BOARDS.values()
        if each.product == product and wanted.variant in {None, each.variant}
    )


def detect_board(
    config: Config, computer: Computer | None = None, clock: Clock | None = None
) -> Detection:
    """Detect the board that carries this computer, or is plugged onto it.

    Args:
        config: What is configured: kind and variant narrow the search.
        computer: Whom to ask; this computer when not given.
        clock: Time.

    Returns:
        The best answer there is. It never fails: where nothing can be read, it says so.
    """
    look = _Look(config, computer or LinuxComputer(), clock or SystemClock())
    try:
        return look.board()
    finally:
        look.close()


def _is_rak6421(hat: str) -> bool:
    """Return whether maker and product are those of a RAK6421: "RAK", "6421 Pi Hat"."""
    return "RAK" in hat.upper() and "6421" in hat


class _Look:
    """One search, with the evidence that it gathers."""

    def __init__(self, config: Config, computer: Computer, clock: Clock) -> None:
        self._wanted = config.board
        self._computer = computer
        self._clock = clock
        self._number = 1 if self._wanted.i2c_number is None else self._wanted.i2c_number
        self._bus: I2CBus | None = computer.bus(self._number)
        self._evidence: list[str] = []
        self._labels = {each.label: each.line_count for each in computer.controllers()}

    def close(self) -> None:
        if self._bus is not None:
            self._bus.close()

    def board(self) -> Detection:
        wanted = self._wanted
        if wanted.variant is not None:
            board = next(each for each in BOARDS.values() if each.variant == wanted.variant)
            self._evidence.append(f"{board.product} {board.variant} as configured")
            return self._done(board, "certain")
        if wanted.kind == "RAK6421":
            self._evidence.append("RAK6421 as configured")
            return self._hat()
        if wanted.kind == "RAK7391":
            self._evidence.append("RAK7391 as configured")
            return self._generation() or self._assumed("likely")
        if _is_rak6421(self._computer.hat()):
            return self._hat()
        return self._generation() or self._by_computer()

    def _by_computer(self) -> Detection:
        """Decide by the computer alone: a RAK7391 carries a Compute Module, a HAT is on others."""
        model = self._computer.model()
        if model:
            self._note(f"the computer is a {model}")
        if model.startswith("Raspberry Pi") and "Compute Module" not in model:
            return self._hat()
        on_raspberry_pi = bool(model) or any(label in self._labels for label in SOC_LABELS)
        if on_raspberry_pi and self._bus is not None:
            self._note(f"no expander answers on i2c-{self._number}, so it is no RAK7391")
            return self._hat()
        return self._assumed("guess")

    def _generation(self) -> Detection | None:
        """Distinguish the generations of the RAK7391 by their expanders."""
        on_rak7391 = self._present(FAN_CONTROLLER, "EMC2301", "fan controller EMC2301")
        for board in RAK7391_BOARDS:
            expanders = [each for each in board.controllers.values() if each.address is not None]
            seen = [self._sees(each) for each in expanders]
            if all(seen):
                certain = on_rak7391 or all(each == "kernel" for each in seen)
                return self._done(board, "certain" if certain else "likely")
        if on_rak7391:
            return self._assumed("likely")
        return None

    def _sees(self, spec: ControllerSpec) -> str:
        """Return through whom an expander is seen: "kernel", "bus", or "" when it is not."""
        for label in spec.labels:
            if self._labels.get(label) == spec.line_count:
                self._note(f"the kernel shows an expander labelled {label}")
                return "kernel"
        assert spec.address is not None  # noqa: S101
        driver = self._computer.kernel_driver(self._number, spec.address)
        if driver is not None:
            self._note(f"the kernel's driver {driver} owns 0x{spec.address:02x}")
            return "kernel" if driver in {"pca953x", "pcf857x"} else ""
        if spec.chip != "TPT29555":
            return ""
        return "bus" if self._present(spec.address, "TPT29555", "expander TPT29555") else ""

    def _hat(self) -> Detection:
        newest = RAK6421_BOARDS[0]
        hat = self._computer.hat()
        if _is_rak6421(hat):
            # The boards of 2022 are older than this kind of EEPROM.
            self._note(f'the HAT calls itself "{hat}", so it has the newer wiring')
            return self._done(newest, "certain")
        self._note(
            "no EEPROM of a RAK6421 is read, so its revision cannot be read either: the newer one "
            f"({newest.variant}) is assumed; set board.variant to VA if that is printed on it"
        )
        return self._done(newest, "guess")

    def _assumed(self, confidence: Confidence) -> Detection:
        board = RAK7391_BOARDS[0]
        self._note(
            f"no expander was recognised, so the current generation ({board.variant}) is assumed"
        )
        return self._done(board, confidence)

    def _done(self, board: BoardSpec, confidence: Confidence) -> Detection:
        board = self._with_converter(board)
        board = with_usable_ports(board, self._computer, self._note)
        return Detection(board, confidence, tuple(self._evidence))

    def _with_converter(self, board: BoardSpec) -> BoardSpec:
        """Find where the converter really is: its address is set by soldering."""
        if self._wanted.converter_address is not None:
            return board
        spec = board.converter
        for address in dict.fromkeys((spec.address, *reversed(spec.alternatives))):
            identification = self._identification(address, "SGM58031")
            if identification is not None and identification.chip in {"ADS1115", "SGM58031"}:
                self._note(f"an {identification.chip} answers at 0x{address:02x}")
                chip: Literal["ADS1115", "SGM58031"] = (
                    "SGM58031" if identification.chip == "SGM58031" else "ADS1115"
                )
                return replace(board, converter=replace(spec, chip=chip, address=address))
        if self._bus is not None:
            self._note(f"no converter answers on i2c-{self._number}")
        return board

    def _present(self, address: int, chip: str, name: str) -> bool:
        identification = self._identification(address, chip)
        if identification is None or not identification.chip:
            return False
        self._note(f"the {name} answers at 0x{address:02x}")
        return True

    def _identification(self, address: int, chip: str) -> Identification | None:
        """Ask an address; a bus that is not there or is stuck is asked once and then left alone."""
        identify = identifier(chip)
        if self._bus is None or identify is None:
            return None
        try:
            return identify(self._bus, address, self._clock)
        except BusError as error:
            if error.fault not in {BusFault.NO_ACKNOWLEDGE, BusFault.HELD, BusFault.IO}:
                self._give_up(error)
        except ImportError as error:
            self._note(f"the Python package {error.name} is missing")
            self._bus = None
        return None

    def _give_up(self, error: BridgeError) -> None:
        self._note(f"i2c-{self._number} cannot be read: {error.message.rstrip('.')}")
        assert self._bus is not None  # noqa: S101
        self._bus.close()
        self._bus = None

    def _note(self, words: str) -> None:
        if words not in self._evidence:
            self._evidence.append(words)
