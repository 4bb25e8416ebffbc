"""Two roles of PostgreSQL with as little as each needs: one that migrates, and one that serves and works."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from aiocancel.errors import ConfigurationError

if TYPE_CHECKING:
    from aiocancel.postgres.connection import Connection

# One that needs no quoting trick anywhere: what is printed here is run by a superuser.
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")

# ``{migrate}`` and ``{serve}`` are names of roles that ``_NAME`` has checked.
GRANTS: Final = """\
-- Once, by a superuser of the application's database, before the first "aiocancel migrate" or after it.
DO $aiocancel$ BEGIN
    EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO %I', current_database(), '{migrate}');
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), '{serve}');
END $aiocancel$;

-- This role owns the tables: give its DSN to "aiocancel migrate" alone.
CREATE SCHEMA IF NOT EXISTS aiocancel AUTHORIZATION "{migrate}";

-- It gets what another role's migrations made before it. That waits three seconds at most for a table that is in use:
-- run all of this again after an error here.
DO $aiocancel$
DECLARE
    found record;
BEGIN
    SET LOCAL lock_timeout = '3s';
    FOR found IN
        SELECT format('SCHEMA %I', nspname) AS named, nspowner AS owner FROM pg_namespace WHERE nspname = 'aiocancel'
        UNION ALL
        SELECT format('TABLE %s', oid::regclass), relowner FROM pg_class
        WHERE relnamespace = 'aiocancel'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
        UNION ALL
        -- A table takes its own sequences and its row type along.
        SELECT format('SEQUENCE %s', c.oid::regclass), c.relowner FROM pg_class c
        WHERE c.relnamespace = 'aiocancel'::regnamespace AND c.relkind = 'S'
          AND NOT EXISTS (SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i'))
        UNION ALL
        SELECT format('ROUTINE %s', oid::regprocedure), proowner FROM pg_proc
        WHERE pronamespace = 'aiocancel'::regnamespace
        UNION ALL
        SELECT format('TYPE %s', oid::regtype), typowner FROM pg_type
        WHERE typnamespace = 'aiocancel'::regnamespace AND typtype IN ('d', 'e')
    LOOP
        CONTINUE WHEN found.owner = (SELECT oid FROM pg_roles WHERE rolname = '{migrate}');
        EXECUTE format('ALTER %s OWNER TO %I', found.named, '{migrate}');
    END LOOP;
END $aiocancel$;

-- This role is for the web processes and the workers. It owns nothing, so it cannot drop the journal's trigger.
GRANT USAGE ON SCHEMA aiocancel TO "{serve}";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA aiocancel TO "{serve}";
GRANT USAGE ON ALL SEQUENCES IN SCHEMA aiocancel TO "{serve}";
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA aiocancel TO "{serve}";

-- The same for the tables of later migrations.
ALTER DEFAULT PRIVILEGES FOR ROLE "{migrate}" IN SCHEMA aiocancel
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "{serve}";
ALTER DEFAULT PRIVILEGES FOR ROLE "{migrate}" IN SCHEMA aiocancel GRANT USAGE ON SEQUENCES TO "{serve}";
ALTER DEFAULT PRIVILEGES FOR ROLE "{migrate}" IN SCHEMA aiocancel GRANT EXECUTE ON FUNCTIONS TO "{serve}";

-- And SELECT on those of your own tables that your subscription query reads.
"""

# An identity column needs nothing for its sequence; PgQueuer's columns are of the older kind. The tables of ways and of
# versions are only read, and the journal and the chain only grow.
FORBIDDEN: Final = """
SELECT c.relname || ' (' || needed.privilege || ')' AS name
FROM pg_class c CROSS JOIN LATERAL unnest(CASE
        WHEN c.relname IN ('schema_version', 'evidence_chain') OR c.relname LIKE '%\\_transition' THEN ARRAY['SELECT']
        WHEN c.relname IN ('journal', 'evidence_link') THEN ARRAY['SELECT', 'INSERT']
        WHEN c.relname IN ('evidence_due', 'evidence_content', 'evidence_kept') THEN ARRAY['SELECT', 'INSERT', 'DELETE']
        WHEN c.relname LIKE 'pgqueuer%' OR c.relname IN ('doorbell', 'stripe_event', 'counted_day', 'recount')
            THEN ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']
        ELSE ARRAY['SELECT', 'INSERT', 'UPDATE'] END) AS needed (privilege)
WHERE c.relnamespace = 'aiocancel'::regnamespace AND c.relkind = 'r'
  AND NOT has_table_privilege(c.oid, needed.privilege)
UNION ALL
SELECT s.relname || ' (USAGE)' FROM pg_class s
WHERE s.relnamespace = 'aiocancel'::regnamespace
  AND CASE s.relkind WHEN 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE') ELSE false END
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = s.oid AND d.deptype = 'i')
UNION ALL
SELECT p.proname || ' (EXECUTE)' FROM pg_proc p
WHERE p.pronamespace = 'aiocancel'::regnamespace AND NOT has_function_privilege(p.oid, 'EXECUTE')
ORDER BY 1
"""


def grant_statements(*, migrate_role: str, serve_role: str) -> str:
    """Return the statements that give two roles what they need.

    Args:
        migrate_role: Runs ``aiocancel migrate``, and owns the tables.
        serve_role: Serves requests and carries changes out.

    Raises:
        ConfigurationError: A name is none that these statements can hold, or both are the same.
    """
    for name in (migrate_role, serve_role):
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                "a role's name here has letters, digits, '_' and '-', at most 63, and begins with a letter"
            )
    if migrate_role == serve_role:
        raise ConfigurationError("the two roles are the same: then nothing is gained")
    return GRANTS.format(migrate=migrate_role, serve=serve_role)


async def forbidden_objects(connection: Connection) -> list[str]:
    """Return what this role may not use of our tables, sequences and functions, each with the missing privilege."""
    return [row["name"] for row in await connection.fetch(FORBIDDEN)]
