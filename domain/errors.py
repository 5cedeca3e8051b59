"""The tree of refusals and failures: what went wrong, where, and what to do about it.

    LifecycleError
      InputError               recovery fix_input: the argument named by `field`
        InvalidArgumentError, UnknownClientError, UnknownJourneyError, UnknownDatasetError, UnknownConnectorError,
        UnknownTemplateError, TemplateInvalidError, TemplateFormatUnknownError, ExportInvalidError,
        MockDataMissingError, SettingsError
      RefusalError             a rule said no; nothing was changed
        JourneyNotActiveError, StageMismatchError, DatasetConflictError, TeardownInProgressError, …
      PlatformError            Glean did not do what was asked
        PlatformUnavailableError, PlatformDeniedError, PlatformInvalidError, PlatformMismatchError
      FailureError             work that was begun and did not succeed
        ProvisionFailedError, StoreFailedError, ArchiveFailedError, SagaDeadLetterError, …

Each is a value for a program (`code`, `recovery`, …) and a sentence for a person (`message`). `as_dict` is its shape on
the wire.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar, Final, TypeVar, overload

T = TypeVar("T")


class Recovery(StrEnum):
    """What can make a refused call succeed."""

    FIX_INPUT = "fix_input"
    WAIT = "wait"
    NEEDS_HUMAN = "needs_human"
    CHOOSE_OTHER = "choose_other"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockingCheck:
    """A check that forbids the work: its error code, what it found, since when, and what clears it."""

    code: str
    what: str
    clears: str
    since: datetime | None = None
    recovery: Recovery = Recovery.WAIT

    def as_dict(self) -> dict[str, Any]:
        """The check in its shape on the wire, without empty fields."""
        return _without_empty(
            check=self.code,
            what=self.what,
            since=format_timestamp(self.since),
            clears=self.clears,
            recovery=self.recovery,
        )


class LifecycleError(Exception):
    """A refusal or failure that a caller may see. Subclasses fix `code` and the usual `recovery`."""

    code: ClassVar[str]
    recovery: Recovery = Recovery.FIX_INPUT
    action: ClassVar[str] = ""

    def __init__(
        self,
        message: str,
        *,
        recovery: Recovery | None = None,
        field: str | None = None,
        candidates: tuple[str, ...] = (),
        retry_after_s: float | None = None,
        blocking: tuple[BlockingCheck, ...] = (),
        suggested_action: str | None = None,
        **facts: Any,
    ) -> None:
        """Keep the facts; `facts` are further plain values for the wire, such as `dataset_id` and `step`."""
        super().__init__(message)
        self.message = message
        self.recovery = recovery or self.recovery
        self.field = field
        self.candidates = candidates
        self.retry_after_s = retry_after_s
        self.blocking = blocking
        self.suggested_action = suggested_action or self.action
        self.facts = facts
        self.audit_id: str | None = None
        """The id of the call's entry in the audit log; set where the call is answered."""

    def as_dict(self) -> dict[str, Any]:
        """The one error shape of the wire contract, without empty fields."""
        return _without_empty(
            code=self.code,
            message=self.message,
            recovery=str(self.recovery),
            field=self.field,
            candidates=list(self.candidates),
            retry_after_s=self.retry_after_s,
            blocking_checks=[each.as_dict() for each in self.blocking],
            suggested_action=self.suggested_action,
            **self.facts,
            audit_id=self.audit_id,
        )


