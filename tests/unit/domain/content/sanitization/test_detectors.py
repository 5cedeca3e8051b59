"""Detectors: what counts as a number, an address or a secret, and what only looks like one."""

from __future__ import annotations

import time
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.content.sanitization.detectors import Kind, find_patterns, is_national_id

FOUND: Final = {
    Kind.EMAIL: [
        "a@b.eu",
        "first.last+tag@sub.domain.co.uk",
        "o'neil@acme.com",
        "müller@acme.com",
        "'a@b.eu'",
        "x_y-z@acme.io",
    ],
    Kind.PHONE: [
        "+1 415 867 5309",
        "+14158675309",
        "(415) 867-5309",
        "415-867-5309",
        "415.867.5309",
        "1-415-867-5309",
        "+44 20 7123 4567",
        "020 7123 4567",
        "07912345678",
        "+49 (0)30 1234567",
        "030/1234567",
        "06 12 34 56 78",
        "tel 0612345678",
        "+33612345678",
        "0033 6 12 34 56 78",
        "tel: 4158675309",
        '"phone": 4158675309',
        "call me at 415 867 5309",
        "phone 415 867 5309",
        "phone 051 454 101",
        "+91 98765 43210",
        "+353 1 234 5678",
        "tel 0049301234567",
    ],
    Kind.CARD: [
        "4539148803436467",
        "4539 1488 0343 6467",
        "4539-1488-0343-6467",
        "3714 496353 98431",
        "5425233430109903",
        "2221000000000009",
        "card 4222222222222",
        "6212 3456 7890 0000 003",
    ],
    Kind.IBAN: [
        "DE89370400440532013000",
        "GB82 WEST 1234 5698 7654 32",
        "fr1420041010050500013m02606",
        "MT84MALT011000012345MTLCAST001S",
    ],
    Kind.NATIONAL_ID: [
        "536-90-4399",
        "SSN 536904399",
        "AB123456C",
        "AB 12 34 56 C",
        "86 095 742 719",
        "IdNr 86095742719",
        "1 84 12 76 451 089 46",
        "BSN 111222333",
        "1112.22.333",
        "12345678Z",
        "X1234567L",
        "RSSMRA85M01H501Q",
        "85.07.30-033.28",
        "756.9217.0769.85",
        "390.533.447-05",
        "PESEL 44051401359",
        "SIN 123-456-782",
        "personnummer 811218-9876",
    ],
    Kind.IP_ADDRESS: [
        "10.1.2.3",
        "8.8.8.8",
        "192.168.0.1/24",
        "2a02:26f0:d8::1",
        "fe80::1ff:fe23:4567:890a",
        "172.16.0.9:443",
    ],
    Kind.MAC_ADDRESS: ["3c:22:fb:01:02:03", "3C-22-FB-01-02-03", "3c22.fb01.0203"],
    Kind.SECRET: [
        "password=hunter22",
        "pwd: s3cr3t!x",
        "api_key = 'abc123def456'",
        "Bearer abcdef123456789",
        "token is abc123xyz9",
        "AKIAIOSFODNN7ABCDEFG",
        "ghp_" + "a1" * 18,
        "xoxb-1234567890-abc",
        "AIza" + "a" * 35,
        "sk_live_" + "a1" * 12,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n",
        "secret: abc123.",
        "hf_" + "a" * 34,
        "SG." + "a" * 22 + "." + "b" * 43,
        "https://x:pw@a.example.com",
    ],
    Kind.URL_IDENTITY: [
        "https://a.example.com/~zorro",
        "https://a.example.com/users/zorro",
        "https://a.example.com/?author=zorro",
    ],
    Kind.ACCOUNT: ["<@U012AB3CD>", "[~zorro]", "[~accountid:5b10ac8d]", 'ri:account-id="5b10ac8d"'],
    Kind.EMBEDDED_FILE: ["<img src='data:image/png;base64,iVBORw0KGgo='/>"],
}
CASES: Final = [(kind, text) for kind, texts in FOUND.items() for text in texts]


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_what_is_meant_is_found(kind: str, text: str) -> None:
    for whole in (text, f"see {text} for it", f"({text})", f"a,{text};b"):
        assert kind in {each.kind for each in find_patterns(whole)}, whole


