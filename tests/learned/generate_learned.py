"""Writes learned.csv, numpy versions of what is in learned/, with input made of cosines of whole numbers:

    evolution, d, pairs, sigma, seed, step, mean of the values, gradient
    policy, embedding, gru, targets, times, with lifetime, number of weights, pi_hat, y_hat time by time
    transport, rows, columns, epsilon, value of the dual, f with mean 0, P column by column: by Newton's method
    program, least cost of transport without entropy of a 5 x 5 problem: by scipy's linear program
    iterations, from zero, of the problem nearby, of it from the solution of the first: by Sinkhorn in numpy
    momentum_mlp, adafactor_mlp: rows, columns (0: a vector), steps, parameters after them column by column
    structured, steps, x after them, y after them: of the method whose parts are maps, on a lasso

pip install numpy scipy; python3 generate_learned.py
"""

import os

import numpy as np
from scipy.optimize import linprog

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def derive(key, number):
    return mix(key ^ mix((number + GOLDEN) & MASK))


def normal(key, counter):
    u = [((mix((key + (c + 1) * GOLDEN) & MASK) >> 12) + 0.5) * 2.0**-52 for c in (2 * counter, 2 * counter + 1)]
    return np.sqrt(-2 * np.log(u[0])) * np.cos(2 * np.pi * u[1])


def cosines(start, count):
    return np.cos((np.arange(count) + start) ** 2 % 1000 + 0.0)


def evolution(d, pairs, sigma, seed, step):
    x = cosines(3, d)
    f = lambda x: np.sin(x).sum() + (x[0] - x[-1]) ** 2
    key = derive(seed, step)
    e = np.array([[normal(derive(derive(key, i), 0), j) for j in range(d)] for i in range(pairs)])
    ahead = np.array([f(x + sigma * row) for row in e])
    behind = np.array([f(x - sigma * row) for row in e])
    return [(ahead.mean() + behind.mean()) / 2, *(((ahead - behind) / (2 * sigma)) @ e / pairs)]


def policy(e, g, m, T, lifetime):
    x = 7 if lifetime else 5
    shapes = [(e, m), (e, 1), (1, e), (1, 1)] + [(g, x)] * 3 + [(g, 1)] * 3 + [(g, g)] * 3 + [
        (g, 1), (1, g), (1, 1), (m, g), (m, 1)]
    size = sum(a * b for a, b in shapes)
    flat, parts = cosines(11, size), []
    for a, b in shapes:
        parts.append(flat[: a * b].reshape(a, b, order="F"))
        flat = flat[a * b:]
    W1, b1, w2, b2, Wr, Wz, Wn, br, bz, bn, Ur, Uz, Un, cn, v, c, V, d = parts
    r, pi = cosines(5, T), cosines(17, T) ** 2
    done = np.array([1.0 if t % 3 == 1 else 0.0 for t in range(T)])
    softmax = lambda a: np.exp(a - a.max(0)) / np.exp(a - a.max(0)).sum(0)
    y = softmax(cosines(23, m * T).reshape(m, T, order="F"))
    y1 = softmax(cosines(29, m * T).reshape(m, T, order="F"))
    relu = lambda a: np.maximum(a, 0)
    phi = lambda a: (w2 @ relu(W1 @ a + b1) + b2)[0]
    rows = [r, done, pi, phi(y), np.where(done == 1, 0, phi(y1))]
    if lifetime:
        rows += [np.full(T, 0.25), np.full(T, np.log(400.0))]
    X = np.array(rows)
    sigma = lambda a: 1 / (1 + np.exp(-a))
    h = np.zeros((g, 1))
    pi_hat, y_hat = np.zeros(T), np.zeros((m, T))
    for t in reversed(range(T)):
        if done[t]:
            h = np.zeros((g, 1))
        u = X[:, t:t + 1]
        reset, z = sigma(Wr @ u + br + Ur @ h), sigma(Wz @ u + bz + Uz @ h)
        n = np.tanh(Wn @ u + bn + reset * (Un @ h + cn))
        h = (1 - z) * n + z * h
        pi_hat[t] = (v @ relu(h) + c)[0, 0]
        y_hat[:, t] = softmax(V @ relu(h) + d)[:, 0]
    return [size, *pi_hat, *y_hat.T.ravel()]


def masses(start, n):
    a = 1 + 0.9 * cosines(start, n)
    return a / a.sum()


