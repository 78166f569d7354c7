"""Send a LoRa packet, and wait for an answer."""

from wisblock_bridge.client import Bridge

with Bridge() as bridge:
    radio = bridge.rak13300(slot=1)
    radio.configure(region="EU868", frequency=868.1, spreading_factor=7)
    sent = radio.send(payload=b"hello")
    print(f"on the air for {sent.time_on_air:.0f} ms")
    answer = radio.receive(timeout_ms=500)
    print(answer.payload if answer.received else "no answer")
