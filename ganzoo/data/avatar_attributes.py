"""The attributes of avatars: how they are sampled, and how the style calls them."""

from collections.abc import Sequence

import numpy as np

# The value of an attribute that the image does not show (the hair color of a bald, shaven head), and of one that a
# caption does not mention.
NOT_VISIBLE = NOT_SAID = -1

# {attribute: {value: (sampling weight, name in the style "avataaars")}}. All arrays have this order.
_TABLE: dict[str, dict[str, tuple[int, str | None]]] = {
    "hair": {
        "long": (1, "longButNotTooLong"),
        "straight": (1, "straight01"),
        "curly": (1, "curly"),
        "bun": (1, "bun"),
        "afro": (1, "fro"),
        "bob": (1, "bob"),
        "dreadlocks": (1, "dreads"),
        "short": (1, "shortFlat"),
        "cropped": (1, "theCaesar"),
        "mullet": (1, "shaggyMullet"),
        "big": (1, "bigHair"),
        "bald": (1, None),
    },
    # Darker or stronger than the style's own colors, some of which are hard to tell apart or nearly white.
    "hair_color": {
        "black": (1, "2c1b18"),
        "brown": (1, "724133"),
        "blond": (1, "d6b370"),
        "red": (1, "c93305"),
        "pink": (1, "f59797"),
        "gray": (1, "b7b2b0"),
    },
    "glasses": {
        "none": (2, None),
        "glasses": (1, "prescription02"),
        "round": (1, "round"),
        "sunglasses": (1, "kurt"),
    },
    "facial_hair": {"none": (2, None), "beard": (1, "beardMedium"), "moustache": (1, "moustacheFancy")},
    "clothes": {
        "hoodie": (1, "hoodie"),
        "shirt": (1, "shirtCrewNeck"),
        "blazer": (1, "blazerAndShirt"),
        "sweater": (1, "collarAndSweater"),
        "overalls": (1, "overall"),
    },
    "clothes_color": {
        "red": (1, "d93a3a"),
        "blue": (1, "4a90e2"),
        "green": (1, "4fb262"),
        "yellow": (1, "ffd84d"),
        "pink": (1, "ff8fc0"),
        "black": (1, "262e33"),
        "gray": (1, "929598"),
    },
    # "disbelief" is the bolder of two mouths that turn down; at 64 pixels the other looks like "serious".
    "mouth": {"smiling": (1, "smile"), "sad": (1, "disbelief"), "serious": (1, "serious"), "open": (1, "screamOpen")},
    "skin": {
        "dark": (1, "614335"),
        "brown": (1, "ae5d29"),
        "tan": (1, "d08b5b"),
        "light": (1, "edb98a"),
        "pale": (1, "ffdbb4"),
    },
}

# {attribute: its values, indexed by their numbers}.
ATTRIBUTES: dict[str, tuple[str, ...]] = {name: tuple(values) for name, values in _TABLE.items()}
NAMES: tuple[str, ...] = tuple(ATTRIBUTES)
HAIR, HAIR_COLOR, GLASSES, FACIAL_HAIR, CLOTHES, CLOTHES_COLOR, MOUTH, SKIN = range(len(NAMES))

# {attribute: values} by which captions may call an avatar a man or a woman; the style itself has neither.
MAN: dict[str, tuple[str, ...]] = {"facial_hair": ("beard", "moustache")}
WOMAN: dict[str, tuple[str, ...]] = {"facial_hair": ("none",), "hair": ("long", "straight", "bun", "bob", "big")}
GLASSES_WORN: dict[str, tuple[str, ...]] = {"glasses": ATTRIBUTES["glasses"][1:]}
NO_GLASSES: dict[str, tuple[str, ...]] = {"glasses": ("none",)}

# Pairs of hair color and clothes color that no training avatar has: a model that generates one has learned what each
# word means. Each color is in at most one pair.
HELD_OUT: tuple[tuple[str, str], ...] = (
    ("black", "pink"),
    ("brown", "green"),
    ("blond", "red"),
    ("red", "blue"),
    ("pink", "gray"),
    ("gray", "yellow"),
)
_HELD_OUT_NUMBERS = np.array(
    [(ATTRIBUTES["hair_color"].index(hair), ATTRIBUTES["clothes_color"].index(clothes)) for hair, clothes in HELD_OUT]
)


