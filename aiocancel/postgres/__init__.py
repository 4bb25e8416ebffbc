"""The asyncpg edge, the only place with SQL."""
