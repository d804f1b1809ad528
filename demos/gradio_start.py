"""Settings that must be in place before Gradio is imported; the package `demos` imports this module first."""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
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


class _NoPyiFiles(MetaPathFinder):
    """Finds Gradio's module of component classes and turns off its writing of .pyi files.

    For every component class, Gradio parses the source and updates a .pyi file for editors next to it. That takes a
    large part of its import time (`python -X importtime -c "import gradio"`), and nothing here reads these files.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if fullname == _CLASSES else None
        if spec is None or type(spec.loader) is not SourceFileLoader:
            return None
        spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def exec_module(self, module: Any) -> None:
        super().exec_module(module)
        if hasattr(module, "create_or_modify_pyi"):
            module.create_or_modify_pyi = lambda *args, **kwargs: None


if _CLASSES not in sys.modules:
    sys.meta_path.insert(0, _NoPyiFiles())
