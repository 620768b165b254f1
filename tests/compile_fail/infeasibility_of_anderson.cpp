// expect: DetectInfeasibility takes Picard, KrasnoselskiiMann and Halpern
#include <glissade/fixed_point/anderson.hpp>
#include <glissade/fixed_point/infeasibility.hpp>

int main() { glissade::DetectInfeasibility<glissade::Anderson>{}; }
