import pytest
import torch

from selflearn.batching.batch import FeatureValues
from selflearn.encoders import FeatureEncoder

NAN = float("nan")


def encoder(*, dropout=0.0, audio_size=3):
    torch.manual_seed(0)
    return FeatureEncoder(categorical_sizes=(4, 5), num_numeric=2, audio_size=audio_size, size=8, dropout=dropout)


def values(d=2, t=3):
    return FeatureValues(
        categorical=torch.tensor([[[2, 3]] * t] * d), numeric=torch.ones(d, t, 2), numeric_mask=torch.ones(d, t, 2) > 0,
        audio=torch.ones(d, t, 3), audio_mask=torch.ones(d, t) > 0,
    )  # fmt: skip


SECONDS = torch.tensor([[0.0, 5.0, 90.0]] * 2)


@pytest.mark.parametrize("part", ["categorical", "numeric", "audio", "seconds"])
def test_a_missing_feature_has_a_learned_vector_of_its_own_and_its_value_does_not_matter(part):
    def without(filler):
        given, seconds = values(), SECONDS.clone()
        if part == "categorical":
            given.categorical[0, 1, 1] = 0
        elif part == "numeric":
            given.numeric_mask[0, 1, 1], given.numeric[0, 1, 1] = False, filler
        elif part == "audio":
            given.audio_mask[0, 1], given.audio[0, 1] = False, filler
        else:
            seconds[0, 1] = NAN
        return encoder()(given, seconds)

    whole, missing = encoder()(values(), SECONDS), without(7.0)
    assert not torch.allclose(whole[0, 1], missing[0, 1])
    assert torch.equal(missing, without(-3.0))
    assert torch.equal(whole[1], missing[1])
    assert torch.equal(whole[0, 0], missing[0, 0])


def test_a_model_with_audio_reads_a_batch_without():
    bare = FeatureValues(categorical=values().categorical, numeric=values().numeric, numeric_mask=values().numeric_mask)
    nothing = values()
    nothing.audio_mask[:] = False
    torch.testing.assert_close(encoder()(bare, SECONDS), encoder()(nothing, SECONDS))


def test_before_training_no_value_is_louder_than_the_text_of_a_turn_and_all_are_learned():
    """What one home town says is learned by heart where it is loud from the start, and an unseen one is noise."""
    encoder = FeatureEncoder(categorical_sizes=(40, 3), num_numeric=2, audio_size=0, size=64)
    for name, weights in encoder.named_parameters():
        assert weights.requires_grad, name
        if name.startswith(("categorical", "numeric")):
            assert weights.norm(dim=-1).max() < 0.5, name


def test_without_any_feature_there_is_still_the_time_between_turns():
    encode = FeatureEncoder(categorical_sizes=(), num_numeric=0, audio_size=0, size=8)
    empty = FeatureValues(
        categorical=torch.zeros(2, 3, 0).long(), numeric=torch.zeros(2, 3, 0), numeric_mask=torch.zeros(2, 3, 0) > 0
    )
    out = encode(empty, SECONDS)
    assert out.shape == (2, 3, 8)
    assert not torch.allclose(out[0, 1], out[0, 2])


@pytest.mark.parametrize("seconds", [[NAN] * 3, [NAN, 0.0, 5.0], [3.0, NAN, 4.0], [0.0, 1e30, 2e30]])
def test_missing_and_huge_times_give_finite_vectors_and_gradients(seconds):
    encode = encoder()
    out = encode(values(1, 3), torch.tensor([seconds]))
    out.sum().backward()
    assert out.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in encode.parameters())


def test_fields_are_dropped_in_training_alone_and_then_look_like_missing_ones():
    encode = encoder(dropout=0.5)
    given, seconds = values(64, 3), SECONDS[:1].expand(64, 3)
    encode.eval()
    assert torch.equal(encode(given, seconds), encode(given, seconds))
    encode.train()
    torch.manual_seed(1)
    seen = encode(given, seconds)
    assert not torch.equal(seen, encode(given, seconds))
    # five features a turn (two categories, two numbers, sound) and the gap: each is there, or as if it were missing
    encode.eval()
    possible = []
    for hidden in range(2**6):
        some, times = values(1, 3), SECONDS[:1].clone()
        hide = [bool(hidden >> bit & 1) for bit in range(6)]
        for feature in range(2):
            some.categorical[..., feature] *= not hide[feature]
            some.numeric_mask[..., feature] &= not hide[2 + feature]
        some.audio_mask[:] &= not hide[4]
        possible.append(encode(some, times * NAN if hide[5] else times)[0, 2])
    table = torch.stack(possible)
    nearest = (seen[:, 2, None] - table).norm(dim=-1).min(1)
    assert (nearest.values < 1e-4).all()
    assert len(nearest.indices.unique()) > 20


@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_dropping_all_is_to_have_none(dropout):
    encode = encoder(dropout=dropout).train()
    nothing = FeatureValues(
        categorical=values().categorical * 0, numeric=values().numeric, numeric_mask=values().numeric_mask & False,
        audio=values().audio, audio_mask=values().audio_mask & False,
    )  # fmt: skip
    same = torch.allclose(encode(values(), SECONDS), encode(nothing, SECONDS * NAN))
    assert same is (dropout == 1.0)
