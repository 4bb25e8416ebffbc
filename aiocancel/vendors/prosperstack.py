"""ProsperStack: what its widget needs on the page, how its payload is signed, and how its result reads.

Source: ProsperStack, "Embedding the flow" (https://docs.prosperstack.com/for-developers/embedding-the-flow),
and the npm package @prosperstack/flow 2.19.0, whose behaviour was observed in Chromium.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

import msgspec
from yarl import URL

from aiocancel.config import origin_of
from aiocancel.core.decision import Applier
from aiocancel.core.flow import MAX_REASON_LENGTH, MAX_WORD_LENGTH, CancelReason, FlowClaim, FlowStatus, clean_text
from aiocancel.core.identifiers import FlowSessionId, Mode, is_opaque_id
from aiocancel.core.signing import SignedPayload, sign_payload
from aiocancel.core.subscription import OwnedSubscription
from aiocancel.errors import ConfigurationError, MalformedClaimError
from aiocancel.ports import WidgetSettings

API_HOST: Final = "https://api.prosperstack.com"
APP_HOST: Final = "https://app.prosperstack.com"

# The client adds one <style> element; its text, and so its hash, changes with the client's version.
STYLE_HASHES: Final[Mapping[str, str]] = {
    "2.19.0": "'sha256-0II5nSAFgTOkBtdLO4MKsacG8pcjGGaEgpxvoOFKjm8='",
}

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "applies_cancellation": ("app", "vendor"),
    "applies_offers": ("app", "vendor"),
    "subscription_key": ("platformId", "paymentProviderId"),
    "display_mode": ("full_screen", "modal"),
}


@dataclass(frozen=True, slots=True)
class ProsperStack:
    """A ProsperStack account.

    ``client_secret`` signs payloads and ``api_key`` reads the REST API; neither appears in a repr.
    ``script_url`` is where the page loads the client from: by default the vendor's CDN at
    ``client_version``, better your own copy of the npm package's ``dist/index.js`` with
    ``script_integrity``. For a version that aiocancel does not know, ``style_hash`` is the CSP hash
    source of the client's style. ``applies_cancellation`` and ``applies_offers`` say who changes
    Stripe: this application, or ProsperStack itself. ``api_host`` and ``app_host`` differ from the
    vendor's only for a simulator, and are refused with a live Stripe key.

    Raises ConfigurationError.
    """

    client_id: str
    client_secret: str = field(repr=False)
    api_key: str | None = field(default=None, repr=False)
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

    name: str = field(default="prosperstack", init=False)

    def __post_init__(self) -> None:
        if not self.client_id:
            raise ConfigurationError("ProsperStack needs client_id: Settings → Account in its dashboard")
        if not self.client_secret:
            raise ConfigurationError("ProsperStack needs client_secret: Settings → Account in its dashboard")
        for setting, (one, other) in _WORDS.items():
            if getattr(self, setting) not in (one, other):
                raise ConfigurationError(f"{setting} is '{one}' or '{other}'")
        if self.style_hash is None and self.client_version not in STYLE_HASHES:
            raise ConfigurationError(
                f"the style of client version {self.client_version} is not known here: "
                "give its CSP hash as style_hash=\"'sha256-…'\""
            )
        for setting in ("api_host", "app_host"):
            if origin_of(getattr(self, setting), setting=setting) != getattr(self, setting):
                raise ConfigurationError(f"{setting} is an origin such as {API_HOST}, without a path")
        # A browser takes two slashes, or a slash and a backslash, for the start of another site's address.
        if self.script_url is not None and (
            not self.script_url.startswith("/") or self.script_url.startswith(("//", "/\\"))
        ):
            origin_of(self.script_url, setting="script_url")

    @property
    def mode(self) -> Mode | None:
        """Test for a ``key_test_`` API key, live for another one, None without a key."""
        if self.api_key is None:
            return None
        return "test" if self.api_key.startswith("key_test_") else "live"

    @property
    def simulated(self) -> bool:
        """Whether a host is not ProsperStack's own."""
        return self.api_host != API_HOST or self.app_host != APP_HOST

    @property
    def _script_url(self) -> str:
        return self.script_url or f"https://cdn.prosperstack.com/flow/{self.client_version}/flow.min.js"

    def csp_sources(self) -> Mapping[str, Sequence[str]]:
        """Return what the client needs; it loads no image, font, worker or stylesheet file."""
        script = self._script_url
        return {
            "connect-src": (self.api_host,),
            "frame-src": (self.app_host,),
            "script-src": ("'self'" if script.startswith("/") else str(URL(script).origin()),),
            "style-src": (self.style_hash or STYLE_HASHES[self.client_version],),
        }

    def widget(self) -> WidgetSettings:
        """Return what the page script starts."""
        options: dict[str, Any] = {"displayMode": self.display_mode}
        if self.language is not None:
            options["language"] = self.language
        window = {}
        if self.simulated:
            window = {
                "__PROSPERSTACK_DEBUG_API_HOST__": self.api_host,
                "__PROSPERSTACK_DEBUG_APP_HOST__": self.app_host,
            }
        return WidgetSettings("prosperstack", self._script_url, self.script_integrity, options, window)

    def sign(self, subscription: OwnedSubscription) -> SignedPayload:
        """Return the signed payload for a connected billing platform."""
        payload: dict[str, Any] = {"clientId": self.client_id}
        if self.flow_id is not None:
            payload["flowId"] = self.flow_id
        payload["subscription"] = {self.subscription_key: subscription.subscription_id}
        return sign_payload(payload, self.client_secret)

    def read_result(self, result: Mapping[str, Any]) -> FlowClaim:
        """Read a FlowResult; unknown fields are ignored, known ones must have their type."""
        try:
            read = msgspec.convert(result, _FlowResult)
        except msgspec.ValidationError as error:
            # msgspec names the type and the path, never the value.
            raise MalformedClaimError(f"The flow's result has a wrong shape: {error}.") from None
        except UnicodeEncodeError:
            raise MalformedClaimError("The flow's result names a field in characters that no text has.") from None
        session = read.flow_session
        if session is None:
            return FlowClaim(self.name, FlowStatus.read(read.status))
        if not is_opaque_id(session.id):
            raise MalformedClaimError("The flow session's id holds a character that no id has.")
        reason, offer = session.cancel_reason or _CancelReason(), session.offer_accepted or _Offer()
        return FlowClaim(
            vendor=self.name,
            status=FlowStatus.read(read.status),
            flow_session_id=FlowSessionId(session.id),
            reason=CancelReason(
                clean_text(reason.text, longest=MAX_REASON_LENGTH),
                clean_text(reason.reason_code, longest=MAX_WORD_LENGTH),
            ),
            offer_id=clean_text(offer.id, longest=MAX_WORD_LENGTH),
            offer_type=clean_text(offer.type, longest=MAX_WORD_LENGTH),
        )


_Word = Annotated[str, msgspec.Meta(max_length=255)]


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
