"""Keras networks of this package as plain PyTorch modules with the same weights, as references for the benchmarks.

    reference = TorchReference(model.generator)
    images = reference(torch.tensor(latents))          # in the layout of PyTorch: (count, channels, height, width)

The layers are PyTorch's own, in its layout, with memory in the channels_last format, in which reshaping a vector to an
image costs nothing. `exact` pads as TensorFlow does, unevenly for strides with odd kernels, so that both frameworks
give the same values. Without it, padding is even, as usual in PyTorch.
"""

import math

import numpy as np
import torch
from keras import ops
from torch import nn
from torch.nn import functional


class TorchReference(nn.Module):
    """A functional Keras network in PyTorch.

    Args:
        network: a functional, built network of layers that this package uses.
        exact: reproduce the values exactly, rather than use the usual PyTorch layers.
    """

    def __init__(self, network, exact=False):
        super().__init__()
        self.exact, self.parts, self.calls = exact, nn.ModuleList(), []
        known, made = {}, {}
        self.inputs = [known.setdefault(id(tensor), number) for number, tensor in enumerate(network.inputs)]
        for depth in sorted(network._nodes_by_depth, reverse=True):
            for node in network._nodes_by_depth[depth]:
                if node.is_input:
                    continue
                operation = node.operation
                # A standardization is used in both directions.
                key = id(operation), node.arguments.kwargs.get("inverse")
                if key not in made:
                    made[key] = self._made(operation, node)
                    if type(operation).__name__ == "PixelShuffle":
                        # PyTorch expects the channels in another order.
                        before = made[id(node.input_tensors[0]._keras_history.operation), None]
                        if isinstance(before, nn.Module):
                            _reorder(before, operation.scale, node.outputs[0].shape[-1])
                        else:
                            made[key] = _unordered_shuffle(operation.scale)
                taken = [known[id(tensor)] for tensor in node.input_tensors]
                given = [known.setdefault(id(tensor), len(known)) for tensor in node.outputs]
                self.calls.append((made[key], taken, given))
        self.outputs = [known[id(tensor)] for tensor in network.outputs]
        self.count = len(known)
        # The values to free after each call, as hand-written code would.
        last = {value: number for number, (_, taken, _) in enumerate(self.calls) for value in taken}
        self.over = [[value for value in last if last[value] == number] for number in range(len(self.calls))]
        self.over = [[value for value in values if value not in self.outputs] for values in self.over]

    def forward(self, *inputs):
        values = [None] * self.count
        values[: len(inputs)] = inputs
        for (function, taken, given), over in zip(self.calls, self.over):
            result = function(*(values[i] for i in taken))
            for place, value in zip(given, result if isinstance(result, (list, tuple)) else [result]):
                values[place] = value
            for place in over:
                values[place] = None
        outputs = [values[i] for i in self.outputs]
        return outputs[0] if len(outputs) == 1 else outputs

    def _made(self, operation, node):
        """The function of a layer or operation; a module if it has weights."""
        kind = type(operation).__name__
        if kind not in _MAKERS:
            raise TypeError(f"the layer {kind} has no PyTorch reference: add a maker in {__file__}")
        made = _MAKERS[kind](operation, node, self.exact)
        if isinstance(made, nn.Module):
            self.parts.append(made)
        return made


_MAKERS = {}


def _maker(*kinds):
    def register(function):
        _MAKERS.update(dict.fromkeys(kinds, function))
        return function

    return register


def _axis(axis, rank):
    """The PyTorch axis of a Keras axis; PyTorch has channels second."""
    axis %= rank
    if rank < 3 or axis == 0:
        return axis
    return 1 if axis == rank - 1 else axis + 1


def _rank(node):
    return len(node.input_tensors[0].shape)


def _copied(parameter, values):
    with torch.no_grad():
        parameter.copy_(torch.tensor(np.ascontiguousarray(values)))


def channels_last(x):
    return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x


