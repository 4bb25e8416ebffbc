"""The exit that needs no login: one page, exact fields, the final button, and the same answer for everybody."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aiocancel import (
    PublicDeclaration,
    PublicExit,
    StripeSubscriptions,
    SubscriptionQuery,
    public_exit,
)
from aiocancel.config import DEFAULT_TEXTS
from aiocancel.errors import ConfigurationError
from aiocancel.postgres.console import ConsoleStore, Search
from aiocancel.postgres.erasure import Erasure
from aiocancel.postgres.report import Figures
from aiocancel.telemetry import ActionParked, ClaimRefused
from aiocancel.texts import statutory
from aiocancel.web.console.story import timeline
from aiocancel.web.console.words import Writing
from aiocancel.wording import Words
from tests.support.company import Company
from tests.support.letters import ADDRESS, letters, mails, no_letter_waits, writing
from tests.support.mail_server import MailServer, text_of
from tests.support.saas import add_customer, make_app
from tests.support.waiting import until
from tests.support.web import Page

BROWSER = {"Accept": "text/html"}
TYPED = {
    "kind": "ordinary",
    "reason": "",
    "name": "Ada Lovelace",
    "contract": "Kundennummer 42",
    "end": "soonest",
    "on_date": "",
    "email": "typed@example.org",
    "aiocancel_empty": "",
}


async def find(declaration: PublicDeclaration) -> str | None:
    if declaration.contract == "kaputt":
        raise RuntimeError("the shop's own mistake")
    return "ada" if "42" in declaration.contract else None


@asynccontextmanager
async def exit_of(company: Company, **limits: int) -> AsyncIterator[MailServer]:
    async with letters(company, public_exit=PublicExit(find, **limits)) as server:
        yield server


async def page_of(company: Company) -> Page:
    assert company.client is not None
    response = await company.client.get("/cancel/public", headers=BROWSER, allow_redirects=False)
    assert response.status == 200
    return Page(await response.text())


async def declare(
    company: Company, typed: dict[str, str] | None = None, page: str | None = None, **headers: str
) -> tuple[int, str, str]:
    """Press the final button; returns the status, where it leads, and the page."""
    assert company.client is not None
    page = (await page_of(company)).fields["page"] if page is None else page
    response = await company.client.post(
        "/cancel/public",
        data={**TYPED, **(typed or {}), "page": page},
        headers={**BROWSER, **headers},
        allow_redirects=False,
    )
    return response.status, response.headers.get("Location", ""), await response.text()


def shape(text: str) -> list[tuple[str, list[str]]]:
    return [(tag, sorted(attributes)) for tag, attributes in Page(text).elements]


async def test_a_termination_counts_once_and_one_of_nobodys_contract_is_no_cancellation(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    async with exit_of(company) as server:
        await declare(company)
        await mails(server, 2)
        await declare(company, {"contract": "unbekannt"})
        await mails(server, 3)
        await until_parked(company)
    now = datetime.now(UTC)
    span = now - timedelta(days=1), now + timedelta(days=1)
    store = ConsoleStore(company.pool, "test")
    (unknown,) = await company.pool.fetch(
        "SELECT c.public_id FROM aiocancel.claim c JOIN aiocancel.action a ON a.claim_id = c.id"
        " WHERE a.state = 'parked'"
    )

    counts = await Figures(company.pool, "test").counts(*span)
    listed = (await store.sessions(Search(*span))).rows
    found = (await store.sessions(Search(*span, start=str(unknown["public_id"])))).rows

    assert (counts.sessions, counts.canceled) == (1, 1)
    assert [(row["subscription_id"], row["outcome"]) for row in listed] == [("sub_1", "canceled")]
    # By the reference of its letter an operator finds it all the same.
    assert [(row["subscription_id"], row["outcome"]) for row in found] == [
        ("public_exit", "declared")
    ]


@pytest.mark.parametrize("personal_data", [True, False], ids=["shown", "hidden"])
async def test_a_declaration_that_waits_for_a_person_tells_an_operator_what_was_typed(
    company: Company, personal_data: bool
) -> None:
    """Found by nobody, it can be worked on only by its name, contract and address."""
    typed = {"contract": "Vertrag 7", "name": "Grace <Hopper>", "email": "grace@example.org"}
    async with exit_of(company) as server:
        await declare(company, typed)
        await mails(server, 1)
        await until_parked(company)
    store = ConsoleStore(company.pool, "test")
    claim = await company.pool.fetchval("SELECT id FROM aiocancel.claim")
    story = await store.story(claim=claim)
    assert story is not None

    told = timeline(story, Writing("UTC"), personal_data=personal_data)
    erased = await company.pool.fetchval(
        "UPDATE aiocancel.claim SET declaration = NULL, erased_at = now() RETURNING id"
    )
    after = await store.story(claim=erased)

    (declared,) = [each for each in told if each.what == "What was typed at the public exit"]
    inside = dict(declared.inside)
    if personal_data:
        assert inside.items() >= {("name", "Grace <Hopper>"), ("email", "grace@example.org")}
        assert inside["contract"] == "Vertrag 7"
    else:
        assert (inside, declared.detail) == ({}, "hidden by console(personal_data=False)")
        assert "Hopper" not in str(told)
    assert after is not None
    assert "Hopper" not in str(timeline(after, Writing("UTC"), personal_data=True))


async def until_parked(company: Company) -> None:
    async def is_parked() -> bool:
        return bool(
            await company.pool.fetchval(
                "SELECT EXISTS (SELECT FROM aiocancel.action WHERE state = 'parked')"
            )
        )

    await until(is_parked)


async def test_G1_G2_G3_G4_one_public_page_has_the_form_the_fields_and_the_final_button(
    company: Company,
) -> None:
    async with exit_of(company):
        page = await page_of(company)

    asked = [
        attributes["name"]
        for tag, attributes in page.elements
        if tag in ("input", "textarea") and attributes.get("type") != "hidden"
    ]
    assert page.one("form")["action"] == "/cancel/public"
    assert page.one("form")["method"] == "post"
    assert list(dict.fromkeys(asked)) == [
        "kind", "reason", "name", "contract", "end", "on_date", "email", "aiocancel_empty",
    ]  # fmt: skip
    assert page.all("script") == []
    assert len(page.all("button")) == 1
    assert page.text.split().count("jetzt") == 1
    assert "jetzt kündigen" in page.text
    assert "Verträge hier kündigen" in page.text
    chosen = [each["value"] for each in page.all("input") if "checked" in each]
    assert chosen == ["ordinary", "soonest"]
    # Nobody who sees or hears the page meets the trap.
    (trap,) = [each for each in page.all("input") if each.get("name") == "aiocancel_empty"]
    assert (trap["tabindex"], trap["autocomplete"]) == ("-1", "off")


def test_statutory_words_are_locked() -> None:
    assert statutory.CONTRACTS_BUTTON == "Verträge hier kündigen"
    assert statutory.CONFIRM_BUTTON == "jetzt kündigen"
    assert statutory.EXIT["title"] == statutory.CONTRACTS_BUTTON
    assert statutory.EXIT["button"] == statutory.CONFIRM_BUTTON
    # No setting replaces them: they are no texts.
    assert not {statutory.CONTRACTS_BUTTON, statutory.CONFIRM_BUTTON} & set(DEFAULT_TEXTS.values())


async def test_G5_G6_match_is_carried_out_and_both_addresses_are_written_to(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")

    async with exit_of(company) as server:
        status, location, _ = await declare(company)
        assert company.client is not None
        shown = await (await company.client.get(location, headers=BROWSER)).text()
        saved = await company.client.get(f"{location}?save=1")
        await mails(server, 2)

    received_at = await company.pool.fetchval("SELECT recorded_at FROM aiocancel.claim")
    (typed,), (on_file,) = server.to("typed@example.org"), server.to("ada@example.com")
    page = Page(shown)
    assert status == 303
    assert company.subscription["cancel_at_period_end"] is True
    assert typed["Subject"] == "Eingangsbestätigung Ihrer Kündigung"
    assert page.rows["Erklärt mit"] == "„jetzt kündigen“"
    assert page.rows["Vertrag"] == "Kundennummer 42"
    assert page.rows["Ihr Name"] == "Ada Lovelace"
    assert page.rows["Ende des Vertrags"] == "Zum nächstmöglichen Zeitpunkt"
    assert page.rows["Eingegangen"] == Words("de", {}, "Europe/Berlin").moment(received_at)
    assert re.search(r" 20\d\d, \d\d:\d\d (CET|CEST)$", page.rows["Eingegangen"])
    for label, row in page.rows.items():
        assert f"{label}:" in text_of(typed)
        assert row in text_of(typed)
    # To a typed address nothing that was not typed: no plan, no end.
    assert "Pro" not in text_of(typed)
    assert "sub_1" not in text_of(typed)
    assert on_file["Subject"].startswith("Your Pro subscription ends on ")
    assert "jetzt kündigen" in text_of(on_file)
    assert "attachment" in saved.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ({"contract": "unbekannt"}, "no_contract_found"),
        ({"kind": "extraordinary", "reason": "Umzug"}, "for_cause"),
        ({"end": "on_date", "on_date": "31.12.2027"}, "date_is_wished"),
        ({"end": "soonest", "on_date": "31.12.2027"}, "date_is_wished"),
    ],
    ids=["no_match", "for_cause", "on_a_day", "on_a_day_beside_soonest"],
)
async def test_declaration_that_a_person_has_to_judge_is_acknowledged_all_the_same(
    company: Company, typed: dict[str, str], code: str
) -> None:
    company.stripe.add_subscription("sub_1")

    async with exit_of(company) as server:
        _, location, _ = await declare(company, typed)
        assert company.client is not None
        page = Page(await (await company.client.get(location, headers=BROWSER)).text())
        parked = await company.events.codes(ActionParked)
        await until(lambda: no_letter_waits(company.pool))
        sent = await mails(server)

    assert parked == [code]
    # The customer on file hears of it as well: the typed address may be a stranger's.
    on_file = [] if code == "no_contract_found" else [ADDRESS]
    assert sorted(mail["To"] for mail in sent) == [*on_file, "typed@example.org"]
    # The cause is part of what was declared.
    assert page.rows.get("Kündigungsgrund") == typed.get("reason")
    for mail in sent:
        assert mail["Subject"] == "Eingangsbestätigung Ihrer Kündigung"
        for label, row in page.rows.items():
            assert f"{label}:" in text_of(mail)
            assert row in text_of(mail)
    assert company.subscription["cancel_at_period_end"] is False


@pytest.mark.parametrize(
    ("email", "to"),
    [
        ("ADA@example.com", ["ADA@example.com"]),
        ("typed@example.org", [ADDRESS, "typed@example.org"]),
    ],
)
async def test_declaration_of_several_contracts_is_acknowledged_once_to_each_address(
    company: Company, email: str, to: list[str]
) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.add_subscription("sub_2")
    await add_customer(company.pool, "ada", "sub_2")

    async with exit_of(company) as server:
        await declare(company, {"email": email})
        parked = await company.events.codes(ActionParked)
        await until(lambda: no_letter_waits(company.pool))
        sent = await mails(server)

    assert parked == ["several_contracts"]
    assert sorted(mail["To"] for mail in sent) == to


@pytest.mark.parametrize(
    "subscriptions",
    [
        SubscriptionQuery(
            "SELECT stripe_subscription_id, 'ada@example.com' AS email FROM app_subscription"
            " WHERE customer_id = $1 ORDER BY stripe_subscription_id DESC",
            choose="first",
        ),
        StripeSubscriptions(
            "SELECT 'cus_ada' AS stripe_customer_id, 'ada@example.com' AS email FROM app_subscription"
            " WHERE customer_id = $1 LIMIT 1"
        ),
    ],
    ids=["first_row", "newest_at_stripe"],
)
async def test_owners_rule_for_pages_ends_none_of_several_contracts_that_a_declaration_may_mean(
    company: Company, subscriptions: SubscriptionQuery | StripeSubscriptions
) -> None:
    for name in ("sub_1", "sub_2"):
        company.stripe.add_subscription(name, customer="cus_ada")
    await add_customer(company.pool, "ada", "sub_2")

    async with letters(company, public_exit=PublicExit(find), subscriptions=subscriptions):
        await declare(company, {"contract": "42 - sub_1"})
        parked = await company.events.codes(ActionParked)
        await until(lambda: no_letter_waits(company.pool))

    assert parked == ["several_contracts"]
    assert company.stripe.effects_on("sub_1") == company.stripe.effects_on("sub_2") == []


async def test_declaration_that_waits_for_a_person_is_erased_with_the_customer_whom_it_means(
    company: Company,
) -> None:
    cause = {"kind": "extraordinary", "reason": "Umzug"}
    asked = "SELECT customer_id, declaration FROM aiocancel.claim ORDER BY id"
    company.stripe.add_subscription("sub_1")

    async with exit_of(company) as server:
        await declare(company, cause)
        await declare(company, {**cause, "contract": "kaputt"})
        await mails(server, 3)
        parked = await company.events.codes(ActionParked, at_least=2)
        named = [row["customer_id"] for row in await company.pool.fetch(asked)]

        await until(lambda: no_letter_waits(company.pool))
        async with company.pool.acquire() as connection:
            before = await Erasure(connection).of_customer("ada")
            # A person has judged both.
            await connection.execute(
                "UPDATE aiocancel.action SET closed_at = now(), closed_reason = 'judged'"
                " WHERE state = 'parked'"
            )
            await Erasure(connection).of_customer("ada")
        left = await company.pool.fetch(asked)

    assert parked == ["for_cause", "for_cause"]
    # Where the application cannot say whose it is, a person sees it just as soon.
    assert named == ["ada", ""]
    assert [each.kind for each in before.unfinished] == ["match_declaration"]
    assert left[0]["declaration"] is None
    assert left[1]["declaration"] is not None


async def test_answer_is_the_same_whoever_is_meant_and_needs_neither_stripe_nor_the_application(
    company: Company,
) -> None:
    async with exit_of(company):
        answers = []
        for contract in ("Kundennummer 42", "unbekannt", "kaputt"):
            status, location, _ = await declare(
                company, {"contract": contract, "email": f"{contract[:3]}@example.org"}
            )
            assert company.client is not None
            after = await company.client.get(location, headers=BROWSER)
            answers.append((status, after.status, shape(await after.text())))

    assert answers[0] == answers[1] == answers[2]
    assert answers[0][:2] == (303, 200)


async def test_double_click_is_one_declaration_and_one_mail(company: Company) -> None:
    async with exit_of(company) as server:
        page = (await page_of(company)).fields["page"]
        pressed = await asyncio.gather(*(declare(company, {}, page) for _ in range(4)))
        await mails(server)
        await until(lambda: no_letter_waits(company.pool))

    assert {status for status, _, _ in pressed} == {303}
    count = "SELECT count(*) FROM aiocancel.claim WHERE subscription_id = 'public_exit'"
    assert await company.pool.fetchval(count) == 1
    assert len(server.to("typed@example.org")) == 1


async def test_second_declaration_from_the_same_page_is_another_one(company: Company) -> None:
    second = {"contract": "Vertrag B", "email": "second@example.org"}

    async with exit_of(company) as server:
        page = (await page_of(company)).fields["page"]
        _, first_location, _ = await declare(company, {"contract": "Vertrag A"}, page)
        _, location, _ = await declare(company, second, page)
        assert company.client is not None
        shown = await (await company.client.get(location, headers=BROWSER)).text()
        await mails(server, 2)

    (mail,) = server.to("second@example.org")
    assert Page(shown).rows["Vertrag"] == "Vertrag B"
    assert location != first_location
    assert "Vertrag B" in text_of(mail)


@pytest.mark.parametrize(
    ("limits", "typed"),
    [
        ({"most_per_network_in_an_hour": 2}, {"email": "{n}@example.org"}),
        ({"most_in_an_hour": 2}, {"email": "{n}@example.org"}),
    ],
    ids=["network", "all"],
)
async def test_flood_ends_at_the_limits_and_keeps_what_was_typed(
    company: Company, limits: dict[str, int], typed: dict[str, str]
) -> None:
    async with exit_of(company, **limits):
        answers = [
            await declare(company, {name: text.format(n=n) for name, text in typed.items()})
            for n in range(3)
        ]
        await company.pool.execute(
            "UPDATE aiocancel.claim SET recorded_at = recorded_at - $1::interval",
            timedelta(hours=2),
        )
        later, _, _ = await declare(company)

    assert [status for status, _, _ in answers] == [303, 303, 429]
    assert 'value="Ada Lovelace"' in answers[2][2]
    assert later == 303
    assert await company.events.codes(ClaimRefused) == ["too_many_declarations"]


async def test_strangers_who_use_an_address_up_keep_its_owner_from_a_mail_and_not_from_leaving(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    junk = {"contract": "unbekannt", "name": "Mallory", "email": "Ada@example.com"}

    async with exit_of(company, most_per_address_in_an_hour=2) as server:
        for _ in range(2):
            await declare(company, junk)
        status, location, _ = await declare(company, {"email": "ada@example.com"})
        assert company.client is not None
        page = Page(await (await company.client.get(location, headers=BROWSER)).text())
        saved = await (await company.client.get(f"{location}?save=1")).text()
        await until(lambda: company.subscription["cancel_at_period_end"])
        await mails(server, 3)
        await until(lambda: no_letter_waits(company.pool))

    assert status == 303
    assert statutory.EXIT["not_sent"] in page.text
    assert statutory.EXIT["not_sent"] in saved
    assert page.rows["E-Mail-Adresse"] == "ada@example.com"
    assert "Bestätigung an" not in page.rows
    # The two strangers' own, and that of the cancellation, to the address on file.
    assert sorted(mail["To"] for mail in server.mails) == [
        "Ada@example.com",
        "Ada@example.com",
        "ada@example.com",
    ]
    assert [mail["Subject"].startswith("Your Pro") for mail in server.to("ada@example.com")] == [
        True
    ]


async def test_declaration_that_the_database_keeps_waiting_may_be_made_again_and_stays_one(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_exit, "STORE_WITHIN_S", 0.3)

    async with exit_of(company):
        page = (await page_of(company)).fields["page"]
        async with company.pool.acquire() as other, other.transaction():
            await other.execute("LOCK TABLE aiocancel.claim IN ACCESS EXCLUSIVE MODE")
            async with asyncio.timeout(10):
                status, _, text = await declare(company, {}, page)

        again = Page(text).fields["page"]
        pressed = [await declare(company, {}, one) for one in (again, page)]

    assert status == 503
    assert 'value="Kundennummer 42"' in text
    assert "jetzt kündigen" in text
    assert [status for status, _, _ in pressed] == [303, 303]
    count = "SELECT count(*) FROM aiocancel.claim WHERE subscription_id = 'public_exit'"
    assert await company.pool.fetchval(count) == 1


async def test_browser_that_tells_the_origin_alone_may_declare_behind_a_proxy_that_changes_the_host(
    company: Company,
) -> None:
    async with exit_of(company):
        answered = [
            (await declare(company, {}, None, Origin=origin))[0]
            for origin in (
                "https://shop.example",
                "https://shop.example.evil.example",
                "shop.example",
            )
        ]

    assert answered == [303, 403, 403]


@pytest.mark.parametrize(
    ("typed", "page", "headers", "status"),
    [
        ({"name": ""}, None, {}, 400),
        ({"email": "nobody"}, None, {}, 400),
        ({"reason": "Umzug"}, None, {}, 400),
        ({}, "x1.forged", {}, 403),
        ({}, "", {}, 403),
        ({}, None, {"Sec-Fetch-Site": "cross-site"}, 403),
        ({}, None, {"Origin": "https://evil.example"}, 403),
    ],
    ids=[
        "no_name",
        "no_address",
        "unfit_reason",
        "forged_page",
        "no_page",
        "cross_site",
        "foreign_origin",
    ],
)
async def test_form_that_is_wrong_is_shown_again_with_what_was_typed_and_stores_nothing(
    company: Company, typed: dict[str, str], page: str | None, headers: dict[str, str], status: int
) -> None:
    async with exit_of(company) as server:
        answered, _, text = await declare(company, typed, page, **headers)

    assert answered == status
    assert 'value="Kundennummer 42"' in text
    assert "jetzt kündigen" in text
    assert Page(text).fields["page"].startswith("x1.")
    assert await company.pool.fetchval("SELECT count(*) FROM aiocancel.claim") == 0
    assert server.taken == []


async def test_program_that_fills_in_the_trap_for_a_person_loses_nothing_that_was_typed(
    company: Company,
) -> None:
    """It may be a machine, or what helps a person to type: the page comes again without the trap."""
    count = "SELECT count(*) FROM aiocancel.claim"
    typed = {"aiocancel_empty": "https://ada.example", "kind": "extraordinary", "reason": "Umzug"}

    async with exit_of(company) as server:
        status, _, text = await declare(company, typed)
        stored = await company.pool.fetchval(count)
        page = Page(text)
        again, location, _ = await declare(
            company, {**typed, "aiocancel_empty": ""}, page.fields["page"]
        )
        assert company.client is not None
        shown = await company.client.get(location, headers=BROWSER)
        await mails(server)

    assert (status, stored) == (400, 0)
    assert statutory.EXIT["trapped"] in text
    assert 'value="Ada Lovelace"' in text
    assert ">Umzug</textarea>" in text
    assert "aiocancel_empty" not in text
    assert (again, shown.status) == (303, 200)
    assert await company.pool.fetchval(count) == 1
    assert await company.events.codes(ClaimRefused) == ["trap_filled_in"]


async def test_packed_declaration_is_refused_unread(company: Company) -> None:
    headers = {
        **BROWSER,
        "Content-Encoding": "gzip",
        "Content-Type": "application/x-www-form-urlencoded",
    }

    async with exit_of(company):
        assert company.client is not None
        response = await company.client.post(
            "/cancel/public", data=gzip.compress(b"a" * 10_000_000), headers=headers
        )

    assert response.status == 415


async def test_names_are_words_and_nothing_else(company: Company) -> None:
    hostile = {"name": "<script>alert(1)</script> {{ 7*7 }}", "contract": '"><img src=x> unbekannt'}

    async with exit_of(company) as server:
        _, location, _ = await declare(company, hostile)
        _, _, again = await declare(company, {**hostile, "email": "nobody"})
        assert company.client is not None
        shown = await (await company.client.get(location, headers=BROWSER)).text()
        await mails(server)

    for text in (again, shown):
        assert "<script>" not in text
        assert "<img" not in text
        assert "{{ 7*7 }}" in text


async def test_declaration_is_erased_with_the_customer_or_by_its_age(company: Company) -> None:
    company.stripe.add_subscription("sub_1")

    async with exit_of(company) as server:
        _, location, _ = await declare(company)
        await mails(server, 2)
        named = "SELECT count(*) = 2 FROM aiocancel.claim WHERE customer_id = 'ada'"
        await until(lambda: company.pool.fetchval(named), within_s=5)

        async def is_erased() -> bool:
            async with company.pool.acquire() as connection:
                return not (await Erasure(connection).of_customer("ada")).unfinished

        await until(is_erased)
        assert company.client is not None
        gone = await company.client.get(location, headers=BROWSER)

    assert gone.status == 404
    left = await company.pool.fetch("SELECT declaration FROM aiocancel.claim")
    assert [row["declaration"] for row in left] == [None, None]


@asynccontextmanager
async def database_away(company: Company) -> AsyncIterator[None]:
    await company.pool.execute("ALTER TABLE aiocancel.claim RENAME TO claim_away")
    try:
        yield
    finally:
        await company.pool.execute("ALTER TABLE aiocancel.claim_away RENAME TO claim")


@pytest.mark.database_refuses
async def test_page_and_what_was_typed_survive_a_database_that_is_away(company: Company) -> None:
    async with exit_of(company):
        page = (await page_of(company)).fields["page"]
        async with database_away(company):
            form = await page_of(company)
            away, _, text = await declare(company, {}, page)
        status, _, _ = await declare(company, {}, Page(text).fields["page"])

    assert "jetzt kündigen" in form.text
    assert away == 503
    assert statutory.EXIT["later"] in text
    assert 'value="Kundennummer 42"' in text
    assert status == 303


@pytest.mark.database_refuses
async def test_declaration_that_cannot_be_shown_now_is_never_said_to_be_unsaved(
    company: Company,
) -> None:
    """It was stored before: a customer who presses again would declare it twice."""
    async with exit_of(company):
        _, location, _ = await declare(company)
        assert company.client is not None
        async with database_away(company):
            away = await company.client.get(location, headers=BROWSER)
            text = await away.text()
        after = await company.client.get(location, headers=BROWSER)

    page = Page(text)
    assert (away.status, after.status) == (503, 200)
    assert statutory.EXIT["not_shown"] in text
    assert statutory.EXIT["later"] not in text
    assert page.all("form") == page.all("button") == []
    assert [each["href"] for each in page.all("a")] == [location]
    assert away.headers["Referrer-Policy"] == "no-referrer"


async def test_receipt_that_was_put_off_once_has_one_message_id_even_where_it_comes_twice(
    company: Company,
) -> None:
    async with exit_of(company) as server:
        server.to_recipients = ["450 4.7.1 greylisted, come back"]
        server.breaks = ["after"]
        await declare(company, {"contract": "unbekannt"})
        one, other = await mails(server, 2)

    assert one["To"] == "typed@example.org"
    assert one["Message-ID"] == other["Message-ID"]
    assert text_of(one) == text_of(other)


async def test_link_for_the_footer_leads_to_the_page(company: Company) -> None:
    cancel = writing(company, Nothing(), public_exit=PublicExit(find))
    template = "<!doctype html><title>x</title>{{ cancel_flow.public_exit_link() }}"
    client: Any = await company.aiohttp_client(make_app(cancel, page=template))

    text = await (await client.get("/account")).text()

    assert Page(text).one("a")["href"] == "/cancel/public"
    assert ">Verträge hier kündigen</a>" in text


class Nothing:
    """A mailer that is never asked."""

    async def send(self, message: object, /) -> None:
        raise AssertionError


def test_exit_that_could_not_acknowledge_is_refused_at_the_start(company: Company) -> None:
    with pytest.raises(ConfigurationError, match="public_exit needs a mailer"):
        writing(company, None, public_exit=PublicExit(find))


async def test_site_without_a_public_exit_has_no_such_page(company: Company) -> None:
    await company.open(writing(company, None))

    assert company.client is not None
    assert (await company.client.get("/cancel/public")).status == 404
