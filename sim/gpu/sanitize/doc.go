// Package sanitize finds what a kernel does wrong though it ran: accesses outside of allocations,
// uninitialised reads, races in shared memory, missing proxy fences, misused barriers.
//
// It hears events of sim/gpu/sm. Races are found by happens-before: vector clocks of warps, which
// barriers, mbarriers, the cluster's barrier and atomics hand on. Lanes of one warp do not race
// here, and neither does global memory.
package sanitize