@_maker("Dense")
def _dense(layer, node, exact):
    taken, along = layer.kernel.shape[0], _rank(node) == 3
    made = (
        nn.Conv1d(taken, layer.units, 1, bias=layer.use_bias)
        if along
        else nn.Linear(taken, layer.units, bias=layer.use_bias)
    )
    # Not layer.kernel alone: a regularizer may have changed the weights that the layer computes with.
    weights = np.asarray(layer.kernel).T
    _copied(made.weight, weights[..., None] if along else weights)
    if layer.use_bias:
        _copied(made.bias, np.asarray(layer.bias))
    return _activated(made, layer.activation)


@_maker("Conv1D", "Conv2D")
def _convolution(layer, node, exact):
    kernel = np.asarray(layer.kernel)
    rank = kernel.ndim - 2
    taken, given = kernel.shape[-2] * layer.groups, kernel.shape[-1]
    sizes = node.input_tensors[0].shape[1:-1]
    around = [(0, 0)] * rank
    if layer.padding == "same":
        around = [
            _sides(max(k - (s if size is None or size % s == 0 else size % s), 0))
            for k, s, size in zip(layer.kernel_size, layer.strides, sizes)
        ]
    even = [left == right for left, right in around]
    # The larger side on both sides: the smallest even padding with the same number of outputs.
    padding = tuple(max(sides) for sides in around)
    # Without a stride there is none.
    uneven = any(not same and (exact or stride == 1) for same, stride in zip(even, layer.strides))
    made = (nn.Conv1d, nn.Conv2d)[rank - 1](
        taken, given, layer.kernel_size, layer.strides, 0 if uneven else padding, bias=layer.use_bias
    )
    _copied(made.weight, np.moveaxis(kernel, (-1, -2), (0, 1)))
    if layer.use_bias:
        _copied(made.bias, np.asarray(layer.bias))
    if uneven:
        made = nn.Sequential(_Pad([side for sides in reversed(around) for side in sides]), made)
    return _activated(made, layer.activation)


@_maker("MaskedConv2D")
def _masked_convolution(layer, node, exact):
    kernel = ops.convert_to_numpy(layer.masked_kernel())
    made = nn.Conv2d(*kernel.shape[2:], kernel.shape[:2])
    _copied(made.weight, np.moveaxis(kernel, (-1, -2), (0, 1)))
    _copied(made.bias, np.asarray(layer.bias))
    # A negative side cuts the last row or column, which no output sees.
    left, right, top, bottom = layer.sides
    return nn.Sequential(_Pad([left, right, top, bottom]), made) if any(layer.sides) else made


@_maker("CausalConv1D")
def _causal(layer, node, exact):
    kernel = np.asarray(layer.kernel)
    made = nn.Conv1d(
        kernel.shape[1], kernel.shape[2], kernel.shape[0], dilation=layer.dilation_rate, bias=layer.use_bias
    )
    _copied(made.weight, kernel.transpose(2, 1, 0))
    if layer.use_bias:
        _copied(made.bias, np.asarray(layer.bias))
    before = (layer.kernel_size - 1) * layer.dilation_rate
    return nn.Sequential(_Pad([before, 0]), made) if before else made


@_maker("GatedActivation")
def _gated(layer, node, exact):
    def gated(x):
        values, gates = x.chunk(2, dim=1)
        return torch.tanh(values) * torch.sigmoid(gates)

    return gated


@_maker("GatedLinearUnit")
def _linear_unit(layer, node, exact):
    return lambda x: functional.glu(x, dim=1)


@_maker("VoiceStatistics")
def _standardized(layer, node, exact):
    return VoiceStatistics(layer)


@_maker("VoiceRestoration")
def _restored(layer, node, exact):
    return VoiceStatistics(layer).restored


class VoiceStatistics:
    """Mean and deviation of a voice's pitch and mel-cepstra."""

    def __init__(self, layer):
        self.mean, self.deviation = (
            torch.tensor(np.asarray(values))[:, None] for values in (layer.mean, layer.deviation)
        )

    def __call__(self, features):
        pitch = (features[:, :1] - self.mean[:1]) / self.deviation[:1]
        return pitch, (features[:, 2:] - self.mean[1:]) / self.deviation[1:]

    def restored(self, features, pitch, cepstra):
        pitch = pitch * self.deviation[:1] + self.mean[:1]
        cepstra = cepstra * self.deviation[1:] + self.mean[1:]
        return torch.cat([torch.where(features[:, :1] > 0, pitch, 0.0), features[:, 1:2], cepstra], dim=1)


