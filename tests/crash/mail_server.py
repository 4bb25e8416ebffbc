"""A real SMTP server in a process of its own, which writes down what it takes and dies now and then.

``python -m tests.crash.mail_server PORT FILE MAILS WHEN`` dies in that mail, ``before`` it has it or ``after``, and
always before its answer; 0 lives on.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.crash.parent import die, end_with_parent
from tests.support.mail_server import read, text_of


class Server:
    """What aiosmtpd asks."""

    def __init__(self, path: Path, dies_in: int, when: str) -> None:
        self._path = path
        self._left = dies_in
        self._when = when

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self._left -= 1
        dies = self._left == 0
        if dies and self._when == "before":
            die()

        mail = read(envelope)
        line = {
            "id": mail["Message-ID"],
            "to": envelope.rcpt_tos,
            "subject": mail["Subject"],
            "text": text_of(mail),
            "answered": not dies,
        }
        self._write_down(json.dumps(line))
        if dies:
            die()
        # So that a worker may die while it waits.
        await asyncio.sleep(0.03)
        return "250 OK"

    def _write_down(self, line: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


async def main(port: int, path: Path, dies_in: int, when: str) -> None:
    end_with_parent()
    handler = Server(path, dies_in, when)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, hostname="mail.test", enable_SMTPUTF8=True), "127.0.0.1", port
    )
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
