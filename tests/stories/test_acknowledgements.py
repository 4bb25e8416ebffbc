"""A customer who leaves has it in writing: what is written, to whom, when, and how often."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from aiocancel import HandedOver, MailMessage, StripeBilling, TryAgain
from aiocancel.core.by_hand import Operation
from aiocancel.postgres.by_hand import Operations
from aiocancel.postgres.erasure import Erasure
from aiocancel.telemetry import (
    AcknowledgementSent,
    ActionParked,
    ActionRefused,
    AttemptFailed,
    PermissionMissing,
)
from aiocancel.testing import Fault
from tests.support.company import Company
from tests.support.letters import (
    ADDRESS,
    has_letters,
    let_pass,
    letter_kinds,
    letters,
    mails,
    no_letter_waits,
    press,
    writing,
)
from tests.support.mail_server import html_of, text_of
from tests.support.saas import as_customer
from tests.support.waiting import until

MINUTE = timedelta(seconds=61)
NARROW_KEY = "rk_test_narrow"


async def states(company: Company) -> list[tuple[str, str | None]]:
    rows = await company.pool.fetch(
        "SELECT state, coalesce(parked_code, receipt_status) AS why FROM aiocancel.action "
        "WHERE kind = 'acknowledge' ORDER BY id"
    )
    return [(row["state"], row["why"]) for row in rows]


async def retry_what_is_parked(company: Company) -> None:
    action_id = await company.pool.fetchval(
        "SELECT id FROM aiocancel.action WHERE state = 'parked'"
    )
    async with company.pool.acquire() as connection:
        await Operations(connection).operate(Operation.RETRY, action_id)


async def test_G6_A6_A8_cancellation_that_is_carried_out_at_once_is_one_letter_with_stripes_date(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")

    async with letters(company, languages=["en", "de"]) as server:
        claim_id = await press(company, **{"Accept-Language": "de"})
        (mail,) = await mails(server)
        await until(lambda: has_letters(company.pool, 1))

    ends = company.subscription["items"]["data"][0]["current_period_end"]
    assert company.subscription["cancel_at_period_end"] is True
    row = await company.pool.fetchrow(
        "SELECT receipt_ends_at FROM aiocancel.action WHERE ordinal = 0"
    )
    assert row is not None
    assert int(row["receipt_ends_at"].timestamp()) == ends
    text = text_of(mail)
    assert mail["To"] == ADDRESS
    assert mail["Subject"].startswith("Ihr Abonnement Pro endet am ")
    assert mail["Content-Language"] == "de"
    assert "Erklärt:" in text
    assert "„Abonnement kündigen“" in text
    assert "Bis dahin können Sie es nutzen." in text
    assert f"C-{claim_id[:4].upper()}-{claim_id[4:8].upper()}" in text
    assert f"https://shop.example/cancel/acknowledgement/{claim_id}?key=" in text
    assert mail["Subject"] in html_of(mail)
    assert await letter_kinds(company.pool) == ["carried_out"]
    (sent,) = await company.events.first(AcknowledgementSent)
    assert (sent.kind, sent.doubts) == ("carried_out", 0)


async def test_customer_whose_subscription_ends_at_once_reads_that_a_payment_is_still_open(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    invoice = {"id": "in_1", "object": "invoice", "status": "open", "subscription": "sub_1"}
    company.stripe.invoices["in_1"] = invoice
    company.subscription["latest_invoice"] = "in_1"

    async with letters(company, cancel_timing="now") as server:
        await press(company)
        (mail,) = await mails(server)

    assert mail["Subject"] == "Your Pro subscription has ended"
    assert "A payment is still open. Cancelling does not clear it." in text_of(mail)


async def test_cancellation_that_waits_for_stripe_is_received_first_and_carried_out_later(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    company.stripe.inject(Fault("error_500_before", times=100_000))

    async with letters(company, answer_within_s=0.2) as server:
        await press(company)
        due = await company.pool.fetchval(
            "SELECT min(due_at - created_at) FROM aiocancel.action WHERE kind = 'acknowledge'"
        )
        assert due == timedelta(minutes=1)
        assert server.taken == []
        await let_pass(company.pool, MINUTE)
        await mails(server)
        company.stripe.faults.clear()

        async def half_an_hour_more() -> bool:
            # A failure that is stored only now puts the next try off once more.
            await let_pass(company.pool, timedelta(minutes=30))
            await asyncio.sleep(0.3)
            return len(server.taken) == 2

        await until(half_an_hour_more, within_s=20)
        received, done = await mails(server, 2)

    assert received["Subject"] == "We received your cancellation of Pro"
    assert "“Cancel subscription”. It counts from then." in " ".join(text_of(received).split())
    assert done["Subject"].startswith("Your Pro subscription ends on ")
    assert received["Message-ID"] != done["Message-ID"]
    assert await letter_kinds(company.pool) == ["received", "carried_out"]


async def test_offer_take_back_and_vendors_flow_have_their_letters_with_what_was_pressed(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")
    offer = company.flows.offers[0]

    async with letters(company) as server:
        session = await company.finished("saved", offer["id"])
        await company.claim(session)
        (made,) = await mails(server)
        await company.claim(await company.finished())
        cancelled = (await mails(server, 2))[1]
        await press(company, "resumed")
        stays = (await mails(server, 3))[2]

    assert "Your subscription is not cancelled." in text_of(made)
    assert made["Subject"].startswith("You get ")
    assert "cancellation, in the cancellation form" in text_of(cancelled)
    assert "Chosen" not in text_of(made)
    assert stays["Subject"] == "Your Pro subscription goes on"
    assert "Chosen:    “Keep subscription”" in text_of(stays)
    # The offer was a discount with an end: no amount is certain.
    assert "Next payment" not in text_of(stays)


async def test_left_to_a_person_is_written_once_and_its_end_after_it(company: Company) -> None:
    async with letters(company) as server:
        await press(company)
        (told,) = await mails(server)
        await until(lambda: has_letters(company.pool, 1))
        company.stripe.add_subscription("sub_1")
        await retry_what_is_parked(company)
        done = (await mails(server, 2))[1]

    assert told["Subject"] == "We received your cancellation of Pro"
    assert "A person completes it and writes to you." in text_of(told)
    assert done["Subject"].startswith("Your Pro subscription ends on ")


async def test_letter_says_in_plain_words_why_an_accepted_offer_was_not_carried_out(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")

    async with letters(company, languages=["en", "de"]) as server:
        # A word of Stripe's that says nothing to a customer, and less to us.
        company.stripe.inject(Fault("card_declined_402", method="POST"))
        declined = await company.claim(company.accepted("offr_change_plan"))
        (unpaid,) = await mails(server)
        company.subscription["status"] = "past_due"
        waits = await company.claim(company.accepted("offr_change_plan"))
        owes = (await mails(server, 2))[1]

    assert (declined["outcome"], waits["outcome"]) == ("refused", "manual")
    assert unpaid["Subject"] == "Your choice was not carried out"
    for mail, why in (
        (unpaid, "The payment did not go through."),
        (owes, "A payment is still open."),
    ):
        text = text_of(mail)
        assert why in text
        assert "You can cancel at any time:\nhttps://shop.example/cancel" in text
        for said in (text, html_of(mail)):
            assert "declined" not in said
            assert "Stripe" not in said


async def let_it_end(company: Company) -> None:
    """The date of the cancellation comes, and Stripe ends the subscription."""
    company.subscription["status"] = "canceled"
    company.subscription["ended_at"] = company.subscription["items"]["data"][0][
        "current_period_end"
    ]

    wait = await company.pool.fetchval(
        "SELECT max(due_at) - now() FROM aiocancel.action WHERE kind = 'acknowledge' AND state = 'waiting'"
    )
    await company.pool.execute(
        "UPDATE aiocancel.action SET receipt_ends_at = receipt_ends_at - $1::interval WHERE ordinal = 0",
        wait,
    )
    await let_pass(company.pool, wait)


async def test_end_is_written_about_when_stripe_shows_it_with_a_key_that_may_not_read_coupons(
    company: Company,
) -> None:
    company.stripe.add_key(NARROW_KEY, ["subscription_write"])
    company.stripe.add_subscription("sub_1")
    narrow = StripeBilling(api_key=NARROW_KEY, api_base=company.stripe_url)

    async with letters(company, billing=narrow) as server:
        await press(company)
        await mails(server)
        await until(lambda: has_letters(company.pool, 1))
        await let_it_end(company)
        ended = (await mails(server, 2))[1]

    assert ended["Subject"] == "Your Pro subscription has ended"
    assert await letter_kinds(company.pool) == ["carried_out", "has_ended"]


async def test_end_is_told_once_to_who_cancelled_took_it_back_and_cancelled_again(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")

    async with letters(company) as server:
        for number, status in enumerate(("canceled", "resumed", "canceled"), start=1):
            await press(company, status)
            await mails(server, number)
            await until(partial(has_letters, company.pool, number))
        await let_it_end(company)
        await mails(server, 4)
        await until(lambda: no_letter_waits(company.pool))

    assert await letter_kinds(company.pool) == [
        "carried_out",
        "taken_back",
        "carried_out",
        "has_ended",
    ]


async def test_letter_that_cannot_tell_of_a_payment_goes_out_and_the_missing_permission_is_told(
    company: Company,
) -> None:
    company.stripe.add_key(NARROW_KEY, ["subscription_write", "invoice_read"])
    company.stripe.add_subscription("sub_1")
    narrow = StripeBilling(api_key=NARROW_KEY, api_base=company.stripe_url)

    async with letters(company, billing=narrow) as server:
        await press(company)
        await mails(server)
        (told,) = await company.events.first(PermissionMissing)

    assert told.permission == "invoice_write"


@pytest.mark.parametrize(
    ("address", "code"),
    [
        (None, "nobody_to_write_to"),
        ("", "nobody_to_write_to"),
        ("nobody", "address_is_none"),
        ("a@example.com, b@example.com", "address_is_none"),
        ("a@example.com\r\nBcc: b@example.com", "address_is_none"),
        ("a" * 300 + "@example.com", "address_is_none"),
        (5, "address_is_none"),
    ],
    ids=["none", "empty", "no_address", "several", "line_break", "too_long", "a_number"],
)
async def test_address_that_is_none_is_a_code_and_holds_no_cancellation_up(
    company: Company, address: Any, code: str
) -> None:
    company.stripe.add_subscription("sub_1")

    async def email(customer_id: str) -> Any:
        assert customer_id == "ada"
        return address

    async with letters(company, email=email) as server:
        await press(company)
        refused = await company.events.codes(ActionRefused)

    assert refused == [code]
    assert company.subscription["cancel_at_period_end"] is True
    assert server.taken == []


class Mailer:
    """A mailer of the application's own, which does as it is told."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.sent: list[MailMessage] = []

    async def send(self, message: MailMessage, /) -> Any:
        self.sent.append(message)
        answer = self.answers.pop(0) if self.answers else HandedOver()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answer", "code", "doubts"),
    [
        (TryAgain(), "mail_try_again", 0),
        (RuntimeError("ada@example.com is unknown"), "mailer_failed", 1),
        ("sent, honestly", "mailer_failed", 1),
        (None, "mailer_failed", 1),
    ],
    ids=["later", "raises", "lies", "says_nothing"],
)
async def test_mailer_that_fails_is_asked_again_and_what_may_have_arrived_is_the_same_letter(
    company: Company, answer: Any, code: str, doubts: int, caplog: pytest.LogCaptureFixture
) -> None:
    company.stripe.add_subscription("sub_1")
    mailer = Mailer(answer)

    await company.open(writing(company, mailer))
    await press(company)
    (sent,) = await company.events.first(AcknowledgementSent)

    first, second = mailer.sent
    assert (first.message_id, first.subject) == (second.message_id, second.subject)
    # One whose refusal is known is written anew, and its link lasts from then.
    assert first.text == second.text or not doubts
    failed = [e.code for e in company.events.of(AttemptFailed) if e.kind == "acknowledge"]
    assert failed == [code]
    assert sent.doubts == doubts
    assert company.subscription["cancel_at_period_end"] is True
    assert ADDRESS not in caplog.text