@overload
def format_timestamp(value: datetime) -> str: ...
@overload
def format_timestamp(value: datetime | None) -> str | None: ...
def format_timestamp(value: datetime | None) -> str | None:
    """The instant as RFC 3339 in UTC, to the second, with `Z`; None for None."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _without_empty(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], ())}


class InputError(LifecycleError):
    """Input is wrong: an argument, a file, a setting."""


class InvalidArgumentError(InputError):
    """An argument is malformed, out of range, unknown, or not available here."""

    code = "invalid_argument"
    action = "Correct the argument named in `field` and call again."


class UnknownClientError(InputError):
    """The client does not exist, or this caller may not access it."""

    code = "unknown_client"
    action = "Use the candidate that was meant; otherwise have a person name or add the client."


class UnknownJourneyError(InputError):
    """This client has no such journey."""

    code = "unknown_journey"
    action = "Use the candidate that was meant; otherwise have a person name or add the journey."


class UnknownEventError(InputError):
    """The event does not exist, or this caller may not access it."""

    code = "unknown_event"
    action = (
        "Copy the id from `dataset-lifecycle events list`, or from the message that the webhook received."
    )


class UnknownDatasetError(InputError):
    """The dataset does not exist, or this caller may not access it."""

    code = "unknown_dataset"
    action = "Use the candidate that was meant; otherwise ask a person for the dataset's id."


class UnknownConnectorError(InputError):
    """The connector does not exist, or this caller may not access it."""

    code = "unknown_connector"
    action = "Use the candidate that was meant; otherwise ask by client_id or dataset_id."


class UnknownTemplateError(InputError):
    """No template has that id, or none serves this dataset type."""

    code = "unknown_template"
    action = 'Use the candidate that was meant, or leave out "template_id" for the best match.'


class UnknownApprovalError(InputError):
    """The approval request does not exist, or this caller may not access it."""

    code = "unknown_approval"
    action = "See the requests with `dataset-lifecycle approvals list`."


class TemplateInvalidError(InputError):
    """A template's file is broken. `facts` carry `file`, and where known `position` and `record_field`."""

    code = "template_invalid"
    action = "Correct the file, check it with `dataset-lifecycle templates validate PATH`, and call again with retry."


class TemplateFormatUnknownError(TemplateInvalidError):
    """The format of a template file is unknown, and no records were recognised in it."""

    code = "template_format_unknown"
    action = "Write the file in version 1 or 2 of the template format."


class ExportInvalidError(InputError):
    """An export cannot be imported, or sanitized. `facts` carry `file`, and where known `position` and `kind`."""

    code = "export_invalid"
    action = "Correct what is named, or export it again; then import it again: nothing was written."


class MockDataMissingError(InputError):
    """The mock-data repository, or a part of it, is missing."""

    code = "mock_data_missing"
    action = (
        "Check mock_data_repo.path (MOCK_DATA_REPO_PATH); a submodule needs `git submodule update --init`."
    )


class SettingsError(InputError):
    """The configuration is wrong; `field` is the setting's name."""

    code = "invalid_configuration"
    action = "Correct the setting and start again; `dataset-lifecycle doctor` checks all settings."


class RefusalError(LifecycleError):
    """A rule refused the call, and nothing was changed."""

    recovery = Recovery.WAIT


class JourneyNotActiveError(RefusalError):
    """Provisioning needs an active journey."""

    code = "journey_not_active"
    recovery = Recovery.NEEDS_HUMAN
    action = "Ask a person to activate the journey, then call again."


class StageMismatchError(RefusalError):
    """The journey is not at the stage that was asked for."""

    code = "stage_mismatch"
    recovery = Recovery.FIX_INPUT
    action = "Name the stage that the journey is at, or ask a person to promote the journey."


class DatasetConflictError(RefusalError):
    """A live dataset exists for this client, stage and type, and it differs from the one asked for."""

    code = "dataset_conflict"
    recovery = Recovery.CHOOSE_OTHER
    action = "Use the live dataset as it is; whether it makes way for another one is for a person to decide."


class TeardownInProgressError(RefusalError):
    """The dataset is being taken down."""

    code = "teardown_in_progress"
    action = "Wait until the dataset is archived, then call again."


class PastNoReturnError(TeardownInProgressError):
    """The teardown has begun to disconnect the dataset, so it can no longer be cancelled."""

    action = "Wait until the dataset is archived."


class ProvisionRunningError(RefusalError):
    """The dataset is being provisioned."""

    code = "provision_running"
    action = "Wait until the dataset is ready or failed, or cancel the provision."


class DatasetProtectedError(RefusalError):
    """The dataset is protected from teardown until a date that somebody set."""

    code = "dataset_protected"
    recovery = Recovery.NEEDS_HUMAN


