// Package layout owns linear layouts over F2: which thread holds which element of a tile in which
// register, where a tile's elements lie in shared memory, and what an access costs.
package layout
