"""The twins that there are, each imported when it is first asked for.

1. A twin lives in the file that bears its product's name in small letters.
2. Their names are known without importing them: a bridge starts with one or two of twenty.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping

from wisblock_bridge.modules import emulated as package
from wisblock_bridge.modules.emulated.twin import Twin


class Twins(Mapping[str, type[Twin]]):
    """Name of a product to the class of its twin."""

    def __init__(self) -> None:
        self._files = {
            entry.name.upper(): f"{package.__name__}.{entry.name}"
            for entry in pkgutil.iter_modules(package.__path__)
            if entry.name.startswith("rak")
        }

    def __getitem__(self, product: str) -> type[Twin]:
        imported = importlib.import_module(self._files[product])
        for value in vars(imported).values():
            if isinstance(value, type) and getattr(value, "product", None) == product:
                return value
        raise LookupError(f"{imported.__file__} has no twin of a {product}")

    def __contains__(self, product: object) -> bool:
        return product in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
