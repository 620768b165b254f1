// All of networks/ but the channel over MPI, which needs mpi.h: networks/mpi_channel.hpp.
#pragma once

#include "networks/dadao.hpp"
#include "networks/diloco.hpp"
#include "networks/fed_alt.hpp"
#include "networks/fed_avg.hpp"
#include "networks/gossip.hpp"
#include "networks/graph.hpp"
#include "networks/network.hpp"
#include "networks/scaffold.hpp"
#include "networks/simulation.hpp"
#include "networks/threaded_nodes.hpp"
