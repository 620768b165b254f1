// expect: a temporary matrix or vector cannot be bound: it would be gone
#include <glissade/optimizer/optimizer.hpp>
#include <glissade/rules/sgd.hpp>

int main() { glissade::Optimizer optimizer{glissade::Sgd{}, Eigen::VectorXd(3)}; }
