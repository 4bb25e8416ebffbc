"""Our own pages with the name, the logo and the colours of the site."""

from __future__ import annotations

from typing import Any

import aiocancel

THEME = aiocancel.Theme(
    name="Northwind Notes",
    logo="/static/logo.svg",
    light={"action": "#0b6b3a"},
    radius="4px",
)


def make_cancel(**settings: Any) -> aiocancel.CancelFlow:
    """Make the plug-in; the subscription's row names its customer and its plan."""
    return aiocancel.CancelFlow(
        subscriptions=aiocancel.SubscriptionQuery(
            "SELECT stripe_subscription_id, plan, email FROM account WHERE id = $1"
        ),
        theme=THEME,
        **settings,
    )
