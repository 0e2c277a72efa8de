# SPDX-License-Identifier: Apache-2.0
"""A browser's or a chat's WebSocket: websocket.py URL SECONDS [SAY EVERY]. Prints how much it heard; SAY is said every EVERY
seconds. Ends when the server does, or after SECONDS."""
import asyncio
import ssl
import sys

import websockets

url, seconds = sys.argv[1], float(sys.argv[2])
say, every = (sys.argv[3], float(sys.argv[4])) if len(sys.argv) > 4 else (None, 0)


async def main():
    heard = 0
    async with websockets.connect(url, ssl=ssl.create_default_context() if url.startswith("wss") else None) as chat:

        async def talk():
            while say:
                await chat.send(say)
                await asyncio.sleep(every)

        talking = asyncio.create_task(talk())
        try:
            async with asyncio.timeout(seconds):
                async for _ in chat:
                    heard += 1
        except (TimeoutError, websockets.ConnectionClosed):
            pass
        talking.cancel()
    print("heard", heard)


asyncio.run(main())
