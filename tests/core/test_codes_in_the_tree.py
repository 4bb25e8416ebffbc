"""No code is written anywhere but in the list: the whole package is read."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

import pytest

from aiocancel import errors
from aiocancel.config import DEFAULT_TEXTS
from aiocancel.core.claim import FlowStatus
from aiocancel.core.codes import Code
from aiocancel.core.retry import Failure
from aiocancel.core.subscription import UNKNOWN_INTERVAL
from aiocancel.web.flow_context import FlowState

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
