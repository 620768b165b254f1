// All of weights/: closed-form changes of weights.
#pragma once

#include "weights/delta.hpp"
#include "weights/edit.hpp"
#include "weights/grace.hpp"
#include "weights/merge.hpp"
#include "weights/merge_models.hpp"
#include "weights/merge_sparse.hpp"
#include "weights/merge_tasks.hpp"
#include "weights/prune_admm.hpp"
#include "weights/spread_edit.hpp"
