// Package task is cooperative multitasking without stacks: a loop of steps on one CPU, each of
// which runs until it must wait and says whether it is over. Nothing is shared between loops.
package task
