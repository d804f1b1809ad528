"""Strings inside TensorFlow graphs, for exported models."""

from typing import Any

import tensorflow as tf

from ganzoo.types import Tensor


def string_codes(captions: Any, length: int) -> Tensor:
    """`ganzoo.text.characters.as_bytes` as a graph, except that it applies no Unicode normalization: the same for ASCII
    and for other text in normalization form NFKC, as keyboards usually enter it.

    Args:
        captions: strings in UTF-8, (count,).
        length: maximum number of bytes read.

    Returns:
        int32 (count, 1 + length).

    Example:
        from ganzoo.backend.tensorflow_strings import string_codes

        string_codes(["Ab"], 4)     # [[257, 98, 99, 0, 0]]
    """
    plain = tf.strings.lower(tf.convert_to_tensor(captions, tf.string), encoding="utf-8")
    plain = tf.strings.strip(tf.strings.regex_replace(plain, r"[\s\v\x1c-\x1f\x{85}\p{Z}]+", " "))
    plain = tf.strings.substr(plain, 0, length)
    sizes = tf.strings.length(plain)
    codes = tf.cast(tf.io.decode_raw(plain, tf.uint8, fixed_length=length), tf.int32) + 1
    codes = tf.where(tf.range(length)[None] < sizes[:, None], codes, 0)
    return tf.concat([tf.fill([tf.shape(codes)[0], 1], 257), codes], axis=1)
