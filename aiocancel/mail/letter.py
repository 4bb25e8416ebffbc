"""A letter in the customer's language, kept as it was written; as text, as HTML and as a mail.

core/acknowledgement.py chooses its sentences.

The text is complete alone, and the HTML is the same words with structure. Templates of the owner's take the place of
ours; whatever fails there, ours are sent.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiocancel.core.acknowledgement import Letter, reference_of
from aiocancel.core.declaration import ShownBlock, blocks_from_json
from aiocancel.core.mail import MailMessage, one_line
from aiocancel.core.public_exit import PublicDeclaration, Termination
from aiocancel.core.sentences import Sentence
from aiocancel.errors import ConfigurationError
from aiocancel.telemetry import EventHook, PageTemplateFailed, type_and_place
from aiocancel.texts import statutory
from aiocancel.wording import Words

if TYPE_CHECKING:
    import jinja2

TEXT: Final = "letter.txt"
HTML: Final = "letter.html"
_LONGEST_SUBJECT: Final = 200
_SENTENCE_ENDS: Final = ".。।"
# French has a space before it that does not break.
_COLONS: Final[Mapping[str, str]] = {"fr": "\u00a0:"}


@dataclass(frozen=True, slots=True)
class LetterLinks:
    """The addresses of this site that a letter may name; None leaves the line out.

    Args:
        page: The letter as a page, to be opened without a login.
        undo: Where a cancellation is taken back.
        exit: Where the subscription is cancelled.
    """

    page: str | None = field(default=None, repr=False)
    undo: str | None = None
    exit: str | None = None


@dataclass(frozen=True, slots=True)
class WrittenLetter:
    """A letter as its reader has it."""

    language: str
    direction: str
    brand: str
    subject: str = field(repr=False)
    next_fact: str = field(repr=False)
    lines: tuple[str, ...] = field(repr=False)
    rows: tuple[tuple[str, str], ...] = field(repr=False)
    links: tuple[tuple[str, str], ...] = field(repr=False)
    questions: str = field(repr=False)
    shown_heading: str = ""
    shown: tuple[ShownBlock, ...] = field(default=(), repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return it as the ledger keeps it."""
        return asdict(self)


def written_from_json(data: Mapping[str, Any]) -> WrittenLetter:
    """Read a letter from the ledger; raises KeyError or TypeError where it is none."""
    pairs = {
        name: tuple((str(one), str(two)) for one, two in data[name]) for name in ("rows", "links")
    }
    texts = ("language", "direction", "brand", "subject", "next_fact", "questions")

    return WrittenLetter(
        **{name: str(data[name]) for name in texts},
        lines=tuple(map(str, data["lines"])),
        rows=pairs["rows"],
        links=pairs["links"],
        # An older release kept neither.
        shown_heading=str(data.get("shown_heading", "")),
        shown=blocks_from_json(data.get("shown")),
    )


def write(letter: Letter, words: Words, links: LetterLinks, *, brand: str) -> WrittenLetter:
    """Write a letter in the customer's language."""
    named: list[tuple[str, str]] = []
    if letter.keep_until is not None and links.undo is not None:
        named.append((words.text("letter_keep_link", date=letter.keep_until), links.undo))
    if letter.exit_link is not None and links.exit is not None:
        named.append((words.text(letter.exit_link), links.exit))
    if links.page is not None:
        named.append((words.text("letter_page_link"), links.page))

    subject = one_line(words.say(letter.subject))[:_LONGEST_SUBJECT].rstrip(_SENTENCE_ENDS)
    # The cut may be behind a space, and no header ends with one.
    subject = one_line(subject)
    return WrittenLetter(
        language=words.language,
        direction=words.direction,
        brand=brand,
        subject=subject,
        next_fact=words.say(letter.next_fact),
        lines=tuple(words.say(line) for line in letter.lines),
        rows=tuple((words.text(label), _value(value, words)) for label, value in letter.rows),
        links=tuple(named),
        questions=words.text("letter_questions"),
        shown_heading=words.text("letter_shown") if letter.offers else "",
        shown=letter.offers,
    )


def _value(value: Any, words: Words) -> str:
    return words.say(value) if isinstance(value, Sentence) else words.written(value)


