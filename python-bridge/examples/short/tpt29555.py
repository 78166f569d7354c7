"""Read all lines of an expander, and blink the board's LED."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge, bridge.tpt29555() as expander:
    print(f"slots: {expander.read_all(expander='slots').levels:016b}")
    print(f"LED: {expander.pulse(expander='board', line=7, ms=200).level}")
