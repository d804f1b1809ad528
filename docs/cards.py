"""Writes docs/models from the presets: a model card for each preset with weights, its sample image, and an index page.

python -m docs.cards            # cards, the index, and sample images of weights that have changed
python -m docs.cards --all      # all sample images
"""

import sys
from pathlib import Path

import ganzoo
from docs.markdown_tables import row
from docs.tables import trained
from ganzoo import cards
from ganzoo.errors import GanzooError
from ganzoo.files import write_atomically

FOLDER = Path(__file__).parent / "models"
# Sample images of the web page's gallery: of the first preset of each model that has one.
GALLERY = Path(__file__).parents[1] / "demos" / "samples"
# Bytes of a sample image.
MOST_BYTES = 40_000
# Of each task, the metric that the index shows.
FIRST = (
    *("attributes_obeyed", "psnr_y", "modulation_distance", "pesq", "negative_log_likelihood", "bits_per_sample"),
    *("paired_lpips_alex_forward", "voice_recognized_forward"),
    "frechet_distance",
)


def pages():
    """{file name: text} of the cards and the index, with the sample images that are there."""
    found = {f"{name}.md": card(name, config) for name, config in trained().items()}
    return {"index.md": index(), **found}


def card(name, config):
    """The card of a preset."""
    return cards.card(config, name, samples(name), f"{name}.png", page=True)


def samples(name):
    """The content of a preset's sample image, or None if there is none."""
    path = FOLDER / f"{name}.png"
    return path.read_bytes() if path.exists() else None


def index():
    """The page that lists all cards."""
    lines = [
        "# Model cards",
        "",
        "The presets with trained weights that ganzoo ships. Their cards are written from the presets by",
        "`python -m docs.cards`; `ganzoo publish` writes the same card for a model of your own ([hub](../hub.md)).",
        "Metrics of different data or protocols cannot be compared; each card names its protocol.",
        "",
        row("preset", "description", "metric", "license of the data"),
        "|---|---|---|---|",
    ]
    for name, config in trained().items():
        weights = config.weights
        first = next(((key, weights.metrics[key]) for key in FIRST if key in weights.metrics), None)
        number = f"{cards.label(first[0])}: {number_of(first[1])}" if first else ""
        lines.append(row(f"[`{name}`]({name}.md)", config.description, number, weights.license))
    toctree = ["", "```{toctree}", ":hidden:", "", *trained(), "```"]
    return "\n".join([*lines, *toctree]) + "\n"


def number_of(value):
    """A metric with four digits, or more for a large number: 0.1234, 12.34, -15356."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def write_samples(name, config):
    """Writes the sample image of a preset."""
    model, source = ganzoo.load(name, compile=False), str(config.data.get("source", ""))
    try:
        content = cards.samples_of(model, source, config.weights.sha256, MOST_BYTES)
    except GanzooError as error:
        # A translation is shown on the data of its preset, which may not be here.
        print(f"{name}: no sample image: {error}")
        return
    if content is not None:
        write_atomically(FOLDER / f"{name}.png", content)


def gallery():
    """{file name: content} of the web page's sample images."""
    found = {}
    for name, config in sorted(trained().items(), key=lambda item: not item[1].default):
        content = samples(name)
        if content is not None:
            found.setdefault(f"{config.model}.png", content)
    return found


def main(everything=False):
    for name, config in trained().items():
        there = samples(name)
        if everything or there is None or cards.stored_in(there).get("weights") != config.weights.sha256:
            write_samples(name, config)
    written = pages()
    for name, text in written.items():
        write_atomically(FOLDER / name, text.encode())
    GALLERY.mkdir(exist_ok=True)
    for name, content in gallery().items():
        write_atomically(GALLERY / name, content)
    kept = {*written, *(f"{name}.png" for name in trained())}
    for other in FOLDER.iterdir():
        if other.name not in kept:
            other.unlink()


if __name__ == "__main__":
    main(everything="--all" in sys.argv[1:])
