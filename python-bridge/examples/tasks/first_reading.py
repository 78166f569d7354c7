"""The first reading: what does the transmitter in slot 1 say?"""

from wisblock_bridge.client import Bridge, HardwareError, OfflineError

try:
    with Bridge() as bridge:
        result = bridge.rak5801(slot=1).read()
        print(f"{result.current:.2f} mA is {result.percent:.0f} %, the loop is {result.loop}")
        if result.quality != "good":
            print(f"but: {result.note}")
except OfflineError as error:
    print(f"There is no bridge: {error.hint}")
except HardwareError as error:
    print(f"The module does not work: {error}")
