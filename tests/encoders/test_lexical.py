import torch

from selflearn.encoders import LexicalEncoder


def test_an_utterance_is_the_sum_of_its_ngrams_over_the_root_of_their_number_whatever_stands_beside_it():
    torch.manual_seed(0)
    encode = LexicalEncoder(50, 4, dropout=0.5).eval()
    grams, starts = torch.tensor([3, 7, 9, 3, 3, 8]), torch.tensor([0, 3, 4])
    table = encode.embedding.weight
    expected = torch.stack([table[[3, 7, 9]].sum(0) / 3**0.5, table[3], (table[3] + table[8]) / 2**0.5])
    torch.testing.assert_close(encode(grams, starts), expected)
    torch.testing.assert_close(encode(grams[3:4], torch.tensor([0])), expected[1:2])


def test_an_utterance_without_ngrams_and_no_utterance_at_all():
    encode = LexicalEncoder(50, 4)
    assert encode(torch.tensor([5]), torch.tensor([0, 1]))[1].tolist() == [0.0] * 4
    assert encode(torch.zeros(0).long(), torch.zeros(0).long()).shape == (0, 4)


def test_ngrams_are_dropped_in_training_alone():
    encode = LexicalEncoder(50, 4, dropout=0.5)
    grams, starts = torch.arange(40), torch.arange(0, 40, 10)
    assert not torch.equal(encode(grams, starts), encode(grams, starts))
    encode.eval()
    assert torch.equal(encode(grams, starts), encode(grams, starts))
