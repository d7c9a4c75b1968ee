"""The storage types and the clouds: each fact once, and whoever needs it follows."""

from pathlib import Path

import pytest

from restorebot.docspace.clouds import MODULES, CloudModule, ModuleKey, parameter_unknown
from restorebot.docspace.storages import OFFERED, StorageType, name_of, refusal_of
from restorebot.slack.archive_form import inputs
from restorebot.slack.phrases.picker import ARCHIVE_KINDS
from restorebot.slack.phrases.thread import WAYS_BACK

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("storage", StorageType)
def test_each_type_has_a_name_and_is_offered_or_refused_with_a_reason(storage: StorageType) -> None:
    assert name_of(storage) == storage.facts.label
    assert refusal_of(storage) == storage.facts.refusal
    assert (storage in OFFERED) == (refusal_of(storage) is None)


def test_a_type_that_is_not_known_has_a_name_and_is_left_to_the_portal() -> None:
    assert name_of(9) == "storage type 9"
    assert refusal_of(9) is None


def test_only_own_cloud_storage_is_a_way_back_without_a_warning() -> None:
    assert [one for one in OFFERED if one.facts.way_back_warning is None] == [StorageType.CLOUD]


def test_of_each_type_that_is_offered_the_thread_can_tell_the_way_back() -> None:
    assert set(WAYS_BACK) == set(OFFERED)


def test_an_archive_can_be_named_wherever_something_is_offered_but_in_temporary_storage() -> None:
    assert set(ARCHIVE_KINDS) == set(OFFERED) - {StorageType.DATA_STORE, StorageType.LOCAL}


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_each_clouds_keys_are_in_the_readme_and_in_the_modal(module: CloudModule) -> None:
    section = README.partition("### A safety backup")[2].partition("\n## ")[0]
    fields = {block["block_id"]: block for block in inputs(str(StorageType.CLOUD), module.name)}
    assert f"`{module.name}`" in section
    for key in module.keys:
        assert f"`{key.name}`" in section
        assert fields[f"p_{key.name}"]["label"]["text"] == key.label
        assert fields[f"p_{key.name}"]["optional"] is not key.required


def test_a_parameter_that_a_cloud_does_not_have_is_told() -> None:
    module = CloudModule(name="oracle", label="Oracle", keys=(ModuleKey(name="a", label="A"),))
    assert module.problems({"b": "1"}) == {"b": parameter_unknown("oracle", "a")}
