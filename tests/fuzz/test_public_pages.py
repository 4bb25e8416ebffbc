"""The public exit and the links of letters against whatever can be posted: no 500, and nobody learns who is a customer.

A few run with the other tests; ``HYPOTHESIS_PROFILE=nightly`` has as many as the profile says.
"""

from __future__ import annotations

import asyncio
import io
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import asyncpg
import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiocancel import HandedOver, MailMessage, PublicDeclaration, PublicExit
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.texts import statutory
from tests.support.saas import as_customer, make_app, make_cancel
from tests.support.waiting import until
from tests.support.web import Page

IS_NIGHTLY = settings().max_examples > 300
EXAMPLES = settings().max_examples if IS_NIGHTLY else 60
# Each waits for two mails.
PAIRS = EXAMPLES if IS_NIGHTLY else 20
FORM = "application/x-www-form-urlencoded"
KNOWN, UNKNOWN = "Kundennummer 42", "Kundennummer 77"
# What a browser may be told of it: the rest of the headers is the same for everybody.
ANSWERS = {200, 303, 400, 401, 403, 404, 410, 413, 429}


class PublicSite:
    """A site with a public exit, and all mails that it sent."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._stack = AsyncExitStack()
        self.sent: list[MailMessage] = []
        self.statuses: Counter[int] = Counter()

    async def send(self, message: MailMessage, /) -> HandedOver:
        self.sent.append(message)
        return HandedOver()

    async def open(self) -> None:
        async def find(declaration: PublicDeclaration) -> str | None:
            return "ada" if declaration.contract == KNOWN else None

        self.pool = await self._stack.enter_async_context(
            asyncpg.create_pool(self._dsn, min_size=1, max_size=8)
        )
        cancel = make_cancel(
            self.pool,
            mailer=self,
            email=lambda customer: f"{customer}@example.com",
            site_url="https://shop.example",
            public_exit=PublicExit(find, most_per_network_in_an_hour=10**6, most_in_an_hour=10**6),
        )
        client = TestClient(TestServer(make_app(cancel), access_log=None))
        self.client: TestClient[Any, Any] = await self._stack.enter_async_context(client)

    async def close(self) -> None:
        await self._stack.aclose()

    async def page_key(self) -> str:
        response = await self.client.get("/cancel/public")
        return Page(await response.text()).fields["page"]

    async def get(self, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
        return await self._answered(
            await self.client.get(
                path, headers={"Accept": "text/html", **headers}, allow_redirects=False
            )
        )

    async def post(
        self, body: bytes | io.BytesIO, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        return await self._answered(
            await self.client.post(
                "/cancel/public",
                data=body,
                headers={"Content-Type": FORM, **headers},
                allow_redirects=False,
            )
        )

    async def _answered(self, response: Any) -> tuple[int, dict[str, str], str]:
        text = await response.text(errors="replace")
        self.statuses[response.status] += 1
        assert response.status in ANSWERS, (response.status, text[:500])
        assert "Set-Cookie" not in response.headers
        assert "Traceback" not in text
        headers = {
            name: value
            for name, value in response.headers.items()
            if name not in ("Date", "Content-Length")
        }
        return response.status, headers, text


class Run:
    """The site in an event loop of its own: Hypothesis calls a plain function, again and again."""

    def __init__(self, loop: asyncio.AbstractEventLoop, site: PublicSite) -> None:
        self.loop = loop
        self.site = site
        self.number = 0

    def __call__(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)


@pytest.fixture(scope="module")
def run(postgres: EmbeddedPostgres, template_database: str) -> Iterator[Run]:
    with closing(asyncio.new_event_loop()) as loop:
        dsn = loop.run_until_complete(
            postgres.create_database("fuzz_public", template=template_database)
        )
        site = PublicSite(dsn)
        loop.run_until_complete(site.open())
        yield Run(loop, site)
        loop.run_until_complete(site.close())
        loop.run_until_complete(loop.shutdown_asyncgens())


INJECTIONS = st.sampled_from(
    [
        "Ada\r\nBcc: all@example.org",
        "<script>alert(1)</script>",
        "{{ 7*7 }}{% raw %}",
        "\u202egnisrever",
        "'; DROP TABLE aiocancel.claim; --",
        "\x00\x1b[31m",
        "x" * 300,
        "a@example.org, b@example.org",
        "%0d%0aX-Evil: 1",
        "שלום محمد 山田 Ωμέγα 🏳️‍🌈",
    ]
)
WORDS = st.one_of(st.text(max_size=60), INJECTIONS)
TYPED = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["ordinary", "extraordinary", "both", ""]),
        "reason": WORDS,
        "name": WORDS,
        "contract": WORDS,
        "end": st.sampled_from(["soonest", "on_date", "never"]),
        "on_date": st.one_of(
            WORDS, st.sampled_from(["31.12.2027", "2027-12-31", "31.2.2027", "1.1.9999"])
        ),
        "email": st.one_of(WORDS, st.emails().filter(str.isascii)),
        "aiocancel_empty": st.sampled_from(["", "https://spam.example"]),
        "more": WORDS,
    },
)
SLOW = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def encoded(typed: dict[str, str], page: str) -> bytes:
    whole = {"page": page, **typed}
    return urlencode(whole, errors="surrogatepass").encode("ascii")


@given(typed=TYPED, genuine=st.booleans(), raw=st.one_of(st.none(), st.binary(max_size=80)))
@SLOW
def test_whatever_is_typed_is_no_server_error_and_stands_on_the_page_as_text(
    run: Run, typed: dict[str, str], genuine: bool, raw: bytes | None
) -> None:
    site = run.site
    page = run(site.page_key()) if genuine else "x1.forged"
    body = encoded(typed, page) if raw is None else raw

    status, headers, text = run(site.post(body))
    run(site.post(quote_from_bytes(body).encode() if raw else body + b"&name=twice"))

    for typed_text in typed.values():
        if "<script>" in typed_text:
            assert "<script>alert" not in text
    assert "X-Evil" not in headers
    if status == 303:
        assert re.fullmatch(r"/cancel/public/[\w.=-]+", headers["Location"])
        _, _, shown = run(site.get(headers["Location"]))
        assert "<script>alert" not in shown
        assert "49{%" not in shown


NAMES = st.text(st.characters(categories=["L", "M", "N", "Zs"]), min_size=1, max_size=60).filter(
    str.strip
)


@given(name=NAMES)
@settings(SLOW, max_examples=PAIRS)
def test_nobody_learns_from_the_answer_whether_there_is_such_a_contract(
    run: Run, name: str
) -> None:
    site, found = run.site, []
    for contract in (KNOWN, UNKNOWN):
        run.number += 1
        email = f"{run.number}@example.org"
        typed = {
            "kind": "ordinary",
            "end": "soonest",
            "name": name,
            "contract": contract,
            "email": email,
        }
        status, headers, _ = run(site.post(encoded(typed, run(site.page_key()))))
        location = headers.pop("Location")
        after, after_headers, text = run(site.get(location))
        after_headers.pop("Content-Security-Policy", None)
        shape = [(tag, sorted(attributes)) for tag, attributes in Page(text).elements]
        found.append((status, headers, after, after_headers, shape, len(location)))
        assert " ".join(name.split()) in " ".join(Page(text).text.split())

        def is_written(email: str = email) -> bool:
            return any(mail.to == email for mail in site.sent)

        run(until(is_written, within_s=30))
        (mail,) = [mail for mail in site.sent if mail.to == email]
        assert " ".join(name.split()) in " ".join(mail.text.split())
        assert mail.subject == "Eingangsbestätigung Ihrer Kündigung"

    assert found[0] == found[1]
    assert found[0][0] == 303


def test_limit_of_an_address_holds_however_it_is_written(run: Run) -> None:
    site, statuses, unwritten = run.site, [], []
    for number in range(6):
        email = "Flood@Example.org" if number % 2 else "flood@example.org"
        typed = {"name": "Ada", "contract": UNKNOWN, "email": email}
        status, headers, _ = run(site.post(encoded(typed, run(site.page_key()))))
        _, _, shown = run(site.get(headers["Location"]))
        statuses.append(status)
        unwritten.append(statutory.EXIT["not_sent"] in Page(shown).text)

    assert statuses == [303] * 6
    assert unwritten == [False, False, False, True, True, True]


def test_field_of_a_megabyte_is_refused(run: Run) -> None:
    status, _, _ = run(run.site.post(io.BytesIO(b"name=" + b"a" * 2**20)))

    assert status == 413


KEYS = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=80),
    st.sampled_from(["", "l1.", "l1.." + "A" * 40, "x1.page", "l1.AAAA.BBBB", "../../etc/passwd"]),
)


@given(
    key=KEYS,
    claim=st.one_of(st.uuids().map(str), KEYS),
    as_whom=st.sampled_from(["", "ada", "eve"]),
)
@SLOW
def test_link_that_is_none_shows_nothing_and_a_claim_that_exists_answers_like_one_that_does_not(
    run: Run, key: str, claim: str, as_whom: str
) -> None:
    site = run.site
    headers = as_customer(as_whom) if as_whom else {}
    query = urlencode({"key": key})
    real = run(
        site.pool.fetchval("SELECT public_id FROM aiocancel.claim WHERE customer_id <> $1", "eve")
    )
    if real is None:
        run(declare_one(site))
        real = run(site.pool.fetchval("SELECT public_id FROM aiocancel.claim LIMIT 1"))
    path = "/cancel/acknowledgement/" + urlencode({"": claim})[1:].replace("%2F", "/")

    run(site.get(f"{path}?{query}", **headers))
    run(site.get("/cancel/public/" + urlencode({"": key})[1:], **headers))
    guessed = [
        run(site.get(f"/cancel/acknowledgement/{each}?{query}", **as_customer("eve")))
        for each in (real, uuid.uuid4())
    ]

    def alike(answer: tuple[int, dict[str, str], str]) -> tuple[int, list[str], str]:
        status, told, text = answer
        return status, sorted(told), re.sub(r'nonce="[^"]*"', "", text)

    assert alike(guessed[0]) == alike(guessed[1])
    assert guessed[0][0] in (404, 410)


async def declare_one(site: PublicSite) -> None:
    """One declaration, where none was made yet."""
    typed = {"name": "Ada", "contract": KNOWN, "email": "setup@example.org"}
    status, _, _ = await site.post(encoded(typed, await site.page_key()))
    assert status == 303


def test_every_kind_of_answer_was_met(run: Run) -> None:
    forged = encoded({"name": "Ada", "contract": KNOWN, "email": "a@example.org"}, "x1.forged")
    assert run(run.site.post(forged))[0] == 403

    print(f"answers of the public exit: {dict(sorted(run.site.statuses.items()))}")

    assert {200, 303, 400, 403, 404, 413} <= set(run.site.statuses)
