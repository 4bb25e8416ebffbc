"""A network between workers and PostgreSQL that can be parted and healed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit


class Network:
    """Forwards every byte while it is whole; ``dsn`` leads through it.

    Parted, it holds back what is sent, as a network does that loses packets, and takes no new connections.
    Healed, it delivers what was held back, late as it is, or has forgotten the connections.
    """

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        query = parse_qs(parts.query)
        self._socket = f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
        self._database = parts.path
        self._whole = asyncio.Event()
        self._whole.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}{self._database}?sslmode=disable"

    def part(self) -> None:
        self._whole.clear()

    def heal(self, *, forgetful: bool = False) -> None:
        if forgetful:
            for writer in self._writers:
                writer.transport.abort()
        self._whole.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        try:
            back_reader, back_writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            writer.close()
            return

        both = {writer, back_writer}
        self._writers |= both

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, back_writer))
                group.create_task(self._forward(back_reader, writer))
        finally:
            self._writers -= both
            for each in both:
                each.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
            await self._whole.wait()
        except OSError:
            pass
        # One side is gone, and so is the other.
        writer.close()


@asynccontextmanager
async def network(dsn: str) -> AsyncIterator[Network]:
    between = Network(dsn)
    server = await asyncio.start_server(between.serve, "127.0.0.1", 0)
    between.port = server.sockets[0].getsockname()[1]
    try:
        yield between
    finally:
        between.heal(forgetful=True)
        server.close()
