"""The template variable ``cancel_flow``: what a page gets from it, what it costs, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp_jinja2
import jinja2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from aiocancel import (
    CancelFlow,
    ConfigurationError,
    FlowNotResolvedError,
    SignedPayload,
    get_cancel_flow,
)
from aiocancel.telemetry import LookupFailed
from aiocancel.web.flow_context import current_flow
from aiocancel.web.template_variable import add_to_environment
from tests.support.saas import CLIENT_SECRET, Events, Pool, as_customer, make_app, make_cancel
from tests.support.web import (
    CountingVendor,
    Page,
    Subscriptions,
    expected_payload,
    nonces_in,
    plain_text,
    without_proof,
)

SCRIPT = "{{ cancel_flow.script() }}"
NASTY_CUSTOMERS = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "\"'><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "a\u2028b\u2029c",
    "&quot;&lt;&#39;",
    "{{ 7 * 7 }}{% raw %}",
    "\\u0022 \\ back\\slash",
    "snow \u2603 \U0001f600 é ﷽",
    "`${alert(1)}`",
]


class Site:
    """A running site whose cost can be read off."""

    def __init__(
        self, client: TestClient[Any, Any], subscriptions: Subscriptions, vendor: CountingVendor
    ) -> None:
        self._client = client
        self.subscriptions = subscriptions
        self.vendor = vendor

    @property
    def cost(self) -> tuple[int, int]:
        """Queries and signatures so far."""
        return len(self.subscriptions.asked), len(self.vendor.signed)

    async def text(self, customer_id: str | None = "ada", path: str = "/account") -> str:
        # A header cannot carry every id, so the tests send it as JSON.
        headers = as_customer(json.dumps(customer_id)) if customer_id is not None else {}
        response = await self._client.get(path, headers=headers)
        text = await response.text()
        assert response.status == 200, text
        return text

    async def page(self, customer_id: str | None = "ada", path: str = "/account") -> Page:
        return Page(await self.text(customer_id, path))


async def identify(request: web.Request) -> str | None:
    customer = request.headers.get("X-Customer")
    return None if customer is None else str(json.loads(customer))


OpenSite = Callable[..., Awaitable[Site]]


@pytest.fixture
def open_site(aiohttp_client: AiohttpClient, shared_pool: Pool) -> OpenSite:
    async def open_with(
        page: str,
        *,
        resolved: bool = True,
        enable_async: bool = False,
        without: tuple[str, ...] = (),
        change: Callable[[web.Application, CancelFlow], None] = lambda _app, _cancel: None,
        **settings: Any,
    ) -> Site:
        subscriptions, vendor = Subscriptions(without=without), CountingVendor()
        cancel = make_cancel(
            shared_pool,
            vendor=vendor,
            subscriptions=subscriptions,
            identify=identify,
            run_worker=False,
            **settings,
        )

        async def account(_: web.Request) -> dict[str, Any]:
            return {}

        app = make_app(cancel, None if resolved else account, page=page, enable_async=enable_async)
        change(app, cancel)
        return Site(await aiohttp_client(app), subscriptions, vendor)

    return open_with


# --- what a page costs --------------------------------------------------------------------------------


@pytest.mark.parametrize("enable_async", [False, True], ids=["sync", "async"])
async def test_a_page_that_does_not_use_the_variable_costs_no_query_and_no_signature(
    open_site: OpenSite, enable_async: bool
) -> None:
    site = await open_site("hello", resolved=False, enable_async=enable_async)
    assert await site.text() == "hello"
    assert site.cost == (0, 0)


async def test_a_page_that_leaves_the_payload_to_the_click_costs_no_query_and_no_signature(
    open_site: OpenSite,
) -> None:
    site = await open_site(SCRIPT + "{{ cancel_flow.button() }}", resolved=False)
    page = await site.page()
    assert page.flow is None
    assert site.cost == (0, 0)


@pytest.mark.parametrize("enable_async", [False, True], ids=["flow page", "async"])
async def test_a_page_that_uses_everything_costs_one_query_and_one_signature(
    open_site: OpenSite, enable_async: bool
) -> None:
    call = "()" if enable_async else ""
    site = await open_site(
        SCRIPT + "{{ cancel_flow.button() }}"
        f"<pre>{{{{ cancel_flow.signed_payload{call} | tojson }}}}</pre><i>{{{{ cancel_flow.grant{call} }}}}</i>",
        resolved=not enable_async,
        enable_async=enable_async,
    )
    page = await site.page()
    assert page.flow["grant"] in page.text
    assert site.cost == (1, 1)


async def test_pages_for_which_there_is_nothing_to_sign_cost_no_signature(
    open_site: OpenSite,
) -> None:
    site = await open_site(SCRIPT, without=("bob",))
    await site.text(None)
    await site.text("bob")
    assert site.cost == (1, 0)


# --- the three ways to a payload ----------------------------------------------------------------------


async def test_a_flow_page_carries_the_signed_payload_byte_for_byte(open_site: OpenSite) -> None:
    site = await open_site(SCRIPT)
    flow = (await site.page("ada")).flow
    assert without_proof(flow["signedPayload"]) == expected_payload("ada")
    assert sorted(flow) == ["expiresAt", "grant", "signedPayload"]


async def test_an_async_environment_resolves_the_script_when_asked(open_site: OpenSite) -> None:
    site = await open_site(SCRIPT, resolved=False, enable_async=True)
    assert without_proof((await site.page("ada")).flow["signedPayload"]) == expected_payload("ada")


@pytest.mark.parametrize(
    "expression",
    [
        "{{ cancel_flow.signed_payload | tojson }}",
        "{{ cancel_flow.signed_payload() | tojson }}",
        "{% if cancel_flow.signed_payload is not none %}{{ cancel_flow.signed_payload | tojson }}{% endif %}",
        "{% for _ in [1] %}{{ cancel_flow['signed_payload'] | tojson }}{% endfor %}",
        "{% set signed = cancel_flow.signed_payload() %}{{ signed | tojson }}",
        "{% set flow = cancel_flow.resolve() %}{{ flow.signed_payload | tojson }}",
        "{% set _ = cancel_flow.button() %}{{ cancel_flow.signed_payload() | tojson }}",
    ],
)
async def test_an_async_environment_resolves_the_payload_when_asked(
    open_site: OpenSite, expression: str
) -> None:
    site = await open_site(
        f"<script>var signed = {expression};</script>", resolved=False, enable_async=True
    )
    (script,) = (await site.page("ada")).script_texts
    signed = json.loads(script.removeprefix("var signed = ").removesuffix(";"))
    assert without_proof(signed) == expected_payload("ada")
    assert site.cost == (1, 1)


async def test_an_async_environment_still_writes_other_values_as_json(open_site: OpenSite) -> None:
    site = await open_site(
        '{{ {"a": "<"} | tojson }} {% set x = [1, 2] %}{{ x | tojson(indent=1) }} {{ [x, x] | map("tojson") | join }}',
        resolved=False,
        enable_async=True,
    )
    assert await site.text() == '{"a": "\\u003c"} [\n 1,\n 2\n] [1, 2][1, 2]'


@pytest.mark.parametrize(
    ("enable_async", "resolved"),
    [(False, True), (True, False), (True, True)],
    ids=["sync", "async", "async flow page"],
)
async def test_a_template_can_take_payload_and_signature_apart(
    open_site: OpenSite, enable_async: bool, resolved: bool
) -> None:
    site = await open_site(
        "<pre>{{ cancel_flow.signed_payload.payload }} {{ cancel_flow.signed_payload.signature }}</pre>",
        enable_async=enable_async,
        resolved=resolved,
    )
    payload, signature = (await site.page("ada")).text.split()
    signed = SignedPayload(payload, signature)
    assert without_proof(signed) == expected_payload("ada")


@pytest.mark.parametrize("what", ["signed_payload", "grant"])
async def test_a_payload_that_cannot_be_had_is_refused_with_the_three_ways_to_get_one(
    open_site: OpenSite, what: str
) -> None:
    caught: list[str] = []

    def catch(app: web.Application, _: CancelFlow) -> None:
        async def page(request: web.Request) -> web.Response:
            with pytest.raises(FlowNotResolvedError) as refused:
                aiohttp_jinja2.render_template("account.html", request, {})
            caught.append(str(refused.value))
            return web.Response()

        app.router.add_get("/catch", page)

    site = await open_site(f"{{{{ cancel_flow.{what} | tojson }}}}", resolved=False, change=catch)
    await site.text(path="/catch")
    (message,) = caught
    assert f"cancel_flow.{what}" in message
    for way in ("@cancel.flow_page", "enable_async=True", "cancel_flow.script()"):
        assert way in message
    assert site.cost == (0, 0)


# --- nothing dangerous, whatever a customer is called -------------------------------------------------


@pytest.mark.parametrize("customer_id", NASTY_CUSTOMERS)
@pytest.mark.parametrize("enable_async", [False, True], ids=["sync", "async"])
async def test_a_customers_name_can_neither_break_out_nor_change_what_was_signed(
    open_site: OpenSite, customer_id: str, enable_async: bool
) -> None:
    site = await open_site(
        SCRIPT + "<script>var signed = {{ cancel_flow.signed_payload | tojson }};</script>",
        enable_async=enable_async,
    )
    text = await site.text(customer_id)
    page = Page(text)
    carrier, inline = page.all("script")
    assert sorted(carrier) == ["data-aiocancel", "defer", "nonce", "src"]
    assert inline == {}
    assert {name for name, _ in page.elements} == {"script"}
    assert text.isascii()
    expected = expected_payload(customer_id)
    assert without_proof(json.loads(carrier["data-aiocancel"])["signedPayload"]) == expected
    signed = json.loads(page.script_texts[1].removeprefix("var signed = ").removesuffix(";"))

    assert without_proof(signed) == expected
    assert json.loads(expected.payload)["subscription"] == {"platformId": f"sub_{customer_id}"}


@pytest.mark.parametrize("label", NASTY_CUSTOMERS)
async def test_a_label_can_not_break_out_of_the_button(open_site: OpenSite, label: str) -> None:
    def give_label(app: web.Application, cancel: CancelFlow) -> None:
        @cancel.flow_page
        @aiohttp_jinja2.template("account.html")
        async def page(_: web.Request) -> dict[str, str]:
            return {"label": label}

        app.router.add_get("/labelled", page)

    site = await open_site("{{ cancel_flow.button(label) }}", change=give_label)
    page = await site.page(path="/labelled")
    assert [name for name, _ in page.elements] == ["form", "button", "p"]
    assert page.text == label


async def test_the_button_is_a_form_that_works_without_a_script(open_site: OpenSite) -> None:
    site = await open_site("{{ cancel_flow.button('Leave') }}")
    page = await site.page()
    assert page.one("form")["method"] == "get"
    assert page.one("form")["action"] == "/cancel"
    assert page.one("button")["type"] == "submit"
    assert page.text == "Leave"


async def test_no_secret_of_ours_is_ever_on_a_page(open_site: OpenSite) -> None:
    site = await open_site(
        SCRIPT + "{{ cancel_flow.button() }}{{ cancel_flow.signed_payload | tojson }}"
    )
    text = plain_text(await site.text())
    for secret in (CLIENT_SECRET, "grant key", "sk_test"):
        assert secret not in text


async def test_an_async_page_that_calls_does_not_fail_for_those_with_nothing_to_cancel(
    open_site: OpenSite,
) -> None:
    site = await open_site(
        "{{ cancel_flow.signed_payload() | tojson }} {{ cancel_flow.signed_payload is none }} {{ cancel_flow.grant() }}"
        " {{ cancel_flow.grant }} {% if cancel_flow.signed_payload %}never{% endif %}",
        resolved=False,
        enable_async=True,
        without=("bob",),
    )
    for customer_id in (None, "bob"):
        assert await site.text(customer_id) == "null True None None "


# --- customers without a flow -------------------------------------------------------------------------


@pytest.mark.parametrize("enable_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(
    ("customer_id", "state"),
    [("ada", "ready"), ("bob", "no_subscription"), (None, "anonymous"), ("", "anonymous")],
)
async def test_the_page_knows_where_its_customer_stands(
    open_site: OpenSite, enable_async: bool, customer_id: str | None, state: str
) -> None:
    site = await open_site(
        "{{ cancel_flow.state }}|{{ cancel_flow.signed_payload | tojson }}|{{ cancel_flow.script() }}"
        "{{ cancel_flow.button() }}|{{ cancel_flow.grant or '' }}",
        enable_async=enable_async,
        without=("bob",),
    )
    known, payload, markup, grant = (await site.text(customer_id)).split("|")
    assert known == state
    is_ready = state == "ready"
    assert (payload != "null", bool(markup), bool(grant)) == (is_ready, is_ready, is_ready)


@pytest.mark.parametrize("enable_async", [False, True], ids=["flow page", "async"])
@pytest.mark.parametrize("change", ["resume", "unpause", "remove_discount", "keep_plan"])
async def test_a_button_that_takes_something_back_is_a_form_that_asks_first(
    open_site: OpenSite, change: str, enable_async: bool
) -> None:
    site = await open_site(
        f"{{{{ cancel_flow.{change}_button('Back <b>') }}}}", enable_async=enable_async
    )
    page = await site.page("ada")
    assert (page.one("form")["method"], page.one("form")["action"]) == ("get", "/cancel")
    assert page.fields == {"change": change}
    assert "Back <b>" in page.text
    assert await site.text(None) == ""


LABELS = {
    "button": "Cancel subscription",
    "resume_button": "Keep subscription",
    "unpause_button": "End the pause",
    "remove_discount_button": "Remove the discount",
    "keep_plan_button": "Keep my plan",
}
OWN_LABELS = {
    "cancel_button": "Kündigen",
    "keep_button": "Behalten",
    "unpause_button": "Pause beenden",
    "remove_discount_button": "Rabatt entfernen",
    "keep_plan_button": "Tarif behalten",
}


@pytest.mark.parametrize("enable_async", [False, True], ids=["flow page", "async"])
@pytest.mark.parametrize(("button", "label"), LABELS.items())
async def test_button_without_a_label_has_the_text_of_the_catalogue(
    open_site: OpenSite, button: str, label: str, enable_async: bool
) -> None:
    site = await open_site(f"{{{{ cancel_flow.{button}() }}}}", enable_async=enable_async)

    assert (await site.page()).text == label


@pytest.mark.parametrize(
    ("button", "label"), list(zip(LABELS, OWN_LABELS.values(), strict=True)), ids=list(LABELS)
)
async def test_button_without_a_label_has_the_owners_text(
    open_site: OpenSite, button: str, label: str
) -> None:
    site = await open_site(f"{{{{ cancel_flow.{button}() }}}}", texts=OWN_LABELS)

    assert (await site.page()).text == label


@pytest.mark.parametrize("enable_async", [False, True], ids=["flow page", "async"])
async def test_an_outage_of_the_database_leaves_a_page_whose_button_still_works(
    open_site: OpenSite, enable_async: bool
) -> None:
    events = Events()
    site = await open_site(
        "{% set button = cancel_flow.button() %}{{ cancel_flow.script() }}{{ button }}<p>{{ cancel_flow.state }}</p>",
        resolved=not enable_async,
        enable_async=enable_async,
        on_event=events,
    )
    site.subscriptions.is_down = True
    page = await site.page()

    assert page.flow is None
    assert page.one("form")["action"] == "/cancel"
    assert page.text.endswith("unavailable")
    assert [event.error for event in events.of(LookupFailed)] == [
        "the database did not answer (ConnectionRefusedError)"
    ]
    assert site.cost == (1, 0)


# --- other ways to render -----------------------------------------------------------------------------


def process_contexts(
    app: web.Application, cancel: CancelFlow, *, enable_async: bool, resolved: bool
) -> None:
    """A page in a sub-application that knows the variable by a context processor only."""
    sub = web.Application()
    aiohttp_jinja2.setup(
        sub,
        loader=jinja2.DictLoader({"page.html": SCRIPT}),
        context_processors=[cancel.context_processor],
        enable_async=enable_async,
    )

    @aiohttp_jinja2.template("page.html")
    async def page(_: web.Request) -> dict[str, Any]:
        return {}

    sub.router.add_get("/account", cancel.flow_page(page) if resolved else page)
    sub.router.add_get("/json", _json)
    app.add_subapp("/sub", sub)


async def _json(_: web.Request) -> web.Response:
    return web.json_response({})


@pytest.mark.filterwarnings(
    "ignore::aiohttp.web_exceptions.NotAppKeyWarning"
)  # aiohttp-jinja2's own request key
@pytest.mark.parametrize(("enable_async", "resolved"), [(False, True), (True, False), (True, True)])
async def test_a_context_processor_offers_the_variable_the_aiohttp_jinja2_way(
    open_site: OpenSite, enable_async: bool, resolved: bool
) -> None:
    site = await open_site(
        "",
        change=lambda app, cancel: process_contexts(
            app, cancel, enable_async=enable_async, resolved=resolved
        ),
    )
    page = await site.page("ada", "/sub/account")
    assert without_proof(page.flow["signedPayload"]) == expected_payload("ada")
    assert site.cost == (1, 1)


@pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
async def test_a_context_processor_costs_other_pages_nothing(open_site: OpenSite) -> None:
    site = await open_site(
        "",
        change=lambda app, cancel: process_contexts(app, cancel, enable_async=True, resolved=False),
    )
    assert await site.text("ada", "/sub/json") == "{}"
    assert site.cost == (0, 0)


async def test_a_sub_application_with_its_own_environment_has_the_variable_too(
    open_site: OpenSite,
) -> None:
    def add(app: web.Application, cancel: CancelFlow) -> None:
        sub = web.Application()
        aiohttp_jinja2.setup(sub, loader=jinja2.DictLoader({"page.html": "sub: " + SCRIPT}))
        cancel.add_template_variable(sub)

        @cancel.flow_page
        @aiohttp_jinja2.template("page.html")
        async def page(_: web.Request) -> dict[str, Any]:
            return {}

        sub.router.add_get("/account", page)
        app.add_subapp("/sub", sub)

    site = await open_site("root: " + SCRIPT, change=add)
    for path, start in (("/account", "root: "), ("/sub/account", "sub: ")):
        page = await site.page("ada", path)
        assert page.text == start
        assert without_proof(page.flow["signedPayload"]) == expected_payload("ada")
        assert (await site.text(path=page.one("script")["src"])).startswith("/*")
    assert site.cost == (2, 2)


async def test_a_sub_application_that_shares_the_environment_has_the_variable_too(
    open_site: OpenSite,
) -> None:
    def add(app: web.Application, cancel: CancelFlow) -> None:
        sub = web.Application()
        sub.router.add_get(
            "/account", cancel.flow_page(aiohttp_jinja2.template("account.html")(_nothing))
        )
        app.add_subapp("/sub", sub)

    site = await open_site(SCRIPT, change=add)
    assert without_proof(
        (await site.page("ada", "/sub/account")).flow["signedPayload"]
    ) == expected_payload("ada")


async def _nothing(_: web.Request) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("jinja_first", [True, False], ids=["jinja first", "cancel first"])
async def test_the_environment_may_be_set_up_before_or_after(
    aiohttp_client: AiohttpClient, shared_pool: Pool, jinja_first: bool
) -> None:
    cancel = make_cancel(shared_pool, subscriptions=Subscriptions(), run_worker=False)
    app = web.Application()
    loader = jinja2.DictLoader({"page.html": SCRIPT})
    if jinja_first:
        aiohttp_jinja2.setup(app, loader=loader)
    cancel.setup(app)
    if not jinja_first:
        aiohttp_jinja2.setup(app, loader=loader)
    app.router.add_get("/account", cancel.flow_page(aiohttp_jinja2.template("page.html")(_nothing)))
    client = await aiohttp_client(app)
    response = await client.get("/account", headers=as_customer("ada"))

    assert without_proof(Page(await response.text()).flow["signedPayload"]) == expected_payload(
        "ada"
    )


def test_the_variable_by_hand_needs_an_environment() -> None:
    with pytest.raises(ConfigurationError, match=r"aiohttp_jinja2\.setup"):
        make_cancel("postgresql://").add_template_variable(web.Application())


async def test_a_page_rendered_in_a_thread_has_the_flow_of_its_own_request(
    open_site: OpenSite,
) -> None:
    def add(app: web.Application, cancel: CancelFlow) -> None:
        @cancel.flow_page
        async def page(request: web.Request) -> web.Response:
            return await asyncio.to_thread(
                aiohttp_jinja2.render_template, "account.html", request, {}
            )

        app.router.add_get("/thread", page)

    site = await open_site(SCRIPT, change=add)
    names = [f"customer{number}" for number in range(10)]
    pages = await asyncio.gather(*(site.page(name, "/thread") for name in names))
    for name, page in zip(names, pages, strict=True):
        assert without_proof(page.flow["signedPayload"]) == expected_payload(name)


@pytest.mark.parametrize("enable_async", [False, True], ids=["flow page", "async"])
async def test_requests_at_the_same_time_do_not_mix(
    aiohttp_client: AiohttpClient, shared_pool: Pool, enable_async: bool
) -> None:
    cancel = make_cancel(shared_pool, subscriptions=Subscriptions(), run_worker=False)

    async def account(request: web.Request) -> dict[str, Any]:
        # Lets the others come in between.
        for _ in range(int(request.query["turns"])):
            await asyncio.sleep(0)
        return {}

    page = "{{ cancel_flow.nonce }}" + SCRIPT
    app = make_app(
        cancel,
        account if enable_async else cancel.flow_page(account),
        page=page,
        enable_async=enable_async,
    )
    client = await aiohttp_client(app)

    async def visit(number: int) -> str:
        name = f"customer{number}"
        response = await client.get(f"/account?turns={number * 7 % 11}", headers=as_customer(name))
        page = Page(await response.text())
        assert without_proof(page.flow["signedPayload"]) == expected_payload(name)
        assert (
            [page.text]
            == [page.one("script")["nonce"]]
            == nonces_in(response.headers["Content-Security-Policy"])
        )
        return page.text

    assert len(set(await asyncio.gather(*map(visit, range(40))))) == 40


async def test_a_handler_gets_the_resolved_flow(open_site: OpenSite) -> None:
    def add(app: web.Application, _: CancelFlow) -> None:
        async def page(request: web.Request) -> web.Response:
            flow = await get_cancel_flow(request)
            assert flow is await get_cancel_flow(request)
            assert flow.subscription is not None
            assert flow.signed_payload is not None
            assert without_proof(flow.signed_payload) == expected_payload("ada")
            return web.Response(text=f"{flow.state} {flow.subscription.subscription_id}")

        app.router.add_get("/handler", page)

    site = await open_site("", change=add)
    assert await site.text("ada", "/handler") == "ready sub_ada"
    assert site.cost == (1, 1)


async def test_a_handler_without_the_middleware_is_told_what_to_call(
    aiohttp_client: AiohttpClient,
) -> None:
    async def page(request: web.Request) -> web.Response:
        with pytest.raises(FlowNotResolvedError, match=r"cancel\.setup\(app\)"):
            await get_cancel_flow(request)
        return web.Response()

    app = web.Application()
    app.router.add_get("/", page)
    assert (await (await aiohttp_client(app)).get("/")).status == 200


@pytest.mark.parametrize(
    "expression", ["script()", "button()", "signed_payload", "grant", "nonce", "state"]
)
def test_the_variable_outside_a_request_is_refused_with_a_reason(expression: str) -> None:
    environment = jinja2.Environment(autoescape=True)
    add_to_environment(environment)
    with pytest.raises(FlowNotResolvedError, match=r"outside a request.*app\.middlewares\.append"):
        environment.from_string(f"{{{{ cancel_flow.{expression} }}}}").render()


async def test_the_variable_is_gone_when_its_request_is_over(open_site: OpenSite) -> None:
    """An outer middleware runs in the task that will handle the connection's next request."""
    seen: list[str] = []

    def add(app: web.Application, _: CancelFlow) -> None:
        @web.middleware
        async def outer(request: web.Request, handler: Any) -> web.StreamResponse:
            response: web.StreamResponse = await handler(request)
            with pytest.raises(FlowNotResolvedError) as refused:
                current_flow()
            seen.append(str(refused.value))
            return response

        app.middlewares.insert(0, outer)

    site = await open_site(SCRIPT, change=add)
    await site.text("ada")
    assert len(seen) == 1
