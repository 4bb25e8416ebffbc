"""StaySignal: a widget that binds itself to our button, tells the page when it is done, and signs nothing.

Source: StaySignal, "Custom/Advanced Integration" and "Billing"
(https://staysignal.gitbook.io/staysignal-docs/billing). What they do not say (the script's address, the
name of its function, the attribute that carries the subscription's id, its hosts) is for the owner to
copy from StaySignal's own instructions: none of it has a default here.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from aiocancel.config import is_path_of_this_site, origin_of, source_of
from aiocancel.core.check_settings import check_flag, check_text, check_texts
from aiocancel.core.claim import FlowClaim, FlowStatus
from aiocancel.core.csp import ContentSecurityPolicy
from aiocancel.core.identifiers import Mode
from aiocancel.errors import ConfigurationError, MalformedClaimError, PolicyError
from aiocancel.ports import FlowVendor, WidgetSettings
from aiocancel.vendors.own import OwnFlow, check_fallback

if TYPE_CHECKING:
    from aiocancel.core.decision import Applier
    from aiocancel.core.subscription import OwnedSubscription

OPT_OUT_ATTRIBUTE: Final = "data-ss-cancel-optout"
OPT_OUT_KEY: Final = "cancelOptOut"

_OWN_KEYS: Final = (OPT_OUT_KEY, "onComplete", "onError")
_NAME: Final = r"[A-Za-z_$][A-Za-z0-9_$]*"


class StaySignal(FlowVendor):
    """A StaySignal widget.

    Args:
        script_url: The address that the page loads the widget from: an absolute URL, or a path of this site.
        global_name: The dotted name of the widget's init function; ``window.`` may stand before it.
        subscription_attribute: The ``data-…`` attribute in which the button carries the subscription's id.
        csp_sources: The sources that the widget needs for each CSP directive, such as
            ``{"connect-src": ["https://…"]}``; the script's own URL is added.
        init_config: Further keys that StaySignal gave you, as JSON values.
        opt_out: With True StaySignal only logs and this application cancels; both of its switches are set, of which
            either one would do. With False StaySignal cancels by itself. Nothing shows that StaySignal authenticates
            the id that a browser gives it, so opting out is the safer way.
        script_integrity: The script's subresource integrity, where the file does not change.
        applies_cancellation: Who cancels: ``app`` with ``opt_out``, ``vendor`` without.
        fallback: An ``OwnFlow`` that serves in the place of the plain page, when StaySignal cannot be reached.

    Raises:
        ConfigurationError: Says which setting is wrong.
    """

    name: Final = "staysignal"
    mode: Final[Mode | None] = None
    applies_offers: Final[Applier] = "vendor"

    def __init__(
        self,
        *,
        script_url: str,
        global_name: str,
        subscription_attribute: str,
        csp_sources: Mapping[str, Sequence[str]],
        init_config: Mapping[str, Any] | None = None,
        opt_out: bool = True,
        script_integrity: str | None = None,
        applies_cancellation: Applier = "app",
        fallback: OwnFlow | None = None,
    ) -> None:
        for name, text in (
            ("script_url", script_url),
            ("global_name", global_name),
            ("subscription_attribute", subscription_attribute),
        ):
            check_text(name, text)
        if script_integrity is not None:
            check_text("script_integrity", script_integrity)
        check_flag("opt_out", opt_out)
        check_fallback(fallback)

        if not re.fullmatch(rf"{_NAME}(\.{_NAME})*", global_name, re.ASCII):
            raise ConfigurationError("global_name is the dotted name of the widget's init function")
        if (
            not re.fullmatch(r"data-[a-z][a-z0-9-]*", subscription_attribute, re.ASCII)
            or subscription_attribute == OPT_OUT_ATTRIBUTE
        ):
            raise ConfigurationError(
                "subscription_attribute is the data-… attribute that carries the id"
            )
        if applies_cancellation != ("app" if opt_out else "vendor"):
            raise ConfigurationError(
                "with opt_out=True StaySignal does not cancel, which takes applies_cancellation='app'; "
                "with opt_out=False it does, which takes applies_cancellation='vendor'"
            )

        self.fallback: Final = fallback
        self._script_url = script_url
        self._script_integrity = script_integrity
        self._init_function = global_name.removeprefix("window.")
        self._subscription_attribute = subscription_attribute
        self._opt_out = opt_out
        self._init_config = _checked_config({} if init_config is None else init_config)
        self._csp_sources = _checked_sources(csp_sources, script_url)

    @property
    def columns(self) -> Collection[str]:
        """The columns that the flow which serves as its fallback asks for."""
        return () if self.fallback is None else self.fallback.columns

    @property
    def applies_cancellation(self) -> Applier:
        """This application where StaySignal is told to stay out, else StaySignal."""
        return "app" if self._opt_out else "vendor"

    @property
    def simulated(self) -> bool:
        """Whether the widget comes from, or talks to, this machine or without encryption: no vendor does."""
        sources = (source for listed in self._csp_sources.values() for source in listed)
        return any(map(_is_local, [self._script_url, *sources]))

    def csp_sources(self) -> Mapping[str, Sequence[str]]:
        """Return what the owner says that the widget needs, and the script's own URL."""
        return self._csp_sources

    def widget(self) -> WidgetSettings:
        """Return what the page script starts."""
        return WidgetSettings(
            "staysignal",
            self._script_url,
            self._script_integrity,
            {**self._init_config, **({OPT_OUT_KEY: True} if self._opt_out else {})},
            init_function=self._init_function,
            button_attributes={OPT_OUT_ATTRIBUTE: "true"} if self._opt_out else {},
            subscription_attribute=self._subscription_attribute,
        )

    def page_data(
        self, subscription: OwnedSubscription, proof: str | None = None
    ) -> Mapping[str, Any]:
        """Return the id that the button is to carry; nothing here is signed, and no proof travels."""
        return {"subscriptionId": subscription.subscription_id}

    def read_result(self, result: Mapping[str, Any]) -> FlowClaim:
        """Read what our page script posts when the widget is done; any other status than canceled does nothing."""
        status = result.get("status")
        if not isinstance(status, str):
            raise MalformedClaimError("The flow's result has no status.")
        return FlowClaim(
            self.name, FlowStatus.CANCELED if status == "canceled" else FlowStatus.UNKNOWN
        )


