"""``aiocancel check``: each fact is judged here and becomes a result, with its fix; one exit status for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from aiocancel.core.csp import ContentSecurityPolicy
from aiocancel.errors import PolicyError

CLOCK: Final = "clock"
POLICY: Final = "Content-Security-Policy"
DATABASE: Final = "database"
SCHEMA: Final = "schema"
PERMISSIONS: Final = "Stripe permissions"
BACKLOG: Final = "worker backlog"
EVIDENCE: Final = "evidence"
SCRIPT: Final = "page script"
SIGNING: Final = "signed requests"
WEBHOOK: Final = "webhook token"
MAILS: Final = "mails"

WARN_OFFSET_S: Final = 30.0
FAIL_OFFSET_S: Final = 300.0

OLDEST_SERVER: Final = 14

# A retry waits for its time, and a worker looks every few seconds: this late, no worker runs.
OVERDUE_S: Final = 300.0
# Facts are sealed every few seconds.
UNSEALED_S: Final = 600.0

# Our page's needs inside a sandbox: the script, its requests to its own site, and the plain form.
_SANDBOX_NEEDS: Final = ("allow-scripts", "allow-same-origin", "allow-forms")


FAILED: Final = 1


class Level(StrEnum):
    """How a check ended; SKIP says that a check which it builds on has failed, and is reported there."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line: the thing that was looked at, its state, and the fix."""

    name: str
    level: Level
    detail: str
    fix: str | None = None

    @classmethod
    def ok(cls, name: str, detail: str) -> CheckResult:
        """It is right."""
        return cls(name, Level.OK, detail)

    @classmethod
    def warn(cls, name: str, detail: str, fix: str) -> CheckResult:
        """It works, but something is lost by it."""
        return cls(name, Level.WARN, detail, fix)

    @classmethod
    def fail(cls, name: str, detail: str, fix: str) -> CheckResult:
        """It does not work."""
        return cls(name, Level.FAIL, detail, fix)

    @classmethod
    def skip(cls, name: str, reason: str) -> CheckResult:
        """It cannot be looked at, because something else has failed."""
        return cls(name, Level.SKIP, f"not checked: {reason}")


def clock_offset_s(earliest: float, latest: float, *, asked_at: float, answered_at: float) -> float:
    """Return by how many seconds another clock is ahead of ours at least, negative where it is behind.

    Args:
        earliest: The earliest time that the other clock may have shown when it answered.
        latest: The latest one.
        asked_at: When our clock showed that we asked.
        answered_at: When our clock showed that the answer was there.
    """
    return max(earliest - answered_at, 0.0) + min(latest - asked_at, 0.0)


def judge_clock(offsets_s: Mapping[str, float]) -> CheckResult:
    """Judge how far others' clocks are ahead of this machine's, by whose clock it is (``Stripe``, ``the database``)."""
    if not offsets_s:
        return CheckResult.skip(CLOCK, "neither Stripe nor the database told the time")

    others = " and ".join(offsets_s)
    away = {whose: offset for whose, offset in offsets_s.items() if abs(offset) > WARN_OFFSET_S}
    if not away:
        return CheckResult.ok(
            CLOCK, f"within {max(map(abs, offsets_s.values())):.0f} s of {others}"
        )

    detail = " and ".join(
        f"{whose} is {abs(offset):.0f} s {'ahead of' if offset > 0 else 'behind'} this machine"
        for whose, offset in away.items()
    )
    # One that disagrees while another agrees is itself the one that is wrong.
    agrees = len(away) < len(offsets_s)
    wrong = f"{next(iter(away))}'s server" if agrees and "Stripe" not in away else "this machine"
    fix = f"set the clock of {wrong} by NTP, for instance: timedatectl set-ntp true"
    worst = max(map(abs, away.values()))

    return (CheckResult.fail if worst > FAIL_OFFSET_S else CheckResult.warn)(CLOCK, detail, fix)


