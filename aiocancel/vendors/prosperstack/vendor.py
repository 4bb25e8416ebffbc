"""ProsperStack: what its widget needs on the page, how its payload is signed, and how its result reads.

Source: ProsperStack, "Embedding the flow" (https://docs.prosperstack.com/for-developers/embedding-the-flow),
and the npm package @prosperstack/flow 2.19.0, whose behaviour was observed in Chromium.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from aiocancel.config import MAKE_A_KEY, is_path_of_this_site, origin_of, source_of
from aiocancel.core.check_settings import (
    check_flag,
    check_text,
    check_text_by_text,
    check_texts,
    check_whole,
    check_word,
)
from aiocancel.core.claim import (
    MAX_REASON_LENGTH,
    MAX_WORD_LENGTH,
    CancelReason,
    FlowClaim,
    clean_text,
)
from aiocancel.core.identifiers import FlowSessionId, Mode, is_opaque_id
from aiocancel.core.properties import Property, PropertyType, Source, fill
from aiocancel.core.signing import SignedPayload, sign_payload, sign_text
from aiocancel.core.undo import vendor_status
from aiocancel.errors import ConfigurationError, MalformedClaimError, PropertyError
from aiocancel.json_text import ascii_json
from aiocancel.ports import (
    FlowVendor,
    OutcomeVerifier,
    SigningTrial,
    SlotSource,
    WidgetSettings,
)
from aiocancel.vendors.own import OwnFlow, check_fallback
from aiocancel.vendors.prosperstack.access import (
    IN_META,
    IN_PROPERTY,
    MAX_REQUESTS_PER_MINUTE,
    PROOF,
    ApiAccess,
)

if TYPE_CHECKING:
    from aiocancel.core.decision import Applier
    from aiocancel.core.subscription import OwnedSubscription

API_HOST: Final = "https://api.prosperstack.com"
APP_HOST: Final = "https://app.prosperstack.com"

# The client adds one <style> element; its text, and so its hash, changes with the client's version.
STYLE_HASHES: Final[Mapping[str, str]] = {
    "2.19.0": "'sha256-0II5nSAFgTOkBtdLO4MKsacG8pcjGGaEgpxvoOFKjm8='",
}

OPTIONS: Final = ("flow_id", "language", "skip_offers", "display_mode")
"""What may differ from request to request."""

NOBODYS: Final = "aiocancel_check"
"""The id of nobody, which ``aiocancel check`` opens flow sessions for."""

_TEST_KEY: Final = "key_test_"

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "applies_cancellation": ("app", "vendor"),
    "applies_offers": ("app", "vendor"),
    "subscription_key": ("platformId", "paymentProviderId"),
    "display_mode": ("full_screen", "modal"),
    "platform": ("connected", "custom"),
}

_TEXTS: Final = ("client_id", "client_secret", "client_version", "api_host", "app_host")
_OPTIONAL_TEXTS: Final = (
    "api_key",
    "webhook_token",
    "previous_webhook_token",
    "flow_id",
    "script_url",
    "script_integrity",
    "style_hash",
    "language",
    "proof_in",
)

# What ProsperStack is told of a custom platform, besides custom properties.
_FIELDS: Final[Mapping[str, Mapping[str, PropertyType]]] = {
    "subscriber": {"name": "text", "email": "text"},
    "subscription": {"mrr": "number", "arr": "number", "currency": "text", "trial": "boolean"},
}


@dataclass(frozen=True, slots=True)
class ProsperStack(FlowVendor):
    """A ProsperStack account.

    Args:
        client_id: The account's id, which every page shows.
        client_secret: Signs payloads; it appears in no repr.
        api_key: Reads the REST API; it appears in no repr. None does without, and accepted offers are then left to
            a person.
        webhook_token: The end of the URL that you give ProsperStack for its webhook, ``/cancel/webhook/<token>``:
            32 characters or more. It signs nothing, so the URL itself has to be unguessable. None takes no webhook.
        applies_cancellation: Who changes Stripe for a cancellation: ``app``, this application, or ``vendor``,
            ProsperStack itself.
        applies_offers: Who changes Stripe for an accepted offer, in the same words.
        flow_id: The flow to present; None leaves the choice to ProsperStack.
        subscription_key: The payload's name for the Stripe subscription's id.
        client_version: The version of the browser client: the one that the vendor's CDN serves, or that of your own
            copy. It is a version 2, such as ``2.19.0``; another one is called in another way.
        script_url: The address that the page loads the client from; None takes the vendor's CDN at
            ``client_version``. Better is your own copy of the npm package's ``dist/index.js``, with
            ``script_integrity``.
        script_integrity: The client's subresource integrity, such as ``sha384-…``.
        style_hash: The CSP hash source of the client's style, for a version that aiocancel does not know.
        display_mode: The client's option: ``full_screen`` or ``modal``.
        language: The client's option, such as ``de``; None leaves it to the client.
        api_host: The vendor's API for the browser. Another one is a simulator's, and refused with a live Stripe key.
        app_host: The origin of the vendor's window; the same holds for it.
        platform: ``connected`` where ProsperStack reads subscriptions from Stripe and the payload names one;
            ``custom`` where it is told everything. ``internalId`` is then the customer's id as ``identify`` returned
            it, since by nothing else could a flow session be traced back to its customer. A custom platform changes
            nothing by itself: both ``applies_…`` are ``app``.
        subscriber_columns: Columns of the subscription query's row for ``name`` and ``email`` (by default those).
            A custom platform's name or e-mail address that is missing, NULL or empty is treated like a property.
        subscription_columns: Columns for ``mrr``, ``arr``, ``currency`` and ``trial``; by default none is sent.
        properties: Custom properties, read from the same row. A value of the wrong type, or of a missing column, is
            left out of the payload and reported as a ``PropertyLeftOut`` event: the page comes up, and should
            ProsperStack insist on it, the customer cancels the plain way. A ``SubscriptionQuery`` that lacks a
            column is refused at the start.
        skip_offers: The client's option: ids of offers not to be presented.
        test_mode: The client's option, in which ProsperStack has no side effects. This application still carries out
            the customer's choice, so it needs Stripe's test mode and goes with no live ``api_key``.
        disable_loading_indicator: The client's option: no indicator while the window loads.
        max_requests_per_minute: The bound on the requests of all processes on one database to the REST API in any
            minute; by default 90 of the 100 that ProsperStack allows, and at a simulator no more than it says itself.
            Source: https://developers.prosperstack.com (rate limits; live and test are counted separately)
        proof_in: Where our proof travels that a page of ours opened the flow session: ``meta`` of the payload, or
            ``property:`` and the identifier of a custom property of type text that you make for it (of the
            subscriber on a custom platform, else of the subscription). It has to come back from the REST API; which
            of the two ProsperStack returns is not documented. A session without it changes nothing by itself and
            waits for a person, unless the customer's own browser tells of it.
        trusts_vendor_sessions: Your word that this account refuses unsigned sessions, and serves this application
            alone: then no proof is asked for.
        previous_webhook_token: Opens the webhook as well, while you change the token; it appears in no repr.
        fallback: An ``OwnFlow`` that serves in the place of the plain page, when ProsperStack cannot be reached.

    Raises:
        ConfigurationError: Says which setting is wrong.
    """

    client_id: str
    client_secret: str = field(repr=False)
    api_key: str | None = field(default=None, repr=False)
    webhook_token: str | None = field(default=None, repr=False)
    applies_cancellation: Applier = "app"
    applies_offers: Applier = "vendor"
    flow_id: str | None = None
    subscription_key: Literal["platformId", "paymentProviderId"] = "platformId"
    client_version: str = "2.19.0"
    script_url: str | None = None
    script_integrity: str | None = None
    style_hash: str | None = None
    display_mode: Literal["full_screen", "modal"] = "full_screen"
    language: str | None = None
    api_host: str = API_HOST
    app_host: str = APP_HOST
    platform: Literal["connected", "custom"] = "connected"
    subscriber_columns: Mapping[str, str] = field(default_factory=dict)
    subscription_columns: Mapping[str, str] = field(default_factory=dict)
    properties: Sequence[Property] = ()
    skip_offers: Sequence[str] = ()
    test_mode: bool = False
    disable_loading_indicator: bool = False
    max_requests_per_minute: int | None = None
    proof_in: str | None = "meta"
    trusts_vendor_sessions: bool = False
    previous_webhook_token: str | None = field(default=None, repr=False)
    fallback: OwnFlow | None = field(default=None, repr=False)

    name: str = field(default="prosperstack", init=False)
    _sources: Sequence[Source] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check_types()
        if not self.client_id:
            raise ConfigurationError(
                "ProsperStack needs client_id: Settings → Account in its dashboard"
            )
        if not self.client_secret:
            raise ConfigurationError(
                "ProsperStack needs client_secret: Settings → Account in its dashboard"
            )

        self._check_webhook_tokens()

        for setting, words in _WORDS.items():
            check_word(setting, getattr(self, setting), words)

        if not re.fullmatch(r"2\.[0-9]+\.[0-9]+", self.client_version, re.ASCII):
            raise ConfigurationError(
                f"client_version {self.client_version} is not known here: the page script speaks with "
                "version 2, such as 2.19.0"
            )
        if self.style_hash is None and self.client_version not in STYLE_HASHES:
            raise ConfigurationError(
                f"the style of client version {self.client_version} is not known here: "
                "give its CSP hash as style_hash=\"'sha256-…'\""
            )

        for setting in ("api_host", "app_host"):
            if origin_of(getattr(self, setting), setting=setting) != getattr(self, setting):
                raise ConfigurationError(
                    f"{setting} is an origin such as {API_HOST}, without a path"
                )

        if self.script_url is not None and not is_path_of_this_site(self.script_url):
            origin_of(self.script_url, setting="script_url")

        if (most := self.max_requests_per_minute) is not None:
            check_whole("max_requests_per_minute", most, least=2)

        self._check_platform()
        self._check_options()
        # No page changes them.
        object.__setattr__(self, "_sources", self._make_sources())

    def _check_types(self) -> None:
        for setting in _TEXTS:
            check_text(setting, getattr(self, setting))
        for setting in _OPTIONAL_TEXTS:
            if (given := getattr(self, setting)) is not None:
                check_text(setting, given)
        for setting in ("test_mode", "disable_loading_indicator", "trusts_vendor_sessions"):
            check_flag(setting, getattr(self, setting))

        for setting in ("subscriber_columns", "subscription_columns"):
            check_text_by_text(setting, getattr(self, setting))
        check_texts("skip_offers", self.skip_offers)
        check_fallback(self.fallback)

        if self.api_key is not None and not is_opaque_id(self.api_key):
            raise ConfigurationError("api_key is empty, or has a character that no key has")

    def _check_webhook_tokens(self) -> None:
        for name in ("webhook_token", "previous_webhook_token"):
            token = getattr(self, name)
            if token is not None and not re.fullmatch(r"[A-Za-z0-9_-]{32,255}", token):
                raise ConfigurationError(
                    f"{name} must have 32 or more letters, digits, _ or -; "
                    f"make one with: {MAKE_A_KEY}"
                )
        if self.previous_webhook_token is not None and self.webhook_token is None:
            raise ConfigurationError("previous_webhook_token goes with a webhook_token")

    @property
    def webhook_tokens(self) -> Sequence[str]:
        """The token and, while it is changed, the one before."""
        return [
            token
            for token in (self.webhook_token, self.previous_webhook_token)
            if token is not None
        ]

    def _check_platform(self) -> None:
        for entity, columns in (
            ("subscriber", self.subscriber_columns),
            ("subscription", self.subscription_columns),
        ):
            if columns and self.platform != "custom":
                raise ConfigurationError(
                    f"{entity}_columns are for platform='custom': a connected one is not told"
                )
            if not set(columns) <= set(_FIELDS[entity]) or not all(columns.values()):
                raise ConfigurationError(
                    f"{entity}_columns gives columns to {', '.join(_FIELDS[entity])}"
                )

        if self.platform == "custom" and (self.applies_cancellation, self.applies_offers) != (
            "app",
            "app",
        ):
            raise ConfigurationError(
                "a custom platform changes nothing by itself: write applies_cancellation='app', applies_offers='app'"
            )

        given: object = self.properties
        if not isinstance(given, Sequence) or not all(isinstance(each, Property) for each in given):
            raise ConfigurationError("properties is a sequence of Property(…)")

        names = [each.source.name for each in self.properties]
        self._check_proof(names)
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ConfigurationError(f"the property {twice} is there twice")

    def _check_proof(self, taken: Collection[str]) -> None:
        if self.proof_in in (None, IN_META):
            return
        name = str(self.proof_in).removeprefix(IN_PROPERTY)
        if name == self.proof_in or not is_opaque_id(name):
            raise ConfigurationError("proof_in is 'meta' or 'property:<identifier>'")
        if f"{self._entity}.properties.{name}" in taken:
            raise ConfigurationError(f"the property {name} is taken: the proof needs its own")

    def with_options(self, options: Mapping[str, Any]) -> ProsperStack:
        """Return the account with the options of one request; raises ConfigurationError.

        Args:
            options: Values for ``flow_id``, ``language``, ``skip_offers`` and ``display_mode``. What is left out stays
                as the account has it, and ``test_mode`` stays in any case.
        """
        if unknown := sorted(map(str, set(options) - set(OPTIONS))):
            raise ConfigurationError(
                f"options has {unknown[0]}, which no request can set: it takes {', '.join(OPTIONS)}"
            )
        for name in ("flow_id", "language"):
            if not isinstance(options.get(name), str | None):
                raise ConfigurationError(f"options: {name} is a text or None")

        skipped = options.get("skip_offers", ())
        if not isinstance(skipped, Sequence) or not all(isinstance(each, str) for each in skipped):
            raise ConfigurationError("options: skip_offers is a sequence of offers' ids")
        return replace(self, **options)

    def _check_options(self) -> None:
        if self.test_mode and self.api_key is not None and not self.api_key.startswith(_TEST_KEY):
            raise ConfigurationError(
                f"test_mode does not go with a live api_key: use one that starts with {_TEST_KEY}, or none"
            )

    @property
    def mode(self) -> Mode | None:
        """Test in ``test_mode`` or with a ``key_test_`` API key, live with another one, None without a key."""
        if self.test_mode:
            return "test"
        if self.api_key is None:
            return None
        return "test" if self.api_key.startswith(_TEST_KEY) else "live"

    @property
    def has_api(self) -> bool:
        """ProsperStack has a REST API and a webhook."""
        return True

    @property
    def reports_sessions(self) -> bool:
        """Whether its events are read."""
        return self.api_key is not None

    @property
    def names_customers(self) -> bool:
        """Whether flow sessions name the customer: on a custom platform ProsperStack knows no subscription."""
        return self.platform == "custom"

    @property
    def _entity(self) -> str:
        return "subscriber" if self.names_customers else "subscription"

    @property
    def simulated(self) -> bool:
        """Whether a host is not ProsperStack's own."""
        return self.api_host != API_HOST or self.app_host != APP_HOST

    @property
    def _script_url(self) -> str:
        return (
            self.script_url
            or f"https://cdn.prosperstack.com/flow/{self.client_version}/flow.min.js"
        )

    def csp_sources(self) -> Mapping[str, Sequence[str]]:
        """Return what the client needs; it loads no image, font, worker or stylesheet file."""
        script = self._script_url
        return {
            "connect-src": (self.api_host,),
            "frame-src": (self.app_host,),
            "script-src": ("'self'" if script.startswith("/") else source_of(script),),
            "style-src": (self.style_hash or STYLE_HASHES[self.client_version],),
        }

    def widget(self) -> WidgetSettings:
        """Return what the page script starts."""
        options: dict[str, Any] = {"displayMode": self.display_mode}
        if self.language is not None:
            options["language"] = self.language

        if self.skip_offers:
            options["skipOffers"] = list(self.skip_offers)

        if self.test_mode:
            options["testMode"] = True

        if self.disable_loading_indicator:
            options["disableLoadingIndicator"] = True

        window = {}

        if self.simulated:
            window = {
                "__PROSPERSTACK_DEBUG_API_HOST__": self.api_host,
                "__PROSPERSTACK_DEBUG_APP_HOST__": self.app_host,
            }

        return WidgetSettings(
            "prosperstack", self._script_url, self.script_integrity, options, window
        )

    def sign(self, subscription: OwnedSubscription, proof: str | None = None) -> SignedPayload:
        """Return the signed payload in the shape of the platform, with every value of the row that fits its type."""
        identifier = (
            subscription.customer_id if self.platform == "custom" else subscription.subscription_id
        )
        payload = self._payload(identifier)
        if self._sources:
            fill(payload, self._sources, subscription.record)
        if proof is not None and self.proof_in is not None:
            self._carry(payload, proof, self.proof_in)
        # Every value was read as one that JSON holds.
        return sign_text(ascii_json(payload), self.client_secret)

    def _carry(self, payload: dict[str, Any], proof: str, place: str) -> None:
        if place == IN_META:
            payload["meta"] = {PROOF: proof}
        else:
            entity = payload.setdefault(self._entity, {})
            entity.setdefault("properties", {})[place.removeprefix(IN_PROPERTY)] = proof

    def _payload(self, identifier: str) -> dict[str, Any]:
        payload: dict[str, Any] = {"clientId": self.client_id}
        if self.flow_id is not None:
            payload["flowId"] = self.flow_id
        if self.platform == "custom":
            payload["subscriber"] = {"internalId": identifier}
        else:
            payload["subscription"] = {self.subscription_key: identifier}
        return payload

    @property
    def columns(self) -> Collection[str]:
        """The columns of the row that the payload, and the flow of ours that may serve instead, take values from."""
        own = () if self.fallback is None else self.fallback.columns
        return {*(source.column for source in self._sources), *own}

    def left_out(self, subscription: OwnedSubscription) -> Sequence[PropertyError]:
        """Return why values of this row do not go into the payload; empty when all do."""
        return fill({}, self._sources, subscription.record) if self._sources else ()

    def _make_sources(self) -> tuple[Source, ...]:
        columns: Mapping[str, Mapping[str, str]] = {}
        if self.platform == "custom":
            columns = {
                "subscriber": {"name": "name", "email": "email", **self.subscriber_columns},
                "subscription": self.subscription_columns,
            }

        fields = [
            Source(
                (entity, name), _FIELDS[entity][name], column, is_required=entity == "subscriber"
            )
            for entity, named in columns.items()
            for name, column in named.items()
        ]

        return (*fields, *(each.source for each in self.properties))

    def page_data(
        self, subscription: OwnedSubscription, proof: str | None = None
    ) -> Mapping[str, Any]:
        """Return the signed payload under the name that the page script knows."""
        return {"signedPayload": self.sign(subscription, proof)}

    async def try_unsigned(self) -> SigningTrial:
        """Open two flow sessions of an invented subscription in test mode, one signed and one unsigned."""
        from aiocancel.vendors.prosperstack.signing_trial import try_signing

        payload = sign_payload(self._payload(f"sub_{NOBODYS}"), self.client_secret)
        if self.platform == "custom":
            person = {"internalId": NOBODYS, "name": NOBODYS, "email": f"{NOBODYS}@example.com"}
            whole = {**self._payload(NOBODYS), "subscriber": person}
            payload = sign_payload(whole, self.client_secret)
        return await try_signing(self.api_host, payload)

    @property
    def api_access(self) -> ApiAccess:
        """How the REST API is reached; a simulator has no limit but its own."""
        most = self.max_requests_per_minute
        if most is None and not self.simulated:
            most = MAX_REQUESTS_PER_MINUTE
        return ApiAccess(self.api_key, self.api_host, self.mode, most)

    def open_verifier(
        self, slots: SlotSource | None = None
    ) -> AbstractAsyncContextManager[OutcomeVerifier] | None:
        """Open the REST API; None without an ``api_key``."""
        if self.api_key is None:
            return None
        # Late: only a worker needs what it imports.
        from aiocancel.vendors.prosperstack.api import open_prosperstack_api

        return open_prosperstack_api(self.api_access, slots=slots)

    def read_webhook(self, body: bytes) -> str:
        """Return the event's id and nothing else: what the body says of the event is not believed."""
        try:
            data = msgspec.json.decode(body, type=_Ring)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise MalformedClaimError("The body is not a webhook of ProsperStack.") from None
        event_id = data.event_id or data.id
        if event_id is None or not is_opaque_id(event_id):
            raise MalformedClaimError("The body names no event.")
        return event_id

    def read_result(self, result: Mapping[str, Any]) -> FlowClaim:
        """Read a FlowResult; unknown fields are ignored, known ones must have their type."""
        try:
            read = msgspec.convert(result, _FlowResult)
        except msgspec.ValidationError as error:
            # msgspec names the type and the path, never the value.
            raise MalformedClaimError(f"The flow's result has a wrong shape: {error}.") from None
        except UnicodeEncodeError:
            raise MalformedClaimError(
                "The flow's result names a field in characters that no text has."
            ) from None

        session = read.flow_session
        if session is None:
            return FlowClaim(self.name, vendor_status(read.status))
        if not is_opaque_id(session.id):
            raise MalformedClaimError("The flow session's id holds a character that no id has.")

        # Late: only a worker and a post need what it imports.
        from aiocancel.vendors.prosperstack.session import read_details

        reason, offer = session.cancel_reason or _CancelReason(), session.offer_accepted or _Offer()

        return FlowClaim(
            vendor=self.name,
            status=vendor_status(read.status),
            flow_session_id=FlowSessionId(session.id),
            reason=CancelReason(
                clean_text(reason.text, longest=MAX_REASON_LENGTH),
                clean_text(reason.reason_code, longest=MAX_WORD_LENGTH),
            ),
            offer_id=clean_text(offer.id, longest=MAX_WORD_LENGTH),
            offer_type=clean_text(offer.type, longest=MAX_WORD_LENGTH),
            details=read_details(result["flowSession"]),
        )


_Word = Annotated[str, msgspec.Meta(max_length=255)]


class _Ring(msgspec.Struct):
    event_id: str | None = None
    id: str | None = None


class _CancelReason(msgspec.Struct):
    text: str | None = None
    reason_code: _Word | None = None


class _Offer(msgspec.Struct):
    id: _Word | None = None
    type: _Word | None = None


class _FlowSession(msgspec.Struct):
    id: _Word
    offer_accepted: _Offer | None = None
    cancel_reason: _CancelReason | None = None


class _FlowResult(msgspec.Struct, rename={"flow_session": "flowSession"}):
    status: _Word
    flow_session: _FlowSession | None = None
