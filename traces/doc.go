// Package traces says what can be recorded about time: kinds, recorder, native form, reader.
//
// It does not draw, export or summarise; the packages below it are readers of the native form.
package traces
