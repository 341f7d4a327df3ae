// Package host is what the backends on a running operating system have in common: DMA memory with
// ordered accesses, a page allocator for it, and processors that are goroutines in real time.
package host
