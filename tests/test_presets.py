import hashlib
import json

import pytest

import lsmlib
from lsmlib import repository
from lsmlib.presets import DIGESTS
from tests.optimised import run_optimised
from tools.presets import FEW, PLACE, RECIPES, Recipe

JUDGE = """
import sys
import lsmlib
from tools.presets import RECIPES
valid = RECIPES[sys.argv[1]].others()
print(valid.sizes["day"], lsmlib.load_preset(sys.argv[1]).validation_loss(valid))
"""


def test_every_file_has_a_digest_a_card_and_a_recipe():
    assert sorted(DIGESTS) == sorted(path.stem for path in PLACE.glob("*.keras"))
    for name, digest in DIGESTS.items():
        card = json.loads((PLACE / f"{name}.json").read_text(encoding="utf-8"))
        assert card["sha256"] == digest == hashlib.sha256((PLACE / f"{name}.keras").read_bytes()).hexdigest()
        assert card["name"] == name and Recipe(**card["recipe"]) == RECIPES[name]
        assert card["loss on other people"]["step"][-1] == RECIPES[name].steps


@pytest.mark.parametrize("name", DIGESTS)
def test_a_preset_does_what_its_card_says(name):
    card = json.loads((PLACE / f"{name}.json").read_text(encoding="utf-8"))
    model = lsmlib.load_preset(name)
    assert type(model).__name__ == card["recipe"]["model"] and model.count_params() == card["parameters"]
    assert getattr(model, "optimizer", None) is None
    found = card["loss on few of them"]
    few = RECIPES[name].others(FEW)
    assert (found["people"], found["windows"]) == (FEW, few.sizes["day"])
    assert model.validation_loss(few) == pytest.approx(found["loss"], abs=2e-3)  # processors round differently


@pytest.mark.long
@pytest.mark.parametrize("name", DIGESTS)
def test_a_preset_does_so_on_all_people_of_its_card(name):
    found = json.loads((PLACE / f"{name}.json").read_text(encoding="utf-8"))["loss on other people"]
    windows, loss = run_optimised(JUDGE, name).split()
    assert int(windows) == found["windows"]
    assert float(loss) == pytest.approx(found["loss"][-1], abs=2e-3)


def test_unknown_changed_and_absent_files(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="there is no preset 'lsm1'; expected one of 'lsm1_"):
        lsmlib.load_preset("lsm1")
    name = next(iter(DIGESTS))
    monkeypatch.setattr(repository, "DATA", tmp_path)
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets" / f"{name}.keras").write_bytes((PLACE / f"{name}.keras").read_bytes()[:-1])
    with pytest.raises(ValueError, match="cut off, changed, or of another version"):
        lsmlib.load_preset(name)
    (tmp_path / "presets" / f"{name}.keras").unlink()

    def no_network(address, **options):
        assert address.endswith(f"/raw/main/data/presets/{name}.keras") and address.startswith("https://github.com/")
        raise OSError("no network")

    monkeypatch.setattr(repository.pooch, "retrieve", no_network)
    with pytest.raises(ConnectionError, match=r"could not be fetched: no network. Put the file to"):
        lsmlib.load_preset(name)
    monkeypatch.setattr(repository.pooch, "retrieve", lambda *_, **__: str(PLACE / f"{name}.keras"))
    assert lsmlib.load_preset(name).count_params() > 0
