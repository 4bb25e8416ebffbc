"""A small SaaS company with everything it needs, on this machine: python examples/saas_app.py

It starts PostgreSQL from a wheel, a simulated Stripe, and the same site three times side by side: with a flow of its
own, with a simulated ProsperStack, and with a stand-in for StaySignal. Its customers are in different situations. With
--stripe-api-key sk_test_… the real Stripe answers instead, and --vendor starts one of the three alone.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import aiohttp_jinja2
import asyncpg
import jinja2
import stripe
from aiohttp import web
from demo_mailbox import Mailbox
from past_sessions import add_past_sessions

import aiocancel
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.prosperstack.simulator import ProsperStackSimulator
from aiocancel.testing.staysignal import StaySignalSimulator
from aiocancel.testing.stripe.simulator import StripeSimulator

HERE = Path(__file__).parent
CLIENT_PACKAGE = "@prosperstack/flow@2.19.0"
CLIENT_INTEGRITY = "sha384-uxG0SjfEOOs7knE+6xtLDh+LKUD3dcicl+kTPdfN5Zk5JS8CB5M3OiwxWIcNZBOG"
CLIENT_SECRET = "the demo's client secret"  # noqa: S105 - it opens nothing but the simulator
NOBODY_LISTENS = "http://127.0.0.1:9"

CREATE_TABLES = """
CREATE SCHEMA IF NOT EXISTS demo;
CREATE TABLE IF NOT EXISTS demo.customer (
    id                      text PRIMARY KEY,
    name                    text NOT NULL,
    email                   text NOT NULL,
    plan                    text NOT NULL,
    price_minor             integer NOT NULL,
    stripe_subscription_id  text,
    pays_every              text NOT NULL DEFAULT 'month',
    situation               text NOT NULL DEFAULT 'active'
);
INSERT INTO demo.customer VALUES
    ('ada', 'Ada Marlow', 'ada@example.com', 'Pro', 2900, NULL, 'month', 'active'),
    ('zoe', 'Zoë "Zed" Ångström </script> 😀', 'zoe@example.com', 'Team', 9900, NULL, 'month', 'active'),
    ('lou', 'Lou Bergström', 'lou@example.com', 'Pro', 2900, NULL, 'month', 'active'),
    ('yuki', 'Yuki Tanabe', 'yuki@example.com', 'Pro', 29000, NULL, 'year', 'active'),
    ('tom', 'Tom Okafor', 'tom@example.com', 'Pro', 2900, NULL, 'month', 'in a trial'),
    ('lea', 'Léa Fournier', 'lea@example.com', 'Pro', 2900, NULL, 'month', 'paused'),
    ('omar', 'Omar Haddad', 'omar@example.com', 'Pro', 2900, NULL, 'month', 'with two items'),
    ('nina', 'Nina Vogel', 'nina@example.com', 'Pro', 2900, NULL, 'month', 'already ending'),
    ('jan', 'Jan Petersen', 'jan@example.com', 'Pro', 2900, NULL, 'month', 'in Germany')
ON CONFLICT (id) DO NOTHING;
"""

VENDORS = {"own": "a flow of our own", "prosperstack": "ProsperStack", "staysignal": "StaySignal"}


@dataclass(frozen=True)
class Demo:
    """What the pages need."""

    pool: asyncpg.Pool[asyncpg.Record]
    stripe: stripe.StripeClient
    stripe_name: str
    client_name: str
    vendor: str
    # The addresses of all the sites that run, by vendor; the others join while this one runs.
    sites: dict[str, str]


DEMO = web.AppKey("demo", Demo)


def main() -> int:
    """Read the options, start everything, and stop cleanly on Ctrl-C."""
    options = read_options()
    try:
        if options.database_url:
            # One database is given, and each site needs its own.
            asyncio.run(serve(options, {options.vendor or "own": options.database_url}))
        else:
            # PostgreSQL goes down with the thread that started it, so that is the main one.
            with EmbeddedPostgres(options.data_directory) as server:
                vendors = [options.vendor] if options.vendor else list(VENDORS)
                asyncio.run(serve(options, {each: dsn_of(server, each) for each in vendors}))
    except (aiocancel.ConfigurationError, OSError) as error:
        print(f"saas_app: {error}", file=sys.stderr)
        return 1

    return 0


def dsn_of(server: EmbeddedPostgres, vendor: str) -> str:
    """Return the address of a site's own database; the first is there, the others are made when they are opened."""
    return server.database_dsn("postgres" if vendor == "own" else f"demo_{vendor}")


