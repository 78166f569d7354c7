"""``make fuzz SECONDS=600``: each parser for its share of the time, led by the coverage it reaches.

It needs atheris (``pip install ".[fuzz]"``; wheels for CPython 3.11 to 3.13 on x86-64 Linux). Each
target runs in a process of its own, because libFuzzer ends its process. What it finds is kept below
tests/.cache/fuzz, and the next run begins with it; a crash is kept there as well, and printed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "tests" / ".cache" / "fuzz"
LONGEST_INPUT = 4096
MEMORY_MB = 1024
"""libFuzzer ends a target that takes more, and keeps what did it."""


def fuzz(name: str, options: list[str]) -> None:
    """Fuzz one target in this process, until libFuzzer ends it."""
    import atheris  # noqa: PLC0415  (an extra; the other half of this file works without it)

    with atheris.instrument_imports(include=["wisblock_bridge", "ndef", "pymodbus"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415  (instrumented as it is imported)

    atheris.Setup([f"fuzz {name}", *options], TARGETS[name])
    atheris.Fuzz()


def main() -> int:
    """Fuzz all targets, or one.

    Returns:
        0 when nothing escaped from any.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="which; all of them when none is named")
    parser.add_argument("--seconds", type=int, default=600, help="for all together (600)")
    parser.add_argument("--seed", type=int, default=5, help="of the fuzzer (5)")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.inside:
        fuzz(options.inside, rest)
        return 0
    from tests.fuzz.seeds import SEEDS  # noqa: PLC0415

    names = options.targets or list(SEEDS)
    bad = []
    for name in names:
        corpus, first = CACHE / name, CACHE / f"{name}-seeds"
        for folder in (corpus, first):
            folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(SEEDS[name]):
            (first / f"{number}").write_bytes(seed)
        done = subprocess.run(
            [
                sys.executable, "-m", "tests.fuzz", "--inside", name,
                f"-max_total_time={max(1, options.seconds // len(names))}", f"-seed={options.seed}",
                f"-max_len={LONGEST_INPUT}", f"-rss_limit_mb={MEMORY_MB}", "-timeout=10",
                f"-artifact_prefix={CACHE / name}-", "-print_final_stats=1",
                str(corpus), str(first),
            ],
            cwd=ROOT, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        runs = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
        reached = re.findall(r"cov: (\d+)", done.stderr)
        sys.stdout.write(
            f"{name:14} {runs.group(1) if runs else '?':>10} inputs, "
            f"{reached[-1] if reached else '?':>5} branches, "
            f"{'nothing escaped' if done.returncode == 0 else 'FAILED'}\n"
        )
        sys.stdout.flush()
        if done.returncode != 0:
            bad.append(name)
            sys.stdout.write(f"{done.stdout[-3000:]}{done.stderr[-3000:]}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
