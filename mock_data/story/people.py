"""Invented colleagues: given and family names are drawn apart from each other, addresses are under example.com."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from mock_data.story.draw import Draw
from mock_data.story.world import Person

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mock_data.story.world import Incident, World

_GIVEN = [
    "Aaliyah",
    "Adaeze",
    "Ahmet",
    "Aiko",
    "Alma",
    "Amara",
    "Anders",
    "Anouk",
    "Arjun",
    "Astrid",
    "Ayodele",
    "Bao",
    "Beatriz",
    "Bogdan",
    "Camila",
    "Chiara",
    "Dalia",
    "Davit",
    "Dilnoza",
    "Ebba",
    "Eduardo",
    "Eilidh",
    "Elif",
    "Emeka",
    "Esra",
    "Farah",
    "Fatou",
    "Femi",
    "Gabriela",
    "Goran",
    "Hana",
    "Haruto",
    "Ines",
    "Ioana",
    "Isabel",
    "Itzel",
    "Ivo",
    "Jamila",
    "Jonas",
    "Jun",
    "Kaito",
    "Katya",
    "Kofi",
    "Lale",
    "Leila",
    "Linh",
    "Luca",
    "Maeve",
    "Malik",
    "Marek",
    "Maya",
    "Mei",
    "Mikkel",
    "Nadia",
    "Naveen",
    "Nia",
    "Noor",
    "Oana",
    "Obinna",
    "Oskar",
    "Paloma",
    "Pavel",
    "Priya",
    "Quynh",
    "Rafael",
    "Ravi",
    "Rosa",
    "Ruta",
    "Sabina",
    "Samir",
    "Sanna",
    "Selim",
    "Siobhan",
    "Sofia",
    "Soren",
    "Tariq",
    "Teo",
    "Thandi",
    "Tomas",
    "Uma",
    "Valentina",
    "Vikram",
    "Wanjiru",
    "Xiomara",
    "Yara",
    "Yusuf",
    "Zainab",
    "Zofia",
]


_FAMILY = [
    "Abebe",
    "Adeyemi",
    "Akhtar",
    "Albrecht",
    "Almeida",
    "Amsel",
    "Asante",
    "Balogun",
    "Barzani",
    "Bergstrom",
    "Bielak",
    "Brannigan",
    "Calder",
    "Castellanos",
    "Chaudhry",
    "Cardoso",
    "Dastur",
    "Delacroix",
    "Demir",
    "Dubois",
    "Ekholm",
    "Espinoza",
    "Farouk",
    "Fiala",
    "Fonseca",
    "Galanis",
    "Gebre",
    "Grigoryan",
    "Haddad",
    "Halvorsen",
    "Hoang",
    "Ilves",
    "Iyer",
    "Jankowski",
    "Jimenez",
    "Kalinin",
    "Kamara",
    "Kapoor",
    "Karlsen",
    "Kimura",
    "Kovalenko",
    "Lachance",
    "Lindqvist",
    "Lovric",
    "Macleod",
    "Mahlangu",
    "Marchetti",
    "Mbeki-Olsen",
    "Mensah",
    "Moreau",
    "Nakagawa",
    "Ndiaye",
    "Novotny",
    "Nygaard",
    "Obradovic",
    "Okafor",
    "Olander",
    "Ortega",
    "Osei",
    "Paquet",
    "Petrosyan",
    "Quispe",
    "Rahimi",
    "Rautio",
    "Renner",
    "Rossetti",
    "Saarinen",
    "Sandoval",
    "Sharma",
    "Silveira",
    "Soltani",
    "Sorensen",
    "Takeda",
    "Tanaka",
    "Tesfaye",
    "Tran",
    "Ueda",
    "Vargas",
    "Velasquez",
    "Vesely",
    "Wachira",
    "Wieczorek",
    "Yilmaz",
    "Zhou",
]


_ROLES = (
    "Engineering Lead",
    "Staff Engineer",
    "Senior Engineer",
    "Engineer",
    "Reliability Engineer",
    "Product Manager",
    "Analyst",
)


def hire(world: str, teams: Sequence[str], *, each: int, roles: Sequence[str] = _ROLES) -> tuple[Person, ...]:
    """Return `each` people for every team; no given and no family name is used twice within a world.

    Raises:
        IndexError: there are fewer names than people.
    """
    draw = Draw("people", world)
    given, family = draw.shuffled(_GIVEN), draw.shuffled(_FAMILY)
    people = []
    for position in range(len(teams) * each):
        first, last = given[position], family[position]
        people.append(
            Person(
                name=f"{first} {last}",
                email=f"{_plain(first)}.{_plain(last)}@example.com",
                role=roles[position % each],
                team=teams[position // each],
            ),
        )
    return tuple(people)


def crew(world: World, incident: Incident) -> tuple[Person, Person]:
    """Return who led the work on an incident, and who found its cause."""
    team = world.team_of(world.service(incident.service))
    lead, second = Draw("crew", incident.key).some(world.members(team), 2)
    return lead, second


def _plain(name: str) -> str:
    """Return a name in the letters that an address may have."""
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
