"""What is set before Gradio is imported; the package imports this module first."""

import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .files import uploads

# No telemetry, no version check, no run history in the browser, and no folder that other users of this machine can read
# or may have created.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_RUN_HISTORY"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["GRADIO_TEMP_DIR"] = str(uploads())
os.environ["GRADIO_EXAMPLES_CACHE"] = str(uploads() / "examples")
# After every event, Gradio summarizes all earlier ones for its monitoring page, which is not served here. That takes
# longer with each of them.
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1000"
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1000"

_CLASSES = "gradio.component_meta"


class _WithoutStubs(MetaPathFinder):
    """Imports Gradio without type stubs for editors.

    For each class of components, Gradio parses its source and compares it with a .pyi file beside it, which it writes
    if it can. That takes nearly half of the time of importing Gradio.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _CLASSES:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        loader: Any = spec and spec.loader
        if loader is not None:
            run = loader.exec_module

            def exec_module(module: Any) -> None:
                run(module)
                if hasattr(module, "create_or_modify_pyi"):
                    module.create_or_modify_pyi = lambda *of_class: None

            loader.exec_module = exec_module
        return spec


if _CLASSES not in sys.modules:
    sys.meta_path.insert(0, _WithoutStubs())