@_maker("MuLawOneHot")
def _mu_law(layer, node, exact):
    mu = layer.levels - 1

    def one_hot(x):
        companded = torch.sign(x) * torch.log(1 + mu * x.abs()) / math.log1p(mu)
        codes = torch.floor((companded + 1) / 2 * mu + 0.5).long()
        return functional.one_hot(codes, layer.levels).float().movedim(-1, 1)

    return one_hot


@_maker("LinearUpsampling1D")
def _linear_upsampling(layer, node, exact):
    share = torch.arange(layer.size) / layer.size

    def upsampled(x):
        between = (1 - share) * x[:, :, :-1, None] + share * x[:, :, 1:, None]
        return between.flatten(2)

    return upsampled


@_maker("Embedding")
def _embedding(layer, node, exact):
    made = nn.Embedding(layer.input_dim, layer.output_dim)
    _copied(made.weight, np.asarray(layer.embeddings))
    return made


@_maker("Conv1DTranspose", "Conv2DTranspose")
def _transposed(layer, node, exact):
    kernel = np.asarray(layer.kernel)
    rank = kernel.ndim - 2
    around = [_sides(k - s) for k, s in zip(layer.kernel_size, layer.strides)]
    padding = [0 if exact else max(sides) for sides in around]
    extra = [0 if exact else max(sides) - min(sides) for sides in around]
    made = (nn.ConvTranspose1d, nn.ConvTranspose2d)[rank - 1](
        kernel.shape[-1], kernel.shape[-2], layer.kernel_size, layer.strides, padding, extra, bias=layer.use_bias
    )
    _copied(made.weight, np.moveaxis(kernel, (-1, -2), (0, 1)))
    if layer.use_bias:
        _copied(made.bias, np.asarray(layer.bias))
    if exact:
        made = nn.Sequential(made, _Cut(around))
    return _activated(made, layer.activation)


def _sides(total):
    return total // 2, total - total // 2


class _Pad(nn.Module):
    def __init__(self, sides):
        super().__init__()
        self.sides = sides

    def forward(self, x):
        return functional.pad(x, self.sides)


class _Cut(nn.Module):
    def __init__(self, around):
        super().__init__()
        self.around = around

    def forward(self, x):
        return x[(..., *(slice(left, -right or None) for left, right in self.around))]


@_maker("BatchNormalization")
def _batch_norm(layer, node, exact):
    kinds = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}
    made = kinds[_rank(node)](node.input_tensors[0].shape[-1], eps=layer.epsilon, momentum=1 - layer.momentum)
    if layer.scale:
        _copied(made.weight, np.asarray(layer.gamma))
    if layer.center:
        _copied(made.bias, np.asarray(layer.beta))
    _copied(made.running_mean, np.asarray(layer.moving_mean))
    _copied(made.running_var, np.asarray(layer.moving_variance))
    return made


@_maker("GroupNormalization")
def _group_norm(layer, node, exact):
    made = nn.GroupNorm(layer.groups, node.input_tensors[0].shape[-1], eps=layer.epsilon)
    _copied(made.weight, np.asarray(layer.gamma))
    _copied(made.bias, np.asarray(layer.beta))
    return made


@_maker("Modulation")
def _modulation(layer, node, exact):
    return Modulation(layer)


class Modulation(nn.Module):
    """Scales and shifts of channels, linear in a condition."""

    def __init__(self, layer):
        super().__init__()
        self.amounts = nn.Linear(*layer.kernel.shape)
        _copied(self.amounts.weight, np.asarray(layer.kernel).T)
        _copied(self.amounts.bias, np.asarray(layer.bias))

    def forward(self, features, condition):
        amounts = self.amounts(condition)
        scale, shift = amounts.reshape(*amounts.shape, *(1 for _ in features.shape[2:])).chunk(2, dim=1)
        return features * (1 + scale) + shift