def read_options() -> argparse.Namespace:
    """Read the command line; a live Stripe key is refused."""
    parser = argparse.ArgumentParser(description="A small SaaS site that shows aiocancel at work.")
    parser.add_argument(
        "--port",
        type=int,
        default=8080,
        help="port of the site on 127.0.0.1, 0 for any free one (default %(default)s)",
    )

    parser.add_argument(
        "--database-url", help="use this PostgreSQL instead of starting one; a schema demo is added"
    )
    parser.add_argument(
        "--data-directory",
        type=Path,
        help="keep PostgreSQL's data here (default: a temporary folder)",
    )
    parser.add_argument("--stripe-api-key", help="sk_test_…: talk to the real Stripe, in test mode")
    parser.add_argument(
        "--vendor",
        choices=list(VENDORS),
        help="start one site alone, whose flow is run by this one (default: all three, side by side)",
    )

    parser.add_argument(
        "--flow-client",
        default="auto",
        metavar="auto|stand-in|FILE",
        help=f"ProsperStack's client: {CLIENT_PACKAGE} fetched with npm where there is npm (auto, the default), "
        "our stand-in, or a file of your own",
    )

    parser.add_argument(
        "--vendor-down", action="store_true", help="let the flow vendor be unreachable"
    )
    options = parser.parse_args()

    if options.stripe_api_key and not options.stripe_api_key.startswith(("sk_test_", "rk_test_")):
        parser.error(
            "--stripe-api-key takes a test key only (sk_test_… or rk_test_…); a live key is refused"
        )

    return options


async def serve(options: argparse.Namespace, databases: dict[str, str]) -> None:
    """Run a site for each vendor until a signal comes; the first is up before the others start."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async with AsyncExitStack() as stack:
        api_key = options.stripe_api_key or "sk_test_simulator"
        api_base = aiocancel.StripeBilling(api_key).api_base
        if not options.stripe_api_key:
            api_base = await stack.enter_async_context(StripeSimulator(api_key=api_key).serve())
        sites: dict[str, str] = {}
        for vendor, dsn in databases.items():
            at = Place(options, vendor, dsn, api_key, api_base, sites)
            await run_site(at, options.port if not sites else 0, stack)
            if stop.is_set():
                break
        await stop.wait()
        print("Stopping …", flush=True)


@dataclass(frozen=True)
class Place:
    """What one of the sites is made of."""

    options: argparse.Namespace
    vendor: str
    dsn: str
    api_key: str
    api_base: str
    sites: dict[str, str]


async def run_site(at: Place, port: int, stack: AsyncExitStack) -> None:
    """Put a site together and open its port; what has to be closed goes on ``stack``."""
    app = await make_app(at, stack)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=5.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    if at.vendor == "own" and not at.options.stripe_api_key:
        await add_past_sessions(app[DEMO].pool)
    await web.TCPSite(runner, "127.0.0.1", port).start()

    demo, url = app[DEMO], f"http://127.0.0.1:{runner.addresses[0][1]}"
    at.sites[at.vendor] = url
    if len(at.sites) == 1:
        print(f"\n  The site:  {url}\n  Stripe:    {demo.stripe_name}")
        print(f"  Owner:     {url}/owner/cancellations/")
        print(f"  Flow:      {demo.client_name}\n\n  Ctrl-C stops everything.\n", flush=True)
    else:
        print(f"  {VENDORS[at.vendor]}: {url}, {demo.client_name}", flush=True)


async def make_database(dsn: str) -> None:
    """Make the database of a site's own, unless it is there."""
    address, _, name = dsn.partition("?")[0].rpartition("/")
    try:
        connection = await asyncpg.connect(dsn)
    except asyncpg.InvalidCatalogNameError:
        server = await asyncpg.connect(dsn.replace(f"{address}/{name}", f"{address}/postgres", 1))
        await server.execute(f'CREATE DATABASE "{name}"')
        await server.close()
    else:
        await connection.close()


