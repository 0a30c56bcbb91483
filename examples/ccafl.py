"""CCAFL: learning from labels that hold inside each camera only; nobody has compared people across cameras.

A class is one person in one camera. Stage 2 tells the classes of each camera apart. Stage 3 links classes of different
cameras that are probably one person, anew before every epoch, and learns to tell the clusters apart that links form.
Tan et al., IEEE TCSVT 2025; without stage 1 and its texts, which `clip_reid.py` shows, without the classifier that
features learn to fool, and with the simplest rule for links.
"""

import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tiny_world import SIZE, batches, learn, plain_batches, report, world
from torch import Tensor
from torch.nn.functional import normalize

from passerby.data import camera_local
from passerby.losses import ClusterMemory, HybridMemory, centroid_contrast, class_centroids, instance_contrast
from passerby.models.clip import ClipShape, clip_weights
from passerby.models.clip_reid import ClipReid, ClipReidSizes


def linked(centroids: Tensor, cameras: Tensor) -> Tensor:
    """The cluster of each class: classes of two cameras are linked if each is the other's nearest there."""
    similarity = centroids @ centroids.T
    links = torch.zeros_like(similarity, dtype=torch.bool)
    for first, second in torch.cartesian_prod(cameras.unique(), cameras.unique()):
        if first != second:
            rows, columns = (cameras == first).nonzero()[:, 0], (cameras == second).nonzero()[:, 0]
            links[rows, columns[similarity[rows][:, columns].argmax(1)]] = True
    return torch.from_numpy(connected_components(coo_array((links & links.T).numpy()))[1]).long()


def main() -> None:
    """Two epochs inside cameras, two across them."""
    torch.manual_seed(0)
    benchmark = world()
    classes = camera_local(benchmark.training_split())
    labels, cameras = torch.from_numpy(classes.identities), torch.from_numpy(classes.cameras)
    class_cameras = torch.zeros(len(classes.identity_names), dtype=torch.int64).scatter(0, labels, cameras)
    clip = clip_weights("tiny-clip", "vit-tiny-6")
    shape = ClipShape("vit-tiny-6", SIZE, quick_gelu=clip.quick_gelu)
    model = ClipReid(shape, ClipReidSizes(len(class_cameras)), clip_tensors=clip.tensors)
    report("before", model, benchmark)

    learned = [p for name, p in model.named_parameters() if name.startswith(("image_encoder.", "bottleneck.weight"))]
    optimiser = torch.optim.Adam(learned, lr=5e-5, weight_decay=1e-4)
    for epoch in range(4):
        inside = epoch < 2
        with torch.no_grad():
            features = torch.cat([normalize(model.eval().features(b.images).final) for b in plain_batches(classes)])
        clusters = linked(class_centroids(features, labels), class_cameras)
        hybrid = HybridMemory(features, labels, instances=None, generator=torch.Generator())
        memory = hybrid if inside else ClusterMemory(features, clusters[labels])
        model.train()
        for batch in batches(classes, epochs=1, people=6, images=2):
            images, loss = normalize(model.bottleneck(model.features(batch.images).final)), torch.zeros(())
            own = batch.identities if inside else clusters[batch.identities]
            if not inside:  # stage 3
                loss = centroid_contrast(images, own, memory.centroids)
            for camera in batch.cameras.unique() if inside else ():  # stage 2
                seen, here = batch.cameras == camera, class_cameras == camera
                local = (here.cumsum(0) - 1)[own[seen]]
                loss = loss + centroid_contrast(images[seen], local, memory.centroids[here])
                loss = loss + instance_contrast(images[seen], local, memory.instances[here])
            learn(optimiser, loss)
            memory.update(images.detach(), own)
    report("after", model, benchmark)


if __name__ == "__main__":
    main()
