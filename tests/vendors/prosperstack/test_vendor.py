"""ProsperStack: what the page needs, what is signed, and how little of a posted result is believed."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel import Property, sign_payload
from aiocancel.core.claim import CancelReason, FlowClaim, FlowStatus
from aiocancel.core.csp import ContentSecurityPolicy
from aiocancel.core.flow_details import FlowDetails
from aiocancel.core.identifiers import CustomerId, FlowSessionId, SubscriptionId
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import ConfigurationError, MalformedClaimError
from aiocancel.vendors.prosperstack.vendor import API_HOST, APP_HOST
from tests.support.saas import CLIENT_SECRET, vendor

CLIENT = "acct_IrbFC8mvFtDAugC8k7uNlRn6"
OWNED = OwnedSubscription(
    CustomerId("customer"), SubscriptionId("sub_H6X0WYrAzq2iGk"), {"email": "ada@example.com"}
)


def read(result: Any) -> FlowClaim:
    return vendor().read_result(result)


def refusal_of(result: dict[str, Any]) -> MalformedClaimError | None:
    try:
        read(result)
    except MalformedClaimError as error:
        return error
    return None


# Signing


@pytest.mark.parametrize(
    ("changes", "payload", "signature"),
    [
        pytest.param(
            {"subscription_key": "paymentProviderId"},
            f'{{"clientId":"{CLIENT}","subscription":{{"paymentProviderId":"sub_H6X0WYrAzq2iGk"}}}}',
            "382c5804c5354eb7cee1e481f9b83013bacb47b7af6075e2afeb3196e243d06c",
            id="paymentProviderId",
        ),
        pytest.param(
            {},
            f'{{"clientId":"{CLIENT}","subscription":{{"platformId":"sub_H6X0WYrAzq2iGk"}}}}',
            "74749379cdce03c54f7528f40bd9739c617d91a4e0b63c8989f1e599cf645ef9",
            id="platformId",
        ),
        pytest.param(
            {"flow_id": "flow_Pic0yGmlYS1rV5hdf7uR8YNM"},
            f'{{"clientId":"{CLIENT}","flowId":"flow_Pic0yGmlYS1rV5hdf7uR8YNM",'
            '"subscription":{"platformId":"sub_H6X0WYrAzq2iGk"}}',
            "83ff5e408811e3ff2e240042a0de246d7bb005c81f891b2f0f1723668fbe0e71",
            id="one flow instead of routing",
        ),
    ],
)
def test_the_payload_and_its_signature_are_those_of_the_vendors_algorithm(
    changes: dict[str, Any], payload: str, signature: str
) -> None:
    signed = vendor(client_id=CLIENT, **changes).sign(OWNED)
    assert (signed.payload, signed.signature) == (payload, signature)


def test_nothing_of_the_applications_row_is_signed_by_itself() -> None:
    assert "ada" not in vendor().sign(OWNED).payload


# Properties and the custom platform

PROPERTIES = (
    Property("number_of_contacts", "number", entity="subscription", column="contacts"),
    Property("on_annual_plan", "boolean", entity="subscription"),
    Property("customer_since", "date", entity="subscriber", column="created"),
    Property("region", "text", entity="subscriber"),
)
ROW = {
    "name": "Zoë Ångström",
    "email": "zoe@example.com",
    "contacts": 1200,
    "on_annual_plan": False,
    "created": date(2024, 2, 29),
    "region": "EU",
    "monthly": Decimal("99.90"),
    "yearly": Decimal("1198.80"),
    "currency": "eur",
    "on_trial": True,
    "password_hash": "secret",
}
ALL_COLUMNS = {"mrr": "monthly", "arr": "yearly", "currency": "currency", "trial": "on_trial"}
CUSTOM = {"platform": "custom", "applies_offers": "app"}


def owned(**changes: Any) -> OwnedSubscription:
    return OwnedSubscription(
        CustomerId("42"), SubscriptionId("sub_H6X0WYrAzq2iGk"), {**ROW, **changes}
    )


@pytest.mark.parametrize(
    ("changes", "row", "payload", "signature"),
    [
        pytest.param(
            {"properties": PROPERTIES},
            {},
            f'{{"clientId":"{CLIENT}","subscription":{{"platformId":"sub_H6X0WYrAzq2iGk",'
            '"properties":{"number_of_contacts":1200,"on_annual_plan":false}},'
            '"subscriber":{"properties":{"customer_since":"2024-02-29","region":"EU"}}}',
            "86587505753726e217a5c0337e3e8f178af9a90009c16921838dfa35715ac28b",
            id="connected, with properties",
        ),
        pytest.param(
            {"properties": PROPERTIES},
            dict.fromkeys(("contacts", "on_annual_plan", "created", "region")),
            f'{{"clientId":"{CLIENT}","subscription":{{"platformId":"sub_H6X0WYrAzq2iGk"}}}}',
            "74749379cdce03c54f7528f40bd9739c617d91a4e0b63c8989f1e599cf645ef9",
            id="connected, all properties NULL",
        ),
        pytest.param(
            CUSTOM,
            {},
            f'{{"clientId":"{CLIENT}","subscriber":{{"internalId":"42",'
            '"name":"Zo\\u00eb \\u00c5ngstr\\u00f6m","email":"zoe@example.com"}}',
            "8804fe0cc9d93078c52626fa61236ed4870ed3fd96f044daf9bb7777c5ce7748",
            id="custom, as little as possible",
        ),
        pytest.param(
            {
                **CUSTOM,
                "flow_id": "flow_1",
                "subscriber_columns": {"name": "region"},
                "subscription_columns": ALL_COLUMNS,
                "properties": PROPERTIES,
            },
            {},
            f'{{"clientId":"{CLIENT}","flowId":"flow_1","subscriber":{{"internalId":"42","name":"EU",'
            '"email":"zoe@example.com","properties":{"customer_since":"2024-02-29","region":"EU"}},'
            '"subscription":{"mrr":99.9,"arr":1198.8,"currency":"eur","trial":true,'
            '"properties":{"number_of_contacts":1200,"on_annual_plan":false}}}',
            "e8605a3a49599a120e56c13a575d33f6650af0e4d79a78dacdb38b52252d0536",
            id="custom, everything",
        ),
    ],
)
def test_each_platform_has_its_payload_byte_for_byte(
    changes: dict[str, Any], row: dict[str, Any], payload: str, signature: str
) -> None:
    signed = vendor(client_id=CLIENT, **changes).sign(owned(**row))
    assert (signed.payload, signed.signature) == (payload, signature)


def test_a_value_of_the_wrong_type_is_left_out_of_the_payload_and_named_without_being_shown() -> (
    None
):
    chosen = vendor(**CUSTOM, properties=PROPERTIES, subscription_columns={"mrr": "monthly"})
    row = owned(email=None, name=b"Zoe", contacts="s3cr3t", monthly="s3cr3t", created="s3cr3t")
    assert chosen.sign(row) == sign_payload(
        {
            "clientId": "acct_test",
            "subscriber": {"internalId": "42", "properties": {"region": "EU"}},
            "subscription": {"properties": {"on_annual_plan": False}},
        },
        CLIENT_SECRET,
    )
    problems = chosen.left_out(row)

    assert [(problem.name, problem.expected) for problem in problems] == [
        ("subscriber.name", "text"),
        ("subscriber.email", "text"),
        ("subscription.mrr", "number"),
        ("subscription.properties.number_of_contacts", "number"),
        ("subscriber.properties.customer_since", "date"),
    ]
    assert "s3cr3t" not in repr(problems)


@pytest.mark.parametrize(
    ("changes", "columns"),
    [
        ({}, set()),
        ({"properties": PROPERTIES}, {"contacts", "on_annual_plan", "created", "region"}),
        (CUSTOM, {"name", "email"}),
        (
            {
                **CUSTOM,
                "subscriber_columns": {"email": "contact"},
                "subscription_columns": {"mrr": "monthly"},
            },
            {"name", "contact", "monthly"},
        ),
    ],
    ids=["none", "properties", "a custom platform", "columns that were named"],
)
def test_the_columns_that_a_payload_needs_are_known_beforehand(
    changes: dict[str, Any], columns: set[str]
) -> None:
    assert set(vendor(**changes).columns) == columns


row_values: st.SearchStrategy[Mapping[str, Any]] = st.dictionaries(
    st.sampled_from([*ROW]),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.dates()
    | st.binary(),
)


@given(row=row_values)
@settings(max_examples=200)
def test_whatever_the_row_holds_a_payload_is_signed_and_says_whose_it_is(
    row: Mapping[str, Any],
) -> None:
    chosen = vendor(**CUSTOM, properties=PROPERTIES, subscription_columns=ALL_COLUMNS)
    signed = chosen.sign(OwnedSubscription(CustomerId("42"), SubscriptionId("sub_1"), row))
    assert signed.payload.startswith('{"clientId":"acct_test","subscriber":{"internalId":"42"')


# What the page needs


def test_the_policy_is_widened_by_four_sources_and_no_more() -> None:
    assert vendor().csp_sources() == {
        "connect-src": ("https://api.prosperstack.com",),
        "frame-src": ("https://app.prosperstack.com",),
        "script-src": ("https://cdn.prosperstack.com/flow/2.19.0/flow.min.js",),
        "style-src": ("'sha256-0II5nSAFgTOkBtdLO4MKsacG8pcjGGaEgpxvoOFKjm8='",),
    }


@pytest.mark.parametrize(
    ("script_url", "source"),
    [
        ("/static/flow.js", "'self'"),
        (
            "https://assets.example.com/flow/index.js?v=1",
            "https://assets.example.com/flow/index.js",
        ),
        (
            "https://cdn.example/npm/@a/b@1;x,'y.js#z",
            "https://cdn.example/npm/@a/b@1%3Bx%2C%27y.js",
        ),
        ("http://127.0.0.1:8080/flow.js", "http://127.0.0.1:8080/flow.js"),
    ],
)
def test_the_client_may_be_loaded_from_where_the_owner_put_it_and_nothing_else_from_there(
    script_url: str, source: str
) -> None:
    chosen = vendor(script_url=script_url, script_integrity="sha384-abc")
    assert chosen.csp_sources()["script-src"] == (source,)
    assert (chosen.widget().script_url, chosen.widget().script_integrity) == (
        script_url,
        "sha384-abc",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"script_url": "/flow.js"},
        {"script_url": "https://cdn.example/npm/@a/b@1;x,'y.js?v=1"},
        {"api_host": "http://127.0.0.1:1", "app_host": "http://localhost:2"},
    ],
    ids=["vendor's CDN", "own copy", "another CDN", "simulator"],
)
def test_every_source_may_stand_in_a_policy(changes: dict[str, Any]) -> None:
    sources = vendor(**changes).csp_sources()
    widened = ContentSecurityPolicy.parse("default-src 'none'").widen(sources)
    assert all(
        set(values) <= set(widened.effective(name) or ()) for name, values in sources.items()
    )


def test_an_unknown_client_version_needs_the_hash_of_its_style() -> None:
    with pytest.raises(ConfigurationError, match=r"client version 2\.1\.2 is not known here"):
        vendor(client_version="2.1.2")


def test_a_given_style_hash_makes_a_version_2_known() -> None:
    chosen = vendor(client_version="2.1.2", style_hash="'sha256-abc='")
    assert chosen.csp_sources()["style-src"] == ("'sha256-abc='",)
    assert chosen.widget().script_url == "https://cdn.prosperstack.com/flow/2.1.2/flow.min.js"


@pytest.mark.parametrize(
    "version", ["0.10.2", "1.4.0", "3.0.0", "22.1.0", "2", "2.1", "latest", "2.1.2/../../x", ""]
)
def test_a_client_that_the_page_script_cannot_call_is_refused_by_name(version: str) -> None:
    with pytest.raises(ConfigurationError, match=f"client_version {re.escape(version)} is not"):
        vendor(client_version=version, style_hash="'sha256-abc='")


def test_the_widget_is_started_as_the_vendor_documents_it() -> None:
    widget = vendor().widget()
    assert widget.driver == "prosperstack"
    assert widget.script_url == "https://cdn.prosperstack.com/flow/2.19.0/flow.min.js"
    assert widget.script_integrity is None
    assert widget.options == {"displayMode": "full_screen"}
    assert widget.window == {}


def test_display_and_language_are_passed_on() -> None:
    widget = vendor(display_mode="modal", language="sv").widget()
    assert widget.options == {"displayMode": "modal", "language": "sv"}


def test_every_further_option_is_passed_on_under_the_clients_name_for_it() -> None:
    widget = vendor(
        skip_offers=("offr_1", "offr_2"), test_mode=True, disable_loading_indicator=True
    ).widget()
    assert widget.options == {
        "displayMode": "full_screen",
        "skipOffers": ["offr_1", "offr_2"],
        "testMode": True,
        "disableLoadingIndicator": True,
    }


def test_test_mode_leaves_the_payload_as_it_is() -> None:
    assert vendor(test_mode=True).sign(OWNED) == vendor().sign(OWNED)


@pytest.mark.parametrize(
    "hosts",
    [{"api_host": "http://127.0.0.1:8001"}, {"app_host": "http://127.0.0.1:8002"}],
    ids=["another API host", "another app host"],
)
def test_a_simulators_hosts_are_told_to_the_client_and_to_the_policy(hosts: dict[str, str]) -> None:
    chosen = vendor(**hosts)
    api, app = hosts.get("api_host", API_HOST), hosts.get("app_host", APP_HOST)
    assert chosen.simulated
    assert chosen.widget().window == {
        "__PROSPERSTACK_DEBUG_API_HOST__": api,
        "__PROSPERSTACK_DEBUG_APP_HOST__": app,
    }
    assert chosen.csp_sources()["connect-src"] == (api,)
    assert chosen.csp_sources()["frame-src"] == (app,)


def test_the_vendors_own_hosts_are_no_simulator() -> None:
    assert not vendor().simulated


def test_nothing_that_the_page_gets_holds_a_secret() -> None:
    chosen = vendor(api_key="key_test_secret")
    page = repr([dataclasses.asdict(chosen.widget()), chosen.csp_sources(), chosen.sign(OWNED)])
    assert CLIENT_SECRET not in page
    assert "key_test_secret" not in page


# Settings


@pytest.mark.parametrize(
    ("api_key", "mode"), [(None, None), ("key_abc", "live"), ("key_test_abc", "test")]
)
def test_the_api_key_says_the_mode(api_key: str | None, mode: str | None) -> None:
    assert vendor(api_key=api_key).mode == mode


@pytest.mark.parametrize("api_key", [None, "key_test_abc"])
def test_test_mode_counts_as_test_whatever_the_key(api_key: str | None) -> None:
    assert vendor(api_key=api_key, test_mode=True).mode == "test"


def test_secrets_do_not_show_in_a_repr() -> None:
    shown = repr(vendor(api_key="key_test_secret"))
    assert CLIENT_SECRET not in shown
    assert "key_test_secret" not in shown


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"client_id": ""}, "needs client_id", id="no client id"),
        pytest.param({"client_secret": ""}, "needs client_secret", id="no client secret"),
        pytest.param(
            {"applies_offers": "me"}, "applies_offers is 'app' or 'vendor'", id="who applies offers"
        ),
        pytest.param(
            {"applies_cancellation": "me"},
            "applies_cancellation is 'app' or 'vendor'",
            id="who applies cancellations",
        ),
        pytest.param(
            {"subscription_key": "platform_id"},
            "subscription_key is 'platformId' or",
            id="subscription key",
        ),
        pytest.param({"platform": "stripe"}, "platform is 'connected' or 'custom'", id="platform"),
        pytest.param(
            {"platform": "custom"},
            "a custom platform changes nothing",
            id="custom platform applies offers",
        ),
        pytest.param(
            {"platform": "custom", "applies_offers": "app", "applies_cancellation": "vendor"},
            "a custom platform changes nothing",
            id="custom platform applies cancellations",
        ),
        pytest.param(
            {"subscriber_columns": {"name": "name"}},
            "subscriber_columns are for platform='custom'",
            id="name of a connected platform",
        ),
        pytest.param(
            {"subscription_columns": {"mrr": "mrr"}},
            "subscription_columns are for platform='custom'",
            id="MRR of a connected platform",
        ),
        pytest.param(
            {"platform": "custom", "subscriber_columns": {"internalId": "id"}},
            "subscriber_columns gives columns to name, email",
            id="another internal id",
        ),
        pytest.param(
            {"platform": "custom", "subscription_columns": {"mrr": ""}},
            "subscription_columns gives columns to mrr, arr, currency, trial",
            id="column without a name",
        ),
        pytest.param(
            {"properties": PROPERTIES[0]},
            "properties is a sequence of Property",
            id="one property alone",
        ),
        pytest.param(
            {"properties": ["seats"]},
            "properties is a sequence of Property",
            id="property as a text",
        ),
        pytest.param(
            {"properties": [*PROPERTIES, PROPERTIES[0]]},
            r"the property subscription\.properties\.number_of_contacts is there twice",
            id="property twice",
        ),
        pytest.param({"skip_offers": "offr_1"}, "skip_offers is a list", id="one offer alone"),
        pytest.param(
            {"skip_offers": ["offr_1", ""]}, "skip_offers is a list", id="offer without id"
        ),
        pytest.param(
            {"test_mode": True, "api_key": "key_abc"},
            "test_mode does not go with a live api_key",
            id="live test mode",
        ),
        pytest.param(
            {"display_mode": "fullscreen"},
            "display_mode is 'full_screen' or 'modal'",
            id="display mode",
        ),
        pytest.param(
            {"api_host": "https://api.example.com/v1"},
            "api_host is an origin",
            id="API host with a path",
        ),
        pytest.param(
            {"app_host": "app.example.com"},
            "app_host must be an absolute",
            id="app host without scheme",
        ),
        pytest.param(
            {"app_host": "https://["}, "app_host is not a URL", id="app host that is no URL"
        ),
        pytest.param(
            {"script_url": "flow.js"}, "script_url must be an absolute", id="relative script"
        ),
        pytest.param(
            {"script_url": "//cdn.example.com/flow.js"}, "script_url", id="script of another host"
        ),
        pytest.param(
            {"script_url": "/\\cdn.example.com/flow.js"},
            "script_url",
            id="script of another host, disguised",
        ),
        pytest.param(
            {"script_url": "javascript:alert(1)"},
            "script_url must be an absolute",
            id="script as code",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused_at_the_start(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        vendor(**changes)


def test_the_vendors_name_is_not_a_setting() -> None:
    assert vendor().name == "prosperstack"
    with pytest.raises(TypeError):
        vendor(name="another")


# Reading a result

SESSION = {
    "id": "sess_1",
    "status": "canceled",
    "created_at": "2027-02-01T00:00:00.000Z",
    "offers_presented": [{"id": "offr_0", "type": "coupon"}],
    "offer_accepted": None,
    "answers": [],
    "cancel_reason": {"text": "Too dear", "reason_code": "price"},
    "subscriber": {"name": "Ada", "email": "ada@example.com"},
}


def test_a_cancellation_is_read_with_its_reason() -> None:
    assert read({"status": "canceled", "flowSession": SESSION}) == FlowClaim(
        "prosperstack",
        FlowStatus.CANCELED,
        FlowSessionId("sess_1"),
        CancelReason("Too dear", "price"),
        details=FlowDetails("browser", presented=("offr_0",)),
    )


def test_an_accepted_offer_is_read_by_its_id_and_type_alone() -> None:
    offer = {
        "id": "offr_1",
        "type": "coupon",
        "details": {"type": "coupon", "amount_off": "100", "days": 9999},
    }
    session = {**SESSION, "status": "saved", "offer_accepted": offer, "cancel_reason": None}

    assert read({"status": "saved", "flowSession": session}) == FlowClaim(
        "prosperstack",
        FlowStatus.SAVED,
        FlowSessionId("sess_1"),
        offer_id="offr_1",
        offer_type="coupon",
        details=FlowDetails("browser", presented=("offr_0",)),
    )


@pytest.mark.parametrize(
    "result", [{"status": "incomplete", "flowSession": None}, {"status": "incomplete"}], ids=repr
)
def test_a_result_may_come_without_a_session(result: dict[str, Any]) -> None:
    assert read(result) == FlowClaim("prosperstack", FlowStatus.INCOMPLETE)


@pytest.mark.parametrize(
    "word", ["resumed", "unknown", "a status of tomorrow", "", "\ud800"], ids=repr
)
def test_a_status_that_the_vendor_does_not_have_asks_for_nothing(word: str) -> None:
    assert read({"status": word}).status is FlowStatus.UNKNOWN


def test_fields_that_we_do_not_know_are_ignored() -> None:
    session: dict[str, Any] = {
        **SESSION,
        "steps": [{"step": {}}],
        "deflected_by": None,
        "offer_accepted": {"id": "offr_1", "goal": 7},
    }
    assert (
        read({"status": "saved", "flowSession": session, "more": {"x": [1]}}).offer_id == "offr_1"
    )


def test_a_customers_words_are_cleaned_and_cut() -> None:
    session: dict[str, Any] = {
        **SESSION,
        "cancel_reason": {"text": " a\0\ud800" + "x" * 900, "reason_code": " "},
    }
    reason = read({"status": "canceled", "flowSession": session}).reason
    assert reason.code is None
    assert reason.text == "a\ufffd\ufffd" + "x" * 497


def with_session(**changes: Any) -> dict[str, Any]:
    return {"status": "canceled", "flowSession": {**SESSION, **changes}}


@pytest.mark.parametrize(
    "result",
    [
        pytest.param({}, id="no status"),
        pytest.param({"status": None}, id="status null"),
        pytest.param({"status": 31337}, id="status a number"),
        pytest.param({"status": ["s3cr3t"]}, id="status a list"),
        pytest.param({"status": "s3cr3t" * 50}, id="status too long"),
        pytest.param({"status": "canceled", "flowSession": "s3cr3t"}, id="session a text"),
        pytest.param({"status": "canceled", "flowSession": ["s3cr3t"]}, id="session a list"),
        pytest.param({"status": "canceled", "flowSession": {}}, id="session without id"),
        pytest.param(with_session(id=None), id="session id null"),
        pytest.param(with_session(id=31337), id="session id a number"),
        pytest.param(with_session(id=""), id="session id empty"),
        pytest.param(with_session(id="../s3cr3t"), id="session id a path"),
        pytest.param(with_session(id="s3cr3t\ud800"), id="session id with half a pair"),
        pytest.param(with_session(id="s" * 256), id="session id too long"),
        pytest.param(with_session(cancel_reason="s3cr3t"), id="reason a text"),
        pytest.param(with_session(cancel_reason={"text": 31337}), id="reason's text a number"),
        pytest.param(
            with_session(cancel_reason={"reason_code": "s3cr3t" * 50}), id="reason code too long"
        ),
        pytest.param(with_session(offer_accepted="s3cr3t"), id="offer a text"),
        pytest.param(with_session(offer_accepted={"id": 31337}), id="offer id a number"),
        pytest.param(
            with_session(offer_accepted={"type": {"s3cr3t": 1}}), id="offer type an object"
        ),
        pytest.param(
            {"status": "canceled", "\ud800s3cr3t": 1}, id="a field's name with half a pair"
        ),
    ],
)
def test_a_result_of_another_shape_is_refused_without_repeating_it(result: dict[str, Any]) -> None:
    with pytest.raises(MalformedClaimError) as refused:
        read(result)
    assert refused.value.status == 400
    assert not any(posted in str(refused.value) for posted in ("s3cr3t", "31337", "sss"))


text = st.text(st.characters(codec=None, exclude_categories=()), max_size=6)
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | text,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(text, inner, max_size=2),
    max_leaves=5,
)


def nearly(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of the fields, each as it should be or anything at all."""
    return st.fixed_dictionaries(
        {}, optional={name: good | any_json for name, good in fields.items()}
    )


