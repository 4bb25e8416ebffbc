"""``SmtpMailer``: hands mails to an SMTP server, with TLS unless it is turned off, over one connection.

Importing this module does not import aiosmtplib, which the extra ``aiocancel[mail]`` installs.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import socket
import ssl
from email.charset import QP, Charset
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import formataddr, formatdate, getaddresses
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import unquote, urlsplit

from aiocancel.core.check_settings import check_number, check_text, check_word
from aiocancel.core.codes import Code
from aiocancel.core.mail import (
    HandedOver,
    MailMessage,
    MailRefused,
    MailResult,
    TryAgain,
    is_address,
    one_line,
)
from aiocancel.errors import ConfigurationError

if TYPE_CHECKING:
    import aiosmtplib

__all__ = ["SmtpMailer"]

Tls = Literal["required", "off"]

_PORTS: Final = {"smtp": 587, "smtps": 465}
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
# From here on a server's no is for good: RFC 5321, 4.2.1.
_FOR_GOOD: Final = 500
_LONGEST_REFERENCE: Final = 200
_CLOSE_WITHIN_S: Final = 2.0
# A worker gives a letter 50 seconds for both: the wait for its turn, and the mail itself.
_TURN_WITHIN_S: Final = 20.0
_SHORTEST_TURN_S: Final = 1.0
_BOTH_WITHIN_S: Final = 45.0
_DOMAIN: Final = re.compile(
    r"(?=.{4,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)


class SmtpMailer:
    """Hands mails to an SMTP server; one connection is kept and used again.

    Args:
        url: ``smtp://user:password@host:587`` for a connection that turns to TLS (STARTTLS), ``smtps://…:465`` for one
            that begins with it. Special characters of the password are written as ``%40`` for ``@`` and so on.
        sender: Whom the mails are from, such as ``"Northwind Notes <billing@example.com>"``.
        reply_to: The address that a customer's answer goes to; None for the sender's.
        tls: ``"required"``: without TLS, or with a certificate that is not valid, nothing is sent. ``"off"`` is for
            a server on the same machine; a password is then refused for any other.
        ssl_context: The certificates to trust and to show; None for the system's.
        local_hostname: The domain name that this machine gives of itself (EHLO), such as ``"app.example.com"``; None
            for its own name where that is a whole one, otherwise for its address. No name server is asked for it.
        within_s: How many seconds one mail may take. Mails go one after the other, and one whose turn does not come in
            20 seconds is tried again later.

    Raises:
        ConfigurationError: for settings that cannot work; no message repeats the URL.
    """

    def __init__(
        self,
        url: str,
        *,
        sender: str,
        reply_to: str | None = None,
        tls: Tls = "required",
        ssl_context: ssl.SSLContext | None = None,
        local_hostname: str | None = None,
        within_s: float = 20.0,
    ) -> None:
        if find_spec("aiosmtplib") is None:
            raise ConfigurationError("SmtpMailer needs: pip install 'aiocancel[mail]'")
        check_word("tls", tls, ("required", "off"))
        check_number("within_s", within_s, most=60)
        if ssl_context is not None and not isinstance(ssl_context, ssl.SSLContext):
            raise ConfigurationError("ssl_context is an ssl.SSLContext, or None")
        if local_hostname is not None and not _is_domain(local_hostname):
            raise ConfigurationError("local_hostname is a domain name, such as 'app.example.com'")

        self._scheme, self._host, self._port, self._login = _read_url(url)
        if tls == "off" and self._scheme == "smtps":
            raise ConfigurationError("an smtps:// URL is TLS: leave tls='off' out")
        if tls == "off" and self._login is not None and self._host not in _LOOPBACK:
            raise ConfigurationError("tls='off' would send the password in the clear: leave it out")
        self._sender = _read_mailbox("sender", sender)
        self._reply_to = None if reply_to is None else _read_mailbox("reply_to", reply_to)

        self.tls = tls
        self._ssl_context = ssl_context
        self._local_hostname = local_hostname
        self._within_s = within_s
        self._turn_within_s = min(_TURN_WITHIN_S, max(_SHORTEST_TURN_S, _BOTH_WITHIN_S - within_s))
        self._turn = asyncio.Lock()
        self._kept: aiosmtplib.SMTP | None = None

    def __repr__(self) -> str:
        # The login stays out of it.
        return f"SmtpMailer({self._scheme}://{self._host}:{self._port})"

    async def send(self, message: MailMessage, /) -> MailResult:
        """Hand one mail over; never raises but when it is cancelled."""
        try:
            async with asyncio.timeout(self._turn_within_s):
                await self._turn.acquire()
        except TimeoutError:
            # The mails before it took long; that says nothing of the server.
            return TryAgain(Code.MAIL_WAITED_TOO_LONG)
        try:
            return await self._send_in_time(message)
        finally:
            self._turn.release()

    async def _send_in_time(self, message: MailMessage) -> MailResult:
        from aiosmtplib import SMTPException

        # A mail whose content went out and whose answer is not known: said even where the time is over.
        sent = _Progress()
        try:
            async with asyncio.timeout(self._within_s):
                return await self._send(message, sent)
        except TimeoutError:
            return sent.failed(Code.MAIL_SERVER_AWAY)
        except (SMTPException, OSError) as error:
            return sent.failed(_code_of(error))

    async def close(self) -> None:
        """Say goodbye to the server; the next mail opens another connection."""
        from aiosmtplib import SMTPException

        kept, self._kept = self._kept, None
        if kept is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await kept.quit()
        except (SMTPException, OSError, TimeoutError):
            kept.close()

    async def _send(self, message: MailMessage, sent: _Progress) -> MailResult:
        from aiosmtplib import SMTPException, SMTPResponseException

        # Out of our hands for as long as it is used: a try that is broken off leaves it in no state to be used again.
        kept, self._kept = self._kept, None
        server = await self._begin(kept, message)
        try:
            result = await self._hand_over(server, message, sent)
        except SMTPResponseException as error:
            if sent.begun and not _is_a_no(error.code):
                # Whether the server has it, this answer does not tell, nor where the next answer begins.
                server.close()
                return sent.failed(Code.MAIL_ANSWER_LOST)
            # A no to the content is an answer: the server does not have it.
            sent.begun = False
            result = _answer_to(error.code)
        except BaseException:
            server.close()
            raise

        if not isinstance(result, HandedOver):
            # The answer is known, whatever becomes of the connection.
            try:
                await server.rset()
            except (SMTPException, OSError):
                server.close()
        self._kept = server
        return result

    async def _begin(self, kept: aiosmtplib.SMTP | None, message: MailMessage) -> aiosmtplib.SMTP:
        """Return a connection that has taken the sender; the kept one may have been closed meanwhile."""
        from aiosmtplib import SMTPException

        if kept is not None and kept.is_connected:
            with contextlib.suppress(SMTPException, OSError):
                return await self._name_sender(kept, message)

        return await self._name_sender(await self._connect(), message)

    async def _connect(self) -> aiosmtplib.SMTP:
        import aiosmtplib

        server = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._scheme == "smtps",
            start_tls=False,
            tls_context=self._ssl_context,
            # Any name keeps aiosmtplib from a look at the name server, which can take longer than the mail may.
            local_hostname="localhost",
            timeout=self._within_s,
        )
        try:
            await server.connect()
            server.local_hostname = self._local_hostname or _name_or_address_of(server)
            await server.ehlo()
            if self._scheme == "smtp" and self.tls == "required":
                if not server.supports_extension("starttls"):
                    # A stranger on the line would say so as well.
                    raise aiosmtplib.SMTPNotSupported("no STARTTLS")
                await server.starttls()
            if self._login is not None:
                await server.login(*self._login)
        except BaseException:
            server.close()
            raise
        return server

    async def _name_sender(self, server: aiosmtplib.SMTP, message: MailMessage) -> aiosmtplib.SMTP:
        international = not message.to.isascii()
        options = ["SMTPUTF8"] if international and server.supports_extension("smtputf8") else None
        try:
            await server.mail(self._sender[1], options=options)
        except BaseException:
            server.close()
            raise
        return server

    async def _hand_over(
        self, server: aiosmtplib.SMTP, message: MailMessage, sent: _Progress
    ) -> MailResult:
        utf8 = server.supports_extension("smtputf8")
        recipient = _on_the_wire(message.to, utf8=utf8)
        if recipient is None:
            # The server has no way to take an address in this script.
            return MailRefused()

        await server.rcpt(recipient, encoding="utf-8" if utf8 else "ascii")
        content = self._written(message, recipient)
        sent.begun = True
        reply = await server.data(content)
        return HandedOver(one_line(reply.message)[:_LONGEST_REFERENCE] or None)

    def _written(self, message: MailMessage, recipient: str) -> bytes:
        """Return the mail as it goes over the line: ASCII, unless the address itself is not."""
        mail = MIMEMultipart("alternative")
        mail["From"] = formataddr(self._sender)
        if self._reply_to is not None:
            mail["Reply-To"] = formataddr(self._reply_to)
        # Header alone keeps the spaces of a long line in another script: EmailMessage loses some.
        mail["Subject"] = Header(message.subject, "utf-8", header_name="Subject").encode()
        mail["Date"] = formatdate()
        mail["Message-ID"] = f"<{message.message_id}@{self._sender[1].rpartition('@')[2]}>"
        # RFC 3834: no holiday notice answers it.
        mail["Auto-Submitted"] = "auto-generated"
        mail["Content-Language"] = message.language

        readable = Charset("utf-8")
        readable.body_encoding = QP
        mail.attach(MIMEText(message.text, "plain", readable))  # type: ignore[arg-type]
        mail.attach(MIMEText(message.html, "html", readable))  # type: ignore[arg-type]
        rest = mail.as_bytes(policy=compat32.clone(linesep="\r\n"))
        return f"To: {recipient}\r\n".encode() + rest


class _Progress:
    """How far one try came: whether the content was on its way when something failed."""

    def __init__(self) -> None:
        self.begun = False

    def failed(self, code: Code) -> TryAgain:
        """Return what a failure without an answer means."""
        if self.begun:
            return TryAgain(Code.MAIL_ANSWER_LOST, may_have_arrived=True)
        return TryAgain(code)


def _is_a_no(status: int) -> bool:
    return 400 <= status < 600


def _answer_to(status: int) -> MailResult:
    """Return what a server's no to the recipient, or to the content, means."""
    return MailRefused() if status >= _FOR_GOOD else TryAgain()


