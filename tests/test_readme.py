"""The README shows what runs: its code is an example file, its links exist, its commands are CI's."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from tests.support.saas import Pool

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICKSTART = ROOT / "examples" / "quickstart.py"


def test_the_code_in_the_readme_is_the_quickstart_file_in_at_most_30_lines() -> None:
    code = QUICKSTART.read_text(encoding="utf-8")
    assert f"```python\n{code}```" in README
    assert len([line for line in code.splitlines() if line.strip()]) <= 30


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_ci_runs_the_commands_that_the_readme_gives() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in (
        "pip install -e '.[test]' && pytest -n auto --dist loadgroup",
        "pip install -e '.[demo]' && python examples/saas_app.py",
    ):
        assert command in README
    assert "-e '.[test]'" in script
    assert re.search(
        r"^AIOCANCEL_REQUIRE_BROWSER=1 pytest -n auto --dist loadgroup\b", script, re.MULTILINE
    )
    assert "python -m tests.support.drive_demo" in script
    assert ".ci/bare-machine trixie commands" in script


async def test_the_quickstart_serves_a_page_with_a_working_button(
    aiohttp_client: AiohttpClient, pool: Pool, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pool.execute("CREATE TABLE customers (id text PRIMARY KEY, stripe_subscription_id text)")
    await pool.execute("INSERT INTO customers VALUES ('ada', 'sub_1')")
    settings = {
        "PROSPERSTACK_CLIENT_ID": "acct_1",
        "PROSPERSTACK_CLIENT_SECRET": "a secret",
        "STRIPE_API_KEY": "sk_test_1",
        "DATABASE_URL": database,
        "GRANT_KEY": "a key",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(QUICKSTART.parent))
    try:
        client = await aiohttp_client(
            importlib.import_module("quickstart").app, cookies={"customer": "ada"}
        )
    finally:
        sys.modules.pop("quickstart", None)
    page = await client.get("/account")
    assert "https://app.prosperstack.com" in page.headers["Content-Security-Policy"]
    assert 'action="/cancel"' in await page.text()
    flow = (await (await client.get("/cancel/payload")).json())["flow"]
    assert (
        flow["signedPayload"]["payload"]
        == '{"clientId":"acct_1","subscription":{"platformId":"sub_1"}}'
    )
    assert (await client.get("/cancel")).status == 200
