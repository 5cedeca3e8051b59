"""The tree of refusals and failures: what was wrong, where, and what makes it right.

    LifecycleError
      InputError               recovery fix_input: the argument named by `field`
        InvalidArgumentError, UnknownClientError, UnknownJourneyError, UnknownDatasetError, UnknownConnectorError,
        UnknownTemplateError, TemplateInvalidError, TemplateFormatUnknownError, MockDataMissingError, SettingsError
      RefusalError             a rule said no; nothing was changed
        JourneyNotActiveError, StageMismatchError, DatasetConflictError, TeardownInProgressError, …
      PlatformError            Glean did not do what was asked
        PlatformUnavailableError, PlatformDeniedError, PlatformInvalidError, PlatformMismatchError
      FailureError             work that was begun and could not be ended well
        ProvisionFailedError, StoreFailedError, ArchiveFailedError, SagaStrandedError, …

Every one is a value for a program (`code`, `recovery`, …) and a sentence for a person (`message`). The shape on the
wire is `as_dict`.
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
    """One check that forbids: its error code, what it found, since when, and what clears it."""

    code: str
    what: str
    clears: str
    since: datetime | None = None
    recovery: Recovery = Recovery.WAIT

    def as_dict(self) -> dict[str, Any]:
        """The check as the wire shows it, without empty fields."""
        return _without_empty(
            check=self.code,
            what=self.what,
            since=format_timestamp(self.since),
            clears=self.clears,
            recovery=self.recovery,
        )


class LifecycleError(Exception):
    """Any refusal or failure that a caller may see. Subclasses fix `code` and the usual `recovery`."""

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
        """Under which id the call that ended so is on record; set where the call is answered."""

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
    """An instant as RFC 3339 in UTC, to the second, with `Z`."""
    return None if value is None else value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _without_empty(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "", [], ())}


class InputError(LifecycleError):
    """Something given to us is wrong: an argument, a file, a setting."""


class InvalidArgumentError(InputError):
    """An argument is malformed, out of range, unknown, or not available here."""

    code = "invalid_argument"
    action = "Correct the argument named in `field` and call again."


class UnknownClientError(InputError):
    """No such client, as far as this caller is told."""

    code = "unknown_client"
    action = "Use one of the candidates, or add the client first."


class UnknownJourneyError(InputError):
    """No such journey of this client."""

    code = "unknown_journey"
    action = "Use one of the candidates, or add the journey first."


class UnknownEventError(InputError):
    """No such event, as far as this caller is told."""

    code = "unknown_event"
    action = "Copy the id from `dataset-lifecycle events list`, or from the message as it was received."


class UnknownDatasetError(InputError):
    """No such dataset, as far as this caller is told."""

    code = "unknown_dataset"
    action = "Use one of the candidates, or list the datasets."


class UnknownConnectorError(InputError):
    """No such connector, as far as this caller is told."""

    code = "unknown_connector"
    action = "Use one of the candidates, or ask by client or dataset."


class UnknownTemplateError(InputError):
    """No template of that id, or none that serves this type."""

    code = "unknown_template"
    action = "Use one of the candidates, or leave template_id out for the best match."


class UnknownApprovalError(InputError):
    """No such approval request, as far as this caller is told."""

    code = "unknown_approval"
    action = "See the requests with `dataset-lifecycle approvals list`."


class TemplateInvalidError(InputError):
    """A template's file is broken. `facts` carry `file`, and where known `position` and `record_field`."""

    code = "template_invalid"
    action = "Mend the file, check it with `dataset-lifecycle templates validate`, and call again with retry."


class TemplateFormatUnknownError(TemplateInvalidError):
    """A template's format is not known and no records could be recognised in it."""

    code = "template_format_unknown"
    action = "Write it as version 1 or 2 of the template format."


class MockDataMissingError(InputError):
    """The mock-data repository, or a part of it, is not there."""

    code = "mock_data_missing"
    action = (
        "Check mock_data_repo.path (MOCK_DATA_REPO_PATH); a submodule needs `git submodule update --init`."
    )


class SettingsError(InputError):
    """The configuration is wrong; `field` is the setting's name."""

    code = "invalid_configuration"
    action = "Correct the setting and start again; `dataset-lifecycle doctor` checks them all."


class RefusalError(LifecycleError):
    """A rule said no, and nothing was changed."""

    recovery = Recovery.WAIT


