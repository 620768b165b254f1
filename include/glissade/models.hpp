// All of models/: small models with a training method of their own.
#pragma once

#include "models/input_gain.hpp"
#include "models/one_hidden_layer.hpp"
