// Package kernel boots TensorOS on any hw.Machine: it finds the functions, starts the drivers, maps
// the flat address space and mounts the volumes. Programs run in kernel/run, people in
// kernel/shell.
package kernel