def judge_policy(header: str | None, needed: Mapping[str, Iterable[str]]) -> list[CheckResult]:
    """Judge the site's own policy, which ``needed`` (directive to sources) will widen."""
    if header is None:
        fix = "your application must send its own, which is widened; or leave content_security_policy as it is"
        return [CheckResult.warn(POLICY, "none is sent where the application sends none", fix)]

    try:
        policies = ContentSecurityPolicy.parse_list(header)
        added = list(
            dict.fromkeys(name for policy in policies for name in _widened(policy, needed))
        )
    except PolicyError as error:
        return [CheckResult.fail(POLICY, str(error), "correct content_security_policy")]

    if not policies:
        fix = "leave content_security_policy out for a policy that protects, or give None"
        return [CheckResult.warn(POLICY, "it is empty and protects nothing", fix)]

    adds = f"the widget adds to {', '.join(added)}" if added else "it allows the widget as it is"
    detail = f"pages without a policy get: {header}; {adds}"

    return [
        CheckResult.ok(POLICY, detail),
        *(found for policy in policies for found in _weaknesses(policy)),
    ]


def _widened(policy: ContentSecurityPolicy, needed: Mapping[str, Iterable[str]]) -> list[str]:
    before = dict(policy.directives)
    return [name for name, value in policy.widen(needed).directives if before.get(name) != value]


def _weaknesses(policy: ContentSecurityPolicy) -> list[CheckResult]:
    found = []
    directives = {name: {word.lower() for word in value} for name, value in policy.directives}
    if "'script'" in directives.get("require-trusted-types-for", ()):
        detail = "require-trusted-types-for 'script' keeps the vendor's window from opening"
        found.append(
            CheckResult.warn(POLICY, detail, "leave it out on the pages with a cancel button")
        )
    if "sandbox" in directives and (
        lost := [word for word in _SANDBOX_NEEDS if word not in directives["sandbox"]]
    ):
        detail = f"sandbox without {', '.join(lost)} keeps the page's script or form from working"
        found.append(CheckResult.warn(POLICY, detail, f"add to sandbox: {' '.join(lost)}"))
    if policy.ignores_nonces("script-src-elem"):
        detail = "'unsafe-inline' for scripts lets injected code run beside a page that changes subscriptions"
        found.append(
            CheckResult.warn(POLICY, detail, "give inline scripts a nonce: {{ cancel_flow.nonce }}")
        )

    return found


def judge_server(version: int, *, read_only: bool) -> CheckResult:
    """Judge a PostgreSQL server by its major version and by whether it may be written to."""
    if version < OLDEST_SERVER:
        detail = f"PostgreSQL {version} is too old"
        return CheckResult.fail(
            DATABASE, detail, f"upgrade the server to PostgreSQL {OLDEST_SERVER} or newer"
        )
    if read_only:
        detail = f"PostgreSQL {version} is reachable, but only for reading"
        return CheckResult.fail(
            DATABASE, detail, "name the primary, not a replica; see default_transaction_read_only"
        )
    return CheckResult.ok(DATABASE, f"PostgreSQL {version}")


GRANTS: Final = "aiocancel grants --migrate-role … --serve-role …"


def judge_permissions(needed: Sequence[str], optional: Sequence[str]) -> CheckResult:
    """Say whether a restricted key may do all that will be asked.

    Args:
        needed: What it may not do and has to, each with its purpose.
        optional: What it may not do, and without which something is only left out.
    """
    fix = "give the restricted key these permissions in Stripe's dashboard"
    if needed:
        return CheckResult.fail(PERMISSIONS, f"missing: {', '.join(needed)}", fix)
    if optional:
        return CheckResult.warn(PERMISSIONS, f"missing: {', '.join(optional)}", fix)
    return CheckResult.ok(PERMISSIONS, "all that these settings ask for")