class JourneyActiveError(RefusalError):
    """The dataset's journey still uses it."""

    code = "journey_active"
    recovery = Recovery.NEEDS_HUMAN


class QualityChecksPendingError(RefusalError):
    """A quality re-check of the dataset is queued or running."""

    code = "quality_checks_pending"


class ConnectorSyncingError(RefusalError):
    """The dataset's connector is syncing."""

    code = "connector_syncing"


class ReasonNotTrueError(RefusalError):
    """The facts contradict the reason given for the teardown."""

    code = "reason_not_true"
    recovery = Recovery.FIX_INPUT


class PreconditionUnknownError(RefusalError):
    """A precondition could not be checked, so the call is refused."""

    code = "precondition_unknown"


class ConfirmationRequiredError(RefusalError):
    """Only a person can allow this; `how` names the human step."""

    code = "confirmation_required"
    recovery = Recovery.NEEDS_HUMAN


class DeclinedError(RefusalError):
    """A person declined."""

    code = "declined"
    recovery = Recovery.NEVER


class ApprovalClosedError(RefusalError):
    """The approval request is closed: it was answered, it expired, or the dataset has changed."""

    code = "approval_closed"
    recovery = Recovery.CHOOSE_OTHER
    action = "Ask for the teardown again if it is still wanted."


class ForbiddenError(RefusalError):
    """The caller may not do this."""

    code = "forbidden"
    recovery = Recovery.NEEDS_HUMAN


class ReadOnlyError(RefusalError):
    """The server was started read-only."""

    code = "read_only"
    recovery = Recovery.NEEDS_HUMAN


class QuotaExceededError(RefusalError):
    """The call would exceed a limit."""

    code = "quota_exceeded"
    recovery = Recovery.NEEDS_HUMAN


class RateLimitedError(RefusalError):
    """The caller has reached its rate limit; the next call is possible in `retry_after_s` seconds."""

    code = "rate_limited"
    action = "Wait for `retry_after_s` seconds, then make the same call again."


class DrainingError(RefusalError):
    """An operator drains this installation: running work may finish, and new work is refused."""

    code = "draining"
    action = "Wait until an operator has ended the drain, then call again."


class StaleDatasetError(RefusalError):
    """The dataset changed after it was read and before it was claimed."""

    code = "changed_meanwhile"
    action = "Read the dataset again, then decide again."


class CancelledError(RefusalError):
    """The work was cancelled by request."""

    code = "cancelled"
    recovery = Recovery.CHOOSE_OTHER
    action = "Provision again with retry if the dataset is wanted after all."


class NothingRunningError(RefusalError):
    """Nothing that can be cancelled runs on the dataset."""

    code = "nothing_running"
    recovery = Recovery.NEVER


class NotRestorableError(RefusalError):
    """The archive does not hold enough to restore its dataset."""

    code = "not_restorable"
    recovery = Recovery.CHOOSE_OTHER
    action = "Choose another archive, or provision the dataset anew."


class PlatformError(LifecycleError):
    """Glean did not do what was asked. Messages summarise; they never carry upstream text."""

    recovery = Recovery.WAIT


class PlatformUnavailableError(PlatformError):
    """Glean did not answer, or its answer could not be read, after all retries."""

    code = "platform_unavailable"
    action = "Wait and call again; `dataset-lifecycle doctor` shows whether Glean answers."


class PlatformThrottledError(PlatformUnavailableError):
    """Glean asks for fewer requests; `retry_after_s` is how long it asks us to wait, when it says so."""


class PlatformTimeoutError(PlatformUnavailableError):
    """Glean did not answer within the caller's time limit: it is slow, or many requests of our own are queued."""


class PlatformDeniedError(PlatformError):
    """Glean refused the key (401), or the key's scope does not allow the request (403)."""

    code = "platform_denied"
    recovery = Recovery.NEEDS_HUMAN
    action = "Ask a person to check the Glean key and its scope, then call again."


class PlatformInvalidError(PlatformError):
    """Glean refused the request itself: a bug of ours, a version skew, or a wrong connector setting."""

    code = "platform_invalid"
    recovery = Recovery.NEEDS_HUMAN
    action = "Check the connector's settings named in the message."


