import pandas as pd
import pytest

from lsmlib.scaling import check_records, read_records
from lsmlib.scaling.records import record_path, write_record

RECORD = {
    "cell": "a", "model": "LSM2", "size": "nano", "people": 3, "days": 2, "steps": 5, "seed": 0, "flops": 1e9,
    "parameters": 10, "hours": 144.0, "versions": "{}", "tasks": "t", "held_out": "h", "valid_loss": 0.5,
}  # fmt: skip


def test_what_is_written_is_read(tmp_path):
    write_record(tmp_path, RECORD)
    write_record(tmp_path, RECORD | {"cell": "b", "valid_loss": 0.1 + 0.2, "probe_age": 9.0})
    records = read_records(tmp_path)
    assert records["cell"].tolist() == ["a", "b"] and records["valid_loss"].tolist() == [0.5, 0.1 + 0.2]
    assert records["probe_age"].isna().tolist() == [True, False]
    pd.testing.assert_frame_equal(read_records(tmp_path / "records.parquet"), records)
    assert records["people"].dtype.kind == "i"


def test_a_cell_is_written_once(tmp_path):
    write_record(tmp_path, RECORD)
    with pytest.raises(ValueError, match="a has a record already"):
        write_record(tmp_path, RECORD | {"valid_loss": 1.0})
    assert read_records(tmp_path)["valid_loss"].tolist() == [0.5]


def test_nothing_half_written(tmp_path, monkeypatch):
    write_record(tmp_path, RECORD)

    def fail(self, path, **options):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pd.DataFrame, "to_parquet", fail)
    with pytest.raises(OSError, match=r"No space left on device.*while writing .*b\.parquet; nothing was changed"):
        write_record(tmp_path, RECORD | {"cell": "b"})
    assert not record_path(tmp_path, "b").exists() and len(list(tmp_path.rglob("*"))) == 3
    assert read_records(tmp_path)["cell"].tolist() == ["a"]


def test_a_lost_table_is_made_again(tmp_path):
    """Another machine may have gathered the table before this cell was there."""
    write_record(tmp_path, RECORD)
    (tmp_path / "records.parquet").unlink()
    write_record(tmp_path, RECORD | {"cell": "b"})
    assert read_records(tmp_path / "records.parquet")["cell"].tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, r"a is there more than once \(1 rows too many\)"),
        ({"cell": "b", "versions": "{1}"}, r"versions differs between rows .* mixed_versions=True"),
        ({"cell": "b", "held_out": "i"}, "held_out differs between rows .* judged on other people"),
        ({"cell": "b", "tasks": "u"}, "tasks differs between rows .* judged by other tasks"),
    ],
)
def test_what_cannot_be_compared(change, message):
    records = pd.DataFrame([RECORD, RECORD | change])
    with pytest.raises(ValueError, match=message):
        check_records(records)
    if "versions" in change:
        assert check_records(records, mixed_versions=True) is records


def test_no_records(tmp_path):
    with pytest.raises(ValueError, match="holds no record yet"):
        read_records(tmp_path)
    with pytest.raises(ValueError, match=r"there is no .*none; expected the folder of a grid"):
        read_records(tmp_path / "none")
    with pytest.raises(ValueError, match="they lack cell, model"):
        check_records(pd.DataFrame({"x": [1]}))
    (tmp_path / "own.csv").write_text("hours,loss\n1,2\n")
    with pytest.raises(ValueError, match=r"own\.csv is no Parquet table .* go to fit_power_law as they are"):
        read_records(tmp_path / "own.csv")
