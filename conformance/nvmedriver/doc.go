// Package nvmedriver holds a driver against what NVM Express asks of hosts. It watches the
// crossings between a driver and a controller of ours that is served to it - live, or from a tape -
// and reports the rules that the driver broke; it never touches the controller.
package nvmedriver
