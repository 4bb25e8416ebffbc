"""No repr of the package's holds a secret, or anything of a customer's: a repr ends in logs and error reports."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import aiocancel
from aiocancel.core.claim import CancelReason, FlowClaim, FlowStatus

# Names of fields whose values nobody but the receiver may see.
SECRET = re.compile(
    r"(.*_)?(secret|password|token|api_key|key|keys|dsn|grant|page_data|payload|signature|payment_url"
    r"|reason_text|customer_id|subscriber_id|answers|sealer|database|body)"
)
# Names of rows and columns, and Stripe's own id of a customer, which names nobody.
HARMLESS = {"idempotency_key", "key", "subscription_key", "stripe_customer_id"}
# The keys of reasons, which stand in the application's own code.
HARMLESS_THERE = {"aiocancel.core.flow.conditions.ReasonIs": {"keys"}}


def data_classes() -> Iterator[type[Any]]:
    for found in pkgutil.walk_packages(aiocancel.__path__, "aiocancel."):
        if found.name.startswith("aiocancel.testing") or found.name.endswith("__main__"):
            continue
        try:
            module = importlib.import_module(found.name)
        except ModuleNotFoundError:  # an extra that is not installed
            continue
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == found.name:
                yield value


def shown(each: type[Any]) -> list[str]:
    """The names of fields that stand in the repr of a data class or a named tuple."""
    if dataclasses.is_dataclass(each):
        return [field.name for field in dataclasses.fields(each) if field.repr]
    return list(getattr(each, "_fields", ()))


CLASSES = {f"{each.__module__}.{each.__qualname__}": each for each in data_classes()}


def test_the_data_classes_are_found() -> None:
    assert {"aiocancel.parts.Parts", "aiocancel.intake.SealedFlow"} <= set(CLASSES)
    assert "aiocancel.core.outcome.Outcome" in CLASSES


def test_no_secret_stands_in_a_repr() -> None:
    found = {
        f"{name}.{field}"
        for name, each in CLASSES.items()
        for field in shown(each)
        if SECRET.fullmatch(field) and field not in HARMLESS | HARMLESS_THERE.get(name, set())
    }

    assert len(CLASSES) > 300
    assert found == set()


def test_the_words_of_a_customer_stand_in_no_repr() -> None:
    reason = CancelReason("Ada left because of Bob", "too_expensive")

    shown_of = (reason, FlowClaim("own", FlowStatus.CANCELED, reason=reason))

    assert all("Ada" not in repr(each) for each in shown_of)
    assert "too_expensive" in repr(reason)
