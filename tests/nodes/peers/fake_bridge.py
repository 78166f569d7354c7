"""A bridge that misbehaves on request: the other side of the client's tests.

1. Speaks the envelope of docs/protocol.md, written anew here: nothing is imported from the bridge.
2. What it does is chosen by the operation of an ``invoke`` or the event of a ``subscribe``;
   hardware does not occur.
3. Says ``READY <endpoint>`` once bound; ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import msgpack
import zmq
from tests.nodes.peers.guarded import add_options, guard

if TYPE_CHECKING:
    from collections.abc import Callable


class FakeBridge:
    """One ROUTER socket and a few switches."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.SNDHWM, 0)
        self.socket.setsockopt(zmq.RCVHWM, 0)
        guard(self.socket, arguments)
        self.socket.bind(arguments.endpoint)
        self.lease_ms: int = arguments.lease_ms
        self.refusals: int = arguments.refuse_hello
        self.protocols: list[int] = arguments.protocol or [1]
        self.due: list[tuple[float, bytes, bytes]] = []
        self.log: dict[str, Any] = {
            "notes": [],
            "hellos": [],
            "subscribed": [],
            "unsubscribed": [],
            "pings": 0,
            "byes": 0,
        }
        self.sessions: set[str] = set()
        self.mute: set[str] = set()
        self.held: list[Callable[[], None]] = []
        self.busy_once = True
        self.next_subscription = 1

    def serve(self) -> None:
        """Answer requests until the process ends."""
        poller = zmq.Poller()
        poller.register(self.socket, zmq.POLLIN)
        while True:
            next_due = min((at for at, _, _ in self.due), default=time.monotonic() + 1)
            if poller.poll(max(0, round((next_due - time.monotonic()) * 1000))):
                identity, body = self.socket.recv_multipart()
                self.handle(identity, msgpack.unpackb(body))
            now = time.monotonic()
            for entry in [entry for entry in self.due if entry[0] <= now]:
                self.due.remove(entry)
                self.socket.send_multipart(entry[1:])

    def send(self, identity: bytes, message: object) -> None:
        """Send one message now."""
        self.socket.send_multipart([identity, msgpack.packb(message)])

    def result(self, identity: bytes, request: dict[str, Any], result: object) -> None:
        """Answer a request well."""
        self.send(
            identity, {"v": 1, "id": request["id"], "ok": True, "result": result, "unknown_key": 1}
        )

    def error(self, identity: bytes, request: dict[str, Any], error: dict[str, Any]) -> None:
        """Answer a request with an error."""
        self.send(identity, {"v": 1, "id": request["id"], "ok": False, "error": error})

    def handle(self, identity: bytes, request: dict[str, Any]) -> None:
        """Do what one request asks for."""
        method, params = request["method"], request.get("params", {})
        if method in self.mute:
            return
        if method == "hello":
            self.hello(identity, request, params)
        elif method == "ping":
            self.log["pings"] += 1
            self.result(identity, request, {})
        elif method == "bye":
            self.log["byes"] += 1
            self.result(identity, request, {})
        elif method == "subscribe":
            self.subscribe(identity, request, params)
        elif method == "unsubscribe":
            self.log["unsubscribed"].append(params["subscription"])
            self.result(identity, request, {})
        elif method == "invoke":
            self.invoke(identity, request, params)
        elif method == "status":
            self.result(identity, request, {"slots": []})
        else:
            self.error(
                identity,
                request,
                {"code": "unknown_method", "message": f"There is no method {method}."},
            )

    def hello(self, identity: bytes, request: dict[str, Any], params: dict[str, Any]) -> None:
        """Let a client in, or not."""
        self.log["hellos"].append(params)
        if self.refusals > 0:
            self.refusals -= 1
            self.error(
                identity,
                request,
                {"code": "unsupported_version", "message": "Too old.", "hint": "Update the nodes."},
            )
            return
        resumed = params.get("resume") in self.sessions
        token = params["resume"] if resumed else f"token-{len(self.log['hellos'])}-{os.getpid()}"
        self.sessions.add(token)
        self.result(
            identity,
            request,
            {
                "server": "fake",
                "version": "9.8.7",
                "protocol": self.protocols,
                "board": "RAK7391",
                "emulated": True,
                "catalogue": "c0ffee",
                "lease_ms": self.lease_ms or params["lease_ms"],
                "session": token,
                "resumed": resumed,
            },
        )

    def subscribe(self, identity: bytes, request: dict[str, Any], params: dict[str, Any]) -> None:
        """Grant a subscription and send a few events at once."""
        self.log["subscribed"].append(params)
        kind = params.get("event", params.get("operation"))
        if kind == "refused":
            self.error(
                identity,
                request,
                {"code": "bad_params", "message": "No such event.", "where": "RAK12006 slot 1"},
            )
            return
        if kind == "fragile" and self.busy_once:
            self.busy_once = False
            self.error(
                identity,
                request,
                {"code": "slot_conflict", "message": "Slot 1 holds another module."},
            )
            return
        number = self.next_subscription
        self.next_subscription += 1

        def event(sequence: int, lost: int, **more: object) -> None:
            self.send(
                identity,
                {
                    "v": 1,
                    "event": kind,
                    "subscription": number,
                    "sequence": sequence,
                    "lost": lost,
                    "readings": {"params": params},
                    "timestamp": 1763793004567.8,
                    "quality": "good",
                    "emulated": True,
                    **more,
                },
            )

        if kind == "eager":
            event(0, 0, initial=True)
            self.result(identity, request, {"subscription": number})
            return

        def grant() -> None:
            self.result(identity, request, {"subscription": number})
            event(0, 0, initial=True)

        if kind == "held":
            self.held.append(grant)
            return
        grant()
        if kind == "gaps":
            event(1, 0)
            event(5, 3)

    def invoke(self, identity: bytes, request: dict[str, Any], params: dict[str, Any]) -> None:
        """Answer the way the operation says."""
        operation, given = params["operation"], params.get("params", {})
        if operation == "silent":
            return
        if operation == "malformed":
            self.malformed(identity, request, given["kind"])
        elif operation == "fail":
            self.error(identity, request, given["error"])
        else:
            answer = self.answer(operation, given, {**request, "params": params})
            reply = msgpack.packb({"v": 1, "id": request["id"], "ok": True, "result": answer})
            delay_s = given["ms"] / 1000 if operation == "late" else 0.0
            copies = 2 if operation == "twice" else 1
            self.due.extend([(time.monotonic() + delay_s, identity, reply)] * copies)

    def answer(self, operation: str, given: dict[str, Any], envelope: dict[str, Any]) -> object:
        """Do what the operation says and give its result."""
        readings: dict[str, Any] = given
        if operation == "note":
            self.log["notes"].append(given["text"])
        elif operation == "mute":
            self.mute.update(given["methods"])
        elif operation == "grant":
            while self.held:
                self.held.pop()()
        elif operation == "forget":
            self.sessions.clear()
        elif operation == "log":
            readings = self.log
        elif operation == "types":
            readings = {
                "bytes": b"\x00\xff\x10",
                "int64": 2**40,
                "huge": 2**63 + 2**62,
                "low": -(2**40),
                "float": 0.1,
                "text": "°C",
                "none": None,
            }
        return {
            "readings": readings,
            "timestamp": 1763793000123.4,
            "quality": "good",
            "emulated": True,
            "envelope": envelope,
        }

    def malformed(self, identity: bytes, request: dict[str, Any], kind: str) -> None:
        """Send something that no client should have to see."""
        number = request["id"]
        bodies: dict[str, bytes] = {
            "garbage": b"\xc1\xff\x00 not MessagePack",
            "cut off": msgpack.packb({"v": 1, "id": number, "ok": True, "result": {}})[:-1],
            "list": msgpack.packb([1, 2, 3]),
            "empty": b"",
            "no id": msgpack.packb({"v": 1, "ok": True, "result": {}}),
            "extension": msgpack.packb(
                {"v": 1, "id": number, "ok": True, "result": msgpack.ExtType(5, b"x")}
            ),
            "prototype": msgpack.packb(
                {"v": 1, "id": number, "ok": True, "result": {}, "__proto__": {"polluted": True}}
            ),
            "no result": msgpack.packb({"v": 1, "id": number, "ok": True}),
            "bad error": msgpack.packb({"v": 1, "id": number, "ok": False, "error": "oops"}),
            "neither": msgpack.packb({"v": 1, "id": number}),
            "event": msgpack.packb({"v": 1, "event": 7}),
        }
        self.socket.send_multipart([identity, bodies[kind]])


def main() -> None:
    """Serve until standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument(
        "--lease-ms", type=int, default=0, help="grant this lease, whatever was asked for"
    )
    parser.add_argument("--refuse-hello", type=int, default=0, help="refuse the first N greetings")
    parser.add_argument("--protocol", type=int, action="append", help="protocol versions to claim")
    add_options(parser)
    bridge = FakeBridge(parser.parse_args())

    def leave_with_parent() -> None:
        sys.stdin.read()
        os._exit(0)

    threading.Thread(target=leave_with_parent, daemon=True).start()
    sys.stdout.write(f"READY {bridge.socket.getsockopt_string(zmq.LAST_ENDPOINT)}\n")
    sys.stdout.flush()
    bridge.serve()


if __name__ == "__main__":
    main()
