"""Our words in one language, and dates, money and sentences in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from aiocancel.config import DEFAULT_TEXTS, Settings, catalogue_of, fields_in
from aiocancel.core.money import major_units
from aiocancel.core.sentences import Moment, Money, Percent, Points, Sentence, Value

if TYPE_CHECKING:
    from babel import Locale

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
        return _locale(self.language)

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
            case date():
                return _day(value, self.language)
            case Moment():
                return self.moment(value.at)

            case Money():
                return self.money(value)
            case Sentence():
                return self.say(value)
            case Percent():
                return _percent(value, self.language)
            case Points():
                return _points(value, self.language)

            case _:
                return str(value)

    def day(self, moment: datetime) -> str:
        """Return a date in full, with the year."""
        return _day(moment.astimezone(self._zone).date(), self.language)

    def moment(self, moment: datetime) -> str:
        """Return a date and a time with its zone."""
        from babel.dates import format_time

        at = moment.astimezone(self._zone)
        # Its short name, which Babel leaves out in most languages; some zones have a number for one.
        name = at.tzname() or ""
        zone = name if name.isalpha() else f"UTC{at.isoformat()[-6:]}"
        return f"{self.day(moment)}, {format_time(at, 'HH:mm', locale=self.locale)} {zone}"

    def money(self, money: Money) -> str:
        """Return an amount with its currency."""
        return _money(money, self.language)

    def _one_or_many(self, key: str, count: int) -> str:
        one = f"{key}_one"
        if one not in DEFAULT_TEXTS or self.locale.plural_form(count) != "one":
            return key
        # The owner replaced the text for several only: it is theirs for one as well.
        return key if key in self._own and one not in self._own else one


# Customers share most of their dates and amounts, and Babel takes longer for one than Jinja for a page.


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    # Late: pages of an application need none of the rules.
    from babel import Locale

    return Locale.parse(language, sep="-")


@lru_cache(maxsize=4096)
def _day(day: date, language: str) -> str:
    from babel.dates import format_date

    return format_date(day, "long", locale=_locale(language))


@lru_cache(maxsize=4096)
def _money(money: Money, language: str) -> str:
    from babel.numbers import format_currency

    amount = major_units(money.minor, money.currency)
    return format_currency(amount, money.currency.upper(), locale=_locale(language))


@lru_cache(maxsize=256)
def _percent(percent: Percent, language: str) -> str:
    from babel.numbers import format_percent

    share = percent.value / 100
    return format_percent(share, locale=_locale(language), decimal_quantization=False)


def _points(points: Points, language: str) -> str:
    from babel.numbers import format_decimal

    pattern = "0.0" if points.points == 0 else "+0.0;−0.0"
    return format_decimal(points.points, format=pattern, locale=_locale(language))


def words_of(settings: Settings, language: str | None) -> Words:
    """Return the words of a language that was chosen before; the first one's where it is not offered any more."""
    known = next((each for each in settings.languages if each == language), settings.languages[0])
    return Words(known, settings.own_texts(known), settings.time_zone)
