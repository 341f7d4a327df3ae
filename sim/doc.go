// Package sim owns simulated time: the event engine, processes, lanes, exact rates, seeded chance.
//
// It knows nothing of buses, devices or the kernel. Time is integer picoseconds; nothing ticks.
package sim
