"""CSV files as they come: marks, separators, commas, cuts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsmlib.readers import tables
from lsmlib.readers.tables import find_files, read_pieces


def write(folder, text: str | bytes, encoding: str = "utf-8"):
    path = folder / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_marks_and_separators(tmp_path, encoding, separator):
    path = write(tmp_path, f" ID {separator}Value\r\n7{separator} 72.5 \r\n8{separator}\r\n\r\n", encoding)
    (piece,) = read_pieces(path, ["Id", "value"])
    assert piece.text("Id").tolist() == ["7", "8"]
    assert piece.numbers("value").tolist()[0] == 72.5 and np.isnan(piece.numbers("value")[1])
    assert piece.place(1) == "t.csv, line 3"


def test_decimal_commas_only_where_commas_do_not_separate(tmp_path):
    (piece,) = read_pieces(write(tmp_path, "v;w\n72,5;1\n1;2\n"), ["v"])
    assert piece.numbers("v").tolist() == [72.5, 1.0]
    (piece,) = read_pieces(write(tmp_path, 'v,w\n"1,234",1\n'), ["v"])
    with pytest.raises(ValueError, match=r"t.csv, line 2: v is '1,234'; expected a number"):
        piece.numbers("v")
    (piece,) = read_pieces(write(tmp_path, "v;w\n1.234,5;1\n"), ["v"])
    with pytest.raises(ValueError, match=r"line 2: v is '1\.234,5'"):
        piece.numbers("v")


@pytest.mark.parametrize("wrong", ["seven", "1e", "0x10", "٣", "1_000", "inf", "--1", "72 bpm"])
def test_what_is_no_number_is_refused_with_its_line(tmp_path, wrong):
    (piece,) = read_pieces(write(tmp_path, f"v,w\n1,1\n{wrong},1\n"), ["v"])
    with pytest.raises(ValueError, match=r"t\.csv, line 3: v is "):
        piece.numbers("v")


def test_pieces_count_their_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "PIECE", 10)
    path = write(tmp_path, "v\n" + "\n".join(map(str, range(25))) + "\n")
    pieces = list(read_pieces(path, ["v"]))
    assert [piece.place(0) for piece in pieces] == ["t.csv, line 2", "t.csv, line 12", "t.csv, line 22"]
    assert np.concatenate([piece.numbers("v") for piece in pieces]).tolist() == list(range(25))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "t.csv is empty"),
        (b"\n\n", "is empty"),
        (b"\x00\x01\x02\x03", "is not text"),
        (b"\xff\xfe\x00", "t.csv"),
        (b"a,b\n1,2\n", r"t.csv, line 1: there is no column 'v' among \['a', 'b'\]"),
        (b"v,w\n1,2\n72,5,2\n", "t.csv, line 3: more fields than the 2 of the header"),
        (b"v,w\n1,2\n72,5,2,3\n", "t.csv cannot be read as a table"),
        (b'v,w\n"1,2\n3,4\n', "t.csv"),
        (b"v,w\n\xff,2\n", "t.csv"),
    ],
)
def test_damaged_files_are_refused_by_name(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        for piece in read_pieces(write(tmp_path, text), ["v"]):
            piece.numbers("v")


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_tell_or_refuse(tmp_path_factory, noise):
    path = write(tmp_path_factory.mktemp("noise"), b"v,w\n1,2\n" + noise)
    try:
        for piece in read_pieces(path, ["v"]):
            assert np.isfinite(piece.numbers("v")[~np.isnan(piece.numbers("v"))]).all()
    except ValueError as error:
        assert "t.csv" in str(error)


def test_blank_lines_at_the_end_are_nothing_and_in_the_midst_are_told(tmp_path):
    (piece,) = read_pieces(write(tmp_path, "t,v\na,1\n,\n\n"), ["t", "v"])
    assert len(piece) == 1
    (piece,) = read_pieces(write(tmp_path, "t,v\na,1\n\nb,2\n"), ["t", "v"])
    with pytest.raises(ValueError, match=r"t.csv, line 3: t is empty"):
        piece.text("t")


def test_finding_files(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "a.csv").touch()
    assert [path.name for path in find_files(tmp_path, ["*.csv"])] == ["a.csv"]
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        find_files(tmp_path / "nowhere", ["*"])
    with pytest.raises(ValueError, match="is a file; expected the folder"):
        find_files(tmp_path / "deep" / "er" / "a.csv", ["*"])
