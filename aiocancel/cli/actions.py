"""``aiocancel actions``: what is parked and why, the whole story of one action, and a person's decision about it.

Nothing that a customer wrote is shown. A customer's id, which is the application's own, is shown only when asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from aiocancel.cli.database import add_option, database_url, opened, refused
from aiocancel.cli.values import as_whole, printable, say
from aiocancel.core.actions import ActionState
from aiocancel.core.by_hand import Operation, is_reason
from aiocancel.core.codes import AnyCode, Code
from aiocancel.errors import OperationError
from aiocancel.postgres.address import CANNOT_OPEN
from aiocancel.postgres.by_hand import MOST_LISTED, ActionHistory, ListedAction, Operations
from aiocancel.postgres.schema import check_schema

ANSWER_WITHIN_S: Final = 30.0
_LISTED: Final = 100
_COLUMNS: Final = ("id", "state", "kind", "subscription", "code", "attempts", "created", "claim")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``aiocancel``."""
    parser = commands.add_parser(
        "actions",
        help="list parked actions, show one, retry or close it",
        description="Without a further word, as with list: list actions, the parked ones by default, newest first. "
        "Exit status: 0 done; 1 no such action, not allowed, or the database did not answer; 2 wrong usage.",
    )
    parser.set_defaults(run=run, parser=parser)
    _add_filters(parser)
    _add_common(parser)

    operations = parser.add_subparsers(dest="operation", metavar="{list,show,retry,close}")
    listed = operations.add_parser("list", help="list actions, the parked ones by default")
    shown = operations.add_parser(
        "show",
        help="one action with its attempts (Stripe's request ids) and its lines of the journal",
    )
    retried = operations.add_parser(
        "retry",
        help="let the worker start a parked action over, with attempts counted from none",
        description="The worker reads the subscription first, as always. An action is refused when a later one on "
        "the same subscription was carried out since.",
    )
    closed = operations.add_parser(
        "close",
        help="say that a person has dealt with a parked action",
        description="No worker touches it again, and the customer is told that a person took the request over.",
    )

    _add_filters(listed, is_inner=True)
    _add_common(listed, is_inner=True)
    closed.add_argument(
        "--reason",
        type=_reason,
        required=True,
        metavar="WORD",
        help="why, for the journal: a-z, 0-9, _ . -",
    )
    for one in (shown, retried, closed):
        one.add_argument("id", type=as_whole(1, 2**63 - 1), metavar="ID")
        _add_common(one, is_inner=True)


def _add_filters(parser: argparse.ArgumentParser, *, is_inner: bool = False) -> None:
    def unless_given(default: Any) -> Any:
        # An inner command without the option must not undo the outer one's.
        return argparse.SUPPRESS if is_inner else default

    parser.add_argument(
        "--state",
        choices=[*ActionState, "all"],
        default=unless_given(ActionState.PARKED),
        help=f"(default: {ActionState.PARKED})",
    )
    parser.add_argument(
        "--subscription",
        metavar="SUB",
        default=unless_given(None),
        help="only those on this Stripe subscription",
    )
    parser.add_argument(
        "--claim",
        type=uuid.UUID,
        metavar="UUID",
        default=unless_given(None),
        help="only those of this claim",
    )
    parser.add_argument(
        "--limit",
        type=as_whole(1, MOST_LISTED),
        default=unless_given(_LISTED),
        help=f"list at most this many (default: {_LISTED})",
    )


def _add_common(parser: argparse.ArgumentParser, *, is_inner: bool = False) -> None:
    # An inner command without the option must not undo the outer one's.
    nothing: Any = argparse.SUPPRESS if is_inner else None
    no: Any = argparse.SUPPRESS if is_inner else False
    parser.add_argument("--json", action="store_true", default=no, help="print JSON")
    parser.add_argument(
        "--customer",
        action="store_true",
        default=no,
        help="show the application's customer ids too",
    )
    add_option(parser, default=nothing)


def run(options: argparse.Namespace) -> int:
    """Do what was asked; returns the exit status."""
    url = database_url(options, options.parser)

    printed = asyncio.run(_run(url, options))

    say(printed)
    return 0


async def _run(url: str, options: argparse.Namespace) -> str:
    async with opened(
        url, application_name="aiocancel actions", command_timeout_s=ANSWER_WITHIN_S
    ) as connection:
        try:
            await check_schema(connection)
            return await _answer(Operations(connection), options)
        except CANNOT_OPEN as error:
            raise refused(error) from None