class LetterTemplates:
    """Our two templates, and the owner's before them.

    Args:
        folder: Holds a ``letter.txt`` or a ``letter.html``, or both; None for ours alone.
        on_event: Is told of a template that fails.

    Raises:
        ConfigurationError: There is no such folder, or neither of the two is in it.
    """

    def __init__(self, folder: Path | None, *, on_event: EventHook) -> None:
        if folder is not None and not any((folder / name).is_file() for name in (TEXT, HTML)):
            raise ConfigurationError(f"mail_templates is a folder with {TEXT}, {HTML}, or both")
        self._folder = folder
        self._on_event = on_event
        self._made: dict[str, jinja2.Environment] = {}

    def text(self, letter: WrittenLetter) -> str:
        """Return the letter as plain text."""
        return self._render(TEXT, letter)

    def html(self, letter: WrittenLetter) -> str:
        """Return the letter as HTML."""
        return self._render(HTML, letter)

    def message(self, letter: WrittenLetter, *, to: str, message_id: str) -> MailMessage:
        """Return the letter as a mail."""
        return MailMessage(
            message_id=message_id,
            to=to,
            subject=letter.subject,
            text=self.text(letter),
            html=self.html(letter),
            language=letter.language,
        )

    def _render(self, name: str, letter: WrittenLetter) -> str:
        colon = _COLONS.get(letter.language.partition("-")[0], ":")
        values = {
            **letter.to_json(),
            "lang": letter.language,
            "dir": letter.direction,
            "colon": colon,
            "width": _width(letter.rows, colon),
            "offer_widths": [_width(block.rows, colon) for block in letter.shown],
        }

        if self._folder is not None and (self._folder / name).is_file():
            try:
                return (
                    self._environment("owner", _from_folder(self._folder))
                    .get_template(name)
                    .render(values)
                )
            except Exception as error:  # whatever it is, ours stand in
                self._on_event(PageTemplateFailed(name, type_and_place(error)))
        return self._environment("ours", _ours).get_template(name).render(values)

    def _environment(
        self, whose: str, loader: Callable[[], jinja2.BaseLoader]
    ) -> jinja2.Environment:
        if whose not in self._made:
            import jinja2

            self._made[whose] = jinja2.Environment(
                loader=loader(),
                autoescape=_escapes,  # noqa: S701 - the plain text alone is not
                undefined=jinja2.StrictUndefined,
                keep_trailing_newline=True,
            )
            self._made[whose].filters["wrapped"] = _wrapped
        return self._made[whose]


def _width(rows: Sequence[tuple[str, str]], colon: str) -> int:
    """Return how wide the column of labels is in plain text, with the colon."""
    return max((len(label) for label, _ in rows), default=0) + len(colon)


def _wrapped(text: str, width: int, indent: int = 0) -> str:
    """Return a text in lines of at most ``width``; those after the first begin under the first one's words.

    Args:
        text: Without line breaks of its own, or with: they count as spaces.
        width: Of the whole line.
        indent: Where the first line begins. A word that is longer than the line stays whole.
    """
    lines = textwrap.wrap(
        text, max(width - indent, 20), break_long_words=False, break_on_hyphens=False
    )
    return ("\n" + " " * indent).join(lines)


def _escapes(name: str | None) -> bool:
    return name != TEXT


def _ours() -> jinja2.BaseLoader:
    import jinja2

    folder = resources.files("aiocancel.mail") / "templates"
    return jinja2.DictLoader(
        {name: (folder / name).read_text(encoding="utf-8") for name in (TEXT, HTML)}
    )


def _from_folder(folder: Path) -> Callable[[], jinja2.BaseLoader]:
    def make() -> jinja2.BaseLoader:
        import jinja2

        return jinja2.ChoiceLoader([jinja2.FileSystemLoader(folder), _ours()])

    return make


def links_of(base: str | None, *, key: str | None, page_path: Sequence[str] = ()) -> LetterLinks:
    """Return a site's addresses for a letter.

    Args:
        base: The address of the plain page, such as ``https://shop.example/cancel``; None leaves all links out.
        key: What opens the letter's page without a login; None leaves that link out.
        page_path: The letter's place below ``base``.
    """
    if base is None:
        return LetterLinks()
    page = None if key is None else "/".join((base, *page_path)) + f"?key={key}"
    return LetterLinks(page=page, undo=f"{base}?change=resume", exit=base)


def public_letter(
    declaration: PublicDeclaration,
    received_at: datetime,
    claim_id: str,
    words: Words,
    *,
    brand: str,
    is_sent: bool = True,
) -> WrittenLetter:
    """Write the acknowledgement of the public exit: the declaration word for word, and nothing that was not typed.

    Args:
        declaration: What was typed.
        received_at: When it came.
        claim_id: The declaration's public id.
        words: Writes dates in the reader's language.
        brand: The name of the site.
        is_sent: Whether a mail comes; if not, the page is all there is to keep.
    """
    texts = statutory.EXIT
    is_for_cause = declaration.kind is Termination.EXTRAORDINARY
    kind = texts["extraordinary" if is_for_cause else "ordinary"]
    ends_on = declaration.ends_on
    end = texts["soonest"] if ends_on is None else ends_on.strftime("%d.%m.%Y")

    rows = [(texts["declared"], texts["pressed"]), (texts["kind"], kind)]
    if declaration.reason is not None:
        rows.append((texts["reason"], declaration.reason))
    rows += [
        (texts["name"], declaration.name),
        (texts["contract"], declaration.contract),
        (texts["end"], end),
        (texts["sent_to" if is_sent else "typed_address"], declaration.email),
        (texts["at"], words.moment(received_at)),
        (texts["reference"], reference_of(claim_id)),
    ]
    return WrittenLetter(
        language=statutory.LANGUAGE,
        direction="ltr",
        brand=brand,
        subject=texts["subject"],
        next_fact=words.moment(received_at),
        lines=(texts["declares"], *(() if is_sent else (texts["not_sent"],))),
        rows=tuple(rows),
        links=(),
        questions=texts["questions"],
    )
