// Package sm is the streaming multiprocessor: PTX decoded once into direct closures, warps with
// per-lane forward progress, CTAs, and the layer that says when each instruction issues.
//
// What happens (decode*.go, warp.go, cta.go) is exact and does not know time. When it happens is in
// timing.go, which may be left out. Memory beyond the SM is the caller's (see Memory and Timing).
package sm
