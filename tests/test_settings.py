"""Settings: where they come from, and one line that says what to mend for each that is wrong."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

from restorebot import settings
from restorebot.docspace.storages import Storage
from restorebot.errors import SettingsError

SECRET = "sk-5ec2e75ec2e75ec2e7"
GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-1-5ec2e7",
    "SLACK_APP_TOKEN": "xapp-1-5ec2e7",
    "DOCSPACE_URL": "https://acme.example",
    "DOCSPACE_API_KEY": SECRET,
    "RESTOREBOT_APPROVERS": "U0BOB",
}


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty directory and an environment with nothing of ours but what a bot needs."""
    for name in list(os.environ):
        is_setting = name.upper() in settings.VARIABLES
        if is_setting or name.startswith(("RESTOREBOT_", *settings.FLEETING)):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESTOREBOT_SECRETS_DIR", str(tmp_path / "secrets"))
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def problems() -> list[str]:
    with pytest.raises(SettingsError) as error:
        settings.load()
    assert "5ec2e7" not in str(error.value)
    assert "5ec2e7" not in repr(error.value.__context__)
    return error.value.problems


def test_five_lines_are_enough() -> None:
    found = settings.load()
    assert found.socket_mode
    assert found.listen_port is None
    assert found.approval_ttl == timedelta(minutes=30)
    assert "5ec2e7" not in repr(found) + str(found)


@pytest.mark.parametrize(
    ("host", "name"),
    [("acme.example", "acme"), ("status.acme.example", "portal"), ("dump.example", "portal")],
)
def test_the_one_portal_is_named_after_its_host_unless_that_is_a_word_of_the_command(
    monkeypatch: pytest.MonkeyPatch, host: str, name: str
) -> None:
    monkeypatch.setenv("DOCSPACE_URL", f"https://{host}")
    assert [portal.name for portal in settings.load().portals] == [name]


def test_without_an_app_token_http_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_APP_TOKEN")
    monkeypatch.setenv("SLACK_SIGNING_SECRET", "5ec2e7")
    assert settings.load().listen_port == 3000


WRONG: list[tuple[str, str, str]] = [
    ("SLACK_BOT_TOKEN", "xapp-5ec2e7", "does not begin with xoxb-"),
    ("SLACK_APP_TOKEN", "xoxb-5ec2e7", "does not begin with xapp-"),
    ("DOCSPACE_API_KEY", "sk-5ec2e7-ü", "characters that no DocSpace key has"),
    ("DOCSPACE_API_KEY", "sk-5ec2e7\nx", "characters that no DocSpace key has"),
    ("DOCSPACE_URL", "acme.example", "has to begin with https://"),
    ("DOCSPACE_URL", "http://acme.example", "has to begin with https://"),
    ("DOCSPACE_URL", "https://acme.example/rooms", "without a path"),
    ("DOCSPACE_URL", "https://u:5ec2e7@acme.example", "plain address"),
    ("DOCSPACE_AUTH", "basic", "'bearer' or 'cookie'"),
    ("DATABASE_URL", "postgresql://db/restorebot", "does not support yet"),
    ("DATABASE_URL", "mysql://db/restorebot", "SQLite file"),
    ("PORT", "http", "integer"),
    ("PORT", "70000", "65535"),
    ("RESTOREBOT_APPROVERS", "bob", "entry, number 1"),
    ("RESTOREBOT_APPROVERS", "U0BOB, xoxb-5ec2e7", "entry, number 2"),
    ("RESTOREBOT_APPROVERS", " , ", "names nobody"),
    ("RESTOREBOT_CHANNELS", "#restores", "id of a channel"),
    ("RESTOREBOT_APPROVALS_NEEDED", "2", "more than there are approvers"),
    ("RESTOREBOT_APPROVALS_NEEDED", "0", "greater than or equal to 1"),
    ("RESTOREBOT_ALLOW_SELF_APPROVAL", "perhaps", "boolean"),
    ("RESTOREBOT_APPROVAL_TTL", "soon", "is not a duration"),
    ("RESTOREBOT_APPROVAL_TTL", "3 days", "from 1 min to 24 h"),
    ("RESTOREBOT_POLL_INTERVAL", "0", "from 0.05 s to 5 min"),
    ("RESTOREBOT_STALL_AFTER", "-5 min", "is not a duration"),
]


