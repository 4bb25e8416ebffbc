"""CancelFlow as a part of an application: it starts with it, stops with it, and refuses what cannot work."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp_jinja2
import asyncpg
import jinja2
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pytest_aiohttp import AiohttpClient

from aiocancel import (
    CancelFlow,
    ConfigurationError,
    ProsperStack,
    SchemaError,
    SimulatorRefusedError,
    StripeBilling,
    SubscriptionQuery,
    assembly,
    get_cancel_flow,
    runtime,
)
from aiocancel.telemetry import Event
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.saas import (
    CREATE_TABLES,
    Pool,
    add_customer,
    as_customer,
    make_app,
    make_cancel,
    vendor,
)
from tests.support.waiting import until
from tests.support.web import Page, Subscriptions, expected_payload, without_proof

LIVE_KEY = "sk_live_0123456789abcdefghij"
LONG_KEYS = ["a grant key of thirty-two characters or more"]


async def connections(pool: Pool) -> int:
    """How many connections of a pool of ours the database holds."""
    count: int = await pool.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aiocancel'"
    )
    return count


async def payload(client: TestClient[Any, Any], customer_id: str = "ada") -> Any:
    response = await client.get("/cancel/payload", headers=as_customer(customer_id))
    assert response.status == 200
    return (await response.json())["flow"]


async def started(app: web.Application) -> TestClient[Any, Any]:
    client = TestClient(TestServer(app))
    try:
        await client.start_server()
    except BaseException:
        await client.close()
        raise
    return client


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The DSN of a database with the application's tables and none of ours."""
    dsn = await postgres.create_database("without_our_tables")
    connection = await asyncpg.connect(dsn)
    await connection.execute(CREATE_TABLES)
    await connection.close()
    yield dsn
    await postgres.drop_database("without_our_tables")


# --- starting and stopping ----------------------------------------------------------------------------


async def test_a_pool_of_ours_is_opened_at_the_start_and_closed_at_the_end(
    database: str, pool: Pool
) -> None:
    client = await started(make_app(make_cancel(database)))
    assert await connections(pool) >= 1
    await client.close()
    for _ in range(50):
        if not await connections(pool):
            break
        await asyncio.sleep(0.01)  # a backend takes a moment to leave
    assert await connections(pool) == 0


async def test_a_connection_that_nobody_gives_back_does_not_keep_the_application_from_stopping(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened: list[Pool] = []
    create_pool = asyncpg.create_pool

    async def create(*args: Any, **kwargs: Any) -> Pool:
        opened.append(await create_pool(*args, **kwargs))
        return opened[0]

    monkeypatch.setattr(asyncpg, "create_pool", create)
    monkeypatch.setattr(assembly, "_STOP_GRACE_S", 0.1)
    client = await started(make_app(make_cancel(database, run_worker=False)))
    await opened[0].acquire()
    async with asyncio.timeout(5):
        await client.close()
    assert "not given back" in caplog.text


@pytest.mark.parametrize(("settings", "kept"), [({}, True), ({"statement_cache_size": 0}, False)])
async def test_statements_are_prepared_once_for_a_connection_unless_the_owner_has_none_that_last(
    aiohttp_client: AiohttpClient, database: str, settings: dict[str, Any], kept: bool
) -> None:
    count = SubscriptionQuery(
        "SELECT 'sub_' || count(*) AS subscription_id FROM pg_prepared_statements WHERE $1 <> ''"
    )
    cancel = make_cancel(database, run_worker=False, subscriptions=count, **settings)
    client = await aiohttp_client(make_app(cancel))
    for _ in range(2):
        response = await client.get("/cancel/subscription", headers=as_customer("ada"))
        found = await response.json()
    assert (found["subscriptionId"] != "sub_0") is kept


async def test_a_pool_of_the_applications_is_left_open(pool: Pool) -> None:
    client = await started(make_app(make_cancel(pool)))
    await client.close()
    assert await pool.fetchval("SELECT 1") == 1
    assert await connections(pool) == 0


async def test_nothing_of_ours_is_left_running_when_the_application_has_stopped(pool: Pool) -> None:
    client = await started(make_app(make_cancel(pool)))
    assert {task.get_name() for task in asyncio.all_tasks()} >= {"aiocancel", "aiocancel worker"}
    await client.close()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("aiocancel")]


