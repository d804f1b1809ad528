"""A run and its folder: what is in it, and that nothing is lost when it is interrupted."""

import json
import random
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo.config import load_config
from ganzoo.precision import fastest
from ganzoo.training import distribute
from ganzoo.training.callbacks import Guard, TrainingStopped
from ganzoo.training.callbacks.checkpoints import recorded_facts, recorded_value, write_value
from ganzoo.training.callbacks.record import read_records


def weights_of(folder):
    model = ganzoo.load(folder / "checkpoints" / "last.keras")
    return {w.path: np.array(w) for w in (*model.generator.weights, *model.discriminator.weights)}


def test_a_run_folder_holds_everything(tiny_run, tiny_preset, tmp_path):
    folder = tiny_run
    assert folder.name == "tiny-001"
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert [line["step"] for line in lines] == [6, 12, 18, 24]
    for line in lines:
        assert {"d_loss", "g_loss", "d_real", "d_fake", "frechet_distance", "seconds"} <= set(line)
    assert [path.name for path in sorted((folder / "samples").iterdir())] == [
        f"epoch_{i:04d}.png" for i in (1, 2, 3, 4)
    ]
    with Image.open(folder / "samples.gif") as animation:
        assert animation.n_frames == 4
    assert list((folder / "events").iterdir())
    assert (folder / "config.yaml").exists()
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["best.keras", "last.keras"]
    best = min(lines, key=lambda line: line["frechet_distance"])
    assert ganzoo.load(folder).steps == best["step"]
    (tmp_path / "runs" / "tiny-001").mkdir(parents=True)
    states = random.getstate(), np.random.get_state()[1].tolist()
    assert ganzoo.train(tiny_preset, output=tmp_path / "runs", settings=["epochs=1"]).name == "tiny-002"
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states, "the caller's random numbers go on"


def test_interrupted_and_killed_runs_end_as_one_never_stopped(tiny_preset, tiny_run, tmp_path):
    command = [sys.executable, "-m", "ganzoo.cli", "train", str(tiny_preset), "--output", str(tmp_path / "runs")]

    def run_until(line_start, number, *options):
        process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        seen = []
        for line in process.stderr:
            seen.append(line)
            if line.startswith(line_start):
                process.send_signal(number)
                break
        out, _ = process.communicate()
        return process.returncode, out, seen

    code, out, seen = run_until("epoch 1", signal.SIGINT)
    assert code == 0, seen
    assert "resume with --resume" in out
    assert "last.keras" in out
    code, _, seen = run_until("epoch 3", signal.SIGKILL, "--resume")
    assert code == -signal.SIGKILL, seen
    folder = ganzoo.train(tiny_preset, output=tmp_path / "runs", resume=True)
    assert folder == tmp_path / "runs" / "tiny-001"
    found = weights_of(folder)
    for path, value in weights_of(tiny_run).items():
        np.testing.assert_array_equal(found[path], value, err_msg=path)
    ours, theirs = read_records(tiny_run / "metrics.jsonl"), read_records(folder / "metrics.jsonl")
    assert [line["step"] for line in ours] == [line["step"] for line in theirs]
    assert ours[-1]["frechet_distance"] == pytest.approx(theirs[-1]["frechet_distance"], rel=1e-4)


