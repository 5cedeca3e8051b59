"""Commands on one dataset: provision, cancel, tear down, restore, archive, show."""
