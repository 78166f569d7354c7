"""Bytes to requests, results to bytes: the wire format of protocol version 1.

1. No I/O, no clock, no module: only the form of a message is checked.
2. Any bytes give a ``Request`` or raise ``Undecodable``, and nothing else.
3. Only unusual frames are examined in detail: a short frame whose key counts add up, and whose
   bytes cannot contain too many levels or an extension type, is not.
4. A refusal costs little: lengths are judged before contents, and the parameters are not decoded
   before version, id, and method are known to be good.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

import msgspec

from wisblock_bridge.errors import (
    BadParamsError,
    BadRequestError,
    BridgeError,
    UnsupportedVersionError,
)
from wisblock_bridge.wire import limits, msgpack_rules
from wisblock_bridge.wire.limits import (
    DEFAULT_TIMEOUT_MS,
    MAX_MESSAGE_BYTES,
    MAX_NODE_NAME,
    MAX_TIMEOUT_MS,
)

if TYPE_CHECKING:
    from wisblock_bridge.module_api import Result

VERSION = 1
NO_PARAMS = msgspec.Raw(b"\x80")
"""The parameter map of a request that sends none."""

_REQUIRED_KEYS = 3

RequestId = int | str


class Request(msgspec.Struct, frozen=True, gc=False):
    """A well-formed request; its method checks the parameters.

    Attributes:
        v: Major version, 1.
        id: Chosen by the client.
        method: Name of the method.
        params: The parameter map, not yet decoded.
        timeout_ms: How long it may wait before it starts, ms; unset means 2000.
        deadline_ms: In place of that, until when it may start, in the bridge's clock, ms.
        node: What asks inside the client, for people: the name of a Node-RED node.
    """

    v: int
    id: RequestId
    method: str
    params: msgspec.Raw = NO_PARAMS
    timeout_ms: int | msgspec.UnsetType = msgspec.UNSET
    deadline_ms: float | msgspec.UnsetType = msgspec.UNSET
    node: Annotated[str, msgspec.Meta(max_length=MAX_NODE_NAME)] | msgspec.UnsetType = msgspec.UNSET


class _OnlyId(msgspec.Struct, frozen=True, gc=False):
    id: RequestId


class Undecodable(Exception):  # noqa: N818  (a result, not only an error)
    """A frame that is not a request.

    Args:
        request_id: The id, where one could be read.
        error: What to answer.
    """

    def __init__(self, request_id: RequestId | None, error: BridgeError) -> None:
        super().__init__(error.message)
        self.request_id = request_id
        self.error = error


_request_decoder = msgspec.msgpack.Decoder(Request)
_id_decoder = msgspec.msgpack.Decoder(_OnlyId)
_lone_id_decoder: msgspec.msgpack.Decoder[RequestId] = msgspec.msgpack.Decoder(int | str)
_encoder = msgspec.msgpack.Encoder()

_MAPS = frozenset((*range(0x80, 0x90), 0xDE, 0xDF))
"""The bytes that can begin a map."""
_LEVELS = bytes((*range(0x80, 0xA0), *range(0xDC, 0xE0)))
"""The bytes that can begin a map or a list, and with it a level."""
_EXTENSIONS = bytes((0xC1, *range(0xC7, 0xCA), *range(0xD4, 0xD9)))
_UNSUSPICIOUS = bytes(byte for byte in range(256) if byte not in _LEVELS + _EXTENSIONS)
_SUSPICION = bytes.maketrans(_LEVELS + _EXTENSIONS, b"L" * len(_LEVELS) + b"E" * len(_EXTENSIONS))

_LONG_FRAME_BYTES = 16 * 1024
"""A longer one is examined before it is decoded: that ends at the limit of elements, where a
decoder looks at all of them."""

_MOST_REMEMBERED, _LONGEST_REMEMBERED_BYTES = 512, 256
"""Parameter maps of which it is remembered how they look."""

LONGEST_SENTENCE = 1000
"""What a client sent is repeated in errors, but not at any length."""

MALFORMED = (msgspec.DecodeError, RecursionError, UnicodeDecodeError, OverflowError)


def decode(frame: bytes, length: int | None = None) -> Request:
    """Decode a request.

    Args:
        frame: One frame as it came.
        length: Its length, where only its start is there, bytes.

    Returns:
        The request, its version and limits checked.

    Raises:
        Undecodable: The frame is not a request of this version.
    """
    examined = False
    if length is None:
        length = len(frame)
    if length > _LONG_FRAME_BYTES:
        if length > MAX_MESSAGE_BYTES:
            raise Undecodable(
                _readable_id(frame),
                BadRequestError(f"The frame has {length} bytes; {MAX_MESSAGE_BYTES} are allowed."),
            )
        examined = frame[0] in _MAPS
    if examined:
        try:
            msgpack_rules.examine(frame)
        except BadRequestError as error:
            raise Undecodable(_readable_id(frame), error) from None
    try:
        request = _request_decoder.decode(frame)
    except MALFORMED as error:
        raise Undecodable(_readable_id(frame), _form_error(error)) from None
    if not examined:
        _examine_if_unusual(frame, request)
    _check_envelope(request)
    return request


def _examine_if_unusual(frame: bytes, request: Request) -> None:
    """Examine a frame that may break a rule which the decoder does not know.

    Where all keys are known and none is repeated, that can be in the parameters only: whatever else
    there is has been decoded, and the bytes of a number mean nothing.
    """
    has_params = request.params is not NO_PARAMS
    keys = (
        _REQUIRED_KEYS
        + has_params
        + (request.timeout_ms is not msgspec.UNSET)
        + (request.deadline_ms is not msgspec.UNSET)
        + (request.node is not msgspec.UNSET)
    )
    is_unusual = frame[0] != 0x80 | keys
    if has_params and not is_unusual:
        params = bytes(request.params)
        look = _are_suspicious if len(params) <= _LONGEST_REMEMBERED_BYTES else _look
        is_unusual = look(params)
    if is_unusual:
        try:
            msgpack_rules.examine(frame)
        except BadRequestError as error:
            raise Undecodable(request.id, error) from None


def _look(params: bytes) -> bool:
    """Return whether a parameter map may be nested too deep or contain an extension type."""
    suspicion = params.translate(_SUSPICION, _UNSUSPICIOUS)
    return len(suspicion) >= limits.MAX_DEPTH or b"E" in suspicion


_are_suspicious = lru_cache(_MOST_REMEMBERED)(_look)
"""Clients ask the same thing again and again."""


def _check_envelope(request: Request) -> None:
    """Check version and times of a request whose form is good."""
    if request.v != VERSION:
        raise Undecodable(
            request.id,
            UnsupportedVersionError(
                f"Version {request.v} of the protocol was asked for; this bridge speaks {VERSION}.",
                hint="Install the versions of nodes and bridge that belong together.",
            ),
        )
    timeout_ms = request.timeout_ms
    if timeout_ms is not msgspec.UNSET and not 0 <= timeout_ms <= MAX_TIMEOUT_MS:
        raise Undecodable(
            request.id,
            BadRequestError(f"timeout_ms is {timeout_ms}; allowed are 0...{MAX_TIMEOUT_MS}."),
        )
    deadline_ms = request.deadline_ms
    if deadline_ms is not msgspec.UNSET and not math.isfinite(deadline_ms):
        raise Undecodable(request.id, BadRequestError("deadline_ms has to be a finite number."))


def latest_start(request: Request, received_at: float) -> float:
    """Return the clock reading until which a request may be started, s.

    A deadline that lies further ahead than any time-out reaches is one of another clock, and cut.

    Args:
        request: The request.
        received_at: Clock reading at which it came, or since when it may have waited, s.
    """
    if request.deadline_ms is not msgspec.UNSET:
        return min(request.deadline_ms, (received_at * 1000.0) + MAX_TIMEOUT_MS) / 1000.0
    timeout_ms = request.timeout_ms
    return (
        received_at + (DEFAULT_TIMEOUT_MS if timeout_ms is msgspec.UNSET else timeout_ms) / 1000.0
    )


_LONGEST_ECHO = 60

S = TypeVar("S", bound=msgspec.Struct)


class MapDecoder(Generic[S]):
    """Decodes a map into a struct that forbids unknown keys, and refuses repeated keys.

    Args:
        struct: The struct; its fields are keyword-only or all have names on the wire.

    Attributes:
        names: The keys that it knows.
    """

    __slots__ = ("_countable", "_decoder", "_optional", "_required", "names")

    def __init__(self, struct: type[S]) -> None:
        self._decoder = msgspec.msgpack.Decoder(struct)
        names, defaults = struct.__struct_fields__, struct.__struct_defaults__
        self.names = struct.__struct_encode_fields__
        self._required = sum(default is msgspec.NODEFAULT for default in defaults)
        self._required += len(names) - len(defaults)
        pairs = zip(names[len(names) - len(defaults) :], defaults, strict=True)
        self._optional = tuple(pair for pair in pairs if pair[1] is not msgspec.NODEFAULT)
        # A list that is created for each struct does not show whether it was sent.
        self._countable = not any(hasattr(default, "factory") for _, default in self._optional)

    def decode(self, raw: msgspec.Raw) -> S:
        """Decode.

        Raises:
            BadParamsError: A key is repeated.
            msgspec.DecodeError, RecursionError, UnicodeDecodeError, OverflowError: It does not fit;
                ``MALFORMED`` names them all.
        """
        data = bytes(raw)
        decoded = self._decoder.decode(data)
        given = self._required
        for name, default in self._optional:
            if getattr(decoded, name) is not default:
                given += 1
        if data[0] != 0x80 | given or not self._countable:
            # A default that was sent, more than fifteen keys, or a repeated key: examine it.
            try:
                msgpack_rules.examine(data)
            except BadRequestError as error:
                raise BadParamsError(error.message) from None
        return decoded


def decode_params(raw: msgspec.Raw, decoder: MapDecoder[S], method: str) -> S:
    """Decode the parameter map of a method.

    Args:
        raw: The map as it came.
        decoder: Decoder for the method's own struct.
        method: Name of the method, for messages.

    Raises:
        BadParamsError: A key is missing, unknown, repeated or of the wrong type.
    """
    try:
        return decoder.decode(raw)
    except MALFORMED as error:
        raise _misfit(method, decoder.names, error) from None


def _misfit(method: str, names: tuple[str, ...], error: Exception) -> BadParamsError:
    """Return the error for wrong parameters: which one, and what is allowed."""
    odd = _ODD_FIELD.match(str(error))
    if odd is None:
        name = str(error).partition("$.")[2].partition("`")[0]
        why = _plain(error)
        if name:
            why = f"{name}: {why.removesuffix(f' - at {name}')}"
        return BadParamsError(
            f"The parameters of {method} do not fit: {why}.",
            data={"param": name} if name else {},
        )
    name = odd["name"][:_LONGEST_ECHO]
    has = "has no parameter" if odd["kind"] == "contains unknown" else "needs"
    return BadParamsError(
        f"{method} {has} {json.dumps(name)}; it has: {', '.join(names) or 'none'}.",
        data={"param": name, "allowed": list(names)},
    )


class Fault(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An error on the wire."""

    code: str
    message: str
    hint: str = ""
    where: str = ""
    data: dict[str, object] = {}


