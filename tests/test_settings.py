"""Settings: where they come from, and one line that says what to mend for each that is wrong."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from restorebot import settings
from restorebot.docspace import clouds, storages
from restorebot.docspace.storages import Storage, StorageType
from restorebot.errors import SettingsError
from restorebot.settings import problems
from restorebot.settings.fields import KEY_SOURCE, NO_APPROVERS
from restorebot.subcommands import RESERVED

SECRET = "sk-5ec2e75ec2e75ec2e7"
GOOD = {
    "SLACK_BOT_TOKEN": "xoxb-1-5ec2e7",
    "SLACK_APP_TOKEN": "xapp-1-5ec2e7",
    "DOCSPACE_URL": "https://acme.example",
    "DOCSPACE_API_KEY": SECRET,
    "RESTOREBOT_APPROVERS": "U0BOB",
}

Write = Callable[[str], None]


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


@pytest.fixture
def config(tmp_path: Path) -> Write:
    """Writes `restorebot.toml`."""

    def write(text: str) -> None:
        (tmp_path / "restorebot.toml").write_text(text)

    return write


@pytest.fixture
def tables(config: Write, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes `restorebot.toml`, where the environment names no portal."""
    monkeypatch.delenv("DOCSPACE_URL")
    monkeypatch.delenv("DOCSPACE_API_KEY")
    return config


def lines() -> list[str]:
    """What is wrong with the settings; never what they are."""
    with pytest.raises(SettingsError) as error:
        settings.load()
    assert "5ec2e7" not in str(error.value)
    assert "5ec2e7" not in repr(error.value.__context__)
    return error.value.problems


def line() -> str:
    (only,) = lines()
    assert "\n" not in only
    return only


def test_five_lines_are_enough() -> None:
    found = settings.load()
    assert found.socket_mode
    assert (found.listen_host, found.listen_port) == ("127.0.0.1", 3000)
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
    found = settings.load()
    assert (found.listen_host, found.listen_port) == ("0.0.0.0", 3000)  # noqa: S104


WRONG = [
    ("SLACK_BOT_TOKEN", "xapp-5ec2e7", problems.wrong_prefix("xoxb-")),
    ("SLACK_APP_TOKEN", "xoxb-5ec2e7", problems.wrong_prefix("xapp-")),
    ("DOCSPACE_API_KEY", "sk-5ec2e7-ü", problems.NO_KEY),
    ("DOCSPACE_API_KEY", "sk-5ec2e7\nx", problems.NO_KEY),
    ("RESTOREBOT_ENCRYPTION_KEY", "5ec2e7", problems.NOT_AN_ENCRYPTION_KEY),
    ("RESTOREBOT_ENCRYPTION_KEY", "5ec2e7==", problems.NOT_AN_ENCRYPTION_KEY),
    ("DOCSPACE_URL", "acme.example", problems.NOT_HTTPS),
    ("DOCSPACE_URL", "http://acme.example", problems.NOT_HTTPS),
    ("DOCSPACE_URL", "https://acme.example/rooms", problems.HAS_A_PATH),
    ("DOCSPACE_URL", "https://u:5ec2e7@acme.example", problems.NOT_A_PLAIN_ADDRESS),
    ("DOCSPACE_AUTH", "basic", "'bearer' or 'cookie'"),
    ("DATABASE_URL", "postgresql://db/restorebot", problems.POSTGRESQL),
    ("DATABASE_URL", "mysql://db/restorebot", problems.NO_SQLITE_FILE),
    ("PORT", "http", "integer"),
    ("PORT", "70000", "65535"),
    ("RESTOREBOT_APPROVERS", "bob", problems.wrong_entry(1, problems.USER_OR_GROUP_ID)),
    (
        "RESTOREBOT_APPROVERS",
        "U0BOB, xoxb-5ec2e7",
        problems.wrong_entry(2, problems.USER_OR_GROUP_ID),
    ),
    ("RESTOREBOT_APPROVERS", " , ", problems.NOBODY),
    ("RESTOREBOT_BREAK_GLASS", "S0OPS", problems.wrong_entry(1, problems.USER_ID)),
    ("RESTOREBOT_CHANNELS", "#restores", problems.wrong_entry(1, problems.CHANNEL_ID)),
    ("RESTOREBOT_APPROVALS_NEEDED", "2", problems.MORE_THAN_APPROVERS),
    ("RESTOREBOT_APPROVALS_NEEDED", "0", "greater than or equal to 1"),
    ("RESTOREBOT_ALLOW_SELF_APPROVAL", "perhaps", "boolean"),
    ("RESTOREBOT_APPROVAL_TTL", "soon", problems.NO_DURATION),
    ("RESTOREBOT_APPROVAL_TTL", "5 parsecs", problems.NO_DURATION),
    ("RESTOREBOT_APPROVAL_TTL", "3 days", problems.out_of_range("1 min", "24 h")),
    ("RESTOREBOT_POLL_INTERVAL", "0", problems.out_of_range("0.05 s", "5 min")),
    ("RESTOREBOT_STALL_AFTER", "-5 min", problems.NO_DURATION),
]


