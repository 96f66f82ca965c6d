import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selflearn.encoders import DialogueEncoder
from selflearn.encoders.dialogue import TurnAttention, attention_heads, shift_turns, turn_positions

NAN = float("nan")


def encoder(*, causal=False, layers=2, seed=0, **options):
    torch.manual_seed(seed)
    made = DialogueEncoder(size=16, layers=layers, heads=2, causal=causal, dropout=0.1, **options).eval()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith(("distance_bias", "time_decay")):
                parameter.add_(torch.randn(parameter.shape))
    return made


def turns(d, t, seed=1):
    return torch.randn(d, t, 16, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("layers", [0, 2])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("filler", [0.0, 1e4])
def test_padding_changes_nothing_whatever_stands_there(layers, causal, filler):
    encode, x, seconds = encoder(causal=causal, layers=layers), turns(2, 7), torch.rand(2, 7).cumsum(1) * 60
    mask = torch.tensor([[True] * 7, [True] * 3 + [False] * 4])
    padded = torch.where(mask[..., None], x, filler)
    together = encode(padded, mask, torch.where(mask, seconds, NAN))
    alone = encode(x[1:, :3], mask[1:, :3], seconds[1:, :3])
    torch.testing.assert_close(together[1, :3], alone[0], atol=1e-5, rtol=0)
    assert (together[1, 3:] == 0).all()


@pytest.mark.parametrize("causal", [False, True])
def test_later_turns_are_seen_by_a_bidirectional_encoder_alone(causal):
    encode, x, seconds = encoder(causal=causal), turns(1, 6), torch.arange(6.0)[None]
    mask = torch.ones(1, 6, dtype=torch.bool)
    changed = x.clone()
    changed[:, 3:] += 1.0
    before, after = encode(x, mask, seconds), encode(changed, mask, seconds)
    assert torch.equal(before[:, :3], after[:, :3]) is causal
    assert not torch.allclose(before[:, 3:], after[:, 3:])


def test_a_causal_encoder_sees_no_later_time():
    encode, x, mask = encoder(causal=True), turns(1, 5), torch.ones(1, 5, dtype=torch.bool)
    one, other = (encode(x, mask, torch.tensor([[0.0, 1, 2, *rest]])) for rest in ([3, 4], [300, NAN]))
    assert torch.equal(one[:, :3], other[:, :3])


def test_without_layers_a_turn_knows_nothing_of_its_dialogue():
    encode, x, mask = encoder(layers=0), turns(1, 5), torch.ones(1, 5, dtype=torch.bool)
    whole = encode(x, mask, torch.arange(5.0)[None])
    for t in range(5):
        torch.testing.assert_close(encode(x[:, t : t + 1], mask[:, :1], torch.zeros(1, 1))[0, 0], whole[0, t])
    assert encode.window.linear is None


@settings(max_examples=40)
@given(st.lists(st.one_of(st.just(NAN), st.floats(0, 1e9, width=32)), min_size=1, max_size=8), st.booleans())
def test_any_times_and_missing_ones_give_finite_states_and_gradients(seconds, causal):
    encode = encoder(causal=causal)
    x = turns(1, len(seconds)).requires_grad_()
    mask = torch.ones(1, len(seconds), dtype=torch.bool)
    out = encode(x, mask, torch.tensor([seconds]))
    out.square().sum().backward()
    assert out.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in encode.parameters())


def test_turns_that_are_far_apart_in_time_see_less_of_each_other_and_a_missing_time_is_no_distance():
    encode, x, mask = encoder(), turns(1, 3), torch.ones(1, 3, dtype=torch.bool)
    near, far, missing, none = (
        encode(x, mask, torch.tensor([seconds]))
        for seconds in ([0.0, 0.0, 0.0], [0.0, 0.0, 1e6], [NAN, 0.0, 0.0], [NAN] * 3)
    )
    assert not torch.allclose(near, far)
    torch.testing.assert_close(near, missing)
    torch.testing.assert_close(near, none)


def test_the_order_of_turns_matters_and_distances_beyond_the_longest_share_a_bias():
    encode, x, mask = encoder(), turns(1, 4), torch.ones(1, 4, dtype=torch.bool)
    seconds = torch.zeros(1, 4)
    assert not torch.allclose(encode(x, mask, seconds), encode(x.flip(1), mask, seconds).flip(1))
    long = encoder()(turns(1, 80), torch.ones(1, 80, dtype=torch.bool), torch.zeros(1, 80))
    assert long.isfinite().all()


def test_the_window_looks_as_far_as_it_is_told():
    torch.manual_seed(0)
    encode = DialogueEncoder(size=16, layers=1, heads=2, window_before=2, window_after=1).eval()
    x = turns(1, 7)
    for offset, seen in [(-3, False), (-2, True), (-1, True), (1, True), (2, False)]:
        changed = x.clone()
        changed[0, 3 + offset] += 1.0
        assert (not torch.allclose(encode.window(x)[0, 3], encode.window(changed)[0, 3])) is seen


@given(st.integers(1, 6), st.integers(-8, 8))
def test_shifted_turns_stand_where_the_offset_says_and_zeros_beyond(n, offset):
    x = torch.arange(1.0, n + 1)[None, :, None]
    expected = [float(t + offset + 1) if 0 <= t + offset < n else 0.0 for t in range(n)]
    assert shift_turns(x, offset).flatten().tolist() == expected
    for shape in [(1, n), (1, n, 2), (1, n, 2, 3)]:  # one number a turn, a vector, or a table
        values = x.view(1, n, *[1] * (len(shape) - 2)).expand(shape)
        wanted = torch.tensor(expected).view(1, n, *[1] * (len(shape) - 2)).expand(shape)
        assert torch.equal(shift_turns(values, offset), wanted)


@pytest.mark.parametrize("size", [15, 16])
def test_positions_do_not_depend_on_the_number_of_turns(size):
    few, many = (turn_positions(n, size, torch.device("cpu")) for n in (5, 500))
    assert few.shape == (5, size)
    assert torch.equal(few, many[:5])
    assert len(many.unique(dim=0)) == 500


@pytest.mark.parametrize(("size", "heads"), [(16, 1), (64, 1), (65, 5), (256, 4), (512, 8), (97, 97)])
def test_heads_divide_the_width(size, heads):
    assert attention_heads(size) == heads


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="a width of 16 cannot be divided among 3 heads"):
        TurnAttention(16, heads=3, dropout=0.0)