def test_a_run_keeps_the_precision_it_found_to_be_the_fastest(tiny_preset, tmp_path, monkeypatch):
    # Not measured a second time: a busy machine may then find another one.
    answers = []
    monkeypatch.setattr(distribute, "fastest", lambda: answers.append(fastest()) or answers[-1])
    tiny_preset.write_text(tiny_preset.read_text().replace("samples: 4}", "samples: 4, precision: auto}"))
    settings = ["epochs=1", "evaluation.extractor=null"]
    folder = ganzoo.train(tiny_preset, output=tmp_path / "runs", settings=settings)
    found = load_config(folder / "config.yaml").training.precision
    assert [found] == answers
    assert ganzoo.load(folder).dtype_policy.name == found
    # As it comes from a machine that found another.
    other = {"float32": "mixed_bfloat16", "mixed_bfloat16": "float32"}[found]
    folder = ganzoo.train(tiny_preset, output=tmp_path / "other", settings=[*settings, f"precision={other}"])
    # And from a time when the preset named it.
    (folder / "preset.yaml").write_text(
        (folder / "preset.yaml").read_text().replace("precision: auto", f"precision: {other}")
    )
    ganzoo.train(tiny_preset, output=tmp_path / "other", settings=["epochs=2", "precision=auto"], resume=True)
    resumed = ganzoo.load(folder)
    assert (resumed.steps, resumed.dtype_policy.name) == (12, other)


def test_resume_refuses_another_architecture_and_leaves_the_run_alone(tiny_preset, begun_run, tmp_path):
    with pytest.raises(ganzoo.GanzooError, match="nothing to resume"):
        ganzoo.train(tiny_preset, output=tmp_path / "others", resume=True)
    with pytest.raises(ganzoo.GanzooError, match=r"there is no run 7 of .*: nothing to resume"):
        ganzoo.train(tiny_preset, output=begun_run.parent, resume=True, run=7)
    with pytest.raises(ganzoo.GanzooError, match="run 1 is the number of a run to resume: set resume=True"):
        ganzoo.train(tiny_preset, output=begun_run.parent, run=1)
    with pytest.raises(ganzoo.GanzooError, match="run must be a whole number of at least 1, got '1'"):
        ganzoo.train(tiny_preset, output=begun_run.parent, resume=True, run="1")
    folder, runs = begun_run, begun_run.parent
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ganzoo.GanzooError, match=r"begun with arguments.width=4, now 8"):
        ganzoo.train(tiny_preset, output=runs, settings=["arguments.width=8"], resume=True)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    ganzoo.train(tiny_preset, output=runs, settings=["epochs=2"], resume=True)
    assert [line["epoch"] for line in read_records(folder / "metrics.jsonl")] == [1, 2]


def test_a_diverging_run_stops_and_says_why(tiny_preset, tmp_path):
    optimizer = "{name: sgd, learning_rate: 1.0e+30}"
    settings = [f"compile.generator_optimizer={optimizer}", f"compile.discriminator_optimizer={optimizer}"]
    with pytest.raises(TrainingStopped, match="diverged"):
        ganzoo.train(tiny_preset, output=tmp_path / "runs", settings=settings)
    (last,) = (tmp_path / "runs").glob("*/checkpoints/*.keras")
    assert ganzoo.load(last).steps == 0  # what the run began with: broken weights reach no file


@pytest.mark.parametrize("together", [1, 2])
def test_a_loss_that_is_no_number_ends_the_epoch_early(together):
    model = ganzoo.create("gan", image_shape=(8, 8, 1), generator_widths=(8,), discriminator_widths=(8,))
    model.compile(steps_per_execution=together)
    model.generator.get_layer("pixels").kernel.assign(np.full((8, 64), np.nan))
    with pytest.raises(TrainingStopped, match="diverged"):
        model.fit(model.example_batch(80), batch_size=2, callbacks=[Guard(every=4)], verbose=0)
    assert model.steps < 40


def test_a_collapsed_generator_stops_the_training():
    model = ganzoo.create("dcgan", image_shape=(28, 28, 1), latent_dim=4, width=4)
    model.compile(generator_optimizer={"name": "sgd", "learning_rate": 0.0})
    # Whatever the latents, nothing of them reaches the image.
    for network in (model.generator, model.ema_generator):
        network.get_layer("project").kernel.assign(np.zeros((4, 392)))
    guard = Guard(patience=2, after=2)
    with pytest.raises(TrainingStopped, match="for 2 epochs all of its images have been alike"):
        model.fit(model.example_batch(16), batch_size=16, epochs=9, callbacks=[guard], verbose=0)
    assert model.steps == 3  # the first epoch is too early to tell


