// Rules as their papers write them, in plain Eigen: what the laws compare ours with. Compiled once.
#pragma once

#include <glissade/rule/convention.hpp>
#include <glissade/testing/textbook.hpp>

#include <cmath>
#include <functional>

namespace textbook {

using Book = std::function<void(glissade::Textbook&)>;

Book sgd(double rate, double momentum = 0, double dampening = 0, bool nesterov = false, double decay = 0);
Book adam(double rate, double b1, double b2, double epsilon, double l2, double decoupled);
Book amsgrad(double rate, glissade::Convention convention);
Book lion(double rate, double decay);
Book adagrad(double rate, double decay_of_rate, double start);
Book adadelta(double rate);
Book rmsprop(double rate, double momentum, bool centered, glissade::Convention convention);
Book adamax(double rate);
Book adamnc(double rate, double longest = 1);
Book nadam(double rate, glissade::Convention convention);
Book radam(double rate, glissade::Convention convention);
Book rprop(double start, double down = 0.5, double up = 1.2, double least = 1e-6, double most = 50);
Book asgd(double rate, double lambda = 1e-4, double alpha = 0.75);
Book signum(double rate);
Book adabelief(double rate, bool rectify, bool in_state);
Book adan(double rate, double decay, bool proximal);
Book lamb(double rate, double decay, double most);
Book madgrad(double rate, double momentum, double decay = 0);
Book adopt(double rate, double exponent);
Book schedule_free(double rate, double b, bool adaptive, double decay, double power);
Book prodigy(double start, double decay, double b3 = std::sqrt(0.999), double factor = 1);
Book yogi(double rate, bool corrected);
Book lars(double rate, double momentum, double decay, double trust, bool nesterov = false);
Book laprop(double rate);
Book cautious_adamw(double rate, double decay);
Book cautious_lion(double rate);
Book sophia(double rate, double decay);
Book clipped_adamw(double max_norm, double rate);
Book norm_clipped_sgd(double max_norm, double rate);
Book coordinate_clipped_sgd(double fraction, double rate);
Book clipped_sgd(double max_value, double rate);
Book adafactor(double beta1, double decay);
Book adamp(double rate, double decay);
Book sgdp(double rate, double decay);

}  // namespace textbook
