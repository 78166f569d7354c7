"""Switch the LED of a Modbus unit and read its sensor, over a RAK5802.

    python rak5802_modbus_client.py --slot 1 --unit 42 --count 3

The unit is the one of the vendor's example (`rak5802_modbus_device.ino`): coil 0 is its LED,
holding register 0 the humidity in percent, 1 the temperature in hundredths of a degree Celsius. The
bridge must be running: `wisblock-bridge serve`, or without hardware `wisblock-bridge serve --demo`.
"""

import argparse
import itertools
import sys
import time

from wisblock_bridge.client import Bridge, RemoteError


def main() -> int:
    """Toggle and read until --count is reached or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Talk to a Modbus unit over a RAK5802.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=1, help="WisBlock slot")
    parser.add_argument("--unit", type=int, default=42, help="address of the unit")
    parser.add_argument("--count", type=int, default=0, help="how many rounds, 0 for no limit")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between rounds")
    options = parser.parse_args()
    try:
        with Bridge() as bridge:
            line = bridge.rak5802(options.slot)
            for number in itertools.count(1):
                try:
                    coils = line.read_coils(unit=options.unit)
                    on = not coils.bits[0]
                    print(f"Turning LED {'ON' if on else 'OFF'}", flush=True)
                    line.write_coil(unit=options.unit, on=on)
                    humidity = line.read_value(unit=options.unit, address=0).value
                    print(f"Humidity: {humidity:.0f} %", flush=True)
                    temperature = line.read_value(
                        unit=options.unit, address=1, number_type="int16", factor=0.01
                    ).value
                    print(f"Temperature: {temperature:.2f} C", flush=True)
                except RemoteError as error:
                    print(error, file=sys.stderr)  # a unit that is silent now may answer next time
                if number == options.count:
                    break
                time.sleep(options.interval)
    except RemoteError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
