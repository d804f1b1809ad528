"""All pages behind one address; `ganzoo demo` starts it."""

import importlib
import importlib.util
import os

# Before Gradio is imported: no telemetry, no look-up of newer versions.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gradio as gr

from ganzoo import registry
from ganzoo.errors import GanzooError

from .common import QUEUE, trained_presets

# The page of a kind of data.
_PAGES = {"images": "dcgan", "labelled": "cgan", "pairs": "srgan", "speech": "segan", "captions": "stackgan"}
_FONTS = dict(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])


def models_with_pages():
    """Names of the models that have trained weights and a page here."""
    return [name for name in registry.list_models() if trained_presets(name) and _module(name)]


def build(model=None):
    """The app.

    Args:
        model: one model's page alone; all of them in tabs if not given.

    Raises:
        GanzooError: a model without a page or without trained weights.
    """
    names = models_with_pages()
    if model is not None:
        registry.model_class(model)
        if model not in names:
            raise GanzooError(f"there is no page for '{model}' yet; there are: {', '.join(names) or 'none'}")
        names = [model]
    if not names:
        raise GanzooError("no model has trained weights to show")
    with gr.Blocks(title="ganzoo", analytics_enabled=False, delete_cache=(3600, 3600)) as app:
        gr.Markdown("# ganzoo\nTrained generative adversarial networks, drawing on this machine.")
        shown = set()
        for name in names:
            module = _module(name)
            together = [other for other in getattr(module, "MODELS", [name]) if other in names]
            if name in shown:
                continue
            shown.update(together)
            with gr.Tab(", ".join(together)) as tab:
                # A model is loaded when somebody looks at it, not when the page opens.
                begin = app.load if name == names[0] else tab.select
                for first_drawing in module.page(together[0]):
                    begin(**first_drawing)
    app.queue(max_size=QUEUE)
    return app


def launch(model=None, host="127.0.0.1", port=7860):
    """Serves the app until Ctrl-C."""
    app = build(model)
    try:
        app.launch(
            quiet=True,
            prevent_thread_lock=True,
            server_name=host,
            server_port=port,
            share=False,
            max_file_size="20mb",
            # A file that Gradio itself cannot open is said to be so.
            show_error=True,
            theme=gr.themes.Default(**_FONTS),
            footer_links=[],
        )
    except OSError:
        raise GanzooError(f"port {port} of {host} is taken or may not be used: choose another with --port") from None
    print(f"ganzoo is on http://{host}:{port} (Ctrl-C ends it)", flush=True)
    app.block_thread()


def _module(name):
    """A model's page: its own, or that of its kind of data, since such models are used alike; or None."""
    kind = registry.model_class(name).data_kind
    for page in (name, _PAGES.get(kind)):
        if page and importlib.util.find_spec(f"{__package__}.{page}") is not None:
            return importlib.import_module(f"{__package__}.{page}")
    return None
