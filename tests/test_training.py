"""The loop, its checkpoints, the generator of weights."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from torch import nn

from helpers import devices, training

from .conftest import make_sampler

CPU = torch.device("cpu")


def generator(seed=0):
    return training.make_generator(seed, CPU)


class Regression:
    """A network that learns a line from noisy batches; the noise is its randomness."""

    def __init__(self):
        self.generator = generator()
        self.net = training.initialise(lambda: nn.Linear(1, 1), self.generator)
        self.optimiser = torch.optim.Adam(self.net.parameters(), lr=0.05)
        self.batches = training.Batches(7, 3, self.generator)
        self.x = torch.linspace(-1, 1, 7)[:, None]
        self.calls = 0

    def step(self):
        self.calls += 1
        x = self.x[next(self.batches)]
        noise = torch.randn(x.shape, generator=self.generator) / 10
        loss = (self.net(x) - 2 * x - noise).square().mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return {"loss": loss}

    def train(self, n_steps, **options):
        state = {"net": self.net, "adam": self.optimiser, "batches": self.batches}
        return training.train(
            self.step, n_steps, state=state, generator=self.generator, **options
        )


def test_history_has_a_row_per_step_and_the_loss_falls():
    history = Regression().train(200)
    assert history["step"].tolist() == [*range(1, 201)]
    assert history["loss"][:20].mean() > 5 * history["loss"][-20:].mean()


def test_resumes_in_mid_epoch_where_an_uninterrupted_run_ends(tmp_path, monkeypatch):
    whole = Regression()
    expected = whole.train(40)

    def checkpoint():
        return training.Checkpoint(tmp_path / "c.pt", {"fit": "a"}, every=0)

    stopped = Regression()
    stopped_at = 17

    def step():
        if stopped.calls == stopped_at:
            raise KeyboardInterrupt
        return stopped.step()

    state = {"net": stopped.net, "adam": stopped.optimiser, "batches": stopped.batches}
    monkeypatch.setattr(training, "HEARTBEAT", 0)
    with pytest.raises(KeyboardInterrupt):
        training.train(
            step,
            40,
            state=state,
            generator=stopped.generator,
            checkpoint=checkpoint(),
        )
    resumed = Regression()
    history = resumed.train(40, checkpoint=checkpoint())
    assert resumed.calls == 40 - stopped_at
    assert history.equals(expected)
    assert torch.equal(resumed.net.weight, whole.net.weight)
    assert torch.equal(resumed.generator.get_state(), whole.generator.get_state())

    again = Regression()
    assert again.train(40, checkpoint=checkpoint()).equals(expected)
    assert again.calls == 0


KILLED = """
import sys
sys.path.insert(0, {root!r})
import numpy as np
from helpers import training
from tests.conftest import make_sampler
training.HEARTBEAT, training.Checkpoint.due = 0, True  # write after every step
rng = np.random.default_rng(0)
X, y = rng.normal(size=(60, 4)), np.repeat([0, 1, 2], [40, 12, 8])
sampler = make_sampler("gan", epochs=200, batch_size=8, checkpoint={path!r})
sampler.fit_resample(X, y)
"""


def test_a_killed_fit_ends_as_if_it_had_not_been(tmp_path):
    """SIGKILL at whatever moment; the second of the classes may not have begun."""
    path = tmp_path / "gan.pt"
    root = os.path.dirname(os.path.dirname(__file__))
    code = KILLED.format(root=root, path=str(path))
    process = subprocess.Popen([sys.executable, "-c", code])
    give_up = time.monotonic() + 90
    while not path.exists() and process.poll() is None and time.monotonic() < give_up:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "ended before it could be killed"
    assert path.exists()

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), np.repeat([0, 1, 2], [40, 12, 8])
    fit = {"epochs": 200, "batch_size": 8}
    resumed, _ = make_sampler("gan", **fit, checkpoint=path).fit_resample(X, y)
    whole, _ = make_sampler("gan", **fit).fit_resample(X, y)
    assert (resumed == whole).all()


def test_a_checkpoint_that_cannot_be_written_is_refused_before_training(
    table, tmp_path
):
    taken = tmp_path / "taken"
    taken.write_text("a file where a folder is named")
    trained = []
    sampler = make_sampler("gan", checkpoint=taken / "gan.pt")
    sampler._train = lambda *_: trained.append(1)
    with pytest.raises(
        OSError, match=r"checkpoint='.*gan\.pt' cannot be written .*; name"
    ):
        sampler.fit_resample(*table)
    assert not trained


def test_numbers_of_numpy_go_into_a_checkpoint_and_come_back(tmp_path, table):
    """As a grid from np.logspace has them; the optimiser keeps the rate it was given."""
    options = {"checkpoint": tmp_path / "gan.pt", "sampling_strategy": {2: 20}}
    first, _ = make_sampler("gan", lr=np.float64(1e-3), **options).fit_resample(*table)
    options["sampling_strategy"] = {np.int64(2): np.int64(20)}
    again, _ = make_sampler("gan", lr=1e-3, **options).fit_resample(*table)
    assert (again == first).all()


def test_a_function_as_strategy_is_known_by_what_it_asks_for(tmp_path, table):
    """Its address is another one in every process, as those of these functions are."""

    def asks_for(n):
        return lambda y: {2: n}

    twenty, again, other = map(asks_for, (20, 20, 21))
    options = {"checkpoint": tmp_path / "gan.pt"}
    first, _ = make_sampler("gan", sampling_strategy=twenty, **options).fit_resample(
        *table
    )
    second, _ = make_sampler("gan", sampling_strategy=again, **options).fit_resample(
        *table
    )
    assert (first == second).all()
    with pytest.raises(ValueError, match=r"\{2: 13\} there, \{2: 14\} here"):
        make_sampler("gan", sampling_strategy=other, **options).fit(*table)


def test_a_stage_that_has_ended_keeps_its_weights(tmp_path):
    """A later one may train the same network on."""
    checkpoint = training.Checkpoint(tmp_path / "c.pt", {})
    run = Regression()
    run.train(5, checkpoint=checkpoint, stage="first")
    expected = run.net.weight.item()
    run.train(5, checkpoint=checkpoint, stage="second")
    assert run.net.weight.item() != expected
    stages = training.Checkpoint(tmp_path / "c.pt", {}).stages
    assert stages["first"]["state"]["net"]["weight"].item() == expected
    assert stages["second"]["state"]["net"]["weight"].item() == run.net.weight.item()


def test_checkpoint_of_another_fit_is_refused(tmp_path, table):
    path = tmp_path / "gan.pt"
    make_sampler("gan", checkpoint=path).fit(*table)
    with pytest.raises(
        ValueError, match=r"another fit \(lr: 0.0001 there, 0.01 here\)"
    ):
        make_sampler("gan", checkpoint=path, lr=0.01).fit(*table)
    X, y = table
    with pytest.raises(ValueError, match=r"another fit \(data: .*Delete it"):
        make_sampler("gan", checkpoint=path).fit(X + 1, y)


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 half a zip"])
def test_damaged_checkpoint_is_refused(tmp_path, table, content):
    path = tmp_path / "gan.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as a checkpoint"):
        make_sampler("gan", checkpoint=path).fit(*table)
    assert path.read_bytes() == content


def test_stops_early_at_the_same_step_also_when_resumed(tmp_path, monkeypatch):
    """Interrupted a window before the end, which only the older ones can bring about."""
    stop = training.plateau("loss", window=10, patience=2)
    options = {"stop": stop, "stop_every": 10}
    expected = Regression().train(5000, **options)
    assert 30 < len(expected) < 5000
    stopped_at = len(expected) - 12

    def checkpoint():
        return training.Checkpoint(tmp_path / "c.pt", {}, every=0)

    stopped = Regression()
    step = stopped.step

    def interrupted():
        if stopped.calls == stopped_at:
            raise KeyboardInterrupt
        return step()

    monkeypatch.setattr(training, "HEARTBEAT", 0)
    monkeypatch.setattr(stopped, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stopped.train(5000, **options, checkpoint=checkpoint())
    resumed = Regression()
    assert resumed.train(5000, **options, checkpoint=checkpoint()).equals(expected)
    assert resumed.calls == 12
    again = Regression()
    assert again.train(5000, **options, checkpoint=checkpoint()).equals(expected)
    assert again.calls == 0


def test_divergence_is_an_error():
    net = nn.Linear(1, 1)
    with pytest.raises(
        FloatingPointError, match=r"loss is nan after step 3; .*Lower lr"
    ):
        training.train(
            lambda: {"loss": torch.tensor(float("nan"))},
            3,
            state={"net": net},
            generator=generator(),
        )


def test_initial_weights_come_from_the_generator_alone():
    def build():
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(400, 200))

    before = torch.get_rng_state()
    first, second = (training.initialise(build, generator(1)) for _ in range(2))
    other = training.initialise(build, generator(2))
    assert torch.equal(torch.get_rng_state(), before)
    for a, b in zip(
        first.state_dict().values(), second.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)
    assert not torch.equal(first[2].weight, other[2].weight)
    assert first[2].weight.abs().max() <= 1 / 20
    assert first[1].running_var.tolist() == [1] * 4
    glorot = training.initialise(build, generator(), "glorot")
    assert glorot[2].weight.abs().max().item() == pytest.approx(
        np.sqrt(6 / 600), rel=1e-3
    )
    assert glorot[2].bias.tolist() == [0] * 200
    with pytest.raises(TypeError, match="GRU"):
        training.initialise(lambda: nn.GRU(2, 2), generator())


class Shifted(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("shift", torch.full((3,), 7.0))


def test_constants_of_layers_are_torchs_and_buffers_are_not_lost():
    def build():
        layers = nn.GroupNorm(2, 4), nn.LayerNorm(3), nn.RMSNorm(3), nn.PReLU(2)
        return nn.Sequential(*layers, nn.BatchNorm1d(3, affine=False))

    found, expected = training.initialise(build, generator()), build()
    for name, value in expected.state_dict().items():
        assert torch.equal(found.state_dict()[name], value), name
    with pytest.raises(TypeError, match=r"Shifted has buffers \['shift'\]"):
        training.initialise(
            lambda: nn.Sequential(nn.Linear(2, 3), Shifted()), generator()
        )


@pytest.mark.parametrize(
    ("normalise", "message"),
    [
        (nn.utils.spectral_norm, r"Conv2d has parameters \['weight_orig'\]"),
        (nn.utils.parametrizations.spectral_norm, r"has parameters \['original'\]"),
    ],
)
def test_weights_under_other_names_are_not_left_to_chance(normalise, message):
    """They would be whatever the memory held."""
    with pytest.raises(TypeError, match=message):
        training.initialise(lambda: normalise(nn.Conv2d(3, 8, 4)), generator())


@pytest.mark.parametrize(("drop_last", "sizes"), [(False, {3, 1}), (True, {3})])
def test_batches_show_every_row_once_an_epoch(drop_last, sizes):
    batches = training.Batches(7, 3, generator(), drop_last)
    for _ in range(5):
        epoch = [next(batches) for _ in range(batches.per_epoch)]
        assert {len(batch) for batch in epoch} == sizes
        rows = torch.cat(epoch).tolist()
        assert len(set(rows)) == len(rows) == (6 if drop_last else 7)


def test_bfloat16_trains_and_stays_close(table):
    X, y = table
    low = make_sampler("gan", precision="bfloat16").fit_resample(X, y)[0]
    high = make_sampler("gan", precision="float32").fit_resample(X, y)[0]
    assert not np.array_equal(low, high)
    assert np.abs(low - high).max() < 0.2 * np.ptp(X)


def test_a_checkpoint_of_another_precision_is_refused(table, tmp_path, monkeypatch):
    """What "auto" means differs between two cards of one kind of device."""
    sampler = make_sampler("gan", checkpoint=tmp_path / "gan.pt")
    sampler.fit_resample(*table)
    low = torch.bfloat16
    monkeypatch.setattr(devices, "resolve_precision", lambda *_, **__: low)
    with pytest.raises(ValueError, match=r"precision: torch.float32 there, torch.bf"):
        sampler.fit_resample(*table)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs cuda")
def test_cuda_keeps_the_contract(table):
    X, y = table
    first, _ = make_sampler("gan", device="cuda").fit_resample(X, y)
    second, _ = make_sampler("gan", device="cuda").fit_resample(X, y)
    assert np.allclose(first, second)
    assert (first[: len(X)] == X).all()
