// All of layers/.
#pragma once

#include "layers/adapters.hpp"
#include "layers/adaptive_freezing.hpp"
#include "layers/aflora.hpp"
#include "layers/attention/lora_attention.hpp"
#include "layers/attention/polynomial_attention.hpp"
#include "layers/attention/polynomial_plan.hpp"
#include "layers/attention/softmax_attention.hpp"
#include "layers/incremental_rank.hpp"
#include "layers/layer.hpp"
#include "layers/lora.hpp"
#include "layers/lora_starts.hpp"
#include "layers/merging.hpp"
#include "layers/mora.hpp"
