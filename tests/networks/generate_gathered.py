"""Golden numbers of methods whose workers are gathered, written from their definitions; prints C++ for the tests.

Worker i has f_i(x) = sum_c h_ic (x_c - b_ic)^2 / 2, h_ic = 1 + (i + 2 c) mod 3 / 2, b_ic = sin(1 + 3 i + c).
"""
import numpy as np

M, D = 3, 4
H = np.array([[1 + ((i + 2 * c) % 3) / 2 for c in range(D)] for i in range(M)])
B = np.array([[np.sin(1 + 3 * i + c) for c in range(D)] for i in range(M)])


def gradient(i, x):
    return H[i] * (x - B[i])


def show(name, x):
    print(name, "{" + ", ".join(repr(float(v)) for v in np.ravel(x)) + "}")


class AdamW:
    def __init__(self, lr, decay):
        self.lr, self.decay, self.m, self.v, self.t = lr, decay, np.zeros(D), np.zeros(D), 0

    def step(self, x, g):
        self.t += 1
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g * g
        x = x - self.lr * self.decay * x
        return x - self.lr * (self.m / (1 - 0.9**self.t)) / (np.sqrt(self.v / (1 - 0.999**self.t)) + 1e-8)


def diloco(mode, steps, rounds, fragments=1, delay=0, merge=0.0, lr=0.4, mu=0.9):
    """All workers at their final x. With fragments a round is steps / fragments inner steps."""
    x = np.zeros((M, D))
    outer = np.zeros((M, D))
    velocity = np.zeros((M, D))
    rules = [AdamW(0.05, 0.01) for _ in range(M)]
    old = {}
    waiting = None
    for t in range(rounds):
        p = t % fragments
        part = slice(D * p // fragments, D * (p + 1) // fragments)
        for s in range(1, steps // fragments + 1):
            for i in range(M):
                x[i] = rules[i].step(x[i], gradient(i, x[i]))
            if waiting is not None and s == delay:
                q, delta = waiting
                for i in range(M):
                    velocity[i, q] = mu * velocity[i, q] + delta
                    outer[i, q] = outer[i, q] - lr * (delta + mu * velocity[i, q])
                    x[i, q] = outer[i, q] + merge * (x[i, q] - outer[i, q])
                waiting = None
        deltas = [outer[i, part] - x[i, part] for i in range(M)]
        mean = sum(deltas) / M
        if delay > 0:
            waiting = (part, mean)
            continue
        for i in range(M):
            if mode == "standard":
                d = mean
            elif mode == "delayed":
                d = old[p][1] if p in old else None
            else:
                d = old[p][1] + (deltas[i] - old[p][0][i]) / M if p in old else deltas[i]
            if d is not None:
                velocity[i, part] = mu * velocity[i, part] + d
                outer[i, part] = outer[i, part] - lr * (d + mu * velocity[i, part])
            x[i, part] = outer[i, part] + merge * (x[i, part] - outer[i, part])
        old[p] = (deltas, mean)
    return x


def coupled(i, x):
    return gradient(i, x) + 0.3 * np.sum(x)


W = np.array([1.0, 2.0, 3.0])
W /= W.sum()


def personalized(kind, rounds, shared=2, l2=0.1, rate_u=0.1, rate_v=0.15, momentum=0.5):
    """(u, v_i) of all clients; the server is descent of rate 0.8 with heavy-ball momentum."""
    u = np.zeros(shared)
    v = np.zeros((M, D - shared))
    velocity = np.zeros(shared)
    for _ in range(rounds):
        answers = []
        for i in range(M):
            ui = u.copy()
            if kind == "sim":
                for _ in range(3):
                    g = coupled(i, np.concatenate([ui, v[i]]))
                    ui, v[i] = ui - rate_u * g[:shared], v[i] - rate_v * (g[shared:] + l2 * v[i])
            else:
                for _ in range(2):
                    g = coupled(i, np.concatenate([ui, v[i]]))
                    v[i] = v[i] - rate_v * (g[shared:] + l2 * v[i])
                for _ in range(4):
                    g = coupled(i, np.concatenate([ui, v[i]]))
                    ui = ui - rate_u * g[:shared]
            answers.append(ui)
        velocity = momentum * velocity + sum(W[i] * (u - answers[i]) for i in range(M))
        u = u - 0.8 * velocity
    return np.array([np.concatenate([u, v[i]]) for i in range(M)])


def fed_opt(kind, rounds, rate=0.05, tau=1e-3):
    x = np.zeros(D)
    m = np.zeros(D)
    s = np.full(D, 0.0 if kind == "adam" else tau * tau)
    b1, b2 = (0.0 if kind == "adagrad" else 0.9), 0.99
    for _ in range(rounds):
        answers = []
        for i in range(M):
            y = x.copy()
            for _ in range(3):
                y = y - 0.1 * (coupled(i, y) + 0.5 * (y - x))
            answers.append(y)
        delta = sum(W[i] * (answers[i] - x) for i in range(M))
        m = b1 * m + (1 - b1) * delta
        if kind == "adagrad":
            s = s + delta**2
        elif kind == "adam":
            s = b2 * s + (1 - b2) * delta**2
        else:
            s = s - (1 - b2) * delta**2 * np.sign(s - delta**2)
        x = x + rate * m / (np.sqrt(s) + tau)
    return x


def scaffold(fresh, rounds, steps=3, eta=0.1, eta_g=0.9):
    x, c = np.zeros(D), np.zeros(D)
    ci = np.zeros((M, D))
    for _ in range(rounds):
        ys, new = [], []
        for i in range(M):
            y = x.copy()
            for _ in range(steps):
                y = y - eta * (coupled(i, y) - ci[i] + c)
            ys.append(y)
            new.append(coupled(i, x) if fresh else ci[i] - c + (x - y) / (steps * eta))
        x = x + eta_g * sum(y - x for y in ys) / M
        c = c + sum(new[i] - ci[i] for i in range(M)) / M
        ci = np.array(new)
    return x


show("FedSim", personalized("sim", 4))
show("FedAlt", personalized("alt", 4))
for kind in ("adagrad", "adam", "yogi"):
    show("fed_" + kind, fed_opt(kind, 6))
show("Scaffold", scaffold(False, 5))
show("Scaffold fresh", scaffold(True, 5))
show("diloco standard", diloco("standard", 6, 5))
show("diloco delayed", diloco("delayed", 6, 5))
show("diloco eager", diloco("eager", 6, 5))
show("diloco eager fragments", diloco("eager", 6, 7, fragments=2, merge=0.25))
show("diloco streaming", diloco("standard", 6, 7, fragments=2, delay=2, merge=0.5))
