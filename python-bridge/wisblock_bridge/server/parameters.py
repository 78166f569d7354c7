"""Parameters against the description: what came is held against what is allowed.

1. The check is msgspec's, built by ``signatures`` from the annotations; this file finds the words.
2. It runs before anything is queued, so a bad request never reaches a bus.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from wisblock_bridge.errors import BadParamsError, BadRequestError
from wisblock_bridge.module_api import UNITS
from wisblock_bridge.wire import msgpack_rules
from wisblock_bridge.wire.messages import MALFORMED, NO_PARAMS, MapDecoder

if TYPE_CHECKING:
    from wisblock_bridge.module_api.signatures import OperationDescription, ParamDescription

_LONGEST_ECHO = 60
_LONGEST_SHOWN = 4 * _LONGEST_ECHO
"""Bytes of a value beyond which it is described instead of decoded and shown."""
_MOST_NAMES = 64
"""More parameters than any operation has."""

_parts_decoder = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])


class Checker:
    """Checks the parameters of one operation or event.

    Args:
        description: What is allowed.
        module: Whose operation or event it is, for messages.
    """

    __slots__ = ("_decoder", "_default", "_subject", "description")

    def __init__(self, description: OperationDescription, module: str = "") -> None:
        self.description = description
        self._subject = f"{module} {description.name}".lstrip()
        self._decoder = MapDecoder(description.struct)
        self._default: msgspec.Struct | None = None
        if not any(param.required for param in description.params):
            self._default = description.struct()

    def check(self, raw: msgspec.Raw) -> msgspec.Struct:
        """Check a parameter map.

        Args:
            raw: The map as it came.

        Returns:
            The parameters, defaults filled in.

        Raises:
            BadParamsError: The message names the parameter, what came and what is allowed.
        """
        if raw is NO_PARAMS and self._default is not None:
            return self._default
        try:
            params = self._decoder.decode(raw)
        except MALFORMED as error:
            raise self._explain(bytes(raw), error) from None
        if self.description.check is not None:
            self.description.check(params)
        return params

    def _explain(self, data: bytes, error: Exception) -> BadParamsError:
        """Find the parameter that is wrong, and the words for it.

        Lengths come first: what a client sent is not decoded beyond what is repeated to it.
        """
        description = self.description
        try:
            given = self._parts(data)
        except BadParamsError as found:
            return found
        except (*MALFORMED, BadRequestError):
            return BadParamsError(f"The parameters cannot be read: {error}.")
        known = {param.name: param for param in description.params}
        for name, value in given.items():
            wrong = self._misfit(known, name, value)
            if wrong is not None:
                return wrong
        missing = [
            param for param in description.params if param.required and param.name not in given
        ]
        if missing:
            return BadParamsError(
                f"{self._subject} needs {missing[0].name}: {allowed(missing[0])}.",
                data={"param": missing[0].name, "allowed": allowed(missing[0])},
            )
        return BadParamsError(f"The parameters of {self._subject} do not fit: {error}.")

    def _parts(self, data: bytes) -> dict[str, msgspec.Raw]:
        """Take a parameter map apart; its values stay as they are."""
        shape, count, _ = msgpack_rules.head(data)
        if shape is not msgpack_rules.Shape.MAP:
            raise BadParamsError(
                f"The parameters of {self._subject} are {_shown(data)}; a map of names is wanted."
            )
        if count > _MOST_NAMES:
            raise BadParamsError(
                f"{self._subject} has no {count} parameters; it has: {self._names()}.",
                data={"allowed": [param.name for param in self.description.params]},
            )
        return _parts_decoder.decode(data)

    def _misfit(
        self, known: dict[str, ParamDescription], name: str, value: msgspec.Raw
    ) -> BadParamsError | None:
        """Return what is wrong with one parameter; None when it fits."""
        param = known.get(name)
        if param is None:
            return BadParamsError(
                f"{self._subject} has no parameter {_quoted(name)}; it has: {self._names()}.",
                data={"param": name[:_LONGEST_ECHO], "allowed": list(known)},
            )
        try:
            msgspec.msgpack.decode(value, type=param.check)
        except MALFORMED:
            return BadParamsError(
                f"{name} is {_shown(bytes(value))}; allowed: {allowed(param)}.",
                data={"param": name, "allowed": allowed(param)},
            )
        return None

    def _names(self) -> str:
        return ", ".join(param.name for param in self.description.params) or "none"


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "bytes": "bytes",
    "list": "a list",
}


def allowed(param: ParamDescription) -> str:
    """Say what a parameter may be.

    Args:
        param: The parameter.

    Returns:
        A phrase such as "a whole number 1...1024" or "one of slots, board".
    """
    facts = param.facts
    if param.choices and param.kind == "str":
        return f"one of {', '.join(map(str, param.choices))}"
    kind = param.item_kind or param.kind
    phrase = _WORDS[kind]
    if facts.low is not None and facts.high is not None:
        low, high = f"{facts.low:g}", f"{facts.high:g}"
        if kind in {"int", "float"}:
            phrase += f" {low}...{high}"
        else:
            phrase += f" of {low}...{high} {'bytes' if kind == 'bytes' else 'characters'}"
    symbol = UNITS[facts.unit].symbol
    if symbol:
        phrase += f" {symbol}"
    if param.item_kind:
        phrase = f"a list of {facts.fewest}...{facts.most}, each {phrase}"
    if param.choices:
        phrase += f" or {', '.join(map(str, param.choices))}"
    return phrase


def _quoted(name: str) -> str:
    """Write the name of a parameter as people type it; no control character gets through."""
    return json.dumps(name[:_LONGEST_ECHO])


def _shown(data: bytes) -> str:
    """Write a value that a client sent, encoded, or the beginning of it."""
    shape, length, content = msgpack_rules.head(data)
    if len(data) > _LONGEST_SHOWN:
        match shape:
            case msgpack_rules.Shape.ARRAY:
                return f"a list of {length} values"
            case msgpack_rules.Shape.MAP:
                return f"a map of {length} values"
            case msgpack_rules.Shape.TEXT:
                begin = data[content : content + _LONGEST_SHOWN].decode(errors="ignore")
                return f"{repr(begin)[:_LONGEST_ECHO]}…"
            case msgpack_rules.Shape.BYTES:
                return f"{repr(data[content : content + _LONGEST_ECHO])[:_LONGEST_ECHO]}…"
            case _:
                pass  # a scalar, which is never so long
    try:
        text = repr(msgspec.msgpack.decode(data))
    except UnicodeDecodeError:
        text = "text that is not UTF-8"
    return text if len(text) <= _LONGEST_ECHO else f"{text[:_LONGEST_ECHO]}…"
