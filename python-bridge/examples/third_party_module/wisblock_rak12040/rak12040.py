"""RAK12040: infrared array of 8 by 8 pixels.

Facts of the product are here: its chip, its address, what its readings mean. The docstrings and the
``Param`` and ``ReadingSpec`` sentences are its help, on the command line and in the catalogue.
"""

from __future__ import annotations

from wisblock_bridge.module_api import (
    Module,
    Product,
    ReadingSpec,
    Result,
    chip,
    lost_supply,
    operation,
)
from wisblock_rak12040.amg8833 import AMG8833

LOW_C, HIGH_C = -512.0, 511.75
"""Ends of the registers; the sensor is specified for 0 to 80 °C."""


def _temperature(name: str, summary: str) -> ReadingSpec:
    return ReadingSpec(name, summary, unit="degree_celsius", low=LOW_C, high=HIGH_C, step=0.25)


HOTTEST = _temperature("hottest", "Temperature of the hottest pixel.")
COLDEST = _temperature("coldest", "Temperature of the coldest pixel.")
AVERAGE = ReadingSpec(
    "average",
    "Average of all pixels.",
    unit="degree_celsius",
    low=LOW_C,
    high=HIGH_C,
    step=0.01,
)
SENSOR = ReadingSpec(
    "sensor",
    "Temperature of the sensor itself.",
    unit="degree_celsius",
    low=-127.9375,
    high=127.9375,
    step=0.0625,
)
PIXELS = ReadingSpec(
    "pixels", "The temperatures of the 64 pixels, row by row.", kind="list", unit="degree_celsius"
)


class RAK12040(Module):
    """Measure the temperatures of surfaces in front of the module, without touching them.

    The sensor sees 60 degrees in 8 rows of 8 pixels, and measures once a second.
    """

    api_version = 1
    product = Product(
        "RAK12040",
        title="infrared array",
        family="sensors",
        slots=(1, 2),
        icon="wisblock-gauge.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak12040/overview/",
    )
    unconfirmed = (
        "Everything: this example was written from documents.",
        "Whether the module, which is made for a sensor slot, fits into an IO slot.",
    )

    array = chip(AMG8833, "AMG8833", 0x68, (0x69,))

    def open(self) -> None:
        """Start the sensor."""
        self.array.set_up()

    def check_supply(self) -> None:
        """Check that the sensor still has its settings."""
        if self.array.is_reset():
            raise lost_supply(self.array.name, "it measures ten times a second, with more noise")

    @operation(
        gives=(HOTTEST, COLDEST, AVERAGE, SENSOR), main=HOTTEST, reads_only=True, default=True
    )
    def read(self) -> Result:
        """Return the extremes and the average of the last frame.

        Raises:
            BusError: The sensor did not answer.
        """
        pixels = self.array.pixels_c()
        return self.readings(
            hottest=max(pixels),
            coldest=min(pixels),
            average=sum(pixels) / len(pixels),
            sensor=self.array.thermistor_c(),
        )

    @operation(gives=(PIXELS,), main=PIXELS, reads_only=True)
    def frame(self) -> Result:
        """Return all pixels of the last frame.

        Raises:
            BusError: The sensor did not answer.
        """
        return self.readings(pixels=self.array.pixels_c())
