"""Home platform: the Glean that a data folder belongs to. A process that is configured for another begins nothing.

It is the one on which the folder's first dataset was admitted. A folder of the embedded sandbox follows its
configuration to another Glean once nothing lives there; from a real Glean only a person moves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.audit import record_audit_entry
from domain.errors import OtherPlatformError, PlatformError
from domain.model import Connector, Fingerprint, SagaId
from domain.ports import Setting

if TYPE_CHECKING:
    from domain.model import Dataset, Principal
    from domain.ports import ReadOnlyPlatform, Store, UnitOfWork

HOME: Final = Setting("platform.home", Fingerprint)
BEFORE_HOME: Final = Setting("platform.before_home", Connector)
"""A connector of a store that is older than the record of the home platform; a migration has chosen it."""
GO_ON_THERE: Final = (
    "To go on there, give this process the settings of that Glean. Hosts pass only a few variables to an MCP server "
    "(HOME, PATH, USER, LOGNAME, SHELL, TERM): write GLEAN_BASE_URL, GLEAN_API_KEY and GLEAN_DIALECT into the `env` "
    "block of the host's configuration, or the settings into sdlc_config.yaml."
)
_MOVE: Final = (
    "To use the other one, use another --data-dir; or take every dataset down, and have a person run "
    "`dataset-lifecycle platform move` on a terminal."
)
_FOLLOW: Final = (
    "Take down what lives there, with neither GLEAN_API_KEY nor GLEAN_BASE_URL set: then this data folder follows its "
    "configuration by itself. Or use another --data-dir."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeStatus:
    """Status of the home platform, as this process sees it.

    Attributes:
        home: the platform that the data folder belongs to; None before its first dataset.
        here: the platform that this process is configured for.
        live_count: how many datasets are live, where the two differ.
        connected: whether there is a connector or a pending compensation, where the two differ.
    """

    home: Fingerprint | None
    here: Fingerprint
    live_count: int = 0
    connected: bool = False

    @property
    def at_home(self) -> bool:
        """Whether this process is configured for the home platform, or there is none yet."""
        return self.home is None or self.home.is_same(self.here)

    @property
    def inhabited(self) -> bool:
        """Whether something lives on the home platform, or is still to be undone there."""
        return self.live_count > 0 or self.connected

    @property
    def inhabitants(self) -> str:
        """What lives on the home platform, as the subject and verb of a sentence."""
        if self.live_count:
            return "1 dataset lives" if self.live_count == 1 else f"{self.live_count} datasets live"
        return "a connector is left, or a step to undo," if self.connected else "nothing lives"

    @property
    def follows(self) -> bool:
        """Whether the next dataset takes the data folder along to this process's platform."""
        return self.home is not None and not self.at_home and self.home.embedded and not self.inhabited

    @property
    def refusal(self) -> OtherPlatformError | None:
        """Why this process begins nothing; None when it may."""
        if self.home is None or self.at_home or self.follows:
            return None
        action = _FOLLOW if self.home.embedded and not self.here.embedded else f"{GO_ON_THERE} {_MOVE}"
        return OtherPlatformError(
            f"This data folder belongs to {self.home.describe()}, and this process is configured for "
            f"{self.here.describe()}. So nothing is begun here.",
            suggested_action=action,
        )

    @property
    def notice(self) -> str | None:
        """What whoever starts this process must know; None where it is configured for the home platform."""
        if self.refusal:
            return self.refusal.message
        if self.home is None or self.at_home:
            return None
        return (
            f"Nothing lives in {self.home.describe()} any more. This data folder follows its configuration: the next "
            f"dataset is made at {self.here.describe()}."
        )


def load_home_platform(uow: UnitOfWork) -> Fingerprint | None:
    """The platform that the data folder belongs to; None before its first dataset."""
    if home := uow.settings.get(HOME):
        return home
    connector = uow.settings.get(BEFORE_HOME)
    return connector.fingerprint if connector else None


def load_home_status(uow: UnitOfWork, here: Fingerprint) -> HomeStatus:
    """The status of the home platform, for a process that is configured for `here`."""
    home = load_home_platform(uow)
    if home is None or home.is_same(here):
        return HomeStatus(home=home, here=here)
    return HomeStatus(
        home=home,
        here=here,
        live_count=uow.datasets.count_live(),
        connected=bool(uow.connectors.list_connected(limit=1) or uow.compensations.find()),
    )


def require_home_platform(uow: UnitOfWork, here: Fingerprint) -> HomeStatus:
    """Require that a process that is configured for `here` may begin something. Raises OtherPlatformError."""
    status = load_home_status(uow, here)
    if refusal := status.refusal:
        raise refusal
    return status


