"""Writes incremental_mixture.csv: the mixture in its covariance form, C <- (1 - w)(C + w e e'), with numpy's inverses.

    mixture,component,weight,age,logdet,mean (3),precision (9, by rows)
    recall,known value of coordinate 1,expected coordinates 0 and 2
    chi,tail,degrees,quantile of scipy

Points: x_t = centre[t mod 3] + 0.5 sin of (t + 1)(1.3, 2.7, 3.9) and products. pip install numpy scipy
"""

import csv
import os

import numpy as np
from scipy.stats import chi2

CENTRES = np.array([[0, 0, 0], [6, 1, -2], [-3, 5, 2]])
D = 3


def point(t):
    s = np.sin((t + 1) * np.array([1.3, 2.7, 3.9]))
    return CENTRES[t * t % 3 + (t % 5 == 0)] + 0.9 * s + 0.5 * np.array([s[1] * s[2], s[0], s[0] * s[1]])


def log_normal(x, mu, C):
    e = x - mu
    return -0.5 * (len(x) * np.log(2 * np.pi) + np.linalg.slogdet(C)[1] + e @ np.linalg.inv(C) @ e)


def posterior(x, parts):
    logs = np.array([log_normal(x, c["mu"], c["C"]) + np.log(c["sp"]) for c in parts])
    p = np.exp(logs - logs.max())
    return p / p.sum()


components = []
novel = chi2.isf(0.01, D)
for t in range(300):
    x = point(t)
    if all((x - c["mu"]) @ np.linalg.inv(c["C"]) @ (x - c["mu"]) >= novel for c in components):
        components.append({"mu": x, "C": np.diag((0.5 * np.array([3.0, 2.5, 2.0])) ** 2), "sp": 1.0, "v": 1})
        print("component at", t)
        continue
    for c, p in zip(components, posterior(x, components)):
        c["v"] += 1
        c["sp"] += p
        w = p / c["sp"]
        e = x - c["mu"]
        c["C"] = (1 - w) * (c["C"] + w * np.outer(e, e))
        c["mu"] = c["mu"] + w * e

rows = []
number = lambda values: ["%.17g" % v for v in values]
for j, c in enumerate(components):
    rows.append(["mixture", j, *number([c["sp"], c["v"], np.linalg.slogdet(c["C"])[1]]), *number(c["mu"]),
                 *number(np.linalg.inv(c["C"]).ravel())])
for value in (-1.0, 0.7, 4.5):
    parts, answers = [], []
    for c in components:
        C, mu = c["C"], c["mu"]
        parts.append({"mu": mu[[1]], "C": C[np.ix_([1], [1])], "sp": c["sp"]})
        answers.append(mu[[0, 2]] + C[[0, 2], 1] / C[1, 1] * (value - mu[1]))
    rows.append(["recall", value, *number(posterior(np.array([value]), parts) @ np.array(answers))])
for tail in (1e-12, 1e-3, 0.1, 0.5, 0.9, 0.9999):
    for degrees in (1, 2, 5, 64, 1000):
        rows.append(["chi", tail, degrees, "%.17g" % chi2.isf(tail, degrees)])
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "incremental_mixture.csv"), "w", newline="") as file:
    csv.writer(file, lineterminator="\n").writerows(rows)
