"""Keys: files, the list, the command line. Every misuse is refused in words."""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path

import pytest
import zmq
from tests.cases import for_each
from zmq.utils import z85

from wisblock_bridge import cli, keys
from wisblock_bridge.keys import (
    ClientKeys,
    ClientList,
    KeysError,
    client_keys_from_environment,
    default_directory,
    files,
    make_pair,
    make_server_pair,
    pairs,
    read_client_file,
    server_pair,
    write_client_file,
)
from wisblock_bridge.wire.roles import Role


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "keys"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def new_key() -> str:
    return zmq.curve_keypair()[0].decode()


# -- keys as text ---------------------------------------------------------------------------------


def test_the_alphabet_is_zeromqs() -> None:
    data = bytes(range(256)) * 4
    assert set(z85.encode(data).decode()) <= set(pairs.ALPHABET)
    assert len(set(pairs.ALPHABET)) == 85


@for_each("number", range(20))
def test_what_zeromq_makes_is_a_key(number: int) -> None:
    pair = make_pair()
    assert pairs.check_key(pair.public, "key") == pair.public
    assert pairs.check_key(pair.secret, f"key {number}") == pair.secret
    assert zmq.curve_public(pair.secret.encode()).decode() == pair.public


@for_each(
    ("text", "words"),
    [
        ("", "has 0 characters; a key has 40"),
        ("x" * 39, "has 39 characters"),
        ("x" * 41, "has 41 characters"),
        ("x" * 39 + "ä", "Character 40 of the public key"),
        ("x" * 20 + '"' + "x" * 19, "Character 21"),
        ("x" * 20 + " " + "x" * 19, "Character 21"),
        ("#" * 40, "cannot be decoded"),  # 85**5 - 1 does not fit into four bytes
    ],
)
def test_what_is_no_key_is_refused(text: str, words: str) -> None:
    with pytest.raises(KeysError, match=words) as refused:
        pairs.check_key(text, "public key")
    assert not text or text not in str(refused.value)


def test_a_secret_key_never_shows_itself() -> None:
    server, client = make_pair(), make_pair()
    shown = ClientKeys(server.public, client.public, client.secret)
    assert client.secret not in repr(client) + repr(shown) + str(shown)
    with pytest.raises(KeysError) as refused:
        ClientKeys(server.public, server.public, client.secret)
    assert "do not belong together" in str(refused.value)
    assert client.secret not in str(refused.value)


# -- the bridge's own pair ------------------------------------------------------------------------


def test_the_pair_is_for_its_owner_alone(directory: Path) -> None:
    former = os.umask(0)
    try:
        made = make_server_pair(directory)
    finally:
        os.umask(former)
    assert mode(directory) == 0o700
    assert mode(directory / "server.key") == 0o600
    assert server_pair(directory) == made
    assert os.listdir(directory) == ["server.key"]  # noqa: PTH208  (hidden files count)


def test_there_is_no_pair_before_one_is_made(directory: Path) -> None:
    assert server_pair(directory) is None
    with pytest.raises(KeysError, match="wisblock-bridge keys server"):
        keys.own_pair(directory)


def test_a_pair_is_never_overwritten(directory: Path) -> None:
    made = make_server_pair(directory)
    with pytest.raises(KeysError, match="exists already and was not changed"):
        make_server_pair(directory)
    assert server_pair(directory) == made
    assert os.listdir(directory) == ["server.key"]  # noqa: PTH208


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o602, 0o644, 0o610, 0o601])
def test_a_pair_that_others_may_read_is_refused(directory: Path, bits: int) -> None:
    make_server_pair(directory)
    file = directory / "server.key"
    file.chmod(bits)
    with pytest.raises(KeysError, match=rf"others may read it \(mode 0{bits:o}\).*chmod 600"):
        server_pair(directory)


