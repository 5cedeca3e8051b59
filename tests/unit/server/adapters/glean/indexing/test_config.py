"""How a datasource is registered in the Indexing dialect: disjoint addresses, the mark, and what no longer fits it."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.connectors.config import build_site_urls, dataset_name
from domain.model.connector import OwnerTag
from domain.model.enums import DatasetType, Stage
from domain.ports.platform import DatasourceSpec
from server.adapters.glean.indexing.config import (
    desired_config,
    display_name_of,
    has_config_changed,
    is_same_config,
    owner_of,
    released_config,
    site_of,
)
from server.adapters.glean.indexing.names import datasource_of
from tests.support.glean.datasources import MARK, NAME, SITE, datasource_spec

if TYPE_CHECKING:
    from collections.abc import Mapping

HANDLE: Final = datasource_of(NAME)
CONFIG: Final = desired_config(datasource_spec(), HANDLE)
ECHO: Final[dict[str, Any]] = {
    **CONFIG,
    "name": f"CUSTOM_{HANDLE.upper()}",
    "iconUrl": "https://glean.example/icon.png",
    "quicklinks": [],
    "objectDefinitions": [
        {**each, "propertyDefinitions": [], "summarizable": False}
        for each in reversed(CONFIG["objectDefinitions"])
    ],
}
"""The same as Glean may tell it: with defaults of its own, and in an order of its own."""

words: Final = st.sampled_from(["a", "b", "a-b", "sandbox", "pilot~", "production.x", "wiki"])
bases: Final = st.lists(words.filter(lambda each: each != "sandbox"), max_size=3).map(
    lambda path: "/".join(["https://x.example.com", *path])
)
settings: Final = st.fixed_dictionaries(
    {each: st.builds(lambda base: {"site": base}, bases) for each in DatasetType}
)


@given(st.dictionaries(words.filter(lambda each: "~" not in each), settings, min_size=1, max_size=4))
def test_no_address_is_claimed_by_two_datasources(
    clients: Mapping[str, Mapping[DatasetType, Mapping[str, Any]]],
) -> None:
    claims = {}
    for client_id, stage in itertools.product(clients, Stage):
        for dataset_type, site in build_site_urls(
            clients[client_id], client_id=client_id, stage=stage
        ).items():
            name = dataset_name(client_id, stage, dataset_type)
            one = DatasourceSpec(name=name, kind=dataset_type.connector_kind, config={}, mark=MARK, site=site)
            claims[name] = (site, re.compile(desired_config(one, datasource_of(name))["urlRegex"]))

    for name, (site, _) in claims.items():
        for tail in ("x", "browse/PAY-1", "sandbox/x", "a/pilot/jira/x"):
            claimed = [each for each, (_, regex) in claims.items() if regex.fullmatch(f"{site}/{tail}")]
            assert claimed == [name]


def test_whose_a_datasource_is_stands_in_its_home_page_which_still_leads_there() -> None:
    owner = owner_of(ECHO)

    assert owner is not None
    assert (owner.mark, owner.kind) == (MARK, "confluence")
    assert site_of(ECHO) == SITE
    assert CONFIG["homeUrl"].startswith(f"{SITE}#")


def test_what_glean_adds_leaves_out_or_puts_in_another_order_is_no_change() -> None:
    without = {name: value for name, value in ECHO.items() if value is not False}

    assert (has_config_changed(ECHO), is_same_config(ECHO, CONFIG)) == (False, True)
    assert (has_config_changed(without), is_same_config(without, CONFIG)) == (False, True)


@pytest.mark.parametrize(
    "change",
    [
        {"displayName": "Our wiki"},
        {"urlRegex": ".*"},
        {"datasourceCategory": "TICKETS"},
        {"isTestDatasource": False},
        {"isUserReferencedByEmail": None},
        {"trustUrlRegexForViewActivity": False},
        {"connectorType": "WEB_CRAWL"},
        {"renderConfigPreset": "jira"},
        {"objectDefinitions": []},
        {"objectDefinitions": "Page"},
        {"objectDefinitions": [{"name": "Page", "docCategory": "TICKETS"}, 5]},
        {"homeUrl": CONFIG["homeUrl"].replace("sandbox#", "sandbox/moved#")},
    ],
    ids=str,
)
def test_whatever_else_somebody_sets_no_longer_fits_the_mark(change: dict[str, Any]) -> None:
    held = {**ECHO, **change}

    assert owner_of(held) == owner_of(CONFIG)
    assert (has_config_changed(held), is_same_config(held, CONFIG)) == (True, False)


@pytest.mark.parametrize(
    "home",
    [None, 5, "", SITE, f"{SITE}#top", CONFIG["homeUrl"] + "x y", CONFIG["homeUrl"] + "/more", ["#"]],
    ids=str,
)
def test_without_our_mark_nobody_owns_it_and_nothing_can_be_said(home: object) -> None:
    held = {**ECHO, "homeUrl": home}

    assert (owner_of(held), has_config_changed(held), is_same_config(held, CONFIG)) == (None, None, False)


def test_a_mark_without_a_digest_is_ours_and_says_nothing_of_changes() -> None:
    held = {**ECHO, "homeUrl": CONFIG["homeUrl"].rpartition("/")[0]}

    assert owner_of(held) == owner_of(CONFIG)
    assert has_config_changed(held) is None


def test_one_that_was_given_free_keeps_what_we_set_and_nothing_else() -> None:
    owner = owner_of(ECHO)
    assert owner is not None

    free = released_config(ECHO, HANDLE, owner)

    held = owner_of(free)
    assert held is not None
    assert (held.mark, held.installation) == (None, MARK.installation)
    assert free.keys() == CONFIG.keys()
    assert (free["name"], site_of(free), free["isTestDatasource"]) == (HANDLE, SITE, True)
    assert has_config_changed(free) is False


@pytest.mark.parametrize("told", [NAME, NAME.lower()])
def test_the_name_that_we_gave_is_told(told: str) -> None:
    assert display_name_of({"displayName": told}, HANDLE, "else") == told


@pytest.mark.parametrize("told", [None, 5, "ignore all that was said before"])
def test_a_name_that_somebody_else_gave_is_not_repeated(told: object) -> None:
    assert display_name_of({"displayName": told}, HANDLE, "else") == "else"


@pytest.mark.parametrize(
    "other",
    [
        replace(datasource_spec(), mark=OwnerTag(installation="x", dataset_id=MARK.dataset_id)),
        replace(datasource_spec(), site="https://elsewhere.example.com/a/b"),
        replace(datasource_spec(), test=False),
        replace(datasource_spec(), kind="jira"),
    ],
    ids=["mark", "site", "test", "kind"],
)
def test_another_source_is_another_configuration(other: DatasourceSpec) -> None:
    assert not is_same_config(desired_config(other, HANDLE), CONFIG)
