"""Several devices and several processes: the same training as on one."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import ganzoo
from ganzoo.arguments import parameters_of
from ganzoo.registry import list_models, model_class
from ganzoo.training.callbacks.record import read_records
from ganzoo.training.cluster import resolver
from ganzoo.training.distribute import STRATEGIES, placement

SGD = {"name": "sgd", "learning_rate": 0.001, "global_clipnorm": 1.0}


def trained(name, strategy, steps=2, optimizer=SGD, **settings):
    """A model after some steps on the same batches, with all that a step may have."""
    keras.utils.set_random_seed(0)
    cls = model_class(name)
    with strategy.scope():
        model = ganzoo.create(name, **cls.test_config)
        # As large as trained ones: what DCGAN's weights of 0.02 give is so small that batch norm makes its rounding
        # large, and each unit of a leaky ReLU that lies on the other side of 0 then changes the training.
        random = np.random.default_rng(0)
        for variable in model.trainable_variables:
            if variable.path.endswith("kernel"):
                fan_in = np.prod(variable.shape[:-1])
                variable.assign(random.standard_normal(variable.shape) / np.sqrt(fan_in))
        settings |= dict(optimizer=optimizer, synchronized_batch_norm=True, ema_decay=0.5, **cls.test_compile_config)
        if isinstance(model, ganzoo.AdversarialModel):
            if model.scores == "logits":
                settings["penalties"] = [{"name": "r1", "weight": 0.1}, {"name": "gradient_penalty", "weight": 0.1}]
            if parameters_of("compile", owner=cls)["discriminator_steps"].default > 2:
                # Each of them is traced apart, on each device.
                settings["discriminator_steps"] = 2
        model.compile(**settings)
    before = [np.array(weight) for weight in model.trainable_variables]
    batches = [model.example_batch(8, seed) for seed in range(steps * model.batches_per_step)]
    data = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *batches)
    model.fit(tf.data.Dataset.from_tensor_slices(data).batch(8, drop_remainder=True), verbose=0)
    assert model.steps == steps
    assert max(np.abs(np.array(new) - old).max() for new, old in zip(model.trainable_variables, before)) > 0
    return model


def on_one_device(name, **settings):
    """Without a graph, which would take longer to make than a few steps take."""
    return trained(name, tf.distribute.get_strategy(), run_eagerly=True, **settings)


def assert_same_weights(ours, theirs):
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(np.array(one), np.array(other), rtol=1e-4, atol=1e-5, err_msg=other.path)


@pytest.mark.parametrize("name", list_models())
def test_two_replicas_of_half_a_batch_are_one_of_a_whole(two_replicas, name):
    """Weights, averages and batch statistics, with penalties, and with noise sampled in the step."""
    ours = trained(name, two_replicas)
    assert_same_weights(ours, on_one_device(name))
    # Each device's batch norm has seen its own images; the stored statistics are their mean.
    for variable in ours.non_trainable_variables:
        if hasattr(variable.value, "values"):
            first, second = (part.numpy() for part in variable.value.values)
            np.testing.assert_array_equal(first, second, err_msg=variable.path)
    if name == "wgan":
        assert max(np.abs(np.array(weight)).max() for weight in ours.discriminator.trainable_weights) <= 0.01 + 1e-6


def test_adam_is_the_same_on_two_replicas(two_replicas):
    # A small epsilon would make large steps of gradients that are rounding alone.
    adam = {"name": "adam", "learning_rate": 0.001, "epsilon": 0.1}
    assert_same_weights(trained("dcgan", two_replicas, optimizer=adam), on_one_device("dcgan", optimizer=adam))


@pytest.mark.parametrize("name", ["gan", "dcgan"])
def test_a_batch_too_small_for_all_replicas_counts_for_those_that_have_it(two_replicas, name):
    with two_replicas.scope():
        model = ganzoo.create(name, **model_class(name).test_config)
        model.compile()
    images = model.example_batch(5)
    losses = model.evaluate(images, batch_size=4, return_dict=True, verbose=0)
    assert all(np.isfinite(value) for value in losses.values()), losses
    scores = keras.ops.sigmoid(model.discriminator(images))
    assert losses["d_real"] == pytest.approx(float(np.mean(scores)), rel=1e-4, abs=1e-6)


@pytest.fixture
def run_of_two(tmp_path, tiny_preset):
    """A function that trains a preset of 3 epochs of 6 steps in two processes of one machine; the processes."""
    command = [sys.executable, "-m", "ganzoo.cli", "train", str(tiny_preset), "--output", str(tmp_path / "runs")]
    command += ["--set", "training.epochs=3", "--set", "training.checkpoint_minutes=0.0001"]
    tiny_preset.write_text(tiny_preset.read_text().replace("samples: 4}", "samples: 4, precision: auto}"))
    return lambda *arguments, **options: two_workers([*command, *arguments], **options)


def two_workers(command, only=("", ""), **options):
    """The two processes of a command, each a worker; "WORKER" in it becomes its number, and `only` has for each an
    argument of its own, where it is not empty."""
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    return [
        subprocess.Popen(
            [part.replace("WORKER", str(i)) for part in (*command, *filter(None, [only[i]]))],
            env={
                **os.environ,
                "TF_CONFIG": json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": i}}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        for i in range(2)
    ]


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@pytest.mark.long
def test_two_workers_end_with_the_weights_of_one_process(tmp_path):
    code = """
