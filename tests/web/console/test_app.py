"""The owner's pages: who may see them, what they show, and what a form of theirs does."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest
import pytest_asyncio
from aiohttp import ClientResponse, web
from pytest_aiohttp import AiohttpClient

from aiocancel.core.codes import Code
from aiocancel.core.flow_details import FREE_TEXT, Answered, FlowDetails
from aiocancel.errors import ConfigurationError, UnavailableError
from aiocancel.postgres.console import LIST, ConsoleStore
from aiocancel.postgres.ledger import Ledger
from aiocancel.web.console.now import page_at_stripe
from tests.support.claims import ask, take_due
from tests.support.console_site import (
    AT,
    SLEEPERS,
    Client,
    as_operator,
    get,
    page,
    plain,
    site,
    who_is_this,
)
from tests.support.past_sessions import PastSession, add_reading, add_sessions
from tests.support.saas import Pool, add_customer, as_customer, make_cancel
from tests.support.waiting import until

OWNER = uuid.UUID(int=1)


@pytest_asyncio.fixture(loop_scope="session")
async def client(aiohttp_client: AiohttpClient, pool: Pool) -> AsyncIterator[Client]:
    yield await aiohttp_client(site(pool))


async def park(
    pool: Pool, subscription: str = "sub_1", code: Any = Code.PAYMENT_IS_OVERDUE, **fields: Any
) -> int:
    """Park a cancellation that a customer asked for; returns its id."""
    action_id = await ask(pool, subscription, **fields)
    (taken,) = await take_due(pool, OWNER, limit=1)
    await Ledger(pool).park(taken, code)
    return action_id


def token_in(text: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', text)
    assert found is not None
    return found[1]


def parked_in(text: str) -> str:
    found = re.search(r'name="parked" value="([0-9]+)"', text)
    assert found is not None
    return found[1]


async def post(client: Client, *fields: tuple[str, str], operator: str = "j.doe") -> ClientResponse:
    return await client.post(
        f"{AT}/actions", data=list(fields), headers=as_operator(operator), allow_redirects=False
    )


async def state_of(pool: Pool, action_id: int) -> tuple[str, str | None]:
    row = await pool.fetchrow(
        "SELECT aiocancel.shown_state(state, closed_at) AS state, closed_reason FROM aiocancel.action WHERE id = $1",
        action_id,
    )
    assert row is not None
    return row["state"], row["closed_reason"]


PAGES = ("", "/", "/sessions", "/figures", "/flow", "/definitions")


# --- who may


@pytest.mark.parametrize("path", [*PAGES, "/sessions/s1", "/actions/1/close", "/nothing"])
async def test_nobody_sees_a_page_and_cannot_tell_it_from_one_that_is_not_there(
    client: Client, path: str
) -> None:
    response = await client.get(AT + path, allow_redirects=False)
    missing = await client.get("/no/such/page")

    assert response.status == missing.status == 404
    assert await response.text() == await missing.text()


async def test_operator_is_asked_on_every_request_and_its_mistakes_let_nobody_in(
    aiohttp_client: AiohttpClient, pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    mistakes = [RuntimeError("secret of ada"), UnavailableError("the database of ada is away")]
    answers: list[Any] = ["jo", None, "", "  ", 7, True, b"jo", *mistakes, "jo"]

    def operator(_: web.Request) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = await aiohttp_client(site(pool, operator=operator))
    found = [(await client.get(f"{AT}/")).status for _ in range(10)]

    assert found == [200, *[404] * 8, 200]
    assert "of ada" not in caplog.text
    assert "operator returned a value of type int" in caplog.text


async def test_operator_may_answer_with_the_applications_own_page(
    aiohttp_client: AiohttpClient, pool: Pool
) -> None:
    async def operator(_: web.Request) -> str | None:
        raise web.HTTPFound("/login")

    client = await aiohttp_client(site(pool, operator=operator))
    response = await client.get(f"{AT}/", allow_redirects=False)

    assert (response.status, response.headers["Location"]) == (302, "/login")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"operator": "jo"}, "operator"),
        ({"operator": who_is_this, "personal_data": 1}, "personal_data"),
        ({"operator": who_is_this, "language": "pl"}, "language: .*'en'"),
        ({"operator": who_is_this, "language": "EN"}, "language"),
        ({"operator": who_is_this, "language": ["en"]}, "language"),
    ],
    ids=["no function", "no flag", "no such language", "no code", "no text"],
)
async def test_console_refuses_settings_that_cannot_be_meant(
    pool: Pool, settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        make_cancel(pool).console(**settings)


async def test_an_operators_name_is_text_in_the_page_and_has_no_control_characters(
    aiohttp_client: AiohttpClient, pool: Pool
) -> None:
    client = await aiohttp_client(site(pool, operator=lambda _: "<b>jo</b>\r\n\u202e" + "x" * 200))
    text = await (await client.get(f"{AT}/")).text()

    assert "&lt;b&gt;jo&lt;/b&gt;??" in text
    assert "x" * 101 not in text


# --- the frame


async def test_every_page_has_a_policy_without_scripts_and_is_kept_by_nobody(
    client: Client, pool: Pool
) -> None:
    await park(pool)
    for path in PAGES:
        response = await get(client, path)
        text = await response.text()
        policy = response.headers.getall("Content-Security-Policy")

        nonce = re.search(r'<style nonce="([^"]+)">', text)
        assert nonce is not None
        assert policy == [
            f"default-src 'none'; style-src 'nonce-{nonce[1]}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ]
        assert (response.headers["Cache-Control"], response.headers["X-Frame-Options"]) == (
            "no-store",
            "DENY",
        )
        assert "<script" not in text
        assert " style=" not in text
        assert not re.search(r"\son[a-z]+=", text)
        assert text.count("<h1") == 1


async def test_the_mount_leads_to_the_first_page_and_tabs_name_the_one_that_is_open(
    client: Client,
) -> None:
    response = await client.get(AT, headers=as_operator(), allow_redirects=False)
    text = await page(client, "/flow")

    assert (response.status, response.headers["Location"]) == (302, f"{AT}/")
    assert re.findall(r'href="([^"]+)" aria-current="page">(\w+)', text) == [(f"{AT}/flow", "Flow")]
    assert ">Test<" in text
    assert "j.doe" in text


@pytest.mark.parametrize("path", ["/", "/sessions", "/figures", "/flow", "/definitions"])
async def test_every_page_is_there_as_json_as_csv_and_for_print(
    client: Client, pool: Pool, path: str
) -> None:
    await park(pool)
    await add_sessions(pool, PastSession(1))

    as_json = await get(client, path, view="json")
    as_csv = await get(client, path, view="csv")
    printed = await page(client, path, view="print")

    assert isinstance(json.loads(await as_json.text()), dict | list)
    assert as_csv.content_type == "text/csv"
    assert "attachment" in as_csv.headers["Content-Disposition"]
    assert "," in await as_csv.text()
    assert not re.search(r"<nav|<form|prefers-color-scheme: dark|<details>", printed)


# --- now


async def test_nobody_waits(client: Client) -> None:
    assert "Nobody waits. Last looked at" in await page(client)


async def test_a_card_says_what_the_customer_was_told_why_it_stopped_and_what_to_do(
    client: Client, pool: Pool
) -> None:
    older, newer = await park(pool), await park(pool, "sub_2", Code.SUBSCRIPTION_HAS_A_SCHEDULE)
    await pool.execute(
        "UPDATE aiocancel.action SET finished_at = now() - interval '130 minutes' WHERE id = $1",
        older,
    )
    text = plain(await page(client))
    listed = await (await get(client, view="json")).json()

    assert "2 wait for a person. The oldest has waited 2 hours 10 minutes." in text
    assert "Told the customer “We have your request. A person will complete it.”" in text
    assert (
        "At Stripe a subscription schedule plans what becomes of this subscription."
        " subscription_has_a_schedule"
    ) in text
    assert "If its plan may go, release the schedule there; if not, make the change in it" in text
    assert "Then press “Try again”: it looks at Stripe first and does only what is missing." in text
    assert text.index("sub_1") < text.index("sub_2")
    assert [each["action"] for each in listed["waiting"]] == [older, newer]
    assert listed["machinery"]["parked"] == 2
    assert "ada" not in text


async def test_a_card_leads_to_its_subscription_in_stripes_dashboard_of_its_mode(
    client: Client, pool: Pool
) -> None:
    await park(pool)
    shown = await page(client)

    assert '<a class="plain" href="https://dashboard.stripe.com/test/subscriptions/sub_1"' in shown
    assert page_at_stripe("sub_1", "live") == "https://dashboard.stripe.com/subscriptions/sub_1"
    assert page_at_stripe('s/"?', "test").endswith("/subscriptions/s%2F%22%3F")


async def test_more_than_three_alike_are_folded_and_tried_again_by_their_ids_alone(
    client: Client, pool: Pool
) -> None:
    ids = [await park(pool, f"sub_{n}") for n in range(5)]
    folded = await page(client)
    opened = await page(client, alike="payment_is_overdue:cancel_at_period_end")

    assert folded.count("<article") == 1
    assert "5 alike" in folded
    assert opened.count("<article") == 5
    late = await park(pool, "sub_late")
    form = opened[opened.index('<form class="alike"') :]
    named = re.findall(r'name="action" value="(\d+)"', form[: form.index("</form>")])
    response = await post(
        client,
        ("token", token_in(opened)),
        ("do", "retry"),
        *(("action", each) for each in named),
    )

    assert response.status == 303
    assert sorted(map(int, named)) == ids
    assert [(await state_of(pool, each))[0] for each in ids] == ["waiting"] * 5
    assert (await state_of(pool, late))[0] == "parked"


async def test_trying_again_is_journalled_with_the_operators_name_and_said_once_done(
    client: Client, pool: Pool
) -> None:
    action_id = await park(pool)
    token = token_in(await page(client))
    fields = (("token", token), ("do", "retry"), ("action", str(action_id)))
    first = await post(client, *fields)
    second = await post(client, *fields)

    assert (
        "Tried again. It is being carried out."
        in await (await client.get(first.headers["Location"], headers=as_operator())).text()
    )
    assert (
        "Nothing was done"
        in await (await client.get(second.headers["Location"], headers=as_operator())).text()
    )
    rows = await pool.fetch(
        "SELECT entry, operator FROM aiocancel.journal WHERE operator IS NOT NULL"
    )
    assert [tuple(row) for row in rows] == [("action_retried", "j.doe")]


async def test_what_was_said_is_said_to_the_operator_who_did_it_and_to_no_address_of_anothers(
    client: Client, pool: Pool
) -> None:
    action_id = await park(pool)
    token = token_in(await page(client))
    done = await post(client, ("token", token), ("do", "retry"), ("action", str(action_id)))
    where = done.headers["Location"]

    other = await (await client.get(where, headers=as_operator("mallory"))).text()
    forged = await (
        await client.get(where.replace("retry.1", "close.1"), headers=as_operator())
    ).text()

    for text in (
        other,
        forged,
        await page(client, said="retry.1.1.x"),
        await page(client, said="...."),
    ):
        assert 'role="status"' not in text


@pytest.mark.parametrize(
    ("reason", "word", "kept"),
    [
        ("done_by_hand", "", "done_by_hand"),
        ("other", "chargeback", "chargeback"),
        ("other", "", "other"),
        ("duplicate", "ignored", "duplicate"),
    ],
)
async def test_an_action_is_closed_with_a_reason(
    client: Client, pool: Pool, reason: str, word: str, kept: str
) -> None:
    action_id = await park(pool)
    asked = await page(client, f"/actions/{action_id}/close")
    response = await post(
        client,
        ("token", token_in(asked)),
        ("do", "close"),
        ("action", str(action_id)),
        ("parked", parked_in(asked)),
        ("reason", reason),
        ("word", word),
    )

    assert "The customer will read: “A person has taken over your request." in plain(asked)
    assert response.status == 303
    assert await state_of(pool, action_id) == ("closed", kept)
    assert (await get(client, f"/actions/{action_id}/close")).status == 404
    (row,) = await pool.fetch("SELECT entry, code FROM aiocancel.journal WHERE operator = 'j.doe'")
    assert tuple(row) == ("action_closed", kept)


async def test_a_form_to_close_one_stop_does_not_close_a_later_one(
    client: Client, pool: Pool
) -> None:
    """Another operator tries it again, and it stops for another reason than the one that was read."""
    action_id = await park(pool)
    asked = await page(client, f"/actions/{action_id}/close")
    retry = ("token", token_in(asked)), ("do", "retry"), ("action", str(action_id))
    await post(client, *retry)
    (taken,) = await take_due(pool, OWNER, limit=1)
    await Ledger(pool).park(taken, Code.CHANGED_SINCE_IT_WAS_TRIED)

    response = await post(
        client,
        ("token", token_in(asked)),
        ("do", "close"),
        ("action", str(action_id)),
        ("parked", parked_in(asked)),
        ("reason", "customer_withdrew"),
    )
    said = await (await client.get(response.headers["Location"], headers=as_operator())).text()

    assert await state_of(pool, action_id) == ("parked", None)
    assert "Nothing was done: it was dealt with meanwhile" in said


async def test_what_was_tried_again_before_the_database_went_away_is_said(
    client: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiocancel.postgres.console.LIMITED", "SET LOCAL lock_timeout = 100")
    first, second = await park(pool, "sub_1"), await park(pool, "sub_2")
    token = token_in(await page(client))
    async with pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM aiocancel.action WHERE id = $1 FOR UPDATE", second)
        tried = [
            await post(
                client,
                ("token", token),
                ("do", "retry"),
                *(("action", str(each)) for each in asked),
            )
            for asked in ([first, second], [second])
        ]
    said = await (await client.get(tried[0].headers["Location"], headers=as_operator())).text()

    assert [each.status for each in tried] == [303, 503]
    assert "Tried 1 of 2 again." in said
    assert await state_of(pool, first) == ("waiting", None)


OK = {"token": "", "do": "retry", "action": ""}


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"token": "1.x"}, 403),
        ({"token": None}, 403),
        ({"do": "delete"}, 400),
        ({"do": None}, 400),
        ({"action": "all"}, 400),
        ({"action": "-1"}, 400),
        ({"action": "9" * 40}, 400),
        ({"action": "٣"}, 400),
        ({"action": None}, 400),
        ({"do": "close"}, 400),
        ({"do": "close", "reason": "because"}, 400),
        ({"do": "close", "reason": "refunded", "parked": None}, 400),
        ({"do": "close", "reason": "refunded", "parked": "9" * 17}, 400),
        ({"do": "close", "reason": "refunded", "parked": "٣"}, 400),
        ({"do": "close", "reason": "other", "word": "Ada asked, by mail"}, 400),
    ],
    ids=lambda value: (
        ",".join(f"{k}={(v or 'none')[:9]}" for k, v in value.items())
        if isinstance(value, dict)
        else None
    ),
)
async def test_a_form_that_is_forged_or_cannot_be_read_does_nothing(
    client: Client, pool: Pool, changed: dict[str, str | None], status: int
) -> None:
    action_id = await park(pool)
    fields: dict[str, str | None] = {
        **OK,
        "token": token_in(await page(client)),
        "action": str(action_id),
        **changed,
    }
    response = await post(
        client, *((name, value) for name, value in fields.items() if value is not None)
    )
    text = await response.text()

    assert response.status == status, text
    assert "Nothing was done" in text
    assert (await state_of(pool, action_id))[0] == "parked"


async def test_a_form_of_another_operator_or_of_another_content_type_does_nothing(
    client: Client, pool: Pool
) -> None:
    action_id = await park(pool)
    fields = (("token", token_in(await page(client))), ("do", "retry"), ("action", str(action_id)))

    theirs = await post(client, *fields, operator="mallory")
    nobodys = await client.post(f"{AT}/actions", data=list(fields))
    as_json = await client.post(f"{AT}/actions", json=dict(fields), headers=as_operator())
    too_long = await post(client, *fields, ("x", "y" * 20_000))
    not_ascii = await client.post(
        f"{AT}/actions",
        data=b"token=\xff",
        headers={**as_operator(), "Content-Type": "application/x-www-form-urlencoded"},
    )

    statuses = [each.status for each in (theirs, nobodys, as_json, too_long, not_ascii)]
    assert statuses == [403, 404, 415, 400, 400]
    assert (await state_of(pool, action_id))[0] == "parked"


async def test_what_belongs_to_live_mode_is_neither_shown_nor_touched_in_test_mode(
    client: Client, pool: Pool
) -> None:
    action_id = await park(pool)
    token = token_in(await page(client))
    await pool.execute("UPDATE aiocancel.claim SET mode = 'live'")
    await post(client, ("token", token), ("do", "retry"), ("action", str(action_id)))

    assert (await state_of(pool, action_id))[0] == "parked"
    text = await page(client)
    assert "<article" not in text
    assert "Nobody waits" in plain(text)
    assert (await (await get(client, view="json")).json())["machinery"]["parked"] == 0
    assert (await get(client, f"/actions/{action_id}/close")).status == 404


async def test_trouble_is_said_in_words(client: Client, pool: Pool) -> None:
    await ask(pool, "sub_9")
    await pool.execute("UPDATE aiocancel.action SET due_at = now() - interval '5 minutes'")
    await pool.execute(
        "INSERT INTO aiocancel.subscription_news (account, subscription_id, reported) VALUES ('', 'sub_7', '{1}')"
    )
    text = plain(await page(client))

    assert (
        "1 to do, the oldest due for 5 minutes: nothing is carried out. Start a worker: aiocancel worker"
        in text
    )
    assert "taken back at Stripe by another person or program: sub_7" in text


async def test_readings_are_late_however_often_they_were_tried_in_vain(
    client: Client, pool: Pool
) -> None:
    """What Stripe or the row of the application does not tell is asked for again up to a day later."""
    now = datetime.now(UTC)
    ids = await add_sessions(
        pool,
        # Never looked at; twice tried today and due again; on its day; of the other mode.
        PastSession(1, opened_at=now - timedelta(days=40)),
        PastSession(2, opened_at=now - timedelta(days=40)),
        PastSession(3, opened_at=now - timedelta(days=50)),
        PastSession(4, opened_at=now - timedelta(days=30, hours=12)),
        PastSession(5, opened_at=now - timedelta(days=40), mode="live"),
    )
    await pool.execute(
        "UPDATE aiocancel.kept_reading SET attempts = 3, due_at = now() + interval '20 hours'"
        " WHERE day = 30 AND session = ANY($1)",
        ids[1:4],
    )

    assert "Readings 3 are more than a day late" in plain(await page(client))

    await pool.execute("UPDATE aiocancel.kept_reading SET due_at = now() WHERE day = 30")
    for session in ids[:3]:
        await add_reading(pool, session, is_late=True)
    assert "more than a day late" not in plain(await page(client))


# --- sessions


async def sessions_of_all_sorts(pool: Pool) -> list[int]:
    opened = datetime.now(UTC) - timedelta(days=40)

    return await add_sessions(
        pool,
        PastSession(1, "canceled", opened, reason="too_expensive", shown=("half",)),
        PastSession(2, "accepted", opened, shown=("half",), accepted="half", customer_id="c%d"),
        PastSession(3, "abandoned", opened, hold_out=True, snapshot=None),
        PastSession(
            4,
            "canceled",
            opened,
            snapshot={"plan": "<Pro>", "price_minor": 2900, "currency": "jpy", "interval": "month"},
        ),
        PastSession(
            5, "open", opened, told_by="vendor", snapshot={"price_minor": "?", "currency": 7}
        ),
    )


async def test_the_list_has_every_session_with_its_price_or_without(
    client: Client, pool: Pool
) -> None:
    ids = await sessions_of_all_sorts(pool)
    await add_reading(pool, ids[1], 30, "active")
    text = await page(client, "/sessions")

    assert "5 found" in text
    assert "&lt;Pro&gt;, ¥2,900 a month" in text
    assert "Pro, €29.00 a month" in text
    assert text.count("price not known") == 2
    assert "took half" in text
    assert "hold-out" in text
    assert "kept" in text
    assert "customer_1" not in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 5),
        ({"q": "sub_1"}, 1),
        ({"q": "sub_"}, 5),
        ({"q": "%"}, 0),
        ({"q": "c%"}, 1),
        ({"q": "sub%"}, 0),
        ({"q": "s_b"}, 0),
        ({"q": "customer_3"}, 1),
        ({"q": "run_4"}, 1),
        ({"q": "SUB_1"}, 0),
        ({"q": "'; DROP TABLE aiocancel.claim; --"}, 0),
        ({"q": "\\"}, 0),
        ({"outcome": "canceled"}, 2),
        ({"reason": "too_expensive"}, 1),
        ({"from": "2020-01-01", "to": "2020-12-31"}, 0),
        ({"q": "sub_", "outcome": "accepted"}, 1),
        ({"before": "0"}, 0),
    ],
    ids=lambda value: (
        "&".join(f"{k}={v}" for k, v in value.items()) or "all"
        if isinstance(value, dict)
        else str(value)
    ),
)
async def test_a_search_finds_whole_ids_and_their_starts_and_takes_everything_literally(
    client: Client, pool: Pool, query: dict[str, str], found: int
) -> None:
    await sessions_of_all_sorts(pool)
    listed = await (await get(client, "/sessions", view="json", **query)).json()

    assert len(listed["sessions"]) == found


async def test_a_claim_without_a_session_is_found_by_its_id_and_its_start(
    client: Client, pool: Pool
) -> None:
    await ask(pool, "sub_9")
    (public_id,) = [
        row["public_id"] for row in await pool.fetch("SELECT public_id FROM aiocancel.claim")
    ]
    for start in (str(public_id), str(public_id)[:7], public_id.hex[:12].upper(), "ada", "sub_9"):
        listed = await (await get(client, "/sessions", view="json", q=start)).json()
        assert [each["subscription"] for each in listed["sessions"]] == ["sub_9"], start


async def test_nothing_found_says_so_with_the_words_of_the_search(
    client: Client, pool: Pool
) -> None:
    text = await page(client, "/sessions", q="<%>")

    assert "Nothing found for “&lt;%&gt;”. Search takes a whole id, or the start of one." in text
    assert "No sessions yet." in await page(client, "/sessions")
    assert "No session is like that." in await page(client, "/sessions", outcome="open")


BAD = [
    {"from": "2026-13-01"},
    {"from": "0001-01-01"},
    {"to": "9999-12-31"},
    {"from": "2026-02-02", "to": "2026-01-01"},
    {"from": "1980-01-01", "to": "2026-01-01"},
    {"outcome": "won"},
    {"before": "yesterday"},
    {"before": "9" * 17},
    {"before": "1-x1"},
    {"before": "1-s"},
    {"before": "1-s" + "9" * 19},
    {"q": "x" * 256},
    {"q": "a\0b"},
    {"reason": "\0"},
    {"days": "-1"},
    {"days": "٣"},
    {"days": "99999999999999999999"},
    {"days": "00000000199999999999999999"},
]


@pytest.mark.parametrize(
    "query", BAD, ids=lambda query: "&".join(f"{k}={v[:12]!r}" for k, v in query.items())
)
async def test_an_address_that_cannot_be_is_a_clear_page(
    client: Client, query: dict[str, str]
) -> None:
    for view in ("", "json", "csv"):
        response = await get(client, "/sessions", view=view, **query)
        assert response.status == 400
        assert "That cannot be shown" in await response.text()


async def test_older_sessions_follow_page_by_page_without_a_gap(client: Client, pool: Pool) -> None:
    began = datetime(2026, 1, 5, 12, 0, 0, 123457, tzinfo=UTC)
    await add_sessions(
        pool,
        *(
            PastSession(n, opened_at=began + timedelta(minutes=n, microseconds=n))
            for n in range(120)
        ),
    )
    found: list[str] = []
    query: dict[str, str] = {}
    for _ in range(3):
        listed = await (await get(client, "/sessions", view="json", **query)).json()
        found += [each["subscription"] for each in listed["sessions"]]
        query = {"before": str(listed["before"])}

    assert found == [f"sub_{n}" for n in reversed(range(120))]
    assert listed["before"] is None


@pytest.mark.parametrize("query", [{}, {"q": "sub_"}], ids=["all", "search"])
async def test_no_session_of_one_moment_is_lost_between_two_pages(
    client: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch, query: dict[str, str]
) -> None:
    for module in ("aiocancel.postgres.console", "aiocancel.web.console.sessions"):
        monkeypatch.setattr(f"{module}.PAGE_SIZE", 3)
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    await add_sessions(
        pool,
        *(PastSession(n, opened_at=at) for n in range(8)),
        PastSession(8, opened_at=at - timedelta(seconds=1)),
    )
    # Those without a session follow those that have one.
    for number in range(5):
        await ask(pool, f"sub_c{number}")
    await pool.execute("UPDATE aiocancel.claim SET recorded_at = $1", at)

    found: list[str] = []
    before: dict[str, str] = {}
    for _ in range(8):
        listed = await (await get(client, "/sessions", view="json", **query, **before)).json()
        found += [each["subscription"] for each in listed["sessions"]]
        if listed["before"] is None:
            break
        before = {"before": listed["before"]}

    sessions = [f"sub_{n}" for n in reversed(range(8))]
    assert found == [*sessions, *(f"sub_c{n}" for n in reversed(range(5))), "sub_8"]


async def test_a_start_that_too_many_ids_have_says_so_and_finds_what_is_exactly_that(
    client: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the many that begin so, no few are taken for the newest; a whole id may be the start of others."""
    monkeypatch.setattr("aiocancel.postgres.console.MOST_FOUND", 3)
    began = datetime.now(UTC) - timedelta(hours=1)
    await add_sessions(
        pool, *(PastSession(n, opened_at=began + timedelta(minutes=n)) for n in (1, 10, 11, 12, 2))
    )

    for start, found, is_short in (
        ("sub_", [], True),
        ("sub_1", ["sub_1"], True),
        ("customer_1", ["sub_1"], True),
        ("sub_12", ["sub_12"], False),
        ("sub_2", ["sub_2"], False),
    ):
        listed = await (await get(client, "/sessions", view="json", q=start)).json()
        assert [each["subscription"] for each in listed["sessions"]] == found, start
        assert listed["is_short"] == is_short, start
        text = plain(await page(client, "/sessions", q=start))
        assert (f"ids begin with “{start}”" in text) == is_short, start
        assert "The newest" not in text


