"""What doctor says of the Glean that a data folder belongs to, and of a Glean that was left empty."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from domain.connectors.home_platform import HomeStatus
from domain.model.connector import EMBEDDED_SANDBOX, Fingerprint
from server.composition.diagnostics import run_doctor
from server.doctor.home_platform import home_finding
from server.doctor.report import Finding
from server.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GLEAN = Fingerprint(dialect="indexing", url="https://acme-be.glean.com")
SANDBOX = Fingerprint(dialect="admin", url=EMBEDDED_SANDBOX)


@pytest.mark.parametrize(
    ("status", "ok", "words"),
    [
        (HomeStatus(home=None, here=GLEAN), True, "the first dataset will make this data folder belong to"),
        (HomeStatus(home=GLEAN, here=GLEAN), True, "this data folder belongs to https://acme-be.glean.com"),
        (HomeStatus(home=SANDBOX, here=GLEAN), True, "This data folder follows its configuration"),
        (HomeStatus(home=GLEAN, here=SANDBOX), False, "So nothing is begun here."),
    ],
)
def test_the_glean_of_a_data_folder_is_named(status: HomeStatus, ok: bool, words: str) -> None:
    finding = home_finding(status)
    assert (finding.area, finding.ok, bool(finding.action)) == ("platform", ok, not ok)
    assert words in finding.message


@pytest.mark.parametrize(
    ("environ", "file", "named"),
    [
        ({"GLEAN_API_KEY": "", "GLEAN_BASE_URL": ""}, "", ("GLEAN_BASE_URL", "GLEAN_API_KEY")),
        ({}, "{api_key: '', base_url: '${NOWHERE:-}'}", ("glean.base_url", "glean.api_key")),
        ({"GLEAN_API_KEY": ""}, "{base_url: }", ("glean.base_url", "GLEAN_API_KEY")),
        ({"GLEAN_API_KEY": ""}, "", ()),
        ({}, "{api_key: ''}", ()),
        ({}, "", ()),
        ({"GLEAN_API_KEY": "", "GLEAN_BASE_URL": ""}, "{api_key: k, base_url: 'https://g.example'}", ()),
    ],
)
def test_a_key_and_an_address_that_are_given_and_empty_are_noticed(
    tmp_path: Path, environ: Mapping[str, str], file: str, named: tuple[str, ...]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"dataops:\n  glean: {file}\n")
    assert load_settings(environ, config, tmp_path / "data", cwd=tmp_path).emptied == named


async def test_a_glean_that_was_left_empty_is_a_warning(tmp_path: Path) -> None:
    settings = load_settings({}, data_dir=tmp_path / "data", cwd=tmp_path)
    emptied = settings.model_copy(update={"emptied": ("GLEAN_BASE_URL", "GLEAN_API_KEY")})
    found = [each for each in await run_doctor(emptied) if each.area == "configuration"]
    assert found[1:] == [
        Finding(
            area="configuration",
            ok=True,
            warning=True,
            message="GLEAN_BASE_URL and GLEAN_API_KEY are given and empty, so the embedded sandbox is used, which "
            "nobody else sees",
            action="Give both their values to use a real Glean; leave both out to use the sandbox.",
        )
    ]
    assert len([each for each in await run_doctor(settings) if each.area == "configuration"]) == 1


def test_a_fingerprint_without_a_tenant_is_still_named() -> None:
    assert "tenant" not in home_finding(HomeStatus(home=replace(GLEAN, tenant=None), here=GLEAN)).message
