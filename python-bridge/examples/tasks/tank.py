"""A tank: how full it is by its level transmitter, and whether the pump may run."""

from wisblock_bridge.client import Bridge, HardwareError

EMPTY_PERCENT = 10.0


def litres(bridge: Bridge, capacity: float) -> float:
    """Return how much is in the tank.

    Raises:
        ValueError: The transmitter reports a failure, or its loop is open.
    """
    result = bridge.rak5801(slot=1).read(scale_low=0.0, scale_high=capacity)
    if result.value is None:
        raise ValueError(f"the level is not known: the loop is {result.loop}")
    return result.value


def pump_may_run(bridge: Bridge) -> bool:
    """Return whether there is enough in the tank; no when that is not known."""
    try:
        return litres(bridge, 100.0) > EMPTY_PERCENT
    except (HardwareError, ValueError):
        return False
