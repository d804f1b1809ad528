"""All pages behind one address; `ganzoo demo` starts it."""

import importlib
import os

from .files import uploads

# Before Gradio is imported: no telemetry, no look-up of newer versions, no history of runs in the browser, and no
# folder that other users of this machine can read or have made before.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_RUN_HISTORY"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["GRADIO_TEMP_DIR"] = str(uploads())
os.environ["GRADIO_EXAMPLES_CACHE"] = str(uploads() / "examples")

import fastapi
import gradio as gr

from ganzoo import registry
from ganzoo.errors import GanzooError

from .common import QUEUE, received, trained_presets
from .server import MEGABYTE, MOST_MEGABYTES, Gate, Hosts, serve

# Gradio's front end lists MIME types when somebody chooses another kind of file, and has no setting for that sentence.
_PLAIN_MESSAGES = """<script>
new MutationObserver(() => {
    for (const text of document.querySelectorAll("[data-testid='toast-text']")) {
        const found = text.textContent.match(/^Invalid file types?: (.*)\\. Only (\\w+)\\/.* allowed\\.$/);
        const kinds = {audio: "a recording, e.g. WAV, FLAC, OGG or MP3", image: "an image, e.g. PNG or JPEG"};
        if (found) text.textContent = `${found[1]} cannot be used here: choose ${kinds[found[2]] ?? "another file"}`;
    }
}).observe(document.documentElement, {childList: true, subtree: true});
</script>"""
_FONTS = dict(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])


class App(gr.Blocks):
    """The pages' app. What a request holds is checked here, once for all pages."""

    async def preprocess_data(self, block_fn, inputs, state, explicit_call=False):
        """The values of a request for a page's function, in place of what Gradio's components make of them.

        Gradio's own step takes an image from any place on the disk, fetches web addresses, decodes before any limit is
        looked at, and prints a traceback for every value out of range.
        """
        if len(inputs) != len(block_fn.inputs):
            raise gr.Error(f"this takes {len(block_fn.inputs)} values, got {len(inputs)}", print_exception=False)
        return [
            state[component._id] if component.stateful else received(component, value)
            for component, value in zip(block_fn.inputs, inputs)
        ]


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
    if "preprocess_data" not in vars(gr.Blocks):
        # `App` would check nothing.
        raise GanzooError(f"the page cannot check requests under Gradio {gr.__version__}: pip install 'gradio<7'")
    with App(title="ganzoo", analytics_enabled=False, delete_cache=(3600, 3600)) as app:
        gr.Markdown("# ganzoo\nTrained generative adversarial networks, event on this machine.")
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
                for first_event in module.page(together[0]):
                    begin(**first_event)
    app.queue(max_size=QUEUE, api_open=False)
    return app


def web(app, hosts):
    """The app as ASGI, behind its gate.

    Args:
        app: of `build`.
        hosts: `Hosts` that a request may be for.
    """
    outer = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    gr.mount_gradio_app(
        outer,
        app,
        path="/",
        max_file_size=MOST_MEGABYTES * MEGABYTE,
        # What an unforeseen error says is for the terminal.
        show_error=False,
        ssr_mode=False,
        mcp_server=False,
        pwa=False,
        theme=gr.themes.Default(**_FONTS),
        footer_links=[],
        head=_PLAIN_MESSAGES,
    )
    return Gate(outer, app, hosts)


def launch(model=None, host="127.0.0.1", port=7860, allowed_hosts=()):
    """Serves the app until Ctrl-C or SIGTERM.

    Args:
        model: as `build`.
        host: address or name of this machine to listen on; 0.0.0.0 for all of its addresses.
        port: to listen on.
        allowed_hosts: further names under which browsers reach it, e.g. that of a proxy in front of it.

    Raises:
        GanzooError: as `build`; an address or a port that cannot be listened on; a name that is none.
    """
    hosts = Hosts(host, allowed_hosts)
    serve(lambda: web(build(model), hosts), host, port)


def _module(name):
    """A model's page: that of its task, or None."""
    page = registry.model_class(name).page
    return importlib.import_module(page) if isinstance(page, str) else page
