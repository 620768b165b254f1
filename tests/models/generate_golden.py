"""Writes golden.csv: least absolute deviations by scipy's linear programs, orthogonal matching pursuit by scikit-learn,
on matrices of cosines of whole numbers that the tests build again.

    l1, rows, columns, seed, least |y - A x|_1, x
    omp, rows, columns, seed, k, support in the order of selection, coefficients in that order

pip install numpy scipy scikit-learn; python3 generate_golden.py
"""

import os
import warnings

import numpy as np
from scipy.optimize import linprog
from sklearn.linear_model import orthogonal_mp

warnings.simplefilter("error")


def matrix(m, n, seed):
    i, j = np.arange(m)[:, None], np.arange(n)[None, :]
    return np.cos(((i + 1.0) * (j + 3) ** 2 + seed * (i + 2) ** 2) % 1000)


def vector(m, seed):
    i = np.arange(m)
    return np.cos(((i + 5.0) ** 3 + seed * i) % 1000)


def least_absolute_deviations(A, y):
    m, n = A.shape  # minimize sum s over -s <= y - A x <= s
    c = np.r_[np.zeros(n), np.ones(m)]
    G = np.block([[A, -np.eye(m)], [-A, -np.eye(m)]])
    found = linprog(c, A_ub=G, b_ub=np.r_[y, -y], bounds=[(None, None)] * n + [(0, None)] * m, method="highs-ds",
                    options={"dual_feasibility_tolerance": 1e-10, "primal_feasibility_tolerance": 1e-10})
    assert found.status == 0
    x = found.x[:n]
    kept = np.argsort(np.abs(y - A @ x))[:n]  # a vertex: n rows are met, which gives its last digits
    polished = np.linalg.solve(A[kept], y[kept])
    assert np.allclose(polished, x, atol=1e-7)
    return np.abs(y - A @ polished).sum(), polished


def selections(A, y, k):
    """The order of selection, which scikit-learn does not tell: from its path."""
    path = orthogonal_mp(A, y, n_nonzero_coefs=k, return_path=True).reshape(A.shape[1], -1)
    order = []
    for step in range(path.shape[1]):
        new = [j for j in np.flatnonzero(path[:, step]) if j not in order]
        assert len(new) == 1
        order += new
    return order, path[:, -1][order]


rows = []
for m, n, seed in [(9, 1, 1), (20, 3, 2), (35, 7, 3), (60, 12, 4), (90, 25, 5), (40, 20, 6)]:
    value, x = least_absolute_deviations(matrix(m, n, seed), vector(m, seed))
    rows.append(["l1", m, n, seed, value, *x])
for m, n, k, seed in [(15, 30, 5, 7), (40, 25, 12, 8), (60, 200, 20, 9)]:
    A = matrix(m, n, seed)
    order, x = selections(A / np.linalg.norm(A, axis=0), vector(m, seed), k)
    rows.append(["omp", m, n, seed, k, *order, *x])

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.csv"), "w") as file:
    for row in rows:
        file.write(",".join(v if isinstance(v, str) else repr(int(v)) if isinstance(v, (int, np.integer)) else repr(float(v))
                            for v in row) + "\n")
