"""Networks as tables of layers."""

import keras

from ganzoo.networks.layout import Row, blocks_of, count_of, rows_of, weights_of


def rows(text):
    return [Row(f"{kind}{place}", kind, (8,), 0) for place, kind in enumerate(text)]


def found(text):
    return [("".join(row.kind for row in block.rows), block.times) for block in blocks_of(rows(text))]


def test_repeated_blocks_are_shown_once():
    assert found("iabcabcabco") == [("i", 1), ("abc", 3), ("o", 1)]
    assert found("iaaaaaao") == [("i", 1), ("a", 6), ("o", 1)]
    assert found("aabbaabbaabb") == [("aabb", 3)]
    # Two of a kind, or three layers in a row, are shown as they are.
    assert [times for _, times in found("abcdabcdaaab")] == [1] * 12
    assert blocks_of([]) == []


def test_layers_of_networks_within_a_network_follow_it():
    image = keras.Input((8, 8, 3))
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.ReLU()], name="inner")
    outputs = keras.layers.Dense(2, name="dense")(keras.ops.mean(inner(image), axis=(1, 2)))
    network = keras.Model(image, outputs)
    table = rows_of(network)
    assert [(row.kind, row.shape, row.depth) for row in table] == [
        ("InputLayer", (8, 8, 3), 0),
        ("Sequential", (6, 6, 4), 0),
        ("Conv2D", (6, 6, 4), 1),
        ("ReLU", (6, 6, 4), 1),
        ("Mean", (4,), 0),
        ("Dense", (2,), 0),
    ]
    assert count_of(table) == 4
    assert sum(row.weights for row in table if not row.depth) == weights_of([network]) == 112 + 10


def test_a_wrapped_layer_is_named():
    network = keras.Sequential([keras.Input((4,)), keras.layers.SpectralNormalization(keras.layers.Dense(2))])
    assert rows_of(network)[-1].kind == "SpectralNormalization(Dense)"
