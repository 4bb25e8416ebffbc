"""The page to keep: its customer sees it, a reader with the link sees the letter, and nobody else anything."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from aiocancel.core.grants import GrantSealer
from aiocancel.mail.letter import written_from_json
from aiocancel.postgres.erasure import Erasure
from tests.support.company import Company
from tests.support.letters import has_letters, letters, mails, press, writing
from tests.support.mail_server import text_of
from tests.support.saas import GRANT_KEYS, as_customer
from tests.support.waiting import until
from tests.support.web import Page

BROWSER = {"Accept": "text/html"}
ADA = {**BROWSER, **as_customer("ada")}


async def get(company: Company, path: str, headers: dict[str, str]) -> tuple[int, str, Any]:
    assert company.client is not None
    response = await company.client.get(path, headers=headers, allow_redirects=False)
    return response.status, await response.text(), response.headers


async def link_of_the_mail(company: Company, server: Any) -> str:
    (mail,) = await mails(server)
    await until(lambda: has_letters(company.pool, 1))
    (link,) = [word for word in text_of(mail).split() if "/acknowledgement/" in word]
    return link.removeprefix("https://shop.example")


async def test_G5_declaration_with_date_and_time_can_be_read_printed_and_saved(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")

    async with letters(company) as server:
        claim_id = await press(company)
        link = await link_of_the_mail(company, server)
        _, outcome, _ = await get(company, f"/cancel/status/{claim_id}", ADA)
        status, text, headers = await get(company, f"/cancel/acknowledgement/{claim_id}", ADA)
        saved_status, saved, saved_headers = await get(
            company, f"/cancel/acknowledgement/{claim_id}?save=1", ADA
        )
        guest_status, as_guest, guest_headers = await get(company, link, BROWSER)
        (mail,) = server.mails

    page = Page(text)
    assert (status, saved_status, guest_status) == (200, 200, 200)
    assert f'href="/cancel/acknowledgement/{claim_id}"' in outcome
    assert page.rows["Declared"] == "“Cancel subscription”"
    assert page.rows["Received"].endswith((" CET", " CEST"))
    assert page.rows["Reference"].startswith("C-")
    assert mail["Subject"] in page.text
    for row in page.rows.values():
        assert row in text_of(mail)
    assert 'href="/account"' in text or 'href="/"' in text

    assert "attachment" in saved_headers["Content-Disposition"]
    assert "<link" not in saved
    assert "src=" not in saved
    assert mail["Subject"] in saved

    # A reader with the link sees the letter, and no way into the account.
    assert Page(as_guest).rows == page.rows
    assert [a["href"] for a in Page(as_guest).all("a")] == [f"{link}&save=1"]
    for each in (headers, saved_headers, guest_headers):
        assert each["Referrer-Policy"] == "no-referrer"
        assert each["Cache-Control"] == "no-store"
        assert "noindex" in each["X-Robots-Tag"]
        assert "default-src 'none'" in each["Content-Security-Policy"]


async def test_links_of_a_letter_and_its_page_begin_with_the_prefix_that_a_proxy_takes_off(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")

    async with letters(company, public_prefix="/shop") as server:
        claim_id = await press(company)
        link = await link_of_the_mail(company, server)
        below = f"/cancel/acknowledgement/{claim_id}"
        _, text, _ = await get(company, below, ADA)
        status, as_guest, _ = await get(company, link.removeprefix("/shop"), BROWSER)
        (save,) = [a["href"] for a in Page(as_guest).all("a")]
        saved, _, headers = await get(company, save.removeprefix("/shop"), BROWSER)

    assert link.startswith(f"/shop{below}?key=")
    assert f"/shop{below}?save=1" in [a["href"] for a in Page(text).all("a")]
    assert save == f"{link}&save=1"
    assert (status, saved) == (200, 200)
    assert "attachment" in headers["Content-Disposition"]


async def test_link_that_is_altered_too_old_or_of_another_claim_shows_nothing(
    company: Company,
) -> None:
    company.stripe.add_subscription("sub_1")

    async with letters(company) as server:
        claim_id = await press(company)
        link = await link_of_the_mail(company, server)
        letter_id = await company.pool.fetchval("SELECT public_id FROM aiocancel.acknowledgement")
        sealer = GrantSealer(GRANT_KEYS)
        base = f"/cancel/acknowledgement/{claim_id}"
        old = f"{base}?key={sealer.seal_link(letter_id.hex, expires_at=1)}"
        stranger = GrantSealer(["another key"]).seal_link(letter_id.hex, expires_at=2**33)
        other_letter = sealer.seal_link(uuid.uuid4().hex, expires_at=2**33)
        other_claim = link.replace(claim_id, str(uuid.uuid4()))
        found = {
            path: (await get(company, path, BROWSER))[:2]
            for path in (
                old,
                link[:-2],
                f"{base}?key=",
                f"{base}?key={stranger}",
                f"{base}?key={other_letter}",
                other_claim,
                base.replace(claim_id, "no-uuid") + "?key=x",
                base,
            )
        }
        _, foreign, _ = await get(company, base, {**BROWSER, **as_customer("bob")})
        async with company.pool.acquire() as connection:
            await Erasure(connection).of_customer("ada")
        erased, after, _ = await get(company, link, BROWSER)

    assert [status for status, _ in found.values()] == [410, 404, 404, 404, 404, 404, 404, 401]
    assert erased == 404
    for text in [*(text for _, text in found.values()), foreign, after]:
        assert "Pro subscription" not in text
        assert "C-" not in Page(text).text
    assert "This link has expired. Log in to see it." in found[old][1]


@pytest.mark.parametrize("status", ["canceled", "resumed"])
async def test_page_says_the_same_without_a_mailer(company: Company, status: str) -> None:
    company.stripe.add_subscription("sub_1", cancel_at_period_end=status == "resumed")
    await company.open(writing(company, None, resume_policy="any"))

    claim_id = await press(company, status)
    code, text, _ = await get(company, f"/cancel/acknowledgement/{claim_id}", ADA)

    expected = {
        "canceled": "Your Pro subscription ends on ",
        "resumed": "Your Pro subscription goes on",
    }
    assert code == 200
    assert expected[status] in Page(text).text


async def test_claim_without_a_letter_leads_to_its_outcome(company: Company) -> None:
    company.stripe.add_subscription("sub_1")
    await company.open(writing(company, None))
    answer = await company.claim(await company.finished("incomplete"))

    path = f"/cancel/acknowledgement/{answer['claim']}"
    code, _, headers = await get(company, path, ADA)

    assert code == 303
    assert headers["Location"] == f"/cancel/status/{answer['claim']}"


def test_row_that_holds_no_letter_is_not_read() -> None:
    with pytest.raises(KeyError):
        written_from_json({})