# --- one session as a story


async def story_of_ada(pool: Pool) -> int:
    """A session with everything: shown, answered, cancelled, parked, retried by hand, read on day 30."""
    (session,) = await add_sessions(
        pool,
        PastSession(
            1,
            "canceled",
            reason="unused",
            shown=("half",),
            customer_id="ada",
            considered=({"offer": "break", "code": "no_payment_falls_into_the_discount"},),
        ),
    )
    await pool.execute(
        "ALTER TABLE aiocancel.flow_session DISABLE TRIGGER flow_session_moves_along_its_ways"
    )
    await pool.execute(
        """UPDATE aiocancel.flow_session SET vendor = 'prosperstack', answers = '{"comment": "my <b>divorce</b>"}',
           snapshot = snapshot || '{"columns": {"email": "ada@example.org"}}' WHERE id = $1""",
        session,
    )
    await pool.execute(
        "ALTER TABLE aiocancel.flow_session ENABLE TRIGGER flow_session_moves_along_its_ways"
    )

    answered = Answered("q1", FREE_TEXT, "Why?", ("I loved Mrs Miller",))
    told = FlowDetails("vendor", answers=(answered,))
    await ask(pool, "sub_1", session="run_1", text="I am ill", details=told)
    ledger = Ledger(pool)
    (taken,) = await take_due(pool, OWNER, limit=1)
    await ledger.begin_write(taken)
    await ledger.end_write(taken, "rejected", code=Code.CARD_DECLINED, request_id="req_77")
    await ledger.park(taken, Code.CARD_DECLINED)
    await add_reading(
        pool, session, 30, "ended", paid={"eur": (2900, 100), "jpy": (500, 0)}, is_late=True
    )
    return session


