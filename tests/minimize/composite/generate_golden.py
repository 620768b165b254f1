"""Writes lasso.csv: problems and their solutions by scikit-learn (the lasso) and scipy (boxes and simplexes).

python3 generate_golden.py   (numpy, scipy, scikit-learn)

Columns: kind, weight, index of the row, 12 coefficients of a row of A, b. Then one row "solution" per problem with its
12 coefficients. lasso: |A x - b|^2 / 2 + weight |x|_1; box: |A x - b|^2 / 2 on [-weight, weight]; simplex: on the
simplex with the sum weight.
"""
import csv
import os

import numpy as np
from scipy.optimize import lsq_linear, minimize
from sklearn.linear_model import Lasso

rng = np.random.default_rng(20)
m, n = 20, 12
A = np.round(rng.standard_normal((m, n)), 3)
x_true = np.zeros(n)
x_true[[1, 4, 9]] = [1.5, -2.0, 0.7]
b = np.round(A @ x_true + 0.1 * rng.standard_normal(m), 3)


def simplex(total):
    """By SLSQP from the centre, then exactly on the support that it finds."""
    f = lambda x: 0.5 * np.sum((A @ x - b) ** 2)
    g = lambda x: A.T @ (A @ x - b)
    r = minimize(f, np.full(n, total / n), jac=g, bounds=[(0, None)] * n, method="SLSQP",
                 constraints={"type": "eq", "fun": lambda x: x.sum() - total, "jac": lambda x: np.ones(n)},
                 options={"ftol": 1e-15, "maxiter": 1000})
    free = r.x > 1e-6 * total
    k = free.sum()
    kkt = np.zeros((k + 1, k + 1))
    kkt[:k, :k] = A[:, free].T @ A[:, free]
    kkt[:k, k] = kkt[k, :k] = 1
    s = np.linalg.solve(kkt, np.append(A[:, free].T @ b, total))
    x = np.zeros(n)
    x[free] = s[:k]
    slope = g(x)
    assert (x >= 0).all() and (slope + s[k] >= -1e-9).all()
    return x


with open(os.path.join(os.path.dirname(__file__), "lasso.csv"), "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    for i in range(m):
        out.writerow(["data", 0, *A[i], b[i]])
    for weight in [0.1, 2.0, 15.0]:
        lasso = Lasso(alpha=weight / m, fit_intercept=False, tol=1e-15, max_iter=1_000_000)
        out.writerow(["lasso", weight, *map(repr, map(float, lasso.fit(A, b).coef_)), 0])
    for weight in [0.5, 1.0]:
        r = lsq_linear(A, b, bounds=(-weight, weight), method="bvls", tol=1e-15)
        out.writerow(["box", weight, *map(repr, map(float, r.x)), 0])
    for weight in [1.0, 3.0]:
        out.writerow(["simplex", weight, *map(repr, map(float, simplex(weight))), 0])
