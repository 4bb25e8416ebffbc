"""What is made of clocks, policies, servers, tables, backlogs and keys, without asking anybody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiocancel.core.preflight import (
    CheckResult,
    Level,
    as_json,
    as_text,
    clock_offset_s,
    exit_status,
    judge_backlog,
    judge_clock,
    judge_evidence,
    judge_grant_keys,
    judge_mails,
    judge_permissions,
    judge_policy,
    judge_schema,
    judge_script,
    judge_server,
    judge_signing,
    judge_webhook,
)

NEEDED = {
    "connect-src": ["https://api.vendor.test", "'self'"],
    "frame-src": ["https://app.vendor.test"],
    "script-src": ["https://cdn.vendor.test"],
    "form-action": ["'self'"],
}
MAKE = "make-a-key"


# The clock


@pytest.mark.parametrize(
    ("offsets", "level", "said"),
    [
        ({"Stripe": 0.0, "the database": 0.2}, Level.OK, "within 0 s of Stripe and the database"),
        ({"Stripe": -30.0}, Level.OK, "within 30 s of Stripe"),
        ({"Stripe": 31.0}, Level.WARN, "Stripe is 31 s ahead of this machine"),
        ({"Stripe": -300.0}, Level.WARN, "Stripe is 300 s behind this machine"),
        ({"Stripe": -301.0}, Level.FAIL, "Stripe is 301 s behind this machine"),
        ({"the database": 4000.0}, Level.FAIL, "the database is 4000 s ahead of this machine"),
        (
            {"Stripe": 90.0, "the database": 301.0},
            Level.FAIL,
            "Stripe is 90 s ahead of this machine and the database is 301 s ahead of this machine",
        ),
        ({}, Level.SKIP, "not checked: neither Stripe nor the database told the time"),
    ],
)
def test_a_clock_may_be_30_s_off_and_must_not_be_300_s_off(
    offsets: dict[str, float], level: Level, said: str
) -> None:
    result = judge_clock(offsets)
    assert (result.level, result.detail) == (level, said)


@pytest.mark.parametrize(
    ("offsets", "whose"),
    [
        ({"Stripe": 0.0, "the database": 99.0}, "the database's server"),
        ({"Stripe": 99.0, "the database": 99.0}, "this machine"),
        ({"Stripe": 99.0, "the database": 0.0}, "this machine"),
        ({"the database": 99.0}, "this machine"),
    ],
)
def test_the_clock_to_set_is_the_one_that_stripe_disagrees_with(
    offsets: dict[str, float], whose: str
) -> None:
    assert f"set the clock of {whose} by NTP" in (judge_clock(offsets).fix or "")


@given(st.floats(0, 1e9), st.floats(0, 60), st.floats(0, 1))
def test_a_slow_answer_is_no_wrong_clock(asked_at: float, took_s: float, share: float) -> None:
    told = int(asked_at + took_s * share)
    assert clock_offset_s(told, told + 1, asked_at=asked_at, answered_at=asked_at + took_s) == 0


def test_a_clock_is_off_by_what_the_answers_time_cannot_explain() -> None:
    assert clock_offset_s(160, 161, asked_at=100, answered_at=110) == 50
    assert clock_offset_s(40, 41, asked_at=100, answered_at=110) == -59


# The Content-Security-Policy


def test_the_directives_that_the_widget_adds_to_are_named() -> None:
    [result] = judge_policy("default-src 'self'; form-action 'self'", NEEDED)
    assert (result.level, result.detail) == (
        Level.OK,
        "pages without a policy get: default-src 'self'; form-action 'self'; "
        "the widget adds to script-src, connect-src, frame-src",
    )


@pytest.mark.parametrize(
    "header", ["frame-ancestors 'self'", "default-src * ; form-action 'self'; script-src *"]
)
def test_a_policy_that_allows_the_widget_is_left_as_it_is(header: str) -> None:
    assert judge_policy(header, NEEDED)[0].level is Level.OK


def test_sending_no_policy_leaves_it_to_the_application() -> None:
    [result] = judge_policy(None, NEEDED)
    assert result.level is Level.WARN
    assert "your application must send its own" in (result.fix or "")


def test_an_empty_policy_protects_nothing() -> None:
    [result] = judge_policy(" ; ", NEEDED)
    assert (result.level, result.detail) == (Level.WARN, "it is empty and protects nothing")


def test_a_policy_that_cannot_be_read_fails() -> None:
    [result] = judge_policy("scrpt-src 'self'", NEEDED)
    assert (result.level, result.fix) == (Level.FAIL, "correct content_security_policy")
    assert "scrpt-src" in result.detail


@pytest.mark.parametrize(
    ("header", "said", "fix"),
    [
        (
            "require-trusted-types-for 'script'",
            "require-trusted-types-for 'script' keeps",
            "leave it out on the pages",
        ),
        (
            "sandbox",
            "sandbox without allow-scripts, allow-same-origin, allow-forms",
            "add to sandbox: allow-scripts",
        ),
        (
            "sandbox allow-forms Allow-Same-Origin",
            "sandbox without allow-scripts keeps",
            "add to sandbox: allow-scr",
        ),
        (
            "script-src 'self' 'unsafe-inline'",
            "'unsafe-inline' for scripts",
            "a nonce: {{ cancel_flow.nonce }}",
        ),
        ("default-src 'unsafe-inline'", "'unsafe-inline' for scripts", "a nonce"),
        ("script-src 'self', script-src 'unsafe-inline'", "'unsafe-inline' for scripts", "a nonce"),
    ],
)
def test_what_a_policy_breaks_or_gives_away_is_warned_of(header: str, said: str, fix: str) -> None:
    _, warning = judge_policy(header, NEEDED)
    assert warning.level is Level.WARN
    assert said in warning.detail
    assert fix in (warning.fix or "")


@pytest.mark.parametrize(
    "header",
    [
        "sandbox allow-scripts allow-same-origin allow-forms",
        # Browsers that know nonces and hashes ignore it, and the others need it.
        "script-src 'unsafe-inline' 'nonce-abc'",
        "style-src 'unsafe-inline'",
        "require-trusted-types-for",
    ],
)
def test_what_only_looks_dangerous_is_no_warning(header: str) -> None:
    assert [result.level for result in judge_policy(header, NEEDED)] == [Level.OK]


# The database


@pytest.mark.parametrize(
    ("version", "read_only", "level", "fix"),
    [
        (14, False, Level.OK, None),
        (18, False, Level.OK, None),
        (13, False, Level.FAIL, "upgrade the server to PostgreSQL 14 or newer"),
        (
            17,
            True,
            Level.FAIL,
            "name the primary, not a replica; see default_transaction_read_only",
        ),
    ],
)
def test_a_server_must_be_new_enough_and_take_writes(
    version: int, read_only: bool, level: Level, fix: str | None
) -> None:
    result = judge_server(version, read_only=read_only)
    assert (result.level, result.fix) == (level, fix)
    assert str(version) in result.detail


@pytest.mark.parametrize(
    ("present", "forbidden", "level", "said", "fix"),
    [
        (3, [], Level.OK, "version 3", None),
        (None, [], Level.FAIL, "there are no tables of aiocancel", "run: aiocancel migrate"),
        (2, [], Level.FAIL, "version 2 of 3", "run: aiocancel migrate"),
        (
            4,
            [],
            Level.FAIL,
            "version 4, newer than this release (3)",
            "install the release that made the tables",
        ),
        (
            3,
            ["claim"],
            Level.FAIL,
            "version 3, but this role may not use claim",
            "aiocancel grants",
        ),
    ],
)
def test_the_tables_must_be_those_of_this_release_and_usable(
    present: int | None, forbidden: list[str], level: Level, said: str, fix: str | None
) -> None:
    result = judge_schema(present, 3, forbidden=forbidden, made_at_start=False)
    assert (result.level, result.detail) == (level, said)
    assert result.fix == fix or (fix is not None and fix in (result.fix or ""))


@pytest.mark.parametrize("present", [None, 2])
def test_tables_that_the_application_makes_when_it_starts_are_a_warning(
    present: int | None,
) -> None:
    result = judge_schema(present, 3, forbidden=[], made_at_start=True)
    assert result.level is Level.WARN
    assert "the application makes them when it starts" in result.detail


# The worker's backlog


@pytest.mark.parametrize(
    ("parked", "oldest_s", "overdue_s", "said"),
    [
        (0, None, None, ["ok: nothing parked; nothing waits"]),
        (0, 90.0, 2.0, ["ok: nothing parked; the oldest has been waiting for 90 seconds"]),
        (1, None, None, ["warn: 1 parked action for a person to complete; nothing waits"]),
        (
            3,
            7200.0,
            None,
            [
                "warn: 3 parked actions for a person to complete; the oldest has been waiting for 2 hours"
            ],
        ),
        (0, 600.0, 600.0, ["warn: an action has been due for 10 minutes, and no worker takes it"]),
        (
            2,
            400_000.0,
            400_000.0,
            [
                "warn: 2 parked actions for a person to complete; the oldest has been waiting for 5 days",
                "warn: an action has been due for 5 days, and no worker takes it",
            ],
        ),
    ],
)
def test_what_a_person_or_a_missing_worker_has_left_is_warned_of(
    parked: int, oldest_s: float | None, overdue_s: float | None, said: list[str]
) -> None:
    results = judge_backlog(parked, oldest_s, overdue_s, own_worker=True)
    assert [f"{result.level}: {result.detail}" for result in results] == said


@pytest.mark.parametrize(
    ("own_worker", "fix"),
    [(True, "start the application"), (False, "start the process that has the worker")],
)
def test_an_overdue_action_names_who_should_be_running(own_worker: bool, fix: str) -> None:
    [result] = judge_backlog(0, 600.0, 600.0, own_worker=own_worker)
    assert fix in (result.fix or "")


def test_parked_actions_come_with_the_way_to_list_them() -> None:
    [result] = judge_backlog(1, None, None, own_worker=True)
    assert result.fix == "list them, and retry or close each: aiocancel actions"


# The page script and the keys


@pytest.mark.parametrize(
    ("unsealed_s", "level"), [(0.0, Level.OK), (600.0, Level.OK), (601.0, Level.WARN)]
)
def test_facts_that_wait_for_long_to_be_sealed_are_warned_of(
    unsealed_s: float, level: Level
) -> None:
    assert judge_evidence(unsealed_s).level is level


@pytest.mark.parametrize(
    ("origin", "integrity", "level"),
    [
        (None, None, Level.OK),
        ("https://cdn.vendor.test", "sha384-abc", Level.OK),
        ("https://cdn.vendor.test", None, Level.WARN),
    ],
)
def test_a_script_of_somebody_elses_must_be_pinned(
    origin: str | None, integrity: str | None, level: Level
) -> None:
    assert judge_script(origin, integrity).level is level


@pytest.mark.parametrize(
    ("token", "has_api", "level", "said"),
    [
        ("t" * 32, True, Level.OK, "32 characters"),
        ("t" * 31, True, Level.FAIL, "it has 31 characters and could be guessed"),
        ("t" * 31, False, Level.FAIL, "it has 31 characters and could be guessed"),
        (None, True, Level.WARN, "no webhook: browsers that close early are found by polling only"),
        (
            None,
            False,
            Level.WARN,
            "what a browser does not report is never found without the vendor's API",
        ),
        ("t" * 32, False, Level.WARN, "events cannot be looked up without the vendor's API"),
    ],
)
def test_a_webhook_needs_a_token_that_nobody_guesses_and_an_api_to_ask(
    token: str | None, has_api: bool, level: Level, said: str
) -> None:
    result = judge_webhook(token, shortest=32, make_one=MAKE, has_api=has_api)
    assert (result.level, result.detail) == (level, said)
    assert result.level is Level.OK or MAKE in (result.fix or "") or not has_api


@pytest.mark.parametrize(
    ("lengths", "level", "said"),
    [
        ([43], Level.OK, "1 key of 32 characters or more"),
        ([43, 32], Level.OK, "2 keys of 32 characters or more"),
        (
            [43, 31],
            Level.WARN,
            "2 keys, the shortest has 31 characters: refused with a live Stripe key",
        ),
        ([1], Level.WARN, "1 key, the shortest has 1 character: refused with a live Stripe key"),
    ],
)
def test_a_short_grant_key_is_good_for_test_mode_only(
    lengths: list[int], level: Level, said: str
) -> None:
    result = judge_grant_keys(lengths, shortest=32, make_one=MAKE)
    assert (result.level, result.detail) == (level, said)


# The results, told

OK = CheckResult.ok("schema", "version 1")
WARNING = CheckResult.warn("page script", "from elsewhere", "serve it yourself")
FAILURE = CheckResult.fail("Stripe key", "Stripe refuses the key", "make another")
SKIPPED = CheckResult.skip("worker backlog", "no database")


def test_every_result_is_one_line_in_columns_with_its_fix() -> None:
    assert as_text([OK, WARNING, FAILURE, SKIPPED]).splitlines() == [
        "ok    schema          version 1",
        "warn  page script     from elsewhere → serve it yourself",
        "FAIL  Stripe key      Stripe refuses the key → make another",
        "skip  worker backlog  not checked: no database",
        "4 results: 1 failed, 1 warning",
    ]


def test_a_message_of_several_lines_stays_one_line() -> None:
    result = CheckResult.fail(
        "subscription query", "no such table\n\nHINT:\tlook again", "correct the SQL"
    )
    first, _ = as_text([result]).splitlines()
    assert first == "FAIL  subscription query  no such table HINT: look again → correct the SQL"


def test_no_result_at_all_can_be_told_too() -> None:
    assert as_text([]) == "0 results: 0 failed, 0 warnings"


def test_one_result_is_told_as_one() -> None:
    assert as_text([FAILURE]).splitlines()[1] == "1 result: 1 failed, 0 warnings"


def test_programs_get_the_same_words_by_name() -> None:
    assert as_json([FAILURE, OK]) == [
        {
            "name": "Stripe key",
            "level": "FAIL",
            "detail": "Stripe refuses the key",
            "fix": "make another",
        },
        {"name": "schema", "level": "ok", "detail": "version 1", "fix": None},
    ]


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([], 0),
        ([OK], 0),
        ([OK, WARNING], 0),
        ([SKIPPED], 0),
        ([FAILURE], 1),
        ([OK, FAILURE, WARNING], 1),
    ],
)
def test_only_a_failure_makes_the_exit_status_1(results: list[CheckResult], status: int) -> None:
    assert exit_status(results) == status


# Signed requests


@pytest.mark.parametrize(
    ("signed", "unsigned", "is_required", "level"),
    [
        (201, 401, True, Level.OK),
        (201, 401, None, Level.OK),
        (201, 401, False, Level.WARN),
        (201, 201, True, Level.FAIL),
        (None, 201, None, Level.FAIL),
        (400, 400, None, Level.WARN),
        (201, 503, None, Level.WARN),
        (201, 429, None, Level.WARN),
        (201, None, None, Level.WARN),
        (None, None, None, Level.WARN),
    ],
)
def test_only_a_refusal_of_the_unsigned_session_alone_is_right(
    signed: int | None, unsigned: int | None, is_required: bool | None, level: Level
) -> None:
    result = judge_signing(
        "prosperstack", signed=signed, unsigned=unsigned, is_required=is_required
    )

    assert result.level is level
    assert "test mode" in result.detail


@pytest.mark.parametrize(
    ("needed", "optional", "level", "message"),
    [
        (["subscription_write (cancel)"], [], Level.FAIL, "missing: subscription_write (cancel)"),
        ([], ["product_read (names)"], Level.WARN, "missing: product_read (names)"),
        ([], [], Level.OK, "all that these settings ask for"),
    ],
)
def test_a_restricted_key_is_judged_by_what_it_may_not_do(
    needed: list[str], optional: list[str], level: Level, message: str
) -> None:
    judged = judge_permissions(needed, optional)

    assert (judged.level, judged.detail) == (level, message)


@pytest.mark.parametrize(
    ("facts", "level", "said"),
    [
        ((False, False, False), Level.OK, "there is no mailer, so nobody is written to"),
        ((True, True, True), Level.WARN, "they travel without TLS"),
        ((True, False, False), Level.WARN, "they have no links"),
        ((True, True, False), Level.OK, "customers are written to; nothing was sent now"),
    ],
    ids=["none", "plain", "no_links", "right"],
)
def test_mails_are_judged(facts: tuple[bool, bool, bool], level: Level, said: str) -> None:
    has_mailer, has_site_url, is_plain = facts

    judged = judge_mails(has_mailer=has_mailer, has_site_url=has_site_url, is_plain=is_plain)

    assert (judged.level, judged.detail) == (level, said)
