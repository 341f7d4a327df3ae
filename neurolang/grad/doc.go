// Package grad derives derivatives at compile time, in reverse mode, on the typed tree (hir): of
// host functions over tensors, by unrolling them into a list of launches, and of elementwise
// kernels, operation by operation. Other kernels declare theirs with @vjp.
package grad
