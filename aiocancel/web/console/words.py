"""How the owner's pages write dates, money, waits and the names of things, in the owner's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import InvalidOperation
from typing import Any, Final
from zoneinfo import ZoneInfo

from markupsafe import Markup

from aiocancel.core.claim import OWN_FLOW
from aiocancel.core.codes import Code
from aiocancel.core.measures.definitions import Definition
from aiocancel.core.measures.interval import Share
from aiocancel.core.measures.words import share_told
from aiocancel.core.owners_words import key_of
from aiocancel.core.sentences import Money, Percent, Points, Sentence
from aiocancel.texts import CATALOGUES as TEXTS
from aiocancel.texts.codes import code_in
from aiocancel.texts.console import CATALOGUES
from aiocancel.texts.owner import CATALOGUES as OWNER
from aiocancel.texts.owner import DefinitionWords, defined_in
from aiocancel.web.languages import Words

LANGUAGE: Final = "en"
LANGUAGES: Final = tuple(CATALOGUES)
_RHYTHMS: Final = ("day", "week", "month", "year")


class Writing:
    """Writes for one owner.

    Args:
        time_zone: Whose days and hours are meant.
        language: One that the catalogue of these pages has.
        customers_language: The one that most customers read.
    """

    def __init__(
        self, time_zone: str, language: str = LANGUAGE, customers_language: str = LANGUAGE
    ) -> None:
        self._customers_language = customers_language
        self.language = language
        self.zone_name = time_zone
        self._texts = CATALOGUES[language]
        self._sentences = OWNER[language]
        self._zone = ZoneInfo(time_zone)
        self._words = Words(language, {}, time_zone)

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return self._words.direction

    def t(self, key: str, **values: object) -> str:
        """Return the text of a key with its values in it; ``count`` chooses between one and several."""
        one = f"{key}_one"
        if values.get("count") == 1 and one in self._texts:
            key = one
        return self._texts[key].format(
            **{name: self._written(name, value) for name, value in values.items()}
        )

    def in_their_words(self, key: str, name: str, words: str) -> Markup:
        """Return the text of a key with words in it that customers read, marked with the language that they are in."""
        marked = Markup('<span lang="{}">{}</span>').format(self._customers_language, words)
        return Markup.escape(self._texts[key]).format(**{name: marked})

    def say(self, sentence: Sentence) -> str:
        """Return what the core tells."""
        text = self._sentences[key_of(sentence, self._sentences)]
        return text.format(
            **{name: self._written(name, value) for name, value in sentence.values.items()}
        )

    def _written(self, name: str, value: object) -> object:
        """Return a value as this language writes it; an id is typed as it is."""
        match value:
            case Sentence():
                return self.say(value)
            case bool() | str():
                return value
            case int():
                return value if name == "id" else self.number(value)
            case date() | Percent() | Points() | Money():
                return self._words.written(value)
            case _:
                return value

    def number(self, count: int) -> str:
        """Return a whole number with its thousands told apart."""
        from babel.numbers import format_decimal

        return format_decimal(count, locale=self._words.locale)

    def share(self, share: Share) -> str:
        """Return a share with its doubt."""
        return self.say(share_told(share))

    def _named(self, prefix: str, word: str, usual: str | None = None) -> str:
        """Return the words for a word of the ledger; one that this release does not know is shown as it is."""
        return self._texts.get(f"{prefix}_{word}") or usual or named(word)

    def capital(self, text: str) -> str:
        """Return a text with a capital letter first."""
        return capital(text)

    def kind(self, kind: str) -> str:
        """Return what an action of this kind is."""
        return self._named("kind", kind)

    def outcome(self, state: str) -> str:
        """Return how a session ended."""
        return self._named("outcome", state)

    def entry(self, entry: str) -> str:
        """Return what a line of the journal says."""
        return self._named("entry", entry)

    def code(self, word: str) -> tuple[str, str]:
        """Return the sentence and the advice of a word of the ledger."""
        return code_in(self.language, Code.stored(word))

    def state(self, state: str) -> str:
        """Return how a subscription stood when it was read."""
        return self._named("state", state, state)

    def result(self, result: str) -> str:
        """Return what came of a call to Stripe."""
        return self._named("result", result, result)

    def told_by(self, who: str) -> str:
        """Return who told of a session."""
        return self._named("told_by", who, who)

    def definition(self, definition: Definition) -> DefinitionWords:
        """Return the words of a definition."""
        return defined_in(self.language, definition)

    def reason(self, reason: str | None) -> str:
        """Return a reason for people."""
        if not reason:
            return self.t("no_answer_given")
        return TEXTS[self.language].get(f"reason_{reason}") or named(reason)

    def vendor(self, name: str) -> str:
        """Return whose flow it was."""
        return self.t("vendor_own") if name == OWN_FLOW else name

    def language_name(self, language: str) -> str:
        """Return the name of a language; a code that nobody knows is shown as it is."""
        from babel import Locale, UnknownLocaleError

        try:
            told = Locale.parse(language, sep="-").get_display_name(self._words.locale)
        except (ValueError, UnknownLocaleError):
            return language
        return told or language

    def day(self, moment: datetime) -> str:
        """Return for instance ``26 Nov 2026``, as the day of every other moment on the page."""
        return self._formatted(moment, self._day_pattern)

    def calendar_day(self, day: date | str) -> str:
        """Return a day, also one that is written as ``2026-11-26``, for instance as ``26 Nov 2026``."""
        from babel.dates import format_date

        found = date.fromisoformat(day) if isinstance(day, str) else day
        return format_date(found, self._day_pattern, locale=self._words.locale)

    def moment(self, moment: datetime) -> str:
        """Return for instance ``26 Nov 2026, 15:04``."""
        return self._formatted(moment, f"{self._day_pattern}, HH:mm")

    def second(self, moment: datetime) -> str:
        """Return for instance ``26 Nov 2026, 15:04:02``."""
        return self._formatted(moment, f"{self._day_pattern}, HH:mm:ss")

    def iso(self, moment: datetime) -> str:
        """Return the moment for programs, in UTC."""
        return moment.isoformat()

    @property
    def _day_pattern(self) -> str:
        # English owners live in many countries: the day first, and the month as a word, is read by all of them.
        if self.language == LANGUAGE:
            return "d MMM y"
        return str(self._words.locale.datetime_skeletons["yMMMd"])

    def _formatted(self, moment: datetime, pattern: str) -> str:
        from babel.dates import format_datetime

        local = moment.astimezone(self._zone)
        return format_datetime(local, pattern, tzinfo=self._zone, locale=self._words.locale)

    def money(self, minor: object, currency: object) -> str | None:
        """Return an amount with its currency; None for what the ledger holds and is none."""
        try:
            return self._words.money(Money(int(str(minor)), str(currency).lower()))
        except (ValueError, InvalidOperation, OverflowError):
            return None

    def price(self, snapshot: object) -> str:
        """Return the plan and the price of a snapshot, as far as they are known."""
        if not isinstance(snapshot, Mapping):
            return self.t("price_unknown")
        known = [str(snapshot["plan"])] if snapshot.get("plan") else []
        minor, currency = snapshot.get("price_minor"), snapshot.get("currency")
        amount = self.money(minor, currency) if minor is not None and currency else None
        if amount is not None:
            known.append(
                self._rhythm(amount, snapshot.get("interval"), snapshot.get("interval_count"))
            )
        return ", ".join(known) or self.t("price_unknown")

    def _rhythm(self, amount: str, rhythm: object, count: object) -> str:
        if rhythm not in _RHYTHMS:
            return amount
        count = count if isinstance(count, int) and count > 1 else 1
        return self._words.say(Sentence(f"price_per_{rhythm}", {"price": amount, "count": count}))

    def row_price(self, row: Mapping[str, Any]) -> str:
        """Return the plan and the price of a row of a list."""
        return self.price({**row, "interval": row["price_interval"]})

    def wait(self, waited: timedelta) -> str:
        """Return how long something waits, in its two largest units; a clock that went back is no wait."""
        minutes = max(int(waited.total_seconds()) // 60, 0)
        units = [
            (minutes // 1440, "days"),
            (minutes // 60 % 24, "hours"),
            (minutes % 60, "minutes"),
        ]
        first = next((at for at, (count, _) in enumerate(units) if count), None)
        if first is None:
            return self.t("moments")
        told = [self.t(unit, count=count) for count, unit in units[first : first + 2] if count]
        return " ".join(told)


def named(word: str) -> str:
    """Return a key such as ``too_expensive`` for people."""
    return capital(word.replace("_", " ").strip())


def capital(text: str) -> str:
    """Return a text with a capital letter first; the others stay, since German has capitals inside."""
    return text[:1].upper() + text[1:]


def flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield what a stored value holds, as names and texts; what is empty is left out."""
    match value:
        case None | "" | []:
            return
        case Mapping():
            for key, each in value.items():
                yield from flat(each, f"{name}.{key}" if name else str(key))
        case str():
            yield name, value
        case Sequence() if all(isinstance(each, str | int) for each in value):
            yield name, ", ".join(map(str, value))
        case Sequence():
            for number, each in enumerate(value, start=1):
                yield from flat(each, f"{name} {number}".strip())
        case _:
            yield name, str(value)
