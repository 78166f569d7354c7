"""Debian systems in folders: made once by mmdebstrap, copied for each use.

1. A root is made for a suite, an architecture and a list of packages, and kept in the user's cache.
2. Another architecture is run by QEMU; the kernel must know it (``binfmt-support``).
3. Mounts are made in a namespace of their own: they end with the command, whatever ends it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wisblock-bridge"
"""Not in the checkout, which its tools and tests walk through."""
ROOTS = KEPT / "roots"
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}
"""The Debian releases that are supported, with their Python."""
PROCESSORS = {"amd64": "x86_64", "arm64": "aarch64", "armhf": "armv7l"}
"""Debian's name of an architecture, and that of wheels."""
QEMU = {"arm64": "qemu-aarch64", "armhf": "qemu-arm"}
BINFMT = Path("/proc/sys/fs/binfmt_misc")
APART = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
ENTER = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'
BOOT = """
set -e
mount --bind "$0" "$0"
mount -t proc proc "$0/proc"
mount -t sysfs sysfs "$0/sys"
mount -t cgroup2 cgroup2 "$0/sys/fs/cgroup"
for each in run tmp dev; do mount -t tmpfs tmpfs "$0/$each"; done
for each in null zero full random urandom tty; do
    touch "$0/dev/$each"
    mount --bind "/dev/$each" "$0/dev/$each"
done
mkdir "$0/dev/shm"
ln -s /proc/self/fd "$0/dev/fd"
ln -s null "$0/dev/console"
exec chroot "$0" env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
    /lib/systemd/systemd --system --unit=multi-user.target
"""
BOOT_S = 120.0
LIMIT_S = 3600.0
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


class CommandError(Exception):
    """A command in a root ended with another exit code than 0; the text is what it printed."""


def why_not(architecture: str = "amd64") -> str:
    """Return why this computer cannot make and run such a root; empty if it can.

    Args:
        architecture: "amd64", "arm64" or "armhf".
    """
    if os.geteuid() != 0:
        return "roots are made and entered by root only: run it with sudo"
    for tool, package in (("mmdebstrap", "mmdebstrap"), ("chroot", "coreutils"),
                          ("unshare", "util-linux")):  # fmt: skip
        if shutil.which(tool) is None:
            return f"{tool} is missing: apt install {package}"
    native = PROCESSORS[architecture] == os.uname().machine
    if not native and not (BINFMT / _qemu(architecture)).exists():
        return f"nothing runs {architecture} here: apt install qemu-user-static binfmt-support"
    return ""


def _qemu(architecture: str) -> str:
    return QEMU.get(architecture, f"qemu-{PROCESSORS[architecture]}")


def base(suite: str, architecture: str, packages: Sequence[str]) -> Path:
    """Return the folder of a root, which is made if it is not there; do not change it.

    Args:
        suite: "bookworm" or "trixie".
        architecture: "amd64", "arm64" or "armhf".
        packages: Debian packages beside the essential ones.

    Raises:
        CommandError: Mmdebstrap failed.
    """
    wanted = hashlib.sha256(" ".join(sorted(packages)).encode()).hexdigest()[:8]
    folder = ROOTS / f"{suite}-{architecture}-{wanted}"
    if not folder.exists():
        ROOTS.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=ROOTS))
        try:
            _finish(
                [*APART, "--mount-proc", "mmdebstrap", "--quiet", "--mode=root",
                 "--variant=minbase", f"--architectures={architecture}",
                 f"--include={','.join(packages)}", '--aptopt=Acquire::Languages "none"',
                 suite, str(half)],
                dict(os.environ),
            )  # fmt: skip
            half.chmod(0o755)
            half.rename(folder)
        except BaseException:
            _remove(half)
            raise
    return folder


@contextlib.contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """Yield a copy of a root, which is removed afterwards.

    Args:
        folder: The root.
    """
    copy = Path(tempfile.mkdtemp(prefix="copy-", dir=ROOTS))
    try:
        _finish(["cp", "-a", "--one-file-system", f"{folder}/.", str(copy)], dict(os.environ))
        yield copy
    finally:
        _remove(copy)


def _remove(folder: Path) -> None:
    """Remove a root, and nothing that is mounted in it."""
    _finish(["rm", "-rf", "--one-file-system", str(folder)], dict(os.environ))


def inside(root: Path, *words: str, network: bool = False) -> list[str]:
    """Return the command that runs a command in a root.

    Its processes end with it: it has a list of processes of its own.

    Args:
        root: The root.
        words: The command.
        network: Whether it reaches the network.
    """
    apart = [*APART, *([] if network else ["--net"])]
    return [*apart, "sh", "-c", ENTER, str(root), *words]


def run(
    root: Path,
    *words: str,
    network: bool = False,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a command in a root, and return what it printed.

    Args:
        root: The root.
        words: The command.
        network: Whether it reaches the network.
        environment: Variables beside the usual ones.

    Raises:
        CommandError: It failed.
    """
    return _finish(inside(root, *words, network=network), {**ENVIRONMENT, **(environment or {})})


@contextlib.contextmanager
def booted(root: Path) -> Iterator[Callable[..., str]]:
    """Boot a root with its own systemd, without network; yields what runs a command in it.

    Args:
        root: A copy, whose architecture is this computer's.

    Raises:
        CommandError: It does not start.
    """
    apart = [*APART, "--net", "--cgroup", "--uts", "--ipc"]
    with (root / "boot.log").open("wb") as journal:
        process = subprocess.Popen(
            [*apart, "sh", "-c", BOOT, str(root)],
            stdin=subprocess.DEVNULL,
            stdout=journal,
            stderr=journal,
        )
    try:
        enter = _wait_for_systemd(process, root)
        yield lambda *words: _finish([*enter, *words], ENVIRONMENT)
    finally:
        process.kill()  # and with it, by --kill-child, everything in the root
        process.wait()


def _wait_for_systemd(process: subprocess.Popen[bytes], root: Path) -> list[str]:
    """Return the words that run a command beside a systemd, once that is ready."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + BOOT_S
    while time.monotonic() < deadline and process.poll() is None:
        found = children.read_text().split()
        if found:
            inner = f"/proc/{found[0]}/root"
            enter = ["nsenter", "--target", found[0], "--mount", "--pid", "--net", "--cgroup",
                     "--uts", "--ipc", f"--root={inner}", f"--wd={inner}"]  # fmt: skip
            words = [*enter, "systemctl", "is-system-running"]
            answer = subprocess.run(words, capture_output=True, text=True, check=False)
            if answer.stdout.strip() in {"running", "degraded"}:
                return enter
        time.sleep(0.5)
    raise CommandError(f"systemd does not start:\n{(root / 'boot.log').read_text()}")


def _finish(words: Sequence[str], environment: Mapping[str, str]) -> str:
    finished = subprocess.run(
        words,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if finished.returncode:
        said = f"ended with {finished.returncode}:\n{finished.stdout}"
        raise CommandError(f"{' '.join(words)}\n{said}")
    return finished.stdout
