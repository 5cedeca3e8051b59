"""Connector schema: what the connector of a dataset type is called, and which settings its configuration has.

`domain/connectors` checks a configuration against it; here are values only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias, Union


@dataclass(frozen=True, slots=True)
class UrlForm:
    """URL form: an https address with a host, and without user, query or fragment."""


@dataclass(frozen=True, slots=True)
class CronForm:
    """Cron form: a cron expression of five fields."""


@dataclass(frozen=True, slots=True)
class FlagForm:
    """Flag form: true or false."""


@dataclass(frozen=True, slots=True)
class ConstantForm:
    """Constant form: that value and no other."""

    value: str


@dataclass(frozen=True, slots=True)
class TextForm:
    """Text form: a text that matches the form; `rule` is the end of the sentence about one that does not."""

    form: re.Pattern[str]
    rule: str


@dataclass(frozen=True, slots=True)
class NameListForm:
    """Name list form: a list of at least one name, each of that form."""

    form: re.Pattern[str]
    rule: str


SettingForm: TypeAlias = UrlForm | CronForm | FlagForm | ConstantForm | TextForm | NameListForm
"""What one setting must look like."""
SettingForms: TypeAlias = Mapping[str, Union[SettingForm, "SettingForms"]]
"""The settings by name, in the order in which they are checked; a mapping is a section of settings."""

SYNC_SCHEDULES: Final[SettingForms] = MappingProxyType(
    {"fullSyncSchedule": CronForm(), "incrementalSyncSchedule": CronForm()}
)
"""When a connector syncs by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorSchema:
    """Connector schema of one dataset type.

    `label` is the last part of a dataset's name: `ACME-Sandbox-Confluence`. `config` has every setting of the
    configuration, and exactly one name list: the spaces, repositories, channels or projects that are collected. The
    setting `site_setting` says where the copies are when the settings have no `site`; with a `host`, it is a path on
    it, because the copies of that type are at no real source.
    """

    label: str
    config: SettingForms
    site_setting: str = "baseUrl"
    host: str | None = None

    @property
    def container_setting(self) -> str:
        """The setting that lists the spaces, repositories, channels or projects."""
        return next(name for name, form in self.config.items() if isinstance(form, NameListForm))

    @property
    def container_form(self) -> NameListForm:
        """The form of the names that that setting lists."""
        return next(form for form in self.config.values() if isinstance(form, NameListForm))

    def setting_names(self) -> frozenset[str]:
        """The name of every setting, those inside sections included."""
        return frozenset(_iterate_names(self.config))


def authentication_forms(kind: str) -> SettingForms:
    """The section that says with which kind of credential the connector signs in."""
    return {"type": ConstantForm(kind)}


def _iterate_names(forms: SettingForms) -> Iterator[str]:
    for name, form in forms.items():
        yield name
        if isinstance(form, Mapping):
            yield from _iterate_names(form)
