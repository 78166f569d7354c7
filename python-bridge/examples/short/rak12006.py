"""Wait for somebody to move."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge, bridge.rak12006(slot=1).events("motion") as events:
    present = events.next(timeout_s=5.0)  # the first event is the present state
    if present is not None:
        print("motion" if present.result.motion else "rest")
