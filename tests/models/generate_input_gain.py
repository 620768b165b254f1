"""Writes input_gain.csv: training of a network with one hidden layer by optimal input gains, in numpy from the formulas.

    scale of the first W, method, whitening, iteration, error, norm of W, W[0, 0], W[3, 1], W[1, 3]

Least squares by numpy's SVD, gradients and gains by sums over patterns, whitening by eigenvectors or Cholesky factors of
the autocorrelation. pip install numpy; python3 generate_input_gain.py
"""

import csv
import os

import numpy as np

PATTERNS, INPUTS, HIDDEN, OUTPUTS, ITERATIONS = 30, 3, 4, 2, 8
p = np.arange(PATTERNS)
X = np.stack([np.sin(1 + 0.7 * p), 0.2 * np.cos(0.4 * p * p), 5 * np.sin(2 + 1.3 * p)], axis=1)
T = np.stack([np.tanh(2 * X[:, 0] + 5 * X[:, 1]), X[:, 0] * X[:, 2] / 5 + np.cos(X[:, 2])], axis=1)
W0 = np.array([[np.sin(1 + 2 * k + 3 * j) for j in range(INPUTS + 1)] for k in range(HIDDEN)])
Xa = np.hstack([X, np.ones((PATTERNS, 1))])


def sigmoid(net):
    return 1 / (1 + np.exp(-net))


def fit(W):
    """Output weights of least error, and the error."""
    O = sigmoid(Xa @ W.T)
    Z = np.hstack([Xa, O])
    Wo = np.linalg.lstsq(Z, T, rcond=None)[0].T
    residual = T - Z @ Wo.T
    return Wo[:, INPUTS + 1:], residual, O, np.sum(residual**2) / PATTERNS


def whitening_matrix(kind):
    R = Xa.T @ Xa / PATTERNS
    values, Q = np.linalg.eigh(R)
    if kind == "klt":
        return np.diag(values**-0.5) @ Q.T
    if kind == "zca":
        return Q @ np.diag(values**-0.5) @ Q.T
    return np.linalg.inv(np.linalg.cholesky(R))


def step_of(method, whitening, Woh, residual, O):
    slope = O * (1 - O)
    delta = slope * (residual @ Woh)
    G = sum(2 / PATTERNS * np.outer(delta[q], Xa[q]) for q in range(PATTERNS))
    if method in ("bp", "hwo"):
        D = G if method == "bp" else G @ np.linalg.inv(Xa.T @ Xa / PATTERNS)
        s = np.array([[sum(Woh[i, k] * slope[q, k] * (D[k] @ Xa[q]) for k in range(HIDDEN)) for i in range(OUTPUTS)]
                      for q in range(PATTERNS)])
        return np.sum(residual * s) / np.sum(s * s) * D
    A = np.eye(INPUTS + 1) if method == "oig_bp" else whitening_matrix(whitening)
    B, g = Xa @ A.T, G @ A.T
    d = np.sum(g**2, axis=0)
    v = np.einsum("pm,ik,pk,km->pim", B, Woh, slope, g)
    H = 2 / PATTERNS * np.einsum("pim,piu->mu", v, v)
    r = np.linalg.solve(H, d)
    return g @ np.diag(r) @ A


rows = []
for scale in (1, 5):  # the larger one makes steps that are halved
    for method, whitening in [("bp", "klt"), ("oig_bp", "klt"), ("hwo", "klt"), ("oig_hwo", "klt"), ("oig_hwo", "zca"),
                              ("oig_hwo", "cholesky")]:
        W = scale * W0
        Woh, residual, O, error = fit(W)
        for iteration in range(ITERATIONS + 1):
            rows.append([scale, method, whitening, iteration] +
                        ["%.17g" % v for v in (error, np.linalg.norm(W), W[0, 0], W[3, 1], W[1, 3])])
            step = step_of(method, whitening, Woh, residual, O)
            for halving in range(13):
                trial = W + 0.5**halving * step
                found = fit(trial)
                if found[3] <= error:
                    W, (Woh, residual, O, error) = trial, found
                    break
            if halving > 0:
                print(scale, method, whitening, "iteration", iteration, "halved", halving)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "input_gain.csv"), "w", newline="") as file:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["scale", "method", "whitening", "iteration", "error", "norm", "W00", "W31", "W13"])
    writer.writerows(rows)
