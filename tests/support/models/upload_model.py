"""A model of Glean's bulk uploads, written from what is known of them and from nothing of the sandbox.

It is told each request with the instant at which it comes, and says whether it is taken. What is served at an instant
follows from what happened before, in the order in which it happened, whoever looked when.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from server.sandbox.state.switches import Switches

WEEK_S = 7 * 86_400.0
HOURS_S = 3 * 3600.0


@dataclass
class Upload:
    """One bulk upload: `pages` by key, each as (text, which sending it was)."""

    upload_id: str
    begun: int
    pages: dict[str, tuple[str, int]] = field(default_factory=dict)
    state: str = "UPLOAD IN PROGRESS"
    ended: bool = False
    paused_until: float | None = None


@dataclass
class Job:
    """Documents that wait to be indexed."""

    documents: dict[str, tuple[str, int]]
    begun: int
    due: float
    upload: Upload | None = None
    unchecked: bool = False
    old: int = 0


class UploadModel:
    """One datasource."""

    def __init__(self, switches: Switches) -> None:
        self.switches = switches
        self.now = 0.0
        self.served: dict[str, tuple[str, int]] = {}
        self.uploads: dict[str, Upload] = {}
        self.active: Upload | None = None
        self.given_up: set[str] = set()
        self._order = count(1)
        self._jobs: list[Job] = []
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._hastened = -HOURS_S

    def page(
        self,
        upload_id: str,
        documents: Mapping[str, str],
        *,
        first: bool = False,
        last: bool = False,
        force: bool = False,
        unchecked: bool = False,
    ) -> bool:
        """Whether the page is taken."""
        if (force and not first) or (unchecked and not last):
            return False
        known = self.uploads.get(upload_id)
        if upload_id in self.given_up:
            return False
        if known is not None and known.ended:
            return last and self.switches.forgives_last_page
        upload = self.active
        if upload is not None and upload is not known:
            if not (first and force):
                return False
            self.given_up.add(upload.upload_id)
            upload = None
        if upload is None:
            if not first:
                return False
            upload = self.uploads[upload_id] = Upload(upload_id, next(self._order))
            self.active = upload
        elif force and self.switches.restart_forgets:
            upload.pages.clear()
            upload.begun = next(self._order)
        self._store(upload.pages, documents)
        if last:
            self._end(upload, unchecked=unchecked)
        return True

    def index(self, documents: Mapping[str, str]) -> None:
        """Documents that come outside of uploads."""
        begun = next(self._order)
        pages: dict[str, tuple[str, int]] = {}
        self._store(pages, documents)
        self._jobs.append(Job(pages, begun, self.now + self.switches.single_s))

    def delete(self, key: str) -> None:
        """A document is deleted: what was sent of it and waits, at once, and what is served, a little later."""
        for upload in self.uploads.values():
            if not upload.ended:
                upload.pages.pop(key, None)
        for job in self._jobs:
            job.documents.pop(key, None)
        if key in self.served:
            self._at(self.now + self.switches.deletion_s, self._removal({key: self.served[key]}))

    def can_process_now(self) -> bool:
        """Whether everything may be processed now."""
        if self.now < self._hastened + HOURS_S:
            return False
        self._hastened = self.now
        for job in self._jobs:
            job.due = min(job.due, self.now + self.switches.single_s)
        return True

    def advance(self, seconds: float) -> None:
        """Time passes."""
        until = self.now + seconds
        while True:
            job = min(self._jobs, key=lambda each: each.due, default=None)
            event = self._later[0] if self._later else None
            if job is not None and job.due <= until and (event is None or job.due <= event[0]):
                self.now = max(self.now, job.due)
                self._jobs.remove(job)
                self._index_job(job)
            elif event is not None and event[0] <= until:
                self.now = max(self.now, event[0])
                heapq.heappop(self._later)[2]()
            else:
                break
        self.now = until

    def history(self) -> dict[str, str]:
        """The processing state of each upload that is told of."""
        return {
            name: each.state
            for name, each in self.uploads.items()
            if name not in self.given_up or self.switches.tells_given_up
        }

    def texts(self) -> dict[str, str]:
        """What is served, by id."""
        return {key: text for key, (text, _) in self.served.items()}

    def _store(self, pages: dict[str, tuple[str, int]], documents: Mapping[str, str]) -> None:
        for key, text in documents.items():
            held = pages.get(key)
            if held is None or held[0] != text:
                pages[key] = (text, next(self._order))

    def _end(self, upload: Upload, *, unchecked: bool) -> None:
        upload.ended = True
        upload.state = "UPLOAD COMPLETED"
        self.active = None
        self._jobs.append(
            Job(
                dict(upload.pages),
                upload.begun,
                self.now + self.switches.indexing_s,
                upload=upload,
                unchecked=unchecked,
                old=len(self.served),
            )
        )

    def _index_job(self, job: Job) -> None:
        self.served.update(job.documents)
        if job.upload is None:
            return
        job.upload.state = "INDEXING COMPLETED"
        lacking = {
            key: held for key, held in self.served.items() if key not in job.documents and held[1] < job.begun
        }
        paused = not job.unchecked and len(lacking) * 5 > job.old
        due = self.now + (WEEK_S if paused else self.switches.deletion_s)
        if paused:
            upload, upload.state = job.upload, "DELETION PAUSED"
            self._at(due, lambda: setattr(upload, "state", "INDEXING COMPLETED"))
        self._at(due, self._removal(lacking))

    def _removal(self, doomed: Mapping[str, tuple[str, int]]) -> Callable[[], None]:
        def go() -> None:
            for key, held in doomed.items():
                if self.served.get(key) == held:
                    del self.served[key]

        return go

    def _at(self, due: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._later, (due, next(self._order), work))