def transport(n, m, epsilon):
    C, a, b = 1 + cosines(31, n * m).reshape(n, m, order="F"), masses(37, n), masses(41, m)
    u = np.zeros(n + m)  # f, g: the dual is concave, and its Newton steps are halved until it rises
    plan = lambda u: np.exp(np.minimum((u[:n, None] + u[None, n:] - C) / epsilon, 500))
    dual = lambda u: (a @ (u[:n] - epsilon * np.log(a)) + b @ (u[n:] - epsilon * np.log(b))
                      + epsilon * (1 - plan(u).sum()))
    for _ in range(200):
        P = plan(u)
        r = np.r_[a - P.sum(1), b - P.sum(0)]
        if abs(r).max() < 1e-16:
            break
        H = np.block([[np.diag(P.sum(1)), P], [P.T, np.diag(P.sum(0))]]) / epsilon
        step, scale = np.linalg.lstsq(H + 1e-13 * np.eye(n + m), r, rcond=1e-14)[0], 1.0
        while scale > 1e-9 and not dual(u + scale * step) > dual(u) - 1e-16:
            scale /= 2
        u = u + scale * step
    P = plan(u)
    assert abs(P.sum(1) - a).max() < 1e-14 and abs(P.sum(0) - b).max() < 1e-14
    return [dual(u), *(u[:n] - u[:n].mean()), *P.T.ravel()]


def program():
    C, a, b = 1 + cosines(43, 25).reshape(5, 5, order="F"), masses(47, 5), masses(53, 5)
    A = np.vstack([np.kron(np.ones(5), np.eye(5)), np.kron(np.eye(5), np.ones(5))])  # P column by column
    found = linprog(C.T.ravel(), A_eq=A, b_eq=np.r_[a, b], method="highs-ds")
    assert found.status == 0
    return [found.fun]


def iterations():
    n, epsilon = 100, 0.01
    at = np.arange(n) / (n - 1)
    C = (at[:, None] - at[None]) ** 2

    def histogram(first, second):
        h = np.exp(-((at - first) / 0.1) ** 2) + 0.6 * np.exp(-((at - second) / 0.1) ** 2) + 1e-4
        return h / h.sum()

    def nearby(h, start):
        h = h * (1 + 0.05 * np.sqrt(2) * cosines(start, n))
        return h / h.sum()

    def lse(A, axis):
        most = A.max(axis, keepdims=True)
        return (most + np.log(np.exp(A - most).sum(axis, keepdims=True))).squeeze(axis)

    def sinkhorn(a, b, f):
        for t in range(1, 1000):
            g = epsilon * (np.log(b) - lse((f[:, None] - C) / epsilon, 0))
            f = epsilon * (np.log(a) - lse((g[None] - C) / epsilon, 1))
            if abs(np.exp((f[:, None] + g[None] - C) / epsilon).sum(0) - b).sum() <= 1e-6:
                return f, t

    a, b = histogram(0.2, 0.6), histogram(0.35, 0.65)
    f, cold = sinkhorn(a, b, np.zeros(n))
    a, b = nearby(a, 3), nearby(b, 8)
    return [cold, sinkhorn(a, b, np.zeros(n))[1], sinkhorn(a, b, f)[1]]


SCALES = np.array([1, 3, 10, 30, 100, 300, 1e3, 3e3, 1e4, 3e4, 1e5])


def network(flat, features, hidden, z, t):
    """z: features x coefficients; direction and magnitude of each."""
    parts, inputs = [], features + 11
    for rows_, cols in [(hidden, inputs), (hidden, hidden), (2, hidden)]:
        parts.append((flat[: rows_ * cols].reshape(rows_, cols, order="F"), flat[rows_ * cols: rows_ * (cols + 1)]))
        flat = flat[rows_ * (cols + 1):]
    assert len(flat) == 0
    z = z / np.sqrt(1e-5 + (z**2).mean(1, keepdims=True))
    x = np.vstack([z, np.tile(np.tanh(t / SCALES - 1)[:, None], (1, z.shape[1]))])
    for k, (W, b) in enumerate(parts):
        x = W @ x + b[:, None]
        if k < 2:
            x = np.maximum(x, 0)
    return x


def start_of(rows_, cols):
    shape = (rows_, max(cols, 1))
    p = cosines(61, shape[0] * shape[1]).reshape(shape, order="F")
    g = lambda t: (1 + t % 3) * cosines(67 + 10 * t, shape[0] * shape[1]).reshape(shape, order="F")
    return p, g


def momentum_mlp(rows_, cols, steps):
    p, g_of = start_of(rows_, cols)
    w = cosines(71, 32 * 20 + 32 * 33 + 66) / 4
    decays = [0.1, 0.5, 0.9, 0.99, 0.999, 0.9999]
    m = [np.zeros_like(p) for _ in decays]
    for t in range(steps):
        g = g_of(t)
        m = [b * old + (1 - b) * g for b, old in zip(decays, m)]
        z = np.array([a.ravel() for a in [g, p, *m]])
        direction, magnitude = network(w, 8, 32, z, t)
        p = p - (direction * np.exp(1e-3 * magnitude) * 1e-3).reshape(p.shape)
    return p.ravel(order="F")


