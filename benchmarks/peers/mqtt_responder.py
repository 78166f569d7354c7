"""A program behind an MQTT broker that answers what is asked on a topic on another one."""

from __future__ import annotations

import json
import sys
from typing import Any

import paho.mqtt.client as mqtt


def on_connect(client: mqtt.Client, *_: Any) -> None:  # noqa: ANN401  (the library's own)
    """Listen.

    Args:
        client: The connection.
    """
    client.subscribe("bench/request")


def on_subscribe(*_: Any) -> None:  # noqa: ANN401  (the library's own)
    """Say that requests are heard from now on."""
    print("ready", flush=True)


def on_message(client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
    """Answer one request.

    Args:
        client: The connection.
        message: The request.
    """
    asked = json.loads(message.payload)
    reading = {"readings": {"level": 1}, "timestamp": 1763793000123.4, "quality": "good"}
    answer = {"v": 1, "id": asked["id"], "ok": True, "result": reading}
    client.publish("bench/answer", json.dumps(answer))


def main(port: int) -> None:
    """Serve until killed.

    Args:
        port: The broker's, on this computer.
    """
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