class PlatformNotFoundError(PlatformInvalidError):
    """Glean says, in its own error shape, that the object does not exist."""


class PlatformConflictError(PlatformInvalidError):
    """Glean says that the object exists already, or is busy."""


class PlatformRunLostError(PlatformConflictError):
    """Glean no longer has the whole run that was pushed, because another upload replaced it: push it again."""


class PlatformMismatchError(PlatformError):
    """The platform or datasource is not the one we made: another tenant, or a datasource without our owner tag."""

    code = "platform_mismatch"
    recovery = Recovery.NEEDS_HUMAN
    action = "Ask a person to inspect it in Glean: this server does not adopt, change or remove what it does not own."


class OtherPlatformError(PlatformMismatchError, RefusalError):
    """The data folder belongs to another Glean than this process is configured for. Nothing was begun."""


class FailureError(LifecycleError):
    """Work was begun and did not succeed."""

    recovery = Recovery.NEEDS_HUMAN


class ProvisionFailedError(FailureError):
    """A provision failed, now or earlier. `facts` carry `dataset_id`, `step` and `cause`."""

    code = "provision_failed"


class QualityGateError(FailureError):
    """A quality gate failed; no score outweighs a gate."""

    code = "quality_gate"


class LeakFoundError(FailureError):
    """Sanitized records still hold a value of the export. `facts` carry `leak_count`, and the first as `leaks`."""

    code = "leak_found"
    action = "Ask a person to look at the places named, and to complete the rules of the sanitizer."


class StagingFailedError(FailureError):
    """The staging area could not be written or read."""

    code = "staging_failed"
    action = "Check the staging folder and its disk, then call again."


class ImportFailedError(FailureError):
    """The template of an import could not be written. Nothing half-written is left, and nothing was replaced."""

    code = "import_failed"
    action = "Check the folder of the mock-data repository and its disk, then import again."


class StoreFailedError(FailureError):
    """Our own database could not be read or written. The transaction was rolled back."""

    code = "store_failed"
    recovery = Recovery.WAIT
    action = "Check the data folder and its disk with `dataset-lifecycle doctor`, then call again."


class StoreUnavailableError(StoreFailedError):
    """The whole database cannot be reached, read or written now: a saga waits, then continues."""


class ArchiveFailedError(FailureError):
    """The archive could not be written, or did not read back as written. Nothing was deleted."""

    code = "archive_failed"
    action = "Check the archive folder and its disk, then call again: the work continues from this step."


class CleanupFailedError(FailureError):
    """Something that should have been deleted is still there."""

    code = "cleanup_failed"
    recovery = Recovery.WAIT
    action = "Call again: the work continues from this step."


class SagaDeadLetterError(FailureError):
    """The saga was stopped for good: process after process died in the same step, or it never finished."""

    code = "saga_stranded"
    action = "Ask a person to find out from the log why the processes died in this step; then call again with retry."


class InternalError(FailureError):
    """A bug of ours; the log has the details, under the same dataset and step."""

    code = "internal"
    action = "Report it with the log of this server."


class InvariantError(Exception):
    """An invariant does not hold: a bug of ours, never an answer to a caller."""


def require_present(value: T | None, invariant: str) -> T:
    """The value, which an invariant says is not None.

    `invariant` is that invariant in a sentence. Raises InvariantError, with the sentence, when the value is None.
    """
    if value is None:
        msg = f"An invariant does not hold: {invariant}."
        raise InvariantError(msg)
    return value


def _all_subclasses(root: type[LifecycleError]) -> list[type[LifecycleError]]:
    return [root, *(each for child in root.__subclasses__() for each in _all_subclasses(child))]


ERRORS_BY_CODE: Final = {
    each.code: each for each in reversed(_all_subclasses(LifecycleError)) if "code" in vars(each)
}
"""Every error code, with the class that defines it."""


def error_from_code(code: str, message: str, **given: Any) -> LifecycleError:
    """The error of a code that was recorded as text; InternalError for an unknown code."""
    return ERRORS_BY_CODE.get(code, InternalError)(message, **given)
