"""The official files of data sets whose recordings are at hand only as tables: written small, with known answers."""

import numpy as np
import pandas as pd
import pytest

import lsmlib
from lsmlib.datasets.stress_predict import find_states


def write_mmash(folder) -> None:
    user = folder / "DataPaper" / "user_3"
    user.mkdir(parents=True)
    seconds = pd.date_range("2000-01-01 23:50:00", periods=1200, freq="s")  # over midnight: day 1, then day 2
    table = pd.DataFrame(
        {
            **{f"Axis{axis}": 0 for axis in (1, 2, 3)},
            "Steps": 1,
            "HR": np.where(np.arange(1200) < 60, 250, 65),  # the belt's first minute is nonsense
            "Inclinometer Off": 0,
            "Inclinometer Standing": 1,
            "Inclinometer Sitting": 0,
            "Inclinometer Lying": 0,
            "Vector Magnitude": 0.0,
            "day": seconds.day,
            "time": seconds.strftime("%H:%M:%S"),
        }
    )
    table.to_csv(user / "Actigraph.csv")
    intervals = np.tile([0.8, 0.9, 0.85], 450)
    beats = pd.Timestamp("2000-01-01 23:50:00") + pd.to_timedelta(np.cumsum(intervals), unit="s")
    pd.DataFrame({"ibi_s": intervals, "day": beats.day, "time": beats.floor("s").strftime("%H:%M:%S")}).to_csv(
        user / "RR.csv"
    )
    pd.DataFrame({"Gender": ["M"], "Weight": [80], "Height": [200], "Age": [27]}).to_csv(user / "user_info.csv")


def test_mmash_seconds_and_beats(tmp_path):
    write_mmash(tmp_path)
    cohort = lsmlib.datasets.load("mmash", tmp_path)
    assert cohort["person"].values.tolist() == ["user_3"] * 2 and cohort["bmi"].values.tolist() == [20, 20]
    assert cohort["sex"].values.tolist() == ["male"] * 2 and cohort["age"].values[0] == 27
    steps, heart, rmssd, median = (
        cohort["signals"].sel(signal=name).values for name in ("steps", "heart_rate", "rmssd", "rr_median")
    )
    assert (steps[0, 1430:] == 60).all() and (steps[1, :10] == 60).all() and np.isfinite(steps).sum() == 20
    assert np.isnan(heart[0, 1430]) and (heart[0, 1431:] == 65).all()
    assert (cohort["standing"].values[1, :10] == 1).all()
    # differences are +100, -50, -50 ms in turn: their root mean square is 50 · √2
    assert np.nanmax(np.abs(rmssd[1, :9] - 50 * np.sqrt(2))) < 0.5 and (median[1, :9] == 850).all()


def test_stress_predict_sessions_and_seconds(tmp_path):
    folder = tmp_path / "Raw_data" / "S02"
    folder.mkdir(parents=True)
    start = int(pd.Timestamp("2022-02-07 09:52:00", tz="UTC").timestamp())
    for name, rate, values in (
        ("HR", 1, np.full(600, 72.0)),
        ("EDA", 4, 0.5 + np.arange(2400) / 240 / 10),  # 0.1 µS a minute
        ("TEMP", 4, 32 + np.arange(2400) / 240 / 100),  # 10 m°C a minute
    ):
        lines = [f"{start:.6f}", f"{rate:.6f}", *(f"{value:.6f}" for value in values)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    processed = tmp_path / "Processed_data"
    processed.mkdir()
    label = (np.arange(600) >= 300).astype(int)
    table = pd.DataFrame(
        {"Participant": "S02", "HR": 72, "respr": 12, "Time(s)": start + np.arange(600), "Label": label}
    )
    table.to_csv(processed / "Improved_All_Combined_hr_rsp_binary.csv", index=False)
    cohort = lsmlib.datasets.load("stress_predict", tmp_path)
    of = {name: cohort["signals"].sel(signal=name).values[0, 592:602] for name in cohort["signal"].values}
    assert (of["heart_rate"] == 72).all() and np.allclose(of["skin_conductance_slope"], 0.1, atol=1e-3)
    assert np.allclose(of["skin_temperature_slope"], 10, atol=0.1)
    assert cohort["stress"].values[0, 590:604].tolist() == [-1] * 2 + [0] * 5 + [1] * 5 + [-1] * 2
    (processed / "Improved_All_Combined_hr_rsp_binary.csv").unlink()
    with pytest.raises(ValueError, match="there is no Improved_All_Combined"):
        lsmlib.datasets.load("stress_predict", tmp_path)


def test_fitbit_as_fitabase_writes_it(tmp_path):
    (tmp_path / "minuteStepsNarrow_merged.csv").write_text("Id,ActivityMinute,Steps\n7,4/12/2016 1:05:00 PM,12\n")
    cohort = lsmlib.datasets.load("fitbit", tmp_path)
    assert cohort["signals"].sel(signal="steps").values[0, 785] == 12 and "zenodo" in cohort.attrs["source"]


def test_states_are_runs():
    time = np.datetime64("2022-02-07", "ms") + np.arange(6) * np.timedelta64(1000, "ms")
    start, end, code = find_states(time, np.array([np.nan, 0, 0, 1, 1, np.nan]))
    assert code.tolist() == [0, 1] and (start - time[0]).astype(int).tolist() == [1000, 3000]
    assert (end - time[0]).astype(int).tolist() == [3000, 5000]
    assert len(find_states(time, np.full(6, np.nan))[0]) == 0
