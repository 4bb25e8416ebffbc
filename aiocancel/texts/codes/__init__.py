"""The sentence and the advice of each code, one module for each language; the English ones are the core's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiocancel.core.codes import FOREIGN, AnyCode, Code, ForeignCode
from aiocancel.texts.codes import de, es, fr, it, nl

CodeTexts = Mapping[str, tuple[str, str]]
"""A sentence and an advice for each code, by its word; then those of ``FOREIGN``."""

ENGLISH: Final[CodeTexts] = {
    **{code.value: (code.sentence, code.advice) for code in Code},
    **FOREIGN,
}
CATALOGUES: Final[Mapping[str, CodeTexts]] = {
    "en": ENGLISH,
    "de": de.TEXTS,
    "es": es.TEXTS,
    "fr": fr.TEXTS,
    "it": it.TEXTS,
    "nl": nl.TEXTS,
}
"""The words of each language that we have, by its code."""


def code_in(language: str, code: AnyCode) -> tuple[str, str]:
    """Return the sentence and the advice of a code, and of a word that another system chose.

    Args:
        language: One of ``CATALOGUES``.
        code: As the ledger has it.
    """
    texts = CATALOGUES[language]
    if not isinstance(code, ForeignCode):
        return texts[code.value]

    sentence, advice = texts[code.sort]
    if code.is_a_sentence:
        return str(code), advice
    last = code.last_answer
    told = {**code.parts, "last": code_in(language, last)[0] if last is not None else ""}
    return sentence.format(**told), advice