async def test_a_story_tells_everything_in_its_order(client: Client, pool: Pool) -> None:
    session = await story_of_ada(pool)
    token = token_in(await page(client))
    action_id = await pool.fetchval("SELECT id FROM aiocancel.action")
    await post(client, ("token", token), ("do", "retry"), ("action", str(action_id)))

    text = plain(await page(client, f"/sessions/s{session}"))
    told = await (await get(client, f"/sessions/s{session}", view="json")).json()
    claim = await pool.fetchval("SELECT id FROM aiocancel.claim")

    for words in (
        "No payment is made while the discount lasts",
        "Shown: half",
        "Reason: I do not use it enough number 2 of 3 that were shown",
        "my &lt;b&gt;divorce&lt;/b&gt;",
        "I am ill",
        "What the flow vendor told",
        "I loved Mrs Miller",
        "Ended: Cancelled",
        "req_77",
        "Tried again by hand: Cancellation at period end by j.doe",
        "Read at Stripe for day 30 ended, read late",
        "€29.00 until day 30, €1.00 given away",
        "¥500 until day 30, ¥0 given away",
    ):
        assert words in text, words
    times = [each["at"] for each in told["timeline"]]
    assert times == sorted(times)
    assert told["customer"] == "ada"
    assert told["payments"][0] == {
        "day": 30,
        "currency": "eur",
        "invoices": 1,
        "paid_minor": 2900,
        "given_minor": 100,
    }
    assert plain(await page(client, f"/sessions/c{claim}")) == text
    assert (await get(client, "/sessions/s999999")).status == 404
    assert (await get(client, "/sessions/s1x")).status == 404


