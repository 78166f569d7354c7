"""The emulated products, each imported when it is first plugged in.

An emulated product is in the file beside its product: ``rak5801_emulated.py``. Their names are
known without importing them: a bridge starts with one or two of twenty. Those of other projects are
few, and are imported at once, so that a broken one is found before anybody plugs it in.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping

from wisblock_bridge import modules
from wisblock_bridge.module_api.emulated import EmulatedModule
from wisblock_bridge.modules import entry_points
from wisblock_bridge.modules.registry import files

SUFFIX = "_emulated"


class EmulatedProducts(Mapping[str, type[EmulatedModule]]):
    """Name of a product to the class that emulates it.

    Attributes:
        rejected: An entry point that cannot be used ("RAK12040 of wisblock-rak12040 0.1.0"), to the
            reason.
    """

    def __init__(self) -> None:
        self._files = {
            name.rpartition(".")[2].removesuffix(SUFFIX).upper(): name
            for name in files(modules.__path__, modules.__name__)
            if name.endswith(SUFFIX)
        }
        found = entry_points.find(
            entry_points.EMULATED_MODULES, EmulatedModule, self._files, _check
        )
        self._installed = found.classes
        self.rejected = found.rejected

    def __getitem__(self, product: str) -> type[EmulatedModule]:
        if product in self._installed:
            return self._installed[product]
        imported = importlib.import_module(self._files[product])
        for value in vars(imported).values():
            if isinstance(value, type) and getattr(value, "product", None) == product:
                return value
        raise LookupError(f"{imported.__file__} emulates no {product}")

    def __contains__(self, product: object) -> bool:
        return product in self._files or product in self._installed

    def __iter__(self) -> Iterator[str]:
        return iter((*self._files, *self._installed))

    def __len__(self) -> int:
        return len(self._files) + len(self._installed)


def _check(cls: type[EmulatedModule]) -> None:
    """Raise an exception for an emulated product that could not be used."""
    for name in ("quantities", "unplug"):
        if getattr(cls, name) is getattr(EmulatedModule, name):
            raise TypeError(f"{cls.__name__} has no method {name}")