async def test_a_change_under_way_is_finished_before_the_application_goes(
    pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada")
    stripe.latency_s = 0.05
    await add_customer(pool, "ada", "sub_ada")
    client = await started(make_app(make_cancel(pool, url, answer_within_s=0.01)))
    body = {"grant": (await payload(client))["grant"], "status": "canceled"}
    assert (
        await client.post("/cancel/result", json=body, headers=as_customer("ada"))
    ).status == 202
    await until(lambda: bool(stripe.requests))
    await client.close()

    assert await pool.fetchval("SELECT state FROM aiocancel.action") == "done"


async def test_a_worker_of_its_own_freezes_what_its_start_has_made_and_collects_from_then_on(
    database: str,
) -> None:
    gc.unfreeze()
    # As the command does.
    gc.disable()
    stop = asyncio.Event()
    working = asyncio.create_task(make_cancel(database).work(stop))

    try:
        await until(lambda: gc.get_freeze_count() > 0)
        await until(gc.isenabled)
    finally:
        stop.set()
        await working
        gc.unfreeze()
        gc.enable()


@pytest.mark.parametrize("freeze", [False, True])
async def test_a_site_freezes_what_its_start_has_made_where_it_says_so(
    pool: Pool, freeze: bool
) -> None:
    gc.unfreeze()
    app = web.Application()
    make_cancel(pool).setup(app, freeze=freeze)

    client = await started(app)
    frozen = gc.get_freeze_count()
    await client.close()

    assert (frozen > 0) is freeze
    assert gc.get_freeze_count() == 0


def test_a_freeze_that_is_no_yes_or_no_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="freeze"):
        make_cancel("postgresql://nowhere/x").setup(web.Application(), freeze=1)  # type: ignore[arg-type]


async def test_one_plug_in_can_start_again_after_it_has_stopped(database: str, pool: Pool) -> None:
    await add_customer(pool, "ada", "sub_ada")
    cancel = make_cancel(database, run_worker=False)
    for _ in range(2):
        client = await started(make_app(cancel))
        assert without_proof((await payload(client))["signedPayload"]) == expected_payload("ada")
        await client.close()


async def test_a_start_that_failed_can_be_tried_again(empty_database: str) -> None:
    cancel = make_cancel(empty_database, run_worker=False)
    with pytest.raises(SchemaError):
        await started(make_app(cancel))

    connection = await asyncpg.connect(empty_database)
    await connection.execute("INSERT INTO app_subscription VALUES ('ada', 'sub_ada')")
    await connection.close()
    client = await started(
        make_app(make_cancel(empty_database, run_worker=False, migrate_on_start=True))
    )
    await client.close()
    client = await started(make_app(cancel))
    assert without_proof((await payload(client))["signedPayload"]) == expected_payload("ada")
    await client.close()


async def test_a_plug_in_that_was_only_appended_starts_when_it_is_first_needed(
    database: str, pool: Pool
) -> None:
    await add_customer(pool, "ada", "sub_ada")
    cancel = make_cancel(database, run_worker=False)
    app = web.Application(middlewares=[cancel.middleware])
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({"page.html": "{{ cancel_flow.script() }}"}))
    app.router.add_get("/elsewhere", _empty)

    @cancel.flow_page
    async def page(request: web.Request) -> web.Response:
        context = await cancel.context_processor(request)
        return aiohttp_jinja2.render_template("page.html", request, context)

    app.router.add_get("/account", page)
    client = await started(app)
    await client.get("/elsewhere")
    assert await connections(pool) == 0
    responses = await asyncio.gather(
        *(client.get("/account", headers=as_customer("ada")) for _ in range(10))
    )
    for response in responses:
        assert without_proof(Page(await response.text()).flow["signedPayload"]) == expected_payload(
            "ada"
        )
    assert await connections(pool) >= 1
    await client.close()
    await cancel.stop()
    await cancel.stop()