def _code_of(error: Exception) -> Code:
    import aiosmtplib

    match error:
        case aiosmtplib.SMTPAuthenticationError() | aiosmtplib.SMTPSenderRefused():
            return Code.MAIL_LOGIN_REFUSED
        case ssl.SSLError() | aiosmtplib.SMTPNotSupported():
            return Code.MAIL_SERVER_UNTRUSTED
    if isinstance(error.__cause__, ssl.SSLError):
        return Code.MAIL_SERVER_UNTRUSTED
    if isinstance(error, aiosmtplib.SMTPResponseException) and error.code < _FOR_GOOD:
        return Code.MAIL_TRY_AGAIN
    return Code.MAIL_SERVER_AWAY


def _read_url(url: object) -> tuple[str, str, int, tuple[str, str] | None]:
    check_text("url", url)
    text = str(url)
    wrong = ConfigurationError(
        "url is smtp://user:password@host:587 or smtps://user:password@host:465"
    )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme not in _PORTS or not parts.hostname or not text.isprintable():
        raise wrong
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise wrong
    if (parts.username is None) != (parts.password is None):
        raise ConfigurationError("url has a user without a password, or a password without a user")

    user, password = parts.username, parts.password
    login = None if user is None or password is None else (unquote(user), unquote(password))
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme], login