async def test_without_personal_data_no_page_and_no_search_names_a_customer(
    aiohttp_client: AiohttpClient, pool: Pool
) -> None:
    client = await aiohttp_client(site(pool, personal_data=False))
    session = await story_of_ada(pool)

    for path in ("/", "/sessions", f"/sessions/s{session}"):
        for view in ("", "json", "csv", "print"):
            text = await page(client, path, view=view)
            for secret in ("ada", "divorce", "ill<", "I am ill", "example.org", "Miller"):
                assert secret not in text, (path, view, secret)
    assert "hidden by console(personal_data=False)" in await page(client, f"/sessions/s{session}")
    listed = await (await get(client, "/sessions", view="json", q="ada")).json()
    assert listed["sessions"] == []


async def test_an_erased_customer_is_still_counted(client: Client, pool: Pool) -> None:
    (session,) = await add_sessions(pool, PastSession(1))
    await pool.execute(
        "UPDATE aiocancel.flow_session SET customer_id = '', erased_at = '2026-11-20 12:00+00' WHERE id = $1",
        session,
    )

    assert "1 found" in await page(client, "/sessions")
    assert "This customer was erased on 20 Nov 2026. The session still counts." in await page(
        client, f"/sessions/s{session}"
    )


# --- flow and definitions


async def test_the_flow_is_shown_as_it_was_stored_last(client: Client, pool: Pool) -> None:
    assert "No customer has been shown a flow of our own yet." in await page(client, "/flow")

    from aiocancel.core.flow.conditions import reason, tenure
    from aiocancel.core.flow.definition import CouponOffer, FlowDefinition, PauseOffer

    definition = FlowDefinition(
        offers=(
            CouponOffer(
                "half",
                percent_off=50,
                months=3,
                when=reason("too_expensive") & tenure(at_least_months=2),
            ),
            PauseOffer("break", sentence={"en": "You can <read>.", "de": "Lesen geht."}),
        ),
        hold_out_percent=10,
    )
    await pool.execute(
        "INSERT INTO aiocancel.flow_definition (version, definition) VALUES ($1, $2)",
        definition.version,
        definition.canonical(),
    )
    await add_sessions(pool, PastSession(1, definition_version=definition.version))
    text = plain(await page(client, "/flow"))

    assert f"Version {definition.version[:12]}" in text
    assert "1 half 50% off" in text
    assert "coupon: percent_off 50; months 3" in text
    assert "37.5% of a year&#39;s payments" in text
    assert "On every one the exit works, and every promise holds." in text
    assert definition.offers[0].when is not None
    assert definition.offers[0].when.in_words() in text
    assert "everybody whom it fits" in text
    assert "You can &lt;read&gt;." in text
    assert "hold_out_percent 10" in text


