"""Layers, hours, overrides and absences become shifts (A7, A8, A9, A11). People are Ana 1, Bo 2, Cy 3, Dee 4."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedules.rules.coverage import (
    CLOSED,
    EMPTY,
    MISSING,
    UNCOVERED,
    Cover,
    LayerPlan,
    Line,
    On,
    layer_shifts,
    on_duty,
    shifts,
)
from schedules.rules.hours import PRESETS, parse, spans
from schedules.rules.plans import Plan
from schedules.rules.rotation import Period

GMT, BERLIN, NEW_YORK, KOLKATA = (ZoneInfo(z) for z in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"))
ANA, BO, CY, DEE = 1, 2, 3, 4
NAMES = {ANA: "Ana", BO: "Bo", CY: "Cy", DEE: "Dee", None: "nobody"}
ALWAYS = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


def utc(text: str) -> datetime:
    """ "5 09:00" is the fifth of January 2026, a Monday."""
    return datetime.fromisoformat(text if "-" in text else f"2026-01-{text.zfill(8)}").replace(tzinfo=UTC)


def crews(*people: int | tuple[int, ...]) -> list[tuple[int, ...]]:
    return [each if isinstance(each, tuple) else (each,) for each in people]


def layer(
    *people: int | tuple[int, ...], name="main", unit="weeks", zone=GMT, hours="", handover=time(9), **more
) -> LayerPlan:
    """Who takes turns, from Monday 5 January 9:00 on; those alone take them all."""
    period = Period(unit, 1, date(2026, 1, 5), handover, zone)
    return LayerPlan(name, [Plan(period, crews(*people))], zone=zone, windows=parse(hours), **more)


def cover(person: int, start: str, end: str, instead_of: int | None = None, why="override") -> Cover:
    return Cover(person, utc(start), utc(end), why, instead_of)


def told(line: Line, start: str, end: str, zone: ZoneInfo = GMT) -> list[str]:
    """Shifts as "Ana 5 09:00 - 12 09:00", on the clock of the zone."""
    found = shifts(line, utc(start), utc(end))
    clock = [[at.astimezone(zone) for at in (shift.start, shift.end)] for shift in found]
    return [
        f"{NAMES[shift.on.person]} {left.day} {left:%H:%M} - {right.day} {right:%H:%M}"
        for shift, (left, right) in zip(found, clock, strict=True)
    ]


def on(line: Line, at: str) -> list[On]:
    """Who is on duty; `shifts` says the same."""
    found, _ = on_duty(line, utc(at), utc(at) + timedelta(days=1))
    assert {*found} == {s.on for s in shifts(line, utc(at), utc(at) + timedelta(days=1)) if s.start == utc(at)}
    return found


# --- layers -----------------------------------------------------------------------------------------------------------

LAYERS = {
    "a later layer wins, where it is open": (
        [layer(ANA), layer(BO, hours="Mon-Fri 10:00-12:00")],
        ["Ana 5 09:00 - 5 10:00", "Bo 5 10:00 - 5 12:00", "Ana 5 12:00 - 6 09:00"],
    ),
    "one that adds is on duty beside it": (
        [layer(ANA), layer(BO, hours="10:00-12:00", adds=True)],
        ["Ana 5 09:00 - 6 09:00", "Bo 5 10:00 - 5 12:00"],
    ),
    "one that adds who is there adds nobody": (
        [layer(ANA), layer(ANA, name="also", hours="10:00-12:00", adds=True)],
        ["Ana 5 09:00 - 6 09:00"],
    ),
    "one that wins after one that adds wins over both": (
        [layer(ANA), layer(BO, adds=True), layer(CY, hours="10:00-12:00")],
        ["Ana 5 09:00 - 5 10:00", "Bo 5 09:00 - 5 10:00", "Cy 5 10:00 - 5 12:00", "Ana 5 12:00 - 6 09:00"]
        + ["Bo 5 12:00 - 6 09:00"],
    ),
    "one in which nobody has a turn changes nothing": ([layer(ANA), layer()], ["Ana 5 09:00 - 6 09:00"]),
    "one without plans and without entries is a calendar that says nothing": (
        [layer(ANA), LayerPlan("calendar")],
        ["Ana 5 09:00 - 6 09:00"],
    ),
    "several windows a day": (
        [layer(ANA, hours="Mon 10:00-12:00; Mon 14:00-15:00; Tue 08:00-08:30")],
        ["nobody 5 09:00 - 5 10:00", "Ana 5 10:00 - 5 12:00", "nobody 5 12:00 - 5 14:00", "Ana 5 14:00 - 5 15:00"]
        + ["nobody 5 15:00 - 6 08:00", "Ana 6 08:00 - 6 08:30", "nobody 6 08:30 - 6 09:00"],
    ),
    "windows that overlap or touch are one": (
        [layer(ANA, hours="10:00-12:00; 11:00-13:00; 13:00-14:00")],
        ["nobody 5 09:00 - 5 10:00", "Ana 5 10:00 - 5 14:00", "nobody 5 14:00 - 6 09:00"],
    ),
    "a window over midnight belongs to the day on which it begins": (
        [layer(ANA, hours="Mon 22:00-06:00")],
        ["nobody 5 09:00 - 5 22:00", "Ana 5 22:00 - 6 06:00", "nobody 6 06:00 - 6 09:00"],
    ),
    "24:00 is the end of the day": (
        [layer(ANA, hours="Mon 12:00-24:00")],
        ["nobody 5 09:00 - 5 12:00", "Ana 5 12:00 - 6 00:00", "nobody 6 00:00 - 6 09:00"],
    ),
    "on a public holiday a layer rests": (
        [layer(ANA), layer(BO, hours="Mon-Fri 08:00-12:00", closed={date(2026, 1, 6)})],
        ["Bo 5 09:00 - 5 12:00", "Ana 5 12:00 - 6 09:00"],
    ),
    "one that is always open rests all day": (
        [layer(ANA), layer(BO, closed={date(2026, 1, 6)})],
        ["Bo 5 09:00 - 6 00:00", "Ana 6 00:00 - 6 09:00"],
    ),
    "a window that began the day before goes on into the holiday": (
        [layer(ANA), layer(BO, hours="22:00-06:00", closed={date(2026, 1, 6)})],
        ["Ana 5 09:00 - 5 22:00", "Bo 5 22:00 - 6 06:00", "Ana 6 06:00 - 6 09:00"],
    ),
    "a calendar's entries, two at a time": (
        [layer(ANA), LayerPlan("cal", entries=[cover(BO, "5 10:00", "5 12:00"), cover(CY, "5 11:00", "5 13:00")])],
        ["Ana 5 09:00 - 5 10:00", "Bo 5 10:00 - 5 12:00", "Cy 5 11:00 - 5 13:00", "Ana 5 13:00 - 6 09:00"],
    ),
    "a calendar's entries in its hours": (
        [LayerPlan("cal", windows=parse("11:00-24:00"), entries=[cover(BO, "5 08:00", "5 12:00")])],
        ["nobody 5 09:00 - 5 11:00", "Bo 5 11:00 - 5 12:00", "nobody 5 12:00 - 6 09:00"],
    ),
}


@pytest.mark.parametrize(("layers", "expected"), LAYERS.values(), ids=LAYERS)
def test_layers_in_their_hours(layers, expected):
    """A7, A8, A9, A10"""
    assert told(Line(layers), "5 09:00", "6 09:00") == expected


def test_follow_the_sun_over_three_zones():
    """A7: each hands over at 9:00 and 17:00 of its own clock; what nobody has is a gap."""
    hours = "Mon-Fri 09:00-17:00"
    sun = Line([layer(ANA, zone=KOLKATA, hours=hours), layer(BO, zone=BERLIN, hours=hours)])
    assert told(sun, "6 00:00", "7 00:00") == [
        *("nobody 6 00:00 - 6 03:30", "Ana 6 03:30 - 6 08:00", "Bo 6 08:00 - 6 16:00", "nobody 6 16:00 - 7 00:00")
    ]
    third = layer(CY, zone=NEW_YORK, hours=hours)
    assert told(Line([*sun.layers, third]), "6 08:00", "7 00:00") == [
        *("Bo 6 08:00 - 6 14:00", "Cy 6 14:00 - 6 22:00", "nobody 6 22:00 - 7 00:00")
    ]


NIGHTS = {
    "spring, nine hours less one (E15)": ("2026-03-28T12:00", "Ana 28 22:00 - 29 07:00", 8),
    "autumn, nine hours and one (E15)": ("2026-10-24T12:00", "Ana 24 22:00 - 25 07:00", 10),
}


@pytest.mark.parametrize(("noon", "expected", "hours"), NIGHTS.values(), ids=NIGHTS)
def test_a_night_in_which_the_clock_changes(noon, expected, hours):
    line = Line([layer(ANA, zone=BERLIN, hours="22:00-07:00")])
    day = (noon, (utc(noon) + timedelta(days=1)).isoformat()[:16])
    assert expected in told(line, *day, BERLIN)
    [night] = [shift for shift in shifts(line, utc(day[0]), utc(day[1])) if shift.on.person]
    assert (night.end - night.start) / timedelta(hours=1) == hours


def test_a_window_of_a_whole_day_is_open_in_its_25th_hour():
    """E15: on 25 October the day from 23:45 to 23:45 has 25 hours."""
    line = Line([layer(ANA, zone=BERLIN, hours="Sat 23:45-23:45")])
    assert on(line, "2026-10-25T22:44") == [On(ANA, "main")]
    assert on(line, "2026-10-25T22:45") == [CLOSED]


def test_hours_that_the_clock_leaves_out_are_not_there():
    """E4: from 2:15 to 2:45 there was nothing on 29 March; the day before and after there was."""
    found = spans(parse("02:15-02:45"), BERLIN, utc("2026-03-28T00:00"), utc("2026-03-31T00:00"))
    assert [left for left, _ in found] == [utc("2026-03-28T01:15"), utc("2026-03-30T00:15")]


# --- who steps in -----------------------------------------------------------------------------------------------------

PAIR = layer((ANA, BO), CY)
COVERS = {
    "in place of everybody": ([cover(DEE, "5 10:00", "5 11:00")], [On(DEE, "override")]),
    "in place of one": ([cover(DEE, "5 10:00", "5 11:00", ANA)], [On(DEE, "override", ANA), On(BO, "main")]),
    "in place of somebody who is not on duty": (
        [cover(DEE, "5 10:00", "5 11:00", CY)],
        [On(ANA, "main"), On(BO, "main")],
    ),
    "by somebody who is on duty already": ([cover(BO, "5 10:00", "5 11:00", ANA)], [On(BO, "override", ANA)]),
    "a chain: Cy for Ana, then Dee for Cy": (
        [cover(CY, "5 10:00", "5 11:00", ANA), cover(DEE, "5 09:00", "5 12:00", CY, "swap")],
        [On(DEE, "swap", ANA), On(BO, "main")],
    ),
    "the other way round it is no chain": (
        [cover(DEE, "5 09:00", "5 12:00", CY, "swap"), cover(CY, "5 10:00", "5 11:00", ANA)],
        [On(CY, "override", ANA), On(BO, "main")],
    ),
    "and back": (
        [cover(CY, "5 10:00", "5 11:00", ANA), cover(ANA, "5 10:00", "5 11:00", CY, "swap")],
        [On(ANA, "swap"), On(BO, "main")],
    ),
    "the last in place of everybody wins over all": (
        [cover(DEE, "5 10:00", "5 11:00", ANA), cover(CY, "5 10:00", "5 11:00"), cover(ANA, "5 10:00", "5 11:00")],
        [On(ANA, "override")],
    ),
    "who is in place of everybody is replaced, too": (
        [cover(CY, "5 10:00", "5 11:00"), cover(DEE, "5 10:00", "5 11:00", CY, "swap")],
        [On(DEE, "swap", CY)],
    ),
    "but not by who was entered before": (
        [cover(DEE, "5 10:00", "5 11:00", CY, "swap"), cover(CY, "5 10:00", "5 11:00")],
        [On(CY, "override")],
    ),
    "at its end it is over": ([cover(DEE, "5 09:00", "5 10:00")], [On(ANA, "main"), On(BO, "main")]),
}


@pytest.mark.parametrize(("covers", "expected"), COVERS.values(), ids=COVERS)
def test_overrides_and_swaps(covers, expected):
    """A8"""
    assert on(Line([PAIR], covers), "5 10:00") == expected


def test_an_override_holds_from_its_start_to_its_end():
    """E20: an override from 9:00 to 9:00 lasts over the night in which the clock changes, and ends at 9:00."""
    covers = [cover(BO, "2026-10-24T07:00", "2026-10-25T08:00")]
    assert told(Line([layer(ANA)], covers), "2026-10-24T00:00", "2026-10-26T00:00", BERLIN) == [
        *("Ana 24 02:00 - 24 09:00", "Bo 24 09:00 - 25 09:00", "Ana 25 09:00 - 26 01:00")
    ]


# --- who is away or gone ----------------------------------------------------------------------------------------------


def away(*people: int) -> dict[int, list[tuple[datetime, datetime]]]:
    return {person: [ALWAYS] for person in people}


TRIO = (ANA, BO, CY)
ABSENT = {
    "nobody has the turn": ([layer(*TRIO)], [], [ANA], [On(None, MISSING, ANA)]),
    "the layer before has it": ([layer(DEE), layer(*TRIO, name="top")], [], [ANA], [On(DEE, "main")]),
    "an override by somebody who is away is none": ([layer(*TRIO)], [cover(DEE, "5 09:00", "6 09:00")], [DEE], [On(ANA, "main")]),
    "a swap with somebody who is away leaves a gap, and it says who": (
        [layer(*TRIO)], [cover(BO, "5 09:00", "6 09:00", ANA)], [BO], [On(None, MISSING, BO)],
    ),
    "somebody steps in for who is away": (
        [layer(*TRIO)], [cover(BO, "5 09:00", "6 09:00", ANA, "swap")], [ANA], [On(BO, "swap", ANA)],
    ),
    "of a pair the other one stays": ([layer((ANA, BO), CY)], [], [ANA], [On(BO, "main")]),
    "a pair of which both are away": ([layer((ANA, BO), CY)], [], [ANA, BO], [On(None, MISSING, ANA)]),
    "filled: the next one": ([layer(*TRIO, fills=True)], [], [ANA], [On(BO, "main", ANA)]),
    "filled: the next one present": ([layer(*TRIO, fills=True)], [], [ANA, BO], [On(CY, "main", ANA)]),
    "filled: the backup moves up, too": ([layer(*TRIO, fills=True, position=1)], [], [ANA], [On(CY, "main", BO)]),
    "filled: as backup, behind one who is there": ([layer(*TRIO, fills=True, position=1)], [], [BO], [On(CY, "main", BO)]),
    "filled: nobody is left for the backup; it says who is away": (
        [layer(ANA, BO, fills=True, position=1)], [], [ANA], [On(None, MISSING, ANA)],
    ),
    "filled: nobody is left at all": ([layer(*TRIO, fills=True)], [], [*TRIO], [On(None, MISSING, ANA)]),
    "filled: of a pair the other one is enough": ([layer((ANA, BO), CY, fills=True)], [], [ANA], [On(BO, "main")]),
    "filled: after a pair that is away": ([layer((ANA, BO), CY, fills=True)], [], [ANA, BO], [On(CY, "main", ANA)]),
    "filled: by a pair": ([layer(CY, (ANA, BO), fills=True)], [], [CY], [On(ANA, "main", CY), On(BO, "main", CY)]),
    "filled: nobody is needed who has swapped": (
        [layer(*TRIO, fills=True)], [cover(DEE, "5 09:00", "6 09:00", ANA)], [ANA], [On(DEE, "override", ANA)],
    ),
    "filled: positions beyond the last go round": ([layer(ANA, BO, fills=True, position=2)], [], [], [On(ANA, "main")]),
    "beside who is away the one who is added stays": (
        [layer(ANA), layer(BO, name="also", adds=True)], [], [ANA], [On(BO, "also")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "covers", "absent", "expected"), ABSENT.values(), ids=ABSENT)
@pytest.mark.parametrize("how", ["away", "gone"])
def test_who_is_away_or_gone(layers, covers, absent, expected, how):
    """A8, A9, O3"""
    state = {"away": away(*absent)} if how == "away" else {"gone": frozenset(absent)}
    assert on(Line(layers, covers, **state), "5 10:00") == expected


def test_an_absence_holds_from_its_start_to_its_end():
    line = Line([layer(ANA, BO, fills=True)], (), {ANA: [(utc("5 12:00"), utc("5 14:00"))]})
    assert told(line, "5 09:00", "6 09:00") == [
        *("Ana 5 09:00 - 5 12:00", "Bo 5 12:00 - 5 14:00", "Ana 5 14:00 - 6 09:00")
    ]


# --- gaps and changes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (Line(), EMPTY),
        (Line([layer(ANA, hours="Tue 09:00-17:00")]), CLOSED),
        (Line([layer()]), UNCOVERED),
        (Line([layer(ANA)], (), {}, {ANA}), On(None, MISSING, ANA)),
    ],
)
def test_a_gap_says_why(line, expected):
    """A9"""
    assert on(line, "5 10:00") == [expected]


def test_before_the_first_turn_there_is_a_gap():
    assert told(Line([layer(ANA)]), "4 09:00", "6 09:00") == ["nobody 4 09:00 - 5 09:00", "Ana 5 09:00 - 6 09:00"]


def test_a_layer_alone_knows_absences_but_no_overrides():
    line = Line([layer(ANA), layer(BO)], [cover(CY, "5 10:00", "5 11:00")], away(ANA))
    [first], [second] = (layer_shifts(line, number, utc("5 09:00"), utc("6 09:00")) for number in range(2))
    assert (first.on, second.on) == (On(None, MISSING, ANA), On(BO, "main"))


def test_the_same_people_in_another_order_are_no_change():
    swapping = Line([layer((ANA, BO), (BO, ANA), unit="days")])
    assert on_duty(swapping, utc("5 10:00"), utc("9 09:00"))[1] == utc("9 09:00")
    assert told(swapping, "5 09:00", "9 09:00") == ["Ana 5 09:00 - 9 09:00", "Bo 5 09:00 - 9 09:00"]


# --- hours as people write them ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", ""),
        (" ;\n", ""),
        ("9:00-17:00", "Mon-Sun 09:00-17:00"),
        ("mon-FRI 9:00 - 17:00", "Mon-Fri 09:00-17:00"),
        ("Monday–Friday 9:00–17:00", "Mon-Fri 09:00-17:00"),
        ("Tues, Thurs 9:00-17:00", "Tue,Thu 09:00-17:00"),
        ("Fri-Mon 22:00-06:00", "Mon,Fri-Sun 22:00-06:00"),
        ("Sun,Sat,Sat 00:00-24:00", "Sat-Sun 00:00-24:00"),
        ("Mon 0:00-0:00", "Mon 00:00-24:00"),
        ("Mon-Fri 9-17", "Mon-Fri 09:00-17:00"),
        ("Sat 22-6:30", "Sat 22:00-06:30"),
        ("Mon 9:00-9:00", "Mon 09:00-09:00"),
        ("Mon 9:00-10:00\nTue 8:00-9:00;", "Mon 09:00-10:00; Tue 08:00-09:00"),
        *((preset.replace("Mon-Sun ", ""), preset) for preset in PRESETS),
    ],
)
def test_hours_are_read_and_written(written, expected):
    assert "; ".join(map(str, parse(written))) == expected
    assert parse(expected) == parse(written)


@pytest.mark.parametrize(
    ("written", "error"),
    [
        (
            "Mon 9 to 17",
            "“Mon 9 to 17” is not understood. Write, for example, “Mon-Fri 09:00-17:00” or “Mon-Fri 9-17”. Separate several with “;”.",
        ),
        ("always", "“always” is not understood"),
        ("Mon 9:00", "“Mon 9:00” is not understood"),
        ("١٠:٠٠-١١:٠٠", "is not understood"),
        ("Mo 9:00-17:00", "“Mo” is not a day of the week: write Mon, Tue, Wed, Thu, Fri, Sat, Sun."),
        ("Mon Tue 9:00-17:00", "“Mon Tue” is not a day of the week"),
        ("Mon to Fri 9:00-17:00", "“Mon to Fri” is not a day of the week"),
        ("Monkey 9:00-17:00", "“Monkey” is not a day of the week"),
        ("Mon, 9:00-17:00", "“” is not a day of the week"),
        ("Mon-Wed-Fri 9:00-17:00", "“Mon-Wed-Fri” is not a range of days. Write, for example, Mon-Fri."),
        ("Mon 9:00-25:00", "25:00 is not a time of day."),
        ("Mon 9:60-10:00", "9:60 is not a time of day."),
        ("Mon 9:00-24:01", "24:01 is not a time of day."),
        ("Mon 24:00-06:00", "“Mon 24:00-06:00” begins at 24:00, the end of a day"),
    ],
)
def test_hours_that_are_not_understood_are_refused_in_words(written, error):
    with pytest.raises(ValueError, match=error.replace("(", r"\(").replace("?", r"\?")):
        parse(written)
