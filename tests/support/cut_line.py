"""A line to PostgreSQL that can be cut at the worst moment: after a statement ran, before its answer arrives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit


class CutLine:
    """Forwards every byte; ``dsn`` leads through it."""

    def __init__(self, dsn: str) -> None:
        parts = urlsplit(dsn)
        query = parse_qs(parts.query)
        self._socket = f"{query['host'][0]}/.s.PGSQL.{query['port'][0]}"
        self._database = parts.path
        self._armed = False
        self._skip = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self.port = 0
        self.cuts = 0

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}{self._database}?sslmode=disable"

    def lose_an_answer(self, *, skip: int = 0) -> None:
        """Let ``skip`` more exchanges with the server pass, and close the line on the answer of the next."""
        self._armed = True
        self._skip = skip

    def freeze(self) -> None:
        """Let nothing pass in either direction, and keep every connection open."""
        self._flows.clear()

    def thaw(self) -> None:
        """Let everything pass again, what came meanwhile first."""
        self._flows.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flows.wait()
        back_reader, back_writer = await asyncio.open_unix_connection(self._socket)
        answers = asyncio.create_task(self._forward(back_reader, writer))

        try:
            while message := await reader.read(65536):
                await self._flows.wait()
                is_last = self._is_last()
                if is_last:
                    self._armed = False
                    self.cuts += 1
                    answers.cancel()
                    await asyncio.wait([answers])
                back_writer.write(message)
                if is_last:
                    # The answer says that the statement is through; nobody hears it.
                    await back_reader.read(65536)
                    break
        except ConnectionError:
            pass
        finally:
            answers.cancel()
            writer.close()
            back_writer.close()

    def _is_last(self) -> bool:
        if not self._armed:
            return False
        self._skip -= 1
        return self._skip < 0

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._flows.wait()
            writer.write(data)
        writer.close()


@asynccontextmanager
async def cut_line(dsn: str) -> AsyncIterator[CutLine]:
    line = CutLine(dsn)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
