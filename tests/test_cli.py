"""The command line as typed."""

import shlex
import shutil
import subprocess
import sys
import wave

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import ganzoo
from ganzoo.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_listing_imports_neither_tensorflow_nor_keras():
    code = (
        "import sys; from ganzoo.cli import main; main(['list'], standalone_mode=False);"
        "import ganzoo; ganzoo.list_models(), ganzoo.list_presets();"
        "print(sorted({'tensorflow', 'keras', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "dcgan.mnist" in done.stdout


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_help_shows_an_example(command):
    text = run(command, "--help").output
    assert "Example" in text
    assert f"ganzoo {command}" in text


def test_generate_writes_a_grid_that_depends_on_the_seed(tmp_path):
    for seed, name in [(1, "a.png"), (1, "b.png"), (2, "c.png")]:
        done = run("generate", "dcgan", "--count", 64, "--seed", seed, "--output", tmp_path / name)
        assert done.exit_code == 0, done.output
    a, b, c = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png", "c.png"))
    assert a.shape == (8 * 30 - 2, 8 * 30 - 2)
    assert (a == b).all()
    assert (a != c).any()
    (tmp_path / "kept.txt").write_text("kept")
    done = run("generate", "dcgan", "--output", tmp_path / "kept.txt")
    assert done.exit_code == 1
    assert "cannot write 'kept.txt' as an image" in done.output
    assert (tmp_path / "kept.txt").read_text() == "kept"


def test_evaluate_prints_metrics_with_their_protocol(tiny_preset, images_npz, tmp_path):
    done = run("evaluate", "dcgan.mnist", "--data", images_npz, "--samples", 100)
    assert done.exit_code == 0, done.output
    for part in ("frechet_distance: ", "classes_covered: ", "protocol: ", "mnist_judge", "100 samples", "not FID"):
        assert part in done.output
    done = run("train", tiny_preset, "--output", tmp_path / "runs", "--set", "epochs=1")
    assert done.exit_code == 0, done.output
    done = run("evaluate", tmp_path / "runs" / "tiny-001", "--data", images_npz, "--samples", 100)
    assert "mnist_classifier" in done.output
    assert "after 6 steps" in run("info", tmp_path / "runs" / "tiny-001").output


def test_a_run_ends_with_what_can_be_done_next(tiny_preset, tmp_path):
    options = ["--output", tmp_path / "my runs", "--set", "extractor=null"]
    done = run("train", tiny_preset, *options, "--set", "epochs=2")
    folder = tmp_path / "my runs" / "tiny-001"
    said = dict(line.strip().split(":", 1) for line in done.output.splitlines() if line.startswith("  "))
    assert said["samples"].split() == f"'{folder}/samples.gif' and '{folder}/samples'".split()
    assert said["curves"].strip() == f"tensorboard --logdir '{folder}/events'"
    # What is said can be typed.
    program, *command = shlex.split(said["use it"])
    assert program == "ganzoo"
    image = tmp_path / "grid.png"
    assert run(*[image if part == "grid.png" else part for part in command]).exit_code == 0
    assert image.exists()
    program, *command = shlex.split(said["more epochs"])
    assert run(*command).exit_code == 0
    assert "after 24 steps" in run("info", folder).output
    stopped = run("train", tiny_preset, *options, "--max-minutes", "0.0001")
    assert "go on:       ganzoo train" in stopped.output
    assert "more epochs" not in stopped.output


def test_export_refuses_to_overwrite(tmp_path):
    target = tmp_path / "served"
    assert run("export", "dcgan", target).exit_code == 0
    assert (target / "saved_model.pb").exists()
    done = run("export", "dcgan", target)
    assert done.exit_code == 1
    assert "--overwrite" in done.output
    assert run("export", "dcgan", target, "--overwrite").exit_code == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept.txt").write_text("kept")
    done = run("export", "dcgan", tmp_path / "mine", "--overwrite")
    assert "choose another folder" in done.output
    assert (tmp_path / "mine" / "kept.txt").read_text() == "kept"


def test_dry_run_says_what_would_happen_and_writes_nothing(tiny_preset, tmp_path):
    done = run("train", tiny_preset, "--dry-run", "--output", tmp_path / "runs", "--set", "epochs=3")
    assert done.exit_code == 0, done.output
    assert "18 = 3 epochs of 6" in done.output
    assert "96 examples" in done.output
    assert not (tmp_path / "runs").exists()


def test_an_older_run_is_resumed_by_its_number(tiny_preset, begun_run):
    runs = begun_run.parent
    shutil.copytree(begun_run, runs / "tiny-002")
    for which, name in (((), "tiny-002"), (("--run", "1"), "tiny-001")):
        done = run("train", tiny_preset, "--output", runs, "--resume", *which, "--dry-run", "--set", "epochs=2")
        assert done.exit_code == 0, done.output
        assert str(runs / name) in done.output
    done = run("train", tiny_preset, "--output", runs, "--resume", "--run", "1", "--set", "epochs=2")
    assert f"run folder: {begun_run}" in done.output
    # The next command is for this run as well.
    assert f"--output {runs} --resume --run 1 --set training.epochs=4" in done.output


def test_a_dry_run_downloads_nothing(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", lambda *a, **k: pytest.fail("downloaded"))
    done = run("train", "dcgan.mnist", "--dry-run", "--output", tmp_path / "runs")
    assert done.exit_code == 1
    assert "tfds:mnist has not been downloaded yet" in done.output
    assert "idx:train-images-idx3-ubyte.gz" in done.output
    assert not list(tmp_path.iterdir())


def test_a_wrong_variable_of_the_environment_is_named(monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_PORT", "abc")
    output = run("demo").output
    assert "GRADIO_SERVER_PORT: 'abc' is not a valid integer" in output
    assert "--port'" not in output
    assert "'--port': 0 is not in the range" in run("demo", "--port", "0").output


def test_info_tells_paper_parameters_and_metrics():
    output = run("info", "dcgan").output
    for part in ("1511.06434", "preset dcgan.mnist", "parameters", "license", "frechet_distance", "protocol"):
        assert part in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lst"], "Did you mean 'list'"),
        (["list", "nothing*"], "unknown model or preset"),
        (["info", "dcgn"], "Did you mean 'dcgan'"),
        (["train", "dcgan.mnits"], "Did you mean 'dcgan.mnist'"),
        (["train", "dcgan.digits", "--set", "epoch=3"], "Did you mean 'training.epochs'"),
        (["train", "dcgan.digits", "--data", "folder:/nowhere"], "no such folder"),
        (["generate", "dcgan", "--count", "0"], "0 is not in the range x>=1"),
        (["generate", ""], "unknown preset or model ''"),
        (["evaluate", "dcgan", "segan", "--data", "digits"], "dcgan, segan belong to different tasks"),
        (
            ["evaluate", "dcgan", "--data", "digits", "--extractor", "mnist_clasifier"],
            "Did you mean 'mnist_classifier'",
        ),
        (["generate", "dcgan", "--seed", "-1"], "-1 is not in the range x>=0"),
        (["generate", "nowhere.keras"], "no such file"),
        (["demo", "srgann"], "unknown preset or model"),
        (["demo", "--port", "70000"], "70000 is not in the range"),
        (["train", "dcgan.digits", "--data", "idx:", "--dry-run"], "is incomplete"),
        (["evaluate", "dcgan.mnist", "--data", "digits"], "smaller than the requested 28x28"),
        (["--import", "nowhere.py", "list"], "no such Python file"),
    ],
)
def test_mistakes_get_one_line(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(*arguments)
    assert done.exit_code in (1, 2)
    assert message in done.output
    assert "Traceback" not in done.output
    assert not list(tmp_path.iterdir())


# Each is answered before Keras is imported: the test runs them all in a process that must never import it.
CHEAP_MISTAKES = [
    ("train dcgan.digits --run 2", "--run names a run to resume: add --resume"),
    ("info dcgn", "Did you mean 'dcgan'?"),
    ("generate dcgan.mnits", "Did you mean 'dcgan.mnist'?"),
    ("generate runs/tiny-002", "Did you mean 'runs/tiny-001'?"),
    ("generate runs", "runs is neither a run folder nor a preset folder: it has no 'checkpoints' and no preset.yaml"),
    ("generate notes.txt", "notes.txt is a file, but neither .keras nor .yaml"),
    ("generate elsewhere/tiny-001", "no such run folder or file"),
    ("generate runs/tiny-001", "has no checkpoint"),
    ("generate notes.keras", "not a readable .keras file"),
    ("generate cgan.fashion_mnist --label snekaer", "Did you mean 'Sneaker'?"),
    ("generate cgan.fashion_mnist --label 12", "Or a number from 0 to 9"),
    ("upscale notes.txt out.png", "notes.txt cannot be read as an image"),
    ("translate notes.txt out.png", "notes.txt cannot be read as an image"),
    ("enhance notes.txt out.wav", "notes.txt cannot be read as a recording"),
    ("convert notes.txt out.wav", "notes.txt cannot be read as a recording"),
    ("train dcgan.digits --resume", "there is no run of 'dcgan.digits'"),
    ("generate mine.yaml", "mine.yaml: unknown model 'dcgann'. Did you mean 'dcgan'?"),
    ("generate broken.yaml", "broken.yaml: unknown key 'modle'"),
    ("generate gan_int_cls.paper --caption apple", "ganzoo train gan_int_cls.paper"),
    ("generate srgan", "use `ganzoo upscale IN OUT --model srgan`"),
    ("generate segan", "use `ganzoo enhance IN OUT --model segan`"),
    ("generate stackgan.avatars", 'use `ganzoo generate stackgan.avatars --caption "a man with round glasses"`'),
    ("generate cgan --caption apple", "use `ganzoo generate cgan`"),
    ("upscale dot.png o.png --model dcgan", "use `ganzoo generate dcgan`"),
    ("upscale dot.png o.png --model srgann", "Did you mean 'srgan'?"),
    ("upscale note.txt o.png", "no such image: note.txt. Did you mean 'notes.txt'?"),
    ("enhance none.wav o.wav", "no such recording: none.wav"),
    ("enhance tone.wav o.wav --model srresnet", "use `ganzoo upscale IN OUT --model srresnet`"),
    ("generate dcgan --output notes.doc", "cannot write 'notes.doc'"),
    ("generate dcgan --output runs", "it is a folder"),
    ("generate dcgan --output notes.txt/o.png", "notes.txt is not a folder"),
    (f"generate dcgan --output {'x' * 300}.png", "File name too long"),
    (f"upscale {'x' * 300}.png o.png", "no such image"),
    ("train dcgan.mnits", "Did you mean 'dcgan.mnist'?"),
    ("train mien.yaml", "no such file. Did you mean 'mine.yaml'?"),
    ("train runs/tiny-001", "`ganzoo train PRESET --resume`"),
    ("train dcgan.digits --set epoch=3", "Did you mean 'training.epochs'?"),
    ("train dcgan.digits --set training.start_from=dcgann", "Did you mean 'dcgan'?"),
    ("train dcgan.digits --data foldr:runs", "Did you mean 'folder:...'?"),
    ("train dcgan.digits --data folder:run", "no such folder: run. Did you mean 'runs'?"),
    ("train segan.speech --data folder:run", "no such folder: run"),
    ("train dcgan.digits --data npz:none.npz:test", "no such file: none.npz"),
    ("train dcgan.digits --output notes.txt", "notes.txt is not a folder"),
    ("evaluate dcgan lsgann --data digits", "Did you mean 'lsgan'?"),
    ("evaluate dcgan --data idx:t10k", "no such file: t10k"),
    ("evaluate dcgan --data digits --extractor none.keras", "no such file: none.keras"),
    ("evaluate dcgan --data digits --classifier none.keras", "no such file: none.keras"),
    ("evaluate dcgan --data digits --metric frechet_distanse", "Did you mean 'frechet_distance'?"),
    ("probe cgan --data digits --test digits", "takes images alone"),
    ("probe dcgan --data digits --test idx:t10k", "no such file: t10k"),
    ("export dcgann saved", "Did you mean 'dcgan'?"),
    ("export dcgan runs", "choose another folder"),
    (
        "export dcgan mine.abc",
        "no format has the suffix .abc: choose a folder for a SavedModel, or a file ending in .onnx",
    ),
    ("export dcgan mine.onx", "no format has the suffix .onx"),
    ("publish none out --data digits --license CC0 --trained-on digits", "no such run folder: none"),
    ("publish runs/tiny-001 out --data digits --license CC0 --trained-on digits", "has no checkpoint"),
    ("demo srgann", "Did you mean 'srgan'?"),
    ("--import none.py list", "no such Python file: none.py"),
]


def test_mistakes_are_answered_before_keras_is_imported(tmp_path):
    (tmp_path / "runs" / "tiny-001" / "checkpoints").mkdir(parents=True)
    (tmp_path / "notes.txt").write_text("notes")
    Image.new("RGB", (4, 4)).save(tmp_path / "dot.png")
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(3200))
    (tmp_path / "notes.keras").write_text("notes")
    (tmp_path / "mine.yaml").write_text("model: dcgann\n")
    (tmp_path / "broken.yaml").write_text("modle: dcgan\n")
    code = f"""
import sys
from click.testing import CliRunner
import ganzoo
from ganzoo.cli import main
for line, message in {CHEAP_MISTAKES!r}:
    arguments = line.split()
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1 and message in done.output, (line, done.output)
    assert len(done.output.splitlines()) == 1, (line, done.output)
    assert not {{"tensorflow", "keras"}} & set(sys.modules), line
"""
    before = sorted(tmp_path.rglob("*"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_a_tilde_is_the_home_folder_where_the_shell_leaves_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("model: dcgan\narguments: {image_shape: [28, 28, 1], width: 4}\n")
    assert run("info", "~/mine.yaml").exit_code == 0
    assert run("generate", "dcgan", "--count", 1, "--output=~/one.png").exit_code == 0
    assert (tmp_path / "one.png").exists()
    assert not (tmp_path / "~").exists()


def test_what_an_imported_file_raises_is_one_line_with_its_place(tmp_path):
    for text, message in [("x = 1\nx.y\n", "line 2: AttributeError: "), ("x = 1\n\n(\n", "line 3: ")]:
        (tmp_path / "mine.py").write_text(text)
        done = run("--import", tmp_path / "mine.py", "list")
        assert done.exit_code == 1
        assert f"{tmp_path / 'mine.py'}, {message}" in done.output
        assert len(done.output.splitlines()) == 1


def test_a_half_image_is_completed(tmp_path):
    model = ganzoo.create("pixelcnn", image_shape=(8, 8, 1), width=4, depth=2, first_kernel_size=3, hidden=4)
    model.save(tmp_path / "mine.keras")
    half = np.zeros((8, 8), "uint8")
    half[:4, 2:6] = 255
    Image.fromarray(half).save(tmp_path / "half.png")
    command = ("complete", tmp_path / "half.png", tmp_path / "whole.png", "--model", tmp_path / "mine.keras")
    done = run(*command)
    assert done.exit_code == 0, done.output
    whole = np.asarray(Image.open(tmp_path / "whole.png"))
    np.testing.assert_array_equal(whole[:4], half[:4])
    assert set(np.unique(whole[4:])) == {0, 255}
    # The same seed gives the same image, also within a grid.
    run(*command, "--count", 4)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "whole.png"))[:8, :8], whole)
    mask = np.zeros((8, 8), "uint8")
    mask[:, :3] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    run(*command, "--mask", tmp_path / "mask.png")
    masked = np.asarray(Image.open(tmp_path / "whole.png"))
    np.testing.assert_array_equal(masked[:, :3], half[:, :3])
    run(*command, "--keep", "left")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "whole.png"))[:, :4], half[:, :4])
    Image.fromarray(mask[:6]).save(tmp_path / "mask.png")
    for options, told in {
        ("--mask", tmp_path / "mask.png"): "has 8x6 pixels, the model's images 8x8",
        ("--mask", tmp_path / "mask.png", "--keep", "left"): "exclude each other",
        ("--label", "2"): "takes no labels",
        ("--temperature", "0"): "temperature",
    }.items():
        done = run(*command, *options)
        assert done.exit_code != 0
        assert told in done.output.splitlines()[-1]
    done = run("complete", tmp_path / "half.png", tmp_path / "half.png", "--model", tmp_path / "mine.keras")
    assert "the same file" in done.output
    place = tmp_path / "mask.png"
    done = run("complete", tmp_path / "half.png", place, "--mask", place, "--model", tmp_path / "mine.keras")
    assert "the mask and OUT are the same file" in done.output
    assert "use `ganzoo generate dcgan`" in run("complete", tmp_path / "half.png", "x.png", "--model", "dcgan").output
    done = run("generate", tmp_path / "mine.keras", "--temperature", "0.5", "--output", tmp_path / "grid.png")
    assert done.exit_code == 0, done.output
    done = run("generate", tmp_path / "mine.keras", "--truncation", "0.5", "--output", tmp_path / "grid.png")
    assert "generates images without a truncation" in done.output
