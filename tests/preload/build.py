"""Compiles the preloaded library, once for each version of its source.

1. A missing compiler is a failure in words, never a skipped test.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
SOURCES = tuple(FOLDER / f"preload{part}" for part in ("_devices.c", "_files.c"))
HEADER = FOLDER / "preload.h"
FLAGS = ("-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-U_FORTIFY_SOURCE")


def cache_directory() -> Path:
    """Tell where compiled libraries are kept."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "wisblock-bridge-tests"


def build_library() -> Path:
    """Compile the library, unless this version of it was compiled before.

    Returns:
        The shared object, for LD_PRELOAD.

    Raises:
        RuntimeError: There is no C compiler, or it failed.
    """
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise RuntimeError(
            "The tests of the Linux buses need a C compiler (`cc`, or the one named in CC): "
            "install gcc or clang and run them again."
        )
    text = b"".join(path.read_bytes() for path in (*SOURCES, HEADER))
    version = hashlib.sha256(text + compiler.encode()).hexdigest()[:16]
    library = cache_directory() / f"preload-{version}.so"
    if library.exists():
        return library
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        fresh = Path(folder) / library.name
        command = [compiler, *FLAGS, "-o", str(fresh), *map(str, SOURCES), "-ldl", "-lpthread"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
        fresh.replace(library)
    return library
