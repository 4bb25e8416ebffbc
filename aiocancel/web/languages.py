"""The language of one request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web

from aiocancel.config import Settings
from aiocancel.telemetry import told
from aiocancel.wording import Words

__all__ = ["ChooseLocale", "Languages", "Words", "accepted_languages"]

logger = logging.getLogger("aiocancel")

ChooseLocale = Callable[[web.Request], str | None]

# More than any browser sends.
_MOST_ACCEPTED: Final = 20


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
