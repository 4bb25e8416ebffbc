"""Customers get in writing what they declared and what became of it."""

import os
from typing import Any

import aiocancel

SUBSCRIPTIONS = aiocancel.SubscriptionQuery(
    "SELECT stripe_subscription_id, plan, email FROM account WHERE id = $1"
)


def make_cancel(**settings: Any) -> aiocancel.CancelFlow:
    return aiocancel.CancelFlow(
        subscriptions=SUBSCRIPTIONS,
        mailer=aiocancel.SmtpMailer(
            os.environ["SMTP_URL"],  # smtp://user:password@mail.example.com:587
            sender="Northwind Notes <billing@shop.example>",
            reply_to="help@shop.example",
        ),
        site_url="https://shop.example",  # for the links in the mails
        languages=["en", "de"],
        **settings,
    )
