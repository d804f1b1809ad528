"""The command line: a module for each topic. Commands check as much as possible before they import Keras, which takes
seconds."""

# Each adds its commands to `main`.
from ganzoo.cli import (
    complete,
    convert,
    data,
    demo,
    enhance,
    evaluate,
    export,
    generate,
    hub,
    info,
    lab,
    postfilter,
    say,
    train,
    translate,
    upscale,
)
from ganzoo.cli.group import main

__all__ = [
    "complete",
    "convert",
    "data",
    "demo",
    "enhance",
    "evaluate",
    "export",
    "generate",
    "hub",
    "info",
    "lab",
    "main",
    "postfilter",
    "say",
    "train",
    "translate",
    "upscale",
]
