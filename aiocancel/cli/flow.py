"""``aiocancel flow``: show a flow of our own as a table, walk every path, and play it over past customers."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiocancel.cli.database import add_option, database_url
from aiocancel.cli.report import figures_of
from aiocancel.cli.target import find, make
from aiocancel.cli.values import as_days, as_whole
from aiocancel.core.flow.definition import FlowDefinition, PlanOffer, kind_of
from aiocancel.core.flow.describe import offer_in_words
from aiocancel.core.flow.own_words import words_in
from aiocancel.core.flow.rules import PLACE_RULES
from aiocancel.core.flow.simulate import PastSession, Simulated, simulate
from aiocancel.core.flow.walk import MOST_SCREENS, OfferOnPaths, Walked, walk
from aiocancel.core.identifiers import Mode
from aiocancel.core.measures.sums import MOST_DAYS, Span, last_days
from aiocancel.core.money import major_units
from aiocancel.core.offers.offer_rules import DEFAULT_RULES, OfferRules
from aiocancel.core.offers.terms import NO_LIMITS, OfferLimits
from aiocancel.errors import TargetError
from aiocancel.postgres.report import MOST_SESSIONS

_TARGET_HELP: Final = (
    "module:attribute, a CancelFlow with a flow of your own, or a function that returns one"
)


def add_parser(commands: Any) -> None:
    """Add the command to the program's."""
    parser = commands.add_parser(
        "flow",
        help="show a flow of your own, and prove what holds on every path through it",
        description="Look at a flow of your own. Nothing is changed, and Stripe is not asked.",
    )
    actions = parser.add_subparsers(dest="flow_command", required=True)

    show = actions.add_parser(
        "show",
        help="print the definition as a table",
        description="Print the reasons, the offers with their conditions and the most that each costs, and the "
        "rules. Exit status: 0 printed; 2 wrong usage, or the CancelFlow cannot be loaded.",
    )
    check = actions.add_parser(
        "check",
        help="walk every path and say which promise is broken",
        description="Walk every path of every kind of customer and prove: the exit works on every screen, no answer "
        "is needed, no rule is broken, no path is too long. Exit status: 0 all holds; 1 a promise is broken, or an "
        "offer is on no path; 2 wrong usage, or the CancelFlow cannot be loaded.",
    )
    check.add_argument(
        "--most-screens",
        type=as_whole(),
        default=MOST_SCREENS,
        help="screens that a path may have before its outcome (default: %(default)s)",
    )

    simulated = actions.add_parser(
        "simulate",
        help="play the definition over past customers",
        description="Say how many past customers could have been offered what, and the most it could have cost. "
        "Whether they would have accepted is not predicted: nobody knows. Exit status: 0 printed; 1 the database did "
        "not answer; 2 wrong usage, or the CancelFlow cannot be loaded.",
    )
    simulated.add_argument(
        "--since",
        type=as_days(MOST_DAYS),
        default=180,
        metavar="DAYS",
        help="how far back, as 180d (default: 180d)",
    )
    add_option(simulated)
    simulated.set_defaults(parser=simulated)

    for action, run in ((show, _show), (check, _check), (simulated, _simulate)):
        action.add_argument("target", help=_TARGET_HELP)
        action.add_argument("--json", action="store_true", help="print an object")
        action.set_defaults(run=run)


@dataclass(frozen=True, slots=True)
class _Flow:
    definition: FlowDefinition
    rules: OfferRules
    limits: OfferLimits
    mode: Mode
    time_zone: str

    def walked(self, most_screens: int) -> Walked:
        return walk(
            self.definition,
            place_rules=PLACE_RULES,
            rules=self.rules,
            limits=self.limits,
            most_screens=most_screens,
        )


def _load(target: str) -> _Flow:
    return asyncio.run(_loaded(find(target)))


async def _loaded(found: object) -> _Flow:
    parts = (await make(found)).inspect()
    if callable(found) and not isinstance(parts.database, str):
        # It was opened for this, in this loop, and nothing else will close it.
        parts.database.terminate()

    vendor = parts.vendor
    serving = vendor if hasattr(vendor, "definition") else getattr(vendor, "fallback", None)
    definition = getattr(serving, "definition", None)
    if not isinstance(definition, FlowDefinition):
        raise TargetError(f"this CancelFlow has no flow of your own; its vendor is {vendor.name}")
    return _Flow(
        definition,
        parts.offer_rules or DEFAULT_RULES,
        parts.offer_limits or NO_LIMITS,
        parts.settings.mode,
        parts.settings.time_zone,
    )


def _show(options: argparse.Namespace) -> int:
    flow = _load(options.target)
    walked = flow.walked(MOST_SCREENS)

    if options.json:
        costs = {each.offer.key: each.most.in_words() for each in walked.offers}
        shown = {"version": flow.definition.version, "most_it_costs_a_year": costs}
        print(json.dumps(flow.definition.to_json() | shown, indent=2))
    else:
        print("\n".join(_table(flow.definition, walked)))
    return 0


def _check(options: argparse.Namespace) -> int:
    walked = _load(options.target).walked(options.most_screens)

    print(json.dumps(_as_json(walked), indent=2) if options.json else "\n".join(_told(walked)))
    return 1 if walked.broken or walked.never_shown else 0


def _simulate(options: argparse.Namespace) -> int:
    url = database_url(options, options.parser)
    flow = _load(options.target)
    days = last_days(options.since, datetime.now(UTC), ZoneInfo(flow.time_zone))
    sessions = asyncio.run(_past_sessions(url, flow.mode, days))
    is_cut = len(sessions) > MOST_SESSIONS
    found = simulate(flow.definition, sessions[:MOST_SESSIONS], flow.rules)

    if options.json:
        told = asdict(found) | {"has_more": is_cut, "predicts_acceptance": False}
        print(json.dumps(told, indent=2))
    else:
        print("\n".join(_simulated(found, days=options.since, is_cut=is_cut)))
    return 0


