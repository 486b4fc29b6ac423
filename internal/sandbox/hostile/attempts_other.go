//go:build !amd64

package hostile

// thisArch is what only this architecture has: nothing.
var thisArch []Attempt
