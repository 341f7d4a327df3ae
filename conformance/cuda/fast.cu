// The same kernels as -use_fast_math compiles them: approximate functions, subnormals flushed.

#include "activation.cu"
#include "blackscholes.cu"
#include "norm.cu"
#include "softmax.cu"
#include "nbody.cu"
#include "stencil.cu"
