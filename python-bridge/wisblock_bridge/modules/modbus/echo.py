"""Whether what is sent on a line comes back.

1. It is a property of the line, so every request is an observation; none counts indefinitely.
2. A unit may answer a write with the request itself, so a single copy of a write proves nothing by
   what it says. What proves something: a copy before a reply, a reply without a copy, silence, a
   copy of a read, and on a port whose characters take their time, when a copy came.
3. Nothing is sent to find it out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from wisblock_bridge.modules.modbus.frames import Request

EchoMode = Literal["auto", "on", "off"]

QUIET_CHARACTERS = 3.5
"""No unit begins to answer sooner (MODBUS over Serial Line 1.02, 2.5.1.1)."""

BUFFER_CHARACTERS = 4.0
"""A receiver with a buffer reports its last characters after this many more without one (PL011: 32
bit times)."""

KERNEL_S = 0.0015
"""From the interrupt to the reader."""

PACED = 0.8
"""A port that takes less than this part of the time that the characters need does not wait for
them: USB adapters, pseudo-terminals, ports over the network."""


class Echo:
    """What is known of the echo of a line.

    Args:
        mode: "on" or "off" where somebody knows; "auto" to find out.
    """

    def __init__(self, mode: EchoMode = "auto") -> None:
        self.mode: EchoMode = mode
        self._heard: bool | None = None
        self.stood_alone = False
        """A single copy was all that came within a whole time-out: more of them are not waited for
        again, which proves nothing either.
        """

    @property
    def known(self) -> bool | None:
        """Whether the line echoes; None while nobody knows."""
        return self._heard if self.mode == "auto" else self.mode == "on"

    def set(self, mode: EchoMode) -> None:
        """Choose how it is known, and forget what was observed.

        Args:
            mode: "auto", "on" or "off".
        """
        self.mode, self._heard, self.stood_alone = mode, None, False

    def learn(self, *, heard: bool) -> None:
        """Note note of an observation that leaves no doubt.

        Args:
            heard: What was sent came back.
        """
        self._heard, self.stood_alone = heard, False

    def after(self, data: bytes, sent: bytes) -> bytes | None:
        """Return what follows the copy of what was sent.

        Args:
            data: What came.
            sent: What was sent.

        Returns:
            The bytes behind the copy; None when there is no copy, or none that may be one.
        """
        if self.mode == "off":
            return None
        at = data.find(sent)
        return None if at < 0 else data[at + len(sent) :]

    def observe_reply(self, request: Request, *, copied: bool) -> None:
        """Learn from a reply that came.

        A write to several that is answered with the request and once more as usual looks the same
        as an echo and its reply, so it proves nothing.

        Args:
            request: What was sent.
            copied: A copy of it came before the reply.
        """
        if not copied:
            self.learn(heard=False)
        elif request.counted or request.echoes:
            self.learn(heard=True)


def window_s(character_s: float) -> float:
    """Return how long after sending an echo would show, before any unit answers.

    Args:
        character_s: Duration of a character, s.

    Returns:
        That time, s.
    """
    return BUFFER_CHARACTERS * character_s + KERNEL_S
