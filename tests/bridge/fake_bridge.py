"""A peer of the Python client that answers as a test says."""

from __future__ import annotations

import tempfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgpack
import zmq
from tests.bridge.bridge_process import LONG_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@contextmanager
def fake_bridge(answer: Callable[[dict[str, Any]], list[Any]]) -> Iterator[str]:
    """Serve with a function that turns a request into replies."""
    with tempfile.TemporaryDirectory(prefix="wb-") as folder:
        endpoint = f"ipc://{folder}/fake.sock"
        context = zmq.Context()
        router = context.socket(zmq.ROUTER)
        router.bind(endpoint)
        stopping = threading.Event()

        def serve() -> None:
            while not stopping.is_set():
                if router.poll(20):
                    identity, frame = router.recv_multipart()
                    for reply in answer(msgpack.unpackb(frame)):
                        data = reply if isinstance(reply, bytes) else msgpack.packb(reply)
                        router.send_multipart([identity, data])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield endpoint
        finally:
            stopping.set()
            thread.join(LONG_S)
            router.close(linger=0)
            context.term()


def good(request: Mapping[str, Any], **result: object) -> dict[str, object]:
    return {"v": 1, "id": request["id"], "ok": True, "result": result}


def greeting(request: Mapping[str, Any]) -> list[Any]:
    return [good(request, session="token", board="RAK7391", emulated=True)]
