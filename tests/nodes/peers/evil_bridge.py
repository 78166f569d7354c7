"""A bridge that means harm: every text that it says is html, or something else that must stay text.

1. Speaks the envelope of docs/protocol.md, written anew here: nothing is imported from the bridge.
2. Says ``READY <endpoint>`` once bound; ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from typing import Any

import msgpack
import zmq

HTML = (
    "<img src=x onerror=\"window.harmed='img'\"><script>window.harmed='script'</script>"
    "\"'><svg onload=window.harmed=1>{{x}}$t(sidebar.tab)__slot__ &lt;b&gt;\u202e"
)
LINK = "javascript:window.harmed='link'"
PIN = {
    "pin": HTML,
    "kind": HTML,
    "device": LINK,
    "holder": HTML,
    "held_by": {"module": HTML, "slot": HTML},
    "level": HTML,
}
ERROR = {"code": HTML, "message": HTML, "hint": HTML, "where": HTML, "data": {"page": LINK}}
CLAIM = {"client": HTML, "address": HTML, "nodes": [HTML, "__proto__"]}
STATUS: dict[str, Any] = {
    "version": HTML,
    "uptime_s": HTML,
    "board": {
        "product": HTML,
        "title": HTML,
        "confidence": HTML,
        "evidence": [HTML],
        "emulated": True,
    },
    "layout": [
        {"slot": 1, "kind": "io", "pins": [PIN] * 30},
        {"slot": HTML, "kind": "sensor", "pins": [PIN]},
        {"slot": "__proto__", "kind": HTML, "pins": HTML},
    ],
    "slots": [
        {
            "slot": 1,
            "module": HTML,
            "open": True,
            "failing": True,
            "last_error": ERROR,
            "last_error_at": 1e300,
            "claims": [CLAIM] * 5,
            "held": [{"output": HTML, "client": HTML}],
            "values": [
                {
                    "kind": "result",
                    "name": HTML,
                    "params": {HTML: HTML},
                    "quality": HTML,
                    "readings": {HTML: HTML, "html": "<b>x"},
                    "note": HTML,
                }
            ],
        },
        {"slot": "board", "module": HTML, "open": True},
    ],
    "plugged": [
        {"slot": 1, "module": HTML, "fits": [HTML], "faults": [HTML, "nack"], "fault": HTML},
    ],
    "addresses": [{"address": 80, "holder": HTML}, {"address": HTML, "holder": {}}],
}
OPERATION = {
    "name": HTML,
    "summary": HTML,
    "details": HTML,
    "main": HTML,
    "default": True,
    "readings": [{"name": HTML, "unit": HTML, "kind": HTML}],
    "params": [
        {
            "name": HTML,
            "label": HTML,
            "summary": HTML,
            "kind": HTML,
            "choices": [HTML],
            "unit": HTML,
            "default": HTML,
        }
    ],
}
CATALOGUE: dict[str, Any] = {
    "units": {HTML: {"symbol": HTML, "decimals": 1e9}, "constructor": {"symbol": HTML}},
    "modules": [
        {
            "name": HTML,
            "slug": '"><script>window.harmed=2</script>',
            "title": HTML,
            "icon": LINK,
            "slots": [1, HTML],
            "operations": [OPERATION],
            "events": [OPERATION],
            "family": HTML,
            "package": HTML,
            "summary": HTML,
            "reference": LINK,
        },
        {
            "name": "RAK5801",
            "slug": "rak5801",
            "title": HTML,
            "slots": [1],
            "icon": "../../../../evil.svg",
        },
    ],
}
QUANTITIES = [
    {
        "quantity": HTML + control, "control": control, "writable": True, "unit": HTML,
        "low": 0, "high": 1, "tolerance": HTML, "choices": [HTML, "", 7], "value": HTML,
    }
    for control in ("slider", "switch", "line", "choice", "cards", "packets", "text", "bytes", HTML)
]  # fmt: skip
EVENTS: list[dict[str, Any]] = [
    {"kind": "error", "name": HTML, "params": {HTML: 1}, "error": ERROR, "timestamp": HTML},
    {"kind": "result", "name": HTML, "readings": {HTML: HTML}, "quality": HTML, "note": HTML},
    {"kind": "holder", "claims": [CLAIM], "held": HTML},
    {"kind": "health", "open": True, "failing": True, "last_error": ERROR},
    {"kind": HTML},
]


def answer(method: str) -> object:
    """Return the result of a method."""
    if method == "hello":
        return {
            "server": HTML,
            "version": HTML,
            "protocol": [1],
            "board": HTML,
            "emulated": True,
            "catalogue": HTML,
            "lease_ms": 60000,
            "session": "s",
            "resumed": False,
            "clock_ms": 0.0,
        }
    found: dict[str, object] = {
        "status": STATUS,
        "catalogue": CATALOGUE,
        "observe": {"subscription": 1},
        "emulator.list": QUANTITIES,
        "scan": [{"address": 80, "chip": HTML, "modules": [HTML], "note": HTML}],
    }
    return found.get(method, {})


def serve(socket: zmq.Socket[bytes]) -> None:
    """Answer requests until the process ends."""
    while True:
        identity, body = socket.recv_multipart()
        request = msgpack.unpackb(body)
        method = request["method"]

        def send(message: dict[str, Any], to: bytes = identity) -> None:
            socket.send_multipart([to, msgpack.packb({"v": 1, **message})])

        if method in {"emulator.set", "emulator.fault"}:
            send({"id": request["id"], "ok": False, "error": ERROR})
            continue
        send({"id": request["id"], "ok": True, "result": answer(method)})
        for number, event in enumerate(EVENTS if method == "observe" else []):
            place = {"module": HTML, "slot": 1, "subscription": 1, "sequence": number, "lost": 0}
            send({"event": "observed", **place, **event})


def main() -> None:
    """Bind, say so, and serve until nobody needs this process any more."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    endpoint = parser.parse_args().endpoint
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    socket.setsockopt(zmq.LINGER, 0)
    socket.bind(endpoint)
    sys.stdout.write(f"READY {endpoint}\n")
    sys.stdout.flush()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    serve(socket)


if __name__ == "__main__":
    main()
