"""The seeded script that writes the bundled catalogue.

`world.py` has the nouns, one file per industry fills them in, one file per dataset type turns them into records,
`write.py` lays the files out. The same people, teams, services and incidents appear in all four types.
"""
