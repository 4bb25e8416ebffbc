"""A company that writes to its customers, with a real mail server behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from aiocancel import CancelFlow, SmtpMailer, SubscriptionQuery
from tests.support.company import Company
from tests.support.mail_server import MailServer
from tests.support.saas import Pool, as_customer
from tests.support.waiting import until

ADDRESS = "ada@example.com"
QUERY = SubscriptionQuery(
    "SELECT stripe_subscription_id, customer_id || '@example.com' AS email, 'Pro' AS plan "
    "FROM app_subscription WHERE customer_id = $1"
)


def mailer_for(server: MailServer) -> SmtpMailer:
    return SmtpMailer(
        f"smtp://127.0.0.1:{server.port}",
        sender="Northwind Notes <billing@shop.example>",
        tls="off",
        within_s=3.0,
    )


def writing(company: Company, mailer: object, **settings: Any) -> CancelFlow:
    """A plug-in that writes to customers."""
    defaults: dict[str, Any] = {
        "subscriptions": QUERY,
        "mailer": mailer,
        "site_url": "https://shop.example",
        "time_zone": "Europe/Berlin",
        "answer_within_s": 2.0,
    }
    return company.plug_in(**{**defaults, **settings})


@asynccontextmanager
async def letters(company: Company, **settings: Any) -> AsyncIterator[MailServer]:
    """Open the site with a mail server of its own."""
    async with MailServer().serve() as server:
        mailer = mailer_for(server)
        await company.open(writing(company, mailer, **settings))
        yield server
        assert company.client is not None
        await company.client.close()


async def press(company: Company, status: str = "canceled", **headers: str) -> str:
    """Press the button of the plain page; returns the claim's id."""
    assert company.client is not None
    form = {"grant": await company.grant(), "status": status}
    response = await company.client.post(
        "/cancel/result",
        data=form,
        headers={**as_customer("ada"), "Accept": "text/html", **headers},
        allow_redirects=False,
    )
    assert response.status == 303, await response.text()
    return response.headers["Location"].rpartition("/")[2]


async def mails(server: MailServer, at_least: int = 1) -> list[EmailMessage]:
    """The mails that came, once there are enough."""
    await until(lambda: len(server.taken) >= at_least, within_s=20)
    return server.mails


async def let_pass(pool: Pool, time: timedelta) -> None:
    """Let time go by for the ledger: what waits is due sooner by it, and claims are older."""
    await pool.execute("UPDATE aiocancel.claim SET recorded_at = recorded_at - $1::interval", time)
    await pool.execute(
        "UPDATE aiocancel.action SET due_at = due_at - $1::interval, created_at = created_at - $1::interval "
        "WHERE state = 'waiting'",
        time,
    )
    await pool.execute(
        "UPDATE aiocancel.pgqueuer SET execute_after = execute_after - $1::interval WHERE status = 'queued'",
        time,
    )


async def letter_kinds(pool: Pool) -> list[str]:
    """The letters that the mail server has, in their order."""
    rows = await pool.fetch(
        "SELECT kind FROM aiocancel.acknowledgement WHERE handed_over_at IS NOT NULL ORDER BY action_id"
    )
    return [row["kind"] for row in rows]


async def has_letters(pool: Pool, at_least: int) -> bool:
    """Whether the ledger knows that the mail server has so many letters."""
    return len(await letter_kinds(pool)) >= at_least


async def no_letter_waits(pool: Pool) -> bool:
    """Whether no letter is due or under way."""
    return not await pool.fetchval(
        "SELECT EXISTS (SELECT FROM aiocancel.action WHERE kind = 'acknowledge' "
        "AND (state = 'running' OR state = 'waiting' AND due_at <= now()))"
    )
