"""What a screen of our own flow costs: ``python -m tests.benchmarks.own_flow_screens``.

CPU of a screen, its statements aside, beside a bare aiohttp and Jinja page of the same template with ready values; how
soon a browser paints a page and a dialog with Stripe 100 ms away; and what a million past sessions
change.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, NamedTuple
from unittest.mock import patch

import aiohttp_jinja2
import asyncpg
import jinja2
from aiohttp import ClientSession, web
from markupsafe import Markup
from playwright.async_api import Page, async_playwright

from aiocancel.core.identifiers import FlowSessionId
from aiocancel.postgres import flow_sessions
from aiocancel.postgres.flow_sessions import Acceptance, FlowSessions, SessionRow, accept_shown
from aiocancel.postgres.schema import migrate
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.stripe.simulator import StripeSimulator
from aiocancel.vendors.own import OwnFlow
from aiocancel.web import pages
from tests.benchmarks.fill import fill
from tests.benchmarks.kit import Options, Table, read_options, report
from tests.benchmarks.page_alone import Connection
from tests.benchmarks.page_sites import Fixed
from tests.support.browser import CHROMIUM_ARGS, chromium_path
from tests.support.flow_sessions import move_to_offer, new_session
from tests.support.flow_site import OFFERS, FlowSite, open_flow_site
from tests.support.saas import CREATE_TABLES, Pool, as_customer, make_cancel
from tests.support.web import Page as Html

SCREENS = {"why": None, "offer": "too_expensive", "exit": "other"}
BROWSER = {"Accept": "text/html"}

# --- CPU --------------------------------------------------------------------------------------------------


class Drawn(NamedTuple):
    """A screen as it was served: where, from which template and values, and what the store has of its run."""

    path: str
    html: str
    template: str
    values: Mapping[str, Any]
    row: SessionRow


def bare_site(drawn: Mapping[str, Drawn]) -> web.Application:
    """A page for each screen: the same template with the same values, all of them ready."""
    app = web.Application()
    aiohttp_jinja2.setup(app, loader=jinja2.PackageLoader("aiocancel.web", "templates"))
    environment = aiohttp_jinja2.get_env(app)
    assert environment.loader is not None
    environment.loader = jinja2.PrefixLoader({"aiocancel": environment.loader})

    def handler(name: str) -> Callable[[web.Request], Awaitable[Mapping[str, Any]]]:
        async def page(_: web.Request) -> Mapping[str, Any]:
            return drawn[name].values

        return page

    for name, each in drawn.items():
        app.router.add_get(f"/{name}", aiohttp_jinja2.template(each.template)(handler(name)))
    return app


def our_site(pool: Pool, stripe_url: str) -> web.Application:
    """A site of one customer after another, whose subscriptions are known without a query."""
    app = web.Application()
    flow = OwnFlow(offers=OFFERS)
    cancel = make_cancel(
        pool, stripe_url, vendor=flow, subscriptions=Fixed(), run_worker=False, return_to="/account"
    )
    cancel.on_offer("call")(_nothing)
    cancel.setup(app)
    return app


async def _nothing(_: Any) -> None:
    pass


async def draw_all(site: web.Application, pool: Pool) -> dict[str, Drawn]:
    """Bring a session to each screen."""
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    drawn = {}
    rendered: list[tuple[str, Mapping[str, Any]]] = []
    render = pages._in_our_own

    def note(name: str, theme: Any, context: Any, status: int, css: str) -> web.Response:
        rendered.append((name, {**context, "nonce": "nonce", "css": Markup(css)}))  # noqa: S704 - ours
        return render(name, theme, context, status, css)

    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    with patch.object(pages, "_in_our_own", note):
        async with ClientSession(url) as session:
            for name, reason in SCREENS.items():
                headers = {**BROWSER, **as_customer(name)}
                response = await session.get("/cancel", headers=headers)
                if reason is not None:
                    page = Html(await response.text())
                    posted = {**page.fields, "do": "continue", "reason": reason}
                    action = page.one("form")["action"]
                    response = await session.post(action, data=posted, headers=headers)
                path, html = response.url.path, await response.text()
                row = await FlowSessions(pool).read(path.split("/")[3], name)
                assert row is not None
                drawn[name] = Drawn(path, html, *rendered[-1], row)

    await runner.cleanup()
    return drawn


async def measure_screens(options: Options, dsn: str, stripe: StripeSimulator, url: str) -> Table:
    """CPU of a GET of each screen, with the row of its run in memory, in this process and without a network."""
    requests = options.sized(200, 3)
    table = Table(
        "a screen, its statements aside: CPU µs for each request",
        ["screen", "bytes", "bare page", "screen", "times bare"],
    )

    async with asyncpg.create_pool(dsn, min_size=1, max_size=4) as pool:
        for name in SCREENS:
            stripe.add_subscription(
                f"sub_{name}", unit_amount=2900, currency="eur", current_period_end=_due()
            )
        drawn = await draw_all(our_site(pool, url), pool)
        rows = {each.row.session_id: each.row for each in drawn.values()}

        async def from_memory(_: Any, session_id: str, *__: Any, **___: Any) -> SessionRow:
            return rows[session_id]

        sites = {"bare": bare_site(drawn), "ours": our_site(pool, url)}
        runners = {name: web.AppRunner(site, access_log=None) for name, site in sites.items()}
        for runner in runners.values():
            await runner.setup()
        with patch.object(FlowSessions, "read", from_memory):
            for name, each in drawn.items():
                # The customer is the screen's name.
                ways = {"bare": f"/{name}", "ours": each.path}
                connections = {
                    way: Connection(runner, customer=name) for way, runner in runners.items()
                }
                measured: dict[str, list[float]] = {"bare": [], "ours": []}
                for turn in range(options.rounds + 1):
                    for way in ("bare", "ours") if turn % 2 else ("ours", "bare"):
                        cost = await connections[way].cpu_of(ways[way], requests)
                        if turn:
                            measured[way].append(cost)
                bare, ours = median(measured["bare"]), median(measured["ours"])
                ratio = median(
                    one / other
                    for one, other in zip(measured["ours"], measured["bare"], strict=True)
                )
                table.add(name, len(each.html.encode()), bare, ours, ratio)
        for runner in runners.values():
            await runner.cleanup()
    return table


def _due() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=12)


# --- a past -----------------------------------------------------------------------------------------------

PAST = """
INSERT INTO aiocancel.flow_session (session_id, vendor, told_by, mode, customer_id, subscription_id, state,
    definition_version, language, snapshot, reasons, reason, answers, progress, considered, shown, opened_at,
    touched_at, ended_at)