def _read_mailbox(name: str, value: object) -> tuple[str, str]:
    """Return a name and an address, such as ``Northwind Notes <billing@example.com>``."""
    check_text(name, value)
    text = str(value)
    found = getaddresses([text])
    shown, address = found[0] if len(found) == 1 else ("", "")
    if text != one_line(text) or not is_address(address) or not address.isascii():
        raise ConfigurationError(
            f"{name} is an address, such as 'Northwind Notes <billing@example.com>', with an ASCII address in it"
        )
    return shown, address


def _is_domain(value: object) -> bool:
    return isinstance(value, str) and _DOMAIN.fullmatch(value) is not None


def _name_or_address_of(server: aiosmtplib.SMTP) -> str:
    """Return this machine's domain name, or its address as RFC 5321, 4.1.3, writes it."""
    name = socket.gethostname()
    if _is_domain(name):
        return name

    address = ipaddress.ip_address(server.get_transport_info("sockname")[0].partition("%")[0])
    return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"


def _on_the_wire(address: str, *, utf8: bool) -> str | None:
    """Return an address as a server takes it, None where this one cannot."""
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    if local.isascii():
        try:
            return f"{local}@{domain.encode('idna').decode('ascii')}"
        except UnicodeError:
            return None
    return address if utf8 else None