def test_mistakes_are_found_before_anything_is_written(tiny_preset, tmp_path):
    runs = tmp_path / "runs"
    for minutes in ("5", float("nan"), -1):
        with pytest.raises(ganzoo.GanzooError, match="max_minutes must be a number of at least 0"):
            ganzoo.train(tiny_preset, output=runs, max_minutes=minutes)
    for settings, message in [
        (["data.batch_size=97"], "a batch of 97 is larger than the 96 examples"),
        (["data.batch=3"], "unknown key 'batch'. Did you mean 'batch_size'"),
        (["arguments.image_shape=[32, 32, 1]", "extractor=null"], "smaller than the requested 32x32"),
        (["compile.discriminator_steps=9"], "one step takes 9"),
        (["extractor=digits_classifier"], "takes images of"),
        (["compile.ema=1"], "unknown key 'ema'. Did you mean 'ema_decay'"),
        (["epochs=0"], "'training.epochs' is 0"),
        (["training.seed=-1"], "'training.seed' is -1"),
        (["training.samples=0"], "'training.samples' is 0"),
        (["evaluation.every_epochs=0"], "'evaluation.every_epochs' is 0"),
        (["compile.steps_per_execution=4"], "does not divide the 6 steps"),
        (["data.image_shape=[32, 32, 1]"], "'image_shape' is .*the model's is"),
        (["arguments.latent_dim=0"], "latent_dim must be at least 1"),
        (["width=8"], "arguments.KEY"),
    ]:
        with pytest.raises(ganzoo.GanzooError, match=message):
            ganzoo.train(tiny_preset, output=runs, settings=settings)
    for value in (ganzoo.losses.get("hinge"), keras.optimizers.Adam()):
        with pytest.raises(ganzoo.GanzooError, match=r"'compile\.loss': .* cannot be written to a YAML file"):
            ganzoo.train(tiny_preset, output=runs, settings={"compile.loss": value})
    with pytest.raises(ganzoo.GanzooError, match="no such folder"):
        ganzoo.train(tiny_preset, data="folder:/nowhere", output=runs)
    assert not runs.exists()


def test_resume_notices_what_changed_behind_its_back(tiny_preset, begun_run, tmp_path):
    folder, runs = begun_run, begun_run.parent
    text = tiny_preset.read_text()
    tiny_preset.write_text(text.replace("width: 4", "width: 8"))
    with pytest.raises(ganzoo.GanzooError, match=r"begun with arguments.width=4, now 8"):
        ganzoo.train(tiny_preset, output=runs, resume=True)
    tiny_preset.write_text(text)
    np.savez(tmp_path / "fewer.npz", images=np.zeros((40, 28, 28), "uint8"))
    config = (folder / "config.yaml").read_bytes()
    with pytest.raises(ganzoo.GanzooError, match=r"was trained on 96 examples, .* has 40"):
        ganzoo.train(tiny_preset, output=runs, data=f"npz:{tmp_path}/fewer.npz", settings=["epochs=2"], resume=True)
    with pytest.raises(ganzoo.GanzooError, match=r"begun with evaluation\.extractor"):
        ganzoo.train(tiny_preset, output=runs, settings=["extractor=mnist_classifier"], resume=True)
    assert (folder / "config.yaml").read_bytes() == config
    # What a crash or an editor left in the record does not keep the run from going on.
    with open(folder / "metrics.jsonl", "ab") as file:
        file.write(b'3\n{"epoch": 1}\n\xff\xfe\n{"step": 6, "torn')
    ganzoo.train(tiny_preset, output=runs, settings=["epochs=2"], resume=True)
    assert [line["epoch"] for line in read_records(folder / "metrics.jsonl")] == [1, 2]
    ganzoo.train(tiny_preset, output=runs, resume=True)  # finished: nothing to do, nothing wrong


