"""Commands on what datasets are made for and from: clients, journeys, templates."""