SELECT 'past_' || n, 'own', 'own', 'test', 'past_customer_' || n, 'past_sub_' || n,
    CASE WHEN n % 3 = 0 THEN 'abandoned' ELSE 'canceled' END, 'past', 'en',
    '{"plan": "Pro", "price_minor": 2900, "currency": "eur", "interval": "month"}', '{too_expensive,unused,other}',
    'too_expensive', '{"comment": "Too dear"}', '{"step": "outcome"}', '[{"code": null, "offer": "half_price"}]',
    '[{"offer": "half_price", "price": {"next": 1450}}]', at, at, at
FROM generate_series(1, $1::bigint) n
CROSS JOIN LATERAL (SELECT now() - interval '1 hour' - n * interval '1 minute' AS at) t
"""
NAMES = {
    text: name.lower()
    for name, text in vars(flow_sessions).items()
    if name.isupper() and isinstance(text, str) and "aiocancel." in text
}


async def live_through(pool: Pool, sessions: int, *, claims: int) -> None:
    """Add past sessions, and claims that are finished."""
    async with pool.acquire() as connection:
        await connection.execute("ALTER SYSTEM SET autovacuum = off")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.execute("INSERT INTO aiocancel.flow_definition VALUES ('past', '{}')")
        async with connection.transaction():
            # The rows fit each other, and no reading of what became of them is due.
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(PAST, sessions)

        await fill(connection, first=0, until=claims, finished=True)
        await connection.execute("VACUUM ANALYZE aiocancel.flow_session")
        await connection.execute("CHECKPOINT")


async def sessions_of(pool: Pool, asked: Callable[[str, float], None], names: list[str]) -> None:
    """Let customers go through the flow, each statement by itself."""
    sessions = FlowSessions(pool)

    async def timed(name: str, work: Awaitable[Any]) -> Any:
        started = time.perf_counter()
        found = await work
        asked(name, (time.perf_counter() - started) * 1e3)
        return found

    for number, name in enumerate(names):
        sub, at = f"sub_{name}", f"own_{name}"
        await timed("look", sessions.look(name, sub))
        await timed("open", sessions.open(at, new_session(sub, customer_id=name)))
        row = await timed("read", sessions.read(at, name))
        await timed("move", sessions.move(row, move_to_offer()))
        if number % 2:
            await timed("cancel", sessions.canceled(row, move_to_offer()))
        else:
            yes = Acceptance(FlowSessionId(at), "half_price", None, {})
            async with pool.acquire() as connection:
                assert await timed("accept_shown", accept_shown(connection, name, sub, yes))
            await timed("read_accepted", sessions.accepted(at))
        if number % 10 == 0:
            await timed("sweep", sessions.sweep())
            await timed("copy_vendors", sessions.copy_vendors())
            await timed("without_snapshot", sessions.without_snapshot(10, with_account=False))


async def measure_past(options: Options, dsns: tuple[str, str]) -> list[Table]:
    """How long each statement takes over a short past and a long one, in turn, and what the long one's plans read."""
    pasts = (100, 200) if options.quick else (1_000, 1_000_000)
    customers = options.sized(100, 4)
    took: dict[str, dict[int, list[float]]] = {}
    queries: dict[str, tuple[str, tuple[Any, ...]]] = {}

    async def watch(opened: Any) -> None:
        def note(logged: Any) -> None:
            if (name := NAMES.get(logged.query)) is not None:
                queries[name] = (logged.query, logged.args)

        opened.add_query_logger(note)

    async with AsyncExitStack() as stack:
        pools = {}
        for past, dsn in zip(pasts, dsns, strict=True):
            made = asyncpg.create_pool(dsn, min_size=1, max_size=2, init=watch)
            pool = pools[past] = await stack.enter_async_context(made)
            await live_through(pool, past, claims=options.sized(20_000, 100))
        for turn in range(options.rounds + 1):
            for past in pasts if turn % 2 else reversed(pasts):

                def asked(name: str, ms: float, past: int = past, turn: int = turn) -> None:
                    if turn:
                        took.setdefault(name, {}).setdefault(past, []).append(ms)

                names = [f"c_{turn}_{number}" for number in range(customers)]
                await sessions_of(pools[past], asked, names)

        plans = Table(f"plans over {pasts[1]:,} past sessions", ["statement", "reads"])
        for name, (query, arguments) in queries.items():
            text = await pool.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *arguments)
            plans.add(name, ", ".join(sorted(_scans(json.loads(text)[0]["Plan"]))))

    times = Table(
        "a statement: medians in ms",
        ["statement", *(f"{past:,} past sessions" for past in pasts), "ratio"],
    )
    for name, by_past in took.items():
        short, long = (median(by_past[past]) for past in pasts)
        times.add(name, short, long, long / short)
    return [times, plans]


