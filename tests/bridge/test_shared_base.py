"""A base that several products share: not described itself, and inherited by each of them."""

from __future__ import annotations

from wisblock_bridge.module_api import Module, Product, ReadingSpec, Result, analog, line, operation
from wisblock_bridge.modules.gas.rak12004 import RAK12004
from wisblock_bridge.modules.gas.rak12009 import RAK12009

LEVEL = ReadingSpec("level", "A level.", kind="int")


class Shared(Module):
    """What two products have in common."""

    enable = line("IO6")

    @operation(gives=(LEVEL,))
    def common(self) -> Result:
        """Do what both do."""
        return self.readings(level=1)

    @operation(gives=(LEVEL,))
    def replaced(self) -> Result:
        """Do what one does otherwise."""
        return self.readings(level=1)


class Own(Shared):
    """A product."""

    product = Product("OWN", "own", "sensors", (1, 2), "own.svg", "https://example.org/")

    sensor = analog("AIN1")

    @operation(gives=(LEVEL,))
    def replaced(self) -> Result:
        """Do it otherwise."""
        return self.readings(level=2)


def test_the_base_is_not_described() -> None:
    assert not hasattr(Shared, "description")


def test_a_product_has_its_own_first_and_what_it_shares_after_it() -> None:
    assert list(Own.description.operations) == ["replaced", "common"]
    assert Own.description.operations["replaced"].summary == "Do it otherwise."
    assert list(Own.description.needs) == ["sensor", "enable"]


def test_both_gas_modules_have_the_same_operations() -> None:
    names = ["read", "calibrate", "calibration", "heater"]
    assert list(RAK12004.description.operations) == names
    assert list(RAK12009.description.operations) == names
    assert list(RAK12004.description.needs) == ["converter", "enable", "alert_pin"]
