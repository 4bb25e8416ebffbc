"""Stripe's form encoding, and the tables that say which parameters an endpoint takes.

``decode_form`` turns ``items[0][id]=si_1`` into nested dicts of strings; ``read_parameters`` turns those
into typed values by a table, and refuses what the table does not know, in Stripe's words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

_KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_SUBKEY = re.compile(r"\[([^\[\]]*)\]")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,12})?")


class Refusal(Exception):
    """An answer other than 200, raised at the rule that refuses; the server turns it into Stripe's error shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        type: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.error: dict[str, str] = {"message": message, "type": type}
        if param is not None:
            self.error["param"] = param
        if code is not None:
            self.error["code"] = code
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def no_such(kind: str, object_id: str, *, param: str = "id", status: int = 400) -> Refusal:
    """The refusal for an id that names nothing: 404 for the object of the URL, 400 for one in a parameter."""
    return Refusal(status, f"No such {kind}: '{object_id}'", code="resource_missing", param=param)


@dataclass(frozen=True)
class Param:
    """What one parameter may hold; built by the functions below."""

    kind: Literal[
        "boolean", "integer", "number", "text", "choice", "object", "list", "map", "unsupported"
    ]
    choices: tuple[str, ...] = ()
    fields: Mapping[str, Param] = field(default_factory=dict)
    items: Param | None = None
    clearable: bool = False
    required: bool = False
    lowest: int | None = None
    highest: int | None = None


def boolean() -> Param:
    """``true`` or ``false``; Stripe takes no other spelling."""
    return Param("boolean")


def integer(
    *words: str,
    lowest: int | None = None,
    highest: int | None = None,
    clearable: bool = False,
    required: bool = False,
) -> Param:
    """A whole number, or one of the special ``words``."""
    return Param(
        "integer", words, lowest=lowest, highest=highest, clearable=clearable, required=required
    )


def number() -> Param:
    """A decimal number."""
    return Param("number")


def text(*, clearable: bool = False, required: bool = False, longest: int | None = None) -> Param:
    """Any text; only a ``clearable`` one may be empty, and then unsets the field."""
    return Param("text", clearable=clearable, required=required, highest=longest)


def choice(*choices: str, clearable: bool = False, required: bool = False) -> Param:
    """One of a closed set of words."""
    return Param("choice", choices, clearable=clearable, required=required)


def fields(clearable: bool = False, /, **known: Param) -> Param:
    """A hash with exactly these keys."""
    return Param("object", fields=known, clearable=clearable)


def many(items: Param, *, clearable: bool = False, required: bool = False) -> Param:
    """An array."""
    return Param("list", items=items, clearable=clearable, required=required)


def free_map() -> Param:
    """Metadata: any keys, text values; an empty value unsets a key, an empty map all of them."""
    return Param("map", clearable=True)


def unsupported() -> Param:
    """A real parameter of Stripe's whose effect the simulator does not have."""
    return Param("unsupported", clearable=True)


def decode_form(*encoded: str) -> dict[str, Any]:
    """Nested dicts of strings; arrays are dicts with the indices as keys, because only a table can tell."""
    root: dict[str, Any] = {}
    for part in encoded:
        for key, value in parse_qsl(part, keep_blank_values=True):
            if (match := _KEY.fullmatch(key)) is None:
                raise Refusal(400, f"Invalid request: malformed parameter name {key!r}.")
            node = root
            *path, last = [match[1], *_SUBKEY.findall(match[2])]
            for name in path:
                node = node.setdefault(name or str(len(node)), {})
                if not isinstance(node, dict):
                    raise Refusal(400, "Invalid object", param=key)
            node[last or str(len(node))] = value

    return root


def tidy(raw: Any) -> Any:
    """The same with arrays as lists, for people and for checks against the SDK's types."""
    if not isinstance(raw, dict):
        return raw
    if raw and all(key.isdecimal() for key in raw):
        return [tidy(raw[key]) for key in sorted(raw, key=int)]
    return {key: tidy(value) for key, value in raw.items()}


