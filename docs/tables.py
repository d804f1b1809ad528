"""The tables of presets, from the metrics that `ganzoo publish` stored: python -m docs.tables prints the README's."""

from ganzoo import list_presets, presets


def trained():
    """{name: config} of the presets with weights."""
    configs = {name: presets.find(name).config for name in list_presets()}
    return {name: config for name, config in configs.items() if config.weights}


def generation():
    """The README's table of models that generate images, as Markdown rows."""
    rows = []
    for name, config in trained().items():
        weights = config.weights
        if {"precision", "classes_covered"} <= {*weights.metrics}:
            metrics = weights.metrics
            cells = [
                f"`{name}`",
                f"{metrics['frechet_distance']:.1f}",
                f"{metrics['precision']:.2f} / {metrics['recall']:.2f}",
                f"{metrics['classes_covered']} of 10",
                f"{metrics['training_cpu_minutes']:.0f} minutes",
                f"{weights.data.split(', ')[0].removesuffix(' training set')}, {weights.license}",
            ]
            rows.append((name.split(".")[1], metrics["frechet_distance"], row(*cells)))
    order = ("mnist", "fashion_mnist", "digits")
    return [text for _, _, text in sorted(rows, key=lambda one: (order.index(one[0]), one[1]))]


def row(*cells):
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print(*generation(), sep="\n")
