"""What modules and the bridge remember across restarts: small files of plain data in one directory.

1. A file is written beside the old one and put in its place, so a crash leaves one of the two.
2. A file that cannot be read is set aside under another name and reported, never overwritten.
3. Where nothing can be written, everything works and is forgotten. The log says so once; an
   operation that promised to keep something reports it each time (``StateFile.problem``).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.runtime.place import Place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wisblock_bridge.module_api import Slot

log = logging.getLogger(__name__)


def default_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Find where to remember things.

    Args:
        environment: Of this process.

    Returns:
        ``$STATE_DIRECTORY`` (systemd), else ``$XDG_STATE_HOME/wisblock-bridge``, else the same
        under ``~/.local/state``.
    """
    given = environment.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    home = environment.get("XDG_STATE_HOME")
    base = Path(home) if home else Path(environment.get("HOME", "/")) / ".local/state"
    return base / "wisblock-bridge"


def is_directory_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether a directory for the state was named, and does not only follow from the user.

    Args:
        environment: Of this process.
    """
    return any(environment.get(name) for name in ("STATE_DIRECTORY", "XDG_STATE_HOME"))


def why_not_writable(directory: Path) -> str:
    """Try whether things can be remembered in a directory; what is made for that is removed again.

    Args:
        directory: Where; it need not exist.

    Returns:
        The reason in words; empty when files can be written there.
    """
    made: list[Path] = []
    try:
        for each in (*reversed(directory.parents), directory):
            if not each.exists():
                each.mkdir()
                made.append(each)
        import tempfile  # noqa: PLC0415  (start-up time)

        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"{}")
    except OSError as error:
        return error.strerror or type(error).__name__
    finally:
        for each in reversed(made):
            with contextlib.suppress(OSError):
                each.rmdir()
    return ""


class StateFile:
    """One file of plain data.

    Args:
        path: The file; it and its directory need not exist.

    Attributes:
        problem: Why what was remembered last could not be kept, as a sentence; empty when it was.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts: dict[str, object] | None = None
        self._reported = False
        self.problem = ""

    def recall(self) -> dict[str, object]:
        """Return what was remembered; empty when nothing was."""
        if self._facts is None:
            self._facts = self._read()
        return dict(self._facts)

    def remember(self, facts: Mapping[str, object]) -> None:
        """Keep facts instead of what was remembered before; ``problem`` says whether that worked.

        Args:
            facts: Plain JSON types.
        """
        self._facts = dict(facts)
        self.problem = ""
        beside = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("w", encoding="utf-8") as file:
                json.dump(self._facts, file, indent=2, sort_keys=True)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            self.problem = (
                f"It could not be kept: {self._path} cannot be written "
                f"({error.strerror or type(error).__name__}); it is lost at the next restart."
            )
            if not self._reported:
                self._reported = True
                log.warning("%s cannot be written (%s) and will be forgotten", self._path, error)

    def _read(self) -> dict[str, object]:
        try:
            facts = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            log.warning("%s cannot be read: %s", self._path, error)
            return {}
        except ValueError:
            facts = None
        if isinstance(facts, dict):
            return facts
        aside = self._path.with_suffix(".damaged")
        log.error("%s is damaged and was set aside as %s", self._path, aside.name)
        try:
            self._path.replace(aside)
        except OSError as error:
            log.warning("%s could not be set aside: %s", self._path, error)
        return {}


class StateStore:
    """All files of one bridge.

    Args:
        directory: Where they are.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, StateFile] = {}

    def of_module(self, module: str, slot: Slot) -> StateFile:
        """Return the file of a module in a slot, always the same one."""
        return self._file(f"{module}-{slot}")

    def of_bridge(self) -> StateFile:
        """Return the bridge's own file, always the same one."""
        return self._file("bridge")

    def _file(self, name: str) -> StateFile:
        found = self._files.get(name)
        if found is None:
            found = self._files[name] = StateFile(self._directory / f"{name}.json")
        return found


class LastRun:
    """Which modules were open when the bridge ended, so that the next one can make them safe.

    Args:
        file: Where that is kept.
    """

    def __init__(self, file: StateFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        # What an earlier bridge left stays noted until it has been closed: this one may be killed
        # before it comes to that.
        self._open = self._noted()

    def left_open(self) -> list[Place]:
        """Return what an earlier bridge did not close, in the order in which it opened it."""
        return list(self._open)

    def _noted(self) -> list[Place]:
        entries = self._file.recall().get("open")
        found: list[Place] = []
        for entry in entries if isinstance(entries, list) else ():
            match entry:
                case [str(module), 1 | 2 | "board" as slot]:
                    found.append(Place(module, slot))
                case _:
                    log.warning("the bridge's state file names something unknown: %r", entry)
        return found

    def opened(self, place: Place) -> None:
        """Note that a module is about to be used; called before its first operation."""
        with self._lock:
            if place not in self._open:
                self._open.append(place)
                self._write()

    def closed(self, place: Place) -> None:
        """Note that a module was closed in good order."""
        with self._lock:
            if place in self._open:
                self._open.remove(place)
                self._write()

    def _write(self) -> None:
        self._file.remember({"open": [list(each) for each in self._open]})