async def test_a_definition_of_another_release_and_left_out_offers_are_said(
    client: Client, pool: Pool
) -> None:
    await pool.execute(
        "INSERT INTO aiocancel.flow_definition (version, definition) VALUES ('v9', '{\"odd\": 1}')"
    )
    await add_sessions(
        pool,
        PastSession(
            1,
            opened_at=datetime.now(UTC) - timedelta(days=1),
            definition_version="v9",
            considered=(
                {"offer": "half", "code": "offer_is_missing"},
                {"offer": "x", "code": "of_tomorrow"},
            ),
        ),
    )
    text = plain(await page(client, "/flow"))

    assert "Another release wrote this definition" in text
    assert "offer_is_missing 1" in text
    assert "of_tomorrow 1" in text


async def test_definitions_come_with_their_statement_and_their_view(client: Client) -> None:
    from aiocancel.core.measures.definitions import DEFINITIONS

    text = await page(client, "/definitions")

    for each in DEFINITIONS:
        assert f'id="{each.key}"' in text
    assert "FROM aiocancel.v_sessions" in text
    assert 'id="view-v_kept"' in text


# --- not in the way


async def test_a_database_that_takes_too_long_costs_a_block_or_a_page_and_nothing_else(
    client: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await park(pool)
    # Nobody knows then what the customer was told, which is not nothing.
    monkeypatch.setattr(
        ConsoleStore, "told", AsyncMock(side_effect=UnavailableError("it did not answer"))
    )
    monkeypatch.setattr("aiocancel.postgres.console.POLLED", "SELECT pg_sleep(30), $1::text")
    begun = datetime.now(UTC)
    text = await page(client)

    assert "this block is left out. Cancelling is not affected." in text
    assert "<article" in text
    assert "Told the customer Could not be read" in plain(text)
    assert "Nothing of this" not in text
    assert datetime.now(UTC) - begun < timedelta(seconds=20)
    assert (await get(client, view="csv")).status == 503
    found = await (await get(client, view="json")).json()
    assert found["missing"] == ["told", "machinery"]

    monkeypatch.setattr("aiocancel.postgres.console.LIST", slowly(LIST, 30))
    response = await get(client, "/sessions")

    assert response.status == 503
    assert "The database did not answer in time" in await response.text()


def slowly(statement: str, seconds: int) -> str:
    """The same statement, which takes its time first."""
    return f"{statement} OFFSET (SELECT count(*) FROM pg_sleep({seconds}))"


async def test_customers_leave_while_operators_wait_for_slow_pages(
    client: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiocancel.postgres.console.LIST", slowly(LIST, 1))
    await add_customer(pool, "ada", "sub_1")

    async def some_sleep() -> bool:
        return bool(await pool.fetchval(SLEEPERS))

    slow = [asyncio.create_task(get(client, "/sessions")) for _ in range(8)]
    await until(some_sleep)
    payload = await (await client.get("/cancel/payload", headers=as_customer("ada"))).json()
    left = await client.post(
        "/cancel/result",
        json={"grant": payload["flow"]["grant"], "status": "canceled"},
        headers=as_customer("ada"),
    )
    asleep = await pool.fetchval(SLEEPERS)

    assert left.status == 202, await left.text()
    assert asleep <= 2
    assert not all(each.done() for each in slow)
    assert {each.status for each in await asyncio.gather(*slow)} == {200}


async def test_two_operators_who_press_at_once_do_it_once(client: Client, pool: Pool) -> None:
    action_id = await park(pool)
    tokens = {
        who: token_in(await (await client.get(f"{AT}/", headers=as_operator(who))).text())
        for who in "ab"
    }
    await asyncio.gather(
        *(
            post(
                client,
                ("token", tokens[who]),
                ("do", "retry"),
                ("action", str(action_id)),
                operator=who,
            )
            for who in "ab" * 5
        )
    )

    rows = await pool.fetch("SELECT operator FROM aiocancel.journal WHERE entry = 'action_retried'")
    assert len(rows) == 1