@pytest.mark.parametrize(
    ("name", "value", "said"), WRONG, ids=[f"{one[0]}={one[1]!r}" for one in WRONG]
)
def test_a_wrong_setting_is_one_line_with_its_name_and_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    (problem,) = problems()
    assert problem.startswith(f"{name}: ")
    assert said in problem
    assert f"for example {name}=" in problem
    assert "\n" not in problem


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")
    (problem,) = problems()
    assert problem.startswith(f"{name}: ")
    assert "is missing" in problem


def test_every_problem_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        monkeypatch.delenv(name)
    assert len(problems()) == 4


@pytest.mark.parametrize("platform", settings.FLEETING)
def test_sqlite_is_refused_where_the_disk_does_not_last(
    monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setenv(platform, "1")
    (problem,) = problems()
    assert "forgets its files" in problem


def test_a_misspelt_name_is_told_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESTOREBOT_APPROVAL_TLT", "1 h")
    (problem,) = problems()
    assert "did you mean RESTOREBOT_APPROVAL_TTL?" in problem


@pytest.mark.parametrize("text", ["not toml", "approvers = [", "\x00"])
def test_a_broken_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "restorebot.toml").write_text(text)
    (problem,) = problems()
    assert re.match(r"restorebot.toml: (line 1: )?cannot be read as TOML", problem)


TABLES = """
[portals.acme]
url = "https://acme.example"
key = "sk-acme"
[portals.beta]
url = "https://beta.example/"
key = "sk-beta"
channels = ["C0BETA"]
approvers = ["S0BETA"]
approvals_needed = 2
approval_ttl = "5 min"
"""


def test_each_portal_has_its_own_settings_and_else_the_general_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DOCSPACE_URL", "DOCSPACE_API_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "restorebot.toml").write_text(TABLES)
    found = settings.load()
    acme, beta = found.portals
    assert (acme.name, acme.url, acme.approvers, acme.approvals_needed) == (
        "acme",
        "https://acme.example",
        found.approvers,
        1,
    )
    assert (beta.url, beta.channels, beta.approvers, beta.approvals_needed, beta.approval_ttl) == (
        "https://beta.example",
        frozenset({"C0BETA"}),
        frozenset({"S0BETA"}),
        2,
        timedelta(minutes=5),
    )
    assert {"sk-acme", "sk-beta"} <= set(found.secrets())


BAD_TABLES = {
    "[portals.acme]": "[portals.acme] url: is missing; for example url = ",
    '[portals.acme]\nurl = "http://a.example"\nkey = "sk-1"': (
        "[portals.acme] url: has to begin with https://"
    ),
    '[portals.acme]\nurl = "https://a.example"\nkey = "sk-1"\naprovers = []': (
        "[portals.acme] aprovers: is no setting of a portal; did you mean approvers?"
    ),
    '[portals.acme]\nurl = "https://a.example"\nkey = "sk-1"\napprovers = []': (
        "[portals.acme] approvers: names nobody"
    ),
    '[portals.acme]\nurl = "https://a.example"\nkey = "sk-1"\napprovals_needed = 9': (
        "[portals.acme] approvals_needed: is more than there are approvers"
    ),
    '[portals.a]\nurl = "https://a.example"\nkey = "sk-1"\nkey = "sk-2"': (
        "restorebot.toml: a name stands there twice; keep one of them"
    ),
    '[portals.a]\nurl = "https://a.example"\nkey = "sk-1"\nsafety_backup = { storageType = 2 }': (
        "[portals.a] safety_backup: cannot go there. DocSpace does not implement storage type 2"
    ),
    '[portals.list]\nurl = "https://a.example"\nkey = "sk-1"': (
        "[portals.list]: is a word of the /restore command"
    ),
    '[portals.dump]\nurl = "https://a.example"\nkey = "sk-1"': (
        "[portals.dump]: is a word of the /restore command"
    ),
    "[portals]\nacme = 5": "[portals.acme]: is no table; for example [portals.acme]",
    "portals = 5": "[portals]: is no table; for example [portals.acme]",
    '[portals."A b"]\nurl = "https://a.example"\nkey = "sk-1"': (
        "[portals.A b]: is no portal's name"
    ),
    '[portals.a]\nurl = "https://a.example"\nkey = "sk-1"\n'
    '[portals.b]\nurl = "https://a.example"\nkey = "sk-2"': (
        "[portals.a] url: is that of another portal too"
    ),
}


