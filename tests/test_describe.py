"""The summary of a Cohort."""

import numpy as np

import lsmlib
from tests.cohorts import small_cohort


def test_numbers_and_both_looks(tmp_path):
    cohort = small_cohort(days=6)
    summary = lsmlib.describe_cohort(cohort)
    np.testing.assert_allclose(summary.missing, np.isnan(cohort["signals"].values).mean(axis=(0, 1)), rtol=1e-12)
    np.testing.assert_allclose(summary.mean, np.nanmean(cohort["signals"].values, axis=(0, 1), dtype=float), rtol=1e-6)
    assert (summary.days, summary.people, summary.first_date, summary.last_date) == (6, 3, "2024-02-27", "2024-02-28")
    assert summary.known["bmi"] == 0.5
    assert summary.known["homa_ir"] == 0
    assert "6 days of 3 people" in repr(summary)
    html = summary._repr_html_()
    assert html.count("<tr>") == 27
    assert "style" not in html  # GitHub would strip it
    lsmlib.save_cohort(cohort, tmp_path / "c.zarr")
    assert repr(lsmlib.describe_cohort(lsmlib.open_cohort(tmp_path / "c.zarr"))) == repr(summary)


def test_windows_count_what_was_measured():
    windows = lsmlib.cut_windows(small_cohort(days=3))
    summary = lsmlib.describe_cohort(windows)
    assert "windows of 300 minutes" in summary.headline
    np.testing.assert_allclose(summary.missing, 1 - windows["observed"].values.mean(axis=(0, 1)), atol=1e-12)
