"""Golden trajectories and schedules from optax, in double.

pip install optax, then  python3 generate_optax.py > optax.csv
Columns and problems as in generate_torch.py: source, rule, options (key=value, blank separated), problem, step, then the
parameters after that step, flattened row-major. Rows of the problem "schedule" hold the value of an optax schedule at
that step, or for reduce_on_plateau the scale after that many values.

Some of optax computes in single precision even so: roots and powers of its 32-bit step count. adafactor is therefore
put together here from its parts, with the power in double, and madgrad is left out.
"""
import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import numpy as np
import optax

STEPS = (1, 2, 3, 10, 100)
RULES = [
    ("sgd", dict(learning_rate=0.1)), ("sgd", dict(learning_rate=0.1, momentum=0.9)),
    ("sgd", dict(learning_rate=0.1, momentum=0.9, nesterov=True)),
    ("adagrad", dict(learning_rate=0.1)), ("adagrad", dict(learning_rate=0.1, initial_accumulator_value=0.0, eps=1e-3)),
    ("rmsprop", dict(learning_rate=0.01)), ("rmsprop", dict(learning_rate=0.01, centered=True, momentum=0.9)),
    ("rmsprop", dict(learning_rate=0.01, decay=0.95, eps=1e-4, initial_scale=1.0)),
    ("rmsprop", dict(learning_rate=0.01, eps_in_sqrt=False)),
    ("rmsprop", dict(learning_rate=0.01, eps=1e-4, bias_correction=True)),
    ("rmsprop", dict(learning_rate=0.01, eps=0.1, centered=True, bias_correction=True)),
    ("rmsprop", dict(learning_rate=0.01, momentum=0.9, nesterov=True)),
    ("adadelta", dict(learning_rate=1.0)), ("adadelta", dict(learning_rate=0.5, rho=0.95, eps=1e-4, weight_decay=0.01)),
    ("adam", dict(learning_rate=0.1)), ("adam", dict(learning_rate=0.02, b1=0.8, b2=0.99, eps=1e-3)),
    ("adamw", dict(learning_rate=0.1)), ("adamw", dict(learning_rate=0.1, weight_decay=0.1)),
    ("amsgrad", dict(learning_rate=0.1)), ("amsgrad", dict(learning_rate=0.01, b2=0.9)),
    ("amsgrad", dict(learning_rate=0.01, eps=0.0, bias_correction_mu=False, bias_correction_nu=False)),
    ("adamax", dict(learning_rate=0.1)), ("nadam", dict(learning_rate=0.1)),
    ("nadamw", dict(learning_rate=0.01, weight_decay=0.1)),
    ("radam", dict(learning_rate=0.1)), ("radam", dict(learning_rate=0.1, b2=0.9)),
    ("yogi", dict(learning_rate=0.1)), ("adabelief", dict(learning_rate=0.01)),
    ("adan", dict(learning_rate=0.01)), ("adan", dict(learning_rate=0.01, weight_decay=0.1)),
    ("lion", dict(learning_rate=0.01)), ("signum", dict(learning_rate=0.01)), ("sign_sgd", dict(learning_rate=0.01)),
    ("lamb", dict(learning_rate=0.01)), ("lamb", dict(learning_rate=0.01, weight_decay=0.1)),
    ("lars", dict(learning_rate=0.1, trust_coefficient=0.1)),
    ("lars", dict(learning_rate=0.1, weight_decay=0.01, trust_coefficient=0.1, eps=1e-3, momentum=0.5)),
    ("adafactor", dict(min_dim_size_to_factor=2)),
    ("adafactor", dict(learning_rate=0.01, min_dim_size_to_factor=2, momentum=0.9, weight_decay_rate=1e-3)),
    ("adafactor", dict(learning_rate=0.01, multiply_by_parameter_scale=False)),
    ("rprop", dict(learning_rate=0.01)),
    ("contrib.adopt", dict(learning_rate=0.01)), ("contrib.adopt", dict(learning_rate=0.01, use_clipping=False)),
    ("contrib.prodigy", dict()), ("contrib.prodigy", dict(weight_decay=0.01, safeguard_warmup=True)),
    ("contrib.schedule_free_sgd", dict(learning_rate=0.1)),
    ("contrib.schedule_free_adamw", dict(learning_rate=0.01, weight_decay=0.1)),
    ("clip", dict(max_delta=0.3)), ("clip_by_global_norm", dict(max_norm=0.5)), ("clip_by_block_rms", dict(threshold=0.1)),
    ("adaptive_grad_clip", dict(clipping=0.1)), ("adaptive_grad_clip", dict(clipping=0.1, eps=0.5, axis=1)),
    ("centralize", dict()), ("trace", dict(decay=0.5)), ("scale_by_trust_ratio", dict(trust_coefficient=0.2, eps=0.1)),
    ("MultiSteps", dict(every_k_schedule=3)),
]
SCHEDULE_STEPS = (0, 1, 5, 9, 10, 11, 25, 29, 30, 31, 50, 60, 85, 99, 100, 101, 250)
SCHEDULES = [
    ("constant_schedule", dict(value=0.3)),
    ("polynomial_schedule", dict(init_value=1.0, end_value=0.1, power=2, transition_steps=90, transition_begin=10)),
    ("linear_schedule", dict(init_value=1.0, end_value=0.1, transition_steps=100)),
    ("piecewise_constant_schedule", dict(init_value=1.0, boundaries_and_scales={30: 0.5, 60: 0.1})),
    ("exponential_decay", dict(init_value=1.0, transition_steps=10, decay_rate=0.5, end_value=0.01)),
    ("exponential_decay", dict(init_value=1.0, transition_steps=10, decay_rate=0.5, staircase=True)),
    ("cosine_decay_schedule", dict(init_value=1.0, decay_steps=100, alpha=0.1, exponent=2.0)),
    ("warmup_cosine_decay_schedule", dict(init_value=0.1, peak_value=1.0, warmup_steps=10, decay_steps=100, end_value=0.05)),
    ("warmup_constant_schedule", dict(init_value=0.1, peak_value=1.0, warmup_steps=10)),
    ("cosine_onecycle_schedule", dict(transition_steps=100, peak_value=1.0)),
    ("linear_onecycle_schedule", dict(transition_steps=100, peak_value=1.0)),
    ("piecewise_interpolate_schedule", dict(interpolate_type="cosine", init_value=1.0, boundaries_and_scales={30: 0.5, 60: 4.0})),
]
PLATEAUS = [
    dict(factor=0.5, patience=3, cooldown=2),
    dict(factor=0.5, patience=2, rtol=0.0, atol=0.05, accumulation_size=3, min_scale=0.2),
]


