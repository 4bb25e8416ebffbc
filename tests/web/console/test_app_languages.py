"""The owner's pages in each language that we have: no English is left on them, and programs get the same in all."""

from __future__ import annotations

import importlib.util
import re
import string
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel.core.flow.conditions import tenure
from aiocancel.core.flow.definition import FlowDefinition, PauseOffer
from aiocancel.core.flow.walk import walk
from aiocancel.core.measures.definitions import DEFINITIONS
from aiocancel.core.owners_words import ENGLISH
from aiocancel.texts.codes import CATALOGUES as CODES
from aiocancel.texts.console import CATALOGUES
from aiocancel.texts.owner import CATALOGUES as OWNER
from aiocancel.texts.owner import defined_in
from tests.support.past_sessions import PastSession, add_sessions
from tests.support.saas import Pool, make_cancel

OTHERS = [language for language in CATALOGUES if language != "en"]
AT = "/owner"
Client = TestClient[Any, Any]


def site(pool: Pool, **of_console: Any) -> web.Application:
    cancel = make_cancel(pool, run_worker=False, content_security_policy=None)
    app = web.Application()
    cancel.setup(app)
    app.add_subapp(AT, cancel.console(operator=lambda _: "jo", **of_console))
    return app


@pytest_asyncio.fixture(loop_scope="session")
async def client(aiohttp_client: AiohttpClient, pool: Pool) -> AsyncIterator[Client]:
    yield await aiohttp_client(site(pool))


async def get(client: Client, path: str, language: str | None) -> str:
    headers = {} if language is None else {"Accept-Language": language}
    response = await client.get(AT + path, headers=headers)
    text = await response.text()
    assert response.status == 200, (path, text)
    return text


def language_of(text: str) -> str:
    found = re.search(r'<html lang="([^"]+)"', text)
    assert found is not None
    return found[1]


# --- which language


