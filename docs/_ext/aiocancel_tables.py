"""Tables that are read from the package while the documentation is built, so that they cannot go stale."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import io
import logging
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from docutils import nodes
from docutils.frontend import get_default_settings
from docutils.parsers.rst import Parser
from docutils.utils import new_document
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import aiocancel
from aiocancel import metrics, telemetry
from aiocancel.cli.main import main
from aiocancel.config import DEFAULT_TEXTS
from aiocancel.core.measures.definitions import DEFINITIONS


def event_types() -> list[type[telemetry.Event]]:
    """Return every event that the package reports, by name."""
    found = [each for each in vars(telemetry).values() if inspect.isclass(each)]
    events = [each for each in found if issubclass(each, telemetry.Event)]
    return sorted(
        (each for each in events if each is not telemetry.Event), key=lambda e: e.__name__
    )


def event_rows() -> list[list[str]]:
    """Return a row for each event: name, level in the log, fields, what it says."""
    levels = telemetry._LEVELS
    return [
        [
            f"``{event.__name__}``",
            logging.getLevelName(levels.get(event, logging.INFO)),
            ", ".join(f"``{field.name}``" for field in dataclasses.fields(event)),
            first_paragraph(event),
        ]
        for event in event_types()
    ]


def metric_rows() -> list[list[str]]:
    """Return a row for each metric: name in Prometheus, kind, labels, what it counts."""
    known = [(each, "histogram" if each.buckets else "counter") for each in metrics.METRICS]
    known += [(each, "gauge") for each in metrics.GAUGES]
    return [
        [
            f"``aiocancel_{each.name}{'_seconds' if each.unit == 's' else ''}``",
            kind,
            ", ".join(f"``{label}``" for label in each.labels) or "–",
            each.about,
        ]
        for each, kind in known
    ]


def setting_rows(name: str) -> list[list[str]]:
    """Return a row for each setting of a public class: name and default."""
    parameters = inspect.signature(getattr(aiocancel, name)).parameters.values()
    return [
        [
            f"``{each.name}``",
            "required" if each.default is each.empty else _default(each.default),
        ]
        for each in parameters
        if each.name != "_"
    ]


def text_rows() -> list[list[str]]:
    """Return a row for each text that customers read."""
    return [[f"``{name}``", text] for name, text in DEFAULT_TEXTS.items()]


def figure_rows() -> list[list[str]]:
    """Return a row for each figure: name, what it counts, of what, what it leaves out, its view."""
    return [
        [
            each.name,
            each.counts,
            each.of or "–",
            each.leaves_out or "–",
            f"``aiocancel.{each.view}``",
        ]
        for each in DEFINITIONS
    ]


def help_of(arguments: Sequence[str]) -> str:
    """Return what ``aiocancel … --help`` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        main([*arguments, "--help"])
    return printed.getvalue()


def first_paragraph(thing: object) -> str:
    """Return the first paragraph of a docstring, on one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


def _default(value: object) -> str:
    if type(value).__name__ == "_HAS_DEFAULT_FACTORY_CLASS":
        return "empty"
    if inspect.isfunction(value):
        return f"``{value.__name__}``"
    if value is DEFAULT_TEXTS:
        return "the table of texts"
    return f"``{value!r}``"


class _Table(SphinxDirective):
    """A table whose rows a function returns."""

    head: ClassVar[Sequence[str]]

    def rows(self) -> Iterable[Sequence[str]]:
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        lines = [".. list-table::", "   :header-rows: 1", ""]
        for row in [self.head, *self.rows()]:
            lines += [f"   {'  -' if at else '* -'} {cell}" for at, cell in enumerate(row)]
        return self.parse_rst("\n".join(lines))

    def parse_rst(self, text: str) -> list[nodes.Node]:
        """Read reStructuredText, also on a page that is Markdown."""
        document = new_document("a table of the package", get_default_settings(Parser))
        Parser().parse(text, document)
        return list(document.children)


class EventsTable(_Table):
    """``{events-table}``."""

    head = ("event", "log level", "fields", "when")

    def rows(self) -> Iterable[Sequence[str]]:
        return event_rows()


class MetricsTable(_Table):
    """``{metrics-table}``."""

    head = ("metric", "kind", "labels", "counts")

    def rows(self) -> Iterable[Sequence[str]]:
        return metric_rows()


class SettingsTable(_Table):
    """``{settings-table} CancelFlow``."""

    required_arguments = 1
    head = ("setting", "default")

    def rows(self) -> Iterable[Sequence[str]]:
        return setting_rows(self.arguments[0])


class TextsTable(_Table):
    """``{texts-table}``."""

    head = ("name", "text")

    def rows(self) -> Iterable[Sequence[str]]:
        return text_rows()


class FiguresTable(_Table):
    """``{figures-table}``."""

    head = ("figure", "counts", "of", "leaves out", "view")

    def rows(self) -> Iterable[Sequence[str]]:
        return figure_rows()


class FiguresSql(SphinxDirective):
    """``{figures-sql}``: the statement of each figure."""

    def run(self) -> list[nodes.Node]:
        text = "\n\n".join(f"-- {each.name}\n{each.sql};" for each in DEFINITIONS)
        return [nodes.literal_block(text, text, language="text")]


class CliHelp(SphinxDirective):
    """``{cli-help} actions show``."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        text = help_of(self.arguments[0].split() if self.arguments else [])
        return [nodes.literal_block(text, text, language="text")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.add_directive("events-table", EventsTable)
    app.add_directive("metrics-table", MetricsTable)
    app.add_directive("settings-table", SettingsTable)
    app.add_directive("texts-table", TextsTable)
    app.add_directive("figures-table", FiguresTable)
    app.add_directive("figures-sql", FiguresSql)
    app.add_directive("cli-help", CliHelp)
    return {"parallel_read_safe": True}
