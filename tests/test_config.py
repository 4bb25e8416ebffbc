"""Settings are checked once, at the start, and a refusal says what to write instead."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiocancel.config import (
    DEFAULT_POLICY,
    DEFAULT_TEXTS,
    DEFAULTS,
    STRICT_POLICY,
    VENDOR_ACTS_WITHIN_S,
    WORKER_LEASE_S,
    Settings,
    fields_in,
    is_unpinned,
    origin_of,
)
from aiocancel.core.csp import ContentSecurityPolicy
from aiocancel.errors import ConfigurationError
from aiocancel.web.languages import Words

SECONDS = ["answer_within_s", "widget_timeout_s", "poll_events_every_s", "worker_lease_s"]
DATED = sorted(name for name, text in DEFAULT_TEXTS.items() if fields_in(text) == {"date"})


def make(**changes: Any) -> Settings:
    return Settings(**{"mode": "test", **changes})


def test_settings_work_without_any_choice() -> None:
    assert make().prefix == "/cancel"


@pytest.mark.parametrize(
    ("url", "integrity", "unpinned"),
    [
        ("https://cdn.example/flow.js", None, True),
        ("https://cdn.example/flow.js", "sha384-abc", False),
        ("/static/flow.js", None, False),
    ],
)
def test_a_script_of_another_host_without_integrity_is_unpinned(
    url: str, integrity: str | None, unpinned: bool
) -> None:
    assert is_unpinned(url, integrity) == unpinned


def test_settings_cannot_be_changed_after_they_were_checked() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().prefix = "/elsewhere"  # type: ignore[misc]


@pytest.mark.parametrize("policy", [DEFAULT_POLICY, STRICT_POLICY])
def test_our_policies_are_ones_that_a_browser_reads(policy: str) -> None:
    assert str(ContentSecurityPolicy.parse(policy)) == policy


@pytest.mark.parametrize(
    "directive",
    ["script-src", "style-src", "img-src", "font-src", "connect-src", "frame-src", "form-action"],
)
def test_the_default_policy_governs_nothing_that_an_ordinary_page_loads(directive: str) -> None:
    assert ContentSecurityPolicy.parse(DEFAULT_POLICY).effective(directive) is None


# Paths


@pytest.mark.parametrize(
    "prefix", ["/cancel", "/a/b", "/account/cancel-flow", "/v1.2/~cancel_", "/0"]
)
def test_a_plain_path_is_a_prefix(prefix: str) -> None:
    assert make(prefix=prefix).prefix == prefix


@pytest.mark.parametrize(
    "prefix",
    [
        pytest.param("", id="empty"),
        pytest.param("/", id="root"),
        pytest.param("cancel", id="relative"),
        pytest.param("/cancel/", id="slash at its end"),
        pytest.param("//evil.example", id="another host"),
        pytest.param("//[", id="no URL at all"),
        pytest.param("https://evil.example/cancel", id="absolute URL"),
        pytest.param("/cancel?x=1", id="query"),
        pytest.param("/cancel#x", id="fragment"),
        pytest.param("/a//b", id="empty segment"),
        pytest.param("/a/../b", id="dot segments"),
        pytest.param("/{tenant}/cancel", id="router variable"),
        pytest.param("/can cel", id="space"),
        pytest.param("/cancel\n", id="line break"),
        pytest.param('/"onload=', id="quote"),
        pytest.param("/k%C3%BCndigen", id="percent escape"),
    ],
)
def test_anything_but_a_plain_path_is_no_prefix(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="prefix must be a plain path"):
        make(prefix=prefix)


@given(prefix=st.text(max_size=12) | st.text("/.{}ab%\\", max_size=12))
@settings(max_examples=100)
def test_any_text_is_a_prefix_or_refused_as_a_setting(prefix: str) -> None:
    try:
        accepted = make(prefix=prefix).prefix
    except ConfigurationError:
        return
    assert accepted.startswith("/")
    assert not set(accepted) & set("{}?#%\\ \"'<>")


@pytest.mark.parametrize("return_to", ["/", "/account", "/account?tab=billing#plan"])
def test_a_path_of_this_site_is_where_a_page_may_lead_back_to(return_to: str) -> None:
    assert make(return_to=return_to).return_to == return_to


@pytest.mark.parametrize(
    "return_to", ["", "account", "//evil.example", "/\\evil.example", "https://evil.example/"]
)
def test_another_site_is_not_where_a_page_may_lead_back_to(return_to: str) -> None:
    with pytest.raises(ConfigurationError, match="return_to must be a path of this site"):
        make(return_to=return_to)


# Words and numbers


@pytest.mark.parametrize("pages", ["all", [], ["account"], ("/account", "billing")], ids=repr)
def test_flow_pages_are_names_or_all(pages: Any) -> None:
    assert make(flow_pages=pages).flow_pages == pages


@pytest.mark.parametrize("pages", ["", "account", "/account"], ids=repr)
def test_one_flow_page_must_still_be_a_list(pages: str) -> None:
    with pytest.raises(ConfigurationError, match="flow_pages is a list"):
        make(flow_pages=pages)


def test_all_is_understood_even_when_it_was_put_together_at_run_time() -> None:
    assert make(flow_pages="".join(["a", "ll"])).flow_pages == "all"


@pytest.mark.parametrize("timing", ["at_period_end", "now"])
def test_a_cancellation_takes_effect_at_period_end_or_now(timing: str) -> None:
    assert make(cancel_timing=timing).cancel_timing == timing


@pytest.mark.parametrize("timing", ["", "immediately", "NOW", None])
def test_there_is_no_other_timing(timing: object) -> None:
    with pytest.raises(ConfigurationError, match="cancel_timing is 'at_period_end' or 'now'"):
        make(cancel_timing=timing)


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), 10**400], ids=repr)
@pytest.mark.parametrize("name", SECONDS)
def test_times_must_be_positive_and_finite(name: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} must be more than 0"):
        make(**{name: value})


# Texts


def words(**settings: Any) -> Words:
    return Words("en", make(**settings).own_texts("en"))


def test_the_owners_wording_comes_first() -> None:
    chosen = words(texts={"keep_button": "Stay"})
    assert chosen.text("keep_button") == "Stay"
    assert chosen.text("confirm_button") == DEFAULT_TEXTS["confirm_button"]


def test_an_empty_wording_is_no_wording() -> None:
    assert words(texts={"keep_button": ""}).text("keep_button") == DEFAULT_TEXTS["keep_button"]


def test_a_misspelt_text_is_named() -> None:
    with pytest.raises(ConfigurationError, match="a name that does not exist: keep_buton"):
        make(texts={"keep_buton": "Stay"})


@pytest.mark.parametrize(
    "text",
    ["Until {date}.", "It ends.", "{date}{date}", "{{literally}} until {date}", ""],
    ids=["date", "no date", "twice", "doubled braces", "empty"],
)
def test_a_dated_text_may_hold_the_date_any_number_of_times(text: str) -> None:
    for name in DATED:
        assert words(texts={name: text}).text(name, date="March 1, 2027")


@pytest.mark.parametrize(
    "text", ["{", "}", "{}", "{0}", "{datum}", "{date:%Y}", "{date.year}", "{date[x]}"]
)
def test_a_dated_text_that_could_not_be_filled_in_is_refused_at_the_start(text: str) -> None:
    for name in DATED:
        with pytest.raises(ConfigurationError, match=f"texts: {name} may hold {{date}}"):
            make(texts={name: text})


@given(name=st.sampled_from(DATED), text=st.text("{}date!:.[]0 ", max_size=12))
@settings(max_examples=100)
def test_every_dated_text_that_is_accepted_can_be_filled_in(name: str, text: str) -> None:
    try:
        accepted = words(texts={name: text})
    except ConfigurationError:
        return
    assert isinstance(accepted.text(name, date="March 1, 2027"), str)


def test_a_text_without_a_date_may_hold_any_brace() -> None:
    assert words(texts={"keep_button": "{stay}"}).text("keep_button") == "{stay}"


# Origins


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example.com", "https://api.example.com"),
        ("https://api.example.com/v1?x#y", "https://api.example.com"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080"),
        ("https://api.example.com:443/", "https://api.example.com"),
        ("https://user:password@api.example.com/", "https://api.example.com"),
        ("https://[::1]:8080/", "https://[::1]:8080"),
    ],
)
def test_an_origin_is_scheme_host_and_unusual_port(url: str, origin: str) -> None:
    assert origin_of(url, setting="api_base") == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/path",
        "//host/path",
        "host",
        "ftp://host",
        "javascript:alert(1)",
        "https://",
        "https://[",
        "https://h:x",
    ],
)
def test_what_has_no_origin_is_refused_under_the_settings_name(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^api_base "):
        origin_of(url, setting="api_base")


# Policies


@pytest.mark.parametrize(
    ("policy", "bare"),
    [
        ("default-src self", "self"),
        ("default-src 'self'; object-src none", "none"),
        ("script-src 'self' unsafe-inline", "unsafe-inline"),
        ("script-src-elem SELF", "SELF"),
        ("script-src strict-dynamic", "strict-dynamic"),
        ("style-src sha256-AbCd=", "sha256-AbCd="),
        ("script-src nonce-abc", "nonce-abc"),
        ("base-uri self", "self"),
        ("frame-ancestors none", "none"),
    ],
)
def test_a_keyword_of_a_policy_without_quotes_is_refused_with_them(policy: str, bare: str) -> None:
    with pytest.raises(ConfigurationError, match=f"write '{bare}'"):
        make(content_security_policy=policy)


@pytest.mark.parametrize(
    ("policy", "right"),
    [
        ('default-src "self"', "'self'"),
        ("default-src 'self", "'self'"),
        ("default-src self'", "'self'"),
        ("default-src ''self''", "'self'"),
        ("default-src `self`", "'self'"),
        ("img-src *; object-src \"none'", "'none'"),
        ("require-trusted-types-for 'script", "'script'"),
        ("script-src 'self', object-src \"none\"", "'none'"),
    ],
)
def test_a_word_of_a_policy_in_other_quotes_is_refused_with_the_right_ones(
    policy: str, right: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"write {right}$"):
        make(content_security_policy=policy)


@pytest.mark.parametrize("policy", ["img-src *\n", "img-src *\r\nSet-Cookie: a=b", "img-src é"])
def test_a_policy_that_no_header_can_carry_is_refused(policy: str) -> None:
    with pytest.raises(ConfigurationError, match="content_security_policy: The policy holds"):
        make(content_security_policy=policy)


@pytest.mark.parametrize(
    "policy",
    [
        "require-trusted-types-for 'script'; trusted-types 'allow-duplicates' default",
        "default-src 'a-keyword-of-tomorrow'; report-uri /csp?said=it's",
        "report-to self",
        "default-src https://self.example none.example",
        "sandbox; img-src *",
    ],
)
def test_a_name_that_only_looks_like_a_keyword_is_left_alone(policy: str) -> None:
    assert make(content_security_policy=policy).content_security_policy == policy


@pytest.mark.parametrize(
    "return_to", ["/\t/evil.example", "/\n/evil.example", "/a\x7f", "/a b", "/\x00"]
)
def test_a_path_with_control_characters_is_refused(return_to: str) -> None:
    with pytest.raises(ConfigurationError, match="control characters"):
        make(return_to=return_to)


def test_the_two_durations_that_applications_may_import_are_the_defaults() -> None:
    assert (WORKER_LEASE_S, VENDOR_ACTS_WITHIN_S) == (30.0, 900.0)
    assert (DEFAULTS.worker_lease_s, DEFAULTS.vendor_acts_within_s) == (30.0, 900.0)
