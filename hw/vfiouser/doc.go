// Package vfiouser is the vfio-user protocol: a server that exports a PCI function to a process
// such as QEMU (-device vfio-user-pci), and a client that is a hw.Machine over anybody's server.
//
// The protocol is that of qemu/qemu docs/interop/vfio-user.rst, version 0.1: little-endian messages
// over a UNIX stream socket, file descriptors beside them, indexes and flags as in Linux's
// include/uapi/linux/vfio.h. Sections of comments are of that document. It is used on Linux; on
// other systems Serve and Dial give an error.
package vfiouser
