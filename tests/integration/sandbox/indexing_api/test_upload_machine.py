"""Any sequence of uploads, single documents, deletions and passing time: the sandbox does as the model has it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from server.sandbox.state.switches import Switches
from tests.support.glean.datasources import SWITCH_PARAMS, SWITCH_VARIANTS
from tests.support.glean.indexing_client import SITE, IndexingClient, config
from tests.support.models.upload_model import WEEK_S, UploadModel

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.support.glean.admin_client import HandDrivenClock
    from tests.support.sandbox.embedded import EmbeddedSandbox

NUMBERS: Final = st.sets(st.integers(0, 7), max_size=6)
TEXTS: Final = st.sampled_from(["early", "late"])
UPLOADS: Final = st.integers(0, 4)
PAUSES: Final = st.sampled_from([1.0, 200.0, 700.0, 1200.0, 11_000.0, WEEK_S])
_NAMES: Final = count()


class Uploads(RuleBasedStateMachine):
    """One datasource of one sandbox, and the model of it."""

    glean: EmbeddedSandbox
    client: IndexingClient
    clock: HandDrivenClock
    switches: Switches

    def __init__(self) -> None:
        super().__init__()
        self.name = f"wiki{next(_NAMES)}"
        self.clock.advance(10)
        assert self.client.call_operation("adddatasource", **config(name=self.name)).status_code == 200
        self.model = UploadModel(self.switches)

    @rule(
        upload=UPLOADS,
        numbers=NUMBERS,
        text=TEXTS,
        first=st.booleans(),
        last=st.booleans(),
        force=st.booleans(),
        unchecked=st.booleans(),
    )
    def sends_any_page(
        self,
        *,
        upload: int,
        numbers: set[int],
        text: str,
        first: bool,
        last: bool,
        force: bool,
        unchecked: bool,
    ) -> None:
        self._page(upload, numbers, text, first=first, last=last, force=force, unchecked=unchecked)

    @rule(upload=UPLOADS, numbers=NUMBERS, text=TEXTS, force=st.booleans())
    def begins(self, upload: int, numbers: set[int], text: str, *, force: bool) -> None:
        self._page(upload, numbers, text, first=True, force=force)

    @rule(numbers=NUMBERS, text=TEXTS)
    def goes_on(self, numbers: set[int], text: str) -> None:
        self._page(self._active(), numbers, text)

    @rule(pages=st.lists(NUMBERS, min_size=2, max_size=4), text=TEXTS)
    def sends_pages_at_once(self, pages: list[set[int]], text: str) -> None:
        upload = self._active()
        self._passes(1)
        with ThreadPoolExecutor(len(pages)) as several:
            answers = list(several.map(lambda numbers: self._send_page(upload, numbers, text), pages))
        for numbers, answer in zip(pages, answers, strict=True):
            assert (answer.status_code == 200) is self._take_page(upload, numbers, text)

    @rule(numbers=NUMBERS, text=TEXTS, unchecked=st.booleans())
    def ends(self, numbers: set[int], text: str, *, unchecked: bool) -> None:
        self._page(self._active(), numbers, text, last=True, unchecked=unchecked)

    @rule(numbers=NUMBERS, text=TEXTS, unchecked=st.booleans())
    def loads_anew(self, numbers: set[int], text: str, *, unchecked: bool) -> None:
        upload = 10 + len(self.model.uploads)
        self._page(upload, numbers, text, first=True, last=True, force=True, unchecked=unchecked)

    @rule(numbers=NUMBERS.filter(bool), text=TEXTS)
    def indexes_single_documents(self, numbers: set[int], text: str) -> None:
        self._passes(1)
        sent = [self._document(number, text) for number in sorted(numbers)]
        answer = self.client.call_operation("indexdocuments", datasource=self.name, documents=sent)
        assert answer.status_code == 200, answer.text
        self.model.index({f"p{number}": text for number in numbers})

    @rule(number=st.integers(0, 7))
    def deletes_a_document(self, number: int) -> None:
        self._passes(1)
        answer = self.client.call_operation(
            "deletedocument", datasource=self.name, objectType="Page", id=f"P{number}"
        )
        assert answer.status_code == 200, answer.text
        self.model.delete(f"p{number}")

    @rule()
    def asks_for_processing(self) -> None:
        self._passes(1)
        answer = self.client.call_operation("processalldocuments", datasource=self.name)
        assert answer.status_code == (200 if self.model.can_process_now() else 429), answer.text

    @rule(seconds=PAUSES)
    def waits(self, seconds: float) -> None:
        self._passes(seconds)

    @rule(seconds=PAUSES)
    def waits_and_looks(self, seconds: float) -> None:
        self._passes(seconds)
        self.looks()

    @invariant()
    def settles(self) -> None:
        """Time of the model and of the sandbox is one."""
        self.model.advance(0)

    def teardown(self) -> None:
        self.looks()
        self._passes(2 * WEEK_S)
        self.looks()

    def looks(self) -> None:
        self.model.advance(0)
        served = {each["id"]: each["body"]["textContent"] for each in self.glean.sandbox.documents(self.name)}
        assert served == self.model.texts()
        self.clock.advance(1)
        self.model.advance(1)
        told = self.client.call_operation(f"debug/{self.name}/status").json()["documents"]
        history = [(each["uploadId"], each["processingState"]) for each in told["bulkUploadHistory"]]
        expected = list(self.model.history().items())
        assert sorted(history) == sorted(expected)
        assert history == expected or not self.switches.tells_oldest_first
        assert sum(each["count"] for each in told["counts"]["indexed"]) == len(self.model.texts())

    def _active(self) -> int:
        return int(self.model.active.upload_id[1:]) if self.model.active else 0

    def _page(self, upload: int, numbers: set[int], text: str, **flags: bool) -> None:
        self._passes(1)
        answer = self._send_page(upload, numbers, text, **flags)
        taken = self._take_page(upload, numbers, text, **flags)
        assert answer.status_code in ({200} if taken else {400, 409}), answer.text
        assert not (self.switches.refuses_as_bad and answer.status_code == 409)

    def _send_page(self, upload: int, numbers: set[int], text: str, **flags: bool) -> httpx.Response:
        return self.client.call_operation(
            "bulkindexdocuments",
            uploadId=f"u{upload}",
            datasource=self.name,
            documents=[self._document(number, text) for number in sorted(numbers)],
            isFirstPage=flags.get("first", False),
            isLastPage=flags.get("last", False),
            forceRestartUpload=flags.get("force", False),
            disableStaleDocumentDeletionCheck=flags.get("unchecked", False),
        )

    def _take_page(self, upload: int, numbers: set[int], text: str, **flags: bool) -> bool:
        return self.model.page(f"u{upload}", {f"p{number}": text for number in numbers}, **flags)

    def _passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.model.advance(seconds)

    def _document(self, number: int, text: str) -> dict[str, Any]:
        return {
            "datasource": self.name,
            "objectType": "Page",
            "id": f"p{number}",
            "title": f"Page {number}",
            "viewURL": f"{SITE}/{number}",
            "body": {"mimeType": "text/plain", "textContent": text},
            "permissions": {"allowAnonymousAccess": True},
        }


@pytest.fixture
def client(glean: EmbeddedSandbox) -> Iterator[IndexingClient]:
    glean.sandbox.set_indexing_rate(1e12, minimum_seconds=0)
    with IndexingClient(glean) as client:
        yield client


@pytest.mark.parametrize("flipped", SWITCH_PARAMS)
def test_the_sandbox_does_as_the_model_has_it(
    glean: EmbeddedSandbox, client: IndexingClient, clock: HandDrivenClock, flipped: str
) -> None:
    run(glean, client, clock, SWITCH_VARIANTS[flipped], examples=8, steps=20)


@pytest.mark.exhaustive
@pytest.mark.parametrize("flipped", SWITCH_VARIANTS)
def test_the_sandbox_does_as_the_model_has_it_for_long(
    glean: EmbeddedSandbox, client: IndexingClient, clock: HandDrivenClock, flipped: str
) -> None:
    run(glean, client, clock, SWITCH_VARIANTS[flipped], examples=100, steps=40)


def run(
    glean: EmbeddedSandbox,
    client: IndexingClient,
    clock: HandDrivenClock,
    flipped: dict[str, Any],
    *,
    examples: int,
    steps: int,
) -> None:
    switches = {"limits_rate": False, **flipped}
    glean.sandbox.set_switches(**switches)
    told = Switches(**switches)
    named = {"glean": glean, "client": client, "clock": clock, "switches": told}
    run_state_machine_as_test(
        type("Uploads", (Uploads,), named),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
