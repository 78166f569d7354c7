"""What ``wisblock-bridge commission`` writes into the configuration file.

1. Text is appended; what is there, comments included, stays as it is.
2. A file that could not be read afterwards is put back as it was, and the lines are shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.config import load
from wisblock_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wisblock_bridge.cli.commission_steps import Configured
    from wisblock_bridge.client.requests import Slot
    from wisblock_bridge.config import Config


def lines_for(config: Config, module: str, slot: Slot, found: Sequence[Configured]) -> list[str]:
    """Return the lines that are missing in the configuration.

    Args:
        config: The present configuration.
        module: "RAK5801".
        slot: Where it is; nothing is written about the board's own modules.
        found: What follows from the answers.
    """
    lines: list[str] = []
    if isinstance(slot, int):
        present = config.slots.get(slot)
        addresses = {chip: at for each in found for chip, at in each.addresses.items()}
        known = dict(present.addresses) if present is not None else {}
        if present is None or present.module != module or known | addresses != known:
            lines += ["[[slot]]", f"number = {slot}", f'module = "{module}"']
            if addresses:
                lines += ["[slot.addresses]"]
                lines += [f'{chip} = "0x{at:02x}"' for chip, at in addresses.items()]
    pins: dict[int, Mapping[str, str]] = {
        number: wiring for each in found for number, wiring in each.lines.items()
    }
    for number, wiring in pins.items():
        lines += [f"[board.slot{number}.lines]"]
        lines += [f'{pin} = "{line}"' for pin, line in wiring.items()]
    return lines


def write(file: Path, lines: Sequence[str]) -> bool:
    """Append lines to the configuration file.

    Args:
        file: The file; it is made if it is not there.
        lines: TOML.

    Returns:
        Whether the file can be read with them; if not, it is as it was before.

    Raises:
        OSError: The file cannot be written.
    """
    before = file.read_text(encoding="utf-8") if file.exists() else None
    text = "# Found by `wisblock-bridge commission`.\n" + "".join(f"{each}\n" for each in lines)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{before}\n{text}" if before else text, encoding="utf-8")
    try:
        load(file=file, environment={})
    except ConfigError:
        if before is None:
            file.unlink()
        else:
            file.write_text(before, encoding="utf-8")
        return False
    return True
