// Package reg describes registers, their fields and their access rules as data, and keeps files of
// them. It does not say what a register does.
package reg
