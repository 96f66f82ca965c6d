import pytest
import torch
from safetensors.torch import save_file
from transformers import (
    AutoConfig,
    AutoModel,
    BartConfig,
    BertConfig,
    CanineConfig,
    DistilBertConfig,
    FNetConfig,
    GPT2Config,
    ModernBertConfig,
    RobertaConfig,
    RobertaModel,
    T5Config,
    XLMConfig,
)

from selflearn.batching.texts import Tokenization, make_buckets
from selflearn.encoders import (
    TurnEncoder,
    check_encoder,
    check_length,
    load_encoder,
)
from selflearn.encoders.pretrained import (
    build_encoder,
    building_arguments,
    byte_level_tokenizer,
)


@pytest.fixture
def saved(tmp_path):
    model, tokenizer = load_encoder("tiny")
    model.save_pretrained(tmp_path / "encoder")
    tokenizer.save_pretrained(tmp_path / "encoder")
    return model, tmp_path / "encoder"


def test_tiny_is_a_real_roberta_that_reads_any_bytes():
    model, tokenizer = load_encoder("tiny", dropout=0.3)
    assert isinstance(model, RobertaModel)
    assert model.config.hidden_dropout_prob == model.config.attention_probs_dropout_prob == 0.3
    ids = tokenizer("né 🎵 \x00 中").input_ids
    assert tokenizer.unk_token_id not in ids
    assert max(ids) < model.config.vocab_size
    assert load_encoder("tiny")[0].config.hidden_dropout_prob == 0.1  # the model's own


def test_a_directory_is_loaded_as_it_is(saved):
    model, directory = saved
    found, tokenizer = load_encoder(str(directory), dropout=0.0)
    assert found.config.hidden_dropout_prob == 0.0
    for name, value in model.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], value, rtol=0, atol=0)
    assert tokenizer("play jazz").input_ids == byte_level_tokenizer()("play jazz").input_ids


