"""Attributes changed in latent space, and "man with glasses - man + woman", measured.

    python -m benchmarks.latent_arithmetic gan_int_cls.avatars [--attributes glasses hair] [--faces 500] [--triples 100]

A model of avatars, or the path of one; of a text-to-image model, `model.unconditional` of 2,000 captions. Directions
are found with `avatars_classifier`, on 5,000 images of seed 0; all numbers are what `avatars_judge` says, which has
another architecture and other training images and was not used to find anything. Faces (of seed 1) are those that, by
the judge, do not show the new value before. `mean difference`: the difference of the groups' mean latents of Radford et
al. 2015, added with length 4. `on the line`: the walk along the direction that avoids other attributes. The hair color
of heads that are bald and shaven, before or after, does not count.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

import ganzoo
from ganzoo.data.avatar_attributes import GLASSES_WORN, MAN, NO_GLASSES, WOMAN
from ganzoo.data.avatar_captions import random_captions
from ganzoo.errors import GanzooError
from ganzoo.inference.directions import find_directions
from ganzoo.inference.selection import analogy, select
from ganzoo.metrics import get_extractor

_JUDGE = "avatars_judge"
_LINE, _MEANS = "on the line", "mean difference"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--attributes", nargs="+", help="all of them by default")
    parser.add_argument("--methods", nargs="+", choices=(_LINE, _MEANS), default=[_MEANS, _LINE])
    parser.add_argument("--faces", type=int, default=500)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--triples", type=int, default=100)
    parser.add_argument("--group", type=int, nargs="+", default=[3, 20], help="faces of each group of a triple")
    options = parser.parse_args()
    model, judge, avoidance = ganzoo.load(options.model, compile=False), get_extractor(_JUDGE), 3.0
    if isinstance(model, ganzoo.TextToImage):
        model, avoidance = model.unconditional(random_captions(2000)), 0.0
    directions = find_directions(model, samples=options.samples, seed=0, avoidance=avoidance)
    for name in options.attributes or []:
        directions[name]
    moves = {
        _MEANS: lambda z, name, value: z + 4 * directions.means(name, value, options.samples),
        _LINE: lambda z, name, value: directions.move(z, **{name: value}),
    }
    for method in options.methods:
        print(f"\n{method}, {options.faces} faces, in percent by {_JUDGE}\n")
        names = list(directions)
        print(f"| change | shown | kept | {' | '.join(names)} |\n|---|---|---|{'---|' * len(names)}")
        rows = []
        for name in options.attributes or names:
            for value in directions.counts[name]:
                if value not in directions[name]:
                    print(f"| {name}={value} | too few images show it: {directions.counts[name][value]} |")
                    continue
                row = measured(model, judge, name, value, moves[method], options.faces)
                print(line(f"{name}={value}", row, names), flush=True)
                rows.append(row)
        if rows:
            mean = {key: np.nanmean([row.get(key, np.nan) for row in rows]) for key in ("shown", "kept", *names)}
            print(line("mean", mean, names))
    for group in options.group if options.triples else []:
        try:
            print(f"\nman with glasses - man + woman: {triples(model, judge, options.triples, group)}", flush=True)
        except GanzooError as error:
            print(f"\nman with glasses - man + woman, groups of {group}: {error}")


def measured(model, judge, name, value, move, faces):
    """{"shown": share of faces that show the value after the move, attribute: share that keep its value, "kept"}."""
    number, place = judge.attributes[name].index(value), list(judge.attributes).index(name)
    latents, before = without(model, judge, place, number, faces)
    after = judge.values(model.generate(latents=move(latents, name, value)))
    row = {"shown": (after[:, place] == number).mean()}
    for other, key in enumerate(judge.attributes):
        if other != place:
            counted = ~(hairless(judge, before) | hairless(judge, after)) if key == "hair_color" else slice(None)
            row[key] = (before[counted, other] == after[counted, other]).mean()
    row["kept"] = np.nanmean([row[key] for key in judge.attributes if key != name])
    return row


def without(model, judge, place, number, faces):
    """(latents, values by the judge) of the first faces of seed 1 that do not show a value."""
    latents = model.latents(20 * faces, seed=1)
    kept, values = [], []
    for start in range(0, len(latents), 500):
        part = latents[start : start + 500]
        found = judge.values(model.generate(latents=part))
        others = found[:, place] != number
        kept.extend(part[others])
        values.extend(found[others])
        if len(kept) >= faces:
            return np.stack(kept[:faces]), np.stack(values[:faces])
    raise GanzooError(f"{len(kept)} of {len(latents):,} images do not show the value, {faces} are needed")


def hairless(judge, values):
    """Whether faces have neither hair nor a beard, so no hair color."""
    names = list(judge.attributes)
    bald, shaven = judge.attributes["hair"].index("bald"), judge.attributes["facial_hair"].index("none")
    return (values[:, names.index("hair")] == bald) & (values[:, names.index("facial_hair")] == shaven)


def triples(model, judge, count, group):
    """How often the result of the three-term arithmetic shows what it should."""
    terms = [MAN | GLASSES_WORN, MAN | NO_GLASSES, WOMAN | NO_GLASSES]
    found = [select(model, wanted, count * group, samples=200 * count * group, seed=2) for wanted in terms]
    groups = [latents.reshape(count, group, -1) for latents in found]
    results = np.concatenate([analogy(*triple, count=1) for triple in zip(*groups)])
    probabilities = judge.probabilities(model.generate(latents=results))
    shown = {
        f"{name}: {'/'.join(values)}": np.isin(
            probabilities[name].argmax(axis=1), [judge.attributes[name].index(value) for value in values]
        )
        for name, values in (WOMAN | GLASSES_WORN).items()
    }
    shares = "; ".join(f"{what} {100 * hits.mean():.1f}%" for what, hits in shown.items())
    every = np.all(list(shown.values()), axis=0).mean()
    return f"{count} triples of groups of {group}: {shares}; all three {100 * every:.1f}%"


def line(title, row, names):
    cells = [f"{100 * row[key]:.1f}" if np.isfinite(row.get(key, np.nan)) else "" for key in ("shown", "kept", *names)]
    return f"| {title} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