def test_the_best_checkpoint_is_kept_when_the_metrics_are_lost(tiny_preset, tmp_path):
    runs = tmp_path / "runs"
    folder = ganzoo.train(tiny_preset, output=runs, settings=["epochs=2"])
    metrics, best = folder / "metrics.jsonl", folder / "checkpoints" / "best.keras"
    distances = [line["frechet_distance"] for line in read_records(metrics)]
    assert recorded_value(best, "frechet_distance") == min(distances)
    # Better than whatever comes.
    write_value(best, "frechet_distance", 1e-6)
    content = best.read_bytes()
    metrics.unlink()
    ganzoo.train(tiny_preset, output=runs, settings=["epochs=3"], resume=True)
    assert best.read_bytes() == content
    # A run of an older version has the value nowhere else than in its metrics: without them it is measured again.
    with zipfile.ZipFile(best, "a") as archive:
        archive.comment = b""
    metrics.write_bytes(metrics.read_bytes()[:20])
    ganzoo.train(tiny_preset, output=runs, settings=["epochs=3"], resume=True)
    assert recorded_value(best, "frechet_distance") == pytest.approx(min(distances), rel=1e-3)


def test_a_resumed_run_is_compared_with_what_it_began_with(tiny_preset, begun_run, tmp_path):
    folder, runs = begun_run, begun_run.parent

    def refused(match, **options):
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        with pytest.raises(ganzoo.GanzooError, match=match):
            ganzoo.train(tiny_preset, output=runs, settings=["epochs=2"], resume=True, **options)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

    np.savez(tmp_path / "others.npz", images=np.random.default_rng(1).integers(0, 256, (96, 28, 28), dtype="uint8"))
    refused("was trained on other examples than those of npz:.*others.npz", data=f"npz:{tmp_path}/others.npz")
    config = (folder / "config.yaml").read_text()
    for old, new, match in (
        ("width: 4", "width: 8", "was begun with arguments.width=4, its config.yaml says 8"),
        ("flip: true", "flip: false", "was begun with data.flip=True, its config.yaml says False"),
    ):
        assert old in config
        (folder / "config.yaml").write_text(config.replace(old, new))
        refused(match)
    # A run of an older version knows less of itself, but its checkpoint still knows its model.
    (folder / "data.json").write_text('{"examples": 96}')
    (folder / "config.yaml").write_text(config.replace("width: 4", "width: 8"))
    refused(r"last.keras was made with arguments.width=4, .*config.yaml says 8")
    (folder / "config.yaml").write_text(config)
    ganzoo.train(tiny_preset, output=runs, settings=["epochs=2"], resume=True)
    refused("other examples", data=f"npz:{tmp_path}/others.npz")


def test_labels_belong_to_the_data(tmp_path):
    preset, runs = tmp_path / "labeled.yaml", tmp_path / "runs"
    preset.write_text(
        f"""
model: cgan
arguments: {{image_shape: [8, 8, 1], classes: 3, latent_dim: 4}}
data: {{source: "npz:{tmp_path}/data.npz", batch_size: 8}}
training: {{epochs: 1, samples: 4}}
"""
    )
    images, labels = np.zeros((24, 8, 8), "uint8"), np.arange(24) % 3
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    ganzoo.train(preset, output=runs)
    np.savez(tmp_path / "data.npz", images=images, labels=labels[::-1])
    with pytest.raises(ganzoo.GanzooError, match="other labels or captions"):
        ganzoo.train(preset, output=runs, settings=["epochs=2"], resume=True)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "binary": lambda path: path.write_bytes(bytes(range(256)) * 4),
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "broken link": lambda path: (path.unlink(), path.symlink_to("nowhere")),
}