def _scans(plan: Mapping[str, Any]) -> set[str]:
    found = set[str]()
    if "Relation Name" in plan and plan["Node Type"] != "ModifyTable":
        found.add(f"{plan.get('Index Name') or plan['Relation Name']} ({plan['Node Type']})")
    for inner in plan.get("Plans", ()):
        found |= _scans(inner)
    return found


# --- paint ------------------------------------------------------------------------------------------------

# From the click until the frame after the dialog has its words.
DIALOG = """(press) => new Promise((resolve) => {
  const started = performance.now();
  const had = document.querySelector("dialog[open] :is(h2, legend)")?.textContent;
  (function look() {
    const now = document.querySelector("dialog[open] :is(h2, legend)");
    const done = () => resolve(performance.now() - started);
    requestAnimationFrame(now && now.textContent !== had ? () => setTimeout(done) : look);
  })();
  document.querySelector(press).click();
})"""
# The page is loaded before it is painted, so the entry may still come.
PAINTED = """() => new Promise((resolve) => {
  new PerformanceObserver((found) => {
    const painted = found.getEntriesByName("first-contentful-paint")[0];
    if (painted) resolve(painted.startTime);
  }).observe({type: "paint", buffered: true});
})"""


async def measure_paint(
    options: Options, dsn: str, stripe_api: tuple[StripeSimulator, str]
) -> Table:
    """How soon a browser paints: the page, counted from the navigation, and the dialog, counted from the click."""
    table = Table("until it is painted, with Stripe 100 ms away: ms", ["what", "median", "worst"])
    async with (
        asyncpg.create_pool(dsn, min_size=1, max_size=10) as pool,
        open_flow_site(pool, stripe_api, run_worker=False) as site,
        async_playwright() as playwright,
    ):
        site.stripe.latency_s = 0.1
        chromium = await playwright.chromium.launch(
            executable_path=chromium_path(), args=CHROMIUM_ARGS
        )
        measured: dict[str, list[float]] = {}
        page = await chromium.new_page()
        for turn in range(options.rounds + 1):
            for what, ms in (await _painted(page, site, turn)).items():
                if turn:
                    measured.setdefault(what, []).append(ms)
        await chromium.close()

    for what, times in measured.items():
        table.add(what, median(times), max(times))
    return table