async def _answer(operations: Operations, options: argparse.Namespace) -> str:
    match options.operation:
        case None | "list":
            found = await operations.find(
                state=None if options.state == "all" else ActionState(options.state),
                subscription_id=options.subscription,
                claim_id=options.claim,
                limit=options.limit,
            )
            if options.json:
                return _json(
                    [action_as_json(each, with_customer=options.customer) for each in found]
                )
            return actions_as_text(found, state=options.state, with_customer=options.customer)

        case "show":
            history = await operations.history(options.id)
            if history is None:
                raise OperationError(f"there is no action {options.id}")
            if options.json:
                return _json(history_as_json(history, with_customer=options.customer))
            return history_as_text(history, with_customer=options.customer)

        case operation:
            reason = options.reason if operation == Operation.CLOSE else None
            state = await operations.operate(Operation(operation), options.id, reason=reason)
            return (
                _json({"id": options.id, "state": state})
                if options.json
                else f"action {options.id} is {state}"
            )


def action_as_json(action: ListedAction, *, with_customer: bool) -> dict[str, Any]:
    """Return an action as JSON values; times in UTC."""
    explained = _explained(action)
    values = {
        "id": action.action_id,
        "state": action.state,
        "kind": action.kind,
        "subscription": action.subscription_id,
        "code": action.code,
        "attempts": action.attempts,
        "excused": action.excused,
        "created_at": _time(action.created_at),
        "due_at": _time(action.due_at) if action.finished_at is None else None,
        "finished_at": _time(action.finished_at),
        "claim": str(action.claim_id),
        "means": explained and explained.sentence,
        "do_next": explained and explained.advice,
    }

    return {**values, "customer": action.customer_id or None} if with_customer else values


def history_as_json(history: ActionHistory, *, with_customer: bool) -> dict[str, Any]:
    """Return an action with its attempts and journal as JSON values."""
    return {
        **action_as_json(history.action, with_customer=with_customer),
        "sent": [
            {**asdict(each), "started_at": _time(each.started_at), "ended_at": _time(each.ended_at)}
            for each in history.attempts
        ],
        "journal": [
            {
                "at": _time(line.at),
                "of": "action" if line.of_action else "claim",
                "entry": line.entry,
                "code": line.code,
            }
            for line in history.journal
        ],
    }


def actions_as_text(actions: Sequence[ListedAction], *, state: str, with_customer: bool) -> str:
    """Return a table, or a sentence where there is nothing."""
    if not actions:
        return "no actions" if state == "all" else f"no {state} actions"

    rows = [[*_COLUMNS, *(["customer"] if with_customer else [])]]
    rows += [
        [
            str(each.action_id),
            each.state,
            each.kind,
            each.subscription_id,
            each.code or "-",
            str(each.attempts),
            _time(each.created_at) or "-",
            str(each.claim_id),
            *([each.customer_id or "-"] if with_customer else []),
        ]
        for each in actions
    ]

    return "\n\n".join([_table(rows), *_meanings(actions)])


def _meanings(actions: Sequence[ListedAction]) -> list[str]:
    """Return one paragraph with a line for each code, none where there is no code to explain."""
    codes = {each.code: code for each in actions if (code := _explained(each))}
    lines = [f"{word}: {code.sentence} {code.advice}" for word, code in codes.items()]
    return ["\n".join(map(printable, lines))] if lines else []


def _explained(action: ListedAction) -> AnyCode | None:
    """Return the action's code; the code of a closed one is a word that a person chose."""
    if action.code is None or action.state == ActionState.CLOSED:
        return None
    return Code.stored(action.code)


def history_as_text(history: ActionHistory, *, with_customer: bool) -> str:
    """Return what ``aiocancel actions show`` prints."""
    about = action_as_json(history.action, with_customer=with_customer)
    # They stand in a sentence of their own below the table, as in the list.
    del about["means"], about["do_next"]
    parts = [
        _table([[name, "-" if value is None else str(value)] for name, value in about.items()]),
        *_meanings([history.action]),
    ]

    if history.attempts:
        rows = [["sent", "ended", "result", "code", "request", "key"]]
        rows += [
            [
                _time(each.started_at) or "-",
                _time(each.ended_at) or "-",
                each.result or "?",
                each.code or "-",
                each.request_id or "-",
                each.idempotency_key,
            ]
            for each in history.attempts
        ]
        parts.append(_table(rows))
    rows = [["at", "of", "entry", "code"]]
    rows += [
        [
            _time(line.at) or "-",
            "action" if line.of_action else "claim",
            line.entry,
            line.code or "-",
        ]
        for line in history.journal
    ]
    return "\n\n".join([*parts, _table(rows)])


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            printable(cell).ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    )


def _json(values: Any) -> str:
    return json.dumps(values, indent=2)


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _reason(text: str) -> str:
    if not is_reason(text):
        raise argparse.ArgumentTypeError("is one word of a-z, 0-9, _ . -, at most 64 letters")
    return text
