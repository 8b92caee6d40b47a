"""Public holidays, by country or country-state code, from the `holidays` package."""

from datetime import date
from functools import lru_cache

from holidays import country_holidays, list_supported_countries

ALIASES = {"UK": "GB"}  # what people write instead of the code


@lru_cache(maxsize=1)
def _countries() -> dict[str, list[str]]:
    return list_supported_countries(include_aliases=False)


def known(code: str) -> bool:
    """Whether a code such as “DE” or “DE-BE” is known. Case matters, so that each region is written in only one way."""
    country, state = _parts(code)
    return country in _countries() and (not state or state in _countries()[country])


def _parts(code: str) -> tuple[str, str]:
    country, _, state = code.partition("-")
    return ALIASES.get(country, country), state


@lru_cache(maxsize=1000)
def _days(code: str, year: int) -> dict[date, str]:
    country, state = _parts(code)
    return dict(country_holidays(country, subdiv=state or None, years=year, language="en_US"))


def between(code: str, first: date, last: date) -> dict[date, str]:
    """The holidays from `first` to `last`, with their names."""
    years = range(first.year, last.year + 1)
    return {day: name for year in years for day, name in _days(code, year).items() if first <= day <= last}
