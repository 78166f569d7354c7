"""Measure alcohol vapour, and say why if the figure is not to be trusted."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge:
    sensor = bridge.rak12009(slot=1)
    result = sensor.read()
    print(f"{result.ppm:.0f} ppm, {'alert' if result.alert else 'no alert'}")
    if result.quality != "good":
        print(result.note)  # it is warming up, for example
