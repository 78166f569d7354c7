"""Which modules this bridge knows.

A module that fails to import is reported as broken and does not take the bridge down.
"""

from __future__ import annotations

import importlib
import logging
import pkgutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wisblock_bridge import modules
from wisblock_bridge.module_api import Module
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
        data: The exported form, plain MessagePack and JSON types.
        sha256: Fingerprint of ``data``.
    """

    modules: Mapping[str, type[Module]]
    broken: Mapping[str, str]
    data: dict[str, object]
    sha256: str


def load() -> Catalogue:
    """Import all modules and describe them.

    Returns:
        The catalogue.
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
