// Package cuda holds CUDA C++ kernels of our own, the PTX that NVIDIA's nvcc makes of them, and
// what each computes, as Go says it: evidence that an accelerator runs what compilers emit.
//
// The kernels are the .cu files; ptx/ holds what compile made of them (TestNvcc keeps it so), with
// the options of targets.txt; testdata/ptxas.csv is what ptxas made of that. [Cases] lists one
// launch or more of each kernel, and [Run] carries one out on any [hw.Accelerator].
package cuda
