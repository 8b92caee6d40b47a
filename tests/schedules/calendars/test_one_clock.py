"""Times of an event in other forms than its start: read as they are meant, or refused with a sentence that names the part."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from schedules.calendars.occurrences import BadCalendar, occurrences
from tests.schedules.ics import calendar, event

BERLIN = ZoneInfo("Europe/Berlin")
START, END = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 10, tzinfo=UTC)
DAYS = "RRULE:FREQ=DAILY;COUNT=3"
# Three days from 9:00 to 17:00 in Berlin, and three whole days.
SERIES = {
    "in a zone": ["DTSTART;TZID=Europe/Berlin:20261201T090000", "DTEND;TZID=Europe/Berlin:20261201T170000"],
    "in UTC": ["DTSTART:20261201T080000Z", "DTEND:20261201T160000Z"],
    "without a zone": ["DTSTART:20261201T090000", "DTEND:20261201T170000"],
}
WHOLE = ["DTSTART;VALUE=DATE:20261201"]
AT = {
    "UTC": ":20261202T080000Z",
    "no zone": ":20261202T090000",
    "Berlin": ";TZID=Europe/Berlin:20261202T090000",
    "New York": ";TZID=America/New_York:20261202T030000",
}


def read(*events: str) -> tuple[list[str], list[str]]:
    found, wrong = occurrences(calendar(*events), BERLIN, START, END)
    return [f"{each.title} {each.start:%d %H}-{each.end:%d %H}" for each in found], wrong


def of(base: list[str], *lines: str, title: str = "Old") -> str:
    return event("UID:s", f"SUMMARY:{title}", *base, *lines)


NEW = ["DTSTART;TZID=Europe/Berlin:20261202T100000", "DTEND;TZID=Europe/Berlin:20261202T170000"]
FIRST, SECOND, THIRD = (f"Old 0{day} 08-0{day} 16" for day in (1, 2, 3))


@pytest.mark.parametrize("base", SERIES.values(), ids=SERIES)
def test_a_repetition_is_left_out_added_and_changed_by_a_time_of_any_form(base):
    """The library took times without a zone for UTC as soon as another part had one: all shifts moved by an hour."""
    for form, at in AT.items():
        if base is SERIES["in UTC"] and form == "no zone":
            at = ":20261202T080000"  # on the clock of the start
        assert read(of(base, DAYS, f"EXDATE{at}")) == ([FIRST, THIRD], []), form
        added = at.replace("1202T", "1204T")
        assert read(of(base, DAYS, f"RDATE{added}")) == ([FIRST, SECOND, THIRD, "Old 04 08-04 16"], []), form
        changed = of(NEW, f"RECURRENCE-ID{at}", title="New")
        assert read(of(base, DAYS), changed) == ([FIRST, "New 02 09-02 16", THIRD], []), form


@pytest.mark.parametrize("base", SERIES.values(), ids=SERIES)
def test_a_repetition_that_is_named_by_its_day_is_the_one_of_that_day(base):
    """Both the old person and the new one were on duty."""
    changed = of(NEW, "RECURRENCE-ID;VALUE=DATE:20261202", title="New")
    assert read(of(base, DAYS), changed) == ([FIRST, "New 02 09-02 16", THIRD], [])
    assert read(of(base, DAYS, "EXDATE;VALUE=DATE:20261202")) == ([FIRST, THIRD], [])
    with pytest.raises(BadCalendar, match="it repeats several times a day, but a RECURRENCE-ID names only the day"):
        read(of(base, "RRULE:FREQ=DAILY;BYHOUR=9,20;COUNT=6"), changed)


@pytest.mark.parametrize("at", [";VALUE=DATE:20261202", *AT.values(), ":20261202T000000Z", ":20261201T230000Z"])
def test_a_whole_day_is_left_out_and_changed_by_any_time_of_it(at):
    assert read(of(WHOLE, DAYS, f"EXDATE{at}")) == (["Old 30 23-01 23", "Old 02 23-03 23"], [])
    changed = of(NEW, f"RECURRENCE-ID{at}", title="New")
    assert read(of(WHOLE, DAYS), changed) == (["Old 30 23-01 23", "New 02 09-02 16", "Old 02 23-03 23"], [])


ZONED = SERIES["in a zone"]
NOWHERE = "its time zone “Nowhere Time” is unknown"
REFUSED = {
    "end in an unknown zone": ([ZONED[0], "DTEND;TZID=Nowhere Time:20261201T170000"], f"{NOWHERE} (DTEND)"),
    "start in an unknown zone": (["DTSTART;TZID=Nowhere Time:20261201T170000"], f"{NOWHERE} (DTSTART)"),
    **{
        f"{name} in an unknown zone": (
            [*base, DAYS, f"{name};TZID=Nowhere Time:20261202T090000"],
            f"{NOWHERE} ({name})",
        )
        for name in ("EXDATE", "RDATE", "RECURRENCE-ID")
        for base in (*SERIES.values(), WHOLE)
    },
    "one of two": (
        [*ZONED, DAYS, "EXDATE:20261203T080000Z", "EXDATE;TZID=Nowhere Time:20261202T090000"],
        f"{NOWHERE} (EXDATE)",
    ),
    "a period": (
        [*ZONED, "RDATE;VALUE=PERIOD;TZID=Nowhere Time:20261205T090000/PT1H"],
        f"{NOWHERE} (RDATE)",
    ),
    "EXRULE": (
        [*ZONED, DAYS, "EXRULE:FREQ=DAILY;BYDAY=SA,SU"],
        "its EXRULE is not understood; RRULE and EXDATE can say the same",
    ),
    "a part of a rule": ([*ZONED, f"{DAYS};SKIP=OMIT"], "its RRULE has a part that is not understood: SKIP"),
    "a rule of nothing": ([*ZONED, "RRULE:X=Y"], "its RRULE does not say how often"),
    "a day added to times": (
        [*ZONED, "RDATE;VALUE=DATE:20261205"],
        "one of its dates is a whole day and the other is not (RDATE)",
    ),
    "a time added to days": (
        [*WHOLE, "RDATE:20261205T080000Z"],
        "one of its dates is a whole day and the other is not (RDATE)",
    ),
    "a period added to days": ([*WHOLE, "RDATE;VALUE=PERIOD:20261205T080000Z/PT1H"], "(RDATE)"),
    "until a day": (
        [ZONED[0], "DTEND;VALUE=DATE:20261202"],
        "one of its ends is a whole day and the other is not (DTEND)",
    ),
    "from a day until a time": ([*WHOLE, "DTEND:20261202T080000Z"], "one of its ends is a whole day"),
    **{
        f"twice {name}": (
            [*ZONED, "DURATION:PT1H", "SEQUENCE:1", "RECURRENCE-ID:20261201T080000Z", line],
            f"it has several {name}",
        )
        for name, line in (
            ("DTSTART", ZONED[0]),
            ("DTEND", ZONED[1]),
            ("DURATION", "DURATION:PT1H"),
            ("SEQUENCE", "SEQUENCE:2"),
        )
    },
    "twice RECURRENCE-ID": (
        [*ZONED, "RECURRENCE-ID:20261201T080000Z", "RECURRENCE-ID:20261202T080000Z"],
        "it has several RECURRENCE-ID",
    ),
    "backwards": ([ZONED[0], "DTEND:20261201T070000Z"], "it ends before it starts"),
    "backwards by its length": ([ZONED[0], "DURATION:-PT1H"], "it ends before it starts"),
    **{
        f"damaged {name}": ([*ZONED, DAYS, f"{name}:x"], f"its {name} is not understood")
        for name in ("EXDATE", "RDATE", "RECURRENCE-ID", "SEQUENCE", "DURATION")
    },
    "damaged DTEND": ([ZONED[0], "DTEND:x"], "its DTEND is not understood"),
}


@pytest.mark.parametrize(("lines", "said"), REFUSED.values(), ids=REFUSED)
def test_what_could_only_be_guessed_is_refused_by_its_name_and_costs_nothing_else(lines, said):
    good = event("SUMMARY:Bo", *ZONED)
    found, [wrong] = read(good, event("UID:s", "SUMMARY:Old", *lines))
    assert found == ["Bo 01 08-01 16"]
    assert wrong.startswith("“Old” cannot be read: ") and said in wrong and wrong.endswith(".")


def test_an_end_in_a_zone_ends_a_start_without_one_at_its_moment():
    assert read(of(["DTSTART:20261201T090000", "DTEND:20261201T160000Z"])) == ([FIRST], [])
    assert read(of([ZONED[0], "DTEND:20261201T170000"])) == ([FIRST], []), "on the clock of its start"


def test_only_the_last_revision_of_an_event_counts():
    """RFC 5545, 3.8.7.4: both the old and the new shift counted. Programs that give all events one UID number no revisions."""
    old, later = of(ZONED, "SEQUENCE:0"), of(NEW, "SEQUENCE:1", title="New")
    for order in ((old, later), (later, old), (of(ZONED), later), (of(ZONED, "SEQUENCE:-3"), old, later)):
        assert read(*order) == (["New 02 09-02 16"], [])
    assert read(later, of(ZONED, "SEQUENCE:2", "STATUS:CANCELLED")) == ([], [])
    assert read(of(ZONED), of(NEW, title="New")) == ([FIRST, "New 02 09-02 16"], [])
    main, at = of(ZONED, DAYS, "SEQUENCE:5"), f"RECURRENCE-ID{AT['Berlin']}"
    changes = [of(NEW, at, f"SEQUENCE:{n}", title=f"New {n}") for n in (10, 9)]
    assert read(*changes) == (["New 10 02 09-02 16"], []), "without the event itself"
    assert read(main, *changes, main) == ([FIRST, "New 10 02 09-02 16", THIRD], []), (
        "and what stands there twice counts once"
    )


def test_of_several_events_with_one_uid_none_is_guessed_to_be_the_changed_one():
    changed = of(NEW, f"RECURRENCE-ID{AT['UTC']}", title="New")
    with pytest.raises(
        BadCalendar, match="several events have the same UID, so it is unclear which of them is changed"
    ):
        read(of(ZONED, DAYS), of(ZONED, DAYS, title="Other"), changed)


def test_a_zone_is_known_in_any_case_by_either_of_its_names():
    """Unless the calendar defines one of that name. The library has no table of Outlook's display names, so these are refused."""
    for zone in ("w. europe standard time", '"W. EUROPE STANDARD TIME"', "europe/BERLIN"):
        assert read(of([f"DTSTART;X-A=b;TZID={zone}:20261201T090000", "DURATION:PT8H"])) == ([FIRST], [])
    theirs = "BEGIN:VTIMEZONE\r\nTZID:asia/tokyo\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nTZOFFSETFROM:+0300\r\n"
    theirs += "TZOFFSETTO:+0300\r\nEND:STANDARD\r\nEND:VTIMEZONE"
    assert read(theirs, of(["DTSTART;TZID=asia/tokyo:20261201T110000", "DURATION:PT8H"])) == ([FIRST], [])
    with pytest.raises(BadCalendar, match="its time zone “.UTC.01:00. Amsterdam, Berlin” is unknown"):
        read(of(['DTSTART;TZID="(UTC+01:00) Amsterdam, Berlin":20261201T090000', "DURATION:PT8H"]))