async def _empty(_: web.Request) -> web.Response:
    return web.Response()


async def test_what_a_plug_in_is_made_of_is_imported_in_a_thread(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def load(languages: Any) -> Any:
        threads.append(threading.current_thread())
        return load_runtime(languages)

    load_runtime = runtime._load
    monkeypatch.setattr(runtime, "_load", load)
    client = await started(make_app(make_cancel(database, run_worker=False)))
    await client.close()
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


async def test_a_worker_of_its_own_makes_no_page_ready(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[str]] = []
    load_runtime = runtime._load

    def load(languages: Sequence[str]) -> Any:
        asked.append(languages)
        return load_runtime(languages)

    monkeypatch.setattr(runtime, "_load", load)
    stop = asyncio.Event()
    stop.set()

    await make_cancel(database, languages=["en", "de"]).work(stop)

    assert asked == [()]


async def test_a_late_start_that_fails_leaves_the_page_standing_and_says_why_in_the_log(
    aiohttp_client: AiohttpClient, empty_database: str, caplog: pytest.LogCaptureFixture
) -> None:
    cancel = make_cancel(empty_database, run_worker=False)
    app = web.Application(middlewares=[cancel.middleware])
    cancel.add_routes(app)

    async def account(request: web.Request) -> web.Response:
        flow = await get_cancel_flow(request)
        return web.Response(text=f"{flow.state} {flow.button()}")

    app.router.add_get("/account", account)
    client = await aiohttp_client(app)
    response = await client.get("/account", headers=as_customer("ada"))
    assert response.status == 200
    assert (await response.text()).startswith("unavailable <form")
    assert (await client.get("/cancel/payload", headers=as_customer("ada"))).status == 503
    assert "the tables of aiocancel do not exist" in caplog.text


async def test_a_lifespan_by_hand_checks_the_database_before_the_first_request(
    empty_database: str,
) -> None:
    cancel = make_cancel(empty_database, run_worker=False)
    app = web.Application(middlewares=[cancel.middleware])
    app.cleanup_ctx.append(cancel.lifespan)
    with pytest.raises(SchemaError):
        await started(app)


# --- what stops the start -----------------------------------------------------------------------------


async def test_missing_tables_stop_the_application(empty_database: str) -> None:
    with pytest.raises(SchemaError, match=r"aiocancel migrate.*migrate_on_start=True"):
        await started(make_app(make_cancel(empty_database)))


async def test_missing_tables_are_made_when_the_owner_wants_it(empty_database: str) -> None:
    client = await started(
        make_app(make_cancel(empty_database, migrate_on_start=True, run_worker=False))
    )
    response = await client.get("/cancel/payload", headers=as_customer("ada"))
    assert await response.json() == {"state": "no_subscription", "flow": None}
    await client.close()


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://ada:a-secret-word@127.0.0.1:9/app",
        "postgresql://ada:a-secret-word@/app?host=/no/such/folder",
        "postgresql://ada:a-secret-word@127.0.0.1:notaport/app",
        "mysql://ada:a-secret-word@127.0.0.1/app",
        "a-secret-word",
    ],
)
async def test_a_database_that_cannot_be_opened_stops_the_application_without_its_password(
    dsn: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A short DSN is completed from the environment.
    monkeypatch.setenv("PGHOST", "/no/such/folder")
    with pytest.raises(ConfigurationError, match=r"^the database cannot be opened") as refused:
        await started(make_app(make_cancel(dsn)))
    assert "a-secret-word" not in str(refused.value) + caplog.text
    assert refused.value.__suppress_context__


async def test_a_database_that_does_not_exist_stops_the_application(database: str) -> None:
    with pytest.raises(ConfigurationError, match="there is no database of that name"):
        await started(make_app(make_cancel(database.replace("/test_", "/no_such_test_"))))


async def test_a_query_that_does_not_work_stops_the_application(pool: Pool) -> None:
    query = SubscriptionQuery(
        "SELECT stripe_subscription_id FROM no_such_table WHERE customer_id = $1"
    )
    with pytest.raises(ConfigurationError, match="the subscription query does not work"):
        await started(make_app(make_cancel(pool, subscriptions=query)))


async def test_a_query_without_a_column_that_the_payload_needs_stops_the_application(
    pool: Pool,
) -> None:
    cancel = make_cancel(pool, vendor=vendor(platform="custom", applies_offers="app"))
    with pytest.raises(
        ConfigurationError, match="must return a column named email and one named name"
    ):
        await started(make_app(cancel))


@pytest.mark.parametrize(
    "simulated",
    [
        {"billing": StripeBilling(api_key=LIVE_KEY, api_base="http://127.0.0.1:9")},
        {
            "billing": StripeBilling(api_key=LIVE_KEY),
            "vendor": vendor(api_host="http://127.0.0.1:9"),
        },
        {
            "billing": StripeBilling(api_key=LIVE_KEY),
            "vendor": vendor(app_host="http://127.0.0.1:9"),
        },
    ],
)
def test_a_live_key_is_never_used_with_a_simulator(simulated: dict[str, Any]) -> None:
    with pytest.raises(
        SimulatorRefusedError, match="a live Stripe key does not go with a simulator"
    ):
        make_cancel("postgresql://", grant_keys=LONG_KEYS, **simulated)


@pytest.mark.parametrize(
    ("vendors_key", "stripe_key"), [("key_test_1", LIVE_KEY), ("key_1", "sk_test_1")]
)
def test_the_modes_of_vendor_and_stripe_must_agree(vendors_key: str, stripe_key: str) -> None:
    with pytest.raises(ConfigurationError, match="mode, Stripe's for"):
        make_cancel(
            "postgresql://",
            vendor=vendor(api_key=vendors_key),
            billing=StripeBilling(api_key=stripe_key),
            grant_keys=LONG_KEYS,
        )


def test_a_flow_in_test_mode_never_meets_live_billing() -> None:
    with pytest.raises(ConfigurationError, match="test mode, Stripe's for live mode"):
        make_cancel(
            "postgresql://",
            vendor=vendor(test_mode=True),
            billing=StripeBilling(api_key=LIVE_KEY),
            grant_keys=LONG_KEYS,
        )


@pytest.mark.parametrize("keys", [[], [""], "one text", [*LONG_KEYS, "short"]])
def test_grant_keys_that_could_be_guessed_are_refused_in_live_mode(keys: Any) -> None:
    with pytest.raises(ConfigurationError, match="grant"):
        make_cancel("postgresql://", billing=StripeBilling(api_key=LIVE_KEY), grant_keys=keys)


def test_a_live_site_takes_no_script_over_plain_http() -> None:
    live = ProsperStack(
        client_id="acct_1",
        client_secret="secret",
        api_key="key_1",
        script_url="http://cdn.example.com/flow.js",
    )

    with pytest.raises(ConfigurationError, match="script_url must be https"):
        make_cancel(
            "postgresql://",
            vendor=live,
            billing=StripeBilling(api_key=LIVE_KEY),
            grant_keys=LONG_KEYS,
        )


def test_the_first_mistakes_are_refused_where_the_plug_in_is_made() -> None:
    for mistake in (
        {"database": ""},
        {"subscriptions": "SELECT 1"},
        {"identify": lambda request: "ada"},
        {"grant_keys": [b"a key"]},
    ):
        with pytest.raises(
            ConfigurationError, match=next(iter(mistake)).rstrip("s").replace("_", ".")
        ):
            make_cancel(**{"database": "postgresql://", **mistake})  # type: ignore[arg-type]


def test_a_live_site_with_good_keys_is_accepted() -> None:
    live = ProsperStack(client_id="acct_1", client_secret="secret", api_key="key_1")
    make_cancel(
        "postgresql://", vendor=live, billing=StripeBilling(api_key=LIVE_KEY), grant_keys=LONG_KEYS
    )


# --- joining ------------------------------------------------------------------------------------------


async def test_setting_up_twice_is_harmless(aiohttp_client: AiohttpClient, pool: Pool) -> None:
    subscriptions = Subscriptions()
    cancel = make_cancel(pool, subscriptions=subscriptions, run_worker=False)
    app = make_app(cancel)
    cancel.setup(app)
    cancel.add_routes(app)
    cancel.add_template_variable(app)
    app.middlewares.append(cancel.middleware)
    client = await aiohttp_client(app)
    response = await client.get("/account", headers=as_customer("ada"))

    assert without_proof(Page(await response.text()).flow["signedPayload"]) == expected_payload(
        "ada"
    )
    assert len(response.headers.getall("Content-Security-Policy")) == 1
    assert subscriptions.asked == ["ada"]


def test_a_second_plug_in_on_one_application_is_refused() -> None:
    app = web.Application()
    make_cancel("postgresql://").setup(app)
    with pytest.raises(ConfigurationError, match="already has a CancelFlow"):
        make_cancel("postgresql://").setup(app)


async def test_the_parts_can_be_joined_one_by_one(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada")
    await add_customer(pool, "ada", "sub_ada")
    cancel = make_cancel(pool, url, answer_within_s=10.0)
    app = web.Application()
    app.middlewares.append(cancel.middleware)
    aiohttp_jinja2.setup(app, loader=jinja2.DictLoader({"page.html": "{{ cancel_flow.script() }}"}))
    cancel.add_template_variable(app)
    app.router.add_post("/cancel/result", cancel.handle_result)

    @cancel.flow_page
    @aiohttp_jinja2.template("page.html")
    async def page(_: web.Request) -> dict[str, Any]:
        return {}

    app.router.add_get("/account", page)
    client = await aiohttp_client(app)
    flow = Page(await (await client.get("/account", headers=as_customer("ada"))).text()).flow
    body = {"grant": flow["grant"], "status": "canceled"}
    response = await client.post("/cancel/result", json=body, headers=as_customer("ada"))
    assert (await response.json())["outcome"] == "scheduled"


# --- the worker ---------------------------------------------------------------------------------------


async def test_without_a_worker_of_its_own_a_process_records_and_answers_202(
    aiohttp_client: AiohttpClient, pool: Pool, stripe_api: tuple[StripeSimulator, str]
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada")
    await add_customer(pool, "ada", "sub_ada")
    recorder = await aiohttp_client(
        make_app(make_cancel(pool, url, run_worker=False, answer_within_s=0.02))
    )
    body = {"grant": (await payload(recorder))["grant"], "status": "canceled"}
    response = await recorder.post("/cancel/result", json=body, headers=as_customer("ada"))
    queued = await response.json()
    assert (response.status, queued["outcome"]) == (202, "queued")
    assert stripe.requests == []

    await aiohttp_client(make_app(make_cancel(pool, url)))
    answer = queued
    async with asyncio.timeout(10):
        while not answer["settled"]:
            answer = await (
                await recorder.get(queued["status_url"], headers=as_customer("ada"))
            ).json()
    assert answer["outcome"] == "scheduled"
    assert len(stripe.effects) == 1


async def test_a_hook_that_fails_costs_no_customer_their_answer(
    aiohttp_client: AiohttpClient,
    pool: Pool,
    stripe_api: tuple[StripeSimulator, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada")
    await add_customer(pool, "ada", "sub_ada")

    def failing_hook(_: Event) -> None:
        raise RuntimeError("the hook has a bug")

    client = await aiohttp_client(
        make_app(make_cancel(pool, url, on_event=failing_hook, answer_within_s=10.0))
    )
    body = {"grant": (await payload(client))["grant"], "status": "canceled"}
    response = await client.post("/cancel/result", json=body, headers=as_customer("ada"))
    assert (response.status, (await response.json())["outcome"]) == (200, "scheduled")
    assert "the hook has a bug" in caplog.text


def test_no_secret_is_in_a_repr() -> None:
    cancel: CancelFlow = make_cancel("postgresql://ada:a-secret-word@/app")
    assert "a-secret-word" not in repr(cancel)
