// Package funding tests how channels get their funding transactions, on real daemons: made by this node for one peer
// or several, or made by somebody else, and given up at each step.
package funding