async def make_app(at: Place, stack: AsyncExitStack) -> web.Application:
    """Put the site together; what has to be closed goes on ``stack``."""
    options, api_key, api_base = at.options, at.api_key, at.api_base
    await make_database(at.dsn)
    pool = await stack.enter_async_context(asyncpg.create_pool(at.dsn, min_size=1, max_size=10))
    await pool.execute(CREATE_TABLES)
    client = await stack.enter_async_context(stripe_client(api_key, api_base))

    basic = await client.v1.prices.create_async(
        {
            "currency": "usd",
            "unit_amount": 900,
            "recurring": {"interval": "month"},
            "product_data": {"name": "Basic plan (aiocancel demo)"},
        }
    )
    widget: aiocancel.OwnFlow | aiocancel.ProsperStack | aiocancel.StaySignal
    if at.vendor == "own":
        widget, client_file = flow_of_our_own(basic.id), None
        client_name = "our own"
    elif at.vendor == "staysignal":
        widget, client_file = await stand_in_for_staysignal(options, stack), None
        client_name = "our stand-in for StaySignal"
    else:
        widget, client_name, client_file = await choose_widget(options, stack, basic.id)
    mailbox = Mailbox()
    cancel = aiocancel.CancelFlow(
        vendor=widget,
        billing=aiocancel.StripeBilling(api_key, api_base=api_base),
        database=pool,
        identify=current_customer,
        subscriptions=aiocancel.SubscriptionQuery(
            "SELECT stripe_subscription_id, email FROM demo.customer WHERE id = $1"
        ),
        grant_keys=[secrets.token_urlsafe(32)],
        # A visitor who tries the demo accepts one offer after the other.
        offer_limits=aiocancel.OfferLimits(at_most_one_gift_in_days=None),
        content_security_policy=aiocancel.STRICT_POLICY,
        return_to="/account",
        mailer=mailbox,
        place=place_of,
        theme=aiocancel.Theme(name="Northwind Notes"),
        migrate_on_start=True,
    )

    @cancel.on_offer("code")
    @cancel.on_offer("call")
    async def book_a_call(offer: aiocancel.CustomOffer) -> None:
        print(
            f"  Custom offer {offer.offer_id} for {offer.customer_id}: somebody calls.",
            flush=True,
        )

    app = web.Application()
    aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(HERE / "templates"))
    cancel.setup(app)
    # The person who runs the demo on this machine is its owner; a real site asks its login.
    app.add_subapp("/owner/cancellations", cancel.console(operator=lambda _: "demo owner"))
    stripe_name = (
        "the real Stripe, test mode"
        if options.stripe_api_key
        else f"simulated, {api_base}/_simulator/subscriptions"
    )
    app[DEMO] = Demo(pool, client, stripe_name, client_name, at.vendor, at.sites)
    mailbox.add_routes(app)
    app.router.add_get("/", front)
    app.router.add_post("/login", log_in)
    app.router.add_post("/logout", log_out)
    app.router.add_post("/subscribe", subscribe_again)
    app.router.add_get("/account", cancel.flow_page(account))
    app.router.add_get("/account/stripe", what_stripe_says)
    app.router.add_static("/static", HERE / "static")
    if client_file is not None:

        async def serve_client(_: web.Request) -> web.FileResponse:
            return web.FileResponse(client_file, headers={"Content-Type": "text/javascript"})

        app.router.add_get("/prosperstack.js", serve_client)
    return app


# --- the site -------------------------------------------------------------------------------------------