import sys
import numpy as np
from tests.training.test_distribute import trained
from ganzoo.training.distribute import placement
np.savez(sys.argv[1], *map(np.array, trained("dcgan", placement().strategy).weights))
"""
    command = [sys.executable, "-c", code, str(tmp_path / "WORKER.npz")]
    for worker in two_workers(command, cwd=Path(__file__).parents[2]):
        said = worker.communicate(timeout=240)[0]
        assert worker.returncode == 0, said
    for i, weight in enumerate(on_one_device("dcgan").weights):
        first, second = (np.load(tmp_path / f"{worker}.npz")[f"arr_{i}"] for worker in (0, 1))
        np.testing.assert_array_equal(first, second, err_msg=weight.path)
        np.testing.assert_allclose(first, np.array(weight), rtol=1e-4, atol=1e-5, err_msg=weight.path)


def test_one_worker_trains_by_itself(tmp_path, tiny_preset):
    """A cluster of one, as a list of machines that has shrunk."""
    cluster = {"cluster": {"worker": [f"127.0.0.1:{free_ports(1)[0]}"]}, "task": {"type": "worker", "index": 0}}
    command = [sys.executable, "-m", "ganzoo.cli", "train", str(tiny_preset), "--output", str(tmp_path / "runs")]
    command += ["--strategy", "multiworker", "--set", "training.epochs=1"]
    environment = {**os.environ, "TF_CONFIG": json.dumps(cluster)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "worker 0 of 1" in done.stdout + done.stderr


def test_compile_belongs_into_the_scope(two_replicas):
    with two_replicas.scope():
        model = ganzoo.create("gan", image_shape=(4, 4, 1), latent_dim=4)
    with pytest.raises(ganzoo.GanzooError, match="in the scope of a strategy"):
        model.compile()


@pytest.mark.long
@pytest.mark.parametrize("lost", [0, 1])
def test_a_run_outlives_the_loss_of_a_worker(run_of_two, tmp_path, lost):
    """One of two is killed in the middle; the other ends; both go on from the last checkpoint."""
    workers = run_of_two()
    folder = tmp_path / "runs" / "tiny-001"
    for line in workers[0].stdout:
        if line.startswith("epoch 1  step 6/"):
            break
    workers[lost].send_signal(signal.SIGKILL)
    said = workers[1 - lost].communicate(timeout=120)[0]
    assert workers[1 - lost].returncode != 0, said
    if lost == 1:
        # The first one is what the others meet at: without it TensorFlow ends them itself.
        assert "another worker" in said
        assert "--resume" in said
    before = ganzoo.load(folder / "checkpoints" / "last.keras").steps
    assert before >= 6, said
    workers = run_of_two("--resume", "--strategy", "multiworker")
    done = [worker.communicate(timeout=240)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], done
    assert "worker 0 of 2" in done[0], done
    assert [record["epoch"] for record in read_records(folder / "metrics.jsonl")] == [1, 2, 3]
    assert ganzoo.load(folder / "checkpoints" / "last.keras").steps == 18


@pytest.mark.long
def test_workers_stop_together_when_one_is_asked_to(run_of_two, tmp_path):
    """The one that is asked is not the one that saves."""
    workers = run_of_two("--set", "training.epochs=100000")
    folder = tmp_path / "runs" / "tiny-001"
    for line in workers[0].stdout:
        if line.startswith("epoch 1  step 6/"):
            break
    workers[1].send_signal(signal.SIGINT)
    said = [worker.communicate(timeout=120)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    assert "stopped at step" in said[0]
    stopped = ganzoo.load(folder / "checkpoints" / "last.keras").steps
    assert f"stopped at step {stopped} of" in said[0]


@pytest.mark.long
def test_workers_begin_or_resume_together(run_of_two, begun_run):
    said = [
        worker.communicate(timeout=120)[0] for worker in run_of_two("--set", "extractor=null", only=("", "--resume"))
    ]
    for one in said:
        assert "Error: 1 of 2 workers were started with --resume: start all of them with it, or none" in one, said


def test_the_command_line_offers_what_there_is():
    from ganzoo.cli.train import train

    (option,) = [parameter for parameter in train.params if parameter.name == "strategy"]
    assert tuple(option.type.choices) == STRATEGIES


def test_what_there_is_decides_on_the_strategy(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_STEP_NUM_TASKS", "TPU_NAME"):
        monkeypatch.delenv(name, raising=False)
    assert placement().words == "one device, CPU:0 (there is no GPU)"
    assert placement().replicas == 1
    for name, words in (
        ("multiworker", "needs TF_CONFIG, or a SLURM step"),
        ("tpu", "finds no TPU"),
        ("miror", "Did you mean 'mirrored'"),
    ):
        with pytest.raises(ganzoo.GanzooError, match=words):
            placement(name)
    two = '{"cluster": {"worker": ["a:1", "b:2"]}, "task": %s}'
    for broken, words in (
        ("{broken", "property name"),
        ("[]", "it is not an object"),
        ("[" * 100_000, "recursion"),
        ('{"cluster": []}', "list of addresses"),
        ('{"cluster": {"worker": 3}}', "list of addresses"),
        ('{"cluster": {"worker": [1, 2]}, "task": {"type": "worker", "index": 0}}', "worker address 1 is not"),
        ('{"cluster": {"worker": ["a:1", "b"]}, "task": {"type": "worker", "index": 0}}', 'address "b" is not'),
        ('{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}', "the same address"),
        (two % 5, '"task" must say'),
        (two % '{"type": "chief", "index": 0}', 'type "chief" is not one'),
        (two % '{"type": ["worker"], "index": 0}', "is not one of the cluster's"),
        (two % '{"type": "worker", "index": 5}', "index 5 is not one of the cluster's 2 worker tasks"),
        (two % '{"type": "worker", "index": -1}', "index -1 is not one"),
        (two % '{"type": "worker", "index": null}', "index null is not one"),
        (two % '{"type": "worker"}', "index null is not one"),
    ):
        monkeypatch.setenv("TF_CONFIG", broken)
        with pytest.raises(ganzoo.GanzooError, match=f"TF_CONFIG is not the JSON.*{re.escape(words)}"):
            placement()
    monkeypatch.delenv("TF_CONFIG")
    for name in ("nosuch", "grpc://127.0.0.1:9", "grpc://x"):
        monkeypatch.setenv("TPU_NAME", name)
        with pytest.raises(ganzoo.GanzooError, match=f"finds no TPU .TPU_NAME={name}.: ") as error:
            placement()
        assert len(str(error.value).splitlines()) == 1


def test_evaluators_take_no_part(monkeypatch):
    """One worker with an evaluator trains alone, and the evaluator writes no run."""
    monkeypatch.delenv("SLURM_STEP_NUM_TASKS", raising=False)
    monkeypatch.delenv("TPU_NAME", raising=False)
    cluster = {"worker": ["127.0.0.1:9"], "evaluator": ["127.0.0.1:19"], "ps": ["127.0.0.1:29"]}
    for kind in ("evaluator", "ps"):
        monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": kind, "index": 0}}))
        for strategy in ("auto", "multiworker"):
            with pytest.raises(ganzoo.GanzooError, match=f"the cluster's {kind}, which takes no part") as error:
                placement(strategy)
            assert len(str(error.value).splitlines()) == 1
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "worker", "index": 0}}))
    alone = placement()
    assert alone.words == "one device, CPU:0 (there is no GPU)"
    assert alone.chief


def test_a_tf_config_without_workers_leaves_the_cluster_to_slurm(monkeypatch):
    step = {"PROCID": "1", "STEP_NUM_TASKS": "2", "STEP_NODELIST": "n[1-2]", "STEP_TASKS_PER_NODE": "1(x2)"}
    for name, value in step.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    for config in ("", '{"environment": "cloud"}', '{"cluster": {}}', '{"cluster": {"worker": ["a:1"]}}'):
        monkeypatch.setenv("TF_CONFIG", config)
        found = resolver()
        assert found.cluster_spec().as_dict() == {"worker": ["n1:8888", "n2:8888"]}
        assert (found.task_type, found.task_id) == ("worker", 1)
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 0}}')
    assert resolver().cluster_spec().as_dict() == {"worker": ["a:1", "b:2"]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STEP_NODELIST", "n[1-99999999999]"),
        ("STEP_NODELIST", "n[1-9000,1-9000]"),
        ("STEP_NODELIST", f"n[{'0' * 100_000}1-2]"),
        ("STEP_NODELIST", f"{'n' * 100_000}[1-9000]"),
        ("STEP_TASKS_PER_NODE", "1(x99999999999)"),
        ("STEP_TASKS_PER_NODE", f"1(x{'9' * 5000})"),
        ("STEP_NUM_TASKS", "99999999999"),
    ],
    ids=lambda value: value[:20],
)
def test_slurm_names_no_more_workers_than_can_train(monkeypatch, name, value):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    step = {
        "PROCID": "0",
        "STEP_NUM_TASKS": "2",
        "STEP_NODELIST": "rack-1-99999-n[1-2]",
        "STEP_TASKS_PER_NODE": "1(x2)",
    }
    for one, usual in step.items():
        monkeypatch.setenv(f"SLURM_{one}", usual)
    assert resolver().cluster_spec().num_tasks("worker") == 2
    monkeypatch.setenv(f"SLURM_{name}", value)
    with pytest.raises(
        ganzoo.GanzooError, match=f"SLURM_{name}=.* (stands for more than 10000|of more than 253)"
    ) as error:
        placement()
    assert len(str(error.value)) < 200


def test_slurm_names_the_workers(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    step = {"PROCID": "2", "STEP_NUM_TASKS": "3", "STEP_NODELIST": "n[1-2]", "STEP_TASKS_PER_NODE": "2,1"}
    for name, value in step.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    found = resolver()
    assert found.cluster_spec().as_dict() == {"worker": ["n1:8888", "n1:8889", "n2:8888"]}
    assert (found.task_type, found.task_id, found.num_accelerators()) == ("worker", 2, {"GPU": 0})
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "x")
    with pytest.raises(ganzoo.GanzooError, match="cannot connect"):
        placement()


def test_a_run_on_two_devices_says_so_and_shares_the_batch(two_replicas, tiny_preset, tmp_path, capsys):
    with two_replicas.scope():
        folder = ganzoo.train(tiny_preset, settings=["training.epochs=1"], output=tmp_path / "runs")
        with pytest.raises(ganzoo.GanzooError, match=r"data\.batch_size=15 is that of all devices together: 2 cannot"):
            ganzoo.train(tiny_preset, settings=["data.batch_size=15"], output=tmp_path / "runs")
        with pytest.raises(ganzoo.GanzooError, match="encloses this call already"):
            ganzoo.train(tiny_preset, output=tmp_path / "runs", strategy="one")
    assert "strategy: MirroredStrategy, whose scope encloses the call" in capsys.readouterr().out
    resumed = ganzoo.train(tiny_preset, settings=["training.epochs=2"], output=tmp_path / "runs", resume=True)
    assert resumed == folder
    assert ganzoo.load(folder / "checkpoints" / "last.keras").steps == 12


def test_what_devices_cannot_share(two_replicas):
    with two_replicas.scope():
        model = ganzoo.create("gan", **model_class("gan").test_config)
        for settings in ({"steps_per_execution": 2}, {"jit_compile": True}):
            with pytest.raises(ganzoo.GanzooError, match="for one device"):
                model.compile(**settings)
        model.compile()
    images = model.example_batch(9)
    # The last image, that one of two would have without the other, is left out.
    model.fit(tf.data.Dataset.from_tensor_slices(images).batch(4), verbose=0)
    assert model.steps == 2
    model.fit(images, batch_size=4, verbose=0)
    assert model.steps == 4
    with pytest.raises(ganzoo.GanzooError, match="cannot share batches of 3 evenly"):
        model.fit(images, batch_size=3, verbose=0)
    with pytest.raises(ganzoo.GanzooError, match="cannot share batches of 3 evenly"):
        model.fit(tf.data.Dataset.from_tensor_slices(images).batch(3, drop_remainder=True), verbose=0)


def test_captions_are_learned_under_a_strategy(two_replicas, tmp_path):
    """The encoder learns outside of the scope, from images that the dataset has opened."""
    from ganzoo.inference import save_image

    rng = np.random.default_rng(0)
    for i in range(24):
        save_image(tmp_path / f"{i}.png", rng.integers(0, 256, (16, 16, 3), dtype="uint8"))
    (tmp_path / "captions.txt").write_text("".join(f"{i}.png\ta image of {i}\n" for i in range(24)))
    with two_replicas.scope():
        model = ganzoo.create("gan_int_cls", **model_class("gan_int_cls").test_config)
        model.compile()
    data = ganzoo.data.captions(f"captions:{tmp_path}", model.image_shape, model.text_encoder, batch_size=8)
    assert model.text_encoder.learned
    model.fit(data, verbose=0)
    assert model.steps == 2
