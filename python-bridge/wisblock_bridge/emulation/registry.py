"""The emulated products, each imported when it is first plugged in.

An emulated product is in the file beside its product: ``rak5801_emulated.py``. Their names are
known without importing them: a bridge starts with one or two of twenty.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from wisblock_bridge import modules
from wisblock_bridge.module_api.emulated import EmulatedModule
from wisblock_bridge.modules.registry import files

SUFFIX = "_emulated"


class EmulatedProducts(Mapping[str, type[EmulatedModule]]):
    """Name of a product to the class that emulates it."""

    def __init__(self) -> None:
        self._files = {
            name.rpartition(".")[2].removesuffix(SUFFIX).upper(): name
            for name in files(modules.__path__, modules.__name__)
            if name.endswith(SUFFIX)
        }

    def __getitem__(self, product: str) -> type[EmulatedModule]:
        imported = importlib.import_module(self._files[product])
        for value in vars(imported).values():
            if isinstance(value, type) and getattr(value, "product", None) == product:
                return value
        raise LookupError(f"{imported.__file__} emulates no {product}")

    def __contains__(self, product: object) -> bool:
        return product in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