async def current_customer(request: web.Request) -> str | None:
    """Say who is logged in; a real site asks its session."""
    return request.cookies.get("demo_customer")


@aiohttp_jinja2.template("front.html")
async def front(request: web.Request) -> dict[str, Any]:
    """Show the sites side by side, and who may log in."""
    demo = request.app[DEMO]
    customers = await demo.pool.fetch(
        "SELECT * FROM demo.customer ORDER BY id <> 'ada', id <> 'zoe', id"
    )
    return {
        "customers": customers,
        "vendor": demo.vendor,
        "sites": {name: demo.sites.get(name) for name in VENDORS},
        "names": VENDORS,
    }


async def log_in(request: web.Request) -> web.Response:
    """Become one of the customers."""
    form = await request.post()
    demo, customer_id = request.app[DEMO], str(form.get("customer", ""))
    row = await demo.pool.fetchrow("SELECT * FROM demo.customer WHERE id = $1", customer_id)
    if row is not None and not await goes_on(demo.stripe, row["stripe_subscription_id"]):
        await subscribe(demo.pool, demo.stripe, customer_id)

    response = web.Response(status=303, headers={"Location": "/account"})
    response.set_cookie("demo_customer", customer_id, httponly=True, samesite="Lax")
    return response


async def log_out(_: web.Request) -> web.Response:
    """Become nobody."""
    response = web.Response(status=303, headers={"Location": "/"})
    response.del_cookie("demo_customer")
    return response


@aiohttp_jinja2.template("account.html")
async def account(request: web.Request) -> dict[str, Any]:
    """Show the plan, the button, and what Stripe says."""
    customer = await logged_in(request)
    return {
        "customer": customer,
        "stripe": await stripe_view(request, customer),
        "client": request.app[DEMO].client_name,
        "flow": VENDORS[request.app[DEMO].vendor],
    }


async def what_stripe_says(request: web.Request) -> web.Response:
    """Answer the page's question after a flow."""
    return web.json_response(await stripe_view(request, await logged_in(request)))


async def subscribe_again(request: web.Request) -> web.Response:
    """Start a new subscription for a customer whose last one has ended."""
    demo, customer = request.app[DEMO], await logged_in(request)
    if not await goes_on(demo.stripe, customer["stripe_subscription_id"]):
        await subscribe(demo.pool, demo.stripe, customer["id"])
    return web.Response(status=303, headers={"Location": "/account"})


async def logged_in(request: web.Request) -> asyncpg.Record:
    """Return the customer's row, or lead back to the front page."""
    customer_id = await current_customer(request)
    row = await request.app[DEMO].pool.fetchrow(
        "SELECT * FROM demo.customer WHERE id = $1", customer_id
    )
    if row is None:
        raise web.HTTPFound("/")
    return row


# --- Stripe ---------------------------------------------------------------------------------------------


@asynccontextmanager
async def stripe_client(api_key: str, api_base: str) -> AsyncIterator[stripe.StripeClient]:
    """The site's own client, for showing things; aiocancel has one of its own."""
    async with aiohttp.ClientSession() as session:
        yield stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base},
            max_network_retries=2,
            http_client=stripe.AIOHTTPClient(session=session),
        )


async def subscribe(
    pool: asyncpg.Pool[asyncpg.Record], client: stripe.StripeClient, customer_id: str
) -> None:
    """Make a customer, a price and a subscription at Stripe, and remember the subscription's id."""
    row = await pool.fetchrow("SELECT * FROM demo.customer WHERE id = $1", customer_id)
    if row is None:
        raise web.HTTPNotFound

    customer = await client.v1.customers.create_async({"name": row["name"], "email": row["email"]})
    names = [row["plan"]]
    if row["situation"] == "with two items":
        names.append("Storage")
    items: list[dict[str, str]] = []
    for name in names:
        price = await client.v1.prices.create_async(
            {
                "currency": "usd",
                "unit_amount": row["price_minor"] if not items else 500,
                "recurring": {"interval": row["pays_every"]},
                "product_data": {"name": name},
            }
        )
        items.append({"price": price.id})

    wanted: dict[str, Any] = {
        "customer": customer.id,
        "items": items,
        # By invoice, so that the demo needs no card.
        "collection_method": "send_invoice",
        "days_until_due": 30,
    }
    if row["situation"] == "in a trial":
        wanted["trial_period_days"] = 14
    subscription = await client.v1.subscriptions.create_async(wanted)  # type: ignore[arg-type]
    if row["situation"] == "paused":
        await client.v1.subscriptions.update_async(
            subscription.id, {"pause_collection": {"behavior": "void"}}
        )
    elif row["situation"] == "already ending":
        await client.v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})

    await pool.execute(
        "UPDATE demo.customer SET stripe_subscription_id = $2 WHERE id = $1",
        customer_id,
        subscription.id,
    )


