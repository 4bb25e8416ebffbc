"""Codes: one list, a sentence each, words that stay as they are, and no literal anywhere else."""

from __future__ import annotations

import ast
import copy
import json
import pickle
import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

from aiocancel import errors
from aiocancel.config import DEFAULT_TEXTS
from aiocancel.core.actions import Refuse
from aiocancel.core.claim import FlowStatus
from aiocancel.core.codes import DRIFT_CODES, About, Code, ForeignCode
from aiocancel.core.flow_session import VendorEvent
from aiocancel.core.retry import Failure
from aiocancel.core.subscription import UNKNOWN_INTERVAL
from aiocancel.core.undo import takes_back
from aiocancel.metrics import CODES
from aiocancel.web.flow_context import FlowState
from tests.support import code_table

PACKAGE = Path(errors.__file__).parent
# The same word with another meaning: a key of the customers' texts, or a value of another enumeration.
TEXT_KEYS = frozenset(DEFAULT_TEXTS)
OTHER_MEANINGS = {
    # Columns of figures: the sessions of the hold-out.
    "core/measures/report.py": frozenset({"held_out"}),
    **{f"texts/{path.name}": TEXT_KEYS for path in (PACKAGE / "texts").glob("??.py")},
    # The words of each code in another language stand beside its word.
    **{
        f"texts/codes/{path.name}": frozenset(Code)
        for path in (PACKAGE / "texts/codes").glob("??.py")
    },
    "web/answer_texts.py": TEXT_KEYS,
    "web/site.py": TEXT_KEYS,
    # What came of a call to Stripe, in English.
    "texts/console/en.py": frozenset(Failure),
    "core/claim.py": {str(FlowStatus.UNKNOWN)},
    # How often a line is paid, where Stripe does not say.
    "core/subscription.py": {UNKNOWN_INTERVAL},
    "core/retry.py": {str(failure) for failure in Failure},
    "web/flow_context.py": {str(FlowState.UNAVAILABLE)},
    "web/health.py": {"unavailable"},
    "runtime.py": {"unreachable"},
    # A column as well.
    "web/console/sessions.py": frozenset({"held_out"}),
}
# Where a word comes in, a variable may hold it; so no other module may ask.
ORIGINS = {
    "Code.stored": {
        "cli/actions.py",
        "core/flow/eligibility.py",
        "postgres/claims.py",
        "postgres/parked_claims.py",
        "web/console/words.py",
    },
    "Code.of_stripe": {"billing/transport.py"},
    "Code.flow_session_says": {"core/offers/verify.py"},
    "ForeignCode.of_subscription_status": {"core/actions.py"},
    "ForeignCode.of_status": {"vendors/prosperstack/api.py"},
    "ForeignCode.of_error": {"billing/transport.py", "worker/stripe_news.py", "worker/worker.py"},
    "ForeignCode.gave_up_on": {"worker/vendor_events.py"},
}
# The functions that take a word from outside, and the classes that a reason is handed to.
TAKE_CODES = {
    "Code",
    "Code.stored",
    "Code.of_stripe",
    "Code.flow_session_says",
    "ForeignCode",
    "ForeignCode.of_subscription_status",
    "_kept",
    "_known_or_kept",
    "codes._kept",
    "codes._known_or_kept",
    "str.__new__",
}
# Of most calls the last word says that they are none of these; to write them out takes long.
LAST_WORDS = {name.rpartition(".")[2] for name in TAKE_CODES}


def test_every_code_has_one_sentence_and_one_thing_to_do() -> None:
    for code in Code:
        for text in (code.sentence, code.advice):
            assert re.fullmatch(r"[A-Z@][^\n|]{4,118}\.", text), (code, text)
        assert code.name.lower() == code.value == str(code), code
        assert code.about in About, code

    assert len(Code) > 200


def test_every_section_of_the_reference_has_codes() -> None:
    assert {code.about for code in Code} == set(About)


def test_the_reference_page_is_what_the_codes_say() -> None:
    text = code_table.PAGE.read_text(encoding="utf-8")
    assert text == code_table.page(), "it is out of date: run python -m tests.support.code_table"