def mlp13():
    x = jnp.array([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    start = [[[-0.2109, -0.4976], [-0.1413, -0.3420], [-0.2524, 0.6976]], [-0.1085, -0.2979, 0.6892],
             [[-0.0508, -0.3941, -0.2843]], [-0.0711]]
    return ([jnp.array(v) for v in start],
            lambda p: jax.nn.sigmoid(jax.nn.sigmoid(x @ p[0].T + p[1]) @ p[2].T + p[3]).sum())


def lsq(rows, cols):
    i, j = np.arange(rows + 1.0)[:, None], np.arange(max(rows, cols) + 0.0)[None, :]
    a, b = np.cos(0.7 * i + 1.3 * j[:, :rows] + 0.2), np.sin(0.9 * i - 0.5 * j[:, :cols] + 0.4)
    return [jnp.array(0.1 * (i[:rows] - 1.5) + 0.05 * (j[:, :cols] - 1))], lambda p: 0.5 * ((a @ p[0] - b) ** 2).sum()


def find(name):
    return getattr(optax.contrib if name.startswith("contrib.") else optax, name.split(".")[-1])


def adafactor(learning_rate=None, min_dim_size_to_factor=128, multiply_by_parameter_scale=True, momentum=None,
              weight_decay_rate=None):
    """The chain of optax.adafactor."""
    parts = [optax.scale_by_factored_rms(min_dim_size_to_factor=min_dim_size_to_factor,
                                         decay_rate_fn=lambda step, power: 1 - (step + 1.0) ** -power),
             optax.clip_by_block_rms(1.0)]
    parts += [optax.scale(learning_rate)] if learning_rate is not None else []
    parts += [optax.scale_by_param_block_rms()] if multiply_by_parameter_scale else []
    parts += [optax.ema(momentum, debias=False)] if momentum is not None else []
    parts += [optax.add_decayed_weights(weight_decay_rate)] if weight_decay_rate is not None else []
    return optax.chain(*parts, optax.scale(-1))


def optimizer(name, options):
    """A transformation of gradients is followed by plain descent with rate 0.1, MultiSteps wraps Adam."""
    if name == "MultiSteps":
        return optax.MultiSteps(optax.adam(0.1), accumulator_dtype=jnp.float64, **options)
    made = (adafactor if name == "adafactor" else find(name))(**options)
    rules = ("learning_rate" in options or name in ("adafactor", "contrib.prodigy"))
    return made if rules else optax.chain(made, optax.sgd(0.1))


def text(options):
    return " ".join(f"{k}={v}".replace(" ", "") for k, v in options.items()).replace(",", ";")


def row(name, options, problem, step, values):
    print(f"optax-{optax.__version__},{name},{text(options)},{problem},{step}," + ",".join(repr(float(v)) for v in values))


def main():
    for problem, (start, loss) in (("mlp13", mlp13()), ("lsq4x3", lsq(4, 3))):
        for name, options in RULES:
            if problem == "mlp13" and "axis" in options:
                continue  # it has vectors
            rule, p = optimizer(name, options), start
            state = rule.init(p)

            def step(p, state):
                updates, state = rule.update(jax.grad(loss)(p), state, p)
                return optax.apply_updates(p, updates), state

            step = jax.jit(step)
            for k in range(1, max(STEPS) + 1):
                p, state = step(p, state)
                if k in STEPS:
                    row(name, options, problem, k, [v for q in p for v in np.asarray(q).flatten()])
    for name, options in SCHEDULES:
        for t in SCHEDULE_STEPS:
            row(name, options, "schedule", t, [find(name)(**options)(t)])
    for options in PLATEAUS:
        rule = optax.contrib.reduce_on_plateau(**options)
        p = jnp.zeros(())
        state = rule.init(p)
        for k in range(1, 61):
            value = 1 + 0.3 * abs((k - 1) % 7 - 3) + 1.0 / k
            _, state = rule.update(p, state, p, value=jnp.asarray(value))
            if k % 4 == 0:
                row("contrib.reduce_on_plateau", options, "schedule", k, [state.scale])


main()
