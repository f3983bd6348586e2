"""Clocks: zones, formats, and text that could be two dates."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsmlib.readers.clock import check_timezone, parse_iso, parse_times, to_wall

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
