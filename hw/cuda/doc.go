// Package cuda is a real NVIDIA GPU behind hw.Accelerator, through the driver's own library and
// without cgo.
//
// The library is opened when it is needed; where there is none, Open says so. The calls stand in a
// table, so that tests can stand in for the driver. A
// program that holds this package is linked to the C library; -tags nocuda keeps it static.
package cuda
