"""A flow of our own: it needs no account with anybody, and its pages come from this application."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiocancel.core.check_settings import check_text
from aiocancel.core.claim import OWN_FLOW, FlowClaim
from aiocancel.core.flow.definition import (
    STANDARD_REASONS,
    FlowDefinition,
    FlowOffer,
    Reason,
)
from aiocancel.core.flow.rules import FlowRule
from aiocancel.core.identifiers import Mode
from aiocancel.errors import ConfigurationError, MalformedClaimError
from aiocancel.ports import FlowVendor, WidgetSettings

if TYPE_CHECKING:
    from aiocancel.core.decision import Applier
    from aiocancel.core.subscription import OwnedSubscription

_SHORTEST_KEY: Final = 16


class OwnFlow(FlowVendor):
    """The flow of our own: reasons, one fitting offer with its true price, and the way out on every screen.

    Args:
        reasons: The reasons for leaving that a customer may choose; each customer sees another order.
        offers: The offers, the best first: of those that fit a customer, the first is shown.
        hold_out_percent: How many of a hundred subscriptions get no offers, so that the rest can be compared.
        hold_out_key: Draws them, 16 characters or more. Left out, the oldest of ``grant_keys`` does: give one of its
            own before you rotate those, or the draw changes.
        at_most_one_gift_in_days: For how many days after an offer was taken a customer gets no other; ``OfferLimits``
            has a bound of its own for each subscription, and the longer one counts.
        offers_at_most: How many offers, from 1 to 3, one attempt to leave may show.
        rules: What must not be shown, to whom.
        country_column: The column of your row that holds the customer's country, two letters; a row without it leaves
            the country unknown.

    Raises:
        ConfigurationError: Names the part of the definition that is wrong.
    """

    name: Final = OWN_FLOW
    mode: Final[Mode | None] = None
    simulated: Final = False
    applies_cancellation: Final[Applier] = "app"
    applies_offers: Final[Applier] = "app"

    def __init__(
        self,
        *,
        reasons: Collection[Reason] = STANDARD_REASONS,
        offers: Collection[FlowOffer] = (),
        hold_out_percent: int = 0,
        hold_out_key: str | None = None,
        at_most_one_gift_in_days: int | None = None,
        offers_at_most: int = 1,
        rules: Collection[FlowRule] = (),
        country_column: str | None = None,
    ) -> None:
        for name, text in (("hold_out_key", hold_out_key), ("country_column", country_column)):
            if text is not None:
                check_text(name, text)
        if hold_out_key is not None and len(hold_out_key) < _SHORTEST_KEY:
            raise ConfigurationError(f"hold_out_key has {_SHORTEST_KEY} characters or more")

        self.definition: Final = FlowDefinition(
            reasons=reasons,  # type: ignore[arg-type]  # made a tuple there
            offers=offers,  # type: ignore[arg-type]
            hold_out_percent=hold_out_percent,
            at_most_one_gift_in_days=at_most_one_gift_in_days,
            offers_at_most=offers_at_most,
            rules=rules,  # type: ignore[arg-type]
        )
        self._hold_out_key = hold_out_key
        self.country_column: Final = country_column

    def __repr__(self) -> str:
        """Return it without the key."""
        definition = self.definition
        return f"OwnFlow(reasons={len(definition.reasons)}, offers={len(definition.offers)})"

    def hold_out_key(self, oldest_grant_key: bytes) -> bytes:
        """Return the key that draws who is held out."""
        own = self._hold_out_key
        return oldest_grant_key if own is None else own.encode()

    @property
    def columns(self) -> Collection[str]:
        """The columns of the application's row that it asks for."""
        country = () if self.country_column is None else (self.country_column,)
        return (*sorted(self.definition.columns), *country)

    def csp_sources(self) -> Mapping[str, Sequence[str]]:
        """Return nothing: all of it comes from this site, which the page's own script is allowed already."""
        return {}

    def widget(self) -> WidgetSettings:
        """Return that there is no script of another company."""
        return WidgetSettings(OWN_FLOW, "")

    def page_data(
        self, subscription: OwnedSubscription, proof: str | None = None
    ) -> Mapping[str, Any]:
        """Return nothing beside the grant: a page of ours is opened by its address."""
        return {}

    def read_result(self, result: Mapping[str, Any]) -> FlowClaim:
        """Refuse: what happens in a flow of our own is posted by its own forms."""
        raise MalformedClaimError("A flow of our own has no result to post.")


def own_flow_of(vendor: FlowVendor) -> OwnFlow | None:
    """Return the flow of our own that serves: the vendor itself, or its ``fallback``; None without one."""
    if isinstance(vendor, OwnFlow):
        return vendor
    fallback = getattr(vendor, "fallback", None)
    return fallback if isinstance(fallback, OwnFlow) else None


def check_fallback(fallback: object) -> None:
    """Refuse anything but an ``OwnFlow`` or None; raises ConfigurationError."""
    if fallback is not None and not isinstance(fallback, OwnFlow):
        raise ConfigurationError("fallback is an OwnFlow(…): it serves where the vendor does not")