@pytest.mark.parametrize(
    "text",
    [
        # digits that are something else
        "4345955198",
        "1767225600",
        "1767225600000",
        "1767225600.000001",
        "p1767225600000001",
        "build 20260812.4158675309",
        "INC-20260812-09",
        "PAY-4158675309",
        "#issuecomment-4345955198",
        "id_4539148803436467",
        "4539148803436467x",
        "550e8400-e29b-41d4-a716-446655440000",
        "12345678-1234-4234-8234-123456789012",
        "9fceb02d0ae598e95dc970b74767f19372d61af8",
        "2026-08-12",
        "2026-08-12 10:15:00.123456",
        "2026-08-12T10:15:00+02:00",
        "12.08.2026",
        "01.02.2026 100",
        "08/12/2026",
        "20260812101500",
        "20260812T101500Z",
        "20260812Z",
        "v1.2.3.4",
        "version 1.2.3.4",
        "pkg==1.2.3.4",
        "1.2.3.4.5",
        "1.2.3",
        "999.1.2.3",
        "127.0.0.1",
        "255.255.255.255",
        "0.0.0.0",  # noqa: S104 - a text
        "224.0.0.1",
        # check digits that do not fit
        "4539148803436468",
        "4539 1488 0343 6468",
        "DE89370400440532013001",
        "XX89370400440532013000",
        "DE8937040044053201300",
        "DE89370400440532013000123",
        "GB123456C",
        "86 095 742 718",
        "12345678A",
        "RSSMRA85M01H501A",
        "000-12-3456",
        "111222333",
        "9999 9999 9999 9999",
        "4222222222222",
        # phones of nobody
        "+1 115 867 5309",
        "+999 123 456 789",
        "415 867 5309",
        "051 454 101",
        "0012345678",
        "commit 0612345678",
        "test 0792854055",
        "0049301234567",
        "+12345",
        "123-456-7890",
        "00 123",
        "1,234,567",
        "100-200-3000",
        "0.123456789012",
        # addresses of nothing
        "a@b",
        "@angular/core",
        "logo@2x.png",
        "git@github.com:acme/x.git",
        "std::vector<int>",
        "10:15:30",
        "a::b",
        "dead::beef",
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "aa:bb:cc:dd:ee:ff:00",
        "::1",
        "ff02::1",
        # secrets that are none
        "password: required",
        "the password is wrong",
        "token: none",
        "secret=true",
        "api_key=$API_KEY",
        "password=****",
        "Bearer authentication required",
        "basic understanding",
        "token: see the vault",
        "the key: value",
        "eyJ",
        # paths of nobody
        "https://a.example.com/users/me",
        "https://a.example.com/users/42",
        "/users/zorro",
        "https://a.example.com/usersettings/x",
        "data:text/plain,hello",
        "<@here>",
        "[~]",
        "",
    ],
)
def test_what_only_looks_like_it_is_not(text: str) -> None:
    for whole in (text, f"see {text} for it", f"({text})"):
        assert [*find_patterns(whole)] == [], whole


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example.com/pages/4539148803436467",
        "https://a.example.com/x?id=0612345678&n=536-90-4399",
        "{{site:jira_issues}}/browse/4539148803436467",
        "<a href='/x/4539148803436467'>",
        '<a href="/call/0612345678">',
    ],
)
def test_digits_in_an_address_are_an_id(text: str) -> None:
    assert [each.kind for each in find_patterns(f"at {text} and")] == []


def test_a_phone_behind_its_scheme_is_a_phone() -> None:
    assert {each.kind for each in find_patterns('<a href="tel:+442071234567">')} == {Kind.PHONE}


def test_a_secret_ends_where_its_sentence_does() -> None:
    text = "the secret: abc123."
    assert [text[each.start : each.end] for each in find_patterns(text)] == ["abc123"]


def test_two_addresses_beside_each_other_are_two() -> None:
    text = "a@b.eu,c@d.eu@x a@"
    assert [text[each.start : each.end] for each in find_patterns(text)][:2] == ["a@b.eu", "c@d.eu"]


def test_a_national_id_is_valid_in_its_own_notation() -> None:
    assert is_national_id("536-90-4399")
    assert not is_national_id("000-90-4399")
    assert not is_national_id("x")


@given(st.text(alphabet="0123456789 .-/()+:@ABDEabcdef=_#,\n~<>", max_size=60))
def test_no_text_breaks_a_detector(text: str) -> None:
    for found in find_patterns(text):
        assert 0 <= found.start < found.end <= len(text)


@pytest.mark.parametrize(
    "part",
    [
        "1 ",
        "a@",
        "0-",
        "+1",
        "DE",
        "::",
        "1.",
        "password=",
        "://",
        "/~",
        "<@U",
        "-----BEGIN",
        "eyJ",
        "A",
        "4111 ",
    ],
)
def test_time_grows_with_the_text_and_not_with_its_square(part: str) -> None:
    def seconds(size: int) -> float:
        text = part * (size // len(part))
        began = time.process_time()
        list(find_patterns(text))
        return time.process_time() - began

    # What is quadratic would take 256 times as long as of a sixteenth of the text. Most is not worth comparing.
    long = seconds(64_000)
    assert long < 0.1 or min(long, seconds(64_000)) < 80 * seconds(4_000)
