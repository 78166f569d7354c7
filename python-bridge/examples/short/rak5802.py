"""Read a temperature from a Modbus unit."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge:
    line = bridge.rak5802(slot=1)
    line.line(baud=9600)
    result = line.read_value(unit=42, address=1, number_type="int16", factor=0.01)
    print(f"{result.value:.2f} °C")
