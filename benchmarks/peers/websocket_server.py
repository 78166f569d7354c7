"""A WebSocket server with its library's defaults that answers and does nothing else."""

from __future__ import annotations

import asyncio
import json
import sys

from websockets.asyncio.server import ServerConnection, serve


async def answer(connection: ServerConnection) -> None:
    """Answer one client.

    Args:
        connection: The client.
    """
    async for message in connection:
        request = json.loads(message)
        reading = {"readings": {"level": 1}, "timestamp": 1763793000123.4, "quality": "good"}
        await connection.send(
            json.dumps({"v": 1, "id": request["id"], "ok": True, "result": reading})
        )


async def main(port: int) -> None:
    """Serve until killed.

    Args:
        port: Where to listen.
    """
    async with serve(answer, "127.0.0.1", port):
        print("ready", flush=True)
        await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
