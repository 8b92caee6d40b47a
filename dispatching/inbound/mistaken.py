"""Names the right address to the sender of a body that is refused because it is in the format of another address."""

from collections.abc import Callable
from typing import Any

from dispatching.inbound.bad_input import BadInput
from dispatching.rules.event import Event

Parse = Callable[[Any], list[Event | BadInput]]
# For each format its name, the end of its address, and fields that a body in it has.
FORMATS = (
    ("Grafana", "/grafana/", {"alerts", "orgId"}),
    ("Alertmanager", "/alertmanager/", {"alerts"}),
    ("PagerDuty", "/v2/enqueue", {"routing_key", "event_action"}),
    ("Tocsin itself", "/events/", {"summary"}),
    ("Tocsin itself", "/events/", {"events"}),
    ("Tocsin itself", "/events/", {"dedup_key", "action"}),
)


def with_hint(parse: Parse, address: str) -> Parse:
    """The parser of the address that ends so; if it takes nothing of a body in another format, its first error says so."""

    def parsed(payload: Any) -> list[Event | BadInput]:
        try:
            read = parse(payload)
        except BadInput as bad:
            if hint := _hint(payload, address):
                raise BadInput([hint, *bad.errors]) from None
            raise
        refused = [event for event in read if isinstance(event, BadInput)]
        hint = _hint(payload, address) if refused and len(refused) == len(read) else ""
        return [BadInput([hint, *refused[0].errors])] if hint else read

    return parsed


def _hint(payload: Any, address: str) -> str:
    names = payload.keys() if isinstance(payload, dict) else set()
    alike = [(name, right) for name, right, fields in FORMATS if fields <= names]
    if not alike or any(right == address for _, right in alike):
        return ""
    name, right = alike[0]
    return f"body: this is in the format of {name}: send it to the address that ends in {right}"
