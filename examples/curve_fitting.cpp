// Fits a curve to NIST's Thurber data (electron mobility against the logarithm of density, 37 measurements, 7
// parameters) and says how sure the parameters are, against the certified values. Writes curve_fitting.csv and, with
// gnuplot, curve_fitting.png: the fit and what it leaves.
#include <glissade/least_squares.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {

using namespace glissade;
using Eigen::VectorXd;

struct Observation {
  double y;
  double x;
};
constexpr std::array observations{
    Observation{80.574, -3.067},   Observation{84.248, -2.981},   Observation{87.264, -2.921},
    Observation{87.195, -2.912},   Observation{89.076, -2.84},    Observation{89.608, -2.797},
    Observation{89.868, -2.702},   Observation{90.101, -2.699},   Observation{92.405, -2.633},
    Observation{95.854, -2.481},   Observation{100.696, -2.363},  Observation{101.06, -2.322},
    Observation{401.672, -1.501},  Observation{390.724, -1.46},   Observation{567.534, -1.274},
    Observation{635.316, -1.212},  Observation{733.054, -1.1},    Observation{759.087, -1.046},
    Observation{894.206, -0.915},  Observation{990.785, -0.714},  Observation{1090.109, -0.566},
    Observation{1080.914, -0.545}, Observation{1122.643, -0.4},   Observation{1178.351, -0.309},
    Observation{1260.531, -0.109}, Observation{1273.514, -0.103}, Observation{1288.339, 0.01},
    Observation{1327.543, 0.119},  Observation{1353.863, 0.377},  Observation{1414.509, 0.79},
    Observation{1425.208, 0.963},  Observation{1421.384, 1.006},  Observation{1442.962, 1.115},
    Observation{1464.35, 1.572},   Observation{1468.705, 1.841},  Observation{1447.894, 2.047},
    Observation{1457.628, 2.2}};

/// The ratio of two cubics, for numbers of any type: derivatives come from the same formula.
auto mobility(const auto& b, double x) {
  return (b[0] + x * (b[1] + x * (b[2] + x * b[3]))) / (1 + x * (b[4] + x * (b[5] + x * b[6])));
}

void draw(const VectorXd& b) {
  std::ofstream csv("curve_fitting.csv");
  csv << "x,y,fit,residual\n";
  for (const auto& [y, x] : observations)
    csv << x << ',' << y << ',' << mobility(b, x) << ',' << y - mobility(b, x) << '\n';
  std::ofstream script("curve_fitting.gnuplot");
  script << "set terminal pngcairo size 800,640\nset output 'curve_fitting.png'\nset datafile separator ','\n"
            "set grid\nset lmargin 9\nset multiplot layout 2,1\nset key left top\nset ylabel 'electron mobility'\n"
            "set title 'NIST Thurber: a ratio of cubics by Levenberg-Marquardt'\nf(x) = ("
         << b[0] << " + x * (" << b[1] << " + x * (" << b[2] << " + x * " << b[3] << "))) / (1 + x * (" << b[4]
         << " + x * (" << b[5] << " + x * " << b[6]
         << ")))\n"
            "plot [-3.2:2.3] f(x) lw 2 title 'fit', 'curve_fitting.csv' skip 1 using 1:2 pt 7 title 'measured'\n"
            "unset title\nset xlabel 'log of density'\nset ylabel 'measured - fit'\n"
            "plot [-3.2:2.3] 'curve_fitting.csv' skip 1 using 1:4 with impulses lw 2 notitle, 0 lc 'black' notitle\n"
            "unset multiplot\n";
  csv.close();
  script.close();
  std::printf("\nwrote %s\n", std::filesystem::absolute("curve_fitting.csv").c_str());
  if (std::system("gnuplot curve_fitting.gnuplot > /dev/null 2>&1") == 0)
    std::printf("wrote %s\n", std::filesystem::absolute("curve_fitting.png").c_str());
}

}  // namespace

int main() {
  const AutoDiffResiduals f{static_cast<Index>(observations.size()), [](const auto& b, Index i) {
                              const Observation& seen = observations[static_cast<std::size_t>(i)];
                              return mobility(b, seen.x) - seen.y;
                            }};
  VectorXd b{{1000, 1000, 400, 40, 0.7, 0.3, 0.03}};
  const Result r = minimize(f, b, LevenbergMarquardt{}, {.gradient_tolerance = 1e-300, .value_tolerance = 1e-15});
  const SolutionCovariance covariance = covariance_at(f, b);

  const VectorXd certified{{1.2881396800e3, 1.4910792535e3, 5.8323836877e2, 7.5416644291e1, 9.6629502864e-1,
                            3.9797285797e-1, 4.9727297349e-2}};
  const VectorXd deviation{
      {4.6647963344, 3.9571156086e1, 2.8698696102e1, 5.5675370270, 3.1333340687e-2, 1.4984928198e-2, 6.5842344623e-3}};
  std::printf("%.*s\nsum of squares %.6f (NIST: 5642.708240), %lld calls, %lld Jacobians\n\n",
              static_cast<int>(to_string(r.status).size()), to_string(r.status).data(), 2 * r.value,
              static_cast<long long>(r.evaluations.value), static_cast<long long>(r.evaluations.jacobian));
  std::printf("   %14s %14s   %14s %14s\n", "fit", "NIST", "error", "NIST");
  double worst = 0;
  for (Index i = 0; i < b.size(); ++i) {
    const double error = covariance.standard_errors[i];
    std::printf("b%d %14.7g %14.7g   %14.7g %14.7g\n", static_cast<int>(i) + 1, b[i], certified[i], error,
                deviation[i]);
    worst = std::max({worst, std::abs(b[i] / certified[i] - 1), std::abs(error / deviation[i] - 1)});
  }
  draw(b);
  if (worst < 1e-5) return 0;
  std::fputs("wrong: not what NIST certifies\n", stderr);
  return 1;
}