def test_a_stored_word_is_read_as_its_code() -> None:
    codes = list(Code)

    assert [Code.stored(code.value) for code in codes] == codes
    assert [Code.of_stripe(code.value) for code in codes] == codes
    assert all(isinstance(Code.stored(code.value), Code) for code in codes)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("amount_too_large", "Another system, or a newer release of aiocancel, chose this word."),
        ("KeyError", "An error of the class KeyError ended the attempt."),
        ("http_503", "The answer had the HTTP status 503."),
        (
            "gave_up_timeout",
            "The worker stopped asking the flow vendor. "
            "The last answer: The flow vendor did not answer in time.",
        ),
        ("The answer has no id.", "The answer has no id."),
        (
            "gave_up_http_503",
            "The worker stopped asking the flow vendor. The last answer: The answer had the HTTP status 503.",
        ),
        ("", "Another system, or a newer release of aiocancel, chose this word."),
    ],
)
def test_a_word_that_is_not_ours_is_kept_and_explained(word: str, sentence: str) -> None:
    code = Code.stored(word)

    assert isinstance(code, ForeignCode)
    assert code == word
    assert code.sentence == sentence
    assert code.advice
    assert code.about is None
    assert json.dumps(copy.deepcopy(code)) == json.dumps(word)
    assert isinstance(pickle.loads(pickle.dumps(code)), ForeignCode)  # noqa: S301 - made a line above


