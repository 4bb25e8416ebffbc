"""``aiocancel actions``: a person sees what is parked, and decides; nobody's words or secrets are shown."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest

from aiocancel.cli.main import main
from aiocancel.core.actions import Receipt
from aiocancel.core.codes import Code
from aiocancel.postgres.ledger import Ledger
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.support.claims import ask, take_due
from tests.support.commands import SECRET, with_pool
from tests.support.idempotency_keys import key_text

TEXT = "Ada Lovelace left because of Bob"


@pytest.fixture
def shop(
    postgres: EmbeddedPostgres, template_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The DSN of a database with a parked action, one that waits and one that is done, found by the environment."""
    name = f"actions_{uuid.uuid4().hex}"
    database = asyncio.run(postgres.create_database(name, template=template_database))
    monkeypatch.setenv("AIOCANCEL_DATABASE_URL", database)
    asyncio.run(fill(database))
    yield database
    asyncio.run(postgres.drop_database(name))


async def fill(database: str) -> None:
    async with asyncpg.create_pool(database, min_size=1, max_size=2) as pool:
        ledger = Ledger(pool)
        await ask(pool, "sub_parked", text=TEXT, code="too_expensive", session="sess_1")
        (taken,) = await take_due(pool, uuid.uuid4(), limit=1)
        await ledger.begin_write(taken)
        await ledger.end_write(taken, "rejected", code=Code.CARD_DECLINED, request_id="req_1")
        await ledger.park(taken, Code.CARD_DECLINED)
        await ask(pool, "sub_done")
        (taken,) = await take_due(pool, uuid.uuid4(), limit=1)
        await ledger.finish(taken, Receipt("active", None))
        await ask(pool, "sub_waiting")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(["actions", *arguments])
        return (status, *capsys.readouterr())

    return call


def parked_id(database: str) -> str:
    return str(
        with_pool(
            database,
            lambda pool: pool.fetchval("SELECT id FROM aiocancel.action WHERE state = 'parked'"),
        )
    )


def states(database: str) -> list[str]:
    rows = with_pool(
        database, lambda pool: pool.fetch("SELECT state FROM aiocancel.action ORDER BY id")
    )
    return [row["state"] for row in rows]


Run = Callable[..., tuple[int, str, str]]


def test_without_a_further_word_the_parked_actions_are_listed(shop: str, run: Run) -> None:
    status, out, err = run()
    header, line, *meaning = out.splitlines()

    assert (status, err) == (0, "")
    assert header.split() == [
        "id",
        "state",
        "kind",
        "subscription",
        "code",
        "attempts",
        "created",
        "claim",
    ]
    assert line.split()[:6] == [
        parked_id(shop),
        "parked",
        "cancel_at_period_end",
        "sub_parked",
        "card_declined",
        "1",
    ]
    assert meaning == [
        "",
        "card_declined: The customer's card was declined. Ask the customer for another way to pay.",
    ]


def test_a_code_is_explained_in_json_too_except_where_a_person_chose_it(
    shop: str, run: Run
) -> None:
    (parked,) = json.loads(run("--json")[1])
    run("close", parked_id(shop), "--reason", "card_declined")
    (closed,) = json.loads(run("--state", "closed", "--json")[1])

    assert parked["means"] == "The customer's card was declined."
    assert parked["do_next"] == "Ask the customer for another way to pay."
    assert (closed["code"], closed["means"], closed["do_next"]) == ("card_declined", None, None)


@pytest.mark.parametrize(
    ("arguments", "subscriptions"),
    [
        (["--state", "waiting"], ["sub_waiting"]),
        (["--state", "closed"], []),
        (["--state", "all"], ["sub_waiting", "sub_done", "sub_parked"]),
        (["--state", "all", "--limit", "2"], ["sub_waiting", "sub_done"]),
        (["--state", "all", "--subscription", "sub_done"], ["sub_done"]),
        (["--claim", str(uuid.UUID(int=0))], []),
    ],
)
def test_actions_are_listed_by_what_is_asked_for(
    shop: str, run: Run, arguments: list[str], subscriptions: list[str]
) -> None:
    status, out, _ = run("--json", *arguments)
    assert (status, [each["subscription"] for each in json.loads(out)]) == (0, subscriptions)


def test_an_empty_list_says_so(shop: str, run: Run) -> None:
    assert run("--state", "refused") == (0, "no refused actions\n", "")


def test_one_action_is_shown_with_its_writes_and_its_journal(shop: str, run: Run) -> None:
    status, out, _ = run("show", parked_id(shop), "--json")
    shown = json.loads(out)
    assert (status, shown["state"], shown["code"]) == (0, "parked", "card_declined")
    (sent,) = shown["sent"]

    assert (sent["request_id"], sent["result"], sent["idempotency_key"]) == (
        "req_1",
        "rejected",
        key_text("prosperstack", "test", "sub_parked", "sess_1", "any", "cancel_at_period_end", 0),
    )
    assert [(line["of"], line["entry"]) for line in shown["journal"]] == [
        ("claim", "claim_recorded"),
        ("claim", "outcome_verified"),
        ("action", "actions_enqueued"),
        ("action", "action_parked"),
    ]


