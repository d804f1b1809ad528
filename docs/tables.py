"""Prints the README's table of presets from the metrics that `ganzoo publish` stored: python docs/tables.py"""

from ganzoo import list_presets, presets


def main():
    rows = []
    for name in list_presets():
        weights = presets.find(name).config.weights
        if weights and {"precision", "classes_covered"} <= {*weights.metrics}:
            metrics = weights.metrics
            cells = [
                f"`{name}`",
                f"{metrics['frechet_distance']:.1f}",
                f"{metrics['precision']:.2f} / {metrics['recall']:.2f}",
                f"{metrics['classes_covered']} of 10",
                f"{metrics['training_cpu_minutes']:.0f} minutes",
                f"{weights.data.split(', ')[0].removesuffix(' training set')}, {weights.license}",
            ]
            row = f"| {' | '.join(cells)} |"
            rows.append((name.split(".")[1], metrics["frechet_distance"], row))
    order = ("mnist", "fashion_mnist", "digits")
    print(*(row for _, _, row in sorted(rows, key=lambda row: (order.index(row[0]), row[1]))), sep="\n")


if __name__ == "__main__":
    main()