@pytest.mark.parametrize(
    ("name", "value", "said"), WRONG, ids=[f"{one[0]}={one[1]!r}" for one in WRONG]
)
def test_a_wrong_setting_is_one_line_with_its_name_and_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    problem = line()
    assert problem.startswith(f"{name}: ")
    assert said in problem
    assert f"for example {name}=" in problem


@pytest.mark.parametrize("name", GOOD)
def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "")
    assert line().startswith(f"{name}: {problems.MISSING}")


def test_why_approvers_are_needed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESTOREBOT_APPROVERS")
    assert line() == (
        f"RESTOREBOT_APPROVERS: {problems.MISSING}, and {NO_APPROVERS}; "
        "for example RESTOREBOT_APPROVERS=U0123ABCD,S0123ABCD"
    )


def test_every_problem_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in GOOD:
        monkeypatch.delenv(name)
    assert len(lines()) == 4


@pytest.mark.parametrize(("platform", "called"), settings.FLEETING.items())
def test_sqlite_is_refused_where_the_disk_does_not_last(
    monkeypatch: pytest.MonkeyPatch, platform: str, called: str
) -> None:
    monkeypatch.setenv(platform, "1")
    assert line().startswith(f"DATABASE_URL: {problems.forgets_files(called)}")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("RESTOREBOT_APPROVAL_TLT", problems.did_you_mean("RESTOREBOT_APPROVAL_TTL")),
        ("restorebot_confug", problems.did_you_mean("RESTOREBOT_CONFIG")),
    ],
)
def test_a_name_that_is_no_settings_is_told_with_the_nearest_one(
    monkeypatch: pytest.MonkeyPatch, name: str, hint: str
) -> None:
    monkeypatch.setenv(name, "1 h")
    assert line() == f"{name}: {problems.NO_SETTING}; {hint}"


def test_a_name_that_is_like_none_is_told_where_the_settings_are(config: Write) -> None:
    config("xyzzy = 1")
    assert line() == f"XYZZY: {problems.NO_SETTING}; {problems.SEE_README}"


@pytest.mark.parametrize(
    ("text", "place"), [("not toml", "line 1: "), ("approvers = [", ""), ("\x00", "line 1: ")]
)
def test_a_broken_file_is_told(config: Write, text: str, place: str) -> None:
    config(text)
    assert line() == f"restorebot.toml: {place}{problems.NO_TOML}"


ACME = """
[portals.acme]
url = "https://acme.example"
key = "sk-acme"
"""
BETA = """
[portals.beta]
url = "https://beta.example/"
key = "sk-beta"
channels = ["C0BETA"]
approvers = ["S0BETA"]
approvals_needed = 2
approval_ttl = "5 min"
"""


def test_each_portal_has_its_own_settings_and_else_the_general_ones(tables: Write) -> None:
    tables(ACME + BETA)
    found = settings.load()
    acme, beta = found.portals
    assert (acme.name, acme.url) == ("acme", "https://acme.example")
    assert (beta.name, beta.url) == ("beta", "https://beta.example")
    assert acme.approvers == frozenset({"U0BOB"})
    assert beta.approvers == frozenset({"S0BETA"})
    assert beta.channels == {"C0BETA"}
    assert (acme.approvals_needed, beta.approvals_needed) == (1, 2)
    assert (acme.approval_ttl, beta.approval_ttl) == (timedelta(minutes=30), timedelta(minutes=5))
    assert {"sk-acme", "sk-beta"} <= set(found.secrets())


def test_how_keys_are_sent_holds_for_tables_that_do_not_say(
    monkeypatch: pytest.MonkeyPatch, tables: Write
) -> None:
    monkeypatch.setenv("DOCSPACE_AUTH", "cookie")
    tables(f'{ACME}{BETA}auth = "bearer"\n')
    assert [portal.auth for portal in settings.load().portals] == ["cookie", "bearer"]


UNKNOWN_KEY = problems.NO_SETTING_OF_A_PORTAL