def _checked_config(config: object) -> dict[str, Any]:
    if not isinstance(config, Mapping):
        raise ConfigurationError("init_config is a mapping of keys to JSON values")
    if taken := [key for key in _OWN_KEYS if key in config]:
        raise ConfigurationError(
            f"init_config: {taken[0]} is set by aiocancel (opt_out, and the page script)"
        )
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(config), allow_nan=False))
    except (TypeError, ValueError):
        raise ConfigurationError("init_config holds something that JSON cannot") from None
    return copied


def _checked_sources(
    given: Mapping[str, Sequence[str]], script_url: str
) -> dict[str, tuple[str, ...]]:
    own = is_path_of_this_site(script_url)
    if not own:
        origin_of(script_url, setting="script_url")

    script = "'self'" if own else source_of(script_url)
    _check_sources(given)

    sources = {directive: tuple(listed) for directive, listed in given.items()}
    sources["script-src"] = (
        *(source for source in sources.get("script-src", ()) if source != script),
        script,
    )

    try:
        ContentSecurityPolicy.parse("default-src 'none'").widen(sources)
    except PolicyError as error:
        raise ConfigurationError(f"csp_sources: {error}") from error

    return sources


def _check_sources(given: object) -> None:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise ConfigurationError("csp_sources is a mapping of directives to lists of sources")
    for directive, listed in given.items():
        check_texts(f"csp_sources: {directive}", listed)


def _is_local(source: str) -> bool:
    """Tell whether a URL or CSP source names this machine or an unencrypted scheme."""
    if source.startswith(("'", "/")) or source.endswith(":"):
        return source in ("http:", "ws:")
    if source.startswith(("http://", "ws://")):
        return True
    host = re.sub(r":(\d+|\*)$", "", re.sub(r"^[a-z]+://", "", source).split("/")[0]).lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