@pytest.mark.parametrize("bits", [0o720, 0o702, 0o777])
def test_a_directory_that_others_may_write_to_is_refused(directory: Path, bits: int) -> None:
    make_server_pair(directory)
    directory.chmod(bits)
    for attempt in (
        lambda: server_pair(directory),
        lambda: ClientList(directory).add("office", new_key(), "read"),
    ):
        with pytest.raises(KeysError, match=r"Others may write to .*chmod 700"):
            attempt()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"public-key = ",
        b"\xff\xfe",
        b"[" * 100_000,
        b'public-key = "x"\nsecret-key = "y"\n',
        b"public-key = 1\nsecret-key = 2\n",
        b'public-key = "x"\n',
        b"x" * (files.LARGEST_BYTES + 1),
    ],
)
def test_a_damaged_pair_is_refused(directory: Path, content: bytes) -> None:
    make_server_pair(directory)
    (directory / "server.key").write_bytes(content)
    with pytest.raises(KeysError, match=r"damaged|is larger than") as refused:
        server_pair(directory)
    assert "server.key" in str(refused.value)


def test_halves_of_two_pairs_are_refused(directory: Path) -> None:
    make_server_pair(directory)
    one, other = make_pair(), make_pair()
    (directory / "server.key").write_text(
        f'public-key = "{one.public}"\nsecret-key = "{other.secret}"\n'
    )
    with pytest.raises(KeysError, match="do not belong together") as refused:
        server_pair(directory)
    assert other.secret not in str(refused.value)


