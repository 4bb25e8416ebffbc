"""Letters as their readers have them: every sort in every language, whole as text, and the same words as HTML."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date, format_time

from aiocancel.core.acknowledgement import LetterFacts, LetterKind, letter
from aiocancel.core.claim import Topic
from aiocancel.core.decision import Answer, AnswerKind
from aiocancel.core.sentences import Sentence
from aiocancel.core.theme import contrast
from aiocancel.errors import ConfigurationError
from aiocancel.mail.letter import (
    LetterTemplates,
    WrittenLetter,
    links_of,
    write,
    written_from_json,
)
from aiocancel.telemetry import PageTemplateFailed
from aiocancel.texts import CATALOGUES
from aiocancel.wording import Words
from tests.support.every_letter import ENDS, FACTS, KINDS, LETTERS, NOW
from tests.support.saas import Events

LINKS = links_of("https://shop.example/cancel", key="l1.key", page_path=("acknowledgement", "id"))
SALES = ("upgrade", "offer ends", "discount for", "come back", "!", "unsubscribe", "% off today")


def written(name: str, language: str = "en") -> WrittenLetter:
    words = Words(language, {}, "Europe/Berlin")
    return write(LETTERS[name], words, LINKS, brand="Northwind Notes")


def flat(text: str) -> str:
    return " ".join(text.split())


@cache
def templates() -> LetterTemplates:
    return LetterTemplates(None, on_event=Events())


class Reader(HTMLParser):
    """What an HTML part says and loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._hidden = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._hidden = tag in ("style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.texts.append(data.strip())


SITUATIONS = {
    "as usual": ("Pro", "Northwind Notes", "Europe/Berlin"),
    "nobody knows the plan": (None, "", "UTC"),
    "long names": ("Professional with " + "very " * 30 + "many seats", "N" * 90, "Asia/Tokyo"),
    "from the right": ("احترافي", "شركة", "America/Los_Angeles"),
}
"""The plan, the owner's name and the time zone."""


def in_situation(name: str, language: str, situation: str) -> WrittenLetter:
    plan, brand, zone = SITUATIONS[situation]
    made = letter(KINDS[name], replace(FACTS[name], plan=FACTS[name].plan and plan))
    return write(made, Words(language, {}, zone), LINKS, brand=brand)


@pytest.mark.parametrize("name", LETTERS)
def test_letter_is_whole_in_every_language_and_situation(name: str) -> None:
    for language, situation in itertools.product(CATALOGUES, SITUATIONS):
        one = in_situation(name, language, situation)

        text, html = templates().text(one), templates().html(one)

        said = Reader(html)
        facts = [one.subject, *one.lines, *itertools.chain(*one.rows), one.questions]
        for block in one.shown:
            facts += [
                one.shown_heading,
                block.heading,
                *block.lines,
                *itertools.chain(*block.rows),
            ]
        for fact in facts:
            assert flat(fact) in flat(text)
            assert flat(fact) in [flat(each) for each in said.texts]
        # The HTML says nothing that the text does not, but for the next fact that a mailbox shows beside the subject.
        beside = {one.brand, one.next_fact, *itertools.chain(*one.links)}
        assert {flat(each) for each in said.texts} - {flat(each) for each in beside} <= {
            flat(fact) for fact in facts
        }
        for label, url in one.links:
            assert url in text
            assert label in said.texts
        assert "{" not in text + one.subject
        assert "None" not in text
        assert all(flat(fact) for fact in facts), "nothing is empty"
        assert one.language == language
        assert all(line.endswith((".", "。")) for line in one.lines)
        # Gmail cuts at about 100 kB.
        assert len(html.encode()) < 30_000
        assert all(
            len(line) <= 72 or "https://" in line or "N" * 90 in line for line in text.splitlines()
        )
        assert text == text.strip() + "\n"
        assert "\n\n\n" not in text
        assert not [word for word in SALES if word in text.lower()]


@pytest.mark.parametrize("length", range(180, 200))
def test_subject_that_is_cut_can_be_sent_wherever_the_cut_is(length: int) -> None:
    plan = "x" * length + " seat" * 20
    subject = Sentence("offer_plan_named", {"plan": plan}, plain="offer")
    made = replace(LETTERS["coupon"], subject=subject)

    one = write(made, Words("en", {}), LINKS, brand="Northwind Notes")

    assert templates().message(one, to="ada@example.com", message_id="a").subject == one.subject
    assert 190 < len(one.subject) <= 200


@pytest.mark.parametrize("name", LETTERS)
def test_no_english_stands_in_a_letter_of_another_language(name: str) -> None:
    for language in [each for each in CATALOGUES if each != "en"]:
        english, other = written(name, "en"), written(name, language)

        def said(one: WrittenLetter) -> set[str]:
            labels = [label for label, _ in (*one.rows, *one.links)]
            return {
                one.subject,
                one.next_fact,
                *one.lines,
                *labels,
                one.questions,
                one.shown_heading,
            }

        alike = said(english) & said(other) - {""}
        # A plan is called so in Spanish as well.
        assert alike <= {"Plan"}


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_dates_and_times_are_those_of_babel_in_the_owners_time_zone(
    language: str, situation: str
) -> None:
    zone = ZoneInfo(SITUATIONS[situation][2])
    ends, at = format_date(ENDS.astimezone(zone), "long", locale=language), NOW.astimezone(zone)
    received = (
        f"{format_date(at, 'long', locale=language)}, {format_time(at, 'HH:mm', locale=language)}"
    )

    one = in_situation("period_end", language, situation)

    rows = [value for _, value in one.rows]
    assert ends in rows
    (moment,) = [value for value in rows if value.startswith(received)]
    assert moment == f"{received} {at.tzname()}"
    assert ends in one.subject
    assert [label for label, _ in one.links if ends in label]


@pytest.mark.parametrize("name", LETTERS)
def test_subject_alone_tells_the_fact_in_sixty_characters(name: str) -> None:
    for language in CATALOGUES:
        one = written(name, language)

        assert 0 < len(one.subject) <= 60
        assert not one.subject.endswith(".")
        assert one.next_fact


@pytest.mark.parametrize("name", LETTERS)
def test_html_loads_nothing_and_is_readable_inverted(name: str) -> None:
    read = Reader(templates().html(written(name)))

    tags = [tag for tag, _ in read.tags]
    assert not {"img", "script", "link", "iframe", "form", "button"} & set(tags)
    assert tags.count("h1") == 1
    assert dict(read.tags[0][1]) == {"lang": "en", "dir": "ltr"}
    layout = [attrs for tag, attrs in read.tags if tag == "table"]
    assert [attrs.get("role") for attrs in layout][:3] == ["presentation", "presentation", None]
    assert len(layout) == (4 if name == "coupon_as_shown" else 3)
    assert all(attrs.get("scope") == "row" for tag, attrs in read.tags if tag == "th")
    # A mail program that inverts the colours finds one on each text, and none but those of the brief.
    for tag, attrs in read.tags:
        if tag in ("h1", "p", "th", "td", "a") and "align" not in attrs:
            style = attrs.get("style") or ""
            assert tag == "td" or "color:#" in style


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_each_scheme_and_where_a_program_inverts_it(scheme: str) -> None:
    html = templates().html(written("coupon_as_shown"))
    style, _, body = html.partition("</style>")
    colours = set(
        re.findall(r"(?<![-\w])color:\s*(#[0-9a-f]{6})", style if scheme == "dark" else body)
    )
    (ground,) = set(
        re.findall(r"background:\s*(#[0-9a-f]{6})", style if scheme == "dark" else body)
    )

    assert len(colours) == 2, "one for words, one for links"
    for colour in colours:
        assert contrast(colour, ground) >= 4.5
        assert contrast(_inverted(colour), _inverted(ground)) >= 4.5


def _inverted(colour: str) -> str:
    return f"#{0xFFFFFF - int(colour[1:], 16):06x}"


LEAVING = [name for name, known in FACTS.items() if known.answer.change is Topic.CANCELLATION]


@pytest.mark.parametrize("name", LEAVING)
def test_letter_about_leaving_has_the_declaration_its_time_with_the_zone_a_reference_and_no_sale(
    name: str,
) -> None:
    for language in CATALOGUES:
        words = Words(language, {}, "Europe/Berlin")
        declared = FACTS[name].declared
        quoted = Sentence("letter_declared_words", {"words": declared or ""})

        one = written(name, language)

        rows, text = dict(one.rows), flat(templates().text(one))
        said = words.text("letter_declared_in_form") if declared is None else words.say(quoted)
        assert rows[words.text("letter_row_declared")] == said
        assert rows[words.text("letter_row_received")] == words.moment(NOW)
        assert words.moment(NOW).endswith(" CET")
        assert rows[words.text("letter_row_reference")] == "C-1F3A-99B2"
        assert all(flat(value) in text for value in rows.values())
        # Neither an offer nor a price stands in it.
        assert not one.shown
        assert not re.search(r"[%€$]", text)


@pytest.mark.parametrize("name", LETTERS)
def test_plan_that_would_write_headers_writes_none(name: str) -> None:
    plan = "Pro\r\nBcc: eve@example.com\x00\u2028"
    made = letter(KINDS[name], replace(FACTS[name], plan=plan))

    one = write(made, Words("en", {}), LINKS, brand="Northwind\r\nNotes")
    mail = templates().message(one, to="ada@example.com", message_id="a")

    assert mail.to == "ada@example.com"
    assert len(mail.subject.splitlines()) == 1
    assert "\x00" not in mail.subject


def test_letter_about_an_exit_reads_like_this() -> None:
    one = written("period_end")

    assert templates().text(one).splitlines() == [
        "Northwind Notes",
        "Your Pro subscription ends on December 26, 2026",
        "",
        "You can use it until then.",
        "",
        "Declared:  “Cancel”",
        "Plan:      Pro",
        "Received:  December 5, 2026, 16:04 CET",
        "Ends:      December 26, 2026",
        "Reference: C-1F3A-99B2",
        "",
        "Changed your mind? You can keep it until December 26, 2026:",
        "https://shop.example/cancel?change=resume",
        "Save or print this:",
        "https://shop.example/cancel/acknowledgement/id?key=l1.key",
        "Questions? Answer this mail.",
    ]


def test_labels_of_a_french_letter_have_their_space_before_the_colon() -> None:
    lines = templates().text(written("coupon_as_shown", "fr")).splitlines()

    assert "Formule\u00a0:   Pro" in lines
    assert "Référence\u00a0: C-1F3A-99B2" in lines
    assert "Next payment\u00a0: €14.50 on December 26, 2026 (not €29.00)" in lines
    assert not [line for line in lines if re.match(r"[\w ]+\w:", line) and "https" not in line]


def test_letter_without_a_site_address_has_no_links() -> None:
    words = Words("en", {})

    one = write(LETTERS["period_end"], words, links_of(None, key="k"), brand="")

    assert one.links == ()
    assert templates().text(one).startswith("Your Pro subscription ends")


def test_letter_comes_back_from_the_ledger_as_it_was_written() -> None:
    one = written("coupon", "fr")

    assert written_from_json(json.loads(json.dumps(one.to_json()))) == one


HOSTILE = "<script>alert(1)</script>\r\nBcc: all@example.com {{ 7 * 7 }} \u202e"


def test_names_are_words_and_nothing_else() -> None:
    moment = datetime(2026, 12, 5, tzinfo=UTC)
    answer = Answer(AnswerKind.SCHEDULED, Topic.CANCELLATION, moment)
    facts = LetterFacts(answer, "C-1", moment, declared=HOSTILE, plan=HOSTILE)

    one = write(letter(LetterKind.CARRIED_OUT, facts), Words("en", {}), LINKS, brand=HOSTILE)
    html = templates().html(one)

    assert "\n" not in one.subject
    assert "\r" not in one.subject
    assert "<script>" not in html
    assert "{{ 7 * 7 }}" in html
    message = templates().message(one, to="ada@example.com", message_id="m-1")
    assert message.subject == one.subject


def test_owners_template_is_used_and_ours_stand_in_where_it_fails(tmp_path: Path) -> None:
    events = Events()
    (tmp_path / "letter.txt").write_text("Dear customer, {{ subject }}", encoding="utf-8")
    (tmp_path / "letter.html").write_text("{{ no_such_value }}", encoding="utf-8")
    own = LetterTemplates(tmp_path, on_event=events)

    text, html = own.text(written("coupon")), own.html(written("coupon"))

    assert text == "Dear customer, You get 50% off every payment"
    assert html == templates().html(written("coupon"))
    (failed,) = events.of(PageTemplateFailed)
    assert failed.template == "letter.html"


def test_folder_without_templates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="mail_templates"):
        LetterTemplates(tmp_path, on_event=Events())


def test_owners_words_are_taken_before_ours() -> None:
    words = Words("en", {"letter_until_then": "Enjoy it until then."})

    assert write(LETTERS["period_end"], words, LINKS, brand="").lines == ("Enjoy it until then.",)


def test_name_that_no_line_can_hold_is_broken_in_html_and_nothing_is_said_in_the_subject_twice() -> (
    None
):
    long = replace(FACTS["period_end"], plan="Unbrechbarername" * 8)
    html = templates().html(
        write(letter(LetterKind.CARRIED_OUT, long), Words("de", {}), LINKS, brand="N" * 80)
    )

    tables = [attrs for tag, attrs in Reader(html).tags if tag == "table"]
    labels = [attrs["style"] or "" for tag, attrs in Reader(html).tags if tag == "th"]
    # Inherited by everything that is said; a label of ours, such as "Kündigungsgrund", stays whole.
    assert "overflow-wrap:anywhere" in (tables[1]["style"] or "")
    assert all("overflow-wrap:normal" in style for style in labels)
    assert "Your subscription continues" not in templates().text(written("taken_back"))
    assert templates().text(written("manual_offer")).count("We have your choice") == 1