def fault(error: BridgeError) -> Fault:
    """Return an error in its form on the wire.

    Returns:
        The wire form; empty parts are left out when encoded.
    """
    return Fault(str(error.code), _cut(error.message), error.hint, _cut(error.where), error.data)


class _Success(msgspec.Struct, frozen=True, gc=False):
    v: int
    id: RequestId
    ok: bool
    result: object


class _Failure(msgspec.Struct, frozen=True, gc=False):
    v: int
    id: RequestId
    ok: bool
    error: Fault


class Outcome(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The result of ``invoke``.

    Attributes:
        readings: Reading name to value, in the catalogue's unit.
        timestamp: Milliseconds since 1970.
        quality: "good" or "uncertain".
        emulated: Whether the hardware is emulated.
        note: Why the quality is uncertain.
    """

    readings: dict[str, object]
    timestamp: float
    quality: str
    emulated: bool
    note: str = ""


class Event(msgspec.Struct, gc=False, omit_defaults=True):
    """One message of a subscription; ``lost`` and ``late`` are filled in when it is sent."""

    v: int
    event: str
    subscription: int
    sequence: int
    lost: int = msgspec.field(default=-1)
    readings: dict[str, object] | msgspec.UnsetType = msgspec.UNSET
    timestamp: float | msgspec.UnsetType = msgspec.UNSET
    quality: str | msgspec.UnsetType = msgspec.UNSET
    emulated: bool | msgspec.UnsetType = msgspec.UNSET
    error: Fault | msgspec.UnsetType = msgspec.UNSET
    initial: bool = False
    note: str = ""
    late: int = 0


class Observed(msgspec.Struct, gc=False, omit_defaults=True, kw_only=True):
    """One message to a client that observes; ``lost`` is filled in when it is sent."""

    v: int
    event: str
    subscription: int
    sequence: int
    kind: str
    module: str | None
    slot: int | str
    lost: int = msgspec.field(default=-1)
    name: str = ""
    params: dict[str, object] | msgspec.UnsetType = msgspec.UNSET
    readings: dict[str, object] | msgspec.UnsetType = msgspec.UNSET
    timestamp: float | msgspec.UnsetType = msgspec.UNSET
    quality: str | msgspec.UnsetType = msgspec.UNSET
    emulated: bool | msgspec.UnsetType = msgspec.UNSET
    note: str = ""
    error: Fault | msgspec.UnsetType = msgspec.UNSET
    claims: list[dict[str, object]] | msgspec.UnsetType = msgspec.UNSET
    claims_total: int | msgspec.UnsetType = msgspec.UNSET
    held: list[dict[str, object]] | msgspec.UnsetType = msgspec.UNSET
    open: bool | msgspec.UnsetType = msgspec.UNSET
    failing: bool | msgspec.UnsetType = msgspec.UNSET
    last_good: float | msgspec.UnsetType | None = msgspec.UNSET
    last_error: Fault | msgspec.UnsetType | None = msgspec.UNSET
    last_error_at: float | msgspec.UnsetType | None = msgspec.UNSET
    initial: bool = False


def encode_result(request_id: RequestId, result: object) -> bytes:
    """Encode a reply with a result.

    Args:
        request_id: The id of the request.
        result: Its result, plain types or an ``Outcome``.
    """
    return _encoder.encode(_Success(VERSION, request_id, True, result))  # noqa: FBT003


def encode_part(result: object) -> msgspec.Raw:
    """Encode a result that several replies have in common.

    Args:
        result: Plain types.

    Returns:
        What ``encode_result`` takes in its place.
    """
    return msgspec.Raw(_encoder.encode(result))


def encode_error(request_id: RequestId, error: BridgeError) -> bytes:
    """Encode a reply with an error.

    Args:
        request_id: The id of the request.
        error: Why.
    """
    return _encoder.encode(_Failure(VERSION, request_id, False, fault(error)))  # noqa: FBT003


def outcome(readings: Result, *, emulated: bool) -> Outcome:
    """Return a module's readings as the result of ``invoke``.

    Args:
        readings: What the module measured.
        emulated: Whether the hardware is emulated.
    """
    return Outcome(
        readings.values, readings.timestamp_ms, readings.quality.value, emulated, readings.note
    )


def encode_event(event: Event | Observed) -> bytes:
    """Encode an event.

    Args:
        event: The event, ``lost`` filled in.
    """
    return _encoder.encode(event)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SENTENCE else f"{text[:LONGEST_SENTENCE]}…"


def _form_error(error: Exception) -> BridgeError:
    if isinstance(error, RecursionError):
        return BadRequestError(f"The frame is nested deeper than {limits.MAX_DEPTH} levels.")
    return BadRequestError(f"The frame is not a request: {_plain(error)}.")


_LENGTH = re.compile(r"Expected str of length <= (\d+)")
_ODD_FIELD = re.compile(
    r"Object (?P<kind>contains unknown|missing required) field `(?P<name>[^`]*)`$"
)


def _plain(error: Exception) -> str:
    words = str(error).replace("`", "").replace("$.", "").rstrip(".")
    return _LENGTH.sub(r"at most \1 characters are allowed", words) or type(error).__name__


def _readable_id(frame: bytes) -> RequestId | None:
    """Read the id of a frame that is no request: mostly it stands in front."""
    found = _bare_id(frame)
    if found is None:
        with suppress(*MALFORMED):
            found = _id_decoder.decode(frame).id
    return found


def _bare_id(frame: bytes) -> RequestId | None:
    """Read the id of a map that cannot be decoded as a whole."""
    encoded = msgpack_rules.value_of_key(frame[:MAX_MESSAGE_BYTES], b"\xa2id")
    if encoded is None:
        return None
    try:
        return _lone_id_decoder.decode(encoded)
    except MALFORMED:
        return None