def test_nobody_outside_the_list_can_invent_a_code() -> None:
    # mypy says that each of these ignores is needed: take one refusal away, and it complains of an unused one.
    with pytest.raises(TypeError, match="member of Code"):
        Refuse(ForeignCode("invented_here"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="member of Code"):
        errors.ClaimError("x", code=ForeignCode("A whole sentence."))  # type: ignore[arg-type]
    assert Refuse("a_bare_text").code  # type: ignore[arg-type]
    assert VendorEvent("evt_1", "e", None, problem="a text").problem  # type: ignore[arg-type]


def test_the_words_that_we_make_of_an_outsiders_are_as_they_always_were() -> None:
    assert ForeignCode.of_status(503) == "http_503"
    assert ForeignCode.of_error(KeyError("secret")) == "KeyError"
    assert ForeignCode.of_subscription_status("past_due") == "past_due"
    assert ForeignCode.gave_up_on(ForeignCode.of_status(503)) == "gave_up_http_503"


@pytest.mark.parametrize("failure", Failure)
def test_a_failure_without_a_code_has_one_of_ours(failure: Failure) -> None:
    assert failure.code == failure.value


@pytest.mark.parametrize(
    "status",
    [
        status
        for status in FlowStatus
        if not takes_back(status) and status not in (FlowStatus.SAVED, FlowStatus.IN_PROGRESS)
    ],
)
def test_every_end_of_a_flow_session_that_is_no_offer_has_a_code(status: FlowStatus) -> None:
    code = Code.flow_session_says(status)

    assert isinstance(code, Code)
    assert code == f"flow_session_says_{status}"


def test_the_metrics_know_every_code() -> None:
    assert set(Code) == CODES
    assert DRIFT_CODES < CODES


WORDS = frozenset(code.value for code in Code)


def literals(
    tree: ast.AST, other_meanings: Collection[str] = frozenset()
) -> Iterator[tuple[int, str]]:
    """Every text in a module that is a code's word, or holds one as a literal of SQL."""
    text_keys = {id(key) for call in ast.walk(tree) for key in _text_keys(call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in text_keys and node.value in WORDS - set(other_meanings):
                yield node.lineno, node.value
            yield from ((node.lineno, word) for word in in_sql(node.value))
        elif isinstance(node, ast.keyword | ast.Call):
            yield from _given_as_code(node)


def in_sql(statement: str) -> list[str]:
    """The codes that a statement has between quotes."""
    return [word for word in re.findall(r"'(\w+)'", statement) if word in WORDS]


def _text_keys(node: ast.AST) -> list[ast.expr]:
    """The key in ``words.text("…")``."""
    if not (isinstance(node, ast.Call) and _last_word(node.func) == "text"):
        return []
    return node.args[:1] if ast.unparse(node.func).endswith("words.text") else []


def _last_word(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _given_as_code(node: ast.keyword | ast.Call) -> Iterator[tuple[int, str]]:
    """A literal, also one with values in it, where a code is wanted: ``code="…"``, ``Code.stored(f"…")``."""
    if isinstance(node, ast.keyword):
        given, wanted = [node.value], node.arg in ("code", "parked_as", "problem", "seen")
    else:
        given = [*node.args, *(each.value for each in node.keywords)]
        wanted = _last_word(node.func) in LAST_WORDS and ast.unparse(node.func) in TAKE_CODES
    for value in given if wanted else ():
        yield from _texts(value)


def _texts(value: ast.expr | None) -> Iterator[tuple[int, str]]:
    """The texts that an expression may have as its value, or as a part of it."""
    match value:
        case ast.Constant(value=str(text)):
            yield value.lineno, text
        case ast.JoinedStr(values=parts) | ast.BoolOp(values=parts):
            for part in parts:
                yield from _texts(part)
        case ast.BinOp(left=one, right=other) | ast.IfExp(body=one, orelse=other):
            yield from _texts(one)
            yield from _texts(other)


def modules() -> list[Path]:
    kept = (PACKAGE / "testing", PACKAGE / "core" / "codes.py")
    return [
        path
        for path in sorted(PACKAGE.rglob("*.py"))
        if not any(path.is_relative_to(each) for each in kept)
    ]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_no_code_is_written_outside_the_list() -> None:
    found = {}
    for path in modules():
        place = path.relative_to(PACKAGE).as_posix()
        tree = tree_of(path)
        if written := list(literals(tree, OTHER_MEANINGS.get(place, frozenset()))):
            found[place] = written

    assert len(modules()) > 150
    assert found == {}, "write Code.X, and add the word to core/codes.py if it is new"


def test_each_word_from_outside_comes_in_at_its_own_place() -> None:
    found: dict[str, set[str]] = {origin: set() for origin in ORIGINS}
    last_words = {origin.split(".")[-1] for origin in ORIGINS}

    for path in modules():
        for node in ast.walk(tree_of(path)):
            if (
                isinstance(node, ast.Attribute)
                and node.attr in last_words
                and (name := ast.unparse(node)) in ORIGINS
            ):
                found[name].add(path.relative_to(PACKAGE).as_posix())

    assert found == ORIGINS


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.glob("postgres/migrations/*.sql")), ids=lambda path: path.stem
)
def test_no_migration_knows_a_code(path: Path) -> None:
    assert in_sql(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", OTHER_MEANINGS)
def test_a_word_with_another_meaning_is_really_there(path: str) -> None:
    found = {word for _, word in literals(ast.parse((PACKAGE / path).read_text(encoding="utf-8")))}

    assert found & set(OTHER_MEANINGS[path])
    assert (
        path.startswith(("texts/", "web/answer_texts", "web/site")) or found == OTHER_MEANINGS[path]
    )


@pytest.mark.parametrize(
    "line",
    [
        'Refuse("payment_is_overdue")',
        'raise BillingError("no", code="brand_new")',
        'park(taken, ForeignCode("brand_new"))',
        'park(taken, Code.stored("brand_new"))',
        'park(taken, Code.of_stripe(word="brand_new"))',
        'park(taken, Code.flow_session_says("brand_new"))',
        'park(taken, ForeignCode.of_subscription_status(f"brand_{new}"))',
        'park(taken, codes._kept("brand_new"))',
        'park(taken, str.__new__(ForeignCode, "brand_new"))',
        'VendorEvent(event_id, name, None, problem="The answer has no id.")',
        """SQL = "UPDATE aiocancel.doorbell SET result = 'unknown_event'" """,
        'message(words, text, outcome="no_subscription")',
        'state = "unavailable"',
        'watch(taken, parked_as="unavailable")',
    ],
)
def test_a_code_written_outside_the_list_would_be_found(line: str) -> None:
    assert list(literals(ast.parse(line)))
