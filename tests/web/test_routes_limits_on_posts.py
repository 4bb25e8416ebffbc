"""A customer who asks for too much at a time is told so, in JSON and on a page, and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import FormData
from pytest_aiohttp import AiohttpClient

from tests.support.saas import Pool, add_customer, as_customer, make_app, make_cancel
from tests.support.web import subscription_of


@pytest.mark.parametrize(
    ("limits", "status", "code", "words"),
    [
        (
            {"most_unfinished_actions": 1},
            409,
            "too_much_unfinished",
            "Several of your requests are still being carried out. Please try again when they are done.",
        ),
        (
            {"most_posts_per_minute": 1},
            429,
            "too_many_posts",
            "You have sent several requests within a minute. Please wait a minute and try again.",
        ),
    ],
)
async def test_a_post_beyond_a_limit_is_refused_with_a_reason_and_the_customers_words(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    limits: dict[str, Any],
    status: int,
    code: str,
    words: str,
) -> None:
    await add_customer(pool, "ada", subscription_of("ada"))
    cancel = make_cancel(pool, run_worker=False, answer_within_s=0.01, **limits)
    client = await aiohttp_client(make_app(cancel))
    headers = as_customer("ada")

    async def grant() -> str:
        response = await client.get("/cancel/payload", headers=headers)
        return str((await response.json())["flow"]["grant"])

    taken = {"grant": await grant(), "status": "canceled"}
    assert (await client.post("/cancel/result", json=taken, headers=headers)).status == 202
    refused = await client.post(
        "/cancel/result", json={"grant": await grant(), "status": "resumed"}, headers=headers
    )
    page = await client.post(
        "/cancel/result",
        data=FormData({"grant": await grant(), "status": "resumed"}),
        headers={**headers, "Accept": "text/html"},
    )
    repeated = await client.post("/cancel/result", json=taken, headers=headers)

    body = await refused.json()
    assert (refused.status, body["error"], body["message"]) == (status, code, words)
    assert body["reason"].endswith(".")
    assert refused.headers.get("Retry-After") == ("60" if status == 429 else None)
    assert page.status == status
    assert words in await page.text()
    assert repeated.status == 202
