"""`audit` on the command line: what is on record, whether it was changed, and what it tells."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.servers.command_line import CommandLine


def tamper(commands: CommandLine, *statements: str) -> None:
    with closing(sqlite3.connect(store_of(commands))) as db, db:
        for (trigger,) in db.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            db.execute(f"drop trigger {trigger}")
        for each in statements:
            db.execute(each)


def store_of(commands: CommandLine) -> Path:
    return commands.folder / "store.db"


@pytest.fixture
def audited_folder(command_line: CommandLine) -> CommandLine:
    """With a client and a journey, and so at least two entries."""
    return command_line.add_client_and_journey()


def export(commands: CommandLine, name: str = "kept.jsonl") -> tuple[Path, str]:
    made = commands.run_json("audit", "export", "--to", name)
    return Path(name), f"{made['head']['position']}:{made['head']['hash']}"


def test_an_untouched_log_verifies_and_says_what_proves_its_end(audited_folder: CommandLine) -> None:
    shown = audited_folder.run_ok("audit", "verify")
    assert "sealed entries are unchanged" in shown
    assert "not sealed yet  0" in shown
    assert "never: nothing outside of this store proves where the chain ends" in shown

    path, head = export(audited_folder)
    for kept in (head, str(path)):
        shown = audited_folder.run_ok("audit", "verify", "--head", kept)
        assert f"the head that you gave, position {head.partition(':')[0]}" in shown
        assert f"last exported   position {head.partition(':')[0]}, 20" in shown
    assert audited_folder.run_json("audit", "verify", "--head", head)["intact"] is True


def test_a_changed_entry_is_named_and_fails(audited_folder: CommandLine) -> None:
    audited_folder.run_ok("audit", "verify")
    tamper(audited_folder, "update audit set document = replace(document, 'ACME', 'acme') where seq = 1")
    done = audited_folder.run("audit", "verify")
    assert done.exit_code == 1
    assert (
        "BROKEN (edited) after 0 unchanged entries. Entry 1, sealed at position 1, was changed after it was sealed."
        in (done.stdout)
    )
    found = audited_folder.run_json("audit", "verify", code=1)
    assert found["intact"] is False
    assert found["broken"] == {
        "flaw": "edited",
        "position": 1,
        "seq": 1,
        "what": "Entry 1, sealed at position 1, was changed after it was sealed.",
    }
    refused = audited_folder.run_json("audit", "export", "--to", "kept.jsonl", code=1)
    assert refused["error"]["code"] == "store_failed"
    assert not list(Path().glob("*kept*"))


def test_a_cut_log_is_found_by_the_head_that_was_kept(audited_folder: CommandLine) -> None:
    _, head = export(audited_folder)
    tamper(audited_folder, "delete from audit_chain where position > 1", "delete from audit where seq > 1")
    assert audited_folder.run_json("audit", "verify", "--head", head, code=1)["broken"]["flaw"] in {
        "truncated",
        "rewritten",
    }


def test_an_export_verifies_by_itself_and_against_a_head(audited_folder: CommandLine) -> None:
    path, head = export(audited_folder)
    assert "are unchanged" in audited_folder.run_ok("audit", "verify", "--file", str(path))
    assert audited_folder.run_json("audit", "verify", "--file", str(path), "--head", head)["intact"] is True
    lines = path.read_text().splitlines(keepends=True)

    changed = Path("changed.jsonl")
    changed.write_text("".join([lines[0].replace("ACME", "acme"), *lines[1:]]))
    assert (
        audited_folder.run_json("audit", "verify", "--file", "changed.jsonl", code=1)["broken"]["flaw"]
        == "edited"
    )

    changed.write_text("".join(lines[1:]))
    assert (
        audited_folder.run_json("audit", "verify", "--file", "changed.jsonl", code=1)["broken"]["flaw"]
        == "link_missing"
    )

    changed.write_text("".join([*lines[:-2], lines[-1]]))
    assert (
        audited_folder.run_json("audit", "verify", "--file", "changed.jsonl", code=1)["broken"]["flaw"]
        == "truncated"
    )

    other = f"1:{'0' * 64}"
    found = audited_folder.run_json("audit", "verify", "--file", str(path), "--head", other, code=1)
    assert found["broken"]["flaw"] == "rewritten"


def test_an_export_goes_to_stdout_line_by_line_with_its_head_in_the_last(audited_folder: CommandLine) -> None:
    done = audited_folder.run("audit", "export")
    assert done.exit_code == 0
    *entries, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["position"] for each in entries] == list(range(1, len(entries) + 1))
    assert entries[0]["entry"]["verb"] == "clients add"
    assert last["head"]["position"] == len(entries)
    assert last["head"]["hash"] == entries[-1]["hash"]
    assert "Keep this head where nobody who can change this store can change it" in done.stderr


def test_a_long_export_is_read_back_in_pages(audited_folder: CommandLine) -> None:
    with closing(sqlite3.connect(store_of(audited_folder))) as db, db:
        db.executemany("insert into audit (document) values (?)", [(f'{{"n":{n}}}',) for n in range(2100)])
    path, _ = export(audited_folder)
    assert audited_folder.run_json("audit", "verify", "--file", str(path))["head"]["position"] > 2100


@pytest.mark.parametrize(
    ("arguments", "field", "content"),
    [
        (("verify", "--head", "12:abc"), "head", None),
        (("verify", "--head", "file.jsonl"), "head", "no head\n"),
        (("verify", "--file", "file.jsonl"), "file", None),
        (("verify", "--file", "file.jsonl"), "file", ""),
        (("verify", "--file", "file.jsonl"), "file", '{"x":1}\n{"head":{"position":1,"hash":"00"}}\n'),
        (("export", "--to", "file.jsonl"), "to", "there already"),
        (("export", "--to", "no/such/folder/file.jsonl"), "to", None),
    ],
)
def test_a_file_or_head_that_will_not_do_is_named(
    audited_folder: CommandLine, arguments: tuple[str, ...], field: str, content: str | None
) -> None:
    if content is not None:
        Path("file.jsonl").write_text(content)
    error = audited_folder.run_json("audit", *arguments, code=3)["error"]
    assert (error["code"], error["field"]) == ("invalid_argument", field)


def test_the_list_is_newest_first_and_narrowed_by_what_entries_say(audited_folder: CommandLine) -> None:
    audited_folder.run_json("datasets", "show", "never-was", code=3)
    items: list[dict[str, Any]] = audited_folder.run_json("audit", "list")["items"]
    assert [each["seq"] for each in items] == sorted((each["seq"] for each in items), reverse=True)
    assert {each["position"] for each in items[1:]} >= {1, 2}
    refused = audited_folder.run_json("audit", "list", "--decision", "refused", "--limit", "1")["items"]
    assert [each["entry"]["error"]["code"] for each in refused] == ["unknown_dataset"]
    assert (
        audited_folder.run_json("audit", "list", "--client-id", "ACME", "--principal", "nobody")["count"] == 0
    )
    assert "There is no such entry." in audited_folder.run_ok("audit", "list", "--dataset-id", "other")
    shown = audited_folder.run_ok("audit", "list")
    assert "clients add" in shown
    assert "unknown_dataset" in shown


def test_an_entry_that_cannot_be_understood_is_listed_as_such(audited_folder: CommandLine) -> None:
    with closing(sqlite3.connect(store_of(audited_folder))) as db, db:
        db.execute("insert into audit (document) values ('{}')")
        agent = '{"at":"2026-01-01T00:00:00Z","principal":"kim","act":"agent:planner"}'
        db.execute("insert into audit (document) values (?)", [agent])
    shown = audited_folder.run_ok("audit", "list")
    assert "cannot be understood" in shown
    assert "agent:planner for kim" in shown
    assert [each for each in audited_folder.run_json("audit", "list")["items"] if "entry" not in each]


def test_the_life_of_a_dataset_is_told_from_its_beginning_to_its_archive(audited_folder: CommandLine) -> None:
    dataset_id = audited_folder.provision_dataset()
    gone = ("teardown", "--dataset-id", dataset_id, "--reason")
    assert audited_folder.run(*gone, "stage_completed").exit_code == 3
    audited_folder.run_ok("journeys", "set-state", "j1", "completed")
    audited_folder.run_ok(*gone, "journey_completed")

    chapters = audited_folder.run_json("audit", "explain", dataset_id)["chapters"]
    shown = audited_folder.run_ok("audit", "explain", dataset_id)
    told_all = " ".join(each["sentence"] for each in chapters)
    for part in (
        "Provisioning of ACME-Sandbox-Slack began for the journey j1 at sandbox.",
        "It is ready: 20 records",
        "for the reason stage_completed: refused (journey_active).",
        "It was taken down for the reason journey_completed",
    ):
        assert part in told_all
        assert part in shown
    assert "reason_not_true: The reason stage_completed does not hold" in shown
    assert "archived path: " in shown
    assert [each["at"] for each in chapters] == sorted(each["at"] for each in chapters)


def test_what_never_was_has_no_life(audited_folder: CommandLine) -> None:
    for _ in range(2):
        assert (
            audited_folder.run_json("audit", "explain", "never-was", code=3)["error"]["code"]
            == "unknown_dataset"
        )


def test_a_dataset_with_nothing_on_record_says_so_and_what_was_done_often_is_told_once(
    audited_folder: CommandLine,
) -> None:
    dataset_id = audited_folder.provision_dataset()
    event = json.dumps({"at": "2026-01-01T00:00:00Z", "event": "dataset:sung_to", "dataset_id": dataset_id})
    with closing(sqlite3.connect(store_of(audited_folder))) as db, db:
        db.executemany("insert into audit (document) values (?)", [(event,)] * 3)
    assert "dataset:sung_to happened. (3 times, until 2026-01-01T00:00:00Z)" in audited_folder.run_ok(
        "audit", "explain", dataset_id
    )
    tamper(audited_folder, "delete from audit")
    assert f"The audit log has nothing about {dataset_id}." in audited_folder.run_ok(
        "audit", "explain", dataset_id
    )
