"""Prints the README's table of presets from what `ganzoo pack` wrote down: python docs/tables.py"""

from ganzoo import list_presets, presets


def main():
    rows = []
    for name in list_presets():
        weights = presets.find(name).config.weights
        if weights and "precision" in weights.figures:
            figures = weights.figures
            cells = [
                f"`{name}`",
                f"{figures['frechet_distance']:.1f}",
                f"{figures['precision']:.2f} / {figures['recall']:.2f}",
                f"{figures['classes_covered']} of {1000 if name.endswith('.emoji') else 10}",
                f"{figures['training_cpu_minutes']:.0f} minutes",
                f"{weights.data.split(', ')[0].removesuffix(' training set')}, {weights.licence}",
            ]
            row = f"| {' | '.join(cells)} |"
            rows.append((name.split(".")[1], figures["frechet_distance"], row))
    order = ("mnist", "fashion_mnist", "digits", "emoji")
    print(*(row for _, _, row in sorted(rows, key=lambda row: (order.index(row[0]), row[1]))), sep="\n")


if __name__ == "__main__":
    main()
