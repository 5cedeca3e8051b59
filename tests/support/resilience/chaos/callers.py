"""The callers. One whose process dies does what callers do: calls again, at another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import anyio

from tests.support.sandbox.faults import Fault

if TYPE_CHECKING:
    from tests.support.resilience.chaos.driver import ChaosRun
    from tests.support.resilience.chaos.plan import CallerScript, PlannedSaga

    Answer = dict[str, Any]

_WAIT_S: Final = 3.0
_AGAIN_S: Final = 0.2
_PATIENCE: Final = 400

FAULTS: Final[dict[str, dict[str, Any]]] = {
    "unavailable": {"kind": "status", "status": 503, "times": 2},
    "lost_create": {"kind": "drop_after", "operation": "datasources.create"},
    "lost_upload": {"kind": "drop_after", "operation": "documents.upload"},
    "lost_sync": {"kind": "drop_after", "operation": "sync.start"},
    "lost_delete": {"kind": "drop_after", "operation": "datasources.delete"},
    "failing_sync": {"kind": "sync_fails"},
    "losing_sync": {"kind": "sync_loses"},
}


class ChaosCaller:
    """One caller, who wants what a script says and takes no death for an answer."""

    def __init__(self, chaos: ChaosRun, script: CallerScript) -> None:
        self._chaos = chaos
        self._script = script
        self._live: Answer | None = None
        self._archived: str | None = None
        self._of: Answer = {"client_id": script.client_id, "journey_id": script.journey_id}

    async def run_script(self) -> None:
        """Do every move, as far as what became of those before allows it."""
        for move in self._script.moves:
            await anyio.sleep(move.pause_s)
            self._chaos.figures.sagas[move.verb] += 1
            if move.fault:
                fault = Fault(datasource=self._script.name, **FAULTS[move.fault])
                self._chaos.glean.faults.add(fault)
            await {"make": self._make, "retry": self._retry, "teardown": self._teardown}[move.verb](move)

    async def _make(self, move: PlannedSaga) -> None:
        await self._call_once(move, "journey", state="active")
        if move.restored and self._archived:
            self._chaos.figures.sagas["restore"] += 1
            await self._record_provision(
                move, "restore", dataset_id=self._archived, journey_id=self._script.journey_id
            )
        else:
            await self._record_provision(
                move, "provision", **self._of, dataset_type=self._script.dataset_type
            )

    async def _retry(self, move: PlannedSaga) -> None:
        assert self._live
        await self._call_once(move, "unprotect", dataset_id=self._live["dataset_id"])
        await self._record_provision(
            move, "provision", first={"retry": True}, **self._of, dataset_type=self._script.dataset_type
        )

    async def _record_provision(
        self, move: PlannedSaga, verb: str, first: Answer | None = None, **given: Any
    ) -> None:
        begun = await self._call_twice(move, verb, wait_s=0, **given, **(first or {}))
        if move.cancel_s is not None:
            await self._cancel(move, self._dataset_of(begun))
        answer = await self._wait_until_done(move, verb, begun, given)
        self._live = {"dataset_id": self._dataset_of(answer), "content": answer.get("content", False)}

    async def _teardown(self, move: PlannedSaga) -> None:
        live = self._live
        assert live
        dataset_id = live["dataset_id"]
        await self._call_once(move, "unprotect", dataset_id=dataset_id)
        await self._call_once(move, "journey", state="completed")
        given = {"dataset_id": dataset_id, "reason": move.reason}
        begun = await self._call_twice(move, "teardown", wait_s=0, **given)
        if move.cancel_s is not None:
            await self._cancel(move, dataset_id)
        await self._wait_until_done(move, "teardown", begun, given)
        self._live = None
        if live["content"]:
            self._archived = dataset_id

    async def _wait_until_done(self, move: PlannedSaga, verb: str, answer: Answer, given: Answer) -> Answer:
        """The answer once nothing runs any more; a teardown is called again until it is done."""
        for number in range(_PATIENCE):
            if self._is_settled(verb, answer):
                return answer
            if "refused" in answer:
                await anyio.sleep(_AGAIN_S)
            answer = await self._call_once(move, verb, turn=number, wait_s=_WAIT_S, **given)
        self._chaos.figures.surprises.append(f"{self._script.name}: {verb} never ended: {answer}")
        return answer

    def _is_settled(self, verb: str, answer: Answer) -> bool:
        refused = answer.get("refused")
        if verb == "teardown":
            return refused is None and answer["status"] == "archived"
        if refused:
            return bool(refused["code"] == "provision_failed")
        return not answer["running"]

    def _dataset_of(self, answer: Answer) -> str:
        refused = answer.get("refused")
        return str(refused["dataset_id"] if refused else answer["dataset_id"])

    async def _cancel(self, move: PlannedSaga, dataset_id: str) -> None:
        assert move.cancel_s is not None
        await anyio.sleep(move.cancel_s)
        self._chaos.figures.sagas["cancel"] += 1
        await self._call_once(move, "cancel", turn=1, dataset_id=dataset_id)

    async def _call_twice(self, move: PlannedSaga, verb: str, **given: Any) -> Answer:
        """Ask, and the twin at the same moment, if there is one; the answer that tells more."""
        answers: list[Answer] = []

        async def ask(turn: int) -> None:
            answers.append(await self._call_once(move, verb, turn=turn, **given))

        async with anyio.create_task_group() as asking:
            asking.start_soon(ask, 0)
            if move.twin is not None:
                asking.start_soon(ask, move.twin - move.at)
        return min(answers, key=lambda each: "refused" in each)

    async def _call_once(self, move: PlannedSaga, verb: str, *, turn: int = 0, **given: Any) -> Answer:
        if verb == "journey":
            given = {**self._of, **given}
        answer = await self._chaos.call_any_host(move.at + turn, verb, **given)
        if refused := answer.get("refused"):
            self._chaos.figures.refused[f"{verb}: {refused['code']}"] += 1
            if refused["code"] not in _EXPECTED[verb]:
                self._chaos.figures.surprises.append(f"{self._script.name}: {verb} answered {refused}")
        return answer


_EXPECTED: Final = {
    "provision": {"provision_failed"},
    "restore": {"provision_failed"},
    # What stopped goes on when it is called again: also a saga that so many processes died of that it was given up.
    # At that moment the schedule of health may be checking its quality again.
    "teardown": {"cancelled", "saga_stranded", "quality_checks_pending"},
    "cancel": {"nothing_running", "teardown_in_progress"},
    "unprotect": set[str](),
    "journey": set[str](),
    "add_client": set[str](),
}
