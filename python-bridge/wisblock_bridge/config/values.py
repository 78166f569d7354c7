"""Check single values of the configuration.

1. A place is where the user wrote the value; every error message begins with it.
2. Nothing here knows the keys of the configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wisblock_bridge.endpoint import HIGHEST_PORT
from wisblock_bridge.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOWEST_ADDRESS = 0x08
HIGHEST_ADDRESS = 0x77

WORDS = {"true": True, "yes": True, "on": True, "1": True} | {
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def refuse(place: str, problem: str) -> ConfigError:
    """Return the error for a value that cannot be used.

    Args:
        place: Where it was written.
        problem: What is wrong, and what is allowed.
    """
    return ConfigError(f"{place}: {problem}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a suggestion for a misspelt name.

    Args:
        name: What was written.
        known: What is allowed.

    Returns:
        A sentence: the nearest name, or all of them.
    """
    names = list(known)
    close = _close(name, names)
    if close:
        return f"Did you mean {close}?"
    return f"Known are: {', '.join(names)}." if names else "None is known here."


def _close(name: str, known: list[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  (for an error only)

    by_folded = {each.lower(): each for each in known}
    found = get_close_matches(name.lower(), by_folded, n=1)
    return by_folded[found[0]] if found else ""


def text(value: object, place: str) -> str:
    """Check a text.

    Returns:
        The text, never empty.

    Raises:
        ConfigError: The value has another type.
    """
    if not isinstance(value, str) or not value.strip():
        raise refuse(place, f"{value!r} is not a text in quotes.")
    return value.strip()


def choice(value: object, place: str, allowed: Iterable[str]) -> str:
    """Check a choice, ignoring case.

    Args:
        value: What was written.
        place: Where.
        allowed: The words.

    Returns:
        The word as it is spelt in ``allowed``.

    Raises:
        ConfigError: The value is not one of them.
    """
    words = list(allowed)
    written = text(value, place)
    for word in words:
        if word.lower() == written.lower():
            return word
    close = _close(written, words)
    advice = f" Did you mean {close}?" if close else ""
    raise refuse(place, f'"{written}" is not one of {", ".join(words)}.{advice}')


def boolean(value: object, place: str) -> bool:
    """Check a truth value.

    Args:
        value: What was written; words count where no types can be written.
        place: Where.

    Returns:
        True or False.

    Raises:
        ConfigError: It is neither true nor false.
    """
    if isinstance(value, bool):
        return value
    raise refuse(place, f"{value!r} is neither true nor false.")


def number(value: object, place: str, low: float, high: float) -> float:
    """Check a number.

    Args:
        value: What was written.
        place: Where.
        low: Smallest allowed.
        high: Largest allowed.

    Raises:
        ConfigError: It is not a number, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise refuse(place, f"{value!r} is not a number from {low:g} to {high:g}.")
    return float(value)


def integer(value: object, place: str, low: int, high: int) -> int:
    """Check a whole number.

    Args:
        value: What was written.
        place: Where.
        low: Smallest allowed.
        high: Largest allowed.

    Raises:
        ConfigError: It is not a number, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise refuse(place, f"{value!r} is not a whole number from {low} to {high}.")
    return value


def address(value: object, place: str) -> int:
    """Check an I2C address.

    Args:
        value: What was written: a whole number, or a text like "0x4b".
        place: Where.

    Returns:
        7-bit address, 0x08...0x77.

    Raises:
        ConfigError: The value has another type.
    """
    found = value
    if isinstance(value, str):
        try:
            found = int(value, 0)
        except ValueError:
            found = None
    if isinstance(found, int) and not isinstance(found, bool):
        if LOWEST_ADDRESS <= found <= HIGHEST_ADDRESS:
            return found
        if LOWEST_ADDRESS <= found >> 1 <= HIGHEST_ADDRESS:
            raise refuse(
                place,
                f"0x{found:02x} is beyond 0x{HIGHEST_ADDRESS:02x}. If it counts the read/write "
                f"bit, the 7-bit address is 0x{found >> 1:02x}.",
            )
    raise refuse(
        place,
        f'{value!r} is not a 7-bit I2C address. Write it like "0x4b" '
        f"(0x{LOWEST_ADDRESS:02x} to 0x{HIGHEST_ADDRESS:02x}).",
    )


def table(value: object, place: str) -> Mapping[str, object]:
    """Check that something is a table.

    Raises:
        ConfigError: The value has another type.
    """
    if not isinstance(value, dict):
        raise refuse(
            place, f"{value!r} is not a table; write it as [{place.rsplit(maxsplit=1)[-1]}]."
        )
    return value


def only_known(values: Mapping[str, object], known: Iterable[str], where: str) -> None:
    """Refuse unknown keys.

    Args:
        values: The table as written.
        known: Its keys.
        where: The place of the table, up to the key.

    Raises:
        ConfigError: There is an unknown key; the most similar known one is named.
    """
    names = list(known)
    for key in values:
        if key not in names:
            raise refuse(f"{where} key {key}", f"there is no such key. {nearest(key, names)}")


def from_text(written: str) -> object:
    """Parse a value from the command line or the environment.

    Returns:
        A truth value, a number or the text itself.
    """
    if written.lower() in {"true", "yes", "on", "false", "no", "off"}:
        return WORDS[written.lower()]
    for convert in (lambda text: int(text, 0), float):
        try:
            return convert(written)
        except ValueError:
            continue
    return written


def host_and_port(value: object, place: str) -> str:
    """Return an address of this computer and a TCP port, as they are written.

    Args:
        value: What was given.
        place: Where, for the message.

    Returns:
        "127.0.0.1:9464".

    Raises:
        ConfigError: It is neither.
    """
    given = text(value, place)
    host, _, port = given.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) <= HIGHEST_PORT:
        raise refuse(place, f'"{given}" is no address. Write it like "127.0.0.1:9464".')
    return given
