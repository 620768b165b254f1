"""Writes golden.csv: edits of weights in numpy from the formulas, with inverses where the library has triangles.

    name, the numbers of a matrix row by row

pip install numpy; python3 generate_golden.py
"""

import os

import numpy as np


def matrix(m, n, seed):
    i, j = np.indices((m, n))
    return np.cos(((i + 1) * (j + 3) * (j + 3) + seed * (i + 2) * (i + 2)) % 1000)


rows = []


def write(name, values):
    rows.append(",".join([name] + ["%.17g" % v for v in np.asarray(values, dtype=float).ravel()]))


# Closed-form edits: 5 outputs, 7 inputs, 3 keys, second moments of 20 keys of different sizes.
samples = matrix(7, 20, 1) * np.linspace(0.2, 2, 7)[:, None]
C = samples @ samples.T / 20
W, K, V = matrix(5, 7, 2), matrix(7, 3, 3), matrix(5, 3, 4)
R = V - W @ K
Ci = np.linalg.inv(C)
write("memit", W + R @ K.T @ np.linalg.inv(2.5 * C + K @ K.T))
write("emmet", W + R @ np.linalg.inv(K.T @ Ci @ K) @ K.T @ Ci)
write("relaxed", W + R @ np.linalg.inv(K.T @ Ci @ K + 0.1 * np.eye(3)) @ K.T @ Ci)
k, r = K[:, :1], R[:, :1]
q = Ci @ k
write("rome", W + r @ q.T / (k.T @ q))
Cr = np.linalg.inv(C + 0.3 * np.eye(7))
write("ridge", W + R @ np.linalg.inv(K.T @ Cr @ K) @ K.T @ Cr)
many, wanted = matrix(7, 12, 5), matrix(5, 12, 6)
write("many", W + (wanted - W @ many) @ many.T @ np.linalg.inv(2.5 * C + many @ many.T))

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.csv"), "w") as file:
    file.write("\n".join(rows) + "\n")