def test_no_file_in_place_of_a_file(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    (directory / "server.key").mkdir()
    with pytest.raises(KeysError, match=r"server\.key"):
        server_pair(directory)
    (directory / "server.key").rmdir()
    os.mkfifo(directory / "clients.toml")
    with pytest.raises(KeysError, match="is not a file"):
        ClientList(directory).read()


def test_a_file_in_place_of_the_directory(directory: Path) -> None:
    directory.write_text("")
    with pytest.raises(KeysError, match="is not a directory"):
        make_server_pair(directory)


def test_what_is_written_belongs_to_the_owner_of_the_directory(directory: Path) -> None:
    directory.mkdir(mode=0o700)
    if os.geteuid() == 0:  # who writes with sudo writes for the service
        os.chown(directory, 12345, 54321)
    owner = directory.stat()
    make_server_pair(directory)
    ClientList(directory).add("office", new_key(), "read")
    for file in directory.iterdir():
        assert file.stat().st_uid == owner.st_uid
        assert os.geteuid() != 0 or file.stat().st_gid == owner.st_gid
        assert mode(file) == 0o600


def test_a_file_of_another_user_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_server_pair(directory)
    own = (directory / "server.key").stat().st_uid
    if own == 0:
        os.chown(directory / "server.key", 12345, 12345)
        own = 12345
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    with pytest.raises(KeysError, match=r"belongs to another user \(number \d+\).*chown"):
        server_pair(directory)
    monkeypatch.setattr(os, "geteuid", lambda: own)
    assert server_pair(directory) is not None


@for_each(
    ("environment", "uid", "expected"),
    [
        ({}, 0, "/etc/wisblock-bridge/keys"),
        ({"CONFIGURATION_DIRECTORY": "/etc/x"}, 990, "/etc/x/keys"),
        ({"CONFIGURATION_DIRECTORY": "/etc/x:/etc/y"}, 990, "/etc/x/keys"),
        ({"XDG_CONFIG_HOME": "/home/pi/c"}, 1000, "/home/pi/c/wisblock-bridge/keys"),
        ({"HOME": "/home/pi"}, 1000, "/home/pi/.config/wisblock-bridge/keys"),
        ({"XDG_CONFIG_HOME": "/root/c"}, 0, "/etc/wisblock-bridge/keys"),
    ],
)
def test_where_keys_are_kept(environment: dict[str, str], uid: int, expected: str) -> None:
    assert default_directory(environment, uid=uid) == Path(expected)


# -- the list -------------------------------------------------------------------------------------


def test_the_list_is_kept_and_read_back(directory: Path) -> None:
    clients = ClientList(directory)
    assert clients.read() == []
    one, two = new_key(), new_key()
    clients.add("office", one, "read")
    clients.add("line-2", two, "admin")
    assert mode(directory / "clients.toml") == 0o600
    listed = [(each.name, each.public_key, each.role) for each in ClientList(directory).read()]
    assert listed == [("office", one, Role.READ), ("line-2", two, Role.ADMIN)]
    clients.set_role("office", "drive")
    assert [each.role for each in clients.read()] == [Role.DRIVE, Role.ADMIN]
    clients.remove("office")
    assert [each.name for each in clients.read()] == ["line-2"]
    assert os.listdir(directory) == ["clients.toml"]  # noqa: PTH208


@pytest.mark.parametrize("name", ["", "-x", ".x", "a b", "a/b", "ä", 'a"b', "a\nb", "x" * 65, ".."])
def test_what_cannot_be_a_name_is_refused(directory: Path, name: str) -> None:
    with pytest.raises(KeysError, match="cannot be the name of a key"):
        ClientList(directory).add(name, new_key(), "read")
    assert not directory.exists()


@pytest.mark.parametrize("role", ["", "none", "NONE", "Read", "root", "write"])
def test_an_unknown_role_is_refused(directory: Path, role: str) -> None:
    with pytest.raises(KeysError, match="There are read, drive, admin"):
        ClientList(directory).add("office", new_key(), role)


def test_a_name_and_a_key_are_listed_once(directory: Path) -> None:
    clients, key = ClientList(directory), new_key()
    clients.add("office", key, "read")
    with pytest.raises(KeysError, match=r'"office" is taken.*keys remove office'):
        clients.add("office", new_key(), "read")
    with pytest.raises(KeysError, match='listed already, as "office"'):
        clients.add("other", key, "admin")
    assert len(clients.read()) == 1


def test_the_bridges_own_key_is_no_client(directory: Path) -> None:
    own = make_server_pair(directory)
    with pytest.raises(KeysError, match="public key of this bridge"):
        ClientList(directory).add("office", own.public, "read")


@pytest.mark.parametrize("what", ["remove", "set_role"])
def test_who_is_not_listed_is_refused_with_those_who_are(directory: Path, what: str) -> None:
    clients = ClientList(directory)
    more = ("read",) if what == "set_role" else ()
    with pytest.raises(KeysError, match="There are: none"):
        getattr(clients, what)("office", *more)
    clients.add("line-2", new_key(), "read")
    with pytest.raises(KeysError, match="There are: line-2"):
        getattr(clients, what)("office", *more)


GOOD = f'[[client]]\nname = "a"\npublic_key = "{new_key()}"\nrole = "read"\n'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[[client]", "not valid TOML"),
        ("client = 3", r"only \[\[client\]\] entries"),
        ("[client]\nname = 'a'", r"only \[\[client\]\] entries"),
        ("colour = 1\n" + GOOD, r"only \[\[client\]\] entries"),
        ("client = [1]", "entry 1 is not a table"),
        (GOOD + "[[client]]\n", "entry 2 must hold name, public_key, role"),
        (GOOD.replace('"read"', "1"), "entry 1 must hold"),
        (GOOD + 'colour = "red"\n', "entry 1 must hold"),
        (GOOD.replace('"read"', '"reed"'), "entry 1: There is no role 'reed'"),
        (GOOD.replace('"a"', '"a b"'), "entry 1: 'a b' cannot be the name"),
        (GOOD.replace('public_key = "', 'public_key = "x'), "entry 1: The public_key has 41"),
        (GOOD + GOOD, r'entry 2: The name "a" is taken'),
        (GOOD + GOOD.replace('"a"', '"b"'), "entry 2: That key is listed already"),
    ],
    ids=lambda text: "good but for" if "public_key" in text else text,
)
def test_a_damaged_list_is_refused_and_lets_nobody_in(
    directory: Path, content: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    directory.mkdir(mode=0o700)
    file = directory / "clients.toml"
    clients = ClientList(directory)
    files.write(file, GOOD, replace=True)
    key = clients.read()[0].public_key
    assert clients.find(key) is not None
    files.write(file, content, replace=True)
    with pytest.raises(KeysError, match=words):
        clients.read()
    with pytest.raises(KeysError, match=words):
        clients.add("c", new_key(), "read")
    assert file.read_text() == content  # what cannot be understood is not overwritten
    for _ in range(3):
        assert clients.find(key) is None
    assert caplog.text.count("no client can connect with a key") == 1
    with caplog.at_level(logging.INFO):
        files.write(file, GOOD, replace=True)
        assert clients.find(key) is not None
    assert "can be used again" in caplog.text


@pytest.mark.parametrize("bits", [0o620, 0o602, 0o666])
def test_a_list_that_others_may_write_lets_nobody_in(directory: Path, bits: int) -> None:
    clients, key = ClientList(directory), new_key()
    clients.add("office", key, "admin")
    assert clients.find(key) is not None
    clients.path.chmod(bits)
    assert clients.find(key) is None
    with pytest.raises(KeysError, match=r"Others may write to .*clients.toml.*chmod 600"):
        clients.read()
    clients.path.chmod(0o644)  # public keys may be read
    assert clients.find(key) is not None


def test_a_change_counts_at_the_next_question(directory: Path) -> None:
    """As the command line and the bridge do it: two objects, one file."""
    bridge, person = ClientList(directory), ClientList(directory)
    key = new_key()
    assert bridge.find(key) is None
    for number in range(50):
        person.add("office", key, "read")
        found = bridge.find(key)
        assert found is not None
        assert (found.name, found.role) == ("office", Role.READ)
        assert bridge.find(key) is found
        person.add(f"other-{number}", new_key(), "read")
        assert bridge.find(key) is found  # who has not changed stays the same
        person.set_role("office", "admin")
        changed = bridge.find(key)
        assert changed is not None
        assert changed.role is Role.ADMIN
        person.remove("office")
        assert bridge.find(key) is None
        person.remove(f"other-{number}")
    person.add("office", key, "read")
    assert bridge.find(key) is not None
    person.path.unlink()
    assert bridge.find(key) is None


def test_a_write_that_fails_leaves_the_old_list(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = ClientList(directory)
    clients.add("office", new_key(), "read")
    before = clients.path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeysError, match=r"cannot be written: No space left on device"):
        clients.add("other", new_key(), "read")
    assert clients.path.read_bytes() == before
    assert os.listdir(directory) == ["clients.toml"]  # noqa: PTH208


# -- the client's file and environment ------------------------------------------------------------


def client_keys() -> ClientKeys:
    server, client = make_pair(), make_pair()
    return ClientKeys(server.public, client.public, client.secret)


def test_a_client_file_is_written_and_read_back(tmp_path: Path) -> None:
    file, made = tmp_path / "office.keys", client_keys()
    write_client_file(file, made, "office", "read")
    assert mode(file) == 0o600
    assert read_client_file(file) == made
    with pytest.raises(KeysError, match="exists already"):
        write_client_file(file, made, "office", "read")
    file.chmod(0o640)
    with pytest.raises(KeysError, match="others may read it"):
        read_client_file(file)
    with pytest.raises(KeysError, match=r"There is no file .*keys add"):
        read_client_file(tmp_path / "none.keys")


def test_three_lines_to_paste() -> None:
    made = client_keys()
    assert made.as_text().splitlines() == [
        f'server-key = "{made.server}"',
        f'public-key = "{made.public}"',
        f'secret-key = "{made.secret}"',
    ]


def test_keys_of_the_environment() -> None:
    made = client_keys()
    whole = {
        "WISBLOCK_SERVER_KEY": made.server,
        "WISBLOCK_PUBLIC_KEY": made.public,
        "WISBLOCK_SECRET_KEY": made.secret,
    }
    assert client_keys_from_environment({}) is None
    assert client_keys_from_environment(whole) == made
    for name in whole:
        with pytest.raises(KeysError, match=f"variable {name} is missing"):
            client_keys_from_environment({k: v for k, v in whole.items() if k != name})
    with pytest.raises(KeysError, match="server-key has 1 characters"):
        client_keys_from_environment({**whole, "WISBLOCK_SERVER_KEY": "x"})


# -- the command line -----------------------------------------------------------------------------


@pytest.fixture
def run(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("WISBLOCK_BRIDGE_KEYS", str(directory))
    monkeypatch.chdir(tmp_path)
    return lambda *words: cli.main(["keys", *words])


def test_from_nothing_to_a_client(
    directory: Path, tmp_path: Path, run: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(run)
    assert run("server") == 0
    first = capsys.readouterr()
    assert "created" in first.err
    assert run("server") == 0
    again = capsys.readouterr()
    assert first.out == again.out == f'server-key = "{server_pair(directory).public}"\n'  # type: ignore[union-attr]
    assert "exist already" in again.err

    assert run("add", "office", "--role", "drive") == 0
    added = capsys.readouterr()
    made = read_client_file(tmp_path / "office.keys")
    assert added.out == made.as_text()
    assert made.secret not in added.err
    (client,) = ClientList(directory).read()
    assert (client.name, client.public_key, client.role) == ("office", made.public, Role.DRIVE)
    for file in directory.iterdir():
        assert made.secret not in file.read_text()

    assert run("list") == 0
    assert capsys.readouterr().out == f"office  drive  {made.public}\n"
    assert run("list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == [
        {"name": "office", "role": "drive", "public_key": made.public}
    ]
    assert run("role", "office", "admin") == 0
    assert run("remove", "office") == 0
    assert "disconnected at its next request" in capsys.readouterr().out
    assert run("list") == 0
    assert "no other computer can connect" in capsys.readouterr().out


def test_a_client_that_made_its_own_keys(
    directory: Path, tmp_path: Path, run: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(run)
    run("server")
    # A key may begin with a dash, and is no option for that.
    key = "-" + new_key()[1:]
    capsys.readouterr()
    assert run("add", "office", "--role", "read", "--public-key", key) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith('server-key = "')
    assert "secret" not in shown.out
    assert ClientList(directory).read()[0].public_key == key
    assert list(tmp_path.glob("*.keys")) == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["add", "office", "--role", "read"], "wisblock-bridge keys server"),
        (["remove", "office"], "No key is called 'office'"),
        (["role", "office", "read"], "No key is called 'office'"),
    ],
)
def test_before_there_are_keys(
    words: list[str], says: str, run: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(run)
    assert run(*words) == cli.EXIT_USAGE
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["add", "taken", "--role", "read"], '"taken" is taken'),
        (["add", "office", "--role", "reed"], "There are read, drive, admin"),
        (["add", "a b", "--role", "read"], "cannot be the name"),
        (["add", "office", "--role", "read", "--public-key", "abc"], "has 3 characters"),
        (["add", "x", "--role", "read", "--public-key", "", "--out", "y"], "exclude each other"),
        (["add", "office", "--role", "read", "--out", "there"], "exists already"),
        (["add", "office", "--role", "read", "--out", "no/such/folder"], "cannot be written"),
    ],
)
def test_misuse_changes_nothing(
    words: list[str],
    says: str,
    directory: Path,
    tmp_path: Path,
    run: object,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert callable(run)
    run("server")
    run("add", "taken", "--role", "read")
    (tmp_path / "there").write_text("something of mine")
    before = ClientList(directory).read()
    capsys.readouterr()
    assert run(*words) == cli.EXIT_USAGE
    shown = capsys.readouterr()
    assert says in shown.err
    assert shown.out == ""
    assert ClientList(directory).read() == before
    assert (tmp_path / "there").read_text() == "something of mine"
    assert sorted(each.name for each in tmp_path.glob("*.keys")) == ["taken.keys"]


def test_the_role_has_to_be_said(run: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(run)
    with pytest.raises(SystemExit) as ended:
        run("add", "office")
    assert ended.value.code == cli.EXIT_USAGE
    assert "--role" in capsys.readouterr().err
