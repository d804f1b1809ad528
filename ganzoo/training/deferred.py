"""Networks that a model builds only when something needs them."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import keras

from ganzoo.arguments import parameters_of
from ganzoo.precision import made_with

# Attributes that `ZooModel.compile` sets, besides those named like its arguments.
_SET_BY_COMPILE = frozenset({"_objectives", "is_adversarial", "noise", "objective_optimizers", "optimizer"})


def _completed(name: str) -> Any:
    """A method of `keras.Model` that is for all networks of the model, and so builds those that are missing."""

    @functools.wraps(getattr(keras.Model, name))
    def method(self, *args, **kwargs):
        self.complete_networks()
        return getattr(super(DeferredNetworks, self), name)(*args, **kwargs)

    return method


class DeferredNetworks:
    """The part of `ZooModel` that builds the training networks of a loaded model when they are first used.

    `ganzoo.load` builds only what inference needs (see `ganzoo.construction`): the moving averages, and networks that
    have none but are no training networks. Anything that needs more, such as `fit`, `save`, `model.generator` or
    `model.discriminator`, calls `complete_networks`.
    """

    # {name: function that makes the network}, and the arguments of `finish_later`.
    _deferred: dict[str, Callable]
    _completion: tuple[Callable, Callable] | None

    def finish_later(
        self, guard: Callable[[], AbstractContextManager], finish: Callable[[Any, Sequence[str]], None]
    ) -> None:
        """Sets what `complete_networks` does besides building the deferred networks.

        Args:
            guard: function that returns a context manager; the networks are built inside it.
            finish: function of (model, names of the new networks), called after they are built.
        """
        self._completion = guard, finish

    def complete_networks(self) -> None:
        """Builds the deferred networks, loads their weights and compiles the model; does nothing the second time."""
        deferred, self._deferred = self._deferred, {}
        guard, finish = self._completion or (contextlib.nullcontext, lambda model, names: None)
        self._completion = None
        strategy = getattr(self, "distribute_strategy", None)
        with strategy.scope() if strategy is not None else contextlib.nullcontext():
            with guard(), made_with(self.dtype_policy):
                for name, make in deferred.items():
                    setattr(self, name, make())
            finish(self, list(deferred))

    get_weights = _completed("get_weights")
    set_weights = _completed("set_weights")
    save_weights = _completed("save_weights")
    load_weights = _completed("load_weights")
    count_params = _completed("count_params")
    summary = _completed("summary")
    # Of `copy.copy` and `pickle`.
    __reduce__ = _completed("__reduce__")

    # Called only for missing attributes: the first use of a deferred network, or of a setting of compile(), completes
    # the model, so that a loaded model behaves as if everything had been built at once.
    def __getattr__(self, name: str) -> Any:
        attributes = self.__dict__
        incomplete = attributes.get("_completion") is not None
        set_by_compile = incomplete and (name in _SET_BY_COMPILE or name in parameters_of("compile", owner=type(self)))
        if name in (attributes.get("_deferred") or ()) or set_by_compile:
            self.complete_networks()
            return getattr(self, name)
        inherited = getattr(super(), "__getattr__", None)
        if inherited is not None:
            return inherited(name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
