"""Users of a datasource, whom the permissions of its documents may name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from server.sandbox.indexing_api.shapes import User


def upsert_users(
    connection: sqlite3.Connection, datasource: int, upload: int | None, users: Iterable[User]
) -> int:
    """Add or replace users; return how many."""
    return connection.executemany(
        "INSERT INTO identity (datasource_row, email, user_id, name, active, bulk_row) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (datasource_row, email) DO UPDATE SET user_id = excluded.user_id, name = excluded.name,"
        " active = excluded.active, bulk_row = excluded.bulk_row",
        (
            (
                datasource,
                each.email.casefold(),
                None if each.user_id is UNSET else each.user_id,
                each.name,
                each.is_active is not False,
                upload,
            )
            for each in users
        ),
    ).rowcount


def delete_users_of_other_uploads(connection: sqlite3.Connection, datasource: int, upload: int) -> None:
    """Delete every user that this upload did not bring."""
    connection.execute(
        "DELETE FROM identity WHERE datasource_row = ? AND bulk_row IS NOT ?", (datasource, upload)
    )


def delete_user_by_email(connection: sqlite3.Connection, datasource: int, email: str) -> None:
    """Delete the user of this e-mail address; do nothing when there is none."""
    connection.execute(
        "DELETE FROM identity WHERE datasource_row = ? AND email = ?", (datasource, email.casefold())
    )


def load_user_keys(connection: sqlite3.Connection, datasource: int) -> tuple[set[str], set[str]]:
    """Load the users' e-mail addresses, case-folded, and the ids that the datasource gave them."""
    rows = connection.execute(
        "SELECT email, user_id FROM identity WHERE datasource_row = ?", (datasource,)
    ).fetchall()
    return {row["email"] for row in rows}, {row["user_id"] for row in rows if row["user_id"]}


def count_users(connection: sqlite3.Connection, datasource: int) -> int:
    """The number of users of a datasource."""
    (number,) = connection.execute(
        "SELECT count(*) FROM identity WHERE datasource_row = ?", (datasource,)
    ).fetchone()
    return int(number)
