"""Captions of avatars in varied wording, with the attributes that each one names."""

from dataclasses import dataclass

import numpy as np

from ganzoo.data.avatar_attributes import (
    ATTRIBUTES,
    CLOTHES,
    CLOTHES_COLOR,
    FACIAL_HAIR,
    GLASSES,
    HAIR,
    HAIR_COLOR,
    MOUTH,
    NAMES,
    NOT_SAID,
    SKIN,
    WOMAN,
    is_held_out,
    sample_attributes,
)
from ganzoo.errors import GanzooError

# In bytes: the number that the text encoder reads.
MAX_LENGTH = 120

_COLORS = {
    "black": ("black", "black", "jet-black"),
    "brown": ("brown", "brown", "chestnut"),
    "blond": ("blond", "blonde", "golden"),
    "red": ("red", "red", "ginger"),
    "pink": ("pink",),
    "gray": ("gray", "grey", "silver"),
}
# {c} is the color followed by a space, or empty.
_HAIR = {
    "long": ("long {c}hair",),
    "straight": ("straight {c}hair", "straight {c}hair", "sleek {c}hair"),
    "curly": ("curly {c}hair", "{c}curls"),
    "bun": ("a {c}bun", "{c}hair in a bun"),
    "afro": ("a {c}afro",),
    "bob": ("a {c}bob",),
    "dreadlocks": ("{c}dreadlocks", "{c}dreads"),
    "short": ("short {c}hair",),
    "cropped": ("cropped {c}hair", "a {c}buzz cut"),
    "mullet": ("a {c}mullet",),
    "big": ("big {c}hair", "voluminous {c}hair"),
    "bald": ("a bald head", "no hair"),
}
_GLASSES = {
    "none": ("no glasses",),
    "glasses": ("glasses", "glasses", "spectacles"),
    "round": ("round glasses", "round glasses", "round spectacles"),
    "sunglasses": ("sunglasses", "sunglasses", "shades"),
}
_FACIAL_HAIR = {
    "none": ("no beard", "no facial hair"),
    "beard": ("a {c}beard", "a full {c}beard"),
    "moustache": ("a {c}moustache", "a {c}mustache"),
}
_CLOTHES = {
    "hoodie": ("a {c}hoodie", "a {c}hoodie", "a {c}hooded sweatshirt"),
    "shirt": ("a {c}shirt", "a {c}t-shirt"),
    "blazer": ("a {c}blazer", "a {c}jacket"),
    "sweater": ("a {c}sweater", "a {c}pullover"),
    "overalls": ("{c}overalls", "{c}dungarees"),
}
_CLOTHES_COLORS = {**{color: (color,) for color in ATTRIBUTES["clothes_color"]}, "gray": ("gray", "grey")}
_MOUTH_ADJECTIVES = {
    "smiling": ("smiling", "happy"),
    "sad": ("sad", "unhappy"),
    "serious": ("serious",),
    "open": ("shouting", "screaming"),
}
_MOUTH = {
    "smiling": ("a smile",),
    "sad": ("a sad mouth",),
    "serious": ("a serious look",),
    "open": ("an open mouth", "a wide open mouth"),
}
# Probabilities that an incomplete caption leaves out an attribute.
_LEFT_OUT = {"skin": 0.75, "mouth": 0.2}
_USUALLY_LEFT_OUT = 0.15
# Share of captions that name all visible attributes.
_COMPLETE = 0.4
# Probability of mentioning absence: "no glasses", "no beard".
_ABSENCE_SAID = 0.25


@dataclass(frozen=True)
class Captions:
    """Captions of avatars.

    Attributes:
        texts: a list of captions for each avatar.
        said: int8 (avatars, captions, 8): the numbers of the values in `ATTRIBUTES` that each caption names, `NOT_SAID`
            for attributes it leaves out.
        wrong: like `texts`: a wrong version of each caption, for an avatar that differs in one attribute.
    """

    texts: list[list[str]]
    said: np.ndarray
    wrong: list[list[str]]


