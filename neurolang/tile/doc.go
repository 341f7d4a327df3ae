// Package tile owns the vocabulary of tiles: element types, memory layouts, tile types.
//
// Checking and code generation live elsewhere; so does the arithmetic of the formats (hw/num).
package tile
