// An online model of yes or no, as for clicks: every example is predicted before its label is known, learned from and
// forgotten. Three learners against the best fixed weights in hindsight, a little regularized, which have seen all data
// beforehand: what they lose to them per round vanishes. Prints a table and writes a picture, click_model.svg.
//
//     click_model [breast_cancer.csv]
//
// The file is in data/.
#include <glissade/glissade.hpp>
#include <glissade/io/csv.hpp>
#include <glissade/online.hpp>
#include <glissade/problems/linear_model.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace glissade;

constexpr std::size_t repetitions = 20;

struct Curve {
  std::string name;
  std::vector<double> regret;  // after every round
  int mistakes = 0;
};

/// The examples in a new order in every pass.
struct Stream {
  problems::LogisticRegression::Rows features;
  Eigen::VectorXd labels;

  template <class Use>
  void for_each(const Use& use) const {
    for (std::uint64_t pass = 0; pass < repetitions; ++pass) {
      const auto rows = static_cast<std::uint64_t>(features.rows());
      const KeyedPermutation order(rows, RandomKey{1}.derive(pass));
      for (std::uint64_t k = 0; k < rows; ++k) {
        const auto row = static_cast<Index>(order(k));
        use(Eigen::VectorXd(features.row(row).transpose()), labels[row]);
      }
    }
  }
};

template <ExampleLearner L>
Curve run(std::string name, L learner, const Stream& stream, const Eigen::VectorXd& best) {
  const PredictionLoss loss{.kind = LinearLoss::logistic};
  Curve curve{std::move(name), {}, 0};
  Regret regret;
  stream.for_each([&](const Eigen::VectorXd& a, double y) {
    const double p = learner.predict(a);
    if (p * y <= 0) ++curve.mistakes;
    regret.add(loss.value(p, y), loss.value(best.dot(a), y));
    curve.regret.push_back(regret.total());
    learner.learn(a, y);
  });
  return curve;
}

/// The curves on a logarithmic axis of rounds.
void draw(const std::string& file, const std::vector<Curve>& curves) {
  double top = 1;
  for (const Curve& curve : curves)
    for (const double r : curve.regret) top = std::max(top, r);
  const double ends = std::log10(static_cast<double>(curves[0].regret.size()));
  const auto x = [&](double round) { return 60 + 560 * std::log10(round) / ends; };
  const auto y = [&](double regret) { return 380 - 330 * regret / top; };
  std::ofstream svg(file);
  svg << "<svg xmlns='http://www.w3.org/2000/svg' width='760' height='430' font-family='sans-serif' font-size='14'>\n"
      << "<rect width='760' height='430' fill='white'/>\n<text x='60' y='25'>regret against the best fixed weights, by "
      << "rounds</text>\n";
  for (double regret = 0; regret <= top; regret += 10)
    svg << "<path d='M60 " << y(regret) << "H620' stroke='#ddd'/><text x='25' y='" << y(regret) + 5 << "'>" << regret
        << "</text>\n";
  for (double round = 1; std::log10(round) < ends; round *= 10)
    svg << "<text x='" << x(round) - 5 << "' y='405'>" << round << "</text>\n";
  constexpr std::array colours{"#c33", "#36c", "#393"};
  for (std::size_t c = 0; c < curves.size(); ++c) {
    svg << "<polyline fill='none' stroke-width='2' stroke='" << colours[c] << "' points='";
    for (std::size_t t = 1; t <= curves[c].regret.size(); t += 1 + t / 50)
      svg << x(static_cast<double>(t)) << "," << y(curves[c].regret[t - 1]) << " ";
    svg << "'/><text fill='" << colours[c] << "' x='70' y='" << 50 + 18 * c << "'>" << curves[c].name << "</text>\n";
  }
  svg << "</svg>\n";
}

/// The file that the caller names, or else that of the checkout which the program runs in.
std::filesystem::path data_file(int argc, char** argv) {
  const std::filesystem::path file = "examples/data/breast_cancer.csv";
  if (argc > 1) return argv[1];
  for (auto folder = std::filesystem::current_path(); folder != folder.root_path(); folder = folder.parent_path())
    if (std::filesystem::exists(folder / file)) return folder / file;
  return file;
}

}  // namespace

int main(int argc, char** argv) {
  TableData data = read_csv(data_file(argc, argv));
  standardize(data.features);
  Stream stream{{data.features.rows(), data.features.cols() + 1}, signs_of(data.targets)};
  stream.features << data.features, Eigen::VectorXd::Ones(data.features.rows());  // and a constant

  // Regularized: without, the best weights would be of nearly infinite length.
  const problems::LogisticRegression all(stream.features, stream.labels, 1 / static_cast<double>(data.targets.size()));
  Eigen::VectorXd best = all.start();
  const Result found = minimize(all, best, Lbfgs{}, {.max_iterations = 10'000, .gradient_tolerance = 1e-9});

  const Index size = best.size();
  const PredictionLoss logistic{.kind = LinearLoss::logistic};
  const std::vector<Curve> curves{
      run("FtrlProximal", FtrlProximal({}, size), stream, best),
      run("ImplicitFtrl, ada_implicit", ImplicitFtrl({.loss = logistic, .beta = 3}, size), stream, best),
      run("ImplicitFtrl, linear, ada_norm",
          ImplicitFtrl({.loss = logistic, .mode = ImplicitMode::linear, .rate = ImplicitRate::ada_norm, .beta = 3},
                       size),
          stream, best)};

  const std::size_t all_rounds = curves[0].regret.size(), one_pass = all_rounds / repetitions;
  const std::array shown{one_pass / 5, one_pass, 5 * one_pass, all_rounds};
  std::printf("%-31s", "regret after rounds");
  for (const std::size_t t : shown) std::printf(" %8zu", t);
  std::printf("  mistakes\n");
  bool vanishes = true;
  for (const Curve& curve : curves) {
    std::printf("%-31s", curve.name.c_str());
    for (const std::size_t t : shown) std::printf(" %8.2f", curve.regret[t - 1]);
    std::printf("  %8d\n", curve.mistakes);
    const double first = curve.regret[one_pass - 1] / static_cast<double>(one_pass);
    vanishes = vanishes && curve.regret.back() / static_cast<double>(all_rounds) < first / 3;
  }
  std::printf("best fixed weights in hindsight: %s\n", std::string(to_string(found.status)).c_str());
  draw("click_model.svg", curves);
  std::printf("wrote %s\n", std::filesystem::absolute("click_model.svg").string().c_str());
  if (converged(found.status) && vanishes) return 0;
  std::fputs("wrong: regret per round is more than a third of that of the first pass\n", stderr);
  return 1;
}
