"""A mailer for a demo: it hands every mail to a page of the site instead of to a server."""

from __future__ import annotations

from collections import deque
from html import escape

from aiohttp import web

import aiocancel

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mailbox</title>
<link rel="stylesheet" href="/static/site.css">
</head>
<body><main><h1>Mailbox</h1>
<p>Every mail that the demo sends, the newest first. <a href="/">Back</a></p>
{mails}
</main></body>
</html>"""
MAIL = """<section class="card"><h2>{subject}</h2>
<p>To {to} · <a href="/mailbox/{number}">as HTML</a></p>
<pre>{text}</pre></section>"""


class Mailbox:
    """Keeps the newest mails; give it as ``mailer=`` and add its routes."""

    def __init__(self, *, most: int = 100) -> None:
        self.mails: deque[aiocancel.MailMessage] = deque(maxlen=most)

    async def send(self, message: aiocancel.MailMessage, /) -> aiocancel.HandedOver:
        """Take a mail."""
        self.mails.append(message)
        return aiocancel.HandedOver()

    def add_routes(self, app: web.Application) -> None:
        """Add ``/mailbox``, and each mail's HTML below it."""
        app.router.add_get("/mailbox", self.show_all)
        app.router.add_get(r"/mailbox/{number:\d{1,3}}", self.show_html)

    async def show_all(self, _: web.Request) -> web.Response:
        """Show every mail as plain text."""
        shown = [
            MAIL.format(
                subject=escape(mail.subject),
                to=escape(mail.to),
                number=number,
                text=escape(mail.text),
            )
            for number, mail in enumerate(self.mails)
        ]
        mails = "\n".join(reversed(shown)) or "<p>Nothing was sent yet.</p>"
        return web.Response(text=PAGE.format(mails=mails), content_type="text/html")

    async def show_html(self, request: web.Request) -> web.Response:
        """Show one mail as a mail program does: its own styles, and nothing that it could load."""
        number = int(request.match_info["number"])
        if number >= len(self.mails):
            raise web.HTTPNotFound
        policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups"
        return web.Response(
            text=self.mails[number].html,
            content_type="text/html",
            headers={"Content-Security-Policy": policy},
        )
