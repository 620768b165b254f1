// Trajectories of torch 2.15 and of optax 0.2.8 with options that the older files lack, and Muon.
#include <glissade/glissade.hpp>

#include <Eigen/SVD>

#include "golden/golden.hpp"

using namespace glissade;
using golden::entry;

namespace {

const std::string both_problems = "lsq4x3 lsq6x6";

/// optax's Muon, with its defaults.
Muon optax_muon() {
  return {.learning_rate = 0.02,
          .epsilon = 1e-8,
          .weight_decay = 0,
          .convention = Convention::optax,
          .scale = MuonScale::columns};
}
template <class Change>
Muon optax_muon(const Change& change) {
  Muon muon = optax_muon();
  change(muon);
  return muon;
}

/// Torch's rows of Muon, read by hand.
bool is_muon(const golden::Row& row) { return row.rule == "Muon"; }

}  // namespace

TEST_CASE("golden: the newest optax") {
  // A Newton-Schulz step multiplies what is off in small singular values by 3.4, so that round-off grows near the
  // optimum.
  golden::check(
      "optax_newest.csv",
      {
          entry("muon", "learning_rate=0.02", optax_muon(), 100),
          entry("muon", "learning_rate=0.02 weight_decay=0.1 nesterov=False", optax_muon([](Muon& m) {
                  m.weight_decay = 0.1;
                  m.nesterov = false;
                })),
          entry("muon", "learning_rate=0.02 beta=0.9 ns_steps=3", optax_muon([](Muon& m) {
                  m.momentum = 0.9;
                  m.steps = 3;
                }),
                100, both_problems),
          entry("muon", "learning_rate=0.02 adaptive=True", optax_muon([](Muon& m) { m.adaptive = true; }), 100,
                both_problems),
          entry("muon", "learning_rate=0.02 consistent_rms=0.2",
                optax_muon([](Muon& m) { m.scale = MuonScale::match_rms; })),
          entry("lion", "learning_rate=0.01 weight_decay=0.1", Lion{.learning_rate = 0.01, .weight_decay = 0.1}),
          entry("adan", "learning_rate=0.02 weight_decay=0.1",
                Adan{.learning_rate = 0.02,
                     .weight_decay = 0.1,
                     .proximal = false,
                     .epsilon_root = 1e-8,
                     .convention = Convention::optax}),
          entry("yogi", "learning_rate=0.02", Yogi{.learning_rate = 0.02, .bias_corrected = true, .both_start = true}),
          entry("lamb", "learning_rate=0.02 weight_decay=0.1", Lamb{.learning_rate = 0.02, .weight_decay = 0.1}, 100,
                "lsq6x6"),
          entry("rprop", "learning_rate=0.01", Rprop{.convention = Convention::optax}),
          entry("adamaxw", "learning_rate=0.02 weight_decay=0.1",
                chain(ScaleByAdamax{}, AddDecayedWeights{0.1}, ScaleByLearningRate{0.02})),
      });
}

TEST_CASE("golden: the newest torch.optim") {
  golden::check(
      "torch_newest.csv",
      {
          entry("NAdam", "lr=0.01", NAdam{.learning_rate = 0.01}, 100, "lsq6x6"),
          entry("NAdam", "lr=0.01 momentum_decay=0.006 weight_decay=0.01",
                NAdam{.learning_rate = 0.01, .weight_decay = 0.01, .momentum_decay = 0.006}, 100, "lsq6x6"),
          entry("NAdam", "lr=0.01 weight_decay=0.1 decoupled_weight_decay=True",
                NAdam{.learning_rate = 0.01, .weight_decay = 0.1, .decoupled = true}, 100, "lsq6x6"),
          entry("RAdam", "lr=0.05 weight_decay=0.1 decoupled_weight_decay=True",
                RAdam{.learning_rate = 0.05, .weight_decay = 0.1, .decoupled = true}),
          entry("Adam", "lr=0.05 weight_decay=0.1 decoupled_weight_decay=True",
                AdamW{.learning_rate = 0.05, .weight_decay = 0.1}),
          entry("Adafactor", "lr=0.05", Adafactor{.learning_rate = 0.05, .convention = Convention::torch}),
          entry("Adafactor", "lr=0.05 beta2_decay=-0.5 eps=(1e-30;0.01) d=2.0 weight_decay=0.1",
                Adafactor{.learning_rate = 0.05,
                          .epsilon2 = 1e-2,
                          .clip_threshold = 2,
                          .decay_exponent = 0.5,
                          .weight_decay = 0.1,
                          .convention = Convention::torch},
                100, both_problems),
          entry("RMSprop", "lr=0.01 alpha=0.9 eps=0.001 momentum=0.9 centered=True",
                RmsProp{.learning_rate = 0.01, .alpha = 0.9, .epsilon = 1e-3, .momentum = 0.9, .centered = true}, 100,
                both_problems),
          entry("SGD", "lr=0.05 momentum=0.9 weight_decay=0.1 maximize=False",
                Sgd{.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.1}),
          entry("Adagrad", "lr=0.1 eps=0.001", Adagrad{.learning_rate = 0.1, .epsilon = 1e-3}),
          entry("Rprop", "lr=0.01 etas=(0.4;1.3) step_sizes=(0.0001;0.5)",
                Rprop{.learning_rate = 0.01, .eta_minus = 0.4, .eta_plus = 1.3, .step_min = 1e-4, .step_max = 0.5}),
          entry("ASGD", "lr=0.05 lambd=0.01 alpha=0.6 t0=3.0 weight_decay=0.01",
                Asgd{.learning_rate = 0.05, .lambda = 0.01, .alpha = 0.6, .t0 = 3, .weight_decay = 0.01}),
      },
      is_muon);
}

TEST_CASE("golden: torch's Muon, where bfloat16 lets it be met") {
  // The gradients of these problems have rank 2. What torch's products in bfloat16 round off lies in the other
  // directions too, where five steps enlarge it to updates of full length: the rows are met in the two directions that
  // the gradient has, and in the first step, before the noise has moved the parameters.
  for (const golden::Row& row : golden::read_rows("torch_newest.csv")) {
    if (!is_muon(row) || row.step != 1) continue;
    INFO(row.options << " " << row.problem);
    const bool plain = row.options.find("nesterov=False") != std::string::npos;
    const Muon rule{.learning_rate = 0.02,
                    .nesterov = !plain,
                    .weight_decay = plain ? 0 : 0.1,
                    .scale = plain ? MuonScale::match_rms : MuonScale::rows};
    small_problems::LeastSquares p(row.problem[3] - '0', row.problem[5] - '0');
    const small_problems::Matrix gradient = p.gradient();
    Optimizer optimizer{rule, p.W};
    optimizer.step(gradient);
    small_problems::Matrix difference = p.W;
    for (Eigen::Index i = 0; i < difference.rows(); ++i)
      for (Eigen::Index j = 0; j < difference.cols(); ++j)
        difference(i, j) -= row.parameters[static_cast<std::size_t>(i * difference.cols() + j)];
    const Eigen::JacobiSVD<Eigen::MatrixXd> svd(gradient, Eigen::ComputeThinU | Eigen::ComputeThinV);
    CHECK(svd.singularValues()[2] < 1e-12 * svd.singularValues()[0]);
    const Eigen::MatrixXd seen = svd.matrixU().leftCols(2).transpose() * difference * svd.matrixV().leftCols(2);
    const double length = plain ? 0.2 * std::sqrt(static_cast<double>(difference.rows())) : 1;
    CHECK(seen.cwiseAbs().maxCoeff() < 2e-2 * 0.02 * length);
  }
}