@pytest.mark.parametrize(
    ("name", "goes_on"),
    [
        ("config.yaml", ()),
        ("preset.yaml", ()),
        # Like a missing one: the run goes on without comparing.
        ("data.json", ("broken link",)),
        ("checkpoints/last.keras", ()),
        # What cannot be read is said, and the next measured checkpoint takes its place.
        ("metrics.jsonl", ("empty", "half", "binary", "broken link")),
        ("checkpoints/best.keras", ("empty", "half", "binary", "broken link")),
    ],
)
def test_torn_files_are_refused_in_a_line_or_the_run_goes_on(tiny_preset, measured_run, tmp_path, name, goes_on):
    for what, damage in DAMAGES.items():
        runs = tmp_path / what
        shutil.copytree(measured_run.parent, runs)
        damage(runs / measured_run.name / name)
        if what in goes_on:
            folder = ganzoo.train(tiny_preset, output=runs, settings=["epochs=2"], resume=True)
            assert [line["step"] for line in read_records(folder / "metrics.jsonl")][-1:] == [12], what
            assert ganzoo.load(folder / "checkpoints" / "last.keras").steps == 12, what
            assert ganzoo.load(folder).steps in (6, 12), what
        else:
            with pytest.raises(ganzoo.GanzooError) as error:
                ganzoo.train(tiny_preset, output=runs, settings=["epochs=2"], resume=True)
            assert Path(name).name in str(error.value) or "was begun with" in str(error.value), what
            assert len(str(error.value).splitlines()) == 1, what


class StopAt(keras.callbacks.Callback):
    """Stops a run after a step, as a signal or as a callback does."""

    def __init__(self, step, by):
        super().__init__()
        self.step, self.by = step, by

    def on_train_batch_end(self, batch, logs=None):
        if self.model.steps == self.step and self.by == "signal":
            signal.raise_signal(signal.SIGINT)
        elif self.model.steps == self.step:
            self.model.stop_training = True


@pytest.mark.parametrize("by", ["signal", "callback"])
@pytest.mark.parametrize(("step", "recorded"), [(6, [6]), (9, [6]), (24, [6, 12, 18, 24])])
def test_an_interruption_never_loses_the_record_of_an_epoch(
    tiny_preset, tiny_run, tmp_path, step, recorded, by, capsys
):
    """In an epoch's last step, in the middle of one, and in the very last step."""
    settings = ["extractor=null"]
    folder = ganzoo.train(tiny_preset, output=tmp_path / "runs", settings=settings, callbacks=[StopAt(step, by)])
    assert (f"stopped at step {step} of 24" in capsys.readouterr().out) == (step < 24)
    assert ganzoo.load(folder / "checkpoints" / "last.keras").steps == step
    assert [line["step"] for line in read_records(folder / "metrics.jsonl")] == recorded
    ganzoo.train(tiny_preset, output=tmp_path / "runs", resume=True)
    lines = read_records(folder / "metrics.jsonl")
    assert [line["step"] for line in lines] == [6, 12, 18, 24]
    for line, other in zip(lines, read_records(tiny_run / "metrics.jsonl")):
        for name in ("d_loss", "g_loss", "d_real", "d_fake"):
            assert line[name] == pytest.approx(other[name], rel=1e-4), "an epoch in two parts has the means of one"
    assert len(list((folder / "samples").iterdir())) == 4


class Score(keras.callbacks.Callback):
    """A metric that is best after the first epoch, and the weights of that time."""

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = float(epoch)
        if epoch == 0:
            self.best = self.model.generator.get_weights()


@pytest.mark.parametrize("patience", [1, 9])
def test_the_best_weights_that_a_callback_restores_are_saved(tiny_preset, tmp_path, patience):
    """Where it stops the run, and where the run comes to its end."""
    score = Score()
    stop = keras.callbacks.EarlyStopping("score", mode="min", patience=patience, restore_best_weights=True)
    settings = ["extractor=null", "epochs=3"]
    folder = ganzoo.train(tiny_preset, output=tmp_path, settings=settings, callbacks=[score, stop])
    assert len(read_records(folder / "metrics.jsonl")) == (2 if patience == 1 else 3)
    saved = ganzoo.load(folder / "checkpoints" / "last.keras").generator.get_weights()
    for ours, best in zip(saved, score.best):
        np.testing.assert_array_equal(ours, best)
    assert (folder / "samples.gif").exists()


