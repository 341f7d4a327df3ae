// Package linux runs a Linux guest under QEMU against device models of ours, exported over
// vfio-user: a kernel and tools that nobody here wrote judge them. get.sh fetches both, run runs
// all of it.
//
// There is no KVM, so the guest proves function and never timing.
package linux