def judge_schema(
    present: int | None, newest: int, *, forbidden: Sequence[str], made_at_start: bool
) -> CheckResult:
    """Judge the version of our tables.

    Args:
        present: The version in the database, None where there are no tables.
        newest: The version that this release needs.
        forbidden: What this role may not use of ours.
        made_at_start: Whether the application makes the tables when it starts.
    """
    if present is not None and present > newest:
        detail = f"version {present}, newer than this release ({newest})"
        return CheckResult.fail(SCHEMA, detail, "install the release that made the tables")

    if present is None or present < newest:
        detail = (
            "there are no tables of aiocancel"
            if present is None
            else f"version {present} of {newest}"
        )
        if made_at_start:
            fix = "nothing, if the application's role may create them; or run: aiocancel migrate"
            return CheckResult.warn(
                SCHEMA, f"{detail}; the application makes them when it starts", fix
            )
        return CheckResult.fail(SCHEMA, detail, "run: aiocancel migrate")

    if forbidden:
        detail = f"version {present}, but this role may not use {', '.join(forbidden)}"
        return CheckResult.fail(SCHEMA, detail, f"grant them; {GRANTS} prints the statements")
    return CheckResult.ok(SCHEMA, f"version {present}")


def judge_backlog(
    parked: int, oldest_waiting_s: float | None, overdue_s: float | None, *, own_worker: bool
) -> list[CheckResult]:
    """Judge the work that the worker has left.

    Args:
        parked: How many actions are parked.
        oldest_waiting_s: The age of the oldest action that waits; None where none waits.
        overdue_s: How long ago the oldest action that nothing holds up could have been taken; None where there is none.
        own_worker: Whether this application runs a worker.
    """
    waiting = (
        "nothing waits"
        if oldest_waiting_s is None
        else f"the oldest has been waiting for {_duration(oldest_waiting_s)}"
    )
    found = []
    if parked:
        detail = f"{parked} parked {'action' if parked == 1 else 'actions'} for a person to complete; {waiting}"
        found.append(
            CheckResult.warn(
                BACKLOG, detail, "list them, and retry or close each: aiocancel actions"
            )
        )
    if overdue_s is not None and overdue_s > OVERDUE_S:
        where = "the application" if own_worker else "the process that has the worker"
        detail = f"an action has been due for {_duration(overdue_s)}, and no worker takes it"
        found.append(CheckResult.warn(BACKLOG, detail, f"start {where}, or look into its log"))

    return found or [CheckResult.ok(BACKLOG, f"nothing parked; {waiting}")]


def judge_evidence(unsealed_s: float) -> CheckResult:
    """Judge how long the oldest fact has waited for its place in the chain of evidence, 0 where none waits."""
    if unsealed_s <= UNSEALED_S:
        return CheckResult.ok(EVIDENCE, "facts are sealed")
    detail = f"a fact has waited for {_duration(unsealed_s)} to be sealed"
    fix = "start a process of this release that has the worker, or look into its log"
    return CheckResult.warn(EVIDENCE, detail, fix)


def judge_script(origin: str | None, integrity: str | None) -> CheckResult:
    """Judge where the page loads the vendor's client from; ``origin`` None means the site itself."""
    if origin is None:
        return CheckResult.ok(SCRIPT, "served by your own site")
    if integrity is not None:
        return CheckResult.ok(SCRIPT, f"from {origin}, pinned by script_integrity")
    detail = f"from {origin} without script_integrity: whatever is there runs on your page"
    return CheckResult.warn(
        SCRIPT, detail, "serve a copy of that file yourself as script_url, with script_integrity"
    )


def judge_webhook(token: str | None, *, shortest: int, make_one: str, has_api: bool) -> CheckResult:
    """Judge the token at the end of the webhook's URL.

    Args:
        token: The token, None where the webhook has none.
        shortest: How many characters a token needs at least.
        make_one: The command that makes a good one.
        has_api: Whether the vendor can be asked.
    """
    if token is not None and len(token) < shortest:
        detail = f"it has {_counted(len(token), 'character')} and could be guessed"
        return CheckResult.fail(WEBHOOK, detail, f"make one of {shortest} or more: {make_one}")

    if not has_api:
        detail = (
            "what a browser does not report is never found"
            if token is None
            else "events cannot be looked up"
        )
        return CheckResult.warn(
            WEBHOOK, f"{detail} without the vendor's API", "set the vendor's api_key"
        )

    if token is None:
        detail = "no webhook: browsers that close early are found by polling only"
        return CheckResult.warn(WEBHOOK, detail, f"set webhook_token, made with: {make_one}")
    return CheckResult.ok(WEBHOOK, f"{len(token)} characters")


