"""The language of one request, and dates, money and sentences in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from aiohttp import web

from aiocancel.config import DEFAULT_TEXTS, Settings, catalogue_of, fields_in
from aiocancel.core.money import major_units
from aiocancel.core.sentences import Money, Percent, Sentence, Value
from aiocancel.telemetry import told

if TYPE_CHECKING:
    from babel import Locale

logger = logging.getLogger("aiocancel")

ChooseLocale = Callable[[web.Request], str | None]

# More than any browser sends.
_MOST_ACCEPTED: Final = 20
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    key: fields_in(text) for key, text in DEFAULT_TEXTS.items()
}


class Words:
    """Our words in one language, the owner's before ours.

    Args:
        language: A code such as ``en`` or ``en-GB``.
        own: The owner's words, by key.
        time_zone: Whose days the dates are.
    """

    def __init__(self, language: str, own: Mapping[str, str], time_zone: str = "UTC") -> None:
        self.language = language
        # An empty text is none.
        self._own = {key: text for key, text in own.items() if text}
        self._texts: Mapping[str, str] = {**(catalogue_of(language) or {}), **self._own}
        self._zone = ZoneInfo(time_zone)

    @cached_property
    def locale(self) -> Locale:
        """The rules for dates, money and plurals."""
        # Late: pages of an application need none of them.
        from babel import Locale

        return Locale.parse(self.language, sep="-")

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return self.locale.text_direction

    def text(self, key: str, **values: Value) -> str:
        """Return the text of a key with its values in it."""
        text = self._texts.get(key) or DEFAULT_TEXTS[key]
        # Only what may hold a field is one for format: any other of the owner's may hold braces.
        if not _FIELDS[key]:
            return text
        return text.format(**{name: self.written(value) for name, value in values.items()})

    def say(self, sentence: Sentence) -> str:
        """Return a sentence."""
        key, plain = sentence.key, sentence.plain
        if plain is not None and self.prefers_own(plain, to=key):
            key = plain
        count = sentence.values.get("count")
        if isinstance(count, int):
            key = self._one_or_many(key, count)
        return self.text(key, **sentence.values)

    def prefers_own(self, plain: str, *, to: str) -> bool:
        """Whether the owner replaced older words that say less, and left the newer ones as they are."""
        return plain in self._own and to not in self._own

    def has_own(self, *keys: str) -> bool:
        """Whether the owner replaced one of these texts."""
        return any(key in self._own for key in keys)

    def written(self, value: Value) -> str:
        """Return a value as this language writes it."""
        match value:
            case datetime():
                return self.day(value)
            case Money():
                return self.money(value)
            case Percent():
                from babel.numbers import format_percent

                share = value.value / 100
                return format_percent(share, locale=self.locale, decimal_quantization=False)
            case _:
                return str(value)

    def day(self, moment: datetime) -> str:
        """Return a date in full, with the year."""
        from babel.dates import format_date

        return format_date(moment.astimezone(self._zone).date(), "long", locale=self.locale)

    def money(self, money: Money) -> str:
        """Return an amount with its currency."""
        from babel.numbers import format_currency

        amount = major_units(money.minor, money.currency)
        return format_currency(amount, money.currency.upper(), locale=self.locale)

    def _one_or_many(self, key: str, count: int) -> str:
        one = f"{key}_one"
        if one not in DEFAULT_TEXTS or self.locale.plural_form(count) != "one":
            return key
        # The owner replaced the text for several only: it is theirs for one as well.
        return key if key in self._own and one not in self._own else one


class Languages:
    """Chooses the words for each request.

    Args:
        settings: The languages, the first for everybody else, and the owner's words.
        choose: The application's own choice, asked first; None, or None from it, leaves it to ``Accept-Language``.
    """

    def __init__(self, settings: Settings, choose: ChooseLocale | None = None) -> None:
        self._choose = choose
        self._words = {
            language: Words(language, settings.own_texts(language), settings.time_zone)
            for language in settings.languages
        }
        self.default = next(iter(self._words.values()))

    @property
    def all(self) -> Sequence[Words]:
        """The words of every language."""
        return tuple(self._words.values())

    @property
    def depends_on_browser(self) -> bool:
        """Whether another ``Accept-Language`` may get another answer."""
        return len(self._words) > 1

    def of(self, request: web.Request) -> Words:
        """Return the words for a request."""
        if len(self._words) == 1:
            return self.default
        if (chosen := self._chosen(request)) is not None:
            return chosen
        accepted = accepted_languages(request.headers.get("Accept-Language", ""))
        return next((words for each in accepted if (words := self._best(each))), self.default)

    def _chosen(self, request: web.Request) -> Words | None:
        if self._choose is None:
            return None
        try:
            chosen = self._choose(request)
        except Exception as error:
            logger.error("locale failed, and the browser's language is taken: %s", told(error))
            return None
        return None if not isinstance(chosen, str) else self._best(chosen.replace("_", "-"))

    def _best(self, wanted: str) -> Words | None:
        """Return the very language, else one of the same base, None where there is none."""
        wanted = wanted.lower()
        base = wanted.partition("-")[0]
        named = [(language.lower(), words) for language, words in self._words.items()]
        exact = (words for language, words in named if language == wanted)
        plain = (words for language, words in named if language == base)
        other = (words for language, words in named if language.partition("-")[0] == base)
        return next(exact, None) or next(plain, None) or next(other, None)


def accepted_languages(header: str) -> list[str]:
    """Return the languages of an ``Accept-Language``, the most wanted first; whatever cannot be read is left out."""
    found: list[tuple[float, str]] = []
    for part in header.split(",")[:_MOST_ACCEPTED]:
        language, _, quality = part.partition(";")
        name, _, value = quality.partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if language.strip() not in ("", "*") and 0 < weight <= 1:
            found.append((weight, language.strip()))
    return [language for _, language in sorted(found, key=lambda each: -each[0])]
