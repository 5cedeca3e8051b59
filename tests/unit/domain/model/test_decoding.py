"""Types with fields are decoded and converted to from any thread."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import msgspec
import pytest

from domain.model import build_decoder, convert_plain, decode_json

# The annotation of a nested type is evaluated while its owner is built, and here another thread meets the owner then.
TWO_THREADS = """
from __future__ import annotations
import threading, msgspec
from domain.model import {name}

met = threading.Event()

def meet():
    met.set()
    {call}

def late():
    other = threading.Thread(target=meet)
    other.start()
    met.wait()
    other.join(0.3)
    others.append(other)
    return int

others = []

class Inner(msgspec.Struct):
    number: late()

class Outer(msgspec.Struct):
    first: Inner
    second: Inner

{call}
others[0].join()
"""


@dataclass
class Pair:
    left: int
    right: str = "-"


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("convert_plain", "convert_plain({'first': {'number': 1}, 'second': {'number': 2}}, Outer)"),
        ("decode_json", 'decode_json(b\'{"first":{"number":1},"second":{"number":2}}\', Outer)'),
        ("build_decoder", 'build_decoder(Outer).decode(b\'{"first":{"number":1},"second":{"number":2}}\')'),
    ],
)
def test_a_type_that_two_threads_meet_at_once_is_whole_for_both(name: str, call: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", TWO_THREADS.format(name=name, call=call)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_value_is_converted_or_refused() -> None:
    assert convert_plain({"left": 1}, Pair) == Pair(1)
    with pytest.raises(msgspec.ValidationError, match=r"Expected `int`, got `str` - at `\$.left`"):
        convert_plain({"left": "1"}, Pair)


def test_json_is_decoded_or_refused() -> None:
    assert decode_json('{"left":1,"right":"b"}', Pair) == Pair(1, "b")
    assert build_decoder(list[Pair]).decode(b'[{"left":2}]') == [Pair(2)]
    with pytest.raises(msgspec.DecodeError):
        decode_json("{", Pair)