@pytest.mark.parametrize("table", BAD_TABLES)
def test_each_mistake_in_a_portals_table_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, table: str
) -> None:
    for name in ("DOCSPACE_URL", "DOCSPACE_API_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "restorebot.toml").write_text(table)
    found = problems()
    assert any(BAD_TABLES[table] in problem for problem in found), found
    assert not any("sk-1" in problem for problem in found)


SAFE = {
    "none": None,
    '{"storageType": 4}': Storage(4),
    '{"storageType": 0, "folderId": 123}': Storage(0, (("folderId", "123"),)),
    '{"storageType": "1", "folderId": "sbox-7"}': Storage(1, (("folderId", "sbox-7"),)),
    '{"storageType": 5, "module": "googlecloud", "bucket": "b"}': Storage(
        5, (("module", "googlecloud"), ("bucket", "b"))
    ),
    '{"storageType": 5, "module": "s3", "bucket": "b", "serviceurl": "https://s3.example", '
    '"forcepathstyle": true}': (
        Storage(
            5,
            (
                ("module", "s3"),
                ("bucket", "b"),
                ("serviceurl", "https://s3.example"),
                ("forcepathstyle", "true"),
            ),
        )
    ),
}


@pytest.mark.parametrize("text", SAFE)
def test_a_safety_backups_storage(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("RESTOREBOT_SAFETY_BACKUP", text)
    (portal,) = settings.load().portals
    assert portal.safety_backup == SAFE[text]


UNSAFE = {
    "s3": "is neither none nor a storage",
    "[1]": "is neither none nor a storage",
    "{}": "needs a storageType: 0, 1, 4 or 5",
    '{"storageType": 3, "filePath": "/srv"}': (
        "cannot go there. With storage type 3 DocSpace ignores the path"
    ),
    '{"storageType": 4, "bucket": "b"}': "takes no parameters",
    '{"storageType": 0, "folderId": "x"}': (
        "needs a folderId and nothing else with this storageType: a number"
    ),
    '{"storageType": 1, "folderId": 5}': "the provider's own id, which is no number",
    '{"storageType": 5, "module": "azure"}': (
        "needs a module, one of s3, googlecloud, rackspace, selectel"
    ),
    '{"storageType": 5, "module": "s3", "region": "r"}': "bucket: s3 needs it",
    '{"storageType": 5, "module": "s3", "bucket": "b"}': "region: Give the bucket's region",
    '{"storageType": 5, "module": "s3", "bucket": "b", "region": "r", "sse": "rot13"}': (
        "sse: Choose one of aes256"
    ),
    '{"storageType": 5, "module": "s3", "bucket": "b", "region": "r", "sse": "awskms"}': (
        "needs the id of its key"
    ),
    '{"storageType": 5, "module": "s3", "bucket": "b", "Bucket": "c", "region": "r"}': (
        "has bucket twice"
    ),
    '{"storageType": 5, "module": "s3", "bucket": "b", "bucket": "c"}': "has bucket twice",
    '{"storageType": 5, "module": "selectel", "public_container": "p"}': (
        "private_container: selectel needs it"
    ),
}


@pytest.mark.parametrize("text", UNSAFE)
def test_a_storage_that_does_not_do_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("RESTOREBOT_SAFETY_BACKUP", text)
    (problem,) = problems()
    assert problem.startswith("RESTOREBOT_SAFETY_BACKUP: ")
    assert UNSAFE[text] in problem


def test_a_portal_may_do_without_the_general_safety_backup(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DOCSPACE_URL", "DOCSPACE_API_KEY"):
        monkeypatch.delenv(name)
    general = "RESTOREBOT_SAFETY_BACKUP = { storageType = 4 }\n"
    beta = 'safety_backup = "none"\nannounce = ["C0NEWS"]\n'
    (tmp_path / "restorebot.toml").write_text(general + TABLES + beta)
    acme, beta_portal = settings.load().portals
    assert (acme.safety_backup, acme.announce) == (Storage(4), frozenset())
    assert (beta_portal.safety_backup, beta_portal.announce) == (None, frozenset({"C0NEWS"}))


def test_how_keys_are_sent_holds_for_tables_that_do_not_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("DOCSPACE_URL", "DOCSPACE_API_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("DOCSPACE_AUTH", "cookie")
    (tmp_path / "restorebot.toml").write_text(TABLES + 'auth = "bearer"\n')
    assert [portal.auth for portal in settings.load().portals] == ["cookie", "bearer"]


def test_one_portal_and_tables_do_not_go_together(tmp_path: Path) -> None:
    (tmp_path / "restorebot.toml").write_text(TABLES)
    (problem,) = problems()
    assert problem.startswith("DOCSPACE_URL: is set beside [portals]; give this portal a table too")


def test_what_comes_first_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Environment, then .env, then the toml file, then the secrets directory."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "HOST").write_text("secrets.example")
    assert settings.load().host == "secrets.example"
    (tmp_path / "restorebot.toml").write_text('host = "toml.example"\n')
    assert settings.load().host == "toml.example"
    (tmp_path / ".env").write_text("HOST=dotenv.example\n")
    assert settings.load().host == "dotenv.example"
    monkeypatch.setenv("HOST", "environment.example")
    assert settings.load().host == "environment.example"


def test_a_variable_without_the_prefix_is_somebody_elses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("APPROVALS_NEEDED", "many")
    monkeypatch.setenv("TABLES", "four")
    (tmp_path / ".env").write_text("BREAK_GLASS=U0MALLORY\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "CHANNELS").write_text("C0ELSEWHERE")
    found = settings.load()
    assert (found.approvals_needed, found.break_glass, found.channels) == (
        1,
        frozenset(),
        frozenset(),
    )


def test_another_config_file_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(
        'RESTOREBOT_APPROVERS = ["U0ERIN", "S0OPS"]\nport = 8080\n'
    )
    monkeypatch.setenv("RESTOREBOT_CONFIG", str(tmp_path / "other.toml"))
    monkeypatch.delenv("RESTOREBOT_APPROVERS")
    found = settings.load()
    assert found.approvers == {"U0ERIN", "S0OPS"}
    assert found.port == 8080


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90 s", 90), ("2min", 120), ("1.5 h", 5400), ("1 d", 86400), ("3 mins", 180)],
)
def test_durations_are_written_as_people_write_them(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: int
) -> None:
    monkeypatch.setenv("RESTOREBOT_APPROVAL_TTL", text)
    assert settings.load().approval_ttl == timedelta(seconds=seconds)


def test_space_around_secrets_and_ids_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCSPACE_API_KEY", f"  {SECRET}\n")
    monkeypatch.setenv("RESTOREBOT_APPROVERS", " U0BOB , S0OPS,")
    found = settings.load()
    key = found.portals[0].key
    assert key
    assert key.get_secret_value() == SECRET
    assert found.approvers == {"U0BOB", "S0OPS"}
