"""Writes dual_gaussian_process.csv: the dual process in numpy from the formulas, with plain inverses.

    gaussian,kernel,x,mean,variance            Z fixed; kernel 0: squared exponential, 1: Matern 5/2
    exact,x,mean,variance                      a Gaussian process of all data
    spaced,x,mean,variance                     the same of 14 points from -4 to 4, y = sin(2 x)
    titsias,x,mean,variance                    the variational posterior, from its own formula
    bernoulli,natural steps,x,mean,variance    one batch, Gauss and Hermite's 20 nodes
    moved,x,mean,variance                      learned at Z, moved to Z + 0.1, learned again

Points x_i = 4 sin(i + 1), y_i = sin(2 x_i) + 0.1 cos(7 i), labels: the sign of y + 0.3. pip install numpy
"""

import csv
import os

import numpy as np

N = 30
x = 4 * np.sin(np.arange(N) + 1.0)
y = np.sin(2 * x) + 0.1 * np.cos(7 * np.arange(N))
labels = np.where(y + 0.3 > 0, 1.0, -1.0)
Z = np.linspace(-4, 4, 9)
at = np.array([-3.3, -0.2, 1.7, 5.0])
SIGNAL, LENGTH, NOISE = 1.3, 0.8, 0.05


def kernel(a, b, matern=False):
    r = np.abs(a[:, None] - b[None, :]) / LENGTH
    s = np.sqrt(5) * r
    return SIGNAL * ((1 + s + s**2 / 3) * np.exp(-s) if matern else np.exp(-r**2 / 2))


def predict(Z, l1, L2, t, matern=False):
    K, k = kernel(Z, Z, matern), kernel(t, Z, matern)
    R = np.linalg.inv(K + L2)
    return k @ R @ l1, SIGNAL - np.einsum("ij,jk,ik->i", k, np.linalg.inv(K) - R, k)


def slopes(y, mean, var):
    nodes, weights = np.polynomial.hermite.hermgauss(20)
    f = mean[:, None] + np.sqrt(2 * var)[:, None] * nodes
    wrong = 1 / (1 + np.exp(y[:, None] * f))
    a = (y[:, None] * wrong) @ weights / np.sqrt(np.pi)
    b = -0.5 * (wrong * (1 - wrong)) @ weights / np.sqrt(np.pi)
    return a, np.minimum(b, -1e-8)


def learn(Z, l1, L2, x, y, steps=1, bernoulli=False, matern=False):
    k = kernel(Z, x, matern)
    t1, T2 = np.zeros(len(Z)), np.zeros((len(Z), len(Z)))
    for _ in range(steps):
        mean, var = predict(Z, l1, L2, x, matern)
        a, b = slopes(y, mean, var) if bernoulli else ((y - mean) / NOISE, np.full(len(x), -0.5 / NOISE))
        n1, N2 = k @ (a - 2 * b * mean), k @ np.diag(-2 * b) @ k.T
        l1, L2 = l1 + n1 - t1, L2 + N2 - T2
        t1, T2 = n1, N2
    return l1, L2


rows = []


def add(name, mean, var):
    rows.extend([*name, "%.17g" % a, "%.17g" % b, "%.17g" % c] for a, b, c in zip(at, mean, var))


zero = np.zeros(9), np.zeros((9, 9))
for matern in (False, True):
    add(["gaussian", int(matern)], *predict(Z, *learn(Z, *zero, x, y, matern=matern), at, matern))
spaced = np.linspace(-4, 4, 14)
for name, p, v in (("exact", x, y), ("spaced", spaced, np.sin(2 * spaced))):
    C = np.linalg.inv(kernel(p, p) + NOISE * np.eye(len(p)))
    k = kernel(at, p)
    add([name], k @ C @ v, SIGNAL - np.einsum("ij,jk,ik->i", k, C, k))
K, Kx, ka = kernel(Z, Z), kernel(Z, x), kernel(at, Z)
S = np.linalg.inv(NOISE * K + Kx @ Kx.T)  # Titsias 2009: q(u) = N(K S Kx y, NOISE K S K)
mu, A = K @ S @ Kx @ y, NOISE * K @ S @ K
P = ka @ np.linalg.inv(K)
add(["titsias"], P @ mu, SIGNAL - np.sum(P * ka, axis=1) + np.einsum("ij,jk,ik->i", P, A, P))
end = learn(Z, *zero, x, labels, 200, True)
for steps in (1, 2, 4, 8, 16):
    found = learn(Z, *zero, x, labels, steps, True)
    add(["bernoulli", steps], *predict(Z, *found, at))
    print(steps, np.abs(predict(Z, *found, at)[0] - predict(Z, *end, at)[0]).max())
l1, L2 = learn(Z, *zero, x[:15], y[:15])
A = np.linalg.inv(kernel(Z, Z)) @ kernel(Z, Z + 0.1)
add(["moved"], *predict(Z + 0.1, *learn(Z + 0.1, A.T @ l1, A.T @ L2 @ A, x[15:], y[15:]), at))
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "dual_gaussian_process.csv"), "w",
          newline="") as file:
    csv.writer(file, lineterminator="\n").writerows(rows)
