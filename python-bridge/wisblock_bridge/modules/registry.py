"""Which modules this bridge knows: its own, and those of other projects that are installed.

1. A module that fails to import is reported as broken and does not take the bridge down.
2. The fingerprint is that of the bridge's own modules: the Node-RED nodes are generated from these,
   and are not out of date because somebody installed another one.
"""

from __future__ import annotations

import importlib
import json
import logging
import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from wisblock_bridge import modules
from wisblock_bridge.module_api import API_VERSION, Module, Product
from wisblock_bridge.modules import entry_points
from wisblock_bridge.wire.catalogue import export, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All modules this bridge knows.

    Attributes:
        modules: Name to class, in the order of names.
        broken: Name of a file that could not be imported, to the reason.
        data: The exported form, plain MessagePack and JSON types. The entry of a module of another
            project says under ``package`` where it comes from.
        sha256: Fingerprint of the exported form of the bridge's own modules.
        packages: Name of a module of another project to its package ("wisblock-rak12040 0.1.0").
        rejected: An entry point that cannot be used ("RAK12040 of wisblock-rak12040 0.1.0"), to the
            reason.
    """

    modules: Mapping[str, type[Module]]
    broken: Mapping[str, str]
    data: dict[str, object]
    sha256: str
    packages: Mapping[str, str] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)


def load() -> Catalogue:
    """Import all modules, also those that other packages bring, and describe them.

    Returns:
        The catalogue.
    """
    own = load_own()
    taken = {*own.modules, *own.broken}
    found = entry_points.find(entry_points.MODULES, Module, taken, _check)
    known = dict(sorted({**own.modules, **found.classes}.items()))
    data = own.data
    if found.classes:
        data = export([cls.description for cls in known.values()])
        for entry in cast("list[dict[str, object]]", data["modules"]):
            if entry["name"] in found.packages:
                entry["package"] = found.packages[str(entry["name"])]
    return Catalogue(known, own.broken, data, own.sha256, found.packages, found.rejected)


def load_own() -> Catalogue:
    """Import the modules of this project and describe them.

    Returns:
        The catalogue that the Node-RED nodes are generated from.
    """
    found: dict[str, type[Module]] = {}
    broken: dict[str, str] = {}
    for name in files(modules.__path__, modules.__name__):
        if "emulated" in name:
            continue
        try:
            imported = importlib.import_module(name)
        except Exception as error:  # noqa: BLE001  (whatever is wrong with one module, the others serve)
            file = name.rpartition(".")[2]
            broken[file] = f"{type(error).__name__}: {error}"
            log.error("module file %s cannot be used: %s", file, broken[file])  # noqa: TRY400
            continue
        for value in vars(imported).values():
            if (
                isinstance(value, type)
                and issubclass(value, Module)
                and _is_product_of(value, name)
            ):
                found[value.product.name] = value
    data = export([cls.description for _, cls in sorted(found.items())])
    return Catalogue(dict(sorted(found.items())), broken, data, fingerprint(data))


def files(folders: Iterable[str], package: str) -> Iterator[str]:
    """Find all files of a package without importing anything.

    Args:
        folders: Where the package is.
        package: Its dotted name.

    Yields:
        The dotted name of each file.
    """
    folders = list(folders)
    for entry in pkgutil.iter_modules(folders):
        name = f"{package}.{entry.name}"
        if entry.ispkg:
            yield from files([f"{folder}/{entry.name}" for folder in folders], name)
        else:
            yield name


def _is_product_of(cls: type[Module], file: str) -> bool:
    return cls.__module__ == file and "product" in vars(cls)


def _check(cls: type[Module]) -> None:
    """Raise an exception for a module of another project that this bridge could not serve."""
    if cls.api_version != API_VERSION:
        raise TypeError(
            f"{cls.__name__}.api_version is {cls.api_version}; this bridge has version "
            f"{API_VERSION} of wisblock_bridge.module_api"
        )
    if not isinstance(cls.product, Product):
        raise TypeError(f"{cls.__name__}.product is no Product")
    if not cls.product.slots or not {1, 2, "board"}.issuperset(cls.product.slots):
        raise ValueError(f"{cls.product.slots} are not slots of a board")
    if not cls.description.operations:
        raise TypeError(f"{cls.__name__} has no operation")
    json.dumps(export([cls.description]), allow_nan=False)
