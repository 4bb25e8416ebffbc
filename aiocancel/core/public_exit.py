"""The public exit: what anybody may declare without a login, as it was typed, and what is wrong with it. Pure.

Source of the fields: § 312k BGB; they are the minimum and the maximum that may be asked.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from aiocancel.core.check_settings import check_whole
from aiocancel.core.mail import is_address
from aiocancel.errors import ConfigurationError

LONGEST: Final = {"name": 200, "contract": 500, "reason": 2000, "email": 254, "on_date": 40}
"""The most characters of each field."""

_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_DATE: Final = re.compile(r"(\d{1,2})\s*\.\s*(\d{1,2})\s*\.\s*(\d{4})")


class Termination(StrEnum):
    """The two kinds of a termination."""

    ORDINARY = "ordinary"
    EXTRAORDINARY = "extraordinary"


@dataclass(frozen=True, slots=True)
class PublicDeclaration:
    """A termination that anybody declared on the public page; nothing in it is proven.

    Args:
        kind: ``ordinary``, or ``extraordinary`` for cause.
        name: Who declares it, as typed.
        contract: Which contract, as typed.
        email: Where the acknowledgement goes.
        ends_on: The day that was wished for; None for the earliest possible.
        reason: The cause of an extraordinary one.
    """

    kind: Termination
    name: str = field(repr=False)
    contract: str = field(repr=False)
    email: str = field(repr=False)
    ends_on: date | None = None
    reason: str | None = field(default=None, repr=False)


FindCustomer = Callable[[PublicDeclaration], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class PublicExit:
    """The page on which anybody may terminate a contract without a login.

    Args:
        find: ``async (PublicDeclaration) -> str | None``: the application's id of the customer whose contract is
            meant, None where that is not certain. It runs in the worker, at least once. Ask for more than a name: the
            e-mail address on file and a number of the contract, for instance.
        most_per_address_in_an_hour: How many acknowledgements may go to one typed e-mail address within an hour.
            Further declarations that name it count like any other, and their page says that no mail comes.
        most_per_network_in_an_hour: How many may come from one network within an hour.
        most_in_an_hour: How many may come within an hour at all: each sends a mail to an address that was typed.

    Raises:
        ConfigurationError: for settings that cannot work.
    """

    find: FindCustomer
    most_per_address_in_an_hour: int = 3
    most_per_network_in_an_hour: int = 20
    most_in_an_hour: int = 1000

    def __post_init__(self) -> None:
        find: object = self.find
        if not callable(find) or isinstance(find, type):
            raise ConfigurationError("find is async (declaration) -> str | None")
        for name in (
            "most_per_address_in_an_hour",
            "most_per_network_in_an_hour",
            "most_in_an_hour",
        ):
            check_whole(name, getattr(self, name))


def read_declaration(
    typed: Mapping[str, str],
) -> tuple[PublicDeclaration | None, Mapping[str, str]]:
    """Return the declaration, or what is wrong by field; the words for it are keys of the statutory texts.

    Args:
        typed: The form, by field.
    """
    values = {name: _cleaned(typed.get(name, "")) for name in LONGEST}
    problems = {name: "too_long" for name, most in LONGEST.items() if len(values[name]) > most}
    extraordinary = typed.get("kind") == Termination.EXTRAORDINARY
    # A day typed beside "as soon as possible" is a wish all the same, and a person judges it.
    dated = typed.get("end") == "on_date" or bool(values["on_date"])

    for name in ("name", "contract"):
        if not values[name]:
            problems[name] = f"{name}_missing"
    if extraordinary and not values["reason"]:
        problems["reason"] = "reason_missing"
    if values["reason"] and not extraordinary:
        problems["reason"] = "reason_unfit"
    ends_on = _day(values["on_date"]) if dated else None
    if dated and ends_on is None:
        problems["on_date"] = "date_wrong"
    if not is_address(values["email"]):
        problems["email"] = "email_wrong"
    if problems:
        return None, problems

    kind = Termination.EXTRAORDINARY if extraordinary else Termination.ORDINARY
    reason = values["reason"] or None
    name, contract, email = values["name"], values["contract"], values["email"]
    return PublicDeclaration(kind, name, contract, email, ends_on, reason), {}


def public_to_json(declaration: PublicDeclaration) -> dict[str, Any]:
    """Return a declaration as the ledger keeps it."""
    ends_on = None if declaration.ends_on is None else declaration.ends_on.isoformat()
    return {**asdict(declaration), "ends_on": ends_on}


def public_from_json(data: Mapping[str, Any]) -> PublicDeclaration:
    """Read a declaration; raises KeyError, ValueError or TypeError where it is none."""
    ends_on = None if data["ends_on"] is None else date.fromisoformat(data["ends_on"])
    reason = data["reason"]
    texts = (str(data["name"]), str(data["contract"]), str(data["email"]))
    return PublicDeclaration(
        Termination(data["kind"]), *texts, ends_on, None if reason is None else str(reason)
    )


def _cleaned(text: str) -> str:
    return _UNPRINTABLE.sub("", text.replace("\r\n", "\n")).strip()


def _day(text: str) -> date | None:
    found = _DATE.fullmatch(text)
    try:
        if found is None:
            return date.fromisoformat(text)
        day, month, year = (int(part) for part in found.groups())
        return date(year, month, day)
    except ValueError:
        return None
