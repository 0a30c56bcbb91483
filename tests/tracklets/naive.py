"""The levels of CION (arXiv 2409.18569) taken literally: loops, no increments, no blocks.

Slow, and independent of passerby's code.
"""

import numpy as np

TIE = 1e-7


def unit(rows):
    rows = np.asarray(rows, float)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def distance(sample, group):
    """Cosine distance of a unit vector to the mean of unit vectors."""
    centroid = np.mean(group, axis=0)
    length = np.linalg.norm(centroid)
    return 1.0 if length <= 1e-6 else 1.0 - float(sample @ centroid) / length


def level1(rows, sigma):
    """Kept and excluded positions (excluded in order), and every value that was compared with sigma."""
    alive, excluded, compared = list(range(len(rows))), [], []
    while len(alive) > 1:
        deviations = [distance(rows[i], rows[[j for j in alive if j != i]]) for i in alive]
        compared.append(max(deviations))
        if max(deviations) < sigma:
            break
        farthest = next(i for i, value in zip(alive, deviations, strict=True) if value >= max(deviations) - TIE)
        alive.remove(farthest)
        excluded.append(farthest)
    return alive, excluded, compared


def components(pairs, count):
    """Labels in the order of first members."""
    label = list(range(count))
    for a, b in pairs:
        old, new = max(label[a], label[b]), min(label[a], label[b])
        label = [new if value == old else value for value in label]
    names = {}
    return [names.setdefault(value, len(names)) for value in label]


def centroid_distance(first, second):
    """Between float32 centroids, as passerby keeps them."""
    first, second = (np.float64(c) for c in (first, second))
    return 1 - float(first @ second) / (np.linalg.norm(first) * np.linalg.norm(second))


def direction(group):
    centroid = np.mean(group, axis=0)
    return np.float32(centroid / np.linalg.norm(centroid))


def denoise(features, tracklets, videos, sigma_consistency=0.2, sigma_discrimination=0.18, half_width=1000):
    """Identity of every sample (-1: dropped), and all values that were compared with a threshold, with the threshold.

    Rows are in video and frame order.
    """
    rows = unit(features)
    compared, new_tracklets = [], []
    for video in dict.fromkeys(videos):
        names = dict.fromkeys(t for t, v in zip(tracklets, videos, strict=True) if v == video)
        groups = [[i for i in range(len(rows)) if videos[i] == video and tracklets[i] == name] for name in names]
        kept, out = [], []
        for group in groups:
            alive, excluded, values = level1(rows[group], sigma_consistency)
            kept.append([group[i] for i in alive])
            out.append([group[i] for i in excluded])
            compared += [(value, sigma_consistency) for value in values]
        final = [list(group) for group in kept]
        for own, excluded in enumerate(out):
            for i in excluded:
                far = {t: distance(rows[i], rows[g]) for t, g in enumerate(kept) if t != own}
                if not far:
                    continue
                nearest = next(t for t, value in far.items() if value <= min(far.values()) + TIE)
                compared.append((far[nearest], sigma_consistency))
                if far[nearest] < sigma_consistency:
                    final[nearest].append(i)
        centroids = [direction(rows[sorted(group)]) for group in final]
        pairs = []
        for p in range(len(final)):
            for q in range(p + 1, len(final)):
                compared.append((centroid_distance(centroids[p], centroids[q]), sigma_discrimination))
                if compared[-1][0] <= sigma_discrimination:
                    pairs.append((p, q))
        labels = components(pairs, len(final))
        new_tracklets += [
            sorted(i for t, group in enumerate(final) if labels[t] == label for i in group)
            for label in dict.fromkeys(labels)
        ]
    centroids = [direction(rows[group]) for group in new_tracklets]
    pairs = []
    for p in range(len(centroids)):
        for q in range(p + 1, min(len(centroids), p + half_width + 1)):
            compared.append((centroid_distance(centroids[p], centroids[q]), sigma_discrimination))
            if compared[-1][0] <= sigma_discrimination:
                pairs.append((p, q))
    labels = components(pairs, len(centroids))
    identities = np.full(len(rows), -1)
    for label, group in zip(labels, new_tracklets, strict=True):
        identities[group] = label
    order = list(dict.fromkeys(label for label in identities.tolist() if label >= 0))
    return np.array([order.index(label) if label >= 0 else -1 for label in identities.tolist()]), compared


def noise(features, labels, sigma_consistency=0.2, sigma_discrimination=0.18):
    """Eqs 1 to 3."""
    rows, labels = unit(features), np.asarray(labels)
    groups = [rows[labels == label] for label in sorted(set(labels.tolist()) - {-1})]
    centroids = [np.mean(group, axis=0) for group in groups]
    wide = sum(max(distance(x, g) for x in g) >= sigma_consistency for g in groups)
    near = sum(
        distance(a / np.linalg.norm(a), b[None]) <= sigma_discrimination
        for i, a in enumerate(centroids)
        for j, b in enumerate(centroids)
        if i != j
    )
    return (wide + near) / len(groups)


def settled(compared, slack=1e-6):
    """Whether no value is so near to its threshold that rounding could decide."""
    return all(abs(value - threshold) > slack for value, threshold in compared)
