// Package format lays source text out in the one way there is: like gofmt it sets spaces and
// indents and leaves lines where the author broke them. Comments stay, options there are none.
package format
