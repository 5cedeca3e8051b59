"""Pseudonyms: the same for the same, never shared, like what they replace, and in reserved ranges."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn

from domain.content.generation.phrases.words import FAMILY_NAMES, GIVEN_NAMES
from domain.content.sanitization import SHORTEST_KEY, LeakChecker, People, Person, Sanitizer
from domain.content.sanitization import pseudonyms as module
from domain.content.sanitization.detectors import Kind, find_patterns, is_national_id
from domain.content.sanitization.people import Form
from domain.content.sanitization.pools import (
    ALL_TEST_CARDS,
    FAMILY_POOL,
    GIVEN_POOL,
    ORDINARY_WORDS,
    POOL_SIZE,
    is_reserved_domain,
)
from domain.content.sanitization.pseudonyms import Minter, is_pseudonym
from domain.errors import SettingsError

MINTER = Minter(b"of this installation")


def crowd(size: int) -> People:
    return People(tuple(Person(emails=(f"p{number}@acme.com",)) for number in range(size)), {}, {}, {})


def test_the_pools_have_no_name_twice_and_none_that_is_a_word_or_a_name_elsewhere() -> None:
    assert len(set(GIVEN_POOL)) * len(set(FAMILY_POOL)) == POOL_SIZE == 1024 * 1024
    assert not set(GIVEN_POOL) & set(FAMILY_POOL)
    taken = {*GIVEN_NAMES, *FAMILY_NAMES, *map(str.title, ORDINARY_WORDS)}
    assert not taken.intersection(GIVEN_POOL, FAMILY_POOL)
    assert all(each.isascii() and each.isalpha() and each.istitle() for each in GIVEN_POOL + FAMILY_POOL)


@pytest.mark.parametrize("size", [0, 15])
def test_a_short_key_is_refused(size: int) -> None:
    for use in (lambda: Sanitizer(crowd(0), b"k" * size), lambda: LeakChecker(b"k" * size)):
        with pytest.raises(SettingsError, match="16 or more") as refused:
            use()
        assert refused.value.field == "sanitization.key"
    Minter(b"k" * SHORTEST_KEY)


def test_no_two_people_share_anything_of_a_pseudonym() -> None:
    dealt = MINTER.deal_pseudonyms(crowd(3000))
    for part in ("name", "handle", "email", "account"):
        assert len({getattr(each, part) for each in dealt}) == 3000


def test_past_the_size_of_the_pool_a_number_tells_people_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GIVEN_POOL", GIVEN_POOL[:3])
    monkeypatch.setattr(module, "FAMILY_POOL", FAMILY_POOL[:4])
    dealt = MINTER.deal_pseudonyms(crowd(40))
    assert len({each.name for each in dealt}) == len({each.account for each in dealt}) == 40
    assert sorted({re.sub(r"\D", "", each.family) for each in dealt}) == ["", "2", "3", "4"]
    assert all(is_pseudonym(each.name) and is_pseudonym(each.handle) for each in dealt)


def test_a_pseudonym_stays_when_the_export_grows() -> None:
    few, many = (MINTER.deal_pseudonyms(crowd(size)) for size in (200, 400))
    assert few == many[:200]


def test_another_key_gives_other_pseudonyms() -> None:
    other = Minter(b"of another installation").deal_pseudonyms(crowd(50))
    assert not {each.name for each in other} & {each.name for each in MINTER.deal_pseudonyms(crowd(50))}


def test_no_pseudonym_has_a_part_of_a_real_name() -> None:
    real = Person(emails=("x@acme.com",), names=(f"{GIVEN_POOL[0]} {FAMILY_POOL[1]}",))
    everybody = People((real, *crowd(3000).persons), {}, {}, {})
    dealt = MINTER.deal_pseudonyms(everybody)
    assert not {GIVEN_POOL[0], FAMILY_POOL[1]} & {
        part for each in dealt for part in (each.given, each.family)
    }


def test_a_stranger_is_none_of_those_who_were_dealt() -> None:
    stranger = MINTER.stranger("somebody@acme.com")
    assert stranger == MINTER.stranger("somebody@acme.com") != MINTER.stranger("other@acme.com")
    assert re.fullmatch(r"[A-Za-z]+\d{7}", stranger.family)
    assert is_pseudonym(stranger.name)
    assert MINTER.is_account(stranger.account)


def test_an_account_id_is_known_by_its_tag() -> None:
    account = MINTER.account(77)
    assert MINTER.is_account(account)
    assert not Minter(b"of another installation").is_account(account)
    assert not MINTER.is_account(account[:-1] + ("A" if account[-1] != "A" else "B"))
    assert not MINTER.is_account("U012AB3CD")
    assert len({MINTER.account(number) for number in (0, 1, 32**5 - 1, 32**5, 32**6)}) == 5


def test_a_token_is_known_by_its_tag_and_as_long_as_the_real_one() -> None:
    token = MINTER.token(Kind.SECRET, "a" * 40, 40)
    assert len(token) == 40
    assert MINTER.has_token(f"ghp_{token}")
    assert not Minter(b"of another installation").has_token(token)
    assert not MINTER.has_token("EXAMPLEPASSWORD")
    assert len(MINTER.token(Kind.SECRET, "short", 5)) == 16
    assert MINTER.token(Kind.SECRET, f"{'a' * 20}.{'b' * 19}", 40)[20] == "."
    assert len(MINTER.token(Kind.SECRET, "x" * 200, 200)) == 200


@pytest.mark.parametrize(
    ("real", "made"),
    [
        ("(415) 867-5309", r"\(\d03\) 555-01\d\d|\(\d0\d\) 555-01\d\d"),
        ("415-867-5309", r"\d0\d-555-01\d\d"),
        ("+1 415 867 5309", r"\+1 \d0\d 555 01\d\d"),
        ("1-415-867-5309", r"1-\d0\d-555-01\d\d"),
        ("020 8946 1958", r"020 7946 0\d{3}"),
        ("+44 20 8946 1958", r"\+44 20 7946 0\d{3}"),
        ("07911 123456", r"07700 900\d{3}"),
        ("+44 7911 123456", r"\+44 7700 900\d{3}"),
        ("0044 7911 123456", r"0044 7700 900\d{3}"),
        ("06 12 34 56 78", r"06 39 98 \d\d \d\d"),
        ("+33 6 12 34 56 78", r"\+33 6 39 98 \d\d \d\d"),
        ("+49 30 1234567", r"\+49302312\d{4}|\+493023125\d{3}"),
        ("030/1234567", r"\+493023125\d{3}"),
        ("+81 3 1234 5678", r"\+447700900\d{3}"),
        ("+1 (415) 867-5309", r"\+1 \(\d0\d\) 555-01\d\d"),
        ("8675309", r"\+1 \d{3}-555-01\d\d"),
    ],
)
def test_a_phone_becomes_one_of_drama_in_its_own_notation(real: str, made: str) -> None:
    found = MINTER.phone(real)
    assert re.fullmatch(made, found), found
    assert module.is_reserved_phone(found)
    assert MINTER.phone(real) == found


@pytest.mark.parametrize(
    "real",
    [
        "4539 1488 0343 6467", "5425233430109903", "2221-0000-0000-0009", "3714 496353 98431", "6011000990139425",
        "3528000000000007", "30569309025905", "38520000023238", "6212345678900000003", "346834161481343",
    ],
)  # fmt: skip
def test_a_card_becomes_a_test_number_of_its_scheme(real: str) -> None:
    made = MINTER.card(real)
    digits = re.sub(r"\D", "", made)
    assert digits in ALL_TEST_CARDS
    assert luhn.is_valid(digits)
    assert digits[0] == real[0]
    if len(digits) == sum(map(str.isdigit, real)):
        assert re.sub(r"\d", "0", made) == re.sub(r"\d", "0", real)


def test_an_iban_becomes_one_of_no_bank() -> None:
    assert re.fullmatch(
        r"DE00 \d{4} \d{4} \d{4} \d{4} \d\d", MINTER.iban("DE89 3704 0044 0532 0130 00") or ""
    )
    assert re.fullmatch(r"GB00[A-Z]{4}\d{14}", MINTER.iban("GB82WEST12345698765432") or "")
    assert MINTER.iban("DE00 3704 0044 0532 0130 00") is None


@given(st.ip_addresses())
def test_an_address_becomes_one_of_documentation(address: object) -> None:
    made = ip_address(MINTER.address(str(address)))
    assert any(
        made in ip_network(each)
        for each in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
    )
    assert module.is_reserved_address(str(made))


@pytest.mark.parametrize("real", ["3c:22:fb:01:02:03", "3C-22-FB-01-02-03", "3c22.fb01.0203"])
def test_a_mac_becomes_one_of_documentation_in_its_notation(real: str) -> None:
    made = MINTER.mac(real)
    assert re.sub(r"\w", "x", made) == re.sub(r"\w", "x", real)
    assert module.is_reserved_mac(made)
    assert not module.is_reserved_mac(real)


def test_domains_are_reserved_and_keep_who_belongs_together() -> None:
    assert MINTER.domain("acme.com") == MINTER.domain("ACME.com") != MINTER.domain("globex.com")
    assert is_reserved_domain(MINTER.domain("acme.com"))
    for domain, reserved in {
        "example.com": True,
        "a.example": True,
        "x.test": True,
        "myexample.com": False,
        "a.com": False,
    }.items():
        assert is_reserved_domain(domain) is reserved


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (f"{GIVEN_POOL[5]} {FAMILY_POOL[9]}", True),
        (f"{FAMILY_POOL[9]}12, {GIVEN_POOL[5]}", True),
        (f"{GIVEN_POOL[5]}-{FAMILY_POOL[9]}".lower(), True),
        (f"{GIVEN_POOL[5][0]}. {FAMILY_POOL[9]}", True),
        (GIVEN_POOL[5], True),
        ("Maria Lopezina", False),
        (f"{GIVEN_POOL[5]} Lopezina", False),
        ("", False),
        ("M", False),
        (f"{GIVEN_POOL[5]} {FAMILY_POOL[9]} Lopezina", False),
    ],
)
def test_a_pseudonym_is_known_by_its_pool(text: str, known: bool) -> None:
    assert is_pseudonym(text) is known


@settings(max_examples=30)
@given(
    st.sampled_from(
        ["536-90-4399", "AB 12 34 56 C", "86 095 742 719", "RSSMRA85M01H501Z", "756.9217.0769.85"]
    ),
    st.binary(min_size=16, max_size=40),
)
def test_what_has_no_reserved_range_becomes_what_no_check_accepts(real: str, key: bytes) -> None:
    minter = Minter(key)
    made = next(
        found
        for attempt in range(100)
        if not is_national_id(found := minter.characters("x", real, real, attempt))
    )
    assert re.sub(r"[A-Z]", "A", re.sub(r"\d", "0", made)) == re.sub(r"[A-Z]", "A", re.sub(r"\d", "0", real))
    assert Kind.NATIONAL_ID not in {each.kind for each in find_patterns(made)}


def test_a_pseudonym_is_rendered_in_the_case_of_what_it_replaces() -> None:
    pseudonym = MINTER.stranger("x")
    assert pseudonym.render(Form.FULL, "MARIA LOPEZINA").isupper()
    assert pseudonym.render(Form.FULL, "maria lopezina").islower()
    assert pseudonym.render(Form.ACCOUNT, "u123") == pseudonym.account
    assert pseudonym.render(Form.FULL, "Maria") == pseudonym.given
    assert pseudonym.render(Form.INITIALS, "M_Lopezina") == f"{pseudonym.given[0]}_{pseudonym.family}"
