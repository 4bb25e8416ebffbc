"""The language of one request."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from aiohttp import web

from aiocancel.config import Settings
from aiocancel.telemetry import type_and_place
from aiocancel.wording import Words

__all__ = ["ChooseLocale", "Languages", "Words", "accepted_languages", "best_language"]

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
        self.depends_on_browser = len(self._words) > 1
        """Whether another ``Accept-Language`` may get another answer."""

    @property
    def all(self) -> Sequence[Words]:
        """The words of every language."""
        return tuple(self._words.values())

    def of(self, request: web.Request) -> Words:
        """Return the words for a request."""
        if not self.depends_on_browser:
            return self.default
        if (chosen := self._chosen(request)) is not None:
            return chosen
        accepted = accepted_languages(request.headers.get("Accept-Language", ""))
        return self._best(accepted) or self.default

    def _chosen(self, request: web.Request) -> Words | None:
        if self._choose is None:
            return None
        try:
            chosen = self._choose(request)
        except Exception as error:
            logger.error(
                "locale failed, and the browser's language is taken: %s", type_and_place(error)
            )
            return None
        return None if not isinstance(chosen, str) else self._best([chosen.replace("_", "-")])

    def _best(self, wanted: Sequence[str]) -> Words | None:
        found = best_language(wanted, self._words)
        return None if found is None else self._words[found]


def best_language(wanted: Iterable[str], known: Iterable[str]) -> str | None:
    """Return the first wanted language that is known: the very one, else one of the same base; None for none.

    Args:
        wanted: Codes such as ``de-AT``, the most wanted first.
        known: Codes of those that there are.
    """
    names = {language.lower(): language for language in known}
    for each in wanted:
        language = each.lower()
        base = language.partition("-")[0]
        alike = (name for name in names if name.partition("-")[0] == base)
        found = next((name for name in (language, base) if name in names), None)
        if (name := found or next(alike, None)) is not None:
            return names[name]
    return None


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
