"""Words of every industry: names of people, and what may precede or follow other words."""

from __future__ import annotations

from typing import Final

SITES: Final = ("", " North", " South", " East", " West", " Riverside", " Central", " Old Town")
"""What may follow the name of a place."""
CIRCLES: Final = """
    northern southern eastern western coastal rural urban regional local smaller larger newer older independent
    mid-sized long-standing busier remote central inland upland riverside suburban outlying
""".split()
"""What may precede customers."""
PLACINGS: Final = """
    main secondary primary standby shared regional edge central backup legacy internal new
""".split()
"""What may precede a component."""
COURSES: Final = (
    *("sudden {}", "recurring {}", "occasional {}", "frequent {}", "unexplained {}", "widespread {}"),
    *("{} under load", "{} after restarts", "{} after retries", "{} after failovers", "{} during backups"),
    "{} on slow links",
)
"""What may stand around a symptom."""
GIVEN_NAMES: Final = """
    Aaliyah Adaeze Ahmet Aiko Alma Amara Anders Anouk Arjun Astrid Ayodele Bao Beatriz Bogdan Camila Chiara Dalia
    Davit Dilnoza Ebba Eduardo Eilidh Elif Emeka Esra Farah Fatou Femi Gabriela Goran Hana Haruto Ines Ioana
    Isabel Itzel Ivo Jamila Jonas Jun Kaito Katya Kofi Lale Leila Linh Luca Maeve Malik Marek Maya Mei Mikkel
    Nadia Naveen Nia Noor Oana Obinna Oskar Paloma Pavel Priya Quynh Rafael Ravi Rosa Ruta Sabina Samir Sanna
    Selim Siobhan Sofia Soren Tariq Teo Thandi Tomas Uma Valentina Vikram Wanjiru Xiomara Yara Yusuf Zainab Zofia
""".split()
"""Given names."""
FAMILY_NAMES: Final = """
    Abebe Adeyemi Akhtar Albrecht Almeida Amsel Asante Balogun Barzani Bergstrom Bielak Brannigan Calder
    Castellanos Chaudhry Cardoso Dastur Delacroix Demir Dubois Ekholm Espinoza Farouk Fiala Fonseca Galanis Gebre
    Grigoryan Haddad Halvorsen Hoang Ilves Iyer Jankowski Jimenez Kalinin Kamara Kapoor Karlsen Kimura Kovalenko
    Lachance Lindqvist Lovric Macleod Mahlangu Marchetti Mensah Moreau Nakagawa Ndiaye Novotny Nygaard Obradovic
    Okafor Olander Ortega Osei Paquet Petrosyan Quispe Rahimi Rautio Renner Rossetti Saarinen Sandoval Sharma
    Silveira Soltani Sorensen Takeda Tanaka Tesfaye Tran Ueda Vargas Velasquez Vesely Wachira Wieczorek Yilmaz
    Zhou
""".split()
"""Family names, drawn apart from the given ones."""
NOWHERE: Final = (
    *("Velmora Exchange", "Quillmere Console", "Tessandry Relay", "Brackenfold Mirror", "Ollendale Router"),
    *("Sarnwick Planner", "Duskerby Gateway", "Wrenhollow Index"),
)
"""Names of systems that no company has, for questions that nothing answers."""