def read_parameters(
    known: Mapping[str, Param], raw: Mapping[str, Any], prefix: str = ""
) -> dict[str, Any]:
    """Return typed values by the table of known parameters. A cleared parameter is the empty string, as it was sent.

    Args:
        known: The parameters that there are.
        raw: What was sent.
        prefix: The name of the enclosing parameter, for messages.

    Raises:
        Refusal: The first thing that Stripe would not take (400).
    """

    def full(name: str) -> str:
        return f"{prefix}[{name}]" if prefix else name

    if unknown := [full(name) for name in raw if name not in known]:
        plural = "s" if len(unknown) > 1 else ""
        message = f"Received unknown parameter{plural}: {', '.join(unknown)}"
        raise Refusal(400, message, code="parameter_unknown", param=unknown[0])
    for name, param in known.items():
        if param.required and name not in raw:
            raise Refusal(
                400,
                f"Missing required param: {full(name)}.",
                code="parameter_missing",
                param=full(name),
            )
    return {name: _read_value(known[name], value, full(name)) for name, value in raw.items()}


def _read_value(param: Param, value: Any, name: str) -> Any:
    if param.kind == "unsupported":
        message = f"The Stripe simulator does not simulate the parameter `{name}`."
        raise Refusal(400, message, code="simulator_unsupported", param=name)

    if value == "":
        if param.clearable:
            return ""
        message = (
            f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a parameter; "
            f"however '{name}' cannot be unset. You should remove '{name}' from your request or supply a "
            "non-empty value."
        )
        raise Refusal(400, message, code="parameter_invalid_empty", param=name)

    if param.kind in {"object", "map", "list"}:
        return _read_nested(param, value, name)
    if not isinstance(value, str):
        raise Refusal(400, "Invalid string", param=name)

    return _read_scalar(param, value, name)


def _read_nested(param: Param, value: Any, name: str) -> Any:
    if param.kind == "list" and param.items is not None:
        if not isinstance(value, dict) or not all(key.isdecimal() for key in value):
            raise Refusal(400, "Invalid array", param=name)
        return [
            _read_value(param.items, value[key], f"{name}[{key}]") for key in sorted(value, key=int)
        ]

    if not isinstance(value, dict):
        raise Refusal(400, "Invalid object", param=name)
    if param.kind == "object":
        return read_parameters(param.fields, value, name)

    for key, entry in value.items():
        if not isinstance(entry, str):
            raise Refusal(400, "Metadata values must be strings", param=f"{name}[{key}]")

    return dict(value)


def _read_scalar(param: Param, value: str, name: str) -> Any:
    match param.kind:
        case "text" if param.highest is not None and len(value) > param.highest:
            message = f"Invalid string: {value}; must be at most {param.highest} characters"
            raise Refusal(400, message, param=name)
        case "boolean":
            if value not in {"true", "false"}:
                raise Refusal(400, f"Invalid boolean: {value}", param=name)
            return value == "true"
        case "integer":
            if value in param.choices:
                return value
            if _INTEGER.fullmatch(value) is None:
                raise Refusal(
                    400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=name
                )
            return _within(param, int(value), name)
        case "number":
            if _NUMBER.fullmatch(value) is None:
                raise Refusal(400, f"Invalid decimal: {value}", param=name)
            return float(value)
        case "choice":
            if value not in param.choices:
                *most, last = param.choices
                listed = f"{', '.join(most)}, or {last}" if most else last
                raise Refusal(400, f"Invalid {name}: must be one of {listed}", param=name)

    return value


def _within(param: Param, value: int, name: str) -> int:
    if param.lowest is not None and value < param.lowest:
        message = f"This value must be greater than or equal to {param.lowest}."
        raise Refusal(400, message, code="parameter_invalid_integer", param=name)
    if param.highest is not None and value > param.highest:
        message = f"This value must be less than or equal to {param.highest}."
        raise Refusal(400, message, code="parameter_invalid_integer", param=name)
    return value
