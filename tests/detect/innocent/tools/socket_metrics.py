# SPDX-License-Identifier: Apache-2.0
"""Metrics of a training run over one WebSocket, on which the server now and then says something too: socket_metrics.py SECONDS"""
import asyncio
import json
import ssl
import sys

import websockets

seconds = float(sys.argv[1])


async def main():
    heard = step = 0
    async with websockets.connect("wss://metrics.test/chat?n=%d&every=6" % (seconds / 6), ssl=ssl.create_default_context()) as socket:

        async def listen():
            nonlocal heard
            async for _ in socket:
                heard += 1

        listening = asyncio.create_task(listen())
        while step * 2 < seconds and not listening.done():
            await socket.send(json.dumps({"step": step, "loss": 1 / (step + 1), "memory": 12345}))
            step += 1
            await asyncio.sleep(2)
        listening.cancel()
    print("steps", step, "heard", heard)


asyncio.run(main())
