"""Two towers with a small vocabulary, against open_clip's own model with the whole one."""

import pytest
import torch

from passerby.models.clip.pair import ClipPair
from passerby.models.clip.towers import ClipShape, build_clip
from passerby.models.clip.vocabulary import tokenise, vocabulary_of

SHAPE = ClipShape("vit-nano", (32, 16))
TEXTS = ["a red hat", "A man in a blue coat, with a red hat and blue shoes.", "a coat"]


def towers() -> ClipPair:
    torch.manual_seed(0)
    return ClipPair(SHAPE, vocabulary_of({"red", "blue", "hat", "coat", "man", "in", "with", "and", "shoes"})).eval()


def test_features_are_those_of_open_clip() -> None:
    pair = towers()
    clip = build_clip(SHAPE).eval()
    tensors = {**pair.state_dict(), "token_embedding.weight": pair.vocabulary.expand(pair.token_embedding.weight)}
    clip.load_state_dict(tensors)
    images = torch.randn(2, 3, 32, 16)
    with torch.no_grad():
        torch.testing.assert_close(pair.embed(images), clip.encode_image(images, normalize=True))
        torch.testing.assert_close(pair.embed_text(tokenise(TEXTS)), clip.encode_text(tokenise(TEXTS), normalize=True))


def test_features_do_not_depend_on_what_else_is_in_the_batch() -> None:
    pair = towers()
    with torch.no_grad():
        together, alone = pair.embed_text(tokenise(TEXTS)), [pair.embed_text(tokenise([text])) for text in TEXTS]
    torch.testing.assert_close(together, torch.cat(alone))


def test_words_without_a_row_are_all_the_same() -> None:
    pair = towers()
    with torch.no_grad():
        umbrella, scarf = pair.embed_text(tokenise(["a red umbrella", "a red scarf"]))
    assert torch.equal(umbrella, scarf)


def test_patches_are_left_out_only_while_it_learns() -> None:
    pair, images = towers(), torch.randn(1, 3, 32, 16)
    with torch.no_grad():
        whole = pair.embed(images)
        pair.keep_patches(0.5)
        torch.testing.assert_close(pair.embed(images), whole)
        pair.train()
        assert not torch.allclose(pair.embed(images), pair.embed(images))
        pair.keep_patches(1)
        torch.testing.assert_close(pair.embed(images), whole)


def test_the_scale_stays_below_a_hundred() -> None:
    pair = towers()
    with torch.no_grad():
        pair.logit_scale.fill_(9)
    assert 99.9 < float(pair.scale().detach()) < 100.1


@pytest.mark.parametrize("architecture", ["vit-nano", "resnet-nano"])
def test_settled_lengths_change_no_direction_and_make_products_what_was_trained(architecture: str) -> None:
    torch.manual_seed(0)
    shape = ClipShape(architecture, (64, 32))
    pair = ClipPair(shape, vocabulary_of({"red", "blue", "hat", "coat", "man"})).eval()
    images, tokens = torch.randn(8, 3, 64, 32), tokenise([f"a {colour} hat" for colour in ("red", "blue")] * 4)
    with torch.no_grad():
        before = pair.embed(images), pair.embed_text(tokens)
        pair.settle_lengths(images, tokens)
        torch.testing.assert_close((pair.embed(images), pair.embed_text(tokens)), before, atol=1e-5, rtol=1e-4)
        lengths = [pair._projected_images(images).norm(dim=1), pair._projected_texts(tokens).norm(dim=1)]
    for length in lengths:
        assert float(length.mean()) == pytest.approx(float(pair.scale().detach()) ** 0.5, rel=1e-4)
