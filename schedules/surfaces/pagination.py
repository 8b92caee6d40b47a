from rest_framework.exceptions import ValidationError
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request


class Pages(LimitOffsetPagination):
    """Pagination by `?limit=` (50, at most 500) and `?offset=`; refuses malformed values by name (faults J7)."""

    default_limit = 50
    max_limit = 500

    def get_limit(self, request: Request) -> int:
        return min(_whole(request, self.limit_query_param, self.default_limit, least=1), self.max_limit)

    def get_offset(self, request: Request) -> int:
        return _whole(request, self.offset_query_param, 0, least=0)


def _whole(request: Request, name: str, default: int, *, least: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) >= least):
        raise ValidationError({name: [f"Must be a whole number, at least {least}."]})
    return int(text)
