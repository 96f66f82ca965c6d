import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from transformers import BartConfig, GPT2Config, T5Config

from selflearn.encoders.pretrained import build_encoder
from selflearn.training import OptimizationConfig
from selflearn.training.optimization import make_optimizer, parameter_groups
from tests.fixtures.dialogues import home_dialogues, tiny_model

CONFIG = OptimizationConfig(lr=1e-3, encoder_lr=1e-4, layer_decay=0.5, weight_decay=0.01)


@pytest.fixture(scope="module")
def model():
    return tiny_model(home_dialogues(8))[0]


def rates(model, config=CONFIG):
    """Learning rate and weight decay of each parameter by its name."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = parameter_groups(model.named_parameters(), config)
    return {names[id(p)]: (group["lr"], group["weight_decay"]) for group in groups for p in group["params"]}


def test_rates_fall_from_layer_to_layer_of_the_turn_encoder_down_to_the_embeddings(model):
    found = rates(model)
    for name, (lr, _) in found.items():
        expected = 1e-3
        if "turn_encoder" in name:
            expected = 1e-4 if "layer.1." in name else 5e-5 if "layer.0." in name else 2.5e-5
        assert lr == pytest.approx(expected), name
    assert {lr for lr, _ in found.values()} == {1e-3, 1e-4, 5e-5, 2.5e-5}


def test_an_audio_encoder_has_the_rates_of_its_own_layers_and_its_norm_that_of_the_model():
    names = [
        "model.audio_encoder.model.feature_projection.weight", "model.audio_encoder.model.encoder.layers.0.fc.weight",
        "model.audio_encoder.model.encoder.layers.2.fc.weight", "model.audio_encoder.norm.weight",
        "model.turn_encoder.model.layer.0.weight", "model.turn_encoder.model.layer.1.weight",
    ]  # fmt: skip
    groups = parameter_groups(
        [(name, nn.Parameter(torch.full((1, 1), float(i)))) for i, name in enumerate(names)], CONFIG
    )
    found = {names[int(p)]: group["lr"] for group in groups for p in group["params"]}
    assert [found[name] for name in names] == pytest.approx([1.25e-5, 2.5e-5, 1e-4, 1e-3, 5e-5, 1e-4])


ENCODERS = {
    "block.": T5Config(vocab_size=40, d_model=8, d_ff=8, d_kv=4, num_layers=3, num_heads=2),
    "h.": GPT2Config(vocab_size=40, n_positions=16, n_embd=8, n_layer=3, n_head=2),
    "layers.": BartConfig(
        vocab_size=40, d_model=8, encoder_layers=3, encoder_attention_heads=2, decoder_attention_heads=2
    ),
}
"""By what they call their layers."""


@pytest.mark.parametrize("layer", ENCODERS)
def test_rates_fall_from_layer_to_layer_and_embeddings_do_not_decay_whatever_they_are_called(layer):
    model = build_encoder(ENCODERS[layer])
    named = {f"model.turn_encoder.model.{name}": parameter for name, parameter in model.named_parameters()}
    names = {id(parameter): name for name, parameter in named.items()}
    found = {names[id(p)]: group for group in parameter_groups(named.items(), CONFIG) for p in group["params"]}
    for name in (name for name in found if layer in name):
        number = int(name.partition(layer)[2].partition(".")[0])
        assert found[name]["lr"] == pytest.approx(1e-4 * 0.5 ** (2 - number)), name
    tables = [part.weight for part in model.modules() if isinstance(part, nn.Embedding) and part.embedding_dim == 8]
    assert tables  # and no biases of attention, which T5 has in a table too
    assert {found[names[id(table)]]["weight_decay"] for table in tables} == {0}


def test_layers_of_the_dialogue_encoder_have_no_falling_rates(model):
    assert {lr for name, (lr, _) in rates(model).items() if "dialogue_encoder.layers" in name} == {1e-3}


def test_matrices_decay_and_biases_norms_and_embeddings_do_not(model):
    parameters = dict(model.named_parameters())
    for name, (_, decay) in rates(model).items():
        assert (decay > 0) is (parameters[name].dim() > 1 and "embedding" not in name), name


def test_every_parameter_is_in_one_group(model):
    groups = parameter_groups(model.named_parameters(), CONFIG)
    members = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(members) == sorted(map(id, model.parameters()))


def test_frozen_parameters_are_in_none():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    assert sum(len(group["params"]) for group in parameter_groups(model.named_parameters(), CONFIG)) == 2


@given(st.integers(1, 200), st.floats(0, 1))
def test_the_rate_rises_then_falls_and_never_reaches_nothing_before_the_end(num_steps, warmup):
    layer = nn.Linear(2, 1)
    config = OptimizationConfig(lr=1.0, warmup=warmup)
    optimizer, schedule = make_optimizer(layer.named_parameters(), config, num_steps, fused=False)
    seen = []
    for _ in range(num_steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert all(0 < lr <= 1 for lr in seen)
    top = seen.index(max(seen))
    assert seen[:top] == sorted(seen[:top])
    assert seen[top:] == sorted(seen[top:], reverse=True)
    assert max(seen) > 0.49  # the whole rate, but for a stage that is warm-up to its last step


def test_a_step_of_adamw_moves_by_the_rate_of_its_group():
    layer = nn.Linear(3, 1)
    before = layer.weight.detach().clone()
    optimizer, _ = make_optimizer(
        layer.named_parameters(), OptimizationConfig(lr=0.01, warmup=0.0, weight_decay=0.0), 100
    )
    layer(torch.ones(3)).sum().backward()
    optimizer.step()
    torch.testing.assert_close(before - layer.weight, torch.full((1, 3), 0.01), rtol=1e-3, atol=1e-6)
