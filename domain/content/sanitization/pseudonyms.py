"""Pseudonyms: keyed, the same for the same, and within what is reserved, so that they are told from what is real.

A person's pseudonym is a place in the pool of made-up names. The places are dealt out by the keyed hash of what
identifies the person, and a taken one is passed over, so that no two people can have one; past the size of the pool the
surname has a number. What has no reserved range has a body that begins with EXAMPLE and ends in a tag of the key.
"""

from __future__ import annotations

import re
from hashlib import sha256
from hmac import digest
from ipaddress import ip_address
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

from domain.content.sanitization.normalization import fold_spelling
from domain.content.sanitization.people import Form
from domain.content.sanitization.pools import (
    ALL_TEST_CARDS,
    FAMILY_POOL,
    GIVEN_POOL,
    NO_BANK,
    POOL_SIZE,
    RESERVED_MAC,
    RESERVED_NETWORKS,
    RESERVED_PHONE,
    TEST_CARDS,
    is_reserved_domain,
)
from domain.errors import SettingsError
from domain.model import SHORTEST_KEY

if TYPE_CHECKING:
    from domain.content.sanitization.people import People, Person

_ALPHABET: Final = "ABCDEFGHJKMNPQRSTVWXYZ23456789LU"
_MARK: Final = "EXAMPLE"
_ID: Final = 5
_TAG: Final = 4
_CODE: Final = re.compile(rf"[{_ALPHABET}]{{{_ID + _TAG}}}")
_TOKEN: Final = re.compile(rf"{_MARK}([{_ALPHABET}]{{{_ID + _TAG}}})")
_FOLDED_GIVEN: Final = frozenset(map(str.lower, GIVEN_POOL))
_FOLDED_FAMILY: Final = frozenset(map(str.lower, FAMILY_POOL))
_FAMILY_NUMBER: Final = re.compile(r"\d+$")
_USER: Final = "user-"
_NANP_AREAS: Final = ("202", "303", "404", "505", "602", "701", "804", "907")
_NANP_DIGITS: Final = 11
_FRENCH: Final = re.compile(r"0\d(?:[ .-]?\d\d){4}$")
_DIGIT: Final = re.compile(r"\d")
_NOT_DIGIT: Final = re.compile(r"\D+")


class Pseudonym(NamedTuple):
    """Pseudonym of one person."""

    given: str
    family: str
    domain: str
    account: str

    @property
    def name(self) -> str:
        """The made-up full name."""
        return f"{self.given} {self.family}"

    @property
    def handle(self) -> str:
        """The made-up handle."""
        return f"{self.given}-{self.family}".lower()

    @property
    def email(self) -> str:
        """The made-up address, at a reserved domain."""
        return f"{self.given}.{self.family}@{self.domain}".lower()

    def render(self, form: Form, matched: str) -> str:
        """The pseudonym in the form, the case and with the separators of the text that it replaces."""
        text = self._render(form, matched)
        if matched.isupper() and len(matched) > 1 and form is not Form.ACCOUNT:
            return text.upper()
        return text.lower() if matched.islower() and form is not Form.ACCOUNT else text

    def _render(self, form: Form, matched: str) -> str:
        separator = next((each for each in "._-+/'" if each in matched), "")
        if form is Form.REVERSED:
            gap = ", " if "," in matched else " " if " " in matched else separator
            is_initial = len(matched.replace(".", "").split()[-1]) == 1
            return f"{self.family}{gap}{self.given[0] if is_initial else self.given}"
        if form is Form.INITIALS:
            gap = ". " if ". " in matched else "." if "." in matched else separator or " "
            return f"{self.given[0]}{gap}{self.family}"
        if form is Form.FULL and (" " in matched or "\n" in matched):
            return self.name
        alone = {Form.GIVEN: self.given, Form.FAMILY: self.family, Form.ACCOUNT: self.account}
        if form is Form.FULL and not separator:
            return self.given
        return alone.get(form) or f"{self.given}{separator or '-'}{self.family}".lower()


