"""Files of fitted samplers and of checkpoints: damaged, forged, old, from elsewhere."""

import copy
import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from helpers import checkpoints
from helpers.over_sampling import SAMPLERS
from helpers.over_sampling._base import VERSION

from .conftest import make_sampler

SAVED = Path(__file__).with_name("saved")
SMALL = {"generator_layers": (4,), "discriminator_layers": (4,), "latent_dim": 2}


def flipped(content, n):
    """Copies of a file's content with one bit flipped, at `n` places all over it."""
    places = np.random.default_rng(0).integers(0, 8 * len(content), n)
    for place in places.tolist():
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        yield bytes(damaged)


def refusal(read, *given):
    """What `read` returns and None, or None and the text of a ValueError."""
    try:
        return read(*given), None
    except ValueError as error:
        return None, str(error)


@pytest.mark.parametrize("name", ["gan", "mc_ccr"])
def test_a_flipped_bit_is_noticed_or_changes_nothing(name, table, tmp_path):
    """`torch.load` took 26 of 60 for other weights."""
    sampler = make_sampler(name, **(SMALL if name == "gan" else {})).fit(*table)
    path = tmp_path / "sampler.pt"
    sampler.save(path)
    expected, refused = sampler.sample(2, 4, random_state=0), 0
    for damaged in flipped(path.read_bytes(), 60):
        path.write_bytes(damaged)
        loaded, message = refusal(SAMPLERS[name].load, path)
        if loaded is None:
            refused += 1
            assert str(path) in message
        else:
            assert (loaded.sample(2, 4, random_state=0) == expected).all()
            assert loaded.get_params() == sampler.get_params()
    assert 10 < refused < 60  # padding between the parts says nothing


def test_a_flipped_bit_in_a_checkpoint_is_noticed_or_changes_nothing(table, tmp_path):
    path = tmp_path / "gan.pt"

    def fit():
        sampler = make_sampler("gan", **SMALL, checkpoint=path)
        return sampler.fit_resample(*table)[0]

    expected, refused = fit(), 0
    for damaged in flipped(path.read_bytes(), 60):
        path.write_bytes(damaged)
        found, message = refusal(fit)
        if found is None:
            refused += 1
            assert "Delete it to start afresh" in message
        else:
            assert (found == expected).all()
    assert 10 < refused < 60


def parts_of(content, path=()):
    """The ways to every part of nested dictionaries and sequences."""
    if path:
        yield path
    if isinstance(content, dict):
        keys = content
    elif isinstance(content, list | tuple):
        keys = range(len(content))
    else:
        return
    for key in keys:
        yield from parts_of(content[key], (*path, key))


def replaced(content, path, value):
    """A copy with another value at that place; ... leaves it out."""
    inner = content = copy.deepcopy(content)
    *ways, last = path
    for key in ways:
        if isinstance(inner[key], tuple):
            inner[key] = [*inner[key]]
        inner = inner[key]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return content


STRANGE = [..., None, "other", -1, [], {"a": 1}, torch.zeros(2, 7)]


@pytest.mark.parametrize("name", ["gan", "gan_smote", "mc_ccr"])
def test_forged_content_is_refused_or_can_be_used(name, table, tmp_path):
    """Whatever is put in the place of any part of a file that is whole."""
    sampler = make_sampler(name, **({} if name == "mc_ccr" else SMALL)).fit(*table)
    path, refused = tmp_path / "sampler.pt", 0
    sampler.save(path)
    content = torch.load(path, weights_only=True)
    draw = np.random.default_rng(0)
    ways = [*parts_of(content)]
    for way in draw.permutation(len(ways))[:80]:
        for value in draw.permutation(len(STRANGE))[:1]:
            torch.save(replaced(content, ways[way], STRANGE[value]), path)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                loaded, message = refusal(SAMPLERS[name].load, path)
            if loaded is None:
                refused += 1
                assert str(path) in message
                continue
            loaded.device = "cpu"  # another machine's would be looked for when sampling
            for label, n in loaded.sampling_strategy_.items():
                if n:
                    assert len(loaded.sample(label, 2)) == 2
    assert refused > 30


@pytest.mark.parametrize("value", STRANGE)
def test_a_forged_checkpoint_is_refused_or_goes_on(value, table, tmp_path):
    path = tmp_path / "gan.pt"

    def fit():
        return make_sampler("gan", **SMALL, checkpoint=path).fit_resample(*table)

    fit()
    content = torch.load(path, weights_only=True)
    for way in [*parts_of(content)][::9]:
        torch.save(replaced(content, way, value), path)
        found, message = refusal(fit)
        assert found or str(path) in message


