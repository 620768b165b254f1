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



def admm(W, H, mask, sparsity=0.6, iterations=8, ramp=5, rho=1.3, damping=0.1, precondition=True, scope="matrix"):
    """W is inputs x outputs here; mask None: chosen on the way."""
    n, p = W.shape
    d = np.sqrt(np.diag(H)) if precondition else np.ones(n)
    H, dense = H / np.outer(d, d), W * d[:, None]
    H = H + damping * np.mean(np.diag(H)) * np.eye(n)

    def smallest(values, count):  # places in a vector, ties by index
        return np.argsort(values, kind="stable")[:count]

    def choose(A, part):
        flat = np.abs(A).T.ravel()  # output by output
        keep = np.ones(n * p, bool)
        if scope == "matrix":
            keep[smallest(flat, int(part * sparsity * n * p))] = False
        elif scope == "per_output":
            for j in range(p):
                keep[j * n + smallest(flat[j * n:(j + 1) * n], int(part * sparsity * n))] = False
        else:  # 2 of 4
            for g in range(0, n * p, 4):
                flat[g + np.argsort(-flat[g:g + 4], kind="stable")[:2]] = np.inf
            keep[smallest(flat, int(part * (n * p // 2)))] = False
        return keep.reshape(p, n).T

    Y, F = H @ dense, np.linalg.inv(H + rho * np.eye(n))
    What, U = dense.copy(), np.zeros_like(W)
    given = mask is not None
    if not given and ramp == 0:
        mask = choose(What, 1.0)
    for k in range(iterations):
        if not given and k < ramp:
            mask = choose(What + U, 1 - (1 - (k + 1) / ramp) ** 3)
        Z = (What + U) * mask
        U = U + What - Z
        What = F @ (Y + rho * (Z - U))
    return ((What + U) * mask / d[:, None]).T


X = matrix(8, 30, 8) * np.linspace(0.3, 3, 8)[:, None]
H = X @ X.T
W = matrix(6, 8, 9).T
write("admm_given", admm(W, H, matrix(6, 8, 10).T > 0))
write("admm_plain", admm(W, H, matrix(6, 8, 10).T > 0, precondition=False))
write("admm_wanda", admm(W, H, None, ramp=0))
for scope in ("matrix", "per_output", "two_of_four"):
    write("admm_" + scope, admm(W, H, None, scope=scope))

# TIES: three tasks, the largest 40 per cent of each change, half of the merged change; slerp as a rotation in a plane.
base = matrix(5, 8, 11)
changes = []
for k in range(3):
    tau = matrix(5, 8, 12 + k) - base
    flat = tau.T.ravel()  # columns one after another
    flat[np.argsort(-np.abs(flat), kind="stable")[16:]] = 0
    changes.append(flat.reshape(8, 5).T)
changes = np.array(changes)
elected = np.sign(changes.sum(axis=0))
agree = (np.sign(changes) == elected) & (changes != 0)
mean = (changes * agree).sum(axis=0) / np.maximum(agree.sum(axis=0), 1)
write("ties", base + 0.5 * mean)
old, new = matrix(5, 8, 11).ravel(), 3 * matrix(5, 8, 12).ravel()
theta = np.arccos(old @ new / np.linalg.norm(old) / np.linalg.norm(new))
write("slerp", (np.sin(0.3 * theta) * old + np.sin(0.7 * theta) * new) / np.sin(theta))

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.csv"), "w") as file:
    file.write("\n".join(rows) + "\n")