class Minter:
    """Minter of everything made up.

    Raises SettingsError for a key of less than 16 bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < SHORTEST_KEY:
            raise SettingsError(
                f"The key of the sanitizer has {len(key)} bytes; it must have {SHORTEST_KEY} or more.",
                field="sanitization.key",
            )
        self._key = sha256(b"dataset-lifecycle sanitizer" + key).digest()

    def hash(self, purpose: str, value: str) -> int:
        """The keyed hash of a value, of 256 bits."""
        return int.from_bytes(
            digest(self._key, f"{purpose}\0{value}".encode("utf-8", "replace"), "sha256"), "big"
        )

    def code(self, purpose: str, value: str) -> str:
        """A code of nine characters for a value, which `is_code` knows to be made with this key."""
        return self._tag(_spell_number(self.hash(purpose, value), _ID))

    def is_code(self, text: str) -> bool:
        """Whether a text is a code of this key."""
        return _CODE.fullmatch(text) is not None and self._tag(text[:_ID]) == text

    def _tag(self, identifier: str) -> str:
        return identifier + _spell_number(self.hash("tag", identifier), _TAG)

    def token(self, purpose: str, value: str, length: int = 0) -> str:
        """A made-up secret, as long as the real one where that has room for it."""
        body = _MARK + self.code(purpose, value)
        filler = _spell_number(self.hash("filler", value), 48)
        made = (body + filler * (1 + length // len(filler)))[: max(length, len(body))]
        return "".join(
            old if old == "." and at >= len(body) else new
            for old, new, at in zip(value.ljust(len(made), "-"), made, count(), strict=False)
        )

    def has_token(self, text: str) -> bool:
        """Whether a text has a made-up secret of this key in it."""
        return any(self.is_code(each) for each in _TOKEN.findall(text))

    def deal_pseudonyms(self, people: People) -> list[Pseudonym]:
        """A pseudonym for each person, in their order. No two are the same, and none has a part of a real name."""
        real = {
            part for each in people.persons for name in each.names for part in fold_spelling(name).split()
        }
        real.update(each for each in people.handles if each in _FOLDED_GIVEN or each in _FOLDED_FAMILY)
        by_hash = sorted(
            (self.hash("person", each.identity), number) for number, each in enumerate(people.persons)
        )
        given = [each for each in GIVEN_POOL if each.lower() not in real]
        family = [each for each in FAMILY_POOL if each.lower() not in real]
        size = len(given) * len(family)
        taken: set[int] = set()
        found: dict[int, Pseudonym] = {}
        for hashed, number in by_hash:
            place, turn = hashed % size, len(taken) // size * size
            while place + turn in taken:
                place = (place + 1) % size
            taken.add(place + turn)
            first, second = divmod(place, len(family))
            surname = family[second] + (str(turn // size + 1) if turn else "")
            found[number] = self._complete(people.persons[number], given[first], surname, place + turn)
        return [found[number] for number in range(len(found))]

    def stranger(self, identity: str) -> Pseudonym:
        """A pseudonym for somebody whom the harvest did not find, with a number that no dealt one has."""
        hashed = self.hash("stranger", identity)
        given, family = divmod(hashed % POOL_SIZE, len(FAMILY_POOL))
        number = 10**6 + (hashed // POOL_SIZE) % (9 * 10**6)
        domain = self.domain(identity.rpartition("@")[2])
        account = self.account((number << 20) + hashed % POOL_SIZE)
        return Pseudonym(GIVEN_POOL[given], f"{FAMILY_POOL[family]}{number}", domain, account)

    def _complete(self, person: Person, given: str, family: str, place: int) -> Pseudonym:
        mail = person.emails[0] if person.emails else ""
        return Pseudonym(given, family, self.domain(mail.partition("@")[2]), self.account(place))

    def domain(self, domain: str) -> str:
        """A reserved domain for a domain."""
        return f"{FAMILY_POOL[self.hash('domain', domain.lower()) % len(FAMILY_POOL)].lower()}.example"

    def account(self, number: int) -> str:
        """A made-up account id for a number. Different numbers have different ones."""
        return f"U{_MARK}{self._tag(_spell_number(number, max(_ID, -(-number.bit_length() // 5))))}"

    def is_account(self, text: str) -> bool:
        """Whether an account id was made with this key."""
        body = text.upper().removeprefix(f"U{_MARK}")
        return len(body) < len(text) and self._tag(body[:-_TAG]) == body

    def user(self, name: str) -> str:
        """A made-up name of a user whom the harvest did not find."""
        return _USER + self.code("user", name.lower()).lower()

    def phone(self, text: str) -> str:
        """A number of drama in the notation of a number, or in the international one where its lengths differ."""
        digits = _NOT_DIGIT.sub("", text)
        hashed = self.hash("phone", digits)
        country, head = _split_phone(text, digits)
        line = f"{hashed % 1000:03d}"
        match country:
            case "1":
                made = f"{_NANP_AREAS[hashed // 1000 % len(_NANP_AREAS)]}5550{100 + hashed % 100}"
            case "33":
                made = f"63998{hashed % 10**4:04d}"
            case "49":
                made = f"3023125{line}"
            case _:
                is_london = digits.removeprefix(head).startswith("2")
                made = f"2079460{line}" if is_london else f"7700900{line}"
        whole = head + made
        if len(whole) == len(digits) and country:
            return overlay(text, whole)
        return f"+1 {made[:3]}-{made[3:6]}-{made[6:]}" if country == "1" else f"+{country or '44'}{made}"

    def card(self, text: str) -> str:
        """A test number of the card's scheme."""
        digits = _NOT_DIGIT.sub("", text)
        scheme = next((each for each in ("34", "35", "30", "62") if digits.startswith(each)), digits[0])
        scheme = "34" if digits.startswith("37") else "30" if digits[0] == "3" and scheme == "3" else scheme
        cards = TEST_CARDS[scheme]
        made = cards[self.hash("card", digits) % len(cards)]
        return overlay(text, made) if len(made) == len(digits) else made

    def iban(self, text: str) -> str | None:
        """An IBAN of the same country with the check digits 00, which no bank gives out; None for such a one."""
        if text[2:4] == NO_BANK:
            return None
        return text[:2] + NO_BANK + self.characters("iban", text, text[4:])

    def characters(self, purpose: str, value: str, text: str, attempt: int = 0) -> str:
        """A text with all letters and digits drawn anew."""
        hashed = self.hash(f"{purpose} {attempt}", re.sub(r"[\W_]", "", value).upper())
        made = []
        for each in text:
            if each.isdigit():
                hashed, drawn = divmod(hashed, 10)
                made.append(str(drawn))
            elif each.isalpha():
                hashed, drawn = divmod(hashed, 26)
                letter = chr(ord("A") + drawn)
                made.append(letter if each.isupper() else letter.lower())
            else:
                made.append(each)
        return "".join(made)

    def address(self, text: str) -> str:
        """A documentation address for an IP address."""
        if ":" in text:
            hashed = self.hash("ip", str(ip_address(text.partition("%")[0])))
            return f"2001:db8::{hashed % 65536:x}:{hashed // 65536 % 65536:x}"
        networks = RESERVED_NETWORKS[:3]
        hashed = self.hash("ip", text)
        return str(networks[hashed % 3][1 + hashed // 3 % 254])

    def mac(self, text: str) -> str:
        """A documentation MAC address in the notation of an address."""
        digits = re.sub(r"[^0-9A-Fa-f]", "", text)
        made = iter(f"{RESERVED_MAC}{self.hash('mac', digits.lower()) % 256:02x}")
        shown = "".join(next(made) if each.isalnum() else each for each in text)
        return shown.upper() if any(map(str.isupper, text)) else shown


def is_pseudonym(text: str) -> bool:
    """Whether a name or handle is made of the pool."""
    words = [each for each in fold_spelling(text).replace(",", " ").split() if each]
    if not 1 <= len(words) <= 2:  # noqa: PLR2004 - a given name and a surname
        return False
    return all(
        each in _FOLDED_GIVEN
        or _FAMILY_NUMBER.sub("", each) in _FOLDED_FAMILY
        or (len(each) == 1 and len(words) > 1)
        for each in words
    )


def is_reserved_email(text: str) -> bool:
    """Whether an address is at a reserved domain."""
    return is_reserved_domain(text.rpartition("@")[2])


def is_reserved_phone(text: str) -> bool:
    """Whether a phone number is one of drama."""
    return RESERVED_PHONE.fullmatch(_NOT_DIGIT.sub("", text)) is not None


def is_test_card(text: str) -> bool:
    """Whether a card is a test number."""
    return _NOT_DIGIT.sub("", text) in ALL_TEST_CARDS


def is_reserved_address(text: str) -> bool:
    """Whether an IP address is one of documentation."""
    address = ip_address(text.partition("%")[0])
    return any(address.version == each.version and address in each for each in RESERVED_NETWORKS)


def is_reserved_mac(text: str) -> bool:
    """Whether a MAC address is one of documentation."""
    return re.sub(r"[^0-9a-f]", "", text.lower()).startswith(RESERVED_MAC)


def overlay(text: str, digits: str) -> str:
    """A text with its digits replaced, in order."""
    made = iter(digits)
    return _DIGIT.sub(lambda _: next(made), text)


def _spell_number(number: int, length: int) -> str:
    made = []
    for _ in range(length):
        number, drawn = divmod(number, 32)
        made.append(_ALPHABET[drawn])
    return "".join(made)


def _split_phone(text: str, digits: str) -> tuple[str, str]:
    """The country code of a number, of those with numbers of drama, and what precedes the area in it."""
    if text.lstrip("( ").startswith("+") or digits.startswith("00"):
        zeros = "00" if digits.startswith("00") else ""
        for each in ("1", "33", "44", "49"):
            if digits.startswith(zeros + each):
                return each, zeros + each
        return "", ""
    if digits.startswith("0"):
        return ("33" if _FRENCH.match(text) else "49" if "/" in text else "44"), "0"
    return "1", "1" if len(digits) == _NANP_DIGITS else ""
