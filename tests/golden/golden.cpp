// Trajectories of other people's implementations, in double: rules must follow them.
#include <glissade/glissade.hpp>

#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "support/catch.hpp"
#include "support/problems.hpp"

using namespace glissade;

namespace {

struct Row {
  std::string rule, options, problem;
  int step = 0;
  std::vector<double> parameters;
};

std::vector<Row> read_rows(const std::string& file) {
  std::ifstream in(std::string(GLISSADE_TEST_DATA) + "/golden/" + file);
  REQUIRE(in.good());
  std::vector<Row> rows;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string source, step, value;
    Row row;
    std::getline(fields, source, ',');
    std::getline(fields, row.rule, ',');
    std::getline(fields, row.options, ',');
    std::getline(fields, row.problem, ',');
    std::getline(fields, step, ',');
    row.step = std::stoi(step);
    while (std::getline(fields, value, ',')) row.parameters.push_back(std::stod(value));
    rows.push_back(row);
  }
  return rows;
}

/// Parameters after each of the wanted steps.
template <class R>
std::map<int, std::vector<double>> run(const R& rule, const std::string& problem, int last) {
  std::map<int, std::vector<double>> after;
  if (problem == "mlp13") {
    problems::Mlp13 p;
    Optimizer optimizer{rule, p.W1, p.b1, p.W2, p.b2};
    for (int t = 1; t <= last; ++t) {
      const auto g = p.gradient();
      optimizer.step(g.W1, g.b1, g.W2, g.b2);
      after[t] = p.flat();
    }
  } else {
    REQUIRE(problem == "lsq4x3");
    problems::LeastSquares p(4, 3);
    Optimizer optimizer{rule, p.W};
    for (int t = 1; t <= last; ++t) {
      optimizer.step(p.gradient());
      after[t] = p.flat();
    }
  }
  return after;
}

/// The rule that a row's name and options stand for.
struct Entry {
  std::string rule, options;
  std::function<std::map<int, std::vector<double>>(const std::string& problem, int last)> follow;
  double late = 1e-9;  // relative tolerance at step 1000; 1e-12 up to step 100
};

template <class R>
Entry entry(std::string name, std::string options, R rule, double late = 1e-9) {
  return {std::move(name), std::move(options),
          [rule](const std::string& problem, int last) { return run(rule, problem, last); }, late};
}

void check(const std::string& file, const std::vector<Entry>& entries) {
  const std::vector<Row> rows = read_rows(file);
  std::size_t used = 0;
  for (const Entry& e : entries) {
    std::map<std::string, std::map<int, std::vector<double>>> runs;
    for (const Row& row : rows) {
      if (row.rule != e.rule || row.options != e.options) continue;
      ++used;
      if (runs[row.problem].empty()) runs[row.problem] = e.follow(row.problem, 1000);
      const std::vector<double>& ours = runs[row.problem][row.step];
      REQUIRE(ours.size() == row.parameters.size());
      const double tolerance = row.step > 100 ? e.late : 1e-12;
      double scale = 0;
      for (double v : row.parameters) scale = std::max(scale, std::abs(v));
      for (std::size_t i = 0; i < ours.size(); ++i) {
        INFO(row.rule << " " << row.options << " " << row.problem << " step " << row.step << " coefficient " << i);
        CHECK(std::abs(ours[i] - row.parameters[i]) <= tolerance * scale);
      }
    }
  }
  CHECK(used == rows.size());  // every row of the file has been met
}

}  // namespace

TEST_CASE("golden: torch.optim") {
  check("torch.csv",
        {
            entry("SGD", "lr=0.1", Sgd{.learning_rate = 0.1}),
            entry("SGD", "lr=0.1 momentum=0.9", Sgd{.learning_rate = 0.1, .momentum = 0.9}),
            entry("SGD", "lr=0.1 momentum=0.9 dampening=0.5",
                  Sgd{.learning_rate = 0.1, .momentum = 0.9, .dampening = 0.5}),
            entry("SGD", "lr=0.1 momentum=0.9 nesterov=True weight_decay=0.01",
                  Sgd{.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01}),
            entry("Adam", "lr=0.1", Adam{.learning_rate = 0.1}),
            entry("Adam", "lr=0.1 weight_decay=0.01", Adam{.learning_rate = 0.1, .weight_decay = 0.01}),
            // At the optimum of lsq4x3 the step is learning_rate / epsilon = 20 times the gradient, which is
            // unstable: from step 700 on round-off grows by itself, and a start moved by 1e-15 ends 0.006 away.
            entry("Adam", "lr=0.02 betas=(0.8;0.99) eps=0.001",
                  Adam{.learning_rate = 0.02, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-3}, 2e-2),
            entry("Adam", "lr=0.1 amsgrad=True", AmsGrad{.learning_rate = 0.1}),
            entry("Adam", "lr=0.1 amsgrad=True weight_decay=0.01",
                  AmsGrad{.learning_rate = 0.1, .weight_decay = 0.01}),
            entry("AdamW", "lr=0.1 weight_decay=0.01", AdamW{.learning_rate = 0.1}),
            entry("AdamW", "lr=0.1 weight_decay=0.1 amsgrad=True",
                  AmsGrad{.learning_rate = 0.1, .weight_decay = 0.1, .decoupled = true}),
        });
}

TEST_CASE("golden: timm, fairseq and pytorch_optimizer") {
  check("others.csv",
        {
            entry("Lion", "lr=.01 b=(.9;.99) wd=0", Lion{.learning_rate = 0.01}),
            entry("Lion", "lr=.01 b=(.9;.99) decoupled wd=.1", Lion{.learning_rate = 0.01, .weight_decay = 0.1}),
            entry("Adafactor beta1=.9", "lr=.01 fixed; scale_parameter False",
                  Adafactor{.learning_rate = 0.01, .beta1 = 0.9, .scale_parameter = false}),
            entry("Adafactor no momentum", "lr=.01 fixed; scale_parameter False; always factored",
                  Adafactor{.learning_rate = 0.01, .scale_parameter = false}),
            entry("Adafactor no momentum", "relative step; scale_parameter True; always factored", Adafactor{}),
        });
}
