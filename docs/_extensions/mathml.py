"""Equations as MathML, which browsers show without scripts or fonts from elsewhere."""

import re
from html import escape

from latex2mathml.converter import convert

SPACE = '<mspace width="0.17em"></mspace>'


def setup(app):
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator, node):
    translator.body.append(_mathml(node.astext(), "inline"))
    raise _skip()


def _block(translator, node):
    translator.body.append(f'<div class="math">{_mathml(node.astext(), "block")}</div>\n')
    raise _skip()


def _mathml(latex, display):
    # latex2mathml knows the environment of this name, which is set alike.
    math = convert(re.sub(r"(?<={)aligned(?=})", "align*", latex), display=display)
    # As TeX sets them: bounds under min and max, a thin space around log unless a parenthesis follows.
    if display == "block":
        math = re.sub(
            r"<msub>(<mo>(?:min|max)</mo>(?:<mi>\w+</mi>|<mrow>.*?</mrow>))</msub>", r"<munder>\1</munder>", math
        )
    math = re.sub(r"(<mi>log</mi>)(?!<mo)", rf"\1{SPACE}", math)
    math = re.sub(r"(?<=</mi>|mrow>|msup>)(<mi>log</mi>)", rf"{SPACE}\1", math)
    # The source remains readable to assistive technology and to searches.
    return math.replace("<math ", f'<math alttext="{escape(latex.strip(), quote=True)}" ', 1)


def _skip():
    from docutils.nodes import SkipNode

    return SkipNode()