@_maker("Pad")
def _padded(layer, node, exact):
    sides = [side for sides in reversed(layer.pad_width[1:-1]) for side in sides]
    return lambda x: functional.pad(x, sides, mode=layer.mode)


@_maker("Standardization")
def _standardization(layer, node, exact):
    count = node.input_tensors[0].shape[-1]
    mean, deviation = (torch.tensor(np.asarray(part))[:count, None] for part in (layer.mean, layer.deviation))
    if node.arguments.kwargs.get("inverse"):
        return lambda x: x * deviation + mean
    return lambda x: (x - mean) / deviation


@_maker("VirtualBatchNormalization")
def _virtual_batch_norm(layer, node, exact):
    return _VirtualBatchNorm(layer)


class _VirtualBatchNorm(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.size, self.epsilon = layer.size, layer.epsilon
        self.gamma = nn.Parameter(torch.tensor(np.asarray(layer.gamma)))
        self.beta = nn.Parameter(torch.tensor(np.asarray(layer.beta)))

    def forward(self, inputs):
        # Statistics are in float32 in any precision, as in the layer.
        x = inputs.float()
        positions = list(range(2, x.ndim))
        own = x.mean(positions, keepdim=True), (x**2).mean(positions, keepdim=True)
        virtual = [part[: self.size].mean(0, keepdim=True) for part in own]
        share = 1 / (self.size + 1)
        mean, square = (
            torch.cat([v.expand(self.size, *v.shape[1:]), share * o[self.size :] + (1 - share) * v])
            for o, v in zip(own, virtual)
        )
        shape = (1, -1, *(1 for _ in positions))
        scale = self.gamma.view(shape) * torch.rsqrt((square - mean**2).clamp(min=0) + self.epsilon)
        return (x * scale + (self.beta.view(shape) - mean * scale)).to(inputs.dtype)


@_maker("ReferenceBatch")
def _reference(layer, node, exact):
    reference = torch.tensor(np.asarray(layer.reference)).movedim(-1, 1)
    return lambda x: torch.cat([reference, x])


@_maker("DropReference")
def _dropped(layer, node, exact):
    return lambda x: x[layer.size :]


@_maker("PReLU")
def _prelu(layer, node, exact):
    slopes = np.asarray(layer.alpha).reshape(-1)
    made = nn.PReLU(len(slopes))
    _copied(made.weight, slopes)
    return made


@_maker("LeakyReLU")
def _leaky(layer, node, exact):
    return nn.LeakyReLU(layer.negative_slope)


@_maker("ReLU")
def _relu(layer, node, exact):
    return nn.ReLU()


@_maker("Activation")
def _activation(layer, node, exact):
    return _ACTIVATIONS[layer.activation.__name__]


_ACTIVATIONS = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "elu": functional.elu,
    "softplus": functional.softplus,
}


def _activated(module, activation):
    name = activation.__name__
    return module if name == "linear" else nn.Sequential(module, _Activation(name))


