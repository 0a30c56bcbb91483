"""CLIP-ReID: first learn a description of each person, then let the image tower learn against these descriptions.

Stage 1 learns four free words in "A photo of a X X X X person." for every identity; both towers of CLIP stay as they
are. Stage 2 trains the image tower with identity and triplet losses, and so that each image picks the text of its own
identity among all. Li et al., "CLIP-ReID", AAAI 2023.
"""

import torch
from tiny_world import SIZE, batches, learn, plain_batches, report, world

from passerby.data import Split
from passerby.losses import batch_hard_triplet, image_to_text, smoothed_cross_entropy, supervised_contrastive
from passerby.models.clip import ClipShape, clip_weights, encode_all_prompts
from passerby.models.clip_reid import ClipReid, ClipReidSizes


def network(classes: int) -> ClipReid:
    """Two BNNecks with classifiers on the towers of tiny-clip, which comes with passerby and has seen drawn people."""
    clip = clip_weights("tiny-clip", "vit-tiny-6")
    shape = ClipShape("vit-tiny-6", SIZE, quick_gelu=clip.quick_gelu)
    return ClipReid(shape, ClipReidSizes(classes), clip_tensors=clip.tensors)


def learn_prompts(model: ClipReid, people: Split) -> None:
    """Stage 1: pull images and texts of an identity together; image features are constant, so they are taken once."""
    model.eval()
    with torch.no_grad():
        images = torch.cat([model.features(batch.images).projected for batch in plain_batches(people)])
    identities = torch.from_numpy(people.identities)
    optimiser = torch.optim.Adam([model.prompt_learner.context], lr=3.5e-3)
    for _ in range(6):
        for rows in torch.randperm(len(people)).split(64):
            labels = identities[rows]
            texts = model.prompt_features(labels)
            of_images = supervised_contrastive(images[rows], texts, labels, labels)
            of_texts = supervised_contrastive(texts, images[rows], labels, labels)
            learn(optimiser, of_images + of_texts)


def learn_images(model: ClipReid, people: Split) -> None:
    """Stage 2: everything but prompts and text tower; the texts of all identities no longer change."""
    texts = encode_all_prompts(model.prompt_learner, model.text_encoder)
    fixed = ("prompt_learner.", "text_encoder.", "bottleneck.bias", "bottleneck_proj.bias")
    learned = [parameter for name, parameter in model.named_parameters() if not name.startswith(fixed)]
    optimiser = torch.optim.Adam(learned, lr=5e-5, weight_decay=1e-4)
    model.train()
    for batch in batches(people, epochs=3):
        features, logits = model(batch.images)
        labels = batch.identities
        identity = sum(smoothed_cross_entropy(each, labels) for each in logits)
        triplet = sum(batch_hard_triplet(each, labels, margin=None) for each in features)
        text = image_to_text(features.projected, texts, labels)
        learn(optimiser, identity + triplet + text)


def main() -> None:
    """Both stages."""
    torch.manual_seed(0)
    benchmark = world()
    people = benchmark.training_split()
    model = network(len(people.identity_names))
    report("before", model, benchmark)
    learn_prompts(model, people)
    learn_images(model, people)
    report("after", model, benchmark)


if __name__ == "__main__":
    main()
