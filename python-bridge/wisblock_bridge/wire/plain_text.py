"""Escape text from other programs for terminals and logs, in any encoding.

1. One mechanism for all commands and for the log: names of clients, errors of a bridge, texts of
   cards and cables pass through ``escaped`` before they are written.
2. Letters of all languages stay as they are; what moves a cursor, colours, turns the direction of
   writing or begins a line of its own does not.
"""

from __future__ import annotations

import codecs
import re

_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f"  # C0 and DEL
    "\x80-\x9f"  # C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction of writing (Unicode TR 9, 2)
    "\u200b\u2028\u2029\ufeff"  # nothing that is seen, and ends of lines
    "\ud800-\udfff"  # halves of pairs
    "]"
)
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
ESCAPE = "wisblock-escape"
r"""What encodes a letter that an encoding does not have as ``\u00b0``, in text and JSON alike."""


def escaped(text: str) -> str:
    r"""Make control characters visible: ESC becomes ``\x1b``.

    Returns:
        The same on one line, without anything that a terminal would obey.
    """
    return _UNSAFE.sub(_visible, text) if _UNSAFE.search(text) else text


def escaped_lines(text: str) -> str:
    """Escape each line of a text that may have several ("traceback"), as ``escaped`` does."""
    return "\n".join(escaped(line) for line in text.split("\n"))


def escaped_in_json(text: str) -> str:
    r"""Escape what JSON lets through: DEL, C1, direction of writing; ``\u009b`` means the same.

    Returns:
        JSON of the same meaning.
    """
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _visible(found: re.Match[str]) -> str:
    letter = found[0]
    if letter in _NAMED:
        return _NAMED[letter]
    code = ord(letter)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004


def _encode(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    words = (units[at : at + 2].hex() for at in range(0, len(units), 2))
    return "".join(f"\\u{word}" for word in words), error.end


codecs.register_error(ESCAPE, _encode)
