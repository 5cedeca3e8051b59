"""What a process of the matrix is told, as JSON on one line."""

from __future__ import annotations

import msgspec


class ProcessOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Be one process of `scene` on the data folder, with these settings, until the work of the verb is done.

    It may be told to die at a moment of a step of a saga, or of the so-manieth `request` that changes Glean.
    `prepare` what was before, `act` the scene, `finish` what a dead process left, or stay `idle` and wait for that.
    """

    number: int
    verb: str
    scene: str
    folder: str
    environ: dict[str, str]
    config: str = ""
    kind: str = ""
    step: str = ""
    request: int = 0
    moment: str = ""


class ProcessReport(msgspec.Struct, frozen=True, kw_only=True):
    """The process of order `number` was begun as `pid`, or has ended with `status` (-9: killed)."""

    number: int
    pid: int
    status: int | None = None
