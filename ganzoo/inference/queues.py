"""Sampling from a WaveNet one sample at a time, with queues of what its layers have computed before.

A layer of dilation d needs its inputs of d samples ago. Queues keep them, so that a sample takes one step of each layer
instead of a pass over the whole receptive field (Le Paine et al. 2016, arXiv:1611.09482). The steps run in NumPy on all
backends: its matrix products take most of the time, and nothing has to be compiled.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ganzoo import mu_law
from ganzoo.errors import at_least_one
from ganzoo.inference.stepwise import one_blas_thread

if TYPE_CHECKING:
    import keras

    from ganzoo.losses.sample_likelihoods import SampleLikelihood

# Values of samples are farther apart.
_SAME = 1e-6
# Every _CHECK samples, sounds that have ended leave the batch, if they are at least this share of it.
_CHECK, _ENDED = 400, 0.25


class QueuedNetwork:
    """The network of `ganzoo.networks.autoregressive.wavenet`, one step at a time.

    Args:
        network: the network; its weights are copied.
        likelihood: of its samples.
        dilations: of its layers.
        kernel_size: of its dilated convolutions.
        label_names: names of its labels, in the order of its inputs.
        hop: samples from one frame of its mel spectrogram to the next; 0 if it takes none.

    Example:
        from ganzoo.inference.queues import QueuedNetwork

        model = ganzoo.create("wavenet", stacks=1, layers_per_stack=3, channels=8, skip_channels=8, hidden=8)
        queued = QueuedNetwork(model.inference_network, model.likelihood, model.dilations)
        uniform = np.random.default_rng(0).random((4, 100, 2), "float32")
        for sound, lengths in queued.generate({}, uniform, every=50):
            print(sound.shape, lengths)     # (4, 50), then (4, 100)
    """

    def __init__(
        self,
        network: "keras.Model",
        likelihood: "SampleLikelihood",
        dilations: Sequence[int],
        kernel_size: int = 2,
        label_names: Sequence[str] = (),
        hop: int = 0,
    ):
        self.likelihood, self.dilations, self.taps = likelihood, list(dilations), kernel_size - 1
        self.label_names, self.hop = tuple(label_names), hop
        arrays = {
            f"{layer.name}/{weight.name}": np.asarray(weight, "float32")
            for layer in network.layers
            for weight in layer.weights
        }
        count = len(self.dilations)
        dilated = np.stack([arrays[f"layer{i}_dilated/kernel"] for i in range(count)])
        width = self.width = dilated.shape[2]
        # sigmoid(x) = (1 + tanh(x / 2)) / 2: one tanh for values and gates, and the factor 1/2 in the next weights.
        self._halves = np.ones(2 * width, "float32")
        self._halves[width:] = 0.5
        dilated = dilated * self._halves
        self._now = np.ascontiguousarray(dilated[:, -1])
        # The earliest tap last, as in the queues.
        self._past = np.ascontiguousarray(dilated[:, -2::-1]) if self.taps else None
        bias = np.stack([arrays[f"layer{i}_dilated/bias"] for i in range(count)]) * self._halves
        self._residual = [0.5 * arrays[f"layer{i}_residual/kernel"][0] for i in range(count - 1)]
        # Biases of the residual connections add up to constants, which go into the biases of the layers.
        offsets = np.zeros((count, width), "float32")
        for i in range(1, count):
            offsets[i] = offsets[i - 1] + arrays[f"layer{i - 1}_residual/bias"]
        self._bias = (bias + np.einsum("lc,lkcd->ld", offsets, dilated))[:, None]
        self._skip = 0.5 * np.concatenate([arrays[f"layer{i}_skip/kernel"][0] for i in range(count)])
        self._head = [
            (arrays["layer0_skip/bias"], arrays["hidden/kernel"][0]),
            (arrays["hidden/bias"], arrays["outputs/kernel"][0]),
        ]
        self._last_bias = arrays["outputs/bias"]
        self._input = arrays["input/kernel"][0], arrays["input/bias"]
        self._mel = None
        if hop:
            projections = [arrays[f"layer{i}_mel/kernel"][0] * self._halves for i in range(count)]
            self._mel = arrays["mel_context/kernel"], arrays["mel_context/bias"], np.stack(projections)
        self._embeddings = [arrays[f"{name}_embedding/embeddings"] for name in self.label_names]
        self._labels = arrays.get("label_conditions/kernel")

    def generate(
        self,
        labels: Mapping[str, np.ndarray],
        uniform: np.ndarray,
        temperature: float = 1.0,
        mel: np.ndarray | None = None,
        silence: int = 0,
        every: int = 800,
        guidance: float = 0.0,
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Random sounds, which grow from one result to the next.

        Args:
            labels: {label: int (batch,)}.
            uniform: float32 (batch, samples, 2), random numbers in [0, 1).
            temperature: of the distribution of each sample.
            mel: float32 (batch, frames, bands), frames = samples / hop + 1.
            silence: number of samples of exact silence that end a sound; 0 goes on to the last sample.
            every: samples from one result to the next.
            guidance: w of classifier-free guidance (Ho & Salimans 2022, arXiv:2207.12598, equation 6): samples come
                from (1 + w) times the logits with labels minus w times those without. Above 0 each step runs the
                network twice, and the outputs must be logits.

        Yields:
            (float32 (batch, samples so far), int (batch,) the samples of each sound before its end). After the end
            samples are 0. A sound becomes longer from one result to the next, or stays as it is: silence that may be
            its end counts only once sound has followed. There are fewer samples than in `uniform` if all sounds end
            before.
        """
        at_least_one(every=every)
        batch, samples = uniform.shape[:2]
        quiet = np.asarray(self.likelihood.quantized(np.zeros(1, "float32")))[0]
        steps = self._steps(labels, mel, batch, quiet, bool(guidance))
        sound = np.zeros((batch, samples), "float32")
        lengths, runs = np.full(batch, samples), np.zeros(batch, int)
        # The sounds that the steps still compute, and what the last step gave them.
        going, sent, done = np.arange(batch), None, 0
        if not sound.size:
            yield sound, lengths
        while done < samples and (lengths == samples).any():
            with one_blas_thread():
                for i in range(done, min(done + every, samples)):
                    outputs = steps.send(sent)
                    if guidance:
                        labeled, rest = np.split(outputs, 2)
                        outputs = labeled + np.float32(guidance) * (labeled - rest)
                    values = self.likelihood.sample(outputs, uniform[going, i], temperature)
                    sound[going, i] = values
                    kept = None
                    if silence:
                        runs[going] = np.where(np.abs(values - quiet) < _SAME, runs[going] + 1, 0)
                        ended = (runs >= silence) & (lengths == samples)
                        lengths[ended] = i + 1 - runs[ended]
                        if (lengths < samples).all():
                            break
                        if i % _CHECK == _CHECK - 1:
                            still = np.flatnonzero(lengths[going] == samples)
                            if len(still) <= (1 - _ENDED) * len(going):
                                kept, going, values = still, going[still], values[still]
                    sent = values, kept
            done = i + 1
            ends = np.where((lengths == samples) & (done < samples), done - runs, np.minimum(lengths, done))
            so_far = sound[:, :done].copy()
            so_far[np.arange(done) >= ends[:, None]] = 0.0
            yield so_far, ends

    def _steps(self, labels, mel, sounds, quiet, compared):
        """A generator of the outputs for the next sample, (batch, outputs). Before the first one there was silence
        forever. With `compared`, the outputs for the same sounds without labels follow.

        It is sent (samples, kept): the indices of the sounds that remain in the batch, None for all, and their samples.
        """
        count, width, taps = len(self.dilations), self.width, self.taps
        batch = 2 * sounds if compared else sounds
        base = np.broadcast_to(self._bias, (count, batch, 2 * width)).copy()
        if self._labels is not None:
            vectors = [table[labels[name]] for name, table in zip(self.label_names, self._embeddings)]
            rows = (np.concatenate(vectors, axis=-1) @ self._labels).reshape(sounds, count, 2 * width)
            base[:, :sounds] += rows.transpose(1, 0, 2) * self._halves
        if compared and mel is not None:
            mel = np.concatenate([mel, mel])
        frames = None if self._mel is None else _Frames(self._mel, mel, self.hop)
        now = np.full(batch, quiet, "float32")
        # All queues in one array: that of a layer has room for the samples that its farthest tap looks back.
        sizes = np.array(self.dilations) * taps
        starts = np.concatenate([[0], np.cumsum(sizes)])
        back = np.arange(1, taps + 1) * np.array(self.dilations)[:, None]
        queue = np.empty((starts[-1], batch, width), "float32")

        b = _Buffers(count, taps, batch, width)

        def layers():
            residual, weights, add, dot = self._residual, self._now, np.add, np.dot
            inputs, pre, both, values, shares, outs = b.inputs, b.pre, b.both, b.values, b.shares, b.outs
            inputs[0] = self._first(now)
            for i in range(count):
                x = inputs[i]
                dot(x, weights[i], out=both)
                add(both, pre[i], out=both)
                np.tanh(both, out=both)
                add(shares, 1.0, out=shares)
                np.multiply(values, shares, out=outs[i])
                if i + 1 < count:
                    dot(outs[i], residual[i], out=inputs[i + 1])
                    add(inputs[i + 1], x, out=inputs[i + 1])

        # What the layers compute in silence that has lasted forever: past inputs equal the present ones, so the layers
        # are run one after another with the sum of their taps.
        first = base if frames is None else base + frames.silent
        x = self._first(now)
        for i in range(count):
            queue[starts[i] : starts[i + 1]] = x
            weights = self._now[i] + (self._past[i].sum(axis=0) if taps else 0.0)
            found = np.tanh(x @ weights + first[i])
            if i + 1 < count:
                x = x + (found[:, :width] * (1.0 + found[:, width:])) @ self._residual[i]
        time, forced = 0, 0 if frames is None else 2 * self.hop - 1
        while True:
            condition = base if frames is None else frames.condition(base, time)
            if taps:
                np.take(queue, starts[:-1, None] + (time - back) % sizes[:, None], axis=0, out=b.past)
                if taps == 1:
                    np.matmul(b.past[:, 0], self._past[:, 0], out=b.pre)
                else:
                    np.sum(np.matmul(b.past, self._past), axis=1, out=b.pre)
                np.add(b.pre, condition, out=b.pre)
            else:
                b.pre[:] = condition
            layers()
            if taps:
                queue[starts[:-1] + time % sizes] = b.inputs
            time += 1
            if time > forced:
                now, kept = yield self._outputs(b.gates.reshape(batch, -1))
                if kept is not None:
                    rows = np.concatenate([kept, kept + batch // 2]) if compared else kept
                    # `np.take`: an index would put the sounds first in memory.
                    batch, base, queue = len(rows), np.take(base, rows, axis=1), np.take(queue, rows, axis=1)
                    b = _Buffers(count, taps, batch, width)
                    if frames is not None:
                        frames.keep(rows)
                if compared:
                    now = np.concatenate([now, now])

    def _first(self, now: np.ndarray) -> np.ndarray:
        """The input of the first layer."""
        kernel, bias = self._input
        if len(kernel) == 1:
            return now[:, None] * kernel + bias
        # The codes of values that `sample` returned, without companding them again.
        return kernel[np.searchsorted(mu_law.values(len(kernel)), now)] + bias

    def _outputs(self, gates: np.ndarray) -> np.ndarray:
        x = gates @ self._skip
        for bias, kernel in self._head:
            x = np.maximum(x + bias, 0.0) @ kernel
        return x + self._last_bias


class _Buffers:
    """Arrays that each step overwrites, for a number of sounds."""

    def __init__(self, count: int, taps: int, batch: int, width: int):
        self.inputs = np.empty((count, batch, width), "float32")
        self.gates = np.empty((batch, count, width), "float32")
        self.pre = np.empty((count, batch, 2 * width), "float32")
        self.both = np.empty((batch, 2 * width), "float32")
        self.past = np.empty((count, taps, batch, width), "float32")
        self.values, self.shares = self.both[:, :width], self.both[:, width:]
        self.outs = [self.gates[:, i] for i in range(count)]


class _Frames:
    """What a mel spectrogram adds to the layers at each time, after two frames of silence."""

    def __init__(self, weights: Any, mel: np.ndarray, hop: int):
        kernel, bias, self._projections = weights
        self._hop = hop
        padded = np.pad(mel, [[0, 0], [3, 1], [0, 0]])
        windows = np.concatenate([padded[:, i : padded.shape[1] - 2 + i] for i in range(3)], axis=-1)
        self._features = np.maximum(windows @ kernel.reshape(-1, kernel.shape[-1]) + bias, 0.0)
        self.silent = self._projected(np.maximum(np.broadcast_to(bias, self._features[:, 0].shape), 0.0))
        self._frame = -1

    def _projected(self, features: np.ndarray) -> np.ndarray:
        return np.matmul(features, self._projections)

    def keep(self, rows: np.ndarray) -> None:
        """Only these sounds of the batch remain."""
        self._features, self._frame = self._features[rows], -1

    def condition(self, base: np.ndarray, time: int) -> np.ndarray:
        frame, place = divmod(time, self._hop)
        if frame != self._frame:
            self._frame = frame
            self._first = base + self._projected(self._features[:, frame])
            self._step = base + self._projected(self._features[:, frame + 1]) - self._first
        return self._first + np.float32(place / self._hop) * self._step
