"""A real SMTP server in the loop of the tests, which refuses, hangs and breaks off as it is told."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class MailServer:
    """Keeps what it took, and answers as it is told; each list of answers is used up from its front."""

    def __init__(self) -> None:
        self.port = 0
        self.taken: list[Envelope] = []
        self.connections = 0
        # The names that clients gave of themselves.
        self.clients: list[str] = []

        # What to answer to the next recipients and contents; None for a yes.
        self.to_recipients: list[str | None] = []
        self.to_contents: list[str | None] = []
        # Break the line after the next contents: before they are kept, or after it.
        self.breaks: list[str] = []
        self.hangs = False
        self.logins: list[tuple[str, str]] = []
        self._protocols: list[SMTP] = []

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails that it took, as a mail program reads them."""
        return [read(each) for each in self.taken]

    def to(self, address: str) -> list[EmailMessage]:
        """The mails for one recipient."""
        return [read(each) for each in self.taken if each.rcpt_tos == [address]]

    def drop_all(self) -> None:
        """Close every connection, as a server does with idle ones."""
        for each in self._protocols:
            if each.transport is not None:
                each.transport.close()

    # What aiosmtpd calls

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.hangs:
            await asyncio.sleep(3600)
        answer = self.to_recipients.pop(0) if self.to_recipients else None
        if answer is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.clients.append(str(session.host_name))
        broken = self.breaks.pop(0) if self.breaks else None
        if broken != "before":
            answer = self.to_contents.pop(0) if self.to_contents else None
            if answer is not None:
                return answer
            self.taken.append(envelope)
        if broken is not None:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return f"250 OK queued as {len(self.taken)}"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"p@ss:word", handled=False)

    @asynccontextmanager
    async def serve(
        self,
        *,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        login: bool = False,
        utf8: bool = True,
        port: int = 0,
    ) -> AsyncIterator[MailServer]:
        """Listen on the loopback address."""

        def connected() -> SMTP:
            self.connections += 1
            protocol = SMTP(
                self,
                enable_SMTPUTF8=utf8,
                tls_context=starttls,
                authenticator=self.authenticate if login else None,
                auth_require_tls=False,
                hostname="mail.test",
            )
            self._protocols.append(protocol)
            return protocol

        loop = asyncio.get_running_loop()
        server = await loop.create_server(connected, "127.0.0.1", port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.drop_all()
            await server.wait_closed()


def read(envelope: Envelope) -> EmailMessage:
    """Read a mail as a mail program does."""
    content = envelope.content
    assert isinstance(content, bytes)
    read = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    return read


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def html_of(mail: EmailMessage) -> str:
    """The HTML of a mail."""
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


CERTIFICATES = Path(__file__).parent.parent / "mail"


def of_server(name: str) -> ssl.SSLContext:
    """Show a certificate of tests/mail: ``loopback`` for this machine, ``elsewhere`` for another host."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    return context


def trusting(name: str) -> ssl.SSLContext:
    """Trust that certificate, which nobody else does."""
    return ssl.create_default_context(cafile=str(CERTIFICATES / f"{name}.pem"))
