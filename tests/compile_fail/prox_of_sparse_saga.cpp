// expect: of which this method honours those of L1 and ElasticNet by plus_term
#include <glissade/finite_sum/sparse_saga.hpp>
#include <glissade/minimize/minimize.hpp>
#include <glissade/oracle/composite.hpp>
#include <glissade/problems/sparse_linear_model.hpp>
#include <glissade/sets/largest.hpp>

using namespace glissade;

void run(const problems::SparseLogisticRegression& loss, Eigen::VectorXd& x) {
  minimize(plus_term(loss, LInfinity{.weight = 0.1}), x, SparseSaga{});
}
