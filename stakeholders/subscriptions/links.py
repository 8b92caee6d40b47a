"""The links to confirm a subscription and to say “this was not me”. They are valid for three days and can be opened repeatedly."""

from dispatching.contact.links import Links
from dispatching.models import ContactPoint

AGE = 72 * 3600  # seconds

_asked = Links("tocsin.stakeholders.", AGE)
path, url, read = _asked.path, _asked.url, _asked.read


def short(purpose: str, point: ContactPoint) -> str:
    """Returns a link to the same page under a shorter address, for text messages."""
    return url(purpose, point, page=f"{purpose}_short")
