"""Writes enumeration.csv: searches that change one number at a time, on |x - o|_1 + 0.15 |S (x - o)|_1 with seven values
for each of N numbers, S and o made of cosines of whole numbers.

    N, case, radius, sweeps, evaluations, x at the end

pip install numpy; python3 generate_enumeration.py
"""

import os

import numpy as np


def cosines(start, count):
    return np.cos((np.arange(count) + start) ** 2 % 1000 + 0.0)


def numbers(start, count):
    return 1 + np.floor(3.5 * (1 + cosines(start, count))).astype(int)


def search(N, case, radius):
    o, S = numbers(100 * case + 7, N), 1.5 * cosines(31 * case, N * N).reshape(N, N, order="F")
    known = {}

    def value(x):
        if tuple(x) not in known:
            known[tuple(x)] = np.abs(x - o).sum() + 0.15 * np.abs(S @ (x - o)).sum()
        return known[tuple(x)]

    x, sweeps, changed = numbers(100 * case + 53, N), 0, True
    value(x)
    while changed:
        changed = False
        for i in [*range(N), *range(N - 2, 0, -1)]:
            best = x.copy()
            for v in range(max(1, x[i] - radius), min(7, x[i] + radius) + 1):
                trial = x.copy()
                trial[i] = v
                if value(trial) < value(best):
                    best = trial
            changed = changed or (best != x).any()
            x = best
        sweeps += 1
    return [sweeps, len(known), *x]


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "enumeration.csv"), "w") as file:
    for N, case, radius in [(4, 1, 6), (6, 2, 6), (8, 3, 6), (8, 4, 6), (5, 5, 1), (8, 6, 2)]:
        file.write(",".join(str(number) for number in [N, case, radius, *search(N, case, radius)]) + "\n")
