"""People of an export: an e-mail address for each, made up where the export has none."""

from __future__ import annotations

from domain.content import is_address, made_up_address


def find_address(*known: str | None) -> str | None:
    """The address of a person from what is known of them, the best first: an address as it is, else one made up."""
    texts = [each.strip() for each in known if each and each.strip()]
    if not texts:
        return None
    return next((each for each in texts if is_address(each)), None) or made_up_address(texts[0])