BAD_KEYS = [
    (ACME.replace("https", "http"), "url", problems.NOT_HTTPS),
    ("[portals.acme]", "url", problems.MISSING),
    (ACME + ACME.replace("portals.acme", "portals.twin"), "url", problems.URL_TWICE),
    (ACME.replace('key = "sk-acme"', ""), "key", problems.MISSING),
    (f"{ACME}approvers = []", "approvers", problems.NOBODY),
    (f"{ACME}approvals_needed = 9", "approvals_needed", problems.MORE_THAN_APPROVERS),
    (f"{ACME}channels = 5", "channels", problems.NO_LIST),
    (f"{ACME}safety_backup = {{ storageType = 2 }}", "safety_backup", "cannot go there. DocSpace"),
    (f"{ACME}aprovers = []", "aprovers", f"{UNKNOWN_KEY}; {problems.did_you_mean('approvers')}"),
    (f"{ACME}xyzzy = 1", "xyzzy", f"{UNKNOWN_KEY}; {problems.there_are(settings.KEYS)}"),
]


@pytest.mark.parametrize(
    ("text", "key", "said"), BAD_KEYS, ids=[f"{one[1]} {one[2]}" for one in BAD_KEYS]
)
def test_each_mistake_in_a_portals_table_is_named(
    tables: Write, text: str, key: str, said: str
) -> None:
    tables(text)
    found = lines()
    start = f"[portals.acme] {key}: {said}"
    (problem,) = [problem for problem in found if problem.startswith(start)]
    assert UNKNOWN_KEY in problem or f"; for example {key} = " in problem
    assert "sk-acme" not in "".join(found)


BAD_NAMES = {
    **{word: problems.reserved_name(RESERVED) for word in RESERVED},
    '"A b"': problems.NO_PORTAL_NAME,
}


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_no_portal_may_have_is_told(tables: Write, name: str) -> None:
    tables(ACME.replace("portals.acme", f"portals.{name}"))
    bare = name.strip('"')
    assert f"[portals.{bare}]: {BAD_NAMES[name]}; for example [portals.acme]" in lines()


@pytest.mark.parametrize(
    ("text", "place"), [("portals = 5", "[portals]"), ("[portals]\nacme = 5", "[portals.acme]")]
)
def test_what_is_no_table_is_told(tables: Write, text: str, place: str) -> None:
    tables(text)
    assert f"{place}: {problems.NO_TABLE}; for example [portals.acme]" in lines()


def test_a_key_that_stands_there_twice_is_told(tables: Write) -> None:
    tables(f'{ACME}key = "sk-2"')
    assert line() == f"restorebot.toml: {problems.NAME_TWICE}"


EXAMPLES = {
    "key": (f"sk-…, {KEY_SOURCE}", '"sk-…"'),
    "approvers": ("U0123ABCD,S0123ABCD", '["U0123ABCD", "S0123ABCD"]'),
    "approvals_needed": ("1", "1"),
    "approval_ttl": ("30 min", '"30 min"'),
    "safety_backup": (
        '{"storageType": 5, "module": "s3", "bucket": "acme", "region": "eu-west-1"}',
        '{ storageType = 5, module = "s3", bucket = "acme", region = "eu-west-1" }',
    ),
}


@pytest.mark.parametrize("key", EXAMPLES)
def test_an_example_is_written_as_it_is_where_the_mistake_is(key: str) -> None:
    setting = settings.KEYS[key]
    in_environment, in_table = EXAMPLES[key]
    assert setting.as_variable() == f"{setting.variable}={in_environment}"
    assert setting.as_key() == f"{key} = {in_table}"


