// All of networks/ but the channel over MPI, which needs mpi.h: networks/mpi_channel.hpp.
#pragma once

#include "networks/adom_plus.hpp"
#include "networks/asynchronous_fixed_point.hpp"
#include "networks/asynchronous_operators.hpp"
#include "networks/chebyshev_gossip.hpp"
#include "networks/consensus_bounds.hpp"
#include "networks/dadao.hpp"
#include "networks/decentralized_gradient.hpp"
#include "networks/delays.hpp"
#include "networks/extra.hpp"
#include "networks/gossip.hpp"
#include "networks/gradient_tracking.hpp"
#include "networks/graph.hpp"
#include "networks/nesterov_gossip.hpp"
#include "networks/network.hpp"
#include "networks/simulation.hpp"
#include "networks/threaded_nodes.hpp"
