"""Read what is on the reader."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge:
    reader = bridge.rak13600(slot=1)
    if reader.present().present:
        tag = reader.read_tag()
        print(f"{tag.type}, {tag.uid.hex(':')}")
