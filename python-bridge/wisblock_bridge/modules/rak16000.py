"""RAK16000: direct current, voltage and power.

1. Facts of the product: its shunt, its limits, which way the current flows.
2. Nothing of the monitor's registers or of buses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from wisblock_bridge.chips.ina219 import INA219
from wisblock_bridge.errors import OutOfRangeError
from wisblock_bridge.module_api import (
    Module,
    Param,
    Product,
    Quality,
    ReadingSpec,
    Result,
    chip,
    lost_supply,
    operation,
)

if TYPE_CHECKING:
    from wisblock_bridge.buses.i2c import I2CBus
    from wisblock_bridge.clock import Clock

SHUNT_OHM = 0.1
"""R6 of the module, 1 % (RAK16000 datasheet)."""

LEAST_SHUNT_OHM, MOST_SHUNT_OHM = 0.001, 10.0
FULL_SCALE_MV = 320.0
"""Across the shunt, whichever it is."""

HIGHEST_V = 26.0
"""Absolute maximum at both terminals (INA219 datasheet)."""
FULL_SCALE_V = 32.764
"""End of the monitor's register, which is beyond what the module tolerates."""
MOST_MA = FULL_SCALE_MV / LEAST_SHUNT_OHM
MOST_W = 10_484.48
"""Both together."""

VOLTAGE = ReadingSpec(
    "voltage",
    "Voltage between IN- and GND, which is what the load gets.",
    unit="volt",
    low=0.0,
    high=FULL_SCALE_V,
    step=0.004,
)
CURRENT = ReadingSpec(
    "current",
    "Current from IN+ to IN-; negative when it flows the other way. With the shunt of 0.1 ohm that "
    "is fitted up to 3200 mA, in steps of 0.1 mA.",
    unit="milliampere",
    low=-MOST_MA,
    high=MOST_MA,
    step=0.001,
)
POWER = ReadingSpec(
    "power",
    "Voltage times current; negative when the current is.",
    unit="watt",
    low=-MOST_W,
    high=MOST_W,
    step=0.00001,
)
SHUNT_VOLTAGE = ReadingSpec(
    "shunt_voltage",
    "Voltage across the shunt, from which the current is computed.",
    unit="millivolt",
    low=-320.0,
    high=320.0,
    step=0.01,
)

RESULTS = "no result of before is used"


def current_monitor(bus: I2CBus, address: int, clock: Clock) -> INA219:
    """Build the driver for the shunt that is fitted.

    Args:
        bus: The slot's bus.
        address: 7-bit address.
        clock: Time.

    Returns:
        The driver.
    """
    return INA219(bus, address, clock, shunt_ohm=SHUNT_OHM)


ShuntOhm = Annotated[
    float,
    Param(
        "Resistance of the shunt, where it is not the one of 0.1 ohm that is fitted: 320 mV across "
        "it are the most that can be measured, and steps are 0.01 mV.",
        unit="ohm",
        low=LEAST_SHUNT_OHM,
        high=MOST_SHUNT_OHM,
        label="Shunt",
    ),
]


class RAK16000(Module):
    """Measure a direct current up to 3.2 A, the voltage of its load and the power.

    The supply goes to IN+, the load to IN-. The voltage is that at IN- against the ground of the
    module, so the load has to share that ground. The terminals tolerate 26 V.

    All four values belong to one measurement, which is made when it is asked for.
    """

    product = Product(
        "RAK16000",
        title="DC current and power",
        family="sensors",
        slots=(1, 2),
        icon="wisblock-gauge.svg",
        reference="https://docs.rakwireless.com/product-categories/wisblock/rak16000/overview/",
    )

    monitor = chip(current_monitor, "INA219", 0x41, (0x40, *range(0x42, 0x50)))

    def check_supply(self) -> None:
        """Check whether the monitor still has its calibration."""
        if self.monitor.is_reset():
            raise lost_supply(self.monitor.name, RESULTS)

    @operation(
        gives=(VOLTAGE, CURRENT, POWER, SHUNT_VOLTAGE),
        reads_only=True,
        default=True,
    )
    def read(
        self,
        samples: Annotated[
            int,
            Param("How many measurements are averaged; each takes about 3 ms.", low=1, high=256),
        ] = 1,
        shunt_ohm: ShuntOhm = SHUNT_OHM,
    ) -> Result:
        """Measure voltage, current and power.

        Power is voltage times current: finer than what the monitor itself computes, and with the
        sign of the current.

        Returns:
            ``voltage`` in V, ``current`` in mA, ``power`` in W, ``shunt_voltage`` in mV.

        Raises:
            BusError: The monitor did not answer.
            NotReadyError: It does not finish measuring, or keeps losing its calibration.
            OutOfRangeError: The current is beyond 3.2 A either way, or 320 mV over another shunt.
        """
        self.monitor.use_shunt(shunt_ohm)
        voltage = highest = current = power = shunt = 0.0
        recoveries = self.monitor.recoveries
        for _ in range(samples):
            self.check_cancelled()
            found = self.monitor.measure()
            if found.overflow:
                raise _too_much(shunt_ohm, self.monitor.name)
            voltage += found.bus_voltage_v
            highest = max(highest, found.bus_voltage_v)
            current += found.current_ma
            power += found.bus_voltage_v * found.current_ma / 1000.0
            shunt += found.shunt_voltage_mv
        if self.monitor.recoveries != recoveries:
            self.supply_lost(lost_supply(self.monitor.name, RESULTS))
        dangerous = highest > HIGHEST_V  # once is enough to do damage, whatever the mean is
        return self.readings(
            Quality.UNCERTAIN if dangerous else Quality.GOOD,
            "Above 26 V: more than the module bears; disconnect it." if dangerous else "",
            voltage=voltage / samples,
            current=current / samples,
            power=power / samples,
            shunt_voltage=shunt / samples,
        )


def _too_much(shunt_ohm: float, where: str) -> OutOfRangeError:
    ampere = FULL_SCALE_MV / 1000.0 / shunt_ohm
    fitted = shunt_ohm == SHUNT_OHM
    return OutOfRangeError(
        f"The current is beyond {ampere:.3g} A, the most that can be measured.",
        hint="Switch the load off: the module is made for 3 A."
        if fitted
        else f"Switch the load off, or fit a smaller shunt than {shunt_ohm:g} ohm.",
        where=where,
    )
