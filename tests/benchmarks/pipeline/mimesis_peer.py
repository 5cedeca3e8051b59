"""Records of mimesis with the fields of ours and texts as long: `python mimesis_peer.py TYPE COUNT CHARACTERS`.

It prints the CPU seconds that they took, and their bytes. Its sentences come from a list.
"""

import json
import sys
import time

from mimesis import Generic
from mimesis.locales import Locale


def main(dataset_type: str, count: int, characters: int) -> None:
    """Make that many records, with texts of about so many characters."""
    generic = Generic(Locale.EN, seed=1)
    text, person, moment, pick = generic.text, generic.person, generic.datetime, generic.random.choice
    each = sum(len(text.sentence()) + 1 for _ in range(500)) / 500
    sentences = max(1, round(characters / each))

    def stamp() -> str:
        return str(moment.datetime(start=2025, end=2026).isoformat())

    def make(number: int) -> dict[str, object]:
        if dataset_type == "confluence_pages":
            return {
                "page_id": str(4_200_000 + number),
                "title": text.title(),
                "body": f"<p>{text.text(quantity=sentences)}</p>",
                "space_key": pick(["SET", "CRD", "RSK"]),
                "author_email": person.email(),
                "author_name": person.full_name(),
                "created": stamp(),
                "last_modified": stamp(),
                "labels": [text.word(), text.word()],
                "parent_id": str(4_200_000 + number // 4),
            }
        if dataset_type == "github_repos":
            return {
                "name": f"{text.word()}-{text.word()}-{number}",
                "owner": "mock-org",
                "description": text.sentence(),
                "language": generic.development.programming_language(),
                "stars": generic.numeric.integer_number(0, 90),
                "issues": generic.numeric.integer_number(0, 40),
                "readme": text.text(quantity=sentences),
                "updated_at": stamp(),
                "maintainer_email": person.email(),
                "topics": [text.word(), text.word()],
            }
        if dataset_type == "slack_messages":
            return {
                "message_id": f"p{1_700_000_000 + number}000001",
                "text": text.text(quantity=sentences),
                "channel": text.word(),
                "author": person.email(),
                "author_name": person.full_name(),
                "timestamp": stamp(),
                "thread": f"p{1_700_000_000 + number // 4}000001",
            }
        return {
            "key": f"SET-{number}",
            "summary": text.title(),
            "description": text.text(quantity=sentences),
            "status": pick(["To Do", "In Progress", "Done"]),
            "assignee": person.email(),
            "reporter": person.email(),
            "priority": pick(["High", "Medium", "Low"]),
            "issue_type": pick(["Task", "Bug", "Story"]),
            "created": stamp(),
            "updated": stamp(),
            "labels": [text.word(), text.word()],
            "references": [f"SET-{number // 4}"],
        }

    began = time.process_time()
    size = sum(len(json.dumps(make(number))) for number in range(count))
    sys.stdout.write(f"{time.process_time() - began} {size}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
