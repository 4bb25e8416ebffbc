"""A role with exactly what ``aiocancel grants`` prints serves and carries out a cancellation, and can do no more."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import resources

import asyncpg
import pytest
from pytest_aiohttp import AiohttpClient

from aiocancel.cli.main import main
from aiocancel.core.evidence import verify
from aiocancel.errors import ConfigurationError, UnavailableError
from aiocancel.postgres import schema
from aiocancel.postgres.erasure import Erasure
from aiocancel.postgres.evidence import Evidence
from aiocancel.postgres.evidence_files import EvidenceFiles
from aiocancel.postgres.ledger import Ledger
from aiocancel.postgres.roles import forbidden_objects, grant_statements
from aiocancel.postgres.schema import migrate
from aiocancel.testing.postgres import EmbeddedPostgres
from aiocancel.testing.stripe.simulator import StripeSimulator
from tests.support.claims import make_claim, make_grant, record
from tests.support.saas import CREATE_TABLES, Pool, add_customer, as_customer, make_app, make_cancel
from tests.support.waiting import until


@dataclass
class Roles:
    """A database of an application that gives two roles no more than it must."""

    owner: Pool
    migrate: str
    serve: str

    @property
    def statements(self) -> str:
        return grant_statements(migrate_role=self.migrate, serve_role=self.serve)

    def dsn(self, role: str, postgres_dsn: str) -> str:
        return postgres_dsn.replace("//postgres@", f"//{role}@")


@pytest.fixture
async def dsn(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    name = f"roles_{uuid.uuid4().hex}"
    yield await postgres.create_database(name)
    await postgres.drop_database(name)


@pytest.fixture
async def roles(dsn: str) -> AsyncIterator[Roles]:
    suffix = uuid.uuid4().hex[:8]
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as owner:
        found = Roles(owner, f"migrate-{suffix}", f"serve_{suffix}")
        await owner.execute(CREATE_TABLES)
        await owner.execute(f'CREATE ROLE "{found.migrate}" LOGIN; CREATE ROLE {found.serve} LOGIN')
        await owner.execute(f"GRANT SELECT ON app_subscription TO {found.serve}")
        yield found
        for role in (found.serve, found.migrate):
            await owner.execute(f'DROP OWNED BY "{role}" CASCADE; DROP ROLE "{role}"')


async def migrate_as(role: str, roles: Roles, dsn: str) -> None:
    connection = await asyncpg.connect(roles.dsn(role, dsn))
    await migrate(connection)
    await connection.close()


@pytest.mark.parametrize("grants_come_first", [True, False])
async def test_a_role_with_what_is_printed_carries_a_whole_cancellation_out(
    aiohttp_client: AiohttpClient,
    roles: Roles,
    dsn: str,
    stripe_api: tuple[StripeSimulator, str],
    grants_come_first: bool,
) -> None:
    stripe, url = stripe_api
    stripe.add_subscription("sub_ada")
    await add_customer(roles.owner, "ada", "sub_ada")
    if grants_come_first:
        await roles.owner.execute(roles.statements)
        await migrate_as(roles.migrate, roles, dsn)
    else:
        await migrate_as("postgres", roles, dsn)
        await roles.owner.execute(roles.statements)
    # Each claim leads to hooks as well, and so through every statement of the path.
    cancel = make_cancel(roles.dsn(roles.serve, dsn), url, answer_within_s=20.0)
    told: list[str] = []

    @cancel.on_outcome
    async def note(outcome: object) -> None:
        told.append(type(outcome).__name__)

    client = await aiohttp_client(make_app(cancel))
    page = await client.get("/cancel/payload", headers=as_customer("ada"))
    grant = (await page.json())["flow"]["grant"]
    response = await client.post(
        "/cancel/result", json={"grant": grant, "status": "canceled"}, headers=as_customer("ada")
    )

    assert (response.status, (await response.json())["outcome"]) == (200, "scheduled")
    assert [effect.kind for effect in stripe.effects] == ["cancel_at_period_end"]
    await until(lambda: told == ["Outcome"])
    # Before its role is gone.
    await client.close()


async def test_a_site_whose_tables_another_role_made_is_upgraded_by_the_role_that_migrates(
    roles: Roles, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = schema.migrations()
    newest = max(known)
    with monkeypatch.context() as before:
        before.setattr(schema, "migrations", lambda: {n: known[n] for n in known if n < newest})
        await migrate_as("postgres", roles, dsn)
    await roles.owner.execute(roles.statements)
    # Printed once more and run again, they change nothing.
    await roles.owner.execute(roles.statements)

    migrating = await asyncpg.connect(roles.dsn(roles.migrate, dsn))
    applied = await migrate(migrating)
    # What migrations to come may do, each way of changing one sort of object.
    await migrating.execute(
        "CREATE TABLE aiocancel.later (a int); ALTER TABLE aiocancel.claim ADD COLUMN later int;"
        "ALTER TYPE aiocancel.pgqueuer_status ADD VALUE 'later'"
    )
    await migrating.close()
    others = await roles.owner.fetch(
        "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'aiocancel'::regnamespace"
        " AND relowner <> $1::regrole UNION ALL SELECT oid::regprocedure::text FROM pg_proc"
        " WHERE pronamespace = 'aiocancel'::regnamespace AND proowner <> $1::regrole UNION ALL"
        " SELECT oid::regtype::text FROM pg_type"
        " WHERE typnamespace = 'aiocancel'::regnamespace AND typowner <> $1::regrole",
        f'"{roles.migrate}"',
    )
    serving = await asyncpg.connect(roles.dsn(roles.serve, dsn))
    forbidden = await forbidden_objects(serving)
    await serving.close()

    assert applied == [newest]
    assert [row["name"] for row in others] == []
    assert forbidden == []


async def test_every_table_from_which_the_code_deletes_is_named_to_a_role_that_cannot(
    roles: Roles, dsn: str
) -> None:
    folder = resources.files("aiocancel.postgres")
    sources = [each.read_text() for each in folder.iterdir() if each.name.endswith(".py")]
    ours = set(re.findall(r"DELETE\s+FROM\s+aiocancel\.(\w+)", "\n".join(sources)))
    await roles.owner.execute(roles.statements)
    await migrate_as(roles.migrate, roles, dsn)
    await roles.owner.execute(f"REVOKE DELETE ON ALL TABLES IN SCHEMA aiocancel FROM {roles.serve}")
    serving = await asyncpg.connect(roles.dsn(roles.serve, dsn))

    found = set(await forbidden_objects(serving))
    await serving.close()

    assert {"doorbell", "stripe_event", "counted_day", "recount"} <= ours
    assert {f"{table} (DELETE)" for table in ours} <= found
    # The rest are the job engine's, which deletes by itself.
    assert {name for name in found if not name.startswith("pgqueuer")} <= {
        f"{table} (DELETE)" for table in ours
    }


async def test_the_role_that_serves_may_use_everything_and_change_nothing_of_the_tables(
    roles: Roles, dsn: str
) -> None:
    await roles.owner.execute(roles.statements)
    await migrate_as(roles.migrate, roles, dsn)
    serving = await asyncpg.connect(roles.dsn(roles.serve, dsn))

    assert await forbidden_objects(serving) == []
    for statement in (
        "DROP TRIGGER journal_is_append_only ON aiocancel.journal",
        "ALTER TABLE aiocancel.journal DISABLE TRIGGER ALL",
        "TRUNCATE aiocancel.claim",
        "CREATE TABLE aiocancel.mine ()",
        "DROP TRIGGER evidence_link_stays ON aiocancel.evidence_link",
        "TRUNCATE aiocancel.evidence_link CASCADE",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await serving.execute(statement)
    await serving.close()


async def test_a_role_that_can_only_add_to_the_chain_seals_and_erases(
    roles: Roles, dsn: str
) -> None:
    await roles.owner.execute(roles.statements)
    await migrate_as(roles.migrate, roles, dsn)
    await roles.owner.execute(
        f"REVOKE UPDATE, DELETE ON aiocancel.evidence_link FROM {roles.serve};"
        f"REVOKE INSERT, UPDATE, DELETE ON aiocancel.evidence_chain FROM {roles.serve};"
        f"REVOKE UPDATE ON aiocancel.evidence_due, aiocancel.evidence_content FROM {roles.serve};"
        f"REVOKE UPDATE ON aiocancel.evidence_kept FROM {roles.serve}"
    )

    async with asyncpg.create_pool(roles.dsn(roles.serve, dsn), min_size=1, max_size=2) as serving:
        async with serving.acquire() as connection:
            assert await forbidden_objects(connection) == []
        recorded = await record(Ledger(serving), make_claim("incomplete", text="Ada"), make_grant())
        assert await Evidence(serving).seal() == 1

        async with serving.acquire() as connection:
            await Erasure(connection, keep_evidence=True).of_customer("ada")
            assert (await Erasure(connection).of_customer("ada")).evidence == 1
            found = await EvidenceFiles(connection).export(recorded.public_id)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("DELETE FROM aiocancel.evidence_link")

    assert found is not None
    assert [each["fact"]["what"] for each in found["links"]][-2:] == [
        "claim_erased",
        "evidence_erased",
    ]
    assert verify(found).erased == 1


async def test_a_role_without_any_right_on_the_chain_keeps_no_customer_from_leaving(
    roles: Roles, dsn: str
) -> None:
    """As where an owner grants each table by hand, and has not come to the new ones yet."""
    await roles.owner.execute(roles.statements)
    await migrate_as(roles.migrate, roles, dsn)
    await roles.owner.execute(
        f"REVOKE ALL ON aiocancel.evidence_due, aiocancel.evidence_link FROM {roles.serve}"
    )

    async with asyncpg.create_pool(roles.dsn(roles.serve, dsn), min_size=1, max_size=2) as serving:
        await record(Ledger(serving), make_claim("canceled"), make_grant())
        with pytest.raises(UnavailableError):
            await Evidence(serving).seal()

        async with serving.acquire() as connection:
            forbidden = await forbidden_objects(connection)

    assert await roles.owner.fetchval("SELECT count(*) FROM aiocancel.evidence_due") == 3
    assert {"evidence_due (SELECT)", "evidence_link (INSERT)"} <= set(forbidden)


async def test_a_role_without_the_sequences_is_found_out(roles: Roles, dsn: str) -> None:
    await roles.owner.execute(roles.statements)
    await migrate_as(roles.migrate, roles, dsn)
    await roles.owner.execute(
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA aiocancel FROM {roles.serve}; "
        f"REVOKE UPDATE ON aiocancel.claim FROM {roles.serve}"
    )
    serving = await asyncpg.connect(roles.dsn(roles.serve, dsn))

    found = await forbidden_objects(serving)
    await serving.close()

    assert "claim (UPDATE)" in found
    assert "pgqueuer_id_seq (USAGE)" in found


async def test_a_privilege_that_is_missing_is_503_and_the_same_post_works_when_it_is_there(
    aiohttp_client: AiohttpClient, roles: Roles, dsn: str
) -> None:
    await add_customer(roles.owner, "ada", "sub_ada")
    await roles.owner.execute(roles.statements)
    await migrate_as(roles.migrate, roles, dsn)
    cancel = make_cancel(roles.dsn(roles.serve, dsn), run_worker=False, answer_within_s=0.1)
    client = await aiohttp_client(make_app(cancel))
    page = await client.get("/cancel/payload", headers=as_customer("ada"))
    body = {"grant": (await page.json())["flow"]["grant"], "status": "canceled"}
    await roles.owner.execute(f"REVOKE INSERT ON aiocancel.claim FROM {roles.serve}")

    refused = await client.post("/cancel/result", json=body, headers=as_customer("ada"))
    await roles.owner.execute(roles.statements)
    accepted = await client.post("/cancel/result", json=body, headers=as_customer("ada"))
    # Before its role is gone.
    await client.close()

    assert refused.status == 503
    assert accepted.status == 202


def test_the_command_prints_the_statements(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grants", "--migrate-role", "owner", "--serve-role", "web"]) == 0

    assert capsys.readouterr().out == grant_statements(migrate_role="owner", serve_role="web")


@pytest.mark.parametrize("name", ["", "a b", 'web"; DROP TABLE x', "o'hara", "ö", "x" * 64, "1st"])
def test_a_name_that_could_end_a_statement_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError):
        grant_statements(migrate_role="owner", serve_role=name)
    with pytest.raises(ConfigurationError):
        grant_statements(migrate_role=name, serve_role="web")


def test_one_role_for_both_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        grant_statements(migrate_role="web", serve_role="web")
