"""Print the page of every code: ``python -m tests.support.code_table`` writes ``docs/reference/codes.md``.

Nothing on that page is written by hand: its rows are the members of ``Code``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aiocancel.core.codes import DRIFT_CODES, OURS_TAKEN_BACK, About, Code

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "codes.md"

_HEAD: Final = """# Codes

A code says why an action was parked or refused, why an attempt failed, or why a request was answered with an error.
It stands in the ledger and its journal, in events and their log lines, and in the label `code` of the metrics.
`aiocancel actions` prints its sentence as well. A code never changes its meaning or its spelling.

A word that is not listed here comes from somebody else and is kept as it came. It may be another error code of
Stripe's ([list](https://docs.stripe.com/error-codes)), or `http_503` for an answer with nothing but that HTTP status.
`KeyError` is an error that nobody foresaw, `gave_up_…` has a flow vendor's last answer, and a newer release of
aiocancel may have stored a word of its own. The metrics count all of these as `other`.

Nothing else becomes a code. An event of the flow vendor that cannot be read is `vendor_data`, and the log names the
place; earlier releases stored that sentence in `aiocancel.doorbell`.

This page is printed by `python -m tests.support.code_table` from `aiocancel/core/codes.py`.
"""
_DRIFT: Final = """
## Drift

These codes also count in the metric `drift`: another person or program changes subscriptions beside aiocancel.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_sections(), _DRIFT, *_drift()]) + "\n"


def _sections() -> Iterator[str]:
    for about in About:
        yield f"## {about}\n\n| code | it means | do next |\n|---|---|---|"
        yield from (
            f"| `{code}` | {code.sentence} | {code.advice} |"
            for code in Code
            if code.about is about
        )
        yield ""


def _drift() -> list[str]:
    return [
        f"- `{code}`" for code in sorted(DRIFT_CODES | OURS_TAKEN_BACK | {Code.VENDOR_DID_NOT_ACT})
    ]


if __name__ == "__main__":
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
