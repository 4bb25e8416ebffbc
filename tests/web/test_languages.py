"""The language of a request, and dates, money and counts in it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from pytest_aiohttp import AiohttpClient

from aiocancel import SubscriptionQuery
from aiocancel.config import DEFAULT_TEXTS, Settings
from aiocancel.core.sentences import Money, Percent, Sentence
from aiocancel.core.theme import Theme
from aiocancel.errors import ConfigurationError
from aiocancel.texts import CATALOGUES
from aiocancel.web.languages import Languages, Words, accepted_languages, best_language
from tests.support.saas import Pool, add_customer, as_customer, make_app, make_cancel
from tests.support.web import Page, Subscriptions

DAY = datetime(2026, 12, 26, 23, 30, tzinfo=UTC)
GERMAN = {key: f"({key})" for key in DEFAULT_TEXTS}


def settings(**known: Any) -> Settings:
    return Settings(mode="test", **known)


def request(accept: str | None) -> web.Request:
    headers = {} if accept is None else {"Accept-Language": accept}
    return make_mocked_request("GET", "/cancel", headers=headers)


@pytest.mark.parametrize(
    ("language", "date", "price", "share"),
    [
        ("en", "December 26, 2026", "€1,029.50", "12.5%"),
        ("en-GB", "26 December 2026", "€1,029.50", "12.5%"),
        ("de", "26. Dezember 2026", "1.029,50\xa0€", "12,5%"),
        ("fr", "26 décembre 2026", "1\u202f029,50\xa0€", "12,5%"),
    ],
)
def test_values_are_written_as_the_language_writes_them(
    language: str, date: str, price: str, share: str
) -> None:
    words = Words(language, {})

    assert words.written(DAY) == date
    assert words.written(Money(102950, "eur")) == price
    # Which of the spaces that break no line stands before the sign differs from one CLDR to the next.
    written = words.written(Percent(Decimal("12.5")))
    assert "".join(written.split()) == share


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [(2900, "usd", "$29.00"), (2900, "jpy", "¥2,900"), (29000, "kwd", "29.000")],
)
def test_money_has_the_places_of_its_currency(minor: int, currency: str, written: str) -> None:
    assert Words("en", {}).money(Money(minor, currency)).endswith(written)


def test_dates_are_those_of_the_owners_time_zone() -> None:
    assert Words("en", {}, "Europe/Berlin").day(DAY) == "December 27, 2026"


def test_one_and_many_are_told_apart_as_the_language_does() -> None:
    words = Words("en", {})
    off = Percent(Decimal(25))

    said = [words.say(Sentence("offer_off_months", {"off": off, "count": n})) for n in (1, 3)]

    assert said == ["You get 25% off for one month.", "You get 25% off for 3 months."]


def test_owner_who_replaced_the_plain_words_is_taken_by_them() -> None:
    sentence = Sentence("offer_plan_named", {"plan": "Basic"}, plain="offer")

    assert Words("en", {"offer": "Danke."}).say(sentence) == "Danke."
    both = {"offer": "Danke.", "offer_plan_named": "Sie haben jetzt {plan}."}
    assert Words("en", both).say(sentence) == "Sie haben jetzt Basic."
    # A customer's plan is no format string.
    braces = Sentence("offer_plan_named", {"plan": "{0.x} {count}"})
    assert Words("en", {}).say(braces) == "You are on {0.x} {count} now."


def test_owners_words_for_several_are_theirs_for_one_as_well() -> None:
    words = Words("en", {"offer_off_months": "{off} für {count} Monate."})
    sentence = Sentence("offer_off_months", {"off": Percent(Decimal(25)), "count": 1})

    assert words.say(sentence) == "25% für 1 Monate."


@pytest.mark.parametrize(
    ("header", "languages"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", ["de-AT", "de", "en"]),
        ("en;q=0.1, de;q=0.9", ["de", "en"]),
        ("de;q=0, en;q=nan, fr;q=x, it;q=2, nl;q=-1, *", []),
        ("", []),
        (";;,;q=", []),
        ("x" * 9000, ["x" * 9000]),
    ],
)
def test_accept_language_is_read_as_far_as_it_can_be(header: str, languages: list[str]) -> None:
    assert accepted_languages(header) == languages


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        (None, "en-GB"),
        ("de", "de"),
        ("de-CH", "de"),
        ("DE-at", "de-AT"),
        ("pl, de;q=0.5", "de"),
        ("en-US,en", "en-GB"),
        ("pl", "en-GB"),
    ],
)
def test_browser_gets_the_nearest_of_the_languages(accept: str | None, language: str) -> None:
    languages = Languages(
        settings(languages=("en-GB", "de", "de-AT"), texts={"de": GERMAN, "de-AT": GERMAN})
    )

    assert languages.of(request(accept)).language == language


@pytest.mark.parametrize(
    ("chosen", "language"), [("de_DE", "de"), ("en", "en"), ("pl", "de"), (None, "de"), (7, "de")]
)
def test_applications_choice_comes_before_the_browsers(chosen: Any, language: str) -> None:
    languages = Languages(settings(languages=("en", "de"), texts={"de": GERMAN}), lambda _: chosen)

    assert languages.of(request("de")).language == language


def test_choice_that_fails_keeps_nobody_from_leaving(caplog: pytest.LogCaptureFixture) -> None:
    def fails(_: web.Request) -> str:
        raise LookupError("ada@example.com")

    languages = Languages(settings(languages=("en", "de"), texts={"de": GERMAN}), fails)

    assert languages.of(request("de")).language == "de"
    assert "locale failed" in caplog.text
    assert "ada@example.com" not in caplog.text


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"languages": "en"}, "languages is a list"),
        ({"languages": ()}, "languages is a list"),
        ({"languages": ("en", "<b>")}, "no code"),
        ({"languages": ("en", "tlh")}, "lacks"),
        ({"languages": ("en", "tlh"), "texts": {"offer": "x"}}, "one mapping for each"),
        ({"texts": {"fr": {"offer": "x"}}}, "must be one of languages"),
        ({"texts": {"offr": "x"}}, "does not exist: offr"),
        ({"texts": {"offer_plan_named": "{price}"}}, "{plan}"),
        ({"texts": {"offer_plan_named": "{plan.__class__}"}}, "{plan}"),
        ({"time_zone": "Europe/Nowhere"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
    ],
)
def test_settings_that_cannot_work_are_refused(known: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        settings(**known)


@pytest.mark.parametrize("language", CATALOGUES)
def test_no_catalogue_lacks_a_text_or_has_another_field(language: str) -> None:
    from aiocancel.config import fields_in

    catalogue = CATALOGUES[language]

    assert list(catalogue) == list(DEFAULT_TEXTS)
    assert {key: fields_in(text) for key, text in catalogue.items()} == {
        key: fields_in(text) for key, text in DEFAULT_TEXTS.items()
    }


# The word for "cancel" that stands on a button and means "go back", and the one that means "order".
_MISLEADING = {
    "de": ("abbrechen", "stornieren"),
    "fr": ("annuler",),
    "it": ("annulla",),
    "nl": ("annuleren", "stopzetten"),
}


@pytest.mark.parametrize("language", CATALOGUES)
def test_catalogue_neither_begs_nor_misleads(language: str) -> None:
    told = {key: text.lower() for key, text in CATALOGUES[language].items()}
    pressed = " ".join(text for key, text in told.items() if key.endswith(("_button", "_link")))

    for word in ("!", "sorry", "please reconsider", "are you sure"):
        assert word not in " ".join(told.values())
    for word in _MISLEADING.get(language, ()):
        assert word not in pressed


@pytest.mark.parametrize(
    ("language", "title", "fact"),
    [
        ("de", "Abonnement kündigen?", "Wenn Sie kündigen, endet es am 9. Mai 2031."),
        ("es", "¿Cancelar su suscripción?", "Si la cancela, termina el 9 de mayo de 2031."),
        ("fr", "Résilier votre abonnement\xa0?", "Si vous résiliez, il prend fin le 9 mai 2031."),
        ("it", "Disdire l'abbonamento?", "In caso di disdetta termina in data 9 maggio 2031."),
        ("nl", "Abonnement opzeggen?", "Als u opzegt, eindigt het op 9 mei 2031."),
    ],
)
async def test_page_is_whole_in_each_of_our_languages(
    aiohttp_client: AiohttpClient, pool: Pool, language: str, title: str, fact: str
) -> None:
    await add_customer(pool, "ada", "sub_ada")
    query = SubscriptionQuery(
        "SELECT stripe_subscription_id, timestamptz '2031-05-09 12:00Z' AS current_period_end "
        "FROM app_subscription WHERE customer_id = $1"
    )
    cancel = make_cancel(
        pool, subscriptions=query, run_worker=False, languages=["en", "de", "es", "fr", "it", "nl"]
    )
    client = await aiohttp_client(make_app(cancel))
    headers = {**as_customer("ada"), "Accept": "text/html", "Accept-Language": f"{language};q=0.9"}

    page = Page(await (await client.get("/cancel", headers=headers)).text())

    assert page.one("html")["lang"] == language
    assert title in page.text
    assert fact in page.text
    assert not {"Cancel subscription", "Keep subscription"} & set(page.text.split("\n"))


async def test_page_button_and_script_are_in_the_customers_language(
    aiohttp_client: AiohttpClient, shared_pool: Pool
) -> None:
    german = {
        **GERMAN,
        "confirm_title": "Kündigen?",
        "cancel_button": "Kündigen",
        "opening": "Moment",
    }
    cancel = make_cancel(
        shared_pool,
        subscriptions=Subscriptions(),
        run_worker=False,
        languages=["en", "de"],
        texts={"de": german},
    )
    client = await aiohttp_client(make_app(cancel))

    async def get(path: str, language: str) -> str:
        headers = {**as_customer("ada"), "Accept": "text/html", "Accept-Language": language}
        response = await client.get(path, headers=headers)
        assert response.status == 200
        return await response.text()

    plain, account = Page(await get("/cancel", "de-AT")), Page(await get("/account", "de"))
    script = await get(account.one("script")["src"], "en")
    unversioned = await get("/cancel/flow.js", "de")

    assert plain.one("html") == {"lang": "de", "dir": "ltr"}
    assert "Kündigen?" in plain.text
    assert "Kündigen" in account.text
    assert '"opening": "Moment"' in script
    assert script == unversioned
    assert "Cancel your subscription?" in await get("/cancel", "fr")


async def later(_: web.Request) -> str:
    return "de"


@pytest.mark.parametrize("locale", ["de", later])
def test_locale_that_is_no_ordinary_function_is_refused(locale: Any) -> None:
    with pytest.raises(ConfigurationError, match="locale is an ordinary function"):
        make_cancel("postgresql://127.0.0.1:9/nowhere", locale=locale)


def test_theme_and_logo_that_cannot_work_are_refused() -> None:
    for theme in ("dark", Theme(logo="//elsewhere.example/logo.svg")):
        with pytest.raises(ConfigurationError, match="theme"):
            settings(theme=theme)


@pytest.mark.parametrize(
    ("wanted", "known", "found"),
    [
        (["de"], ["en", "de"], "de"),
        (["de-AT"], ["en", "de"], "de"),
        (["DE-at", "en"], ["en", "de"], "de"),
        (["pl", "nl-BE", "en"], ["en", "nl"], "nl"),
        (["en-US"], ["en-GB", "de"], "en-GB"),
        (["en-GB"], ["en", "en-GB"], "en-GB"),
        (["pl"], ["en", "de"], None),
        ([], ["en"], None),
        (["", "-", "d"], ["de"], None),
    ],
    ids=str,
)
def test_the_best_language_is_the_most_wanted_that_is_known(
    wanted: list[str], known: list[str], found: str | None
) -> None:
    assert best_language(wanted, known) == found
