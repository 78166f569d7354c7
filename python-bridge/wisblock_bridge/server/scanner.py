"""Looking for chips on behalf of clients, on a thread of its own so that nobody waits.

1. What is looked for and how it is identified is ``discovery``'s business.
2. One scan runs at a time; a client that asks meanwhile gets the same result.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge.errors import BridgeError
from wisblock_bridge.runtime.fault_log import defect
from wisblock_bridge.wire import messages

if TYPE_CHECKING:
    from collections.abc import Callable

    from wisblock_bridge.module_api.needs import ChipInUse
    from wisblock_bridge.threads.mailbox import Mailbox
    from wisblock_bridge.wire.messages import RequestId


@dataclass(slots=True, eq=False)
class Scanned:
    """A scan is done."""

    result: object
    error: BridgeError | None


class Scanner:
    """Runs scans.

    Args:
        look: Scans, given what is in use; called on the scan's own thread.
        in_use: Returns what is in use; called by the poll loop.
        mailbox: Where the result goes, to come back through ``receive``.
    """

    def __init__(
        self,
        look: Callable[[tuple[ChipInUse, ...]], list[dict[str, object]]],
        in_use: Callable[[], tuple[ChipInUse, ...]],
        mailbox: Mailbox[object],
    ) -> None:
        self._look = look
        self._in_use = in_use
        self._mailbox = mailbox
        self._waiting: list[tuple[RequestId, Callable[[bytes], None]]] = []

    def scan(self, request_id: RequestId, answer: Callable[[bytes], None]) -> None:
        """Ask for a scan; called by the poll loop.

        Args:
            request_id: The id to answer with.
            answer: Takes the reply, on the poll loop.
        """
        self._waiting.append((request_id, answer))
        if len(self._waiting) == 1:
            threading.Thread(
                target=self._run, args=(self._in_use(),), name="scan", daemon=True
            ).start()

    def receive(self, scanned: Scanned) -> None:
        """Answer everybody who waits; called by the poll loop.

        Args:
            scanned: What came of it.
        """
        waiting, self._waiting = self._waiting, []
        for request_id, answer in waiting:
            if scanned.error is not None:
                answer(messages.encode_error(request_id, scanned.error))
            else:
                answer(messages.encode_result(request_id, scanned.result))

    def _run(self, in_use: tuple[ChipInUse, ...]) -> None:
        try:
            self._mailbox.post(Scanned(self._look(in_use), None))
        except BridgeError as error:
            self._mailbox.post(Scanned(None, error))
        except Exception as error:  # noqa: BLE001  (whatever a chip's identification does)
            self._mailbox.post(Scanned(None, defect(error, "the scan")))
