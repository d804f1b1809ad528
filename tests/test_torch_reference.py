"""The PyTorch copies that benchmarks compare with compute what our networks do."""

import sys
from pathlib import Path

import numpy as np
import pytest

import ganzoo
from ganzoo.registry import list_models, model_class

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from plain import step_of
from torch_reference import TorchReference, back, layout


@pytest.mark.parametrize(
    ("name", "arguments"),
    [*((name, {}) for name in list_models()), ("gan_int_cls", {"text_modulation": True})],
    ids=lambda part: part if isinstance(part, str) else ", ".join(part),
)
def test_copies_in_pytorch_give_the_same_numbers_and_the_same_step(name, arguments):
    cls = model_class(name)
    model = ganzoo.create(name, **cls.test_config, **arguments)
    model.compile(**cls.test_compile_config)
    batch = model.example_batch(4 * model.batches_per_step)
    rng = np.random.default_rng(0)
    for part in ("generator", "discriminator"):
        if part not in model.networks:
            continue
        network, inputs = model.networks[part], model.example_inputs(4)
        if part == "discriminator":
            inputs = [
                (rng.standard_normal((4, *t.shape[1:])) if "float" in t.dtype else np.arange(4) % 3).astype(t.dtype)
                for t in network.inputs
            ]
        ours = np.asarray(network(inputs if len(inputs) > 1 else inputs[0], training=False))
        tensors = [layout(part) for part in inputs]
        theirs = back(TorchReference(network, exact=True).eval()(*tensors))
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-5 * np.abs(ours).max())
        # With even padding the numbers are others, and as many.
        assert back(TorchReference(network).eval()(*tensors)).shape == ours.shape
    for bfloat16 in (False, True):
        step = step_of(model, batch, bfloat16=bfloat16)
        step()
        step()


def test_the_work_of_a_step_is_that_of_its_matrix_products():
    pytest.importorskip("tensorflow")
    from contenders import config_of
    from limits import kind_of, work

    config = config_of("gan")
    model = ganzoo.create("gan", **config["arguments"])
    g, d = (
        [int(np.prod(layer.kernel.shape)) for layer in network.layers if hasattr(layer, "kernel")]
        for network in (model.generator, model.discriminator)
    )
    # For each image: real and fake ones through the discriminator and back to its weights, then a fake one through both
    # networks and back to the generator's weights. Gradients of the first layer's inputs are not needed.
    discriminator_step = sum(g) + 2 * (3 * sum(d) - d[0])
    generator_step = 3 * sum(g) - g[0] + 2 * sum(d)
    products = 2 * config["batch_size"] * (discriminator_step + generator_step)
    assert work("gan") == pytest.approx(products / 1e9, rel=1e-6)
    kinds = {
        "_MklNativeConv2DBackpropFilterWithBias": "products",
        "_FusedMatMul": "products",
        "FusedBatchNormV3": "normalization",
        "ResourceApplyAdam": "optimizer",
        "_MklToTf": "copies",
        "LeakyReluGrad": "other",
    }
    assert {operation: kind_of(operation) for operation in kinds} == kinds
