"""The README shows what runs: its code is part of an example, its links exist, its commands are CI's."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from tests.support.saas import GRANT_KEYS, Pool
from tests.support.web import without_proof

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICKSTART = ROOT / "examples" / "quickstart.py"


def test_the_code_in_the_readme_is_part_of_the_quickstart_which_has_at_most_40_lines() -> None:
    code = QUICKSTART.read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

    assert shown in code
    assert len(shown.splitlines()) <= 10
    assert len([line for line in code.splitlines() if line.strip()]) <= 40


def test_the_line_of_the_quickstart_that_says_who_is_logged_in_is_to_be_replaced() -> None:
    lines = QUICKSTART.read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if "cookies" in line]

    assert line.strip().startswith("return ")
    assert line.endswith("# ask your session here")


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)

    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_test_that_the_readme_names_is_the_one_it_links_to() -> None:
    named = re.findall(r"\[`(tests/[^`]+)`\]\(([^)]+)\)", README)

    assert len(named) >= 8
    assert [(text, link) for text, link in named if text != link] == []


def test_the_readme_says_its_status_before_it_asks_anybody_to_install_it() -> None:
    headings = re.findall(r"^## (.+)$", README, re.MULTILINE)

    assert headings[:3] == ["Status", "Install", "Try it"]
    assert "pip install aiocancel\n" in README
    # One screenful: what it is, and for whom, with the picture and the status.
    assert README.index("## Install") < 2_800
    assert len(README.split()) < 1_000


def test_every_package_that_comes_along_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {
        name: packages
        for name, packages in project["optional-dependencies"].items()
        if name not in ("docs", "test")
    }
    rows = "\n".join(line for line in README.splitlines() if line.startswith("|"))

    wanted = [*project["dependencies"], *chain.from_iterable(extras.values())]

    for requirement in wanted:
        name = re.split(r"[<>=\[]", requirement)[0]
        assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", rows), name
    assert [name for name in extras if f"`[{name}]` " not in rows] == []


def test_the_pictures_are_small() -> None:
    pictures = sorted((ROOT / "docs" / "images").rglob("*.png"))

    assert {"account.png", "flow.png", "plain-page.png"} <= {each.name for each in pictures}
    assert all(picture.stat().st_size < 160_000 for picture in pictures)


def test_no_link_is_dead_where_a_package_index_shows_the_readme() -> None:
    spec = importlib.util.spec_from_file_location("hook", ROOT / "docs" / "readme_on_index.py")
    assert spec is not None
    assert spec.loader is not None
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)

    shown = hook.on_index(README)

    assert [link for link in re.findall(r"\]\(([^)]+)\)", shown) if "://" not in link] == []
    assert "![" not in shown
    assert "[aiohttp](https://docs.aiohttp.org)" in shown
    assert "`tests/core/test_grants.py`" in shown
    metadata: dict[str, object] = {}
    hook.ReadmeOnIndex(str(ROOT), {}).update(metadata)
    assert metadata["readme"] == {"content-type": "text/markdown", "text": shown}


def test_ci_runs_the_commands_that_the_readme_gives() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    for command in (
        "pip install -e '.[test]' && pytest -n auto",
        "pip install -e '.[demo]' && python examples/saas_app.py",
    ):
        assert command in README
    assert "-e '.[test]'" in script
    assert re.search(r"^AIOCANCEL_REQUIRE_BROWSER=1 pytest -n auto\b", script, re.MULTILINE)
    assert "python -m tests.support.drive_demo" in script
    assert ".ci/bare-machine trixie commands" in script


@pytest_asyncio.fixture(loop_scope="session")
async def customers(pool: Pool, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table that the quickstarts read, and their environment."""
    await pool.execute("CREATE TABLE customers (id text PRIMARY KEY, stripe_subscription_id text)")
    await pool.execute("INSERT INTO customers VALUES ('ada', 'sub_1')")

    settings = {
        "PROSPERSTACK_CLIENT_ID": "acct_1",
        "PROSPERSTACK_CLIENT_SECRET": "a secret",
        "STRIPE_API_KEY": "sk_test_1",
        "DATABASE_URL": database,
        "GRANT_KEY": GRANT_KEYS[0],
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(QUICKSTART.parent))


async def _client_of(name: str, aiohttp_client: AiohttpClient) -> TestClient[Any, Any]:
    try:
        app = importlib.import_module(name).app
        client: TestClient[Any, Any] = await aiohttp_client(app, cookies={"customer": "ada"})
        return client
    finally:
        sys.modules.pop(name, None)


@pytest.mark.usefixtures("customers")
async def test_the_quickstart_serves_a_page_with_a_working_button_and_needs_no_vendor(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROSPERSTACK_CLIENT_ID")
    client = await _client_of("quickstart", aiohttp_client)

    page = await client.get("/account")
    assert "prosperstack" not in page.headers["Content-Security-Policy"]
    assert 'action="/cancel"' in await page.text()

    flow = await client.get("/cancel")
    assert flow.status == 200
    assert "Why are you leaving?" in await flow.text()


@pytest.mark.usefixtures("customers")
async def test_the_quickstart_with_prosperstack_signs_what_its_flow_needs(
    aiohttp_client: AiohttpClient,
) -> None:
    client = await _client_of("quickstart_prosperstack", aiohttp_client)

    page = await client.get("/account")
    assert "https://app.prosperstack.com" in page.headers["Content-Security-Policy"]
    assert 'action="/cancel"' in await page.text()

    flow = (await (await client.get("/cancel/payload")).json())["flow"]
    assert (
        without_proof(flow["signedPayload"], "a secret").payload
        == '{"clientId":"acct_1","subscription":{"platformId":"sub_1"}}'
    )
    assert (await client.get("/cancel")).status == 200