def claim_home_platform(uow: UnitOfWork, here: Fingerprint, principal: Principal | None = None) -> None:
    """Record `here` as the home platform, in the transaction that makes something there.

    A home whose tenant was not known yet is completed. Raises OtherPlatformError.
    """
    status = require_home_platform(uow, here)
    if status.follows and principal is not None and status.home is not None:
        _record_move(uow, principal, "platform followed", status.home, here)
    if not status.at_home or status.home is None or status.home.tenant is None:
        uow.settings.put(HOME, here)


def load_dataset_platform(uow: UnitOfWork, dataset: Dataset) -> Fingerprint | None:
    """The platform of a dataset: where its connector was made; without a connector, the home platform."""
    connector = uow.connectors.get(dataset.connector_id) if dataset.connector_id else None
    return connector.fingerprint if connector else load_home_platform(uow)


def is_dataset_here(uow: UnitOfWork, here: Fingerprint, dataset: Dataset) -> bool:
    """Whether a process that is configured for `here` may work on a dataset."""
    platform = load_dataset_platform(uow, dataset)
    return platform is None or platform.is_same(here)


def require_dataset_here(uow: UnitOfWork, here: Fingerprint, dataset: Dataset) -> None:
    """Require that a process that is configured for `here` may work on a dataset. Raises OtherPlatformError."""
    platform = load_dataset_platform(uow, dataset)
    if platform is None or platform.is_same(here):
        return
    raise OtherPlatformError(
        f"{dataset.name} belongs to {platform.describe()}, and this process is configured for {here.describe()}. "
        "So nothing is begun here.",
        suggested_action=GO_ON_THERE,
        dataset_id=dataset.dataset_id,
    )


def may_run_saga(uow: UnitOfWork, here: Fingerprint, saga_id: str) -> bool:
    """Whether a process that is configured for `here` may run a saga that another process has left."""
    dataset = uow.datasets.get(SagaId.parse(saga_id).dataset_id)
    if dataset is not None:
        return is_dataset_here(uow, here, dataset)
    return load_home_status(uow, here).refusal is None


async def identify_platform(platform: ReadOnlyPlatform) -> Fingerprint:
    """The configured platform; without its tenant when it does not answer."""
    try:
        return await platform.fetch_fingerprint()
    except PlatformError:
        return platform.location  # the tenant is compared again when a connector is made


class HomePlatformService:
    """Home platform service: says which Glean a data folder belongs to, and moves it when a person wants that."""

    def __init__(self, store: Store, platform: ReadOnlyPlatform) -> None:
        """Compare what that store records with that platform."""
        self._store = store
        self._platform = platform

    async def load_status(self) -> HomeStatus:
        """Ask which platform answers, and load the status of the home platform."""
        here = await identify_platform(self._platform)
        return await self._store.read(lambda uow: load_home_status(uow, here))

    async def load_configured_status(self) -> HomeStatus:
        """Load the status by the configuration alone: Glean is not asked for its tenant."""
        here = self._platform.location
        return await self._store.read(lambda uow: load_home_status(uow, here))

    async def move(self, seen: HomeStatus, principal: Principal) -> HomeStatus:
        """Move the data folder to this process's platform, as a person who saw that status has confirmed.

        Raises OtherPlatformError while something lives on the home platform, or when it is another one by now.
        """

        def move_home(uow: UnitOfWork) -> HomeStatus:
            status = load_home_status(uow, seen.here)
            require_movable(status)
            if status.home != seen.home:
                raise OtherPlatformError(
                    "Meanwhile this data folder belongs to another Glean than was shown. Nothing was changed.",
                    suggested_action="Look again with `dataset-lifecycle platform show`.",
                )
            if status.home is not None and not status.at_home:
                _record_move(uow, principal, "platform moved", status.home, seen.here)
                uow.settings.put(HOME, seen.here)
            return load_home_status(uow, seen.here)

        return await self._store.transact(move_home)


def require_movable(status: HomeStatus) -> None:
    """Require that nothing is lost when the data folder moves to this process's platform.

    Raises OtherPlatformError while something lives on the home platform: nobody could manage it any more.
    """
    if status.home is None or status.at_home or not status.inhabited:
        return
    raise OtherPlatformError(
        f"This data folder cannot be moved: {status.inhabitants} on {status.home.describe()}, where nobody could "
        "remove it any more.",
        suggested_action="Configure that Glean again, and take every dataset down. Where it is gone for good, a "
        "teardown can leave its connector behind (docs/teardown.md).",
    )


def _record_move(
    uow: UnitOfWork, principal: Principal, outcome: str, before: Fingerprint, after: Fingerprint
) -> None:
    record_audit_entry(uow, principal, outcome, before=before.describe(), platform=after.describe())