def test_a_later_layout_is_refused_and_an_unknown_parameter_is_not(table, tmp_path):
    path = tmp_path / "sampler.pt"
    sampler = make_sampler("gan").fit(*table)
    sampler.save(path)
    content = torch.load(path, weights_only=True)
    torch.save({**content, "version": VERSION + 1}, path)
    with pytest.raises(ValueError, match=f"has layout {VERSION + 1}, .* reads 1 to"):
        SAMPLERS["gan"].load(path)
    later = {**content["parameters"], "temperature": 0.7}
    torch.save({**content, "parameters": later}, path)
    with pytest.warns(UserWarning, match="does not know, temperature; they are left"):
        loaded = SAMPLERS["gan"].load(path)
    expected = sampler.sample(2, 3, random_state=0)
    assert (loaded.sample(2, 3, random_state=0) == expected).all()
    del content["parameters"]["n_critic"]  # as in a file of before there was one
    torch.save(content, path)
    assert SAMPLERS["gan"].load(path).n_critic == 1


def test_a_checkpoint_of_a_later_layout_is_refused(table, tmp_path):
    path = tmp_path / "gan.pt"
    make_sampler("gan", checkpoint=path).fit(*table)
    content = torch.load(path, weights_only=True)
    torch.save({**content, "version": 99}, path)
    with pytest.raises(ValueError, match="its layout is number 99"):
        make_sampler("gan", checkpoint=path).fit(*table)
    del content["version"]
    torch.save(content, path)
    make_sampler("gan", checkpoint=path).fit(*table)


def test_writing_a_checkpoint_takes_a_small_part_of_the_time(tmp_path, monkeypatch):
    clock = {"now": 0.0}
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: clock["now"])

    def write_saved(content, path):
        clock["now"] += 2.0  # a large network, a slow disk

    monkeypatch.setattr(checkpoints, "write_saved", write_saved)
    checkpoint = checkpoints.Checkpoint(tmp_path / "gan.pt", {})
    clock["now"] = 10.0
    assert checkpoint.due  # nothing was written yet
    checkpoint.save("stage", {"ended": False})
    clock["now"] += 59.0
    assert not checkpoint.due
    clock["now"] += 1.0
    assert checkpoint.due


EXPECTED = pd.read_csv(SAVED / "layout_1.csv")


@pytest.mark.parametrize("name", EXPECTED["sampler"].unique())
def test_files_of_layout_1_still_load(name):
    """Written by commit f0b7cfd, on a frame of four types of columns."""
    sampler = SAMPLERS[name].load(SAVED / f"layout_1_{name}.pt")
    found = sampler.sample("few", 3, random_state=1)
    assert [*found.dtypes.astype(str)] == ["float64", "int64", "bool", "Int64"]
    expected = EXPECTED[EXPECTED["sampler"] == name].drop(columns="sampler")
    assert (found["n"] == expected["n"].to_numpy()).all()
    assert found[["count", "flag"]].to_numpy().tolist() == (
        expected[["count", "flag"]].to_numpy().tolist()
    )
    assert found["x"].to_numpy() == pytest.approx(expected["x"].to_numpy(), abs=1e-5)
    with zipfile.ZipFile(SAVED / f"layout_1_{name}.pt") as archive:
        assert archive.testzip() is None


def test_a_tilde_is_home(table, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    sampler = make_sampler("gan", checkpoint="~/state/gan.pt").fit(*table)
    sampler.save("~/gan.pt")
    loaded = SAMPLERS["gan"].load("~/gan.pt")
    assert len(loaded.sample(2, 3)) == 3
    assert {p.name for p in tmp_path.iterdir()} == {"state", "gan.pt"}
    assert (tmp_path / "state" / "gan.pt").exists()


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        SAMPLERS["gan"].load(tmp_path / "none.pt")


def test_what_was_saved_is_read_whole(tmp_path):
    path = tmp_path / "x.pt"
    torch.save({"a": torch.arange(3)}, path)
    assert checkpoints.read_saved(path)["a"].tolist() == [0, 1, 2]
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        [part] = [p for p in archive.infolist() if p.filename.endswith("data/0")]
    content[content.index(torch.arange(3).numpy().tobytes())] ^= 1
    path.write_bytes(content)
    assert torch.load(path, weights_only=True)["a"].tolist() == [1, 1, 2]
    with pytest.raises(zipfile.BadZipFile, match=part.filename):
        checkpoints.read_saved(path)