def test_one_action_is_shown_to_a_person_too(shop: str, run: Run) -> None:
    status, out, _ = run("show", parked_id(shop))
    assert status == 0
    for word in ("sub_parked", "req_1", "rejected", "action_parked", "card_declined"):
        assert word in out
    assert all(line == line.rstrip() for line in out.splitlines())

    meaning = (
        "card_declined: The customer's card was declined. Ask the customer for another way to pay."
    )
    assert out.count(meaning) == 1
    assert meaning in out.splitlines()
    assert "do_next" not in out


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_customer_is_named_only_when_asked_for_and_their_words_never_are(
    shop: str, run: Run, as_json: list[str]
) -> None:
    commands: list[list[str]] = [["--state", "all"], ["show", parked_id(shop)]]
    for command in commands:
        _, out, _ = run(*command, *as_json)
        assert not re.search(r"\bada\b", out)
        _, out, _ = run(*command, "--customer", *as_json)
        assert re.search(r"\bada\b", out)
        assert "Lovelace" not in out


def test_a_retried_action_waits_again(shop: str, run: Run) -> None:
    action = parked_id(shop)
    assert run("retry", action) == (0, f"action {action} is waiting\n", "")
    assert states(shop) == ["waiting", "done", "waiting"]
    _, out, _ = run("show", action, "--json")
    assert json.loads(out)["journal"][-1]["entry"] == "action_retried"


def test_a_closed_action_is_listed_as_closed_with_its_reason(shop: str, run: Run) -> None:
    action = parked_id(shop)
    status, out, _ = run("close", action, "--reason", "refunded_by_hand", "--json")
    assert (status, json.loads(out)) == (0, {"id": int(action), "state": "closed"})
    assert run() == (0, "no parked actions\n", "")
    _, out, _ = run("--state", "closed", "--json")
    assert [(each["state"], each["code"]) for each in json.loads(out)] == [
        ("closed", "refunded_by_hand")
    ]


def test_a_second_decision_is_refused_with_the_reason_why(shop: str, run: Run) -> None:
    action = parked_id(shop)
    run("close", action, "--reason", "refunded")
    status, out, err = run("retry", action)
    assert (status, out) == (1, "")
    why = "it is closed, and only a parked action can be retried or closed"
    assert err == f"aiocancel: action {action} is left as it is: {why}\n"


@pytest.mark.parametrize(
    "arguments", [["show", "999999"], ["retry", "999999"], ["close", "999999", "--reason", "x"]]
)
def test_an_action_that_is_not_there_is_told(shop: str, run: Run, arguments: list[str]) -> None:
    assert run(*arguments) == (1, "", "aiocancel: there is no action 999999\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--state", "lost"],
        ["--claim", "ada"],
        ["--limit", "0"],
        ["show", "ada"],
        ["show", "0"],
        ["show", str(2**63)],
        ["close", "1"],
        ["close", "1", "--reason", "Ada asked for it"],
    ],
)
def test_a_wrong_word_is_wrong_usage(shop: str, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["actions", *arguments])
    assert refused.value.code == 2
    assert states(shop) == ["parked", "done", "waiting"]


def test_the_word_list_lists_as_no_word_does(shop: str, run: Run) -> None:
    assert run("list") == run()
    assert run("--state", "done", "list") == run("list", "--state", "done")
    assert run("list", "--state", "all", "--json") == run("--state", "all", "--json")


@pytest.mark.parametrize("place", [["--database-url", "{}"], ["show", "1", "--database-url", "{}"]])
def test_a_database_that_cannot_be_opened_is_named_without_its_password(
    run: Run, monkeypatch: pytest.MonkeyPatch, place: list[str]
) -> None:
    monkeypatch.setenv("AIOCANCEL_DATABASE_URL", "postgresql://elsewhere")
    status, out, err = run(
        *(word.format(f"postgresql://ada:{SECRET}@127.0.0.1:9/shop") for word in place)
    )
    assert (status, out) == (1, "")
    assert "the database cannot be opened (ada@127.0.0.1:9/shop)" in err
    assert SECRET not in err


@pytest.mark.parametrize("url", ["", None])
def test_without_a_database_nothing_is_guessed(
    monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    for name in ("AIOCANCEL_DATABASE_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    arguments: list[Any] = [] if url is None else ["--database-url", url]
    with pytest.raises(SystemExit) as refused:
        main(["actions", *arguments])
    assert refused.value.code == 2


def test_tables_of_another_release_are_not_touched(shop: str, run: Run) -> None:
    with_pool(shop, lambda pool: pool.execute("INSERT INTO aiocancel.schema_version VALUES (999)"))
    status, _, err = run("retry", parked_id(shop))
    assert status == 1
    assert "newer than this release" in err


def test_the_help_does_not_show_the_password_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://ada:{SECRET}@db/shop")
    with pytest.raises(SystemExit):
        main(["actions", "--help"])
    assert SECRET not in capsys.readouterr().out
