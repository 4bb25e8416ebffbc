"""The documentation shows files that are tested, its links lead somewhere, and its reference is whole."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest
from aiohttp import web

import aiocancel
from aiocancel import config, metrics, telemetry, testing
from aiocancel.web.flow_context import FlowState
from aiocancel.web.template_variable import AsyncTemplateFlow, TemplateFlow
from tests.fuzz.posts import EXAMPLES_IN_CI
from tests.support.saas import make_cancel
from tests.support.web import NOWHERE

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
INCLUDE = re.compile(r"^```\{(?:literal)?include\} (\S+)$", re.MULTILINE)
FENCE = re.compile(r"^ *```(\S*)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
# What a page may hold besides included files: commands, drawings, and what Sphinx itself makes.
OTHER_BLOCKS = {"sh", "text"}
DIRECTIVES = {
    "{toctree}",
    "{literalinclude}",
    "{include}",
    "{eval-rst}",
    "{events-table}",
    "{metrics-table}",
    "{settings-table}",
    "{texts-table}",
    "{figures-table}",
    "{figures-sql}",
    "{cli-help}",
}


def page_id(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """What makes the tables of the reference."""
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    yield importlib.import_module("aiocancel_tables")
    sys.modules.pop("aiocancel_tables", None)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation as a reader gets it, built with warnings as errors and without the network.

    ``AIOCANCEL_BUILT_DOCS`` names the folder of one that was just built so.
    """
    if there := os.environ.get("AIOCANCEL_BUILT_DOCS"):
        return Path(there)

    out = tmp_path_factory.mktemp("docs")
    environment = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()}
    # Whatever asked for the network would ask here, and get no answer.
    environment |= dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-b", "html"]
    ran = subprocess.run(
        [*command, "-d", str(out / "doctrees"), str(DOCS), str(out / "html")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr

    return out / "html"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_block_of_code_is_an_included_file(page: Path) -> None:
    kinds = {kind for kind, _ in FENCE.findall(page.read_text(encoding="utf-8"))}

    assert kinds <= OTHER_BLOCKS | DIRECTIVES


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_included_file_and_every_relative_link_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = [*INCLUDE.findall(text), *LINK.findall(text)]

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md"])
def test_every_link_of_the_pages_for_contributors_leads_somewhere(name: str) -> None:
    page = ROOT / ".github" / name
    text = page.read_text(encoding="utf-8")

    assert [link for link in LINK.findall(text) if not (page.parent / link).exists()] == []
    paths = re.findall(r"`((?:tests|docs|aiocancel|examples)/[\w./]+)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_folder_of_the_package_and_of_the_tests_is_named_for_contributors() -> None:
    text = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = {path.removeprefix("aiocancel/") for path in re.findall(r"`([\w/]+)`", text)}
    of_the_package, of_the_tests = (
        {path.parent.name for path in (ROOT / top).glob("*/__init__.py")}
        for top in ("aiocancel", "tests")
    )

    assert {"core", "web", "stories", "browser"} <= of_the_package | of_the_tests
    assert (of_the_package | of_the_tests) - named == set()


def test_the_issue_forms_have_what_a_form_needs() -> None:
    yaml = importlib.import_module("yaml")
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert [form.name for form in forms] == ["bug.yml", "config.yml", "fact.yml", "idea.yml"]

    for form in forms:
        read = yaml.safe_load(form.read_text(encoding="utf-8"))
        if form.name == "config.yml":
            continue
        assert {"name", "description", "body"} <= read.keys()
        fields = [part for part in read["body"] if part["type"] != "markdown"]
        assert len({part["id"] for part in fields}) == len(fields)
        assert all(part["attributes"]["label"] for part in fields)
        assert any(part.get("validations", {}).get("required") for part in fields)


def test_the_commit_hooks_fetch_nothing_and_run_what_ci_runs() -> None:
    yaml = importlib.import_module("yaml")
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    (source,) = yaml.safe_load(text)["repos"]

    assert source["repo"] == "local"
    assert {hook["language"] for hook in source["hooks"]} == {"system"}
    for hook in source["hooks"]:
        assert hook["entry"].removesuffix(" --force-exclude") in script


def test_every_included_program_is_run_by_a_test() -> None:
    included = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in INCLUDE.findall(page.read_text(encoding="utf-8"))
    }
    programs = {file for file in included if file.suffix in (".py", ".js", ".ini")}
    tests = [
        ROOT / "tests" / name
        for name in ("test_docs_examples.py", "test_examples.py", "browser/test_single_page.py")
    ]
    told = "".join(test.read_text(encoding="utf-8") for test in tests)
    by_name = {file for file in programs if re.search(rf'"{file.stem}"', told)}
    tutorial = {file for file in programs if file.parent.name == "tutorial"}
    # Each folder is run whole by the test that names it.
    of_flows = {file for file in programs if file.parent.name == "flow_tutorial"}

    assert programs - by_name - tutorial - of_flows == set()
    assert '"flow_tutorial"' in told
    assert {file.name for file in tutorial} == {
        "shop.py",
        "test_shop.py",
        "test_outages.py",
        "pytest.ini",
    }
    # And no program lies there that no page shows.
    kept = {
        file.resolve()
        for file in (ROOT / "examples" / "docs").rglob("*")
        if file.suffix in (".py", ".js", ".ini")
    }
    assert kept - programs == set()


def test_every_command_and_option_that_a_page_gives_exists(tables: ModuleType) -> None:
    blocks = [
        (page, body)
        for page in [*PAGES, ROOT / "README.md"]
        for kind, body in FENCE.findall(page.read_text(encoding="utf-8"))
        if kind == "sh"
    ]
    commands = [
        (page, line.split("#")[0].split())
        for page, body in blocks
        for line in body.splitlines()
        if line.strip().startswith("aiocancel ")
    ]
    assert len(commands) > 5

    for page, (_, *words) in commands:
        inner = {"list", "show", "retry", "close", "export", "verify"}.intersection(words[1:2])
        shown = tables.help_of([words[0], *inner])
        assert shown.startswith(f"usage: aiocancel {words[0]}"), f"{page}: {words}"
        options = {word for word in words if word.startswith("--")}
        assert {each for each in options if each not in shown} == set(), f"{page}: {words}"


def test_every_event_and_every_metric_has_its_row(tables: ModuleType) -> None:
    from aiocancel import metrics, telemetry

    events = {each.__name__ for each in telemetry.Event.__subclasses__()}

    rows = tables.event_rows()

    assert {row[0].strip("`") for row in rows} == events
    assert all(cell for row in rows for cell in row)
    assert len(tables.metric_rows()) == len(metrics.METRICS) + len(metrics.GAUGES)


def test_every_route_is_in_the_http_reference() -> None:
    app = web.Application()
    make_cancel(NOWHERE).setup(app)
    routes = {
        f"`{route.method} {route.resource.canonical}`"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    text = (DOCS / "reference" / "http.md").read_text(encoding="utf-8")

    assert len(routes) >= 7
    assert {route for route in routes if f"| {route} |" not in text} == set()


def test_the_glossary_has_its_terms_in_order_and_each_once() -> None:
    text = (DOCS / "explanation" / "glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^(.+)\n: ", text, re.MULTILINE)

    assert {"flow session", "grant", "hold-out", "operator", "owner", "snapshot"} <= {*terms}
    assert terms == sorted({*terms}, key=str.lower)


def test_no_route_stands_twice_in_the_http_reference() -> None:
    text = (DOCS / "reference" / "http.md").read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| (`(?:GET|POST) [^|]*) \|", text, re.MULTILINE)
    routes = re.findall(r"`([^`]+)`", " ".join(first_cells))

    assert len(routes) >= 20
    assert sorted(routes) == sorted(set(routes))


def test_the_guarantees_say_how_many_stories_of_requests_ci_plays() -> None:
    text = (DOCS / "explanation" / "guarantees.md").read_text(encoding="utf-8")
    assert f"CI plays {EXAMPLES_IN_CI} stories of requests" in text


def test_every_refusal_that_a_browser_may_get_is_in_the_http_reference() -> None:
    codes = (DOCS / "reference" / "codes.md").read_text(encoding="utf-8")
    section = codes.split("\n## A browser's request was refused\n")[1].split("\n## ")[0]
    known = set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))
    text = (DOCS / "reference" / "http.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `\d{3}`[^|]* \| `(\w+)` \|", text, re.MULTILINE))

    # The roots of the error tree, whose codes no answer carries: each refusal has a word of its own.
    assert known - told == {"claim_refused", "grant_refused"}
    assert told <= known


def test_the_page_of_the_template_variable_has_its_methods_and_its_states() -> None:
    text = (DOCS / "reference" / "template-variable.md").read_text(encoding="utf-8")
    methods, states = text.split("\n| state | means |\n")

    named = set(
        re.findall(r"^\| `\{[{%] (?:set flow = )?cancel_flow\.(\w+)", methods, re.MULTILINE)
    )
    members = {*vars(TemplateFlow), *vars(AsyncTemplateFlow)}
    assert named == {name for name in members if not name.startswith("_")}
    assert re.findall(r"^\| `(\w+)` \|", states, re.MULTILINE) == [*FlowState]


def test_the_changelog_names_every_migration_since_0_1() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^- Migrations ([\d ,toand]+) add ", text, re.MULTILINE)
    told = set[int]()
    for first, last in re.findall(r"(\d{4})(?: to (\d{4}))?", listed):
        told |= set(range(int(first), int(last or first) + 1))

    folder = ROOT / "aiocancel" / "postgres" / "migrations"
    assert told == {int(path.name[:4]) for path in folder.glob("*.sql")} - set(range(1, 6))


@pytest.mark.slow
def test_every_public_name_and_every_setting_is_in_the_reference(
    built: Path, tables: ModuleType
) -> None:
    described, words = set[str](), ""
    for page in (built / "reference").glob("*.html"):
        read = Described(page.read_text(encoding="utf-8"))
        described |= read.ids
        words += read.text

    missing = {name for name in aiocancel.__all__ if not described & homes(name)}
    missing |= {name for name in testing.__all__ if f"aiocancel.testing.{name}" not in described}
    assert missing == set()
    for name in ("CancelFlow", "ProsperStack", "StaySignal", "StripeBilling", "OfferLimits"):
        settings = [row[0].strip("`") for row in tables.setting_rows(name)]
        assert [each for each in settings if each not in words] == []
    handlers = {name for name in vars(make_cancel(NOWHERE)) if name.startswith("handle_")}
    assert len(handlers) >= 9
    assert {name for name in handlers if name not in words} == set()


class Described(HTMLParser):
    """The ids and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids |= {value for name, value in attrs if name == "id" and value}

    def handle_data(self, data: str) -> None:
        self.text += data


def homes(name: str) -> set[str]:
    """Where the reference may describe a name: as ``aiocancel.…``, or in its own module."""
    thing = getattr(aiocancel, name)
    return {f"aiocancel.{name}", f"{getattr(thing, '__module__', 'aiocancel')}.{name}"}


# What applications do not make themselves; Settings has the arguments of CancelFlow, which are described there.
_MADE_BY_US = {"FlowContext", "Settings"}


def public_classes() -> dict[str, type]:
    """Every class that the package exports for applications, but errors, enums and protocols."""
    homes = (aiocancel, config, metrics, telemetry, testing)
    exported = {name: getattr(home, name) for home in homes for name in home.__all__}
    return {
        name: thing
        for name, thing in sorted(exported.items())
        if inspect.isclass(thing)
        and not issubclass(thing, (BaseException, Enum))
        and not getattr(thing, "_is_protocol", False)
        and name not in _MADE_BY_US
    } | {event.__name__: event for event in telemetry.Event.__subclasses__()}


@pytest.mark.parametrize("name", public_classes())
def test_each_parameter_of_a_public_class_has_its_entry_in_the_reference(name: str) -> None:
    public = public_classes()[name]
    entries = re.findall(r"^    (\w+): ", inspect.getdoc(public) or "", re.MULTILINE)

    described = [entry for entry in entries if not entry.endswith("Error")]

    assert sorted(described) == sorted(inspect.signature(public).parameters)


def test_every_finding_about_release_0_1_is_held_by_a_test_that_exists() -> None:
    text = (DOCS / "explanation" / "who-held-the-door-in-0.1.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([A-Z0-9, ]+) \|.* \| (.*) \|$", text, re.MULTILINE)
    of_findings = [one for number, _ in rows for one in number.split(", ")]

    wanted = {f"H{n}" for n in range(1, 4)} | {f"M{n}" for n in range(1, 11)}
    wanted |= {f"L{n}" for n in range(1, 13)} | {str(n) for n in range(1, 9)}
    wanted |= {f"D{n}" for n in range(1, 13)} | {f"F{n}" for n in range(1, 14)}
    assert sorted(of_findings) == sorted(wanted)

    for number, held_by in rows:
        names = re.findall(r"`([^`]+)`", held_by)
        assert names, number
        for name in names:
            path, _, test = name.partition("::")
            assert f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), (number, name)
