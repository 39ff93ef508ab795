#!/usr/bin/env python3
"""Agreement with the model in floats, for 'ashlar quantize --evaluate=cmd:...'. The first call for the same samples, which
is the one for the model in floats, keeps what the later ones are compared with, in CACHE with their first number.

    score_outputs.py masks WORDS.npy SKIP CACHE FOLDER     share of masked letters that get the same one
    score_outputs.py detections CACHE FOLDER               mean average precision of detections, boxes that overlap by half

Of detections, what the model in floats finds with a score of 0.3 or more is taken for the truth; what is judged is all
that the other one finds with 0.05 or more, in the order of its scores: the mean over classes of the area under precision
over recall. (The share of equal decisions at one threshold, F1, is printed before it: on ten photographs one detection
that crosses the threshold is more than 1 % of it.)
"""
import pathlib
import pickle
import sys

import numpy as np

from protobuf_wire import read_varint


def read_tensor(path):
    """A TensorProto of f32, as Ashlar writes it: dims and raw data."""
    data, at, dims, raw = path.read_bytes(), 0, [], b""
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == 0:
            value, at = read_varint(data, at)
            if key >> 3 == 1:
                dims.append(value)
            continue
        size, at = read_varint(data, at)
        piece = data[at : at + size]
        at += size
        if key >> 3 == 9:
            raw = piece
        if key >> 3 == 1:  # packed
            inside = 0
            while inside < size:
                value, inside = read_varint(piece, inside)
                dims.append(value)
    return np.frombuffer(raw, "<f4").reshape(dims)


def outputs_of(folder):
    """The number of the first sample, and the outputs of all."""
    numbers = sorted(int(path.name.rsplit("_", 1)[1]) for path in folder.glob("test_data_set_*"))
    return numbers[0], [read_tensor(folder / f"test_data_set_{i}/output_0.pb") for i in numbers]


def masked(outputs, words, skip):
    mask = 29
    return [row[word == mask].argmax(-1) for row, word in zip((o[0] for o in outputs), words[skip:])]


def overlap(box, boxes):
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return common / (np.prod(box[2:] - box[:2]) + areas - common + 1e-9)


SURE, LEAST = 0.3, 0.05


def detect(output, size=416, threshold=LEAST):
    """Score, class and box of what YOLOX finds, the surest first, without doubles."""
    cells = []
    for stride in (8, 16, 32):
        side = size // stride
        y, x = np.mgrid[:side, :side]
        cells.append(np.stack([x.ravel(), y.ravel(), np.full(side * side, stride)], 1))
    cells = np.concatenate(cells).astype(np.float64)
    centre = (output[:, :2] + cells[:, :2]) * cells[:, 2:]
    half = np.exp(output[:, 2:4]) * cells[:, 2:] / 2
    boxes = np.concatenate([centre - half, centre + half], 1)
    classes = output[:, 5:].argmax(1)
    scores = output[:, 4] * output[:, 5:].max(1)
    found = []
    for place in np.argsort(-scores, kind="stable"):
        if scores[place] < threshold:
            break
        same = [box for _, label, box in found if label == classes[place]]
        if not same or overlap(boxes[place], np.array(same)).max() < 0.45:
            found.append((float(scores[place]), int(classes[place]), boxes[place]))
    return found


def sure(pictures):
    return [[one for one in picture if one[0] >= SURE] for picture in pictures]


def average_precision(ours, theirs, label):
    """Of one class: `ours` in the order of their scores against the boxes `theirs`, each to be found once."""
    free = [[box for _, other, box in picture if other == label] for picture in theirs]
    total = sum(map(len, free))
    hits = []
    for score, picture, box in sorted(
        ((score, i, box) for i, found in enumerate(ours) for score, other, box in found if other == label),
        key=lambda one: -one[0],
    ):
        overlaps = overlap(box, np.array(free[picture])) if free[picture] else np.zeros(1)
        hits.append(overlaps.max() > 0.5)
        if hits[-1]:
            del free[picture][int(overlaps.argmax())]
    found = np.cumsum(hits)
    precision = found / np.arange(1, len(hits) + 1)
    # The best precision at this recall or more, summed over the steps of recall.
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float(precision[np.array(hits, bool)].sum() / total)


def mean_average_precision(ours, theirs):
    labels = {label for picture in theirs for _, label, _ in picture}
    return np.mean([average_precision(ours, theirs, label) for label in sorted(labels)]) if labels else 1.0


def f1(ours, theirs):
    matched = total = 0
    for a, b in zip(ours, theirs):
        total += len(a) + len(b)
        free = list(b)
        for _, label, box in a:
            for other in free:
                if other[1] == label and overlap(box, other[2][None])[0] > 0.5:
                    free = [one for one in free if one is not other]
                    matched += 1
                    break
    return 2 * matched / total if total else 1.0


def main():
    kind, *rest, cache, folder = sys.argv[1:]
    first, outputs = outputs_of(pathlib.Path(folder))
    if kind == "masks":
        found = masked(outputs, np.load(rest[0]), int(rest[1]) + first)
    else:
        found = [detect(output[0]) for output in outputs]
    cache = pathlib.Path(f"{cache}.{first}")
    if not cache.exists():
        cache.write_bytes(pickle.dumps(found))
    reference = pickle.loads(cache.read_bytes())
    if kind == "masks":
        print(np.mean(np.concatenate(found) == np.concatenate(reference)))
    else:
        truth = sure(reference)
        print(f"{sum(map(len, truth))} detections in floats, F1 {f1(sure(found), truth):.4f}")
        print(mean_average_precision(found, truth))


if __name__ == "__main__":
    main()
