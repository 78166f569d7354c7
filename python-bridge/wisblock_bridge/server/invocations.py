"""What requests of the method ``invoke`` come to: decoded, checked, and remembered by their bytes.

1. Nodes ask the same thing again and again. A request whose parameters are, byte for byte, those of
   one that was good is not decoded and checked again; two spellings of a number are two requests.
2. Only what was good is remembered, and only values that nobody can change: a refusal, or a list
   that a module gets, arises anew each time.
3. Its memory is bounded in requests and in bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from wisblock_bridge.module_api.signatures import OperationDescription
    from wisblock_bridge.runtime.place import Place
    from wisblock_bridge.runtime.sessions import OnLoss

MOST_REMEMBERED = 512
LONGEST_REMEMBERED_BYTES = 256

_CONSTANTS = (int, float, str, bytes, type(None))


@dataclass(slots=True, frozen=True, eq=False)
class Invocation:
    """One call of one operation, whoever asks for it.

    Attributes:
        description: The operation.
        place: Whose it is.
        arguments: The checked parameters, in order.
        output: The output it drives, or "".
        on_loss: What is to happen to that output when the session is lost.
        urgent: It is a stop or an off.
    """

    description: OperationDescription
    place: Place
    arguments: tuple[object, ...]
    output: str
    on_loss: OnLoss
    urgent: bool


def invocation(
    description: OperationDescription, place: Place, checked: msgspec.Struct, on_loss: OnLoss
) -> Invocation:
    """Work out what a request with checked parameters comes to.

    Args:
        description: The operation.
        place: Whose it is.
        checked: Its parameters.
        on_loss: What the client wants to happen when it is lost.
    """
    output, urgent = "", False
    if description.drives:
        values = msgspec.structs.asdict(checked)
        output, urgent = description.output(values), description.is_urgent(values)
    else:
        on_loss = "safe"
    return Invocation(description, place, msgspec.structs.astuple(checked), output, on_loss, urgent)


class Invocations:
    """What was good lately, by the bytes of its parameters."""

    def __init__(self) -> None:
        self._known: dict[bytes, Invocation] = {}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, encoded: bytes) -> Invocation | None:
        """Return what parameters came to; None when they have to be looked at."""
        return self._known.get(encoded)

    def remember(self, encoded: bytes, found: Invocation) -> None:
        """Remember what parameters came to, in place of the oldest."""
        if len(encoded) > LONGEST_REMEMBERED_BYTES:
            return
        if not all(isinstance(each, _CONSTANTS) for each in found.arguments):
            return
        if len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[encoded] = found
