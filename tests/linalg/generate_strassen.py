"""Prints how many patterns of lost products leave some block of C unknown, by ranks of the vectors of 16 coefficients.

The products are read from the formulas of Strassen (1969) and Winograd (1971). pip install numpy
"""

from itertools import combinations

import numpy as np

A = {n: np.eye(4, dtype=int)[i] for i, n in enumerate(("11", "12", "21", "22"))}


def term(left, right):
    parse = lambda text: sum((-1 if t[0] == "-" else 1) * A[t[1:]] for t in text.split())
    return np.outer(parse(left), parse(right)).ravel()


S = [term("+11 +22", "+11 +22"), term("+21 +22", "+11"), term("+11", "+12 -22"), term("+22", "+21 -11"),
     term("+11 +12", "+22"), term("+21 -11", "+11 +12"), term("+12 -22", "+21 +22")]
W = [term("+11", "+11"), term("+12", "+21"), term("+11 +12 -21 -22", "+22"), term("+22", "+11 -12 -21 +22"),
     term("+21 +22", "+12 -11"), term("+21 +22 -11", "+11 -12 +22"), term("+11 -21", "+22 -12")]
E = [W[1], term("+21 -22", "+12 -22")]
C = [term("+11", "+11") + term("+12", "+21"), term("+11", "+12") + term("+12", "+22"),
     term("+21", "+11") + term("+22", "+21"), term("+21", "+12") + term("+22", "+22")]
rank = lambda rows: np.linalg.matrix_rank(np.array(rows, float))
for name, products in (("S + W", S + W), ("S + S", S + S), ("S + W + 2", S + W + E)):
    counts = []
    for lost in range(1, 5):
        patterns = list(combinations(range(len(products)), lost))
        bad = 0
        for pattern in patterns:
            left = [v for k, v in enumerate(products) if k not in pattern]
            bad += rank(left + C) > rank(left)
        counts.append(f"{bad}/{len(patterns)}")
    print(name, "rank", rank(products), *counts)
