"""A stored flow session that another release wrote in another shape: its customer can leave, and no page breaks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel.core.flow.conditions import reason
from aiocancel.core.flow.definition import CouponOffer
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow
from tests.support.saas import Events, Pool, add_customer, as_customer, make_app, make_cancel
from tests.support.web import Page

HALF = CouponOffer("half", percent_off=50, months=3, when=reason("too_expensive"))

SHOWN: Final = "shown = jsonb_set(shown, '{0,%s}', '%s')"
SHAPES: Final = {
    "step that is unknown": """progress = progress || '{"step": "wheel"}'""",
    "state that is unknown": """progress = progress || '{"state": "paused"}'""",
    "progress without a field": "progress = progress - 'months'",
    "progress with another field": """progress = progress || '{"mood": "grim"}'""",
    "offer considered without its months": "considered = considered #- '{0,months}'",
    "snapshot with another field": """snapshot = snapshot || '{"mood": "grim"}'""",
    "snapshot with a list for columns": """snapshot = snapshot || '{"columns": []}'""",
    "snapshot with a number of another shape": (
        """snapshot = snapshot || '{"columns": {"seats": {"decimal": "many"}}}'"""
    ),
    "price of another shape": SHOWN % ("price", '{"sum": 5}'),
    "terms of another type": SHOWN % ("terms", '{"": {"type": "wheel"}}'),
    "terms that are a list": SHOWN % ("terms", "[]"),
    "offer shown without its key": "shown = shown #- '{0,offer}'",
}


@pytest.mark.parametrize("change", SHAPES.values(), ids=list(SHAPES))
async def test_a_session_of_another_shape_breaks_no_page_and_keeps_nobody_from_leaving(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    change: str,
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada", current_period_end=datetime.now(UTC) + timedelta(days=20))
    await add_customer(pool, "ada", "sub_ada")
    vendor, events = OwnFlow(offers=[HALF]), Events()
    cancel = make_cancel(pool, url, vendor=vendor, on_event=events, answer_within_s=0.01)
    client = await aiohttp_client(make_app(cancel))
    ada = {**as_customer("ada"), "Accept": "text/html"}

    opened = await client.get("/cancel", headers=ada)
    session = opened.url.path.removesuffix("/why")
    hidden = {
        each["name"]: each for each in Page(await opened.text()).all("input") if "name" in each
    }
    grant = hidden["grant"]["value"]
    answered = {"do": "continue", "reason": "too_expensive", "grant": grant}
    offered = await client.post(session, data=answered, headers=ada)
    assert 'value="accept"' in await offered.text()
    async with pool.acquire() as connection, connection.transaction():
        # Another release has a schema of its own; the triggers of this one stand aside.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await connection.execute(f"UPDATE aiocancel.flow_session SET {change}")

    shown = [await client.get(path, headers=ada) for path in ("/cancel", session, f"{session}/why")]
    pressed = {"do": "accept", "offer": "half", "grant": grant}
    accepted = await client.post(session, data=pressed, headers=ada)

    assert shown[0].status == 200
    assert 'value="cancel"' in await shown[0].text()
    assert {each.status for each in shown} <= {200, 409}
    for each in shown:
        if each.status == 409:
            assert {link["href"] for link in Page(await each.text()).all("a")} >= {"/cancel"}
    pressed_in_vain = accepted.status == 409 or "no longer available" in await accepted.text()
    # Nothing of what decides about the gift is lost.
    assert pressed_in_vain or accepted.url.path.startswith("/cancel/status/")
    left = await client.post(session, data={"do": "cancel", "grant": grant}, headers=ada)
    assert left.status == 200
    assert left.url.path.startswith("/cancel/status/")
    claims = "SELECT count(*) FROM aiocancel.claim WHERE status = 'canceled'"
    assert await pool.fetchval(claims) == 1