SMALL = {"vocab_size": 261, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
OTHERS = {
    "bert": BertConfig(**SMALL, intermediate_size=64),
    "distilbert": DistilBertConfig(vocab_size=261, dim=32, n_layers=2, n_heads=2, hidden_dim=64),
    "modernbert": ModernBertConfig(
        **SMALL, intermediate_size=64, pad_token_id=1, bos_token_id=0, eos_token_id=2, cls_token_id=0, sep_token_id=2,
        embedding_dropout=0.1, attention_dropout=0.1, mlp_dropout=0.1,
    ),
    "gpt2": GPT2Config(vocab_size=261, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=2),
    "xlm": XLMConfig(vocab_size=261, emb_dim=32, n_layers=2, n_heads=2, pad_token_id=1),
}  # fmt: skip


READ = {
    **{name: OTHERS[name] for name in ("bert", "distilbert", "modernbert", "gpt2", "xlm")},
    "roberta": RobertaConfig(**SMALL, intermediate_size=64, pad_token_id=1),
    "t5": T5Config(vocab_size=261, d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2),
    "bart": BartConfig(
        vocab_size=261, d_model=32, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=64, decoder_ffn_dim=64,
    ),
}  # fmt: skip


def kept(config, directory):
    """The directory of an encoder with random weights."""
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(directory)
    byte_level_tokenizer().save_pretrained(directory)
    return str(directory)


@pytest.mark.parametrize("kind", READ)
def test_texts_have_the_states_in_a_padded_batch_that_they_have_alone(kind, tmp_path):
    encoder, tokenizer = load_encoder(kept(READ[kind], tmp_path), dropout=0.0)
    check_length(encoder, 100)
    texts = Tokenization(tokenizer, max_tokens=64)(["hi", "switch the light on"])
    reader = TurnEncoder(encoder, num_parts=1).eval()
    together = reader(tuple(make_buckets(texts, tokenizer.pad_token_id)[0])).vectors
    for text, vector in zip(texts, together, strict=True):
        alone = reader(tuple(make_buckets([text], tokenizer.pad_token_id)[0])).vectors[0]
        torch.testing.assert_close(vector, alone, atol=1e-5, rtol=1e-5)
    assert not [name for name, _ in encoder.named_modules() if "decoder" in name]
    again = build_encoder(AutoConfig.for_model(**encoder.config.to_dict()))  # as a saved model builds it
    assert again.state_dict().keys() == encoder.state_dict().keys()


REFUSED = {
    "FNetModel lets padding into its token states, whatever the attention mask says": FNetConfig(
        vocab_size=261, hidden_size=32, num_hidden_layers=2, intermediate_size=64, pad_token_id=1
    ),
    "CanineModel cannot read turns .NotImplementedError": CanineConfig(**SMALL, intermediate_size=64),
}


@pytest.mark.parametrize("problem", REFUSED)
def test_an_architecture_that_cannot_read_texts_in_batches_is_refused(problem, tmp_path):
    with pytest.raises(ValueError, match=rf"^{problem}.*; expected an architecture that .*BERT, RoBERTa, .* of T5"):
        load_encoder(kept(REFUSED[problem], tmp_path))


def test_what_reads_no_text_is_not_said_to_have_too_few_places():
    with pytest.raises(ValueError, match="CanineModel cannot read turns"):
        check_length(AutoModel.from_config(CanineConfig(**SMALL, intermediate_size=64)), 16)


@pytest.mark.parametrize("training", [True, False])
def test_a_check_leaves_the_encoder_as_it_was(training):
    encoder = load_encoder("tiny")[0].train(training)
    check_encoder(encoder)
    with pytest.raises(ValueError, match=r"max_tokens is 5000, and RobertaModel has 512 places"):
        check_length(encoder, 5000)
    assert encoder.training is training


def test_fused_attention_is_asked_only_of_those_that_have_it(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert building_arguments(READ["bert"]) == {"add_pooling_layer": False, "attn_implementation": "sdpa"}
    assert building_arguments(REFUSED[next(iter(REFUSED))])["attn_implementation"] == "eager"


@pytest.mark.parametrize("kind", OTHERS)
def test_the_dropout_that_is_asked_for_is_that_of_any_encoder(kind, tmp_path):
    kept(OTHERS[kind], tmp_path)
    ids = torch.tensor([[0, *range(10, 60), 2]])

    def difference(model):
        model.train()
        first, second = (model(input_ids=ids).last_hidden_state for _ in range(2))
        return float((first - second).abs().max().detach())

    without, _ = load_encoder(str(tmp_path), dropout=0.0)
    assert difference(without) == 0
    assert difference(load_encoder(str(tmp_path))[0]) > 0  # the model's own
    much, _ = load_encoder(str(tmp_path), dropout=0.5)
    assert difference(much) > 0
    for model, rate in ((without, 0.0), (much, 0.5)):
        assert {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)} <= {rate}
    again = AutoModel.from_config(AutoConfig.for_model(**without.config.to_dict()))  # as a saved model builds it
    assert difference(again) == 0


def test_minilm_comes_from_the_installed_package_and_is_checked():
    model, tokenizer = load_encoder("minilm", dropout=0.0)
    assert (model.config.hidden_size, model.config.num_hidden_layers) == (384, 6)
    assert tokenizer.is_fast
    assert not hasattr(model, "pooler") or model.pooler is None


def test_weights_of_half_precision_are_read_in_full_precision(tmp_path):
    """A step of training is smaller than bfloat16 can tell."""
    model, tokenizer = load_encoder("tiny")
    model.to(torch.bfloat16).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert {parameter.dtype for parameter in load_encoder(str(tmp_path))[0].parameters()} == {torch.float32}


def test_a_directory_without_a_tokenizer_is_refused(saved):
    """Transformers makes one of special tokens alone then, to which all words are unknown, and says nothing."""
    _, directory = saved
    for file in directory.glob("*token*"):
        file.unlink()
    with pytest.raises(
        ValueError, match=r"^the tokenizer of .*encoder has 5 tokens and knows no word.*; expected tokeniz"
    ):
        load_encoder(str(directory))


def test_weights_that_are_in_no_file_are_said_to_be_random(saved, caplog):
    model, directory = saved
    load_encoder(str(directory))
    assert not caplog.records
    left = {name: value for name, value in model.state_dict().items() if "layer.1." not in name}
    save_file(left, directory / "model.safetensors", metadata={"format": "pt"})
    load_encoder(str(directory))
    assert "16 weights of the encoder are not in its file and begin at random; expected that of" in caplog.text
    assert "One of them is encoder.layer.1." in caplog.text
