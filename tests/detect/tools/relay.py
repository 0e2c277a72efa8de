# SPDX-License-Identifier: Apache-2.0
# A reverse tunnel in asyncio: keeps one connection to the far end, and opens an inner one each time the far end asks.
# Frames: stream number (2 bytes), size (2 bytes), data; size 0 opens a stream from outside, and ends one.
#   relay.py FAR PORT INNER PORT
import asyncio
import struct
import sys


async def main(far, far_port, inner, inner_port):
    reader, writer = await asyncio.open_connection(far, int(far_port))
    streams = {}

    async def carry(number, source):
        while data := await source.read(16384):
            writer.write(struct.pack(">HH", number, len(data)) + data)
            await writer.drain()
        writer.write(struct.pack(">HH", number, 0))

    while True:
        number, size = struct.unpack(">HH", await reader.readexactly(4))
        data = await reader.readexactly(size)
        if number not in streams:
            source, streams[number] = await asyncio.open_connection(inner, int(inner_port))
            asyncio.create_task(carry(number, source))
        elif data:
            streams[number].write(data)
        else:
            streams.pop(number).close()


asyncio.run(main(*sys.argv[1:]))
