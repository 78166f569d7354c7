"""Which modules this bridge knows: its own, and those of other projects that are installed.

1. A module that fails to import is reported as broken and does not take the bridge down.
2. The fingerprint is that of the bridge's own modules: the Node-RED nodes are generated from these,
   and are not out of date because somebody installed another one.
3. A bridge that serves imports a module when it is asked for. What it must know before that, names
   and fingerprint, is in the generated file ``index.py``; where that is not up to date, as while
   modules are written, everything is imported as ``load`` does.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast
from zlib import crc32

from wisblock_bridge import modules
from wisblock_bridge.module_api import API_VERSION, Module, Product
from wisblock_bridge.modules import entry_points, index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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


class Known(Protocol):
    """What a bridge that serves has to know of a catalogue."""

    @property
    def modules(self) -> Mapping[str, type[Module]]:
        """Name to class."""
        ...

    @property
    def data(self) -> dict[str, object]:
        """The exported form."""
        ...

    @property
    def sha256(self) -> str:
        """Fingerprint of the bridge's own modules."""
        ...


class Served:
    """The catalogue of a bridge that serves: what is not asked for is not imported.

    Args:
        others: The modules of other projects.
    """

    def __init__(self, others: Mapping[str, type[Module]]) -> None:
        self.modules: Mapping[str, type[Module]] = _Modules(others)
        self.sha256 = index.SHA256

    @cached_property
    def data(self) -> dict[str, object]:
        """The exported form, for which everything is imported."""
        return load().data


class _Modules(Mapping[str, "type[Module]"]):
    """Name to class of all modules; a class of this project is imported when it is taken out."""

    def __init__(self, others: Mapping[str, type[Module]]) -> None:
        self._known = dict(others)
        self._broken: set[str] = set()
        self._names = sorted({*index.FILES, *others})

    def __getitem__(self, name: str) -> type[Module]:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._import(name)
        return found

    def _import(self, name: str) -> type[Module]:
        if name in self._broken:
            raise KeyError(name)
        file = index.FILES[name]
        try:
            return _products_in(f"{modules.__name__}.{file}")[name]
        except Exception as error:
            self._broken.add(name)
            log.exception("module file %s cannot be used", file)
            raise KeyError(name) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def serving() -> Known:
    """Return the catalogue for a bridge that serves, without importing what nobody asks for."""
    if sources() != index.SOURCES:
        return load()
    found = entry_points.find(entry_points.MODULES, Module, index.FILES, _check)
    return Served(found.classes)


def sources() -> int:
    """Return a number that changes with the size of any file that the catalogue comes from.

    Sizes are compared, because they are the same wherever the bridge is installed.
    """
    package = Path(__file__).parent.parent
    lines: list[str] = []
    for folder in ("chips", "module_api", "modules", "wire"):
        _note_sizes(str(package / folder), folder, lines)
    return crc32("\n".join(sorted(lines)).encode())


def _note_sizes(folder: str, name: str, lines: list[str]) -> None:
    with os.scandir(folder) as entries:
        for each in entries:
            if each.name.endswith(".py"):
                if each.name != "index.py":
                    lines.append(f"{name}/{each.name} {each.stat().st_size}")
            elif each.name != "__pycache__" and each.is_dir():
                _note_sizes(each.path, f"{name}/{each.name}", lines)


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
        data = _export(known.values())
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
            found |= _products_in(name)
        except Exception as error:  # noqa: BLE001  (whatever is wrong with one module, the others serve)
            file = name.rpartition(".")[2]
            broken[file] = f"{type(error).__name__}: {error}"
            log.error("module file %s cannot be used: %s", file, broken[file])  # noqa: TRY400
    from wisblock_bridge.wire.catalogue import fingerprint  # noqa: PLC0415  (not when it serves)

    data = _export([cls for _, cls in sorted(found.items())])
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


def _products_in(file: str) -> dict[str, type[Module]]:
    """Import a file, given by its dotted name, and return the modules of products in it."""
    return {
        value.product.name: value
        for value in vars(importlib.import_module(file)).values()
        if isinstance(value, type) and issubclass(value, Module) and _is_product_of(value, file)
    }


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
    json.dumps(_export([cls]), allow_nan=False)


def _export(classes: Iterable[type[Module]]) -> dict[str, object]:
    from wisblock_bridge.wire.catalogue import export  # noqa: PLC0415  (not when it serves)

    return export([cls.description for cls in classes])