class _Activation(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.function = _ACTIVATIONS[name]

    def forward(self, x):
        return self.function(x)


@_maker("Dropout")
def _dropout(layer, node, exact):
    return nn.Dropout(layer.rate)


@_maker("Flatten")
def _flatten(layer, node, exact):
    return lambda x: x.movedim(1, -1).reshape(len(x), -1)


@_maker("Reshape")
def _reshape(layer, node, exact):
    shape = [-1 if size is None else size for size in node.outputs[0].shape[1:]]
    before, after = _rank(node) > 2, len(shape) > 1

    def reshaped(x):
        x = (x.movedim(1, -1) if before else x).reshape(len(x), *shape)
        return x.movedim(-1, 1) if after else x

    return reshaped


@_maker("UpSampling2D")
def _upsampling(layer, node, exact):
    options = {} if layer.interpolation == "nearest" else {"align_corners": False}
    return lambda x: functional.interpolate(x, scale_factor=layer.size, mode=layer.interpolation, **options)


@_maker("AveragePooling2D")
def _average_pooling(layer, node, exact):
    return lambda x: functional.avg_pool2d(x, layer.pool_size, layer.strides)


@_maker("Clip")
def _clip(layer, node, exact):
    return lambda x: torch.clip(x, layer.x_min, layer.x_max)


@_maker("PixelShuffle")
def _shuffle(layer, node, exact):
    return lambda x: functional.pixel_shuffle(x, layer.scale)


def _unordered_shuffle(scale):
    """A pixel shuffle of channels in the order of Keras, of an operation without weights."""
    return lambda x: functional.pixel_shuffle(x.unflatten(1, (scale**2, -1)).transpose(1, 2).flatten(1, 2), scale)


def _reorder(convolution, scale, channels):
    """Reorders the output channels of a convolution for PyTorch's pixel shuffle."""
    order = torch.arange(channels * scale**2).reshape(scale**2, channels).T.reshape(-1)
    for parameter in convolution.parameters():
        _copied(parameter, parameter.detach().cpu().numpy()[order.cpu()])


@_maker("Concatenate")
def _concatenate(layer, node, exact):
    axis = _axis(layer.axis, _rank(node))
    return lambda *parts: torch.cat(parts, dim=axis)


@_maker("Add")
def _add(layer, node, exact):
    others = [value for value in node.arguments.args[1:] if isinstance(value, (int, float))]
    return lambda *parts: sum(parts, sum(others))


@_maker("Multiply")
def _multiply(layer, node, exact):
    factors = [value for value in node.arguments.args if isinstance(value, (int, float))]
    return lambda *parts: parts[0] * (parts[1] if len(parts) > 1 else factors[0])


@_maker("Subtract")
def _subtract(layer, node, exact):
    return lambda a, b: a - b


@_maker("TrueDivide")
def _divide(layer, node, exact):
    (divisor,) = (value for value in node.arguments.args[1:] if isinstance(value, (int, float)))
    return lambda x: x / divisor


@_maker("Tanh")
def _tanh(layer, node, exact):
    return torch.tanh


@_maker("Absolute")
def _absolute(layer, node, exact):
    return torch.abs


@_maker("Exp")
def _exponential(layer, node, exact):
    return torch.exp


@_maker("Cast")
def _cast(layer, node, exact):
    return lambda x: x


@_maker("Mean")
def _mean(layer, node, exact):
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    axes = [_axis(axis, _rank(node)) for axis in axes]
    return lambda x: torch.mean(x, dim=axes, keepdim=layer.keepdims)


@_maker("Maxout")
def _maxout(layer, node, exact):
    # Not amax: its gradient is slower.
    return lambda x: x.unflatten(-1, (-1, layer.pieces)).max(dim=-1).values


@_maker("Split")
def _split(layer, node, exact):
    axis = _axis(layer.axis, _rank(node))
    return lambda x: torch.tensor_split(x, layer.indices_or_sections, dim=axis)


@_maker("GetItem")
def _item(layer, node, exact):
    key = node.arguments.args[1]
    return lambda x: x[key]


@_maker("OneHot")
def _one_hot(layer, node, exact):
    return lambda x: functional.one_hot(x.long(), layer.num_classes).float()


@_maker("Functional")
def _nested(network, node, exact):
    return TorchReference(network, exact) if network.trainable else _Frozen(network, exact)


class _Frozen(TorchReference):
    """A nested network that is not trained."""

    def __init__(self, network, exact):
        super().__init__(network, exact)
        self.requires_grad_(False)

    def train(self, mode=True):
        return super().train(False)


def layout(array):
    """A NumPy array in the layout of Keras, (count, ..., channels), as a tensor in the layout of PyTorch."""
    tensor = torch.tensor(np.asarray(array))
    return channels_last(tensor.movedim(-1, 1)) if tensor.ndim > 2 else tensor


def back(tensor):
    """The reverse of `layout`."""
    return (tensor.movedim(1, -1) if tensor.ndim > 2 else tensor).detach().cpu().numpy()
