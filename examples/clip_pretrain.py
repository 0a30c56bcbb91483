"""CLIP from nothing: an image tower and a text tower learn together from drawn people and what is said about them.

Image and caption of a pair are pulled together, those of different pairs apart. Radford et al., "Learning Transferable
Visual Models From Natural Language Supervision", ICML 2021.
"""

import numpy as np
import torch
from tiny_world import SIZE, learn
from torch import Tensor

from passerby.data import TrainTransform
from passerby.losses import supervised_contrastive
from passerby.models.clip import ClipPair, ClipShape, tokenise, vocabulary_of
from passerby.synth import Pairs, caption_words, draw_pairs

TRANSFORM = TrainTransform(size=SIZE, padding=5, erasing=0)
LEARNED, HELD_OUT = range(128), range(128, 160)


def drawn(pairs: Pairs, indices: range) -> tuple[Tensor, list[str]]:
    """Images, uint8 [N, 3, H, W], and a sentence about each."""
    found = draw_pairs(pairs, indices)
    return torch.from_numpy(found.images).permute(0, 3, 1, 2).contiguous(), [each[0] for each in found.captions]


@torch.no_grad()
def report(when: str, model: ClipPair, images: Tensor, captions: list[str]) -> None:
    """How far up, of all images, a sentence finds its own; in the middle if it finds nothing."""
    model.eval()
    similarity = model.text_features(tokenise(captions)) @ model.image_features(images / 127.5 - 1).T
    rank = (similarity > similarity.diagonal()[:, None]).sum(1).float().mean()
    print(f"{when} learning: the image of a sentence comes {rank + 1:.1f}th of {len(images)} on average")


def main() -> None:
    """Learn from some pairs, and search others by their captions."""
    torch.manual_seed(0)
    pairs = Pairs(seed=1, size=SIZE, places=3)
    images, captions = drawn(pairs, LEARNED)
    others = drawn(pairs, HELD_OUT)
    model = ClipPair(ClipShape("vit-nano", SIZE), vocabulary_of(caption_words()))
    report("before", model, *others)

    model.train()
    model.keep_patches(0.5)  # seeing half of the patches, others each time, saves time
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    for epoch in range(20):
        for rows in torch.randperm(len(images)).split(32):
            seen = TRANSFORM.augment(images[rows], seed=0, epoch=epoch, positions=rows.numpy().astype(np.int64))
            texts = model.text_features(tokenise([captions[row] for row in rows]))
            scaled = model.image_features(seen) * model.scale()
            own = torch.arange(len(rows))
            of_images = supervised_contrastive(scaled, texts, own, own)
            of_texts = supervised_contrastive(texts, scaled, own, own)
            learn(optimiser, 0.5 * (of_images + of_texts))
    model.keep_patches(1.0)

    report("after", model, *others)


if __name__ == "__main__":
    main()