@pytest.mark.parametrize(
    ("accept", "found"),
    [
        (None, "en"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("pl, fr-CA;q=0.5", "fr"),
        ("pl", "en"),
        ("en-GB, de;q=0.9", "en"),
        (";;q=,*;q=nan", "en"),
        ("de" * 4000, "en"),
    ],
    ids=["none", "Austria", "second", "unknown", "English", "nonsense", "long"],
)
async def test_the_operators_browser_chooses_the_language(
    client: Client, accept: str | None, found: str
) -> None:
    headers = {} if accept is None else {"Accept-Language": accept}
    response = await client.get(f"{AT}/", headers=headers)

    assert language_of(await response.text()) == response.headers["Content-Language"] == found
    assert response.headers["Vary"] == "Accept-Language"
    assert response.headers["Cache-Control"] == "no-store"


async def test_the_setting_chooses_it_for_everybody(
    aiohttp_client: AiohttpClient, pool: Pool
) -> None:
    client = await aiohttp_client(site(pool, language="de"))
    response = await client.get(f"{AT}/", headers={"Accept-Language": "fr"})
    refused = await client.get(f"{AT}/sessions?from=x", headers={"Accept-Language": "fr"})

    assert language_of(await response.text()) == response.headers["Content-Language"] == "de"
    assert "Vary" not in response.headers
    assert refused.status == 400
    assert CATALOGUES["de"]["day_is_unreadable"] in await refused.text()


async def test_a_path_on_which_a_promise_does_not_hold_is_told_in_the_owners_language(
    client: Client, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No definition of a sound release breaks one, so that the bound is the owner's.
    monkeypatch.setattr("aiocancel.web.console.flow.walk", partial(walk, most_screens=1))
    definition = FlowDefinition(
        offers=(PauseOffer("break", sentence="You can read.", when=tenure(at_least_months=2)),)
    )
    await pool.execute(
        "INSERT INTO aiocancel.flow_definition (version, definition) VALUES ($1, $2)",
        definition.version,
        definition.canonical(),
    )
    await add_sessions(pool, PastSession(1, definition_version=definition.version))

    german, english = [await get(client, "/flow", language) for language in ("de", "en")]

    assert "kein Weg hat mehr als 1 Ansichten: " in german
    assert ": Frage nach dem Grund &gt; Kündigung &gt; offen" in german
    assert "es läuft seit " in german
    assert "no path has more than 1 screens: " in english
    assert ": why &gt; exit &gt; open" in english


# --- what is on the pages


class Seen(HTMLParser):
    """The texts of a page that people read or hear, but for what is typed, and what says that it is in English."""

    SKIPPED = ("style", "code", "pre", "title")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.texts += [named[name] or "" for name in ("aria-label", "data-label") if name in named]
        if tag in ("meta", "input", "br", "line", "rect", "circle"):
            return
        is_left_out = tag in self.SKIPPED or (tag != "html" and "lang" in named)
        # What was stored: the names of the ledger, and words that customers read or wrote.
        is_left_out = is_left_out or named.get("class") == "inside"
        self._open.append((tag, is_left_out or any(left_out for _, left_out in self._open)))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if data.strip() and not (self._open and self._open[-1][1]):
            self.texts.append(" ".join(data.split()))


# Words of English that no other language of ours has.
ENGLISH_WORDS = re.compile(
    r"\b(the|and|with|are|who|from|which|that|this|there|were|have|has|until|every|never|took|shown|kept)\b"
)


@dataclass(frozen=True)
class Known:
    """English texts, by what they are: those that are whole, and those with values in them."""

    whole: Mapping[str, str]
    shapes: Sequence[tuple[str, re.Pattern[str]]]

    def on(self, page: str) -> Iterator[tuple[str, str]]:
        """What of a page is English, with the key of the text."""
        for seen in Seen(page).texts:
            if seen in self.whole:
                yield self.whole[seen], seen
            yield from ((key, seen) for key, shape in self.shapes if shape.fullmatch(seen))
            if ENGLISH_WORDS.search(seen):
                yield "a word", seen


def english(language: str) -> Known:
    """The English texts of all keys that have another one in this language, and are none of its own texts."""
    pairs = [(key, CATALOGUES["en"][key], CATALOGUES[language][key]) for key in CATALOGUES["en"]]
    pairs += [(key, ENGLISH[key], OWNER[language][key]) for key in ENGLISH]
    pairs += [
        (code, *each)
        for code in CODES["en"]
        for each in zip(CODES["en"][code], CODES[language][code], strict=True)
    ]
    for figure in DEFINITIONS:
        both = zip(defined_in("en", figure), defined_in(language, figure), strict=True)
        pairs += [(figure.key, one, other) for one, other in both if one]

    own = {*CATALOGUES[language].values(), *OWNER[language].values()}
    differ = [(key, text) for key, text, other in pairs if text not in {other, *own}]
    whole, shapes = {}, []
    for key, text in differ:
        parts = [*string.Formatter().parse(text)]
        literal = "".join(part for part, *_ in parts)
        if literal == text:
            whole[text] = key
        elif len(re.findall("[A-Za-z]", literal)) >= 8:
            shape = "".join(
                re.escape(part) + ("" if name is None else ".+") for part, name, *_ in parts
            )
            shapes.append((key, re.compile(shape)))
    return Known(whole, shapes)


def past_sessions() -> Any:
    path = Path(__file__).parents[3] / "examples" / "past_sessions.py"
    spec = importlib.util.spec_from_file_location("past_sessions_of_the_demo", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_no_page_has_a_word_of_english_and_programs_get_the_same_in_all_languages(
    client: Client, pool: Pool
) -> None:
    await get(client, "/", None)
    await past_sessions().add_past_sessions(pool)
    stuck, ended, read = await pool.fetchrow(
        "SELECT (SELECT min(id) FROM aiocancel.action WHERE state = 'parked'),"
        " (SELECT max(id) FROM aiocancel.flow_session WHERE shown <> '[]' AND state = 'canceled'),"
        " (SELECT max(session) FROM aiocancel.kept_reading WHERE read_at IS NOT NULL)"
    ) or (0, 0, 0)
    paths = {
        *("/", "/?alike=schedule_has_pending_phases:cancel_at_period_end", "/?refresh=30"),
        *("/sessions", "/sessions?q=zz", "/sessions?outcome=accepted", f"/actions/{stuck}/close"),
        *(f"/sessions/s{each}" for each in (ended, read)),
        *("/figures", "/figures?days=365&by=reason", "/figures?from=1999-01-01&to=1999-01-02"),
        *("/flow", "/definitions", "/?view=print", "/figures?view=print&by=offer"),
    }
    left_over = []

    for language in OTHERS:
        known = english(language)
        for path in sorted(paths):
            text = await get(client, path, language)
            assert language_of(text) == language
            left_over += [(language, path, *each) for each in known.on(text)]

    assert left_over == []
    # And it would be found.
    for path in ("/", "/sessions", f"/sessions/s{ended}", "/figures", "/flow", "/definitions"):
        found = {key for key, _ in english("de").on(await get(client, path, "en"))}
        assert len(found) > 10, path

    for path in (
        "/",
        "/sessions",
        f"/sessions/s{ended}",
        "/flow",
        "/definitions",
        "/figures?by=plan",
    ):
        for view in ("csv", "json"):
            link = f"{path}{'&' if '?' in path else '?'}view={view}"
            told = [
                re.sub(
                    r'"as_of": "[^"]+"|"(machinery|until|oldest_due_s)": [^,]+',
                    "",
                    await get(client, link, each),
                )
                for each in ("en", "de", "fr")
            ]
            assert told[0] == told[1] == told[2], link
