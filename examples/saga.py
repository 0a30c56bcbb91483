"""SAGA: an image's feature is gathered from its patches by anchors, so that what hides a person counts for little.

Stages 1 and 2 train the towers as CLIP-ReID does (`clip_reid.py`); here tiny-clip's are taken as they are. Stage 3,
which is shown here, freezes them. Anchors are short texts about parts of people; patches attend to them, and each patch
is weighted by its attention to its strongest anchor. The weighted mean is compared beside class token and projection.
"""

import torch
from tiny_world import SIZE, batches, learn, report, world

from passerby.losses import anchor_diversity, batch_hard_triplet, classifier_diversity, smoothed_cross_entropy
from passerby.models.clip import ClipShape, clip_weights
from passerby.models.saga import AnchorShape, Saga, SagaShape, SagaSizes

HEAD = ("text_anchor.", "domain_anchor.", "refine.", "bn.weight", "classifiers.")
"""What stage 3 trains: anchors, the patches' attention to them, and what classifies the refined feature."""


def network(classes: int) -> Saga:
    """Eight anchors on the patches of the fourth of six blocks."""
    clip = clip_weights("tiny-clip", "vit-tiny-6")
    towers = ClipShape("vit-tiny-6", SIZE, quick_gelu=clip.quick_gelu)
    anchors = AnchorShape(count=8, token_layers=(4,), heads=4)
    return Saga(SagaShape(towers, anchors), SagaSizes(classes), clip_tensors=clip.tensors)


def main() -> None:
    """Stage 3."""
    torch.manual_seed(0)
    benchmark = world()
    people = benchmark.training_split()
    model = network(len(people.identity_names))
    report("before", model, benchmark)

    model.start_refinement()  # from the block of the image tower that the patches come from
    learned = [parameter for name, parameter in model.named_parameters() if name.startswith(HEAD)]
    optimiser = torch.optim.AdamW(learned, lr=1.5e-3, weight_decay=1e-4)
    model.train()
    model.backbone.eval()
    for batch in batches(people, epochs=3):
        labels = batch.identities
        with torch.no_grad():
            tokens = model.tokens(batch.images)
        found = model.aggregate(tokens.patches, tokens.projected, batch.cameras)
        logits = [classifier(model.bn(found.refined)) for classifier in model.classifiers]
        identity = torch.stack([smoothed_cross_entropy(each, labels) for each in logits]).mean()
        triplet = batch_hard_triplet(found.refined, labels, margin=None)
        apart = 0.05 * anchor_diversity(found.text_anchors)  # anchors should not say the same, nor classifiers
        apart = apart + 0.5 * classifier_diversity([classifier.weight for classifier in model.classifiers])
        learn(optimiser, identity + triplet + apart)
    report("after", model, benchmark)


if __name__ == "__main__":
    main()
