"""The product's sagas with their steps changed, as the composition root hands them to the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from server.composition import use_cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.lifecycle import SagaDefinition
    from domain.lifecycle.sagas import Step


def sagas_with_steps(change: Callable[[Step], Step]) -> tuple[SagaDefinition, ...]:
    """Every saga that can be the run of a dataset, each of its steps changed."""
    return tuple(replace(each, steps=tuple(map(change, each.steps))) for each in use_cases.DATASET_SAGAS)


def install_steps(
    change: Callable[[Step], Step], setattr_: Callable[[object, str, object], None] = setattr
) -> None:
    """Have every process that is composed from now on run the changed steps; `setattr_` may be a monkeypatch's."""
    changed = sagas_with_steps(change)
    assert changed != use_cases.DATASET_SAGAS, "no step was changed"
    setattr_(use_cases, "DATASET_SAGAS", changed)