def sample_attributes(count: int, seed: int, held_out: bool = False) -> np.ndarray:
    """Samples the attributes of avatars independently of each other.

    Args:
        count: number of avatars; a larger count starts with the avatars of a smaller one.
        seed: seed of the samples.
        held_out: whether all have one of the `HELD_OUT` pairs of hair color and clothes color; otherwise none has.

    Returns:
        int8 (count, 8): numbers of values in `ATTRIBUTES`; the hair color of avatars without any hair is `NOT_VISIBLE`.

    Example:
        from ganzoo.data.avatar_attributes import sample_attributes
        assert sample_attributes(2, seed=0).shape == (2, 8)
    """
    # A random stream for each attribute, so that the first samples do not depend on the count.
    rngs = [np.random.default_rng([seed, int(held_out), place]) for place in range(len(NAMES) + 1)]
    found = np.empty((count, len(NAMES)), "int8")
    for place, (rng, values) in enumerate(zip(rngs, _TABLE.values())):
        weights = np.array([weight for weight, _ in values.values()], "float64")
        found[:, place] = np.searchsorted(np.cumsum(weights / weights.sum()), rng.random(count), side="right")
    if held_out:
        # A hair color needs hair: replace bald, shaven heads by samples of the other styles.
        bald = ATTRIBUTES["hair"].index("bald")
        hairless = _hairless(found)
        found[hairless, HAIR] = (rngs[-1].random(count) * bald).astype("int8")[hairless]
        pairs = _HELD_OUT_NUMBERS[found[:, HAIR_COLOR]]
        found[:, CLOTHES_COLOR] = pairs[:, 1]
        return found
    # Held-out pairs get another clothes color, chosen at random.
    clothes = len(ATTRIBUTES["clothes_color"])
    shifted = (found[:, CLOTHES_COLOR] + 1 + (rngs[-1].random(count) * (clothes - 1)).astype("int8")) % clothes
    found[:, CLOTHES_COLOR] = np.where(is_held_out(found), shifted, found[:, CLOTHES_COLOR])
    found[_hairless(found), HAIR_COLOR] = NOT_VISIBLE
    return found


def is_held_out(attributes: np.ndarray) -> np.ndarray:
    """Whether avatars have one of the `HELD_OUT` pairs, bool (count,), from attributes of `sample_attributes`."""
    pairs = attributes[:, (HAIR_COLOR, CLOTHES_COLOR)]
    return (pairs[:, None] == _HELD_OUT_NUMBERS).all(axis=2).any(axis=1)


def _hairless(attributes):
    bald, shaven = ATTRIBUTES["hair"].index("bald"), ATTRIBUTES["facial_hair"].index("none")
    return (attributes[:, HAIR] == bald) & (attributes[:, FACIAL_HAIR] == shaven)


def style_options(attributes: Sequence[int], size: int) -> dict:
    """The options of the style "avataaars" that fix all of one avatar's attributes."""
    chosen = {name: list(_TABLE[name].values())[number][1] for name, number in zip(NAMES, attributes) if number >= 0}
    hair_color = chosen.get("hair_color", "2c1b18")
    options = {
        "seed": "avatar",
        "size": size,
        "backgroundColor": ["ffffff"],
        "skinColor": [chosen["skin"]],
        "hairColor": [hair_color],
        "facialHairColor": [hair_color],
        "clothesVariant": [chosen["clothes"]],
        "clothesColor": [chosen["clothes_color"]],
        "mouthVariant": [chosen["mouth"]],
        "eyesVariant": ["default"],
        "eyebrowsVariant": ["defaultNatural"],
        "accessoriesColor": ["262e33"],
    }
    for part, name in (("top", "hair"), ("accessories", "glasses"), ("facialHair", "facial_hair")):
        options[f"{part}Probability"] = 100 if chosen[name] else 0
        if chosen[name]:
            options[f"{part}Variant"] = [chosen[name]]
    return options