results = nearly(
    status=st.sampled_from(["canceled", "saved"]),
    flowSession=nearly(
        id=st.just("sess_1"),
        cancel_reason=nearly(text=text, reason_code=text),
        offer_accepted=nearly(id=text, type=text),
    ),
)


@given(result=results | st.dictionaries(text, any_json, max_size=3))
@settings(max_examples=200)
def test_any_result_becomes_a_harmless_claim_or_is_refused(result: dict[str, Any]) -> None:
    try:
        claim = read(result)
    except MalformedClaimError:
        return
    assert claim.vendor == "prosperstack"
    assert claim.status is not FlowStatus.RESUMED
    # Everything can be stored and sent on.
    words = [
        claim.flow_session_id,
        claim.offer_id,
        claim.offer_type,
        claim.reason.text,
        claim.reason.code,
    ]

    assert all(word is None or (word.encode() and "\0" not in word) for word in words)


marked_json = st.recursive(
    st.integers(31337_00, 31337_99)
    | st.sampled_from(["s3cr3t", "../s3cr3t", "s3cr3t" * 50, "s3cr3t\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.just("s3cr3t"), inner, max_size=1)
    ),
    max_leaves=4,
)


@given(
    result=st.fixed_dictionaries(
        {},
        optional={
            "status": marked_json,
            "flowSession": marked_json
            | st.fixed_dictionaries(
                {},
                optional={
                    "id": marked_json,
                    "cancel_reason": marked_json,
                    "offer_accepted": marked_json,
                },
            ),
            "s3cr3t": marked_json,
        },
    )
)
@settings(max_examples=100)
def test_a_refusal_never_repeats_what_was_posted(result: dict[str, Any]) -> None:
    refused = refusal_of(result)
    if refused is not None:
        assert "s3cr3t" not in str(refused)
        assert "31337" not in str(refused)
        assert refused.__suppress_context__ or refused.__context__ is None


# Where our proof travels


def carried(**settings: Any) -> dict[str, Any]:
    owned = OwnedSubscription(
        CustomerId("ada"), SubscriptionId("sub_1"), {"name": "a", "email": "b"}
    )
    data = vendor(**settings).page_data(owned, "p1.a.proof")
    return dict(json.loads(data["signedPayload"].payload))


def test_a_proof_travels_in_the_payloads_meta_unless_told_otherwise() -> None:
    assert carried() == {
        "clientId": "acct_test",
        "subscription": {"platformId": "sub_1"},
        "meta": {"aiocancel": "p1.a.proof"},
    }
    assert "meta" not in carried(proof_in=None)


@pytest.mark.parametrize(
    ("platform", "entity"), [("connected", "subscription"), ("custom", "subscriber")]
)
def test_a_proof_travels_in_the_custom_property_that_the_owner_made_for_it(
    platform: str, entity: str
) -> None:
    payload = carried(proof_in="property:opened_by", platform=platform, applies_offers="app")

    assert payload[entity]["properties"] == {"opened_by": "p1.a.proof"}
    assert "meta" not in payload


@pytest.mark.parametrize("place", ["", "property:", "property", "metadata", "property:a b", "x:y"])
def test_a_place_for_the_proof_that_does_not_exist_is_refused(place: str) -> None:
    with pytest.raises(ConfigurationError, match="proof_in is 'meta' or"):
        vendor(proof_in=place)


def test_the_proof_takes_no_property_that_has_another_use() -> None:
    taken = Property("seats", "text", entity="subscription")

    with pytest.raises(ConfigurationError, match="the property seats is taken"):
        vendor(proof_in="property:seats", properties=[taken])