def write_captions(attributes: np.ndarray, seed: int, each: int = 3) -> Captions:
    """Writes captions that vary in order, wording, synonyms and completeness.

    An attribute that is not mentioned can have any value. Avatars with a beard or moustache may be called a man; those
    without, and with long, straight or big hair, a bun or a bob, a woman; any avatar may be called a person.

    Args:
        attributes: int8 (count, 8), from `sample_attributes`.
        seed: seed of the wording.
        each: number of captions per avatar.

    Example:
        from ganzoo.data.avatar_attributes import sample_attributes
        from ganzoo.data.avatar_captions import write_captions
        captions = write_captions(sample_attributes(1, seed=0), seed=0)
        captions.texts[0][0]        # "a smiling man with round glasses in a red hoodie", say
    """
    texts, wrong = [], []
    said = np.full((len(attributes), each, len(NAMES)), NOT_SAID, "int8")
    for place, own in enumerate(attributes):
        rng = np.random.default_rng([seed, 1, place])
        of_one, contradicting = [], []
        for number in range(each):
            chosen = _chosen(rng, own)
            of_one.append(_sentence(rng, chosen, own))
            said[place, number] = chosen
            contradicting.append(_contradiction(rng, chosen, own))
        texts.append(of_one)
        wrong.append(contradicting)
    return Captions(texts, said, wrong)


def random_captions(count: int, seed: int = 0) -> list[str]:
    """Captions of random avatars, one of each; they never mention held-out pairs of colors.

    Args:
        count: number of captions.
        seed: seed of the avatars and of the wording.

    Raises:
        GanzooError: `count` is not a whole number of at least 0.

    Example:
        from ganzoo.data.avatar_captions import random_captions
        random_captions(2)      # ["a sad person in a blue hoodie", "a woman with curly red hair and a smile"], say
    """
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 0:
        raise GanzooError(f"count must be an integer of at least 0, got {count!r}")
    return [texts[0] for texts in write_captions(sample_attributes(count, seed), seed, each=1).texts]


def _chosen(rng, own):
    """The attributes that a caption names: a copy of the avatar's, with some left out."""
    chosen = own.copy()
    complete = rng.random() < _COMPLETE
    for place, name in enumerate(NAMES):
        if not complete and rng.random() < _LEFT_OUT.get(name, _USUALLY_LEFT_OUT):
            chosen[place] = NOT_SAID
    for place in (GLASSES, FACIAL_HAIR):
        if own[place] == 0 and rng.random() > _ABSENCE_SAID:
            chosen[place] = NOT_SAID
    if (chosen >= 0).sum() == 0:
        chosen[CLOTHES_COLOR] = own[CLOTHES_COLOR]
    return chosen


def _contradiction(rng, chosen, own):
    """A caption with one attribute changed: one that the original names, or glasses or a beard."""
    places = [place for place in range(len(NAMES)) if chosen[place] >= 0 or place in (GLASSES, FACIAL_HAIR)]
    held_out = is_held_out(own[None])
    while True:
        place = places[rng.integers(len(places))]
        changed = chosen.copy()
        changed[place] = rng.integers(len(ATTRIBUTES[NAMES[place]]))
        # Captions of training never mention held-out pairs.
        if changed[place] != own[place] and (held_out or not is_held_out(np.where(changed >= 0, changed, own)[None])):
            break
    # A bald, shaven head has no hair color.
    imagined = np.where(changed >= 0, changed, own)
    if place == HAIR and ATTRIBUTES["hair"][imagined[HAIR]] == "bald" and imagined[FACIAL_HAIR] == 0:
        changed[HAIR_COLOR] = NOT_SAID
    return _sentence(rng, changed, imagined)


def _sentence(rng, chosen, own):
    """A sentence of at most `MAX_LENGTH` bytes that names exactly the chosen attributes."""
    sentence = ""
    for _ in range(20):
        sentence = _WORDINGS[rng.integers(len(_WORDINGS))](rng, chosen, own)
        if len(sentence.encode()) <= MAX_LENGTH:
            return sentence
    # A list is the shortest form.
    return min((_list(rng, chosen, own) for _ in range(20)), key=len)


