"""Writes learned.csv, numpy versions of what is in learned/, with input made of cosines of whole numbers:

    evolution, d, pairs, sigma, seed, step, mean of the values, gradient
    policy, embedding, gru, targets, times, with lifetime, number of weights, pi_hat, y_hat time by time
    transport, rows, columns, epsilon, value of the dual, f with mean 0, P column by column: by Newton's method
    program, least cost of transport without entropy of a 5 x 5 problem: by scipy's linear program
    iterations, from zero, of the problem nearby, of it from the solution of the first: by Sinkhorn in numpy

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


rows = []
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
