"""Writes sparse_logistic.libsvm, sparse data with labels, and sparse_logistic.csv, the minimizers of
mean of log(1 + exp(-y <a, x>)) + l1 |x|_1 + (l2 / 2) |x|^2 over it, by scikit-learn, polished by Newton's method on
the coefficients that are not zero.

    python3 generate_sparse.py          (numpy, scikit-learn)
"""
import pathlib

import numpy as np
from sklearn.linear_model import LogisticRegression

ROWS, COLUMNS, NONZEROS = 120, 40, 6
PROBLEMS = [(0.004, 0.0), (0.01, 0.0), (0.004, 0.01)]


def data():
    random = np.random.default_rng(2026)
    a = np.zeros((ROWS, COLUMNS))
    for row in a:
        row[random.choice(COLUMNS, NONZEROS, replace=False)] = random.normal(size=NONZEROS)
        row /= np.linalg.norm(row)
    w = random.normal(size=COLUMNS) * (random.uniform(size=COLUMNS) < 0.4)
    y = np.where(random.uniform(size=ROWS) < 1 / (1 + np.exp(-5 * a @ w)), 1.0, -1.0)
    return a, y


def smooth_gradient(a, y, x, l2):
    return -a.T @ (y / (1 + np.exp(y * (a @ x)))) / len(y) + l2 * x


def minimizer(a, y, l1, l2):
    # scikit-learn: C sum of losses + ratio |x|_1 + (1 - ratio) |x|^2 / 2
    scale = 1 / (ROWS * (l1 + l2))
    model = LogisticRegression(solver="saga", l1_ratio=l1 / (l1 + l2), penalty="elasticnet", C=scale,
                               fit_intercept=False, tol=1e-12, max_iter=1_000_000)
    rough = model.fit(a, y).coef_[0]
    support = np.abs(rough) > 1e-7
    x = np.where(support, rough, 0.0)
    sub = a[:, support]
    for _ in range(20):
        g = (smooth_gradient(a, y, x, l2) + l1 * np.sign(x))[support]
        p = 1 / (1 + np.exp(-(a @ x)))
        h = sub.T @ (sub * (p * (1 - p))[:, None]) / ROWS + l2 * np.eye(support.sum())
        x[support] -= np.linalg.solve(h, g)
    # Optimal: on the support the gradient is -l1 sign(x), elsewhere it is smaller than l1.
    g = smooth_gradient(a, y, x, l2)
    assert np.abs(g[support] + l1 * np.sign(x[support])).max() < 1e-14
    assert np.abs(g[~support]).max() < 0.999 * l1
    assert np.abs(x - rough).max() < 1e-6, np.abs(x - rough).max()
    return x


def main():
    folder = pathlib.Path(__file__).parent
    a, y = data()
    with open(folder / "sparse_logistic.libsvm", "w") as out:
        for row, label in zip(a, y):
            entries = " ".join(f"{j + 1}:{float(row[j])!r}" for j in np.flatnonzero(row))
            out.write(f"{int(label):+d} {entries}\n")
    solutions = [minimizer(a, y, l1, l2) for l1, l2 in PROBLEMS]
    with open(folder / "sparse_logistic.csv", "w") as out:
        out.write(",".join(f"l1={l1} l2={l2}" for l1, l2 in PROBLEMS) + "\n")
        for values in zip(*solutions):
            out.write(",".join(repr(float(v)) for v in values) + "\n")
    print([int((s != 0).sum()) for s in solutions])


main()
