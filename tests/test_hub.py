"""Presets of the Hugging Face Hub: from its cache, and from a server on this machine that speaks its protocol."""

import hashlib
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

import ganzoo
from ganzoo import cards, hub
from ganzoo.cli import main
from ganzoo.config import load_config
from ganzoo.training.plan import prepare
from ganzoo.training.publish import push_folder
from tests.hub_server import TOKEN, HubServer

pytest.importorskip("huggingface_hub")

ROOT = Path(__file__).parents[1]
COMMIT, OTHER = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A preset folder as `save_to_preset` writes it."""
    path = tmp_path_factory.mktemp("saved") / "small"
    return small().save_to_preset(path, "a small one", "CC0", "noise").parent


def small(latent_dim=8):
    return ganzoo.create("dcgan", image_shape=(16, 16, 1), latent_dim=latent_dim, width=4)


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """Sets environment variables of huggingface_hub, which reads them once: it is imported anew."""

    def forget():
        for name in [*sys.modules]:
            if name.split(".")[0] == "huggingface_hub":
                monkeypatch.delitem(sys.modules, name)

    for name in ("HF_ENDPOINT", "HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    given = {"HF_HOME": tmp_path / "hf", "HF_HUB_DISABLE_XET": 1, "HF_HUB_DISABLE_PROGRESS_BARS": 1, "NO_PROXY": "*"}

    def set_environment(**variables):
        for name, value in {**given, **variables}.items():
            monkeypatch.setenv(name, str(value))
        forget()

    yield set_environment
    forget()


@pytest.fixture
def cache(environment, tmp_path, folder):
    """The folder of a commit in a cache of the hub, made by hand, with a preset; there is no connection."""
    repository = tmp_path / "cache" / "models--ana--small"
    for name, commit in (("main", COMMIT), ("v2", OTHER)):
        (repository / "refs").mkdir(parents=True, exist_ok=True)
        (repository / "refs" / name).write_text(commit)
    shutil.copytree(folder, repository / "snapshots" / COMMIT)
    small(4).save_to_preset(repository / "snapshots" / OTHER)
    environment(HF_HUB_CACHE=tmp_path / "cache", HF_HUB_OFFLINE=1)
    return repository / "snapshots" / COMMIT


@pytest.fixture
def server(environment, tmp_path):
    """A server of the hub, with an account that is logged in."""
    found = HubServer()
    environment(HF_ENDPOINT=found.url, HF_TOKEN=TOKEN, HF_HUB_CACHE=tmp_path / "cache")
    yield found
    found.shutdown()
    found.server_close()


def change(folder, **weights):
    """Changes the section `weights` of a preset."""
    path = folder / "preset.yaml"
    config = yaml.safe_load(path.read_text())
    config["weights"].update(weights)
    path.write_text(yaml.safe_dump(config))


def command(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments])


def test_an_address_has_a_repository_and_perhaps_a_revision():
    assert hub.parse("hf://ana/digits") == hub.Address("ana/digits")
    assert hub.parse("hf://ana-2/my_digits.v1@refs/pr/1") == hub.Address("ana-2/my_digits.v1", "refs/pr/1")
    wrong = ["hf://", "hf://ana", "hf://ana/", "hf:///x", "hf://ana/b/c", "hf://ana/..", "hf://../b", "hf://-a/b"]
    wrong += [
        "hf://ana/b@",
        "hf://ana/b@../main",
        "hf://ana/b@a/../../c",
        "hf://ana/b@/etc",
        "hf://ana/b\n",
        "hf://a/b c",
    ]
    wrong += [
        "hf://ana/" + 97 * "x",
        "hf://ana/b@" + 300 * "x",
        "hf://ana/b?x",
        "hf://ana/b#x",
        "hf://a--b/c",
        "hf://ö/b",
    ]
    for address in wrong:
        with pytest.raises(ganzoo.GanzooError, match="is not an address of the hub: write hf://USER/NAME"):
            ganzoo.load(address)


def test_a_preset_in_the_cache_loads_without_a_connection(cache, folder, tmp_path):
    model = ganzoo.load("hf://ana/small")
    assert model.preset == "hf://ana/small"
    np.testing.assert_array_equal(model.generate(4, seed=0), ganzoo.load(folder).generate(4, seed=0))
    assert ganzoo.load("hf://ana/small@v2").latent_dim == ganzoo.load(f"hf://ana/small@{OTHER}").latent_dim == 4
    assert ganzoo.models.DCGAN.from_preset("hf://ana/small").latent_dim == 8
    with pytest.raises(ganzoo.GanzooError, match=r"a preset of DCGAN, which is not a CGAN"):
        ganzoo.models.CGAN.from_preset("hf://ana/small")
    with pytest.raises(ganzoo.GanzooError, match=r"small@v3 is not in the hub's cache, and HF_HUB_OFFLINE is set"):
        ganzoo.load("hf://ana/small@v3")
    assert command("generate", "hf://ana/small", "--output", tmp_path / "grid.png").exit_code == 0
    assert (tmp_path / "grid.png").stat().st_size
    assert "preset hf://ana/small: a small one" in command("info", "hf://ana/small").output
    refused = command("upscale", "in.jpg", "out.png", "--model", "hf://ana/small").output
    assert "no such image" in refused
    # Training starts from it, in a folder of the repository's name.
    images = tmp_path / "images.npz"
    np.savez(images, images=np.zeros((32, 16, 16), "uint8"))
    settings = {"data.batch_size": 16, "training.start_from": "hf://ana/small"}
    plan = prepare("hf://ana/small", f"npz:{images}", settings, tmp_path / "runs")
    assert plan.folder == tmp_path / "runs" / "small-001"
    np.testing.assert_array_equal(plan.model.generate(4, seed=0), model.generate(4, seed=0))


def test_the_cache_may_lead_nowhere_else(cache, tmp_path):
    secret = tmp_path / "secret.yaml"
    shutil.copy(cache / "preset.yaml", secret)
    for name in ("preset.yaml", next(cache.glob("*.npz")).name):
        content = (cache / name).read_bytes()
        (tmp_path / name).write_bytes(content)
        (cache / name).unlink()
        (cache / name).symlink_to(tmp_path / name)
        with pytest.raises(ganzoo.GanzooError, match=r"is a link that leads out of the hub's cache"):
            ganzoo.load("hf://ana/small")
        (cache / name).unlink()
        # The hub's own links lead to the folder of contents.
        blobs = cache.parents[1] / "blobs"
        blobs.mkdir(exist_ok=True)
        (blobs / name).write_bytes(content)
        (cache / name).symlink_to(os.path.relpath(blobs / name, cache))
    assert ganzoo.load("hf://ana/small")
    (cache.parents[1] / "refs" / "main").write_text("../../../../outside")
    with pytest.raises(ganzoo.GanzooError):
        ganzoo.load("hf://ana/small")


def damaged_weights(cache):
    path = next(cache.glob("*.npz"))
    path.write_bytes(path.read_bytes()[:-1] + b"\1")


def huge_weights(cache):
    os.truncate(next(cache.glob("*.npz")), 2**31)


def missing_weights(cache):
    next(cache.glob("*.npz")).unlink()


def pickled_weights(cache):
    path = cache / "pickled.npz"
    np.savez(path, **{"generator/project/kernel": np.array([{}], object)})
    change(cache, file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def objects_in_yaml(cache):
    text = "!!python/object/apply:os.mkdir [created]"
    (cache / "preset.yaml").write_text((cache / "preset.yaml").read_text() + f"description: {text}\n")


def huge_yaml(cache):
    (cache / "preset.yaml").write_text("# " + 2**21 * "x")


def unknown_key(cache):
    (cache / "preset.yaml").write_text("model: dcgan\nscript: run.py\n")


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (damaged_weights, "damaged or has been changed: its SHA-256 is not the one"),
        (huge_weights, r"weights-\w+.npz has 2,147,483,648 bytes, more than"),
        (missing_weights, "is not in the hub's cache"),
        (pickled_weights, "not a readable weights file"),
        (objects_in_yaml, "is not valid YAML"),
        (huge_yaml, "preset.yaml has 2,097,154 bytes, more than"),
        (unknown_key, "unknown key 'script'"),
        (lambda cache: change(cache, file="../x.npz"), "must be a plain file name"),
        (lambda cache: change(cache, file="/etc/passwd"), "must be a plain file name"),
        (lambda cache: change(cache, file="a/b.npz"), "must be a plain file name"),
        (lambda cache: change(cache, file="C:x.npz"), "must be a plain file name"),
    ],
)
def test_hostile_presets_are_refused(cache, attack, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    attack(cache)
    with pytest.raises(ganzoo.GanzooError, match=message) as found:
        ganzoo.load("hf://ana/small")
    assert "\n" not in str(found.value)
    assert not (tmp_path / "created").exists()


def test_what_is_pushed_is_loaded_and_nothing_else_travels(server, folder, tmp_path, environment):
    mine = shutil.copytree(folder, tmp_path / "dcgan")
    for other in ("secrets.txt", "run.keras", "other.npz", "script.py"):
        (mine / other).write_text("mine alone")
    pushed = command("push", mine, "hf://ana/small")
    assert pushed.exit_code == 0, pushed.output
    assert 'ganzoo.load("hf://ana/small")' in pushed.output
    files = server.files("ana/small")
    weights = next(folder.glob("*.npz")).name
    assert {*files} == {".gitattributes", "README.md", "preset.yaml", "samples.png", weights}
    assert files["preset.yaml"] == (folder / "preset.yaml").read_bytes()
    card = files["README.md"].decode()
    assert 'model = ganzoo.load("hf://ana/small")' in card
    assert "license: cc0-1.0" in card
    assert not (mine / "README.md").exists()
    server.requests.clear()
    model = ganzoo.load("hf://ana/small")
    np.testing.assert_array_equal(model.generate(4, seed=0), ganzoo.load(folder).generate(4, seed=0))
    assert server.downloads() == sorted(["preset.yaml", weights])
    # The second time nothing is downloaded again.
    ganzoo.load("hf://ana/small")
    assert not server.downloads()
    # A new version replaces the weights; the branch keeps the earlier ones.
    push_folder(mine, "hf://ana/small@first")
    small(4).save_to_preset(mine, overwrite=True)
    push_folder(mine, "hf://ana/small")
    assert weights not in server.files("ana/small")
    assert weights in server.files("ana/small", "first")
    assert ganzoo.load("hf://ana/small").latent_dim == 4
    assert ganzoo.load("hf://ana/small@first").latent_dim == 8
    # Without a server, the cache is enough.
    server.shutdown()
    server.server_close()
    assert ganzoo.load("hf://ana/small").latent_dim == 4
    environment(HF_HUB_CACHE=tmp_path / "cache", HF_HUB_OFFLINE=1)
    assert ganzoo.load("hf://ana/small@first").latent_dim == 8


def test_private_presets_stay_private(server, folder, environment, tmp_path):
    push_folder(folder, "hf://ana/secret", private=True)
    assert server.repositories["ana/secret"]["private"]
    assert ganzoo.load("hf://ana/secret").latent_dim == 8
    push_folder(folder, "hf://ana/open")
    before = dict(server.files("ana/open"))
    with pytest.raises(ganzoo.GanzooError, match="exists and is public: choose another name"):
        push_folder(folder, "hf://ana/open", private=True)
    assert server.files("ana/open") == before
    environment(HF_ENDPOINT=server.url, HF_HUB_CACHE=tmp_path / "other", HF_TOKEN="")
    with pytest.raises(ganzoo.GanzooError, match=r"the hub has no model hf://ana/secret, or it is private: .*HF_TOKEN"):
        ganzoo.load("hf://ana/secret")


def test_answers_of_the_hub_are_explained_in_a_line(server, folder, environment, tmp_path):
    with pytest.raises(ganzoo.GanzooError, match="the hub has no model hf://ana/nothing, or it is private"):
        ganzoo.load("hf://ana/nothing")
    server.commit("ana/text", "main", {"README.md": b"words"})
    with pytest.raises(ganzoo.GanzooError, match=r"hf://ana/text has no file preset\.yaml: it is not a preset"):
        ganzoo.load("hf://ana/text")
    with pytest.raises(ganzoo.GanzooError, match="hf://ana/text has no revision 'v9'"):
        ganzoo.load("hf://ana/text@v9")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    server.commit("ana/large", "main", files)
    server.sizes = {name: 2**40 for name in files if name.endswith(".npz")}
    server.downloads()
    with pytest.raises(ganzoo.GanzooError, match=r"has 1,099,511,627,776 bytes, more than"):
        ganzoo.load("hf://ana/large")
    assert server.downloads() == ["preset.yaml"]
    with pytest.raises(ganzoo.GanzooError, match=r"cannot push to hf://bob/x: no such user .*'ana', as whom you are"):
        push_folder(folder, "hf://bob/x")
    environment(HF_ENDPOINT=server.url, HF_TOKEN="hf_wrong")
    with pytest.raises(ganzoo.GanzooError, match=r"does not accept your token: run `hf auth login`"):
        push_folder(folder, "hf://ana/x")
    environment(HF_ENDPOINT=server.url, HF_TOKEN="")
    done = command("push", folder, "hf://ana/x")
    assert done.exit_code == 1
    assert "you are not logged in to the hub: run `hf auth login`, or set HF_TOKEN" in done.output
    # Nobody listens on this port.
    environment(HF_ENDPOINT="http://127.0.0.1:9", HF_TOKEN=TOKEN, HF_HUB_CACHE=tmp_path / "empty")
    for attempt in (lambda: ganzoo.load("hf://ana/x"), lambda: push_folder(folder, "hf://ana/x")):
        with pytest.raises(ganzoo.GanzooError, match=r"cannot reach the hub for hf://ana/x: check the connection"):
            attempt()
    environment(HF_TOKEN=TOKEN, HF_HUB_OFFLINE=1)
    with pytest.raises(ganzoo.GanzooError, match="HF_HUB_OFFLINE is set"):
        push_folder(folder, "hf://ana/x")


def test_only_whole_presets_are_pushed(server, folder, tmp_path):
    mine = shutil.copytree(folder, tmp_path / "mine")
    with pytest.raises(ganzoo.GanzooError, match="is not an address of the hub"):
        push_folder(mine, "ana/x")
    assert "is not a preset folder" in command("push", tmp_path, "hf://ana/x").output
    assert f"Did you mean '{mine}'" in command("push", tmp_path / "mines", "hf://ana/x").output
    (mine / "README.md").symlink_to("/etc/hostname")
    with pytest.raises(ganzoo.GanzooError, match=r"README\.md is a link to another file"):
        push_folder(mine, "hf://ana/x")
    (mine / "README.md").unlink()
    (mine / "samples.png").write_text("no image")
    with pytest.raises(ganzoo.GanzooError, match="is not a PNG file"):
        push_folder(mine, "hf://ana/x")
    (mine / "samples.png").write_bytes(cards.samples_of(ganzoo.load(mine), "", "0" * 64))
    with pytest.raises(ganzoo.GanzooError, match="is of earlier weights: remove both"):
        push_folder(mine, "hf://ana/x")
    (mine / "samples.png").unlink()
    card = cards.card(load_config(mine / "preset.yaml"), cards.PLACE)
    sha256 = cards.weights_of(card)
    (mine / "README.md").write_text(card.replace(sha256, "0" * 64))
    with pytest.raises(ganzoo.GanzooError, match="is of earlier weights: remove both"):
        push_folder(mine, "hf://ana/x")
    (mine / "README.md").unlink()
    damaged_weights(mine)
    with pytest.raises(ganzoo.GanzooError, match="damaged or has been changed"):
        push_folder(mine, "hf://ana/x")
    (mine / "preset.yaml").write_text("model: dcgan\narguments: {image_shape: [16, 16, 1]}\n")
    assert "has no trained weights" in command("push", mine, "hf://ana/x").output
    assert "ana/x" not in server.repositories


def test_without_the_package_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ganzoo.GanzooError, match=r"hf://ana/x needs the package huggingface_hub: pip install"):
        ganzoo.load("hf://ana/x")


def test_the_guide_runs(cache, tmp_path, monkeypatch):
    """The Python of docs/hub.md, with a preset of its name in the cache."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "hub.md").read_text(), re.DOTALL)
    assert len(blocks) == 4
    repository = tmp_path / "cache" / "models--ana--small-digits"
    shutil.copytree(cache.parents[1], repository)
    (repository / "refs" / "v1").write_text(OTHER)
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for block in blocks:
        exec(block, namespace)
    assert namespace["images"].shape == (16, 16, 16, 1)
    assert namespace["same"].arguments == namespace["model"].arguments
