// Logistic regression on real data (569 tumours, 30 measurements) by six methods: what a pass over the data buys.
// Prints a table and writes logistic_regression.csv and, with gnuplot, logistic_regression.png.
//
//     logistic_regression [breast_cancer.csv]
//
// The file is in data/.
#include <glissade/glissade.hpp>
#include <glissade/io/csv.hpp>
#include <glissade/problems/linear_model.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace {

using namespace glissade;

constexpr double most_passes = 200;

struct Curve {
  std::string name;
  std::vector<double> passes;
  std::vector<double> values;
};

/// Passes over the data: gradients and products with the Hessian count once, a Hessian counts as 30 of them.
double passes(const Evaluations& calls, Eigen::Index variables) {
  return work_passes(calls) + static_cast<double>(calls.hessian_vector + calls.hessian * variables);
}

template <class M>
Curve run(std::string name, const problems::LogisticRegression& problem, const M& method) {
  Curve curve{std::move(name), {}, {}};
  Eigen::VectorXd x = problem.start();
  minimize(problem, x, method,
           {.max_iterations = 100'000, .gradient_tolerance = 1e-12, .predicate = [&](const Record& r) {
              curve.passes.push_back(passes(r.evaluations, problem.dimension()));
              curve.values.push_back(r.value);
              return curve.passes.back() >= most_passes;
            }});
  return curve;
}

/// Passes until the gap is below `tolerance`, or "-".
std::string reaches(const Curve& curve, double minimum, double tolerance) {
  for (std::size_t i = 0; i < curve.values.size(); ++i)
    if (curve.values[i] - minimum < tolerance) return std::to_string(static_cast<int>(std::ceil(curve.passes[i])));
  return "-";
}

void draw(const std::vector<Curve>& curves, double minimum) {
  std::ofstream csv("logistic_regression.csv");
  csv << "method,passes,gap\n";
  std::ofstream script("logistic_regression.gnuplot");
  script << "set terminal pngcairo size 900,560\nset output 'logistic_regression.png'\nset logscale y\n"
            "set format y '10^{%L}'\nset grid\nset key outside right noenhanced\nset xlabel 'passes over the data'\n"
            "set ylabel 'f(x) - minimum'\nset title 'Logistic regression, breast cancer data'\nplot ";
  for (const Curve& curve : curves) script << "'-' with lines lw 2 title '" << curve.name << "', ";
  script << '\n';
  for (const Curve& curve : curves) {
    for (std::size_t i = 0; i < curve.values.size(); ++i) {
      const double gap = std::max(curve.values[i] - minimum, 1e-15);
      csv << '"' << curve.name << "\"," << curve.passes[i] << ',' << gap << '\n';
      script << curve.passes[i] << ' ' << gap << '\n';
    }
    script << "e\n";
  }
  csv.close();
  script.close();
  std::printf("\nwrote %s\n", std::filesystem::absolute("logistic_regression.csv").c_str());
  if (std::system("gnuplot logistic_regression.gnuplot > /dev/null 2>&1") == 0)
    std::printf("wrote %s\n", std::filesystem::absolute("logistic_regression.png").c_str());
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
  const problems::LogisticRegression problem(data.features, signs_of(data.targets),
                                             1 / static_cast<double>(data.targets.size()));
  // 1 / (10 L) is safe; batches of 16 and terms that differ much allow far longer steps, found by trying.
  const double smoothness = 0.25 * problem.features().rowwise().squaredNorm().maxCoeff();
  const std::vector<Curve> curves{
      run("GradientDescent", problem, GradientDescent{}),
      run("SVRG", problem, Svrg{.step_size = 64 / smoothness, .batching = {.size = 16}}),
      run("AI-SARAH", problem, AiSarah{.batching = {.size = 16}}),
      run("L-BFGS", problem, Lbfgs{}),
      run("TrustRegionNewton", problem, TrustRegionNewton{}),
      run("LazyCubicNewton", problem, LazyCubicNewton{}),
  };
  double minimum = curves[0].values[0];
  for (const Curve& curve : curves)
    minimum = std::min(minimum, *std::min_element(curve.values.begin(), curve.values.end()));

  std::printf("passes over the data until f(x) - minimum is below\n%-20s %6s %6s %6s\n", "", "1e-2", "1e-5", "1e-8");
  for (const Curve& curve : curves)
    std::printf("%-20s %6s %6s %6s\n", curve.name.c_str(), reaches(curve, minimum, 1e-2).c_str(),
                reaches(curve, minimum, 1e-5).c_str(), reaches(curve, minimum, 1e-8).c_str());
  draw(curves, minimum);
  if (reaches(curves[3], minimum, 1e-8) != "-") return 0;
  std::fputs("wrong: L-BFGS did not reach 1e-8\n", stderr);
  return 1;
}
