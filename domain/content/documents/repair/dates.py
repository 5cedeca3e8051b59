"""Orders of dates: whether a column writes the day or the month first, decided over all of its values."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from domain.content.documents.blocks import RecordBatch
from domain.content.documents.kinds import Reads
from domain.content.documents.repair.records import InvalidRecordError, parse_members
from domain.content.documents.repair.timestamps import parse_numeric_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from domain.content.documents.kinds import NamePlan, RecordKind
    from domain.content.documents.repair.timestamps import DateOrder, DateOrders


def decide_date_orders(
    kind: RecordKind, batches: Iterable[Sequence[bytes]], plan_names: Callable[[Sequence[str]], NamePlan]
) -> DateOrders:
    """Decide the orders over all records: a number above 12 can only be a day."""
    instants = [each.name for each in kind.fields if each.reads is Reads.INSTANT]
    proven: defaultdict[str, set[DateOrder]] = defaultdict(set)
    for batch in batches:
        # A batch that fits its kind has no numeric dates.
        if isinstance(batch, RecordBatch) and batch.decode_records(kind) is not None:
            continue
        for line in batch:
            try:
                members = parse_members(line)
            except InvalidRecordError:
                continue
            given = plan_names(tuple(members)).collect_fields(members)
            for name in instants:
                date = parse_numeric_date(given[name].value) if name in given else None
                if date and date.order:
                    proven[name].add(date.order)
    return {name: orders.pop() for name, orders in proven.items() if len(orders) == 1}
