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

# GRACE: 40 edits of 5 labels in the plane, radius .35, values the labels. Actions 0 added, 1 expanded, 2 covered,
# 3 separated.
H = matrix(2, 40, 7).T
keys, radii, labels, actions = [], [], [], []
for n, h in enumerate(H):
    label = n % 5
    distances = [np.linalg.norm(h - key) for key in keys]
    i = int(np.argmin(distances)) if keys else -1
    if i < 0 or distances[i] > 0.35 + radii[i]:
        new, action = 0.35, 0
    elif labels[i] == label:
        new, action = None, 1 if distances[i] > radii[i] else 2
        radii[i] = max(radii[i], distances[i])
    else:
        new, action = distances[i] / 2, 3
        radii[i] = distances[i] / 2 - 1e-5
    if new is not None:
        keys.append(h)
        radii.append(new)
        labels.append(label)
    actions.append(action)
print("grace: actions", [actions.count(a) for a in range(4)])
write("grace_actions", actions)
write("grace_radii", radii)
write("grace_labels", labels)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.csv"), "w") as file:
    file.write("\n".join(rows) + "\n")
