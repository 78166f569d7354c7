"""Print every LoRa packet that a RAK13300 hears, as the vendor's receiver.py does.

    python rak13300_receiver.py --region EU868 --frequency 868.1 --slot 2 --count 10

The settings are those of the vendor's programs; region and frequency must be the transmitter's.

The bridge must be running: `wisblock-bridge serve`, or without hardware
`wisblock-bridge serve --demo`.
"""

import argparse
import sys

from wisblock_bridge.client import Bridge, RemoteError


def show(payload: bytes) -> str:
    """Write a packet as the vendor's program does: a text, and a counter as its last byte."""
    text = payload[:-1].decode("utf-8", "replace").rstrip("\0")
    return f"{text}  {payload[-1]}" if payload else "(empty)"


def main() -> int:
    """Print until --count is reached or Ctrl-C is pressed."""
    parser = argparse.ArgumentParser(description="Receive LoRa packets with a RAK13300.")
    parser.add_argument("--slot", type=int, choices=(1, 2), default=2, help="WisBlock slot")
    parser.add_argument("--region", help="where you are: EU868, US915, ...; else as configured")
    parser.add_argument("--frequency", type=float, help="centre of the channel, MHz")
    parser.add_argument("--count", type=int, default=0, help="how many packets, 0 for no limit")
    options = parser.parse_args()
    settings = {"region": options.region, "preset": "python_example"}
    if options.frequency is not None:
        settings["frequency"] = options.frequency
    try:
        with Bridge() as bridge:
            radio = bridge.rak13300(options.slot)
            if options.region:
                radio.configure(**settings)
            print("-- LoRa Receiver --", flush=True)
            received = 0
            for event in radio.events("received", broken_too=True):
                if event.error is not None:
                    print(event.error, file=sys.stderr)
                    continue
                packet = event.result
                payload, intact = packet.payload, packet.intact is True
                print(show(payload) if intact and isinstance(payload, bytes) else "CRC error")
                rssi, snr = packet.rssi, packet.snr
                print(f"Packet status: RSSI = {rssi:.2f} dBm | SNR = {snr:.2f} dB", flush=True)
                received += intact
                if received == options.count:
                    break
    except RemoteError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
