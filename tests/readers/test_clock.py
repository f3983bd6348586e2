"""Clocks: zones, formats, and text that could be two dates."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsmlib.readers.clock import check_timezone, parse_iso, parse_times, split_at_clock_changes, to_wall

PLACE = "file.csv, line {}".format


def test_walls_of_berlin_over_both_nights_of_change():
    utc = np.array(["2024-03-31T00:59", "2024-03-31T01:00", "2024-10-27T00:30", "2024-10-27T01:30"], "datetime64[ms]")
    wall, ahead = to_wall(utc, "Europe/Berlin")
    assert [str(one)[11:16] for one in wall] == ["01:59", "03:00", "02:30", "02:30"]
    assert ahead.tolist() == [3600, 7200, 7200, 3600]


def test_unknown_zones_are_refused_with_the_nearest():
    with pytest.raises(ValueError, match="Europe/Berlin"):
        check_timezone("Europe/Berlim")
    for wrong in ("", "../etc/passwd", 7):
        with pytest.raises(ValueError, match="timezone is"):
            check_timezone(wrong)


def test_the_first_format_that_fits_every_row():
    text = pd.Series(["4/12/2016 2:47", "4/13/2016 14:05"])
    found = parse_times(text, ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M"], PLACE)
    assert found.tolist() == np.array(["2016-04-12T02:47", "2016-04-13T14:05"], "datetime64[ms]").tolist()
    with pytest.raises(
        ValueError, match=r"line 1: '13/4/2016 14:05' is not a time like .*, as the rows above are\. Try"
    ):
        parse_times(pd.Series(["4/12/2016 2:47", "13/4/2016 14:05"]), ["%m/%d/%Y %H:%M"], PLACE, "Try")


@given(
    st.lists(
        st.tuples(st.datetimes(pd.Timestamp("1990-01-01"), pd.Timestamp("2090-01-01")), st.integers(-47, 56)),
        min_size=1,
        max_size=5,
    )
)
def test_iso_with_zones_gives_the_wall_and_the_offset(rows):
    text = pd.Series(
        [f"{when:%Y-%m-%dT%H:%M:%S}{'-' if q < 0 else '+'}{abs(q) // 4:02d}:{abs(q) % 4 * 15:02d}" for when, q in rows]
    )
    wall, ahead = parse_iso(text, PLACE)
    assert ahead.tolist() == [900 * quarters for _, quarters in rows]
    assert [str(one)[:19] for one in wall] == [f"{when:%Y-%m-%dT%H:%M:%S}" for when, _ in rows]


def test_iso_without_zones_and_in_greenwich():
    wall, ahead = parse_iso(pd.Series(["2024-01-02 03:04", "2024-01-02 03:04:05.250"]), PLACE)
    assert ahead is None and str(wall[1]) == "2024-01-02T03:04:05.250"
    assert parse_iso(pd.Series(["2024-01-02T03:04:05Z"]), PLACE)[1].tolist() == [0]


@pytest.mark.parametrize("wrong", ["04/05/2016", "4.5.2016 12:00", "yesterday", "2016-13-01", "20160405", "12:00", "-"])
def test_what_is_not_iso_is_refused_with_its_line(wrong):
    with pytest.raises(ValueError, match=r"file.csv, line 1: .* is not a time in ISO 8601"):
        parse_iso(pd.Series(["2016-04-05 12:00", wrong]), PLACE)


def test_a_column_that_mixes_zones_and_none_is_refused():
    with pytest.raises(ValueError, match=r"line 1: .* has no time zone, unlike the rows above"):
        parse_iso(pd.Series(["2016-04-05T12:00Z", "2016-04-05T12:01"]), PLACE)


@pytest.mark.parametrize(
    ("start", "end", "offsets", "expected"),
    [
        # Berlin, autumn and spring: cut at 3:00 and at 2:00
        ("2024-10-27T02:50", "2024-10-27T02:20", (7200, 3600),
         [("02:50", "03:00", 7200, 1 / 3), ("02:00", "02:20", 3600, 2 / 3)]),
        ("2024-03-31T01:50", "2024-03-31T03:10", (3600, 7200),
         [("01:50", "02:00", 3600, 0.5), ("03:00", "03:10", 7200, 0.5)]),
        ("2024-10-27T02:50", "2024-10-27T02:00", (7200, 3600), [("02:50", "03:00", 7200, 1)]),
        # Lord Howe Island moves its clocks by half an hour
        ("2024-04-07T01:50", "2024-04-07T01:40", (39600, 37800),
         [("01:50", "02:00", 39600, 0.5), ("01:30", "01:40", 37800, 0.5)]),
        # no full hour in ten minutes: another zone was entered, and the clock of the start is kept
        ("2024-05-01T10:10", "2024-05-01T09:20", (7200, 3600), [("10:10", "10:20", 7200, 1)]),
        # a whole night: at which hour clocks changed is not known
        ("2024-10-27T00:10", "2024-10-27T07:00", (7200, 3600), [("00:10", "07:00", 7200, 1)]),
        ("2024-05-01T10:10", "2024-05-01T10:20", (7200, 7200), [("10:10", "10:20", 7200, 1)]),
    ],
)  # fmt: skip
def test_stretches_are_cut_where_clocks_change(start, end, offsets, expected):
    given = (np.array([one], "datetime64[ms]") for one in (start, end))
    row, first, last, offset, share = split_at_clock_changes(*given, *(np.array([one]) for one in offsets))
    assert row.tolist() == [0] * len(expected)
    found = zip(np.datetime_as_string(first), np.datetime_as_string(last), offset.tolist(), share.tolist(), strict=True)
    assert [(a[11:16], b[11:16], ahead, pytest.approx(part)) for a, b, ahead, part in found] == expected