async def goes_on(client: stripe.StripeClient, subscription_id: str | None) -> bool:
    """Tell whether Stripe has a subscription that has not ended."""
    if subscription_id is None:
        return False
    try:
        subscription = await client.v1.subscriptions.retrieve_async(subscription_id)
    except stripe.InvalidRequestError:
        return False
    return subscription.status not in ("canceled", "incomplete_expired")


async def stripe_view(request: web.Request, customer: asyncpg.Record) -> dict[str, Any]:
    """Read the subscription at Stripe, now, in the words of the page."""
    subscription = await request.app[DEMO].stripe.v1.subscriptions.retrieve_async(
        customer["stripe_subscription_id"], {"expand": ["discounts.source.coupon"]}
    )
    details = subscription.cancellation_details

    return {
        "id": subscription.id,
        "status": subscription.status,
        "ending": subscription.cancel_at is not None and subscription.status != "canceled",
        "ended": subscription.status == "canceled",
        "ends": day(subscription.ended_at or subscription.cancel_at),
        "renews": day(subscription["items"]["data"][0]["current_period_end"]),
        "pays": ", ".join(map(price_text, subscription["items"]["data"])),
        "discounts": ", ".join(map(discount_name, subscription.discounts)) or "none",
        "has_discount": bool(subscription.discounts) and subscription.status != "canceled",
        "is_paused": subscription.pause_collection is not None
        and subscription.status != "canceled",
        "paused": "no"
        if not subscription.pause_collection
        else f"until {day(subscription.pause_collection.resumes_at) or 'somebody ends it'}",
        "reason": (details.comment or details.feedback or "") if details else "",
    }


def price_text(item: Any) -> str:
    """Say what an item costs."""
    return f"${(item['price']['unit_amount'] or 0) / 100:.0f} a {item['price']['recurring']['interval']}"


def discount_name(discount: Any) -> str:
    """Say what a discount takes off."""
    coupon = discount.source.coupon
    months = f" for {coupon.duration_in_months} months" if coupon.duration_in_months else ""
    return f"{coupon.percent_off:g}% off{months}" if coupon.percent_off else "an amount off"


def day(seconds: int | None) -> str:
    """Write a date as people read it."""
    if seconds is None:
        return ""
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%B} {moment.day}, {moment.year}"


def place_of(customer_id: str) -> str:
    """Return where a customer lives; a real site knows it from the bill's address, say."""
    return "DE" if customer_id == "jan" else "FR"


# --- the flow vendor ------------------------------------------------------------------------------------


def flow_of_our_own(basic_price_id: str) -> aiocancel.OwnFlow:
    """Define the flow: a reason leads to the one offer that answers it."""
    return aiocancel.OwnFlow(
        offers=[
            aiocancel.CouponOffer(
                "half_price",
                percent_off=50,
                # A subscription that began a minute ago has payments on the very edge of "3 months".
                months="once",
                when=aiocancel.reason("too_expensive"),
            ),
            aiocancel.PauseOffer(
                "a_break",
                sentence="Your notes stay readable, and you cannot write.",
                when=aiocancel.reason("unused"),
            ),
            aiocancel.PlanOffer(
                "basic",
                basic_price_id,
                changes=("100 notes", "No sharing"),
                when=aiocancel.reason("too_complex", "low_quality"),
            ),
            aiocancel.TrialOffer(
                "more_days", 14, when=aiocancel.reason("missing_features") & aiocancel.in_trial()
            ),
            aiocancel.HandledOffer(
                "call",
                "a call with us",
                "We look at it together, for half an hour.",
                "Book a call",
                when=aiocancel.reason("missing_features", "customer_service"),
            ),
        ]
    )


