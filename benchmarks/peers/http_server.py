"""An HTTP server with its library's defaults that answers a POST and does nothing else."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web


async def answer(request: web.Request) -> web.Response:
    """Answer one request.

    Args:
        request: It.
    """
    asked = await request.json()
    reading = {"readings": {"level": 1}, "timestamp": 1763793000123.4, "quality": "good"}
    return web.json_response({"v": 1, "id": asked["id"], "ok": True, "result": reading})


async def main(port: int) -> None:
    """Serve until killed.

    Args:
        port: Where to listen.
    """
    application = web.Application()
    application.router.add_post("/", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
