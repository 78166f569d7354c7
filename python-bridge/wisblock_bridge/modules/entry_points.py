"""Modules of other projects, found through the entry points of installed packages.

1. An entry point that cannot be used is reported and left out; it takes nothing else down.
2. Where no installed package announces a module, ``importlib.metadata`` is neither imported nor
   asked: it would cost more than all modules of this project together.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from importlib.metadata import EntryPoint

MODULES = "wisblock_bridge.modules"
"""Group of the entry points that name a ``Module``: ``RAK12040 = "package.module:RAK12040"``."""

EMULATED_MODULES = "wisblock_bridge.emulated_modules"
"""Group of those that name what emulates it; a product need not have one."""

ANNOUNCEMENT = b"[wisblock_bridge."
"""How the section of either group begins in the file ``entry_points.txt`` of a package."""

NAME = re.compile(r"[A-Z][A-Z0-9]{1,31}")

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Found(Generic[T]):
    """What the entry points of one group name.

    Attributes:
        classes: Name of the product to class, of those that can be used.
        packages: Name of the product to the package that brings it ("wisblock-rak12040 0.1.0").
        rejected: What cannot be used ("RAK12040 of wisblock-rak12040 0.1.0"), to the reason.
    """

    classes: dict[str, type[T]] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)


def find(
    group: str, base: type[T], taken: Collection[str], check: Callable[[type[T]], None]
) -> Found[T]:
    """Load every class that installed packages name in a group of entry points.

    Args:
        group: The group.
        base: What each class has to be derived from.
        taken: Names of products that belong to this project.
        check: Raises an exception for a class that cannot be used.

    Returns:
        The classes, and what was rejected.
    """
    found: Found[T] = Found()
    if not _announced(tuple(sys.path)):
        return found
    import importlib.metadata  # noqa: PLC0415  (slow; needed by few)

    try:
        points = tuple(importlib.metadata.entry_points(group=group))
    except Exception as error:  # noqa: BLE001  (a damaged file of any package)
        _reject(found, f"entry points {group}", f"{type(error).__name__}: {error}")
        return found
    ours = {name.upper() for name in taken}
    packages: dict[str, list[str]] = {}
    for point in points:
        packages.setdefault(point.name.upper(), []).append(_package(point))
    for point in points:
        package = _package(point)
        what = f"{point.name} of {package}"
        same = packages[point.name.upper()]
        if point.name.upper() in ours:
            _reject(found, what, f"{point.name.upper()} is a module of the bridge itself.")
        elif len(same) > 1:
            _reject(found, what, f"The name is used {len(same)} times: by {', '.join(same)}.")
        else:
            try:
                loaded = _load(point, base)
                check(loaded)
            except (Exception, SystemExit) as error:  # noqa: BLE001  (whatever is wrong with it)
                _reject(found, what, f"{type(error).__name__}: {error}")
            else:
                found.classes[point.name] = loaded
                found.packages[point.name] = package
    return found


def product_name(cls: type) -> str:
    """Return the name of the product that a class is for; "" for none."""
    product = getattr(cls, "product", "")
    return product if isinstance(product, str) else str(getattr(product, "name", ""))


def _load(point: EntryPoint, base: type[T]) -> type[T]:
    if not NAME.fullmatch(point.name):
        raise ValueError("its name must be that of a product, like RAK12040: capitals and digits")
    loaded = point.load()
    candidates = vars(loaded).values() if isinstance(loaded, ModuleType) else (loaded,)
    for each in candidates:
        if isinstance(each, type) and issubclass(each, base) and product_name(each) == point.name:
            return each
    raise TypeError(f"{point.value} is, or contains, no {base.__name__} named {point.name}")


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else "an unknown package"


def _reject(found: Found[T], what: str, reason: str) -> None:
    found.rejected[what] = reason
    log.error("module %s cannot be used: %s", what, reason)


@cache
def _announced(path: tuple[str, ...]) -> bool:
    """Return whether a package in these folders names a module of the bridge.

    Only the names of folders and the files ``entry_points.txt`` are read.
    """
    for folder in path:
        try:
            with os.scandir(folder or ".") as entries:
                names = [
                    each.path for each in entries if each.name.endswith((".dist-info", ".egg-info"))
                ]
        except OSError:  # many a path leads nowhere, or is a file
            continue
        for name in names:
            try:
                if ANNOUNCEMENT in Path(name, "entry_points.txt").read_bytes():
                    return True
            except OSError:
                continue
    return False