def judge_signing(
    vendor: str, *, signed: int | None, unsigned: int | None, is_required: bool | None
) -> CheckResult:
    """Judge whether the flow vendor opens a flow session that nobody signed.

    Args:
        vendor: The vendor's name.
        signed: The HTTP status that a signed session got, None where there was no answer.
        unsigned: The HTTP status that an unsigned session got, None where there was no answer.
        is_required: What the vendor itself says of signatures, None where it says nothing.
    """
    tried = f"tried one signed and one unsigned flow session of nobody's in {vendor}'s test mode"
    turn_on = f"turn signed requests on in {vendor}'s dashboard"

    if unsigned is not None and unsigned < 300:
        detail = f"{tried}: the unsigned one was opened ({unsigned}), so a stranger can open one for anybody"
        return CheckResult.fail(SIGNING, detail, turn_on)

    if signed is None or unsigned is None:
        detail = f"{tried}: no answer"
        return CheckResult.warn(
            SIGNING, detail, "let this machine reach the vendor's API (api_host)"
        )
    if not 400 <= unsigned < 500 or unsigned == 429 or signed >= 300:
        detail = f"{tried}: {signed} and {unsigned}, which does not tell why"
        return CheckResult.warn(SIGNING, detail, f"check client_id and client_secret, or {turn_on}")
    if is_required is False:
        detail = (
            f"{tried}: {unsigned} for the unsigned one, but {vendor} says that none is required"
        )
        return CheckResult.warn(SIGNING, detail, turn_on)
    return CheckResult.ok(SIGNING, f"{tried}: the unsigned one was refused ({unsigned})")


def judge_mails(*, has_mailer: bool, has_site_url: bool, is_plain: bool) -> CheckResult:
    """Say whether customers are written to.

    Args:
        has_mailer: Whether there is a mailer.
        has_site_url: Whether its mails have links.
        is_plain: Whether it talks to its server without TLS.
    """
    if not has_mailer:
        return CheckResult.ok(MAILS, "there is no mailer, so nobody is written to")

    if is_plain:
        return CheckResult.warn(
            MAILS,
            "they travel without TLS",
            "leave tls='off' out unless the server is this machine",
        )
    if not has_site_url:
        return CheckResult.warn(
            MAILS, "they have no links", "give site_url, such as 'https://shop.example'"
        )
    return CheckResult.ok(MAILS, "customers are written to; nothing was sent now")


def judge_grant_keys(lengths: Sequence[int], *, shortest: int, make_one: str) -> CheckResult:
    """Judge the keys that sign page views, by their lengths."""
    name = "grant keys"
    keys = _counted(len(lengths), "key")
    if min(lengths) < shortest:
        short = _counted(min(lengths), "character")
        detail = f"{keys}, the shortest has {short}: refused with a live Stripe key"
        return CheckResult.warn(name, detail, f"make one of {shortest} or more: {make_one}")
    return CheckResult.ok(name, f"{keys} of {shortest} characters or more")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def exit_status(results: Iterable[CheckResult]) -> int:
    """Return 1 when a check failed, else 0: a warning stops no deployment."""
    return FAILED if any(result.level is Level.FAIL for result in results) else 0


def as_json(results: Iterable[CheckResult]) -> list[dict[str, Any]]:
    """Return an object for each result: ``name``, ``level``, ``detail``, ``fix``."""
    return [asdict(result) for result in results]


def as_text(results: Sequence[CheckResult]) -> str:
    """Return a line for each result, in columns, and one that counts."""
    width = max((len(result.name) for result in results), default=0)
    lines = [_line(result, width) for result in results]
    counts = {level: sum(result.level is level for result in results) for level in Level}
    failed, warnings = counts[Level.FAIL], counts[Level.WARN]
    lines.append(
        f"{_counted(len(results), 'result')}: {failed} failed, {_counted(warnings, 'warning')}"
    )
    return "\n".join(lines)


def _line(result: CheckResult, width: int) -> str:
    fix = "" if result.fix is None else f"  → {result.fix}"
    # A database's message may hold line breaks.
    return f"{result.level:<4}  {result.name:<{width}}  {' '.join((result.detail + fix).split())}"
