"""Print the contract with Stripe, row by row: ``python -m tests.support.contract_page``.

It writes ``docs/reference/contract.md``. Nothing on that page is written by hand: the rows are those that the tests
play.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.contract.playing import fixture_of
from tests.contract.rows import ROWS, Row

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "contract.md"
_HEAD: Final = """# The contract with Stripe

Each row is a subscription of some shape, one request, Stripe's answer, and how the subscription looks afterwards.
Every row is played against the simulated Stripe that aiocancel ships. With a secret test key of your own it is
played against Stripe itself, on test clocks. Some requests are called "as the package does", or as it gives, changes
or makes something. These are what aiocancel itself sends after it has read the subscription and decided: several
requests, or none.

- `STRIPE_TEST_KEY=sk_test_… pytest tests/contract -k stripe` plays every row.
- `STRIPE_TEST_KEY=sk_test_… pytest tests/contract -k "stripe and unverified"` plays only the rows for which there is
  no source.

A live key is refused. At most 25 requests a second are sent, and all that a row makes is deleted at its end, but for
prices, which Stripe only archives. The answers are kept in `tests/contract/fixtures`, without keys and personal data.
From then on the tests play them again without a key, and the row counts as verified against the real Stripe.

**Verified against** says where the expectation comes from: *simulator* for all rows, *SDK types* for the types and
docstrings of stripe-python 16.1.0, *documentation* for Stripe's pages. *third party* is somebody who saw it, and
*real* a recorded answer of Stripe. A row with the simulator alone is unverified: the simulator's
`aiocancel.testing.stripe.unverified.Unverified` settings simulate the other answer to the open questions.

`@now`, `@first_end` and `@last_end` are the time of the row's clock and the first and the last end of an item's
period before the request. `result` is the body of the answer. Where the package decided, it is how that ended: the
outcome, the code of a refusal, the coupon that was made, and the fields that Stripe was asked to expand.
"""


def verified_against(row: Row) -> str:
    """Return where a row's expectation comes from."""
    found = ["simulator"]
    if row.evidence != "unverified":
        found.append(row.evidence)
    if fixture_of(row).exists():
        found.append("real")
    return ", ".join(found)


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_summary(), *_table(), ""])


def _summary() -> Iterator[str]:
    unverified = sum(row.evidence == "unverified" and not fixture_of(row).exists() for row in ROWS)
    recorded = sum(fixture_of(row).exists() for row in ROWS)
    yield f"{len(ROWS)} rows; {unverified} are unverified, {recorded} are recorded from the real Stripe."
    yield ""


def _table() -> Iterator[str]:
    yield "| subscription | request | answer | afterwards | verified against | source |"
    yield "|---|---|---|---|---|---|"
    for row in ROWS:
        shows = ", ".join(f"`{path}` = `{_value(value)}`" for path, value in row.shows.items())
        cells = (row.shape, row.action, row.answer, shows or "–", verified_against(row))
        yield f"| {' | '.join(cells)} | {row.source or '–'} |"


def _value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.name}: {len(ROWS)} rows")