SAFE = {
    "none": None,
    '{"storageType": 4}': Storage(StorageType.DATA_STORE),
    '{"storageType": 0, "folderId": 123}': Storage(StorageType.DOCUMENTS, (("folderId", "123"),)),
    '{"storageType": 3, "filePath": "/srv"}': Storage(StorageType.LOCAL, (("filePath", "/srv"),)),
    '{"storageType": "1", "folderId": "sbox-7"}': Storage(
        StorageType.THIRD_PARTY, (("folderId", "sbox-7"),)
    ),
    '{"storageType": 5, "module": "googlecloud", "bucket": "b"}': Storage(
        StorageType.CLOUD, (("module", "googlecloud"), ("bucket", "b"))
    ),
    '{"storageType": 5, "module": "s3", "bucket": "b", "serviceurl": "https://s3.example", '
    '"forcepathstyle": true}': (
        Storage(
            StorageType.CLOUD,
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
    "s3": problems.NO_STORAGE,
    "[1]": problems.NO_STORAGE,
    "{}": storages.NO_STORAGE_TYPE,
    '{"storageType": 2}': storages.not_offered(str(StorageType.CUSTOM_CLOUD.facts.refusal)),
    '{"storageType": 3}': storages.NO_DIRECTORY,
    '{"storageType": 3, "filePath": ""}': storages.NO_DIRECTORY,
    '{"storageType": 3, "filePath": "/srv", "bucket": "b"}': storages.NO_DIRECTORY,
    '{"storageType": 4, "bucket": "b"}': storages.NO_PARAMETERS,
    '{"storageType": 0, "folderId": "x"}': storages.NO_ROOM_FOLDER,
    '{"storageType": 1, "folderId": 5}': storages.NO_PROVIDER_FOLDER,
    '{"storageType": 5, "module": "azure"}': storages.NO_MODULE,
    '{"storageType": 5, "module": "s3", "region": "r"}': (
        storages.unfit_parameter("bucket", clouds.parameter_needed("s3"))
    ),
    '{"storageType": 5, "module": "s3", "bucket": "b", "region": "EU (Ireland)"}': (
        storages.unfit_parameter("region", clouds.NOT_A_REGION)
    ),
    '{"storageType": 5, "module": "selectel", "public_container": "p"}': storages.NO_MODULE,
    '{"storageType": 5, "module": "s3", "bucket": "b"}': (
        storages.unfit_parameter("region", clouds.REGION_NEEDED)
    ),
    '{"storageType": 5, "module": "s3", "bucket": "b", "region": "r", "sse": "rot13"}': (
        storages.unfit_parameter(
            "sse", clouds.not_a_choice(("aes256", *clouds.ENCRYPTIONS_WITH_KEY))
        )
    ),
    '{"storageType": 5, "module": "s3", "bucket": "b", "region": "r", "sse": "awskms"}': (
        storages.unfit_parameter("ssekey", clouds.encryption_key_needed("awskms"))
    ),
    '{"storageType": 5, "module": "s3", "bucket": "b", "Bucket": "c", "region": "r"}': (
        storages.given_twice("bucket")
    ),
    '{"storageType": 5, "module": "s3", "bucket": "b", "bucket": "c"}': (
        storages.given_twice("bucket")
    ),
    '{"storageType": 5, "module": "rackspace", "public_container": "p", "region": "r"}': (
        storages.unfit_parameter("private_container", clouds.parameter_needed("rackspace"))
    ),
}


@pytest.mark.parametrize("text", UNSAFE)
def test_a_storage_that_does_not_do_is_told(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("RESTOREBOT_SAFETY_BACKUP", text)
    problem = line()
    assert problem.startswith("RESTOREBOT_SAFETY_BACKUP: ")
    assert UNSAFE[text] in problem


def test_a_portal_may_do_without_the_general_safety_backup(tables: Write) -> None:
    general = "RESTOREBOT_SAFETY_BACKUP = { storageType = 4 }\n"
    tables(f'{general}{ACME}{BETA}safety_backup = "none"\nannounce = ["C0NEWS"]\n')
    acme, beta = settings.load().portals
    assert (acme.safety_backup, acme.announce) == (Storage(StorageType.DATA_STORE), frozenset())
    assert (beta.safety_backup, beta.announce) == (None, frozenset({"C0NEWS"}))


def test_one_portal_and_tables_do_not_go_together(config: Write) -> None:
    config(ACME)
    assert line().startswith(f"DOCSPACE_URL: {problems.BESIDE_TABLES}")


def test_something_has_to_prove_that_it_is_slack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_APP_TOKEN")
    assert line().startswith(f"SLACK_APP_TOKEN: {problems.NO_WAY_TO_LISTEN}")


def test_what_comes_first_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: Write
) -> None:
    """Environment, then .env, then the toml file, then the secrets directory."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "HOST").write_text("secrets.example")
    assert settings.load().host == "secrets.example"
    config('host = "toml.example"\n')
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
    assert found.approvals_needed == 1
    assert found.break_glass == frozenset()
    assert found.channels == frozenset()


def test_another_config_file_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(
        'RESTOREBOT_APPROVERS = ["U0ERIN", "S0OPS"]\nport = 8080\n'
    )
    monkeypatch.setenv("RESTOREBOT_CONFIG", str(tmp_path / "other.toml"))
    monkeypatch.delenv("RESTOREBOT_APPROVERS")
    found = settings.load()
    assert found.approvers == frozenset({"U0ERIN", "S0OPS"})
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
    assert found.approvers == frozenset({"U0BOB", "S0OPS"})
