"""`.keras` files that name code to run, files to read or URLs to fetch. None of this may happen.

Run the campaign under every supported version of Keras.
"""

import io
import json
import zipfile
from pathlib import Path

from .damaged_files import tiny_model
from .outcome import outcome_of, report


def tampered(folder, count=None, seed=0):
    """Loads every tampered file once; returns a list of failures. `count` and `seed` are ignored."""
    import keras

    import ganzoo

    folder.mkdir(parents=True, exist_ok=True)
    good, marker, secret = folder / "good.keras", folder / "code_ran", folder / "secret.txt"
    secret.write_text("not yours")
    tiny_model().save(good)
    extractor = folder / "extractor.keras"
    keras.Sequential([keras.Input((16, 16, 1)), keras.layers.GlobalAveragePooling2D()]).save(extractor)
    outcomes = []
    for payload_name, payload in _payloads(marker, secret).items():
        for place_name, place in _PLACES.items():
            path = folder / "tampered.keras"
            path.write_bytes(_with_config(good, lambda config, place=place, payload=payload: place(config, payload)))
            outcomes.append((f"{payload_name} as {place_name}", _checked(lambda path=path: ganzoo.load(path), marker)))
        path = folder / "tampered_extractor.keras"
        path.write_bytes(_with_config(extractor, lambda config, payload=payload: _append_layer(config, payload)))
        read = lambda path=path: ganzoo.metrics.get_extractor(str(path))  # noqa: E731
        outcomes.append((f"{payload_name} in an extractor", _checked(read, marker)))
    for name, content in _weights_elsewhere(good, secret):
        path = folder / "tampered.keras"
        path.write_bytes(content)
        outcomes.append((name, _checked(lambda path=path: ganzoo.load(path), marker, "refused")))
    return report(f"tampered, Keras {keras.__version__}", outcomes)


def _checked(read, marker, wanted=None):
    """The outcome, or a failure if code from the file ran."""
    outcome = outcome_of(read)
    if marker.exists():
        marker.unlink()
        return "failed: code from the file ran"
    if wanted is not None and outcome != wanted:
        return f"failed: {outcome}, not {wanted}"
    return outcome


def _payloads(marker, secret):
    """Objects in Keras' format that run code, read a file or fetch a URL."""
    command = f"touch '{marker}'"
    function = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
    lambda_code = f"lambda x: __import__('os').system({command!r})"
    return {
        "os.system": {"module": "os", "class_name": "system", "config": {"command": command}, "registered_name": None},
        "os.system as a function": function,
        "subprocess.call": {
            "module": "subprocess",
            "class_name": "call",
            "config": {"args": ["touch", str(marker)]},
            "registered_name": None,
        },
        "builtins.eval": {
            "module": "builtins",
            "class_name": "eval",
            "config": f"__import__('os').system({command!r})",
            "registered_name": None,
        },
        "a Lambda layer": {
            "module": "keras.layers",
            "class_name": "Lambda",
            "config": {"function": {"class_name": "__lambda__", "config": {"value": lambda_code}}},
            "registered_name": None,
        },
        "a marshaled lambda": {
            "class_name": "__lambda__",
            "config": {"code": "4wAAAA==", "defaults": None, "closure": None},
        },
        "keras.utils.get_file": {
            "module": "keras.utils",
            "class_name": "get_file",
            "config": {"fname": str(marker), "origin": f"file://{secret}"},
            "registered_name": None,
        },
        "enable_unsafe_deserialization": {
            "module": "keras.config",
            "class_name": "enable_unsafe_deserialization",
            "config": {},
            "registered_name": None,
        },
        "a PyTorch module": {
            "module": "keras.layers",
            "class_name": "TorchModuleWrapper",
            "config": {"module": "gASVAAAAAAAAAAA="},
            "registered_name": None,
        },
        "a vocabulary from a file": {
            "module": "keras.layers",
            "class_name": "StringLookup",
            "config": {"name": "lookup", "vocabulary": str(secret)},
            "registered_name": None,
        },
        "a module that imports itself": {
            "module": "antigravity",
            "class_name": "fly",
            "config": {},
            "registered_name": None,
        },
    }


def _set(*keys):
    def place(config, payload):
        target = config
        for key in keys[:-1]:
            target = target.setdefault(key, {})
            if not isinstance(target, dict):
                return
        target[keys[-1]] = payload

    return place


def _replace_model(config, payload):
    registered = config.get("registered_name")
    config.clear()
    config.update(payload)
    config["registered_name"] = registered


# The places where Keras deserializes objects in the config of our models.
_PLACES = {
    "the model, under its registered name": _replace_model,
    "dtype": _set("config", "dtype"),
    "an argument": _set("config", "width"),
    "an optimizer": _set("compile_config", "generator_optimizer"),
    "a loss": _set("compile_config", "loss"),
    "a penalty": lambda config, payload: _set("compile_config", "penalties")(config, [payload]),
    "a learning rate": _set("compile_config", "generator_optimizer", "config", "learning_rate"),
    "the build config": _set("build_config"),
}


def _append_layer(config, payload):
    config["config"].setdefault("layers", []).append(payload)


def _with_config(path, change):
    """The bytes of a `.keras` file with its config changed."""
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    return _zipped(members)


def _zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in members.items():
            target.writestr(name, content)
    return buffer.getvalue()


def _weights_elsewhere(good, secret):
    """(name, bytes) of `.keras` files with weights in another file, which HDF5 can refer to."""
    import h5py

    with zipfile.ZipFile(good) as source:
        members = {name: source.read(name) for name in source.namelist()}

    def changed(change):
        buffer = io.BytesIO(members["model.weights.h5"])
        with h5py.File(buffer, "r+") as file:
            found = []
            file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
            name = next(name for name in found if file[name].dtype == "float32" and file[name].size > 1)
            shape = file[name].shape
            del file[name]
            change(file, name, shape)
        return _zipped({**members, "model.weights.h5": buffer.getvalue()})

    def external_link(file, name, shape):
        file[name] = h5py.ExternalLink(str(secret), "/weights")

    def external_data(file, name, shape):
        file.create_dataset(name, shape, "float32", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])

    def virtual(file, name, shape):
        layout = h5py.VirtualLayout(shape, "float32")
        layout[...] = h5py.VirtualSource(str(secret), "weights", shape)
        file.create_virtual_dataset(name, layout)

    for name, change in (
        ("an external link", external_link),
        ("external storage", external_data),
        ("a virtual dataset", virtual),
    ):
        yield f"weights: {name}", changed(change)
    yield "a member outside the archive", _zipped({**members, f"../{Path(secret).name}": b"written"})
