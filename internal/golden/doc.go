// Package golden compares test output with files of canonical text, and rewrites them on request.
//
// It is for tests only.
package golden