def adafactor_mlp(rows_, cols, steps):
    p, g_of = start_of(rows_, cols)
    w = cosines(73, 7 + 4 * 40 + 4 * 5 + 10)
    theta, w = w[:7] / 100, w[7:]
    decay = lambda b, t: 1 - (1 - b) * np.exp(10 * t)
    three = [0.9, 0.99, 0.999]
    beta_m, beta_v, beta_f = ([decay(b, t) for b, t in zip(three, theta[:3])], decay(0.999, theta[3]),
                              [decay(b, t) for b, t in zip(three, theta[4:])])
    m, v = [np.zeros_like(p)] * 3, np.zeros_like(p)
    if cols:  # axis d0 is the largest, d1 the other one; of a square d0 is the second
        d1, d0 = [int(k) for k in np.argsort(p.shape, kind="stable")]
        r, c = [np.zeros(p.shape[d1])] * 3, [np.zeros(p.shape[d0])] * 3
    else:
        s = [np.zeros_like(p)] * 3
    for t in range(steps):
        g = g_of(t)
        S = g * g + 1e-30
        m = [b * old + (1 - b) * g for b, old in zip(beta_m, m)]
        v = beta_v * v + (1 - beta_v) * g * g
        root = 1 / np.sqrt(v + 1e-6)
        if cols:
            r = [b * old + (1 - b) * S.mean(axis=d0) for b, old in zip(beta_f, r)]
            c = [b * old + (1 - b) * S.mean(axis=d1) for b, old in zip(beta_f, c)]
            R = [np.maximum(a / (a.mean() + 1e-9), 1e-9) ** -0.5 for a in r]
            C = [np.maximum(a, 1e-9) ** -0.5 for a in c]
            tall = lambda a: np.broadcast_to(np.expand_dims(a, d0), p.shape)
            wide = lambda a: np.broadcast_to(np.expand_dims(a, d1), p.shape)
            factors = [tall(a) * wide(b) for a, b in zip(R, C)]
            parts = ([g * f for f in factors] + [tall(a) for a in r] + [wide(a) for a in c]
                     + [(tall(a) + 1e-8) ** -0.5 for a in r] + [(wide(a) + 1e-8) ** -0.5 for a in c]
                     + [a * f for a, f in zip(m, factors)])
        else:
            s = [b * old + (1 - b) * S for b, old in zip(beta_f, s)]
            parts = ([g * np.maximum(a + 1e-9, 1e-9) ** -0.5 for a in s] + s + s + [(a + 1e-8) ** -0.5 for a in s] * 2
                     + [a * (b + 1e-6) ** -0.5 for a, b in zip(m, s)])
        z = np.array([a.ravel() for a in [g, p, *m, v, *[a * root for a in m], root, *parts]])
        assert len(z) == 28
        direction, magnitude = network(w, 28, 4, z, t)
        p = p - (direction * np.exp(1e-3 * magnitude) * 1e-3).reshape(p.shape)
    return p.ravel(order="F")


def structured(steps):
    W, target, n = cosines(79, 48).reshape(6, 8, order="F"), cosines(83, 6), 8
    i, weights, step = np.arange(n), 0.05 + 0.01 * np.arange(n), 0.02
    gradient = lambda x: W.T @ (W @ x - target)
    x = y = cosines(89, n)
    for k in range(steps):
        gx, gy = gradient(x), gradient(y)
        P, A, B = 1 + 0.3 * np.cos(k + i), 0.5 + 0.1 * np.sin(i + 2 * k), 0.8 + 0.1 * np.cos(i) * x
        b1, b2 = 0.01 * gx / (k + 1), 0.02 * (x - y) + 0.001 * gy
        p = step * P
        z = (1 - B) * (x - p * gx) + B * (y - p * gy) - b1
        new = np.sign(z) * np.maximum(np.abs(z) - p * weights, 0)
        x, y = new, new + A * (new - x) + b2
    return [*x, *y]


rows = []
rows.append(["structured", 12, *structured(12)])
for case in [(5, 3, 15), (4, 0, 15)]:
    rows.append(["momentum_mlp", *case, *momentum_mlp(*case)])
for case in [(5, 3, 15), (3, 5, 15), (4, 4, 15), (6, 0, 15)]:
    rows.append(["adafactor_mlp", *case, *adafactor_mlp(*case)])
for case in [(6, 5, 0.05), (4, 7, 0.3)]:
    rows.append(["transport", *case, *transport(*case)])
rows.append(["program", *program()])
rows.append(["iterations", *iterations()])
for case in [(3, 1, 0.1, 0, 0), (5, 4, 0.5, 7, 12), (4, 9, 1e-3, 2**40 + 1, 1000)]:
    rows.append(["evolution", *case, *evolution(*case)])
for case in [(4, 5, 3, 7, 0), (3, 6, 2, 8, 1)]:
    rows.append(["policy", *case, *policy(*case)])

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "learned.csv"), "w") as file:
    for row in rows:
        file.write(",".join([row[0]] + [repr(float(number)) for number in row[1:]]) + "\n")
