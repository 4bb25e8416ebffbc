"""The page of definitions: what each figure counts, with its statement and the view behind it."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from aiocancel.core.measures.definitions import DEFINITIONS
from aiocancel.web.console.desk import Desk, or_none
from aiocancel.web.console.page import Page

_HEAD: Final = ("key", "name", "counts", "of", "leaves_out", "view", "sql")


async def definitions_page(desk: Desk, _: web.Request) -> Page:
    """Make the page from the one list of definitions."""
    figures = (await desk.store()).figures
    views = {
        name: await or_none(figures.view_sql(name))
        for name in sorted({each.view for each in DEFINITIONS})
    }

    rows = [tuple(getattr(each, name) for name in _HEAD) for each in DEFINITIONS]
    return Page(
        "definitions.html",
        desk.writing.t("definitions"),
        values={
            "definitions": [(each, desk.writing.definition(each)) for each in DEFINITIONS],
            "views": views,
        },
        data=[dict(zip(_HEAD, row, strict=True)) for row in rows],
        head=_HEAD,
        rows=rows,
    )
