"""Detectors: e-mail addresses, phones, cards, IBANs, national ids, network addresses, secrets, and people in URLs.

Every detector begins with a test that costs next to nothing in a text without its kind. A number counts only where
its check digits, its range and what stands around it say so: the ids of records, commits, versions, instants and files
of an export have many digits, too, and stay as they are.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import re2
from stdnum import luhn
from stdnum.be import nn as belgian
from stdnum.br import cpf as brazilian
from stdnum.ca import sin as canadian
from stdnum.ch import ssn as swiss
from stdnum.de import idnr as german
from stdnum.es import dni as spanish
from stdnum.es import nie as spanish_foreigner
from stdnum.fr import nir as french
from stdnum.it import codicefiscale as italian
from stdnum.nl import bsn as dutch
from stdnum.pl import pesel as polish
from stdnum.us import ssn as american

from domain.content.sanitization.pools import COUNTRY_CODES, IBAN_LENGTHS, NO_BANK, NOT_HANDLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Kind:
    """The kinds of what is found, as reports name them."""

    PERSON: Final = "person"
    ACCOUNT: Final = "account"
    EMAIL: Final = "email"
    PHONE: Final = "phone"
    CARD: Final = "card"
    IBAN: Final = "iban"
    NATIONAL_ID: Final = "national_id"
    IP_ADDRESS: Final = "ip_address"
    MAC_ADDRESS: Final = "mac_address"
    SECRET: Final = "secret"  # noqa: S105 - the name of a kind
    URL_IDENTITY: Final = "url_identity"
    EMBEDDED_FILE: Final = "embedded_file"


class Found(NamedTuple):
    """Something found in a text: where, and what kind it is of."""

    start: int
    end: int
    kind: str


def find_patterns(text: str) -> Iterator[Found]:
    """Everything of these kinds in a text, in no order; what is found may overlap."""
    # As ASCII with one byte a character, the places are the same, and no pattern is about other characters.
    raw = text.encode("ascii", "replace")
    if b"@" in raw:
        yield from _find_emails(text)
        yield from _find_mentions(text)
    elif "[~" in text or "ri:" in text or '"mention"' in text:
        yield from _find_mentions(text)
    if b"/" in raw:
        yield from _find_in_urls(text, raw)
    if _MAY_BE_MORE.search(raw):
        yield from _find_secrets(text, raw)
        yield from _find_numbers(text, raw)


def hint_pattern(pattern: str) -> Any:  # noqa: ANN401 - RE2 has no types
    """A pattern that says in one pass, at the speed of memory, where others may match."""
    options = re2.Options()
    options.never_capture = True
    options.max_mem = _HINT_MEMORY
    return re2.compile(pattern.encode(), options)


_HINT_MEMORY: Final = 32 << 20


# --- addresses of people -------------------------------------------------------------------------------------------

_EMAIL: Final = re.compile(r"[\w+][\w.+'%-]{0,63}@(?:[^\W_](?:[\w-]{0,62})\.){1,8}[^\W\d_]{2,24}(?![\w-])")
_LONGEST_LOCAL: Final = 64


def _find_emails(text: str) -> Iterator[Found]:
    at = text.find("@")
    done = 0
    while at >= 0:
        start = at
        while start > done and at - start <= _LONGEST_LOCAL and _is_local(text[start - 1]):
            start -= 1
        while start < at and text[start] in _NOT_FIRST:
            start += 1
        found = _EMAIL.match(text, start)
        if found is not None:
            done = found.end()
            if _is_email(found):
                yield Found(*found.span(), Kind.EMAIL)
        at = text.find("@", max(at + 1, done))


def _is_local(character: str) -> bool:
    return character.isalnum() or character in "_.+'%-"


_NOT_FIRST: Final = ".'%-"
_IN_USER_INFO: Final = re.compile(r"://[^\s/@<>\"']*$")
_PICTURE: Final = re.compile(r"@\dx\.\w+$")


def _is_email(found: re.Match[str]) -> bool:
    if found[0].startswith("git@") and found.string[found.end() : found.end() + 1] in {":", "/"}:
        return False
    if _IN_USER_INFO.search(found.string, max(0, found.start() - 100), found.start()):
        return False
    return not _PICTURE.search(found[0])


_ACCOUNT: Final = re.compile(
    r"<@([UW][A-Z0-9]+)|\[~(?:accountid:)?([^\]\s|]{2,80})|ri:(?:account-id|userkey|username)=\\?\"([^\"\\]{2,80})"
    r"|\"mention\"\s*,\s*\"attrs\"\s*:\s*\{\s*\"id\"\s*:\s*\"([^\"]{3,80})"
)


def _find_mentions(text: str) -> Iterator[Found]:
    for found in _ACCOUNT.finditer(text):
        yield Found(*found.span(found.lastindex or 0), Kind.ACCOUNT)


_USER_INFO: Final = re.compile(r"://([^\s/@:<>\"']{1,100})(?::([^\s/@<>\"']{0,200}))?@")
_USER_PATH: Final = re.compile(
    r"/(?:~|(?:users?|people|profiles?|members?|authors?|home)/~?)([\w%](?:[\w.%+-]{0,60}[\w%]))(?![\w%+@-]|\.\w)",
    re.IGNORECASE,
)
_USER_QUERY: Final = re.compile(
    r"[?&](?:user|username|user_?name|author|assignee|owner|reporter|login|creator)=([A-Za-z](?:[\w.%+-]{0,60}[\w%]))",
    re.IGNORECASE,
)
_URL: Final = hint_pattern(r"(?:[A-Za-z][A-Za-z0-9+.-]{1,20}://|\{\{site:|href=\\?[\"'])[^\s<>\"'|]+")
_DATA: Final = re.compile(
    r"data:[\w.+-]{1,40}/[\w.+-]{1,60}(?:;[\w=.-]{1,40})*;base64,([A-Za-z0-9+/=_-]{8,})"
)


_MAY_BE_USER: Final = hint_pattern(
    r"(?i:/(?:~|(?:users?|people|profiles?|members?|authors?|home)/)"
    r"|[?&](?:user|username|user_name|author|assignee|owner|reporter|login|creator)=)"
)


def _find_in_urls(text: str, raw: bytes) -> Iterator[Found]:
    if b"@" in raw and b"://" in raw:
        for found in _USER_INFO.finditer(text):
            yield Found(*found.span(1), Kind.URL_IDENTITY)
            if found[2]:
                yield Found(*found.span(2), Kind.SECRET)
    if b";base64," in raw:
        for found in _DATA.finditer(text):
            yield Found(*found.span(1), Kind.EMBEDDED_FILE)
    if _MAY_BE_USER.search(raw):
        for address in _URL.finditer(raw):
            yield from _find_users(text, address.start(), min(len(text), address.end() + 1))


def _find_users(text: str, start: int, end: int) -> Iterator[Found]:
    for pattern in (_USER_PATH, _USER_QUERY):
        for found in pattern.finditer(text, start, end):
            if found[1].lower() not in NOT_HANDLES and not found[1].isdigit():
                yield Found(*found.span(1), Kind.URL_IDENTITY)


# --- secrets -------------------------------------------------------------------------------------------------------

_VENDOR_KEYS: Final = (
    ("AKIA", r"(?<![A-Z0-9])AKIA([A-Z0-9]{16})(?![A-Z0-9])"),
    ("ASIA", r"(?<![A-Z0-9])ASIA([A-Z0-9]{16})(?![A-Z0-9])"),
    ("gh", r"\bgh[opusr]_([A-Za-z0-9]{30,255})"),
    ("github_pat_", r"\bgithub_pat_(\w{22,255})"),
    ("glpat-", r"\bglpat-([\w-]{16,})"),
    ("xox", r"\bxox[abeoprs]-([A-Za-z0-9-]{10,})"),
    ("xapp-", r"\bxapp-([A-Za-z0-9-]{10,})"),
    ("hooks.slack.com/", r"hooks\.slack\.com/(?:services|workflows)/([A-Z0-9]+/[A-Z0-9]+/\w+)"),
    ("AIza", r"\bAIza([\w-]{35})"),
    ("ya29.", r"\bya29\.([\w-]{20,})"),
    ("GOCSPX-", r"\bGOCSPX-([\w-]{20,})"),
    ("k_", r"\b[srp]k_(?:live|test)_([A-Za-z0-9]{16,})"),
    ("whsec_", r"\bwhsec_([A-Za-z0-9+/=]{16,})"),
    ("sk-", r"\bsk-((?:[a-z]+-)?[\w-]{20,})"),
    ("npm_", r"\bnpm_([A-Za-z0-9]{30,})"),
    ("pypi-", r"\bpypi-([\w-]{40,})"),
    ("SG.", r"\bSG\.([\w-]{16,}\.[\w-]{16,})"),
    ("hf_", r"\bhf_([A-Za-z0-9]{30,})"),
    ("ATATT", r"\bATATT([\w=-]{40,})"),
    ("eyJ", r"\beyJ([\w-]{10,}\.[\w-]{4,}(?:\.[\w-]*)?)"),
    (
        "-----BEGIN",
        (
            r"-----BEGIN (?:[A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?|CERTIFICATE|SSH2 [A-Z ]+)-----(?:\s|\\[nr])*"
            r"(?:[A-Z][\w-]{2,20}: [^\n<>\"\\]{1,80}(?:\s|\\[nr])+){0,4}"
            r"([A-Za-z0-9+/=]{16,}(?:(?:\s|\\[nr])+[A-Za-z0-9+/=]{16,})*"
            r"(?:(?:\s|\\[nr])+[A-Za-z0-9+/=]{1,15}(?=(?:\s|\\[nr])*-----END))?)"
        ),
    ),
)
_VENDORS: Final = tuple((word, re.compile(pattern)) for word, pattern in _VENDOR_KEYS)
_ASSIGNMENT: Final = re.compile(
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|(?:api|access|account|private)[_-]?key(?:[_-]?id)?|passwort"
    r"|mot de passe|contrasena)\\?[\"']?\s{0,3}(=|:=|:|=>|\bis\b)\s{0,3}\\?[\"']?"
    r"([^\s\"'<>&,;|\\`(){}\[\]*]{4,400})",
    re.IGNORECASE,
)
_AUTHORIZATION: Final = re.compile(r"\b(?:bearer|basic|token)\s{1,3}([\w.~+/-]{12,2000}=*)", re.IGNORECASE)
_NO_SECRET: Final = re.compile(
    r"(?:true|false|null|none|required|optional|string|str|int|bytes|example|changeme|redacted|xxx+|\*+|\.+|\$.*|%.*|-+"
    r"|todo|empty|https?://.*)[.:]?",
    re.IGNORECASE,
)
_MIXED: Final = re.compile(r"(?=.*\d)(?=.*[^\W\d_])|(?=.*[A-Za-z])(?=.*[!#$%^?~@])")
_MAY_BE_SECRET: Final = hint_pattern(
    r"AKIA|ASIA|gh[opusr]_|github_pat_|glpat-|xox[a-z]-|xapp-|hooks\.slack\.com/|AIza|ya29\.|GOCSPX-"
    r"|[srp]k_(?:live|test)_|whsec_|\bsk-|npm_|pypi-|SG\.|\bhf_|ATATT|eyJ|-----BEGIN"
    r"|(?i:\b(?:bearer|basic|token)\s{1,3}[\w.~+/-]{12})"
    r"|(?i:(?:passw(?:or)?d|passphrase|pwd|secret|token|key|key[_-]?id|passwort|mot de passe|contrasena)"
    r"[\\\"']{0,2}\s{0,3}(?:=|:|\bis\b))"
)


def _find_secrets(text: str, raw: bytes) -> Iterator[Found]:
    if not _MAY_BE_SECRET.search(raw):
        return
    for word, pattern in _VENDORS:
        if word in text:
            for found in pattern.finditer(text):
                yield Found(*found.span(1), Kind.SECRET)
    for found in _ASSIGNMENT.finditer(text):
        is_assigned = found[1] == "=" or _MIXED.match(found[2])
        if is_assigned and not _NO_SECRET.fullmatch(found[2]):
            end = found.end(2) - (found[2][-1] in ".:" and found[1] != "=")
            yield Found(found.start(2), end, Kind.SECRET)
    for found in _AUTHORIZATION.finditer(text):
        if _MIXED.match(found[1]):
            yield Found(*found.span(1), Kind.SECRET)


# --- numbers -------------------------------------------------------------------------------------------------------

_LABELS: Final = (
    "tel|telephone|telefon|telefono|phone|mobile?|cell|fax|whatsapp|handy|sms|call me|ssn|social security|steuer[a-z]*"
    "|idnr|identifikationsnummer|tax id|tin|bsn|burgerservicenummer|sofi[a-z]*|pesel|sin|social insurance"
    "|personnummer|personal identity|card|visa|mastercard|amex|pan|karte|carte|tarjeta"
)
_MAY_BE_NUMBER: Final = hint_pattern(
    r"(?:\+|\b00[ .-]?)\s?\(?[1-9](?:[ .()/\-]{0,3}\d){6}"
    r"|\b[2-9]\d\d\)?[ .-]{0,2}[2-9]\d\d[ .-]\d{4}\b"
    r"|\b0[1-9]\d{0,4}\)?[ ./-]{1,3}\d(?:[ ./-]{0,3}\d){5}|\b07[3-9]\d{8}"
    r"|\b\d{13,19}\b|\b\d{4}[ -]\d{4}[ -]\d{4}[ -]\d|\b\d{4}[ -]\d{6}[ -]\d{4}"
    rf"|\b(?i:{'|'.join(IBAN_LENGTHS)})\d\d[ -]?[A-Za-z0-9]{{4}}[ -]?[A-Za-z0-9]{{4}}[ -]?[A-Za-z0-9]{{2}}"
    r"|\b\d{3}-\d\d-\d{4}\b|\b\d\d \d{3} \d{3} \d{3}\b|\b[1278] ?\d\d ?\d\d ?\w\w ?\d{3} ?\d{3} ?\d\d\b"
    r"|\b\d{4}\.\d\d\.\d{3}|\b\d\d\.\d\d\.\d\d-\d{3}\.\d\d|\b\d{3}\.\d{3}\.\d{3}-\d\d|\b756\.\d{4}\.\d{4}\.\d\d"
    r"|\b(?:\d{8}|[XYZ]\d{7})-?[A-Z]\b|\b[A-Za-z]{6}\d\d[A-Za-z]\d\d[A-Za-z]\d{3}[A-Za-z]\b"
    r"|\b[A-Z]{2}[ -]?\d\d[ -]?\d\d[ -]?\d\d[ -]?[A-D]\b"
    rf"|(?i:\b(?:{_LABELS})\b)[^\n0-9]{{0,30}}\d(?:[ .()/\-+]{{0,3}}\d){{6}}"
    r"|\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|(?:[0-9A-Fa-f]{1,4}:){4}|[0-9A-Fa-f]::[0-9A-Fa-f]"
    r"|[0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-][0-9A-Fa-f]{2}[:-]"
    r"|\b[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\b"
)
_BEFORE: Final = 48
_AFTER: Final = 48
_KEPT: Final = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"  # UUID
    r"|\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"  # instant
    r"|\b\d{10}\.\d{6}\b"  # Slack's ts
    r"|\b(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])(?:T?\d{4,6}Z?)?\b(?![ -]\d)"  # compact date
    r"|(?<![\w-])[A-Za-z#]\w*-\d[\w-]*"  # a key, such as INC-20260812-09 or #issuecomment-4345955198
    r"|\b[0-9a-f]{40}\b|\b[0-9a-f]{64}\b"  # commit
    r"|\bv\d+(?:[.-]\w+)+|\b\d+(?:\.\d+){4,}"  # version
)
_DATE: Final = re.compile(r"\(?(?:\d{4}[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d)(?!\d)")
_PHONE_LABEL: Final = re.compile(
    r"\b(?:tel|telephone|telefon|telefono|phone|mobile|mobil|cell|fax|whatsapp|handy|sms|call me (?:at|on))"
    r"(?: ?(?:no|nr|number|nummer))?\\?[\"']?[.:=]{0,2}\s{0,2}[\"'(]{0,2}$",
    re.IGNORECASE,
)
_PLUS: Final = r"(?:(?<![\d+])\+\s?|(?<![\w+])00[ .-]?)\(?"
_NEXT: Final = r"[ .()/\-]{0,3}\d"
_INTERNATIONAL: Final = re.compile(
    rf"{_PLUS}(?:1(?:{_NEXT}){{10}}|33(?:[ ]?\(0\))?(?:{_NEXT}){{9}}|44(?:[ ]?\(0\))?(?:{_NEXT}){{9,10}}"
    rf"|493023125\d{{3}}(?!\d)|(?!1|33|44)[2-9](?:{_NEXT}){{7,14}})(?!\w|[./]\d)"
)
_NANP: Final = re.compile(
    r"(?<![\w.+/#=-])(?:1[ .-]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d([ .-]))[2-9]\d\d([ .-])\d{4}(?!\w|[-./]\d)"
)
_NATIONAL: Final = re.compile(
    r"(?<![\w.+/:#=-])(?<!\d,)\(?0[1-9]\d{0,4}\)?(?:[ ./-]{1,3}\d{2,8}){1,5}(?!\w|[-./:]\d)"
)
_GROUP_BEFORE: Final = re.compile(r"(?<!\w)\d+ $")
_FIGURES: Final = re.compile(r"\(?\d{3} \d{3} \d{3}")
"""Figures of a table have this form, too."""
_MOBILE: Final = re.compile(r"(?<![\w.+/:#=-])(?<!\d,)07[3-9]\d{8}(?![\w/:-]|\.\d)")
_LABELLED: Final = re.compile(r"(?<!\w)\+?\(?\d(?:[ .()/\-]{0,3}\d){6,14}(?!\w)")
_CARD: Final = re.compile(
    r"(?<![\w.#/+=-])(?:\d{13,19}|\d{4}([ -])(?:\d{4}\1\d{4}\1\d{1,4}(?:\1\d{1,3})?|\d{6}\1\d{4,5}))(?!\w|[./-]\d)"
)
_IIN: Final = (
    (re.compile(r"4"), {13, 16, 19}),
    (re.compile(r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"), {16}),
    (re.compile(r"3[47]"), {15}),
    (re.compile(r"6011|65|64[4-9]"), {16, 19}),
    (re.compile(r"35(?:2[89]|[3-8])"), {16}),
    (re.compile(r"3(?:0[0-59]|[689])"), {14}),
    (re.compile(r"62"), {16, 17, 18, 19}),
)
_UNUSUAL_LENGTHS: Final = frozenset({13, 17, 18, 19})
_CARD_LABEL: Final = re.compile(
    r"card|visa|mastercard|amex|\bpan\b|unionpay|karte|carte|tarjeta", re.IGNORECASE
)
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9]{4})")


class _NationalId(NamedTuple):
    """National id: its notation, its check, and the words before it without which it is too much like other numbers."""

    pattern: re.Pattern[str]
    is_valid: Callable[[str], bool]
    label: re.Pattern[str] | None = None


def _label(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{words})\b[^\n]{{0,24}}$", re.IGNORECASE)


def _is_nino(text: str) -> bool:
    text = text.upper()
    return text[:2] not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}


def _is_nie_or_dni(text: str) -> bool:
    return bool(spanish.is_valid(text) or spanish_foreigner.is_valid(text))


def _is_personnummer(text: str) -> bool:
    return bool(luhn.is_valid(re.sub(r"\D", "", text)[-10:]))


_EDGE: Final = r"(?<![\w./#+-])"
_END: Final = r"(?!\w|[./-]\d)"
_TAX: Final = "steuer-?id|steueridentifikationsnummer|idnr|identifikationsnummer|tax id|tin"
NATIONAL_IDS: Final = (
    _NationalId(re.compile(rf"{_EDGE}\d{{3}}-\d\d-\d{{4}}{_END}"), american.is_valid),
    _NationalId(
        re.compile(rf"{_EDGE}\d{{3}} ?\d\d ?\d{{4}}{_END}"), american.is_valid, _label("ssn|social security")
    ),
    _NationalId(
        re.compile(r"(?<![\w-])[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]([ -]?)\d\d\1\d\d\1\d\d\1[A-D](?!\w)"),
        _is_nino,
    ),
    _NationalId(re.compile(rf"{_EDGE}\d\d \d{{3}} \d{{3}} \d{{3}}{_END}"), german.is_valid),
    _NationalId(
        re.compile(rf"{_EDGE}\d{{2}}[ /]?\d{{3}}[ /]?\d{{3}}[ /]?\d{{3}}{_END}"),
        german.is_valid,
        _label(_TAX),
    ),
    _NationalId(
        re.compile(rf"{_EDGE}[1278] ?\d\d ?\d\d ?(?:\d\d|2[AB]) ?\d{{3}} ?\d{{3}} ?\d\d{_END}"),
        french.is_valid,
    ),
    _NationalId(re.compile(rf"{_EDGE}\d{{4}}\.\d\d\.\d{{3}}{_END}"), dutch.is_valid),
    _NationalId(
        re.compile(rf"{_EDGE}\d{{9}}{_END}"),
        dutch.is_valid,
        _label("bsn|burgerservicenummer|sofi(?:nummer)?"),
    ),
    _NationalId(re.compile(r"(?<![\w./#+-])(?:\d{8}|[XYZ]\d{7})-?[A-HJ-NP-TV-Z](?!\w)"), _is_nie_or_dni),
    _NationalId(
        re.compile(r"(?<!\w)[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z](?!\w)", re.IGNORECASE),
        italian.is_valid,
    ),
    _NationalId(re.compile(rf"{_EDGE}\d\d\.\d\d\.\d\d-\d{{3}}\.\d\d{_END}"), belgian.is_valid),
    _NationalId(re.compile(rf"{_EDGE}756\.\d{{4}}\.\d{{4}}\.\d\d{_END}"), swiss.is_valid),
    _NationalId(re.compile(rf"{_EDGE}\d{{3}}\.\d{{3}}\.\d{{3}}-\d\d{_END}"), brazilian.is_valid),
    _NationalId(re.compile(rf"{_EDGE}\d{{11}}{_END}"), polish.is_valid, _label("pesel")),
    _NationalId(
        re.compile(rf"{_EDGE}\d{{3}}[ -]?\d{{3}}[ -]?\d{{3}}{_END}"),
        canadian.is_valid,
        _label("sin|social insurance"),
    ),
    _NationalId(
        re.compile(rf"{_EDGE}(?:\d\d)?\d{{6}}[-+]?\d{{4}}{_END}"),
        _is_personnummer,
        _label("personnummer|personal identity"),
    ),
)
"""The notations of national ids."""


def is_national_id(text: str) -> bool:
    """Whether a text is a valid national id of any of the countries."""
    return any(each.pattern.fullmatch(text) and each.is_valid(text) for each in NATIONAL_IDS)


def _find_numbers(text: str, raw: bytes) -> Iterator[Found]:
    found: set[Found] = set()
    kept: list[tuple[int, int]] = []
    for low, high in _find_windows(raw):
        found.update(_find_in_window(text, low, high))
        kept += (each.span() for each in _KEPT.finditer(text, low, high))
    if not found:
        return
    kept += (each.span() for each in _URL.finditer(raw) if b"tel:" not in each[0])
    for each in found:
        is_kept = each.kind in _LIKE_IDS and any(start < each.end and each.start < end for start, end in kept)
        if not is_kept:
            yield each


_LIKE_IDS: Final = frozenset({Kind.PHONE, Kind.CARD, Kind.NATIONAL_ID})


def _find_windows(raw: bytes) -> list[tuple[int, int]]:
    """The parts of a text in which there may be a number."""
    windows: list[tuple[int, int]] = []
    for hint in _MAY_BE_NUMBER.finditer(raw):
        start, end = hint.span()
        low, high = max(0, start - _BEFORE), min(len(raw), end + _AFTER)
        if windows and low <= windows[-1][1]:
            windows[-1] = (windows[-1][0], high)
        else:
            windows.append((low, high))
    return windows


def _find_in_window(text: str, low: int, high: int) -> Iterator[Found]:
    for found in _IBAN.finditer(text, low, high):
        end = _end_of_iban(text, found)
        if end:
            yield Found(found.start(), end, Kind.IBAN)
    for each in NATIONAL_IDS:
        for found in each.pattern.finditer(text, low, high):
            if each.is_valid(found[0]) and (
                each.label is None or each.label.search(text, low, found.start())
            ):
                yield Found(*found.span(), Kind.NATIONAL_ID)
    for kind, pattern, is_valid in _NUMBERS:
        for found in pattern.finditer(text, low, high):
            if is_valid(found):
                yield Found(*found.span(), kind)


def _end_of_iban(text: str, found: re.Match[str]) -> int:
    """Where the IBAN ends that begins here; 0 when it is none."""
    length = IBAN_LENGTHS.get(found[0][:2].upper(), 0)
    compact, at = "", found.start()
    while at < len(text) and len(compact) < length:
        if text[at].isalnum():
            compact += text[at].upper()
        elif text[at] not in " -" or not text[at - 1].isalnum():
            break
        at += 1
    if not compact.isascii() or len(compact) != length or not length or text[at : at + 1].isalnum():
        return 0
    moved = compact[4:] + compact[:4]
    is_valid = compact[2:4] == NO_BANK or int("".join(str(int(each, 36)) for each in moved)) % 97 == 1
    return at if is_valid else 0


def _is_card(found: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", found[0])
    if not any(pattern.match(digits) and len(digits) in lengths for pattern, lengths in _IIN):
        return False
    before = found.string[max(0, found.start() - _BEFORE) : found.start()]
    if found[1] is None and len(digits) in _UNUSUAL_LENGTHS and not _CARD_LABEL.search(before):
        return False
    return bool(luhn.is_valid(digits))


def _is_international(found: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", found[0])
    if not found[0].startswith("+"):
        digits = digits[2:]
        if found[0].isdigit() and not _has_phone_label(found):
            return False
    if digits.startswith("1"):
        return re.fullmatch(r"1[2-9]\d\d[2-9]\d{6}", digits) is not None
    return 8 <= len(digits) <= 15 and any(digits[:each] in COUNTRY_CODES for each in (1, 2, 3))  # noqa: PLR2004 - E.164


def _is_nanp(found: re.Match[str]) -> bool:
    return "(" in found[0] or found[2] != " " or _has_phone_label(found)


def _is_national(found: re.Match[str]) -> bool:
    if _GROUP_BEFORE.search(found.string, max(0, found.start() - _BEFORE), found.start()):
        return False
    if _FIGURES.fullmatch(found[0]):
        return _has_phone_label(found)
    return 9 <= sum(map(str.isdigit, found[0])) <= 12  # noqa: PLR2004 - the lengths of national numbers


def _has_phone_label(found: re.Match[str]) -> bool:
    return _PHONE_LABEL.search(found.string, max(0, found.start() - _BEFORE), found.start()) is not None


# --- addresses of machines -----------------------------------------------------------------------------------------

_IPV4: Final = re.compile(r"(?<![\w.=-])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d|-\w)")
_IPV6: Final = re.compile(
    r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4})?(?::[0-9A-Fa-f]{0,4}){2,7}(?:\d{0,3}(?:\.\d{1,3}){3})?(?![\w:])"
)
_MAC: Final = re.compile(
    r"(?<![\w:.-])(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4})(?![\w:-]|\.\w)"
)
_VERSION: Final = re.compile(
    r"(?:\bv|version|release|build|upgrade[sd]? to|bump\w*|[=~^<>@] ?)[ :]?$", re.IGNORECASE
)


def _is_ip(found: re.Match[str]) -> bool:
    try:
        address = ip_address(found[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and not (any(map(str.isdigit, found[0])) and len(found[0]) > 6):  # noqa: PLR2004
        return False
    if isinstance(address, IPv4Address) and _VERSION.search(
        found.string, max(0, found.start() - 12), found.start()
    ):
        return False
    return not (
        address.is_loopback
        or address.is_unspecified
        or address.is_multicast
        or str(address) == "255.255.255.255"
    )


def _is_mac(found: re.Match[str]) -> bool:
    digits = re.sub(r"[^0-9a-f]", "", found[0].lower())
    return digits not in {"0" * 12, "f" * 12} and any(map(str.isdigit, digits))


def _is_phone(is_valid: Callable[[re.Match[str]], bool]) -> Callable[[re.Match[str]], bool]:
    return lambda found: is_valid(found) and not _DATE.match(found[0])


_NUMBERS: Final = (
    (Kind.CARD, _CARD, _is_card),
    (Kind.IP_ADDRESS, _IPV4, _is_ip),
    (Kind.IP_ADDRESS, _IPV6, _is_ip),
    (Kind.MAC_ADDRESS, _MAC, _is_mac),
    (Kind.PHONE, _INTERNATIONAL, _is_phone(_is_international)),
    (Kind.PHONE, _NANP, _is_phone(_is_nanp)),
    (Kind.PHONE, _NATIONAL, _is_phone(_is_national)),
    (Kind.PHONE, _MOBILE, _is_phone(bool)),
    (Kind.PHONE, _LABELLED, _is_phone(_has_phone_label)),
)
_MAY_BE_MORE: Final = hint_pattern(f"{_MAY_BE_SECRET.pattern.decode()}|{_MAY_BE_NUMBER.pattern.decode()}")
"""Most texts have neither, which one pass tells."""