async def test_lost_answer_of_the_mail_server_is_a_double_that_is_counted(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")

    async with letters(company) as server:
        server.breaks = ["after"]
        await press(company)
        one, other = await mails(server, 2)
        (sent,) = await company.events.first(AcknowledgementSent)

    assert one["Message-ID"] == other["Message-ID"]
    assert text_of(one) == text_of(other)
    assert sent.doubts == 1
    assert await company.pool.fetchval("SELECT doubts FROM aiocancel.acknowledgement") == 1


async def test_A6_address_that_the_mail_server_refuses_is_left_to_a_person_and_the_exit_stands(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")

    async with letters(company) as server:
        server.to_recipients = ["550 5.1.1 no such mailbox"]
        claim_id = await press(company)
        parked = await company.events.codes(ActionParked)
        assert company.client is not None
        response = await company.client.get(
            f"/cancel/status/{claim_id}", headers=as_customer("ada")
        )
        answer = await response.json()

    assert parked == ["mail_refused"]
    assert (answer["status"], answer["outcome"]) == ("canceled", "scheduled")
    assert company.subscription["cancel_at_period_end"] is True


async def test_A7_erased_customer_is_not_written_to_and_nothing_of_the_letters_is_kept(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")

    async with letters(company) as server:
        await press(company)
        await mails(server)
        await until(lambda: has_letters(company.pool, 1))
        async with company.pool.acquire() as connection:
            erased = await Erasure(connection).of_customer("ada")
        await let_pass(company.pool, timedelta(days=60))
        await until(lambda: no_letter_waits(company.pool), within_s=10)

    assert erased.unfinished == []
    assert len(server.taken) == 1
    kept = await company.pool.fetchrow("SELECT letter, recipient FROM aiocancel.acknowledgement")
    assert kept is not None
    assert tuple(kept) == ("{}", "")
    assert await company.pool.fetchval("SELECT declaration FROM aiocancel.claim") is None
    assert await states(company) == [("done", "handed_over"), ("refused", "withdrawn")]


def _raises(customer_id: str) -> str:
    raise RuntimeError(customer_id)


async def _never(customer_id: str) -> str:
    await asyncio.Event().wait()
    raise AssertionError(customer_id)


@pytest.mark.parametrize(
    ("settings", "is_told"),
    [
        ({}, True),
        ({"email": lambda customer: f"{customer}@example.com"}, True),
        ({"email": lambda _: None}, False),
        ({"email": lambda _: "a@example.com\r\nBcc: eve@example.com"}, False),
        ({"email": "no_such_column"}, False),
        ({"email": _raises}, False),
        ({"email": _never}, False),
        ({"mailer": None}, False),
    ],
    ids=["column", "function", "none", "line_break", "no_column", "raises", "hangs", "no_mailer"],
)
async def test_letter_is_promised_only_where_a_mailer_has_an_address_for_it(
    company: Company, settings: dict[str, Any], is_told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A slow machine is no missing address; that one that hangs is waited for in vain.
    hangs = settings.get("email") is _never
    monkeypatch.setattr("aiocancel.letters.ADDRESS_WITHIN_S", 0.1 if hangs else 20.0)
    company.stripe.add_subscription("sub_1")
    asked = {"mailer": Mailer(), "run_worker": False, "answer_within_s": 0.3, **settings}

    await company.open(writing(company, asked.pop("mailer"), **asked))
    claim_id = await press(company)
    assert company.client is not None
    path, ada = f"/cancel/status/{claim_id}", as_customer("ada")
    answer = await (await company.client.get(path, headers=ada)).json()
    page = await (await company.client.get(path, headers={**ada, "Accept": "text/html"})).text()
    await company.pool.execute(
        "UPDATE aiocancel.action SET state = 'refused', finished_at = now(), parked_code = 'nobody_to_write_to' "
        "WHERE kind = 'acknowledge'"
    )
    given_up = await (await company.client.get(path, headers=ada)).json()

    letter = "We write to you when it is done."
    assert answer["outcome"] == "queued"
    assert (letter in answer["message"], letter in page) == (is_told, is_told)
    # Nor where the letter was given up.
    assert letter not in given_up["message"]


async def test_without_a_mailer_nothing_is_planned(company: Company) -> None:
    company.stripe.add_subscription("sub_1")

    await company.open(writing(company, None))
    await press(company)

    await until(lambda: company.subscription["cancel_at_period_end"], within_s=10)
    assert await states(company) == []
