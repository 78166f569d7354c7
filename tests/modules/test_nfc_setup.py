"""RAK13600: formatting, password, lock, and commands of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.cases import for_each
from tests.chips.test_pn532_frame import SEED
from tests.modules.test_rak13600 import Plugged, failure

from wisblock_bridge.errors import BadParamsError, ForbiddenError, RemoteExceptionError
from wisblock_bridge.modules.nfc.rak13600 import RAK13600

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tally import Tally

UID = bytes.fromhex("04112233445566")
CARD = bytes.fromhex("01020304")
NTAG = "ntag213:04112233445566"
SECRET, ANSWER = bytes.fromhex("A1B2C3D4"), bytes.fromhex("5E5F")


# -- format_ndef ----------------------------------------------------------------------------------


@for_each(
    ("kind", "container", "start"),
    [
        # the size in units of 8 bytes: 48, 144, 48 and 128 bytes of user memory
        ("ultralight", "e1100600", "0300fe00"),
        ("ultralight_c", "e1101200", "0300fe00"),
        ("ultralight_ev1", "e1100600", "0300fe00"),
        ("ultralight_ev1_128", "e1101000", "0300fe00"),
    ],
)
def test_a_blank_tag_is_formatted(kind: str, container: str, start: str) -> None:
    plugged = Plugged(f"{kind}:04112233445566")
    with pytest.raises(RemoteExceptionError, match="not formatted"):
        plugged.module.read_ndef()
    written = plugged.module.format_ndef().values["written"]
    card = plugged.card(UID)
    assert card.memory[12:16].hex() == container
    assert card.memory[16:20].hex() == start
    assert [page for page, _ in card.writes] == written == [4, 3]  # the container comes last
    plugged.module.write_ndef(["Hello"])
    assert plugged.module.read_ndef().values["records"] == ["Hello"]
    with pytest.raises(ForbiddenError, match="formatted for NDEF already"):
        plugged.module.format_ndef()
    assert plugged.module.read_ndef().values["records"] == ["Hello"]
    plugged.module.format_ndef(erase=True)
    assert plugged.module.read_ndef().values["records"] == []


def test_a_damaged_tag_is_mended_by_format() -> None:
    plugged = Plugged(NTAG)
    plugged.card(UID).memory[16:20] = bytes.fromhex("FDC80000")
    plugged.module.format_ndef(erase=True)
    assert plugged.card(UID).memory[16:24].hex() == "0103a00c340300fe"  # as delivered
    plugged.module.write_ndef(["Hello"])


@pytest.mark.parametrize("page", [4, 9, 15])
def test_a_tag_that_is_not_blank_is_refused(page: int) -> None:
    plugged = Plugged("ultralight:04112233445566")
    card = plugged.card(UID)
    card.memory[4 * page + 3] = 1
    with pytest.raises(ForbiddenError, match=f"page {page} holds data"):
        plugged.module.format_ndef()
    assert card.writes == []
    plugged.module.format_ndef(erase=True)
    assert plugged.module.read_ndef().values["records"] == []


def test_a_container_that_can_never_be_right() -> None:
    plugged = Plugged("ultralight:04112233445566")
    card = plugged.card(UID)
    card.memory[12:16] = bytes.fromhex("02000000")
    with pytest.raises(RemoteExceptionError, match="page 3 holds 02 00 00 00"):
        plugged.module.format_ndef(erase=True)
    card.memory[12:16] = bytes(4)
    card.memory[10] = 0x08  # the container itself is locked
    with pytest.raises(ForbiddenError, match="lock page 3"):
        plugged.module.format_ndef(erase=True)
    assert card.writes == []


@pytest.mark.parametrize(
    ("kind", "sectors", "general"),
    [("classic_mini", 5, 0xC1), ("classic1k", 16, 0xC1), ("classic4k", 40, 0xC2)],
)
def test_a_classic_is_formatted(kind: str, sectors: int, general: int) -> None:
    """The bytes of AN1304 and AN10787."""
    plugged = Plugged(f"{kind}:01020304")
    card = plugged.card(CARD)
    manufacturer = bytes(card.memory[:16])
    plugged.module.format_ndef()
    assert card.memory[:16] == manufacturer
    assert card.memory[48:64].hex() == f"a0a1a2a3a4a5787788{general:02x}ffffffffffff"
    for sector in range(1, sectors):
        trailer = 4 * sector + 3 if sector < 32 else 128 + 16 * (sector - 32) + 15
        found = card.memory[16 * trailer : 16 * trailer + 16].hex()
        if sector == 16:
            assert found == "a0a1a2a3a4a578778800ffffffffffff"
        else:
            assert found == "d3f7d3f7d3f77f078840ffffffffffff"
    if kind != "classic_mini":
        assert card.memory[16:48].hex() == "1401" + 15 * "03e1"
    assert card.memory[64:67].hex() == "0300fe"
    text = "x" * (16 * 3 * 4 - 20 if sectors == 5 else 700)
    plugged.module.write_ndef([text])
    assert plugged.module.read_ndef().values["records"] == [text]
    with pytest.raises(ForbiddenError, match="already"):
        plugged.module.format_ndef()
    plugged.module.format_ndef(erase=True)
    assert plugged.module.read_ndef().values["records"] == []


def test_a_classic_with_other_keys_or_data_is_refused() -> None:
    plugged = Plugged("classic1k:01020304")
    card = plugged.card(CARD)
    card.memory[16 * 39] = 7  # trailer of sector 9
    with pytest.raises(RemoteExceptionError, match=r"Sector 9 .* factory key"):
        plugged.module.format_ndef()
    card.memory[16 * 39] = 0xFF
    card.memory[16 * 62 + 5] = 1
    with pytest.raises(ForbiddenError, match="block 62 holds data"):
        plugged.module.format_ndef()
    assert card.writes == []
    plugged.module.format_ndef(erase=True)
    assert plugged.module.read_ndef().values["records"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "tag", ["classic1k:01020304", "ultralight:04112233445566", "ultralight_c:04112233445566"]
)
def test_formatting_can_be_begun_again(tag: str, tally: Tally) -> None:
    """Pulled away at any exchange: it is told, and the next try goes through."""
    tried = 0
    for exchanges in range(1, 400):
        plugged = Plugged(tag)
        plugged.pull_after(exchanges)
        error = failure(lambda each=plugged: each.module.format_ndef())  # type: ignore[misc]
        plugged.pull_after(-1)
        if error is None:
            break
        tried += 1
        assert isinstance(error, RemoteExceptionError), exchanges
        if failure(plugged.module.read_ndef) is None:  # it had come to its end
            assert plugged.module.read_ndef().values["records"] == []
        else:
            plugged.module.format_ndef()
        plugged.module.write_ndef(["Hello"])
        assert plugged.module.read_ndef().values["records"] == ["Hello"]
    else:
        raise AssertionError("it never worked")
    tally.add("fault", "NFC card taken away, at each exchange in turn", tried, seed=str(SEED))


# -- the password ---------------------------------------------------------------------------------


@for_each(
    ("tag", "configuration"),
    [
        # pages of AUTH0, ACCESS, PWD and PACK in the data sheets
        (NTAG, 41),
        ("ntag215:04112233445566", 131),
        ("ntag216:04112233445566", 227),
        ("ntag210:04112233445566", 16),
        ("ntag212:04112233445566", 37),
    ],
)
def test_a_password_for_writing(tag: str, configuration: int) -> None:
    plugged = Plugged(tag)
    card: Any = plugged.card(UID)
    plugged.module.write_ndef(["Hello"])
    card.writes.clear()
    written = plugged.module.protect(SECRET, ANSWER).values["written"]
    assert written == [configuration + at for at in (2, 3, 1, 0)]  # AUTH0 last
    at = 4 * configuration
    assert card.memory[at : at + 16].hex() == "0400000400050000a1b2c3d45e5f0000"
    assert plugged.module.read_ndef().values["records"] == ["Hello"]
    card.writes.clear()
    with pytest.raises(RemoteExceptionError, match="lies there but refuses") as caught:
        plugged.module.write_ndef(["Hi"])
    assert "password" in caught.value.hint
    with pytest.raises(RemoteExceptionError, match="refused the password") as caught:
        plugged.module.write_ndef(["Hi"], password=bytes(4))
    with pytest.raises(RemoteExceptionError, match=r"answer \(PACK\) is another") as caught:
        plugged.module.write_ndef(["Hi"], password=SECRET, pack=bytes(2))
    assert SECRET.hex() not in str(caught.value).replace(" ", "").lower()
    assert card.writes == []
    plugged.module.write_ndef(["Hi"], password=SECRET, pack=ANSWER)
    plugged.module.write_block(10, b"abcd", password=SECRET)
    assert plugged.module.read_ndef().values["records"] == ["Hi"]
    with pytest.raises(ForbiddenError, match="password already, from page 4"):
        plugged.module.protect(SECRET)
    with pytest.raises(RemoteExceptionError, match="refused the password"):
        plugged.module.unprotect(bytes(4))
    plugged.module.unprotect(SECRET, ANSWER)
    assert card.memory[at : at + 16].hex() == "040000ff00050000ffffffff00000000"  # as delivered
    plugged.module.write_ndef(["free"])


def test_a_password_for_reading() -> None:
    plugged = Plugged(NTAG)
    plugged.module.write_ndef(["Hello"])
    plugged.module.protect(SECRET, first_page=6, reading=True)
    with pytest.raises(RemoteExceptionError, match="refuses"):
        plugged.module.read_ndef()
    found = plugged.module.read_ndef(password=SECRET, pack=bytes(2))
    assert found.values["records"] == ["Hello"]
    assert plugged.module.read_block(6, password=SECRET).values["data"] == b"\x01\x08\x54\x02"
    assert plugged.module.read_tag().values["type"] == "ntag213"
    plugged.module.unprotect(SECRET)
    assert plugged.module.read_ndef().values["records"] == ["Hello"]


def test_cards_without_a_password() -> None:
    for tag in ("ultralight_c:04112233445566", "ntag203:04112233445566"):
        with pytest.raises(RemoteExceptionError, match="has no password"):
            Plugged(tag).module.protect(SECRET)
    plugged = Plugged("classic1k:01020304")
    with pytest.raises(RemoteExceptionError, match="for Ultralight and NTAG"):
        plugged.module.protect(SECRET)
    with pytest.raises(RemoteExceptionError, match="has no password"):
        plugged.module.read_block(4, password=SECRET)
    with pytest.raises(RemoteExceptionError, match="type of this card is not known"):
        Plugged("ntag203:05112233445566").module.protect(SECRET)


def test_what_cannot_be_protected_is_not_begun() -> None:
    plugged = Plugged(NTAG)
    card = plugged.card(UID)
    with pytest.raises(BadParamsError, match="ends at page 39"):
        plugged.module.protect(SECRET, first_page=40)
    card.memory[4 * 42] |= 0x40  # CFGLCK
    with pytest.raises(ForbiddenError, match="CFGLCK"):
        plugged.module.protect(SECRET)
    assert card.writes == []


def test_a_password_that_was_not_kept_closes_nothing() -> None:
    plugged = Plugged(NTAG)
    plugged.card(UID).dead.add(43)
    with pytest.raises(RemoteExceptionError, match="refused the password"):
        plugged.module.protect(SECRET)
    plugged.module.write_ndef(["still open"])


# -- lock -----------------------------------------------------------------------------------------


@for_each(
    ("tag", "dynamic", "bits"),
    [
        (NTAG, 40, "ff0f3f00"),
        ("ntag215:04112233445566", 130, "ff000f00"),
        ("ntag216:04112233445566", 226, "ff3f7f00"),
        ("ntag203:04112233445566", 40, "ff000000"),
        ("ultralight_c:04112233445566", 40, "ff000000"),
        ("ntag210:04112233445566", 0, ""),
    ],
)
def test_a_locked_tag_stays_as_it_is(tag: str, dynamic: int, bits: str) -> None:
    plugged = Plugged(tag)
    card = plugged.card(UID)
    if card.memory[12] != 0xE1:
        plugged.module.format_ndef()
    plugged.module.write_ndef(["Hello"])
    card.writes.clear()
    plugged.module.lock(confirm=True)
    assert card.memory[10:12] == b"\xff\xff"
    assert card.memory[15] == 0x0F
    if dynamic:
        assert card.memory[4 * dynamic : 4 * dynamic + 4].hex() == bits
    assert [page for page, _ in card.writes] == [3, dynamic, 2] if dynamic else [3, 2]
    card.writes.clear()
    actions: list[Callable[[], object]] = [
        lambda: plugged.module.write_ndef(["Hi"]),
        lambda: plugged.module.write_block(5, b"abcd"),
        lambda: plugged.module.format_ndef(erase=True),
    ]
    for action in actions:
        with pytest.raises(ForbiddenError):
            action()
    assert card.writes == []
    assert plugged.module.read_ndef().values["records"] == ["Hello"]
    for page in range(3, 16):
        with pytest.raises(RemoteExceptionError):
            plugged.module.transceive(bytes((0xA2, page)) + b"abcd")


def test_lock_wants_to_be_confirmed() -> None:
    plugged = Plugged(NTAG)
    count = len(plugged.chip.commands)
    operation = RAK13600.description.operations["lock"]
    assert operation.check is not None
    with pytest.raises(BadParamsError, match="never be written again"):
        operation.check(operation.struct(confirm=False))
    with pytest.raises(BadParamsError, match="never be written again"):
        plugged.module.lock(confirm=False)
    operation.check(operation.struct(confirm=True))
    assert len(plugged.chip.commands) == count
    with pytest.raises(RemoteExceptionError, match="for Ultralight and NTAG"):
        Plugged("classic1k:01020304").module.lock(confirm=True)


# -- commands of one's own ------------------------------------------------------------------------


def test_transceive() -> None:
    plugged = Plugged(NTAG)
    assert plugged.module.transceive(b"\x60").values == {
        "data": bytes.fromhex("0004040201000F03"),
        "uid": UID,
    }
    with pytest.raises(RemoteExceptionError, match="lies there but refuses"):
        plugged.module.transceive(b"\x77")
    answer: Any = plugged.module.transceive(b"\x30\x03").values["data"]
    assert answer[:4] == bytes.fromhex("E1101200")


@for_each("name", ["format_ndef", "protect", "unprotect", "lock", "transceive"])
def test_who_may_only_read_may_not_do_this(name: str) -> None:
    assert not RAK13600.description.operations[name].reads_only
