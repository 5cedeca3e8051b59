"""The answer of `provision_dataset`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import Field

from domain.model import ConnectorStatus, DatasetStatus, DatasetType, Stage, TemplateMatch
from tools.edge.results import (
    POLL_AFTER_S,
    Answer,
    PlatformAnswer,
    ProgressAnswer,
    platform_answer,
    progress_answer,
)

if TYPE_CHECKING:
    from domain.lifecycle import ProvisionResult
    from domain.model import CheckResult, Connector, Dataset, Fingerprint, Principal
    from tools.services import Services

_FINDINGS: Final = 5
"""How many fields a tool names for each check."""


class FieldFinding(Answer):
    """What is wrong with one field; never a value of it."""

    field: str
    problem: str
    count: int
    expected: str | None = Field(default=None, description="The notation that is read.")


class QualityIssue(Answer):
    """One check that found something."""

    check: str
    failed: int
    of: int
    examples: list[str] = Field(description="Positions and ids of some that failed; never content.")
    findings: list[FieldFinding] | None = Field(
        default=None, description="The fields with the most failures; absent where no field is meant."
    )


class ReadinessAnswer(Answer):
    """How many of the template's golden questions a search answers with its first three results."""

    asked: int
    answered: int | None = None
    share: float | None = Field(default=None, description="Answered of asked, 0 to 1.")
    unknown: str | None = Field(default=None, description="Why it is not known, when it is not.")


class QualityAnswer(Answer):
    """How good the content is."""

    score: float | None = Field(default=None, description="0 to 100; absent until it was checked.")
    threshold: float = Field(description="The score that a dataset needs to be ready.")
    pending: bool = Field(description="Whether it is still to be checked, or checked again.")
    issues: list[QualityIssue]
    readiness: ReadinessAnswer | None = Field(
        default=None,
        description="Demo-readiness; absent where there are no questions, or no search to ask. It changes no status.",
    )


class TemplateAnswer(Answer):
    """Which template was chosen, and how."""

    template_id: str
    match: TemplateMatch = Field(description="How it came to be chosen.")


class ConnectorAnswer(Answer):
    """The connector that serves the dataset."""

    name: str
    connector_id: str
    status: ConnectorStatus


class ProvisionAnswer(Answer):
    """A dataset as a provisioning call leaves it."""

    name: str
    dataset_id: str
    client_id: str
    journey_id: str
    stage: Stage
    dataset_type: DatasetType
    status: DatasetStatus = Field(description="provisioning, validating or ready.")
    created: bool = Field(description="False when the call attached to a dataset that was there.")
    record_count: int
    size_bytes: int
    quality: QualityAnswer
    template: TemplateAnswer
    connector: ConnectorAnswer | None = Field(default=None, description="Absent until there is one.")
    platform: PlatformAnswer | None = None
    warnings: list[str] | None = Field(
        default=None, description="What a person should know about the source."
    )
    progress: ProgressAnswer | None = Field(
        default=None, description="Present while it is under way, and only then."
    )
    poll_after_s: int | None = Field(
        default=None, description="Make the same call again after so many seconds."
    )


def provision_answer(
    provisioned: ProvisionResult, connector: Connector | None = None, platform: Fingerprint | None = None
) -> ProvisionAnswer:
    """Build the answer for a dataset that is or was provisioned, with its connector when it has one, and its Glean."""
    dataset = provisioned.dataset
    progress = progress_answer(dataset, provisioned.progress)
    content = dataset.content or dataset.staged
    return ProvisionAnswer(
        name=dataset.name,
        dataset_id=dataset.dataset_id,
        client_id=dataset.client_id,
        journey_id=dataset.journey_id,
        stage=dataset.stage,
        dataset_type=dataset.dataset_type,
        status=dataset.status,
        created=provisioned.created,
        record_count=dataset.record_count,
        size_bytes=dataset.size_bytes,
        quality=_quality(dataset),
        template=TemplateAnswer(template_id=dataset.template.template_id, match=dataset.template.match),
        connector=_connector(connector) if connector else None,
        platform=platform_answer(platform) if platform else None,
        warnings=list(content.warnings) or None if content else None,
        progress=progress,
        poll_after_s=POLL_AFTER_S if progress else None,
    )


async def load_provision_answer(
    services: Services, provisioned: ProvisionResult, principal: Principal
) -> ProvisionAnswer:
    """Load the connector and the platform, and build the answer with them."""
    details = await services.datasets.show(provisioned.dataset.dataset_id, principal)
    return provision_answer(provisioned, details.connector, details.platform)


def _connector(connector: Connector) -> ConnectorAnswer:
    return ConnectorAnswer(name=connector.name, connector_id=connector.connector_id, status=connector.status)


def _quality_issue(result: CheckResult) -> QualityIssue:
    """The issue without the values that were found: a model must not take what a record holds for an instruction."""
    findings = [
        FieldFinding(field=each.field, problem=each.problem, count=each.count, expected=each.expected)
        for each in result.findings[:_FINDINGS]
    ]
    return QualityIssue(
        check=result.check,
        failed=result.failed,
        of=result.of,
        examples=list(result.examples),
        findings=findings or None,
    )


def _quality(dataset: Dataset) -> QualityAnswer:
    from domain.content import QUALITY_THRESHOLD, failed_checks, readiness_report

    report = dataset.quality
    ready = report.readiness if report else None
    return QualityAnswer(
        score=report.score if report else None,
        threshold=QUALITY_THRESHOLD,
        pending=report is None or dataset.recheck is not None,
        issues=[_quality_issue(each) for each in failed_checks(report)] if report else [],
        readiness=ReadinessAnswer(**readiness_report(ready, questions=False)) if ready else None,
    )
