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


show("diloco standard", diloco("standard", 6, 5))
show("diloco delayed", diloco("delayed", 6, 5))
show("diloco eager", diloco("eager", 6, 5))
show("diloco eager fragments", diloco("eager", 6, 7, fragments=2, merge=0.25))
show("diloco streaming", diloco("standard", 6, 7, fragments=2, delay=2, merge=0.5))
