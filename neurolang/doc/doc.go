// Package doc reads documentation comments: as Markdown pages, and the programs in them as tests.
package doc
