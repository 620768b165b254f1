"""Writes golden.csv: points of methods for games, in plain numpy from the formulas of the papers.

Each line: method, steps, coefficients of the point. Run as: python3 generate_golden.py > golden.csv
"""
import itertools

import numpy as np

# A monotone affine operator of four variables.
M = np.array([[1, 2, -0.5, 0.25], [-2, 0.5, 1, -0.75], [0.5, -1, 0, 1.5], [-0.25, 0.75, -1.5, 0]])
c = np.array([0.5, -1, 0.25, 2])
start = np.array([0.3, -0.2, 0.9, -0.6])
eta = 0.15


def show(name, steps, z):
    print(",".join([name, str(steps)] + [repr(float(v)) for v in z]))


def V(z):
    return M @ z + c


def extragradient(project, steps, anchored):
    z0 = z = project(start)
    for k in range(steps):
        toward = (z0 - z) / (k + 2) if anchored else 0
        w = project(z + toward - eta * V(z))
        z = project(z + toward - eta * V(w))
    return z


def optimistic(project, steps, anchored):
    """The indices of the paper: z_t and the points played between, z_{t+1/2}."""
    first = z = half = project(start)  # z_1, and what was played first
    for t in range(1, steps + 1):
        g = V(half)
        z = project(z - eta * g + (anchored and t > 1) * (first - z) / (t + 1))  # z_{t+1}
        half = project(z - eta * g + anchored * (first - z) / (t + 2))  # z_{t+1+1/2}
    return half


for bounded, project in (("", lambda z: z), (" on a box", lambda z: np.clip(z, -0.4, 0.5))):
    for steps in (1, 2, 3, 10):
        show("OptimisticGradient" + bounded, steps, optimistic(project, steps, False))
        show("AcceleratedOptimisticGradient" + bounded, steps, optimistic(project, steps, True))
        show("Extragradient" + bounded, steps, extragradient(project, steps, False))
        show("Extragradient anchored" + bounded, steps, extragradient(project, steps, True))


def softmax(v):
    e = np.exp(v - np.max(v))
    return e / e.sum()


# Magnetic mirror descent of two players, with probabilities and powers.
A = (np.array([[0, -3, 3], [3, 0, -1], [-3, 1, 0]]) + 3) / 6
x, y = np.array([0.5, 0.3, 0.2]), np.array([0.25, 0.25, 0.5])
rho_x, rho_y = np.array([0.2, 0.2, 0.6]), np.ones(3) / 3
for t in range(1, 21):
    step, alpha, k = 0.7 / np.sqrt(t), 0.5 / np.sqrt(t), 0.1
    power = 1 / (1 + step * alpha)

    def move(pi, rho, q):
        new = (pi * rho ** (step * alpha) * np.exp(step * q)) ** power
        return new / new.sum()

    x, y = move(x, rho_x, A @ y), move(y, rho_y, -A.T @ x)
    rho_x = rho_x ** (1 - k) * x**k
    rho_y = rho_y ** (1 - k) * y**k
    rho_x, rho_y = rho_x / rho_x.sum(), rho_y / rho_y.sum()
    if t in (1, 2, 20):
        show("MagneticMirrorDescent", t, np.concatenate([x, y]))

# Kuhn poker, its payoffs found by walking the tree; sequences are named by card and what was said.
names_1 = [(card, said) for card in range(3) for said in ("k", "b", "kbf", "kbc")]
names_2 = [(card, said) for card in range(3) for said in ("kk", "kb", "bf", "bc")]
U = np.zeros((12, 12))
for one, two in itertools.permutations(range(3), 2):
    for end in ("kk", "kbf", "kbc", "bf", "bc"):
        folds = end.endswith("f")
        stake = 2 if end.endswith("c") else 1
        winner = (-1 if end == "kbf" else 1) if folds else (1 if one > two else -1)
        mine = end if end.startswith("kb") else end[0]
        theirs = end[:2]
        U[names_1.index((one, mine)), names_2.index((two, theirs))] += winner * stake / 6


def infosets(names, before):
    """Lists of sequences that are chosen together, with the sequence that leads there."""
    found = {}
    for s, (card, said) in enumerate(names):
        found.setdefault((card, said[:-1]), []).append(s)
    return [(names.index((card, before[h])) if before[h] else None, group) for (card, h), group in found.items()]


tree_1 = infosets(names_1, {"": None, "kb": "k"})
tree_2 = infosets(names_2, {"k": None, "b": None})


def gradient(tree, z):
    g = np.zeros(12)
    for parent, group in tree:
        g[group] += np.log(z[group] / (1 if parent is None else z[parent])) + 1
        if parent is not None:
            g[parent] -= 1
    return g


def least(tree, g):
    """argmin <g, z> + psi(z): from the leaves to the root and back."""
    g = g.copy()
    choice = np.zeros(12)
    for parent, group in reversed(tree):
        choice[group] = softmax(-g[group])
        if parent is not None:
            g[parent] -= np.log(np.exp(-g[group]).sum())
    z = np.zeros(12)
    for parent, group in tree:
        z[group] = choice[group] * (1 if parent is None else z[parent])
    return z


x, y = np.array([0.5, 0.5, 0.25, 0.25] * 3), np.full(12, 0.5)
rho = x, y
for t in range(1, 51):
    step = alpha = 1 / np.sqrt(t)

    def move(tree, z, magnet, G):
        return least(tree, (step * G - gradient(tree, z) - step * alpha * gradient(tree, magnet)) / (1 + step * alpha))

    x, y = move(tree_1, x, rho[0], -U @ y), move(tree_2, y, rho[1], U.T @ x)
    if t in (1, 2, 50):
        show("Kuhn poker", t, np.concatenate([x, y]))
