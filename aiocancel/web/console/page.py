"""One page of the owner's, as a page for people, as JSON and as CSV: always the same numbers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from markupsafe import Markup

from aiocancel.core.csv_cells import cell_of
from aiocancel.core.theme import Theme
from aiocancel.errors import UnavailableError
from aiocancel.web.csp_header import ENFORCED, StrictResponse, new_nonce

if TYPE_CHECKING:
    import jinja2

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows.

    Args:
        template: The name of its template.
        title: Its heading.
        values: What the template shows.
        data: The same as JSON values.
        head: The names of the columns of its main table.
        rows: The rows of that table.
        status: The HTTP status.
        missing: What its rows lack since the database did not answer in time. As CSV it is a 503 then: a row that is
            not there, or an empty cell, would be taken for nothing.
    """

    template: str
    title: str
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    data: Any = None
    head: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    status: int = 200
    missing: Sequence[str] = ()


def warm_up() -> None:
    """Compile the templates, which takes longer than a request should hold the loop."""
    for name in environment().list_templates():
        environment().get_template(name)


@cache
def environment() -> jinja2.Environment:
    """Return the environment of the console's templates: escaped, and with nothing undefined."""
    import jinja2

    folder = resources.files("aiocancel.web") / "console" / "templates"
    texts = {each.name: each.read_text(encoding="utf-8") for each in folder.iterdir()}
    return jinja2.Environment(
        loader=jinja2.DictLoader(texts),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _rules() -> str:
    return (resources.files("aiocancel.web") / "console" / "console.css").read_text(
        encoding="utf-8"
    )


def as_html(page: Page, theme: Theme, values: Mapping[str, Any]) -> web.Response:
    """Render for people, under a policy of its own: one style, forms to this site, nothing else."""
    nonce = new_nonce()
    # Paper is white.
    theme = replace(theme, scheme="light") if values["is_print"] else theme
    css = Markup(f"{theme.css}\n{_rules()}")  # noqa: S704 - checked when the theme was made
    shown = {**values, **page.values, "title": page.title, "theme": theme}
    text = environment().get_template(page.template).render({**shown, "nonce": nonce, "css": css})

    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    headers = {**HEADERS, "X-Frame-Options": "DENY", ENFORCED: policy}
    return StrictResponse(text=text, status=page.status, content_type="text/html", headers=headers)


def as_json(page: Page) -> web.Response:
    """Render for programs: names stay, times are ISO 8601 in UTC."""
    text = json.dumps(page.data, indent=2, default=_plain)
    return web.Response(text=text, content_type="application/json", headers=HEADERS)


def as_csv(page: Page, name: str) -> web.Response:
    """Render the main table for a spreadsheet; raises UnavailableError where its rows lack a part."""
    if page.missing:
        raise UnavailableError(f"the database did not answer in time: {', '.join(page.missing)}")

    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(page.head)
    writer.writerows([[cell_of(each) for each in row] for row in page.rows])

    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}.csv"'}
    return web.Response(
        text=written.getvalue(), content_type="text/csv", charset="utf-8", headers=headers
    )


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
