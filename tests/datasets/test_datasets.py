"""Cards, downloads without and with a network (this machine's own), archives."""

import functools
import http.server
import io
import subprocess
import sys
import tarfile
import threading
import zipfile
from dataclasses import replace

import pooch
import pytest

from lsmlib.datasets import CARDS, available, download, fetch, load
from lsmlib.datasets.download import unpacked
from lsmlib.signals import SIGNAL_NAMES


def test_cards_tell_who_what_and_where():
    assert list(CARDS) == ["fitbit", "depresjon", "mmash", "stress_predict", "aw_fb"]
    for name, card in CARDS.items():
        assert card.name == name and set(card.signals) <= set(SIGNAL_NAMES)
        for text in (repr(card), card._repr_html_()):
            assert card.citation.split(",")[0].split("(")[0] in text and card.page in text


def test_unknown_data_sets():
    for call in (load, fetch):
        with pytest.raises(ValueError, match="no data set 'fitbitt'; expected one of"):
            call("fitbitt")


def test_a_folder_of_rubbish_is_told_of_and_left_alone(tmp_path):
    """As DATA of `make tutorial`: names of data sets are found, other things are an error, and nothing is touched."""
    rubbish = {"photo.jpg": b"\xff\xd8not a photo", "notes.txt": b"hello", "fitbit.csv": b"Id,Time,Value\n1,2,3\n"}
    for name, content in rubbish.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=r"none of the public data sets: there is fitbit\.csv, notes\.txt, photo\.jpg"):
        available(tmp_path)
    (tmp_path / "fitbit").mkdir()
    (tmp_path / "fitbit" / "minuteStepsWide_merged.csv").write_bytes(b"\x00\x01 rubbish")
    assert available(tmp_path) == ["fitbit"]
    with pytest.raises(ValueError, match=r"minuteStepsWide_merged\.csv"):
        load("fitbit", tmp_path / "fitbit")
    assert {name: (tmp_path / name).read_bytes() for name in rubbish} == rubbish
    assert (tmp_path / "fitbit" / "minuteStepsWide_merged.csv").read_bytes() == b"\x00\x01 rubbish"
    for place, words in ((tmp_path / "nowhere", "is not there"), (tmp_path / "notes.txt", "is a file")):
        with pytest.raises(ValueError, match=words):
            available(place)


@pytest.mark.parametrize("name", CARDS)
def test_what_is_not_there_is_explained(name, tmp_path):
    (tmp_path / name).mkdir()
    for place in (tmp_path / name, tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError) as error:
            load(name, place)
        assert CARDS[name].page in str(error.value) and str(place) in str(error.value)
    (tmp_path / name / "notes.txt").write_text("hello")
    with pytest.raises((ValueError, FileNotFoundError), match="there is no"):
        load(name, tmp_path / name)


@pytest.mark.parametrize("name", CARDS)
def test_without_a_network_it_says_what_to_download_and_where_to_put_it(name, tmp_path, monkeypatch):
    def no_network(*_, **__):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(pooch, "retrieve", no_network)
    monkeypatch.setattr(pooch, "create", no_network)
    with pytest.raises(ConnectionError) as error:
        fetch(name, tmp_path)
    message = str(error.value)
    assert CARDS[name].page in message and str(tmp_path) in message and f"load({name!r}" in message
    assert CARDS[name].downloads[0].rsplit("/", 1)[-1] in message


def test_files_are_fetched_once_from_a_server(tmp_path, monkeypatch):
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "aw_fb_data.csv").write_text("age\n1\n")
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(tmp_path / "server"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/aw_fb_data.csv"
        monkeypatch.setitem(CARDS, "aw_fb", replace(CARDS["aw_fb"], downloads=(address,)))
        for _ in range(2):
            place = fetch("aw_fb", tmp_path / "here")
        server.shutdown()
    assert (place / "aw_fb_data.csv").read_text() == "age\n1\n" and asked.count("/aw_fb_data.csv") == 1
    with pytest.raises(ValueError, match="no column"):
        load("aw_fb", place)


def test_digests_are_asked_of_the_archive_and_checked(tmp_path, monkeypatch):
    (tmp_path / "aw_fb_data.csv").write_text("not what was promised")

    def promise(self):
        self.registry = {"aw_fb_data.csv": "md5:" + "0" * 32}

    def deliver(url, output_file, pooch, check_only=False):
        with open(output_file, "w") as file:  # noqa: PTH123 - what a downloader is given
            file.write("not what was promised")

    monkeypatch.setattr(pooch.Pooch, "load_registry_from_doi", promise)
    monkeypatch.setattr(pooch.core, "choose_downloader", lambda *_, **__: deliver)
    with pytest.raises(ValueError, match="hash"):
        fetch("aw_fb", tmp_path / "place")
    assert not (tmp_path / "place" / "aw_fb_data.csv").exists()


def archive(kind: str, names: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as file:
            for name, content in names.items():
                file.writestr(name, content)
    else:
        with tarfile.open(fileobj=buffer, mode="w:xz") as file:
            for name, content in names.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                file.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize(("kind", "file"), [("zip", "data.zip"), ("tar", "data.tar.xz")])
def test_archives_are_opened_beside_other_files(tmp_path, kind, file):
    (tmp_path / file).write_bytes(archive(kind, {"deep/a.csv": b"1"}))
    (tmp_path / "scores.csv").write_text("2")
    with unpacked(tmp_path) as place:
        assert {path.name: path.read_text() for path in place.rglob("*.csv")} == {"a.csv": "1", "scores.csv": "2"}
        kept = place
    assert not kept.exists() and sorted(path.name for path in tmp_path.iterdir()) == sorted([file, "scores.csv"])


@pytest.mark.parametrize(("kind", "file"), [("zip", "data.zip"), ("tar", "data.tar.xz")])
def test_damaged_evil_and_huge_archives(tmp_path, monkeypatch, kind, file):
    good = archive(kind, {"a.csv": b"1" * 1000})
    (tmp_path / file).write_bytes(good[: len(good) // 2])
    with pytest.raises(ValueError, match=f"{file} cannot be unpacked"), unpacked(tmp_path):
        pass
    (tmp_path / file).write_bytes(archive(kind, {"../../evil.csv": b"1"}))
    try:
        with unpacked(tmp_path) as place:
            assert not (place.parent / "evil.csv").exists() and not (place.parent.parent / "evil.csv").exists()
    except ValueError as error:
        assert file in str(error)
    (tmp_path / file).write_bytes(good)
    monkeypatch.setattr(download, "LARGEST", 999)
    with pytest.raises(ValueError, match="would unpack to"), unpacked(tmp_path):
        pass


def test_importing_touches_no_network():
    forbid = "import socket\ndef connect(*_):\n    raise SystemExit('asked')\nsocket.socket.connect = connect\n"
    names = (
        "import lsmlib\nfor name in lsmlib.__all__ + ['datasets']:\n    getattr(lsmlib, name)\nlsmlib.datasets.load\n"
    )
    subprocess.run([sys.executable, "-c", forbid + names], check=True)
