"""Equations as MathML, which browsers show without scripts or fonts from elsewhere."""

from html import escape

from latex2mathml.converter import convert


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
    # The source remains readable to assistive technology and to searches.
    return convert(latex, display=display).replace("<math ", f'<math alttext="{escape(latex.strip(), quote=True)}" ', 1)


def _skip():
    from docutils.nodes import SkipNode

    return SkipNode()
