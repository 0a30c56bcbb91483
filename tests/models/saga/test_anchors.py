"""Anchors, refinement and pooling on small sizes: where they start from, and what must hold whatever the weights."""

import pytest
import torch

from passerby.errors import RecipeError
from passerby.models.clip.prompts import TextEncoder
from passerby.models.clip.towers import ClipShape, build_clip
from passerby.models.saga.anchor_attention import AnchorAttention, Refinement
from passerby.models.saga.anchor_phrases import PHRASES, phrase_tokens, spread_over_slots
from passerby.models.saga.anchor_pooling import keep_heaviest, pool, pool_by_anchor, pooling_weights
from passerby.models.saga.anchors import FreeAnchors, TextAnchors, prompt_tokens


def test_phrases_are_of_the_published_lengths_and_differ() -> None:
    lengths = [len(phrase_tokens(number)) for number in range(24)]
    assert len(set(PHRASES)) == 24
    assert min(lengths) >= 5
    assert max(lengths) <= 11
    assert torch.equal(phrase_tokens(25), phrase_tokens(1))


@pytest.mark.parametrize(
    ("count", "places"), [(7, [0, 2, 4, 6]), (8, [0, 2, 4, 7]), (9, [0, 2, 5, 8]), (11, [0, 3, 6, 10])]
)
def test_few_slots_take_tokens_at_even_distances(count: int, places: list[int]) -> None:
    tokens = torch.arange(float(count))[:, None]
    assert spread_over_slots(tokens, 4).flatten().tolist() == places


def test_many_slots_are_filled_with_the_mean() -> None:
    tokens = torch.arange(5.0)[:, None]
    assert spread_over_slots(tokens, 12).flatten().tolist() == [0, 1, 2, 3, 4, *[2.0] * 7]


def test_the_sentence_ends_where_published() -> None:
    tokens = prompt_tokens()
    assert int(tokens.argmax()) == 19
    assert tokens[:20].tolist() == [49406, *[343] * 16, 2533, 269, 49407]


def test_text_anchors_start_from_their_phrases_and_learn_words_and_projection() -> None:
    torch.manual_seed(0)
    clip = build_clip(ClipShape("vit-nano", (64, 32)))
    encoder = TextEncoder(clip).requires_grad_(False)
    anchors = TextAnchors(3, clip.token_embedding.weight, 16, 32)
    spelt = clip.token_embedding.weight[phrase_tokens(2)].detach()
    torch.testing.assert_close(anchors.ctx_parts[2, : len(spelt)], spelt)
    assert (anchors.ctx_main[2] - spread_over_slots(spelt, 4)).abs().max() < 0.06
    found = anchors(encoder)
    assert found.shape == (3, 32)
    found.square().sum().backward()
    assert anchors.ctx_main.grad is not None
    assert anchors.ctx_main.grad.abs().amax((1, 2)).min() > 0
    assert {name for name, _ in anchors.named_parameters()} == {"ctx_main", "proj.weight"}


def test_anchors_without_a_phrase_start_from_the_words_they_are_given() -> None:
    clip = build_clip(ClipShape("vit-nano", (64, 32)))
    anchors = TextAnchors(2, clip.token_embedding.weight, 16, 32, phrase_slots=0)
    words = torch.randn(16, 16)
    anchors.start_from(words)
    assert (anchors.ctx_main - words).abs().max() < 0.1
    assert not torch.equal(anchors.ctx_main[0], anchors.ctx_main[1])
    assert anchors(TextEncoder(clip)).shape == (2, 32)
    with pytest.raises(RecipeError, match="phrase_slots"):
        TextAnchors(2, clip.token_embedding.weight, 16, 32, phrase_slots=16)


def test_free_anchors_are_what_they_hold() -> None:
    anchors = FreeAnchors(4, 8)
    assert anchors() is anchors.anchors


@pytest.mark.parametrize("dropped", [False, True])
def test_attention_is_that_of_torch(dropped: bool) -> None:
    torch.manual_seed(0)
    ours = AnchorAttention(12, 3, dropout=0.4, dropped_weights=dropped)
    theirs = torch.nn.MultiheadAttention(12, 3, dropout=0.4, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    queries, anchors = torch.randn(2, 5, 12), torch.randn(2, 4, 12)
    output, weights = theirs.eval()(queries, anchors, anchors)
    found = ours.eval()(queries, anchors, anchors)
    torch.testing.assert_close(found.output, output)
    torch.testing.assert_close(found.weights, weights)
    torch.manual_seed(1)
    trained = ours.train()(queries, anchors, anchors)
    torch.manual_seed(1)
    dropped_output, dropped_weights = theirs.train()(queries, anchors, anchors)
    torch.testing.assert_close(trained.output, dropped_output)
    torch.testing.assert_close(trained.weights, dropped_weights if dropped else weights)


def test_refinement_starts_from_a_block_of_the_tower() -> None:
    torch.manual_seed(0)
    block = build_clip(ClipShape("vit-nano", (64, 32))).visual.transformer.resblocks[1]
    refinement = Refinement(2, 32, 4)
    for layer in refinement.layers:
        layer.start_from(block)  # type: ignore[operator]
    first, second = (layer.state_dict() for layer in refinement.layers)
    assert all(torch.equal(first[name], second[name]) for name in first)
    torch.testing.assert_close(first["norm_kv.weight"], block.ln_1.weight)
    torch.testing.assert_close(first["ff.3.weight"], block.mlp.c_proj.weight)
    torch.testing.assert_close(first["attn.in_proj_weight"], block.attn.in_proj_weight)


def test_a_patch_counts_by_its_strongest_anchor() -> None:
    attention = torch.tensor([[[0.7, 0.3], [0.5, 0.5], [0.2, 0.8]]])
    weights = pooling_weights(attention)
    torch.testing.assert_close(weights, torch.tensor([[0.35, 0.25, 0.40]]))
    tokens = torch.eye(3)[None]
    torch.testing.assert_close(pool(tokens, weights), weights)
    features, mass = pool_by_anchor(tokens, attention)
    torch.testing.assert_close(mass, torch.tensor([[1.4, 1.6]]))
    torch.testing.assert_close(features[0, 1], attention[0, :, 1])


def test_the_heaviest_anchors_are_kept_ties_included() -> None:
    features, mass = torch.ones(1, 4, 2), torch.tensor([[3.0, 1.0, 2.0, 2.0]])
    assert keep_heaviest(features, mass, 2)[0, :, 0].tolist() == [1, 0, 1, 1]
    assert keep_heaviest(features, mass, 9)[0, :, 0].tolist() == [1, 1, 1, 1]
