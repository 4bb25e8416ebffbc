"""``aiocancel evidence``: one claim as a file, and a file that shows whether it was altered."""

from __future__ import annotations

import asyncio
import json
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aiocancel.cli.evidence_page import page_of
from aiocancel.cli.main import main
from aiocancel.core.actions import Receipt
from aiocancel.core.evidence import hash_of, rendered
from aiocancel.postgres.erasure import Erasure
from aiocancel.postgres.ledger import Ledger
from aiocancel.testing.postgres import EmbeddedPostgres
from tests.support.claims import make_claim, make_grant, record, take_due
from tests.support.commands import with_pool
from tests.support.saas import Pool

WORDS = "<script>alert(1)</script> & \u202eevil"

Run = Callable[..., tuple[int, str, str]]


@contextmanager
def filled(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    """The DSN of a database in which Ada and Bob cancelled."""
    name = f"evidence_{uuid.uuid4().hex}"
    database = asyncio.run(postgres.create_database(name, template=template))
    with_pool(database, fill)
    yield database
    asyncio.run(postgres.drop_database(name))


@pytest.fixture(scope="module")
def shared(postgres: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    """One for all tests: none alters what was stored about Ada."""
    with filled(postgres, template_database) as database:
        yield database


@pytest.fixture
def shop(shared: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AIOCANCEL_DATABASE_URL", shared)
    return shared


async def fill(pool: Pool) -> None:
    ledger = Ledger(pool)
    for customer in ("ada", "bob@example.com"):
        grant = make_grant(f"sub_{customer}", customer_id=customer)
        await record(ledger, make_claim("canceled", text=WORDS), grant)
        (taken,) = await take_due(pool, uuid.uuid4())
        await ledger.begin_write(taken)
        await ledger.end_write(taken, "accepted", code=None, request_id="req_1")
        await ledger.finish(taken, Receipt("active", None))


def claim_of(database: str, customer: str = "ada") -> str:
    """The public id of a customer's claim."""
    query = "SELECT public_id FROM aiocancel.claim WHERE customer_id = $1"
    return str(with_pool(database, lambda pool: pool.fetchval(query, customer)))


@pytest.fixture
def claim(shop: str) -> str:
    """The public id of Ada's claim."""
    return claim_of(shop)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            status = main(["evidence", *map(str, arguments)])
        except SystemExit as end:
            status = int(str(end.code))
        return (status, *capsys.readouterr())

    return call


def exported(run: Run, claim: str, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    status, out, err = run("export", claim, "--out", folder)
    assert (status, err) == (0, "")
    path = folder / f"evidence-{claim}.json"
    assert out.splitlines() == [str(path), str(path.with_suffix(".html"))]
    return path


@pytest.fixture
def file(claim: str, run: Run, tmp_path: Path) -> Path:
    """Ada's claim as it was exported, with the page beside it."""
    return exported(run, claim, tmp_path)


def test_a_file_that_nobody_altered_is_proved_and_the_rest_is_said(file: Path, run: Run) -> None:
    status, out, err = run("verify", file)

    assert (status, err) == (0, "")
    assert out.startswith("unaltered: 5 links of the claim ")
    head = json.loads(file.read_text())["head"]
    assert f"head at position {head['position']}, {head['hash']}, on 2" in out
    assert "one that leaves out the last ones is whole as well" in out
    assert "Not proved:\n- That the company did not make another chain" in out
    assert "No other party has stamped them." in out

    status, out, _ = run("verify", file, "--compare", "--json")
    said = json.loads(out)
    assert (status, said["unaltered"], said["compared_with_database"]) == (0, True, True)
    assert said["differs"] == []
    assert (said["head"], said["exported_at"][:2]) == (head, "20")


def test_a_file_asks_no_database_unless_it_is_told_to(
    file: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIOCANCEL_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

    assert run("verify", file)[0] == 0
    status, _, err = run("verify", file, "--compare")
    assert (status, "cannot be opened" in err) == (1, True)


def test_an_altered_file_ends_with_the_field_that_differs(file: Path, run: Run) -> None:
    file.write_text(file.read_text().replace('"accepted"', '"rejected"'))

    status, out, _ = run("verify", file)
    assert status == 1
    assert (
        out == "differs: links[3].hash does not fit the fact, the position and the hash before it\n"
    )

    status, out, _ = run("verify", file, "--compare", "--json")
    said = json.loads(out)
    assert (status, said["unaltered"], said["proved"]) == (1, False, [])
    assert said["compared_with_database"] is False
    assert said["differs"][0]["where"] == "links[3].hash"


def test_a_chain_that_was_made_anew_is_noticed_beside_an_earlier_file(
    postgres: EmbeddedPostgres,
    template_database: str,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def make_anew(pool: Pool) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute("DELETE FROM aiocancel.evidence_content")
            await connection.execute("DELETE FROM aiocancel.evidence_link")
            await connection.execute(
                "INSERT INTO aiocancel.evidence_due (source, reference) SELECT 'journal', id FROM aiocancel.journal"
            )

    with filled(postgres, template_database) as database:
        monkeypatch.setenv("AIOCANCEL_DATABASE_URL", database)
        claim = claim_of(database)
        file = exported(run, claim, tmp_path)
        with_pool(database, make_anew)
        newer = exported(run, claim, tmp_path / "newer")
        assert run("verify", newer, "--compare")[0] == 0

        status, out, _ = run("verify", file, "--compare")

    assert (status, out) == (1, "differs: the database's link 1 differs from the file\n")


def test_a_file_is_for_its_owner_alone_and_nothing_is_written_over(
    file: Path, claim: str, run: Run, tmp_path: Path
) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.with_suffix(".html").stat().st_mode) == 0o600

    status, _, err = run("export", claim, "--out", tmp_path)
    assert (status, err) == (1, f"aiocancel: {file} is there already, and stays\n")

    status, _, err = run("export", claim, "--out", tmp_path / "nowhere")
    assert (status, "cannot be written" in err) == (1, True)


def test_without_a_folder_the_json_is_printed(claim: str, run: Run, tmp_path: Path) -> None:
    status, out, _ = run("export", claim)
    printed = tmp_path / "printed.json"
    printed.write_text(out)

    assert status == 0
    assert run("verify", printed)[0] == 0
    assert "bob@example.com" not in out


def test_the_page_shows_everything_and_runs_nothing(file: Path) -> None:
    page = file.with_suffix(".html").read_text()

    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; \u202eevil</bdi>" in page
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    assert "default-src 'none'" in page
    assert "req_1" in page
    assert "bob@example.com" not in page
    assert json.loads(file.read_text())["sha256"] in page


def test_after_an_erasure_the_file_says_that_it_has_no_personal_data(
    shop: str, run: Run, tmp_path: Path
) -> None:
    async def erase(pool: Pool) -> None:
        async with pool.acquire() as connection:
            await Erasure(connection).of_customer("bob@example.com")

    claim = claim_of(shop, "bob@example.com")
    before = exported(run, claim, tmp_path)
    with_pool(shop, erase)
    after = exported(run, claim, tmp_path / "after")

    status, out, _ = run("verify", after, "--compare")

    assert status == 0
    assert "without personal data: the content of 2 links was erased" in out
    assert "No personal data is left" in after.with_suffix(".html").read_text()
    assert "alert(1)" not in after.read_text()
    # The one from before is still confirmed: the links are the same.
    assert run("verify", before, "--compare")[0] == 0


def test_a_file_that_was_cut_short_is_told_how_much_the_database_has_beyond_it(
    file: Path, run: Run, tmp_path: Path
) -> None:
    found = json.loads(file.read_text())
    found["links"] = found["links"][:2]
    last = found["links"][-1]
    found |= {"neighbours": [], "head": {name: last[name] for name in ("position", "hash")}}
    del found["sha256"]
    cut = tmp_path / "cut.json"
    cut.write_text(rendered(found | {"sha256": hash_of(found)}))

    status, out, _ = run("verify", cut, "--compare")
    _, as_json, _ = run("verify", cut, "--compare", "--json")

    assert status == 0
    assert "the database has 3 links of the claim beyond the file" in out
    assert json.loads(as_json)["links_beyond_file"] == 3


def test_what_is_not_chained_is_told_apart(file: Path, run: Run, tmp_path: Path) -> None:
    found = json.loads(file.read_text())
    old = {
        "fact": {"what": "action_closed", "at": "2026-01-01"},
        "content": None,
        "why": "it is old",
    }
    found |= {"not_chained": [old], "other_claims": [{"claim": "x"}]}
    del found["sha256"]
    mixed = tmp_path / "mixed.json"
    mixed.write_text(rendered(found | {"sha256": hash_of(found)}))

    _, out, _ = run("verify", mixed)

    assert "not chained, and not proved: 1 facts" in out
    page = page_of(json.loads(mixed.read_text()))
    assert "<h2>Not chained</h2>" in page
    assert "Not chained: <bdi>it is old</bdi>." in page
    assert "<h2>What the same customer asked for" in page


@pytest.mark.parametrize(
    "text", [b"", b"\xff\xfe", b"{}", b'{"format": "\x1b[31m"}', b"[" * 100_000], ids=range(5)
)
def test_a_file_that_is_no_evidence_ends_with_one_line(
    run: Run, tmp_path: Path, text: bytes
) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text)

    status, out, _ = run("verify", path)

    assert (status, out.count("\n")) == (1, 1)
    assert out.startswith("differs: ")
    assert out.rstrip("\n").isprintable()


def test_a_terminal_is_told_nothing_that_it_would_obey(file: Path, run: Run) -> None:
    found = json.loads(file.read_text())
    found[f"\x1b[2J{'x' * 300}"] = 1
    file.write_text(rendered(found))

    _, out, _ = run("verify", file)

    assert "\x1b" not in out
    assert len(out) < 250


def test_a_file_that_is_too_large_is_not_read(
    file: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aiocancel.cli.evidence.MOST_BYTES", 100)

    status, out, _ = run("verify", file)

    assert (status, out) == (1, "differs: the file is larger than 100 bytes: no export is\n")


def test_a_claim_that_is_none_and_a_file_that_is_none_are_said(
    shop: str, run: Run, tmp_path: Path
) -> None:
    status, _, err = run("export", uuid.uuid4())
    assert (status, err) == (1, "aiocancel: there is no such claim\n")
    assert run("export", "118")[0] == 2
    assert run("verify", tmp_path / "none.json")[0] == 2


def test_a_database_without_our_tables_is_said(
    postgres: EmbeddedPostgres, run: Run, monkeypatch: pytest.MonkeyPatch, file: Path
) -> None:
    name = f"bare_{uuid.uuid4().hex}"
    bare = asyncio.run(postgres.create_database(name))
    monkeypatch.setenv("AIOCANCEL_DATABASE_URL", bare)

    for arguments in (["export", uuid.uuid4()], ["verify", file, "--compare"]):
        status, _, err = run(*arguments)
        assert (status, "run 'aiocancel migrate'" in err) == (1, True)
    asyncio.run(postgres.drop_database(name))
