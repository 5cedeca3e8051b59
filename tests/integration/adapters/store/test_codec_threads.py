"""Rows are understood in several threads from the first one on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
FIRST_READS = """
import sys, threading
from domain.model.dataset import Dataset
from server.adapters.store.codec import decode_document, encode_document
from tests.support.entities import dataset

sys.setswitchinterval(1e-6)
document, together = encode_document(dataset()), threading.Barrier(6)

def read():
    together.wait()
    assert decode_document(document, Dataset) == dataset()

threads = [threading.Thread(target=read) for _ in range(6)]
for each in threads: each.start()
for each in threads: each.join()
"""


@pytest.mark.parametrize(
    "process", [0, 1, *(pytest.param(each, marks=pytest.mark.exhaustive) for each in range(2, 20))]
)
def test_the_first_rows_of_a_process_can_be_read_in_several_threads_at_once(process: int) -> None:
    ended = subprocess.run([sys.executable, "-c", FIRST_READS], cwd=ROOT, check=False, capture_output=True)
    assert (ended.returncode, ended.stderr) == (0, b"")