class JourneyNotActiveError(RefusalError):
    """Provisioning needs an active journey."""

    code = "journey_not_active"
    recovery = Recovery.NEEDS_HUMAN
    action = "Have the journey activated, then call again."


class StageMismatchError(RefusalError):
    """The journey is at another stage than the one asked for."""

    code = "stage_mismatch"
    recovery = Recovery.FIX_INPUT
    action = "Ask for the stage that the journey is at, or have the journey promoted."


class DatasetConflictError(RefusalError):
    """A live dataset holds this client, stage and type, and it is another one than asked for."""

    code = "dataset_conflict"
    recovery = Recovery.CHOOSE_OTHER
    action = "Use the live dataset as it is, or have it taken down first."


class TeardownInProgressError(RefusalError):
    """The dataset is being taken down."""

    code = "teardown_in_progress"
    action = "Wait until it is archived, then call again."


class PastNoReturnError(TeardownInProgressError):
    """A teardown has disconnected something, so it cannot be cancelled any more."""

    action = "Wait until it is archived."


class ProvisionRunningError(RefusalError):
    """The dataset is being provisioned."""

    code = "provision_running"
    action = "Wait until it is ready or failed, or cancel it."


class DatasetProtectedError(RefusalError):
    """Somebody asked for this dataset to be kept."""

    code = "dataset_protected"
    recovery = Recovery.NEEDS_HUMAN


class JourneyActiveError(RefusalError):
    """The dataset's journey still protects it."""

    code = "journey_active"
    recovery = Recovery.NEEDS_HUMAN


class QualityChecksPendingError(RefusalError):
    """A quality re-check of the dataset is queued or running."""

    code = "quality_checks_pending"


class ConnectorSyncingError(RefusalError):
    """The dataset's connector is syncing."""

    code = "connector_syncing"


class ReasonNotTrueError(RefusalError):
    """The reason given for the teardown is not what the facts say."""

    code = "reason_not_true"
    recovery = Recovery.FIX_INPUT


class PreconditionUnknownError(RefusalError):
    """A check could not be made, so it refuses."""

    code = "precondition_unknown"


class ConfirmationRequiredError(RefusalError):
    """Only a person can allow this; `how` names the human step."""

    code = "confirmation_required"
    recovery = Recovery.NEEDS_HUMAN


class DeclinedError(RefusalError):
    """A person said no."""

    code = "declined"
    recovery = Recovery.NEVER


class ApprovalClosedError(RefusalError):
    """The approval request can be answered no more: it was answered, it expired, or the dataset has changed."""

    code = "approval_closed"
    recovery = Recovery.CHOOSE_OTHER
    action = "Have the teardown asked for again, when it is still wanted."


class ForbiddenError(RefusalError):
    """The caller may not do this."""

    code = "forbidden"
    recovery = Recovery.NEEDS_HUMAN


class ReadOnlyError(RefusalError):
    """The server was started read-only."""

    code = "read_only"
    recovery = Recovery.NEEDS_HUMAN


class QuotaExceededError(RefusalError):
    """A limit would be passed."""

    code = "quota_exceeded"
    recovery = Recovery.NEEDS_HUMAN


class RateLimitedError(RefusalError):
    """The caller has used up what it may use in this time; `retry_after_s` says exactly when there is more."""

    code = "rate_limited"
    action = "Wait for `retry_after_s` seconds, then make the same call again."


class DrainingError(RefusalError):
    """An operator drains this installation: what runs may end, and nothing new is made."""

    code = "draining"
    action = "Wait until an operator has ended the drain, then call again."


class StaleDatasetError(RefusalError):
    """The dataset changed between the look and the claim."""

    code = "changed_meanwhile"
    action = "Look at the dataset again, then decide again."


class CancelledError(RefusalError):
    """The work was cancelled by request."""

    code = "cancelled"
    recovery = Recovery.CHOOSE_OTHER
    action = "Provision again with retry when it is wanted after all."


class NothingRunningError(RefusalError):
    """There is nothing to cancel."""

    code = "nothing_running"
    recovery = Recovery.NEVER


class NotRestorableError(RefusalError):
    """An archive does not hold what it takes to make its dataset again."""

    code = "not_restorable"
    recovery = Recovery.CHOOSE_OTHER
    action = "Choose another archive, or provision the dataset anew."


class PlatformError(LifecycleError):
    """Glean did not do what was asked. Messages summarise; they never carry upstream text."""

    recovery = Recovery.WAIT


