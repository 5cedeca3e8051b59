"""An export with people and numbers planted in it, in every notation that they really have.

What is planted is drawn from a seed. `reveal` shows a text as its reader sees it by means that share nothing with the
product, and so says whether something was left.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from stdnum import luhn
from stdnum.be import nn
from stdnum.br import cpf
from stdnum.ch import ssn as ahv
from stdnum.de import idnr
from stdnum.es import dni
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel

from domain.model import DatasetType

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES: Final = (
    ("Maria", "Lopezina"),
    ("Jürgen", "Müllerstein"),
    ("Siobhán", "O'Dohertagh"),
    ("Anna-Lena", "Krásnohorská"),
    ("Søren", "Bjørnskov"),
    ("Tamás", "Szentgyörgyi"),
    ("Renée", "Beaumarchais"),
    ("Paweł", "Wiśniewskich"),
)
"""Made up for the tests, with the letters that names have."""


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person of the export."""

    given: str
    family: str
    email: str
    handle: str
    account: str
    slack: str

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"

    def needles(self) -> list[str]:
        """What must not be left of this person, as `reveal` shows it."""
        family, given = plain(self.family), plain(self.given)
        return [
            family,
            f"{given} {family}",
            self.email.lower(),
            self.handle,
            self.account.lower(),
            self.slack.lower(),
        ]


def plain(text: str) -> str:
    """A text in small letters of ASCII."""
    for letter, bare in {"ø": "o", "ł": "l", "Ø": "O", "Ł": "L"}.items():
        text = text.replace(letter, bare)
    apart = unicodedata.normalize("NFKD", text)
    return "".join(each for each in apart if not unicodedata.combining(each)).lower()


def people(seed: int) -> list[Somebody]:
    """Four people of a seed."""
    random = Random(f"people {seed}")
    found = []
    for given, family in random.sample(NAMES, 4):
        local = f"{plain(given)}.{plain(family)}".replace("'", "").replace(" ", "")
        number = random.randrange(10, 100)
        found.append(
            Somebody(
                given,
                family,
                f"{local}@{random.choice(['acme-bank', 'globex'])}.com",
                f"{plain(given)[0]}{plain(family)}{number}".replace("'", ""),
                f"557058:{random.getrandbits(128):032x}",
                f"U0{random.randrange(10**8):08d}Q",
            )
        )
    return found


_CYRILLIC: Final = str.maketrans("aeopcxyi", "аеорсхуі")
_GREEK: Final = str.maketrans("oνiκ", "ονικ")
_WIDE: Final = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
_BOLD: Final = {
    **{ord("A") + n: 0x1D400 + n for n in range(26)},
    **{ord("a") + n: 0x1D41A + n for n in range(26)},
}


