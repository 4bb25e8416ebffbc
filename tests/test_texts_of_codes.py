"""The owner's words for codes: each code has a sentence and an advice in each language, with the same values."""

from __future__ import annotations

import re
import string

import pytest

from aiocancel.core.codes import FOREIGN, Code, ForeignCode
from aiocancel.texts.codes import CATALOGUES, ENGLISH, code_in


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_code_has_its_words_in_each_language(language: str) -> None:
    texts = CATALOGUES[language]

    assert texts.keys() == {code.value for code in Code} | FOREIGN.keys()
    for word, pair in texts.items():
        assert all(text.strip() == text != "" for text in pair), word
        if word in FOREIGN:
            assert [*map(fields, pair)] == [*map(fields, ENGLISH[word])], word


# Settings, commands with their options, Stripe's objects and HTTP headers.
TYPED = re.compile(
    r"\b[a-z]+_[a-z_]+\b|\baiocancel(?: [a-z]+)*(?= --)|--[a-z]+\b|\b[A-Z][a-z]+-[A-Z]\w+"
)


@pytest.mark.parametrize("language", CATALOGUES)
def test_what_an_operator_types_or_looks_up_is_the_same_in_each_language(language: str) -> None:
    differ = [
        (word, n)
        for word, pair in ENGLISH.items()
        for n, text in enumerate(pair)
        if not set(TYPED.findall(text)) <= set(TYPED.findall(CATALOGUES[language][word][n]))
    ]

    assert differ == []


@pytest.mark.parametrize(
    "word",
    ["amount_too_large", "KeyError", "http_503", "gave_up_timeout", "The answer has no id.", "A {"],
)
def test_the_english_words_are_those_of_the_core(word: str) -> None:
    code = Code.stored(word)

    assert code_in("en", code) == (code.sentence, code.advice)


@pytest.mark.parametrize("language", CATALOGUES)
def test_words_of_other_systems_are_explained_in_each_language(language: str) -> None:
    texts = CATALOGUES[language]

    assert code_in(language, Code.PAYMENT_IS_OVERDUE) == texts[Code.PAYMENT_IS_OVERDUE]
    assert "503" in code_in(language, ForeignCode.of_status(503))[0]
    assert "KeyError" in code_in(language, ForeignCode.of_error(KeyError()))[0]
    assert code_in(language, Code.stored("brand_new")) == texts["foreign"]
    # The last answer is said in the same language.
    last = code_in(language, ForeignCode.gave_up_on(Code.stored("http_503")))[0]
    assert last == texts["gave_up"][0].format(last=code_in(language, Code.stored("http_503"))[0])