async def _painted(page: Page, site: FlowSite, turn: int) -> dict[str, float]:
    for name in ("page", "dialog"):
        await site.add(f"{name}_{turn}")
    times = {}

    await page.goto(site.account(f"page_{turn}"))
    await page.goto(f"{site.url}/cancel")
    times["page: why"] = await page.evaluate(PAINTED)
    await page.locator("#reason-too_expensive").check()
    await page.locator("form [name=do][value=continue]:not([tabindex])").click()
    await page.locator("form[data-aiocancel-screen=offer]").wait_for()
    times["page: offer"] = await page.evaluate(PAINTED)

    await page.goto(site.account(f"dialog_{turn}"))
    times["dialog: why"] = await page.evaluate(DIALOG, "form[data-aiocancel-form] button")
    await page.locator("dialog #reason-too_expensive").check()
    times["dialog: offer"] = await page.evaluate(
        DIALOG, "dialog [name=do][value=continue]:not([tabindex])"
    )
    return times


# --- all of it --------------------------------------------------------------------------------------------


async def measure(options: Options, server: EmbeddedPostgres, notes: list[str]) -> list[Table]:
    import stripe as stripe_sdk

    # It would write a file into the home directory.
    stripe_sdk.enable_telemetry = False
    books = StripeSimulator()
    books.add_price("price_basic", unit_amount=900, currency="eur")
    tables = []

    async with books.serve() as url:
        tables.append(await measure_screens(options, await prepare(server, "screens"), books, url))
        if options.quick or chromium_path() is None:
            notes.append("paint is left out: it needs Chromium, and is not quick")
        else:
            tables.append(
                await measure_paint(options, await prepare(server, "paint"), (books, url))
            )
    pasts = await prepare(server, "short"), await prepare(server, "long")
    return [*tables, *await measure_past(options, pasts)]


async def prepare(server: EmbeddedPostgres, name: str) -> str:
    dsn = await server.create_database(name)
    connection = await asyncpg.connect(dsn)
    await migrate(connection)
    await connection.execute(CREATE_TABLES)
    await connection.close()
    return dsn


def main() -> None:
    options = read_options(__doc__ or "", rounds=9)
    notes: list[str] = []
    with EmbeddedPostgres(durable=False) as server:
        tables = asyncio.run(measure(options, server, notes))
    report(options, tables, counts={}, notes=notes)


if __name__ == "__main__":
    main()