def _split(text: str, between: str) -> str:
    middle = max(1, len(text) // 3)
    return text[:middle] + between + text[middle:]


def _entities(text: str) -> str:
    return "".join(f"&#{ord(each)};" for each in text)


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _adf(*nodes: dict[str, Any]) -> str:
    return json.dumps(
        {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": list(nodes)}]}
    )


def _node(text: str, *marks: str) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "text", "text": text}
    return node | ({"marks": [{"type": each} for each in marks]} if marks else {})


PEOPLE_PLACEMENTS: Final[dict[str, Callable[[Somebody], str]]] = {
    "full name": lambda p: p.name,
    "upper case": lambda p: p.name.upper(),
    "lower case": lambda p: p.name.lower(),
    "surname, name": lambda p: f"{p.family}, {p.given}",
    "SURNAME, name": lambda p: f"{p.family.upper()}, {p.given}",
    "SURNAME name": lambda p: f"{p.family.upper()} {p.given}",
    "initial and surname": lambda p: f"{p.given[0]}. {p.family}",
    "initial without a point": lambda p: f"{p.given[0]} {p.family}",
    "surname, initial": lambda p: f"{p.family}, {p.given[0]}.",
    "possessive": lambda p: f"{p.name}'s notes",
    "typographic possessive": lambda p: f"{p.name}\u2019s notes",
    "in brackets": lambda p: f"({p.name})",
    "in quotation marks": lambda p: f"\u201c{p.name}\u201d",
    "glued to punctuation": lambda p: f"cc:{p.name};ok",
    "after a dash": lambda p: f"done\u2014{p.name}",
    "surname alone": lambda p: f"as {p.family} said",
    "title and surname": lambda p: f"Dr. {p.family}",
    "camel case": lambda p: (
        (plain(p.given).capitalize() + plain(p.family).capitalize()).replace("'", "").replace("-", "")
    ),
    "snake case": lambda p: f"{plain(p.given)}_{plain(p.family)}",
    "with hyphens": lambda p: f"{plain(p.given)}-{plain(p.family)}",
    "with points": lambda p: f"{plain(p.given)}.{plain(p.family)}",
    "without accents": lambda p: plain(p.name).title(),
    "accents as combining marks": lambda p: unicodedata.normalize("NFD", p.name),
    "bold tag in a word": lambda p: _split(p.given, "<b>") + f"</b> {p.family}",
    "tag around each word": lambda p: f"<b>{p.given}</b> <i>{p.family}</i>",
    "span with attributes": lambda p: (
        f'<span style="color: red">{p.given}</span>&nbsp;{_split(p.family, "<wbr/>")}'
    ),
    "tags and spaces": lambda p: f"{p.given} <em> {p.family}</em>",
    "comment in a word": lambda p: f"{p.given} {_split(p.family, '<!-- x -->')}",
    "cells of a table": lambda p: f"<table><tr><td>{p.given}</td><td>{p.family}</td></tr></table>",
    "line break tag": lambda p: f"{p.given}<br/>{p.family}",
    "title attribute": lambda p: f'<img title="{html.escape(p.name)}" src="a.png"/>',
    "alt attribute": lambda p: f"<img alt='Photo of {html.escape(p.name, quote=True)}' src='a.png'/>",
    "data attribute": lambda p: f'<div data-user="{html.escape(p.name)}">x</div>',
    "comment": lambda p: f"<!-- written by {p.name} -->",
    "cdata": lambda p: f"<ac:plain-text-body><![CDATA[// {p.name}]]></ac:plain-text-body>",
    "link label": lambda p: f'<a href="https://example.com/x">{html.escape(p.name)}</a>',
    "non-breaking space entity": lambda p: f"{p.given}&nbsp;{p.family}",
    "non-breaking space": lambda p: f"{p.given}\u00a0{p.family}",
    "decimal entities": lambda p: _entities(p.name),
    "hexadecimal entities": lambda p: "".join(f"&#x{ord(each):X};" for each in p.name),
    "entities of entities": lambda p: _entities(p.name).replace("&", "&amp;"),
    "percent-encoded": lambda p: quote(p.name),
    "percent-encoded letters": lambda p: _percent(p.name),
    "percent-encoded twice": lambda p: quote(quote(p.name)),
    "plus in a query": lambda p: f"https://intra.example.com/find?q={quote(p.given)}+{quote(p.family)}",
    "soft hyphen": lambda p: f"{p.given} {_split(p.family, chr(0xAD))}",
    "zero-width space": lambda p: f"{_split(p.given, chr(0x200B))} {p.family}",
    "zero-width joiner": lambda p: f"{p.given} {_split(p.family, chr(0x200D))}",
    "byte order mark": lambda p: f"{p.given} {_split(p.family, chr(0xFEFF))}",
    "right-to-left mark": lambda p: f"{_split(p.given, chr(0x200F))} {p.family}",
    "Cyrillic look-alikes": lambda p: p.name.translate(_CYRILLIC),
    "Greek look-alikes": lambda p: p.name.translate(_GREEK),
    "full-width letters": lambda p: plain(p.name).title().translate(_WIDE),
    "mathematical letters": lambda p: plain(p.name).title().translate(_BOLD),
    "markdown bold": lambda p: f"**{p.given}** {p.family}",
    "markdown italic words": lambda p: f"_{p.given}_ _{p.family}_",
    "markdown in a word": lambda p: f"{p.given} **{p.family[:4]}**{p.family[4:]}",
    "markdown link": lambda p: f"[{p.name}](https://example.com/x)",
    "Slack bold": lambda p: f"*{p.name}*",
    "Slack strike": lambda p: f"~{p.name}~",
    "inline code": lambda p: f"`{p.name}`",
    "code block": lambda p: f"```\nauthor = {p.name}\n```",
    "Jira code block": lambda p: "{code:java}// " + p.name + "{code}",
    "Jira colour": lambda p: "{color:red}" + p.given + "{color} " + p.family,
    "Jira marks in braces": lambda p: "{*}" + p.given + "{*} " + p.family,
    "Jira heading": lambda p: f"h2. {p.name}",
    "Jira table": lambda p: f"||who||\n|{p.name}|",
    "line end between": lambda p: f"{p.given}\n{p.family}",
    "two spaces": lambda p: f"{p.given}  {p.family}",
    "tab": lambda p: f"{p.given}\t{p.family}",
    "line end and indent": lambda p: f"{p.given} \n    {p.family}",
    "JSON": lambda p: json.dumps({"author": p.name}, ensure_ascii=False),
    "JSON with escapes": lambda p: json.dumps({"author": p.name}),
    "CSV": lambda p: f'id,who\n1,"{p.family}, {p.given}"',
    "YAML": lambda p: f"owner: {p.name}\n",
    "commit trailer": lambda p: f"Co-authored-by: {p.name} <{p.email}>",
    "e-mail": lambda p: p.email,
    "e-mail in upper case": lambda p: p.email.upper(),
    "e-mail with a tag": lambda p: p.email.replace("@", "+jira@"),
    "mailto link": lambda p: f'<a href="mailto:{p.email}">write</a>',
    "Slack mailto": lambda p: f"<mailto:{p.email}|{p.email}>",
    "Jira mailto": lambda p: f"[{p.email}|mailto:{p.email}]",
    "name and address": lambda p: f"{p.name} &lt;{p.email}&gt;",
    "at sign as an entity": lambda p: p.email.replace("@", "&#64;"),
    "at sign percent-encoded": lambda p: f"https://intra.example.com/q?mail={p.email.replace('@', '%40')}",
    "full-width at sign": lambda p: p.email.replace("@", "\uff20"),
    "tag in an address": lambda p: _split(p.email, "<wbr>"),
    "soft hyphen in an address": lambda p: _split(p.email, "\u00ad"),
    "zero-width space in an address": lambda p: _split(p.email, "\u200b"),
    "address in a path": lambda p: f"https://intra.example.com/people/{p.email}/profile",
    "local part": lambda p: f"login {p.email.partition('@')[0]}",
    "address in code": lambda p: f"`git config user.email {p.email}`",
    "handle": lambda p: p.handle,
    "mention": lambda p: f"@{p.handle}",
    "Jira mention": lambda p: f"[~{p.handle}]",
    "Jira account": lambda p: f"[~accountid:{p.account}]",
    "Slack mention": lambda p: f"<@{p.slack}>",
    "Slack mention with a name": lambda p: f"<@{p.slack}|{p.handle}>",
    "Confluence account": lambda p: f'<ac:link><ri:user ri:account-id="{p.account}"/></ac:link>',
    "Confluence user": lambda p: f'<ri:user ri:username="{p.handle}"/>',
    "user in a path": lambda p: f"https://git.example.com/users/{p.handle}/repos",
    "home page": lambda p: f"https://www.example.com/~{p.handle}/",
    "user in an address": lambda p: f"https://{p.handle}@git.example.com/x.git",
    "author in a query": lambda p: f"https://git.example.com/search?author={p.handle}&x=1",
    "first part of a path": lambda p: f"https://git.example.com/{p.handle}/dotfiles",
    "home folder": lambda p: f"/home/{p.handle}/notes.txt",
    "Windows folder": lambda p: rf"C:\Users\{p.handle}\notes.txt",
    "shell prompt": lambda p: f"{p.handle}$ ls",
    "assignment": lambda p: f"user={p.handle}",
    "surname beside a handle": lambda p: f"{p.family} (@{p.handle})",
    "ADF mention": lambda p: _adf({"type": "mention", "attrs": {"id": p.account, "text": f"@{p.name}"}}),
    "ADF text": lambda p: _adf(_node(f"by {p.name}")),
    "ADF divided name": lambda p: _adf(_node(p.given + " " + p.family[:3], "strong"), _node(p.family[3:])),
}


def _digits(random: Random, count: int) -> str:
    return "".join(random.choice("0123456789") for _ in range(count))


def _luhn(random: Random, prefix: str, length: int) -> str:
    body = prefix + _digits(random, length - len(prefix) - 1)
    return body + luhn.calc_check_digit(body)


def _iban(country: str, bban: str) -> str:
    number = int("".join(str(int(each, 36)) for each in f"{bban}{country}00"))
    return f"{country}{98 - number % 97:02d}{bban}"


def _groups(text: str, *sizes: int, between: str = " ") -> str:
    parts, at = [], 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    return between.join([*parts, text[at:]] if at < len(text) else parts)


def _valid(random: Random, draw: Callable[[Random], str], is_valid: Callable[[str], bool]) -> str:
    while True:
        found = draw(random)
        if is_valid(found):
            return found


def _us_phone(random: Random) -> tuple[str, str, str]:
    return (
        f"{random.choice('2345679')}1{random.choice('2345')}",
        f"{random.choice('2346789')}0{random.choice('2346')}",
        _digits(random, 4),
    )


def _steuer_id(random: Random) -> str:
    return _valid(random, lambda r: r.choice("123456789") + _digits(r, 10), idnr.is_valid)


def _nir(random: Random) -> str:
    born = f"{random.choice('12')}{random.randrange(40, 99)}{random.randrange(1, 13):02d}"
    body = f"{born}{random.randrange(10, 95)}{_digits(random, 6)}"
    return body + nir.calc_check_digits(body)


def _dni(random: Random) -> str:
    body = "5" + _digits(random, 7)
    return body + dni.calc_check_digit(body)


def _codice(random: Random) -> str:
    letters = "".join(random.choice("BCDFGLMNPRST") for _ in range(6))
    body = f"{letters}{random.randrange(50, 99)}{random.choice('ABCDEHLMPRST')}{random.randrange(10, 29)}H501"
    return body + codicefiscale.calc_check_digit(body)


def _nn(random: Random) -> str:
    born = f"{random.randrange(50, 99)}{random.randrange(1, 13):02d}{random.randrange(1, 28):02d}"
    body = f"{born}{random.randrange(1, 998):03d}"
    return body + f"{97 - int(body) % 97:02d}"


def _belgian(random: Random) -> str:
    text = _valid(random, _nn, nn.is_valid)
    return f"{text[:2]}.{text[2:4]}.{text[4:6]}-{text[6:9]}.{text[9:]}"


def _swiss(random: Random) -> str:
    return str(ahv.format(_valid(random, lambda r: f"756{_digits(r, 10)}", ahv.is_valid)))


_ALNUM: Final = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789"


def _word(random: Random, length: int, letters: str = _ALNUM) -> str:
    return (
        "".join(random.choice(letters) for _ in range(length - 3)) + "a7Z"
        if letters is _ALNUM
        else "".join(random.choice(letters) for _ in range(length))
    )


Planted = tuple[str, str]
"""The text to plant, and what must not be left of it."""


def _both(text: str) -> Planted:
    return text, text


def _within(shape: Callable[[str], str], draw: Callable[[Random], str]) -> Callable[[Random], Planted]:
    """What is drawn, in a text of that shape."""

    def place(random: Random) -> Planted:
        needle = draw(random)
        return shape(needle), needle

    return place


def _long(text: str, length: int) -> str:
    """A text made long by repeating it backwards."""
    return (text[::-1] * length)[:length]


_UPPER: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
NUMBER_PLACEMENTS: Final[dict[str, Callable[[Random], Planted]]] = {
    "US phone in brackets": lambda r: _both("({}) {}-{}".format(*_us_phone(r))),
    "US phone with hyphens": lambda r: _both("{}-{}-{}".format(*_us_phone(r))),
    "US phone with points": lambda r: _both("{}.{}.{}".format(*_us_phone(r))),
    "US phone, international": lambda r: _both("+1 {} {} {}".format(*_us_phone(r))),
    "US phone, E.164": lambda r: _both("+1{}{}{}".format(*_us_phone(r))),
    "British phone, international": lambda r: _both(f"+44 20 8{_digits(r, 3)} {_digits(r, 4)}"),
    "British phone": lambda r: _both(f"020 8{_digits(r, 3)} {_digits(r, 4)}"),
    "British mobile": lambda r: _both(f"07{r.choice('45')}{_digits(r, 2)} {_digits(r, 6)}"),
    "German phone, international": lambda r: _both(f"+49 30 9{_digits(r, 6)}"),
    "German phone": lambda r: _both(f"030/9{_digits(r, 6)}"),
    "French mobile": lambda r: _both(
        "06 1{} {} {} {}".format(*(_digits(r, 1), *(_digits(r, 2) for _ in range(3))))
    ),
    "French phone, international": lambda r: _both(
        f"+33 1 42 {_digits(r, 2)} {_digits(r, 2)} {_digits(r, 2)}"
    ),
    "Indian phone": lambda r: _both(f"+91 98{_digits(r, 3)} {_digits(r, 5)}"),
    "Australian phone": lambda r: _both(f"+61 2 9{_digits(r, 3)} {_digits(r, 4)}"),
    "phone with a zero in brackets": lambda r: _both(f"+49 (0)89 1{_digits(r, 6)}"),
    "phone after a label": _within(lambda n: f"Phone: {n}", lambda r: "9" + _digits(r, 9)),
    "tel link": _within(lambda n: f'<a href="tel:+4420{n}">call</a>', lambda r: "8" + _digits(r, 7)),
    "phone with a tag in it": _within(
        lambda n: f"+49 30 <b>{n[:3]}</b>{n[3:]}", lambda r: "9" + _digits(r, 6)
    ),
    "phone percent-encoded": _within(lambda n: f"call %2B4420{n}", lambda r: "8" + _digits(r, 7)),
    "Visa in groups": lambda r: _both(_groups(_luhn(r, "4539", 16), 4, 4, 4)),
    "Visa with hyphens": lambda r: _both(_groups(_luhn(r, "4716", 16), 4, 4, 4, between="-")),
    "Mastercard": lambda r: _both(_luhn(r, "5425", 16)),
    "American Express": lambda r: _both(_groups(_luhn(r, "3714", 15), 4, 6)),
    "card divided by a tag": _within(
        lambda n: f"<td>{n[:8]}<wbr>{n[8:]}</td>", lambda r: _luhn(r, "4539", 16)
    ),
    "card in full-width digits": _within(lambda n: n.translate(_WIDE), lambda r: _luhn(r, "5425", 16)),
    "German IBAN in groups": lambda r: _both(_groups(_iban("DE", _digits(r, 18)), 4, 4, 4, 4, 4)),
    "German IBAN": lambda r: _both(_iban("DE", _digits(r, 18))),
    "British IBAN": lambda r: _both(_groups(_iban("GB", "NWBK" + _digits(r, 14)), 4, 4, 4, 4, 4)),
    "Dutch IBAN in small letters": lambda r: _both(_iban("NL", "ABNA" + _digits(r, 10)).lower()),
    "US SSN": lambda r: _both(f"{r.randrange(100, 665)}-{r.randrange(10, 99)}-{r.randrange(1000, 9999)}"),
    "US SSN after a label": _within(
        lambda n: f"SSN {n}",
        lambda r: f"{r.randrange(100, 665)}{r.randrange(10, 99)}{r.randrange(1000, 9999)}",
    ),
    "UK NINO": lambda r: _both(f"AB {_digits(r, 2)} {_digits(r, 2)} {_digits(r, 2)} C"),
    "UK NINO without spaces": lambda r: _both(f"CE{_digits(r, 6)}A"),
    "German tax id": lambda r: _both(_groups(_steuer_id(r), 2, 3, 3)),
    "German tax id after a label": _within(lambda n: f"Steuer-ID: {n}", _steuer_id),
    "French NIR": lambda r: _both(_groups(_nir(r), 1, 2, 2, 2, 3, 3)),
    "French NIR without spaces": lambda r: _both(_nir(r)),
    "Dutch BSN": _within(
        lambda n: f"BSN {n}",
        lambda r: _valid(r, lambda s: s.choice("123456789") + _digits(s, 8), bsn.is_valid),
    ),
    "Spanish DNI": lambda r: _both(_dni(r)),
    "Italian codice fiscale": lambda r: _both(_codice(r)),
    "Belgian number": lambda r: _both(_belgian(r)),
    "Swiss AHV": lambda r: _both(_swiss(r)),
    "Brazilian CPF": lambda r: _both(cpf.format(_valid(r, lambda s: _digits(s, 11), cpf.is_valid))),
    "Polish PESEL": _within(
        lambda n: f"PESEL {n}",
        lambda r: _valid(
            r,
            lambda s: f"{s.randrange(50, 99)}0{s.randrange(1, 10)}{s.randrange(10, 28)}{_digits(s, 5)}",
            pesel.is_valid,
        ),
    ),
    "IPv4": lambda r: _both(
        f"{r.randrange(11, 99)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}"
    ),
    "private IPv4 with a port": _within(
        lambda n: f"{n}:8443", lambda r: f"10.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}"
    ),
    "IPv6": lambda r: _both(
        f"2a02:{r.randrange(4096, 65536):x}:{r.randrange(4096, 65536):x}::{r.randrange(16, 255):x}"
    ),
    "MAC": lambda r: _both("3c:" + ":".join(f"{r.randrange(256):02x}" for _ in range(5))),
    "MAC with hyphens": lambda r: _both("3C-" + "-".join(f"{r.randrange(256):02X}" for _ in range(5))),
    "MAC of a switch": lambda r: _both(
        "3c5a." + ".".join(f"{r.randrange(4096, 65536):04x}" for _ in range(2))
    ),
    "AWS key": _within(lambda n: f"AKIA{n}", lambda r: _word(r, 16, _UPPER)),
    "GitHub token": _within(lambda n: f"ghp_{n}", lambda r: _word(r, 36)),
    "GitHub fine-grained token": _within(lambda n: f"github_pat_{n}", lambda r: _word(r, 60)),
    "Slack token": _within(lambda n: f"xoxb-{n}", lambda r: f"{_digits(r, 11)}-{_word(r, 24)}"),
    "Slack webhook": _within(
        lambda n: f"https://hooks.slack.com/services/{n}",
        lambda r: f"T{_word(r, 8, _UPPER)}/B{_word(r, 8, _UPPER)}/{_word(r, 24)}",
    ),
    "Google key": _within(lambda n: f"AIza{n}", lambda r: _word(r, 35)),
    "Stripe key": _within(lambda n: f"sk_live_{n}", lambda r: _word(r, 24)),
    "GitLab token": _within(lambda n: f"glpat-{n}", lambda r: _word(r, 20)),
    "npm token": _within(lambda n: f"npm_{n}", lambda r: _word(r, 36)),
    "JWT": _within(lambda n: f"eyJ{n}.{_long(n, 40)}.{_long(n, 43)}", lambda r: _word(r, 30)),
    "PEM block": _within(
        lambda n: f"-----BEGIN RSA PRIVATE KEY-----\n{n}\n{_long(n, 64)}\n-----END RSA PRIVATE KEY-----",
        lambda r: _word(r, 64),
    ),
    "PEM block in JSON": _within(
        lambda n: json.dumps({"key": f"-----BEGIN PRIVATE KEY-----\n{n}\n-----END PRIVATE KEY-----\n"}),
        lambda r: _word(r, 64),
    ),
    "password assignment": _within(lambda n: f"password={n}", lambda r: _word(r, 10)),
    "password in YAML": _within(lambda n: f"db_password: {n}", lambda r: _word(r, 12)),
    "password in JSON": _within(lambda n: json.dumps({"apiKey": n, "x": 1}), lambda r: _word(r, 20)),
    "password in code": _within(lambda n: f"<code>client_secret = '{n}'</code>", lambda r: _word(r, 20)),
    "password in an address": _within(
        lambda n: f"postgres://app:{n}@db.example.com/x", lambda r: _word(r, 12)
    ),
    "bearer header": _within(lambda n: f"Authorization: Bearer {n}", lambda r: _word(r, 40)),
    "basic header": _within(lambda n: f"-H 'Authorization: Basic {n}=='", lambda r: _word(r, 24)),
    "picture": _within(lambda n: f'<img src="data:image/png;base64,{n}=="/>', lambda r: _word(r, 200)),
    "address of nobody known": lambda r: _both(f"zoltan.kerekes{_digits(r, 3)}@partner-company.eu"),
}

KEPT: Final = (
    "#issuecomment-4345955198",
    "p1767225600000001",
    "1767225600.000001",
    "550e8400-e29b-41d4-a716-446655440000",
    "12345678-1234-4234-8234-123456789012",
    "9fceb02d0ae598e95dc970b74767f19372d61af8",
    "1234567890123456789012345678901234567890",
    "v1.24.0.4567",
    "10.0.19045.3803",
    "INC-20260812-09",
    "PAY-4111",
    "2026-08-12",
    "2026-08-12T10:15:00Z",
    "20260812",
    "12.08.2026",
    "08/12/2026 10:15",
    "1767225600000",
    "C0123ABCDEF",
    "https://wiki.example.com/spaces/ENG/pages/4345955198/0301234567",
    "https://app.example.com/archives/C0123/p1767225600000001",
    "{{site:jira_issues}}/browse/PAY-4242",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "git@github.com:acme/payments.git",
    "@angular/core@17.3.1",
    "logo@2x.png",
    "10:15:30",
    "std::vector",
    "33,700",
    "100 200 3000",
    "0.123456789",
    "line 1234567",
    "127.0.0.1",
)
"""What stays as it is, whatever it looks like."""

_BEFORE: Final = ("Seen today: ", "", "Notes.\n", "We will mark it as done. ", "See PAY-4242, then ")
_AFTER: Final = (" and so on.", "", ".\nMore on 2026-08-12.", " (see #issuecomment-4345955198)", ", may be")


def record(dataset_type: DatasetType, text: str, who: Somebody, number: int = 0) -> dict[str, Any]:
    """A record of a type with this text as its long text, of this author."""
    stamp = "2026-08-12T10:15:00Z"
    match dataset_type:
        case DatasetType.CONFLUENCE_PAGES:
            return {
                "page_id": f"{4345955198 + number}", "title": "Runbook", "body": text, "space_key": "ENG",
                "author_email": who.email, "author_name": who.name, "last_modified": stamp,
            }  # fmt: skip
        case DatasetType.GITHUB_REPOS:
            return {
                "name": f"payments-{number}", "description": None, "language": "Go", "stars": 4, "issues": 2,
                "owner": "acme", "readme": text, "maintainer_email": who.email, "updated_at": stamp,
            }  # fmt: skip
        case DatasetType.SLACK_MESSAGES:
            return {
                "message_id": f"p{1767225600000001 + number}", "text": text, "channel": "incidents",
                "author": who.email, "author_name": who.name, "timestamp": stamp, "thread": "p1767225600000001",
            }  # fmt: skip
        case DatasetType.JIRA_ISSUES:
            return {
                "key": f"PAY-{number}", "summary": "Look into it", "description": text, "status": "Open",
                "assignee": {"displayName": who.name, "accountId": who.account},
                "reporter": who.email, "created": stamp, "updated": stamp,
            }  # fmt: skip


TEXT_FIELD: Final = {
    DatasetType.CONFLUENCE_PAGES: "body",
    DatasetType.GITHUB_REPOS: "readme",
    DatasetType.SLACK_MESSAGES: "text",
    DatasetType.JIRA_ISSUES: "description",
}
ID_FIELD: Final = {
    DatasetType.CONFLUENCE_PAGES: "page_id",
    DatasetType.GITHUB_REPOS: "name",
    DatasetType.SLACK_MESSAGES: "message_id",
    DatasetType.JIRA_ISSUES: "key",
}


def surround(text: str, random: Random) -> str:
    """A text within others; JSON stands alone."""
    return (
        text
        if text.startswith("{") and text.endswith("}")
        else random.choice(_BEFORE) + text + random.choice(_AFTER)
    )


def roster(seed: int) -> list[tuple[DatasetType, dict[str, Any]]]:
    """Records that name everybody, from which they are harvested."""
    found: list[tuple[DatasetType, dict[str, Any]]] = []
    for number, who in enumerate(people(seed)):
        found += [(each, record(each, "Hello", who, number)) for each in DatasetType]
        found.append((
            DatasetType.JIRA_ISSUES,
            {**record(DatasetType.JIRA_ISSUES, "x", who, 90 + number), "assignee": {
                "displayName": who.name, "emailAddress": who.email, "name": who.handle, "accountId": who.account,
            }},
        ))  # fmt: skip
        found.append((
            DatasetType.SLACK_MESSAGES,
            {"message_id": f"p17672256000009{number:02d}", "text": "x", "channel": "eng",
             "timestamp": "1767225600.000001", "user": who.slack,
             "user_profile": {"real_name": who.name, "email": who.email}},
        ))  # fmt: skip
    return found


_TAGS: Final = re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]*>")
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_LOOK_ALIKES: Final = str.maketrans("аеорсхуіονικ", "aeopcxyiovik")
_WORDS: Final = re.compile(r"[^a-z0-9@']+")


def reveal(text: str) -> list[str]:
    """What readers of all kinds may see of a text, in small letters."""
    seen = [text]
    with suppress(ValueError):
        seen.append(json.dumps(json.loads(text), ensure_ascii=False))
    for _ in range(2):
        seen += [html.unescape(unquote(each)) for each in seen]
    seen += [_TAGS.sub("", each) for each in seen]
    seen += [_TAGS.sub(" ", each) for each in seen]
    seen = [
        plain(_INVISIBLE.sub("", unicodedata.normalize("NFKC", each)).translate(_LOOK_ALIKES))
        for each in seen
    ]
    seen += [re.sub(r'"[^"]*"text": "', "", each) for each in seen]
    seen += [re.sub(r"[*~`{}]", "", each) for each in seen]
    return [
        *seen,
        *(_WORDS.sub(" ", each) for each in seen),
        *(re.sub(r"[^a-z0-9]", "", each) for each in seen),
    ]


def tags(text: str) -> list[str]:
    """The names of a text's tags, in order."""
    return re.findall(r"</?([A-Za-z][\w:-]*)(?=[\s/>])", text)
