// A minimization that is stopped, saved, and taken up by another program: not one bit differs from a run in one go.
#include <glissade/glissade.hpp>
#include <glissade/io/method_state.hpp>
#include <glissade/problems/more_garbow_hillstrom_variable.hpp>

#include <cstdio>
#include <filesystem>

int main() {
  using namespace glissade;
  const problems::ExtendedRosenbrock problem;
  const Lbfgs method{.memory = 5};
  const std::filesystem::path path = "resume_minimization.safetensors";

  Eigen::VectorXd whole = problem.start();
  const Result in_one_go = minimize(problem, whole, method, {.gradient_tolerance = 1e-10});

  {
    Eigen::VectorXd x = problem.start();
    auto state = method.init(problem, x);
    const Result first = resume(problem, x, method, state, {.max_iterations = 12, .gradient_tolerance = 1e-10});
    save(state, x, path);
    std::printf("after %d iterations: %.3e. %s\n", static_cast<int>(first.iterations), first.value,
                std::string(to_string(first.status)).c_str());
  }

  Eigen::VectorXd x = problem.start();
  auto state = method.init(problem, x);
  load(state, x, path);  // the point too
  const Result second = resume(problem, x, method, state, {.gradient_tolerance = 1e-10});
  std::printf("%d iterations later: %.3e. %s\n", static_cast<int>(second.iterations), second.value,
              std::string(to_string(second.status)).c_str());
  std::filesystem::remove(path);
  if (x == whole && second.iterations + 12 == in_one_go.iterations) {
    std::puts("the two runs end at the same point, bit for bit");
    return 0;
  }
  std::fputs("wrong: the resumed run differs from the one in one go\n", stderr);
  return 1;
}
