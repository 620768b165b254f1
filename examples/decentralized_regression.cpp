// Logistic regression by sixteen nodes on a ring, none of which shows its data to another: how many messages until all
// are near the solution, for five methods. Prints a table and writes decentralized_regression.svg.
//
//     decentralized_regression [breast_cancer.csv]
#include <glissade/glissade.hpp>
#include <glissade/io/csv.hpp>
#include <glissade/networks.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace glissade;
using Eigen::MatrixXd;
using Eigen::VectorXd;

constexpr Index nodes = 16;
constexpr double l2 = 0.1;

/// The mean over some patients of log(1 + exp(-margin)), and l2 |x|^2 / 2.
double loss(const MatrixXd& signed_features, const VectorXd& x, VectorXd& g) {
  const VectorXd margins = signed_features * x;
  const Eigen::ArrayXd wrong = 1 / (1 + margins.array().exp());
  const auto rows = static_cast<double>(margins.size());
  g = l2 * x - signed_features.transpose() * wrong.matrix() / rows;
  return (-margins.array()).exp().log1p().sum() / rows + l2 / 2 * x.squaredNorm();
}

struct Curve {
  std::string name;
  const char* colour;
  std::vector<std::pair<double, double>> points;  // messages, gap
  double gradients = 0;                           // of a node, until the gap was 1e-6
  double messages = 0;
};

void draw(const std::string& file, const std::vector<Curve>& curves) {
  std::ofstream svg(file);
  const auto x = [](double messages) { return 70 + 600 * std::log10(messages / 30) / 4; };
  const auto y = [](double gap) { return 40 + 320 * (1 - std::log10(std::clamp(gap, 1e-8, 10.0))) / 9; };
  svg << "<svg xmlns='http://www.w3.org/2000/svg' width='860' height='430' font-family='sans-serif' font-size='14'>\n"
      << "<rect width='860' height='430' fill='white'/>\n<text x='70' y='25'>distance to the solution, squared and "
         "relative, by messages on a ring of 16</text>\n";
  for (int power = 0; power >= -8; power -= 2)
    svg << "<path d='M70 " << y(std::pow(10, power)) << "H670' stroke='#ddd'/><text x='25' y='"
        << y(std::pow(10, power)) + 5 << "'>1e" << power << "</text>\n";
  for (const double messages : {100, 1000, 10000, 100000})
    svg << "<text x='" << x(messages) - 15 << "' y='390'>" << messages << "</text>\n";
  double below = 0;
  for (const Curve& curve : curves) {
    svg << "<polyline fill='none' stroke-width='2' stroke='" << curve.colour << "' points='";
    for (const auto& [messages, gap] : curve.points) svg << x(messages) << "," << y(gap) << " ";
    svg << "'/><text fill='" << curve.colour << "' x='680' y='" << 60 + 20 * below++ << "'>" << curve.name
        << "</text>\n";
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
  MatrixXd all = data.features;
  for (Index i = 0; i < all.rows(); ++i) all.row(i) *= data.targets[i] > 0.5 ? 1 : -1;

  // Every node has as many patients; what is left over takes no part.
  const Index share = all.rows() / nodes;
  std::vector<MatrixXd> part;
  double L = 0;
  for (Index i = 0; i < nodes; ++i) {
    part.push_back(all.middleRows(i * share, share));
    const MatrixXd H = part.back().transpose() * part.back() / (4.0 * static_cast<double>(share));
    L = std::max(L, H.selfadjointView<Eigen::Lower>().eigenvalues().maxCoeff() + l2);
  }
  const MatrixXd taken = all.topRows(nodes * share);
  VectorXd solution = VectorXd::Zero(all.cols());
  minimize([&](const VectorXd& x, VectorXd& g) { return loss(taken, x, g); }, solution, Lbfgs{},
           {.gradient_tolerance = 1e-12});
  std::printf("%d nodes with %d patients each, L %.1f, mu %.1f\n", static_cast<int>(nodes), static_cast<int>(share), L,
              l2);

  const NodeGradient gradient = [&](Index i, std::int64_t, const VectorXd& x, VectorXd& g) {
    return loss(part[static_cast<std::size_t>(i)], x, g);
  };
  const auto run = [&](const char* name, const char* colour, const auto& method) {
    Curve curve{name, colour, {}};
    Network network(method, ring_graph(nodes), VectorXd::Zero(all.cols()));
    for (std::int64_t events = 2; network.traffic().messages < 300'000; events += events / 20 + 1) {
      network.run(gradient, {.events = events});
      double gap = 0;
      for (Index i = 0; i < nodes; ++i) gap += (network.x(i) - solution).squaredNorm();
      gap /= static_cast<double>(nodes) * solution.squaredNorm();
      curve.points.emplace_back(std::max(30.0, static_cast<double>(network.traffic().messages)), gap);
      if (gap > 1e-6 || curve.messages > 0) continue;
      curve.messages = static_cast<double>(network.traffic().messages);
      curve.gradients = static_cast<double>(network.traffic().gradients) / static_cast<double>(nodes);
    }
    return curve;
  };
  const std::vector<Curve> curves{
      run("Dadao", "#c33", Dadao{.mu = l2, .L = L}),
      run("AdomPlus, many steps", "#36c", AdomPlus{.mu = l2, .L = L, .gossip_steps = 0}),
      run("Extra", "#393", Extra{.step_size = 1 / L}),
      run("GradientTracking", "#939", GradientTracking{.step_size = 0.2 / L}),
      run("DecentralizedGradientDescent", "#888", DecentralizedGradientDescent{.step_size = 0.2 / L})};
  std::printf("to 1e-6                          messages   gradients of a node\n");
  for (const Curve& curve : curves)
    if (curve.messages > 0)
      std::printf("%-30s  %9.0f   %9.0f\n", curve.name.c_str(), curve.messages, curve.gradients);
    else
      std::printf("%-30s  %9s   gap %.1e after %.0f messages\n", curve.name.c_str(), "never",
                  curve.points.back().second, curve.points.back().first);
  draw("decentralized_regression.svg", curves);
  std::printf("wrote %s\n", std::filesystem::absolute("decentralized_regression.svg").string().c_str());
  const bool fewer = curves[1].messages == 0 || 8 * curves[0].messages < curves[1].messages;
  return curves[0].messages > 0 && fewer ? 0 : 1;
}
