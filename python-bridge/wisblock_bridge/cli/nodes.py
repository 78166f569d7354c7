"""``wisblock-bridge nodes``: the nodes for Node-RED, installed from the copy beside the bridge.

1. npm is run as the owner of Node-RED's directory, and without network.
2. A directory is never guessed among several: they are named, and one is to be chosen.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wisblock_bridge.errors import ConfigError
from wisblock_bridge.wire.plain_text import escaped

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

PACKAGE = "@wisblock-bridge/node-red-wisblock"
ARCHIVES = "wisblock-bridge-node-red-wisblock-*.tgz"
GROUP = "wisblock"
UNITS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"), Path("/lib/systemd/system"))
UNIT = "nodered.service"
HOW = "name it: wisblock-bridge nodes install --directory DIR"


def install(options: argparse.Namespace) -> int:
    """Install the nodes in Node-RED's user directory.

    Raises:
        ConfigError: Directory, archive or npm is missing.
    """
    archive = options.archive or packed_nodes()
    if not archive.is_file():
        raise ConfigError(f"{escaped(str(archive))} is not there.")
    directory = _directory(options)
    words = ["install", "--offline", "--omit=dev", "--loglevel=error", str(archive.absolute())]
    code = _npm(directory, words)
    if code:
        return code
    sys.stdout.write(f"The nodes of {archive.name} are in {escaped(str(directory))}.\n")
    if not options.no_group:
        _let_in(_owner(directory))
    sys.stdout.write(f"Restart Node-RED: {_restart()}\n")
    return 0


def remove(options: argparse.Namespace) -> int:
    """Remove the nodes from Node-RED's user directory.

    Raises:
        ConfigError: The directory or npm is missing.
    """
    directory = _directory(options)
    code = _npm(directory, ["uninstall", "--offline", "--loglevel=error", PACKAGE])
    if code == 0:
        sys.stdout.write(f"The nodes are removed. Restart Node-RED: {_restart()}\n")
    return code


def packed_nodes() -> Path:
    """Return the packed nodes that were installed with this bridge, or made in this checkout.

    Raises:
        ConfigError: There are none.
    """
    checkout = Path(__file__).resolve().parents[3]
    places = (Path(sys.prefix) / "share", checkout / "dist")
    for place in places:
        found = sorted(place.glob(ARCHIVES))
        if found:
            return found[-1].resolve()
    raise ConfigError(
        f"the packed nodes are not in {escaped(str(places[0]))}. "
        "Name the file: wisblock-bridge nodes install --archive FILE; `make dist` makes it."
    )


def _directory(options: argparse.Namespace) -> Path:
    given: Path | None = options.directory
    if given is not None:
        if not given.is_dir():
            raise ConfigError(f"{escaped(str(given))} is no directory; start Node-RED once.")
        return given.absolute()
    found = list(dict.fromkeys(_found()))
    match found:
        case [one]:
            return one
        case []:
            raise ConfigError(
                f"no directory of Node-RED was found. Start Node-RED once, it makes it; or {HOW}"
            )
        case _:
            places = ", ".join(escaped(str(each)) for each in found)
            raise ConfigError(f"there are several directories of Node-RED: {places}. {HOW}")


def _found() -> Iterator[Path]:
    """Yield Node-RED's directories: that of its service, else of who asks, else of anybody."""
    service = _of_service()
    if service is not None:
        yield service
        return
    asks = os.environ.get("SUDO_USER") if os.geteuid() == 0 else None
    home = Path(pwd.getpwnam(asks).pw_dir) if asks else Path.home()
    if (home / ".node-red").is_dir():
        yield home / ".node-red"
    elif os.geteuid() == 0:
        for user in pwd.getpwall():
            directory = Path(user.pw_dir) / ".node-red"
            if directory.is_dir():
                yield directory


def _of_service() -> Path | None:
    """Return the directory of the service that the installer for Raspberry Pi sets up."""
    for folder in UNITS:
        unit = folder / UNIT
        if unit.is_file():
            text = unit.read_text(errors="replace")
            directory = re.search(r"--userDir[= ](\S+)", text)
            if directory is not None:
                return Path(directory[1])
            user = re.search(r"^User=(\S+)", text, flags=re.MULTILINE)
            try:
                home = Path(pwd.getpwnam(user[1] if user else "root").pw_dir)
            except KeyError:
                return None
            return home / ".node-red" if (home / ".node-red").is_dir() else None
    return None


def _npm(directory: Path, words: list[str]) -> int:
    """Run npm as the owner of a directory, and return its exit code."""
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigError("npm is missing; it comes with Node.js 20 or later.")
    owner = _owner(directory)
    environment = dict(os.environ)
    changes: dict[str, object] = {}
    if os.geteuid() == 0 and owner.pw_uid != 0:
        environment |= {"HOME": owner.pw_dir, "USER": owner.pw_name, "LOGNAME": owner.pw_name}
        changes = {
            "user": owner.pw_uid,
            "group": owner.pw_gid,
            "extra_groups": os.getgrouplist(owner.pw_name, owner.pw_gid),
        }
    action, *rest = words
    finished = subprocess.run(  # noqa: S603  (npm, found above, with words of this file)
        [npm, action, "--prefix", str(directory), "--no-audit", "--no-fund", *rest],
        cwd=directory,
        env=environment,
        check=False,
        **changes,  # type: ignore[call-overload]
    )
    code: int = finished.returncode
    if code:
        sys.stderr.write(f"wisblock-bridge: npm ended with {code}; what it said is above.\n")
    return code


def _owner(directory: Path) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(directory.stat().st_uid)
    except KeyError:
        return pwd.struct_passwd(("root", "x", 0, 0, "", "/root", "/bin/sh"))


def _let_in(owner: pwd.struct_passwd) -> None:
    """Make Node-RED's user a member of the group that may use the service."""
    try:
        members = grp.getgrnam(GROUP).gr_mem
    except KeyError:
        return  # the bridge is no service here
    if owner.pw_uid == 0 or owner.pw_name in members:
        return
    usermod = shutil.which("usermod", path="/usr/sbin:/sbin:/usr/bin:/bin")
    words = ["usermod", "-aG", GROUP, owner.pw_name]
    if os.geteuid() == 0 and usermod is not None:
        subprocess.run([usermod, *words[1:]], check=True)  # noqa: S603  (as above)
        sys.stdout.write(f"{owner.pw_name} may use the bridge now (group {GROUP}).\n")
    else:
        sys.stdout.write(f"Let Node-RED use the bridge: sudo {' '.join(words)}\n")


def _restart() -> str:
    known = any((folder / UNIT).is_file() for folder in UNITS)
    return "sudo systemctl restart nodered" if known else "stop it, and start it again."