def test_two_processes_do_not_share_a_run(tiny_preset, begun_run, tmp_path):
    import fcntl

    with open(begun_run / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Whatever that process is writing just now is not read.
        (begun_run / "config.yaml").write_text("torn")
        with pytest.raises(ganzoo.GanzooError, match="another process is training"):
            ganzoo.train(tiny_preset, output=tmp_path / "runs", settings=["epochs=2"], resume=True)


def test_a_name_with_wildcards_and_an_output_that_is_a_file(tiny_preset, tmp_path):
    odd = tmp_path / "[x]*.yaml"
    odd.write_text(tiny_preset.read_text())
    quick = ["epochs=1", "extractor=null"]
    assert ganzoo.train(odd, output=tmp_path / "runs", settings=quick).name == "[x]*-001"
    assert ganzoo.train(odd, output=tmp_path / "runs", settings=quick).name == "[x]*-002"
    (tmp_path / "file").write_text("kept")
    with pytest.raises(ganzoo.GanzooError, match="cannot write to"):
        ganzoo.train(tiny_preset, output=tmp_path / "file", settings=quick)
    assert (tmp_path / "file").read_text() == "kept"


def test_a_full_disk_is_one_clear_error(tiny_preset, tmp_path):
    """Files may not grow beyond limits, in a process of its own."""
    limits = [100, 3000, 60_000]
    code = f"""
import resource, signal
import ganzoo, tensorflow
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in {limits}:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    output = {str(tmp_path)!r} + f"/{{limit}}"
    try:
        ganzoo.train({str(tiny_preset)!r}, output=output, settings=["epochs=1", "extractor=null"])
    except ganzoo.GanzooError as error:
        print("clear:", limit, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    for limit in limits:
        assert f"clear: {limit} cannot write" in done.stdout, done.stderr
        assert not list((tmp_path / str(limit)).rglob("*.tmp*"))


def test_a_run_of_a_preset_folder_is_named_after_it_and_resumes(tiny_preset, tmp_path):
    folder = tmp_path / "presets" / "mine"
    folder.mkdir(parents=True)
    tiny_preset.rename(folder / "preset.yaml")
    for preset, name in ((folder, "mine-001"), (folder / "preset.yaml", "mine-002")):
        run = ganzoo.train(preset, output=tmp_path / "runs", settings=["epochs=1", "extractor=null"])
        assert run == tmp_path / "runs" / name
    again = ganzoo.train(folder, output=tmp_path / "runs", resume=True, settings=["epochs=2"])
    assert again == run
    assert [record["epoch"] for record in read_records(run / "metrics.jsonl")] == [1, 2]


def test_the_time_of_an_interrupted_epoch_counts(tiny_preset, tmp_path):
    run = ganzoo.train(tiny_preset, output=tmp_path, max_minutes=0)
    assert not read_records(run / "metrics.jsonl")
    last = run / "checkpoints" / "last.keras"
    facts = recorded_facts(last)
    assert facts["seconds"] > 0
    # As after an hour of training.
    for name in ("seconds", "cpu_seconds"):
        write_value(last, name, facts[name] + 3600)
    ganzoo.train(tiny_preset, output=tmp_path, resume=True)
    line = read_records(run / "metrics.jsonl")[0]
    assert 3600 < line["seconds"] < 4200
    assert line["cpu_seconds"] > 3600
    # A checkpoint of an older version has no times: those of the last line count.
    with zipfile.ZipFile(last, "a") as archive:
        archive.comment = b""
    ganzoo.train(tiny_preset, output=tmp_path, resume=True, settings={"training.epochs": 2})
    assert line["seconds"] < read_records(run / "metrics.jsonl")[1]["seconds"] < 4200
