"""Load the CancelFlow that a command line names as ``module:attribute``."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from operator import attrgetter
from pathlib import Path

from aiocancel.errors import ConfigurationError, TargetError
from aiocancel.plugin import CancelFlow


def find(target: str) -> object:
    """Import the module and return the attribute; modules of the current directory are found first.

    Raises TargetError, and ConfigurationError where the module makes a CancelFlow that cannot work.
    """
    module_name, _, attribute = target.partition(":")
    if not all(name.isidentifier() for name in (*module_name.split("."), *attribute.split("."))):
        raise TargetError("name the CancelFlow as module:attribute, for instance myapp:cancel")

    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)

    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module_name}.".startswith(f"{error.name}."):
            raise TargetError(
                f"there is no module {error.name} in this directory or where Python looks"
            ) from None
        raise TargetError(
            f"{module_name} imports {error.name}, which is not installed here"
        ) from None
    except ConfigurationError:
        raise
    except (Exception, SystemExit) as error:
        raise TargetError(f"{module_name} cannot be imported: {_told(error)}") from None

    try:
        return attrgetter(attribute)(module)
    except AttributeError:
        raise TargetError(f"{module_name} has no {attribute}") from None


async def make(found: object) -> CancelFlow:
    """Return ``found`` itself, or what it returns when it is called without arguments and awaited.

    Raises TargetError, and ConfigurationError where the CancelFlow cannot work.
    """
    if callable(found) and not isinstance(found, CancelFlow):
        try:
            found = found()
            if inspect.isawaitable(found):
                found = await found
        except ConfigurationError:
            raise
        except Exception as error:
            raise TargetError(f"the CancelFlow cannot be made: {_told(error)}") from None

    if not isinstance(found, CancelFlow):
        raise TargetError(
            f"a CancelFlow is needed, or a function that returns one, and this is {_named(found)}"
        )

    return found


def _named(found: object) -> str:
    return f"of type {type(found).__module__}.{type(found).__qualname__}"


def _told(error: BaseException) -> str:
    """Its type and its place; not its text, which may hold a DSN or a key."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    if (
        isinstance(error, KeyError)
        and last is not None
        and last.filename in ("<frozen os>", os.__file__)
    ):
        return f"the environment variable {error.args[0]} is not set"

    place = f", {Path(last.filename).name} line {last.lineno}" if last is not None else ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f", {Path(error.filename).name} line {error.lineno}"

    return f"{type(error).__name__}{place}"