async def choose_widget(
    options: argparse.Namespace, stack: AsyncExitStack, basic_price_id: str
) -> tuple[aiocancel.ProsperStack, str, Path | None]:
    """Start the simulated vendor and choose its client: the settings, a name for people, a file to serve."""
    simulator = ProsperStackSimulator(client_id="acct_simulator", client_secret=CLIENT_SECRET)
    for offer in simulator.offers:
        if offer["type"] == "change_plan":
            offer["details"]["platform_plan_id"] = offer["details"]["payment_provider_plan_id"] = (
                basic_price_id
            )

    hosts = await stack.enter_async_context(simulator.serve())
    settings: dict[str, Any] = {
        "client_id": "acct_simulator",
        "client_secret": CLIENT_SECRET,
        "api_key": "key_test_simulator",
        # A simulated vendor has no hands in Stripe: it confirms offers, and aiocancel carries them out.
        "applies_offers": "app",
        "api_host": hosts.api_url,
        "app_host": hosts.app_url,
    }

    if options.vendor_down:
        settings |= {
            "api_host": NOBODY_LISTENS,
            "app_host": NOBODY_LISTENS,
            "script_url": f"{NOBODY_LISTENS}/flow.js",
        }
        return aiocancel.ProsperStack(**settings), "unreachable, as asked", None

    if options.flow_client == "auto":
        client_file = await asyncio.to_thread(fetch_client, stack)
    else:
        client_file = None if options.flow_client == "stand-in" else Path(options.flow_client)

    if client_file is None:
        settings["script_url"] = f"{hosts.app_url}/flow.min.js"
        return aiocancel.ProsperStack(**settings), "our stand-in for ProsperStack's client", None

    settings["script_url"] = "/prosperstack.js"
    if options.flow_client == "auto":
        settings["script_integrity"] = CLIENT_INTEGRITY

    return (
        aiocancel.ProsperStack(**settings),
        f"ProsperStack's client, {client_file.name}",
        client_file,
    )


async def stand_in_for_staysignal(
    options: argparse.Namespace, stack: AsyncExitStack
) -> aiocancel.StaySignal:
    """Start the stand-in; the names are its own, the genuine widget's are in StaySignal's instructions to you."""
    name, attribute = "StaySignalStandIn.init", "data-stand-in-subscription"
    stand_in = StaySignalSimulator(global_name=name, subscription_attribute=attribute)
    origin = (
        NOBODY_LISTENS if options.vendor_down else await stack.enter_async_context(stand_in.serve())
    )
    return aiocancel.StaySignal(
        script_url=f"{origin}/widget.js",
        global_name=name,
        subscription_attribute=attribute,
        csp_sources={},
    )


def fetch_client(stack: AsyncExitStack) -> Path | None:
    """Fetch the genuine client with npm into a temporary folder; None where that does not work in 8 s."""
    npm = shutil.which("npm")
    if npm is None:
        return None

    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aiocancel-demo-")))

    try:
        subprocess.run(  # noqa: S603 - a constant command
            [npm, "pack", "--silent", CLIENT_PACKAGE],
            cwd=folder,
            capture_output=True,
            timeout=8,
            check=True,
        )
    except (subprocess.SubprocessError, OSError):
        return None

    archive = next(folder.glob("*.tgz"))

    with tarfile.open(archive) as tar:
        member = tar.extractfile("package/dist/index.js")
        if member is None:
            return None
        target = folder / "prosperstack-flow-2.19.0.js"
        target.write_bytes(member.read())

    return target


if __name__ == "__main__":
    sys.exit(main())
