"""Words that many deliveries share, and what is filled in for each one when it is sent."""

# Private-use characters: nobody types them, and no template escapes them.
OPEN, CLOSE = "\ue000", "\ue001"


def mark(name: str) -> str:
    """Where a delivery's own words go: "parts", or the name of one of the content's links."""
    return f"{OPEN}{name}{CLOSE}"
