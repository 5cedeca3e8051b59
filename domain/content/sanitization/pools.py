"""Pools: the made-up names, and what is reserved so that it belongs to nobody.

Documentation and drama ranges: RFC 2606 (domains), RFC 5737 and 3849 (addresses), RFC 7042 (MAC addresses), NANPA's
555-0100 to 555-0199, and the numbers that Ofcom, ARCEP and the Bundesnetzagentur set apart for drama. The cards are the
test numbers of their schemes. No bank has an IBAN with the check digits 00 (ISO 13616 starts at 02).
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Final

_GIVEN_BEGINNINGS: Final = """
    Bravy Celdo Dravi Elqui Fendra Galvi Hesto Ilvra Jorqui Keldri Lorvi Mavri Nolqui Orvi Pelzo Quenda Rilvo Sarqui
    Telvra Uldri Varqui Welvo Xandri Yelqui Zorvi Brelqui Corvo Drelvi Fralqui Gretvi Halqui Jesvo
""".split()
_GIVEN_ENDINGS: Final = """
    bex dax fenn gax hovax jix kesh lux mox nyx pex quil rix sefax tox vash wex xil yox zeth bryn cwyn drex flix grax
    hesk jyn klox myrr plix stryx twyx
""".split()
_FAMILY_BEGINNINGS: Final = """
    Bram Cald Dusk Eld Fenn Grav Holt Irv Jask Krel Lond Morv Nesk Oxl Prel Quist Rusk Stev Tarn Ulv Vesk Wrax Xerv Yorv
    Zelk Blon Crum Drov Flisk Glav Hurv Jolm
""".split()
_FAMILY_ENDINGS: Final = """
    abrix obrand elquist ingrave ovance urwick amquell endrake orvask ushanks ilvane otwist andolf erquin imbrook ostrix
    unvale awrenz ebdown ickrow obwing ulmarsh anquay eshvold ixdale orwen ustrand aveling eckworm ifthorn ombeck uxholm
