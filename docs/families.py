"""Compares families of models for docs/families.md: python -m docs.families --mnist IDX --fashion-mnist IDX --avatars

IDX is the file of the test images, t10k-images-idx3-ubyte.gz. Writes docs/families.json, the table of the page, and
docs/families_DATA.png. Takes about ten minutes on two cores. Datasets that are not named keep their numbers and their
picture; without any option, the table is written from the numbers at hand. With --only PRESET, other presets keep
their numbers too.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np

import ganzoo
from docs.images import save
from ganzoo.data.sources import open_images
from ganzoo.evaluation import compare_presets
from ganzoo.inference import grid

HERE = Path(__file__).parent
NUMBERS, PAGE = HERE / "families.json", HERE / "families.md"
PLACE = re.compile(r"(<!-- families -->\n).*?(<!-- end -->)", re.DOTALL)
FAMILIES = ("dcgan", "vae", "pixelcnn")
SAMPLES = 2000
AVATARS = "avatars:2000:seed=200"
# Images in a row of a picture.
COLUMNS = {"mnist": 16, "fashion_mnist": 16, "avatars": 12}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist")
    parser.add_argument("--fashion-mnist")
    parser.add_argument("--avatars", action="store_true")
    parser.add_argument("--only", nargs="+", metavar="PRESET")
    options = parser.parse_args()
    sources = {
        "mnist": options.mnist and f"idx:{options.mnist}",
        "fashion_mnist": options.fashion_mnist and f"idx:{options.fashion_mnist}",
        "avatars": options.avatars and AVATARS,
    }
    found = numbers()
    for data, source in sources.items():
        if source:
            names = [f"{family}.{data}" for family in FAMILIES if f"{family}.{data}" in ganzoo.list_presets()]
            measured = [name for name in names if name in (options.only or names)]
            new = {one.name: one.metrics for one in compare_presets(measured, source, samples=SAMPLES)}
            known = {**found.get(data, {}), **new}
            found[data] = {name: known[name] for name in names if name in known}
            print(data, found[data], flush=True)
            found = {key: found[key] for key in sources if key in found}
            NUMBERS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
            picture(data, source)
    PAGE.write_text(current(PAGE.read_text("utf-8")), "utf-8")


def numbers():
    """{data: {preset: metrics}}"""
    return json.loads(NUMBERS.read_text("utf-8")) if NUMBERS.exists() else {}


def current(text):
    """The page with the table of the numbers at hand."""
    return PLACE.sub(lambda place: f"{place[1]}{table()}\n{place[2]}", text)


def table():
    """Rows of presets; a cell is empty where a model lacks a likelihood, and a row where it was not measured."""
    columns = (
        "preset",
        "-log p(x), nats",
        "bits/dim",
        "Fréchet distance, judge",
        "classifier",
        "precision / recall",
        "sharpness",
        "samples per second",
        "training minutes",
    )
    lines = [f"| {' | '.join(columns)} |", f"|{' --- |' * len(columns)}"]
    for presets in numbers().values():
        for name, metrics in presets.items():
            cells = row(metrics) if metrics else ["not compared yet", *[""] * (len(columns) - 2)]
            lines.append(f"| {' | '.join([f'`{name}`', *cells])} |".replace("  ", " "))
    return "\n".join(lines)


def row(metrics):
    def cell(key, form):
        return format(metrics[key], form) if key in metrics else ""

    minutes = [f"{cell(f'training_{on}_minutes', '.0f')} {on.upper()}" for on in ("cpu", "gpu")]
    return [
        cell("negative_log_likelihood", ".1f"),
        cell("bits_per_dimension", ".3f"),
        cell("frechet_distance", ".1f"),
        cell("classifier_frechet_distance", ".1f"),
        f"{metrics['precision']:.2f} / {metrics['recall']:.2f}",
        f"{metrics['sharpness_ratio']:.2f}",
        # A busy machine tells nothing about speed.
        f"{float(format(metrics['samples_per_second'], '.2g')):,.0f}" if "samples_per_second" in metrics else "",
        " ".join(stated for stated in minutes if stated[0] != " "),
    ]


def picture(data, source):
    """docs/families_DATA.png: real images in the first row, then a row of each model with weights."""
    columns = COLUMNS[data]
    models = [ganzoo.load(name, compile=False) for name, metrics in numbers()[data].items() if metrics]
    real = open_images(source, models[0].image_shape).images[:columns]
    rows = [real, *(model.generate(columns, seed=0) for model in models)]
    save(f"families_{data}", [grid(np.concatenate(rows), columns=columns)], doubled=data != "avatars")


if __name__ == "__main__":
    main()