def _described(rng, chosen, own, adjectives=True):
    """Adjectives, a noun, phrases that follow "with", and clothes or None."""
    words = _Words(rng, chosen)
    before, phrases = [], []
    value = words.value(MOUTH)
    if value:
        if adjectives and rng.random() < 0.6:
            before.append(words.one(_MOUTH_ADJECTIVES[value]))
        else:
            phrases.append(words.one(_MOUTH[value]))
    hair, beard = words.value(HAIR), words.value(FACIAL_HAIR)
    bald = ATTRIBUTES["hair"][own[HAIR]] == "bald"
    hair_color = words.value(HAIR_COLOR)
    spoken = words.one(_COLORS[hair_color]) if hair_color else None
    # On a bald head, the color is that of the beard.
    colored_beard = spoken and (hair == "bald" or bald) and beard not in (None, "none")
    if hair == "bald" and adjectives and rng.random() < 0.7:
        before.append("bald")
    elif hair:
        phrases.append(words.colored(_HAIR[hair], None if hair == "bald" else spoken))
    if spoken and not colored_beard and (hair is None or hair == "bald"):
        phrases.append(f"{spoken} hair")
    if beard == "beard" and adjectives and not colored_beard and rng.random() < 0.4:
        before.append("bearded")
    elif beard == "none" and adjectives and rng.random() < 0.4:
        before.append("clean-shaven")
    elif beard:
        phrases.append(words.colored(_FACIAL_HAIR[beard], spoken if colored_beard else None))
    if value := words.value(GLASSES):
        phrases.append(words.one(_GLASSES[value]))
    if value := words.value(SKIN):
        if adjectives and rng.random() < 0.5:
            before.append(f"{value}-skinned")
        else:
            phrases.append(f"{value} skin")
    clothes, color = words.value(CLOTHES), words.value(CLOTHES_COLOR)
    color = words.one(_CLOTHES_COLORS[color]) if color else None
    worn = words.colored(_CLOTHES[clothes], color) if clothes else f"{color} clothes" if color else None
    rng.shuffle(before)
    rng.shuffle(phrases)
    return before, _noun(rng, own), phrases, worn


class _Words:
    """Words for the chosen attributes."""

    def __init__(self, rng, chosen):
        self.rng, self.chosen = rng, chosen

    def value(self, place):
        return None if self.chosen[place] < 0 else ATTRIBUTES[NAMES[place]][self.chosen[place]]

    def one(self, choices):
        return choices[self.rng.integers(len(choices))]

    def colored(self, choices, color):
        return with_article(self.one(choices).format(c=f"{color} " if color else ""))


def _noun(rng, own):
    hair, beard = ATTRIBUTES["hair"][own[HAIR]], own[FACIAL_HAIR]
    if beard and rng.random() < 0.7:
        return "man"
    if not beard and hair in WOMAN["hair"] and rng.random() < 0.7:
        return "woman"
    return ("person", "person", "face", "avatar")[rng.integers(4)]


def with_article(phrase: str) -> str:
    """Corrects the article: "a afro" becomes "an afro"."""
    return f"an {phrase[2:]}" if phrase.startswith("a ") and phrase[2:3] in "aeiou" else phrase


def _enumerated(phrases):
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def _plain(rng, chosen, own):
    """ "a smiling man with round glasses and a beard in a red hoodie"."""
    before, noun, phrases, worn = _described(rng, chosen, own)
    sentence = with_article(" ".join(["a", *before, noun]))
    if phrases:
        sentence += f" with {_enumerated(phrases)}"
    return f"{sentence} {('in', 'wearing')[rng.integers(2)]} {worn}" if worn else sentence


def _worn_first(rng, chosen, own):
    """ "a man in a red hoodie with round glasses and a beard"."""
    before, noun, phrases, worn = _described(rng, chosen, own)
    sentence = with_article(" ".join(["a", *before, noun]))
    if worn:
        sentence += f" in {worn}"
    return f"{sentence} with {_enumerated(phrases)}" if phrases else sentence


def _list(rng, chosen, own):
    """ "round glasses, smiling, a red hoodie, a beard"."""
    before, noun, phrases, worn = _described(rng, chosen, own)
    parts = [*before, *phrases, *([worn] if worn else [])]
    if rng.random() < 0.3 or not parts:
        parts.append(with_article(f"a {noun}"))
    rng.shuffle(parts)
    return ", ".join(parts)


def _has(rng, chosen, own):
    """ "a person who has short black hair and a beard and wears a red hoodie"."""
    before, noun, phrases, worn = _described(rng, chosen, own)
    if not phrases:
        return _plain(rng, chosen, own)
    sentence = f"{with_article(' '.join(['a', *before, noun]))} who has {_enumerated(phrases)}"
    return f"{sentence} and wears {worn}" if worn else sentence


# Listed twice: twice as likely.
_WORDINGS = (_plain, _plain, _worn_first, _list, _has)