""".split()

GIVEN_POOL: Final = tuple(first + last for first in _GIVEN_BEGINNINGS for last in _GIVEN_ENDINGS)
"""Made-up given names: no list of names that people have contains one."""
FAMILY_POOL: Final = tuple(first + last for first in _FAMILY_BEGINNINGS for last in _FAMILY_ENDINGS)
"""Made-up family names."""
POOL_SIZE: Final = len(GIVEN_POOL) * len(FAMILY_POOL)

_RESERVED_DOMAIN: Final = re.compile(
    r"(?:.*\.)?(?:example(?:\.(?:com|net|org|edu))?|test|invalid|localhost)", re.IGNORECASE
)


def is_reserved_domain(domain: str) -> bool:
    """Whether a domain is reserved for examples (RFC 2606), or below such a one."""
    return _RESERVED_DOMAIN.fullmatch(domain) is not None


RESERVED_NETWORKS: Final = tuple(
    map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)
RESERVED_MAC: Final = "00005e0053"
"""How documentation MAC addresses begin, without separators."""

TEST_CARDS: Final = {
    "4": ("4111111111111111", "4012888888881881", "4242424242424242", "4000056655665556"),
    "5": ("5555555555554444", "5105105105105100", "5200828282828210"),
    "2": ("2223003122003222", "2223520043560014"),
    "34": ("378282246310005", "371449635398431", "378734493671000"),
    "6": ("6011111111111117", "6011000990139424", "6011981111111113"),
    "35": ("3530111333300000", "3566002020360505"),
    "30": ("30569309025904", "38520000023237", "36227206271667"),
    "62": ("6200000000000005", "6200000000000047"),
}
"""Test numbers by how the cards of a scheme begin."""
ALL_TEST_CARDS: Final = frozenset(each for cards in TEST_CARDS.values() for each in cards)

RESERVED_PHONE: Final = re.compile(
    r"(?:00)?1?\d{3}55501\d\d"
    r"|(?:0|(?:00)?44)(?:207946\d{4}|7700900\d{3}|1632960\d{3}|113496\d{4})"
    r"|(?:0|(?:00)?33)(?:19900|26191|35301|46571|53649|63998)\d{4}"
    r"|(?:0|(?:00)?49)(?:3023125|6990009|4066969|2214710|8999998)\d{3}"
)
"""Numbers of drama, as digits."""

COUNTRY_CODES: Final = frozenset(
    """
    1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86
    90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 228 229 230 231 232 233 234 235 236 237 238
    239 240 241 242 243 244 245 246 248 249 250 251 252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269
    290 291 297 298 299 350 351 352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 380 381 382 383 385
    386 387 389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599 670 672 673
    674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 850 852 853 855 856 880 886 960 961 962 963
    964 965 966 967 968 970 971 972 973 974 975 976 977 992 993 994 995 996 998
    """.split()
)
NO_BANK: Final = "00"
"""The check digits of IBANs that no bank gives out."""
IBAN_LENGTHS: Final = {
    each[:2]: int(each[2:])
    for each in """
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18
    FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21
    LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27
    ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20
    """.split()
}

ORDINARY_WORDS: Final = frozenset(
    """
    able abbey ace adams admin agile ally almond amber angel angelo april archer ash august austin autumn bailey baker
    bank banks banner bard barn base bash basil bass batch bay beach bean bear beck bell best bill billy bird bishop black
    blake blaze bloom blue bolt bond book boot boss bower bowl box boy brain branch brand bridge bridges bright brook
    brooke brooklyn brooks brown bruno buck bud bush butcher butler cain can candy cannon carbon care carol carpenter
    carter case cash cassandra castle celeste chain chance chandler chapel chapman charity chase chelsea cherry chip
    chris christian clay clear clerk cliff close cloud cobb code cole commerce cook cookie cooper core cotton count court
    crane cross crown crystal curry dakota dale dallas dare data dawn day deacon dean dear delta dev diamond dick dolly
    dot dove drake drew duke early east easter eden ember english erica even ever evening eve faith fall farmer fay fern
    field fields finch fire fish fisher flag flint flora florence flower foot ford forest forge fort foster fox france
    francis frank franklin free freeman french friend frost gage gale gardener gates gay gem gene georgia german ginger
    glass glen glory go gold golden good goodman grace graham grant gray green grey grove guest guy hall ham hand harbor
    hardy harmony harper hart harvest haven hazel head heart heath heather held henry herb hero high hill hobby holly
    home hood hook hope hopper house hudson hugo hunt hunter inn iris iron ivory ivy jack jackson jade james jan jasmine
    java jay jean jenkins jersey jet job jordan jose joy joyce judge jules julia july june just justice justin keen keep
    kelvin key king kit knight kotlin lake lamb lance land lane large lark last laurel law lea leaf lee legacy levy
    liberty light lily lincoln link little lock london long love low lucky luna lynx madison magic major mallow man march
    mark marks marsh martin mason master masters max maven may mayor mercy merit mike mild miles mill miller mills miner
    mint misty monday moon moore moss mount myrtle nelson new nick noble noel north nova now oak ocean olive opal orange
    page pages paige palm paris park parker parks parsley pat patch patience paul peace pearl penny pepper perry phoenix
    pick pierce pike pine piper pitt plant platt pole pollock pond poppy porter potter pound power powers price prince
    prudence rain ray read reed reeves reid rich rider ring river rivers rob robin rock rocky roger root rose row royal
    ruby rule rush rust sage sailor sally sandy savage scala scott seal sea see selena self serena shade sharp shaw
    shepherd short silver singer sky slack small smart smith snow sol south spark sparks spring star stark steel stella
    sterling stone storm story street strong stubbs sue summer sun sunny swan sweet swift sydney tab tanner taylor teal
    temple terry thorn thyme tiger tina tom tony town tracy trinity trip troy true tucker turner tyler vale van venus
    vera victor victoria victory viola violet virginia wade walker wall walls ward warm warner washington water waters
    watts way weaver webb weber week wells west wheat wheeler white wild will willow wilson winter wise wolf wong wood
    woods worth wren wright yale york young zen zion
    monday tuesday wednesday thursday friday saturday sunday january february september october november december
    all any back both call check day do down each every for from get had has have her here him his how into its let like
    look make many more most much must not off one only open our out over own put run said same she should some such take
    than that the their them then there these they this time too two under until use very was well were what when where
    which who why with work would yes you your build deploy fix issue merge release review server service ship test
    """.split()
)
"""Words that are names, too: alone they name nobody."""

ROLE_WORDS: Final = frozenset(
    """
    abuse account accounts admin administrator alerts all api app atlassian automation backup billing bot build
    builder ci community contact customer customers data deploy deployment desk dev devops engineering everyone events
    feedback finance github group hello help helpdesk hr hostmaster info infra integration it jenkins jira jobs legal
    mail mailer marketing monitor monitoring news newsletter no noreply notifications office ops operations orders
    payments platform postmaster press privacy product project reply reports robot root sales scheduler security service
    services slack slackbot staff support sync system team test user webhook webmaster workflow
    """.split()
)
"""Words in the addresses and names of what is no person."""

NOBODY_WORDS: Final = frozenset(
    {
        "",
        "-",
        "n/a",
        "none",
        "null",
        "nobody",
        "unassigned",
        "unknown",
        "anonymous",
        "former user",
        "ghost",
        "automatic",
    }
)
"""What a field of a person says when there is none."""

NOT_HANDLES: Final = frozenset(
    """
    all anonymous author channel codecov component config container data deprecated dependabot ensure everyone example
    extends font font-face generated group here import include inject interface internal keyframes latest link main media
    me mixin mock nestjs new next none null nullable override page param params patch path pre private property
    protected public readonly renovate return returns see service since staticmethod classmethod abstractmethod
    dataclass fixture pytest suppress supports team test tests throws todo transactional types use user value version
    you
    """.split()
)
"""What stands behind `@` or `/users/` without being anybody."""