class PlatformUnavailableError(PlatformError):
    """Glean did not answer, or not sensibly, after all retries."""

    code = "platform_unavailable"
    action = "Wait and call again; `dataset-lifecycle doctor` shows whether Glean answers."


class PlatformThrottledError(PlatformUnavailableError):
    """Glean asks for fewer requests; `retry_after_s` is what it said, when it did."""


class PlatformTimeoutError(PlatformUnavailableError):
    """Glean did not answer in the time that whoever asked could wait; it may be slow, or our own requests many."""


class PlatformDeniedError(PlatformError):
    """Glean refused the key (401) or what the key may do (403)."""

    code = "platform_denied"
    recovery = Recovery.NEEDS_HUMAN
    action = "Have the Glean key and its scope checked, then call again."


class PlatformInvalidError(PlatformError):
    """Glean refused the request as such: a bug of ours, a version skew, or a wrong connector setting."""

    code = "platform_invalid"
    recovery = Recovery.NEEDS_HUMAN
    action = "Check the connector's settings named in the message."


class PlatformNotFoundError(PlatformInvalidError):
    """Glean says, in its own error shape, that the thing is not there."""


class PlatformConflictError(PlatformInvalidError):
    """Glean says that the thing is there already, or busy."""


class PlatformRunLostError(PlatformConflictError):
    """Glean does not have a whole run that was pushed, because somebody else's took its place: push it again."""


class PlatformMismatchError(PlatformError):
    """What answered is not what we made: another tenant, or a datasource that does not carry our mark."""

    code = "platform_mismatch"
    recovery = Recovery.NEEDS_HUMAN
    action = "A person must look at it: nothing that is not ours is adopted, changed or removed."


class FailureError(LifecycleError):
    """Work that was begun and could not be ended well."""

    recovery = Recovery.NEEDS_HUMAN


class ProvisionFailedError(FailureError):
    """A provision failed, now or earlier. `facts` carry `dataset_id`, `step` and `cause`."""

    code = "provision_failed"


class QualityGateError(FailureError):
    """Something that no score can outweigh was found."""

    code = "quality_gate"


class StagingFailedError(FailureError):
    """The staging area could not be written or read."""

    code = "staging_failed"
    action = "Check the staging folder and its disk, then call again."


class StoreFailedError(FailureError):
    """Our own database could not be read or written. Nothing of the transaction was kept."""

    code = "store_failed"
    recovery = Recovery.WAIT
    action = "Check the data folder and its disk with `dataset-lifecycle doctor`, then call again."


class StoreUnavailableError(StoreFailedError):
    """The database as a whole cannot be reached, read or written now: a saga that meets it waits and goes on."""


class ArchiveFailedError(FailureError):
    """The archive could not be written, or did not read back as written. Nothing was deleted."""

    code = "archive_failed"
    action = "Check the archive folder and its disk, then call again: it goes on from this step."


class CleanupFailedError(FailureError):
    """Something that should be gone is not."""

    code = "cleanup_failed"
    recovery = Recovery.WAIT
    action = "Call again: it goes on from this step."


class SagaDeadLetterError(FailureError):
    """Work was stopped for good: process after process died in the same step of it, or it never came to its end."""

    code = "saga_stranded"
    action = "Have a person find out in the log what ended the processes there; then call again with retry."


class InternalError(FailureError):
    """A bug of ours; the details are in the log, under the same dataset and step."""

    code = "internal"
    action = "Report it with the log of this server."


class InvariantError(Exception):
    """Something that always holds does not: a bug of ours, and no answer to a caller."""


def require_present(value: T | None, invariant: str) -> T:
    """The value, which is always there.

    `invariant` is the sentence by which it is. Raises InvariantError with it when the value is missing after all.
    """
    if value is None:
        msg = f"This always holds, and does not: {invariant}."
        raise InvariantError(msg)
    return value


def _all_subclasses(root: type[LifecycleError]) -> list[type[LifecycleError]]:
    return [root, *(each for child in root.__subclasses__() for each in _all_subclasses(child))]


ERRORS_BY_CODE: Final = {
    each.code: each for each in reversed(_all_subclasses(LifecycleError)) if "code" in vars(each)
}
"""Every code, with the class that says what it means."""


def error_from_code(code: str, message: str, **given: Any) -> LifecycleError:
    """The error of that code, for what was recorded earlier as text."""
    return ERRORS_BY_CODE.get(code, InternalError)(message, **given)
