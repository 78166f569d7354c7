"""The buses of a real Linux computer: its device files, through smbus2 and gpiod.

1. An errno enters here and a ``BusError`` leaves; ``errno_faults`` is the only place that
   translates.
2. Controllers are found by label or by their I2C address, never by number.
3. smbus2 and gpiod are imported when the first device is opened, not when this package is.
"""
