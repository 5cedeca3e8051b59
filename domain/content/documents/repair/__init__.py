"""Repair: records that are not spelt or typed as their kind are read as far as possible, and their faults are named."""

from domain.content.documents.repair.dates import decide_date_orders
from domain.content.documents.repair.people import is_address, made_up_address
from domain.content.documents.repair.records import (
    InvalidRecordError,
    RepairedRecord,
    parse_members,
    repair_record,
)
from domain.content.documents.repair.timestamps import DateOrder, DateOrders, parse_timestamp
from domain.content.documents.repair.values import Fault

__all__ = [
    "DateOrder",
    "DateOrders",
    "Fault",
    "InvalidRecordError",
    "RepairedRecord",
    "decide_date_orders",
    "is_address",
    "made_up_address",
    "parse_members",
    "parse_timestamp",
    "repair_record",
]
