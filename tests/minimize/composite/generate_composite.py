"""Writes composite.csv: solutions of problems with a term that has a prox, on the data of lasso.csv.

python3 generate_composite.py   (numpy, scikit-learn)

Columns: kind, weight, second weight, 12 coefficients. A and b are those of lasso.csv, labels are the signs of b.
elastic_net: |A x - b|^2 / 2 + weight |x|_1 + second / 2 |x|^2, by scikit-learn. group_lasso: |A x - b|^2 / 2 + weight
sum of |x_g| over groups of 3. logistic: sum log(1 + exp(-y a'x)) + weight |x|_1, by scikit-learn's liblinear; both are
polished by Newton steps on the support. All are certified: the subgradient that is least in norm is below 1e-12.
"""
import csv
import os

import numpy as np
from sklearn.linear_model import ElasticNet, LogisticRegression

here = os.path.dirname(os.path.abspath(__file__))
rows = [r for r in csv.reader(open(os.path.join(here, "lasso.csv"))) if r[0] == "data"]
A = np.array([[float(v) for v in r[2:14]] for r in rows])
b = np.array([float(r[14]) for r in rows])
y = np.sign(b)
m, n = A.shape


def sparse_residual(x, g, w):
    return np.where(x != 0, g + w * np.sign(x), np.sign(g) * np.maximum(np.abs(g) - w, 0))


def group_residual(x, g, w):
    out = np.zeros(n)
    for k in range(0, n, 3):
        s = slice(k, k + 3)
        size = np.linalg.norm(x[s])
        if size > 0:
            out[s] = g[s] + w * x[s] / size
        else:
            out[s] = g[s] * max(0, 1 - w / np.linalg.norm(g[s]))
    return out


def elastic_net(w, second):
    model = ElasticNet(alpha=(w + second) / m, l1_ratio=w / (w + second), fit_intercept=False, tol=1e-15,
                       max_iter=1_000_000)
    x = model.fit(A, b).coef_
    on = x != 0
    polished = np.zeros(n)
    polished[on] = np.linalg.solve(A[:, on].T @ A[:, on] + second * np.eye(on.sum()),
                                   A[:, on].T @ b - w * np.sign(x[on]))
    assert np.abs(polished - x).max() < 1e-7
    return polished, sparse_residual(polished, A.T @ (A @ polished - b) + second * polished, w)


def group_lasso(w):
    x = np.zeros(n)
    step = 1 / np.linalg.norm(A, 2) ** 2
    for _ in range(20000):
        x = x - step * (A.T @ (A @ x - b))
        for k in range(0, n, 3):
            size = np.linalg.norm(x[k:k + 3])
            x[k:k + 3] *= max(0, 1 - step * w / size) if size > 0 else 0
    on = x != 0
    for _ in range(20):
        g = A.T @ (A @ x - b)
        H = A.T @ A
        for k in range(0, n, 3):
            s = slice(k, k + 3)
            size = np.linalg.norm(x[s])
            if size > 0:
                g[s] += w * x[s] / size
                H[s, s] += w * (np.eye(3) / size - np.outer(x[s], x[s]) / size ** 3)
        x[on] -= np.linalg.solve(H[np.ix_(on, on)], g[on])
    return x, group_residual(x, A.T @ (A @ x - b), w)


def logistic_gradient(x):
    return A.T @ (-y / (1 + np.exp(y * (A @ x))))


def logistic(w):
    model = LogisticRegression(penalty="l1", solver="liblinear", C=1 / w, fit_intercept=False, tol=1e-12,
                               max_iter=1_000_000)
    found = model.fit(A, y).coef_[0]
    x = found.copy()
    on = x != 0
    for _ in range(20):
        p = 1 / (1 + np.exp(-(A @ x)))
        H = A.T @ (A * (p * (1 - p))[:, None])
        x[on] -= np.linalg.solve(H[np.ix_(on, on)], (logistic_gradient(x) + w * np.sign(x))[on])
    assert np.abs(x - found).max() < 1e-6, np.abs(x - found).max()
    return x, sparse_residual(x, logistic_gradient(x), w)


with open(os.path.join(here, "composite.csv"), "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    cases = [("elastic_net", w, s, elastic_net(w, s)) for w, s in [(0.5, 0.5), (4.0, 1.0), (10.0, 5.0)]]
    cases += [("group_lasso", w, 0.0, group_lasso(w)) for w in [0.5, 5.0, 20.0]]
    cases += [("logistic", w, 0.0, logistic(w)) for w in [0.1, 0.5, 2.0]]
    for kind, w, second, (x, residual) in cases:
        print(f"{kind:12} {w} {second}: {np.count_nonzero(x)} not zero, residual {np.abs(residual).max():.1e}")
        assert np.abs(residual).max() < 1e-12
        out.writerow([kind, w, second, *map(repr, map(float, x))])