async def _past_sessions(url: str, mode: Mode, days: Span) -> Sequence[PastSession]:
    async with figures_of(url, mode, application_name="aiocancel flow") as figures:
        return await figures.past_sessions(*days)


def _simulated(found: Simulated, *, days: int, is_cut: bool) -> Iterable[str]:
    yield f"{found.sessions} sessions of the last {days} days"
    if is_cut:
        yield "  the newest alone: there are more, so that what it could have cost is more than is said here"
    if found.without_snapshot:
        yield f"  of {found.without_snapshot} nothing is known, and nothing is said of them"
    yield f"  to {found.nothing} nothing would have been offered"
    if found.unknown:
        yield f"  of {found.unknown} it cannot be told"

    for key, each in found.offers.items():
        sums = ", ".join(
            f"{major_units(minor, currency):,} {currency.upper()}"
            for currency, minor in sorted(each.amounts.items())
        )
        yield f"  {key}: to {each.times} at most, for at most {sums or 'nothing that is known'}"
        if each.of_unknown_cost:
            yield f"    and {each.of_unknown_cost} whose cost is not known"
        if each.unknown:
            yield f"    and to up to {each.unknown} more, of whom its condition cannot be told"
    yield (
        "At most, of those of whom it can be told, if every one had taken it and stayed a year. A session counts for "
        "each offer whose condition holds, since a later one is shown where an earlier one is left out. Which "
        "customers would have taken it, nobody knows."
    )


def _table(definition: FlowDefinition, walked: Walked) -> Iterable[str]:
    yield f"Version {definition.version[:12]}"
    yield ""
    yield "Reasons (each customer sees another order; all may be skipped)"
    yield from _aligned(
        [
            each.key,
            "standard words" if each.words is None else words_in(each.words, "en"),
            f"Stripe: {each.feedback_option or each.stripe_feedback}",
            "" if each.follow_up is None else f"asks: {words_in(each.follow_up, 'en')}",
        ]
        for each in definition.reasons
    )
    yield ""
    yield f"Offers (the first that fits; at most {definition.offers_at_most} in one session)"
    yield from _aligned(_offer_row(each) for each in walked.offers) if walked.offers else ["  none"]

    yield ""
    yield "Rules"
    yield from (f"  {rule.in_words()}" for rule in (*definition.rules, *PLACE_RULES))
    yield ""
    yield _most(walked)
    days = definition.at_most_one_gift_in_days
    yield f"Hold-out: {definition.hold_out_percent}%. " + (
        "Days between two gifts: as OfferLimits says."
        if days is None
        else f"Days between two gifts: {days}, or as OfferLimits says if that is longer."
    )


def _offer_row(each: OfferOnPaths) -> list[str]:
    when = each.offer.when
    return [
        each.offer.key,
        kind_of(each.offer),
        offer_in_words(each.offer),
        "always" if when is None else f"when {when.in_words()}",
        f"at most {each.most.in_words()}",
    ]


def _most(walked: Walked) -> str:
    return (
        f"The most that one customer can cost a year, however often they pay: {walked.most.in_words()}; "
        f"{walked.most_monthly.in_words()} where they pay monthly, "
        f"{walked.most_yearly.in_words()} where they pay yearly."
    )


def _aligned(rows: Iterable[list[str]]) -> Iterable[str]:
    table = [list(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()


def _told(walked: Walked) -> Iterable[str]:
    yield f"{walked.paths:,} paths of {walked.customers:,} kinds of customers, at most {walked.most_screens} screens."
    for each in walked.offers:
        yield f"  {each.offer.key}: on {each.paths:,} paths, at most {each.most.in_words()}"
    yield _most(walked)

    for broken in walked.broken:
        yield f"BROKEN: {broken.promise}"
        yield f"  {broken.path.in_words()}"
    for key in walked.never_shown:
        yield f"NEVER SHOWN: {key}"
        yield "  No customer can meet its condition, or a rule forbids it everywhere."
    for key, price in _other_ids(walked):
        yield f"LOOK AT {key}: {price!r} does not begin with price_"
        yield "  An offer whose price Stripe does not know is shown to nobody."
    if not walked.broken and not walked.never_shown:
        yield (
            "On every path: the exit works on every screen, no answer is needed, no rule is broken, "
            "no declined offer comes back."
        )


def _other_ids(walked: Walked) -> list[tuple[str, str]]:
    """Return the offers of another plan whose id may be that of something else, such as a product."""
    offers = [each.offer for each in walked.offers]
    return [
        (offer.key, offer.price)
        for offer in offers
        if isinstance(offer, PlanOffer) and not offer.price.startswith("price_")
    ]


def _as_json(walked: Walked) -> dict[str, Any]:
    offers = [
        {
            "key": each.offer.key,
            "paths": each.paths,
            "most_it_costs_a_year": each.most.in_words(),
        }
        for each in walked.offers
    ]
    broken = [{"promise": each.promise, "path": each.path.in_words()} for each in walked.broken]

    return {
        "paths": walked.paths,
        "customers": walked.customers,
        "most_screens": walked.most_screens,
        "offers": offers,
        "most_a_customer_costs_a_year": {
            "however_often": walked.most.in_words(),
            "monthly": walked.most_monthly.in_words(),
            "yearly": walked.most_yearly.in_words(),
        },
        "broken": broken,
        "never_shown": list(walked.never_shown),
        "other_ids": dict(_other_ids(walked)),
    }
